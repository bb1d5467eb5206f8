// The leaderboard of an experiment: its configs, best first, each judged against the best by the server.

import * as api from "./api.js";
import { renameExperiment } from "./actions.js";
import { dataTable, h, paced, perFrame, refill, scroller, svg } from "./dom.js";
import { MISSING, bestFirst, number, plural, seconds, signed, splitKey } from "./format.js";
import { lights } from "./highlight.js";
import { copyable } from "./run.js";
import { onState, state, update } from "./state.js";
import { experiment } from "./groups.js";
import * as store from "./store.js";

/** Rows shown at first, and asked for; time between two requests while runs change, in ms. */
const FEW = 6,
  MOST = 200,
  WAIT = 2000;
/** The width of the axis of intervals, in px; the columns beside it have little room between a phone's screen and a wide one. */
const axisWidth = () => (innerWidth > 500 && innerWidth <= 1150 ? 84 : 170);

export const CLAIMS = { better: "better", worse: "worse", not_distinguishable: "not distinguishable", no_claim: "no claim" };

/** Follows the experiment that is looked at; nothing where there are several. */
export function mountBoard(parent) {
  const box = h("section", { class: "board", id: "board", "aria-label": "Leaderboard", hidden: true });
  parent.append(box);
  let open = true;
  let answer = null;
  let asked = ""; // of which experiment and metric
  let isAll = false;
  const draw = () => {
    // Nothing is taken away from under whoever types.
    if (box.querySelector(".rename[open]") && answer?.experiment === box.querySelector("h1").textContent) return;
    box.hidden = !answer || answer.rows.length === 0;
    if (!box.hidden) refill(box, ...parts(answer, isAll, () => ((isAll = !isAll), draw())));
  };
  const load = async () => {
    const name = experiment();
    const wanted = `${name}\n${state.target}`;
    if (wanted !== asked) answer = null;
    asked = wanted;
    if (!name) {
      draw();
      return;
    }
    try {
      const found = await api.leaderboard(name, { metric: state.target, limit: MOST });
      if (!open || wanted !== asked) return;
      answer = found;
    } catch (error) {
      if (!open || wanted !== asked) return;
      // The metric may be one of training alone, or of another experiment.
      if (error.status === 400 && state.target) answer = await api.leaderboard(name, { limit: MOST }).catch(() => null);
    }
    draw();
  };
  const soon = paced(() => open && load(), WAIT);
  const check = perFrame(() => {
    if (open && `${experiment()}\n${state.target}` !== asked) load();
  });
  const stops = [
    store.onRuns((ids) => {
      check();
      if (ids) soon();
    }),
    onState((keys) => (keys.has("sel") ? draw() : check())),
  ];
  check();
  return () => {
    open = false;
    stops.forEach((stop) => stop());
  };
}

function parts(answer, isAll, toggleAll) {
  const { rows, metric, total } = answer;
  const leader = rows.find((row) => row.is_leader);
  const shown = isAll ? rows : rows.slice(0, FEW);
  const others = rows.filter((row) => row.comparison);
  return [
    h(
      "div",
      { class: "board-head" },
      h("h1", {}, answer.experiment),
      renaming(answer.experiment),
      h("span", { class: "count" }, `${plural(total, "config")}${metric ? ` by ${metric}` : ""}`),
    ),
    ...(metric && leader ? [answerText(leader, others, rows)] : [h("p", { class: "soft" }, "No finished run has a result yet.")]),
    ...(metric ? [scroller(table(shown, leader, answer), "Leaderboard")] : []),
    rows.length > FEW || total > rows.length
      ? h("button", { type: "button", class: "link", id: "board-all", onclick: toggleAll }, isAll ? "Show fewer" : `Show all ${plural(rows.length, "config")}`)
      : "",
    isAll && total > rows.length ? h("span", { class: "soft" }, ` The best ${rows.length} of ${total}.`) : "",
    h(
      "div",
      { class: "board-foot" },
      answer.baseline === null ? "" : h("p", { class: "soft baseline" }, `┊ ${number(answer.baseline)}: without looking at the inputs.`),
      answer.luck ? h("details", { class: "luck" }, h("summary", {}, "How much of this is luck?"), h("p", {}, answer.luck)) : "",
      settling(rows),
    ),
  ];
}

/** A field for another name. */
function renaming(name) {
  const field = h("input", { value: name, "aria-label": "Name of the experiment", maxlength: 200 });
  const form = h("form", {}, field, h("button", { type: "submit", class: "primary" }, "Rename"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const wanted = field.value.trim();
    if (wanted && wanted !== name) renameExperiment(name, wanted);
    else menu.open = false;
  });
  const opened = () => {
    if (!menu.open) return;
    field.focus();
    field.select();
  };
  const menu = h("details", { class: "menu rename", ontoggle: opened }, h("summary", { title: "Give the experiment another name" }, "Rename"), h("div", { class: "panel" }, form));
  return menu;
}

/** The answer in a sentence: the best, and how it stands to the next one. */
function answerText(leader, others, rows) {
  const name = (row) => row.name || "This config";
  const mean = `${number(leader.mean)}${leader.interval ? ` (95 % interval ${number(leader.interval[0])} to ${number(leader.interval[1])})` : ""}`;
  const next = others.find((row) => rows.indexOf(row) > rows.indexOf(leader)) ?? others[0];
  const single = leader.num_seeds < 2 && !leader.folds ? " One seed is no evidence." : "";
  const sentence = next?.comparison.sentence ?? "";
  return h(
    "p",
    { class: "answer" },
    h("strong", {}, name(leader)),
    ` ${others.length ? "has the best mean," : "reaches"} ${mean} over ${plural(leader.num_seeds, leader.folds ? "fold" : "seed")}.${single} `,
    h("span", { class: "soft" }, sentence),
  );
}

function table(shown, leader, { rows, metric, baseline }) {
  const ends = rows.filter((row) => row.mean !== null).flatMap((row) => [row.mean, ...(row.interval ?? [])]);
  // Far away it would leave no room for the differences.
  const span = Math.max(...ends) - Math.min(...ends);
  if (baseline !== null && ends.some((end) => Math.abs(end - baseline) <= span)) ends.push(baseline);
  const isWorse = (row) => baseline !== null && row.mean !== null && bestFirst(metric, baseline, row.mean) < 0;
  const [low, high] = [Math.min(...ends), Math.max(...ends)];
  const width = axisWidth();
  const place = (value) => (high > low ? 6 + ((value - low) / (high - low)) * (width - 12) : width / 2);
  const body = shown.map((row) => [
    configCell(row, isWorse(row)),
    h("b", {}, row.mean === null ? MISSING : number(row.mean)),
    row.mean === null ? "" : bar(row, width, place, leader, ends.includes(baseline) ? baseline : null),
    claimCell(row),
    h("span", { class: "seeds", "data-unit": row.folds ? "folds" : row.num_seeds === 1 ? "seed" : "seeds" }, String(row.num_seeds)),
    row.seconds === null ? MISSING : seconds(row.seconds),
    actions(row, leader),
  ]);
  const columns = [
    { label: "config" },
    { label: splitKey(metric)[1], number: true, title: `mean ${metric} over seeds` },
    { label: ends.length ? `${number(low)} … ${number(high)}` : "", title: "mean and its 95 % interval, on one axis" },
    { label: "against the best" },
    { label: "seeds", number: true, title: "finished runs that differ in seed or fold alone" },
    { label: "time", number: true, title: "mean training time of a run" },
    { label: "" },
  ];
  const made = dataTable(columns, body, { class: "leaderboard" });
  [...made.tBodies[0].rows].forEach((tr, index) => {
    const row = shown[index];
    tr.dataset.runs = row.runs[0];
    tr.classList.toggle("leader", row.is_leader);
    for (const [event, action] of Object.entries(lights(row.runs))) tr.addEventListener(event.slice(2), action);
  });
  return made;
}

function configCell(row, isWorse) {
  const isChosen = row.runs.every((id) => state.sel.includes(id));
  const name = row.name || "all runs";
  const tick = h("input", {
    type: "checkbox",
    "aria-label": `Select all runs of ${name}`,
    checked: isChosen,
    onchange: () => {
      const rest = state.sel.filter((id) => !row.runs.includes(id));
      update({ sel: tick.checked ? [...rest, ...row.runs.slice(0, 50)] : rest });
    },
  });
  return h("label", { class: "config", title: name }, tick, h("span", { class: "clip" }, name), row.is_leader ? h("span", { class: "mark" }, "best") : "", isWorse ? h("span", { class: "mark warn", title: "It would score better without looking at the inputs" }, "below the baseline") : "");
}

/** The mean as a dot on its interval; the lines through all rows are the leader's mean and the baseline. */
function bar(row, width, place, leader, baseline) {
  const [from, to] = row.interval ?? [row.mean, row.mean];
  return svg(
    "svg",
    { class: "interval", width, height: 20, viewBox: `0 0 ${width} 20`, "aria-hidden": "true" },
    leader && svg("line", { class: "best", x1: place(leader.mean), x2: place(leader.mean), y1: 0, y2: 20 }),
    baseline !== null && svg("line", { class: "baseline", x1: place(baseline), x2: place(baseline), y1: 0, y2: 20 }),
    svg("line", { class: "range", x1: place(from), x2: place(to), y1: 10, y2: 10 }),
    row.interval && [from, to].map((end) => svg("line", { class: "range", x1: place(end), x2: place(end), y1: 6, y2: 14 })),
    svg("circle", { cx: place(row.mean), cy: 10, r: 4 }),
  );
}

function claimCell({ comparison, is_leader: isLeader, mean }) {
  if (isLeader) return h("span", { class: "soft" }, "the best");
  if (!comparison) return h("span", { class: "soft" }, mean === null ? "no result yet" : "not judged");
  const { claim, difference, sentence } = comparison;
  const size = claim === "better" || claim === "worse" ? `${signed(difference)} ` : "";
  return h("span", { class: `claim ${claim}`, title: sentence }, `${size}${CLAIMS[claim]}`);
}

function actions(row, leader) {
  if (!leader || row.is_leader || !row.comparison) return "";
  const compare = () => update({ view: "compare", sel: [leader.runs[0], row.runs[0]], tab: "" });
  return h("button", { type: "button", class: "quiet compare-best", onclick: compare }, "Compare");
}

/** The commands that would settle what is open, those of the best configs first. */
function settling(rows) {
  const open = rows.filter((row) => row.comparison?.next.length).slice(0, 3);
  const commands = [...new Set(open.flatMap((row) => row.comparison.next))];
  if (!commands.length) return "";
  return h("details", { class: "settle" }, h("summary", {}, "What would settle it"), ...commands.map((command) => copyable(command)));
}
