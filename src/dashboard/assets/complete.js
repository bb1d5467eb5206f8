// What can be written next in the filter: names of fields, params and metrics, and behind an operator the values that runs have.

import { written } from "./clauses.js";
import { h } from "./dom.js";
import * as store from "./store.js";

const MOST = 8; // suggestions at a time
/** Names of a run's own fields (comparison/field.rs), the usual ones first. */
const FIELDS = ["status", "tag", "experiment", "name", "note", "seed", "id", "started", "duration", "best_epoch", "parent", "archived", "reason"];
const OPERATOR = /([^\s()[\],=!<>~"']+)\s*(?:!=|<=|>=|=|<|>|~)\s*$/;

/** `{from, list}`: what fits `text` before `at`, and where what it replaces begins. */
export function suggestions(text, at, { keys, valuesOf }) {
  const before = text.slice(0, at);
  // Inside a list or a quoted text, the whole of it is one value; one that is complete is a word like any other.
  const open = before.replace(/"[^"]*"|'[^']*'|\[[^\]]*\]/g, (whole) => "x".repeat(whole.length));
  const from = /(?:"[^"]*|'[^']*|\[[^\]]*|[^\s()=!<>~]*)$/.exec(open).index;
  const typed = before.slice(from).toLowerCase();
  const named = OPERATOR.exec(before.slice(0, from))?.[1];
  if (!named && !typed) return { from, list: [] };
  const fits = (word) => word.toLowerCase().includes(typed) && word.toLowerCase() !== typed;
  const begins = (word) => Number(!word.toLowerCase().startsWith(typed));
  const all = (named ? valuesOf(named) : keys()).filter(fits);
  return { from, list: all.sort((a, b) => begins(a) - begins(b)).slice(0, MOST) };
}

const listedWords = {
  keys: () => {
    const { params, metrics, differing } = store.words();
    return [...new Set([...FIELDS, ...differing, ...metrics, ...params])];
  },
  /** The most frequent first. */
  valuesOf: (key) => {
    const counts = new Map();
    const read = {
      status: (run) => [run.shown],
      tag: (run) => run.tags,
      experiment: (run) => [run.experiment],
      name: (run) => [run.name],
      seed: (run) => [run.seed],
      archived: (run) => [run.archived],
    };
    for (const run of store.runs.values())
      for (const value of (read[key] ?? (({ params }) => [params[key]]))(run))
        if (value !== undefined && value !== null && value !== "") counts.set(written(value), (counts.get(written(value)) ?? 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]).map(([value]) => value);
  },
};

/** Where they are kept. */
const RECENT = "burnlab-filters";
const MOST_RECENT = 6;

/** The filters that this browser's user has written last. */
function recent() {
  try {
    const found = JSON.parse(localStorage.getItem(RECENT) ?? "[]");
    return Array.isArray(found) ? found.filter((one) => typeof one === "string").slice(0, MOST_RECENT) : [];
  } catch {
    return [];
  }
}

/** A filter that was used. */
export function rememberFilter(q) {
  const text = q.trim();
  if (!text) return;
  try {
    localStorage.setItem(RECENT, JSON.stringify([text, ...recent().filter((one) => one !== text)].slice(0, MOST_RECENT)));
  } catch {
    /* a matter of comfort only */
  }
}

/** Offers suggestions below `box`; `onTaken` is called after one of them was written into it. */
export function completion(box, onTaken) {
  let list = [];
  let from = 0;
  let chosen = -1;
  const panel = h("ul", { id: "suggestions", class: "suggestions", role: "listbox", "aria-label": "Suggestions", hidden: true });
  for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-controls": "suggestions" })) box.setAttribute(name, value);
  const draw = () => {
    panel.hidden = list.length === 0;
    box.setAttribute("aria-expanded", String(!panel.hidden));
    panel.replaceChildren(
      ...list.map((word, index) =>
        // The box keeps the focus: leaving it closes the list.
        h("li", { id: `suggestion-${index}`, role: "option", "aria-selected": String(index === chosen), onmousedown: (event) => (event.preventDefault(), take(index)) }, word),
      ),
    );
    if (chosen >= 0) box.setAttribute("aria-activedescendant", `suggestion-${chosen}`);
    else box.removeAttribute("aria-activedescendant");
  };
  const close = () => {
    list = [];
    chosen = -1;
    draw();
  };
  const update = () => {
    if (!box.value.trim()) [from, list] = [0, recent()];
    else ({ from, list } = suggestions(box.value, box.selectionStart ?? box.value.length, listedWords));
    chosen = -1;
    draw();
  };
  const take = (index) => {
    const after = box.value.slice(box.selectionStart).replace(/^\S*/, "");
    const start = `${box.value.slice(0, from)}${list[index]} `;
    box.value = start + after.trimStart();
    box.setSelectionRange(start.length, start.length);
    close();
    onTaken();
  };
  /** Whether the key was for the list. */
  const onKey = (event) => {
    if (panel.hidden) return false;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      chosen = (chosen + step + list.length + (chosen < 0 && step < 0 ? 1 : 0)) % list.length;
      draw();
    }
    // In an empty box Tab passes by, as everywhere: the last filter is not what whoever goes through the page has asked for.
    else if (event.key === "Tab" && !event.shiftKey && (chosen >= 0 || box.value.trim())) take(Math.max(0, chosen));
    else if (event.key === "Enter" && chosen >= 0) take(chosen);
    else if (event.key === "Escape") {
      close();
      event.stopPropagation();
    } else return false;
    event.preventDefault();
    return true;
  };
  box.addEventListener("blur", close);
  box.addEventListener("focus", () => !box.value.trim() && update());
  return { panel, update, onKey };
}
