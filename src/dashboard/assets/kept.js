// The main metric that this browser's user has chosen for each experiment.

const KEY = "burnlab-metrics";

function all() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    return found !== null && typeof found === "object" ? found : {};
  } catch {
    return {};
  }
}

/** The one chosen for an experiment; empty where it is that of its task. */
export function keptMetric(experiment) {
  const found = all();
  return Object.hasOwn(found, experiment) ? String(found[experiment]) : "";
}

export function keepMetric(experiment, metric) {
  if (!experiment) return;
  try {
    localStorage.setItem(KEY, JSON.stringify({ ...all(), [experiment]: metric }));
  } catch {
    /* a matter of comfort only */
  }
}
