// The decision boundary of a network with two inputs, epoch by epoch: a picture with a slider.

import * as api from "./api.js";
import { h } from "./dom.js";
import { number, percent } from "./format.js";
import { color, onTheme, outline, swatch, themed } from "./palette.js";

/** How long each epoch is shown while the slider plays, in ms. */
const PACE = 140;

/** The elements of the picture, from the run's `boundary.json`. `onClose` takes a function that is called when the tab closes. */
export async function boundary(run, onClose) {
  const data = JSON.parse(await api.fileText(run.id, "boundary.json"));
  const problem = wrong(data);
  if (problem) return [h("p", { class: "problem" }, `boundary.json: ${problem}`)];
  const { epochs, class_names: names } = data;
  // Not every epoch is recorded, so the last of these need not be the run's.
  const total = Math.max(epochs.at(-1), ...Object.values(run.metrics).map((metric) => metric.last_epoch));

  const canvas = h("canvas", { role: "img" });
  const label = h("output", { for: "epoch", class: "epoch" });
  const shares = h("p", { class: "soft" });
  const slider = h("input", {
    type: "range",
    id: "epoch",
    min: 0,
    max: epochs.length - 1,
    step: 1,
    value: epochs.length - 1,
    "aria-label": "Epoch",
    oninput: () => {
      pause();
      show();
    },
  });
  const play = h("button", { type: "button", id: "play", onclick: () => (timer ? pause() : start()) }, "Play");
  let timer = null;

  const show = () => {
    const index = Number(slider.value);
    const kept = epochs[index] === run.best_epoch ? ", the one kept" : "";
    label.textContent = `epoch ${epochs[index]} of ${total}${kept}`;
    slider.setAttribute("aria-valuetext", label.textContent);
    const count = (digit) =>
      [...data.classes[index]].filter((cell) => cell === digit).length / data.classes[index].length;
    shares.textContent = `Share of the plane: ${names.map((name, place) => `${name} ${percent(count(place.toString(36)))}`).join(", ")}.`;
    canvas.setAttribute(
      "aria-label",
      `Decision boundary over ${data.x_name} and ${data.y_name}, ${label.textContent}. ${shares.textContent}`,
    );
    draw(canvas, data, index);
  };
  const pause = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = "Play";
  };
  const start = () => {
    if (Number(slider.value) === epochs.length - 1) slider.value = 0;
    play.textContent = "Pause";
    show();
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      show();
      if (Number(slider.value) === epochs.length - 1) pause();
    }, PACE);
  };
  const resize = new ResizeObserver(show);
  resize.observe(canvas);
  const untheme = onTheme(show);
  onClose(() => {
    pause();
    resize.disconnect();
    untheme();
  });

  const ends = ([low, high]) => [h("span", {}, number(low)), h("span", {}, number(high))];
  return [
    h("h2", {}, "Decision boundary"),
    h("div", { class: "epochs" }, play, slider, label),
    h(
      "div",
      { class: "boundary" },
      h("div", { class: "axis-y" }, ...ends(data.y), h("span", { class: "axis-name" }, data.y_name)),
      canvas,
      h("div", { class: "axis-x" }, ...ends(data.x), h("span", { class: "axis-name" }, data.x_name)),
    ),
    h(
      "div",
      { class: "legend" },
      names.map((name, place) => h("span", { class: "chip" }, swatch(place), name)),
      h("span", { class: "count" }, "the stronger, the surer"),
    ),
    shares,
  ];
}

/** Why the file cannot be drawn, or null. */
function wrong(data) {
  const cells = data.size ** 2;
  const whole = (grids) =>
    Array.isArray(grids) && grids.length === data.epochs.length && grids.every((grid) => grid.length === cells);
  if (!Array.isArray(data.epochs) || !data.epochs.length) return "no epochs";
  if (!whole(data.classes) || !whole(data.confidence)) return `not ${data.size} × ${data.size} cells for each epoch`;
  return null;
}

function draw(canvas, data, index) {
  const { size } = data;
  const ratio = devicePixelRatio || 1;
  const side = Math.round(canvas.clientWidth * ratio);
  if (!side) return;
  Object.assign(canvas, { width: side, height: side });
  const context = canvas.getContext("2d");
  context.fillStyle = themed("--surface");
  context.fillRect(0, 0, side, side);
  const cell = side / size;
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column < size; column += 1) {
      const at = row * size + column;
      // The points must stand out even from the most certain cell.
      context.globalAlpha = 0.08 + (0.52 * Number.parseInt(data.confidence[index][at], 16)) / 15;
      context.fillStyle = color(Number.parseInt(data.classes[index][at], 36));
      const [left, top] = [Math.round(column * cell), Math.round((size - 1 - row) * cell)];
      context.fillRect(left, top, Math.round((column + 1) * cell) - left, Math.round((size - row) * cell) - top);
    }
  }
  context.globalAlpha = 1;
  context.strokeStyle = themed("--surface");
  const scale = 0.75 * ratio;
  const along = (value, [low, high]) => (side * (value - low)) / (high - low || 1);
  for (const [x, y, kind] of data.points) {
    context.setTransform(scale, 0, 0, scale, along(x, data.x) - 6 * scale, side - along(y, data.y) - 6 * scale);
    context.lineWidth = 1.5;
    context.fillStyle = color(kind);
    const shape = outline(kind);
    context.fill(shape);
    context.stroke(shape);
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
}
