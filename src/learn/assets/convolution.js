// A convolutional network: small filters pass over the digit that one draws, and give a map each.

import { h } from "../assets/dom.js";
import { bars, largest } from "./bars.js";
import { deeper, looker } from "./deeper.js";
import { percent, status } from "./kit.js";
import { pad, samples } from "./pad.js";
import { pixelPicture } from "./pixels.js";
import { keeper, terminal } from "./training.js";

/** A cell of a map, in px: the same in all layers, so that a smaller map is drawn smaller. */
const CELL = 14;

export async function mount(place, { t, common, onClose, isOpen }) {
  const net = await deeper("cnn", place, { common, isOpen });
  if (!net) return;
  const told = status();
  const outputs = bars({ class: "ten", "aria-label": t("probabilities") });
  const [height, width] = net.size;
  const filters = net.filters.map((weights, index) => {
    const image = pixelPicture(t("filter", { number: index + 1 }), width, height, "signed", onClose);
    image.paint(weights);
    return image;
  });
  const rows = h("div", { class: "maps" });
  let maps = [];
  const look = looker(
    "cnn",
    ({ layers, probabilities }) => {
      if (maps.length !== layers.length) {
        maps = layers.map((layer, at) => layer.maps.map((_, index) => pixelPicture(t("map", { layer: at + 1, number: index + 1 }), layer.width, layer.height, "ink", onClose)));
        rows.replaceChildren(
          ...maps.map((images, at) =>
            h(
              "div",
              {},
              h("h3", {}, t("layer", { number: at + 1, height: layers[at].height, width: layers[at].width, count: images.length })),
              h("ul", { class: "map-list", style: { "--map": `${CELL * layers[at].width}px` } }, images.map((image, index) => h("li", {}, at === 0 && filters[index] ? h("span", { class: "filter" }, filters[index]) : null, image))),
            ),
          ),
        );
      }
      layers.forEach((layer, at) => layer.maps.forEach((values, index) => maps[at][index].paint(values)));
      const best = largest(probabilities);
      outputs.show(probabilities.map((value, digit) => ({ label: String(digit), value, isMarked: digit === best })));
      place.dataset.prediction = best;
      told.textContent = t("told", { digit: best, share: percent(probabilities[best]) });
    },
    onClose,
  );
  const drawing = pad(common, (pixels) => look({ inputs: [...pixels] }));
  place.append(
    h("p", { class: "soft" }, t("facts", { share: percent(net.accuracy), count: net.filters.length })),
    h("div", { class: "digit-flow" }, h("div", {}, drawing.pad, samples(common, net.examples, drawing.fill)), rows, h("div", { class: "output-layer" }, h("h3", {}, t("probabilities")), outputs)),
    told,
    h("p", { class: "soft" }, t("key")),
    keeper(common, () => ({ kind: "cnn" })),
    terminal(common, net.command),
  );
  drawing.fill(net.examples[3]?.pixels ?? net.examples[0].pixels);
}
