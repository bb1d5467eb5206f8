// Pictures of a sweep's trials over time: the best so far, and which worker trained which.

import { h, scroller, svg } from "./dom.js";
import { bestOf, number, seconds } from "./format.js";
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
  const marks = ordered.map((trial) => ({
    x: x(trial),
    y: trial.value,
    trial,
    opens: true,
    shape: "circle",
    size: 10,
    color: "var(--accent)",
    isHollow: trial.state !== "finished",
    opacity: inside(trial) ? 1 : 0.15,
  }));
  if (!box.plot?.svg.isConnected)
    box.plot = new Plot(box, { height: 290, label: "Best value so far; the table below has the numbers" }, { leave: hideHover });
  const { plot } = box;
  plot.events.open = ({ trial }) => open(trial);
  plot.events.hover = (px, py) => {
    const trial = plot.find(px, py)?.trial;
    if (!trial) hideHover();
    else {
      const state = trial.state === "finished" ? "finished" : "stopped early";
      showHover(box, `trial ${trial.number}, ${state}`, [{ label: sweep.metric, value: number(trial.value), near: true }]);
    }
  };
  const values = valued.map((trial) => trial.value);
  const { kind } = scaleOf(values);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const spare = kind === "log" ? (high / low) ** 0.06 : (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  plot.draw({
    x: { kind: "linear", range: [0, 1.03 * Math.max(...ordered.map(x), 1)], title: byTime ? `${unit.name} since the sweep began` : "trial" },
    y: { kind, range: kind === "log" ? [low / spare, high * spare] : [low - spare, high + spare], title: sweep.metric },
    curves: [{ points: steps, color: "var(--good)", width: 2, isStep: true, isQuiet: true }],
    marks,
  });
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
  box.replaceChildren(
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
