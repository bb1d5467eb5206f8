// Asks the server to train, and keeps a training as a run.

import { send } from "../assets/api.js";
import { h, toast } from "../assets/dom.js";
import { button, status } from "./kit.js";
import { report, said, trouble } from "./trouble.js";

/** A training that runs for longer than this, in ms, when the next one is asked for is given up. */
const PATIENCE = 120;

/** The server ends an old training of the same slot of this page; another tab is another page. */
const PAGE = Math.random().toString(36).slice(2);
const SLOTS = 8;
let taken = 0;

/** A slot of this page, for what asks for one training at a time. */
export const ownSlot = () => ({ page: PAGE, slot: (taken += 1) % SLOTS });

/**
 * The network for inputs as they are, rather than scaled to mean 0 and deviation 1, and with probabilities as outputs: of the
 * second class for one, of each class for several.
 */
export function whole(layers, scaling) {
  const last = layers.at(-1);
  if (last) last.activation ??= last.bias.length === 1 ? "sigmoid" : "softmax";
  if (!scaling || !last) return layers;
  const [first, ...rest] = layers;
  const weights = first.weights.map((row) => row.map((weight, index) => weight / scaling.std[index]));
  const bias = first.bias.map((start, unit) => weights[unit].reduce((sum, weight, index) => sum - weight * scaling.mean[index], start));
  return [{ ...first, weights, bias }, ...rest];
}

/** Trains once; what is given back takes inputs as they are. */
export async function trainOnce(request, signal, slot = ownSlot()) {
  const result = await send("POST", "api/learn/train", { ...request, ...slot }, signal);
  const { scaling, points } = result;
  result.layers = whole(result.layers, scaling);
  for (const frame of result.frames) frame.layers = whole(frame.layers, scaling);
  const along = (axis) => points.map(({ x }) => x[axis]);
  result.extent ??= points.length ? [0, 1].map((axis) => [Math.min(...along(axis)), Math.max(...along(axis))]) : null;
  return result;
}

/**
 * `{ask(request)}`: trains, and hands the result to `show(result, request)`. While one training runs, the newest request waits for
 * it, so that a slider that moves on is followed; an old one is given up. Problems are written into `place`, after it that time was
 * up, and into `same` the command that does the same in a terminal. A training that diverged has no network; with `takesDiverged`
 * it is shown all the same.
 */
export function trainer(show, { place, same, onClose, busy, takesDiverged }) {
  const slot = ownSlot();
  const note = status({ hidden: true });
  let running = null;
  let waiting = null;
  onClose(() => {
    waiting = null;
    running?.control.abort();
  });

  const tell = (text) => {
    place.hidden = false;
    place.textContent = text;
  };
  const begin = async (request) => {
    const mine = { control: new AbortController(), begun: performance.now() };
    running = mine;
    busy?.setAttribute("aria-busy", "true");
    try {
      const result = await trainOnce(request, mine.control.signal, slot);
      place.hidden = true;
      place.after(note);
      note.hidden = !result.time_is_up;
      note.textContent = result.time_is_up ? said("time-is-up", { epochs: result.epochs }) : "";
      if (same) same.told(result.command);
      if (result.layers.length || takesDiverged) show(result, request);
      else tell(said("diverged", { epochs: result.epochs }));
      if (busy) busy.dataset.trained = Number(busy.dataset.trained ?? 0) + 1;
    } catch (problem) {
      const text = trouble(problem);
      if (text) tell(text);
    } finally {
      if (running === mine) {
        running = null;
        const next = waiting;
        waiting = null;
        if (next) begin(next);
        else busy?.removeAttribute("aria-busy");
      }
    }
  };

  return {
    ask(request) {
      if (!running) begin(request);
      else {
        waiting = request;
        if (performance.now() - running.begun > PATIENCE) running.control.abort();
      }
    },
  };
}

/** Trains one after the other, and hands each result to `each(result, request)`, until the signal. */
export async function series(requests, each, signal) {
  const slot = ownSlot();
  try {
    for (const request of requests) {
      const result = await trainOnce(request, signal, slot);
      if (signal.aborted) return;
      if (result.time_is_up) toast(said("time-is-up", { epochs: result.epochs }));
      each(result, request);
    }
  } catch (problem) {
    report(problem);
  }
}

/** "The same in a terminal": a command that follows the widget. */
export function terminal(t, first = "") {
  const code = h("code", {}, first);
  const element = h("div", { class: "same", hidden: !first }, h("span", { class: "soft" }, t("terminal")), h("pre", { tabindex: 0 }, code));
  return Object.assign(element, {
    told(text) {
      element.hidden = !text;
      code.textContent = text ?? "";
    },
  });
}

/** The keys whose values are not those that the config has anyway: what a reader would type. */
export const changes = (set, config) => Object.fromEntries(Object.entries(set).filter(([key, value]) => config[key] !== value));

/** "Keep as a run": records what `request()` trains, or `{kind}`, one of the deeper networks as it is shown. */
export function keeper(t, request) {
  const link = h("span", { class: "kept", role: "status" });
  const keep = button(
    t("keep"),
    async () => {
      keep.disabled = true;
      try {
        const { kind, config, set, points, seed } = request();
        const { id } = await send("POST", "api/learn/keep", { kind, config, set, points, seed });
        link.replaceChildren(t("kept"), " ", h("a", { href: `./#/run/${encodeURIComponent(id)}` }, id));
      } catch (problem) {
        report(problem);
      } finally {
        keep.disabled = false;
      }
    },
    { class: "keep", title: t("keep-title") },
  );
  return h("div", { class: "keeping" }, keep, link);
}
