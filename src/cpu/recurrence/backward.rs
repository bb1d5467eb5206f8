//! The way back through a sequence: its node in the graph of `Autodiff`.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use super::{Cell, EXAMPLES, Passed, Recurrence, Sizes};
use crate::autodiff::{Primitive, Saved, track, unwrap, wrap};
use crate::math::tanh;
use crate::memory::{CpuBackend, read, tensor};
use crate::parallel::{all_column_sums, for_parts};
use crate::product::{Matrix, MatrixMut, product, product_into};
use crate::vectorized::vectorized;

/// With burnlab's loops, as one node of the autodiff graph.
pub(crate) fn tracked<B: CpuBackend, C: CheckpointStrategy>(
    from_inputs: Tensor<Autodiff<B, C>, 3>,
    weight: Tensor<Autodiff<B, C>, 2>,
    bias: Tensor<Autodiff<B, C>, 1>,
    recurrence: Recurrence,
) -> Tensor<Autodiff<B, C>, 3> {
    let tracked = [unwrap(from_inputs), unwrap(weight), unwrap(bias)];
    let [inputs, weight, bias] = tracked.each_ref().map(|input| input.primitive.clone());
    let (inputs, weight) = (wrap::<B, 3>(inputs), wrap::<B, 2>(weight));
    let (sizes, device) = (Sizes::of(&inputs, recurrence), inputs.device());
    let passed = sizes.read_forward(inputs, weight.clone(), wrap(bias));
    let output = tensor::<B, 3>(passed.states.clone(), sizes.of_states(), &device);
    wrap(track::<B, C, _, 3>(tracked, unwrap(output), Read { weight, passed, sizes }))
}

#[derive(Clone, Debug)]
struct Read<B: Backend> {
    weight: Tensor<B, 2>,
    passed: Passed,
    sizes: Sizes,
}

impl<B: CpuBackend> Saved<B, 3> for Read<B> {
    fn gradients(self, of_output: Primitive<B>, wanted: [bool; 3]) -> [Option<Primitive<B>>; 3] {
        let Self { weight, passed, sizes } = self;
        let Sizes { batch, steps, units, .. } = sizes;
        let (width, device) = (sizes.gates(), weight.device());
        let (below, of_sums) =
            read(wrap::<B, 3>(of_output), |gradient| read(weight, |weight| backward(sizes, &passed, weight, gradient)));
        // What reaches the gates from the state differs from what reaches them from the input in a GRU alone.
        let of_sums = if of_sums.is_empty() { &below } else { &of_sums };
        let of_weight = wanted[1].then(|| {
            let before = sizes.states_before(&passed.states);
            let before = Matrix::new(&before, batch * steps, units).transposed();
            let values = product(before, Matrix::new(of_sums, batch * steps, width));
            unwrap(tensor::<B, 2>(values, [units, width], &device))
        });
        let of_bias = wanted[2].then(|| unwrap(tensor::<B, 1>(all_column_sums(of_sums, width), [width], &device)));
        let of_inputs = wanted[0].then(|| unwrap(tensor::<B, 3>(below, [batch, steps, width], &device)));
        [of_inputs, of_weight, of_bias]
    }
}

impl Sizes {
    /// The state before each step, `[batch, steps, units]`; 0 before the first.
    fn states_before(self, states: &[f32]) -> Vec<f32> {
        let of_example = self.steps * self.units;
        let mut before = vec![0.0; states.len()];
        for (before, states) in before.chunks_exact_mut(of_example).zip(states.chunks_exact(of_example)) {
            match self.recurrence.is_reversed {
                true => before[..of_example - self.units].copy_from_slice(&states[self.units..]),
                false => before[self.units..].copy_from_slice(&states[..of_example - self.units]),
            }
        }
        before
    }
}

vectorized! {
    /// The gradients with respect to what the inputs contribute to the gates, and to what the state contributes; the second is
    /// empty where they are the same. `[batch, steps, gates x units]`.
    fn backward(sizes: Sizes, passed: &Passed, weight: &[f32], gradient: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let Sizes { batch, steps, units, recurrence } = sizes;
        let width = sizes.gates();
        let is_gru = recurrence.cell == Cell::Gru;
        let mut below = vec![0.0; batch * steps * width];
        let mut of_sums = vec![0.0; if is_gru { below.len() } else { 0 }];
        let slices = [(&mut below[..], steps * width), (&mut of_sums, if is_gru { steps * width } else { 0 })];
        let (order, initial) = (sizes.order(), vec![0.0; units]);
        for_parts(slices, EXAMPLES, sizes.is_large(), &|first, [below, of_sums]| {
            let count = below.len() / (steps * width);
            let weight = Matrix::new(weight, units, width).transposed();
            let [mut of_state, mut of_memory, mut direct] = [(); 3].map(|()| vec![0.0; count * units]);
            for (place, &step) in order.iter().enumerate().rev() {
                let previous = place.checked_sub(1).map(|place| order[place]);
                for row in 0..count {
                    let (within, at) = (row * units..(row + 1) * units, row * steps + step);
                    let gradient = &gradient[(first * steps + at) * units..][..units];
                    let of_state = &mut of_state[within.clone()];
                    of_state.iter_mut().zip(gradient).for_each(|(sum, gradient)| *sum += gradient);
                    let start = previous.map(|step| ((first + row) * steps + step) * units);
                    let gates = &passed.gates[(first * steps + at) * width..][..width];
                    let extra = &passed.extra[(first * steps + at) * units..][..units];
                    let below = &mut below[at * width..][..width];
                    match recurrence.cell {
                        Cell::Lstm => {
                            lstm_back(
                                gates,
                                extra,
                                part(&passed.extra, start, &initial),
                                of_state,
                                &mut of_memory[within],
                                below,
                            );
                        }
                        Cell::Gru => {
                            let (direct, of_sums) = (&mut direct[within], &mut of_sums[at * width..][..width]);
                            gru_back(
                                gates,
                                extra,
                                part(&passed.states, start, &initial),
                                of_state,
                                direct,
                                below,
                                of_sums,
                            );
                        }
                    }
                }
                let reached = Matrix::new(if is_gru { of_sums } else { below }, count, steps * width);
                let target = MatrixMut::new(&mut of_state, count, units);
                product_into(reached.band(step * width, width), weight, 1.0, target);
                of_state.iter_mut().zip(&direct).for_each(|(sum, direct)| *sum += direct);
            }
        });
        (below, of_sums)
    }
}

/// The values from `start` on, as many as `initial`, which stands for those before the first step.
fn part<'a>(values: &'a [f32], start: Option<usize>, initial: &'a [f32]) -> &'a [f32] {
    start.map_or(initial, |start| &values[start..][..initial.len()])
}

/// Back through a step of an LSTM: from the gradient of the state to that of the gates' sums; the gradient of the memory
/// after the step, which is that of later steps, becomes that of the memory before it.
#[inline(always)]
fn lstm_back(
    gates: &[f32],
    memory: &[f32],
    before: &[f32],
    of_state: &[f32],
    of_memory: &mut [f32],
    below: &mut [f32],
) {
    let units = memory.len();
    let gate = |index: usize| &gates[index * units..][..units];
    let [input, forget, output, candidate] = [0, 1, 2, 3].map(gate);
    let (of_input, rest) = below.split_at_mut(units);
    let (of_forget, rest) = rest.split_at_mut(units);
    let (of_output, of_candidate) = rest.split_at_mut(units);
    for unit in 0..units {
        let shown = tanh(memory[unit]);
        let (i, f, o, g) = (input[unit], forget[unit], output[unit], candidate[unit]);
        let of_now = of_memory[unit] + of_state[unit] * o * (1.0 - shown * shown);
        of_input[unit] = of_now * g * i * (1.0 - i);
        of_forget[unit] = of_now * before[unit] * f * (1.0 - f);
        of_output[unit] = of_state[unit] * shown * o * (1.0 - o);
        of_candidate[unit] = of_now * i * (1.0 - g * g);
        of_memory[unit] = of_now * f;
    }
}

/// Back through a step of a GRU: from the gradient of the state to that of what the inputs contribute to the gates, `below`,
/// and of what the state contributes, `of_sums`; `direct` is what reaches the state before without a gate's sum.
#[inline(always)]
fn gru_back(
    gates: &[f32],
    from_state: &[f32],
    before: &[f32],
    of_state: &[f32],
    direct: &mut [f32],
    below: &mut [f32],
    of_sums: &mut [f32],
) {
    let units = before.len();
    let gate = |index: usize| &gates[index * units..][..units];
    let [reset, update, candidate] = [0, 1, 2].map(gate);
    let (of_switches, of_candidate) = below.split_at_mut(2 * units);
    let (of_reset, of_update) = of_switches.split_at_mut(units);
    for unit in 0..units {
        let (r, z, n) = (reset[unit], update[unit], candidate[unit]);
        let sum = of_state[unit] * (1.0 - z) * (1.0 - n * n);
        of_candidate[unit] = sum;
        of_reset[unit] = sum * from_state[unit] * r * (1.0 - r);
        of_update[unit] = of_state[unit] * (before[unit] - n) * z * (1.0 - z);
        direct[unit] = of_state[unit] * z;
    }
    let (switches, candidates) = of_sums.split_at_mut(2 * units);
    switches.copy_from_slice(of_switches);
    for ((sum, of_candidate), reset) in candidates.iter_mut().zip(of_candidate).zip(reset) {
        *sum = *of_candidate * reset;
    }
}
