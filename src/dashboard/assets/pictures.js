// The pictures that a run drew, or that "burnlab plot" draws from its folder; and its boundary, epoch by epoch.

import * as api from "./api.js";
import { boundary } from "./boundary.js";
import { h } from "./dom.js";
import { command } from "./format.js";

/** What the files of `plots/` show. */
const NAMES = {
  curves: "Curves",
  confusion: "Confusion matrix",
  gallery: "Predictions, wrong ones first",
  boundary: "Decision boundary",
  hidden_units: "What the hidden units see",
  network: "Network",
  unit_weights: "Weights of the hidden units",
  attention: "Attention: where each head looks",
  roc: "ROC curve",
  calibration: "Calibration",
  predicted_vs_true: "Predicted against true",
  residuals: "Residuals",
  importance: "Importance of the inputs",
  contributions: "What each column adds to a prediction",
  dependence: "Partial dependence",
};

/** What `plots/hidden_units.svg` shows, in words. */
function caption(name) {
  const stem = name.replace(/^plots\//, "").replace(/\.svg$/, "");
  const words = stem.replaceAll("_", " ");
  return NAMES[stem] ?? words.charAt(0).toUpperCase() + words.slice(1);
}

/** The elements of the tab. `run` is the run in the list; `onClose` takes a function that is called when the tab closes. */
export async function pictures(detail, run, onClose) {
  const files = detail.files.filter(({ name }) => /^plots\/[^/]+\.svg$/.test(name)).map(({ name }) => name);
  const parts = [];
  if (detail.files.some(({ name }) => name === "boundary.json")) parts.push(...(await boundary(run, onClose)));
  if (files.length)
    parts.push(
      h("h2", {}, "Pictures"),
      h(
        "div",
        { class: "pictures" },
        files.map((name) => picture(run.id, name)),
      ),
    );
  if (parts.length) return parts;
  return [
    h("p", {}, "There are no pictures (yet): a training draws them at its end. This draws them from the run's folder:"),
    h("pre", { class: "command" }, command(`plot ${run.id}`)),
  ];
}

function picture(id, name) {
  const title = caption(name);
  const address = api.fileUrl(id, name);
  const image = () => h("img", { src: `${address}?inline=1`, alt: title });
  const file = name.replace("plots/", "");
  const save = () => h("a", { href: address, download: `${id}-${file}` }, "Download");
  return h(
    "figure",
    { "data-picture": file },
    h(
      "button",
      { type: "button", class: "picture", title: "Show it large", onclick: () => enlarge(title, image(), save()) },
      image(),
    ),
    h("figcaption", {}, h("span", {}, title), save()),
  );
}

/** Shows an image in a dialog; `save` is a link to its file. */
export function enlarge(title, image, save) {
  const dialog = document.getElementById("dialog");
  dialog.className = "large";
  dialog.replaceChildren(
    h("h2", {}, title),
    image,
    h(
      "div",
      { class: "actions" },
      h("button", { type: "button", class: "primary", onclick: () => dialog.close() }, "Close"),
      save,
    ),
  );
  dialog.showModal();
}
