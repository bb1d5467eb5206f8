// A network with hidden layers over a plane: the line of each hidden unit, what it separates, and the output that combines
// them, epoch by epoch.

import { h } from "../assets/dom.js";
import { paint } from "../assets/palette.js";
import { button, choice, isStill, percent, picture, slider, status } from "./kit.js";
import { classifier, field, numParameters } from "./network.js";
import { DASHES, STROKES, drawField, drawLine, drawPoints, probabilities, unitSlot, widened } from "./plane.js";
import { keeper, terminal, trainer } from "./training.js";
import { wiring } from "./wiring.js";

const CONFIGS = { band: "band-2-units", xor: "xor-mlp", moons: "moons", spirals: "spirals" };
/** That of a config which names none. */
const FIRST_SEED = 42;
/** How many moments of the training are kept. */
const FRAMES = 30;
/** Of a wider layer only the first units have pictures. */
const MOST_PICTURES = 8;
/** How long each moment is shown while it plays, in ms. */
const PACE = 120;

export function mount(place, { t, common, onClose }) {
  let result = null;
  let seed = FIRST_SEED;
  const same = terminal(common);
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const told = status();
  const moment = () => result.frames[Math.min(epoch.value(), result.frames.length - 1)];
  const extent = () => result.extent.map((range) => widened(range));

  const main = picture(
    t("output"),
    (context, side, ratio) => {
      if (!result) return;
      const { layers } = moment();
      drawField(context, side, probabilities(layers, extent()));
      if (layers.length > 1)
        layers[0].bias
          .slice(0, MOST_PICTURES)
          .forEach((bias, unit) => drawLine(context, side, extent(), layers[0].weights[unit], bias, { slot: unitSlot(unit), dash: DASHES[unit % DASHES.length], ratio }));
      drawPoints(context, side, extent(), result.points, ratio);
    },
    { onClose },
  );
  const unitPictures = h("div", { class: "unit-pictures" });
  const drawing = h("div", { class: "drawing" });
  let canvases = [];
  const unitCanvas = (unit) =>
    picture(
      t("unit", { number: unit + 1 }),
      (context, side, ratio) => {
        const { layers } = moment();
        const [{ weights, bias }] = layers;
        if (!weights[unit]) return;
        const values = field(layers.slice(0, 1), extent(), 40, (outputs) => outputs[unit]);
        const [low, high] = [Math.min(...values), Math.max(...values)];
        drawField(context, side, values.map((value) => (value - low) / (high - low || 1)), [9, unitSlot(unit)]);
        drawLine(context, side, extent(), weights[unit], bias[unit], { slot: unitSlot(unit), dash: DASHES[unit % DASHES.length], ratio, level: 0 });
      },
      { onClose },
    );

  const show = () => {
    const { layers, epoch: at } = moment();
    main.redraw();
    const count = layers.length > 1 ? Math.min(MOST_PICTURES, layers[0].bias.length) : 0;
    if (canvases.length !== count) {
      canvases = Array.from({ length: count }, (_, unit) => unitCanvas(unit));
      unitPictures.replaceChildren(
        ...canvases.map((canvas, unit) => h("figure", {}, canvas, h("figcaption", {}, h("i", { class: `stroke slot-${unitSlot(unit)}`, style: { "border-top-style": STROKES[unit % STROKES.length] } }), t("unit", { number: unit + 1 })))),
      );
    }
    canvases.forEach((canvas) => canvas.redraw());
    const text = t("net", { sizes: [2, ...layers.map(({ bias }) => bias.length)].join("-"), parameters: numParameters(layers) });
    drawing.replaceChildren(wiring(layers, ["x₁", "x₂"], { told: text, unit: (layer, index) => (layer === 1 && layers.length > 1 ? paint(unitSlot(index)) : null) }), h("p", { class: "soft" }, text));
    epoch.input.setAttribute("aria-valuetext", t("epoch-of", { epoch: at, last: result.epochs }));
    epoch.querySelector("output").textContent = t("epoch-of", { epoch: at, last: result.epochs });
    const probability = classifier(layers);
    const right = result.points.filter(({ x, y }) => (probability(x) > 0.5 ? 1 : 0) === y).length;
    place.dataset.right = right;
    place.dataset.epoch = at;
    told.textContent = t("told", { share: percent(right / result.points.length), right, of: result.points.length, accuracy: percent(result.test.accuracy), seed });
    place.dataset.accuracy = result.test.accuracy;
    place.dataset.parameters = numParameters(layers);
  };
  const { ask } = trainer(
    (found) => {
      const wasLast = !result || epoch.value() >= result.frames.length - 1;
      result = found;
      epoch.limit(found.frames.length - 1);
      if (wasLast) epoch.put(found.frames.length - 1);
      show();
    },
    { place: problem, same, onClose, busy: place },
  );

  let config = "band-2-units";
  const request = () => ({
    config,
    set: { "model.hidden": Array.from({ length: depth.value() }, () => units.value()), "model.activation": curve.value() },
    seed: seed === FIRST_SEED ? undefined : seed,
    frames: FRAMES,
  });
  const changed = () => {
    stop();
    ask(request());
  };
  const data = choice({
    name: "data",
    label: t("data"),
    options: Object.keys(CONFIGS).map((one) => [one, t(one)]),
    onchange: (one) => {
      config = CONFIGS[one];
      changed();
    },
  });
  const units = slider({ name: "units", label: t("units"), min: 1, max: 32, step: 1, value: 2, oninput: changed });
  const depth = slider({ name: "layers", label: t("layers"), min: 0, max: 4, step: 1, value: 1, oninput: changed });
  const curve = choice({ name: "activation", label: common("activation"), options: ["tanh", "relu", "sigmoid"].map((one) => [one, one]), onchange: changed });
  const again = button(t("again"), () => {
    seed += 1;
    changed();
  }, { class: "again" });
  const epoch = slider({ name: "epoch", label: t("epoch"), min: 0, max: FRAMES - 1, step: 1, value: FRAMES - 1, show: String, oninput: () => (stop(), result && show()) });
  let timer = null;
  const stop = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = t("play");
  };
  const play = button(t("play"), () => {
    if (timer || !result) return stop();
    const last = result.frames.length - 1;
    // Without motion the end is shown at once.
    epoch.put(isStill() ? last : 0);
    show();
    if (isStill()) return undefined;
    play.textContent = t("pause");
    timer = setInterval(() => {
      epoch.put(epoch.value() + 1);
      show();
      if (epoch.value() >= last) stop();
    }, PACE);
    return undefined;
  }, { class: "play" });
  onClose(() => clearInterval(timer));
  // One of the starts below, with all that belongs to it.
  const take = ({ detail }) => {
    ({ seed } = detail);
    [config, data.select.value, curve.select.value] = [CONFIGS.band, "band", "tanh"];
    units.put(detail.units);
    depth.put(1);
    changed();
  };
  document.addEventListener("burnlab-start", take);
  onClose(() => document.removeEventListener("burnlab-start", take));

  place.append(
    h("div", { class: "controls" }, data, curve, again),
    h("div", { class: "sliders wide" }, units, depth),
    h("div", { class: "controls" }, play, epoch),
    h("div", { class: "two" }, h("div", {}, h("div", { class: "plane" }, main), told), h("div", {}, drawing, unitPictures)),
    h("p", { class: "soft" }, t("key")),
    problem,
    keeper(common, request),
    same,
  );
  ask(request());
}
