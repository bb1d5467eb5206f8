// Back-propagation by numbers: one example through a small network, the loss, the gradient on each edge beside its finite
// difference, and one step of gradient descent. The server computes, with the code of the terminal's verb.

import { send } from "../assets/api.js";
import { h, scroller } from "../assets/dom.js";
import { number } from "../assets/numbers.js";
import { brief, button, choice, figure, slider, status } from "./kit.js";
import { trouble } from "./trouble.js";
import { wiring } from "./wiring.js";

const START = () => [
  { weights: [[0.5, -0.3], [-0.4, 0.8]], bias: [0.1, -0.2], activation: "tanh" },
  { weights: [[1, -0.7]], bias: [0.2], activation: "sigmoid" },
];
const STAGES = ["forward", "loss", "backward", "update"];

export async function mount(place, { t, common, onClose }) {
  let layers = START();
  let seen = null;
  let stage = 0;
  let history = [];
  let control = null;
  onClose(() => control?.abort());
  const drawing = h("div", { class: "drawing" });
  const explained = status();
  const table = h("div");
  const trail = h("p", { class: "figures trail" });
  const problem = h("p", { class: "problem", role: "alert", hidden: true });

  const ask = async () => {
    control?.abort();
    control = new AbortController();
    try {
      seen = await send(
        "POST",
        "api/learn/step",
        { layers, inputs: [x1.value(), x2.value()], target: Number(target.value()), loss: "binary_cross_entropy", learning_rate: rate.value() },
        control.signal,
      );
      problem.hidden = true;
      show();
    } catch (error) {
      const text = trouble(error);
      problem.hidden = !text;
      problem.textContent = text ?? "";
    }
  };
  const gradientOf = (name) => seen[name];
  const rows = () =>
    layers.flatMap(({ weights, bias }, layer) =>
      bias.flatMap((_, unit) => [
        ...weights[unit].map((weight, from) => ({
          name: `w${sub(layer + 1)}(${from + 1}→${unit + 1})`,
          now: weight,
          exact: gradientOf("gradients")[layer].weights[unit][from],
          difference: gradientOf("numeric")[layer].weights[unit][from],
          next: seen.updated[layer].weights[unit][from],
        })),
        {
          name: `b${sub(layer + 1)}(${unit + 1})`,
          now: bias[unit],
          exact: gradientOf("gradients")[layer].bias[unit],
          difference: gradientOf("numeric")[layer].bias[unit],
          next: seen.updated[layer].bias[unit],
        },
      ]),
    );
  const show = () => {
    const name = STAGES[stage];
    for (const one of stages.children) one.setAttribute("aria-pressed", String(one.dataset.stage === name));
    const [p] = seen.forward.at(-1).outputs;
    place.dataset.loss = seen.loss;
    place.dataset.newLoss = seen.new_loss;
    place.dataset.stage = name;
    place.dataset.output = p;
    // On the way back the edges carry gradients instead of weights.
    const carried = name === "backward" ? seen.gradients.map((one) => ({ ...one, activation: "" })) : name === "update" ? seen.updated : layers;
    drawing.replaceChildren(
      wiring(carried, [brief(x1.value()), brief(x2.value())], {
        outputs: name === "backward" ? seen.gradients.map(({ units }) => units) : seen.forward.map(({ outputs }) => outputs),
        told: t(`picture-${name}`),
      }),
      h("p", { class: "soft" }, t(`picture-${name}`)),
    );
    const { sums } = seen.forward.at(-1);
    explained.textContent = t(`explain-${name}`, {
      z1: brief(seen.forward[0].sums[0]),
      a1: brief(seen.forward[0].outputs[0]),
      a2: brief(seen.forward[0].outputs[1]),
      z: brief(sums[0]),
      p: brief(p),
      y: target.value(),
      loss: brief(seen.loss),
      delta: brief(seen.gradients.at(-1).units[0]),
      rate: brief(rate.value()),
      next: brief(seen.new_loss),
    });
    const hasGradients = stage >= 2;
    const list = rows();
    const away = Math.max(...list.map(({ exact, difference }) => Math.abs(exact - difference)));
    place.dataset.away = away;
    table.replaceChildren(
      scroller(
        h(
          "table",
          { class: "data numbers" },
          h("caption", {}, t("table")),
          h("thead", {}, h("tr", {}, [t("parameter"), t("now"), ...(hasGradients ? [t("gradient"), t("difference")] : []), ...(stage === 3 ? [t("next")] : [])].map((text, index) => h("th", { scope: "col", class: index ? "number" : null }, text)))),
          h(
            "tbody",
            {},
            list.map((row) =>
              h(
                "tr",
                {},
                h("th", { scope: "row" }, row.name),
                [row.now, ...(hasGradients ? [row.exact, row.difference] : []), ...(stage === 3 ? [row.next] : [])].map((value) => h("td", { class: "number" }, figure("cell", value))),
              ),
            ),
          ),
        ),
        t("table"),
      ),
      hasGradients ? h("p", { class: "soft" }, t("away", { away: number(away) })) : "",
    );
    trail.replaceChildren(h("span", {}, t(history.length ? "steps" : "no-steps", { count: history.length })), ...history.slice(-8).map((loss) => h("data", {}, `${brief(loss)} →`)), h("b", {}, brief(seen.loss)));
  };
  const stages = h(
    "div",
    { class: "controls stages", role: "group", "aria-label": t("stages") },
    STAGES.map((name, index) =>
      button(`${index + 1}. ${t(name)}`, () => {
        stage = index;
        show();
      }, { "data-stage": name, "aria-pressed": "false" }),
    ),
  );
  const x1 = slider({ name: "x1", label: `${t("input")} x₁`, min: -2, max: 2, step: 0.1, value: 1, oninput: ask });
  const x2 = slider({ name: "x2", label: `${t("input")} x₂`, min: -2, max: 2, step: 0.1, value: 0.5, oninput: ask });
  const target = choice({ name: "target", label: t("target"), options: [["1", "y = 1"], ["0", "y = 0"]], onchange: ask });
  const rate = slider({ name: "rate", label: common("rate"), min: 0.1, max: 10, step: 0.1, value: 0.5, oninput: ask });
  const take = button(t("take"), async () => {
    history.push(seen.loss);
    layers = seen.updated;
    await ask();
  }, { class: "take primary" });
  const reset = button(common("reset"), async () => {
    [layers, history] = [START(), []];
    await ask();
  }, { class: "reset" });
  place.append(
    stages,
    h("div", { class: "two" }, h("div", {}, drawing, explained), h("div", {}, h("div", { class: "sliders" }, x1, x2, target, rate), h("div", { class: "controls" }, take, reset), trail, table)),
    problem,
  );
  await ask();
}

const sub = (digit) => "₀₁₂₃₄₅₆₇₈₉"[digit];
