// The charts of some runs: the main metric and the loss first and large, the others folded away.

import { Chart } from "./chart.js";
import { h, perFrame } from "./dom.js";
import { goal, plural, splitKey } from "./format.js";
import { onLight } from "./highlight.js";
import { onState, state, update } from "./state.js";
import * as store from "./store.js";

/** Charts of `getRuns()`, which may change with every render. Returns a function that removes them. */
export function mountCharts(parent, getRuns, { mean = false } = {}) {
  const first = h("div", { class: "charts" });
  const rest = h("div", { class: "charts" });
  const more = h(
    "details",
    { class: "more-metrics", open: state.more === "1", ontoggle: () => update({ more: more.open ? "1" : "" }) },
    h("summary", {}, "More metrics"),
    rest,
  );
  const charts = new Map();
  parent.append(first, more);
  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const chart = entry.target.chart;
        chart.seen = entry.isIntersecting;
        if (chart.seen) chart.refresh();
      }
    },
    { rootMargin: "200px" },
  );
  let closed = false;
  const place = (grid, names) =>
    names.forEach((name, index) => {
      if (!charts.has(name)) {
        const chart = new Chart(name, getRuns, mean, charts);
        charts.set(name, chart);
        seen.observe(chart.element);
      }
      const { element } = charts.get(name);
      if (grid.children[index] !== element) grid.insertBefore(element, grid.children[index] ?? null);
    });
  const render = perFrame(() => {
    if (closed) return;
    const runs = getRuns();
    const names = metricNames(runs);
    for (const [name, chart] of charts)
      if (!names.has(name)) {
        seen.unobserve(chart.element);
        chart.close();
        charts.delete(name);
      }
    const [main, others] = divided([...names.keys()]);
    place(first, main);
    place(rest, others);
    for (const [name, chart] of charts) {
      chart.keys = names.get(name);
      chart.refresh();
    }
    first.hidden = names.size === 0;
    more.hidden = others.length === 0;
    more.firstChild.textContent = `${plural(others.length, "more metric")}: ${others.slice(0, 6).join(", ")}${others.length > 6 ? ", …" : ""}`;
  });
  const stops = [
    store.onRuns(render),
    onState(render),
    onLight((ids) => {
      for (const chart of charts.values()) chart.plot.light(ids);
    }),
  ];
  const resize = new ResizeObserver(
    perFrame(() => {
      for (const chart of charts.values()) chart.resize();
    }),
  );
  resize.observe(parent);
  render();
  return () => {
    closed = true;
    stops.forEach((stop) => stop());
    resize.disconnect();
    seen.disconnect();
    for (const chart of charts.values()) {
      chart.leave();
      chart.close();
    }
  };
}

/** What is shown at once: the main metric and the loss, or else the first two, and what was kept. */
function divided(names) {
  const main = [splitKey(store.mainMetric() ?? "")[1], "loss"].filter((name, index, all) => names.includes(name) && all.indexOf(name) === index);
  const two = [...main, ...names.filter((name) => !main.includes(name))].slice(0, Math.max(2, main.length));
  const shown = [...two, ...state.first.filter((name) => names.includes(name) && !two.includes(name))];
  return [shown, names.filter((name) => !shown.includes(name))];
}

/**
 * metric name -> {train, validation, ...: key}; scores, then errors and the rest by name. Test values are not curves, and
 * a metric that has the values of the loss is not shown twice.
 */
function metricNames(runs) {
  const found = new Map();
  for (const run of runs) {
    for (const key of Object.keys(run.metrics)) {
      const [split, name] = splitKey(key);
      if (split === "test") continue;
      if (!found.has(name)) found.set(name, {});
      found.get(name)[split] = key;
    }
  }
  if (isLoss(runs, "log_loss")) found.delete("log_loss");
  const rank = (name) => (name === "loss" ? 0 : ({ higher: 1, lower: 2 }[goal(`x/${name}`)] ?? 3));
  return new Map([...found].sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b)));
}

/** Whether a metric is the loss by another name in all of the runs that have it. */
const isLoss = (runs, name) =>
  runs.every((run) =>
    Object.entries(run.metrics).every(([key, metric]) => {
      const [split, own] = splitKey(key);
      if (own !== name || split === "test") return true;
      const loss = run.metrics[`${split}/loss`];
      return loss && Math.abs(loss.last - metric.last) <= 1e-6 * Math.abs(metric.last);
    }),
  );
