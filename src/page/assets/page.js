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
  const { label, probabilities, number } = prediction;
  const what = element("p", { className: "soft", textContent: target });
  if (probabilities === undefined) return [what, element("p", { className: "label", textContent: shown(number) })];
  const classes = head.classes.map((name, i) => ({ name, probability: probabilities[i] }));
  if (classes.length > MOST_CLASSES) classes.sort((a, b) => b.probability - a.probability);
  const rows = classes.slice(0, MOST_CLASSES).map(({ name, probability }) =>
    element("tr", { className: name === label ? "chosen" : "" }, [
      element("th", { scope: "row", textContent: name }),
      element("td", {}, [element("meter", { value: probability, min: 0, max: 1 })]),
      element("td", { textContent: `${(100 * probability).toFixed(1)} %` }),
    ]),
  );
  return [what, element("p", { className: "label", textContent: label }), element("table", {}, rows)];
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
