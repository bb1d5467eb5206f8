// The state of the page, kept in the URL, so that reloading or sharing it restores the same view.
//
// The address is `#/<view>?key=value&...`. `state` is the parsed address; `update` changes both.

const LISTS = ["cols", "widths", "stuck", "sort", "own", "panels", "closed", "sel", "show", "hide", "pin", "logy", "full", "large", "first", "order", "off", "zoomy", "pcols"];

/** Views of one thing, whose id is in the path. */
const PAGES = ["run", "sweep"];

const DEFAULTS = {
  view: "charts", // home | charts | run | compare | scatter | parallel | sweeps | sweep | trash
  id: "", // of the run page and of the sweep page
  exp: "", // only the runs of this experiment
  q: "", // filter
  sort: [], // columns, of which the first decides first; "-" is descending; empty: the newest first
  cols: [], // columns in their order; empty: chosen by columns.js
  stuck: [], // columns that stay in sight beside the name
  widths: [], // "column=px" of columns that are not as wide as they were
  group: "", // columns' ids, one a line, or "seeds": everything but the seed
  closed: [], // collapsed groups
  sel: [], // selected runs
  show: [],
  hide: [], // visibility that differs from the default
  pin: [],
  base: "",
  archived: "", // "1": archived runs too
  draw: "10", // how many runs are drawn by default: the first of the table, or "best:10" by the main metric
  x: "epoch", // epoch | step | time
  logx: "",
  logy: [],
  full: [],
  large: [],
  first: [], // names of charts: logarithmic y, y with all outliers, enlarged, always shown
  order: [], // of charts: those that were moved, in their order
  off: [], // hidden charts
  own: [], // settings of single charts (own.js)
  panels: [], // charts of chosen metrics (own.js)
  part: "", // of the data, whose curves are drawn: "train" or "validation"; empty: all
  more: "", // "1": the charts of all metrics
  color: "", // what colours stand for: "" runs or groups, else a column id
  band: "", // of a mean: "" range, "sd", "interval"
  smooth: "0",
  mean: "", // "1": mean and band per group
  zoom: "", // "from,to" on x
  zoomy: [], // "name:from:to" of charts
  tab: "", // of the run page and of compare
  wrong: "", // "0": all rows of a table of predictions; "1": only the wrong ones of its images
  inputs: "", // "1": predictions with the raw inputs
  page: "0", // of predictions
  truth: "",
  guess: "", // of predictions: only those of this label, or with this prediction
  rows: "", // order of a table of predictions: "" the surest wrong or the largest error first, "file"
  target: "", // metric of scatter and parallel
  sx: "", // param of scatter
  pcols: [], // params of parallel
  cx: "",
  cy: "", // params of a sweep's contour; empty: the most important ones
  judge: "", // the test metric of the verdict; empty: the most meaningful one
  kind: "", // of examples: "" is fixed, else broken or both_wrong
  by: "", // "time": trials by their end, else by their number
  tsort: "", // column of the trials table, "-" is descending; empty: the best first
};

export const state = { ...DEFAULTS };
const listeners = new Set();

/** `listener(changed)` with the set of keys that changed. Returns the way to stop. */
export function onState(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function encode(values) {
  const path = PAGES.includes(values.view)
    ? `${values.view}/${encodeURIComponent(values.id)}`
    : values.view === "charts"
      ? ""
      : values.view === "home"
        ? "experiments"
        : values.view;
  const query = Object.entries(DEFAULTS)
    .filter(([key]) => key !== "view" && key !== "id" && !(values.view === "home" && key === "exp"))
    .map(([key, standard]) => {
      const value = LISTS.includes(key)
        ? values[key].map(encodeURIComponent).join(",")
        : encodeURIComponent(values[key]);
      const plain = LISTS.includes(key) ? "" : encodeURIComponent(standard);
      return value === plain ? null : `${key}=${value}`;
    })
    .filter(Boolean)
    .join("&");
  // These read better as they are and need no escape after the "#".
  return `#/${path}${query ? `?${query}` : ""}`.replaceAll("%2F", "/").replaceAll("%3A", ":");
}

export function decode(hash) {
  const values = { ...DEFAULTS };
  const [path, query = ""] = hash.replace(/^#\/?/, "").split(/\?(.*)/s);
  const [view, id] = path.split("/");
  if (PAGES.includes(view) && id) Object.assign(values, { view, id: text(id) });
  else if (path === "experiments") values.view = "home";
  else if (["compare", "scatter", "parallel", "sweeps", "trash"].includes(view)) values.view = view;
  for (const part of query.split("&")) {
    const [key, value = ""] = part.split(/=(.*)/s);
    if (!Object.hasOwn(DEFAULTS, key) || key === "view" || key === "id") continue;
    values[key] = LISTS.includes(key) ? value.split(",").filter(Boolean).map(text) : text(value);
  }
  return values;
}

function text(escaped) {
  try {
    return decodeURIComponent(escaped);
  } catch {
    return escaped;
  }
}

function apply(values) {
  const changed = new Set(
    Object.keys(DEFAULTS).filter((key) => JSON.stringify(values[key]) !== JSON.stringify(state[key])),
  );
  Object.assign(state, values);
  if (changed.size) for (const listener of listeners) listener(changed);
}

/** What the browser's back button undoes. */
const STEPS = ["view", "id", "exp", "q", "group", "sel", "target"];
/** Keystrokes and clicks that follow each other so soon, in ms, are undone together. */
const TOGETHER = 1500;
let stepped = { key: "", at: 0 };

/** Changes some keys. Going to another view or run, and another filter, group or selection can be undone by going back. */
export function update(patch, { isStep = true } = {}) {
  const values = { ...state, ...patch };
  const hash = encode(values);
  const key = STEPS.filter((one) => JSON.stringify(values[one]) !== JSON.stringify(state[one])).join();
  const isSame = key === stepped.key && key === "q" && performance.now() - stepped.at < TOGETHER;
  const moved = isStep && key !== "" && !isSame;
  stepped = { key, at: performance.now() };
  if (hash !== encode(state)) history[moved ? "pushState" : "replaceState"](null, "", hash);
  apply(values);
}

/** Adds or removes one value of a list. */
export function toggle(key, value, on = !state[key].includes(value)) {
  const rest = state[key].filter((item) => item !== value);
  update({ [key]: on ? [...rest, value] : rest });
}

/** The address of the present view with some keys changed, for links. */
export const link = (patch) => encode({ ...state, ...patch });

const read = () => apply(decode(location.hash));
addEventListener("popstate", read);
addEventListener("hashchange", read);
Object.assign(state, decode(location.hash));
