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

/** `[{name, keys}]`: titles, each with the metrics whose curves stand in one chart. */
export function panels() {
  const found = new Map();
  for (const [name, keys] of state.panels.map(parsed).filter(Boolean).slice(0, MOST_PANELS))
    if (name.trim() && Array.isArray(keys) && !found.has(name)) found.set(name.slice(0, LONGEST), keys.filter((key) => typeof key === "string").slice(0, MOST_METRICS));
  return [...found].map(([name, keys]) => ({ name, keys })).filter(({ keys }) => keys.length);
}

const written = (list) => list.map(({ name, keys }) => JSON.stringify([name, keys]));

export function removePanel(name) {
  keepAll({ panels: written(panels().filter((one) => one.name !== name)), own: others(name) });
}

/** Asks for the metrics and the title of a new chart, or of the one of this name. */
export function editPanel(name) {
  const old = panels().find((one) => one.name === name);
  const { metrics } = store.words();
  const curves = metrics.filter((key) => splitKey(key)[0] !== "test");
  const chosen = new Set(old?.keys ?? []);
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
  const dialog = document.getElementById("dialog");
  const problem = (text) => {
    told.hidden = false;
    told.textContent = text;
  };
  const submit = (event) => {
    event.preventDefault();
    const keys = [...chosen];
    const wanted = title.value.trim() || keys.join(", ").slice(0, LONGEST);
    const taken = [...panels().map((one) => one.name).filter((one) => one !== name), ...metrics.map((key) => splitKey(key)[1])];
    if (!keys.length) problem("Choose a metric.");
    else if (keys.length > MOST_METRICS) problem(`${MOST_METRICS} metrics at most: more cannot be told apart.`);
    else if (taken.includes(wanted)) problem(`There is a chart “${wanted}” already: give this one another title.`);
    else if (!old && panels().length >= MOST_PANELS) problem(`${MOST_PANELS} charts at most: remove one first.`);
    else {
      const one = { name: wanted, keys };
      const list = old ? panels().map((other) => (other.name === name ? one : other)) : [...panels(), one];
      dialog.close();
      keepAll({ panels: written(list), order: state.order.map((other) => (other === name ? wanted : other)) });
    }
  };
  dialog.className = "panel-dialog";
  dialog.replaceChildren(
    h("h2", {}, old ? "Change the chart" : "A chart of your own"),
    h("p", { class: "soft" }, "The curves of one metric or of several on one axis, for every run that is drawn."),
    h(
      "form",
      { onsubmit: submit },
      h("label", { class: "field" }, h("span", {}, "Title"), title),
      curves.length > 8 ? find : null,
      h("div", { class: "choices" }, boxes.length ? boxes : "No run has a curve yet."),
      told,
      h("div", { class: "actions" }, h("button", { type: "submit", class: "primary", id: "panel-save" }, old ? "Change" : "Add"), h("button", { type: "button", onclick: () => dialog.close() }, "Cancel")),
    ),
  );
  dialog.showModal();
}
