// A recurrent network reads a digit row by row; its state after each row, and what it would answer by then.

import { h } from "../assets/dom.js";
import { bars, largest } from "./bars.js";
import { deeper, looker } from "./deeper.js";
import { percent, slider, status } from "./kit.js";
import { pad, samples } from "./pad.js";
import { pixelPicture } from "./pixels.js";
import { keeper, terminal } from "./training.js";

export async function mount(place, { t, common, onClose, isOpen }) {
  const net = await deeper("rnn", place, { common, isOpen });
  if (!net) return;
  let seen = null;
  const told = status();
  const outputs = bars({ class: "ten", "aria-label": t("probabilities") });
  const states = pixelPicture(t("states", { units: net.units }), net.units, net.steps, "signed", onClose);
  states.classList.add("states");
  const show = () => {
    if (!seen) return;
    const at = step.value() - 1;
    // Rows that it has not read yet are not there.
    states.paint(seen.states.flatMap((row, index) => (index <= at ? row : row.map(() => 0))), 1);
    const probabilities = seen.probabilities[at];
    const best = largest(probabilities);
    outputs.show(probabilities.map((value, digit) => ({ label: String(digit), value, isMarked: digit === best })));
    place.dataset.prediction = best;
    place.dataset.step = at + 1;
    place.style.setProperty("--read", `${(100 * (at + 1)) / net.steps}%`);
    told.textContent = t("told", { step: at + 1, digit: best, share: percent(probabilities[best]) });
  };
  const look = looker("rnn", (found) => ((seen = found), show()), onClose);
  const step = slider({ name: "step", label: t("step"), min: 1, max: net.steps, step: 1, value: net.steps, oninput: show });
  const drawing = pad(common, (pixels) => look({ inputs: [...pixels] }));
  drawing.pad.classList.add("reading");
  place.append(
    h("p", { class: "soft" }, t("facts", { share: percent(net.accuracy), units: net.units })),
    step,
    h("div", { class: "digit-flow" }, h("div", {}, drawing.pad, samples(common, net.examples, drawing.fill)), h("div", { class: "hidden-layer" }, h("h3", {}, t("states", { units: net.units })), states), h("div", { class: "output-layer" }, h("h3", {}, t("probabilities")), outputs)),
    told,
    h("p", { class: "soft" }, t("key")),
    keeper(common, () => ({ kind: "rnn" })),
    terminal(common, net.command),
  );
  drawing.fill(net.examples[3]?.pixels ?? net.examples[0].pixels);
}
