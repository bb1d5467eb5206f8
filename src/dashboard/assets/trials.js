// The trials of a sweep as a table.

import { dataTable, h, refill, scroller } from "./dom.js";
import { MISSING, goal, natural, number, param, plural, seconds } from "./format.js";
import { link, state, update } from "./state.js";
import * as store from "./store.js";
import { statusLabel } from "./table.js";

/** Rows drawn at first: thousands would make each change slow. */
const MOST_ROWS = 200;
let showsAll = "";

const took = ({ started, ended }) => (started ? (new Date(ended ?? Date.now()) - new Date(started)) / 1000 : null);
const epochs = (trial) => (trial.results.length ? Math.max(...trial.results.map((result) => result.epochs)) : null);

/**
 * The columns: `{id, label, value, cell, number?}`. Test results are not among them: a column to sort by would invite to
 * choose by the test part.
 */
function columnsOf({ sweep }) {
  const plain = (id, label, value, cell, more) => ({ id, label, value, cell, ...more });
  const figure = { number: true };
  return [
    plain(
      "number",
      "trial",
      (trial) => trial.number,
      (trial) => String(trial.number),
      figure,
    ),
    plain(
      "state",
      "state",
      (trial) => trial.state,
      (trial) => statusLabel(trial.state),
    ),
    plain(
      "value",
      sweep.metric,
      (trial) => trial.value,
      (trial) => exact(trial.value),
      figure,
    ),
    ...sweep.params.map((key) =>
      plain(
        `param:${key}`,
        key.slice(key.lastIndexOf(".") + 1),
        (trial) => trial.params[key],
        (trial) => paramCell(trial.params[key]),
        { title: key },
      ),
    ),
    plain("epochs", "epochs", epochs, (trial) => number(epochs(trial)), figure),
    plain("seconds", "time", took, (trial) => seconds(took(trial) ?? NaN), figure),
    plain(
      "attempts",
      "attempts",
      (trial) => trial.attempts,
      (trial) => String(trial.attempts),
      figure,
    ),
    plain(
      "worker",
      "worker",
      (trial) => trial.worker,
      (trial) => clipped(trial.worker),
    ),
    plain(
      "reason",
      "reason",
      (trial) => trial.reason || null,
      (trial) => clipped(trial.reason),
    ),
    plain(
      "runs",
      "runs",
      (trial) => trial.runs.length,
      (trial) => runLinks(trial.runs),
    ),
  ];
}

const exact = (value) => h("span", { title: value === null ? null : String(value) }, number(value));
const paramCell = (value) =>
  h("span", { class: "clip", title: param(value) }, typeof value === "number" ? number(value) : param(value));
const clipped = (text) => (text ? h("span", { class: "clip", title: text }, text) : MISSING);

function runLinks(ids) {
  if (!ids.length) return MISSING;
  return ids.map((id, index) => [
    index ? ", " : "",
    store.runs.has(id)
      ? h("a", { href: link({ view: "run", id, tab: "" }), title: id }, id.slice(-4))
      : h("span", { class: "soft", title: `${id} is not there any more` }, id.slice(-4)),
  ]);
}

/** Draws `rows`, the trials inside the marked ranges, sorted as `state.tsort` says. */
export function trialTable(box, answer, rows) {
  const columns = columnsOf(answer);
  const standard = goal(answer.sweep.metric) === "lower" ? "value" : "-value";
  const sort = columns.some(({ id }) => id === state.tsort.replace(/^-/, "")) ? state.tsort : standard;
  const [descending, active] = [sort.startsWith("-"), sort.replace(/^-/, "")];
  const { value } = columns.find(({ id }) => id === active);
  const lacks = (one) => one === null || one === undefined;
  const compare = (a, b) =>
    typeof a === "number" && typeof b === "number"
      ? a - b
      : natural(String(param(a)), String(param(b)));
  // Trials without a value come last in both directions.
  const sorted = [...rows].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    return lacks(x) || lacks(y)
      ? lacks(x) - lacks(y) || a.number - b.number
      : (descending ? -1 : 1) * compare(x, y) || a.number - b.number;
  });
  const head = ({ id, label, title }) =>
    h(
      "button",
      {
        type: "button",
        class: "quiet",
        "data-sort": id,
        title: `${title ?? label}: sort`,
        onclick: () => update({ tsort: active === id && !descending ? `-${id}` : id }),
      },
      label,
      active === id ? h("span", { "aria-hidden": "true" }, descending ? " ▾" : " ▴") : null,
    );
  const heads = columns.map((column) => ({
    label: head(column),
    number: column.number,
    sort: active === column.id ? (descending ? "descending" : "ascending") : null,
  }));
  const shown = showsAll === answer.sweep.id ? sorted : sorted.slice(0, MOST_ROWS);
  const [left, top] = [box.querySelector(".scroller")?.scrollLeft ?? 0, box.querySelector(".scroller")?.scrollTop ?? 0];
  const count =
    rows.length === answer.trials.length
      ? plural(rows.length, "trial")
      : `${rows.length} of ${plural(answer.trials.length, "trial")} inside the marked ranges`;
  const more = h(
    "button",
    {
      type: "button",
      onclick: () => {
        showsAll = answer.sweep.id;
        trialTable(box, answer, rows);
      },
    },
    `Show all ${sorted.length}`,
  );
  const table = scroller(
    dataTable(
      heads,
      shown.map((trial) => columns.map(({ cell }) => cell(trial))),
      { class: "trials" },
    ),
    "Trials",
  );
  refill(
    box,
    h("p", { class: "count" }, count),
    rows.length ? table : h("p", {}, "No trial is inside all marked ranges."),
    shown.length < sorted.length ? more : "",
  );
  Object.assign(table, { scrollLeft: left, scrollTop: top });
}
