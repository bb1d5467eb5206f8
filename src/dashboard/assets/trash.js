// Deleted runs, which can be restored.

import { restore } from "./actions.js";
import * as api from "./api.js";
import { dataTable, h, refill, scroller } from "./dom.js";
import { MISSING, command, moment } from "./format.js";
import * as store from "./store.js";

export function mountTrash(parent) {
  const box = h("div");
  parent.append(
    h("h1", {}, "Trash"),
    h("p", { class: "soft" }, `Deleted runs stay here until “${command("runs gc")}” removes them for good.`),
    box,
  );
  const render = async () => {
    let runs;
    try {
      const answer = await api.trash();
      runs = Array.isArray(answer) ? answer : (answer.runs ?? answer.trash ?? []);
    } catch (error) {
      box.replaceChildren(h("p", { class: "problem" }, error.message));
      return;
    }
    refill(
      box,
      runs.length
        ? scroller(
            dataTable(
              [{ label: "run" }, { label: "name" }, { label: "deleted" }, { label: "" }],
              runs.map((run) => [
                run.id,
                run.name ?? MISSING,
                run.trashed ? moment(run.trashed) : MISSING,
                h(
                  "button",
                  {
                    type: "button",
                    "data-restore": run.id,
                    onclick: async () => {
                      await restore([run.id]);
                      render();
                    },
                  },
                  "Restore",
                ),
              ]),
            ),
            "Deleted runs",
          )
        : h("p", {}, "Nothing here."),
    );
  };
  render();
  return store.onRuns(render);
}
