// The tutorial's network for the digits, by its width: asked for once, whichever widgets need it.

import { send } from "../assets/api.js";
import { ownSlot, whole } from "./training.js";

const asked = new Map();

async function ask(hidden) {
  const { page, slot } = ownSlot();
  const network = await send("GET", `api/learn/digits?hidden=${hidden}&page=${page}&slot=${slot}`);
  return { ...network, layers: whole(network.layers, network.scaling) };
}

/** `{id, layers, accuracy, gallery, confusion}`. */
export function trainedDigits(hidden) {
  if (!asked.has(hidden)) {
    const answer = ask(hidden);
    asked.set(hidden, answer);
    // Another try may succeed.
    answer.catch(() => asked.delete(hidden));
  }
  return asked.get(hidden);
}
