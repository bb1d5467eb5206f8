// Turns series into Plotly traces, bands and ranges: pure functions without page or network.

import { number, spread } from "./format.js";

const COLUMN = { epoch: 0, step: 1, time: 2 };

/** Plotly reads names as simple HTML and templates; a run's name must stay plain text. */
export const plain = (text) =>
  String(text)
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll("%", "&#37;")
    .replaceAll("{", "&#123;");

/**
 * Everything to draw for one metric.
 * `lines`: [{run, label, split, samples, color, shape, mean?, size?}] ; `view`: {x, logx, logy, zoom, fit}. The samples of
 * a mean of `size` runs have `low`, `high` and `count`.
 */
export function build(lines, view) {
  const column = COLUMN[view.x];
  const traces = [];
  const best = marks();
  const ends = marks();
  const stops = marks();
  const few = lines.length <= 6;
  // Marks of many runs would hide the lines.
  const marked = lines.filter((line) => line.leading).length <= 25;
  for (const line of lines) {
    const shown = line.samples.filter((sample) => visible(sample, view));
    const x = line.samples.map((sample) => sample[column]);
    const y = line.samples.map((sample) => (visible(sample, view) ? sample[3] : null));
    const whole = line.samples.map((sample) => !line.mean || sample.count === line.size);
    const look = {
      type: "scatter",
      mode: shown.length === 1 ? "markers" : "lines",
      x,
      connectgaps: false,
      line: {
        color: line.color,
        width: (line.strong ? 2.6 : 1.7) - (line.leading ? 0 : 0.4),
        dash: line.split === "train" ? "4px,3px" : "solid",
      },
      marker: { color: line.color, symbol: line.shape, size: 7 },
    };
    const opacity = line.leading ? 1 : 0.75;
    const label = plain(line.label);
    const of = line.mean ? ", mean of %{customdata} runs" : "";
    const isWhole = whole.every(Boolean);
    traces.push({
      ...look,
      y,
      opacity: isWhole ? opacity : 0.45 * opacity,
      customdata: line.mean ? line.samples.map((sample) => `${sample.count} of ${line.size}`) : undefined,
      hovertemplate: few
        ? `%{y:.5~g}${of}<extra>${label} ${line.split}</extra>`
        : `${label} ${line.split}${of}<br>${view.x} %{x}: <b>%{y:.5~g}</b><extra></extra>`,
    });
    // A mean of fewer runs keeps the lighter stroke.
    if (!isWhole && whole.some(Boolean))
      traces.push({ ...look, y: y.map((value, index) => (whole[index] ? value : null)), opacity, hoverinfo: "skip" });
    // Marks stand on the solid line; on the dashed one only where there is no other.
    if (!line.leading || !shown.length || !marked) continue;
    const last = shown.at(-1);
    put(ends, last[column], last[3], line, line.shape, "last");
    const kept = line.samples.find((sample) => sample[0] === line.run.best_epoch);
    if (kept && visible(kept, view))
      put(best, kept[column], kept[3], line, `${line.shape}-open`, `best epoch ${kept[0]}`);
    if (/\bearly\b/i.test(line.run.reason ?? ""))
      put(stops, last[column], last[3], line, "line-ns-open", "stopped early");
  }
  traces.push(
    { ...ends.trace, marker: { ...ends.marker, size: 6 } },
    { ...best.trace, marker: { ...best.marker, size: 11, line: { width: 1.8 } } },
    { ...stops.trace, marker: { ...stops.marker, size: 17, line: { width: 2 } } },
  );
  return { traces, ...yRange(lines, view, column), xs: xRange(lines, column) };
}

function marks() {
  const marker = { symbol: [], color: [] };
  return {
    marker,
    trace: { type: "scatter", mode: "markers", x: [], y: [], text: [], hoverinfo: "skip", cliponaxis: false },
  };
}

function put(target, x, y, line, symbol, text) {
  target.trace.x.push(x);
  target.trace.y.push(y);
  target.trace.text.push(text);
  target.marker.symbol.push(symbol);
  target.marker.color.push(line.color);
}

const visible = (sample, view) => Number.isFinite(sample[3]) && !(view.logy && sample[3] <= 0);

/** The y range of what lies within the zoom, so that zooming in on x also shows more of y. */
function yRange(lines, view, column) {
  let values = [];
  for (const line of lines) {
    for (const sample of line.samples) {
      if (!visible(sample, view)) continue;
      if (view.zoom && (sample[column] < view.zoom[0] || sample[column] > view.zoom[1])) continue;
      values.push(sample[3]);
      if (sample.low !== undefined) values.push(sample.low, sample.high);
    }
  }
  if (!values.length) return { range: null, squeezed: false };
  values = values.filter((value) => !view.logy || value > 0).sort((a, b) => a - b);
  let [low, high] = [values[0], values.at(-1)];
  const [inner, outer] = fences(values);
  const size = view.logy ? (a, b) => Math.log(b / a) : (a, b) => b - a;
  // Outliers are mentioned when they squeeze the rest into a strip.
  const squeezed = size(inner, outer) < 0.35 * size(low, high);
  if (view.fit) [low, high] = [inner, outer];
  if (view.logy) {
    [low, high] = [Math.log10(low), Math.log10(high)];
  }
  const pad = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
  return { range: [low - pad, high + pad], squeezed };
}

/** Where the bulk of sorted values ends: Tukey's far fences, within the values. */
export function fences(sorted) {
  const at = (part) => sorted[Math.round(part * (sorted.length - 1))];
  const width = at(0.75) - at(0.25);
  const inside = sorted.filter((value) => value >= at(0.25) - 3 * width && value <= at(0.75) + 3 * width);
  return [inside[0], inside.at(-1)];
}

function xRange(lines, column) {
  let [low, high] = [Infinity, -Infinity];
  for (const line of lines) {
    if (!line.samples.length) continue;
    low = Math.min(low, line.samples[0][column]);
    high = Math.max(high, line.samples.at(-1)[column]);
  }
  return low <= high ? [low, high] : null;
}

/** The mean of several series at each epoch, with the lowest and highest value and how many series have one there. */
export function meanOf(series) {
  const byEpoch = new Map();
  for (const samples of series) {
    for (const sample of samples) {
      if (!byEpoch.has(sample[0])) byEpoch.set(sample[0], []);
      byEpoch.get(sample[0]).push(sample);
    }
  }
  const ends = series.map((samples) => samples.at(-1)[0]);
  const means = [];
  for (const [epoch, samples] of [...byEpoch].sort((a, b) => a[0] - b[0])) {
    // Downsampled series keep different epochs: one that only lacks this point would make the mean jump.
    if (samples.length < ends.filter((end) => end >= epoch).length) continue;
    const finite = samples.filter((sample) => Number.isFinite(sample[3]));
    const found = spread(finite.map((sample) => sample[3]));
    if (!found) continue;
    const mean = (index) => finite.reduce((sum, sample) => sum + sample[index], 0) / finite.length;
    const point = [epoch, mean(1), mean(2), found.mean];
    Object.assign(point, { low: found.low, high: found.high, count: found.count });
    means.push(point);
  }
  return means;
}

/** The band between the lowest and the highest run, under the mean. */
export function band(line, view) {
  const column = COLUMN[view.x];
  const rows = line.samples.filter((sample) => sample.low !== undefined && !(view.logy && sample.low <= 0));
  const x = rows.map((sample) => sample[column]);
  return {
    type: "scatter",
    mode: "lines",
    x: [...x, ...x.toReversed()],
    y: [...rows.map((sample) => sample.high), ...rows.map((sample) => sample.low).reverse()],
    fill: "toself",
    fillcolor: `${line.color}2e`,
    line: { width: 0 },
    hoverinfo: "skip",
  };
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
      `Thinned for the screen, keeping every extreme: ${thinned.length} of ${lines.length} curves, of up to ${most.toLocaleString("en")} points.`,
    );
  }
  return found;
}
