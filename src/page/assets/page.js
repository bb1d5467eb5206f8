// The page: what the model reads, and what it says.

function element(name, properties = {}, children = []) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

// A number to six digits.
function shown(number) {
  return String(Number(number.toPrecision(6)));
}

const MOST_CLASSES = 20;

function answerOf({ target, network: { head } }, prediction) {
  if (!prediction) return [];
  const { label, labels, probabilities, number, numbers, quantiles } = prediction;
  const what = element("p", { className: "soft", textContent: target });
  const row = (name, number) => element("tr", {}, [element("th", { scope: "row", textContent: name }), element("td", { textContent: shown(number) })]);
  if (numbers) return [what, element("table", {}, numbers.map((number, i) => row(head.names[i], number)))];
  if (probabilities === undefined) {
    const levels = (quantiles ?? []).map((quantile, i) => row(`${shown(100 * head.levels[i])} % are below`, quantile));
    return [what, element("p", { className: "label", textContent: shown(number) }), element("table", {}, levels)];
  }
  const classes = (head.classes ?? head.names).map((name, i) => ({ name, probability: probabilities[i] }));
  const isChosen = (name) => (labels ? labels.includes(name) : name === label);
  if (classes.length > MOST_CLASSES) classes.sort((a, b) => b.probability - a.probability);
  const rows = classes.slice(0, MOST_CLASSES).map(({ name, probability }) =>
    element("tr", { className: isChosen(name) ? "chosen" : "" }, [
      element("th", { scope: "row", textContent: name }),
      element("td", {}, [element("meter", { value: probability, min: 0, max: 1 })]),
      element("td", { textContent: `${(100 * probability).toFixed(1)} %` }),
    ]),
  );
  const named = labels ? labels.join(", ") || "none" : label;
  return [what, element("p", { className: "label", textContent: named }), element("table", {}, rows)];
}

const model = withNumbers(JSON.parse(document.getElementById("model").textContent));
const inputs = document.getElementById("inputs");
const answer = document.getElementById("answer");
const show = (prediction) => answer.replaceChildren(...answerOf(model, prediction));
if (model.network.inputs.kind === "text") {
  answer.remove();
  showPrompt(model, inputs);
} else if (model.image) {
  showCanvas(model, inputs, show);
} else {
  showForm(model, inputs, show);
}
