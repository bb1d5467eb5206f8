// What is shown now for somebody else: its address, a text for a message, or one file that needs no server.

import { dataTable, download, h, scroller, toast } from "./dom.js";
import { moment, plural } from "./format.js";
import { state } from "./state.js";
import * as store from "./store.js";

/** The most rows of a table in a text, and of the table of runs in a page. */
const MOST_TEXT = 50,
  MOST_RUNS = 500;

export function mountShare(menu) {
  const entry = (id, label, title, act) =>
    h("button", { type: "button", class: "quiet", id, title, onclick: () => ((menu.open = false), act()) }, label);
  menu.append(
    h(
      "div",
      { class: "panel" },
      entry("copy-link", "Copy link", "The address of exactly this view", () => copy(address(), "Link copied.")),
      entry("copy-text", "Copy as Markdown", "The answer and its tables, for a message or an issue", () => copy(markdown(), "Copied as Markdown.")),
      entry("save-page", "Save as a page…", "One HTML file of what is shown now, which needs no server", ask),
      entry("print", "Print…", "On paper, or as PDF", () => print()),
    ),
  );
}

/** The address of a view, without the part that is this browser's own session. */
export const address = (hash = location.hash) => `${location.origin}${location.pathname.replace(/\/s\/[^/]+\/$/, "/")}${hash}`;

export function copy(text, said) {
  const failed = () => toast("The browser gives no access to the clipboard.");
  if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => toast(said), failed);
  else failed();
}

// ---- as a text ----

const SIGNS = /[\\|<*_`[\]]/g;
const plain = (text) => text.replace(/\s+/g, " ").trim().replace(SIGNS, "\\$&");

/** Headings, answers and tables of the view in their order. */
export function markdown() {
  const root = document.getElementById("detail");
  const wanted = "h1, h2, .answer, .verdict > p, .sweep-sentence, .warning > p, .luck p, pre, code.command, table.data, table.confusion";
  const left = ".chart, .controls, .numbers, .rename, .edit-run";
  const parts = [...root.querySelectorAll(wanted)].filter((one) => !one.closest(left) && one.checkVisibility()).map(block);
  return `${parts.filter(Boolean).join("\n\n")}\n\n${address()}\n`;
}

function block(element) {
  const text = plain(element.textContent);
  if (element.tagName === "TABLE") return tableText(element);
  if (/^H\d$/.test(element.tagName)) return text && `${"#".repeat(Number(element.tagName[1]) + 1)} ${text}`;
  if (["PRE", "CODE"].includes(element.tagName)) return `~~~\n${element.textContent.replaceAll("~~~", "")}\n~~~`;
  return text;
}

/** What is drawn in a cell, and boxes and buttons, are no text. */
function tableText(table) {
  const cell = (one) => {
    const copied = one.cloneNode(true);
    for (const other of copied.querySelectorAll("svg, button:not(.cell, [data-sort]), input")) other.remove();
    return plain(copied.textContent);
  };
  const rows = [...table.rows].slice(0, MOST_TEXT + 1).map((row) => [...row.cells].map(cell));
  const columns = [...(rows[0] ?? []).keys()].filter((index) => rows.slice(1).some((row) => row[index]));
  const line = (row) => `| ${columns.map((index) => row[index] ?? "").join(" | ")} |`;
  if (!columns.length) return "";
  return [line(rows[0]), `|${columns.map(() => " --- |").join("")}`, ...rows.slice(1).map(line)].join("\n");
}

// ---- as a page ----

function ask() {
  const dialog = document.getElementById("dialog");
  const heading = document.querySelector("#detail h1")?.textContent.trim() || "burnlab";
  const title = h("input", { value: state.view === "charts" && state.exp ? state.exp : heading, maxlength: 200, "aria-label": "Title", id: "page-title" });
  const text = h("textarea", { rows: 5, maxlength: 20_000, "aria-label": "Text", id: "page-text", placeholder: "What is to be seen here, and what follows from it" });
  const submit = async (event) => {
    event.preventDefault();
    try {
      const page = await pageOf(title.value.trim() || heading, text.value.trim());
      download(`${title.value.trim().replace(/[^\p{L}\p{N}._-]+/gu, "-").slice(0, 80) || "burnlab"}.html`, page, "text/html");
      dialog.close();
    } catch (error) {
      toast(`Not saved: ${error.message}`);
    }
  };
  dialog.className = "panel-dialog";
  dialog.replaceChildren(
    h("h2", {}, "Save as a page"),
    h("p", { class: "soft" }, "What is shown now as one HTML file: the answer, the charts as they are zoomed, and the table of runs. It needs neither this server nor a network."),
    h(
      "form",
      { onsubmit: submit },
      h("label", { class: "field" }, h("span", {}, "Title"), title),
      h("label", { class: "field" }, h("span", {}, "Text above it"), text),
      h("div", { class: "actions" }, h("button", { type: "submit", class: "primary", id: "page-save" }, "Save"), h("button", { type: "button", onclick: () => dialog.close() }, "Cancel")),
    ),
  );
  dialog.showModal();
}

/** What only works with the server. */
const TOOLS = ".controls, .tools, .back, .rename, .edit-run, .subtabs, .hidden-charts, .progress .stop, input, select, textarea, .menu, [hidden], details.numbers:not([open]), .board-foot .settle:not([open])";
/** Buttons that show something themselves. */
const SHOWING = ".picture, .cell, .link, [data-sort], .chip button";

const PAGE_STYLE = `
html, body { height: auto; }
body.page { display: block; max-width: 1200px; margin: 0 auto; padding: 16px; }
.page #detail { overflow: visible; padding: 0; border: 0; }
.page .own-text { white-space: pre-line; max-width: 70em; }
`;

/** The text of an HTML file with the view. */
export async function pageOf(title, text) {
  const detail = document.getElementById("detail");
  const copied = detail.cloneNode(true);
  await embed(detail, copied);
  for (const element of copied.querySelectorAll(TOOLS)) element.remove();
  for (const button of copied.querySelectorAll("button"))
    if (button.matches(SHOWING)) button.replaceWith(...button.childNodes);
    else button.remove();
  for (const link of copied.querySelectorAll("a")) {
    const span = h("span", { class: link.className });
    span.append(...link.childNodes);
    link.replaceWith(span);
  }
  for (const element of copied.querySelectorAll("[tabindex], [draggable]")) for (const name of ["tabindex", "draggable"]) element.removeAttribute(name);
  const style = await (await fetch("assets/style.css", { cache: "no-store" })).text();
  const isSaid = copied.querySelector("h1")?.textContent.trim() === title;
  const body = h(
    "body",
    { class: "page" },
    isSaid ? "" : h("h1", {}, title),
    text ? h("p", { class: "own-text" }, text) : "",
    copied,
    ...(state.view === "charts" ? runTable() : []),
    h("p", { class: "soft" }, `Saved ${moment(new Date().toISOString())} from burnlab${state.q ? `, with the filter ${state.q}` : ""}.`),
  );
  // As text: this page itself allows no style but its own.
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
${h("title", {}, title).outerHTML}
<style>${style}${PAGE_STYLE}</style></head>
${body.outerHTML}</html>
`;
}

/** Pictures of the copy become part of it. */
async function embed(from, to) {
  const pairs = (css) => [...from.querySelectorAll(css)].map((element, index) => [element, to.querySelectorAll(css)[index]]);
  const canvases = pairs("canvas").map(([canvas, place]) => () => place.replaceWith(h("img", { src: canvas.toDataURL(), alt: canvas.getAttribute("aria-label") ?? "", width: canvas.clientWidth })));
  const images = pairs("img").map(async ([image, place]) => {
    const blob = await (await fetch(image.src)).blob();
    const data = await new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(blob);
    });
    place.setAttribute("src", data);
  });
  await Promise.all(images);
  for (const replace of canvases) replace();
}

function runTable() {
  const columns = store.columns();
  const runs = store.listed();
  const rows = runs.slice(0, MOST_RUNS).map((run) => [store.shortName(run), run.shown, ...columns.map((column) => String(column.text(run)))]);
  const heads = [{ label: "run" }, { label: "status" }, ...columns.map(({ label, number, hint }) => ({ label, number, title: hint }))];
  return [
    h("h2", {}, plural(runs.length, "run")),
    scroller(dataTable(heads, rows), "Runs"),
    runs.length > MOST_RUNS ? h("p", { class: "soft" }, `The first ${MOST_RUNS}.`) : "",
  ];
}
