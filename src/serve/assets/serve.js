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

const isWriter = () => $("model").selectedOptions[0]?.dataset.writes === "true";

function commandOf(path, type, body) {
  const address = new URL(path, location.href).href;
  return `curl ${body} -H 'content-type: ${type}' ${address}`;
}

async function choose() {
  stop?.abort();
  const name = $("model").value;
  if (!described.has(name)) described.set(name, await ask(`v2/models/${encodeURIComponent(name)}`));
  const model = described.get(name);
  $("run").textContent = `run ${model.versions[0]}`;
  $("writing").hidden = !isWriter();
  $("predicting").hidden = isWriter();
  if (isWriter()) {
    $("command").textContent = commandOf(`generate/${encodeURIComponent(name)}`, "application/json", `--no-buffer -d '{"prompt": "", "length": 300}'`);
  } else {
    const names = model.inputs.map((input) => cell(input.name));
    $("rows").value = `${names.join(",")}\n${model.inputs.map(() => "").join(",")}\n`;
    $("command").textContent = commandOf(`predict/${encodeURIComponent(name)}`, "text/csv", "--data-binary @rows.csv");
  }
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

$("predicting").addEventListener("submit", async (event) => {
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

// Ends the text that is being written.
let stop = null;

// The events of a stream: their names, "message" if they have none, and their data.
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const whole = (rest + part.value).split("\n\n");
    rest = whole.pop();
    for (const event of whole) {
      const lines = event.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]);
      const fields = Object.fromEntries(lines);
      yield [fields.event ?? "message", JSON.parse(fields.data)];
    }
  }
}

async function write() {
  const prompt = $("prompt").value;
  const [length, temperature, seed] = ["length", "temperature", "seed"].map((id) => Number($(id).value));
  const headers = { "content-type": "application/json" };
  const body = JSON.stringify({ prompt, length, temperature, seed });
  const path = `generate/${encodeURIComponent($("model").value)}`;
  const answer = await fetch(path, { method: "POST", headers, body, signal: stop.signal });
  if (!answer.ok) throw new Error((await answer.json()).error);
  const written = element("p", "");
  written.className = "written";
  element("span", prompt, written).className = "prompt";
  const text = element("span", "", written);
  $("answers").replaceChildren(written);
  let isWhole = false;
  for await (const [name, data] of events(answer.body)) {
    if (name === "error") throw new Error(data.error);
    if (name === "end") isWhole = true;
    text.append(data.text ?? "");
  }
  if (!isWhole) throw new Error("The server ended before the text did.");
}

$("writing").addEventListener("submit", async (event) => {
  event.preventDefault();
  stop?.abort();
  const mine = new AbortController();
  stop = mine;
  $("stop").disabled = false;
  tell("…");
  try {
    await write();
    tell("");
  } catch (error) {
    if (stop === mine) tell(error.name === "AbortError" ? "stopped" : error.message, error.name !== "AbortError");
  } finally {
    if (stop === mine) $("stop").disabled = true;
  }
});
$("stop").addEventListener("click", () => stop?.abort());
$("model").addEventListener("change", () => choose().catch((error) => tell(error.message, true)));

function offer(name, writes) {
  const option = element("option", name, $("model"));
  option.value = name;
  option.dataset.writes = writes;
}

try {
  const document_ = await ask("openapi.json");
  document_["x-models"].forEach((name) => offer(name, false));
  document_["x-language-models"].forEach((name) => offer(name, true));
  await choose();
} catch (error) {
  tell(error.message, true);
}
