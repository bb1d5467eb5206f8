// The entry point: switches views, follows the server, shows the banner and handles the keyboard.

import { isOpening } from "./early.js";
import { follow, logOut } from "./api.js";
import { mountCompare } from "./compare.js";
import { mountControls } from "./controls.js";
import { breath, h, perFrame, refill, toast } from "./dom.js";
import { command } from "./format.js";
import { counts, onCounts, watchEnds } from "./going.js";
import { hideHover } from "./hover.js";
import { mountHome, opening } from "./home.js";
import { mountOverview } from "./overview.js";
import { mountParams } from "./params.js";
import { mountRun } from "./run.js";
import { mountShare } from "./share.js";
import { link, onState, state, update } from "./state.js";
import * as store from "./store.js";
import { mountSweep } from "./sweep.js";
import { mountSweeps, onSweeps, sweeps } from "./sweeps.js";
import { mountTable, setCursor } from "./table.js";
import { mountTrash } from "./trash.js";
import { mountViews } from "./views.js";

// A bug must not look like an empty chart. Tests read the attribute.
function problem(text) {
  document.documentElement.dataset.problem = text;
  toast(`Something went wrong in the page: ${text}`);
}
addEventListener("error", (event) => {
  if (!/ResizeObserver/.test(event.message)) problem(event.message);
});
addEventListener("unhandledrejection", (event) => problem(String(event.reason?.message ?? event.reason)));
addEventListener("securitypolicyviolation", (event) =>
  problem(`${event.violatedDirective} refused ${event.blockedURI}`),
);

const $ = (id) => document.getElementById(id);
const VIEWS = {
  home: mountHome,
  charts: mountOverview,
  run: mountRun,
  compare: mountCompare,
  scatter: mountParams,
  parallel: mountParams,
  sweeps: mountSweeps,
  sweep: mountSweep,
  trash: mountTrash,
};
/** Views that have something to show even without runs. */
const WITHOUT_RUNS = ["sweeps", "sweep", "trash"];

// Each is a task of its own: all together would keep whoever clicks meanwhile waiting.
mountControls($("runs"));
await breath();
mountTable($("runs"));
await breath();
mountViews($("views"));
mountShare($("share"));

// ---- the view on the right ----

let unmount = () => {};
let mounted = "";
function renderView() {
  renderFrame();
  renderTabs();
  const wanted = `${state.view} ${state.id} ${store.count() > 0}`;
  if (wanted === mounted) return;
  const isFirst = mounted === "";
  mounted = wanted;
  unmount();
  const parent = $("detail");
  parent.replaceChildren();
  // The first view stands at its beginning; to ask for it would have the browser lay out the page.
  if (!isFirst) {
    parent.scrollTop = 0;
    // The page itself scrolls on narrow screens, where the table gives way to the view.
    if (!["charts"].includes(state.view)) scrollTo(0, 0);
  }
  unmount =
    (store.count() || WITHOUT_RUNS.includes(state.view) ? VIEWS[state.view](parent) : mountEmpty(parent)) ??
    (() => {});
}

/** Which of the table and the view have the room: a view that the table says nothing about has all of it. */
function renderFrame() {
  document.body.dataset.view = state.view;
  const isChoosing = state.view === "compare" && store.selected().length < 2;
  document.body.dataset.wide = ["charts", "scatter", "parallel"].includes(state.view) || isChoosing ? "" : "1";
}

function renderTabs() {
  const count = store.selected().length;
  const tabs = [
    ["home", "Experiments"],
    ["charts", "Charts"],
    ["compare", count ? `Compare (${count})` : "Compare"],
    ["scatter", "Scatter"],
    ["parallel", "Parallel"],
    ...(sweeps().length ? [["sweeps", "Sweeps"]] : []),
    ["trash", "Trash"],
  ];
  const current = state.view === "sweep" ? "sweeps" : state.view;
  refill(
    $("tabs"),
    ...tabs.map(([view, label]) =>
      h("a", { href: link({ view, id: "", tab: "" }), "data-tab": view, "aria-current": current === view ? "page" : null }, label),
    ),
  );
  renderTitle();
}

/** With what goes on, for those who look at another page. */
function renderTitle() {
  const { going, unseen } = counts();
  const news = unseen ? `✓ ${unseen} ended` : going ? `▶ ${going}` : "";
  document.title = [news, state.id || state.exp, "burnlab"].filter(Boolean).join(" · ");
}

function mountEmpty(parent) {
  parent.append(
    h(
      "div",
      { class: "empty" },
      h("h1", {}, "No runs yet"),
      h("p", {}, "Train a network; it shows up here while it learns:"),
      h("pre", { class: "command" }, command("--config digits")),
      h("p", { class: "soft" }, "This page follows the store by itself: there is nothing to reload."),
    ),
  );
}

// ---- start, and staying up to date ----

function banner(text) {
  $("banner").hidden = !text;
  $("banner").textContent = text ?? "";
}

function live(word, label) {
  $("live").className = `live ${word}`;
  $("live").replaceChildren(h("span", { class: "dot", "aria-hidden": "true" }), label);
}

async function start() {
  let revision;
  try {
    // A link leads where it says.
    const patch = isOpening && !store.loaded ? opening().catch(() => ({})) : null;
    revision = await store.load(patch, (found) => {
      delete document.body.dataset.opening;
      if (found) update(found, { isStep: false });
    });
  } catch (error) {
    banner(`The server does not answer (${error.message}). Is “${command("dashboard")}” still running? Trying again.`);
    live("gone", "offline");
    setTimeout(start, 2000);
    return;
  }
  banner(null);
  renderView();
  let gone = false;
  follow(
    revision,
    (change) => store.merge(change),
    async (now) => {
      if (now === "gone") {
        live("gone", "offline");
        banner(
          "The server is gone. Start it again with “cargo run -- dashboard”: this page then goes on by itself. What you see may be out of date.",
        );
        gone = true;
      } else {
        live("on", "live");
        banner(null);
        // A restarted server may serve another store.
        if (gone) {
          gone = false;
          await store.load().catch(() => {});
        }
      }
    },
  );
}

store.onRuns(perFrame(renderView));
onSweeps(renderTabs);
onCounts(renderTitle);
watchEnds();
onState((changed) => {
  hideHover();
  if (changed.has("view") || changed.has("id")) renderView();
  else {
    renderFrame();
    renderTabs();
  }
});
renderFrame();
if (isOpening) document.body.dataset.opening = "";
live("", "connecting");
start();

// ---- keyboard ----

const KEYS = [
  ["/", "filter the runs"],
  ["↑ ↓ or j k", "move in the table"],
  ["Space", "select (with Shift: a range)"],
  ["Enter", "open the run"],
  ["c", "compare the selected runs"],
  ["v, o", "draw or hide the run; draw it alone"],
  ["p", "pin the run"],
  ["b", "make it the baseline"],
  ["t, n", "edit tags, note"],
  ["f", "filter by a value of the run (Alt + click on it)"],
  ["Alt ← →", "on the head of a column: move it"],
  ["Shift ← →", "there: make it narrower, wider"],
  ["Alt ↓", "there: sort, filter, group, hide"],
  ["← →", "in a chart: read its values"],
  ["Esc", "back to the charts"],
  ["?", "this help"],
];

function showHelp() {
  $("dialog").className = "";
  $("dialog").replaceChildren(
    h("h2", {}, "Keyboard"),
    h(
      "table",
      { class: "data keys" },
      h(
        "tbody",
        {},
        KEYS.map(([key, text]) => h("tr", {}, h("th", { scope: "row" }, key), h("td", {}, text))),
      ),
    ),
    h("h2", {}, "Filter"),
    h("p", {}, "Compare params, metrics and fields with = != < <= > >= ~ (contains), joined by and, or, not:"),
    h("pre", {}, "test/accuracy > 0.95 and model.hidden = [16]\ntag = baseline and not status = failed"),
    h("button", { type: "button", class: "primary", onclick: () => $("dialog").close() }, "Close"),
  );
  $("dialog").showModal();
}
$("help-button").addEventListener("click", showHelp);
$("logout").addEventListener("click", async () => {
  await logOut().catch((error) => toast(error.message));
  location.reload();
});
$("skip").addEventListener("click", (event) => {
  event.preventDefault();
  document.querySelector("table.runs").focus();
});

addEventListener("keydown", (event) => {
  const typing = event.target.closest("input:not([type=checkbox]), select, textarea, dialog");
  const menu = event.target.closest("details.menu[open]");
  if (event.key === "Escape" && menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
    event.preventDefault();
    return;
  }
  if (event.key === "Escape" && event.target.id === "filter") {
    document.querySelector("table.runs").focus();
    return;
  }
  if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
  const table = document.querySelector("table.runs");
  if (event.key === "/") {
    $("filter").focus();
    $("filter").select();
  } else if (event.key === "?") showHelp();
  else if (event.key === "Escape" && state.view !== "charts") update({ view: "charts", id: "", tab: "" });
  else if (event.key === "c" && store.selected().length > 1) update({ view: "compare", tab: "" });
  else if (["ArrowDown", "ArrowUp"].includes(event.key) && event.target === document.body) {
    table.focus();
    const first = store.listed()[0];
    if (first) setCursor(first.id);
  } else return;
  event.preventDefault();
});

// ---- the divider between table and view ----

const layout = $("layout");
const setSplit = (percent) => {
  const value = Math.min(75, Math.max(20, percent));
  layout.style.setProperty("--split", `${value}%`);
  $("divider").setAttribute("aria-valuenow", Math.round(value));
  try {
    localStorage.setItem("burnlab-split", value);
  } catch {
    /* a matter of comfort only */
  }
};
try {
  const kept = Number(localStorage.getItem("burnlab-split"));
  if (kept) setSplit(kept);
} catch {
  /* as above */
}
$("divider").addEventListener("pointerdown", (down) => {
  $("divider").setPointerCapture(down.pointerId);
  const move = (event) => setSplit((100 * event.clientX) / layout.clientWidth);
  $("divider").addEventListener("pointermove", move);
  $("divider").addEventListener("pointerup", () => $("divider").removeEventListener("pointermove", move), {
    once: true,
  });
});
$("divider").addEventListener("keydown", (event) => {
  const now = Number.parseFloat(getComputedStyle(layout).getPropertyValue("--split")) || 34;
  if (event.key === "ArrowLeft") setSplit(now - 3);
  if (event.key === "ArrowRight") setSplit(now + 3);
});
