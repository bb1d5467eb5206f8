// The charts of some runs: the main metric and the loss first and large, the others folded away.

import { Chart } from "./chart.js";
import { h, perFrame, refill } from "./dom.js";
import { goal, plural, splitKey } from "./format.js";
import { experiment } from "./groups.js";
import { onLight } from "./highlight.js";
import { keep } from "./kept.js";
import { POINTS, panels } from "./own.js";
import { isParam, PointChart } from "./points.js";
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
  const hidden = h("p", { class: "hidden-charts soft" });
  const charts = new Map();
  parent.append(first, more, hidden);
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
  // What is told here need not be measured, for which the browser would lay out the page in the midst of a change.
  const resize = new ResizeObserver((entries) => {
    for (const { target, contentRect } of entries) target.chart.resize(contentRect.width);
  });
  let closed = false;
  let chosen = new Map(); // charts of chosen metrics
  const isPanel = (name) => chosen.has(name);
  const place = (grid, names) =>
    names.forEach((name, index) => {
      if (!charts.has(name)) {
        const Kind = chosen.get(name)?.kind === POINTS ? PointChart : Chart;
        const chart = new Kind(name, getRuns, mean, charts, arrangement(first, rest), isPanel(name));
        // The first ones are in sight, or nearly: their curves are asked for before the page is laid out.
        chart.seen = grid === first;
        charts.set(name, chart);
        seen.observe(chart.element);
        resize.observe(chart.box);
      }
      const { element } = charts.get(name);
      if (grid.children[index] !== element) grid.insertBefore(element, grid.children[index] ?? null);
    });
  const draw = () => {
    if (closed) return;
    const runs = getRuns();
    const names = metricNames(runs);
    chosen = panelNames(runs, names);
    for (const [name, { keys }] of chosen) names.set(name, keys);
    const isOther = (name, chart) => isPanel(name) && chart instanceof PointChart !== (chosen.get(name).kind === POINTS);
    for (const [name, chart] of charts)
      if (!names.has(name) || isOther(name, chart)) {
        seen.unobserve(chart.element);
        resize.unobserve(chart.box);
        chart.close();
        charts.delete(name);
      }
    const [main, others] = divided([...names.keys()].filter((name) => !state.off.includes(name)), isPanel);
    for (const [name, chart] of charts) chart.element.hidden = state.off.includes(name);
    place(first, main);
    // Those that are folded away are not made before they are seen.
    place(rest, state.more === "1" ? others : others.filter((name) => charts.has(name)));
    for (const [name, chart] of charts) {
      chart.keys = names.get(name);
      if (!chart.element.hidden) chart.refresh();
    }
    renderHidden(hidden, [...names.keys()].filter((name) => state.off.includes(name)));
    first.hidden = main.length === 0;
    more.hidden = others.length === 0;
    more.firstChild.textContent = `${plural(others.length, "more metric")}: ${others.slice(0, 6).join(", ")}${others.length > 6 ? ", …" : ""}`;
  };
  const render = perFrame(draw);
  const stops = [
    store.onRuns(render),
    onState(render),
    onLight((ids) => {
      for (const chart of charts.values()) chart.plot.light(ids);
    }),
  ];
  draw();
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

/** What a chart's menu does with its place. What is shown stands in the two grids, in their order. */
function arrangement(first, rest) {
  const keepAll = (patch) => update(keep(experiment(), patch));
  const names = (grid) => [...grid.children].filter((element) => !element.hidden).map((element) => element.dataset.metric);
  /** `to`: from a grid's names to the index of the place in it. */
  const put = (name, to) => {
    const grids = [first, rest].map(names).map((grid) => {
      const others = grid.filter((one) => one !== name);
      const index = Math.max(0, Math.min(others.length, to(grid)));
      return grid.includes(name) ? [...others.slice(0, index), name, ...others.slice(index)] : grid;
    });
    keepAll({ order: grids.flat() });
  };
  return {
    move: (name, by) => put(name, (grid) => grid.indexOf(name) + by),
    /** Puts a chart where another one is. */
    drop: (name, onto) => put(name, (grid) => grid.indexOf(grid.includes(onto) ? onto : name)),
    hide: (name) => keepAll({ off: [...state.off, name] }),
    raise: (name) => keepAll({ first: state.first.includes(name) ? state.first.filter((one) => one !== name) : [...state.first, name] }),
  };
}

/** A button for each hidden chart, which brings it back. */
function renderHidden(box, names) {
  const show = (name) => () => update(keep(experiment(), { off: state.off.filter((one) => one !== name) }));
  box.hidden = names.length === 0;
  refill(box, "Hidden: ", ...names.map((name) => h("button", { type: "button", class: "quiet", "data-show": name, title: `Show ${name} again`, onclick: show(name) }, name)));
}

/** In the order that was chosen; what was never moved comes last, as it stands. */
function arranged(names) {
  const place = (name) => (state.order.includes(name) ? state.order.indexOf(name) : Infinity);
  return [...names].sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b)));
}

/** What is shown at once: the main metric and the loss, or else the first two, what was kept, and charts of chosen metrics. */
function divided(names, isPanel) {
  const single = names.filter((name) => !isPanel(name));
  const main = [splitKey(store.mainMetric() ?? "")[1], "loss"].filter((name, index, all) => single.includes(name) && all.indexOf(name) === index);
  const two = [...main, ...single.filter((name) => !main.includes(name))].slice(0, Math.max(2, main.length));
  const shown = [...two, ...state.first.filter((name) => names.includes(name) && !two.includes(name)), ...names.filter(isPanel)];
  return [arranged(shown), arranged(names.filter((name) => !shown.includes(name)))];
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

/** name -> {kind, keys} of the charts of chosen metrics: of what a run has. */
function panelNames(runs, taken) {
  const known = new Set(runs.flatMap((run) => Object.keys(run.metrics)));
  const found = panels()
    .filter(({ name }) => !taken.has(name))
    .map(({ name, keys, kind }) => [name, { kind, keys: keys.filter((key) => known.has(key) || (kind === POINTS && isParam(key))) }])
    .filter(([, { kind, keys }]) => (kind === POINTS ? keys.length === 2 : keys.length > 0));
  return new Map(found.map(([name, { kind, keys }]) => [name, { kind, keys: Object.fromEntries(keys.map((key) => [key, key])) }]));
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
