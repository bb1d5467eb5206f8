// Twenty random starts of the same network: what is learned depends on where the weights begin.

import { h } from "../assets/dom.js";
import { percent } from "../assets/numbers.js";
import { paint } from "../assets/palette.js";
import { dots } from "./dots.js";
import { brief, button, slider, status } from "./kit.js";
import { trainOnce } from "./training.js";

const STARTS = 20;
/** Of the test points; with one edge of the band alone it is far below. */
const ENOUGH = 0.95;

export function mount(place, { t, onClose, isOpen }) {
  let found = [];
  let control = null;
  onClose(() => control?.abort());
  const told = status();
  const chart = dots(t("chart"), onClose, { open: ({ seed }) => pick(seed) });
  const pick = (seed) => document.dispatchEvent(new CustomEvent("burnlab-seed", { detail: seed }));
  const list = h("div", { class: "samples", role: "group", "aria-label": t("starts") });
  const draw = () => {
    chart.show(
      found.map(({ seed, accuracy }) => ({ x: seed, y: accuracy, seed, opens: true, shape: accuracy > ENOUGH ? "circle" : "x", color: paint(accuracy > ENOUGH ? 2 : 1), size: 11 })),
      { x: { kind: "linear", range: [0, STARTS + 1], title: t("start") }, y: { kind: "linear", range: [0.4, 1.02], title: t("accuracy") } },
    );
  };
  const units = slider({ name: "units", label: t("units"), min: 1, max: 8, step: 1, value: 2 });
  const go = button(
    t("go", { number: STARTS }),
    async () => {
      control?.abort();
      control = new AbortController();
      const { signal } = control;
      found = [];
      list.replaceChildren();
      go.disabled = true;
      try {
        for (let seed = 1; seed <= STARTS && isOpen(); seed += 1) {
          const result = await trainOnce({ config: "band-2-units", set: { "model.hidden": [units.value()] }, seed }, signal);
          found.push({ seed, accuracy: result.test.accuracy });
          list.append(button(`${result.test.accuracy > ENOUGH ? "●" : "✕"} ${seed}`, () => pick(seed), { class: "quiet", "aria-label": t("one", { seed, accuracy: percent(result.test.accuracy) }) }));
          draw();
        }
      } finally {
        go.disabled = false;
      }
      const good = found.filter(({ accuracy }) => accuracy > ENOUGH).length;
      place.dataset.found = found.length;
      place.dataset.good = good;
      told.textContent = t("told", { good, of: found.length, least: percent(Math.min(...found.map(({ accuracy }) => accuracy))) });
    },
    { class: "go" },
  );
  place.append(h("div", { class: "controls" }, units, go), chart, list, told);
  draw();
}
