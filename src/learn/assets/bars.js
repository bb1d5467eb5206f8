// Probabilities and activations as bars with their numbers.

import { h } from "../assets/dom.js";
import { brief } from "./kit.js";

/**
 * A list of bars that is filled again and again: `show([{label, value, isMarked}], most)`; `most` is the value of a full bar.
 * Negative values run in another pattern.
 */
export function bars(props = {}) {
  const list = h("ul", { ...props, class: `bars ${props.class ?? ""}` });
  return Object.assign(list, {
    show(rows, most = 1) {
      while (list.children.length > rows.length) list.lastChild.remove();
      rows.forEach(({ label, value, isMarked }, index) => {
        const row = list.children[index] ?? list.appendChild(h("li", {}, h("span", { class: "label" }), h("span", { class: "track" }, h("span", { class: "length" })), h("data", { class: "number" })));
        const [name, track, figure] = row.children;
        name.textContent = label;
        track.firstChild.style.setProperty("width", `${Math.min(100, (100 * Math.abs(value)) / (most || 1)).toFixed(1)}%`);
        figure.textContent = brief(value);
        figure.dataset.value = String(value);
        row.classList.toggle("minus", value < 0);
        row.classList.toggle("marked", Boolean(isMarked));
      });
    },
  });
}

export const largest = (values) => values.reduce((best, value, index) => (value > values[best] ? index : best), 0);
