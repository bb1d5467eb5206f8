// Asks the server to train, and keeps a training as a run.

import { ApiError, send } from "../assets/api.js";
import { h, toast } from "../assets/dom.js";
import { button } from "./kit.js";

/** A training that runs for longer than this, in ms, when the next one is asked for is given up. */
const PATIENCE = 120;

/**
 * `{ask(request)}`: trains, and hands the result to `show(result, request)`. While one training runs, the newest request waits for
 * it, so that a slider that moves on is followed; an old one is given up. Problems are written into `place`.
 */
export function trainer(show, { place, onClose, busy }) {
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
      const result = await send("POST", "api/learn/train", request, mine.control.signal);
      place.hidden = true;
      show(result, request, performance.now() - mine.begun);
    } catch (problem) {
      if (problem.name !== "AbortError") {
        if (!(problem instanceof ApiError)) throw problem;
        place.hidden = false;
        place.textContent = problem.message;
      }
    } finally {
      if (running === mine) {
        running = null;
        busy?.removeAttribute("aria-busy");
        const next = waiting;
        waiting = null;
        if (next) begin(next);
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

/** Trains once and gives the result; for several in a row. */
export const trainOnce = (request, signal) => send("POST", "api/learn/train", request, signal);

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

/** The part of a request that differs from the config, as the terminal takes it. */
export function command(config, set = {}) {
  const program = document.querySelector('meta[name="burnlab-program"]')?.content || "burnlab";
  const value = (one) => (typeof one === "string" ? `'"${one}"'` : JSON.stringify(one));
  const quoted = ([key, one]) => (typeof one === "string" ? `--set '${key}="${one}"'` : /[\s[\]]/.test(value(one)) ? `--set '${key}=${value(one)}'` : `--set ${key}=${value(one)}`);
  return [program, "--config", config, ...Object.entries(set).map(quoted)].join(" ");
}
