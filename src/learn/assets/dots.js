// One dot a training, by seed: how much is luck.

import { h, perFrame } from "../assets/dom.js";
import { Plot } from "../assets/plot.js";

/** `show(marks, {x, y})` draws them; `open(mark)` when one is clicked. */
export function dots(label, onClose, { height = 190, open } = {}) {
  const box = h("div", { class: "plot" });
  const plot = new Plot(box, { height, label }, { open });
  let shown = null;
  const draw = () => shown && plot.draw(shown);
  const resize = new ResizeObserver(perFrame(draw));
  resize.observe(box);
  onClose(() => resize.disconnect());
  return Object.assign(box, {
    plot,
    show(marks, { x, y }, curves = []) {
      shown = { x, y, marks, curves };
      draw();
    },
  });
}

export const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** The 97.5 % quantile of Student's t with 9 degrees of freedom. */
const T9 = 2.262157;

/** Mean of ten paired differences and half the width of its 95 % t interval. */
export function paired(differences) {
  const middle = mean(differences);
  const variance = differences.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (differences.length - 1);
  return { middle, half: T9 * Math.sqrt(variance / differences.length) };
}
