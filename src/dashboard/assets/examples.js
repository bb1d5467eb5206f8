// Rows that one of two runs predicts correctly and the other does not.

import * as api from "./api.js";
import { h, scroller } from "./dom.js";
import { MISSING, number, percent, plural, signed } from "./format.js";
import { growing, picture } from "./gallery.js";
import { state, update } from "./state.js";

const SIZE = 24;

/** `[kind, label]`; in a regression no prediction is exactly right. */
const CLASSES = [
  ["fixed", "Fixed"],
  ["broken", "Broken"],
  ["both_wrong", "Both wrong"],
];
const NUMBERS = [
  ["fixed", "Nearer"],
  ["broken", "Farther off"],
];

/** The elements of the tab. `onClose` takes a function that is called when the tab closes. */
export async function examples([a, b], onClose) {
  const kind = state.kind || "fixed";
  const ask = (offset) => api.examples([a.id, b.id], { kind, offset, limit: SIZE });
  const first = await ask(0);
  if (first.problem) return [h("p", {}, first.problem)];
  const { counts, is_numeric: isNumeric } = first;
  const kinds = isNumeric ? NUMBERS : CLASSES;
  const sentence = isNumeric
    ? `Of ${plural(counts.rows, "test row")}, B is nearer to the label than A in ${counts.fixed} and farther off in ${counts.broken}; the largest changes come first.`
    : `Of ${plural(counts.rows, "test row")}, A is wrong and B right in ${counts.fixed}, A right and B wrong in ${counts.broken}, and both are wrong in ${counts.both_wrong}; the largest changes of the label's probability come first.`;
  const choice = h(
    "div",
    { class: "controls", role: "group", "aria-label": "Which rows" },
    kinds.map(([one, label]) =>
      h(
        "button",
        {
          type: "button",
          id: `kind-${one}`,
          "aria-pressed": String(one === kind),
          onclick: () => update({ kind: one === "fixed" ? "" : one }),
        },
        `${label} (${counts[one]})`,
      ),
    ),
  );
  const told = h("span", { class: "count", role: "status" });
  choice.append(told);
  if (!first.total) return [h("p", {}, sentence), choice, h("p", {}, "There are none.")];
  const onGrow = (shown, answer) => {
    told.textContent = `${shown} of ${answer.total} shown`;
  };
  if (first.pixels) {
    const list = h("ol", { class: "gallery", "aria-label": "Images of the test split" });
    const more = growing(list, first, { ask, onGrow, onClose, make: card });
    return [h("p", {}, sentence), choice, list, more];
  }
  const list = h("tbody");
  const more = growing(list, first, { ask, onGrow, onClose, make: isNumeric ? numberRow : classRow });
  const head = (label, align, title) => h("th", { scope: "col", class: align, title }, label);
  const predicted = isNumeric
    ? ["A", "B", "change of the error"].map((label) => head(label, "number"))
    : ["A", "B"].map((name) => [head(name), head(`p(${name})`, "number", `Probability of what ${name} predicts`)]);
  const table = h(
    "table",
    { class: "data examples" },
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        head("row"),
        head("label", isNumeric ? "number" : null),
        predicted,
        (first.input_columns ?? []).map((label) => head(label, null, `input ${label}, as in test.csv`)),
      ),
    ),
    list,
  );
  return [h("p", {}, sentence), choice, scroller(table, "Examples"), more];
}

/** An image, its label, and each run's prediction. */
function card(answer, index) {
  const { row, label, a, b } = answer.rows[index];
  const canvas = picture(answer.image, row);
  const told = (name, one) => {
    const right = one.predicted === label;
    return h(
      "li",
      {
        class: right ? "right" : "wrong",
        title: one.probability,
        style: { "--part": `${100 * Number(one.probability)}%` },
      },
      h(
        "span",
        {},
        `${name}: `,
        h("b", {}, one.predicted),
        h("span", { role: "img", "aria-label": right ? ", right" : ", wrong" }, right ? " ✓" : " ✗"),
      ),
      h("span", {}, percent(Number(one.probability))),
    );
  };
  const element = h(
    "li",
    { class: b.predicted === label ? "right" : "wrong", "data-row": row },
    canvas,
    h("div", {}, "Label: ", h("b", {}, label)),
    h("ol", { class: "probabilities" }, told("A", a), told("B", b)),
  );
  return { element, canvas };
}

const cells = (answer, index) =>
  (answer.inputs?.[index] ?? []).map((cell) =>
    h("td", {}, cell === "" ? MISSING : h("span", { class: "clip", title: cell }, cell)),
  );
const figure = (text) => h("td", { class: "number", title: text }, number(text));

function classRow(answer, index) {
  const { row, label, a, b } = answer.rows[index];
  const told = (one) => [
    h(
      "td",
      {},
      one.predicted,
      h(
        "span",
        { role: "img", "aria-label": one.predicted === label ? ", right" : ", wrong" },
        one.predicted === label ? " ✓" : " ✗",
      ),
    ),
    h("td", { class: "number", title: one.probability }, percent(Number(one.probability))),
  ];
  return {
    element: h(
      "tr",
      { "data-row": row },
      h("th", { scope: "row" }, row),
      h("td", {}, label),
      told(a),
      told(b),
      cells(answer, index),
    ),
  };
}

function numberRow(answer, index) {
  const { row, label, a, b } = answer.rows[index];
  const error = (one) => Math.abs(Number(one.predicted) - Number(label));
  return {
    element: h(
      "tr",
      { "data-row": row },
      h("th", { scope: "row" }, row),
      figure(label),
      figure(a.predicted),
      figure(b.predicted),
      h("td", { class: "number" }, signed(error(b) - error(a))),
      cells(answer, index),
    ),
  };
}
