// Which runs are drawn: by the eyes of the table and by the marks of the legend.

import { state, update } from "./state.js";
import * as store from "./store.js";

/** Draws some runs, or hides them. */
export function showAll(ids, on) {
  const without = (list) => list.filter((other) => !ids.includes(other));
  update({ show: [...without(state.show), ...(on ? ids : [])], hide: [...without(state.hide), ...(on ? [] : ids)] });
}

export const show = (id, on) => showAll([id], on);

/** Hides all runs but these; a second time shows them again. */
export function showOnly(ids) {
  const others = store.drawn().map((run) => run.id).filter((id) => !ids.includes(id));
  if (others.length) update({ show: [...new Set([...state.show, ...ids])], hide: [...new Set([...state.hide, ...others])].filter((id) => !ids.includes(id)) });
  else update({ show: [], hide: [] });
}
