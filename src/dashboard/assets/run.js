// One run: its curves, config, evaluation, predictions, pictures, files and environment.

import { archive, edit, remove } from "./actions.js";
import * as api from "./api.js";
import { mountCharts } from "./charts.js";
import { duration } from "./columns.js";
import { classNames, confusionTable, reportTable } from "./confusion.js";
import { dataTable, h, perFrame, refill, scroller, toast } from "./dom.js";
import { bytes, command, moment, number, param, seconds, splitKey } from "./format.js";
import { gallery } from "./gallery.js";
import { chartSettings, lineKey } from "./overview.js";
import { swatch } from "./palette.js";
import { pictures } from "./pictures.js";
import { predictionTable } from "./predictions.js";
import { progressOf } from "./progress.js";
import { link, onState, state, toggle, update } from "./state.js";
import * as store from "./store.js";
import { statusLabel } from "./table.js";

const TABS = [
  ["", "Curves"],
  ["config", "Config"],
  ["evaluation", "Evaluation"],
  ["predictions", "Predictions"],
  ["pictures", "Pictures"],
  ["files", "Files"],
  ["log", "Log"],
  ["environment", "Environment"],
];

export function mountRun(parent) {
  const { id } = state;
  const head = h("div", { class: "run-head" });
  const tabs = h("nav", { class: "subtabs", "aria-label": "Parts of the run" });
  const body = h("div", { class: "run-body" });
  parent.append(
    h("a", { class: "back", href: link({ view: "charts", id: "", tab: "" }) }, "← All runs"),
    head,
    tabs,
    body,
  );
  let open = true;
  let stop = () => {};
  let shownTab = null;
  let details; // a promise of what the server says; asked again when the run ended
  let shownStatus = "";

  const renderBody = async () => {
    if (shownTab === state.tab) return;
    const tab = (shownTab = state.tab);
    stop();
    stop = () => {};
    // A focused box keeps the focus when its part is rendered again.
    const focused = body.contains(document.activeElement) ? document.activeElement.id : "";
    body.replaceChildren();
    if (tab === "") {
      const settings = chartSettings({ withDraw: false });
      body.append(settings.element, testValues(store.runs.get(id)) ?? "", lineKey());
      const charts = mountCharts(body, () => [store.runs.get(id)].filter(Boolean));
      const off = store.onRuns(settings.render);
      stop = () => {
        charts();
        off();
      };
      return;
    }
    const closers = [];
    const mine = (stop = () => closers.forEach((close) => close()));
    try {
      details ??= api.run(id);
      const detail = await details;
      const problems = (detail.problems ?? []).map((text) => h("p", { class: "problem" }, text));
      const parts = await PARTS[Object.hasOwn(PARTS, tab) ? tab : "config"](detail, id, (close) => closers.push(close));
      // Another tab was opened meanwhile, or this one again.
      if (!open || stop !== mine) {
        mine();
        return;
      }
      refill(body, ...problems, ...parts);
      if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus();
    } catch (error) {
      if (stop !== mine) return;
      details = undefined;
      body.replaceChildren(h("p", { class: "problem" }, error.message));
    }
  };
  const render = perFrame(() => {
    if (!open) return;
    const run = store.runs.get(id);
    if (!run) {
      refill(
        head,
        h("h1", {}, id),
        h(
          "p",
          {},
          "There is no such run here. It may have been deleted: see ",
          h("a", { href: link({ view: "trash", id: "" }) }, "the trash"),
          ".",
        ),
      );
      return;
    }
    if (!head.querySelector("input:focus, textarea:focus")) renderHead(head, run);
    refill(
      tabs,
      ...TABS.map(([tab, label]) =>
        h("a", { href: link({ tab, page: "0" }), "aria-current": state.tab === tab ? "page" : null }, label),
      ),
    );
    if (shownStatus && shownStatus !== run.status) {
      details = undefined;
      shownTab = null;
    }
    shownStatus = run.status;
    renderBody();
  });
  const unsubscribe = store.onRuns(render);
  const unlisten = onState((changed) => {
    if (["wrong", "page", "rows", "inputs", "truth", "guess"].some((key) => changed.has(key))) shownTab = null;
    render();
  });
  render();
  return () => {
    open = false;
    unsubscribe();
    unlisten();
    stop();
  };
}

function renderHead(head, run) {
  const field = (label, name, value, save, tag = "input") => {
    const input = h(tag, {
      value,
      "aria-label": label,
      "data-field": name,
      placeholder: `Add ${label.toLowerCase()}`,
      maxlength: 2000,
      onchange: () => save(input.value.trim()),
      onkeydown: (event) => {
        if (event.key === "Enter" && (tag === "input" || event.ctrlKey)) input.blur();
        if (event.key === "Escape") {
          input.value = value;
          input.blur();
          event.stopPropagation();
        }
      },
    });
    return h("label", { class: "field" }, h("span", {}, label), input);
  };
  const fact = (label, value, title) => h("div", {}, h("dt", {}, label), h("dd", { title }, value));
  const children = [...store.runs.values()].filter((other) => other.parent === run.id);
  const based = state.base === run.id;
  refill(
    head,
    h("h1", { title: run.id }, swatch(store.slot(run.id)), " ", run.name || run.id),
    h(
      "div",
      { class: "actions" },
      statusLabel(run.shown),
      run.reason && run.reason !== run.shown && h("span", { class: "reason" }, run.reason),
    ),
    progressOf(run),
    remedy(run),
    h(
      "dl",
      { class: "facts" },
      fact(
        "id",
        h(
          "button",
          {
            type: "button",
            class: "link",
            title: "Copy the id",
            onclick: () => {
              navigator.clipboard?.writeText(run.id).then(() => toast("Id copied."));
            },
          },
          run.id,
        ),
      ),
      fact("experiment", run.experiment),
      fact("seed", String(run.seed)),
      fact("started", moment(run.started), run.started),
      fact("duration", seconds(duration(run))),
      run.tags.length ? fact("tags", run.tags.map((tag) => h("span", { class: "tag" }, tag))) : [],
      run.note ? fact("note", run.note) : [],
      run.best_epoch ? fact("best epoch", String(run.best_epoch)) : [],
      run.parent
        ? fact(run.params["model.init_from"] === run.parent ? "fine-tuned from" : "continues", runLink(run.parent))
        : [],
      run.sweep
        ? fact(
            "trial",
            h(
              "a",
              { href: link({ view: "sweep", id: run.sweep.sweep, tab: "" }) },
              `${run.sweep.trial} of ${run.sweep.sweep}`,
            ),
          )
        : [],
      children.length
        ? fact(
            children.length === 1 ? "child" : "children",
            children.map((child, index) => [index ? ", " : "", runLink(child.id)]),
          )
        : [],
    ),
    h(
      "details",
      { class: "edit-run" },
      h("summary", {}, "Name, tags, note"),
      h(
      "div",
      { class: "fields" },
      field("Name", "name", run.name ?? "", (name) => edit(run.id, { name })),
      field("Tags", "tags", run.tags.join(", "), (text) =>
        edit(run.id, {
          tags: text
            .split(",")
            .map((tag) => tag.trim())
            .filter(Boolean),
        }),
      ),
      field("Note", "note", run.note ?? "", (note) => edit(run.id, { note }), "textarea"),
    )),
    h(
      "div",
      { class: "actions" },
      h(
        "button",
        {
          type: "button",
          onclick: () => {
            update({ base: based ? "" : run.id });
            renderHead(head, run);
          },
        },
        based ? "No baseline" : "Make baseline",
      ),
      h(
        "button",
        { type: "button", onclick: () => toggle("sel", run.id) },
        state.sel.includes(run.id) ? "Unselect" : "Select to compare",
      ),
      h(
        "button",
        { type: "button", onclick: () => archive([run.id], !run.archived) },
        run.archived ? "Unarchive" : "Archive",
      ),
      h("button", { type: "button", onclick: () => remove([run.id]) }, "Delete"),
    ),
  );
}

/** What to do about a run that did not end by itself. */
function remedy(run) {
  if (!["failed", "crashed", "interrupted"].includes(run.shown)) return "";
  const text = {
    failed: "It failed; the log says more. When the cause is gone, this goes on from the last checkpoint:",
    crashed: "Its process ended without a word: it was killed, or the machine went down. This goes on from the last checkpoint:",
    interrupted: "It was stopped. This goes on from the last checkpoint:",
  };
  return h("div", { class: `remedy ${run.shown}`, role: "note" }, h("p", {}, text[run.shown]), copyable(command(`resume ${run.id}`)));
}

const runLink = (id) =>
  h("a", { href: link({ view: "run", id, tab: "" }) }, store.runs.has(id) ? store.title(store.runs.get(id)) : id);

/** Test results as text: they are single values, not curves. */
function testValues(run) {
  const tests = Object.entries(run?.metrics ?? {}).filter(([key]) => splitKey(key)[0] === "test");
  if (!tests.length) return null;
  return h(
    "div",
    { class: "tiles" },
    tests.map(([key, metric]) =>
      h(
        "div",
        { class: "tile", title: String(metric.last) },
        h("span", { class: "label" }, `test ${splitKey(key)[1]}`),
        h("span", { class: "figure" }, number(metric.last)),
      ),
    ),
  );
}

const PARTS = {
  config: (detail) => [
    h("h2", {}, "config.toml"),
    h("p", { class: "soft" }, "The resolved configuration: this text alone reproduces the run."),
    copyable(detail.config_toml),
  ],
  environment: (detail) => [
    h("h2", {}, "Environment"),
    scroller(dataTable([{ label: "what" }, { label: "value" }], flatten(detail.environment)), "Environment"),
  ],
  files: (detail, id) => {
    const pictures = detail.files.filter((file) => /\.(svg|png)$/i.test(file.name));
    return [
      h("h2", {}, "Files"),
      scroller(
        dataTable(
          [{ label: "file" }, { label: "size", number: true }],
          detail.files.map((file) => [
            h("a", { href: api.fileUrl(id, file.name), download: file.name }, file.name),
            bytes(file.bytes),
          ]),
        ),
        "Files",
      ),
      h(
        "div",
        { class: "pictures" },
        pictures.map((file) =>
          h(
            "figure",
            {},
            h("img", { src: `${api.fileUrl(id, file.name)}?inline=1`, alt: file.name, loading: "lazy" }),
            h("figcaption", {}, file.name),
          ),
        ),
      ),
    ];
  },
  log: async (detail, id) => {
    if (!detail.files.some((file) => file.name === "run.log")) return [h("p", {}, "This run wrote no log.")];
    const text = await api.fileText(id, "run.log");
    return [
      h("h2", {}, "run.log"),
      text.trim() ? h("pre", { class: "log", tabindex: "0", role: "group", "aria-label": "Log" }, text.slice(-200_000)) : h("p", {}, "The log is empty."),
    ];
  },
  evaluation: (detail) => {
    const found = detail.evaluation;
    if (!found) return [h("p", {}, "There is no evaluation (yet): it is written after training, from the test split.")];
    const parts = [
      h("h2", {}, "Test split"),
      h("p", { class: "soft" }, `${found.num_examples} examples, touched once, after training.`),
      scroller(
        dataTable(
          [{ label: "metric" }, { label: "value", number: true }, { label: "always guessing", number: true }],
          found.metrics.map((metric) => [
            metric.name,
            exact(metric.value),
            metric.name === found.baseline?.name ? exact(found.baseline.value) : "",
          ]),
        ),
        "Metrics",
      ),
    ];
    if (found.text)
      parts.push(
        h(
          "p",
          {},
          `${found.text.num_characters} characters. Loss of the unigram baseline: `,
          exact(found.text.unigram_loss),
          ", of the bigram baseline: ",
          exact(found.text.bigram_loss),
          ".",
        ),
      );
    if (found.classes)
      parts.push(
        confusionTable(found.classes.confusion_matrix, classNames(found), {
          open: (truth, guess) => update({ tab: "predictions", truth, guess, page: "0" }),
        }),
        h("p", { class: "soft" }, "A click on a number shows its examples."),
        reportTable(found.classes.report),
      );
    if (found.error_quantiles)
      parts.push(
        h("h2", {}, "Errors"),
        scroller(
          dataTable(
            [{ label: "quantile" }, { label: "absolute error", number: true }],
            quantiles(found.error_quantiles),
          ),
          "Error quantiles",
        ),
      );
    return parts;
  },
  predictions: async (detail, id, onClose) => {
    if (detail.evaluation?.text)
      return [
        h("p", {}, "A language model has a prediction for each character, which are not kept. See what it writes:"),
        copyable(command(`generate ${id}`)),
      ];
    try {
      return (detail.image && (await gallery(id, onClose))) ?? (await predictionTable(detail, id));
    } catch (error) {
      if (error.status === 404)
        return [h("p", {}, "There are no predictions (yet): they are written after training, from the test split.")];
      throw error;
    }
  },
  pictures: (detail, id, onClose) => pictures(detail, store.runs.get(id) ?? detail.run, onClose),
};

const exact = (value) => h("span", { title: String(value) }, number(value));

function quantiles(found) {
  const pairs = Array.isArray(found)
    ? found.map((item) => (Array.isArray(item) ? item : [item.quantile ?? item.name, item.error ?? item.value]))
    : Object.entries(found);
  return pairs.map(([name, value]) => [String(name), exact(value)]);
}

function flatten(value, prefix = "") {
  if (value !== null && typeof value === "object" && !Array.isArray(value))
    return Object.entries(value).flatMap(([key, inner]) => flatten(inner, prefix ? `${prefix}.${key}` : key));
  return [
    [prefix, Array.isArray(value) && value.every((item) => typeof item === "string") ? value.join(" ") : param(value)],
  ];
}

export function copyable(text) {
  return h(
    "div",
    { class: "copyable" },
    h(
      "button",
      { type: "button", onclick: () => navigator.clipboard?.writeText(text).then(() => toast("Copied.")) },
      "Copy",
    ),
    h("pre", { tabindex: "0", role: "group", "aria-label": "Text to copy" }, text),
  );
}
