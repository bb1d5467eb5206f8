// Networks that take seconds to train: the server trains each once and keeps it; meanwhile the page shows how far it is.

import { send } from "../assets/api.js";
import { h } from "../assets/dom.js";
import { report } from "./trouble.js";

/** How often the page asks, in ms. */
const PAUSE = 300;

/** What the server has of a kind of network, once it is trained; null if the lesson was left. */
export async function deeper(kind, place, { common, isOpen }) {
  const bar = h("progress", { max: 1, value: 0, "aria-label": common("training") });
  const box = h("p", { class: "training", role: "status" }, common("training"), " ", bar);
  place.append(box);
  try {
    while (isOpen()) {
      const answer = await send("GET", `api/learn/deeper/${kind}`);
      if (answer.progress === undefined) return answer;
      bar.value = answer.progress;
      await new Promise((done) => setTimeout(done, PAUSE));
    }
    return null;
  } finally {
    box.remove();
  }
}

/** Looks into a network; the newest look wins. */
export function looker(kind, show, onClose) {
  let control = null;
  onClose(() => control?.abort());
  return async (asked) => {
    control?.abort();
    control = new AbortController();
    const mine = control;
    try {
      const seen = await send("POST", "api/learn/look", { kind, ...asked }, mine.signal);
      if (control === mine) show(seen, asked);
    } catch (problem) {
      report(problem);
    }
  };
}
