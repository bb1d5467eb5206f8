// Five labels a class, with pre-training and without: the same seeds in pairs.

import { h } from "../assets/dom.js";
import { signed } from "../assets/numbers.js";
import { paint } from "../assets/palette.js";
import { deeper } from "./deeper.js";
import { dots, mean, paired } from "./dots.js";
import { status } from "./kit.js";
import { keeper } from "./training.js";

export async function mount(place, { t, common, onClose, isOpen }) {
  const found = await deeper("finetune", place, { common, isOpen });
  if (!found) return;
  const chart = dots(t("chart"), onClose, { height: 240 });
  const told = status();
  const all = [...found.without, ...found.with];
  chart.show(
    found.seeds.flatMap((seed, index) => [
      { x: seed, y: found.without[index], shape: "x", color: paint(1), size: 11 },
      { x: seed, y: found.with[index], shape: "circle", color: paint(2), size: 11 },
    ]),
    { x: { kind: "linear", range: [found.seeds[0] - 1, found.seeds.at(-1) + 1], title: t("seed") }, y: { kind: "linear", range: [Math.min(...all) - 0.02, Math.min(1, Math.max(...all) + 0.02)], title: t("accuracy") } },
    found.seeds.map((seed, index) => ({ points: [[seed, found.without[index]], [seed + 0.0001, found.with[index]]], color: "var(--line-strong)", width: 1.2 })),
  );
  const differences = found.with.map((value, index) => value - found.without[index]);
  const better = differences.filter((one) => one > 0).length;
  place.dataset.better = better;
  place.dataset.with = mean(found.with);
  place.dataset.without = mean(found.without);
  const range = differences.length === 10 ? paired(differences) : null;
  told.textContent =
    t("told", { better, of: differences.length, with: mean(found.with).toFixed(3), without: mean(found.without).toFixed(3) }) +
    (range ? t("interval", { middle: signed(range.middle), low: signed(range.middle - range.half), high: signed(range.middle + range.half) }) + t(range.middle > range.half ? "sure" : "unsure") : "");
  place.append(chart, h("p", { class: "soft" }, t("key")), told, keeper(t, () => ({ config: "digits-pretrain" })));
}
