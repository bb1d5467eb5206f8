// The runs as the server has them, and which of them are listed and drawn.

import * as api from "./api.js";
import { column, comparator, defaultColumns, runName, vocabulary } from "./columns.js";
import { assign } from "./palette.js";
import { onState, state } from "./state.js";

export const runs = new Map();
export let loaded = false;
let revision = 0;
let matching = null; // ids that the filter lets through; null: all
export let filterError = null; // {error, at, q}
const listeners = new Set();
let cache = {};

/** `listener(ids)` after runs changed; `ids` is a Set, or null when anything may have. Returns the way to stop. */
export function onRuns(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function changed(ids) {
  cache = {};
  for (const listener of listeners) listener(ids);
}

onState((keys) => {
  // The vocabulary of 2,000 runs takes a while: keep it unless the list of runs itself may differ.
  const { words, places } = cache;
  cache = keys.has("archived") || keys.has("q") ? { places } : { words, places };
});

export async function load() {
  const answer = await api.runs();
  runs.clear();
  for (const run of answer.runs) runs.set(run.id, run);
  revision = answer.revision;
  loaded = true;
  await applyFilter(false);
  changed(null);
  return revision;
}

/** A change that the server announced. A complete one names all runs that there are: the store was rebuilt. */
export function merge(change) {
  const ids = new Set();
  if (change.complete) {
    for (const id of runs.keys()) ids.add(id);
    runs.clear();
  }
  for (const run of change.changed) {
    runs.set(run.id, run);
    ids.add(run.id);
  }
  for (const id of change.removed) {
    runs.delete(id);
    ids.add(id);
  }
  revision = change.revision;
  if (state.q.trim()) scheduleFilter();
  changed(ids);
}

/** A run as the server answered after an edit. */
export function put(run) {
  runs.set(run.id, run);
  changed(new Set([run.id]));
}

export function drop(ids) {
  for (const id of ids) runs.delete(id);
  changed(new Set(ids));
}

let timer;
const scheduleFilter = () => {
  clearTimeout(timer);
  timer = setTimeout(() => applyFilter(), 250);
};

let asking;
/** Asks the server which runs match the filter. After an error the last good list stays. */
export async function applyFilter(notify = true) {
  asking?.abort();
  const mine = (asking = new AbortController());
  // Exactly as typed, since the server reports the position of a mistake in characters.
  const { q } = state;
  try {
    matching = q.trim() ? new Set((await api.filter(q, mine.signal)).ids) : null;
    filterError = null;
  } catch (error) {
    if (error.name === "AbortError" || mine !== asking) return;
    filterError =
      error instanceof api.ApiError
        ? { error: error.message, at: error.body?.at, q }
        : { error: "The server does not answer." };
  }
  if (notify) changed(null);
}

const remember = (key, make) => (cache[key] ??= make());

/** What the runs have: `{params, metrics, differing}`. */
export const words = () => remember("words", () => vocabulary([...runs.values()].filter(isListed)));

export const columns = () =>
  remember("columns", () =>
    (state.cols.length ? state.cols : defaultColumns(words(), [...runs.values()])).map(column).filter(Boolean),
  );

const isListed = (run) => (state.archived === "1" || !run.archived) && (!matching || matching.has(run.id));

/** The listed runs in the order of the table: pinned ones first. */
export const listed = () =>
  remember("listed", () => {
    const descending = state.sort.startsWith("-");
    const order = comparator(state.sort.replace(/^-/, ""), descending);
    const newest = (a, b) => (a.started < b.started ? 1 : -1);
    const pins = new Set(state.pin);
    return [...runs.values()]
      .filter(isListed)
      .sort((a, b) => pins.has(b.id) - pins.has(a.id) || order(a, b) || newest(a, b));
  });

const PLACES = ["data.path", "data.test_path", "data.labels", "data.test_labels"];

/** What the server takes for the data of a config (comparison/tested.rs); runs on other data are another group. */
const dataOf = (run) => run.repeated_data ?? "";

const dataNames = () =>
  remember("dataNames", () => {
    const oldestFirst = [...runs.values()].filter(isListed).sort((a, b) => (a.started < b.started ? -1 : 1));
    return [...new Set(oldestFirst.map(dataOf))];
  });

/** The text that a run is grouped by. */
export function groupOf(run) {
  if (state.group === "seeds") {
    // Where the data are does not count if it is known what they are.
    const counts = (key) => !run.repeated_data || !PLACES.includes(key);
    const parts = words().differing.filter(counts).map(
      (key) => `${key.slice(key.lastIndexOf(".") + 1)} = ${column(`param:${key}`).text(run)}`,
    );
    if (dataNames().length > 1) parts.push(`data ${dataNames().indexOf(dataOf(run)) + 1}`);
    return parts.join(", ") || "all the same but the seed";
  }
  const chosen = column(state.group);
  return chosen ? `${chosen.hint ?? chosen.label} = ${chosen.text(run) || "none"}` : "";
}

/** `[{key, runs}]` in the order of the first run of each; null without grouping. */
export const groups = () =>
  remember("groups", () => {
    if (!state.group) return null;
    const found = new Map();
    for (const run of listed()) {
      const key = groupOf(run);
      if (!found.has(key)) found.set(key, []);
      found.get(key).push(run);
    }
    return [...found].map(([key, members]) => ({ key, runs: members }));
  });

/** Whether charts show a mean and a band per group. */
export const isMean = () => state.mean === "1" && Boolean(state.group);

/** The runs drawn in charts, in the order of the table. */
export const drawn = () =>
  remember("drawn", () => {
    const count = isMean() ? 200 : Number(state.draw) || 10;
    const first = new Set(
      listed()
        .slice(0, count)
        .map((run) => run.id),
    );
    const on = new Set([...state.show, ...state.pin, ...state.sel, state.base]);
    const off = new Set(state.hide);
    return listed().filter(
      (run) => (first.has(run.id) || on.has(run.id)) && !off.has(run.id) && Object.keys(run.metrics).length,
    );
  });

const places = () =>
  remember("places", () => {
    const oldestFirst = [...runs.values()].sort((a, b) => (a.started < b.started ? -1 : 1));
    return new Map(oldestFirst.map((run, index) => [run.id, index]));
  });

const slots = () =>
  remember("slots", () => {
    if (isMean()) {
      const order = new Map(groups().map((group, index) => [group.key, index]));
      return new Map(drawn().map((run) => [run.id, order.get(groupOf(run)) % 10]));
    }
    return assign(
      drawn().map((run) => run.id),
      (id) => places().get(id),
    );
  });

/** The colour and shape of a run. */
export const slot = (id) => slots().get(id) ?? (places().get(id) ?? 0) % 10;
export const isDrawn = (id) => slots().has(id);

/** Whether a difference between two runs may be shown: the same rows are tested, or drawn anew from the same data. */
export const comparable = (a, b) => !a.data || !b.data || a.data.test === b.data.test || a.data.rows === b.data.rows;

/** Selected runs that still exist, in the order of selection. */
export const selected = () => state.sel.map((id) => runs.get(id)).filter(Boolean);

/** A name that tells runs of one list apart: ids share their beginning, so that is cut. */
export function shortName(run) {
  if (run.name) return run.name;
  const tail = /^(.*)-(\d{8})-(\d{6})-([0-9a-f]{4})$/.exec(run.id);
  return tail ? `${tail[1]} ${tail[4]}` : run.id;
}

export const title = (run) => (run.name ? `${run.name} (${run.id})` : runName(run));
