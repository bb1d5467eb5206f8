// Small grids of numbers as pictures: digits, weights, feature maps.

import { h } from "../assets/dom.js";
import { color, onTheme, themed } from "../assets/palette.js";

/** A canvas of one px a cell, enlarged by CSS; `paint(values)` again when they change. `kind`: `ink`, from 0 to `most`, or `signed`. */
export function pixelPicture(label, width, height, kind, onClose) {
  const canvas = h("canvas", { role: "img", "aria-label": label, class: "pixels", width, height });
  let [shown, most] = [null, 1];
  const draw = () => {
    if (!shown) return;
    const context = canvas.getContext("2d");
    context.globalAlpha = 1;
    context.fillStyle = themed("--surface");
    context.fillRect(0, 0, width, height);
    const [plus, minus, ink] = [color(0), color(1), themed("--text")];
    shown.forEach((value, index) => {
      context.globalAlpha = Math.min(1, Math.abs(value) / (most || 1));
      context.fillStyle = kind === "ink" ? ink : value < 0 ? minus : plus;
      context.fillRect(index % width, Math.floor(index / width), 1, 1);
    });
  };
  onClose(onTheme(draw));
  return Object.assign(canvas, {
    paint(values, full = Math.max(...values.map(Math.abs))) {
      [shown, most] = [values, full];
      draw();
    },
  });
}
