// Formats values: short on the page, exact in the tooltip.

export const MISSING = "–";

/** Four significant digits; NaN and infinities by name. */
export function number(value) {
  if (value === null || value === undefined || value === "") return MISSING;
  const x = Number(value);
  if (Number.isNaN(x)) return "NaN";
  if (!Number.isFinite(x)) return x > 0 ? "∞" : "−∞";
  if (Number.isInteger(x) && Math.abs(x) < 1e7) return minus(String(x));
  const size = Math.abs(x);
  if (size >= 1e6 || size < 1e-4) return minus(x.toExponential(2));
  return minus(size < 1 ? x.toFixed(4) : x.toPrecision(4));
}

/** The same with a sign, for differences. */
export function signed(value) {
  const x = Number(value);
  if (!Number.isFinite(x)) return number(x);
  const size = Math.abs(x);
  const text =
    Number.isInteger(size) && size < 1e7
      ? String(size)
      : size < 1e-4 || size >= 1e6
        ? size.toExponential(1)
        : size < 1
          ? size.toFixed(4)
          : size.toPrecision(4);
  return x > 0 ? `+${text}` : x < 0 ? `−${text}` : `±${text}`;
}

const minus = (text) => text.replace("-", "−");

/** A config value as TOML would write it. */
export function param(value) {
  if (value === null || value === undefined) return MISSING;
  return typeof value === "string" ? value : JSON.stringify(value);
}

export function seconds(value) {
  if (!Number.isFinite(value)) return MISSING;
  if (value < 1) return `${Math.round(value * 1000)} ms`;
  if (value < 60) return `${value.toFixed(1)} s`;
  if (value < 3600) return `${Math.floor(value / 60)} min ${Math.floor(value % 60)} s`;
  return `${Math.floor(value / 3600)} h ${Math.floor((value % 3600) / 60)} min`;
}

const two = (n) => String(n).padStart(2, "0");

/** Local time, `25 Nov 01:02`; with the year when it is another one. */
export function moment(text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return MISSING;
  const month = time.toLocaleString("en", { month: "short" });
  const year = time.getFullYear() === new Date().getFullYear() ? "" : ` ${time.getFullYear()}`;
  return `${time.getDate()} ${month}${year} ${two(time.getHours())}:${two(time.getMinutes())}`;
}

export function bytes(count) {
  if (count < 1000) return `${count} B`;
  if (count < 1e6) return `${(count / 1e3).toFixed(1)} kB`;
  return `${(count / 1e6).toFixed(1)} MB`;
}

export const percent = (value) => `${(100 * value).toFixed(1)} %`;

export const plural = (count, word) => `${count.toLocaleString("en")} ${word}${count === 1 ? "" : "s"}`;

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

/** Mean and standard deviation (n - 1) of the finite values. */
export function spread(values) {
  const finite = values.map(Number).filter(Number.isFinite);
  if (!finite.length) return null;
  const mean = finite.reduce((sum, x) => sum + x, 0) / finite.length;
  const squares = finite.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  const deviation = finite.length > 1 ? Math.sqrt(squares / (finite.length - 1)) : 0;
  return { count: finite.length, mean, deviation, low: Math.min(...finite), high: Math.max(...finite) };
}
