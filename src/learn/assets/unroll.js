// 8 x 8 pixels laid out as 64 numbers: which cell becomes which input.

import { h } from "../assets/dom.js";
import { status } from "./kit.js";
import { pad, SIDE } from "./pad.js";

/** A three, as a person would tap it. */
const START = ["00111100", "01000010", "00000010", "00011100", "00000010", "00000010", "01000010", "00111100"].flatMap((row) => [...row].map((cell) => Number(cell) * 16));

export function mount(place, { t, common }) {
  const told = status();
  const strip = Array.from({ length: SIDE * SIDE }, (_, index) => h("li", { "data-index": index }, h("span", { class: "ordinal" }, String(index)), h("b")));
  const drawing = pad(common, (pixels) =>
    pixels.forEach((ink, index) => {
      strip[index].lastChild.textContent = String(Math.round(ink));
      strip[index].style.setProperty("--ink", (ink / 16).toFixed(3));
    }),
  );
  const point = (index) => {
    const [row, column] = [Math.floor(index / SIDE), index % SIDE];
    for (const element of place.querySelectorAll("[data-index]")) element.classList.toggle("lit", Number(element.dataset.index) === index);
    told.dataset.index = index;
    told.textContent = t("told", { row, column, index, ink: Math.round(drawing.pixels[index]) });
  };
  const pointed = (event) => {
    const cell = event.target.closest("[data-index]");
    if (cell) point(Number(cell.dataset.index));
  };
  place.append(
    h("div", { class: "two unroll" }, drawing.pad, h("div", {}, h("ol", { class: "strip", start: 0, "aria-label": t("strip") }, strip), told)),
  );
  for (const kind of ["pointerover", "focusin", "keyup"]) place.addEventListener(kind, pointed);
  drawing.fill(START);
  point(19);
}
