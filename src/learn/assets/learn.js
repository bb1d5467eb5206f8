// The lessons, one after the other.
const language = new URLSearchParams(location.search).get("lang") === "en" ? "en" : "zh";
document.documentElement.lang = language;
const lessons = await (await fetch(`api/learn/lessons?lang=${language}`)).json();
for (const { id, title, html } of lessons) {
  const section = document.createElement("section");
  section.id = id;
  section.innerHTML = html; // our own texts, compiled in
  const heading = document.createElement("h2");
  heading.textContent = title;
  section.prepend(heading);
  document.querySelector("#lessons").append(section);
}
