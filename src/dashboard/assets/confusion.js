// Confusion matrices as tables with shaded cells.

import { h, scroller } from "./dom.js";
import { number, percent, signed } from "./format.js";

/**
 * `matrix[true][predicted]`. `kind`: "counts" shades each row by its share; "difference" shades by sign and size.
 * `open(label, prediction)` shows the examples of a cell.
 */
export function confusionTable(matrix, labels, { caption, kind = "counts", open } = {}) {
  const largest = Math.max(1, ...matrix.flat().map(Math.abs));
  const rows = matrix.map((row, actual) => {
    const sum = row.reduce((total, count) => total + Math.abs(count), 0) || 1;
    return h(
      "tr",
      {},
      h("th", { scope: "row" }, labels[actual]),
      row.map((count, predicted) => {
        const same = actual === predicted;
        const strength = kind === "difference" ? Math.abs(count) / largest : Math.abs(count) / sum;
        // More on the diagonal is good, more off it is bad.
        const good = kind === "difference" ? count > 0 === same : same;
        const text = kind === "difference" ? (count === 0 ? "0" : signed(count)) : String(count);
        const title =
          kind === "difference"
            ? `true ${labels[actual]}, predicted ${labels[predicted]}: ${text}`
            : `true ${labels[actual]}, predicted ${labels[predicted]}: ${count} of ${sum} (${percent(count / sum)})`;
        return h(
          "td",
          {
            title,
            class: [
              count === 0 ? "zero" : good ? "right" : "wrong",
              same ? "same" : "",
            ].join(" "),
            // Never so strong that the number on it could not be read, in the dark either.
            style: { "--strength": count === 0 ? "0" : (0.1 + 0.45 * strength).toFixed(3) },
          },
          open && count
            ? h("button", { type: "button", class: "cell", "aria-label": title, onclick: () => open(labels[actual], labels[predicted]) }, text)
            : text,
        );
      }),
    );
  });
  const table = h(
    "table",
    { class: "confusion" },
    h(
      "caption",
      {},
      caption ?? "Confusion matrix",
      h("span", { class: "soft" }, " rows: true class, columns: predicted"),
    ),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        h("td", {}),
        labels.map((label) => h("th", { scope: "col" }, label)),
      ),
    ),
    h("tbody", {}, rows),
  );
  return scroller(table, caption ?? "Confusion matrix");
}

/** Names of the classes of an evaluation. */
export const classNames = (evaluation) =>
  (evaluation.classes?.report ?? [])
    .map((row) => String(row.class))
    .slice(0, evaluation.classes.confusion_matrix.length);

export function reportTable(report) {
  return scroller(
    h(
      "table",
      { class: "data" },
      h("caption", {}, "Per class"),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          ["class", "precision", "recall", "F1", "examples"].map((label, index) =>
            h("th", { scope: "col", class: index ? "number" : null }, label),
          ),
        ),
      ),
      h(
        "tbody",
        {},
        report.map((row) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, String(row.class)),
            ["precision", "recall", "f1"].map((key) =>
              h(
                "td",
                { class: "number bar", title: row[key], style: { "--part": `${100 * (Number(row[key]) || 0)}%` } },
                number(row[key]),
              ),
            ),
            h("td", { class: "number" }, String(row.support)),
          ),
        ),
      ),
    ),
    "Per class report",
  );
}
