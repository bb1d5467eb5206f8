// One neuron: inputs times weights, plus bias, through an activation function; each step as a number.

import { h } from "../assets/dom.js";
import { brief, choice, figure, slider } from "./kit.js";
import { ACTIVATIONS, forward } from "./network.js";
import { wiring } from "./wiring.js";

const START = { x: [1, 2, -1], w: [0.5, -0.25, 1], b: 0.5 };

export function mount(place, { t, common }) {
  const state = structuredClone(START);
  const many = (letter, label) =>
    state[letter].map((value, index) =>
      slider({
        name: `${letter}${index + 1}`,
        label: `${label} ${letter}${"₁₂₃"[index]}`,
        min: -3,
        max: 3,
        step: 0.05,
        value,
        oninput: (to) => {
          state[letter][index] = to;
          show();
        },
      }),
    );
  const inputs = many("x", t("input"));
  const weights = many("w", t("weight"));
  const bias = slider({ name: "b", label: `${t("bias")} b`, min: -3, max: 3, step: 0.05, value: state.b, oninput: (to) => ((state.b = to), show()) });
  const curve = choice({
    name: "activation",
    label: common("activation"),
    options: Object.keys(ACTIVATIONS).map((name) => [name, name]),
    onchange: () => show(),
  });
  const drawing = h("div", { class: "drawing" });
  const sum = h("p", { class: "sum", role: "status" });

  const show = () => {
    const layer = { weights: [state.w], bias: [state.b], activation: curve.value() };
    const [{ sums, outputs }] = forward([layer], state.x);
    const products = state.x.map((x, index) => `${bracket(state.w[index])}×${bracket(x)}`).join(" + ");
    sum.replaceChildren(
      h("span", { class: "row" }, `z = ${products} ${state.b < 0 ? "−" : "+"} ${brief(Math.abs(state.b))} = `, figure("z", sums[0])),
      h("span", { class: "row" }, `a = ${curve.value()}(z) = `, figure("a", outputs[0])),
    );
    drawing.replaceChildren(
      wiring([layer], state.x.map((x) => brief(x)), { outputs: [outputs], told: t("told", { z: brief(sums[0]), a: brief(outputs[0]) }) }),
    );
  };
  place.append(
    h("div", { class: "two" }, h("div", {}, drawing, sum), h("div", { class: "sliders" }, inputs, weights, bias, curve)),
  );
  show();
}

const bracket = (value) => (value < 0 ? `(${brief(value)})` : brief(value));
