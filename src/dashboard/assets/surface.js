// The results of a sweep's trials over two of its params, as a filled contour plot.

import { h, refill, svg } from "./dom.js";
import { goal, number, param, plural } from "./format.js";
import { hideHover } from "./hover.js";
import { Plot } from "./plot.js";
import { state, update } from "./state.js";
import { markOf, paramAxis, tellTrials } from "./trialcharts.js";
import { fences } from "./traces.js";

/** Cells in each direction, and colours. */
const CELLS = 40,
  LEVELS = 9;
/** The standard deviation of the weights, in shares of each axis, and how far from all trials the picture ends. */
const WIDTH = 0.1,
  REACH = 2.5 * WIDTH;

/**
 * The Nadaraya-Watson estimate at a place: the mean of the results, weighted by a Gaussian of their distance. `points`:
 * `[[x, y, value]...]` in shares of the axes; null where no trial is near.
 */
export function estimate(points, x, y) {
  let [sum, weights, nearest] = [0, 0, Infinity];
  for (const [px, py, value] of points) {
    const square = (px - x) ** 2 + (py - y) ** 2;
    const weight = Math.exp(-square / (2 * WIDTH ** 2));
    nearest = Math.min(nearest, square);
    weights += weight;
    sum += weight * value;
  }
  return nearest <= REACH ** 2 ? sum / weights : null;
}

/** The two params that are shown: those of the address, or else the most important ones. */
function chosen({ sweep, trials, importance }) {
  const values = (key) => new Set(trials.map((trial) => param(trial.params[key]))).size;
  const varied = sweep.params.filter((key) => values(key) > 1);
  const byShare = importance.map(({ key }) => key).filter((key) => varied.includes(key));
  const all = [...byShare, ...varied.filter((key) => !byShare.includes(key))];
  const x = all.includes(state.cx) ? state.cx : all.find((key) => key !== state.cy);
  const y = all.includes(state.cy) && state.cy !== x ? state.cy : all.find((key) => key !== x);
  return { all, x, y };
}

/** Draws into the figure `box`; hidden where fewer than two params vary. */
export function surface(box, answer, inside, open) {
  const { sweep, trials } = answer;
  const { all, x: keyX, y: keyY } = chosen(answer);
  const known = trials.filter((trial) => trial.value !== null && [keyX, keyY].every((key) => trial.params[key] !== undefined));
  box.hidden = all.length < 2 || known.length < 3;
  if (box.hidden) return;
  if (!box.plot?.svg.isConnected) {
    const select = (id, label, key) => h("select", { id, "aria-label": label, onchange: (event) => update({ [key]: event.target.value }) });
    const plot = h("div", { class: "plot" });
    box.choices = [select("contour-x", "Horizontal param", "cx"), select("contour-y", "Vertical param", "cy")];
    box.note = h("p", { class: "notes" });
    refill(box, h("figcaption", {}, h("h2", {}, "Two params together"), h("span", { class: "pair" }, box.choices[0], " × ", box.choices[1])), plot, box.note);
    box.plot = new Plot(plot, { height: 340, label: "Contour of the results over two params; the table below has the numbers" }, { leave: hideHover });
  }
  box.choices.forEach((select, index) => {
    const other = index ? keyX : keyY;
    select.replaceChildren(...all.filter((key) => key !== other).map((key) => h("option", { value: key }, key)));
    select.value = index ? keyY : keyX;
  });
  const [x, placeX] = paramAxis(known.map((trial) => trial.params[keyX]));
  const [y, placeY] = paramAxis(known.map((trial) => trial.params[keyY]));
  const marks = known.map((trial) => markOf(trial, placeX(trial.params[keyX]), placeY(trial.params[keyY]), 8, inside));
  tellTrials(box.plot, box, sweep, open);
  const levels = levelsOf(known.map((trial) => trial.value));
  box.plot.draw({
    x: { ...x, title: keyX },
    y: { ...y, title: keyY },
    marks: marks.map((mark) => ({ ...mark, color: "var(--text)" })),
    ground: (area) => cells(box.plot, area, marks, levels, goal(sweep.metric)),
  });
  box.note.textContent = `Colours: the mean ${sweep.metric} of the ${plural(known.length, "trial")} near a place, whatever their other params; blue is better, orange worse, nothing where no trial is near. From ${number(levels.low)} to ${number(levels.high)}.`;
}

/** Which of the colours a value has; far outliers have that of the ends. */
function levelsOf(values) {
  const [low, high] = fences([...values].sort((a, b) => a - b));
  const of = (value) => (high > low ? Math.max(0, Math.min(LEVELS - 1, Math.floor(((value - low) / (high - low)) * LEVELS))) : (LEVELS - 1) / 2);
  return { low, high, of };
}

/** Neighbours of one colour are one rectangle. */
function cells(plot, { left, right, top, bottom }, marks, levels, wanted) {
  const share = (px, from, to) => (px - from) / (to - from);
  const points = marks
    .map((mark) => [plot.x.place(mark.x), plot.y.place(mark.y), mark.trial.value])
    .filter(([px, py]) => px !== null && py !== null)
    .map(([px, py, value]) => [share(px, left, right), share(py, top, bottom), value]);
  const [wide, high] = [(right - left) / CELLS, (bottom - top) / CELLS];
  const drawn = [];
  for (let row = 0; row < CELLS; row += 1) {
    const found = Array.from({ length: CELLS }, (_, column) => {
      const value = estimate(points, (column + 0.5) / CELLS, (row + 0.5) / CELLS);
      return value === null ? null : levels.of(value);
    });
    for (let begin = 0, end; begin < CELLS; begin = end) {
      end = begin + 1;
      while (end < CELLS && found[end] === found[begin]) end += 1;
      if (found[begin] === null) continue;
      const part = found[begin] / (LEVELS - 1);
      const look = { "--part": wanted === "lower" ? 1 - part : part };
      drawn.push(svg("rect", { x: left + begin * wide, y: top + row * high, width: (end - begin) * wide + 0.5, height: high + 0.5, style: look }));
    }
  }
  return svg("g", { class: "surface" }, drawn);
}
