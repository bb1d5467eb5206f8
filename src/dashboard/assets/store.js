// The runs as the server has them, and which of them are listed and drawn.

import * as api from "./api.js";
import { saidOf } from "./clauses.js";
import { FIRST } from "./early.js";
import { bestFirst, valueOf } from "./format.js";
import { column, defaultColumns, isNewestFirst, orderBy, runName, serverOrder, sortKeys, vocabulary } from "./columns.js";
import { colorKey, groupOf, groups, mainMetric } from "./groups.js";
import { assign } from "./palette.js";
import { onState, state } from "./state.js";

export { colorKey, drawnGroups, groupOf, groups, mainMetric, nameOf } from "./groups.js";

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

/** Forgets what was found, but for this. */
function forgetBut(names) {
  cache = Object.fromEntries(names.filter((name) => cache[name]).map((name) => [name, cache[name]]));
}

/** What the names of params and metrics are found by: of 20,000 runs it takes a while. */
const NAMES = ["words", "told"];

/** `keepsNames`: a new epoch changes none of them. */
function changed(ids, keepsNames = false) {
  forgetBut(keepsNames ? [...NAMES, "places"] : []);
  for (const listener of listeners) listener(ids);
}

onState((keys) => {
  // The list of runs itself may differ.
  const isOther = ["archived", "q", "exp"].some((key) => keys.has(key));
  forgetBut(isOther ? ["places"] : [...NAMES, "places"]);
});

/** How many runs each page has but the first, which is shown at once. */
const PAGE = 500;
let total = 0; // runs that the server has, by the last page
let loading = null; // while pages come: {seen, told}, the ids on them and those that changed meanwhile

/** How many runs there are; not all of them may be here yet. */
export const count = () => Math.max(total, runs.size);
/** Whether pages are still to come. */
export const isLoading = () => loading !== null && runs.size < total;

/**
 * Fetches the first page, of what the table shows at first, and goes on with the others while the page is used. Returns the
 * revision of the first. Nothing is shown before `ready()`, of which the promise `when` tells what to begin with.
 */
export async function load(when, ready = () => {}) {
  const mine = (loading = { seen: new Set(), told: new Set() });
  const [first, found] = await Promise.all([firstPage(), when, applyFilter(false)]);
  revision = first.revision;
  loaded = true;
  take(first, mine);
  ready(found);
  if (first.runs.length < total) others(first, mine);
  else end(mine);
  changed(null);
  return first.revision;
}

/** In the order of the table and with its filter, unless the server does not know a name in them (yet). */
async function firstPage() {
  const plain = { limit: FIRST };
  if (!state.q.trim() && isNewestFirst(state.sort)) return api.runs(plain);
  try {
    return await api.runs({ ...plain, q: state.q.trim() ? state.q : "", ...serverOrder(sortKeys(state.sort)[0]) });
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 400) return api.runs(plain);
    throw error;
  }
}

/** The rest; what is named in the address comes first. */
async function others(first, mine) {
  try {
    const named = [...state.sel, ...state.pin, state.base, state.view === "run" ? state.id : ""];
    const wanted = named.filter((id) => id && !runs.has(id)).map((id) => `id = "${id}"`);
    if (first.all > first.runs.length && wanted.length) {
      const found = await api.runs({ q: wanted.slice(0, 40).join(" or "), limit: PAGE });
      if (mine !== loading) return;
      take(found, mine);
      changed(null);
    }
    // A run that was deleted meanwhile moves the others to earlier pages: then one is missed, and all are asked again.
    for (let round = 0; round < 3 && mine.seen.size < total; round += 1) {
      let shown = performance.now();
      for (let offset = 0; offset < total; offset += PAGE) {
        const page = await api.runs({ offset, limit: PAGE });
        if (mine !== loading) return;
        take(page, mine);
        // Sorting and drawing thousands of runs takes longer than fetching them.
        if (performance.now() - shown > 1000) {
          changed(null);
          shown = performance.now();
        }
      }
    }
    end(mine);
  } catch {
    // The banner says that the server is gone; when it is back, the list is loaded again.
    if (mine === loading) loading = null;
  }
  if (loading === null) changed(null);
}

/** All pages have come. */
function end(mine) {
  // Deleted while this page was not told of it.
  for (const id of runs.keys()) if (!mine.seen.has(id)) runs.delete(id);
  loading = null;
}

/** Adds the runs of a page, but for those of which a change was announced meanwhile: that is newer. */
function take(page, mine) {
  total = page.all;
  for (const run of page.runs) {
    mine.seen.add(run.id);
    if (!mine.told.has(run.id)) runs.set(run.id, run);
  }
}

/** A change that the server announced. A complete one names all runs that there are: the store was rebuilt. */
export function merge(change) {
  const ids = new Set();
  let isKnown = true; // whether the names that runs have stay as they are
  if (change.complete) {
    for (const id of runs.keys()) ids.add(id);
    runs.clear();
    loading = null;
    total = 0;
    isKnown = false;
  }
  for (const run of change.changed) {
    isKnown &&= hasSameNames(runs.get(run.id), run);
    if (!runs.has(run.id)) total += 1;
    runs.set(run.id, run);
    loading?.seen.add(run.id);
    loading?.told.add(run.id);
    ids.add(run.id);
  }
  for (const id of change.removed) {
    forget(id);
    ids.add(id);
    isKnown = false;
  }
  revision = change.revision;
  if (state.q.trim()) scheduleFilter();
  changed(ids, isKnown);
}

const hasSameNames = (old, run) =>
  Boolean(old) &&
  old.archived === run.archived &&
  Object.keys(old.metrics).length === Object.keys(run.metrics).length &&
  JSON.stringify(old.params) === JSON.stringify(run.params);

function forget(id) {
  if (runs.delete(id)) total -= 1;
  loading?.seen.delete(id);
  loading?.told.add(id);
}

/** A run as the server answered after an edit. */
export function put(run) {
  if (!runs.has(run.id)) total += 1;
  loading?.seen.add(run.id);
  loading?.told.add(run.id);
  runs.set(run.id, run);
  changed(new Set([run.id]));
}

/** Runs were changed where they are. */
export const touch = () => changed(null);

export function drop(ids) {
  ids.forEach(forget);
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

export const remember = (key, make) => (cache[key] ??= make());

/** What the runs have: `{params, metrics, differing}`. */
export const words = () => remember("words", () => vocabulary([...runs.values()].filter(isListed)));

/** The columns of the table, those that stay in sight first. */
export const columns = () =>
  remember("columns", () => {
    const ids = state.cols.length ? state.cols : defaultColumns(words(), listed(), mainMetric(), filtered());
    const found = ids.map(column).filter(Boolean);
    const isStuck = ({ id }) => state.stuck.includes(id);
    return [...found.filter(isStuck), ...found.filter((one) => !isStuck(one))];
  });

/** The params that the filter is about: they are the same in all runs that are left, but their columns stay. */
const filtered = () => (state.q.trim() ? words().params.filter((key) => saidOf(state.q, key).length) : []);

const isListed = (run) =>
  (state.archived === "1" || !run.archived) &&
  (!matching || matching.has(run.id)) &&
  (!state.exp || run.experiment === state.exp);

/** All experiments there are, by name. */
export const experimentNames = () =>
  remember("experimentNames", () => [...new Set([...runs.values()].map((run) => run.experiment))].sort());

/** The listed runs in the order of the table: pinned ones first. */
export const listed = () =>
  remember("listed", () => {
    const order = orderBy(state.sort);
    const newest = (a, b) => (a.started < b.started ? 1 : -1);
    const pins = new Set(state.pin);
    return [...runs.values()]
      .filter(isListed)
      .sort((a, b) => pins.has(b.id) - pins.has(a.id) || order(a, b) || newest(a, b));
  });

/** Whether charts show a mean and a band per group. */
export const isMean = () => state.mean === "1" && Boolean(state.group);

/** Of `state.draw`: the best by the main metric, instead of the first of the table. */
export const BEST = "best:";

/** The listed runs that have the main metric, the best first. */
const bestListed = () => {
  const key = mainMetric();
  const value = (run) => Number(valueOf(key, run.metrics[key]) ?? NaN);
  return listed().filter((run) => Number.isFinite(value(run))).sort((a, b) => bestFirst(key, value(a), value(b)));
};

/** The runs drawn in charts, in the order of the table. */
export const drawn = () =>
  remember("drawn", () => {
    const isBest = state.draw.startsWith(BEST) && mainMetric() !== null;
    const count = isMean() ? 200 : Number(state.draw.replace(BEST, "")) || 10;
    const first = new Set((isBest && !isMean() ? bestListed() : listed()).slice(0, count).map((run) => run.id));
    const on = new Set([...state.show, ...state.pin, ...state.sel, state.base]);
    const off = new Set(state.hide);
    return listed().filter(
      (run) => (first.has(run.id) || on.has(run.id)) && !off.has(run.id) && Object.keys(run.metrics).length,
    );
  });

const places = () =>
  remember("places", () => {
    const newestFirst = [...runs.values()].sort((a, b) => (a.started < b.started ? 1 : -1));
    // The oldest ones may be still to come: a colour does not change when they do.
    return new Map(newestFirst.map((run, index) => [run.id, count() - 1 - index]));
  });

/** The slots of what was drawn before, so that drawing one more changes no colour. */
let kept = new Map();

const slots = () =>
  remember("slots", () => {
    const shown = drawn();
    const keys = new Map(shown.map((run) => [run.id, colorKey(run) ?? run.id]));
    const oldest = new Map();
    for (const run of shown) {
      const key = keys.get(run.id);
      oldest.set(key, Math.min(oldest.get(key) ?? Infinity, places().get(run.id) ?? 0));
    }
    kept = assign([...oldest.keys()], (key) => oldest.get(key), kept);
    return new Map([...keys].map(([id, key]) => [id, kept.get(key)]));
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
