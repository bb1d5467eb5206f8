// A digit that one draws, through the tutorial's network: 64 inputs, the hidden units with their weights as pictures, ten
// probabilities.

import { h } from "../assets/dom.js";
import { bars, largest } from "./bars.js";
import { choice, percent, status } from "./kit.js";
import { forward, numParameters } from "./network.js";
import { pad, samples, SIDE } from "./pad.js";
import { pixelPicture } from "./pixels.js";
import { keeper } from "./training.js";
import { trainedDigits } from "./trained_digits.js";
import { report, said } from "./trouble.js";

const WIDTHS = [2, 4, 8, 16, 32];

export async function mount(place, { t, common, onClose }) {
  let network = null;
  const told = status();
  const facts = h("p", { class: "soft" });
  const outputs = bars({ class: "ten", "aria-label": t("probabilities") });
  const units = h("ul", { class: "units", "aria-label": t("units") });
  let drawn = [];

  const show = (pixels) => {
    if (!network) return;
    const passed = forward(network.layers, pixels);
    const hidden = passed[0].outputs;
    const most = Math.max(1e-9, ...hidden.map(Math.abs));
    drawn.forEach(({ bar }, unit) => bar.show([{ label: "", value: hidden[unit], isMarked: false }], most));
    const probabilities = passed.at(-1).outputs;
    const best = largest(probabilities);
    outputs.show(probabilities.map((value, digit) => ({ label: String(digit), value, isMarked: digit === best })));
    const isEmpty = pixels.every((ink) => ink === 0);
    told.dataset.prediction = isEmpty ? "" : best;
    told.textContent = isEmpty ? t("empty") : t("told", { digit: best, share: percent(probabilities[best]) });
  };
  const drawing = pad(common, show);
  const load = async (hidden) => {
    const found = await trainedDigits(Number(hidden));
    // Another width may have been chosen meanwhile.
    if (network && String(hidden) !== width.value()) return;
    network = found;
    const [first] = network.layers;
    const full = Math.max(...first.weights.flat().map(Math.abs));
    drawn = first.weights.map((weights, unit) => {
      const image = pixelPicture(t("unit", { number: unit + 1 }), SIDE, SIDE, "signed", onClose);
      image.paint(weights, full);
      const bar = bars();
      return { bar, element: h("li", {}, h("span", { class: "soft" }, String(unit + 1)), image, bar) };
    });
    units.replaceChildren(...drawn.map(({ element }) => element));
    facts.textContent = t("facts", { hidden, parameters: numParameters(network.layers), test: network.rows.test, share: percent(network.accuracy) }) + (network.time_is_up ? ` ${said("time-is-up", network)}` : "");
    place.dataset.model = network.id;
    show(drawing.pixels);
  };
  const width = choice({ name: "hidden", label: t("hidden"), options: WIDTHS.map((one) => [one, String(one)]), value: 16, onchange: (hidden) => load(hidden).catch(report) });
  await load(16);
  const examples = [...Array(10).keys()].flatMap((digit) => network.gallery.filter(({ label }) => String(label) === String(digit)).slice(-1));
  const take = ({ detail }) => drawing.fill(detail);
  document.addEventListener("burnlab-digit", take);
  onClose(() => document.removeEventListener("burnlab-digit", take));
  const set = () => ({ "model.hidden": [Number(width.value())] });
  place.append(
    h("div", { class: "controls" }, width),
    h(
      "div",
      { class: "digit-flow" },
      h("div", {}, h("h3", {}, t("input")), drawing.pad, samples(common, examples, drawing.fill)),
      h("div", { class: "hidden-layer" }, h("h3", {}, t("units")), units),
      h("div", { class: "output-layer" }, h("h3", {}, t("probabilities")), outputs),
    ),
    told,
    facts,
    h("p", { class: "soft" }, t("keys")),
    keeper(common, () => ({ config: "digits-tutorial", set: set() })),
  );
  if (examples.length) drawing.fill(examples.find(({ label }) => String(label) === "3")?.pixels ?? examples[0].pixels);
}

