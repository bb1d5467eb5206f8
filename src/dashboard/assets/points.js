// A point per run: one value of it against another, on a page of its own or as one of the charts.

import { Chart } from "./chart.js";
import { natural, number, param, valueOf } from "./format.js";
import { hideHover, showHover } from "./hover.js";
import { paint, SHAPES } from "./palette.js";
import { scaleOf } from "./parallel.js";
import { state } from "./state.js";
import * as store from "./store.js";

const lacks = (value) => value === undefined || value === null || Number.isNaN(value);

/** What the plot draws. `x`, `y`: `{label, title?, read(run)}`; runs without one of the two are left out. */
export function pointsOf(runs, x, y, isLog = false) {
  const known = runs.filter((run) => !lacks(x.read(run)) && Number.isFinite(y.read(run)));
  const scale = scaleOf(known.map(x.read));
  const isWord = scale.kind === "words";
  // Words get their natural order: [8] before [16].
  const words = [...new Set(known.map((run) => param(x.read(run))))].sort(natural);
  const values = known.map(y.read);
  const kind = isLog && values.every((value) => value > 0) ? "log" : "linear";
  const marks = known.map((run) => {
    const isDrawn = store.isDrawn(run.id);
    const slot = store.slot(run.id);
    return {
      x: isWord ? param(x.read(run)) : x.read(run),
      y: y.read(run),
      run,
      line: { run },
      ids: [run.id],
      opens: true,
      size: 11,
      opacity: 0.85,
      color: isDrawn ? paint(slot) : "var(--text-soft)",
      shape: isDrawn ? SHAPES[slot] : "circle",
      isHollow: !isDrawn,
      isChosen: state.sel.includes(run.id),
    };
  });
  return {
    x: { kind: scale.kind, words, range: isWord ? null : widened(scale.kind, known.map(x.read)), title: x.title ?? x.label },
    y: { kind, range: widened(kind, values), title: y.title ?? y.label },
    marks,
  };
}

/** The range of some numbers with room for their points. */
function widened(kind, values) {
  if (!values.length) return [0.1, 1];
  const [low, high] = [Math.min(...values), Math.max(...values)];
  if (kind === "log" && high > low) return [low / (high / low) ** 0.05, high * (high / low) ** 0.05];
  const spare = (high - low) * 0.05 || Math.abs(high) * 0.1 || 1;
  return [low - spare, high + spare];
}

/** Says which run is under the pointer, beside `element`. */
export function tellPoint(plot, element, [x, y], px, py) {
  const mark = plot.find(px, py);
  if (!mark) hideHover();
  else
    showHover(element, store.nameOf(mark.run), [
      { label: y.label, value: number(mark.y), slot: store.slot(mark.run.id), near: true },
      { label: x.label, value: param(x.read(mark.run)) },
    ]);
}

const PARAM = "param:";

/** What may stand on the horizontal axis: `param:KEY`, or a metric. */
export const isParam = (key) => key.startsWith(PARAM);

function axisOf(key) {
  if (isParam(key)) return { label: key.slice(PARAM.length), read: (run) => run.params[key.slice(PARAM.length)] };
  return { label: key, read: (run) => Number(valueOf(key, run.metrics[key]) ?? NaN) };
}

/** One of the charts with a point for each run that is drawn. */
export class PointChart extends Chart {
  constructor(...given) {
    super(...given);
    this.element.querySelector("form.own").remove();
    this.element.classList.add("points");
  }

  /** `keys`: the two axes, by their names. */
  axes() {
    return Object.values(this.keys).map(axisOf);
  }

  parts() {
    return [];
  }

  /** It shares no axis with the others. */
  view() {
    return { x: null };
  }

  zoom() {}

  reset() {}

  async refresh() {
    if (this.seen && !this.closed) await this.draw();
  }

  async draw() {
    const isLog = state.logy.includes(this.name);
    const isLarge = state.large.includes(this.name);
    this.log.setAttribute("aria-pressed", String(isLog));
    this.keep.hidden = true;
    this.element.classList.toggle("large", isLarge);
    this.plot.height = this.heightOf(isLarge);
    this.plot.draw(pointsOf(this.getRuns(), ...this.axes(), isLog));
    this.renderTable();
  }

  hover(x, y) {
    tellPoint(this.plot, this.element, this.axes(), x, y);
  }

  onKey() {}

  rows() {
    const [x, y] = this.axes();
    const known = this.getRuns().filter((run) => !lacks(x.read(run)) && Number.isFinite(y.read(run)));
    return [["run", x.label, y.label], ...known.map((run) => [store.nameOf(run), param(x.read(run)), y.read(run)])];
  }

  legend() {
    return this.getRuns().map((run) => ({ slot: store.slot(run.id), label: store.nameOf(run) }));
  }
}
