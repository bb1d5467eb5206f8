// The charts view: settings, a legend of the runs, and one chart per metric.

import { mountBoard } from "./board.js";
import { mountCharts } from "./charts.js";
import { debounce, h, perFrame, refill, svg } from "./dom.js";
import { goal, plural, splitKey } from "./format.js";
import { mountGoing } from "./going.js";
import { experiment } from "./groups.js";
import { light, lights } from "./highlight.js";
import { keep } from "./kept.js";
import { swatch } from "./palette.js";
import { PARTS, editPanel } from "./own.js";
import { showAll, showOnly } from "./shown.js";
import { link, onState, state, update } from "./state.js";
import * as store from "./store.js";
import { BANDS } from "./traces.js";

export function mountOverview(parent) {
  const legend = h("div", { class: "legend", "aria-label": "Runs drawn" });
  const settings = chartSettings({ withDraw: true });
  const key = lineKey();
  const stopBoard = mountBoard(parent);
  const stopGoing = mountGoing(parent);
  // Where there is room: the charts should be in sight on a small screen.
  key.insertBefore(settings.add, key.lastChild);
  parent.append(settings.element, legend, key);
  const stopCharts = mountCharts(parent, store.drawn, { mean: true });
  const render = perFrame(() => {
    settings.render();
    renderLegend(legend);
    key.lastChild.hidden = !store.isMean();
    key.lastChild.textContent = `band: ${(BANDS[state.band] ?? BANDS[""]).text}`;
  });
  const stopRuns = store.onRuns(render);
  const unlisten = onState(render);
  render();
  return () => {
    unlisten();
    stopRuns();
    stopCharts();
    stopBoard();
    stopGoing();
  };
}

const MOST_CHIPS = 20;

function renderLegend(legend) {
  const drawn = store.drawn();
  const all = store.listed().length;
  const listed = new Set(store.listed().map((run) => run.id));
  const hidden = state.hide.filter((id) => listed.has(id));
  const chips = store.isMean() ? store.drawnGroups().map(groupChip) : (colorChips(drawn) ?? drawn.map(runChip));
  refill(
    legend,
    ...chips.slice(0, MOST_CHIPS),
    chips.length > MOST_CHIPS ? h("span", { class: "count" }, `and ${chips.length - MOST_CHIPS} more`) : "",
    hidden.length ? h("button", { type: "button", class: "link", id: "show-hidden", onclick: () => showAll(hidden, true) }, `Show ${plural(hidden.length, "hidden run")}`) : "",
    drawn.length < all ? h("span", { class: "count" }, `${drawn.length} of ${plural(all, "run")} drawn`) : "",
  );
}

const groupChip = ({ label, runs }) =>
  h(
    "span",
    { class: "chip", title: label, ...lights(runs.map((run) => run.id)) },
    eye(runs.map((run) => run.id), label),
    h("span", { class: "clip" }, label),
    h("span", { class: "count" }, ` × ${runs.length}`),
  );

/** One for each value that has a colour of its own; null where each run has. */
function colorChips(drawn) {
  if (!state.color) return null;
  const found = new Map();
  for (const run of drawn) {
    const key = store.colorKey(run);
    if (key === null) return null;
    found.set(key, [...(found.get(key) ?? []), run]);
  }
  return [...found].map(([label, runs]) => groupChip({ label, runs }));
}

const runChip = (run) =>
  h(
    "span",
    { class: `chip ${state.sel.includes(run.id) ? "chosen" : ""}`, title: store.title(run), ...lights([run.id]) },
    eye([run.id], store.nameOf(run)),
    h("a", { class: "clip", href: link({ view: "run", id: run.id, tab: "" }) }, store.nameOf(run)),
  );

/** The mark of a chip: a click hides its runs, one with Shift hides all others. */
const eye = (ids, name) =>
  h(
    "button",
    { type: "button", class: "quiet", tabindex: "-1", title: "Hide; with Shift: this alone", "aria-label": `Hide ${name}`, onclick: (event) => (light(null), event.shiftKey ? showOnly(ids) : showAll(ids, false)) },
    swatch(store.slot(ids[0])),
  );

/** The legend of lines and marks that all charts share. */
export function lineKey() {
  const line = (dash) =>
    svg(
      "svg",
      { class: "line-sample", viewBox: "0 0 26 8", "aria-hidden": "true" },
      svg("path", { d: "M0 4H26", "stroke-dasharray": dash }),
    );
  return h(
    "p",
    { class: "key" },
    h("span", {}, line("4 3"), "train"),
    h("span", {}, line(), "validation"),
    h("span", {}, "◇ best epoch"),
    h("span", {}, "◆ last"),
    h("span", {}, "| stopped early"),
    h("span", { hidden: true }),
  );
}

/** The line of settings over charts. `render` brings it up to date with the state. */
export function chartSettings({ withDraw }) {
  const axis = h(
    "select",
    { id: "x-axis", "aria-label": "Horizontal axis", onchange: () => update({ x: axis.value, zoom: "" }) },
    ["epoch", "step", "time"].map((value) => h("option", { value }, value)),
  );
  const logx = h("input", { type: "checkbox", onchange: () => update({ logx: logx.checked ? "1" : "" }) });
  const value = h("output", {});
  const changed = debounce((smooth) => update({ smooth }), 150);
  const smooth = h("input", {
    type: "range",
    min: 0,
    max: 0.95,
    step: 0.05,
    "aria-label": "Smoothing",
    oninput: () => {
      value.textContent = smoothText(smooth.value);
      changed(String(Number(smooth.value)));
    },
  });
  const draw = h(
    "select",
    {
      id: "draw",
      "aria-label": "Runs drawn at first",
      onchange: () => update({ draw: draw.value, show: [], hide: [] }),
    },
    ["5", "10", "25", "50", "100"].map((count) => h("option", { value: count, title: "Of the table, in its order" }, `first ${count}`)),
    ["5", "10", "25"].map((count) => h("option", { value: `${store.BEST}${count}`, title: "By the main metric" }, `best ${count}`)),
  );
  const part = h(
    "select",
    { id: "part", "aria-label": "Curves of which part of the data", onchange: () => update({ part: part.value }) },
    h("option", { value: "" }, "all curves"),
    PARTS.map((one) => h("option", { value: one }, `${one} alone`)),
  );
  const add = h("button", { type: "button", id: "add-chart", title: "A chart of the metrics that you choose", onclick: () => editPanel() }, "+ Chart");
  add.classList.toggle("quiet", withDraw);
  const drawLabel = h("label", { class: "inline" }, "draw ", draw);
  const mean = h("input", { type: "checkbox", id: "mean", onchange: () => update({ mean: mean.checked ? "1" : "" }) });
  const meanLabel = h("label", { class: "inline", title: "One line per group, with a band" }, mean, "mean per group");
  const band = h(
    "select",
    { id: "band", "aria-label": "Band around the mean", onchange: () => update({ band: band.value }) },
    Object.entries(BANDS).map(([value, { label, text }]) => h("option", { value, title: text }, label)),
  );
  const colors = h("select", { id: "color", "aria-label": "Colours", onchange: () => update({ color: colors.value }) });
  const metric = h("select", { id: "main-metric", "aria-label": "Main metric", onchange: () => update(keep(experiment(), { target: metric.value })) });
  const reset = h("button", { type: "button", id: "reset-zoom", title: "A double click on a chart does it, too", onclick: () => update({ zoom: "", zoomy: [] }) }, "Reset zoom");
  const element = h(
    "div",
    { class: "controls chart-settings" },
    withDraw && h("label", { class: "inline" }, "metric ", metric),
    h("label", { class: "inline" }, "x ", axis),
    h("label", { class: "inline" }, logx, "log x"),
    h(
      "label",
      { class: "inline", title: "Exponential moving average, computed from all points" },
      "smooth ",
      smooth,
      value,
    ),
    part,
    withDraw && drawLabel,
    withDraw && h("label", { class: "inline" }, "colour ", colors),
    withDraw && meanLabel,
    withDraw && band,
    withDraw ? null : add,
    reset,
  );
  const render = () => {
    axis.value = state.x;
    logx.checked = state.logx === "1";
    if (document.activeElement !== smooth) {
      smooth.value = state.smooth;
      value.textContent = smoothText(state.smooth);
    }
    draw.value = state.draw;
    part.value = state.part;
    // A mean is of all runs of its group.
    drawLabel.hidden = store.isMean();
    mean.checked = state.mean === "1";
    meanLabel.hidden = !state.group;
    band.hidden = !store.isMean();
    band.value = state.band;
    reset.hidden = !state.zoom && !state.zoomy.length;
    if (!withDraw) return;
    options(colors, colorChoices(), state.color);
    // Only what has a better direction can be a main metric; one name is one metric, tested if it was.
    const keys = store.words().metrics.filter((key) => goal(key) && splitKey(key)[0] !== "train");
    options(metric, keys.map((key) => [key, key]), store.mainMetric() ?? "");
  };
  render();
  return { element, render, add };
}

/** Fills a choice with `[[value, label]...]`, unless it has them already. */
function options(select, choices, chosen) {
  const all = choices.some(([value]) => value === chosen) ? choices : [...choices, [chosen, chosen || "none"]];
  const signature = JSON.stringify(all);
  if (select.dataset.signature !== signature) {
    select.replaceChildren(...all.map(([value, label]) => h("option", { value }, label)));
    select.dataset.signature = signature;
  }
  select.value = chosen;
}

const colorChoices = () => [
  ["", store.isMean() ? "group" : "run"],
  ...(state.group && !store.isMean() ? [["group", "group"]] : []),
  ["run:experiment", "experiment"],
  ...store.words().differing.slice(0, 30).map((key) => [`param:${key}`, key]),
];

const smoothText = (value) => (Number(value) ? Number(value).toFixed(2) : "off");
