// The chart of one metric: train dashed, validation solid, test as text; crosshair and x zoom are shared with its siblings.

import { breath, csv, download, h, refill, scroller, stretches, toast } from "./dom.js";
import { goal, meaning, number } from "./format.js";
import { light } from "./highlight.js";
import { hideHover, showHover } from "./hover.js";
import { paint, SHAPES, SLOTS, swatch } from "./palette.js";
import { png, standalone, svgText } from "./picture.js";
import { pathOf, Plot } from "./plot.js";
import { editPanel, ownForm, ownOf, removePanel } from "./own.js";
import * as series from "./series.js";
import { state, toggle, update } from "./state.js";
import * as store from "./store.js";
import { build, dashOf, meanOf, remarks } from "./traces.js";

const HEIGHT = 240,
  LARGE = 420; // px

/** Curves of more runs are drawn in pieces. */
const MANY = 12;
/** The dashes of the metrics of a chart of several. */
const DASHES = [null, "6 4", "2 3", "9 3 2 3", "12 4", "4 2 1 2"];

export class Chart {
  /**
   * `siblings`: Map of name -> Chart, of all that share the pointer; `places`: what moves and hides it (charts.js); `isPanel`:
   * a chart of chosen metrics (own.js).
   */
  constructor(name, getRuns, mean, siblings, places, isPanel) {
    Object.assign(this, { name, getRuns, mean, siblings, isPanel, keys: {}, seen: false, busy: false, again: false, lines: [] });
    const own = ownForm(name, isPanel);
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
              tool("Copy", "The picture, to the clipboard", () => this.copy()),
            ),
          ),
          h(
            "details",
            { class: "menu saves arrange", ontoggle: own.render },
            h("summary", { title: "Axes, smoothing and place of the chart", "aria-label": `Settings of ${name}` }, "⋯"),
            h(
              "div",
              { class: "panel" },
              own.form,
              isPanel && tool("Change the metrics", "Another title, other metrics", () => editPanel(name)),
              isPanel && tool("Remove", "The chart; its metrics stay", () => removePanel(name)),
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
        await Promise.all(this.parts().map((part) => series.need(this.keys[part], ids, this.view().smooth)));
        // What was parsed took its time already.
        if (ids.length > MANY) await breath();
        if (this.closed) return;
        await this.draw();
      } while (this.again);
    } catch (error) {
      this.notes.replaceChildren(h("p", { class: "problem" }, `Not drawn: ${error.message}`));
    } finally {
      this.busy = false;
    }
  }

  /** The labels of what is drawn: parts of the data, or the metrics that were chosen. */
  parts() {
    const all = Object.keys(this.keys);
    if (this.isPanel) return all;
    const wanted = ownOf(this.name).part ?? state.part;
    // Train before validation: the solid line lies on top.
    return all.includes(wanted) ? [wanted] : all.sort();
  }

  view() {
    const own = ownOf(this.name);
    const isOther = own.x !== undefined && own.x !== state.x;
    const zoom = isOther ? [] : state.zoom.split(",").map(Number);
    return {
      ...own,
      x: own.x ?? state.x,
      logx: state.logx === "1" && !isOther,
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
      ...(x && this.view().x === state.x && { zoom: x.map(short).join(",") }),
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
    const splits = this.parts();
    const leading = splits.includes("validation") ? "validation" : splits.at(-1);
    const { smooth } = this.view();
    const lines = [];
    const mean = this.mean && store.isMean();
    const units = mean ? store.drawnGroups() : this.getRuns().map((run) => ({ runs: [run], label: store.nameOf(run) }));
    for (const [index, split] of splits.entries()) {
      for (const { runs, label } of units) {
        const found = runs.map((run) => series.get(this.keys[split], run.id, smooth)).filter((one) => one?.samples.length);
        if (!found.length) continue;
        // The metrics of a single run are told apart by colour.
        const slot = (store.slot(runs[0].id) + (this.isPanel && units.length === 1 ? index : 0)) % SLOTS;
        lines.push({
          run: mean ? {} : runs[0],
          ids: runs.map((run) => run.id),
          label,
          split,
          leading: this.isPanel || split === leading,
          dash: this.isPanel ? DASHES[index % DASHES.length] : dashOf(split),
          samples: mean ? meanOf(found.map((one) => one.samples), state.band, this.keys[split]) : found[0].samples,
          sources: found.map((one) => serial(one.samples)),
          color: paint(slot),
          slot,
          shape: SHAPES[slot],
          chosen: state.view !== "compare" && runs.some((run) => state.sel.includes(run.id)),
          strong: state.sel.includes(runs[0].id) || (state.view === "run" && (this.isPanel || split === leading)),
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

  /** Draws at once where there is little, else piece by piece; the picture before stays until all is there. */
  async draw() {
    const mine = (this.drawing = {});
    const isDue = stretches();
    const isOver = () => this.closed || this.drawing !== mine;
    const view = this.view();
    this.lines = this.collect();
    this.log.setAttribute("aria-pressed", String(view.logy));
    this.keep.setAttribute("aria-pressed", String(state.first.includes(this.name)));
    this.element.classList.toggle("has-own", Object.keys(ownOf(this.name)).length > 0);
    this.keep.hidden = !this.element.closest(".more-metrics") && !state.first.includes(this.name);
    this.plot.isZoomed = Boolean(view.zoom || view.zoomy);
    const isLarge = state.large.includes(this.name);
    this.element.classList.toggle("large", isLarge);
    this.plot.height = this.heightOf(isLarge);
    // Runs change twice a second while one of them trains: what looks the same is not drawn again.
    const look = JSON.stringify([view, isLarge, state.band, this.plot.room, this.lines.map(lookOf)]);
    if (look === this.drawn) {
      this.renderNotes(view, this.squeezed);
      return;
    }
    if (isDue()) {
      await breath();
      if (isOver()) return;
    }
    const { curves, marks, yRange, xRange, squeezed } = build(this.lines, view);
    for (const curve of curves) curve.opens = curve.line.opens;
    const picture = {
      x: { kind: view.logx ? "log" : "linear", range: xRange, title: view.x === "time" ? "time (s)" : view.x },
      y: { kind: view.logy ? "log" : "linear", range: yRange },
      curves,
      marks,
    };
    const scales = this.plot.scales(picture);
    for (const curve of curves) {
      if (isDue()) {
        await breath();
        if (isOver()) return;
      }
      curve.path = pathOf(curve, scales);
    }
    this.drawn = look;
    this.squeezed = squeezed;
    this.plot.draw(picture, scales);
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
    const { x } = this.view();
    for (const other of this.siblings.values())
      if (other !== this && other.plot.x) other.plot.cross(other.view().x === x ? other.plot.x.place(value) : null);
    const lower = goal(`x/${this.name}`) === "lower";
    const sorted = [...readings].sort((a, b) => (lower ? a.point[1] - b.point[1] : b.point[1] - a.point[1]));
    const shown = x === "time" ? `${number(value)} s` : number(value);
    const rows = sorted.map((reading) => {
      const { line } = reading.curve;
      return { slot: line.slot, label: `${line.label} ${line.split}${meanText(line, reading.point[0], x)}`, value: number(reading.point[1]), near: reading === near };
    });
    showHover(this.element, `${this.name} at ${x} ${shown}`, rows);
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
    refill(
      this.notes,
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
        ? h("td", { class: "number", title: value }, typeof value === "string" ? value : number(value))
        : h("th", { scope: "row", class: "number" }, String(value));
    const table = h(
      "table",
      { class: "data" },
      h("thead", {}, h("tr", {}, head.map((label) => h("th", { scope: "col", class: "number" }, label)))),
      h("tbody", {}, rows.map((row) => h("tr", {}, row.map(cell)))),
    );
    refill(this.table, this.table.firstChild, scroller(table, `Numbers of ${this.name}`));
  }

  /** With one entry per run or group, and one per part of the data if there are several. */
  legend() {
    const units = new Map(this.lines.map((line) => [line.label, line.slot]));
    const splits = new Map(this.lines.map((line) => [line.split, line.dash]));
    return [
      ...[...units].map(([label, slot]) => ({ slot, label })),
      ...[...splits].map(([label, dash]) => ({ dash, label })),
    ];
  }

  async save(kind) {
    const picture = standalone(this.plot, this.name, this.legend());
    if (kind === "svg") download(`${this.name}.svg`, svgText(picture), "image/svg+xml");
    else download(`${this.name}.png`, await png(picture), "image/png");
  }

  heightOf(isLarge) {
    return isLarge ? LARGE : HEIGHT;
  }

  async copy() {
    try {
      const picture = png(standalone(this.plot, this.name, this.legend()));
      await navigator.clipboard.write([new ClipboardItem({ "image/png": picture })]);
      toast("The picture is on the clipboard.");
    } catch {
      toast("The browser gives no access to the clipboard: save the picture instead.");
    }
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
function meanText(line, value, x) {
  if (!line.mean) return "";
  const column = { epoch: 0, step: 1, time: 2 }[x];
  const sample = line.samples.find((one) => one[column] === value);
  if (!sample) return "";
  return sample.count < line.size ? ` mean of ${sample.count} of ${line.size} runs` : " mean";
}
