// The box with the values under the pointer: one for the page, beside the chart, never cut off.

import { h } from "./dom.js";
import { swatch } from "./palette.js";

/** The most rows; of more, those around the one under the pointer are shown. */
const MOST = 14;
const GAP = 8; // px

let box;

/** Shows `rows`, `[{slot, label, value, near}]` in their order, under `title`, beside the element `chart`. */
export function showHover(chart, title, rows) {
  box ??= document.body.appendChild(h("div", { id: "hover", role: "status" }));
  const near = Math.max(0, rows.findIndex((row) => row.near));
  const first = Math.max(0, Math.min(near - Math.floor(MOST / 2), rows.length - MOST));
  const shown = rows.slice(first, first + MOST);
  const left = rows.length - first - shown.length;
  const more = (count, where) => (count > 0 ? h("p", { class: "soft" }, `${count} more ${where}`) : null);
  box.replaceChildren(
    h("p", { class: "hover-title" }, title),
    ...[more(first, "above")].filter(Boolean),
    h(
      "table",
      {},
      h(
        "tbody",
        {},
        shown.map(({ slot, label, value, near: isNear }) =>
          h(
            "tr",
            { class: isNear ? "near" : null },
            h("td", {}, slot === undefined ? "" : swatch(slot)),
            h("td", { class: "value" }, value),
            h("td", { class: "label" }, label),
          ),
        ),
      ),
    ),
    ...[more(left, "below")].filter(Boolean),
  );
  box.hidden = false;
  place(chart.getBoundingClientRect());
}

/** Right of the chart, else left of it, else under or over it: whatever has the room. */
function place(chart) {
  const { width, height } = box.getBoundingClientRect();
  const clamp = (value, most) => Math.max(GAP, Math.min(value, most - GAP));
  let left = chart.right + GAP;
  let top = clamp(chart.top, innerHeight - height);
  if (left + width > innerWidth - GAP) left = chart.left - GAP - width;
  if (left < GAP) {
    left = clamp(chart.left, innerWidth - width);
    top = chart.bottom + GAP + height < innerHeight ? chart.bottom + GAP : clamp(chart.top - GAP - height, innerHeight - height);
  }
  box.style.left = `${left}px`;
  box.style.top = `${top}px`;
}

export function hideHover() {
  if (box) box.hidden = true;
}
addEventListener("scroll", hideHover, { capture: true, passive: true });
