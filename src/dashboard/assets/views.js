// The menu of named views: what the page shows, kept in the store under a name.

import * as api from "./api.js";
import { h, refill, toast } from "./dom.js";
import { address as addressOf, copy } from "./share.js";

/** The address of a view by its name, which is short enough for a message. */
const NAMED = /^#\/view\/(.+)$/;

/** Goes where a view's short address leads. */
async function follow() {
  const written = NAMED.exec(location.hash)?.[1];
  if (!written) return;
  try {
    const name = decodeURIComponent(written);
    const found = (await api.views()).find((view) => view.name === name);
    // One that leads to another would lead in circles.
    if (!found || NAMED.test(found.address)) toast(`There is no view “${name}” in this store (any more).`);
    else location.replace(found.address);
  } catch (error) {
    toast(error.message);
  }
}
addEventListener("hashchange", follow);
follow();

export function mountViews(menu) {
  const list = h("ul", { class: "views" });
  const field = h("input", { placeholder: "Name of this view", "aria-label": "Name of this view", maxlength: 80 });
  let shown = "";
  const show = (views) => {
    // A click must not miss what is asked for again when the menu opens.
    if (JSON.stringify(views) === shown) return;
    shown = JSON.stringify(views);
    refill(
      list,
      ...views.map(({ name, address }) =>
        h(
          "li",
          {},
          h("a", { href: address, onclick: () => (menu.open = false) }, name),
          h("button", { type: "button", class: "quiet copy-view", title: "Copy a short link, which follows the view when it is saved anew", "aria-label": `Copy the link of ${name}`, onclick: () => copy(addressOf(`#/view/${encodeURIComponent(name)}`), "Link copied.") }, "link"),
          h(
            "button",
            { type: "button", class: "quiet remove", title: "Remove", "aria-label": `Remove ${name}`, onclick: () => change(api.removeView(name)) },
            "×",
          ),
        ),
      ),
    );
  };
  const change = async (answer) => {
    try {
      show(await answer);
      return true;
    } catch (error) {
      toast(error.message);
      return false;
    }
  };
  const form = h(
    "form",
    {
      onsubmit: async (event) => {
        event.preventDefault();
        const name = field.value.trim();
        if (!name) return;
        if (await change(api.saveView({ name, address: location.hash || "#/" }))) {
          field.value = "";
          toast(`“${name}” is kept in the store.`);
        }
      },
    },
    field,
    h("button", { type: "submit", class: "primary" }, "Save"),
  );
  menu.append(h("div", { class: "panel" }, list, form));
  menu.addEventListener("toggle", () => {
    if (menu.open) change(api.views());
  });
}
