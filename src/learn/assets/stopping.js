// Early stopping: the curve runs, patience counts, and the weights of the best epoch are kept.

import { h } from "../assets/dom.js";
import { paint } from "../assets/palette.js";
import { bars } from "./bars.js";
import { brief, button, choice, isStill, percent, slider, status } from "./kit.js";
import { losses } from "./losses.js";
import { changes, keeper, terminal, trainer, trainOnce } from "./training.js";
import { report, said } from "./trouble.js";

const CONFIG = "moons-early-stopping";
const PATIENCE = "training.early_stopping.patience";
const MONITOR = "training.early_stopping.monitor";
const PATIENCES = [1, 2, 5, 10, 20, 50, 100, 200];
/** How long the whole curve takes to run, in ms. */
const RUN = 4000;

/** At each epoch, the best one so far; `isLower` when less is better. */
function bestSoFar(values, isLower) {
  let best = 0;
  return values.map((value, index) => {
    if (index > 0 && (isLower ? value < values[best] : value > values[best])) best = index;
    return best;
  });
}

export function mount(place, { t, common, onClose, isOpen }) {
  let result = null;
  let whole = null;
  let best = [];
  const same = terminal(common);
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const told = status();
  const verdict = h("p", { class: "figures" });
  const chart = losses(common, onClose, 260);
  const waited = bars({ class: "waited", "aria-label": t("patience") });

  const show = () => {
    const { history } = result;
    const index = Math.min(epoch.value(), history.epoch.length) - 1;
    const at = best[index];
    const waiting = index - at;
    const key = "validation_loss";
    const atEnd = index === history.epoch.length - 1;
    chart.show(history, {
      upTo: history.epoch[index],
      ghost: whole?.history,
      most: whole ? Math.min(1.6, Math.max(...whole.history.validation_loss)) : null,
      marks: [
        { x: history.epoch[at], y: history[key][at], shape: "star", color: paint(2), size: 15 },
        ...(atEnd ? [{ x: history.epoch[index], y: history[key][index], shape: "square", color: paint(6), size: 11 }] : []),
      ],
    });
    waited.show([{ label: t("waited", { waiting, patience: patience.value() }), value: waiting }], patience.value());
    place.dataset.best = history.epoch[at];
    place.dataset.waiting = waiting;
    place.dataset.epoch = history.epoch[index];
    epoch.querySelector("output").textContent = t("epoch-of", { epoch: history.epoch[index], last: history.epoch.length });
    epoch.input.setAttribute("aria-valuetext", t("epoch-of", { epoch: history.epoch[index], last: history.epoch.length }));
  };
  const { ask } = trainer(
    (found) => {
      result = found;
      const isLower = monitor.value() === "validation/loss";
      best = bestSoFar(isLower ? found.history.validation_loss : found.history.validation_metric, isLower);
      epoch.limit(found.history.epoch.length);
      epoch.put(found.history.epoch.length);
      place.dataset.epochs = found.epochs;
      place.dataset.kept = found.best_epoch;
      told.textContent = t("told", { last: found.epochs, best: found.best_epoch });
      verdict.replaceChildren(
        h("span", {}, t("log-loss"), " ", h("b", {}, brief(found.test.log_loss))),
        h("span", {}, t("accuracy"), " ", h("b", {}, percent(found.test.accuracy))),
        ...(whole ? [h("span", { class: "soft" }, t("without", { loss: brief(whole.test.log_loss), accuracy: percent(whole.test.accuracy) }), whole.time_is_up ? ` ${said("time-is-up", whole)}` : "")] : []),
      );
      show();
    },
    { place: problem, same, onClose, busy: place },
  );
  const request = () => ({ config: CONFIG, set: changes({ [PATIENCE]: patience.value(), [MONITOR]: monitor.value() }, { [PATIENCE]: 50, [MONITOR]: "validation/loss" }) });
  const changed = () => {
    halt();
    ask(request());
  };
  const patience = slider({ name: "patience", label: t("patience"), stops: PATIENCES, value: 50, oninput: changed });
  const monitor = choice({ name: "monitor", label: t("monitor"), options: [["validation/loss", t("loss")], ["validation/accuracy", t("acc")]], onchange: changed });
  const epoch = slider({ name: "epoch", label: t("epoch"), min: 1, max: 1000, step: 1, value: 1000, show: String, oninput: () => (halt(), result && show()) });
  let timer = null;
  const halt = () => {
    clearInterval(timer);
    timer = null;
    play.textContent = t("play");
  };
  const play = button(t("play"), () => {
    if (timer || !result) return halt();
    const last = result.history.epoch.length;
    epoch.put(isStill() ? last : 1);
    show();
    if (isStill()) return undefined;
    play.textContent = t("pause");
    const step = Math.max(1, Math.round((last * 40) / RUN));
    timer = setInterval(() => {
      epoch.put(Math.min(last, epoch.value() + step));
      show();
      if (epoch.value() >= last) halt();
    }, 40);
    return undefined;
  }, { class: "play" });
  onClose(() => clearInterval(timer));
  const gone = new AbortController();
  onClose(() => gone.abort());
  place.append(
    h("div", { class: "sliders wide" }, patience, monitor),
    h("div", { class: "controls" }, play, epoch),
    chart,
    waited,
    told,
    verdict,
    h("p", { class: "soft" }, t("key")),
    problem,
    keeper(common, request),
    same,
  );
  // The faint curve behind: the same training without an end.
  return trainOnce({ config: "moons-overfit" }, gone.signal).then(
    (found) => {
      if (!isOpen()) return;
      whole = found;
      ask(request());
    },
    report,
  );
}
