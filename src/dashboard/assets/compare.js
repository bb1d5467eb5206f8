// Two or more runs side by side: what differs in their config, their metrics, their curves, their mistakes.

import * as api from "./api.js";
import { CLAIMS } from "./board.js";
import { mountCharts } from "./charts.js";
import { classNames, confusionTable, reportTable } from "./confusion.js";
import { dataTable, h, perFrame, refill, scroller } from "./dom.js";
import { examples } from "./examples.js";
import { MISSING, command, goal, judge, number, param, plural, signed, splitKey, valueOf } from "./format.js";
import { chartSettings, lineKey } from "./overview.js";
import { swatch } from "./palette.js";
import { copyable } from "./run.js";
import { link, onState, state, toggle, update } from "./state.js";
import * as store from "./store.js";
import { deltaText, deltaTitle, statusLabel } from "./table.js";

const TABS = [
  ["", "Config and metrics"],
  ["curves", "Curves"],
  ["confusion", "Confusion"],
  ["classes", "Per class"],
];
/** A tab for exactly two runs. */
const EXAMPLES = ["examples", "Fixed and broken"];

export function mountCompare(parent) {
  const head = h("div", { class: "compare-head" });
  const tabs = h("nav", { class: "subtabs", "aria-label": "Parts of the comparison" });
  const body = h("div", { class: "compare-body" });
  parent.append(
    h("a", { class: "back", href: link({ view: "charts", id: "", tab: "" }) }, "← All runs"),
    head,
    tabs,
    body,
  );
  let open = true;
  let stop = () => {};
  let shown = "";
  const render = perFrame(async () => {
    if (!open) return;
    const runs = store.selected();
    head.replaceChildren(h("h1", {}, runs.length < 2 ? "Compare" : `Compare ${runs.length} runs`));
    tabs.hidden = runs.length < 2;
    if (runs.length < 2) {
      stop();
      shown = "";
      body.replaceChildren(
        h(
          "p",
          {},
          runs.length
            ? "Select one more run in the table."
            : "Select two or more runs in the table: the boxes at the left of each row, or Space.",
        ),
      );
      return;
    }
    const all = runs.length === 2 ? [...TABS, EXAMPLES] : TABS;
    const tab = all.some(([one]) => one === state.tab) ? state.tab : "";
    refill(
      tabs,
      ...all.map(([one, label]) =>
        h("a", { href: link({ tab: one }), "aria-current": one === tab ? "page" : null }, label),
      ),
    );
    // Live runs change their metrics, not their config: ask again when points came.
    const points =
      tab === "curves"
        ? ""
        : runs
            .map((run) => `${run.status}${Object.values(run.metrics).reduce((sum, metric) => sum + metric.points, 0)}`)
            .join();
    const wanted = [
      tab,
      state.base,
      state.judge,
      tab === EXAMPLES[0] ? state.kind : "",
      ...runs.map((run) => [run.id, run.name]),
      points,
    ].join(" ");
    if (wanted === shown) return;
    shown = wanted;
    stop();
    const closers = [];
    stop = () => {
      closers.forEach((close) => close());
      stop = () => {};
    };
    if (tab === "curves") {
      body.replaceChildren();
      const settings = chartSettings({ withDraw: false });
      const legend = h(
        "div",
        { class: "legend" },
        runs.map((run) => h("span", { class: "chip" }, swatch(store.slot(run.id)), store.shortName(run))),
      );
      body.append(settings.element, legend, lineKey());
      closers.push(mountCharts(body, store.selected));
      return;
    }
    try {
      const onClose = (close) => (shown === wanted && open ? closers.push(close) : close());
      const parts =
        tab === EXAMPLES[0]
          ? await examples(runs, onClose)
          : PARTS[tab](runs, await api.compare(
              runs.map((run) => run.id),
              state.judge,
            ));
      if (!open || shown !== wanted) return;
      refill(body, ...parts);
    } catch (error) {
      if (shown !== wanted) return;
      shown = "";
      // Other runs may not have the metric that was chosen before.
      if (state.judge && error.status === 400) update({ judge: "" });
      else body.replaceChildren(h("p", { class: "problem" }, error.message));
    }
  });
  const unsubscribe = store.onRuns(render);
  const unlisten = onState(render);
  render();
  return () => {
    open = false;
    unsubscribe();
    unlisten();
    stop();
  };
}

/** The header cells of the runs: mark, name, status and a button to remove the run. */
function heads(runs) {
  return runs.map((run, index) =>
    h(
      "th",
      { scope: "col", class: "run-column", title: store.title(run) },
      h(
        "div",
        {},
        h("span", { class: "letter" }, letter(index)),
        swatch(store.slot(run.id)),
        h("a", { href: link({ view: "run", id: run.id, tab: "" }) }, store.shortName(run)),
        h(
          "button",
          {
            type: "button",
            class: "quiet",
            title: "Take out of the comparison",
            "aria-label": `Take ${store.shortName(run)} out`,
            onclick: () => toggle("sel", run.id, false),
          },
          "×",
        ),
      ),
      statusLabel(run.shown),
    ),
  );
}

const letter = (index) => (index < 26 ? String.fromCharCode(65 + index) : String(index + 1));

/** The verdict on two runs, each with its repetitions under other seeds. */
function verdict(judgement) {
  if (!judgement) return [];
  const next = judgement.next.map((command) => h("code", { class: "command" }, command));
  return [
    h(
      "div",
      { class: "verdict", role: "note" },
      h("p", {}, judgement.sentence),
      next.length ? h("p", { class: "soft" }, "More seeds would tell:") : null,
      next,
    ),
  ];
}

/** A choice of the test metric that the verdict is about. */
function judgedBy({ metrics, judgement, comparisons: found }) {
  const judged = (judgement ?? found)?.metric;
  const known = metrics
    .filter(({ key, values }) => splitKey(key)[0] === "test" && goal(key) && values.every(Boolean))
    .map(({ key }) => key);
  if (!known.includes(judged)) return "";
  const choice = h(
    "select",
    { id: "judge", onchange: () => update({ judge: choice.value }) },
    known.map((key) => h("option", { value: key, selected: key === judged }, key)),
  );
  return h("label", { class: "soft" }, "Judged by ", choice);
}

/** The verdicts on three runs or more: every other config against that of the first. */
function comparisons(found, runs) {
  if (!found) return [];
  const { metric, configs, num_tests: numTests, luck, next } = found;
  const p = (value) => (value === null ? MISSING : value < 1e-4 ? "< 0.0001" : number(value));
  const rows = configs.map(({ name, runs: ids, num_seeds: numSeeds, mean, comparison }) => {
    const first = runs.find((run) => run.id === ids[0]);
    const head = h(
      "span",
      { class: "config" },
      h("span", { class: "letter" }, name),
      swatch(store.slot(ids[0])),
      first ? store.shortName(first) : ids[0],
    );
    const result = `${number(mean)} (${numSeeds})`;
    if (!comparison) return [head, h("span", { class: "soft" }, "baseline"), "", "", "", result];
    const { difference, interval, adjusted_p: adjusted, claim, sentence } = comparison;
    return [
      head,
      h("span", { class: `claim ${claim}`, title: sentence }, CLAIMS[claim]),
      difference === null ? MISSING : signed(difference),
      interval ? `${signed(interval[0])} to ${signed(interval[1])}` : MISSING,
      p(adjusted),
      result,
    ];
  });
  const columns = [
    { label: "config" },
    { label: "claim" },
    { label: "difference", number: true },
    { label: "95 % interval", number: true, title: "of this one comparison" },
    { label: "p (Holm)", number: true, title: "corrected for all comparisons" },
    { label: "mean (seeds)", number: true },
  ];
  const corrected =
    numTests > 1
      ? ` The p-values are corrected for ${plural(numTests, "comparison")} (Holm), the intervals are those of each by itself.`
      : "";
  return [
    h("h2", {}, `Every config against ${configs[0].name}, by ${metric}`),
    scroller(dataTable(columns, rows, { class: "comparisons" }), "Comparisons"),
    h(
      "p",
      { class: "soft" },
      `Runs that differ in nothing but the seed are one config, with their repetitions in the store.${corrected}`,
    ),
    luck ? h("div", { class: "warning", role: "note" }, h("p", {}, luck)) : "",
    h(
      "details",
      { class: "numbers" },
      h("summary", {}, "In words"),
      h(
        "ul",
        {},
        configs.filter(({ comparison }) => comparison).map(({ comparison }) => h("li", {}, comparison.sentence)),
      ),
    ),
    ...(next.length
      ? [
          h("p", { class: "soft" }, "More seeds would tell:"),
          ...next.map((command) => h("code", { class: "command" }, command)),
        ]
      : []),
  ];
}

/** The command that keeps the comparison as a file. */
const keep = (runs) => [
  h("h2", {}, "Keep it"),
  h(
    "p",
    {},
    h("a", { class: "button", id: "report", href: api.reportUrl(runs.map((run) => run.id)), download: "report.html" }, "Save a report"),
    h("span", { class: "soft" }, " One HTML file with the verdict, the configs, the curves and the pictures. In a terminal:"),
  ),
  copyable(command(`report ${runs.map((run) => run.id).join(" ")} -o report.html`)),
];

/** Of each true class, how many percent were predicted as each class. */
const shares = (matrix) =>
  matrix.map((row) => {
    const sum = row.reduce((total, count) => total + count, 0) || 1;
    return row.map((count) => Math.round((1000 * count) / sum) / 10);
  });

const PARTS = {
  "": (runs, answer) => [
    judgedBy(answer),
    ...verdict(answer.judgement),
    ...comparisons(answer.comparisons, runs),
    h("h2", {}, "What differs in the config"),
    answer.params.length
      ? scroller(
          h(
            "table",
            { class: "data diff", id: "diff" },
            h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "param"), heads(runs))),
            h(
              "tbody",
              {},
              answer.params.map(({ key, values }) =>
                h(
                  "tr",
                  { "data-key": key },
                  h("th", { scope: "row" }, key),
                  values.map((value, index) => {
                    const differs = JSON.stringify(value ?? null) !== JSON.stringify(values[0] ?? null);
                    return h(
                      "td",
                      { class: index && differs ? "differs" : null, title: param(value) },
                      value === null || value === undefined ? h("span", { class: "soft" }, "not set") : param(value),
                      index && differs ? h("span", { class: "hidden-text" }, " (differs from A)") : null,
                    );
                  }),
                ),
              ),
            ),
          ),
          "Config differences",
        )
      : h("p", {}, "Nothing: these runs have the same config."),
    h("h2", {}, "Metrics"),
    h(
      "p",
      { class: "soft" },
      "Best value with its epoch (the last one where neither direction is better); test values are measured once. ★ is the best of the row, where the runs are tested on the same rows and can be told apart",
      state.base ? ", differences are to the baseline: ▲ better, ▽ worse." : ".",
    ),
    scroller(
      h(
        "table",
        { class: "data metrics", id: "metrics" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "metric"), heads(runs))),
        h(
          "tbody",
          {},
          answer.metrics.map((row) => metricRow(row, runs, answer.leaders?.[row.key] ?? null)),
        ),
      ),
      "Metrics side by side",
    ),
    ...keep(runs),
  ],
  confusion: (runs, answer) => {
    const found = runs
      .map((run, index) => ({ run, letter: letter(index), evaluation: evaluationOf(answer, run, index) }))
      .filter(({ evaluation }) => evaluation?.classes);
    if (!found.length) return [h("p", {}, "None of these runs has a confusion matrix.")];
    const parts = found.map((one) =>
      confusionTable(one.evaluation.classes.confusion_matrix, classNames(one.evaluation), {
        caption: `${one.letter}: ${store.shortName(one.run)}`,
      }),
    );
    const [a, b] = found;
    if (found.length === 2) {
      const [one, two] = [a, b].map((item) => item.evaluation.classes.confusion_matrix);
      const same = JSON.stringify(classNames(a.evaluation)) === JSON.stringify(classNames(b.evaluation));
      // Of other rows of the same data, counts cannot be compared, but the shares of a class can.
      const judged = runs.length === 2 ? answer.judgement : null;
      const isShare = judged?.same_rows === false;
      const parted = isShare ? [shares(one), shares(two)] : [one, two];
      parts.push(
        judged?.other_rows
          ? h("p", {}, `B − A: not comparable, ${judged.other_rows}.`)
          : !same
            ? h("p", {}, "B − A: the runs have different classes.")
            : confusionTable(
                parted[1].map((row, i) => row.map((count, j) => count - parted[0][i][j])),
                classNames(a.evaluation),
                { caption: isShare ? "B − A, in percent of each true class (the test rows differ)" : "B − A", kind: "difference" },
              ),
      );
    } else {
      parts.push(h("p", { class: "soft" }, "Select exactly two runs to see B − A."));
    }
    return [h("div", { class: "matrices" }, parts)];
  },
  classes: (runs, answer) => {
    const found = runs
      .map((run, index) => [run, evaluationOf(answer, run, index), letter(index)])
      .filter(([, evaluation]) => evaluation?.classes);
    if (!found.length) return [h("p", {}, "None of these runs has a report per class.")];
    return [
      h(
        "div",
        { class: "matrices" },
        found.map(([run, evaluation, name]) =>
          h("div", {}, h("h2", {}, `${name}: ${store.shortName(run)}`), reportTable(evaluation.classes.report)),
        ),
      ),
    ];
  },
};

/** Evaluations come in the order of the runs, or by id. */
function evaluationOf(answer, run, index) {
  const all = answer.evaluations ?? [];
  const one = Array.isArray(all) ? all[index] : all[run.id];
  return one?.evaluation ?? one;
}

/** `leader`: the index of the run to mark, or null where the runs cannot be compared or told apart. */
function metricRow({ key, values }, runs, leader) {
  const numbers = values.map((value) => Number(valueOf(key, value) ?? NaN));
  const hasBest = goal(key) !== null;
  const base = runs.findIndex((run) => run.id === state.base);
  return h(
    "tr",
    { "data-key": key },
    h("th", { scope: "row" }, key),
    values.map((value, index) => {
      if (!value || !Number.isFinite(numbers[index]))
        return h("td", { class: "number" }, value ? number(value.last) : MISSING);
      const hasBase = base >= 0 && base !== index && store.comparable(runs[index], runs[base]);
      const change = hasBase ? numbers[index] - numbers[base] : null;
      const kind = judge(key, change);
      return h(
        "td",
        {
          class: `number ${index === leader ? "leader" : ""}`,
          title: `${hasBest ? `best ${value.best} at epoch ${value.best_epoch}, ` : ""}last ${value.last}`,
        },
        index === leader ? h("span", { class: "star", title: "best of these runs" }, "★ ") : null,
        number(numbers[index]),
        splitKey(key)[0] === "test"
          ? null
          : h("span", { class: "at" }, ` @${hasBest ? value.best_epoch : value.last_epoch}`),
        change !== null && Number.isFinite(change)
          ? h("span", { class: `delta ${kind}`, title: deltaTitle(kind) }, deltaText(change, kind))
          : null,
      );
    }),
  );
}
