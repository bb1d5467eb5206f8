// A page of predictions as a table: the surest of the wrong ones, or the largest errors, first.

import * as api from "./api.js";
import { dataTable, h, scroller } from "./dom.js";
import { enlarge } from "./pictures.js";
import { MISSING, number, plural, signed } from "./format.js";
import { state, update } from "./state.js";

/** A page of predictions as a table, with the raw inputs where they are wanted. */
export async function predictionTable(detail, id) {
  const size = 50;
  const page = Number(state.page) || 0;
  const canShowInputs = detail.files.some((file) => file.name === "test.csv") && !detail.image;
  const answer = await api.predictions(id, {
    offset: page * size,
    limit: size,
    ...asked(state.wrong !== "0"),
    order: state.rows === "file" ? undefined : "wrong_first",
    inputs: canShowInputs && state.inputs === "1",
  });
  const toggles = [];
  const box = (name, label, checked, change) => {
    const tick = h("input", { type: "checkbox", id: name, checked, onchange: () => update(change(tick.checked)) });
    toggles.push(h("label", { class: "inline" }, tick, label));
  };
  if (isCell()) toggles.push(cellChip());
  else if (answer.num_wrong !== null)
    box("wrong", "only the wrong ones", state.wrong !== "0", (on) => ({ wrong: on ? "" : "0", page: "0" }));
  if (canShowInputs) box("inputs", "with the inputs", state.inputs === "1", (on) => ({ inputs: on ? "1" : "" }));
  box("worst", "the worst first", state.rows !== "file", (on) => ({ rows: on ? "" : "file", page: "0" }));
  const pages = Math.max(1, Math.ceil(answer.total / size));
  // In a regression, how far off each prediction is.
  const error = answer.num_wrong === null ? errorsOf(answer) : null;
  const columns = [
    ...answer.columns.map((label) => ({
      label: label.replace(/^probability_(.*)$/, "p($1)"),
      title: label,
      number: true,
    })),
    ...(error ? [{ label: "error", title: "predicted - true", number: true }] : []),
    ...(canShowInputs ? [{ label: "why", title: "what each column adds to the prediction" }] : []),
    ...(answer.input_columns ?? []).map((label) => ({ label, title: `input ${label}, as in test.csv` })),
  ];
  const place = answer.columns.indexOf("row");
  const why = (row) => (canShowInputs && place >= 0 ? [whyButton(id, row[place])] : []);
  const rows = answer.rows.map((row, index) =>
    [...row, ...(error ? [signed(error[index])] : []), ...why(row), ...(answer.inputs?.[index] ?? [])].map((cell) =>
      cell === "" ? MISSING : cell instanceof Node ? cell : shortCell(cell),
    ),
  );
  return [
    h("h2", {}, "Predictions on the test split"),
    h(
      "div",
      { class: "controls" },
      ...toggles,
      h("span", { class: "count" }, plural(answer.total, "example")),
      h(
        "button",
        { type: "button", id: "previous", disabled: page === 0, onclick: () => update({ page: String(page - 1) }) },
        "Previous",
      ),
      h("span", {}, `page ${page + 1} of ${pages}`),
      h(
        "button",
        { type: "button", id: "next", disabled: page + 1 >= pages, onclick: () => update({ page: String(page + 1) }) },
        "Next",
      ),
    ),
    rows.length
      ? scroller(dataTable(columns, rows), "Predictions")
      : h("p", {}, answer.num_wrong === 0 && state.wrong !== "0" ? "None is wrong." : "There are none."),
  ];
}

/** Shows the contributions of the columns to the prediction of a row, which the server computes when it is asked. */
function whyButton(id, row) {
  const address = api.contributionsUrl(id, row);
  const title = `What each column adds to the prediction of row ${row}`;
  const show = () => {
    const image = h("img", { src: address, alt: title });
    // An image does not tell why there is none.
    image.onerror = () => api.send("GET", address).catch((error) => image.replaceWith(h("p", { class: "error" }, error.message)));
    enlarge(title, image, h("a", { href: address, download: `${id}-row-${row}.svg` }, "Download"));
  };
  return h("button", { type: "button", class: "why", title, onclick: show }, "why");
}

const isCell = () => Boolean(state.truth || state.guess);

/** What of the predictions is asked for: the wrong ones, unless it is a cell of the confusion matrix. */
export const asked = (isWrong) =>
  isCell() ? { true: state.truth || undefined, predicted: state.guess || undefined } : { wrong: isWrong };

/** Which cell of the confusion matrix is shown; a click shows all. */
export const cellChip = () =>
  isCell()
    ? h(
        "button",
        { type: "button", id: "cell", title: "Show all", onclick: () => update({ truth: "", guess: "", page: "0" }) },
        `label ${state.truth}, predicted ${state.guess} ×`,
      )
    : null;

/** Of each row of a regression; null where the columns are others. */
function errorsOf({ columns, rows }) {
  const [truth, predicted] = [columns.indexOf("true"), columns.indexOf("predicted")];
  return truth < 0 || predicted < 0 ? null : rows.map((row) => Number(row[predicted]) - Number(row[truth]));
}

/** Long decimals are cut to what can be read; the tooltip keeps them whole. */
const shortCell = (cell) =>
  /^-?\d*\.\d{5,}(e-?\d+)?$/i.test(String(cell)) ? h("span", { title: cell }, number(cell)) : String(cell);
