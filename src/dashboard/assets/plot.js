// A plot as SVG: axes, curves with their bands, and marks; zoom by a drag, and what lies under the pointer.
//
// Drawn by hand: what the page needs is lines, areas and points, which as SVG take the page's colours, light, dark and on
// paper, and leave as a file with their legend. Libraries that draw on a canvas do none of this.

import { svg } from "./dom.js";
import { markShape } from "./palette.js";
import { scaleOver } from "./scale.js";

const TOP = 8,
  RIGHT = 12,
  BOTTOM = 34;
/** px that the pointer may be away from what it opens, and that a drag is long in a direction that it zooms. */
const NEAR = 12,
  DRAG = 10;
/** A tick each so many px. */
const TICK_X = 80,
  TICK_Y = 42;
/** Of a narrower plot the right part is cut off rather than everything squeezed. */
const NARROWEST = 200;

let numPlots = 0;

export class Plot {
  /**
   * `events`: `zoom({x, y})` with ranges or null for what is not zoomed, `reset()` after a double click, `hover(x, y)` in
   * px and `leave()`, `open(what)` with the curve or mark that was clicked.
   */
  constructor(parent, { height, label }, events = {}) {
    Object.assign(this, { parent, height, events, clip: `clip-${(numPlots += 1)}`, curves: [], marks: [] });
    this.svg = svg("svg", { class: "plot-svg", role: "img", "aria-label": label });
    parent.replaceChildren(this.svg);
    this.listen();
  }

  /**
   * `ground`: from the area in px to what lies below all. `x`, `y`: `{kind, range, words, title}` (scale.js). `curves`: `[{points: [[x, y]...], band: [[x, low, high]...], color,
   * width, dash, opacity, ids, ...}]`, where y may be null for a gap; `marks`: `[{x, y, shape, color, size, isHollow,
   * isChosen, opacity, ...}]`. Whatever else they have comes back with the events.
   */
  draw({ x, y, curves = [], marks = [], ground = () => null }, scales = this.scales({ x, y })) {
    Object.assign(this, { curves, marks }, scales);
    const { area, width } = scales;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    this.crosshairLine = svg("line", { class: "crosshair", y1: area.top, y2: area.bottom, visibility: "hidden" });
    this.brush = svg("rect", { class: "zoom-box", visibility: "hidden" });
    this.dots = svg("g", { class: "dots" });
    this.svg.replaceChildren(
      svg(
        "clipPath",
        { id: this.clip },
        svg("rect", { x: area.left, y: area.top - 2, width: area.right - area.left + 2, height: area.bottom - area.top + 4 }),
      ),
      this.drawAxes(x, y),
      svg(
        "g",
        { "clip-path": `url(#${this.clip})` },
        ground(area),
        curves.filter(({ band }) => band?.length).map((curve) => this.drawBand(curve)),
        curves.map((curve) => this.drawCurve(curve)),
      ),
      marks.map((mark) => this.drawMark(mark)).filter(Boolean).reduce((group, mark) => (group.append(mark), group), svg("g")),
      this.crosshairLine,
      this.dots,
      this.brush,
    );
    this.light(this.lit ?? null);
  }

  /** Where everything of a picture would stand, `{width, area, x, y}`: for those who draw its curves piece by piece. */
  scales({ x, y }) {
    const width = Math.max(NARROWEST, this.room);
    const rough = scaleOver(y, this.height - BOTTOM, TOP).ticks(this.numTicks(y, this.height - BOTTOM - TOP, TICK_Y));
    const left = 16 + Math.max(2, ...rough.map(([, text]) => text.length)) * 6.6 + (y.title ? 14 : 0);
    const area = { left, right: width - RIGHT, top: TOP, bottom: this.height - BOTTOM };
    return { width, area, x: scaleOver(x, area.left, area.right), y: scaleOver(y, area.bottom, area.top) };
  }

  /** The width that there is, in px. */
  get room() {
    return this.measured ?? this.parent.clientWidth;
  }

  numTicks(axis, length, each) {
    return axis.kind === "words" ? axis.words.length : Math.max(2, Math.floor(length / each));
  }

  drawAxes(x, y) {
    const { left, right, top, bottom } = this.area;
    const ticksX = this.x.ticks(this.numTicks(x, right - left, TICK_X)).map(([value, text]) => [this.x.place(value), text]);
    const ticksY = this.y.ticks(this.numTicks(y, bottom - top, TICK_Y)).map(([value, text]) => [this.y.place(value), text]);
    const text = (props, words) => svg("text", props, words);
    return svg(
      "g",
      { class: "axes" },
      ticksX.map(([at]) => svg("line", { class: "grid", x1: at, x2: at, y1: top, y2: bottom })),
      ticksY.map(([at]) => svg("line", { class: "grid", x1: left, x2: right, y1: at, y2: at })),
      svg("path", { class: "frame", d: `M${left},${top}V${bottom}H${right}` }),
      ticksX.map(([at, words]) => {
        // One at the very end would be cut off.
        const isLast = at > right - 2 * RIGHT;
        return text({ class: "tick", x: isLast ? right + RIGHT : at, y: bottom + 15, "text-anchor": isLast ? "end" : "middle" }, words);
      }),
      ticksY.map(([at, words]) => text({ class: "tick", x: left - 6, y: at + 4, "text-anchor": "end" }, words)),
      x.title && text({ class: "axis-title", x: right, y: this.height - 4, "text-anchor": "end" }, x.title),
      y.title &&
        text({ class: "axis-title", transform: `translate(11 ${top}) rotate(-90)`, "text-anchor": "end" }, y.title),
    );
  }

  drawCurve(curve) {
    const { points, color, width = 1.7, dash, opacity = 1, path = pathOf(curve, this) } = curve;
    curve.element = svg("path", {
      class: "curve",
      d: path,
      transform: "scale(0.1)",
      "stroke-width": points.length === 1 ? 6 : width,
      "stroke-dasharray": dash ?? null,
      style: { stroke: color, "--opacity": opacity },
    });
    return curve.element;
  }

  drawBand(curve) {
    const at = (x, y) => [this.x.place(x), this.y.place(y)];
    const rows = curve.band
      .map(([x, low, high]) => [at(x, low), at(x, high)])
      .filter((row) => row.flat().every((one) => one !== null));
    if (!rows.length) return null;
    const line = (points) => points.map(([x, y]) => `${tenths(x)},${tenths(y)}`).join("L");
    curve.area = svg("path", {
      class: "band",
      d: `M${line(rows.map((row) => row[1]))}L${line(rows.map((row) => row[0]).reverse())}Z`,
      transform: "scale(0.1)",
      style: { fill: curve.color },
    });
    return curve.area;
  }

  drawMark(mark) {
    const [x, y] = [this.x.place(mark.x), this.y.place(mark.y)];
    const { left, right, top, bottom } = this.area;
    if (x === null || y === null || x < left - 2 || x > right + 2 || y < top - 4 || y > bottom + 4) return null;
    Object.assign(mark, { px: x, py: y });
    const size = (mark.size ?? 8) / 12;
    const look = mark.isHollow
      ? { fill: "none", "stroke-width": (mark.width ?? 1.6) / size, style: { stroke: mark.color, "--opacity": mark.opacity ?? 1 } }
      : { style: { fill: mark.color, "--opacity": mark.opacity ?? 1 } };
    const place = `translate(${(x - 6 * size).toFixed(1)} ${(y - 6 * size).toFixed(1)}) scale(${size.toFixed(3)})`;
    const props = { class: `mark ${mark.opens ? "point" : ""} ${mark.isChosen ? "chosen" : ""}`, transform: place };
    const shape = markShape(mark.shape, mark.isChosen ? look : { ...props, ...look });
    const ring = mark.isChosen && svg("circle", { class: "ring", cx: 6, cy: 6, r: 9, "stroke-width": 1.6 / size });
    mark.element = ring ? svg("g", props, ring, shape) : shape;
    return mark.element;
  }

  /** Fades whatever does not belong to one of these runs; null ends it. */
  light(ids) {
    this.lit = ids;
    const isLit = (one) => one.ids?.some((id) => ids.includes(id));
    const any = ids !== null && this.curves.some(isLit);
    this.svg.classList.toggle("fading", any);
    for (const one of [...this.curves, ...this.marks])
      for (const element of [one.element, one.area]) element?.classList.toggle("lit", any && isLit(one));
  }

  /** Each curve's point nearest to a place in px: `[{curve, point, x, y}]`; none of a curve that is not there. */
  readings(px) {
    const found = [];
    for (const curve of this.curves) {
      if (curve.isQuiet) continue;
      const point = nearest(curve.points, this.x.at(px), (value) => this.x.place(value), px);
      if (!point) continue;
      const [x, y] = [this.x.place(point[0]), this.y.place(point[1])];
      const slack = Math.max(NEAR, 0.02 * this.width);
      const [first, last] = [curve.points[0], curve.points.at(-1)].map(([value]) => this.x.place(value));
      if (px < first - slack || px > last + slack || x < this.area.left - 1 || x > this.area.right + 1) continue;
      found.push({ curve, point, x, y });
    }
    return found;
  }

  /** Shows where the pointer is: a line, and a dot on each reading. */
  cross(x, readings = []) {
    const isInside = x !== null && x >= this.area.left && x <= this.area.right;
    this.crosshairLine?.setAttribute("visibility", isInside ? "visible" : "hidden");
    if (isInside) for (const end of ["x1", "x2"]) this.crosshairLine.setAttribute(end, x);
    this.dots?.replaceChildren(
      ...readings
        .filter(({ y }) => y !== null && y >= this.area.top - 2 && y <= this.area.bottom + 2)
        .map(({ curve, x: cx, y: cy }) => svg("circle", { cx, cy, r: 3.5, style: { fill: curve.color } })),
    );
  }

  /** The mark or the curve at a place in px. */
  find(x, y) {
    const distance = (one) => Math.hypot(one.px - x, one.py - y);
    const marks = this.marks.filter((mark) => mark.opens && mark.element).sort((a, b) => distance(a) - distance(b));
    if (marks[0] && distance(marks[0]) <= NEAR) return marks[0];
    const readings = this.readings(x).filter((one) => one.curve.opens && one.y !== null && Math.abs(one.y - y) <= NEAR);
    return readings.sort((a, b) => Math.abs(a.y - y) - Math.abs(b.y - y))[0]?.curve ?? null;
  }

  /** A pointer's place in the plot's own px. */
  where(event) {
    const box = this.svg.getBoundingClientRect();
    const scale = this.width / (box.width || 1);
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  listen() {
    const inside = ([x, y]) => {
      const { left, right, top, bottom } = this.area ?? {};
      return x >= left && x <= right && y >= top - 4 && y <= bottom + 4;
    };
    let begun = null;
    this.svg.addEventListener("pointermove", (event) => {
      const at = this.where(event);
      if (begun) this.showBrush(begun, at);
      else if (inside(at)) this.events.hover?.(...at);
      else this.events.leave?.();
      this.svg.classList.toggle("opens", !begun && inside(at) && Boolean(this.events.open && this.find(...at)));
    });
    this.svg.addEventListener("pointerleave", () => this.events.leave?.());
    this.svg.addEventListener("pointerdown", (event) => {
      const at = this.where(event);
      // Fingers scroll the page.
      if (event.button !== 0 || event.pointerType === "touch" || !inside(at)) return;
      begun = at;
      this.svg.setPointerCapture(event.pointerId);
    });
    const end = (event, isDone) => {
      const from = begun;
      begun = null;
      this.brush?.setAttribute("visibility", "hidden");
      if (!isDone || !from) return;
      const to = this.where(event);
      const [wide, high] = [Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1])];
      if (wide < 4 && high < 4) this.clicked(from);
      else if (this.events.zoom && (wide >= DRAG || high >= DRAG)) this.zoomed(from, to);
    };
    this.svg.addEventListener("pointerup", (event) => end(event, true));
    this.svg.addEventListener("pointercancel", (event) => end(event, false));
    this.svg.addEventListener("dblclick", () => {
      clearTimeout(this.opening);
      this.events.reset?.();
    });
  }

  clicked(at) {
    const found = this.events.open && this.find(...at);
    clearTimeout(this.opening);
    // A second click soon after would be a double click.
    if (found) this.opening = setTimeout(() => this.events.open(found), this.isZoomed ? 250 : 0);
  }

  /** A drag along one axis zooms that one alone. */
  sides(from, to) {
    const { left, right, top, bottom } = this.area;
    const clamp = (value, low, high) => Math.max(low, Math.min(high, value));
    const x = [from[0], to[0]].map((value) => clamp(value, left, right)).sort((a, b) => a - b);
    const y = [from[1], to[1]].map((value) => clamp(value, top, bottom)).sort((a, b) => a - b);
    const isAlong = [x[1] - x[0] >= DRAG, y[1] - y[0] >= DRAG];
    return { x: isAlong[0] ? x : [left, right], y: isAlong[1] ? y : [top, bottom], isAlong };
  }

  showBrush(from, to) {
    if (!this.events.zoom) return;
    const { x, y, isAlong } = this.sides(from, to);
    const place = { x: x[0], y: y[0], width: x[1] - x[0], height: y[1] - y[0] };
    for (const [name, value] of Object.entries(place)) this.brush.setAttribute(name, value);
    this.brush.setAttribute("visibility", isAlong.some(Boolean) ? "visible" : "hidden");
    this.events.leave?.();
  }

  zoomed(from, to) {
    const { x, y, isAlong } = this.sides(from, to);
    const values = (scale, ends) => ends.map((end) => scale.at(end)).sort((a, b) => a - b);
    this.events.zoom({ x: isAlong[0] ? values(this.x, x) : null, y: isAlong[1] ? values(this.y, y) : null });
  }
}

/** The path of a curve in tenths of a px; `scales` has `x` and `y`. */
export function pathOf({ points, isStep }, scales) {
  let path = "";
  let length = 0; // of the present piece, in points
  for (const [valueX, valueY] of points) {
    const [x, y] = [scales.x.place(valueX), valueY === null ? null : scales.y.place(valueY)];
    if (x === null || y === null) {
      // A point between two gaps is a dot: a line of no length with a round cap.
      if (length === 1) path += "h0";
      length = 0;
    } else {
      const [at, to] = [tenths(x), tenths(y)];
      path += length === 0 ? `M${at},${to}` : isStep ? `H${at}V${to}` : `L${at},${to}`;
      length += 1;
    }
  }
  return length === 1 ? `${path}h0` : path;
}

/**
 * Whole tenths of a px: paths are written in them, as whole numbers become text six times as fast as decimals (measured: 17 ms
 * against 111 for 50,000 points). What lies far outside need not be exact.
 */
const tenths = (px) => Math.round(10 * Math.max(-1e5, Math.min(1e5, px)));

/** The finite point whose x is nearest; points are sorted by x. */
function nearest(points, value, place, px) {
  let [low, high] = [0, points.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] < value) low = middle + 1;
    else high = middle;
  }
  const finite = (index, step) => {
    let at = index;
    while (at >= 0 && at < points.length && points[at][1] === null) at += step;
    return points[at];
  };
  const [before, after] = [finite(low - 1, -1), finite(low, 1)];
  if (!before || !after) return before ?? after;
  return Math.abs(place(before[0]) - px) <= Math.abs(place(after[0]) - px) ? before : after;
}
