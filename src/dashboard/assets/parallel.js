// Parallel coordinates: one axis per param, the value last, one line per item, with ranges marked on the axes.

import { scroller, svg } from "./dom.js";
import { natural, number, param, plural } from "./format.js";

const HEIGHT = 380,
  TOP = 46,
  BOTTOM = 26;
/** The most words that fit on an axis. */
const MOST_LABELS = 14;
/** A drag shorter than this share of an axis counts as a click and marks nothing. */
const CLICK = 0.02;

/** Whether an axis is made of numbers, and then whether it is better read on a logarithmic one. */
export function scaleOf(values) {
  const numeric = values.length > 0 && values.every((value) => typeof value === "number");
  if (!numeric) return { kind: "words" };
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return { kind: low > 0 && high / low >= 50 ? "log" : "linear", low, high };
}

const lacks = (value) => value === undefined || value === null || Number.isNaN(value);

/** The position of a word on an axis, as a share of its length. */
const wordPlace = (words, index) => (words.length > 1 ? index / (words.length - 1) : 0.5);

/** An axis with its scale: `place` gives a value's part of the length, from 0 at the foot, and `at` the value there. */
function axisOf({ key, read }, items) {
  const given = items.map(read).filter((value) => !lacks(value));
  const scale = scaleOf(given);
  // Words get their natural order: [8] before [16].
  const words =
    scale.kind === "words"
      ? [...new Set(given.map(param))].sort(natural)
      : null;
  const { low, high } = scale;
  const ratio = Math.log(high / low);
  const place = (value) => {
    if (lacks(value)) return null;
    if (words) return wordPlace(words, words.indexOf(param(value)));
    if (low === high) return 0.5;
    return scale.kind === "log" ? Math.log(value / low) / ratio : (value - low) / (high - low);
  };
  const at = (part) => (scale.kind === "log" ? low * Math.exp(part * ratio) : low + part * (high - low));
  return { key, read, scale, words, place, at };
}

/** What is marked between two parts of an axis. In the axis' own values: it stays where it is when the axis grows. */
function brushOf(axis, from, to) {
  const [low, high] = [Math.min(from, to) - 0.005, Math.max(from, to) + 0.005];
  if (axis.words)
    return {
      words: axis.words.filter((word, index) => {
        const part = wordPlace(axis.words, index);
        return part >= low && part <= high;
      }),
    };
  // The ends of an axis take all that comes beyond.
  return { low: low <= 0 ? -Infinity : axis.at(low), high: high >= 1 ? Infinity : axis.at(high) };
}

const inBrush = (brush, value) =>
  !lacks(value) && (brush.words ? brush.words.includes(param(value)) : value >= brush.low && value <= brush.high);

/** Whether an item is inside all marked ranges. `axes`: [{key, read}], `brushes`: Map of axis key -> what is marked. */
export const isInside = (item, axes, brushes) =>
  axes.every(({ key, read }) => !brushes.has(key) || inBrush(brushes.get(key), read(item)));

/**
 * Draws `items` into `plot`. The last axis is the value, by which lines are coloured. Options: `brushes`, which a drag
 * changes before it calls `render`; `told`, the element for what is under the pointer; `noun` and `label` of an item;
 * `goal`, the direction that is better, or null; `isStrong(item)`; `open(item)`, what a click does.
 */
export function parallel(plot, items, given, { told, brushes, render, noun, goal, isStrong, label, open }) {
  // Redrawing would interrupt a drag; the end of the drag redraws.
  if (plot.isDragged) return;
  const width = Math.max(plot.clientWidth, 100 * given.length);
  const axes = given.map((axis, index) => ({
    ...axisOf(axis, items),
    x: 50 + (index * (width - 140)) / Math.max(1, given.length - 1),
  }));
  const y = (part) => HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
  const inside = new Map(items.map((item) => [item, isInside(item, given, brushes)]));
  const last = axes.at(-1);
  const num = items.filter((item) => inside.get(item)).length;
  const text = (axis, item) => {
    const value = axis.read(item);
    return axis === last ? number(value) : param(value);
  };
  const describe = (item) => {
    told.textContent = `${label(item)}: ${axes
      .slice(0, -1)
      .map((axis) => `${axis.key} = ${text(axis, item)}`)
      .join(", ")}; ${last.key} ${text(last, item)}`;
  };
  const summary = () => {
    told.textContent = brushes.size
      ? `${num} of ${plural(items.length, noun)} inside the marked ranges. Click an axis to unmark it.`
      : `Stronger, bluer lines are ${goal ? "better" : "larger"}. Drag along an axis to mark a range; click a line to open the ${noun}.`;
  };
  const good = (item) => {
    const part = last.place(last.read(item)) ?? 0;
    return goal === "lower" ? 1 - part : part;
  };
  // The best lie on top, those outside at the bottom.
  const lines = [...items]
    .sort((a, b) => inside.get(a) - inside.get(b) || good(a) - good(b))
    .map((item) => {
      const points = axes.map((axis) => [axis.x, axis.place(axis.read(item))]).filter(([, part]) => part !== null);
      const on = inside.get(item);
      return svg("path", {
        class: `line ${on ? "" : "off"} ${isStrong(item) ? "selected" : ""}`,
        d: `M${points.map(([x, part]) => `${x.toFixed(1)},${y(part).toFixed(1)}`).join("L")}`,
        style: { "--good": on ? good(item).toFixed(2) : "0" },
        onclick: () => open(item),
        onmouseenter: () => describe(item),
        onmouseleave: summary,
      });
    });
  const rulers = axes.map((axis) =>
    ruler(axis, y, brushes.get(axis.key), {
      begin: () => {
        plot.isDragged = true;
      },
      end: (range) => {
        plot.isDragged = false;
        if (range && Math.abs(range[1] - range[0]) < CLICK) brushes.delete(axis.key);
        else if (range) brushes.set(axis.key, brushOf(axis, ...range));
        render();
      },
    }),
  );
  const picture = svg(
    "svg",
    {
      width,
      height: HEIGHT,
      role: "img",
      "aria-label": `Parallel coordinates of ${plural(items.length, noun)}; the table below has the numbers`,
    },
    svg("g", {}, lines),
    rulers,
  );
  const box = scroller(picture, "Parallel coordinates");
  // Keeps the scroll position.
  const left = plot.firstElementChild?.scrollLeft ?? 0;
  plot.replaceChildren(box);
  box.scrollLeft = left;
  summary();
}

function ticksOf({ scale, words, at }) {
  if (words) {
    const every = Math.ceil(words.length / MOST_LABELS); // more would be printed over each other
    return words.map((word, index) => [wordPlace(words, index), word]).filter((_, index) => index % every === 0);
  }
  if (scale.low === scale.high) return [[0.5, number(scale.low)]];
  return [0, 0.25, 0.5, 0.75, 1].map((part) => [part, number(at(part))]);
}

/**
 * An axis with its name, its values and its marked range. A drag calls `begin()` and `end([from, to])`, in shares of the
 * axis' length, or `end()` if it is cancelled.
 */
function ruler(axis, y, brush, { begin, end }) {
  const { x, key } = axis;
  const name = key.includes("/") ? key : key.slice(key.lastIndexOf(".") + 1);
  const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  const area = svg("rect", { class: "grab", x: x - 16, y: TOP - 8, width: 32, height: HEIGHT - TOP - BOTTOM + 16 });
  area.addEventListener("pointerdown", (down) => {
    area.setPointerCapture(down.pointerId);
    begin();
    const part = (event) =>
      Math.min(
        1,
        Math.max(
          0,
          (HEIGHT - BOTTOM - (event.clientY - area.ownerSVGElement.getBoundingClientRect().top)) /
            (HEIGHT - TOP - BOTTOM),
        ),
      );
    const from = part(down);
    const edge = svg("rect", { class: "brush", x: x - 6, width: 12, y: y(from), height: 0 });
    area.before(edge);
    area.addEventListener("pointermove", (move) => {
      const to = part(move);
      edge.setAttribute("y", y(Math.max(from, to)));
      edge.setAttribute("height", Math.abs(y(from) - y(to)));
    });
    area.addEventListener("pointerup", (up) => end([from, part(up)]), { once: true });
    area.addEventListener("pointercancel", () => end(), { once: true });
  });
  return svg(
    "g",
    { class: "axis" },
    svg("line", { x1: x, x2: x, y1: y(0), y2: y(1) }),
    svg("text", { class: "axis-name", x, y: 16, "text-anchor": "middle" }, svg("title", {}, key), cut(name, 16)),
    axis.scale.kind === "log" ? svg("text", { x, y: HEIGHT - 4, "text-anchor": "middle" }, "log") : null,
    ticksOf(axis).map(([part, text]) =>
      svg("text", { x: x + 7, y: y(part) + 4 }, svg("title", {}, text), cut(text, 14)),
    ),
    brush ? marked(axis, brush, y) : null,
    area,
  );
}

/** What of an axis is inside a range. */
function marked(axis, brush, y) {
  const parts = axis.words
    ? brush.words
        .map((word) => axis.words.indexOf(word))
        .filter((index) => index >= 0)
        .map((index) => wordPlace(axis.words, index))
    : [brush.low, brush.high].map((value) =>
        Number.isFinite(value) ? Math.min(1, Math.max(0, axis.place(value))) : value > 0 ? 1 : 0,
      );
  if (!parts.length) return null;
  const [low, high] = [Math.min(...parts), Math.max(...parts)];
  const spare = axis.words ? 6 : 0;
  return svg("rect", {
    class: "brush",
    x: axis.x - 6,
    width: 12,
    y: y(high) - spare,
    height: Math.max(2, y(low) - y(high)) + 2 * spare,
  });
}
