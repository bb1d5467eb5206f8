// From cells to a prediction, as burnlab makes it: the preparation of the columns, the layers, and what the outputs mean.

// Replaces the base64 of each array of weights by its numbers. Columns may have names such as __proto__: no object has more than
// its own names.
function withNumbers(part) {
  if (Array.isArray(part)) return part.map(withNumbers);
  if (part === null || typeof part !== "object") return part;
  if (typeof part.values === "string" && Array.isArray(part.shape)) {
    const bytes = Uint8Array.from(atob(part.values), (character) => character.charCodeAt(0));
    return { shape: part.shape, values: new Float32Array(bytes.buffer) };
  }
  const entries = Object.entries(part).map(([key, value]) => [key, withNumbers(value)]);
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}

// The inputs of a row of texts, by the name of the file's column; an absent or empty one is missing.
function prepared(columns, readings, cells) {
  const inputs = [];
  for (const column of columns) {
    const reading = readings[column.name] ?? {};
    const text = (cells[reading.date?.source ?? column.name] ?? "").trim();
    if (column.kind === "numeric") {
      encodeNumber(numberOf(text, reading), column, inputs);
    } else if (column.kind === "text") {
      encodeText(text, column.buckets, inputs);
    } else {
      const known = text === "" ? -1 : column.categories.findIndex((name) => isSame(name, text, reading.names));
      const isUnknown = known < 0 && (text === "" || column.buckets === 0);
      const place = isUnknown && column.has_unknown ? column.categories.length : known;
      const width = column.categories.length + (column.has_unknown ? 1 : 0);
      for (let i = 0; i < width; i++) inputs.push(i === place ? 1 : 0);
      const hash = known < 0 && text !== "" ? murmur3(new TextEncoder().encode(keyOf(text, reading.names))) : null;
      for (let i = 0; i < column.buckets; i++)
        inputs.push(hash !== null && i === Math.abs(hash) % column.buckets ? (hash < 0 ? -1 : 1) : 0);
    }
  }
  return vector(inputs);
}

// NaN where it is missing; to the precision that training had.
function numberOf(text, { date, numbers }) {
  if (text === "") return NaN;
  if (!date) return Math.fround(Number(text) - (numbers?.origin ?? 0));
  return Math.fround(partOfDate(date.part, date.origin, text));
}

function encodeNumber(number, { median, center, spread, edges }, inputs) {
  const cell = Number.isNaN(number) ? median : number;
  if (edges.length === 0) {
    const largest = 3.4028234663852886e38;
    inputs.push(Math.fround(Math.min(Math.max((cell - center) / spread, -largest), largest)));
  }
  for (let i = 1; i < edges.length; i++) {
    const part = (cell - edges[i - 1]) / (edges[i] - edges[i - 1]);
    inputs.push(Math.fround(Math.min(Math.max(part, 0), 1)));
  }
}

// The same for all spellings of a name.
function keyOf(text, spelling) {
  if (spelling === "boolean") return text.toLowerCase();
  const [, sign, whole, fraction] = /^([+-]?)(0|[1-9]\d*)(?:\.(\d*))?$/.exec(text) ?? [];
  if (spelling !== "number" || whole === undefined) return text;
  const rest = (fraction ?? "").replace(/0+$/, "");
  const minus = sign === "-" && (whole !== "0" || rest !== "") ? "-" : "";
  return minus + whole + (rest === "" ? "" : `.${rest}`);
}

// Whether two spellings are one name.
function isSame(name, text, spelling) {
  if (spelling === "number") return Number(name) === Number(text);
  if (spelling === "boolean") return name.toLowerCase() === text.toLowerCase();
  return name === text;
}

// A number of a date such as 2024-12-31, with or without a time, or of a time of day alone. Origin: seconds since 1970.
function partOfDate(part, origin, text) {
  const [, date, time] = /^(\d{4,}-\d\d-\d\d)?[T ]?(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)?$/.exec(text) ?? [];
  if (!date && !time) return NaN;
  const day = new Date(`${date ?? "1970-01-01"}T00:00:00Z`);
  const [hours, minutes, seconds] = (time ?? "00:00").split(":").map(Number);
  const ofDay = (hours * 3600 + minutes * 60 + (seconds ?? 0)) / 86400;
  if (part === "days") return (day.getTime() / 1000 - origin) / 86400 + ofDay;
  const daysInMonth = new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 0)).getUTCDate();
  const month = (day.getUTCMonth() + (day.getUTCDate() - 1 + ofDay) / daysInMonth) / 12;
  const [cycle, wave] = part.split("_");
  const share = { month, weekday: ((day.getUTCDay() + 6) % 7) / 7, hour: ofDay }[cycle];
  return wave === "sine" ? Math.sin(2 * Math.PI * share) : Math.cos(2 * Math.PI * share);
}

// What the outputs of a row mean: { label, probabilities } of classes, { number } otherwise.
function decoded(head, outputs) {
  switch (head.kind) {
    case "binary": {
      const second = sigmoid(outputs[0]);
      const label = head.classes[outputs[0] > head.threshold ? 1 : 0];
      return { label, probabilities: [1 - second, second] };
    }
    case "multi_class": {
      const probabilities = Array.from(softmax(outputs));
      return { label: head.classes[outputs.indexOf(outputs.reduce((a, b) => Math.max(a, b)))], probabilities };
    }
    case "ordered": {
      const probabilities = ofOrdered(outputs);
      let below = 0;
      const median = probabilities.findIndex((probability) => (below += probability) >= 0.5);
      return { label: head.classes.at(median), probabilities };
    }
    case "labels": {
      const labels = head.names.filter((_, i) => outputs[i] > head.thresholds[i]);
      return { labels, probabilities: Array.from(outputs, sigmoid) };
    }
    case "number":
      return { number: outputs[0] * head.deviation + head.mean };
    case "numbers":
      return { numbers: head.names.map((_, i) => outputs[i] * head.deviations[i] + head.means[i]) };
    case "quantiles": {
      const quantiles = quantilesOf(outputs).map((quantile) => quantile * head.deviation + head.mean);
      return { number: quantiles[head.middle], quantiles };
    }
    case "count":
      return { number: Math.exp(outputs[0]) * head.mean };
  }
}

// The probabilities of classes in an order, of the logits of going on from each.
function ofOrdered(logits) {
  const probabilities = [];
  let reached = 1;
  for (const logit of logits) {
    probabilities.push(reached * sigmoid(-logit));
    reached *= sigmoid(logit);
  }
  return [...probabilities, reached];
}

// The prediction of a row of texts.
function predict(model, cells) {
  const { inputs, layers, head } = model.network;
  return decoded(head, compute(layers, prepared(inputs.columns, model.readings, cells)).values);
}

// The logits of each known character after a text, of which the model sees the end.
function nextLogits(model, text) {
  const { inputs, layers, head } = model.network;
  const known = Array.from(inputs.characters);
  const seen = Array.from(text).slice(-inputs.context);
  const numbers = seen.map((character) => (known.includes(character) ? known.indexOf(character) : known.length));
  const { values } = compute(layers, vector(numbers));
  return values.slice(values.length - head.count, values.length - head.count + known.length);
}

// A character drawn from the softmax of logits / temperature; at 0 the likeliest. `random` is from 0 to 1.
function drawn(logits, temperature, random) {
  const largest = logits.reduce((a, b) => Math.max(a, b));
  if (temperature === 0) return logits.indexOf(largest);
  const probabilities = softmax(logits.map((logit) => (logit - largest) / temperature));
  let left = random;
  const found = probabilities.findIndex((probability) => (left -= probability) < 0);
  return Math.max(found, 0);
}
