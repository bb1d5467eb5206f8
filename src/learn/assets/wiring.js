// A dense network as a drawing: a circle a unit, an edge a weight; both as numbers where there are few.

import { svg } from "../assets/dom.js";

import { brief } from "./kit.js";

/** Of more edges than these the numbers would hide one another. */
const MOST_NUMBERS = 30;
/** Of a larger layer only the first units are drawn. */
const MOST_UNITS = 10;
const R = 18,
  ROW = 50,
  TOP = 30;

const short = (value) => brief(value, Math.abs(value) >= 10 ? 1 : 2);

/**
 * How far along an edge its number stands. Edges that share a unit are farthest apart at their other ends, so the numbers stand
 * nearer to the larger layer, and at another distance for each unit of the smaller one.
 */
function along(from, to, numFrom, numTo) {
  const spread = (index, count) => 0.2 + (0.36 * (index + 0.5)) / count;
  return numFrom > numTo ? spread(to, numTo) : 1 - spread(from, numFrom);
}

/**
 * `layers` as the server gives them, `inputs` their names. `outputs`: what each unit gives, `[[...] a layer]`, or nothing. `told`:
 * the accessible name. Widths of edges grow with the size of weights; negative ones are dashed. `unit(layer, index)`: colour.
 */
export function wiring(layers, inputs, { outputs, told, unit = () => null, width = 420 } = {}) {
  const sizes = [inputs.length, ...layers.map(({ bias }) => bias.length)];
  const shown = sizes.map((size) => Math.min(size, MOST_UNITS));
  const height = TOP + ROW * Math.max(...shown);
  const numEdges = layers.reduce((sum, _, index) => sum + shown[index] * shown[index + 1], 0);
  const hasNumbers = numEdges <= MOST_NUMBERS && layers.length <= 3;
  const x = (layer) => 44 + (layer * (width - 100)) / Math.max(1, layers.length);
  const y = (layer, index) => 4 + (height - 14) * ((index + 0.5) / shown[layer]);
  const most = Math.max(1e-9, ...layers.flatMap(({ weights }) => weights.flat().map(Math.abs)));
  const edges = [];
  const texts = [];
  layers.forEach(({ weights, bias }, layer) => {
    for (let to = 0; to < shown[layer + 1]; to += 1) {
      for (let from = 0; from < shown[layer]; from += 1) {
        const weight = weights[to][from];
        const [x1, y1, x2, y2] = [x(layer) + R, y(layer, from), x(layer + 1) - R, y(layer + 1, to)];
        edges.push(
          svg("line", {
            class: weight < 0 ? "edge minus" : "edge plus",
            x1, y1, x2, y2,
            "stroke-width": (0.6 + (4 * Math.abs(weight)) / most).toFixed(2),
            "data-weight": weight,
          }, svg("title", {}, `w = ${brief(weight, 4)}`)),
        );
        if (hasNumbers) {
          const share = along(from, to, shown[layer], shown[layer + 1]);
          texts.push(svg("text", { class: "weight", x: x1 + share * (x2 - x1), y: y1 + share * (y2 - y1) - 3, "text-anchor": "middle" }, short(weight)));
        }
      }
      if (hasNumbers || layers.length <= 3 && shown[layer + 1] <= 8)
        texts.push(svg("text", { class: "bias", x: x(layer + 1), y: y(layer + 1, to) + R + 12, "text-anchor": "middle", "data-bias": bias[to] }, `b ${short(bias[to])}`));
    }
  });
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
