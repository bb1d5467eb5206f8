// Test images with label and prediction, those that are wrong first; a click takes one onto the pad.

import { h, scroller } from "../assets/dom.js";
import { largest } from "./bars.js";
import { button, percent } from "./kit.js";
import { SIDE } from "./pad.js";
import { pixelPicture } from "./pixels.js";
import { trainedDigits } from "./trained_digits.js";

export async function mount(place, { t, onClose }) {
  const { gallery, confusion, accuracy } = await trainedDigits(16);
  const items = gallery.map(({ pixels, label, prediction, probabilities }) => {
    const isRight = String(label) === String(prediction);
    const image = pixelPicture("", SIDE, SIDE, "ink", onClose);
    image.setAttribute("aria-hidden", "true");
    image.paint(pixels, 16);
    const share = percent(probabilities[largest(probabilities)]);
    return h(
      "li",
      { class: isRight ? "right" : "wrong" },
      button([image, h("span", {}, `${isRight ? "✓" : "✗"} ${t("label")} ${label}`), h("span", {}, `${t("prediction")} ${prediction}`), h("span", { class: "soft" }, share)], () => document.dispatchEvent(new CustomEvent("burnlab-digit", { detail: pixels })), {
        "aria-label": t("item", { label, prediction, share }),
      }),
    );
  });
  const digits = confusion.map((_, digit) => digit);
  const table = h(
    "table",
    { class: "confusion" },
    h("caption", {}, t("confusion")),
    h("thead", {}, h("tr", {}, h("td"), digits.map((digit) => h("th", { scope: "col" }, String(digit))))),
    h(
      "tbody",
      {},
      confusion.map((row, truth) =>
        h(
          "tr",
          {},
          h("th", { scope: "row" }, String(truth)),
          row.map((count, digit) => {
            const share = count / Math.max(1, ...row);
            const kind = count === 0 ? "zero" : truth === digit ? "right" : "wrong";
            return h("td", { class: kind, style: { "--strength": (count === 0 ? 0 : 0.15 + 0.4 * share).toFixed(2) } }, String(count));
          }),
        ),
      ),
    ),
  );
  const wrong = confusion.flatMap((row, truth) => row.filter((_, digit) => digit !== truth)).reduce((sum, count) => sum + count, 0);
  const all = confusion.flat().reduce((sum, count) => sum + count, 0);
  place.append(
    h("p", { "data-wrong": wrong, "data-all": all }, t("told", { wrong, all, share: percent(accuracy) })),
    h("ul", { class: "digit-gallery" }, items),
    scroller(table, t("confusion")),
  );
}
