// The charts view: settings, a legend of the runs, and one chart per metric.

import { mountCharts } from "./charts.js";
import { debounce, h, perFrame, svg } from "./dom.js";
import { plural } from "./format.js";
import { swatch } from "./palette.js";
import { link, onState, state, update } from "./state.js";
import * as store from "./store.js";

export function mountOverview(parent) {
  const legend = h("div", { class: "legend", "aria-label": "Runs drawn" });
  const settings = chartSettings({ withDraw: true });
  const key = lineKey();
  parent.append(settings.element, legend, key);
  const stopCharts = mountCharts(parent, store.drawn, { mean: true });
  const render = perFrame(() => {
    settings.render();
    renderLegend(legend);
    key.lastChild.hidden = !store.isMean();
  });
  const stopRuns = store.onRuns(render);
  const unlisten = onState(render);
  render();
  return () => {
    unlisten();
    stopRuns();
    stopCharts();
  };
}

function renderLegend(legend) {
  const drawn = store.drawn();
  if (store.isMean()) {
    const groups = store.groups().filter((group) => group.runs.some((run) => store.isDrawn(run.id)));
    legend.replaceChildren(
      ...groups
        .slice(0, 20)
        .map((group) =>
          h(
            "span",
            { class: "chip", title: group.key },
            swatch(store.slot(group.runs[0].id)),
            h("span", { class: "clip" }, group.key),
            h("span", { class: "count" }, ` × ${group.runs.length}`),
          ),
        ),
    );
    return;
  }
  const all = store.listed().length;
  legend.replaceChildren(
    ...drawn
      .slice(0, 20)
      .map((run) =>
        h(
          "a",
          { class: "chip", href: link({ view: "run", id: run.id, tab: "" }), title: store.title(run) },
          swatch(store.slot(run.id)),
          h("span", { class: "clip" }, store.shortName(run)),
        ),
      ),
    drawn.length > 20 ? h("span", { class: "count" }, `and ${drawn.length - 20} more`) : "",
    drawn.length < all ? h("span", { class: "count" }, `${drawn.length} of ${plural(all, "run")} drawn`) : "",
  );
}

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
    h("span", { hidden: true }, "band: lowest to highest run"),
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
    ["5", "10", "25", "50", "100"].map((count) => h("option", { value: count }, `first ${count}`)),
  );
  const mean = h("input", { type: "checkbox", id: "mean", onchange: () => update({ mean: mean.checked ? "1" : "" }) });
  const meanLabel = h(
    "label",
    { class: "inline", title: "One line per group with a band from its lowest to its highest run" },
    mean,
    "mean and band per group",
  );
  const reset = h("button", { type: "button", onclick: () => update({ zoom: "" }) }, "Reset zoom");
  const element = h(
    "div",
    { class: "controls chart-settings" },
    h("label", { class: "inline" }, "x ", axis),
    h("label", { class: "inline" }, logx, "log x"),
    h(
      "label",
      { class: "inline", title: "Exponential moving average, computed from all points" },
      "smooth ",
      smooth,
      value,
    ),
    withDraw && h("label", { class: "inline" }, "draw ", draw),
    withDraw && meanLabel,
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
    mean.checked = state.mean === "1";
    meanLabel.hidden = !state.group;
    reset.style.visibility = state.zoom ? "visible" : "hidden";
  };
  render();
  return { element, render };
}

const smoothText = (value) => (Number(value) ? Number(value).toFixed(2) : "off");
