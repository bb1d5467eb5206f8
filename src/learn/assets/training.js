// Asks the server to train, and keeps a training as a run.

import { ApiError, send } from "../assets/api.js";
import { h, toast } from "../assets/dom.js";
import { button } from "./kit.js";

/** A training that runs for longer than this, in ms, when the next one is asked for is given up. */
const PATIENCE = 120;
/** The status of a training that the server ended for a newer one. */
const REPLACED = 409;

/** Trainings of one visitor that run at once: the server ends an old one of the same slot. */
const SLOTS = 4;
let numTrainers = 0;

/** The same network for inputs as they are, rather than scaled to mean 0 and deviation 1. */
function unscaled(layers, scaling) {
  if (!scaling) return layers;
  const [first, ...rest] = layers;
  const weights = first.weights.map((row) => row.map((weight, index) => weight / scaling.std[index]));
  const bias = first.bias.map((start, unit) => weights[unit].reduce((sum, weight, index) => sum - weight * scaling.mean[index], start));
  return [{ ...first, weights, bias }, ...rest];
}

/** Trains once; what is given back takes inputs as they are. */
export async function trainOnce(request, signal) {
  const result = await send("POST", "api/learn/train", request, signal);
  const { scaling } = result;
  result.layers = unscaled(result.layers, scaling);
  for (const frame of result.frames ?? []) frame.layers = unscaled(frame.layers, scaling);
  return result;
}

/**
 * `{ask(request)}`: trains, and hands the result to `show(result, request)`. While one training runs, the newest request waits for
 * it, so that a slider that moves on is followed; an old one is given up. Problems are written into `place`, and into `same` the
 * command that does the same in a terminal.
 */
export function trainer(show, { place, same, onClose, busy }) {
  const slot = (numTrainers += 1) % SLOTS;
  let running = null;
  let waiting = null;
  onClose(() => {
    waiting = null;
    running?.control.abort();
  });

  const begin = async (request) => {
    const mine = { control: new AbortController(), begun: performance.now() };
    running = mine;
    busy?.setAttribute("aria-busy", "true");
    try {
      const result = await trainOnce({ ...request, slot }, mine.control.signal);
      place.hidden = true;
      if (same) same.told(result.command);
      show(result, request);
      if (busy) busy.dataset.trained = Number(busy.dataset.trained ?? 0) + 1;
    } catch (problem) {
      if (problem.name !== "AbortError" && problem.status !== REPLACED) {
        if (!(problem instanceof ApiError)) throw problem;
        place.hidden = false;
        place.textContent = problem.message;
      }
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

/** "Keep as a run": records what `request()` trains. */
export function keeper(t, request) {
  const link = h("span", { class: "kept", role: "status" });
  const keep = button(
    t("keep"),
    async () => {
      keep.disabled = true;
      try {
        const { config, set, points, seed } = request();
        const { id } = await send("POST", "api/learn/keep", { config, set, points, seed });
        link.replaceChildren(t("kept"), " ", h("a", { href: `./#/run/${encodeURIComponent(id)}` }, id));
      } catch (problem) {
        if (!(problem instanceof ApiError)) throw problem;
        toast(problem.message);
      } finally {
        keep.disabled = false;
      }
    },
    { class: "keep", title: t("keep-title") },
  );
  return h("div", { class: "keeping" }, keep, link);
}
