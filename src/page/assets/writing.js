// A prompt that a language model continues.

function showPrompt(model, place) {
  const known = Array.from(model.network.inputs.characters);
  const prompt = element("textarea", { id: "prompt", rows: 3, spellcheck: false });
  const temperature = element("input", { type: "range", id: "temperature", min: 0, max: 2, step: 0.1, value: 0.8 });
  const told = element("output", { textContent: "0.8", htmlFor: "temperature" });
  const length = element("input", { type: "number", id: "length", min: 1, max: 10000, value: 300 });
  const start = element("button", { type: "submit", textContent: "Continue" });
  const problem = element("p", { className: "error" });
  problem.setAttribute("role", "alert");
  const written = element("pre", { id: "written" });
  const form = element("form", {}, [
    element("label", { textContent: "Prompt", htmlFor: "prompt" }),
    prompt,
    element("p", { className: "controls" }, [
      element("label", { textContent: "Temperature", htmlFor: "temperature" }),
      temperature,
      told,
      element("label", { textContent: "Characters", htmlFor: "length" }),
      length,
      start,
    ]),
  ]);
  temperature.addEventListener("input", () => (told.textContent = Number(temperature.value).toFixed(1)));
  let runs = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (runs) {
      runs = false;
      return;
    }
    const unknown = Array.from(prompt.value).find((character) => !known.includes(character));
    problem.textContent = unknown === undefined ? "" : `The training text has no ${JSON.stringify(unknown)}: leave it out.`;
    if (unknown !== undefined) return;
    runs = true;
    start.textContent = "Stop";
    // Without a prompt, as after the end of a line.
    let text = prompt.value || (known.includes("\n") ? "\n" : known[0]);
    written.textContent = prompt.value;
    written.dataset.state = "writing";
    for (let count = 0; runs && count < Number(length.value); count++) {
      const next = known[drawn(nextLogits(model, text), Number(temperature.value), Math.random())];
      text += next;
      written.textContent += next;
      await new Promise((resolve) => setTimeout(resolve));
    }
    runs = false;
    start.textContent = "Continue";
    written.dataset.state = "done";
  });
  place.append(form, problem, written);
}
