// Edits of runs. Each change is shown at once, or an error message says why it failed.

import * as api from "./api.js";
import { toast } from "./dom.js";
import { plural } from "./format.js";
import { moveKept } from "./kept.js";
import { state, update } from "./state.js";
import * as store from "./store.js";

/** Changes tags, note, name or archived of a run. */
export async function edit(id, change) {
  try {
    const run = await api.edit(id, change);
    store.put(run);
  } catch (error) {
    toast(`Not saved: ${error.message}`);
  }
}

export async function archive(ids, archived) {
  for (const id of ids) await edit(id, { archived });
  const action = { label: "Undo", run: () => archive(ids, !archived) };
  toast(`${plural(ids.length, "run")} ${archived ? "archived" : "back in the list"}.`, action);
}

/** Gives an experiment another name, and goes with it. */
export async function renameExperiment(from, to) {
  try {
    await api.renameExperiment(from, to);
  } catch (error) {
    toast(`Not renamed: ${error.message}`);
    return;
  }
  moveKept(from, to);
  // The runs say it, too, as soon as the server announces them.
  for (const run of store.runs.values()) if (run.experiment === from) run.experiment = to;
  if (state.exp === from) update({ exp: to }, { isStep: false });
  store.touch();
  toast(`The experiment is now called “${to}”.`, { label: "Undo", run: () => renameExperiment(to, from) });
}

/** Ends a training as Ctrl-C does: it can be resumed. */
export async function stop(id) {
  try {
    await api.stop(id);
    toast("Asked to stop: it ends after its current step, and can be resumed.");
  } catch (error) {
    toast(`Not stopped: ${error.message}`);
  }
}

/** Moves runs to the trash. No confirmation is asked, because it can be undone. */
export async function remove(ids) {
  const gone = [];
  for (const id of ids) {
    try {
      await api.remove(id);
      gone.push(id);
    } catch (error) {
      toast(`${id} stays: ${error.message}`);
    }
  }
  if (!gone.length) return;
  store.drop(gone);
  const without = (list) => list.filter((id) => !gone.includes(id));
  update({
    sel: without(state.sel),
    pin: without(state.pin),
    show: without(state.show),
    hide: without(state.hide),
    base: gone.includes(state.base) ? "" : state.base,
    ...(state.view === "run" && gone.includes(state.id) ? { view: "charts", id: "" } : {}),
  });
  toast(`${plural(gone.length, "run")} moved to the trash.`, { label: "Undo", run: () => restore(gone) });
}

export async function restore(ids) {
  for (const id of ids) {
    try {
      store.put(await api.restore(id));
    } catch (error) {
      toast(`${id} was not restored: ${error.message}`);
      return;
    }
  }
  toast(`${plural(ids.length, "run")} restored.`);
}
