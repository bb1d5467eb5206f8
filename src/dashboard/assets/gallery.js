// The images of the test split with the network's predictions: wrong ones first, then the least certain.

import * as api from "./api.js";
import { h } from "./dom.js";
import { percent } from "./format.js";
import { onTheme, themed } from "./palette.js";
import { asked, cellChip } from "./predictions.js";
import { state, update } from "./state.js";

const SIZE = 24;
/** How many classes of each image are named. */
const TOP = 3;
/** What pixels usually reach: the first that none in sight exceeds is drawn as full ink. */
const CEILINGS = [1, 16, 255, 65535];

/** The elements of the gallery, or null where `test.csv` has no images for the predictions. `onClose` takes a function that is called when the tab closes. */
export async function gallery(id, onClose) {
  const wrong = state.wrong === "1";
  const ask = (offset) => api.predictions(id, { offset, limit: SIZE, ...asked(wrong), order: "wrong_first", pixels: true });
  const first = await ask(0);
  if (!first.pixels) return null;

  const list = h("ol", { class: "gallery", "aria-label": "Images of the test split" });
  const told = h("span", { class: "count", role: "status" });
  const tick = h("input", {
    type: "checkbox",
    id: "wrong",
    checked: wrong,
    onchange: () => update({ wrong: tick.checked ? "1" : "" }),
  });
  const more = growing(list, first, {
    ask,
    onClose,
    make: (answer, index) => card(answer.columns, answer.rows[index], answer.image),
    onGrow: (shown, answer) => {
      told.textContent = `${answer.num_wrong} wrong; ${shown} of ${answer.total} shown`;
    },
  });
  return [
    h("h2", {}, "Predictions on the test split"),
    h("p", { class: "soft" }, "Wrong ones first, the surest of them on top; then the right ones, from unsure to sure."),
    h("div", { class: "controls" }, cellChip() ?? h("label", { class: "inline" }, tick, "only the wrong ones"), told),
    first.total ? list : h("p", {}, wrong ? "None is wrong." : "There are none."),
    more,
  ];
}

/**
 * Fills `list` with the rows of `first`, and returns the button that asks for more. `ask(offset)` gets an answer of the
 * server with `rows`, `total` and perhaps `pixels`, `make(answer, index)` makes an item `{element, canvas?}` of a row of it,
 * `onGrow(shown, answer)` is told of each answer.
 */
export function growing(list, first, { ask, make, onGrow, onClose }) {
  const pictures = []; // {canvas, pixels}
  let shown = 0;
  let ceiling = CEILINGS[0];
  const append = (answer) => {
    const items = answer.rows.map((row, index) => ({ ...make(answer, index), pixels: answer.pixels?.[index] }));
    list.append(...items.map(({ element }) => element));
    shown += items.length;
    onGrow(shown, answer);
    more.hidden = shown >= answer.total;
    const added = items.filter(({ canvas, pixels }) => canvas && pixels);
    pictures.push(...added);
    const largest = added.reduce((most, { pixels }) => Math.max(most, ...pixels), ceiling);
    const isNew = largest > ceiling;
    if (isNew) ceiling = CEILINGS.find((one) => largest <= one) ?? largest;
    (isNew ? pictures : added).forEach((picture) => paint(picture, ceiling));
  };
  const more = h(
    "button",
    {
      type: "button",
      id: "more",
      onclick: async () => {
        more.disabled = true;
        try {
          const answer = await ask(shown);
          if (answer.rows.length) append(answer);
        } finally {
          more.disabled = false;
        }
      },
    },
    "Show more",
  );
  append(first);
  onClose(onTheme(() => pictures.forEach((picture) => paint(picture, ceiling))));
  return more;
}

/** The picture of a row; {@link growing} paints it. */
export const picture = ([height, width], row) =>
  h("canvas", { width, height, role: "img", "aria-label": `Image in row ${row}` });

/** An image with its label, its prediction and the probabilities. */
function card(columns, cells, image) {
  const cell = (name) => cells[columns.indexOf(name)];
  const right = cell("true") === cell("predicted");
  const canvas = picture(image, cell("row"));
  const likely = columns
    .map((column, index) => ({ name: column.replace("probability_", ""), probability: Number(cells[index]), column }))
    .filter(({ column }) => column.startsWith("probability_"))
    .sort((a, b) => b.probability - a.probability)
    .slice(0, TOP);
  const element = h(
    "li",
    { class: right ? "right" : "wrong", "data-row": cell("row") },
    canvas,
    h(
      "div",
      { class: "verdict" },
      h("span", { class: "sign", role: "img", "aria-label": right ? "right" : "wrong" }, right ? "✓" : "✗"),
      h("span", {}, "Label: ", h("b", {}, cell("true"))),
      h("span", {}, "Prediction: ", h("b", {}, cell("predicted"))),
    ),
    h(
      "ol",
      { class: "probabilities", "aria-label": "Most probable classes" },
      likely.map(({ name, probability }) =>
        h(
          "li",
          { title: String(probability), style: { "--part": `${100 * probability}%` } },
          h("span", {}, name),
          h("span", {}, percent(probability)),
        ),
      ),
    ),
  );
  return { element, canvas };
}

/** Ink on paper: 0 is the colour of the page, `ceiling` that of its text; a missing value stays empty. */
function paint({ canvas, pixels }, ceiling) {
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, canvas.width, canvas.height);
  context.fillStyle = themed("--text");
  pixels.forEach((value, index) => {
    context.globalAlpha = Math.max(0, Math.min(1, (value ?? 0) / ceiling));
    context.fillRect(index % canvas.width, Math.floor(index / canvas.width), 1, 1);
  });
}
