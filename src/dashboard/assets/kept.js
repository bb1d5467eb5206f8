// What this browser's user has chosen for each experiment: its main metric, its charts and where they stand, and the columns of
// its table.

const KEY = "burnlab-experiments";

/** The keys of the page's state that are kept, as they are at first. */
const NONE = { target: "", first: [], order: [], off: [], own: [], panels: [], cols: [], widths: [], stuck: [] };

function all() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return found !== null && typeof found === "object" ? found : {};
  } catch {
    return {};
  }
}

function write(found) {
  try {
    localStorage.setItem(KEY, JSON.stringify(found));
  } catch {
    /* a matter of comfort only */
  }
}

/** What was chosen for an experiment, as a part of the page's state; the rest is as it is at first. */
export function kept(experiment) {
  const found = all();
  const own = Object.hasOwn(found, experiment) ? Object(found[experiment]) : {};
  const isLike = (value, standard) => typeof value === typeof standard && Array.isArray(value) === Array.isArray(standard);
  return Object.fromEntries(Object.entries(NONE).map(([key, standard]) => [key, isLike(own[key], standard) ? own[key] : standard]));
}

/** `patch`: some of these keys. Returns it. */
export function keep(experiment, patch) {
  if (experiment) write({ ...all(), [experiment]: { ...kept(experiment), ...patch } });
  return patch;
}

/** The experiment has another name. */
export function moveKept(from, to) {
  const { [from]: own, ...others } = all();
  if (own) write({ ...others, [to]: own });
}
