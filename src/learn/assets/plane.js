// A plane of two inputs: the probability of each class as a field, the lines of units, and the points.

import { color, outline, themed } from "../assets/palette.js";
import { field } from "./network.js";

/** Cells along each side of the field. */
const CELLS = 50;

/** The dashes of the lines of units, so that they differ in more than their colour. */
export const DASHES = [[], [9, 5], [2, 4], [12, 4, 2, 4]];

/** The same in the key, as borders. */
export const STROKES = ["solid", "dashed", "dotted", "dashed"];

/** The slot of a hidden unit's colour; 0 and 1 are those of the classes. */
export const unitSlot = (unit) => 2 + (unit % 8);

export const widened = ([low, high], share = 0.06) => [low - share * (high - low), high + share * (high - low)];

const parts = (hex) => [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));

/** Fills the canvas: the colour of the likelier class, the surer the stronger. `values`: from 0 to 1, the lowest row first. */
export function drawField(context, side, values, slots = [0, 1]) {
  const size = Math.sqrt(values.length);
  const image = new ImageData(size, size);
  const [paper, ...both] = [themed("--surface"), ...slots.map(color)].map(parts);
  values.forEach((value, at) => {
    const [row, column] = [Math.floor(at / size), at % size];
    const ink = both[value > 0.5 ? 1 : 0];
    // The points must stand out even from the most certain cell.
    const share = 0.04 + 1.04 * Math.min(0.5, Math.abs(value - 0.5));
    const place = 4 * ((size - 1 - row) * size + column);
    for (let part = 0; part < 3; part += 1) image.data[place + part] = paper[part] + share * (ink[part] - paper[part]);
    image.data[place + 3] = 255;
  });
  const small = new OffscreenCanvas(size, size);
  small.getContext("2d").putImageData(image, 0, 0);
  context.drawImage(small, 0, 0, side, side);
}

/** From values to px of the canvas. */
export function placing(extent, side) {
  const [[left, right], [low, high]] = extent;
  return ([x, y]) => [(side * (x - left)) / (right - left), side - (side * (y - low)) / (high - low)];
}

/** The line where `bias + w1 x1 + w2 x2` is `level`. */
export function drawLine(context, side, extent, weights, bias, { slot, dash = [], ratio = 1, width = 2, level = 0 }) {
  const [w1, w2] = weights;
  const length = Math.hypot(w1, w2);
  if (!(length > 0)) return;
  const reach = Math.max(...extent.flat().map(Math.abs)) * 4;
  const middle = [((level - bias) * w1) / length ** 2, ((level - bias) * w2) / length ** 2];
  const place = placing(extent, side);
  context.save();
  context.beginPath();
  context.moveTo(...place([middle[0] - (w2 / length) * reach, middle[1] + (w1 / length) * reach]));
  context.lineTo(...place([middle[0] + (w2 / length) * reach, middle[1] - (w1 / length) * reach]));
  // A light seam keeps the line apart from the field.
  context.setLineDash([]);
  context.lineWidth = (width + 2) * ratio;
  context.strokeStyle = themed("--surface");
  context.stroke();
  context.setLineDash(dash.map((one) => one * ratio));
  context.lineWidth = width * ratio;
  context.strokeStyle = slot === undefined ? themed("--text") : color(slot);
  context.stroke();
  context.restore();
}

/** Points by class, in colour and shape; those outside of training are hollow. */
export function drawPoints(context, side, extent, points, ratio) {
  const place = placing(extent, side);
  const scale = 0.7 * ratio;
  for (const { x, y, part } of points) {
    const [left, top] = place(x);
    context.setTransform(scale, 0, 0, scale, left - 6 * scale, top - 6 * scale);
    const shape = outline(y);
    const isTrained = !part || part === "train";
    context.lineWidth = isTrained ? 1.4 : 2;
    context.fillStyle = isTrained ? color(y) : themed("--surface");
    context.strokeStyle = isTrained ? themed("--surface") : color(y);
    context.fill(shape);
    context.stroke(shape);
  }
  context.setTransform(1, 0, 0, 1, 0, 0);
}

/** The probability of the second class, over the extent. */
export const probabilities = (layers, extent) => field(layers, extent, CELLS);
