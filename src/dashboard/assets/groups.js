// What runs are grouped by, what runs and groups are called, and the metric that they are looked at by.

import { column, sortKey, sortKeys, vocabulary } from "./columns.js";
import { HEADLINES, bestFirst, goal, param, spread } from "./format.js";
import { state } from "./state.js";
import { drawn, isDrawn, isLoading, listed, remember, shortName } from "./store.js";

const PLACES = ["data.path", "data.more_paths", "data.query", "data.sheet", "data.test_path", "data.labels", "data.test_labels"];
/** What differs between repetitions of one config besides the seed (comparison/params.rs). */
const REPETITIONS = ["data.split_seed", "data.fold", "data.repeat"];
/** In a name; more params than these are in the tooltip and the table. */
const MOST_PARAMS = 4;

/** The metric of a run's task: the first of the server's list that it has. */
const taskMetric = (run) => HEADLINES.find((key) => run.metrics[key]);

/** The metric that most of some runs are measured by; one of another kind does not count against a hundred. */
export function metricOf(some) {
  const counts = new Map();
  for (const run of some) {
    const key = taskMetric(run);
    if (key) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

/** The main metric of the listed runs: that of the address if they have it, or that of their task. */
export const mainMetric = () =>
  remember("main", () => {
    const chosen = state.target && listed().some((run) => run.metrics[state.target]);
    return chosen ? state.target : metricOf(listed());
  });

/** The experiment that is looked at: the one chosen, or the only one that is listed. */
export const experiment = () =>
  remember("experiment", () => {
    if (state.exp) return state.exp;
    const names = new Set(listed().map((run) => run.experiment));
    return names.size === 1 && !isLoading() ? [...names][0] : "";
  });

// ---- names ----

const experiments = () =>
  remember("experiments", () => {
    const found = new Map();
    for (const run of listed()) {
      if (!found.has(run.experiment)) found.set(run.experiment, []);
      found.get(run.experiment).push(run);
    }
    return found;
  });

/** Of an experiment: the params that are not the same in all of its listed runs, and whether its seeds differ. */
function toldApart(name) {
  const told = remember("told", () => new Map());
  if (!told.has(name)) {
    const own = experiments().get(name) ?? [];
    const seeds = new Set(own.map((run) => run.seed)).size > 1;
    told.set(name, { differing: vocabulary(own).differing, seeds });
  }
  return told.get(name);
}

/** `hidden [64]` for each param that tells the run from others of its experiment. */
function paramsOf(run, keys) {
  const last = (key) => key.slice(key.lastIndexOf(".") + 1);
  const label = (key) => (keys.filter((other) => last(other) === last(key)).length > 1 ? key : last(key));
  return keys.map((key) => `${label(key)} ${param(run.params[key])}`);
}

/** What a run is called where its params do not stand beside it. */
function readable(run) {
  if (run.name) return run.name;
  const { differing, seeds } = toldApart(run.experiment);
  const params = paramsOf(run, differing);
  const parts = [
    experiments().size > 1 && run.experiment,
    ...params.slice(0, MOST_PARAMS),
    params.length > MOST_PARAMS && "…",
    seeds && `seed ${run.seed}`,
  ].filter(Boolean);
  return parts.length ? parts.join(" · ") : shortName(run);
}

const names = () =>
  remember("names", () => {
    const counts = new Map();
    const all = new Map(drawn().map((run) => [run.id, readable(run)]));
    for (const name of all.values()) counts.set(name, (counts.get(name) ?? 0) + 1);
    return new Map([...all].map(([id, name]) => [id, counts.get(name) > 1 ? `${name} (${id.slice(-4)})` : name]));
  });

/** A name for legends: `hidden [64] · seed 3`, with the experiment where there are several. */
export const nameOf = (run) => names().get(run.id) ?? readable(run);

// ---- groups ----

/** What the server takes for the data of a config (comparison/tested.rs); runs on other data are another group. */
const dataOf = (run) => run.repeated_data ?? "";

const dataNames = () =>
  remember("dataNames", () => {
    const oldestFirst = [...listed()].sort((a, b) => (a.started < b.started ? -1 : 1));
    const found = new Map();
    for (const run of oldestFirst) {
      if (!found.has(run.experiment)) found.set(run.experiment, []);
      if (!found.get(run.experiment).includes(dataOf(run))) found.get(run.experiment).push(dataOf(run));
    }
    return found;
  });

/** The text that a run is grouped by. */
export function groupOf(run) {
  if (state.group === "seeds") {
    // Where the data are does not count if it is known what they are.
    const counts = (key) => !REPETITIONS.includes(key) && !(run.repeated_data && PLACES.includes(key));
    const parts = paramsOf(run, toldApart(run.experiment).differing.filter(counts));
    const data = dataNames().get(run.experiment) ?? [];
    if (data.length > 1) parts.push(`data ${data.indexOf(dataOf(run)) + 1}`);
    // Of one experiment alone the name stands above already.
    const isNamed = experiments().size > 1 || parts.length === 0;
    return [isNamed && run.experiment, ...parts].filter(Boolean).join(" · ");
  }
  return groupKeys()
    .map((chosen) => `${chosen.label} ${chosen.text(run) || "none"}`)
    .join(" · ");
}

/** Stands between the columns of `state.group`. */
export const AND = "\n";

/** The columns by which runs are grouped. */
export const groupKeys = () => state.group.split(AND).map(column).filter(Boolean);

/** The mean by which a group is sorted: of the column that the table is sorted by, or of the main metric. */
function sorting() {
  const { id, descending } = sortKey(sortKeys(state.sort)[0]);
  const chosen = column(id);
  if (chosen?.number) return { read: chosen.value, compare: descending ? (a, b) => b - a : (a, b) => a - b };
  const key = mainMetric();
  const own = key && column(`best:${key}`);
  return own && goal(key) ? { read: own.value, compare: (a, b) => bestFirst(key, a, b) } : null;
}

/** `[{key, runs}]`, sorted by the mean that they show, or else in the order of the first run of each; null without grouping. */
export const groups = () =>
  remember("groups", () => {
    if (!state.group) return null;
    const found = new Map();
    for (const run of listed()) {
      const key = groupOf(run);
      if (!found.has(key)) found.set(key, []);
      found.get(key).push(run);
    }
    const all = [...found].map(([key, members]) => ({ key, runs: members }));
    const order = sorting();
    if (!order) return all;
    const mean = new Map(all.map(({ key, runs: members }) => [key, meanOf(members, order.read)]));
    return all.sort((a, b) => {
      const [x, y] = [mean.get(a.key), mean.get(b.key)];
      return x === null || y === null ? (x === null) - (y === null) : order.compare(x, y);
    });
  });

const meanOf = (members, read) =>
  spread(members.map(read).filter((value) => value !== null && typeof value === "number"))?.mean ?? null;

/** The groups of the runs drawn, `[{label, runs}]`. */
export const drawnGroups = () =>
  groups()
    .map(({ key, runs: members }) => ({ label: key, runs: members.filter((run) => isDrawn(run.id)) }))
    .filter(({ runs: members }) => members.length);

/** What a run's colour stands for: null for the run itself. */
export function colorKey(run) {
  if (state.color === "group" || (state.mean === "1" && state.group && !state.color)) return state.group ? groupOf(run) : null;
  const chosen = state.color && column(state.color);
  return chosen ? `${chosen.label} ${chosen.text(run) || "none"}` : null;
}
