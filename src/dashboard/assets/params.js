// Params against a metric, over all listed runs: a scatter plot, and parallel coordinates.

import { dataTable, h, perFrame, refill, scroller } from "./dom.js";
import { bestFirst, goal, number, param, plural, splitKey, valueOf } from "./format.js";
import { hideHover } from "./hover.js";
import { onTheme } from "./palette.js";
import { parallel } from "./parallel.js";
import { Plot } from "./plot.js";
import { pointsOf, tellPoint } from "./points.js";
import { onState, state, update } from "./state.js";
import * as store from "./store.js";

export function mountParams(parent) {
  const kind = state.view;
  const target = h("select", {
    id: "target",
    "aria-label": "Metric",
    onchange: () => update({ target: target.value }),
  });
  const across = h("select", { id: "across", "aria-label": "Param", onchange: () => update({ sx: across.value }) });
  const picker = h("details", { class: "menu" }, h("summary", {}, "Params"), h("div", { class: "panel" }));
  const plot = h("div", { class: kind });
  const told = h("p", { class: "told", role: "status" });
  const table = h("details", { class: "numbers" }, h("summary", {}, "Numbers"));
  const unused = h("p", { class: "soft" });
  parent.append(
    h("h1", {}, kind === "scatter" ? "A param against a metric" : "Params and a metric"),
    h(
      "div",
      { class: "controls" },
      kind === "scatter" && h("label", { class: "inline" }, "param ", across),
      h("label", { class: "inline" }, "metric ", target),
      kind === "parallel" && picker,
    ),
    plot,
    told,
    unused,
    table,
  );
  const brushes = new Map(); // of parallel

  const draw = () => {
    if (!parent.isConnected || state.view !== kind) return;
    const { metrics, differing, params } = store.words();
    const key = metrics.includes(state.target) ? state.target : (store.mainMetric() ?? metrics[0]);
    const param = params.includes(state.sx) ? state.sx : (differing[0] ?? params[0]);
    options(target, metrics, key);
    options(across, [...differing, ...params.filter((one) => !differing.includes(one))], param);
    const value = (run) => Number(valueOf(key, run.metrics[key]) ?? NaN);
    const runs = store.listed().filter((run) => Number.isFinite(value(run)));
    const without = store.listed().length - runs.length;
    unused.textContent = without
      ? `${plural(without, "listed run")} without a finite ${key} ${without === 1 ? "is" : "are"} left out.`
      : "";
    table.hidden = runs.length === 0;
    if (!runs.length || !param) {
      plot.replaceChildren(h("p", {}, "No listed run has this metric."));
      return;
    }
    const axes =
      kind === "scatter"
        ? [param]
        : state.pcols.length
          ? state.pcols.filter((one) => params.includes(one))
          : differing.slice(0, 6);
    if (kind === "scatter") scatter(plot, runs, param, key, value);
    else {
      const axis = (one) => ({ key: one, read: (run) => run.params[one] });
      parallel(plot, runs, [...axes.map(axis), { key, read: value }], {
        told,
        brushes,
        render,
        noun: "run",
        goal: goal(key),
        isStrong: (run) => state.sel.includes(run.id),
        label: store.shortName,
        open: (run) => update({ view: "run", id: run.id, tab: "" }),
      });
      if (!picker.contains(document.activeElement))
        picker.lastChild.replaceChildren(
          ...[...differing, ...params.filter((one) => !differing.includes(one))].map((one) => {
            const tick = h("input", {
              type: "checkbox",
              checked: axes.includes(one),
              onchange: () => update({ pcols: tick.checked ? [...axes, one] : axes.filter((other) => other !== one) }),
            });
            return h("label", {}, tick, one);
          }),
        );
    }
    const best = [...runs].sort((a, b) => bestFirst(key, value(a), value(b)));
    refill(
      table,
      table.firstChild,
      scroller(
        dataTable(
          [{ label: "run" }, ...axes.map((label) => ({ label, number: true })), { label: key, number: true }],
          best
            .slice(0, 200)
            .map((run) => [store.shortName(run), ...axes.map((one) => paramText(run, one)), number(value(run))]),
        ),
        "Numbers",
      ),
    );
  };
  const render = perFrame(draw);
  const stops = [store.onRuns(render), onState(render), onTheme(draw)];
  const resize = new ResizeObserver(render);
  resize.observe(parent);
  render();
  return () => {
    stops.forEach((stop) => stop());
    resize.disconnect();
  };
}

const paramText = (run, key) => param(run.params[key]);

function options(select, values, chosen) {
  if (
    select.options.length !== values.length ||
    [...select.options].some((option, index) => option.value !== values[index])
  )
    select.replaceChildren(...values.map((value) => h("option", { value }, value)));
  select.value = chosen;
}

/** A point per run; of many with one value of a param, each is seen. */
function scatter(box, runs, key, metric, value) {
  if (!box.plot?.svg.isConnected) {
    const events = { open: ({ run }) => update({ view: "run", id: run.id, tab: "" }), leave: hideHover };
    box.plot = new Plot(box, { height: 420, label: "Scatter plot; the table below it has the numbers" }, events);
  }
  const part = splitKey(metric)[0] === "test" ? "" : goal(metric) ? " (best)" : " (last)";
  const axes = [{ label: key, read: (run) => run.params[key] }, { label: metric, title: `${metric}${part}`, read: value }];
  box.plot.events.hover = (x, y) => tellPoint(box.plot, box, axes, x, y);
  box.plot.draw(pointsOf(runs, ...axes));
}
