// The rows of the runs table: one for a run, and one for a group of them.

import { h } from "./dom.js";
import { MISSING, judge, number, plural, signed, spread } from "./format.js";
import { NUM_FIXED, filterByCell, places, stuck, widthOf } from "./heads.js";
import { lights } from "./highlight.js";
import { swatch } from "./palette.js";
import { showAll } from "./shown.js";
import { link, state, toggle, update } from "./state.js";
import * as store from "./store.js";

const WIDEST = 9; // px of a character, few of which are wider

/** key -> {element, signature} of the rows that are there. */
export const rows = new Map();

/** What a row does that concerns the table: `select(id, isRange)`, `setCursor(id)`, `startEdit(id, field)`. */
let table;
export function serve(actions) {
  table = actions;
}

export const rowId = (id) => `row-${id}`;

/** The row of `key`, rebuilt only if what it shows changed and nobody is typing in it. */
function remembered(key, signature, make) {
  const old = rows.get(key);
  if (old && (old.signature === signature || old.element.querySelector(".editor"))) return old.element;
  const element = make();
  rows.set(key, { element, signature });
  return element;
}

export function runRow(key, run, columns, index, cursor) {
  const base = state.base && store.runs.get(state.base);
  const cells = columns.map((column) => ({
    column,
    text: column.text(run),
    epoch: column.epoch?.(run),
    delta: delta(column, run, base),
  }));
  const flags = {
    drawn: store.isDrawn(run.id),
    slot: store.slot(run.id),
    selected: state.sel.includes(run.id),
    cursor: cursor === run.id,
    pinned: state.pin.includes(run.id),
    base: state.base === run.id,
    open: state.view === "run" && state.id === run.id,
  };
  const signature = JSON.stringify([
    index,
    store.shortName(run),
    run.shown,
    run.reason,
    run.archived,
    flags,
    cells.map((cell) => [cell.column.id, cell.text, cell.epoch, cell.delta?.text]),
    state.widths,
    [...places],
  ]);
  return remembered(key, signature, () => {
    const name = store.shortName(run);
    return h(
      "tr",
      {
        id: rowId(run.id),
        "data-id": run.id,
        "aria-rowindex": index + 2,
        "aria-level": state.group ? "2" : null,
        "aria-selected": String(flags.selected),
        class: [
          "run",
          flags.selected && "selected",
          flags.cursor && "cursor",
          flags.open && "open",
          run.archived && "archived",
          flags.pinned && "pinned",
        ]
          .filter(Boolean)
          .join(" "),
        onclick: (event) => {
          if (event.target.closest("a, button, input")) return;
          const cell = event.target.closest("td");
          const column = cell && columns[cell.cellIndex - NUM_FIXED];
          if (!column || !filterByCell(event, run, column)) table.setCursor(run.id);
        },
        ...lights([run.id]),
      },
      h(
        "td",
        { class: "check" },
        h("input", {
          type: "checkbox",
          tabindex: "-1",
          "aria-label": `Select ${name}`,
          checked: flags.selected,
          onclick: (event) => table.select(run.id, event.shiftKey),
        }),
      ),
      eyeCell([run.id], name, flags.drawn, "", swatch(flags.slot, flags.drawn)),
      h(
        "th",
        { scope: "row", class: "name", title: `${store.title(run)}${run.archived ? ", archived" : ""}` },
        h("a", { href: link({ view: "run", id: run.id, tab: "" }), tabindex: "-1" }, name),
        flags.pinned && h("span", { class: "mark", title: "Pinned" }, "pin"),
        flags.base && h("span", { class: "mark", title: "Differences are against this run" }, "base"),
        run.archived && h("span", { class: "mark" }, "archived"),
      ),
      h("td", { class: "fits", title: run.reason || run.shown }, statusLabel(run.shown)),
      cells.map((cell) => dataCell(run, cell)),
    );
  });
}

function dataCell(run, { column, text, epoch, delta: difference }) {
  const title = column.title?.(run) ?? String(text);
  // Text that is sure to fit needs no clipping, which costs time in every frame.
  const length = String(text).length + (epoch ? String(epoch).length + 2 : 0);
  const fits = !column.edit && length * WIDEST + 16 <= widthOf(column) && /^[ -~±–−∞]*$/.test(text);
  if (column.edit) {
    return h(
      "td",
      {
        ...stuck(column),
        class: `editable ${text ? "" : "empty"} ${stuck(column).class}`,
        title: text || `Add ${column.label}`,
        "data-edit": column.edit,
        onclick: (event) => {
          if (event.altKey) return;
          event.stopPropagation();
          table.startEdit(run.id, column.edit);
        },
      },
      column.edit === "tags" ? run.tags.map((tag) => h("span", { class: "tag" }, tag)) : text,
      h("span", { class: "pencil", "aria-hidden": "true" }, "✎"),
    );
  }
  return h(
    "td",
    { ...stuck(column), class: `${column.number ? "number" : ""} ${fits ? "fits" : ""} ${stuck(column).class}`, title },
    String(text),
    epoch ? h("span", { class: "at" }, ` @${epoch}`) : null,
    difference && h("span", { class: `delta ${difference.kind}`, title: deltaTitle(difference.kind) }, difference.text),
  );
}

/** `−0.0112 ▽`: a full mark is better, a hollow one worse, whichever direction that is; no mark without a direction. */
export const deltaText = (change, kind) =>
  ` ${signed(change)}${{ same: "", other: "", better: " ▲", worse: " ▽" }[kind]}`;

/** The meaning of the mark, for its tooltip. */
export const deltaTitle = (kind) =>
  (({ same: "the same as", other: "compared with" })[kind] ?? `${kind} than`) + " the baseline";

/** The difference to the baseline, for metrics. */
function delta(column, run, base) {
  if (!base || base.id === run.id || !column.metric || !store.comparable(run, base)) return null;
  const [mine, other] = [column.value(run), column.value(base)];
  if (typeof mine !== "number" || typeof other !== "number" || !Number.isFinite(mine - other)) return null;
  const change = mine - other;
  const kind = judge(column.metric, change);
  return { text: deltaText(change, kind), kind };
}

export function statusLabel(shown) {
  return h("span", { class: `status ${shown}` }, h("span", { class: "dot", "aria-hidden": "true" }), shown);
}

export function groupRow(key, group, columns, index) {
  const closed = state.closed.includes(group.key);
  const cells = columns.map((column) => {
    if (!column.metric) return "";
    const found = spread(group.runs.map((run) => column.value(run)).filter((value) => value !== null));
    return found ? `${number(found.mean)}${found.count > 1 ? ` ±${found.deviation.toPrecision(2)}` : ""}` : MISSING;
  });
  const ids = group.runs.map((run) => run.id);
  const chosen = ids.filter((id) => state.sel.includes(id)).length;
  const drawn = ids.filter((id) => store.isDrawn(id)).length;
  // Means have one mark per group; else each run has its own.
  const slot = store.isMean() ? store.slot(ids[0]) : null;
  const signature = JSON.stringify([index, closed, group.key, ids, columns.map((column) => column.id), cells, chosen, drawn, slot]);
  return remembered(key, signature, () =>
    h(
      "tr",
      { class: "group", "aria-rowindex": index + 2, "aria-level": "1", "aria-expanded": String(!closed), ...lights(ids) },
      h(
        "td",
        { class: "check" },
        h("input", {
          type: "checkbox",
          tabindex: "-1",
          "aria-label": `Select all of ${group.key}`,
          checked: chosen === ids.length,
          indeterminate: chosen > 0 && chosen < ids.length,
          onchange: () => update({ sel: chosen ? state.sel.filter((id) => !ids.includes(id)) : [...state.sel, ...ids.slice(0, 50)] }),
        }),
      ),
      eyeCell(ids, group.key, drawn > 0, " all", slot === null ? (drawn ? "◉" : "○") : swatch(slot, drawn > 0)),
      h(
        "th",
        { colspan: 2, scope: "rowgroup", title: group.key },
        h(
          "button",
          { type: "button", class: "quiet", onclick: () => toggle("closed", group.key) },
          h("span", { class: "arrow", "aria-hidden": "true" }, closed ? "▸" : "▾"),
          ` ${group.key} `,
          h("span", { class: "count" }, plural(group.runs.length, "run")),
        ),
      ),
      cells.map((text) =>
        h(
          "td",
          { class: "number", title: text && `mean ± standard deviation of ${plural(group.runs.length, "run")}` },
          text,
        ),
      ),
    ),
  );
}

/** The cell that tells whether runs are drawn, and draws or hides them. */
const eyeCell = (ids, name, isDrawn, all, mark) =>
  h(
    "td",
    { class: "eye" },
    h(
      "button",
      {
        type: "button",
        tabindex: "-1",
        class: "quiet",
        title: isDrawn ? `Drawn: click to hide${all}` : `Not drawn: click to draw${all}`,
        "aria-label": `Draw ${name}`,
        "aria-pressed": String(isDrawn),
        onclick: () => showAll(ids, !isDrawn),
      },
      mark,
    ),
  );
