// The columns of the runs table, and a run's value in each.
//
// A column id is `run:<field>`, `param:<key>`, `best:<metric>` or `last:<metric>`. A metric without a direction has no
// best value: its last one stands in both columns. `filter` is how a column is filtered: `{key, kind, values}` with the field
// as a filter names it; a kind of "values" offers those that `values(run)` gives.

import { MISSING, goal, moment, natural, number, param, seconds, splitKey } from "./format.js";

const FIELDS = {
  started: {
    label: "started",
    width: 124,
    isPlain: true, // texts of one form, whose order is that of their characters
    text: (run) => moment(run.started),
    title: (run) => run.started,
    value: (run) => run.started,
    filter: { key: "started", kind: "date" },
  },
  duration: { label: "duration", width: 92, number: true, text: (run) => seconds(duration(run)), value: duration, filter: { key: "duration", kind: "range" } },
  seed: { label: "seed", width: 64, number: true, text: (run) => String(run.seed), value: (run) => run.seed, filter: listed("seed", (run) => [run.seed]) },
  experiment: { label: "experiment", width: 110, text: (run) => run.experiment, value: (run) => run.experiment, filter: listed("experiment", (run) => [run.experiment]) },
  tags: {
    label: "tags",
    width: 130,
    edit: "tags",
    text: (run) => run.tags.join(", "),
    value: (run) => run.tags.join(",") || null,
    filter: listed("tag", (run) => run.tags),
  },
  note: { label: "note", width: 180, edit: "note", text: (run) => run.note ?? "", value: (run) => run.note || null, filter: { key: "note", kind: "text" } },
  best_epoch: {
    label: "best epoch",
    width: 86,
    number: true,
    text: (run) => run.best_epoch ?? MISSING,
    value: (run) => run.best_epoch,
    filter: { key: "best_epoch", kind: "range" },
  },
  reason: { label: "reason", width: 200, text: (run) => run.reason ?? "", value: (run) => run.reason || null, filter: listed("reason", (run) => (run.reason ? [run.reason] : [])) },
  parent: { label: "parent", width: 200, text: (run) => run.parent ?? "", value: (run) => run.parent, filter: listed("parent", (run) => (run.parent ? [run.parent] : [])) },
  status: { label: "status", width: 96, text: (run) => run.shown, value: (run) => run.shown, filter: listed("status", (run) => [run.shown]) },
  name: { label: "run", width: 210, text: runName, title: (run) => run.id, value: runName, filter: { key: "name", kind: "text" } },
  id: { label: "id", width: 230, text: (run) => run.id, value: (run) => run.id, filter: { key: "id", kind: "text" } },
};

function listed(key, values) {
  return { key, kind: "values", values };
}

/** What a run is called: its name, or else its id without the experiment's part when that stands beside it. */
export function runName(run) {
  return run.name || run.id;
}

export function duration(run) {
  if (run.ended) return (new Date(run.ended) - new Date(run.started)) / 1000;
  const times = Object.values(run.metrics).map((metric) => metric.last_time);
  return times.length ? Math.max(...times) : NaN;
}

export function column(id) {
  const colon = id.indexOf(":");
  const [kind, key] = [id.slice(0, colon), id.slice(colon + 1)];
  if (kind === "run" && Object.hasOwn(FIELDS, key)) return { id, group: "run", ...FIELDS[key] };
  if (kind === "param") {
    // The last part is the label; the tooltip has the whole key.
    const label = key.slice(key.lastIndexOf(".") + 1);
    return {
      id,
      group: "param",
      label,
      hint: key,
      width: Math.max(76, 34 + 7.4 * label.length),
      number: true,
      text: (run) => param(run.params[key]),
      value: (run) => order(run.params[key]),
      filter: listed(key, (run) => (run.params[key] === undefined || run.params[key] === null ? [] : [run.params[key]])),
    };
  }
  if (kind === "best" || kind === "last") {
    const [split] = splitKey(key);
    const shown = goal(key) ? kind : "last";
    const get = (run) => run.metrics[key]?.[shown];
    const epoch = (run) => (split === "test" ? null : run.metrics[key]?.[`${shown}_epoch`]);
    return {
      id,
      group: kind,
      metric: key,
      goal: goal(key),
      number: true,
      label: key,
      width: Math.max(split === "test" ? 92 : 118, 36 + 7.2 * key.length),
      hint: split === "test" ? key : `${shown} ${key}, with its epoch`,
      text: (run) => number(get(run)),
      epoch,
      title: (run) =>
        get(run) === undefined || get(run) === null
          ? null
          : `${get(run)}${epoch(run) ? ` at epoch ${epoch(run)}` : ""}`,
      value: (run) => order(get(run)),
      filter: { key: kind === "last" ? `last(${key})` : key, kind: "range" },
    };
  }
  return null;
}

/** A sortable value: numbers as numbers, arrays by text, nothing and NaN as null. */
function order(value) {
  if (value === null || value === undefined) return null;
  if (typeof value === "number") return value;
  if (["NaN", "Infinity", "-Infinity"].includes(value)) return Number.isNaN(Number(value)) ? null : Number(value);
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Compares by a column; missing values come last in both directions. */
export function comparator(id, descending) {
  const chosen = column(id);
  if (!chosen) return () => 0;
  const sign = descending ? -1 : 1;
  return (a, b) => {
    const [x, y] = [chosen.value(a), chosen.value(b)];
    const [lacksX, lacksY] = [
      x === null || x === undefined || Number.isNaN(x),
      y === null || y === undefined || Number.isNaN(y),
    ];
    if (lacksX || lacksY) return lacksX - lacksY;
    if (typeof x === "number" && typeof y === "number") return sign * (x - y);
    if (chosen.isPlain) return x < y ? -sign : x > y ? sign : 0;
    return sign * natural(String(x), String(y));
  };
}

/** The order of a table that nobody has sorted. */
const NEWEST = ["-run:started"];
/** The keys of `state.sort`, each a column's id, with "-" where it is descending; the first decides first. */
export const sortKeys = (sort) => (sort.length ? sort : NEWEST);
/** The id of a sort key's column, and whether it is descending. */
export const sortKey = (key) => ({ id: key.replace(/^-/, ""), descending: key.startsWith("-") });
export const isNewestFirst = (sort) => sortKeys(sort)[0] === NEWEST[0];

/** Compares by several keys. */
export function orderBy(sort) {
  const orders = sortKeys(sort).map(sortKey).map(({ id, descending }) => comparator(id, descending));
  return (a, b) => {
    for (const order of orders) {
      const found = order(a, b);
      if (found) return found;
    }
    return 0;
  };
}

/**
 * The order of `-best:test/accuracy` as the server takes it, `{sort, reverse}`: a field as in `runs list --sort`, the best
 * first.
 */
export function serverOrder(chosen) {
  const { id, descending } = sortKey(chosen);
  const colon = id.indexOf(":");
  const [kind, key] = [id.slice(0, colon), id.slice(colon + 1)];
  const isScore = ["best", "last"].includes(kind) && goal(key) === "higher";
  const field = kind === "last" ? `last(${key})` : kind === "run" && key === "tags" ? "tag" : key;
  return { sort: field, reverse: descending !== isScore ? 1 : undefined };
}

/** All params and metrics of the runs, and the params that are not the same in all. */
export function vocabulary(runs) {
  const params = new Map();
  const metrics = new Set();
  for (const run of runs) {
    for (const [key, value] of Object.entries(run.params)) {
      if (!params.has(key)) params.set(key, { count: 0, values: new Set() });
      const seen = params.get(key);
      seen.count += 1;
      if (seen.values.size < 3) seen.values.add(JSON.stringify(value));
    }
    for (const key of Object.keys(run.metrics)) metrics.add(key);
  }
  const differing = [...params]
    .filter(([key, seen]) => key !== "name" && key !== "seed" && (seen.values.size > 1 || seen.count < runs.length))
    .map(([key]) => key)
    .sort();
  return { params: [...params.keys()].sort(), metrics: [...metrics].sort(), differing };
}

/** Columns of params at first. */
const MOST_PARAMS = 3;

/** The columns shown until the user picks some; `main` is the main metric, `wanted` are params that have a column anyway. */
export function defaultColumns({ metrics, differing }, runs, main, wanted = []) {
  const experiments = new Set(runs.map((run) => run.experiment)).size > 1;
  return [
    main && `best:${main}`,
    main !== "validation/loss" && metrics.includes("validation/loss") && "best:validation/loss",
    ...[...wanted, ...differing.filter((key) => !wanted.includes(key)).sort((a, b) => rank(a) - rank(b))]
      .slice(0, Math.max(MOST_PARAMS, wanted.length))
      .sort((a, b) => rank(a) - rank(b))
      .map((key) => `param:${key}`),
    "run:seed",
    experiments && "run:experiment",
    "run:started",
    "run:tags",
    "run:note",
  ].filter(Boolean);
}

/** Params that are usually varied on purpose come first. */
const rank = (key) => ["model.", "training."].findIndex((prefix) => key.startsWith(prefix)) >>> 0;

/** Every column there is, for the picker. */
export function allColumns({ params, metrics }) {
  return [
    ...Object.keys(FIELDS)
      .filter((field) => field !== "name" && field !== "status")
      .map((field) => `run:${field}`),
    ...metrics.map((key) => `best:${key}`),
    ...metrics.filter((key) => splitKey(key)[0] !== "test").map((key) => `last:${key}`),
    ...params.map((key) => `param:${key}`),
  ];
}
