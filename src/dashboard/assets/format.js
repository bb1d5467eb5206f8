// Formats values, and what the server says about metrics.

export * from "./numbers.js";

/** `validation/loss` -> ["validation", "loss"]. */
export function splitKey(key) {
  const slash = key.indexOf("/");
  return slash < 0 ? ["", key] : [key.slice(0, slash), key.slice(slash + 1)];
}

const meta = (name) => document.querySelector(`meta[name="burnlab-${name}"]`).content;

/** A command of burnlab, as it is started on the server's machine, for the runs that the page shows. */
export const command = (words) => `${meta("program")} ${words}${meta("elsewhere")}`;

/** The server's table of metrics (src/metric.rs): `{name: {goal, meaning}}`. */
const METRICS = JSON.parse(meta("metrics"));

/** The metrics by which a task is judged, the most meaningful first (src/comparison/headline.rs). */
export const HEADLINES = JSON.parse(meta("headlines"));

/** The 97.5 % quantiles of Student's t by degrees of freedom, from 1. */
const T = JSON.parse(meta("t"));
export const tQuantile = (freedom) => T[Math.min(freedom, T.length) - 1];

const row = (key) => {
  const name = splitKey(key)[1];
  return Object.hasOwn(METRICS, name) ? METRICS[name] : null;
};

/** Which direction of a metric is better: "lower", "higher", or null where neither is, or the server does not know it. */
export const goal = (key) => row(key)?.goal ?? null;

/** The least and the most that a metric can be. */
export function bounds(key) {
  const [least, most] = row(key)?.bounds ?? [null, null];
  return [least ?? -Infinity, most ?? Infinity];
}

/** What a metric is, in a sentence; empty if the server does not know it. */
export const meaning = (key) => row(key)?.meaning ?? "";

/** What a change of a metric means: "better", "worse", "same", or "other" where neither direction is better. */
export function judge(key, change) {
  if (change === 0) return "same";
  const wanted = goal(key);
  if (!wanted) return "other";
  return change < 0 === (wanted === "lower") ? "better" : "worse";
}

/** Compares two values of a metric for sorting, the best first; without a direction the largest first. */
export const bestFirst = (key, a, b) => (goal(key) === "lower" ? a - b : b - a);

/** The best of some numbers; null where neither direction of the metric is better. */
export function bestOf(key, values) {
  const wanted = goal(key);
  if (!wanted) return null;
  return wanted === "lower" ? Math.min(...values) : Math.max(...values);
}

/** The value that represents a metric of a run: its best one, or its last where neither direction is better. */
export const valueOf = (key, metric) => (goal(key) ? metric?.best : metric?.last);
