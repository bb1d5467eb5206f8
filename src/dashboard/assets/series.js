// A cache of the fetched curves. Of a live run only new points are fetched, and appended.

import * as api from "./api.js";
import { state } from "./state.js";
import { isMean, runs } from "./store.js";
import { fences } from "./traces.js";

// A mean over runs needs the same epochs from all of them, so nothing is downsampled then.
const limit = () => (isMean() ? 5000 : 500);
const cache = new Map(); // "<limit> <smooth> <key> <id>" -> {samples, total, downsampled, outliers}

/** A learning rate is a setting, not a measurement: it is never smoothed. */
const smoothOf = (key, own = Number(state.smooth) || 0) => (key.endsWith("/learning_rate") ? 0 : own);

const name = (key, id, own) => `${limit()} ${smoothOf(key, own)} ${key} ${id}`;

/** The series of a run if it was fetched, smoothed as the page says or by `own`: `{samples: [[epoch, step, time, value]...], total, downsampled, outliers}`. */
export const get = (key, id, own) => cache.get(name(key, id, own));

/** Makes sure that the series of all `ids` that have this metric are there and up to date. */
export async function need(key, ids, own) {
  const smooth = smoothOf(key, own);
  const fresh = [];
  const grown = new Map(); // last epoch we have -> ids
  for (const id of ids) {
    const metric = runs.get(id)?.metrics[key];
    if (!metric) continue;
    const have = cache.get(name(key, id, own));
    const last = have?.samples.at(-1)?.[0];
    // A smoothed value depends on all before it, and a curve that has outgrown its limit must be downsampled again.
    if (!have || smooth || have.samples.length > 2 * limit()) {
      if (!have || have.total < metric.points) fresh.push(id);
    } else if (last === undefined || last < metric.last_epoch) {
      grown.set(last ?? 0, [...(grown.get(last ?? 0) ?? []), id]);
    } else if (have.total < metric.points) {
      fresh.push(id);
    }
  }
  const asked = [];
  for (let index = 0; index < fresh.length; index += 50)
    asked.push(fetchAll(key, fresh.slice(index, index + 50), smooth, own));
  for (const [after, some] of grown) asked.push(fetchNew(key, some, after, own));
  await Promise.all(asked);
}

async function fetchAll(key, ids, smooth, own) {
  const names = ids.map((id) => name(key, id, own));
  const answer = await api.series(key, ids, { maxPoints: limit(), smooth });
  answer.series.forEach((series) => {
    const index = ids.indexOf(series.id);
    series.samples.forEach(numbers);
    cache.set(names[index], series);
  });
}

async function fetchNew(key, ids, after, own) {
  const names = new Map(ids.map((id) => [id, name(key, id, own)]));
  const answer = await api.series(key, ids, { maxPoints: limit(), after });
  for (const series of answer.series) {
    const have = cache.get(names.get(series.id));
    if (!have) continue;
    const last = have.samples.at(-1)?.[0] ?? 0;
    const added = series.samples.map(numbers).filter((sample) => sample[0] > last);
    const samples = [...have.samples, ...added];
    const values = samples
      .map((sample) => sample[3])
      .filter(Number.isFinite)
      .sort((x, y) => x - y);
    const [low, high] = fences(values);
    cache.set(names.get(series.id), {
      ...have,
      samples,
      total: have.total + series.total,
      downsampled: have.downsampled || series.downsampled,
      outliers: have.outliers + added.filter((sample) => sample[3] < low || sample[3] > high).length,
    });
  }
}

/** NaN and infinities come as texts. */
function numbers(sample) {
  if (typeof sample[3] !== "number") sample[3] = Number(sample[3]);
  return sample;
}
