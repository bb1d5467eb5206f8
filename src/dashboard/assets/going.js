// Runs that go on, beside the best finished one at the same epoch; and what has ended meanwhile.

import { h, paced, refill, toast } from "./dom.js";
import { bestFirst, goal, judge, number, plural, signed, splitKey, valueOf } from "./format.js";
import { metricOf } from "./groups.js";
import { monitored, progressText } from "./progress.js";
import * as series from "./series.js";
import { link, update } from "./state.js";
import * as store from "./store.js";

const MOST = 4;
const isGoing = (run) => ["running", "stalled"].includes(run.shown);

/** The best finished run that can be held against `run`, by the metric that is monitored. */
function rival(run, key) {
  const value = (other) => Number(valueOf(key, other.metrics[key]) ?? NaN);
  const others = [...store.runs.values()].filter((other) => other.experiment === run.experiment && other.shown === "finished" && !other.archived && Number.isFinite(value(other)));
  return others.sort((a, b) => bestFirst(key, value(a), value(b)))[0];
}

/** How a run stands to the best finished one at the same epoch, in words; empty where there is none. */
export async function paceOf(run) {
  const key = monitored(run);
  const own = run.metrics[key];
  if (!own || !goal(key) || !isGoing(run)) return "";
  const other = rival(run, key);
  if (!other) return "";
  try {
    await series.need(key, [other.id], 0);
  } catch {
    return "";
  }
  const samples = series.get(key, other.id, 0)?.samples ?? [];
  const sample = samples.findLast(([epoch]) => epoch <= own.last_epoch);
  if (!sample || !Number.isFinite(sample[3])) return "";
  const change = own.last - sample[3];
  const kind = judge(key, change);
  const name = store.shortName(other);
  return kind === "same" ? `as ${name}, the best so far, at epoch ${sample[0]}` : `${signed(change)} (${kind}) against ${name}, the best so far, at epoch ${sample[0]}`;
}

/** A line for each run that goes on; hidden where none does. */
export function mountGoing(parent) {
  const box = h("section", { class: "going", "aria-label": "Runs that go on", hidden: true });
  parent.append(box);
  let open = true;
  const lines = new Map(); // id -> {element, run}
  const draw = () => {
    const going = store.listed().filter(isGoing);
    box.hidden = going.length === 0;
    for (const id of lines.keys()) if (!going.some((run) => run.id === id)) lines.delete(id);
    const shown = going.slice(0, MOST).map((run) => {
      if (lines.get(run.id)?.run !== run) lines.set(run.id, { run, element: lineOf(run, lines.get(run.id)?.element) });
      return lines.get(run.id).element;
    });
    refill(box, ...shown, going.length > MOST ? h("p", { class: "soft" }, `and ${plural(going.length - MOST, "run")} more`) : "", going.length && asks() ? askButton(draw) : "");
  };
  const soon = paced(() => open && draw(), 300);
  const stop = store.onRuns(soon);
  draw();
  return () => {
    open = false;
    stop();
  };
}

function lineOf(run, before) {
  const most = run.params["training.max_epochs"];
  const { epoch, text } = progressText(run);
  const pace = h("span", { class: "soft pace" }, before?.querySelector(".pace")?.textContent ?? "");
  paceOf(run).then((said) => {
    pace.textContent = said;
  });
  return h(
    "p",
    { "data-going": run.id },
    h("a", { href: link({ view: "run", id: run.id, tab: "" }) }, store.shortName(run)),
    most ? h("progress", { max: most, value: epoch, "aria-label": `Epochs done of ${store.shortName(run)}` }) : "",
    h("span", {}, text),
    pace,
  );
}

// ---- what has ended ----

const asks = () => "Notification" in window && Notification.permission === "default";

const askButton = (then) =>
  h("button", { type: "button", class: "quiet", id: "notify", title: "The browser tells it, also while another page is shown", onclick: () => Notification.requestPermission().then(then) }, "Tell me when they end");

const going = new Map(); // id -> how it was shown
let ended = [];
let unseen = 0; // ended while the page was hidden
const listeners = new Set();

/** How many runs go on, and how many ended while nobody looked. */
export const counts = () => ({ going: [...going.values()].length, unseen });

/** `listener()` when these counts change. */
export const onCounts = (listener) => listeners.add(listener);
const changed = () => listeners.forEach((listener) => listener());

const result = (run) => {
  const key = metricOf([run]);
  const found = key && valueOf(key, run.metrics[key]);
  return found === null || found === undefined ? "" : `, ${splitKey(key)[0] === "test" ? "" : "best "}${key} ${number(found)}`;
};

const tell = paced(() => {
  const some = ended.filter((id) => store.runs.has(id)).map((id) => store.runs.get(id));
  ended = [];
  if (!some.length) return;
  const [run] = some;
  const text = some.length === 1 ? `${store.shortName(run)}: ${run.shown}${result(run)}` : `${some.length} runs have ended: ${[...new Set(some.map((one) => one.shown))].map((shown) => `${some.filter((one) => one.shown === shown).length} ${shown}`).join(", ")}`;
  toast(text, some.length === 1 ? { label: "Open", run: () => update({ view: "run", id: run.id, tab: "" }) } : undefined);
  if (!document.hidden) return;
  unseen += some.length;
  changed();
  if ("Notification" in window && Notification.permission === "granted") new Notification("burnlab", { body: text, tag: "burnlab" });
}, 700);

/** Follows all runs of the store for as long as the page is open. */
export function watchEnds() {
  store.onRuns((ids) => {
    const before = going.size;
    for (const id of ids ?? store.runs.keys()) {
      const run = store.runs.get(id);
      if (run && isGoing(run)) going.set(id, run.shown);
      else if (going.delete(id) && run) {
        ended.push(id);
        tell();
      }
    }
    if (!ids) for (const id of going.keys()) if (!store.runs.has(id)) going.delete(id);
    if (going.size !== before) changed();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden || !unseen) return;
    unseen = 0;
    changed();
  });
}
