// The runs table: only visible rows are in the DOM, so that thousands of runs scroll as smoothly as ten.

import { edit } from "./actions.js";
import { h, keepFocus, perFrame } from "./dom.js";
import { NUM_FIXED, cellMenu, places, renderHead, widthOf } from "./heads.js";
import { groupRow, rowId, rows, runRow, serve } from "./rows.js";
import { show, showOnly } from "./shown.js";
import { onState, state, toggle, update } from "./state.js";
import * as store from "./store.js";

export { deltaText, deltaTitle, statusLabel } from "./rows.js";

const ROW = 30; // px; style.css has the same
const SPARE = 8; // rows kept above and below the ones in sight
const PIECE = 10; // rows that the first frames add

const soon = perFrame(() => renderRows());
// What part of the table is in sight, in px: asking the browser in the midst of a change would have it lay out the page.
let [room, place] = [innerHeight, 0];

let box, table, head, body, columnGroup, above, below;
let most = PIECE; // rows that there may be: the first ones come in pieces, as the browser lays them out slowest
let inSight = ""; // which part of `items` has rows
let items = []; // what the table lists: {run} or {group}
let cursor = ""; // id of the row that the keyboard is on
let anchor = ""; // where a range selection with Shift began

serve({ select, setCursor, startEdit });

export function mountTable(parent) {
  columnGroup = h("colgroup");
  head = h("thead");
  above = h("tr", { class: "spacer", "aria-hidden": "true" });
  below = above.cloneNode();
  body = h("tbody", {}, above, below);
  table = h(
    "table",
    {
      class: "runs",
      role: "grid",
      tabindex: "0",
      "aria-label": "Runs",
      "aria-multiselectable": "true",
      onkeydown: onKey,
    },
    columnGroup,
    head,
    body,
  );
  box = h("div", { class: "table-box", id: "table-box", onscroll: perFrame(scrolled) }, table);
  parent.append(box);
  new ResizeObserver(([entry]) => {
    room = entry.contentRect.height;
    soon();
  }).observe(box);
  const render = perFrame(renderTable);
  store.onRuns(render);
  onState(render);
  render();
}

function renderTable() {
  items = [];
  const groups = store.groups();
  if (groups) {
    for (const group of groups) {
      items.push({ group });
      if (!state.closed.includes(group.key)) for (const run of group.runs) items.push({ run });
    }
  } else {
    for (const run of store.listed()) items.push({ run });
  }
  const columns = store.columns();
  // As wide as the longest name, within reason: no name is cut that could be shown, none fills a phone.
  const longest = items.reduce(
    (most, item) =>
      Math.max(
        most,
        item.run
          ? store.shortName(item.run).length +
              5 * (state.pin.includes(item.run.id) + (state.base === item.run.id) + item.run.archived)
          : 0,
      ),
    0,
  );
  // A group's label spans the columns of name and status; a mean with its deviation is longer than a value.
  const label = groups ? 7.4 * Math.max(...groups.map((group) => group.key.length)) + 20 : 0;
  const name = Math.min(Math.max(110, 22 + 7.6 * longest, label), innerWidth < 500 ? 150 : 280);
  const widths = [
    30,
    34,
    name,
    100,
    ...columns.map((column) => widthOf(column, (column.metric ? (groups ? 26 : 0) + (state.base ? 74 : 0) : 0))),
  ];
  places.clear();
  columns.filter(({ id }) => state.stuck.includes(id)).reduce((left, column, index) => (places.set(column.id, left), left + widths[NUM_FIXED + index]), widths[0] + widths[1] + name);
  columnGroup.replaceChildren(...widths.map((width) => h("col", { style: { width: `${width}px` } })));
  table.style.width = `${widths.reduce((sum, width) => sum + width, 0)}px`;
  table.setAttribute("aria-rowcount", items.length + 1);
  table.setAttribute("role", groups ? "treegrid" : "grid");
  renderHead(head, columns);
  renderRows();
}

/** Sticky cells take half the time of a frame, so they are sticky only while needed. */
function scrolled() {
  place = Math.max(0, box.scrollTop);
  box.classList.toggle("aside", box.scrollLeft > 0);
  renderRows({ moved: true });
}

/** `moved`: nothing changed but the place, so that the rows that are there stay as they are. */
function renderRows({ moved = false } = {}) {
  const first = Math.max(0, Math.floor(place / ROW) - SPARE);
  const end = Math.min(items.length, Math.ceil((place + room) / ROW) + SPARE);
  const last = Math.min(end, first + most);
  if (last < end) {
    most += PIECE;
    soon();
  } else if (items.length) most = Infinity;
  if (moved && inSight === `${first} ${last}`) return;
  inSight = `${first} ${last}`;
  const columns = store.columns();
  const kept = new Set();
  const elements = [];
  for (let index = first; index < last; index += 1) {
    const item = items[index];
    const key = item.run ? item.run.id : `group ${item.group.key}`;
    kept.add(key);
    const there = moved && rows.get(key)?.element;
    elements.push(
      there || (item.run ? runRow(key, item.run, columns, index, cursor) : groupRow(key, item.group, columns, index)),
    );
  }
  for (const key of rows.keys()) if (!kept.has(key)) rows.delete(key);
  above.style.height = `${first * ROW}px`;
  below.style.height = `${(items.length - last) * ROW}px`;
  keepFocus(body, () => reconcile(body, [above, ...elements, below]));
  if (rows.has(cursor)) table.setAttribute("aria-activedescendant", rowId(cursor));
  else table.removeAttribute("aria-activedescendant");
}

/** Puts `wanted` in place without touching elements that are there already: focus and editing survive. */
function reconcile(parent, wanted) {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  let next = parent.firstChild;
  for (const element of wanted) {
    if (element === next) next = next.nextSibling;
    else parent.insertBefore(element, next);
  }
}

// ---- selection, cursor and keyboard ----

function select(id, range) {
  if (range && anchor) {
    const order = items.filter((item) => item.run).map((item) => item.run.id);
    const [from, to] = [order.indexOf(anchor), order.indexOf(id)].sort((a, b) => a - b);
    if (from >= 0) update({ sel: [...new Set([...state.sel, ...order.slice(from, to + 1)])] });
  } else {
    toggle("sel", id);
  }
  anchor = id;
}


export function setCursor(id) {
  cursor = id;
  const index = items.findIndex((item) => item.run?.id === id);
  if (index >= 0) {
    // The sticky head covers one row.
    if (index * ROW < box.scrollTop) box.scrollTop = index * ROW;
    if ((index + 2) * ROW > box.scrollTop + box.clientHeight) box.scrollTop = (index + 2) * ROW - box.clientHeight;
    place = box.scrollTop;
  }
  renderRows();
}

function moveCursor(by) {
  const order = items.filter((item) => item.run).map((item) => item.run.id);
  if (!order.length) return;
  const index = order.indexOf(cursor);
  setCursor(order[Math.max(0, Math.min(order.length - 1, index < 0 ? 0 : index + by))]);
}

function onKey(event) {
  if (event.target !== table || event.ctrlKey || event.metaKey || event.altKey) return;
  const page = Math.max(1, Math.floor(box.clientHeight / ROW) - 2);
  const moves = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1, PageDown: page, PageUp: -page, Home: -1e9, End: 1e9 };
  const run = store.runs.get(cursor);
  const actions = {
    " ": () => select(cursor, event.shiftKey),
    Enter: () => update({ view: "run", id: cursor, tab: "" }),
    v: () => show(cursor, !store.isDrawn(cursor)),
    o: () => showOnly([cursor]),
    p: () => toggle("pin", cursor),
    b: () => update({ base: state.base === cursor ? "" : cursor }),
    t: () => startEdit(cursor, "tags"),
    n: () => startEdit(cursor, "note"),
    f: () => cellMenu(run, rows.get(cursor)?.element ?? table),
  };
  if (event.key in moves) moveCursor(moves[event.key]);
  else if (run && event.key in actions) actions[event.key]();
  else return;
  event.preventDefault();
}

/** Turns the tags or note cell of a run into a field. Enter or leaving it saves, Escape does not. */
function startEdit(id, field) {
  const run = store.runs.get(id);
  const cell = rows.get(id)?.element.querySelector(`[data-edit=${field}]`);
  if (!run || !cell || cell.querySelector(".editor")) return;
  const before = field === "tags" ? run.tags.join(", ") : (run.note ?? "");
  let done = false;
  const close = async (save) => {
    if (done) return;
    done = true;
    const text = input.value;
    const hadFocus = document.activeElement === input;
    input.remove();
    rows.delete(id);
    if (save && text.trim() !== before.trim())
      await edit(
        id,
        field === "tags"
          ? {
              tags: text
                .split(",")
                .map((tag) => tag.trim())
                .filter(Boolean),
            }
          : { note: text.trim() },
      );
    renderRows();
    if (hadFocus) table.focus();
  };
  const input = h("input", {
    class: "editor",
    value: before,
    "aria-label": field === "tags" ? "Tags, separated by commas" : "Note",
    placeholder: field === "tags" ? "tag, tag" : "note",
    maxlength: 2000,
    onclick: (event) => event.stopPropagation(),
    onblur: () => close(true),
    onkeydown: (event) => {
      event.stopPropagation();
      if (event.key === "Enter") close(true);
      if (event.key === "Escape") close(false);
    },
  });
  cell.replaceChildren(input);
  input.focus();
  input.select();
}
