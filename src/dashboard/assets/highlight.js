// Which runs are pointed at, in the table, a legend or a chart: everything else fades in the charts.

const listeners = new Set();

/** `listener(ids)` when the pointer comes to runs, and with null when it leaves. Returns the way to stop. */
export function onLight(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function light(ids) {
  for (const listener of listeners) listener(ids);
}

/** Properties of an element that stands for runs. */
export const lights = (ids) => ({ onmouseenter: () => light(ids), onmouseleave: () => light(null) });
