// The controls above the runs table: filter, grouping, columns, and actions on the selected runs.

import { archive, edit, remove } from "./actions.js";
import { saidOf, toggled } from "./clauses.js";
import { allColumns, column } from "./columns.js";
import { completion, rememberFilter } from "./complete.js";
import { csv, debounce, download, h, perFrame, refill } from "./dom.js";
import { grouped, plural } from "./format.js";
import { experiment as present, groupKeys } from "./groups.js";
import { keep, kept } from "./kept.js";
import { onState, state, update } from "./state.js";
import * as store from "./store.js";

export function mountControls(parent) {
  const count = h("span", { class: "count", id: "count" });
  const error = h("div", { class: "filter-error", id: "filter-error", role: "alert", hidden: true });
  const asked = debounce(() => store.applyFilter(), 200);
  const box = h("input", {
    id: "filter",
    type: "search",
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "off",
    value: state.q,
    placeholder: "Filter: test/accuracy > 0.95 and tag = baseline",
    "aria-label": "Filter runs",
    "aria-describedby": "filter-error",
    oninput: () => {
      update({ q: box.value });
      asked();
      suggested.update();
    },
    // Only what was typed: to ask again would write what the page knows over a field that was emptied by other means.
    onchange: () => box.value === state.q && store.applyFilter().then(() => store.filterError || rememberFilter(state.q)),
    onkeydown: (event) => {
      if (suggested.onKey(event)) return;
      if (event.key === "ArrowDown" || event.key === "Enter") {
        event.preventDefault();
        document.querySelector("table.runs")?.focus();
      }
    },
  });
  const suggested = completion(box, () => {
    update({ q: box.value });
    asked();
  });
  const group = h("select", {
    id: "group",
    "aria-label": "Group by",
    onchange: () => update({ group: group.value, closed: [], mean: group.value === "seeds" ? "1" : state.mean }),
  });
  const experiment = h("select", {
    id: "experiment",
    "aria-label": "Experiment",
    onchange: () => update({ exp: experiment.value, ...kept(experiment.value), sel: [] }),
  });
  const picker = h("details", { class: "menu", id: "columns" }, h("summary", {}, "Columns"));
  const panel = h("div", { class: "panel" });
  picker.append(panel);
  picker.addEventListener("toggle", () => {
    if (picker.open) renderPicker(panel);
  });
  const archived = h("input", {
    type: "checkbox",
    id: "archived",
    onchange: () => update({ archived: archived.checked ? "1" : "" }),
  });
  const archivedLabel = h("label", { class: "inline" }, archived, "archived");
  const save = h("button", { type: "button", class: "quiet", id: "save-table", title: "Save the table as CSV", onclick: saveTable }, "CSV");
  const statuses = h("span", { class: "chips", "aria-label": "Status" });
  const bar = h("div", { class: "selection", id: "selection", hidden: true });

  parent.append(
    h(
      "div",
      { class: "controls" },
      experiment,
      h("span", { class: "filter-box" }, box, suggested.panel),
      count,
      h("label", { class: "inline" }, "Group ", group),
      picker,
      archivedLabel,
      save,
      statuses,
    ),
    error,
    bar,
  );

  const render = perFrame(() => {
    if (document.activeElement !== box) box.value = state.q;
    archived.checked = state.archived === "1";
    archivedLabel.hidden = !archived.checked && ![...store.runs.values()].some((run) => run.archived);
    const shown = store.listed().length;
    const all = [...store.runs.values()].filter(
      (run) => (state.archived === "1" || !run.archived) && (!state.exp || run.experiment === state.exp),
    ).length;
    const text = shown === all ? plural(all, "run") : `${grouped(shown)} of ${plural(all, "run")}`;
    count.textContent = store.isLoading() ? `${text}; ${plural(store.count(), "run")} are loading` : text;
    renderError(error, box, shown === 0 && all > 0);
    renderStatuses(statuses);
    renderExperiments(experiment);
    renderGroups(group);
    renderSelection(bar);
    if (picker.open && !panel.contains(document.activeElement)) renderPicker(panel);
  });
  store.onRuns(render);
  onState((changed) => {
    if (changed.has("q") && document.activeElement !== box) asked();
    render();
  });
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]"))
      if (!menu.contains(event.target)) menu.open = false;
  });
}

/** The error message, and below it the filter with the mistake underlined. */
function renderError(error, box, isEmpty) {
  const found = store.filterError;
  error.hidden = !found && !isEmpty;
  box.setAttribute("aria-invalid", String(Boolean(found)));
  if (!found && isEmpty) {
    const clear = () => {
      update({ q: "" });
      box.value = "";
      store.applyFilter();
    };
    refill(error, "No run matches. ", h("button", { type: "button", class: "link", id: "clear-filter", onclick: clear }, "Clear the filter"));
  }
  if (!found) return;
  const place = Number.isInteger(found.at)
    ? h("pre", { "aria-hidden": "true" }, ...marked([...found.q], found.at))
    : "";
  refill(error, h("span", {}, found.error), place);
}

/** The word at `at`, or one character that belongs to no word; behind the end a space. Characters, not UTF-16 units. */
function marked(characters, at) {
  const word = /^[^\s()[\],=!<>~"']+/.exec(characters.slice(at).join(""))?.[0] ?? characters[at] ?? " ";
  return [
    characters.slice(0, at).join(""),
    h("span", { class: "mistake" }, word),
    characters.slice(at + [...word].length).join(""),
  ];
}

/** What is listed, with the columns that are shown, as it was recorded. */
function saveTable() {
  const columns = store.columns();
  const rows = store.listed().map((run) => [run.id, run.name, run.shown, ...columns.map((column) => column.value(run))]);
  const names = columns.map((column) => column.hint ?? column.label);
  download(`${state.exp || "runs"}.csv`, csv([["id", "name", "status", ...names], ...rows]));
}

/** A button for each status that some runs have and others have not; it filters by it. */
function renderStatuses(parent) {
  const counts = new Map();
  for (const run of store.runs.values())
    if ((state.archived === "1" || !run.archived) && (!state.exp || run.experiment === state.exp))
      counts.set(run.shown, (counts.get(run.shown) ?? 0) + 1);
  const signature = JSON.stringify([...counts, state.q]);
  if (parent.dataset.signature === signature) return;
  parent.dataset.signature = signature;
  const chip = ([status, count]) => {
    const isOn = saidOf(state.q, "status").some(([operator, value]) => operator === "=" && value === status);
    const toggle = () => {
      update({ q: toggled(state.q, "status", status) });
      store.applyFilter();
    };
    return h("button", { type: "button", class: "quiet", "data-status": status, "aria-pressed": String(isOn), onclick: toggle }, `${status} ${count}`);
  };
  refill(parent, ...(counts.size > 1 ? [...counts].sort().map(chip) : []));
}

function renderExperiments(select) {
  const names = store.experimentNames();
  select.hidden = names.length < 2 && !state.exp;
  const all = names.includes(state.exp) || !state.exp ? names : [...names, state.exp];
  const signature = JSON.stringify(all);
  if (select.dataset.signature !== signature) {
    select.replaceChildren(h("option", { value: "" }, "all experiments"), ...all.map((name) => h("option", { value: name }, name)));
    select.dataset.signature = signature;
  }
  select.value = state.exp;
}

function renderGroups(group) {
  const { differing, params } = store.words();
  const options = [
    ["", "none"],
    ["seeds", "all but the seed"],
    ["run:experiment", "experiment"],
    ["run:status", "status"],
    ["run:tags", "tags"],
    ...differing.map((key) => [`param:${key}`, key]),
    ...params.filter((key) => !differing.includes(key)).map((key) => [`param:${key}`, key]),
  ];
  if (!options.some(([value]) => value === state.group)) options.push([state.group, groupKeys().map(({ label }) => label).join(" + ") || state.group]);
  const signature = JSON.stringify(options);
  if (group.dataset.signature !== signature) {
    group.replaceChildren(...options.map(([value, label]) => h("option", { value }, label)));
    group.dataset.signature = signature;
  }
  group.value = state.group;
}

/** Columns are kept with the experiment. */
const choose = (patch) => update(keep(present(), patch));

function renderPicker(panel) {
  const shown = store.columns().map((chosen) => chosen.id);
  const title = { run: "Run", best: "Metrics, best value", last: "Metrics, last value", param: "Config" };
  const find = h("input", {
    type: "search",
    placeholder: "Find a column",
    "aria-label": "Find a column",
    oninput: () => {
      for (const label of panel.querySelectorAll("label"))
        label.hidden = !label.textContent.toLowerCase().includes(find.value.trim().toLowerCase());
    },
  });
  const sections = Object.entries(title).map(([kind, heading]) => {
    const ids = allColumns(store.words()).filter((id) => column(id)?.group === kind);
    if (!ids.length) return null;
    return h(
      "fieldset",
      {},
      h("legend", {}, heading),
      ids.map((id) => {
        const { label, metric } = column(id);
        const tick = h("input", {
          type: "checkbox",
          checked: shown.includes(id),
          onchange: () => {
            const now = store
              .columns()
              .map((chosen) => chosen.id)
              .filter((other) => other !== id);
            choose({ cols: tick.checked ? [...now, id] : now.length ? now : ["run:started"] });
          },
        });
        return h("label", {}, tick, kind === "param" ? id.slice(6) : (metric ?? label));
      }),
    );
  });
  refill(
    panel,
    find,
    h(
      "button",
      {
        type: "button",
        onclick: () => {
          choose({ cols: [], widths: [], stuck: [] });
          renderPicker(panel);
        },
      },
      "Back to the default",
    ),
    ...sections.filter(Boolean),
  );
}

function renderSelection(bar) {
  const chosen = store.selected();
  bar.hidden = chosen.length === 0;
  if (bar.hidden) return;
  const signature = JSON.stringify(chosen.map((run) => [run.id, run.archived]).concat(state.base));
  if (bar.dataset.signature === signature) return;
  bar.dataset.signature = signature;
  const ids = chosen.map((run) => run.id);
  const button = (label, action, props = {}) => h("button", { type: "button", onclick: action, ...props }, label);
  const allArchived = chosen.every((run) => run.archived);
  refill(
    bar,
    ...[
      h("strong", {}, `${chosen.length} selected`),
      button("Compare", () => update({ view: "compare", tab: "" }), {
        id: "compare",
        class: "primary",
        disabled: chosen.length < 2,
        title: chosen.length < 2 ? "Select another run first" : "Compare (c)",
      }),
      chosen.length === 1 &&
        button(
          state.base === ids[0] ? "No baseline" : "Baseline",
          () => update({ base: state.base === ids[0] ? "" : ids[0] }),
          { title: "Show the differences to this run (b)" },
        ),
      button(
        ids.every((id) => state.pin.includes(id)) ? "Unpin" : "Pin",
        () =>
          update({
            pin: ids.every((id) => state.pin.includes(id))
              ? state.pin.filter((id) => !ids.includes(id))
              : [...new Set([...state.pin, ...ids])],
          }),
        { title: "Keep on top (p)" },
      ),
      tagForm(chosen),
      button(
        allArchived ? "Unarchive" : "Archive",
        () => {
          archive(ids, !allArchived);
          update({ sel: [] });
        },
        { id: "archive" },
      ),
      button("Delete", () => remove(ids), { id: "delete", title: "Move to the trash" }),
      button("Clear", () => update({ sel: [] }), { class: "quiet" }),
    ].filter(Boolean),
  );
}

/** Adds a tag to every selected run. */
function tagForm(chosen) {
  const field = h("input", { placeholder: "add a tag", "aria-label": "Tag to add to the selected runs", size: 9 });
  return h(
    "form",
    {
      class: "inline",
      onsubmit: async (event) => {
        event.preventDefault();
        const tag = field.value.trim();
        if (!tag) return;
        field.value = "";
        for (const { id } of chosen) await edit(id, { tags: [...new Set([...store.runs.get(id).tags, tag])] });
      },
    },
    field,
  );
}
