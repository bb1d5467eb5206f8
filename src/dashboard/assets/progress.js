// How far a run that is going on has come: epoch, time left, latest values, patience.

import { stop } from "./actions.js";
import { h } from "./dom.js";
import { goal, number, plural, seconds, splitKey } from "./format.js";
import { paceOf } from "./going.js";
import { mainMetric } from "./store.js";

/** The metric that early stopping follows unless the config names another. */
const MONITOR = "validation/loss";

/** How far a run is: its epoch, and in words how long it takes yet and what it has reached. */
export function progressText(run) {
  const last = Object.entries(run.metrics).filter(([key]) => splitKey(key)[0] !== "test");
  const epoch = Math.max(0, ...last.map(([, metric]) => metric.last_epoch));
  const time = Math.max(0, ...last.map(([, metric]) => metric.last_time));
  const most = run.params["training.max_epochs"];
  const parts = [
    most ? `epoch ${epoch} of ${most}` : `epoch ${epoch}`,
    most && epoch ? `at most ${seconds(((most - epoch) * time) / epoch)} left` : null,
    patienceOf(run, epoch),
    ...latest(run),
  ];
  return { epoch, text: parts.filter(Boolean).join(" · ") };
}

/** A bar with what is known; nothing for a run that has ended. */
export function progressOf(run) {
  if (!["running", "stalled"].includes(run.shown)) return "";
  const most = run.params["training.max_epochs"];
  const { epoch, text } = progressText(run);
  const pace = h("span", { class: "soft pace" });
  paceOf(run).then((said) => {
    pace.textContent = said;
  });
  return h(
    "div",
    { class: "progress" },
    most ? h("progress", { max: most, value: epoch, "aria-label": "Epochs done" }) : "",
    h("span", {}, text),
    pace,
    h("button", { type: "button", class: "stop", title: "As Ctrl-C: it keeps its best weights and can be resumed", onclick: () => stop(run.id) }, "Stop"),
  );
}

/** The metric that is followed to see whether a run gets better. */
export const monitored = (run) => run.params["training.early_stopping.monitor"] ?? MONITOR;

/** How many epochs without improvement would end it. */
function patienceOf(run, epoch) {
  const patience = run.params["training.early_stopping.patience"];
  const key = monitored(run);
  const metric = run.metrics[key];
  if (!patience || !metric?.best_epoch || !goal(key)) return null;
  // A warm-up or a least improvement may give it longer.
  const left = Math.max(0, patience - (epoch - metric.best_epoch));
  return `best ${key} ${number(metric.best)} at epoch ${metric.best_epoch}; stops after ${plural(left, "epoch")} more without a better one`;
}

/** The latest values of the loss and of the main metric. */
function latest(run) {
  const main = splitKey(mainMetric() ?? "x/loss")[1];
  return [...new Set([main, "loss"])]
    .map((name) => [`validation/${name}`, `train/${name}`].find((key) => run.metrics[key]))
    .filter(Boolean)
    .map((key) => `${key} ${number(run.metrics[key].last)}`);
}
