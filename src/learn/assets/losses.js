// Loss by epoch, of the training and the validation part, with the epochs that matter.

import { h, perFrame } from "../assets/dom.js";
import { paint } from "../assets/palette.js";
import { Plot } from "../assets/plot.js";
import { brief } from "./kit.js";

/** As in the pictures of a run. */
const TRAIN = 1,
  VALIDATION = 0;
const DASH = "5 4";

/** `show(history, {upTo, marks, ghost, range})`; `history` as the server gives it. */
export function losses(t, onClose, height = 240) {
  const box = h("div", { class: "plot" });
  const plot = new Plot(box, { height, label: t("curves") });
  let shown = null;
  const draw = () => shown && plot.draw(shown);
  const resize = new ResizeObserver(perFrame(draw));
  resize.observe(box);
  onClose(() => resize.disconnect());
  const key = (slot, dash, text) => h("span", { class: "key-line" }, h("i", { class: `stroke slot-${slot} ${dash ? "dashed" : ""}` }), text);
  const ofValidation = key(VALIDATION, false, t("validation"));
  const cut = h("span", { hidden: true });
  const element = h("figure", { class: "losses" }, box, h("figcaption", { class: "legend" }, key(TRAIN, true, t("train")), ofValidation, cut));
  return Object.assign(element, {
    plot,
    show(history, { upTo = Infinity, marks = [], ghost = null, most = null } = {}) {
      const rows = (from, key) => from.epoch.map((epoch, index) => [epoch, from[key]?.[index] ?? null]).filter(([epoch]) => epoch <= upTo);
      const [train, validation] = [rows(history, "train_loss"), rows(history, "validation_loss")];
      const faint = ghost ? [ghost].flatMap((one) => [["train_loss", TRAIN, DASH], ["validation_loss", VALIDATION, undefined]].map(([key, slot, dash]) => ({ points: one.epoch.map((epoch, index) => [epoch, one[key][index] ?? null]), color: paint(slot), dash, opacity: 0.25, width: 1.2 }))) : [];
      const curves = [
        ...faint,
        { points: train, color: paint(TRAIN), width: 2, dash: DASH },
        { points: validation, color: paint(VALIDATION), width: 2 },
      ].filter(({ points }) => points.some(([, value]) => value !== null));
      ofValidation.hidden = !validation.some(([, value]) => value !== null);
      const values = curves.flatMap(({ points }) => points.map(([, value]) => value)).filter((value) => value !== null);
      const high = most ?? Math.min(Math.max(...values, 0.1), 4 * median(values) + 0.3);
      const above = Math.max(...values, 0);
      cut.hidden = above <= high * 1.05;
      cut.textContent = t("cut", { most: brief(above) });
      const last = Math.max(...curves.flatMap(({ points }) => points.map(([epoch]) => epoch)), 2);
      shown = {
        x: { kind: "linear", range: [0, last], title: t("epoch") },
        y: { kind: "linear", range: [0, high * 1.05], title: t("loss") },
        curves,
        marks: marks.filter(({ y }) => y !== null && y !== undefined).map((mark) => ({ shape: "diamond", color: paint(4), size: 11, ...mark })),
      };
      draw();
    },
  });
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 1;
