// The heads of the runs table: sorting, order and width of the columns, and a menu for each with its filter.

import { isNameable, oneOf, replaced, saidOf, toggled, written } from "./clauses.js";
import { column as columnOf, sortKey, sortKeys } from "./columns.js";
import { h, refill } from "./dom.js";
import { natural, param } from "./format.js";
import { AND, experiment, groupKeys } from "./groups.js";
import { keep } from "./kept.js";
import { state, update } from "./state.js";
import * as store from "./store.js";

/** Cells before those of the chosen columns: box, eye, name and status. */
export const NUM_FIXED = 4;
const NARROWEST = 40,
  WIDEST = 600,
  STEP = 20; // px
/** Numbers of more values are filtered by their ends. */
const FEW_NUMBERS = 12;
const MOST_VALUES = 200;

// ---- order and width ----

/** What is asked for last about the columns is kept for the experiment. */
const choose = (patch) => update(keep(experiment(), patch));

/** The chosen width of a column in px, or its own with `more`. */
export function widthOf(column, more = 0) {
  const own = state.widths.find((item) => item.slice(0, item.lastIndexOf("=")) === column.id);
  const width = Number(own?.slice(own.lastIndexOf("=") + 1));
  return width >= NARROWEST && width <= WIDEST ? width : column.width + more;
}

function setWidth(id, width) {
  const others = state.widths.filter((item) => item.slice(0, item.lastIndexOf("=")) !== id);
  choose({ widths: [...others, `${id}=${Math.round(Math.max(NARROWEST, Math.min(WIDEST, width)))}`] });
}

/** id -> px from the left at which a column that stays in sight stands; the table says it. */
export const places = new Map();

/** What the cells of such a column have in addition. */
export const stuck = (column) => (places.has(column.id) ? { class: "stuck", style: { "--left": `${places.get(column.id)}px` } } : { class: "" });

const ids = () => store.columns().map((column) => column.id);

/** Puts a column at the place `to` among the others. */
function move(id, to) {
  const others = ids().filter((one) => one !== id);
  const place = Math.max(0, Math.min(others.length, to));
  choose({ cols: [...others.slice(0, place), id, ...others.slice(place)] });
}

const moveBy = (id, by) => move(id, ids().indexOf(id) + by);

function hide(id) {
  const others = ids().filter((one) => one !== id);
  if (others.length) choose({ cols: others });
}

// ---- sorting ----

/** `isMore`: as a further key, which decides where those before it do not. */
function sortBy(column, isMore) {
  const keys = sortKeys(state.sort);
  const own = keys.find((key) => sortKey(key).id === column.id);
  const first = column.number && column.goal !== "lower" ? `-${column.id}` : column.id;
  const next = own ? (own.startsWith("-") ? column.id : `-${column.id}`) : first;
  if (!isMore) update({ sort: [next] });
  else update({ sort: own ? keys.map((key) => (key === own ? next : key)) : [...(state.sort.length ? keys : []), next] });
}

// ---- the heads ----

export function renderHead(head, columns) {
  const listed = store.listed().map((run) => run.id);
  const chosen = listed.filter((id) => state.sel.includes(id)).length;
  const all = h("input", {
    type: "checkbox",
    "aria-label": "Select all listed runs",
    checked: chosen > 0 && chosen === listed.length,
    indeterminate: chosen > 0 && chosen < listed.length,
    onchange: () => update({ sel: chosen ? [] : listed.slice(0, 50) }),
    title: listed.length > 50 ? "Select the first 50" : "Select all",
  });
  refill(
    head,
    h(
      "tr",
      { "aria-rowindex": "1" },
      h("th", { class: "check" }, all),
      h("th", { class: "eye", title: "Drawn in the charts" }, h("span", { class: "hidden-text" }, "drawn")),
      headOf({ ...columnOf("run:name"), label: "run" }, false),
      headOf(columnOf("run:status"), false),
      columns.map((column) => headOf(column, true)),
    ),
  );
}

const DRAGGED = "text/x-burnlab-column";

function headOf(column, isMovable) {
  const { id, label, hint, number: align } = column;
  const keys = sortKeys(state.sort);
  const place = keys.findIndex((key) => sortKey(key).id === id);
  const descending = place >= 0 && keys[place].startsWith("-");
  const isFiltered = column.filter && saidOf(state.q, column.filter.key).length > 0;
  const arrow = place < 0 ? "" : `${descending ? "▾" : "▴"}${keys.length > 1 ? place + 1 : ""}`;
  const sorter = h(
    "button",
    {
      type: "button",
      title: `${hint ?? label}: sort; with Shift as a further key${isMovable ? "; drag to move" : ""}`,
      "data-sort": id,
      draggable: isMovable ? "true" : null,
      onclick: (event) => sortBy(column, event.shiftKey),
      onkeydown: (event) => onKey(event, column, isMovable),
    },
    h("span", { class: "label" }, label),
    isFiltered ? h("span", { class: "funnel", title: "Filtered" }, "⏷") : null,
    h("span", { class: "arrow", "aria-hidden": "true" }, arrow),
  );
  const menu = h("button", { type: "button", class: "head-menu", "data-menu": id, tabindex: "-1", title: `${hint ?? label}: sort, filter, move, hide`, "aria-label": `Menu of ${hint ?? label}`, "aria-haspopup": "true", onclick: () => columnMenu(column, menu, isMovable) }, "⋮");
  const cell = h(
    "th",
    {
      scope: "col",
      ...stuck(column),
      class: `${align ? "number" : ""} ${place >= 0 ? "sorted" : ""} ${stuck(column).class}`,
      "aria-sort": place === 0 ? (descending ? "descending" : "ascending") : null,
    },
    sorter,
    menu,
    isMovable ? edge(column) : null,
  );
  if (!isMovable) return cell;
  sorter.addEventListener("dragstart", (event) => event.dataTransfer.setData(DRAGGED, id));
  cell.addEventListener("dragover", (event) => {
    if (event.dataTransfer.types.includes(DRAGGED)) event.preventDefault();
  });
  cell.addEventListener("drop", (event) => {
    const dragged = event.dataTransfer.getData(DRAGGED);
    if (!dragged || dragged === id) return;
    event.preventDefault();
    move(dragged, ids().indexOf(id));
  });
  return cell;
}

/** The right edge of a head, which is dragged; a double click gives the column its own width back. */
function edge(column) {
  const grip = h("span", { class: "grip", "aria-hidden": "true", title: "Drag: width; double click: as it was" });
  grip.addEventListener("pointerdown", (down) => {
    down.preventDefault();
    grip.setPointerCapture(down.pointerId);
    const before = grip.parentElement.getBoundingClientRect().width;
    grip.addEventListener("pointerup", (up) => setWidth(column.id, before + up.clientX - down.clientX), { once: true });
  });
  grip.addEventListener("dblclick", () => choose({ widths: state.widths.filter((item) => item.slice(0, item.lastIndexOf("=")) !== column.id) }));
  return grip;
}

function onKey(event, column, isMovable) {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (event.altKey && event.key === "ArrowDown") columnMenu(column, event.currentTarget, isMovable);
  else if (by && event.altKey && isMovable) moveBy(column.id, by);
  else if (by && event.shiftKey && isMovable) setWidth(column.id, event.currentTarget.parentElement.getBoundingClientRect().width + by * STEP);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

// ---- menus ----

let panel;

/** Shows a menu beside `anchor`; Escape and a click elsewhere close it. */
function open(anchor, label, ...children) {
  panel ??= document.body.appendChild(h("div", { id: "column-menu", popover: "auto" }));
  panel.setAttribute("aria-label", label);
  panel.replaceChildren(...children.flat().filter(Boolean));
  if (!panel.matches(":popover-open")) panel.showPopover();
  const [box, own] = [anchor.getBoundingClientRect(), panel.getBoundingClientRect()];
  panel.style.left = `${Math.max(8, Math.min(box.left, innerWidth - own.width - 8))}px`;
  panel.style.top = `${Math.max(8, Math.min(box.bottom + 2, innerHeight - own.height - 8))}px`;
  panel.querySelector("button, input")?.focus();
}

const close = () => panel?.hidePopover();

const action = (label, act, props = {}) =>
  h("button", { type: "button", class: "quiet", onclick: () => (close(), act()), ...props }, label);

function columnMenu(column, anchor, isMovable) {
  const { id, label, hint, group } = column;
  const canGroup = group === "param" || ["run:status", "run:tags", "run:experiment"].includes(id);
  open(
    anchor,
    `Menu of ${hint ?? label}`,
    h("strong", { class: "menu-title" }, hint ?? label),
    h(
      "div",
      { class: "actions" },
      action("Sort ▴", () => update({ sort: [id] })),
      action("Sort ▾", () => update({ sort: [`-${id}`] })),
      state.sort.length && sortKey(state.sort[0]).id !== id ? action("Then by this", () => sortBy(column, true)) : null,
      canGroup && action(state.group === id ? "No groups" : "Group", () => update({ group: state.group === id ? "" : id, closed: [] })),
      canGroup && groupKeys().length && !groupKeys().some((one) => one.id === id) && action("Group by this, too", () => update({ group: [state.group, id].join(AND), closed: [] })),
      group === "param" && action(state.color === id ? "Colour by run" : "Colour", () => update({ color: state.color === id ? "" : id })),
      isMovable && action("◂ Move", () => moveBy(id, -1), { "aria-label": "Move to the left" }),
      isMovable && action("Move ▸", () => moveBy(id, 1), { "aria-label": "Move to the right" }),
      isMovable && action(state.stuck.includes(id) ? "Unpin" : "Pin", () => choose({ stuck: state.stuck.includes(id) ? state.stuck.filter((one) => one !== id) : [...state.stuck, id] }), { title: "It stays in sight beside the name of the run" }),
      isMovable && action("Hide", () => hide(id)),
    ),
    column.filter && isNameable(column.filter.key) ? filterOf(column) : null,
  );
}

/** Another filter, as if it were typed. */
function ask(q) {
  update({ q });
  store.applyFilter();
}

/** The runs that a filter chooses among. */
const all = () => [...store.runs.values()].filter((run) => (state.archived === "1" || !run.archived) && (!state.exp || run.experiment === state.exp));

function filterOf(column) {
  const { key, kind, values } = column.filter;
  if (kind !== "values") return fields(column);
  const counts = new Map();
  for (const run of all()) for (const value of values(run)) counts.set(written(value), (counts.get(written(value)) ?? 0) + 1);
  const isNumeric = [...counts.keys()].every((value) => Number.isFinite(Number(value)));
  if (isNumeric && counts.size > FEW_NUMBERS && key !== "seed") return fields({ ...column, filter: { key, kind: "range" } });
  const chosen = () => saidOf(state.q, key).filter(([operator]) => operator === "=").map(([, value]) => value);
  const shown = [...counts].sort(([a], [b]) => natural(a, b)).slice(0, MOST_VALUES);
  const list = h(
    "div",
    { class: "values" },
    shown.map(([value, count]) =>
      h(
        "label",
        {},
        h("input", { type: "checkbox", checked: chosen().includes(value), onchange: () => ask(toggled(state.q, key, value)) }),
        h("span", { class: "clip", title: value }, value),
        h("span", { class: "count" }, String(count)),
      ),
    ),
  );
  const find = h("input", {
    type: "search",
    placeholder: "Find a value",
    "aria-label": "Find a value",
    oninput: () => {
      for (const label of list.children) label.hidden = !label.textContent.toLowerCase().includes(find.value.trim().toLowerCase());
    },
  });
  return h("fieldset", {}, h("legend", {}, "Only runs with"), shown.length > 10 ? find : null, shown.length ? list : "No run has a value.", clear(key));
}

/** A range of numbers or days, or a part of a text. */
function fields(column) {
  const { key, kind } = column.filter;
  const said = saidOf(state.q, key);
  const of = (...operators) => (said.find(([operator]) => operators.includes(operator))?.[1] ?? "").replace(/^["']|["']$/g, "");
  const field = (label, value) => h("input", { type: kind === "date" ? "date" : "text", value, "aria-label": label, placeholder: label, inputmode: kind === "range" ? "decimal" : null });
  const [first, second] = kind === "text" ? [field("contains", of("~")), null] : [field("from", of(">=", ">")), field("to", kind === "date" ? day(of("<"), -1) : of("<=", "<"))];
  const isNumber = (input) => input.value.trim() !== "" && Number.isFinite(Number(input.value));
  const told = h("span", { class: "problem", hidden: true }, "Two numbers, or one of them.");
  const submit = (event) => {
    event.preventDefault();
    const given = [first, second].filter((input) => input?.value.trim());
    told.hidden = kind !== "range" || given.every(isNumber);
    if (!told.hidden) return;
    const own = kind === "text" ? given.map((input) => `${key} ~ ${written(input.value.trim())}`) : [[first, ">="], [second, "<="]].filter(([input]) => given.includes(input)).map(([input, operator]) => term(key, operator, input.value.trim(), kind));
    close();
    ask(replaced(state.q, key, own));
  };
  return h("form", { class: "range", onsubmit: submit }, h("span", { class: "soft" }, kind === "date" ? "Only runs of these days (UTC)" : "Only runs with"), h("div", {}, first, second, h("button", { type: "submit", class: "primary" }, "Filter")), told, clear(key));
}

/** A day ends where the next one begins. */
function term(key, operator, value, kind) {
  if (kind !== "date" || operator === ">=") return `${key} ${operator} ${value}`;
  return `${key} < ${day(value, 1)}`;
}

/** The day that comes so many days later, as `2026-11-24`; nothing of what is no day. */
function day(text, later) {
  const time = new Date(`${text}T00:00:00Z`);
  if (Number.isNaN(time.getTime())) return "";
  time.setUTCDate(time.getUTCDate() + later);
  return time.toISOString().slice(0, 10);
}

const clear = (key) => (saidOf(state.q, key).length ? action("Clear this filter", () => ask(replaced(state.q, key, [])), { class: "link" }) : null);

/** What a run has in the columns that are shown: a click filters by it. */
export function cellMenu(run, anchor) {
  const entries = store
    .columns()
    .concat(columnOf("run:status"))
    .filter(({ filter }) => filter?.kind === "values" && isNameable(filter.key))
    .flatMap(({ filter, label }) => filter.values(run).map((value) => ({ key: filter.key, label, value })));
  open(
    anchor,
    "Filter by a value of this run",
    h("strong", { class: "menu-title" }, "Only runs with"),
    h("div", { class: "actions column" }, entries.map(({ key, label, value }) => action(`${label} = ${param(value)}`, () => only(key, value)))),
  );
}

/** Only runs that have this value, too. */
const only = (key, value) => ask(replaced(state.q, key, oneOf(key, [written(value)])));

/** A click with Alt on a cell; whether it was one. */
export function filterByCell(event, run, column) {
  if (!event.altKey || column.filter?.kind !== "values" || !isNameable(column.filter.key)) return false;
  const values = column.filter.values(run);
  const value = values.find((one) => one === event.target.closest(".tag")?.textContent) ?? values[0];
  if (value === undefined) return false;
  only(column.filter.key, value);
  return true;
}
