// What single charts have of their own: settings that differ from those of the page, and charts of chosen metrics.
//
// Both stand in the address, from where anything may come: what is no setting is left out.

import { h } from "./dom.js";
import { splitKey } from "./format.js";
import { experiment } from "./groups.js";
import { keep } from "./kept.js";
import { state, update } from "./state.js";
import * as store from "./store.js";

export const AXES = ["epoch", "step", "time"];
export const PARTS = ["train", "validation"];
const SMOOTHINGS = ["0", "0.3", "0.5", "0.7", "0.8", "0.9", "0.95"];
const MOST_PANELS = 20,
  MOST_METRICS = 12,
  LONGEST = 80; // characters of a title

const keepAll = (patch) => update(keep(experiment(), patch));

function parsed(item) {
  try {
    const found = JSON.parse(item);
    return Array.isArray(found) && typeof found[0] === "string" ? found : null;
  } catch {
    return null;
  }
}

// ---- settings of one chart ----

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** What a chart has of its own, `{x, part, smooth, low, high}`; what it has not is absent. */
export function ownOf(name) {
  const found = Object(state.own.map(parsed).find((one) => one?.[0] === name)?.[1]);
  const kept = {};
  if (AXES.includes(found.x)) kept.x = found.x;
  if (PARTS.includes(found.part)) kept.part = found.part;
  if (isNumber(found.smooth) && found.smooth >= 0 && found.smooth < 1) kept.smooth = found.smooth;
  if (isNumber(found.low)) kept.low = found.low;
  if (isNumber(found.high) && !(found.high <= kept.low)) kept.high = found.high;
  return kept;
}

const others = (name) => state.own.filter((item) => parsed(item)?.[0] !== name);

function setOwn(name, patch) {
  const next = Object.fromEntries(Object.entries({ ...ownOf(name), ...patch }).filter(([, value]) => value !== undefined && value !== ""));
  keepAll({ own: Object.keys(next).length ? [...others(name), JSON.stringify([name, next])] : others(name) });
}

/** A form with the settings of a chart; `render` brings it up to date. */
export function ownForm(name, isPanel) {
  const choice = (label, key, values, read = (value) => value) => {
    const select = h("select", { "aria-label": `${label} of ${name}`, "data-own": key, onchange: () => setOwn(name, { [key]: select.value === "" ? undefined : read(select.value) }) });
    select.append(h("option", { value: "" }, "as the page"), ...values.map(([value, text]) => h("option", { value }, text)));
    return [key, select, h("label", {}, h("span", {}, label), select)];
  };
  const end = (label, key) => {
    const field = h("input", { inputmode: "decimal", placeholder: "automatic", "aria-label": `${label} of ${name}`, "data-own": key });
    field.addEventListener("change", () => setOwn(name, { [key]: field.value.trim() === "" || !Number.isFinite(Number(field.value)) ? undefined : Number(field.value) }));
    return [key, field, h("label", {}, h("span", {}, label), field)];
  };
  const fields = [
    choice("x axis", "x", AXES.map((axis) => [axis, axis])),
    ...(isPanel ? [] : [choice("curves", "part", PARTS.map((part) => [part, part]))]),
    choice("smoothing", "smooth", SMOOTHINGS.map((value) => [value, value === "0" ? "off" : value]), Number),
    end("y from", "low"),
    end("y to", "high"),
  ];
  const form = h("form", { class: "own", onsubmit: (event) => event.preventDefault() }, fields.map(([, , label]) => label));
  const render = () => {
    const own = ownOf(name);
    for (const [key, input] of fields) if (document.activeElement !== input) input.value = own[key] ?? "";
  };
  return { form, render };
}

// ---- charts of chosen metrics ----

/** The kind of a chart with a point for each run; the others have curves. */
export const POINTS = "points";

/** `[{name, keys, kind}]`: titles, each with the metrics whose curves stand in one chart, or the two axes of points. */
export function panels() {
  const found = new Map();
  for (const [name, keys, kind] of state.panels.map(parsed).filter(Boolean).slice(0, MOST_PANELS)) {
    if (!name.trim() || !Array.isArray(keys) || found.has(name)) continue;
    const texts = keys.filter((key) => typeof key === "string").slice(0, MOST_METRICS);
    if (kind === POINTS ? texts.length === 2 && texts[0] !== texts[1] : texts.length) found.set(name.slice(0, LONGEST), { keys: texts, kind: kind === POINTS ? POINTS : "" });
  }
  return [...found].map(([name, one]) => ({ name, ...one }));
}

const written = (list) => list.map(({ name, keys, kind }) => JSON.stringify(kind ? [name, keys, kind] : [name, keys]));

export function removePanel(name) {
  keepAll({ panels: written(panels().filter((one) => one.name !== name)), own: others(name) });
}

/** What is wrong with a chart that is asked for; empty where nothing is. */
function mistake({ name, keys, kind }, old) {
  const { metrics } = store.words();
  const taken = [...panels().map((one) => one.name).filter((one) => one !== old?.name), ...metrics.map((key) => splitKey(key)[1])];
  if (kind === POINTS && (!keys.every(Boolean) || keys[0] === keys[1])) return "Choose two different axes.";
  if (!keys.length) return "Choose a metric.";
  if (keys.length > MOST_METRICS) return `${MOST_METRICS} metrics at most: more cannot be told apart.`;
  if (taken.includes(name)) return `There is a chart “${name}” already: give this one another title.`;
  if (!old && panels().length >= MOST_PANELS) return `${MOST_PANELS} charts at most: remove one first.`;
  return "";
}

/** Asks for the metrics and the title of a new chart, or of the one of this name. */
export function editPanel(name) {
  const old = panels().find((one) => one.name === name);
  const { metrics, params, differing } = store.words();
  const curves = metrics.filter((key) => splitKey(key)[0] !== "test");
  const chosen = new Set(old?.kind ? [] : old?.keys);
  const title = h("input", { value: old?.name ?? "", maxlength: LONGEST, placeholder: "named after its metrics", "aria-label": "Title of the chart", id: "panel-title" });
  const told = h("p", { class: "problem", role: "alert", hidden: true });
  const boxes = curves.map((key) => {
    const tick = h("input", { type: "checkbox", checked: chosen.has(key), "data-key": key, onchange: () => (tick.checked ? chosen.add(key) : chosen.delete(key)) });
    return h("label", {}, tick, key);
  });
  const find = h("input", {
    type: "search",
    placeholder: "Find a metric",
    "aria-label": "Find a metric",
    oninput: () => boxes.forEach((label) => (label.hidden = !label.textContent.toLowerCase().includes(find.value.trim().toLowerCase()))),
  });
  const axis = (id, label, values, value) => {
    const select = h("select", { id, "aria-label": label }, values.map(([key, text]) => h("option", { value: key }, text)));
    if (values.some(([key]) => key === value)) select.value = value;
    return select;
  };
  const own = metrics.map((key) => [key, key]);
  const across = [...differing, ...params.filter((key) => !differing.includes(key))].map((key) => [`param:${key}`, key]);
  const x = axis("panel-x", "Horizontal axis", [...across, ...own], old?.keys[0]);
  const y = axis("panel-y", "Vertical axis", own, old?.keys[1] ?? store.mainMetric());
  const lines = h("div", {}, curves.length > 8 ? find : null, h("div", { class: "choices" }, boxes.length ? boxes : "No run has a curve yet."));
  const points = h("div", { class: "fields" }, h("label", { class: "field" }, h("span", {}, "Horizontal: a param or a metric"), x), h("label", { class: "field" }, h("span", {}, "Vertical"), y));
  const kind = h("select", { id: "panel-kind", "aria-label": "Kind", onchange: () => shown() }, h("option", { value: "" }, "curves of one or several metrics"), h("option", { value: POINTS }, "a point for each run"));
  kind.value = old?.kind ?? "";
  const shown = () => {
    lines.hidden = kind.value === POINTS;
    points.hidden = !lines.hidden;
  };
  shown();
  const dialog = document.getElementById("dialog");
  const submit = (event) => {
    event.preventDefault();
    const keys = kind.value === POINTS ? [x.value, y.value] : [...chosen];
    const one = { name: title.value.trim() || keys.map((key) => key.replace(/^param:/, "")).join(", ").slice(0, LONGEST), keys, kind: kind.value };
    told.textContent = mistake(one, old);
    told.hidden = !told.textContent;
    if (!told.hidden) return;
    dialog.close();
    const list = old ? panels().map((other) => (other.name === name ? one : other)) : [...panels(), one];
    keepAll({ panels: written(list), order: state.order.map((other) => (other === name ? one.name : other)) });
  };
  dialog.className = "panel-dialog";
  dialog.replaceChildren(
    h("h2", {}, old ? "Change the chart" : "A chart of your own"),
    h("p", { class: "soft" }, "For every run that is drawn. It is kept with the experiment, and in the address."),
    h(
      "form",
      { onsubmit: submit },
      h("label", { class: "field" }, h("span", {}, "Kind"), kind),
      h("label", { class: "field" }, h("span", {}, "Title"), title),
      lines,
      points,
      told,
      h("div", { class: "actions" }, h("button", { type: "submit", class: "primary", id: "panel-save" }, old ? "Change" : "Add"), h("button", { type: "button", onclick: () => dialog.close() }, "Cancel")),
    ),
  );
  dialog.showModal();
}
