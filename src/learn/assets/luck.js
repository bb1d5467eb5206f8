// Twenty random starts of the same network: what is learned depends on where the weights begin.

import { h } from "../assets/dom.js";
import { paint } from "../assets/palette.js";
import { dots } from "./dots.js";
import { button, isStill, percent, slider, status } from "./kit.js";
import { series } from "./training.js";

const STARTS = 20;
/** Of the test points; with one edge of the band alone it is far below. */
const ENOUGH = 0.95;

export function mount(place, { t, onClose }) {
  let found = [];
  let control = null;
  onClose(() => control?.abort());
  const told = status();
  const chart = dots(t("chart"), onClose, { open: ({ seed, width }) => pick(seed, width) });
  const opened = status();
  const pick = (seed, units) => {
    document.dispatchEvent(new CustomEvent("burnlab-start", { detail: { seed, units } }));
    for (const one of list.children) one.setAttribute("aria-pressed", String(Number(one.dataset.seed) === seed));
    const far = document.querySelector("[data-widget=hidden-units]");
    opened.replaceChildren(t("opened", { seed, units }), " ", button(t("look"), () => far?.scrollIntoView({ block: "start", behavior: isStill() ? "auto" : "smooth" }), { class: "quiet" }));
  };
  const list = h("div", { class: "samples", role: "group", "aria-label": t("starts") });
  const draw = () => {
    chart.show(
      found.map(({ seed, accuracy, width }) => ({ x: seed, y: accuracy, seed, width, opens: true, shape: accuracy > ENOUGH ? "circle" : "x", color: paint(accuracy > ENOUGH ? 2 : 1), size: 11 })),
      { x: { kind: "linear", range: [0, STARTS + 1], title: t("start") }, y: { kind: "linear", range: [0.4, 1.02], title: t("accuracy") } },
    );
  };
  const units = slider({ name: "units", label: t("units"), min: 1, max: 8, step: 1, value: 2 });
  const go = button(
    t("go", { number: STARTS }),
    async () => {
      control?.abort();
      control = new AbortController();
      found = [];
      list.replaceChildren();
      opened.textContent = "";
      draw();
      go.disabled = true;
      const width = units.value();
      const progress = () => (told.textContent = t("so-far", { number: found.length, of: STARTS, units: width }));
      progress();
      const requests = Array.from({ length: STARTS }, (_, index) => ({ config: "band-2-units", set: { "model.hidden": [width] }, seed: index + 1 }));
      await series(
        requests,
        ({ test: { accuracy } }, { seed }) => {
          found.push({ seed, accuracy, width });
          list.append(button(`${accuracy > ENOUGH ? "●" : "✕"} ${seed}`, () => pick(seed, width), { class: "quiet", "data-seed": seed, "aria-pressed": "false", "aria-label": t("one", { seed, accuracy: percent(accuracy) }) }));
          draw();
          progress();
        },
        control.signal,
      );
      go.disabled = false;
      if (found.length < STARTS) return;
      const good = found.filter(({ accuracy }) => accuracy > ENOUGH).length;
      place.dataset.found = found.length;
      place.dataset.good = good;
      told.textContent = t(good < found.length ? "told" : "all-good", { units: width, good, of: found.length, least: percent(Math.min(...found.map(({ accuracy }) => accuracy))) });
    },
    { class: "go" },
  );
  place.append(h("div", { class: "controls" }, units, go), chart, list, told, opened);
  draw();
}
