// Scales of a plot: from values to places on the screen and back, and where the ticks stand. Pure functions.

const minus = (text) => text.replace("-", "−");

/**
 * A scale over the pixels `from` to `to`. `axis`: `{kind: "linear" | "log", range: [low, high]}` in values, or
 * `{kind: "words", words}`, where a value is a word. `place` gives null for what has no place.
 */
export function scaleOver({ kind, range, words }, from, to) {
  if (kind === "words") {
    const width = (to - from) / Math.max(1, words.length);
    const place = (word) => (words.includes(word) ? from + (words.indexOf(word) + 0.5) * width : null);
    const longest = Math.max(...words.map((word) => word.length));
    const most = Math.max(1, Math.floor(Math.abs(to - from) / (8 + 6.6 * longest)));
    const every = Math.ceil(words.length / most);
    return { place, at: () => null, ticks: () => words.filter((_, index) => index % every === 0).map((word) => [word, word]) };
  }
  const [low, high] = range;
  if (kind === "log") {
    const ratio = Math.log(high / low);
    return {
      place: (value) => (value > 0 && Number.isFinite(value) ? from + ((to - from) * Math.log(value / low)) / ratio : null),
      at: (pixel) => low * Math.exp((ratio * (pixel - from)) / (to - from)),
      ticks: (count) => logTicks(low, high, count),
    };
  }
  return {
    place: (value) => (Number.isFinite(value) ? from + ((to - from) * (value - low)) / (high - low) : null),
    at: (pixel) => low + ((high - low) * (pixel - from)) / (to - from),
    ticks: (count) => linearTicks(low, high, count),
  };
}

/** About `count` round values from `low` to `high`, with their text. */
export function linearTicks(low, high, count) {
  const rough = (high - low) / Math.max(1, count);
  const size = 10 ** Math.floor(Math.log10(rough));
  // The nearest of 1, 2, 5 and 10, on a logarithmic scale.
  const step = size * (rough < 1.5 * size ? 1 : rough < 3.2 * size ? 2 : rough < 7.1 * size ? 5 : 10);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  // Far from 0 a range can be so narrow that its steps are lost in rounding.
  if (!(step > 0) || !Number.isFinite(first) || last - first > 100) return [];
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step).map((value) => [value, tickText(value, step)]);
}

function tickText(value, step) {
  if (value === 0 && step < 1e-4) return "0";
  const most = Math.max(Math.abs(value), step);
  if (value !== 0 && (most >= 1e6 || most < 1e-4)) return minus(String(Number(value.toPrecision(4)).toExponential()).replace("e+", "e"));
  return minus(value.toFixed(Math.min(12, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)))));
}

/** Powers of ten, with multiples where there is room, and as on a linear scale where there is none. */
export function logTicks(low, high, count) {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  if (last - first < 1) {
    const found = multiples(first - 1, last + 1, [1, 2, 5]).filter((value) => value >= low && value <= high);
    return found.length > 2 ? found.map((value) => [value, powerText(value)]) : linearTicks(low, high, count);
  }
  const inside = (factors) => multiples(first - 1, last, factors).filter((value) => value >= low * 0.999 && value <= high * 1.001);
  const fitting = [[1, 2, 5], [1, 3]].map(inside).find((values) => values.length <= Math.max(3, count));
  const every = Math.ceil((last - first + 1) / Math.max(2, count));
  const found = fitting ?? inside([1]).filter((value) => Math.round(Math.log10(value) - first) % every === 0);
  return found.map((value) => [value, powerText(value)]);
}

const multiples = (first, last, factors) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index).flatMap((power) =>
    factors.map((factor) => Number(`${factor}e${power}`)),
  );

const powerText = (value) =>
  value >= 1e6 || value < 1e-4 ? minus(value.toExponential().replace("e+", "e")) : String(value);
