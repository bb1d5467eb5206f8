// A plot as a file of its own, SVG or PNG: with its title, and its legend below.

import { svg } from "./dom.js";
import { markShape, paint, SHAPES, themed } from "./palette.js";

const LINE = 20; // px of a row of the legend
const TITLE = 30;

/** What of an element's look its file must say by itself; the page's style sheet is not there. */
const LOOK = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "vector-effect", "opacity", "fill-opacity"];

/** A copy with all that the style sheet says as attributes. */
function standing(original) {
  const copy = original.cloneNode(true);
  const [from, to] = [original, copy].map((root) => [root, ...root.querySelectorAll("*")]);
  to.forEach((element, index) => {
    const style = getComputedStyle(from[index]);
    for (const name of LOOK) element.setAttribute(name, style.getPropertyValue(name));
    if (element.tagName === "text") for (const name of ["font-size", "font-family"]) element.setAttribute(name, style.getPropertyValue(name));
    element.removeAttribute("style");
    element.removeAttribute("class");
  });
  return copy;
}

/** `legend`: `[{slot?, dash?, label}]`, a mark for a run or group, a line for a split. */
export function standalone(plot, title, legend) {
  const original = plot.svg;
  const [width, height] = [plot.width, plot.height];
  const wide = Math.min(width - 20, 40 + 7 * Math.max(8, ...legend.map(({ label }) => label.length)));
  const perRow = Math.max(1, Math.floor((width - 20) / wide));
  const rows = Math.ceil(legend.length / perRow);
  const whole = height + TITLE + rows * LINE + (rows ? 10 : 0);
  const [text, font] = [themed("--text"), "system-ui, sans-serif"];
  const words = (x, y, size, content) => svg("text", { x, y, fill: text, "font-size": size, "font-family": font }, content);
  const entry = ({ slot, dash, label }, index) => {
    const [x, y] = [12 + (index % perRow) * wide, height + TITLE + 8 + Math.floor(index / perRow) * LINE];
    const color = slot === undefined ? text : themed(paint(slot).slice(4, -1));
    const sample =
      slot === undefined
        ? svg("path", { d: `M${x},${y + 6}h22`, stroke: color, "stroke-width": 1.8, "stroke-dasharray": dash ?? "none" })
        : markShape(SHAPES[slot], { fill: color, transform: `translate(${x + 5} ${y})` });
    return [sample, words(x + 28, y + 10, 12, label)];
  };
  const copy = standing(original);
  const inner = svg("g", { transform: `translate(0 ${TITLE})` }, [...copy.childNodes]);
  return svg(
    "svg",
    { xmlns: "http://www.w3.org/2000/svg", width, height: whole, viewBox: `0 0 ${width} ${whole}` },
    svg("rect", { width, height: whole, fill: themed("--page") }),
    words(12, 20, 15, title),
    inner,
    legend.map(entry),
  );
}

export const svgText = (picture) => new XMLSerializer().serializeToString(picture);

/** The picture as a PNG of twice its size. */
export async function png(picture) {
  const url = URL.createObjectURL(new Blob([svgText(picture)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const [width, height] = ["width", "height"].map((side) => 2 * Number(picture.getAttribute(side)));
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    canvas.getContext("2d").drawImage(image, 0, 0, width, height);
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  } finally {
    URL.revokeObjectURL(url);
  }
}
