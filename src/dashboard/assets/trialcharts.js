// Pictures of a sweep's trials over time: the best so far, and which worker trained which.

import { h, refill, scroller, svg } from "./dom.js";
import { bestOf, natural, number, param, seconds } from "./format.js";
import { hideHover, showHover } from "./hover.js";
import { scaleOf } from "./parallel.js";
import { Plot } from "./plot.js";
import { state } from "./state.js";

const since = (from, time) => (new Date(time) - new Date(from)) / 1000;

/** The unit for an axis of durations. */
function unitOf(most) {
  if (most < 300) return { name: "seconds", size: 1 };
  return most < 3 * 3600 ? { name: "minutes", size: 60 } : { name: "hours", size: 3600 };
}

/** The value of each trial, hollow where it was stopped early, and the best of those that finished. */
export function bestSoFar(box, { sweep, trials }, inside, open) {
  const byTime = state.by === "time";
  const valued = trials.filter((trial) => trial.value !== null && (!byTime || trial.ended));
  const unit = unitOf(Math.max(0, ...valued.map((trial) => since(sweep.started, trial.ended))));
  const x = (trial) => (byTime ? since(sweep.started, trial.ended) / unit.size : trial.number);
  const ordered = [...valued].sort((a, b) => x(a) - x(b));
  let best = null;
  const steps = [];
  for (const trial of ordered) {
    if (trial.state === "finished") best = bestOf(sweep.metric, best === null ? [trial.value] : [best, trial.value]);
    if (best !== null) steps.push([x(trial), best]);
  }
  const marks = ordered.map((trial) => markOf(trial, x(trial), trial.value, 10, inside));
  if (!box.plot?.svg.isConnected)
    box.plot = new Plot(box, { height: 290, label: "Best value so far; the table below has the numbers" }, { leave: hideHover });
  const { plot } = box;
  tellTrials(plot, box, sweep, open);
  const [y] = axisOf(valued.map((trial) => trial.value));
  plot.draw({
    x: { kind: "linear", range: [0, 1.03 * Math.max(...ordered.map(x), 1)], title: byTime ? `${unit.name} since the sweep began` : "trial" },
    y: { ...y, title: sweep.metric },
    curves: [{ points: steps, color: "var(--good)", width: 2, isStep: true, isQuiet: true }],
    marks,
  });
}

/** The mark of a trial; hollow where it was stopped early, with a ring where one of its runs is selected. */
export const markOf = (trial, x, y, size, inside) => ({
  x,
  y,
  trial,
  opens: true,
  shape: "circle",
  size,
  color: "var(--accent)",
  isHollow: trial.state !== "finished",
  isChosen: trial.runs.some((id) => state.sel.includes(id)),
  opacity: inside(trial) ? 0.9 : 0.13,
});

/** One plot per param: its value in each trial against the result, so that a direction can be seen. */
export function slices(box, { sweep, trials }, inside, open) {
  const valued = trials.filter((trial) => trial.value !== null);
  const varied = sweep.params.filter((key) => new Set(valued.map((trial) => param(trial.params[key]))).size > 1);
  box.hidden = varied.length === 0;
  const figures = varied.map((key, index) => {
    let figure = box.children[index];
    if (figure?.dataset.param !== key) {
      const plot = h("div", { class: "plot" });
      figure = h("figure", { class: "chart", "data-param": key }, h("figcaption", {}, h("h2", { title: key }, key)), plot);
      figure.plot = new Plot(plot, { height: 190, label: `${key} against ${sweep.metric}; the table below has the numbers` }, { leave: hideHover });
    }
    return figure;
  });
  if (figures.some((figure, index) => box.children[index] !== figure) || box.children.length !== figures.length)
    refill(box, ...figures);
  const [y, places] = axisOf(valued.map((trial) => trial.value));
  figures.forEach((figure) => {
    const key = figure.dataset.param;
    const known = valued.filter((trial) => trial.params[key] !== undefined);
    const [x, at] = paramAxis(known.map((trial) => trial.params[key]));
    const marks = known.map((trial) => markOf(trial, at(trial.params[key]), places(trial.value), 8, inside));
    tellTrials(figure.plot, figure, sweep, open);
    figure.plot.draw({ x: { ...x, title: key }, y, marks });
  });
}

/** A param of no more values has a tick at each of them. */
const FEW_VALUES = 6;

/** An axis for the values of a param: of few or of words, one place each. */
export function paramAxis(values) {
  const isNumeric = values.every((value) => typeof value === "number");
  const known = [...new Set(values)];
  if (isNumeric && known.length > FEW_VALUES) return axisOf(values);
  // Lists get their natural order: [8] before [16].
  const words = isNumeric
    ? known.sort((a, b) => a - b).map(param)
    : [...new Set(values.map(param))].sort(natural);
  return [{ kind: "words", words }, param];
}

/** An axis for some numbers, with room at its ends, and a number's place on it. */
function axisOf(values) {
  const { kind, low, high } = scaleOf(values);
  const spare = kind === "log" ? (high / low) ** 0.06 : (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [{ kind, range: kind === "log" ? [low / spare, high * spare] : [low - spare, high + spare] }, (value) => value];
}

/** What is said of the trial under the pointer, beside `element`, and what a click does. */
export function tellTrials(plot, element, sweep, open) {
  plot.events.open = ({ trial }) => open(trial);
  plot.events.hover = (x, y) => {
    const trial = plot.find(x, y)?.trial;
    if (!trial) {
      hideHover();
      return;
    }
    const state = trial.state === "finished" ? "finished" : "stopped early";
    const params = sweep.params
      .filter((key) => trial.params[key] !== undefined)
      .map((key) => ({ label: key, value: param(trial.params[key]) }));
    showHover(element, `trial ${trial.number}, ${state}`, [{ label: sweep.metric, value: number(trial.value), near: true }, ...params]);
  };
}

const LANE = 40,
  BAR = 16,
  FOOT = 22;

/** A lane per worker, and on it a bar per trial, as long as it took. */
export function timeline(box, { sweep, trials }, inside, open) {
  const taken = trials.filter((trial) => trial.started && trial.worker);
  if (!taken.length) {
    box.replaceChildren(h("p", {}, "No worker has taken a trial yet."));
    return;
  }
  const now = new Date().toISOString();
  const begin = (trial) => since(sweep.started, trial.started);
  const end = (trial) => Math.max(begin(trial), since(sweep.started, trial.ended ?? now));
  const length = Math.max(1e-3, ...taken.map(end));
  const width = Math.max(320, box.clientWidth - 2);
  const x = (time) => 2 + (Math.max(0, time) / length) * (width - 4);
  const workers = [...new Set([...taken].sort((a, b) => begin(a) - begin(b)).map((trial) => trial.worker))];
  const height = workers.length * LANE + FOOT;
  const bars = taken.map((trial) => {
    const top = workers.indexOf(trial.worker) * LANE + 19;
    const wide = Math.max(3, x(end(trial)) - x(begin(trial)) - 1);
    const title = `trial ${trial.number}, ${trial.state}, ${seconds(end(trial) - begin(trial))}${trial.value === null ? "" : `, ${sweep.metric} ${number(trial.value)}`}${trial.attempts > 1 ? `, taken ${trial.attempts} times` : ""}${trial.reason ? `: ${trial.reason}` : ""}`;
    const label = `${trial.attempts > 1 ? "↻" : ""}${wide > 24 ? trial.number : ""}`;
    return svg(
      "g",
      {
        class: `trial ${trial.state} ${inside(trial) ? "" : "off"}`,
        "data-trial": trial.number,
        onclick: () => open(trial),
      },
      svg("title", {}, title),
      svg("rect", { x: x(begin(trial)), y: top, width: wide, height: BAR, rx: 2 }),
      label
        ? svg("text", { x: x(begin(trial)) + Math.max(wide / 2, 6), y: top + 12, "text-anchor": "middle" }, label)
        : null,
    );
  });
  const parts = width < 500 ? [0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
  const ticks = parts.map((part) =>
    svg(
      "text",
      {
        class: "tick",
        x: x(part * length),
        y: height - 6,
        "text-anchor": part === 0 ? "start" : part === 1 ? "end" : "middle",
      },
      part ? seconds(part * length) : "0",
    ),
  );
  const names = workers.map((worker, index) => [
    svg("line", { x1: 0, x2: width, y1: index * LANE + 0.5, y2: index * LANE + 0.5 }),
    svg("text", { class: "worker", x: 2, y: index * LANE + 14 }, svg("title", {}, worker), worker),
  ]);
  const left = box.firstElementChild?.scrollLeft ?? 0;
  refill(
    box,
    scroller(
      svg(
        "svg",
        {
          width,
          height,
          role: "img",
          "aria-label": `${taken.length} trials of ${workers.length} workers over ${seconds(length)}; the table below has the numbers`,
        },
        names,
        bars,
        ticks,
      ),
      "Timeline of the trials",
    ),
  );
  box.firstElementChild.scrollLeft = left;
}
