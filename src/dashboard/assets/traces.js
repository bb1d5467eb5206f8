// Turns series into curves, bands, marks and ranges of a plot: pure functions without page or network.

import { bounds, grouped, number, spread, tQuantile } from "./format.js";

const COLUMN = { epoch: 0, step: 1, time: 2 };

/** The dashes of the part of the data that a curve is of. */
export const dashOf = (split) => (split === "train" ? "4 3" : null);

/** Marks of many runs would hide the lines. */
const MOST_MARKED = 25;
/** The share of an axis below which what most points need cannot be read. */
const SQUEEZED = 0.15;

/**
 * Everything to draw for one metric, as plot.js takes it.
 * `lines`: [{run, ids, label, split, leading, samples, color, dash, slot, shape, strong, chosen, mean?, size?}] ; `view`: {x, logx, logy,
 * zoom, zoomy, low?, high?, full}, where `low` and `high` are ends of the y axis. The samples of a mean of `size` runs have `low`, `high` and `count`.
 */
export function build(lines, view) {
  const column = COLUMN[view.x];
  const marked = lines.filter((line) => line.leading).length <= MOST_MARKED;
  const curves = lines.flatMap((line) => curvesOf(line, view, column));
  const marks = marked ? lines.filter((line) => line.leading).flatMap((line) => marksOf(line, view, column)) : [];
  return { curves, marks, ...yRange(lines, view, column), xRange: xRange(lines, view, column) };
}

function curvesOf(line, view, column) {
  const whole = line.samples.map((sample) => !line.mean || sample.count === line.size);
  const points = line.samples.map((sample) => [sample[column], visible(sample, view) ? sample[3] : null]);
  const isWhole = whole.every(Boolean);
  const opacity = line.leading ? 1 : 0.75;
  const look = {
    line,
    ids: line.ids,
    color: line.color,
    width: (line.strong ? 2.6 : 1.7) - (line.leading ? 0 : 0.4),
    dash: line.dash,
  };
  const band = line.mean
    ? line.samples.filter((sample) => !(view.logy && sample.low <= 0)).map((sample) => [sample[column], sample.low, sample.high])
    : null;
  const drawn = [{ ...look, points, band, opacity: isWhole ? opacity : 0.45 * opacity }];
  // A mean of fewer runs keeps the lighter stroke.
  if (!isWhole && whole.some(Boolean)) {
    const full = points.map(([x, y], index) => [x, whole[index] ? y : null]);
    drawn.push({ ...look, points: full, opacity, isQuiet: true });
  }
  return drawn;
}

/** Marks stand on the solid line; on the dashed one only where there is no other. */
function marksOf(line, view, column) {
  const shown = line.samples.filter((sample) => visible(sample, view));
  const last = shown.at(-1);
  if (!last) return [];
  const at = (sample) => ({ x: sample[column], y: sample[3], color: line.color, ids: line.ids });
  const marks = [{ ...at(last), shape: line.shape, size: 7, isChosen: line.chosen }];
  const best = line.samples.find((sample) => sample[0] === line.run.best_epoch);
  if (best && visible(best, view)) marks.push({ ...at(best), shape: line.shape, size: 12, isHollow: true });
  if (/\bearly\b/i.test(line.run.reason ?? "")) marks.push({ ...at(last), shape: "bar", size: 12, isHollow: true, width: 2 });
  return marks;
}

const visible = (sample, view) => Number.isFinite(sample[3]) && !(view.logy && sample[3] <= 0);

/**
 * The y range of what lies within the zoom, so that zooming in on x also shows more of y. `squeezed`: the number of points
 * far from the rest that would press it into a strip; they are left out unless `view.full`.
 */
function yRange(lines, view, column) {
  const values = [];
  for (const line of lines) {
    for (const sample of line.samples) {
      if (!visible(sample, view)) continue;
      if (view.zoom && (sample[column] < view.zoom[0] || sample[column] > view.zoom[1])) continue;
      values.push(sample[3]);
      if (sample.low !== undefined) values.push(...[sample.low, sample.high].filter((value) => !view.logy || value > 0));
    }
  }
  if (!values.length) return { yRange: [view.logy ? 0.1 : 0, 1], squeezed: 0 };
  // Numbers of their own kind are sorted ten times as fast as those of an array.
  const sorted = Float64Array.from(values).sort();
  let [low, high] = [sorted[0], sorted.at(-1)];
  const [inner, outer] = fences(sorted);
  const size = view.logy ? (a, b) => Math.log(b / a) : (a, b) => b - a;
  const isSqueezed = size(inner, outer) < SQUEEZED * size(low, high) && inner < outer;
  const squeezed = isSqueezed ? sorted.filter((value) => value < inner || value > outer).length : 0;
  if (isSqueezed && !view.full) [low, high] = [inner, outer];
  if (view.zoomy && (!view.logy || view.zoomy[0] > 0)) return { yRange: view.zoomy, squeezed };
  const range = padded(low, high, view.logy);
  const own = [view.low ?? range[0], view.high ?? range[1]];
  return { yRange: own[0] < own[1] && !(view.logy && own[0] <= 0) ? own : range, squeezed };
}

/** With some room; a constant, but for rounding, lies in the middle. */
function padded(low, high, isLog) {
  if (isLog) {
    const spare = Math.max((high / low) ** 0.05, high / low < 1 + 1e-9 ? 1.5 : 1.02);
    return [low / spare, high * spare];
  }
  const size = Math.max(Math.abs(low), Math.abs(high));
  const spare = high - low > 1e-9 * size ? (high - low) * 0.05 : size * 0.1 || 1;
  return [low - spare, high + spare];
}

/** Where the bulk of sorted values ends: Tukey's far fences, within the values. */
export function fences(sorted) {
  const at = (part) => sorted[Math.round(part * (sorted.length - 1))];
  const width = at(0.75) - at(0.25);
  const inside = sorted.filter((value) => value >= at(0.25) - 3 * width && value <= at(0.75) + 3 * width);
  return [inside[0], inside.at(-1)];
}

function xRange(lines, view, column) {
  let [low, high] = [Infinity, -Infinity];
  for (const line of lines) {
    if (!line.samples.length) continue;
    low = Math.min(low, line.samples[0][column]);
    high = Math.max(high, line.samples.at(-1)[column]);
  }
  if (low > high) return [view.logx ? 0.1 : 0, 1];
  const [from, to] = view.zoom ?? pad(low, high);
  // Step 0 and time 0 have no place on a logarithmic axis.
  const least = Math.max(0.5 * low, 1e-3);
  return view.logx ? [Math.max(from, least), Math.max(to, 2 * least)] : [from, to];
}

const pad = (low, high) =>
  low === high ? [low - 0.5, high + 0.5] : [low - (high - low) * 0.015, high + (high - low) * 0.02];

/** What a band may show around a mean. */
export const BANDS = {
  "": { label: "range", text: "lowest to highest run", ends: (found) => [found.low, found.high] },
  sd: {
    label: "± sd",
    text: "mean ± standard deviation",
    ends: ({ mean, deviation }) => [mean - deviation, mean + deviation],
  },
  interval: {
    label: "95 % interval",
    text: "95 % t interval of the mean",
    ends: ({ mean, deviation, count }) => {
      const half = count > 1 ? (tQuantile(count - 1) * deviation) / Math.sqrt(count) : 0;
      return [mean - half, mean + half];
    },
  },
};

/**
 * The mean of several series of a metric at each epoch, with the ends of the band, within the metric's bounds, and how many
 * series have one there.
 */
export function meanOf(series, kind, key) {
  const [least, most] = bounds(key);
  const ends = Object.hasOwn(BANDS, kind) ? BANDS[kind].ends : BANDS[""].ends;
  const byEpoch = new Map();
  for (const samples of series) {
    for (const sample of samples) {
      if (!byEpoch.has(sample[0])) byEpoch.set(sample[0], []);
      byEpoch.get(sample[0]).push(sample);
    }
  }
  const lasts = series.map((samples) => samples.at(-1)[0]);
  const means = [];
  for (const [epoch, samples] of [...byEpoch].sort((a, b) => a[0] - b[0])) {
    // Downsampled series keep different epochs: one that only lacks this point would make the mean jump.
    if (samples.length < lasts.filter((end) => end >= epoch).length) continue;
    const finite = samples.filter((sample) => Number.isFinite(sample[3]));
    const found = spread(finite.map((sample) => sample[3]));
    if (!found) continue;
    const mean = (index) => finite.reduce((sum, sample) => sum + sample[index], 0) / finite.length;
    const point = [epoch, mean(1), mean(2), found.mean];
    const within = ([low, high]) => [Math.max(low, least), Math.min(high, most)];
    const [low, high] = within(ends(found));
    Object.assign(point, { low, high, interval: within(BANDS.interval.ends(found)), count: found.count, deviation: found.deviation });
    means.push(point);
  }
  return means;
}

/** Notes on what a chart does not show. */
export function remarks(lines, view) {
  const found = [];
  const broken = lines.filter((line) => line.samples.some((sample) => !Number.isFinite(sample[3])));
  if (broken.length) {
    const first = broken[0].samples.find((sample) => !Number.isFinite(sample[3]));
    found.push(
      `NaN or infinite values cannot be drawn: ${broken[0].label} ${broken[0].split} from epoch ${first[0]} (${number(first[3])})${broken.length > 1 ? ` and ${broken.length - 1} more curves` : ""}.`,
    );
  }
  const below = view.logy
    ? lines.reduce((sum, line) => sum + line.samples.filter((sample) => sample[3] <= 0).length, 0)
    : 0;
  if (below) found.push(`${below} values are not above 0 and have no place on a logarithmic axis.`);
  if (lines.some((line) => line.mean && line.samples.some((sample) => sample.count < line.size)))
    found.push(
      "Lighter where some runs of a group have no value (ended, or NaN): the mean and band of the others; hover for details.",
    );
  const thinned = lines.filter((line) => line.downsampled);
  if (thinned.length) {
    const most = Math.max(...thinned.map((line) => line.total));
    found.push(
      `Thinned for the screen, keeping every extreme: ${thinned.length} of ${lines.length} curves, of up to ${grouped(most)} points.`,
    );
  }
  return found;
}
