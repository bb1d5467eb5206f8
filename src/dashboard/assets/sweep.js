// One sweep: the results of its trials, the influence of the params, and which worker trained which trial when.

import * as api from "./api.js";
import { dataTable, h, paced, perFrame, refill, scroller } from "./dom.js";
import { goal, number, param, percent, plural } from "./format.js";
import { bestFirst, nextSpace, timeLeft } from "./next.js";
import { onTheme } from "./palette.js";
import { isInside, parallel } from "./parallel.js";
import { copyable } from "./run.js";
import { link, onState, state, update } from "./state.js";
import * as store from "./store.js";
import { countsText } from "./sweeps.js";
import { surface } from "./surface.js";
import { bestSoFar, slices, timeline } from "./trialcharts.js";
import { trialTable } from "./trials.js";

/** Time between two requests while runs change, and while trials are open but no run changes. */
const WAIT = 1000,
  QUIET = 5000; // ms

export function mountSweep(parent) {
  const { id } = state;
  const head = h("div", { class: "sweep-head" });
  const all = h(
    "button",
    {
      type: "button",
      id: "all-trials",
      hidden: true,
      onclick: () => {
        brushes.clear();
        render();
      },
    },
    "Show all trials",
  );
  const lines = h("div", { class: "parallel" });
  const told = h("p", { class: "told", role: "status" });
  const curve = h("div", { class: "plot" });
  const by = h(
    "select",
    { id: "by", "aria-label": "Horizontal axis", onchange: () => update({ by: by.value }) },
    h("option", { value: "" }, "by number"),
    h("option", { value: "time" }, "by end"),
  );
  const shares = h("div", { id: "importance" });
  const lanes = h("div", { class: "timeline" });
  const table = h("div", { id: "trials" });
  const marks = h("div", { class: "controls" }, told, all);
  const charts = h(
    "div",
    { class: "charts sweep-charts" },
    h("figure", { class: "chart" }, h("figcaption", {}, h("h2", {}, "Best so far"), by), curve, trialKey("best")),
    h("figure", { class: "chart" }, h("figcaption", {}, h("h2", {}, "Importance of the params")), shares),
  );
  const each = h("div", { class: "charts slices" });
  const pair = h("figure", { class: "chart contour", hidden: true });
  const body = h(
    "div",
    { hidden: true },
    h("h2", {}, "Params and value"),
    lines,
    marks,
    charts,
    each,
    pair,
    h("h2", {}, "Who trained what when"),
    lanes,
    trialKey("timeline"),
    h("h2", {}, "Trials"),
    table,
  );
  parent.append(h("a", { class: "back", href: link({ view: "charts", id: "", tab: "" }) }, "← All runs"), head, body);
  const brushes = new Map();
  let open = true;
  let answer = null;
  let asked = 0;
  let quiet;

  const draw = () => {
    if (!open || !answer) return;
    const { sweep, trials } = answer;
    const axes = [
      ...sweep.params.map((key) => ({ key, read: (trial) => trial.params[key] })),
      { key: sweep.metric, read: (trial) => trial.value },
    ];
    const inside = (trial) => isInside(trial, axes, brushes);
    const valued = trials.filter((trial) => trial.value !== null);
    const best = answer.best?.number;
    all.hidden = brushes.size === 0;
    by.value = state.by;
    marks.hidden = charts.hidden = each.hidden = !valued.length;
    if (valued.length) {
      parallel(lines, valued, axes, {
        told,
        brushes,
        render,
        noun: "trial",
        goal: goal(sweep.metric),
        isStrong: (trial) => trial.number === best,
        label: (trial) => `Trial ${trial.number}`,
        open: openTrial,
      });
      bestSoFar(curve, answer, inside, openTrial);
      slices(each, answer, inside, openTrial);
      surface(pair, answer, inside, openTrial);
    } else {
      lines.replaceChildren(h("p", {}, "No trial has a value yet."));
    }
    timeline(lanes, answer, inside, openTrial);
    trialTable(table, answer, trials.filter(inside));
  };
  const render = perFrame(draw);
  const load = async () => {
    clearTimeout(quiet);
    const mine = (asked += 1);
    try {
      const found = await api.sweep(id);
      // Another request was sent meanwhile: its response is newer.
      if (!open || mine !== asked) return;
      answer = found;
    } catch (error) {
      // Keeps what is shown; the banner says that the server is gone.
      if (!answer) head.replaceChildren(h("h1", {}, id), h("p", { class: "problem" }, error.message));
      return;
    }
    body.hidden = false;
    renderHead(head, answer);
    renderImportance(shares, answer);
    draw();
    const { running, waiting } = answer.sweep.counts;
    // A trial gets its result after its run has ended, and its worker before there is a run.
    if (running + waiting) quiet = setTimeout(load, QUIET);
  };
  const soon = paced(() => {
    if (open) load();
  }, WAIT);
  const stops = [
    store.onRuns((ids) => {
      if (!ids || [...ids].some((one) => !store.runs.has(one) || store.runs.get(one).sweep?.sweep === id)) soon();
    }),
    onState((changed) => {
      if (["by", "tsort", "sel", "cx", "cy"].some((key) => changed.has(key))) render();
    }),
    onTheme(draw),
  ];
  const resize = new ResizeObserver(render);
  resize.observe(parent);
  load();
  return () => {
    open = false;
    clearTimeout(quiet);
    stops.forEach((stop) => stop());
    resize.disconnect();
  };
}

/** A trial is its run; of several, the first. */
function openTrial(trial) {
  if (trial.runs.length) update({ view: "run", id: trial.runs[0], tab: "" });
}

/** The legend of a chart of trials. */
function trialKey(picture) {
  const mark = (state) => h("span", { class: `trial-mark ${state}`, "aria-hidden": "true" });
  return h(
    "p",
    { class: "key" },
    picture === "best"
      ? [
          h("span", {}, mark("finished round"), " finished"),
          h("span", {}, mark("stopped round"), " stopped early"),
          h("span", {}, "line: best that finished"),
        ]
      : ["finished", "stopped", "failed", "running"]
          .map((state) => h("span", {}, mark(state), ` ${state === "stopped" ? "stopped early" : state}`))
          .concat(h("span", {}, "↻ taken again after a worker was lost")),
  );
}

function renderHead(head, answer) {
  const { sweep, trials, best, test_metric: testMetric } = answer;
  const parts = [`Of ${plural(sweep.num_trials, "trial")}, ${countsText(sweep.counts)}.`, timeLeft({ sweep, trials })];
  const winner = trials.find((trial) => trial.number === best?.number);
  if (winner) {
    const params = sweep.params
      .filter((key) => key in winner.params)
      .map((key, index) => {
        const value = winner.params[key];
        return [index ? ", " : "", `${key} = `, h("span", { title: param(value) }, param(typeof value === "number" ? Number(value.toPrecision(4)) : value))];
      });
    const tested = winner.results.map((result) => result.test).filter((test) => test !== null);
    const mean = tested.reduce((sum, test) => sum + test, 0) / tested.length;
    parts.push(
      ` Chosen by ${sweep.metric}, the best is `,
      winner.runs.length
        ? h("a", { href: link({ view: "run", id: winner.runs[0], tab: "" }) }, `trial ${winner.number}`)
        : `trial ${winner.number}`,
      " with ",
      h("b", { title: String(winner.value) }, number(winner.value)),
      ": ",
      params,
      ".",
      tested.length ? ` Its ${testMetric} is ${number(mean)}.` : "",
    );
  } else {
    parts.push(` None has finished with a ${sweep.metric} yet.`);
  }
  refill(
    head,
    h("h1", { title: sweep.id }, sweep.experiment),
    h("p", { class: "soft" }, `${sweep.id}: ${sweep.method} search over ${sweep.params.join(", ")}`),
    h("p", { class: "sweep-sentence" }, parts),
    winner && numTried(sweep) > 1
      ? h(
          "div",
          { class: "warning", role: "note" },
          h(
            "p",
            {},
            `The best of ${numTried(sweep)} trials looks better than it is. Part of its lead is luck. Check it on new seeds:`,
          ),
          best.retrain ? copyable(`${best.retrain} --name ${word(`${sweep.experiment}-best`)}`) : null,
        )
      : "",
    next(answer),
  );
}

/** The curves of the best trials side by side, and where to search next. */
function next(answer) {
  const runs = bestFirst(answer).map((trial) => trial.runs[0]).filter((id) => store.runs.has(id)).slice(0, 5);
  const space = nextSpace(answer);
  return h(
    "div",
    { class: "actions" },
    runs.length > 1 ? h("button", { type: "button", id: "best-trials", onclick: () => update({ view: "compare", sel: runs, tab: "curves" }) }, `Curves of the best ${runs.length}`) : "",
    space
      ? h(
          "details",
          { class: "settle", id: "next-space" },
          h("summary", {}, "Where to search next"),
          h("p", { class: "soft" }, `What the best ${space.count} trials have in common, for the config of another sweep:`),
          copyable(space.lines.join("\n")),
          space.ends.map(([key, end]) => h("p", {}, `The best ${key} lies at the ${end} end of what was tried: look beyond it.`)),
        )
      : "",
  );
}

/** A word of a shell command. */
const word = (text) => (/^[\w./:,+@%=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`);

/** Trials with a result, including those stopped early. */
const numTried = (sweep) => sweep.counts.finished + sweep.counts.stopped;

/** Ranks of some numbers, equal ones with their mean rank. */
function ranks(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return values.map((value) => (sorted.indexOf(value) + sorted.lastIndexOf(value)) / 2);
}

/** The correlation of two lists; null where one has no spread. Of ranks, it is Spearman's. */
function correlation(a, b) {
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [x, y] = [a.map((value) => value - mean(a)), b.map((value) => value - mean(b))];
  const dot = (one, other) => one.reduce((sum, value, index) => sum + value * other[index], 0);
  const size = Math.sqrt(dot(x, x) * dot(y, y));
  return size > 0 ? dot(x, y) / size : null;
}

/** Weaker correlations are not called a direction: of 20 trials without any, one in five exceeds it. */
const CLEAR = 0.3;

/** Which values of a param go with better results: `{text, title}`. */
export function direction(key, trials, metric) {
  const own = trials.filter((trial) => trial.value !== null && trial.params[key] !== undefined);
  const isLower = goal(metric) === "lower";
  if (own.every((trial) => typeof trial.params[key] === "number")) {
    const found = correlation(ranks(own.map((trial) => trial.params[key])), ranks(own.map((trial) => trial.value)));
    if (found === null) return { text: "", title: "" };
    const better = isLower ? -found : found;
    const title = `rank correlation with a better ${metric}: ${better.toFixed(2)}`;
    return { text: Math.abs(better) < CLEAR ? "no direction" : better > 0 ? "higher ↗" : "lower ↘", title };
  }
  const groups = new Map();
  for (const trial of own) groups.set(param(trial.params[key]), [...(groups.get(param(trial.params[key])) ?? []), trial]);
  const means = [...groups].map(([value, some]) => [value, some.reduce((sum, trial) => sum + trial.value, 0) / some.length, some.length]);
  const [best] = means.sort((a, b) => (isLower ? a[1] - b[1] : b[1] - a[1]));
  return best ? { text: best[0], title: `mean ${metric} ${number(best[1])} over ${plural(best[2], "trial")}` } : { text: "", title: "" };
}

function renderImportance(box, { sweep, importance, trials }) {
  if (!importance.length) {
    refill(
      box,
      h(
        "p",
        {},
        numTried(sweep) < 10
          ? `Too few trials: ${numTried(sweep)} were tried, and importance needs at least 10 trials.`
          : "No param varied among the trials.",
      ),
    );
    return;
  }
  refill(
    box,
    scroller(
      dataTable(
        [{ label: "param" }, { label: "share", number: true }, { label: "better when", title: "over all trials with a result, whatever the other params" }],
        importance.map(({ key, share }) => [
          h("span", { title: key }, key),
          h("span", { class: "share", style: { "--part": `${100 * share}%` }, title: String(share) }, percent(share)),
          (({ text, title }) => h("span", { class: "direction", title }, text))(direction(key, trials, sweep.metric)),
        ]),
        { class: "importance" },
      ),
      "Importance of the params",
    ),
    h(
      "p",
      { class: "notes" },
      `How much of the differences between the ${importance[0].num_trials} trials each param explains by itself, by the ranks of their values (trials stopped early count with what they had reached). What two params do only together is in neither; noise alone has 1 to 3 % and more where trials are few.`,
    ),
  );
}
