// A form for the columns of a table.

// The columns of the file, each once, with what is known of them.
function fieldsOf({ network, readings, ranges }) {
  const fields = new Map();
  for (const column of network.inputs.columns) {
    const reading = readings[column.name] ?? {};
    const source = reading.date?.source ?? column.name;
    const field = fields.get(source) ?? { name: source, parts: [] };
    fields.set(source, field);
    if (reading.date) {
      field.parts.push(reading.date.part);
    } else if (column.kind === "numeric") {
      const origin = reading.numbers?.origin ?? 0;
      field.median = column.median + origin;
      field.range = ranges[column.name]?.map((limit) => limit + origin);
    } else if (column.kind === "text") {
      field.isText = true;
    } else if (column.buckets > 0) {
      field.others = column.categories.length;
    } else {
      field.categories = column.categories;
    }
  }
  return Array.from(fields.values());
}

function showForm(model, place, show) {
  const fields = fieldsOf(model);
  const inputs = fields.map((field) => inputOf(field));
  const form = element("form", { className: "fields" });
  fields.forEach((field, i) => {
    const note = element("small", { textContent: noteOf(field), id: `note-${i}` });
    inputs[i].id = `field-${i}`;
    inputs[i].setAttribute("aria-describedby", note.id);
    form.append(element("div", {}, [element("label", { textContent: field.name, htmlFor: inputs[i].id }), inputs[i], note]));
  });
  const update = () => {
    const cells = Object.create(null);
    fields.forEach((field, i) => {
      cells[field.name] = inputs[i].value;
      inputs[i].classList.toggle("unseen", isUnseen(field, inputs[i].value));
    });
    show(predict(model, cells));
  };
  form.addEventListener("input", update);
  form.addEventListener("submit", (event) => event.preventDefault());
  place.append(form);
  update();
}

function inputOf(field) {
  if (field.isText) return element("textarea", { rows: 3, placeholder: "missing" });
  if (field.others !== undefined) return element("input", { type: "text", placeholder: "missing" });
  if (field.categories) {
    // No name has this character, so that it stands for any that the model does not know.
    const choices = [["missing", ""], ["another", "\u0000"], ...field.categories.map((name) => [name, name])];
    const options = choices.map(([textContent, value]) => element("option", { textContent, value }));
    const select = element("select", {}, options);
    select.value = field.categories[0] ?? "";
    return select;
  }
  if (field.parts.length > 0) {
    const hasHours = field.parts.some((part) => part.startsWith("hour"));
    const type = hasHours ? (field.parts.every((part) => part.startsWith("hour")) ? "time" : "datetime-local") : "date";
    return element("input", { type });
  }
  return element("input", { type: "number", step: "any", value: shown(field.median), placeholder: "missing" });
}

function noteOf({ categories, others, parts, range, isText }) {
  if (others !== undefined) return `${others} known, others by their hashes`;
  if (isText) return "a text; empty: missing";
  if (categories) return `${categories.length} known`;
  if (parts.length > 0) return "empty: missing";
  return range ? `${shown(range[0])} to ${shown(range[1])} in training` : "";
}

// Whether training had no such number.
function isUnseen({ range }, text) {
  return Boolean(range) && text !== "" && (Number(text) < range[0] || Number(text) > range[1]);
}
