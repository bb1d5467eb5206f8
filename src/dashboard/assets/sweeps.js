// The list of sweeps, linked from the page once there is one.

import * as api from "./api.js";
import { dataTable, h, paced, refill, scroller } from "./dom.js";
import { moment } from "./format.js";
import { link } from "./state.js";
import * as store from "./store.js";

/** The least time between two requests for the list. */
const WAIT = 1000; // ms
let known = [];
const listeners = new Set();

/** All sweeps, newest first, each with the counts of its trials. */
export const sweeps = () => known;

/** `listener()` after the list changed. Returns the way to stop. */
export function onSweeps(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

async function refresh() {
  let found;
  // The banner says that the server is gone.
  try {
    found = await api.sweeps();
  } catch {
    return;
  }
  if (JSON.stringify(found) === JSON.stringify(known)) return;
  known = found;
  for (const listener of listeners) listener();
}

const soon = paced(refresh, WAIT);
// There are no events for sweeps, but for their runs there are.
store.onRuns((ids) => {
  if (!ids) refresh();
  else if ([...ids].some((id) => !store.runs.has(id) || store.runs.get(id).sweep)) soon();
});

/** A sweep's state in words, with what is in none of its trials left out. */
export function countsText(counts) {
  const words = [
    [counts.finished, "finished", "finished"],
    [counts.stopped, "was stopped early", "were stopped early"],
    [counts.failed, "failed", "failed"],
    [counts.refused, "was refused by its config", "were refused by their config"],
    [counts.running, "is running", "are running"],
    [counts.waiting, "waits for a worker", "wait for a worker"],
  ];
  const parts = words
    .filter(([count]) => count)
    .map(([count, one, several]) => `${count} ${count === 1 ? one : several}`);
  return parts.length > 1 ? `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}` : (parts[0] ?? "none has begun");
}

export function mountSweeps(parent) {
  const box = h("div");
  parent.append(
    h("a", { class: "back", href: link({ view: "charts", id: "", tab: "" }) }, "← All runs"),
    h("h1", {}, "Sweeps"),
    h(
      "p",
      { class: "soft" },
      "Searches over configs: many trials; the best is chosen by a validation metric.",
    ),
    box,
  );
  const columns = [
    { label: "sweep" },
    { label: "started" },
    { label: "method" },
    { label: "chosen by" },
    { label: "trials", number: true },
    { label: "state" },
  ];
  const render = () =>
    refill(
      box,
      known.length
        ? scroller(
            dataTable(
              columns,
              known.map((sweep) => [
                [h("a", { href: link({ view: "sweep", id: sweep.id, tab: "" }) }, sweep.experiment), h("div", { class: "soft id" }, sweep.id)],
                h("span", { title: sweep.started }, moment(sweep.started)),
                sweep.method,
                sweep.metric,
                String(sweep.num_trials),
                countsText(sweep.counts),
              ]),
              { class: "sweeps" },
            ),
            "Sweeps",
          )
        : h("p", {}, "None yet: a config with a [sweep] section makes one."),
    );
  render();
  return onSweeps(render);
}
