// Self-attention between the patches of a digit: who looks at whom, head by head.

import { h } from "../assets/dom.js";
import { bars, largest } from "./bars.js";
import { deeper, looker } from "./deeper.js";
import { choice, percent, status } from "./kit.js";
import { pad, samples } from "./pad.js";
import { pixelPicture } from "./pixels.js";
import { keeper, terminal } from "./training.js";

export async function mount(place, { t, common, onClose, isOpen }) {
  const net = await deeper("transformer", place, { common, isOpen });
  if (!net) return;
  const count = net.rows * net.columns;
  let seen = null;
  let query = 0;
  const told = status();
  const answer = h("p", { class: "soft" });
  const outputs = bars({ class: "ten", "aria-label": t("probabilities") });
  const image = pixelPicture(t("digit"), 8, 8, "ink", onClose);
  const cells = Array.from({ length: count }, (_, index) =>
    h("button", { type: "button", class: "patch", "data-patch": index, "aria-pressed": "false", onclick: () => pick(index), onpointerenter: () => pick(index), onfocus: () => pick(index) }, h("span", {}, String(index + 1)), h("b")),
  );
  const board = h("div", { class: "patches", role: "group", "aria-label": t("patches") }, image, h("div", { class: "patch-grid" }, cells));
  board.style.setProperty("--columns", net.columns);
  board.style.setProperty("--rows", net.rows);
  const matrix = h("table", { class: "attention" });
  const weights = () => seen.attention[Number(layer.value())][Number(head.value())];
  const pick = (index) => {
    query = index;
    show();
  };
  const show = () => {
    if (!seen) return;
    const all = weights();
    cells.forEach((cell, index) => {
      cell.style.setProperty("--weight", all[query][index].toFixed(3));
      cell.lastChild.textContent = percent(all[query][index]);
      cell.setAttribute("aria-pressed", String(index === query));
      cell.setAttribute("aria-label", t("patch", { number: index + 1, share: percent(all[query][index]), from: query + 1 }));
    });
    for (const cell of matrix.querySelectorAll("[data-query]")) {
      const value = all[Number(cell.dataset.query)][Number(cell.dataset.key)];
      cell.style.setProperty("--weight", value.toFixed(3));
      cell.textContent = String(Math.round(100 * value));
      cell.classList.toggle("lit", Number(cell.dataset.query) === query);
    }
    const most = largest(all[query]);
    place.dataset.query = query;
    place.dataset.most = most;
    told.textContent = t("told", { from: query + 1, to: most + 1, share: percent(all[query][most]) });
  };
  const drawTable = () =>
    matrix.replaceChildren(
      h("caption", {}, t("matrix")),
      h("thead", {}, h("tr", {}, h("td"), cells.map((_, index) => h("th", { scope: "col" }, String(index + 1))))),
      h("tbody", {}, cells.map((_, from) => h("tr", {}, h("th", { scope: "row" }, String(from + 1)), cells.map((__, to) => h("td", { "data-query": from, "data-key": to }))))),
    );
  const look = looker(
    "transformer",
    (found, { inputs }) => {
      seen = found;
      image.paint(inputs, 16);
      const best = largest(found.probabilities);
      outputs.show(found.probabilities.map((value, digit) => ({ label: String(digit), value, isMarked: digit === best })));
      place.dataset.prediction = best;
      answer.textContent = t("answer", { digit: best, share: percent(found.probabilities[best]) });
      show();
    },
    onClose,
  );
  const numbers = (length, word) => Array.from({ length }, (_, index) => [index, t(word, { number: index + 1 })]);
  const layer = choice({ name: "layer", label: t("layers"), options: numbers(net.layers, "layer"), onchange: () => show() });
  const head = choice({ name: "head", label: t("heads"), options: numbers(net.heads, "head"), onchange: () => show() });
  const drawing = pad(common, (pixels) => look({ inputs: [...pixels] }));
  drawTable();
  place.append(
    h("p", { class: "soft" }, t("facts", { share: percent(net.accuracy), height: net.patch[0], width: net.patch[1], count })),
    h("div", { class: "controls" }, layer, head),
    h("div", { class: "digit-flow" }, h("div", {}, drawing.pad, samples(common, net.examples, drawing.fill)), h("div", {}, h("div", { class: "side" }, board, h("div", { class: "scroller", tabindex: 0, role: "region", "aria-label": t("matrix") }, matrix)), told), h("div", { class: "output-layer" }, h("h3", {}, t("probabilities")), outputs, answer)),
    h("p", { class: "soft" }, t("key")),
    keeper(common, () => ({ kind: "transformer" })),
    terminal(common, net.command),
  );
  drawing.fill(net.examples[3]?.pixels ?? net.examples[0].pixels);
}
