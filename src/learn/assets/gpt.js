// A small GPT: the probabilities of the next character, the temperature that sharpens or flattens them, and attention to what
// was written.

import { h } from "../assets/dom.js";
import { bars } from "./bars.js";
import { deeper, looker } from "./deeper.js";
import { brief, button, choice, generator, percent, slider, status } from "./kit.js";
import { keeper, terminal } from "./training.js";

const START = "Alice was ";

export async function mount(place, { t, common, onClose, isOpen }) {
  const net = await deeper("gpt", place, { common, isOpen });
  if (!net) return;
  let seen = null;
  let query = 0;
  const random = generator(1);
  const told = status();
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const next = bars({ class: "next", "aria-label": t("next") });
  const line = h("div", { class: "characters", role: "group", "aria-label": t("looked") });
  const name = (character) => ({ " ": "␣", "\n": "⏎" })[character] ?? character;
  /** The number of equally likely characters among which it is as hard to guess: 2 to the power of the entropy in bits. */
  const perplexity = (rows) => 2 ** -rows.reduce((sum, { probability }) => sum + (probability > 0 ? probability * Math.log2(probability) : 0), 0);
  /** Where a character looks: those after it are hidden from it. */
  const showAttention = () => {
    const weights = seen.attention[Number(layer.value())][Number(head.value())][query];
    const most = Math.max(...weights);
    if (line.children.length !== seen.tokens.length)
      line.replaceChildren(...seen.tokens.map((_, index) => h("button", { type: "button", class: "character", "data-index": index, onfocus: () => look(index), onpointerenter: () => look(index) })));
    [...line.children].forEach((one, index) => {
      const weight = index <= query ? weights[index] : 0;
      one.textContent = name(seen.tokens[index]);
      one.style.setProperty("--weight", (weight / most).toFixed(3));
      one.title = percent(weight);
      one.tabIndex = index === query ? 0 : -1;
      one.setAttribute("aria-pressed", String(index === query));
      one.setAttribute("aria-label", t("character", { character: name(seen.tokens[index]), number: index + 1, share: percent(weight) }));
      one.classList.toggle("later", index > query);
    });
    place.dataset.query = query;
    place.dataset.attention = weights.slice(0, query + 1).reduce((sum, weight) => sum + weight, 0);
  };
  const look = (index) => {
    if (index === query || !seen) return;
    query = index;
    showAttention();
  };
  line.addEventListener("keydown", (event) => {
    const to = query + ({ ArrowLeft: -1, ArrowRight: 1 }[event.key] ?? 0);
    if (to === query || !line.children[to]) return;
    line.children[to].focus();
    event.preventDefault();
  });
  const show = () => {
    if (!seen) return;
    next.show(seen.next.slice(0, 12).map(({ character, probability }, index) => ({ label: name(character), value: probability, isMarked: index === 0 })));
    showAttention();
    place.dataset.next = seen.next[0].character;
    place.dataset.probability = seen.next[0].probability;
    told.textContent = t("told", { character: name(seen.next[0].character), share: brief(seen.next[0].probability), choices: brief(perplexity(seen.next), 1) });
  };
  const ask = looker(
    "gpt",
    (found) => {
      seen = found;
      query = found.tokens.length - 1;
      show();
    },
    onClose,
  );
  const read = () => {
    const unknown = [...text.value].find((character) => !net.characters.includes(character));
    problem.hidden = !unknown && text.value.length > 0;
    if (!text.value.length) problem.textContent = t("empty");
    else if (unknown) problem.textContent = t("unknown", { character: unknown });
    else ask({ text: text.value, temperature: temperature.value() });
  };
  const text = h("textarea", { name: "text", rows: 3, "aria-label": t("text"), spellcheck: "false", oninput: read });
  text.value = START;
  const temperature = slider({ name: "temperature", label: t("temperature"), min: 0.1, max: 2, step: 0.1, value: 1, oninput: read });
  const numbers = (length, word) => Array.from({ length }, (_, index) => [index, t(word, { number: index + 1 })]);
  const layer = choice({ name: "layer", label: t("layers"), options: numbers(net.layers, "layer"), onchange: () => seen && showAttention() });
  const head = choice({ name: "head", label: t("heads"), options: numbers(net.heads, "head"), onchange: () => seen && showAttention() });
  const write = (character) => {
    text.value += character;
    read();
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
    h("div", { class: "controls" }, button(t("likeliest"), () => seen && write(seen.next[0].character), { class: "likeliest" }), button(t("draw"), drawn, { class: "draw" }), button(t("reset"), () => ((text.value = START), read()))),
    problem,
    temperature,
    h("div", { class: "two" }, h("div", {}, h("h3", {}, t("next")), next), h("div", {}, h("h3", {}, t("looked")), h("div", { class: "controls" }, layer, head), line)),
    told,
    h("p", { class: "soft" }, t("key")),
    keeper(common, () => ({ kind: "gpt" })),
    terminal(common, net.command),
  );
  read();
}
