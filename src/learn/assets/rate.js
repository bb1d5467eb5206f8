// The learning rate, from crawling to diverging: plain gradient descent, trained anew for each.

import { h } from "../assets/dom.js";
import { brief, slider, status } from "./kit.js";
import { losses } from "./losses.js";
import { keeper, terminal, trainer } from "./training.js";

const RATES = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100];
const CONFIG = "xor-mlp";
/** Losses: above the first, something is yet to be learned; above the second, little was; above the third, weights have jumped. */
const POOR = 0.3,
  GUESSING = 0.5,
  HIGH = 2;

export function mount(place, { t, common, onClose }) {
  const same = terminal(common);
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const told = status();
  const chart = losses(common, onClose);
  const { ask } = trainer(
    ({ history, diverged }, { set }) => {
      chart.show(history);
      const values = history.train_loss.filter((value) => Number.isFinite(value));
      const [first, last] = [values[0], values.at(-1)];
      const isBouncing = last > POOR && last > 1.15 * Math.min(...values);
      const kind = diverged || isBouncing || Math.max(...values) > HIGH ? "diverges" : last > GUESSING ? "crawls" : "learns";
      place.dataset.kind = kind;
      place.dataset.rate = set["training.learning_rate"];
      told.textContent = t(kind, { rate: String(set["training.learning_rate"]), loss: brief(last), first: brief(first) });
    },
    { place: problem, same, onClose, busy: place, takesDiverged: true },
  );
  const rate = slider({ name: "rate", label: t("rate"), stops: RATES, value: 0.1, show: String, oninput: () => ask(request()) });
  const request = () => ({ config: CONFIG, set: { "training.optimizer": "sgd", "training.learning_rate": rate.value(), "training.max_epochs": 100 } });
  place.append(rate, chart, told, problem, keeper(common, request), same);
  ask(request());
}
