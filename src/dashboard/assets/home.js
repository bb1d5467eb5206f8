// The experiments of the store: what each is trained on, its best config, and when something last happened.

import * as api from "./api.js";
import { HOME } from "./early.js";
import { dataTable, h, paced, refill, scroller, svg } from "./dom.js";
import { MISSING, moment, number, plural } from "./format.js";
import { kept } from "./kept.js";
import { link } from "./state.js";
import * as store from "./store.js";
import { statusLabel } from "./table.js";

const WAIT = 2000; // ms between two requests while runs change
const WIDTH = 110,
  HEIGHT = 26; // of a line

export function mountHome(parent) {
  const box = h("div", { class: "home" });
  parent.append(h("h1", {}, "Experiments"), box);
  let open = true;
  let limit = HOME;
  let shown = "";
  const load = async () => {
    try {
      const found = begun ?? (await api.experiments({ limit }));
      begun = null;
      const { total, experiments } = found;
      // What is the same stays: a click that is under way must not miss it.
      if (!open || JSON.stringify(found) === shown) return;
      shown = JSON.stringify(found);
      const more = h("button", { type: "button", id: "more", onclick: () => ((limit = 200), load()) }, `Show more of ${plural(total, "experiment")}`);
      refill(box, scroller(table(experiments), "Experiments"), total > experiments.length && limit === HOME ? more : "");
    } catch (error) {
      if (open && !box.children.length) box.replaceChildren(h("p", { class: "problem" }, error.message));
    }
  };
  const stop = store.onRuns(paced(() => open && load(), WAIT));
  load();
  return () => {
    open = false;
    stop();
  };
}

/** How an experiment is shown at first: runs that repeat a config are drawn as its mean. */
const shownAs = ({ num_runs: numRuns, num_configs: numConfigs }) =>
  numConfigs > 1 && numRuns > numConfigs ? { group: "seeds", mean: "1", band: "interval" } : { group: "", mean: "", band: "" };

/** The address of an experiment's page. */
const experimentLink = (one) =>
  link({ view: "charts", id: "", tab: "", exp: one.name, q: "", sel: [], closed: [], ...kept(one.name), ...shownAs(one) });

/** The experiments that the store was opened with, until they are shown. */
let begun = null;

/** What a store opens with when the address says nothing: its experiments, or the only one. */
export async function opening() {
  const found = await api.experiments({ limit: HOME });
  const { total, experiments } = found;
  begun = total > 1 ? found : null;
  if (total > 1) return { view: "home" };
  return total ? { ...shownAs(experiments[0]), ...kept(experiments[0].name) } : {};
}

function table(experiments) {
  const rows = experiments.map((one) => [
    h("a", { href: experimentLink(one) }, one.name),
    one.data ?? MISSING,
    runsCell(one),
    bestCell(one),
    one.best ? resultCell(one) : MISSING,
    spark(one.recent),
    h("span", { title: one.last }, moment(one.last)),
  ]);
  const columns = [
    { label: "experiment" },
    { label: "data" },
    { label: "runs" },
    { label: "best config" },
    { label: "mean (95 % interval)", number: true },
    { label: "results", title: "the main metric of the latest runs, in the order of their start" },
    { label: "last activity" },
  ];
  return dataTable(columns, rows, { class: "experiments" });
}

/** Their number, and how many are going on or did not end well. */
function runsCell({ num_runs: numRuns, statuses }) {
  const odd = Object.entries(statuses).filter(([status]) => status !== "finished");
  return h("span", { class: "statuses" }, h("b", {}, String(numRuns)), odd.map(([status, count]) => h("span", { class: "soft" }, ` · ${count} `, statusLabel(status))));
}

function bestCell({ best, num_configs: numConfigs }) {
  if (!best) return h("span", { class: "soft" }, "no result yet");
  const name = best.name || (numConfigs > 1 ? "" : "one config");
  return h("span", { class: "clip", title: name }, name);
}

function resultCell({ best, metric }) {
  const interval = best.interval ? `${number(best.interval[0])} to ${number(best.interval[1])}` : plural(best.num_seeds, "seed");
  return h("span", { title: metric }, h("b", {}, number(best.mean)), h("span", { class: "soft" }, ` (${interval})`), h("div", { class: "soft metric" }, metric));
}

/** The results in the order of their runs; a dot where there is but one. */
function spark(values) {
  if (!values.length) return "";
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const x = (index) => 4 + (values.length > 1 ? (index / (values.length - 1)) * (WIDTH - 8) : (WIDTH - 8) / 2);
  const y = (value) => (high > low ? HEIGHT - 5 - ((value - low) / (high - low)) * (HEIGHT - 10) : HEIGHT / 2);
  const path = values.map((value, index) => `${x(index).toFixed(1)},${y(value).toFixed(1)}`).join("L");
  return svg(
    "svg",
    { class: "spark", width: WIDTH, height: HEIGHT, role: "img", "aria-label": `${values.length} results from ${number(low)} to ${number(high)}` },
    svg("path", { d: `M${path}` }),
    svg("circle", { cx: x(values.length - 1), cy: y(values.at(-1)), r: 2.5 }),
  );
}
