// A dense network as a drawing: a circle a unit, an edge a weight; both as numbers where there are few.

import { svg } from "../assets/dom.js";

import { brief } from "./kit.js";

/** Of more edges than these the numbers would hide one another. */
const MOST_NUMBERS = 30;
/** Of a larger layer only the first units are drawn. */
const MOST_UNITS = 10;
const R = 18,
  LINE = 14,
  CHARACTER = 6.8,
  TOP = 30;

/** With three layers of numbers it needs more room. */
const WIDTH = 420,
  WIDE = 560;
/** Heights of a row, in px: the first one in which no number stands on anything, or else the last. */
const ROWS = [50, 60, 72, 86, 100];

const short = (value) => brief(value, Math.abs(value) >= 10 ? 1 : 2);

/** Where along an edge its number may stand, the middle first. */
const SHARES = [0.5, 0.46, 0.54, 0.42, 0.58, 0.38, 0.62, 0.34, 0.66, 0.3, 0.7, 0.26, 0.74, 0.22, 0.78, 0.18, 0.82];

const box = (x, y, width, height) => [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
const shared = (a, b) => Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));

/** The place on the edge for a number of a width where it covers least of what is `there`, and then is farthest from other edges. */
function placed([x1, y1, x2, y2], width, there, others) {
  let best = null;
  for (const share of SHARES) {
    const at = ([, from, , to]) => from + share * (to - from);
    const [x, y] = [x1 + share * (x2 - x1), y1 + share * (y2 - y1)];
    const mine = box(x, y, width, LINE);
    const covered = there.reduce((sum, other) => sum + shared(mine, other), 0);
    // A number at a crossing could belong to either edge.
    const crossed = others.reduce((sum, other) => sum + Math.max(0, LINE - Math.abs(at(other) - y)), 0);
    if (!best || covered < best.covered || (covered === best.covered && crossed < best.crossed)) best = { x, y, mine, covered, crossed };
    if (covered + crossed === 0) break;
  }
  there.push(best.mine);
  return best;
}

/** Where the units and numbers stand, `row` px a unit of the largest layer. */
function layout(layers, shown, width, row, hasNumbers) {
  const height = TOP + row * Math.max(...shown);
  const x = (layer) => 44 + (layer * (width - 100)) / Math.max(1, layers.length);
  const y = (layer, index) => 4 + (height - 14) * ((index + 0.5) / shown[layer]);
  const edge = (layer, from, to) => [x(layer) + R, y(layer, from), x(layer + 1) - R, y(layer + 1, to)];
  const each = (layer) => Array.from({ length: shown[layer] }, (_, index) => index);
  const numbers = [];
  if (hasNumbers) {
    const there = shown.flatMap((_, layer) => each(layer).flatMap((index) => [box(x(layer), y(layer, index), 2 * R, 2 * R), ...(layer ? [box(x(layer), y(layer, index) + R + 8, 52, LINE)] : [])]));
    layers.forEach(({ weights }, layer) => {
      const all = each(layer + 1).flatMap((to) => each(layer).map((from) => [to, from, edge(layer, from, to)]));
      each(layer + 1).forEach((to) =>
        each(layer).forEach((from) => {
          const text = short(weights[to][from]);
          // Of the same width whatever the number, so that it stays where it is while the net learns.
          const wide = CHARACTER * Math.max(5, text.length) + 4;
          const others = all.filter(([a, b]) => a !== to || b !== from).map(([, , line]) => line);
          numbers.push({ text, wide: CHARACTER * text.length + 4, ...placed(edge(layer, from, to), wide, there, others) });
        }),
      );
    });
  }
  return { height, x, y, edge, numbers, isClear: numbers.every(({ covered }) => covered === 0) };
}

/**
 * `layers` as the server gives them, `inputs` their names. `outputs`: what each unit gives, `[[...] a layer]`, or nothing. `told`:
 * the accessible name. Widths of edges grow with the size of weights; negative ones are dashed. `unit(layer, index)`: colour.
 * `bias`: what a bias is called.
 */
export function wiring(layers, inputs, { outputs, told, unit = () => null, bias: letter = "b" } = {}) {
  const sizes = [inputs.length, ...layers.map(({ bias }) => bias.length)];
  const shown = sizes.map((size) => Math.min(size, MOST_UNITS));
  const numEdges = layers.reduce((sum, _, index) => sum + shown[index] * shown[index + 1], 0);
  const hasNumbers = numEdges <= MOST_NUMBERS && layers.length <= 3;
  const width = hasNumbers && layers.length > 2 ? WIDE : WIDTH;
  const layouts = ROWS.map((row) => () => layout(layers, shown, width, row, hasNumbers));
  const { height, x, y, edge, numbers } = layouts.reduce((found, next) => (found?.isClear ? found : next()), null);
  const most = Math.max(1e-9, ...layers.flatMap(({ weights }) => weights.flat().map(Math.abs)));
  const edges = [];
  const texts = [];
  layers.forEach(({ weights, bias }, layer) => {
    for (let to = 0; to < shown[layer + 1]; to += 1) {
      for (let from = 0; from < shown[layer]; from += 1) {
        const weight = weights[to][from];
        const [x1, y1, x2, y2] = edge(layer, from, to);
        edges.push(
          svg("line", {
            class: weight < 0 ? "edge minus" : "edge plus",
            x1, y1, x2, y2,
            "stroke-width": (0.6 + (4 * Math.abs(weight)) / most).toFixed(2),
            "data-weight": weight,
          }, svg("title", {}, `w = ${brief(weight, 4)}`)),
        );
      }
      if (hasNumbers || layers.length <= 3 && shown[layer + 1] <= 8)
        texts.push(svg("text", { class: "bias", x: x(layer + 1), y: y(layer + 1, to) + R + 12, "text-anchor": "middle", "data-bias": bias[to] }, `${letter} ${short(bias[to])}`));
    }
  });
  for (const { text, wide, x: left, y: top } of numbers)
    texts.push(
      svg("rect", { class: "behind", x: left - wide / 2, y: top - LINE / 2, width: wide, height: LINE, rx: 3 }),
      svg("text", { class: "weight", x: left, y: top + 4, "text-anchor": "middle" }, text),
    );
  const units = sizes.flatMap((size, layer) =>
    Array.from({ length: shown[layer] }, (_, index) => {
      const value = layer === 0 ? null : outputs?.[layer - 1]?.[index];
      const text = layer === 0 ? inputs[index] : value === undefined || value === null ? "" : short(value);
      return svg(
        "g",
        { class: "unit" },
        svg("circle", { cx: x(layer), cy: y(layer, index), r: R, style: unit(layer, index) ? { stroke: unit(layer, index), "stroke-width": "3" } : undefined }),
        svg("text", { x: x(layer), y: y(layer, index) + 4, "text-anchor": "middle" }, text),
      );
    }),
  );
  const hidden = sizes.map((size, layer) =>
    size > shown[layer] ? svg("text", { class: "more", x: x(layer), y: height - 4, "text-anchor": "middle" }, `+ ${size - shown[layer]}`) : null,
  );
  return svg("svg", { class: "wiring", viewBox: `0 0 ${width} ${height + 14}`, role: "img", "aria-label": told ?? "" }, edges, units, texts, hidden.filter(Boolean));
}
