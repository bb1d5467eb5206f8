// A pad of 8 x 8 cells to draw a digit on: by pointer, as with a soft pen, or cell by cell with the keyboard. Ink goes from 0 to
// 16, as in the data set.

import { h } from "../assets/dom.js";
import { button } from "./kit.js";

export const SIDE = 8;
export const MOST = 16;
/** How far from the pen's middle its ink reaches, in cells. */
const REACH = 1.3;

/** `{pad, pixels, fill(pixels)}`; `changed(pixels)` after each change. */
export function pad(t, changed) {
  const pixels = new Array(SIDE * SIDE).fill(0);
  let current = 0;
  let isErasing = false;
  const name = (index) => t("cell", { row: Math.floor(index / SIDE), column: index % SIDE, ink: Math.round(pixels[index]) });
  const cells = pixels.map((_, index) => h("div", { role: "gridcell", class: "ink", tabindex: index === 0 ? 0 : -1, "data-index": index }));
  const show = (index) => {
    cells[index].dataset.ink = pixels[index];
    cells[index].style.setProperty("--ink", (pixels[index] / MOST).toFixed(3));
    cells[index].setAttribute("aria-label", name(index));
  };
  const set = (index, ink) => {
    pixels[index] = ink;
    show(index);
  };
  const grid = h(
    "div",
    { class: "pad", role: "grid", "aria-label": t("pad") },
    Array.from({ length: SIDE }, (_, row) => h("div", { role: "row" }, cells.slice(row * SIDE, (row + 1) * SIDE))),
  );

  const stroke = (x, y) => {
    cells.forEach((_, index) => {
      const away = Math.hypot((index % SIDE) + 0.5 - x, Math.floor(index / SIDE) + 0.5 - y);
      const ink = MOST * Math.min(1, Math.max(0, REACH - away));
      if (!isErasing && ink > pixels[index]) set(index, ink);
      if (isErasing && away < 0.8) set(index, 0);
    });
  };
  const where = (event) => {
    const box = grid.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIDE, ((event.clientY - box.top) / box.height) * SIDE];
  };
  let last = null;
  grid.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    last = where(event);
    grid.setPointerCapture(event.pointerId);
    stroke(...last);
    changed(pixels);
    event.preventDefault();
  });
  grid.addEventListener("pointermove", (event) => {
    if (!last) return;
    const to = where(event);
    // Between two events the pen may have gone over several cells.
    const steps = Math.max(1, Math.ceil(Math.hypot(to[0] - last[0], to[1] - last[1]) / 0.3));
    for (let step = 1; step <= steps; step += 1) stroke(last[0] + ((to[0] - last[0]) * step) / steps, last[1] + ((to[1] - last[1]) * step) / steps);
    last = to;
    changed(pixels);
  });
  for (const end of ["pointerup", "pointercancel"]) grid.addEventListener(end, () => (last = null));

  const go = (index) => {
    cells[current].tabIndex = -1;
    current = index;
    cells[current].tabIndex = 0;
    cells[current].focus();
  };
  grid.addEventListener("focusin", (event) => {
    const index = Number(event.target.dataset.index);
    if (Number.isInteger(index)) current = index;
  });
  grid.addEventListener("keydown", (event) => {
    const [row, column] = [Math.floor(current / SIDE), current % SIDE];
    const moves = {
      ArrowLeft: column > 0 && current - 1,
      ArrowRight: column < SIDE - 1 && current + 1,
      ArrowUp: row > 0 && current - SIDE,
      ArrowDown: row < SIDE - 1 && current + SIDE,
      Home: row * SIDE,
      End: row * SIDE + SIDE - 1,
    };
    if (event.key in moves) {
      if (moves[event.key] !== false) go(moves[event.key]);
    } else if (event.key === " " || event.key === "Enter") {
      set(current, pixels[current] >= MOST / 2 ? 0 : MOST);
      changed(pixels);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      set(current, 0);
      changed(pixels);
    } else return;
    event.preventDefault();
  });

  const fill = (values) => {
    values.forEach((ink, index) => set(index, ink));
    changed(pixels);
  };
  const eraser = button(t("erase"), () => {
    isErasing = !isErasing;
    eraser.setAttribute("aria-pressed", String(isErasing));
  }, { "aria-pressed": "false" });
  pixels.forEach((_, index) => show(index));
  const tools = h("div", { class: "controls" }, button(t("clear"), () => fill(pixels.map(() => 0)), { class: "clear" }), eraser);
  return { pad: Object.assign(h("div", { class: "pad-box" }, grid, tools), { pixels, fill }), pixels, fill };
}

/** A button for each example: `{pixels, label}`. */
export function samples(t, examples, take) {
  return h(
    "div",
    { class: "samples", role: "group", "aria-label": t("samples") },
    h("span", { class: "soft" }, t("samples")),
    examples.map(({ pixels, label }) => button(String(label), () => take(pixels), { class: "quiet sample", "data-label": label })),
  );
}
