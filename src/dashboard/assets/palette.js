// The colour and shape of each run. Runs differ in both, so that colour is never the only difference.

import { svg } from "./dom.js";

/** In the order of the colours. */
export const SHAPES = [
  "circle",
  "square",
  "diamond",
  "triangle-up",
  "triangle-down",
  "cross",
  "x",
  "star",
  "pentagon",
  "hexagram",
];
export const SLOTS = SHAPES.length;

const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set();
let colors = [];

/** `listener()` when colours change: with the theme, and for printing, where only what is done at once counts. */
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function changed() {
  colors = [];
  for (const listener of listeners) listener();
}
dark.addEventListener("change", changed);
addEventListener("beforeprint", () => {
  root.dataset.paper = "";
  changed();
});
addEventListener("afterprint", () => {
  delete root.dataset.paper;
  changed();
});

/** A CSS variable of the page, for what is not drawn with CSS. */
export const themed = (name) => getComputedStyle(root).getPropertyValue(name).trim();

/** The colour of a slot for CSS and SVG: it follows the theme by itself. */
export const paint = (slot) => `var(--slot-${slot % SLOTS})`;

/** The same as a hexadecimal number, for a canvas; style.css has them all. */
export const color = (slot) => (colors[slot % SLOTS] ??= themed(`--slot-${slot % SLOTS}`));

const ring = (count, outer, inner) =>
  Array.from({ length: count }, (_, index) => {
    const angle = (index / count) * 2 * Math.PI - Math.PI / 2;
    const radius = inner && index % 2 ? inner : outer;
    return `${(6 + radius * Math.cos(angle)).toFixed(2)},${(6 + radius * Math.sin(angle)).toFixed(2)}`;
  }).join(" ");

const POINTS = {
  square: "1.5,1.5 10.5,1.5 10.5,10.5 1.5,10.5",
  diamond: "6,0.3 11.7,6 6,11.7 0.3,6",
  "triangle-up": "6,0.8 11.5,10.5 0.5,10.5",
  "triangle-down": "6,11.2 11.5,1.5 0.5,1.5",
  cross: "4.2,0.8 7.8,0.8 7.8,4.2 11.2,4.2 11.2,7.8 7.8,7.8 7.8,11.2 4.2,11.2 4.2,7.8 0.8,7.8 0.8,4.2 4.2,4.2",
  x: "2.8,0.6 6,3.8 9.2,0.6 11.4,2.8 8.2,6 11.4,9.2 9.2,11.4 6,8.2 2.8,11.4 0.6,9.2 3.8,6 0.6,2.8",
  star: ring(10, 6, 2.5),
  pentagon: ring(5, 5.6),
  hexagram: ring(12, 6, 3.3),
};

/** A run's mark: its shape in its colour; hollow when it is not drawn. */
export function swatch(slot, drawn = true) {
  const look = drawn
    ? { style: { fill: paint(slot) } }
    : { fill: "none", stroke: "currentColor", "stroke-width": "1.2" };
  return svg(
    "svg",
    { class: "swatch", viewBox: "-0.8 -0.8 13.6 13.6", "aria-hidden": "true" },
    markShape(SHAPES[slot % SLOTS], look),
  );
}

/** A shape as an SVG element in a box of 12 by 12; `bar` is a line across. */
export function markShape(shape, props) {
  if (shape === "bar") return svg("path", { d: "M6,-3V15", ...props });
  return shape === "circle"
    ? svg("circle", { cx: 6, cy: 6, r: 5, ...props })
    : svg("polygon", { points: POINTS[shape], ...props });
}

/** The outline of a slot's shape for a canvas, in a box of 12 by 12. */
export function outline(slot) {
  const points = POINTS[SHAPES[slot % SLOTS]];
  if (points) return new Path2D(`M${points.replaceAll(" ", "L")}Z`);
  const circle = new Path2D();
  circle.arc(6, 6, 5, 0, 2 * Math.PI);
  return circle;
}

/**
 * Slots for the runs drawn. `preferred` is a run's place among all runs, oldest first, so that a new run never changes
 * the colours of the others; where two drawn runs collide, the younger takes the next free slot. A run that was drawn
 * before (`kept`, id -> slot) keeps its slot as long as no other one is free.
 */
export function assign(drawn, preferred, kept = new Map()) {
  const used = new Array(SLOTS).fill(0);
  const slots = new Map();
  const least = () => Math.min(...used);
  const take = (id, slot) => {
    used[slot] += 1;
    slots.set(id, slot);
  };
  const oldestFirst = [...drawn].sort((a, b) => preferred(a) - preferred(b));
  for (const id of oldestFirst) if (kept.has(id) && used[kept.get(id)] <= least() + 1) take(id, kept.get(id));
  for (const id of oldestFirst.filter((one) => !slots.has(one))) {
    let slot = preferred(id) % SLOTS;
    while (used[slot] > least()) slot = (slot + 1) % SLOTS;
    take(id, slot);
  }
  return slots;
}
