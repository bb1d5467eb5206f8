// Width against overfitting: few noisy points, from 1 to 512 hidden units, with and without what holds weights back.

import { h } from "../assets/dom.js";
import { paint } from "../assets/palette.js";
import { dots } from "./dots.js";
import { brief, figure, picture, put, slider, status } from "./kit.js";
import { losses } from "./losses.js";
import { numParameters } from "./network.js";
import { drawField, drawPoints, probabilities, widened } from "./plane.js";
import { changes, keeper, terminal, trainer } from "./training.js";

const CONFIG = "moons-overfit";
const WIDTHS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const EPOCHS = 300;
/** What holds the weights back, as one word. */
const holding = (set) => `${set["training.l2"] ?? 0} ${set["model.dropout"] ?? 0}`;

export function mount(place, { t, common, onClose }) {
  let result = null;
  const seen = new Map();
  const same = terminal(common);
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const told = status();
  const chart = losses(common, onClose);
  const plane = picture(
    t("plane"),
    (context, side, ratio) => {
      if (!result) return;
      const extent = result.extent.map((range) => widened(range));
      drawField(context, side, probabilities(result.layers, extent));
      drawPoints(context, side, extent, result.points.filter(({ part }) => part !== "test"), ratio);
    },
    { onClose },
  );
  const by = dots(t("by-width"), onClose);
  const train = figure("train", 0);
  const validation = figure("validation", 0);
  const gap = figure("gap", 0);
  const { ask } = trainer(
    (found, { set }) => {
      result = found;
      chart.show(found.history);
      plane.redraw();
      const [last, lastValidation] = [found.history.train_loss.at(-1), found.history.validation_loss.at(-1)];
      put(train, last);
      put(validation, lastValidation);
      put(gap, lastValidation - last);
      const width = set["model.hidden"][0];
      const held = holding(set);
      seen.set(`${width} ${held}`, { width, held, last, lastValidation });
      place.dataset.width = width;
      // Those with other penalties stay, hollow and behind.
      const rows = [...seen.values()].sort((a, b) => (a.held === held) - (b.held === held) || a.width - b.width);
      by.show(
        rows.flatMap((row) => {
          const look = row.held === held ? { size: 10 } : { size: 8, isHollow: true, opacity: 0.7 };
          return [
            { x: String(row.width), y: row.last, shape: "circle", color: paint(1), ...look },
            { x: String(row.width), y: row.lastValidation, shape: "square", color: paint(0), ...look },
          ];
        }),
        { x: { kind: "words", words: WIDTHS.map(String), title: t("width") }, y: { kind: "linear", range: [0, Math.max(...rows.map((row) => row.lastValidation), 0.5) * 1.1], title: common("loss") } },
      );
      told.textContent = t("told", { width, parameters: numParameters(found.layers), train: brief(last), validation: brief(lastValidation) });
    },
    { place: problem, same, onClose, busy: place },
  );
  const request = () => ({
    config: CONFIG,
    set: changes({ "model.hidden": [width.value()], "model.dropout": dropout.value(), "training.l2": l2.value(), "training.max_epochs": EPOCHS }, { "model.dropout": 0, "training.l2": 0 }),
  });
  const width = slider({ name: "width", label: t("width"), stops: WIDTHS, value: 8, oninput: () => ask(request()) });
  const l2 = slider({ name: "l2", label: t("l2"), stops: [0, 0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1], value: 0, show: String, oninput: () => ask(request()) });
  const dropout = slider({ name: "dropout", label: t("dropout"), min: 0, max: 0.8, step: 0.1, value: 0, show: String, oninput: () => ask(request()) });
  place.append(
    h("div", { class: "sliders wide" }, width, l2, dropout),
    h("div", { class: "two" }, h("div", {}, chart, h("p", { class: "figures" }, h("span", {}, common("train"), " ", train), h("span", {}, common("validation"), " ", validation), h("span", {}, t("gap"), " ", gap))), h("div", { class: "plane" }, plane)),
    told,
    h("figure", {}, by, h("figcaption", { class: "soft" }, t("by-width-key"))),
    problem,
    keeper(common, request),
    same,
  );
  ask(request());
}
