// Params against a metric, over all listed runs: a scatter plot, and parallel coordinates.

import { CONFIG, look, PAPER_WIDTH, plotly } from "./charts.js";
import { dataTable, h, perFrame, scroller, svg } from "./dom.js";
import { lowerIsBetter, number, param, plural, splitKey } from "./format.js";
import { color, isPaper, onTheme, SHAPES } from "./palette.js";
import { onState, state, update } from "./state.js";
import * as store from "./store.js";
import { plain } from "./traces.js";

export function mountParams(parent) {
  const kind = state.view;
  const target = h("select", { id: "target", "aria-label": "Metric", onchange: () => update({ target: target.value }) });
  const across = h("select", { id: "across", "aria-label": "Param", onchange: () => update({ sx: across.value }) });
  const picker = h("details", { class: "menu" }, h("summary", {}, "Params"), h("div", { class: "panel" }));
  const plot = h("div", { class: kind });
  const told = h("p", { class: "told", role: "status" });
  const table = h("details", { class: "numbers" }, h("summary", {}, "Numbers"));
  const unused = h("p", { class: "soft" });
  parent.append(h("h2", {}, kind === "scatter" ? "A param against a metric" : "Params and a metric"),
    h("div", { class: "controls" }, kind === "scatter" && h("label", { class: "inline" }, "param ", across), h("label", { class: "inline" }, "metric ", target), kind === "parallel" && picker),
    plot, told, unused, table);
  const brushes = new Map(); // axis key -> [low, high], for parallel

  const draw = () => {
    if (!parent.isConnected || state.view !== kind) return;
    const { metrics, differing, params } = store.words();
    const key = metrics.includes(state.target) ? state.target : ["test/accuracy", "test/r2", "validation/loss"].find((one) => metrics.includes(one)) ?? metrics[0];
    const param = params.includes(state.sx) ? state.sx : differing[0] ?? params[0];
    options(target, metrics, key);
    options(across, [...differing, ...params.filter((one) => !differing.includes(one))], param);
    const value = (run) => Number(run.metrics[key]?.best ?? NaN);
    const runs = store.listed().filter((run) => Number.isFinite(value(run)));
    const without = store.listed().length - runs.length;
    unused.textContent = without ? `${plural(without, "listed run")} without a finite ${key} ${without === 1 ? "is" : "are"} left out.` : "";
    table.hidden = runs.length === 0;
    if (!runs.length || !param) { plot.replaceChildren(h("p", {}, "No listed run has this metric.")); return; }
    const axes = kind === "scatter" ? [param] : (state.pcols.length ? state.pcols.filter((one) => params.includes(one)) : differing.slice(0, 6));
    if (kind === "scatter") scatter(plot, runs, param, key, value);
    else {
      parallel(plot, told, runs, axes, key, value, brushes, render);
      if (!picker.contains(document.activeElement)) picker.lastChild.replaceChildren(...[...differing, ...params.filter((one) => !differing.includes(one))].map((one) => {
        const tick = h("input", { type: "checkbox", checked: axes.includes(one), onchange: () => update({ pcols: tick.checked ? [...axes, one] : axes.filter((other) => other !== one) }) });
        return h("label", {}, tick, one);
      }));
    }
    const best = [...runs].sort((a, b) => (lowerIsBetter(key) ? value(a) - value(b) : value(b) - value(a)));
    table.replaceChildren(table.firstChild, scroller(dataTable([{ label: "run" }, ...axes.map((label) => ({ label, number: true })), { label: key, number: true }],
      best.slice(0, 200).map((run) => [store.shortName(run), ...axes.map((one) => paramText(run, one)), number(value(run))])), "Numbers"));
  };
  const render = perFrame(draw);
  const stops = [store.onRuns(render), onState(render), onTheme(draw)];
  const resize = new ResizeObserver(render);
  resize.observe(parent);
  render();
  return () => { stops.forEach((stop) => stop()); resize.disconnect(); };
}

const paramText = (run, key) => param(run.params[key]);

function options(select, values, chosen) {
  if (select.options.length !== values.length || [...select.options].some((option, index) => option.value !== values[index])) select.replaceChildren(...values.map((value) => h("option", { value }, value)));
  select.value = chosen;
}

/** Whether an axis is made of numbers, and then whether it is better read on a logarithmic one. */
function scaleOf(values) {
  const numeric = values.every((value) => typeof value === "number");
  if (!numeric) return { kind: "words" };
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return { kind: low > 0 && high / low >= 50 ? "log" : "linear", low, high };
}

async function scatter(plot, runs, key, metric, value) {
  // What is printed is drawn at once or not at all.
  const Plotly = window.Plotly ?? await plotly();
  const values = runs.map((run) => run.params[key]).filter((one) => one !== undefined);
  const scale = scaleOf(values);
  const known = runs.filter((run) => run.params[key] !== undefined);
  const style = look();
  // Words get their natural order: [8] before [16].
  const words = [...new Set(known.map((run) => plain(paramText(run, key))))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  await Plotly.react(plot, [{
    type: "scatter", mode: "markers", x: known.map((run) => (scale.kind === "words" ? plain(paramText(run, key)) : run.params[key])), y: known.map(value),
    marker: { size: 10, opacity: 0.85, color: known.map((run) => (store.isDrawn(run.id) ? color(store.slot(run.id)) : "#888")), symbol: known.map((run) => (store.isDrawn(run.id) ? SHAPES[store.slot(run.id)] : "circle-open")) },
    customdata: known.map((run) => run.id),
    text: known.map((run) => `${plain(store.shortName(run))}<br>${plain(key)} = ${plain(paramText(run, key))}`), hovertemplate: `%{text}<br>${plain(metric)} %{y:.5~g}<extra></extra>`,
  }], {
    ...style, height: 420, width: isPaper() ? PAPER_WIDTH : plot.clientWidth, margin: { ...style.margin, l: 64, b: 50 },
    xaxis: { ...style.xaxis, title: { text: plain(key) }, type: scale.kind === "words" ? "category" : scale.kind, ...(scale.kind === "words" ? { categoryorder: "array", categoryarray: words } : {}) },
    yaxis: { ...style.yaxis, title: { text: `${plain(metric)}${splitKey(metric)[0] === "test" ? "" : " (best)"}` } },
  }, CONFIG);
  if (plot.wired) return;
  plot.wired = true;
  plot.on("plotly_click", (event) => update({ view: "run", id: event.points[0].customdata, tab: "" }));
}

const HEIGHT = 380, TOP = 46, BOTTOM = 26;

/** Drawn as SVG by hand: Plotly's own needs WebGL and eval, which the page's policy forbids. */
function parallel(plot, told, runs, params, metric, value, brushes, render) {
  const width = Math.max(plot.clientWidth, 100 * (params.length + 1));
  const axes = [...params, metric].map((key, index, all) => {
    const read = key === metric && index === all.length - 1 ? value : (run) => run.params[key];
    const given = runs.map(read).filter((one) => one !== undefined && one !== null);
    const scale = scaleOf(given);
    const words = scale.kind === "words" ? [...new Set(given.map(param))].sort((a, b) => a.localeCompare(b, "en", { numeric: true })) : null;
    const place = (run) => {
      const raw = read(run);
      if (raw === undefined || raw === null) return null;
      if (words) return words.length > 1 ? words.indexOf(param(raw)) / (words.length - 1) : 0.5;
      if (scale.low === scale.high) return 0.5;
      return scale.kind === "log" ? Math.log(raw / scale.low) / Math.log(scale.high / scale.low) : (raw - scale.low) / (scale.high - scale.low);
    };
    return { key, scale, words, place, x: 50 + (index * (width - 140)) / Math.max(1, all.length - 1) };
  });
  const y = (part) => HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM);
  const inside = (run) => axes.every((axis) => { const brush = brushes.get(axis.key); const part = axis.place(run); return !brush || (part !== null && part >= brush[0] && part <= brush[1]); });
  const last = axes.at(-1);
  const lower = lowerIsBetter(metric);
  const chosen = runs.filter(inside);
  const describe = (run) => { told.textContent = `${store.shortName(run)}: ${params.map((key) => `${key} = ${paramText(run, key)}`).join(", ")}; ${metric} ${number(value(run))}`; };
  const summary = () => { told.textContent = brushes.size ? `${chosen.length} of ${plural(runs.length, "run")} inside the marked ranges. Click an axis to unmark it.` : "Stronger lines are better. Drag along an axis to mark a range; click a line to open the run."; };
  const lines = [...runs].sort((a, b) => inside(a) - inside(b)).map((run) => {
    const parts = axes.map((axis) => [axis.x, axis.place(run)]).filter(([, part]) => part !== null);
    const good = lower ? 1 - (last.place(run) ?? 0) : last.place(run) ?? 0;
    const on = inside(run);
    return svg("path", {
      class: `line ${on ? "" : "off"} ${state.sel.includes(run.id) ? "selected" : ""}`, d: `M${parts.map(([x, part]) => `${x.toFixed(1)},${y(part).toFixed(1)}`).join("L")}`,
      style: { "--good": on ? (0.15 + 0.85 * good).toFixed(2) : "0.05" }, onclick: () => update({ view: "run", id: run.id, tab: "" }), onmouseenter: () => describe(run), onmouseleave: summary,
    });
  });
  const rulers = axes.map((axis) => {
    const ticks = axis.words ? axis.words.map((word, index) => [axis.words.length > 1 ? index / (axis.words.length - 1) : 0.5, word])
      : [0, 0.25, 0.5, 0.75, 1].slice(0, axis.scale.low === axis.scale.high ? 1 : 5).map((part) => [axis.scale.low === axis.scale.high ? 0.5 : part, number(axis.scale.kind === "log" ? axis.scale.low * (axis.scale.high / axis.scale.low) ** part : axis.scale.low + part * (axis.scale.high - axis.scale.low))]);
    const label = axis.key.includes("/") ? axis.key : axis.key.slice(axis.key.lastIndexOf(".") + 1);
    const brush = brushes.get(axis.key);
    const area = svg("rect", { class: "grab", x: axis.x - 16, y: TOP - 8, width: 32, height: HEIGHT - TOP - BOTTOM + 16 });
    area.addEventListener("pointerdown", (down) => {
      area.setPointerCapture(down.pointerId);
      const part = (event) => Math.min(1, Math.max(0, (HEIGHT - BOTTOM - (event.clientY - area.ownerSVGElement.getBoundingClientRect().top)) / (HEIGHT - TOP - BOTTOM)));
      const from = part(down);
      area.addEventListener("pointerup", (up) => {
        const to = part(up);
        if (Math.abs(to - from) < 0.02) brushes.delete(axis.key);
        else brushes.set(axis.key, [Math.min(from, to) - 0.005, Math.max(from, to) + 0.005]);
        render();
      }, { once: true });
    });
    return svg("g", { class: "axis" },
      svg("line", { x1: axis.x, x2: axis.x, y1: y(0), y2: y(1) }),
      svg("text", { class: "axis-name", x: axis.x, y: 16, "text-anchor": "middle" }, svg("title", {}, axis.key), label.length > 16 ? `${label.slice(0, 15)}…` : label),
      axis.scale.kind === "log" ? svg("text", { x: axis.x, y: HEIGHT - 4, "text-anchor": "middle" }, "log") : null,
      ticks.slice(0, 14).map(([part, text]) => svg("text", { x: axis.x + 7, y: y(part) + 4 }, text.length > 14 ? `${text.slice(0, 13)}…` : text)),
      brush ? svg("rect", { class: "brush", x: axis.x - 6, width: 12, y: y(Math.min(1, brush[1])), height: Math.max(2, y(Math.max(0, brush[0])) - y(Math.min(1, brush[1]))) }) : null, area);
  });
  const picture = svg("svg", { width, height: HEIGHT, role: "img", "aria-label": `Parallel coordinates of ${plural(runs.length, "run")}; the table below has the numbers` }, svg("g", {}, lines), rulers);
  plot.replaceChildren(scroller(picture, "Parallel coordinates"));
  summary();
}
