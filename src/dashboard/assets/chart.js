// The chart of one metric: train dashed, validation solid, test as text; crosshair and x zoom are shared with its siblings.

import { csv, download, h, scroller } from "./dom.js";
import { goal, meaning, number } from "./format.js";
import { light } from "./highlight.js";
import { hideHover, showHover } from "./hover.js";
import { paint, SHAPES, swatch } from "./palette.js";
import { png, standalone, svgText } from "./picture.js";
import { Plot } from "./plot.js";
import * as series from "./series.js";
import { state, toggle, update } from "./state.js";
import * as store from "./store.js";
import { build, dashOf, meanOf, remarks } from "./traces.js";

const HEIGHT = 240,
  LARGE = 420; // px

export class Chart {
  /** `siblings`: Map of name -> Chart, of all that share the pointer; `places`: what moves and hides it (charts.js). */
  constructor(name, getRuns, mean, siblings, places) {
    Object.assign(this, { name, getRuns, mean, siblings, keys: {}, seen: false, busy: false, again: false, lines: [] });
    this.log = tool("log y", "Logarithmic y axis", () => toggle("logy", name), { "aria-pressed": "false" });
    this.large = tool("⤢", "Enlarge, or back", () => toggle("large", name), { "aria-label": `Enlarge ${name}` });
    this.keep = tool("keep", "Show this chart above the others", () => places.raise(name), { "aria-pressed": "false" });
    this.box = h("div", { class: "plot", role: "group", tabindex: "0", "aria-label": `${name}: arrow keys read the values`, onkeydown: (event) => this.onKey(event), onblur: () => this.leave() });
    this.plot = new Plot(
      this.box,
      { height: HEIGHT, label: `Chart of ${name}; the table below it has the numbers` },
      {
        hover: (x, y) => this.hover(x, y),
        leave: () => this.leave(),
        zoom: (ranges) => this.zoom(ranges),
        reset: () => this.reset(),
        open: ({ line }) => update({ view: "run", id: line.run.id, tab: "" }),
      },
    );
    this.notes = h("div", { class: "notes" });
    this.table = h("details", { class: "numbers", ontoggle: () => this.renderTable() }, h("summary", {}, "Numbers"));
    this.element = h(
      "figure",
      { class: "chart", "data-metric": name },
      h(
        "figcaption",
        {},
        this.title(places),
        h(
          "span",
          { class: "tools" },
          this.keep,
          this.log,
          this.large,
          h(
            "details",
            { class: "menu saves" },
            h("summary", { title: "Save the chart with its legend, or its numbers" }, "save"),
            h(
              "div",
              { class: "panel" },
              tool("PNG", "A picture", () => this.save("png")),
              tool("SVG", "A drawing", () => this.save("svg")),
              tool("CSV", "The numbers", () => download(`${name}.csv`, csv(this.rows()))),
            ),
          ),
          h(
            "details",
            { class: "menu saves arrange" },
            h("summary", { title: "Move or hide the chart", "aria-label": `Place of ${name}` }, "⋯"),
            h(
              "div",
              { class: "panel" },
              tool("Move left", "One place to the front", () => places.move(name, -1)),
              tool("Move right", "One place to the back", () => places.move(name, 1)),
              tool("Hide", "A button below the charts brings it back", () => places.hide(name)),
            ),
          ),
        ),
      ),
      this.box,
      this.notes,
      this.table,
    );
    this.element.chart = this.box.chart = this;
  }

  /** The name; a drag puts the chart where another one is. */
  title(places) {
    const TYPE = "text/x-burnlab-chart";
    this.box.addEventListener("dragover", (event) => event.dataTransfer.types.includes(TYPE) && event.preventDefault());
    const title = h("h2", { title: meaning(`x/${this.name}`) || this.name, draggable: "true" }, this.name);
    title.addEventListener("dragstart", (event) => event.dataTransfer.setData(TYPE, this.name));
    this.box.addEventListener("drop", (event) => {
      event.preventDefault();
      const name = event.dataTransfer.getData(TYPE);
      if (name && name !== this.name) places.drop(name, this.name);
    });
    return title;
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
        await Promise.all(Object.values(this.keys).map((key) => series.need(key, ids)));
        if (this.closed) return;
        this.draw();
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
      full: state.full.includes(this.name),
      zoom: zoom.length === 2 && zoom.every(Number.isFinite) && zoom[0] < zoom[1] ? zoom : null,
      zoomy: this.zoomedY(),
    };
  }

  /** The y zoom of this chart: `name:low:high` in the list of the address. */
  zoomedY() {
    const own = state.zoomy.find((item) => item.startsWith(`${this.name}:`));
    const range = own?.slice(this.name.length + 1).split(":").map(Number);
    return range?.length === 2 && range.every(Number.isFinite) && range[0] < range[1] ? range : null;
  }

  zoom({ x, y }) {
    const short = (value) => Number(value.toPrecision(5));
    update({
      ...(x && { zoom: x.map(short).join(",") }),
      ...(y && { zoomy: [...this.withoutY(), [this.name, ...y.map(short)].join(":")] }),
    });
  }

  withoutY() {
    return state.zoomy.filter((item) => !item.startsWith(`${this.name}:`));
  }

  reset() {
    update({ zoom: "", zoomy: this.withoutY() });
  }

  /** The curves: of each run, or of each group's mean. */
  collect() {
    const splits = Object.keys(this.keys).sort(); // train before validation: the solid line lies on top
    const leading = splits.includes("validation") ? "validation" : splits.at(-1);
    const lines = [];
    const mean = this.mean && store.isMean();
    const units = mean ? store.drawnGroups() : this.getRuns().map((run) => ({ runs: [run], label: store.nameOf(run) }));
    for (const split of splits) {
      for (const { runs, label } of units) {
        const found = runs.map((run) => series.get(this.keys[split], run.id)).filter((one) => one?.samples.length);
        if (!found.length) continue;
        const slot = store.slot(runs[0].id);
        lines.push({
          run: mean ? {} : runs[0],
          ids: runs.map((run) => run.id),
          label,
          split,
          leading: split === leading,
          samples: mean ? meanOf(found.map((one) => one.samples), state.band, this.keys[split]) : found[0].samples,
          sources: found.map((one) => serial(one.samples)),
          color: paint(slot),
          slot,
          shape: SHAPES[slot],
          chosen: state.view !== "compare" && runs.some((run) => state.sel.includes(run.id)),
          strong: state.sel.includes(runs[0].id) || (state.view === "run" && split === leading),
          mean: mean && found.length > 1,
          opens: !mean && state.view !== "run",
          size: found.length,
          total: Math.max(...found.map((one) => one.total)),
          downsampled: found.some((one) => one.downsampled),
        });
      }
    }
    return lines;
  }

  draw() {
    const view = this.view();
    this.lines = this.collect();
    this.log.setAttribute("aria-pressed", String(view.logy));
    this.keep.setAttribute("aria-pressed", String(state.first.includes(this.name)));
    this.keep.hidden = !this.element.closest(".more-metrics") && !state.first.includes(this.name);
    this.plot.isZoomed = Boolean(view.zoom || view.zoomy);
    const isLarge = state.large.includes(this.name);
    this.element.classList.toggle("large", isLarge);
    this.plot.height = isLarge ? LARGE : HEIGHT;
    // Runs change twice a second while one of them trains: what looks the same is not drawn again.
    const look = JSON.stringify([view, isLarge, state.band, this.plot.room, this.lines.map(lookOf)]);
    if (look === this.drawn) {
      this.renderNotes(view, this.squeezed);
      return;
    }
    this.drawn = look;
    const { curves, marks, yRange, xRange, squeezed } = build(this.lines, view);
    this.squeezed = squeezed;
    for (const curve of curves) curve.opens = curve.line.opens;
    this.plot.draw({
      x: { kind: view.logx ? "log" : "linear", range: xRange, title: view.x === "time" ? "time (s)" : view.x },
      y: { kind: view.logy ? "log" : "linear", range: yRange },
      curves,
      marks,
    });
    this.renderNotes(view, squeezed);
    this.renderTable();
  }

  hover(x, y) {
    const readings = this.plot.readings(x);
    if (!readings.length) {
      this.leave();
      return;
    }
    const distance = (reading) => (reading.y === null ? Infinity : Math.abs(reading.y - y));
    const near = readings.reduce((best, one) => (distance(one) < distance(best) ? one : best));
    this.tell(near.point[0], readings, near);
    light(distance(near) <= 12 && readings.length > 2 ? near.curve.ids : null);
  }

  /** Shows the values at `value` of the x axis, here and in the other charts. */
  tell(value, readings, near) {
    this.plot.cross(near.x, readings);
    for (const other of this.siblings.values())
      if (other !== this && other.plot.x) other.plot.cross(other.plot.x.place(value));
    const lower = goal(`x/${this.name}`) === "lower";
    const sorted = [...readings].sort((a, b) => (lower ? a.point[1] - b.point[1] : b.point[1] - a.point[1]));
    const shown = state.x === "time" ? `${number(value)} s` : number(value);
    const rows = sorted.map((reading) => {
      const { line } = reading.curve;
      return { slot: line.slot, label: `${line.label} ${line.split}${meanText(line, reading.point[0])}`, value: number(reading.point[1]), near: reading === near };
    });
    showHover(this.element, `${this.name} at ${state.x} ${shown}`, rows);
  }

  leave() {
    hideHover();
    light(null);
    for (const chart of this.siblings.values()) chart.plot.cross(null);
  }

  /** Left and right go from point to point of the curve that leads. */
  onKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const curve = this.plot.curves.find((one) => one.line.leading) ?? this.plot.curves[0];
    if (!step || !curve) return;
    event.preventDefault();
    event.stopPropagation();
    this.at = Math.max(0, Math.min(curve.points.length - 1, (this.at ?? -1) + step));
    const readings = this.plot.readings(this.plot.x.place(curve.points[this.at][0]));
    const near = readings.find((one) => one.curve === curve);
    if (near) this.tell(near.point[0], readings, near);
  }

  renderNotes(view, squeezed) {
    const key = `test/${this.name}`;
    const tests = this.mean && store.isMean() ? [] : this.getRuns().filter((run) => run.metrics[key]);
    const value = (run) => h("span", { class: "value", title: `${store.title(run)}: ${run.metrics[key].last}` }, swatch(store.slot(run.id)), number(run.metrics[key].last));
    const all = remarks(this.lines, view);
    this.notes.replaceChildren(
      tests.length
        ? h(
            "p",
            { class: "test-values" },
            h("span", { class: "label" }, "test"),
            tests.slice(0, 6).map(value),
            tests.length > 6 ? h("span", {}, `and ${tests.length - 6} more`) : null,
          )
        : "",
      squeezed
        ? h(
            "p",
            { class: "remark" },
            view.full ? "Some points lie far from the rest. " : `${squeezed} ${squeezed === 1 ? "point lies" : "points lie"} far from the rest. `,
            h(
              "button",
              { type: "button", class: "link", onclick: () => toggle("full", this.name) },
              view.full ? "Fit the axis to the rest" : "Show all",
            ),
          )
        : "",
      all.length
        ? h("details", { class: "remarks" }, h("summary", { title: all.join("\n") }, all.length === 1 ? `Note: ${all[0]}` : `${all.length} notes`), ...all.map((text) => h("p", { class: "remark" }, text)))
        : "",
    );
  }

  /** epoch, step, then one column per curve; for a mean also its standard deviation and how many runs it is of. */
  rows() {
    const columns = this.lines.flatMap((line) => {
      const label = `${line.label}${line.mean ? " (mean)" : ""} ${line.split}`;
      const column = (name, read) => ({ line, label: name, read });
      const value = column(label, (sample) => sample[3]);
      if (!line.mean) return [value];
      return [
        value,
        column(`${label}: sd`, (sample) => sample.deviation),
        column(`${label}: 95 % from`, (sample) => sample.interval[0]),
        column(`${label}: 95 % to`, (sample) => sample.interval[1]),
        column(`${label}: runs`, (sample) => sample.count),
      ];
    });
    const byEpoch = new Map();
    columns.forEach(({ line, read }, index) => {
      for (const sample of line.samples) {
        if (!byEpoch.has(sample[0])) byEpoch.set(sample[0], [sample[0], sample[1], ...columns.map(() => null)]);
        byEpoch.get(sample[0])[index + 2] = read(sample);
      }
    });
    return [["epoch", "step", ...columns.map(({ label }) => label)], ...[...byEpoch.values()].sort((a, b) => a[0] - b[0])];
  }

  renderTable() {
    if (!this.table.open) return;
    const [head, ...rows] = this.rows();
    const cell = (value, index) =>
      index
        ? h("td", { class: "number", title: value }, number(value))
        : h("th", { scope: "row", class: "number" }, String(value));
    const table = h(
      "table",
      { class: "data" },
      h("thead", {}, h("tr", {}, head.map((label) => h("th", { scope: "col", class: "number" }, label)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell)))),
    );
    this.table.replaceChildren(this.table.firstChild, scroller(table, `Numbers of ${this.name}`));
  }

  /** With one entry per run or group, and one per part of the data if there are several. */
  legend() {
    const units = new Map(this.lines.map((line) => [line.label, line.slot]));
    const splits = [...new Set(this.lines.map((line) => line.split))];
    return [
      ...[...units].map(([label, slot]) => ({ slot, label })),
      ...splits.map((split) => ({ dash: dashOf(split), label: split })),
    ];
  }

  async save(kind) {
    const picture = standalone(this.plot, this.name, this.legend());
    if (kind === "svg") download(`${this.name}.svg`, svgText(picture), "image/svg+xml");
    else download(`${this.name}.png`, await png(picture), "image/png");
  }

  /** `width`: what there is for the plot, in px; none while it is folded away. */
  resize(width) {
    this.plot.measured = Math.round(width) || undefined;
    if (this.plot.x && this.plot.measured && this.plot.measured !== this.plot.width) this.draw();
  }

  close() {
    this.closed = true;
    this.element.remove();
  }
}

const tool = (label, title, action, props = {}) =>
  h("button", { type: "button", class: "quiet", title, onclick: action, ...props }, label);

/** What of a curve is seen. */
const lookOf = ({ label, split, sources, color, shape, strong, chosen, opens, run }) =>
  [label, split, sources, color, shape, strong, chosen, opens, run.best_epoch, run.reason];

const serials = new WeakMap();
let numSerials = 0;

/** A number for the samples of a series, which are another object when they change. */
function serial(samples) {
  if (!serials.has(samples)) serials.set(samples, (numSerials += 1));
  return serials.get(samples);
}

/** ` mean`, or ` mean of 2 of 3 runs` where some have no value. */
function meanText(line, x) {
  if (!line.mean) return "";
  const column = { epoch: 0, step: 1, time: 2 }[state.x];
  const sample = line.samples.find((one) => one[column] === x);
  if (!sample) return "";
  return sample.count < line.size ? ` mean of ${sample.count} of ${line.size} runs` : " mean";
}
