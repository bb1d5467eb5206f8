// Points to drag, and the line that a perceptron learns from them, trained anew after each move.

import { h, svg } from "../assets/dom.js";
import { markShape, paint, SHAPES } from "../assets/palette.js";
import { brief, button, choice, figure, generator, percent, picture, status, term } from "./kit.js";
import { drawField, drawLine, probabilities } from "./plane.js";
import { keeper, trainer } from "./training.js";
import { wiring } from "./wiring.js";

const CONFIG = "xor-perceptron";
const SET = { "training.learning_rate": 0.1, "training.max_epochs": 150, "data.scale": "none", "data.test_fraction": 0 };
const EXTENT = [
  [-3, 3],
  [-3, 3],
];
const EACH = 14;
/** How far from a point the pointer takes hold of it. */
const REACH = 0.25;

/** Points of the two classes: `[x1, x2, class]`. */
const SETS = {
  groups: (noise) => many((side) => [(side ? 1.3 : -1.3) + noise(), (side ? 1 : -1) + noise()]),
  band: (noise) =>
    many((side, index) => {
      const along = noise() * 2;
      const off = side ? 0 : index % 2 ? 1.7 : -1.7;
      return [along + off + 0.4 * noise(), -along + off + 0.4 * noise()];
    }),
  xor: (noise) =>
    many((side, index) => {
      const [x, y] = [0.5 + Math.abs(1.3 * noise()), 0.5 + Math.abs(1.3 * noise())];
      const sign = index % 2 ? 1 : -1;
      return [sign * x, (side ? sign : -sign) * y];
    }),
};

function many(place) {
  return [0, 1].flatMap((side) => Array.from({ length: EACH }, (_, index) => [...place(side, index).map(kept), side]));
}
const kept = (value) => Math.max(-2.9, Math.min(2.9, Math.round(value * 100) / 100));

function make(name) {
  const random = generator(7);
  return SETS[name](() => (random() + random() + random() - 1.5) * 1.1);
}

export function mount(place, { t, common, onClose, remembered }) {
  let points = remembered?.points ?? make("groups");
  place.remember = () => ({ points, set: sets.value() });
  let layers = null;
  let current = 0;
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const told = status();
  const canvas = picture(
    t("plane"),
    (context, side, ratio) => {
      if (!layers) return;
      drawField(context, side, probabilities(layers, EXTENT));
      drawLine(context, side, EXTENT, layers[0].weights[0], layers[0].bias[0], { ratio, width: 2.5 });
    },
    { onClose },
  );
  const board = svg("svg", { viewBox: "0 0 600 600", class: "board-of-points", role: "group", "aria-label": t("board") });
  const drawing = h("div", { class: "drawing" });
  const equation = h("p", { class: "sum" });

  const request = () => ({ config: CONFIG, set: SET, points });
  const { ask } = trainer(
    (result) => {
      ({ layers } = result);
      const [{ weights, bias }] = layers;
      const [w1, w2] = weights[0];
      equation.replaceChildren("y = sigmoid(", figure("w0", bias[0]), ...term("w1", w1), " × x₁", ...term("w2", w2), " × x₂)");
      canvas.redraw();
      drawing.replaceChildren(wiring(layers, ["x₁", "x₂"], { told: t("net"), bias: "w₀" }));
      const right = points.filter(([x, y, side]) => (bias[0] + weights[0][0] * x + weights[0][1] * y > 0 ? 1 : 0) === side).length;
      told.dataset.right = right;
      told.dataset.of = points.length;
      told.textContent = t("told", { right, of: points.length, share: percent(right / points.length) });
    },
    { place: problem, onClose, busy: place },
  );

  const at = ([x, y]) => `translate(${((x + 3) * 100 - 9).toFixed(1)} ${((3 - y) * 100 - 9).toFixed(1)}) scale(1.5)`;
  const name = ([x, y, side], index) => t("point", { number: index + 1, side, x: brief(x), y: brief(y) });
  const draw = () => {
    board.replaceChildren(
      ...points.map((point, index) => {
        const shape = markShape(SHAPES[point[2]], { style: { fill: paint(point[2]) } });
        return svg("g", { class: "movable", transform: at(point), tabindex: index === current ? 0 : -1, role: "button", "aria-label": name(point, index), "data-index": index, "data-class": point[2] }, svg("circle", { cx: 6, cy: 6, r: 13, class: "grip" }), shape);
      }),
    );
  };
  const element = (index) => board.querySelector(`[data-index="${index}"]`);
  const moved = (index, x, y) => {
    points[index] = [kept(x), kept(y), points[index][2]];
    element(index).setAttribute("transform", at(points[index]));
    element(index).setAttribute("aria-label", name(points[index], index));
    ask(request());
  };
  const changed = (focus) => {
    current = Math.max(0, Math.min(points.length - 1, focus));
    draw();
    element(current)?.focus();
    ask(request());
  };
  const where = (event) => {
    const box = board.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * 6 - 3, 3 - ((event.clientY - box.top) / box.height) * 6];
  };
  let dragged = null;
  board.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    // The nearest, rather than the one that was drawn last.
    const [x, y] = where(event);
    const away = points.map((point) => Math.hypot(point[0] - x, point[1] - y));
    const nearest = away.indexOf(Math.min(...away));
    if (away[nearest] > REACH) return;
    dragged = nearest;
    current = nearest;
    board.setPointerCapture(event.pointerId);
    element(nearest).focus();
    event.preventDefault();
  });
  board.addEventListener("pointermove", (event) => dragged !== null && moved(dragged, ...where(event)));
  board.addEventListener("pointerup", () => (dragged = null));
  board.addEventListener("pointercancel", () => (dragged = null));
  board.addEventListener("dblclick", (event) => {
    const grip = event.target.closest(".movable");
    if (!grip) add(...where(event));
  });
  board.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 0.5 : 0.1;
    const steps = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] };
    const [x, y, side] = points[current];
    if (steps[event.key]) moved(current, x + steps[event.key][0], y + steps[event.key][1]);
    else if (event.key === "PageDown" || event.key === "PageUp") {
      current = (current + (event.key === "PageDown" ? 1 : points.length - 1)) % points.length;
      draw();
      element(current).focus();
    } else if (event.key === " " || event.key === "Enter") {
      points[current] = [x, y, 1 - side];
      changed(current);
    } else if (event.key === "Delete" && points.length > 8) {
      points.splice(current, 1);
      changed(current);
    } else return;
    event.preventDefault();
  });
  const add = (x, y) => {
    points.push([kept(x), kept(y), 1]);
    changed(points.length - 1);
  };
  const sets = choice({
    name: "points",
    label: t("set"),
    options: Object.keys(SETS).map((one) => [one, t(one)]),
    value: remembered?.set,
    onchange: (one) => {
      points = make(one);
      current = 0;
      draw();
      ask(request());
    },
  });
  place.append(
    h("div", { class: "controls" }, sets, button(t("add"), () => add(0, 0))),
    h("div", { class: "two" }, h("div", { class: "plane" }, canvas, board), h("div", {}, drawing, equation, told, problem, h("p", { class: "soft" }, t("keys")), keeper(common, request))),
  );
  draw();
  ask(request());
}
