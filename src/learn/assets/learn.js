// The page of lessons: which lesson in which language, and the widgets in its text.

import { send } from "../assets/api.js";
import { h } from "../assets/dom.js";
import { speak as speakOfTrouble, trouble } from "./trouble.js";
import { translator } from "./words.js";

const LANGUAGES = { zh: "中文", en: "English" };
const KEPT = "burnlab-learn-language";

/** Which module draws a widget that a lesson names. */
const WIDGETS = {
  neuron: "neuron",
  activations: "activations",
  points: "points",
  "hidden-units": "hidden",
  luck: "luck",
  backprop: "backprop",
  "learning-rate": "rate",
  unroll: "unroll",
  "draw-digit": "digit",
  "digit-gallery": "digit_gallery",
  overfitting: "overfitting",
  "early-stopping": "stopping",
  "ten-seeds": "seeds",
  convolution: "convolution",
  recurrence: "recurrence",
  attention: "attention",
  gpt: "gpt",
  "fine-tuning": "finetune",
};

const find = (id) => document.getElementById(id);
const asked = () => new URLSearchParams(location.search).get("lang");
const remembered = () => {
  try {
    return localStorage.getItem(KEPT);
  } catch {
    return null; // the browser keeps nothing
  }
};
const preferred = () => (navigator.languages.some((name) => name.startsWith("zh")) ? "zh" : "en");

let lang = [asked(), remembered(), preferred()].find((name) => name in LANGUAGES);
let lessons = [];
let words = null;
let closers = [];
/** How the lesson stood when the language was changed. */
let kept = null;

/** A failure anywhere is seen, and fails the tests. */
function failed(problem) {
  if (problem?.name === "AbortError") return;
  document.documentElement.dataset.problem = String(problem?.stack ?? problem);
}
addEventListener("error", (event) => failed(event.error ?? event.message));
addEventListener("unhandledrejection", (event) => failed(event.reason));

async function load() {
  const address = new URL(location.href);
  address.searchParams.set("lang", lang);
  history.replaceState(null, "", address);
  const [table, texts] = await Promise.all([
    fetch(`learn/strings.${lang}.json`, { cache: "no-cache" }).then((answer) => answer.json()),
    send("GET", `api/learn/lessons?lang=${lang}`),
  ]);
  words = translator(table);
  speakOfTrouble(words("common"));
  lessons = texts;
  document.documentElement.lang = lang === "zh" ? "zh-CN" : "en";
  drawFrame();
  show();
}

function drawFrame() {
  const t = words("page");
  find("skip").textContent = t("skip");
  find("skip").onclick = (event) => {
    event.preventDefault();
    find("lesson").focus();
  };
  find("where").textContent = t("title");
  find("to-runs").textContent = t("runs");
  find("languages").setAttribute("aria-label", t("language"));
  find("languages").replaceChildren(
    ...Object.entries(LANGUAGES).map(([name, title]) =>
      h(
        "button",
        { type: "button", class: "quiet", lang: name === "zh" ? "zh-CN" : "en", "data-lang": name, "aria-pressed": String(name === lang), onclick: () => speak(name) },
        title,
      ),
    ),
  );
  const links = lessons.map(({ id, title }, index) =>
    h("li", {}, h("a", { href: `#${id}`, "data-lesson": id }, h("span", { class: "ordinal" }, String(index + 1)), title)),
  );
  const wide = matchMedia("(min-width: 900px)").matches;
  find("contents").setAttribute("aria-label", t("contents"));
  find("contents").replaceChildren(h("details", { open: wide }, h("summary", {}, t("contents")), h("ol", {}, links)));
}

/** What the reader has set, drawn and scrolled to in this lesson. */
function standing() {
  const widgets = [...find("lesson").querySelectorAll("[data-widget]")].map((place) => [
    place.dataset.widget,
    {
      controls: [...place.querySelectorAll(":is(input, select)[name]")].map(({ name, value }) => [name, value]),
      pads: [...place.querySelectorAll(".pad-box")].map(({ pixels }) => [...pixels]),
      own: place.remember?.(),
    },
  ]);
  return { hash: location.hash, top: scrollY, lessonTop: find("lesson").scrollTop, widgets: Object.fromEntries(widgets) };
}

/** Puts a widget back to how it stood, as if by hand. */
function restore(place, { controls, pads }) {
  for (const [name, value] of controls) {
    const control = place.querySelector(`[name="${name}"]`);
    if (!control || control.value === value) continue;
    control.value = value;
    control.dispatchEvent(new Event(control.matches("select") ? "change" : "input", { bubbles: true }));
  }
  [...place.querySelectorAll(".pad-box")].forEach((box, index) => pads[index] && box.fill(pads[index]));
}

function speak(name) {
  if (name === lang) return;
  kept = standing();
  lang = name;
  try {
    localStorage.setItem(KEPT, name);
  } catch {
    // It is in the address all the same.
  }
  load();
}

function show() {
  closers.forEach((close) => close());
  closers = [];
  const index = Math.max(0, lessons.findIndex(({ id }) => id === decodeURIComponent(location.hash.slice(1))));
  const lesson = lessons[index];
  if (!lesson) return;
  const t = words("page");
  document.title = `${lesson.title} · burnlab`;
  document.querySelectorAll("[data-lesson]").forEach((link) => {
    if (link.dataset.lesson === lesson.id) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  });
  if (matchMedia("(max-width: 899px)").matches) find("contents").querySelector("details").open = false;
  // The server made it from a file of its own.
  const text = h("article", { "data-id": lesson.id });
  text.innerHTML = lesson.html;
  text.prepend(h("h1", {}, lesson.title));
  for (const table of text.querySelectorAll("table")) table.replaceWith(h("div", { class: "scroller", tabindex: "0", role: "region", "aria-label": t("table") }, table.cloneNode(true)));
  for (const block of text.querySelectorAll("pre")) block.setAttribute("tabindex", "0");
  const step = (at, label, className) => lessons[at] && h("a", { class: className, href: `#${lessons[at].id}` }, h("span", { class: "soft" }, label), lessons[at].title);
  find("lesson").replaceChildren(
    h("p", { class: "place soft" }, t("place", { number: index + 1, total: lessons.length })),
    text,
    h("nav", { class: "steps", "aria-label": t("steps") }, step(index - 1, t("previous"), "previous"), step(index + 1, t("next"), "next")),
  );
  const before = kept?.hash === location.hash ? kept : null;
  kept = null;
  scrollTo(0, 0);
  find("lesson").scrollTop = 0;
  Promise.all([...text.querySelectorAll("[data-widget]")].map((place) => mount(place, before?.widgets[place.dataset.widget]))).then(() => {
    if (!before || lesson !== lessons[index]) return;
    scrollTo(0, before.top);
    find("lesson").scrollTop = before.lessonTop;
  });
}

async function mount(place, before) {
  const name = place.dataset.widget;
  const t = words(name);
  place.classList.add("widget");
  place.setAttribute("role", "group");
  place.setAttribute("aria-label", t("name"));
  let isOpen = true;
  const mine = [() => (isOpen = false)];
  closers.push(() => mine.forEach((close) => close()));
  try {
    const { mount: draw } = await import(`./${WIDGETS[name]}.js`);
    if (!isOpen) return;
    await draw(place, { t, common: words("common"), lang, isOpen: () => isOpen, onClose: (close) => (isOpen ? mine.push(close) : close()), remembered: before?.own });
    if (before && isOpen) restore(place, before);
    place.dataset.ready = "";
  } catch (problem) {
    try {
      const text = trouble(problem);
      if (text) place.append(h("p", { class: "problem", role: "alert" }, text));
    } catch (mistake) {
      failed(mistake);
    }
  }
}

addEventListener("hashchange", () => {
  show();
  find("lesson").focus({ preventScroll: true });
});
load();
