// Formats numbers: short on the page, exact in the tooltip. Nothing here needs the page.

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

// The browser's own formats would do, but the first of each kind takes it 10 ms.
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Local time, `25 Nov 01:02`; with the year when it is another one. */
export function moment(text) {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) return MISSING;
  const year = time.getFullYear() === new Date().getFullYear() ? "" : ` ${time.getFullYear()}`;
  return `${time.getDate()} ${MONTHS[time.getMonth()]}${year} ${two(time.getHours())}:${two(time.getMinutes())}`;
}

export function bytes(count) {
  if (count < 1000) return `${count} B`;
  if (count < 1e6) return `${(count / 1e3).toFixed(1)} kB`;
  return `${(count / 1e6).toFixed(1)} MB`;
}

export const percent = (value) => `${(100 * value).toFixed(1)} %`;

/** A whole number, `12,345`. */
export const grouped = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ",");

export const plural = (count, word) => `${grouped(count)} ${word}${count === 1 ? "" : "s"}`;

let collator;
/** The natural order of texts: `[8]` before `[16]`. */
export const natural = (a, b) => (collator ??= new Intl.Collator("en", { numeric: true })).compare(a, b);

/** Mean and standard deviation (n - 1) of the finite values. */
export function spread(values) {
  const finite = values.map(Number).filter(Number.isFinite);
  if (!finite.length) return null;
  const mean = finite.reduce((sum, x) => sum + x, 0) / finite.length;
  const squares = finite.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  const deviation = finite.length > 1 ? Math.sqrt(squares / (finite.length - 1)) : 0;
  return { count: finite.length, mean, deviation, low: Math.min(...finite), high: Math.max(...finite) };
}
