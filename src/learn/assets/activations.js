// The activation functions and their slopes, with a value at a place that one moves.

import { send } from "../assets/api.js";
import { h, perFrame } from "../assets/dom.js";
import { paint } from "../assets/palette.js";
import { Plot } from "../assets/plot.js";
import { figure, slider } from "./kit.js";
import { ACTIVATIONS } from "./network.js";

const REACH = 5;

export async function mount(place, { t, onClose }) {
  // Which there are is the program's to say.
  const { activations } = await send("GET", "api/learn/curves");
  const names = activations.map(({ name }) => name).filter((name) => name in ACTIVATIONS);
  const at = slider({ name: "at", label: "z", min: -REACH, max: REACH, step: 0.1, value: 1, oninput: () => show() });
  const figures = names.map((name, slot) => {
    const box = h("div", { class: "plot" });
    const plot = new Plot(box, { height: 150, label: t("told", { name }) });
    const told = h("figcaption");
    return { name, slot, box, plot, told };
  });
  const xs = Array.from({ length: 101 }, (_, index) => (index - 50) / (50 / REACH));
  const show = () => {
    const z = at.value();
    for (const { name, slot, plot, told } of figures) {
      const { value, slope } = ACTIVATIONS[name];
      // At the corner of a ReLU the slope jumps.
      const jumps = slope(1e-6) - slope(-1e-6) > 0.1;
      const slopes = xs.flatMap((x) => (x === 0 && jumps ? [[-1e-6, slope(-1e-6)], [0, null], [1e-6, slope(1e-6)]] : [[x, slope(x)]]));
      plot.draw({
        x: { kind: "linear", range: [-REACH, REACH], title: "z" },
        y: { kind: "linear", range: [-1.2, 2.2] },
        curves: [
          { points: xs.map((x) => [x, value(x)]), color: paint(slot), width: 2.2 },
          { points: slopes, color: paint(slot), width: 1.6, dash: "5 4" },
        ],
        marks: [
          { x: z, y: value(z), shape: "circle", color: paint(slot), size: 9 },
          { x: z, y: slope(z), shape: "circle", color: paint(slot), size: 9, isHollow: true },
        ],
      });
      told.replaceChildren(
        h("b", {}, name),
        h("span", {}, t("value"), " ", figure(`${name}-value`, value(z))),
        h("span", {}, t("slope"), " ", figure(`${name}-slope`, slope(z))),
      );
    }
  };
  place.append(
    at,
    h("p", { class: "soft" }, t("key")),
    h("div", { class: "curves" }, figures.map(({ box, told }) => h("figure", {}, box, told))),
  );
  const resize = new ResizeObserver(perFrame(show));
  resize.observe(place);
  onClose(() => resize.disconnect());
  show();
}
