//! A recurrent layer over a whole sequence: the product with the state and one pass over the gates for each step, and one
//! pass back through all steps.
//!
//! With Burn's operations a step of a GRU takes 14 tensors. Examples are independent of each other, so that each core reads
//! the whole sequence for some of them.

use burn::tensor::Tensor;
use burn::tensor::activation::{sigmoid, tanh};
use burn::tensor::backend::Backend;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::concatenate::concatenate;
use super::dense;
use super::math;
use super::memory::{CpuBackend, read, tensor};
use super::parallel::{for_parts, pays_off};
use super::product::{Matrix, MatrixMut, product_into};
use crate::vectorized::vectorized;

mod backward;

pub(super) use backward::tracked;

/// Examples that a core takes at a time.
const EXAMPLES: usize = 16;

/// A recurrent cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cell {
    /// Long short-term memory (Hochreiter and Schmidhuber 1997) with a forget gate (Gers et al. 2000)
    Lstm,
    /// Gated recurrent unit (Cho et al. 2014), with the reset gate applied after the product as in cuDNN and PyTorch
    Gru,
}

impl Cell {
    /// Pre-activations of each unit.
    pub fn num_gates(self) -> usize {
        match self {
            Self::Lstm => 4,
            Self::Gru => 3,
        }
    }
}

/// How a recurrent layer reads a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recurrence {
    pub cell: Cell,
    /// Whether it starts at the last step.
    pub is_reversed: bool,
}

/// With Burn's operations.
pub(super) fn plain<B: Backend>(
    from_inputs: Tensor<B, 3>,
    weight: Tensor<B, 2>,
    bias: Tensor<B, 1>,
    recurrence: Recurrence,
) -> Tensor<B, 3> {
    let [batch, steps, gates] = from_inputs.dims();
    let [units, _] = weight.dims();
    let device = from_inputs.device();
    let mut state = Tensor::zeros([batch, units], &device);
    let mut memory = Tensor::zeros([batch, units], &device);
    let mut states = Vec::with_capacity(steps);
    for step in 0..steps {
        let step = if recurrence.is_reversed { steps - 1 - step } else { step };
        let from_input = from_inputs.clone().narrow(1, step, 1).reshape([batch, gates]);
        let from_state = dense::plain(state.clone(), weight.clone(), bias.clone(), None);
        (state, memory) = match recurrence.cell {
            Cell::Lstm => lstm(from_input + from_state, memory),
            Cell::Gru => (gru(from_input, from_state, state), memory),
        };
        states.push(state.clone().reshape([batch, 1, units]));
    }
    if recurrence.is_reversed {
        states.reverse();
    }
    concatenate(states, 1)
}

/// Hidden state and cell state after a step, from the gates' pre-activations `sums` `[batch, 4 x units]` in the order
/// input, forget, output, candidate.
fn lstm<B: Backend>(sums: Tensor<B, 2>, memory: Tensor<B, 2>) -> (Tensor<B, 2>, Tensor<B, 2>) {
    let units = memory.dims()[1];
    let gates = sigmoid(sums.clone().narrow(1, 0, 3 * units));
    let gate = |index: usize| gates.clone().narrow(1, index * units, units);
    let candidate = tanh(sums.narrow(1, 3 * units, units));
    let memory = gate(1) * memory + gate(0) * candidate;
    (gate(2) * tanh(memory.clone()), memory)
}

/// The state after a step, from the contributions of the input and of the state to its gates, both `[batch, 3 x units]`
/// in the order reset, update, candidate.
fn gru<B: Backend>(from_input: Tensor<B, 2>, from_state: Tensor<B, 2>, state: Tensor<B, 2>) -> Tensor<B, 2> {
    let units = state.dims()[1];
    let gates = sigmoid(from_input.clone().narrow(1, 0, 2 * units) + from_state.clone().narrow(1, 0, 2 * units));
    let gate = |index: usize| gates.clone().narrow(1, index * units, units);
    let candidate = tanh(from_input.narrow(1, 2 * units, units) + gate(0) * from_state.narrow(1, 2 * units, units));
    candidate.clone() + gate(1) * (state - candidate)
}

/// With burnlab's loops.
pub(super) fn fused<B: CpuBackend>(
    from_inputs: Tensor<B, 3>,
    weight: Tensor<B, 2>,
    bias: Tensor<B, 1>,
    recurrence: Recurrence,
) -> Tensor<B, 3> {
    let (sizes, device) = (Sizes::of(&from_inputs, recurrence), from_inputs.device());
    let passed = sizes.read_forward(from_inputs, weight, bias);
    tensor(passed.states, sizes.of_states(), &device)
}

/// What a sequence leaves; everything `[batch, steps, ...]`.
#[derive(Clone, Debug)]
struct Passed {
    /// `[units]` after each step.
    states: Vec<f32>,
    /// The activated gates `[gates x units]`.
    gates: Vec<f32>,
    /// `[units]`: an LSTM's memory after the step; of a GRU, what the state contributed to the candidate.
    extra: Vec<f32>,
}

#[derive(Clone, Copy, Debug)]
struct Sizes {
    batch: usize,
    steps: usize,
    units: usize,
    recurrence: Recurrence,
}

impl Sizes {
    fn of<B: Backend>(from_inputs: &Tensor<B, 3>, recurrence: Recurrence) -> Self {
        let [batch, steps, gates] = from_inputs.dims();
        Self { batch, steps, units: gates / recurrence.cell.num_gates(), recurrence }
    }

    fn gates(self) -> usize {
        self.recurrence.cell.num_gates() * self.units
    }

    fn of_states(self) -> [usize; 3] {
        [self.batch, self.steps, self.units]
    }

    fn is_large(self) -> bool {
        // The product with the state counts, too.
        pays_off(self.batch * self.steps * self.gates() * (1 + self.units / 16))
    }

    /// The steps in the order in which they are read.
    fn order(self) -> Vec<usize> {
        if self.recurrence.is_reversed { (0..self.steps).rev().collect() } else { (0..self.steps).collect() }
    }

    fn read_forward<B: CpuBackend>(self, inputs: Tensor<B, 3>, weight: Tensor<B, 2>, bias: Tensor<B, 1>) -> Passed {
        read(inputs, |inputs| read(weight, |weight| read(bias, |bias| forward(self, inputs, weight, bias))))
    }
}

vectorized! {
    fn forward(sizes: Sizes, inputs: &[f32], weight: &[f32], bias: &[f32]) -> Passed {
        let Sizes { batch, steps, units, .. } = sizes;
        let width = sizes.gates();
        let [mut states, mut extra] = [(); 2].map(|()| vec![0.0; batch * steps * units]);
        let mut gates = vec![0.0; batch * steps * width];
        let slices = [(&mut states[..], steps * units), (&mut gates, steps * width), (&mut extra, steps * units)];
        for_parts(slices, EXAMPLES, sizes.is_large(), &|first, [states, gates, extra]| {
            let count = states.len() / (steps * units);
            let weight = Matrix::new(weight, units, width);
            let [mut state, mut memory] = [(); 2].map(|()| vec![0.0; count * units]);
            let mut sums = vec![0.0; count * width];
            for step in sizes.order() {
                product_into(Matrix::new(&state, count, units), weight, 1.0, MatrixMut::new(&mut sums, count, width));
                math::add_to_rows(&mut sums, bias);
                for row in 0..count {
                    let (at, within) = (row * steps + step, row * units..(row + 1) * units);
                    let from_input = &inputs[(first * steps + at) * width..][..width];
                    let from_state = &sums[row * width..][..width];
                    let gates = &mut gates[at * width..][..width];
                    let extra = &mut extra[at * units..][..units];
                    let state = &mut state[within.clone()];
                    match sizes.recurrence.cell {
                        Cell::Lstm => lstm_step(from_input, from_state, gates, extra, &mut memory[within], state),
                        Cell::Gru => gru_step(from_input, from_state, gates, extra, state),
                    }
                    states[at * units..][..units].copy_from_slice(state);
                }
            }
        });
        Passed { states, gates, extra }
    }
}

/// See [`lstm`]. The gates, the new memory, and the new state are written.
#[inline(always)]
fn lstm_step(
    from_input: &[f32],
    from_state: &[f32],
    gates: &mut [f32],
    kept: &mut [f32],
    memory: &mut [f32],
    state: &mut [f32],
) {
    let units = state.len();
    for ((gate, a), b) in gates.iter_mut().zip(from_input).zip(from_state) {
        *gate = a + b;
    }
    let (switches, candidates) = gates.split_at_mut(3 * units);
    switches.iter_mut().for_each(|gate| *gate = math::sigmoid(*gate));
    candidates.iter_mut().for_each(|candidate| *candidate = math::tanh(*candidate));
    let (input, rest) = switches.split_at(units);
    let (forget, output) = rest.split_at(units);
    for ((memory, forget), (input, candidate)) in memory.iter_mut().zip(forget).zip(input.iter().zip(&*candidates)) {
        *memory = forget * *memory + input * candidate;
    }
    kept.copy_from_slice(memory);
    for ((state, output), memory) in state.iter_mut().zip(output).zip(&*memory) {
        *state = output * math::tanh(*memory);
    }
}

/// See [`gru`]. The gates, the state's contribution to the candidate, and the new state are written.
#[inline(always)]
fn gru_step(from_input: &[f32], from_state: &[f32], gates: &mut [f32], extra: &mut [f32], state: &mut [f32]) {
    let units = state.len();
    let (switches, candidates) = gates.split_at_mut(2 * units);
    for ((gate, a), b) in switches.iter_mut().zip(from_input).zip(from_state) {
        *gate = math::sigmoid(a + b);
    }
    extra.copy_from_slice(&from_state[2 * units..]);
    let (reset, update) = switches.split_at(units);
    for ((candidate, a), (reset, b)) in
        candidates.iter_mut().zip(&from_input[2 * units..]).zip(reset.iter().zip(&*extra))
    {
        *candidate = math::tanh(a + reset * b);
    }
    for ((state, update), candidate) in state.iter_mut().zip(update).zip(&*candidates) {
        *state = candidate + update * (*state - candidate);
    }
}
