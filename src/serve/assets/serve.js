// Tries a model: rows go out as CSV, the answers come back as JSON. All that is shown is text, never HTML.

const $ = (id) => document.getElementById(id);

function element(tag, text, parent) {
  const made = document.createElement(tag);
  made.textContent = text;
  parent?.append(made);
  return made;
}

function tell(text, isError = false) {
  $("told").textContent = text;
  $("told").className = isError ? "error" : "";
}

async function ask(address, options) {
  const answer = await fetch(address, options);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error ?? `The server answered ${answer.status}.`);
  return body;
}

const cell = (text) => (/[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

const described = new Map();

async function choose() {
  const name = $("model").value;
  if (!described.has(name)) described.set(name, await ask(`v2/models/${encodeURIComponent(name)}`));
  const model = described.get(name);
  $("run").textContent = `run ${model.versions[0]}`;
  const names = model.inputs.map((input) => cell(input.name));
  $("rows").value = `${names.join(",")}\n${model.inputs.map(() => "").join(",")}\n`;
  const path = new URL(`predict/${encodeURIComponent(name)}`, location.href).href;
  $("command").textContent = `curl --data-binary @rows.csv -H 'content-type: text/csv' ${path}`;
  $("answers").replaceChildren();
  tell("");
}

function show(answer) {
  const classes = Object.keys(answer.rows[0]?.probabilities ?? {});
  const predicted = answer.rows[0]?.predicted;
  const targets = typeof predicted === "object" ? Object.keys(predicted) : [];
  const columns = targets.length ? targets.map((name) => `predicted ${name}`) : ["predicted"];
  const table = document.createElement("table");
  const head = table.createTHead().insertRow();
  for (const name of ["row", ...columns, ...classes]) element("th", name, head).scope = "col";
  const body = table.createTBody();
  answer.rows.slice(0, 200).forEach((row, number) => {
    const line = body.insertRow();
    const numbers = classes.map((name) => row.probabilities[name].toFixed(4));
    const values = targets.length ? targets.map((name) => row.predicted[name]) : [row.predicted];
    for (const text of [number, ...values, ...numbers]) element("td", String(text), line);
  });
  $("answers").replaceChildren(table);
  const more = answer.rows.length > 200 ? `the first 200 of ${answer.rows.length} rows` : "";
  tell([more, ...answer.warnings].filter(Boolean).join("; "));
}

$("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  tell("…");
  try {
    const headers = { "content-type": "text/csv" };
    show(await ask(`predict/${encodeURIComponent($("model").value)}`, { method: "POST", headers, body: $("rows").value }));
  } catch (error) {
    $("answers").replaceChildren();
    tell(error.message, true);
  }
});
$("model").addEventListener("change", () => choose().catch((error) => tell(error.message, true)));

try {
  const document_ = await ask("openapi.json");
  for (const name of document_["x-models"]) element("option", name, $("model")).value = name;
  await choose();
} catch (error) {
  tell(error.message, true);
}
