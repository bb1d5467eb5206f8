// Creates elements. Text is added as text nodes only, so nothing in a run's data can become markup.

const SVG = "http://www.w3.org/2000/svg";

/** `h("td", {class: "number", title: "exact", onclick: f}, "0.98", child)`; null children are left out. */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children);
}

/** The same for SVG. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children);
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "selected" || name === "indeterminate")
      element[name] = value;
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return element;
}

/** What tells a part of the page from its siblings, whether it was made anew or not. */
function markOf(element) {
  const named = [element.id, element.getAttribute("aria-label"), element.getAttribute("href"), ...Object.values(element.dataset)];
  return named.some(Boolean) ? named.join("\n") : element.textContent;
}

/** Changes what is in `parent`. What had the focus has it afterwards, though it was made anew: whoever uses the keyboard goes on from there. */
export function keepFocus(parent, change) {
  const focused = document.activeElement;
  if (!focused || focused === parent || !parent.contains(focused)) return change();
  const all = () => [...parent.querySelectorAll(focused.tagName)];
  const place = all().indexOf(focused);
  const mark = markOf(focused);
  const twin = all().slice(0, place).filter((one) => markOf(one) === mark).length;
  change();
  if (document.activeElement === focused) return;
  const found = all();
  // What was only moved lost it, too; a button that says something else now stands where it stood.
  const again = focused.isConnected ? focused : (found.filter((one) => markOf(one) === mark)[twin] ?? found[place]);
  again?.focus({ preventScroll: true });
}

/** Puts `children` in place of what is in `parent`, as `keepFocus` does; what was unfolded stays so, but for menus, which close. */
export function refill(parent, ...children) {
  const nameOf = (details) => `${details.className}\n${details.querySelector("summary")?.textContent}`;
  const open = new Set([...parent.querySelectorAll("details[open]:not(.menu)")].map(nameOf));
  keepFocus(parent, () => {
    parent.replaceChildren(...children);
    if (open.size) for (const details of parent.querySelectorAll("details")) details.open ||= open.has(nameOf(details));
  });
}

/** A plain table. `columns`: [{label, number?, title?, sort?}], `rows`: arrays of strings or elements. */
export function dataTable(columns, rows, props = {}) {
  const align = (index) => (columns[index]?.number ? "number" : null);
  return h(
    "table",
    { ...props, class: `data ${props.class ?? ""}` },
    props.caption && h("caption", {}, props.caption),
    h(
      "thead",
      {},
      h(
        "tr",
        {},
        columns.map((column, index) =>
          h("th", { scope: "col", class: align(index), title: column.title, "aria-sort": column.sort }, column.label),
        ),
      ),
    ),
    h(
      "tbody",
      {},
      rows.map((row) =>
        h(
          "tr",
          {},
          row.map((cell, index) =>
            index === 0 && props.rowHeads !== false
              ? h("th", { scope: "row", class: align(index) }, cell)
              : h("td", { class: align(index) }, cell),
          ),
        ),
      ),
    ),
  );
}

/** Keeps a wide child inside the page; reachable by keyboard. */
export function scroller(child, label) {
  return h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": label }, child);
}

/** A short message at the foot of the page, with one action if given. */
export function toast(text, action) {
  const box = document.getElementById("toast");
  box.replaceChildren(
    text,
    action
      ? h(
          "button",
          {
            type: "button",
            onclick: () => {
              box.hidden = true;
              action.run();
            },
          },
          action.label,
        )
      : "",
  );
  box.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(
    () => {
      box.hidden = true;
    },
    action ? 8000 : 4000,
  );
}

/** Calls `action` once, `wait` ms after the last call. */
export function debounce(action, wait) {
  let timer;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...given), wait);
  };
}

/** Calls `action` once in `wait` ms at most, and after the last call. */
export function paced(action, wait) {
  let timer;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      action();
    }, wait);
  };
}

/** No task is much longer than this on purpose, in ms: what is typed or clicked meanwhile is answered within 100 ms. */
const STRETCH = 16;
/** The same of what is drawn in one frame: the browser's own layout of it takes twice as long. */
const STRETCH_OF_FRAME = 5;

/** Lets the browser paint and answer what was clicked, and goes on. */
export const breath = () => globalThis.scheduler?.yield?.() ?? new Promise((resolve) => setTimeout(resolve));

/** A clock for long work: `isDue()` after a stretch of it, when the work should `await breath()`. */
export function stretches(most = STRETCH) {
  let begun = performance.now();
  return () => {
    const isDue = performance.now() - begun > most;
    if (isDue) begun = performance.now();
    return isDue;
  };
}

const queue = new Set();
let isWaiting = false;

/** Runs what waits, in its order, and what does not fit into this frame in the next one. */
function runQueue() {
  if (!isWaiting) return;
  isWaiting = false;
  const isDue = stretches(STRETCH_OF_FRAME);
  for (const action of [...queue]) {
    queue.delete(action);
    try {
      action();
    } catch (error) {
      reportError(error);
    }
    if (isDue()) break;
  }
  if (queue.size && !isWaiting) wait();
}

function wait() {
  isWaiting = true;
  requestAnimationFrame(runQueue);
  // A hidden page gets no animation frames; a timer keeps it up to date.
  setTimeout(runQueue, 100);
}

/** Calls `action` at most once per frame. */
export const perFrame = (action) => () => {
  queue.add(action);
  if (!isWaiting) wait();
};

/** Saves text or a Blob as a file. */
export function download(name, content, type = "text/csv") {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = h("a", { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}

/** Rows as CSV; cells that need it are quoted, cells that a spreadsheet would take for formulas are made text. */
export function csv(rows) {
  const cell = (value) => {
    let text = value === null || value === undefined ? "" : String(value);
    if (/^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text))) text = `'${text}`;
    return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  return rows.map((row) => row.map(cell).join(",")).join("\n") + "\n";
}
