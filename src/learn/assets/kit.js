// What the widgets are made of: labelled controls, numbers that can be read, and pictures that follow size and theme.

import { h, perFrame } from "../assets/dom.js";
import { MISSING, number, percent as spaced } from "../assets/numbers.js";
import { onTheme } from "../assets/palette.js";

let numControls = 0;

/** At most so many decimals, and no zeros at their end: `0.5`, where `number` has `0.5000`. */
export function brief(value, places = 3) {
  if (value === null || value === undefined) return MISSING;
  if (!Number.isFinite(value) || Math.abs(value) >= 1e5) return number(value);
  const rounded = Number(value.toFixed(places));
  return String(rounded === 0 ? 0 : rounded).replace("-", "−");
}

/** In Chinese nothing stands between a number and its %, and elsewhere no line ends there. */
export const percent = (value) => spaced(value).replace(" ", document.documentElement.lang.startsWith("zh") ? "" : "\u00a0");

/**
 * A labelled slider: `{name, label, min, max, step, value, show, oninput(value)}`. With `stops`, a list, its positions are the
 * stops, and values are theirs. Its element has `value()` and `put(value)`.
 */
export function slider({ name, label, min, max, step, value, stops, show = brief, oninput }) {
  const id = `control-${(numControls += 1)}`;
  const read = () => (stops ? stops[Number(input.value)] : Number(input.value));
  const place = (wanted) => (stops ? Math.max(0, stops.indexOf(wanted)) : wanted);
  const output = h("output", { for: id });
  const told = () => {
    output.textContent = show(read());
    input.setAttribute("aria-valuetext", output.textContent);
  };
  const input = h("input", {
    type: "range",
    id,
    name,
    min: stops ? 0 : min,
    max: stops ? stops.length - 1 : max,
    step: stops ? 1 : step,
    oninput: () => {
      told();
      oninput?.(read());
    },
  });
  input.value = place(value);
  told();
  const element = h("div", { class: "slider" }, h("label", { for: id }, label), input, output);
  return Object.assign(element, {
    input,
    value: read,
    put(wanted) {
      input.value = place(wanted);
      told();
    },
    limit(most) {
      input.max = most;
      told();
    },
  });
}

/** A labelled choice: `{name, label, options: [[value, text]], value, onchange(value)}`. */
export function choice({ name, label, options, value, onchange }) {
  const id = `control-${(numControls += 1)}`;
  const select = h(
    "select",
    { id, name, onchange: () => onchange?.(select.value) },
    options.map(([one, text]) => h("option", { value: one }, text)),
  );
  if (value !== undefined) select.value = value;
  const element = h("div", { class: "choice" }, h("label", { for: id }, label), select);
  return Object.assign(element, { select, value: () => select.value });
}

export function button(text, onclick, props = {}) {
  return h("button", { type: "button", onclick, ...props }, text);
}

/** A number for reading, with all digits for tests and the tooltip. */
export function figure(name, value) {
  return h("data", { "data-name": name, "data-value": String(value), title: String(value) }, brief(value, 4));
}

/** Changes such a number. */
export function put(element, value) {
  element.textContent = brief(value, 4);
  element.dataset.value = element.title = String(value);
}

/** A number as a further term of a sum, with its sign before it: `+ 0.5`, `− 0.5`. */
export const term = (name, value) => [value < 0 ? " − " : " + ", Object.assign(figure(name, value), { textContent: brief(Math.abs(value), 4) })];

/** A line that is read aloud when it changes. */
export const status = (props = {}) => h("p", { class: "told-now", role: "status", ...props });

/**
 * A square canvas; `draw(context, side, ratio)` is called with a clean one when it is asked for, resized, or the theme changes.
 * Its element has `redraw()`.
 */
export function picture(label, draw, { onClose }) {
  const canvas = h("canvas", { role: "img", "aria-label": label });
  const redraw = () => {
    const ratio = devicePixelRatio || 1;
    const side = Math.round(canvas.clientWidth * ratio);
    if (!side) return;
    if (canvas.width !== side) Object.assign(canvas, { width: side, height: side });
    const context = canvas.getContext("2d");
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.globalAlpha = 1;
    context.clearRect(0, 0, side, side);
    draw(context, side, ratio);
  };
  const resize = new ResizeObserver(perFrame(redraw));
  resize.observe(canvas);
  const untheme = onTheme(redraw);
  onClose(() => {
    resize.disconnect();
    untheme();
  });
  return Object.assign(canvas, { redraw });
}

/** Numbers that repeat: the same seed gives the same ones (mulberry32). */
export function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Whether things may move by themselves. */
export const isStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
