// What a sweep says about where to search next, and how long it takes yet.

import { goal, seconds } from "./format.js";
import { scaleOf } from "./parallel.js";

/** Fewer trials say too little. */
const FEWEST = 12;
/** The share of the trials that are called the best. */
const BEST = 0.25;
/** The best lie at an end of what was tried where they come closer to it than this share of its width. */
const EDGE = 0.05;

/** The trials with a value, the best first. */
export function bestFirst({ sweep, trials }) {
  const isLower = goal(sweep.metric) === "lower";
  return trials.filter((trial) => trial.value !== null).sort((a, b) => (isLower ? a.value - b.value : b.value - a.value));
}

const short = (value) => Number(value.toPrecision(3));

/**
 * The space of the best quarter of the trials, `{lines, ends}`: lines for a config, and params whose best values lie at an end of
 * what was tried, each with the end; null where trials are few.
 */
export function nextSpace(answer) {
  const all = bestFirst(answer);
  if (all.length < FEWEST) return null;
  const best = all.slice(0, Math.max(3, Math.ceil(BEST * all.length)));
  const [lines, ends] = [[], []];
  for (const key of answer.sweep.params) {
    const values = (trials) => trials.map((trial) => trial.params[key]).filter((value) => value !== undefined);
    const [tried, good] = [values(all), values(best)];
    if (!good.length) continue;
    const distinct = [...new Map(tried.map((value) => [JSON.stringify(value), value])).values()];
    const name = JSON.stringify(key);
    const { kind, low, high } = scaleOf(tried);
    // Few values were a choice among them.
    if (tried.every(isWholeList) && distinct.length > 6) {
      lines.push(`${name} = ${listSpace(good)}`);
      continue;
    }
    if (kind === "words" || distinct.length <= 6) {
      const kept = [...new Set(good.map((value) => JSON.stringify(value)))];
      if (kind !== "words") kept.sort((a, b) => Number(a) - Number(b));
      if (kind === "words" && kept.length === good.length && good.length > 6) continue;
      lines.push(`${name} = { values = [${kept.join(", ")}] }`);
      continue;
    }
    const [from, to] = [Math.min(...good), Math.max(...good)];
    const place = (value) => (kind === "log" ? Math.log(value / low) / Math.log(high / low) : (value - low) / (high - low));
    if (place(best[0].params[key]) < EDGE) ends.push([key, "lower"]);
    else if (place(best[0].params[key]) > 1 - EDGE) ends.push([key, "upper"]);
    const isWhole = tried.every(Number.isInteger);
    const text = (value) => (isWhole ? String(value) : withPoint(short(value)));
    if (from === to) lines.push(`${name} = { values = [${text(from)}] }`);
    else lines.push(`${name} = { min = ${text(from)}, max = ${text(to)}${kind === "log" ? ', scale = "log"' : ""} }`);
  }
  return lines.length ? { lines: ["[sweep.space]", ...lines], ends, count: best.length } : null;
}

const isWholeList = (value) => Array.isArray(value) && value.every(Number.isInteger);

/** Lists of whole numbers, such as the widths of layers: how long they are, and what is in them. */
function listSpace(lists) {
  const lengths = lists.map((list) => list.length);
  const [least, most, low, high] = [Math.min(...lengths), Math.max(...lengths), Math.min(...lists.flat()), Math.max(...lists.flat())];
  const scale = low > 0 && high / low >= 4 ? ', scale = "log"' : "";
  return `{ length = [${least}, ${most}], min = ${low}, max = ${high}${scale} }`;
}

/** A number that TOML takes for one with a fraction. */
const withPoint = (value) => (/[.e]/.test(String(value)) ? String(value) : `${value}.0`);

/** How long the open trials take yet, in words, by the mean of those that ended; empty where nothing is open or known. */
export function timeLeft({ sweep, trials }) {
  const { running, waiting } = sweep.counts;
  const took = trials.filter((trial) => trial.started && trial.ended).map((trial) => (new Date(trial.ended) - new Date(trial.started)) / 1000);
  const workers = new Set(trials.filter((trial) => trial.state === "running").map((trial) => trial.worker)).size;
  if (running + waiting === 0 || !took.length || !workers) return "";
  const mean = took.reduce((sum, time) => sum + time, 0) / took.length;
  return ` About ${seconds((mean * (waiting + running / 2)) / workers)} left with ${workers === 1 ? "1 worker" : `${workers} workers`}.`;
}
