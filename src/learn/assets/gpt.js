// A small GPT: the probabilities of the next character, the temperature that sharpens or flattens them, and attention to what
// was written.

import { h } from "../assets/dom.js";
import { bars } from "./bars.js";
import { deeper, looker } from "./deeper.js";
import { brief, button, choice, generator, slider, status } from "./kit.js";

const START = "Alice was ";

export async function mount(place, { t, common, onClose, isOpen }) {
  const net = await deeper("gpt", place, { common, isOpen });
  if (!net) return;
  let seen = null;
  const random = generator(1);
  const told = status();
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const next = bars({ class: "next", "aria-label": t("next") });
  const line = h("p", { class: "characters", "aria-label": t("looked") });
  const name = (character) => ({ " ": "␣", "\n": "⏎" })[character] ?? character;
  const entropy = (rows) => -rows.reduce((sum, { probability }) => sum + (probability > 0 ? probability * Math.log2(probability) : 0), 0);
  const show = () => {
    if (!seen) return;
    next.show(seen.next.slice(0, 12).map(({ character, probability }, index) => ({ label: name(character), value: probability, isMarked: index === 0 })));
    const weights = seen.attention[Number(layer.value())][Number(head.value())].at(-1);
    const most = Math.max(...weights);
    line.replaceChildren(...seen.tokens.map((character, index) => h("span", { class: "character", title: brief(weights[index]), style: { "--weight": (weights[index] / most).toFixed(3) } }, name(character))));
    place.dataset.next = seen.next[0].character;
    place.dataset.probability = seen.next[0].probability;
    told.textContent = t("told", { character: name(seen.next[0].character), share: brief(seen.next[0].probability), bits: brief(Number(entropy(seen.next).toFixed(2))) });
  };
  const ask = looker("gpt", (found) => ((seen = found), show()), onClose);
  const look = () => {
    const unknown = [...text.value].find((character) => !net.characters.includes(character));
    problem.hidden = !unknown && text.value.length > 0;
    if (!text.value.length) problem.textContent = t("empty");
    else if (unknown) problem.textContent = t("unknown", { character: unknown });
    else ask({ text: text.value, temperature: temperature.value() });
  };
  const text = h("textarea", { name: "text", rows: 3, "aria-label": t("text"), spellcheck: "false", oninput: look });
  text.value = START;
  const temperature = slider({ name: "temperature", label: t("temperature"), min: 0.1, max: 2, step: 0.1, value: 1, oninput: look });
  const numbers = (length, word) => Array.from({ length }, (_, index) => [index, t(word, { number: index + 1 })]);
  const layer = choice({ name: "layer", label: t("layers"), options: numbers(net.layers, "layer"), onchange: () => show() });
  const head = choice({ name: "head", label: t("heads"), options: numbers(net.heads, "head"), onchange: () => show() });
  const write = (character) => {
    text.value += character;
    look();
  };
  const drawn = () => {
    if (!seen) return;
    let left = random() * seen.next.reduce((sum, { probability }) => sum + probability, 0);
    const found = seen.next.find(({ probability }) => (left -= probability) <= 0) ?? seen.next[0];
    write(found.character);
  };
  place.append(
    h("p", { class: "soft" }, t("facts", { loss: brief(net.loss), context: net.context, characters: [...net.characters].length })),
    h("label", { class: "field" }, t("text"), text),
    h("div", { class: "controls" }, button(t("likeliest"), () => seen && write(seen.next[0].character), { class: "likeliest" }), button(t("draw"), drawn, { class: "draw" }), button(t("reset"), () => ((text.value = START), look()))),
    problem,
    temperature,
    h("div", { class: "two" }, h("div", {}, h("h3", {}, t("next")), next), h("div", {}, h("h3", {}, t("looked")), h("div", { class: "controls" }, layer, head), line)),
    told,
    h("p", { class: "soft" }, t("key")),
  );
  look();
}
