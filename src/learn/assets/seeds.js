// Ten seeds, each trained in two ways, such as without and with early stopping: is the difference more than luck?

import { h } from "../assets/dom.js";
import { signed } from "../assets/numbers.js";
import { paint } from "../assets/palette.js";
import { dots, mean, paired } from "./dots.js";
import { button, choice, status } from "./kit.js";
import { series } from "./training.js";

const SEEDS = 10;
/** That of the configs, so that these are the runs of `--seeds 10`. */
const FIRST_SEED = 42;
const STOPPING = { config: "moons-early-stopping" };
/** What is compared: the second of each pair is what the lesson recommends. */
const PAIRS = {
  stopping: [{ config: "moons-overfit" }, STOPPING],
  monitor: [{ ...STOPPING, set: { "training.early_stopping.monitor": "validation/accuracy" } }, STOPPING],
};

export function mount(place, { t, onClose }) {
  let pairs = [];
  let control = null;
  onClose(() => control?.abort());
  const told = status();
  const chart = dots(t("chart"), onClose, { height: 230 });
  const metric = choice({ name: "metric", label: t("metric"), options: [["log_loss", t("log_loss")], ["accuracy", t("accuracy")]], onchange: () => show() });
  const key = h("p", { class: "soft" });
  const pair = choice({
    name: "pair",
    label: t("pair"),
    options: Object.keys(PAIRS).map((one) => [one, t(one)]),
    onchange: () => {
      control?.abort();
      control = null;
      pairs = [];
      show();
    },
  });
  const show = () => {
    key.textContent = t(`key-${pair.value()}`);
    const name = metric.value();
    const values = pairs.map(([without, with_]) => [without[name], with_[name]]);
    const all = values.flat();
    const range = all.length ? [Math.min(...all), Math.max(...all)] : [0, 1];
    const pad = 0.1 * (range[1] - range[0] || 1);
    chart.show(
      values.flatMap(([without, with_], index) => [
        { x: FIRST_SEED + index, y: without, shape: "x", color: paint(1), size: 11 },
        { x: FIRST_SEED + index, y: with_, shape: "circle", color: paint(2), size: 11 },
      ]),
      { x: { kind: "linear", range: [FIRST_SEED - 1, FIRST_SEED + SEEDS], title: t("seed") }, y: { kind: "linear", range: [range[0] - pad, range[1] + pad], title: t(name) } },
      values.map(([without, with_], index) => ({ points: [[FIRST_SEED + index, without], [FIRST_SEED + index + 0.0001, with_]], color: "var(--line-strong)", width: 1.2 })),
    );
    if (pairs.length < SEEDS) {
      told.textContent = control ? t("so-far", { number: pairs.length, of: SEEDS }) : "";
      return;
    }
    const differences = values.map(([without, with_]) => with_ - without);
    const { middle, half } = paired(differences);
    const better = differences.filter((one) => (name === "log_loss" ? one < 0 : one > 0)).length;
    place.dataset.middle = middle;
    place.dataset.better = better;
    place.dataset.of = pairs.length;
    place.dataset.pair = pair.value();
    const sure = middle - half > 0 || middle + half < 0;
    told.textContent =
      t(`told-${pair.value()}`, { better, of: SEEDS, without: mean(values.map(([one]) => one)).toFixed(3), with: mean(values.map(([, one]) => one)).toFixed(3), middle: signed(middle), low: signed(middle - half), high: signed(middle + half) }) +
      t(sure ? "sure" : "unsure");
  };
  const go = button(
    t("go"),
    async () => {
      control?.abort();
      control = new AbortController();
      pairs = [];
      show();
      go.disabled = true;
      const requests = Array.from({ length: SEEDS }, (_, index) => PAIRS[pair.value()].map((one) => ({ ...one, seed: FIRST_SEED + index }))).flat();
      let first = null;
      await series(
        requests,
        ({ test }) => {
          if (first) pairs.push([first, test]);
          first = first ? null : test;
          show();
        },
        control.signal,
      );
      go.disabled = false;
    },
    { class: "go" },
  );
  place.append(h("div", { class: "controls" }, pair, go, metric), chart, key, told);
  show();
}
