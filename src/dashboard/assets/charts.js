// One chart per metric: train dashed, validation solid, test as text; crosshair and zoom are shared.

import { csv, download, h, perFrame, scroller } from "./dom.js";
import { goal, meaning, number, splitKey } from "./format.js";
import { color, isPaper, onTheme, SHAPES, swatch, themed } from "./palette.js";
import * as series from "./series.js";
import { onState, state, toggle, update } from "./state.js";
import * as store from "./store.js";
import { band, build, meanOf, plain, remarks } from "./traces.js";

let loading;
/** Loads Plotly when the first chart needs it. */
export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    document.head.append(
      h("script", {
        src: "plotly.js",
        onload: () => resolve(window.Plotly),
        onerror: () => {
          loading = null;
          reject(new Error("plotly.js did not load"));
        },
      }),
    );
  });
  return loading;
}

/** The common layout of all plots. */
export function look() {
  const axis = {
    gridcolor: themed("--line"),
    zerolinecolor: themed("--line"),
    linecolor: themed("--line-strong"),
    ticks: "outside",
    tickcolor: themed("--line-strong"),
    ticklen: 4,
    automargin: true,
  };
  return {
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: "system-ui, sans-serif", size: 12, color: themed("--text-soft") },
    margin: { l: 48, r: 14, t: 8, b: 36 },
    showlegend: false,
    hoverlabel: {
      bgcolor: themed("--raised"),
      bordercolor: themed("--line-strong"),
      font: { color: themed("--text"), size: 12 },
      align: "left",
    },
    xaxis: { ...axis },
    yaxis: { ...axis },
  };
}
export const CONFIG = { displayModeBar: false, responsive: false, doubleClick: false, showTips: false };

/** Charts of `getRuns()`, which may change with every render. Returns a function that removes them. */
export function mountCharts(parent, getRuns, { mean = false } = {}) {
  const grid = h("div", { class: "charts" });
  const charts = new Map();
  parent.append(grid);
  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        const chart = entry.target.chart;
        chart.seen = entry.isIntersecting;
        if (chart.seen) chart.refresh();
      }
    },
    { rootMargin: "200px" },
  );
  let closed = false;
  const render = perFrame(() => {
    if (closed) return;
    const runs = getRuns();
    const names = metricNames(runs);
    for (const [name, chart] of charts)
      if (!names.has(name)) {
        seen.unobserve(chart.element);
        chart.close();
        charts.delete(name);
      }
    [...names].forEach(([name, keys], index) => {
      if (!charts.has(name)) {
        const chart = new Chart(name, getRuns, mean, charts);
        charts.set(name, chart);
        seen.observe(chart.element);
      }
      const chart = charts.get(name);
      chart.keys = keys;
      if (grid.children[index] !== chart.element) grid.insertBefore(chart.element, grid.children[index] ?? null);
      chart.refresh();
    });
    grid.hidden = names.size === 0;
  });
  const unsubscribe = [store.onRuns(render), onState(render)];
  const resize = new ResizeObserver(
    perFrame(() => {
      for (const chart of charts.values()) chart.resize();
    }),
  );
  resize.observe(grid);
  const recolor = () => {
    for (const chart of charts.values()) chart.recolor();
  };
  const untheme = onTheme(recolor);
  render();
  return () => {
    closed = true;
    untheme();
    unsubscribe.forEach((stop) => stop());
    resize.disconnect();
    seen.disconnect();
    for (const chart of charts.values()) chart.close();
  };
}

/**
 * metric name -> {train, validation, ...: key}; loss and accuracy first, then scores, errors and the rest by name. Test
 * values are not curves.
 */
function metricNames(runs) {
  const found = new Map();
  for (const run of runs) {
    for (const key of Object.keys(run.metrics)) {
      const [split, name] = splitKey(key);
      if (split === "test") continue;
      if (!found.has(name)) found.set(name, {});
      found.get(name)[split] = key;
    }
  }
  const rank = (name) => {
    if (name === "loss") return 0;
    return name === "accuracy" ? 1 : ({ higher: 2, lower: 3 }[goal(`x/${name}`)] ?? 4);
  };
  return new Map([...found].sort(([a], [b]) => rank(a) - rank(b) || a.localeCompare(b)));
}

const HEIGHT = 250;
/** Width of a plot on paper, which is narrower than most screens. */
export const PAPER_WIDTH = 640;

class Chart {
  constructor(name, getRuns, mean, siblings) {
    Object.assign(this, { name, getRuns, mean, siblings, keys: {}, seen: false, busy: false, again: false, lines: [] });
    const button = (label, title, action, props = {}) =>
      h("button", { type: "button", class: "quiet", title, onclick: action, ...props }, label);
    this.log = button("log y", "Logarithmic y axis", () => toggle("logy", name), { "aria-pressed": "false" });
    this.plot = h("div", {
      class: "plot",
      role: "img",
      "aria-label": `Chart of ${name}; the table below it has the numbers`,
      style: { height: `${HEIGHT}px` },
    });
    this.cross = h("div", { class: "crosshair", hidden: true });
    this.notes = h("div", { class: "notes" });
    this.table = h("details", { class: "numbers", ontoggle: () => this.renderTable() }, h("summary", {}, "Numbers"));
    this.element = h(
      "figure",
      { class: "chart", "data-metric": name },
      h(
        "figcaption",
        {},
        h("h3", { title: meaning(`x/${name}`) || name }, name),
        h(
          "span",
          { class: "tools" },
          this.log,
          button("PNG", "Save the chart as a picture", () => this.png()),
          button("CSV", "Save the numbers", () => download(`${name}.csv`, csv(this.rows()))),
        ),
      ),
      h("div", { class: "plot-box" }, this.plot, this.cross),
      this.notes,
      this.table,
    );
    this.element.chart = this;
  }

  /** Fetches what is missing and draws. One call at a time: a call meanwhile causes one more round at the end. */
  async refresh() {
    if (!this.seen) return;
    if (this.busy) {
      this.again = true;
      return;
    }
    this.busy = true;
    try {
      do {
        this.again = false;
        const ids = this.getRuns().map((run) => run.id);
        const [lib] = await Promise.all([plotly(), ...Object.values(this.keys).map((key) => series.need(key, ids))]);
        if (this.closed) return;
        await this.draw(lib);
      } while (this.again);
    } catch (error) {
      this.notes.replaceChildren(h("p", { class: "problem" }, `Not drawn: ${error.message}`));
    } finally {
      this.busy = false;
    }
  }

  view() {
    const zoom = state.zoom.split(",").map(Number);
    return {
      x: state.x,
      logx: state.logx === "1",
      logy: state.logy.includes(this.name),
      fit: state.fit.includes(this.name),
      zoom: zoom.length === 2 && zoom.every(Number.isFinite) ? zoom : null,
    };
  }

  /** The curves: of each run, or of each group's mean. */
  collect() {
    const splits = Object.keys(this.keys).sort(); // train before validation: the solid line lies on top
    const leading = splits.includes("validation") ? "validation" : splits.at(-1);
    const lines = [];
    const mean = this.mean && store.isMean();
    const units = mean
      ? groupRuns(this.getRuns())
      : this.getRuns().map((run) => ({ runs: [run], label: store.shortName(run) }));
    for (const split of splits) {
      for (const { runs, label } of units) {
        const found = runs.map((run) => series.get(this.keys[split], run.id)).filter((one) => one?.samples.length);
        if (!found.length) continue;
        const slot = store.slot(runs[0].id);
        lines.push({
          run: mean ? {} : runs[0],
          label,
          split,
          leading: split === leading,
          samples: mean ? meanOf(found.map((one) => one.samples)) : found[0].samples,
          color: color(slot),
          shape: SHAPES[slot],
          strong: state.sel.includes(runs[0].id) || (state.view === "run" && split === leading),
          mean: mean && found.length > 1,
          size: found.length,
          total: Math.max(...found.map((one) => one.total)),
          downsampled: found.some((one) => one.downsampled),
          outliers: found.reduce((sum, one) => sum + (one.outliers ?? 0), 0),
        });
      }
    }
    return lines;
  }

  async draw(lib) {
    const view = this.view();
    this.lines = this.collect();
    this.log.setAttribute("aria-pressed", String(view.logy));
    const { traces, range, squeezed, xs } = build(this.lines, view);
    const bands = this.lines.filter((line) => line.mean).map((line) => band(line, view));
    const style = look();
    const unit = view.x === "time" ? "time (s)" : view.x;
    const xr = view.zoom ?? (xs && pad(xs));
    const layout = {
      ...style,
      height: HEIGHT,
      width: isPaper() ? PAPER_WIDTH : this.plot.clientWidth,
      hovermode: this.lines.length <= 6 ? "x unified" : "closest",
      dragmode: "zoom",
      hoverdistance: 40,
      xaxis: {
        ...style.xaxis,
        title: { text: unit, standoff: 6, font: { size: 11 } },
        type: view.logx ? "log" : "linear",
        hoverformat: view.x === "time" ? ".2f" : "d",
        range: xr && (view.logx ? xr.map((x) => Math.log10(Math.max(x, 0.5 * Math.max(xs[0], 1e-3)))) : xr),
      },
      yaxis: {
        ...style.yaxis,
        type: view.logy ? "log" : "linear",
        fixedrange: true,
        range: range ?? undefined,
        nticks: 6,
        exponentformat: view.logy ? "none" : "power",
        hoverformat: ".5~g",
      },
    };
    await lib.react(this.plot, [...bands, ...traces], layout, CONFIG);
    if (!this.wired) this.wire(lib);
    this.renderNotes(view, squeezed);
    this.renderTable();
  }

  wire() {
    this.wired = true;
    this.plot.on("plotly_hover", (event) => {
      const x = event.points?.[0]?.x;
      for (const other of this.siblings.values()) if (other !== this) other.crosshair(x);
    });
    this.plot.on("plotly_unhover", () => {
      for (const other of this.siblings.values()) other.crosshair(null);
    });
    this.plot.on("plotly_relayout", (change) => {
      const range = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      if (range[0] === undefined) return;
      const values = state.logx === "1" ? range.map((x) => 10 ** x) : range;
      update({ zoom: values.map((x) => Number(Number(x).toPrecision(5))).join(",") });
    });
    this.plot.on("plotly_doubleclick", () => update({ zoom: "" }));
  }

  crosshair(x) {
    const layout = this.plot._fullLayout;
    this.cross.hidden = true;
    if (x === null || x === undefined || !layout || !this.seen) return;
    const left = layout._size.l + layout.xaxis.d2p(x);
    if (left < layout._size.l || left > layout._size.l + layout._size.w) return;
    this.cross.hidden = false;
    Object.assign(this.cross.style, { left: `${left}px`, top: `${layout._size.t}px`, height: `${layout._size.h}px` });
  }

  renderNotes(view, squeezed) {
    const tests = this.mean && store.isMean() ? [] : this.getRuns().filter((run) => run.metrics[`test/${this.name}`]);
    const outliers = this.lines.reduce((sum, line) => sum + line.outliers, 0);
    this.notes.replaceChildren(
      tests.length
        ? h(
            "p",
            { class: "test-values" },
            h("span", { class: "label" }, "test"),
            tests
              .slice(0, 6)
              .map((run) =>
                h(
                  "span",
                  { class: "value", title: `${store.title(run)}: ${run.metrics[`test/${this.name}`].last}` },
                  swatch(store.slot(run.id)),
                  number(run.metrics[`test/${this.name}`].last),
                ),
              ),
            tests.length > 6 ? h("span", {}, `and ${tests.length - 6} more`) : null,
          )
        : "",
      ...remarks(this.lines, view).map((text) => h("p", { class: "remark" }, text)),
      (outliers && squeezed) || view.fit
        ? h(
            "p",
            { class: "remark" },
            view.fit
              ? "The y axis leaves out what lies far from the rest. "
              : `${outliers} ${outliers === 1 ? "point lies" : "points lie"} far from the rest. `,
            h(
              "button",
              { type: "button", class: "link", onclick: () => toggle("fit", this.name) },
              view.fit ? "Show everything" : "Fit the axis to the rest",
            ),
          )
        : "",
    );
  }

  /** epoch, step, then one column per curve; for a mean also how many runs it is of. */
  rows() {
    const columns = this.lines.flatMap((line) => {
      const label = `${line.label}${line.mean ? " (mean)" : ""} ${line.split}`;
      const value = { line, label, read: (sample) => sample[3] };
      return line.mean ? [value, { line, label: `${label}: runs`, read: (sample) => sample.count }] : [value];
    });
    const byEpoch = new Map();
    columns.forEach(({ line, read }, index) => {
      for (const sample of line.samples) {
        if (!byEpoch.has(sample[0])) byEpoch.set(sample[0], [sample[0], sample[1], ...columns.map(() => null)]);
        byEpoch.get(sample[0])[index + 2] = read(sample);
      }
    });
    return [
      ["epoch", "step", ...columns.map(({ label }) => label)],
      ...[...byEpoch.values()].sort((a, b) => a[0] - b[0]),
    ];
  }

  renderTable() {
    if (!this.table.open) return;
    const [head, ...rows] = this.rows();
    this.table.replaceChildren(
      this.table.firstChild,
      scroller(
        h(
          "table",
          { class: "data" },
          h(
            "thead",
            {},
            h(
              "tr",
              {},
              head.map((label) => h("th", { scope: "col", class: "number" }, label)),
            ),
          ),
          h(
            "tbody",
            {},
            rows.map((row) =>
              h(
                "tr",
                {},
                row.map((value, index) =>
                  index
                    ? h("td", { class: "number", title: value }, number(value))
                    : h("th", { scope: "row", class: "number" }, String(value)),
                ),
              ),
            ),
          ),
        ),
        `Numbers of ${this.name}`,
      ),
    );
  }

  async png() {
    const lib = await plotly();
    const width = Math.max(600, this.plot.clientWidth);
    const layout = {
      ...this.plot.layout,
      paper_bgcolor: themed("--page"),
      title: { text: plain(this.name), font: { size: 15 } },
      margin: { ...this.plot.layout.margin, t: 40 },
      width,
      height: 360,
      annotations: [],
    };
    const url = await lib.toImage({ data: this.plot.data, layout }, { format: "png", width, height: 360, scale: 2 });
    const bytes = Uint8Array.from(atob(url.slice(url.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
    download(`${this.name}.png`, new Blob([bytes], { type: "image/png" }));
  }

  resize() {
    if (this.wired && this.plot.clientWidth && this.plot.clientWidth !== this.plot._fullLayout.width)
      window.Plotly.relayout(this.plot, { width: this.plot.clientWidth });
  }

  /** Synchronously, since printing does not wait. */
  recolor() {
    if (this.wired) this.draw(window.Plotly);
  }

  close() {
    this.closed = true;
    if (this.wired) window.Plotly.purge(this.plot);
    this.element.remove();
  }
}

const pad = ([low, high]) =>
  low === high ? [low - 0.5, high + 0.5] : [low - (high - low) * 0.015, high + (high - low) * 0.03];

function groupRuns(runs) {
  const found = new Map();
  for (const run of runs) {
    const key = store.groupOf(run);
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(run);
  }
  return [...found].map(([label, members]) => ({ label, runs: members }));
}
