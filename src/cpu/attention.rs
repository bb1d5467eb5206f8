//! Multi-head attention (Vaswani et al. 2017), all heads in one operation.
//!
//! Queries, keys and values are read where the layer before wrote them, without transposed copies. Of the weights `[tokens,
//! tokens]` of each head nothing is kept but the logarithm of each row's sum, from which the backward pass computes them again
//! (Rabe and Staats 2021): one product of five, and memory that grows with the tokens, not with their square.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::tensor::activation::softmax;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::autodiff::{Primitive, Saved, track, unwrap, wrap};
use super::math::{dot, exp, largest, sum};
use super::memory::{CpuBackend, read, tensor};
use super::parallel::{for_parts, pays_off};
use super::product::{Matrix, MatrixMut, product_into};
use crate::vectorized::vectorized;

/// Added to the scores of tokens that are not seen: their weight is then 0 in f32.
const UNSEEN: f32 = -1e9;

/// How attention reads its tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heads {
    /// Number of heads, which split the width.
    pub count: usize,
    /// Whether a token sees only itself and those before it.
    pub is_causal: bool,
}

/// With Burn's operations.
pub(super) fn plain<B: Backend>(inputs: Tensor<B, 3>, heads: Heads) -> Tensor<B, 3> {
    let [batch, tokens, width] = inputs.dims();
    let values = part(&inputs, heads, 2);
    attention_weights(inputs, heads).matmul(values).swap_dims(1, 2).reshape([batch, tokens, width / 3])
}

/// The weights `[batch, heads, tokens, tokens]` with which attention to `inputs` `[batch, tokens, 3 x width]` sums the values
/// of the tokens: softmax of queries x keys / sqrt(width of a head). Each row's sum is 1. By Burn's operations.
pub fn attention_weights<B: Backend>(inputs: Tensor<B, 3>, heads: Heads) -> Tensor<B, 4> {
    let [_, tokens, width] = inputs.dims();
    let of_head = width / 3 / heads.count;
    let (queries, keys) = (part(&inputs, heads, 0), part(&inputs, heads, 1));
    let mut scores = queries.matmul(keys.swap_dims(2, 3)) / (of_head as f64).sqrt();
    if heads.is_causal && tokens > 1 {
        let unseen = (0..tokens * tokens).map(|cell| if cell % tokens > cell / tokens { UNSEEN } else { 0.0 });
        let unseen = TensorData::new(unseen.collect::<Vec<f32>>(), [1, 1, tokens, tokens]);
        scores = scores + Tensor::from_data(unseen, &inputs.device());
    }
    softmax(scores, 3)
}

/// What the last of the tokens `[1, tokens, 3 x width]` sees of all, `[1, width]`: attention at inference, when those before it
/// are known already. By Burn's operations.
pub fn attention_of_last<B: Backend>(inputs: Tensor<B, 3>, heads: Heads) -> Tensor<B, 2> {
    let [_, tokens, width] = inputs.dims();
    let of_head = width / 3 / heads.count;
    let last = inputs.clone().narrow(1, tokens - 1, 1);
    let scores = part(&last, heads, 0).matmul(part(&inputs, heads, 1).swap_dims(2, 3)) / (of_head as f64).sqrt();
    softmax(scores, 3).matmul(part(&inputs, heads, 2)).reshape([1, width / 3])
}

/// Queries (0), keys (1) or values (2): `[batch, heads, tokens, width of a head]`.
fn part<B: Backend>(inputs: &Tensor<B, 3>, heads: Heads, index: usize) -> Tensor<B, 4> {
    let [batch, tokens, width] = inputs.dims();
    let width = width / 3;
    let part = inputs.clone().narrow(2, index * width, width);
    part.reshape([batch, tokens, heads.count, width / heads.count]).swap_dims(1, 2)
}

/// With burnlab's loops.
pub(super) fn fused<B: CpuBackend>(inputs: Tensor<B, 3>, heads: Heads) -> Tensor<B, 3> {
    let (sizes, device) = (Sizes::of(&inputs, heads), inputs.device());
    let (values, _) = read(inputs, |inputs| forward(sizes, inputs));
    tensor(values, [sizes.batch, sizes.tokens, sizes.width], &device)
}

/// With burnlab's loops, as one node of the autodiff graph.
pub(super) fn tracked<B: CpuBackend, C: CheckpointStrategy>(
    inputs: Tensor<Autodiff<B, C>, 3>,
    heads: Heads,
) -> Tensor<Autodiff<B, C>, 3> {
    let tracked = unwrap(inputs);
    let inputs: Tensor<B, 3> = wrap(tracked.primitive.clone());
    let (sizes, device) = (Sizes::of(&inputs, heads), inputs.device());
    let (values, logs) = read(inputs.clone(), |inputs| forward(sizes, inputs));
    let output = tensor::<B, 3>(values, [sizes.batch, sizes.tokens, sizes.width], &device);
    wrap(track::<B, C, _, 1>([tracked], unwrap(output), Seen { inputs, logs, sizes }))
}

#[derive(Clone, Debug)]
struct Seen<B: Backend> {
    inputs: Tensor<B, 3>,
    logs: Vec<f32>,
    sizes: Sizes,
}

impl<B: CpuBackend> Saved<B, 1> for Seen<B> {
    fn gradients(self, of_output: Primitive<B>, _: [bool; 1]) -> [Option<Primitive<B>>; 1] {
        let Self { inputs, logs, sizes } = self;
        let (device, shape) = (inputs.device(), inputs.dims());
        let gradient =
            read(wrap::<B, 3>(of_output), |gradient| read(inputs, |inputs| backward(sizes, inputs, &logs, gradient)));
        [Some(unwrap(tensor::<B, 3>(gradient, shape, &device)))]
    }
}

/// Inputs `[batch, tokens, 3 x width]`, values `[batch, tokens, width]`, logarithms `[batch, heads, tokens]`.
#[derive(Clone, Copy, Debug)]
struct Sizes {
    batch: usize,
    tokens: usize,
    width: usize,
    heads: Heads,
}

impl Sizes {
    fn of<B: Backend>(inputs: &Tensor<B, 3>, heads: Heads) -> Self {
        let [batch, tokens, width] = inputs.dims();
        Self { batch, tokens, width: width / 3, heads }
    }

    fn of_head(self) -> usize {
        self.width / self.heads.count
    }

    /// 1 / sqrt(width of a head)
    fn scale(self) -> f32 {
        (1.0 / (self.of_head() as f64).sqrt()) as f32
    }

    /// Whether to share the examples out to several cores: by the size of all weights and inputs.
    fn is_large(self) -> bool {
        pays_off(self.batch * self.tokens * (3 * self.width + self.heads.count * self.tokens))
    }

    /// The columns of queries (0), keys (1) or values (2) of a head.
    fn columns(self, part: usize, head: usize) -> (usize, usize) {
        (part * self.width + head * self.of_head(), self.of_head())
    }

    /// Queries, keys and values of a head, `[tokens, width of a head]`, of one example's inputs.
    fn parts(self, inputs: &[f32], head: usize) -> [Matrix<'_>; 3] {
        let inputs = Matrix::new(inputs, self.tokens, 3 * self.width);
        [0, 1, 2].map(|part| {
            let (start, count) = self.columns(part, head);
            inputs.band(start, count)
        })
    }

    /// The scores that a row sees become their softmax, the others 0; returns the logarithm of the sum of powers.
    #[inline(always)]
    fn softmax(self, scores: &mut [f32], row: usize) -> f32 {
        let seen = if self.heads.is_causal { row + 1 } else { scores.len() };
        scores[seen..].fill(f32::NEG_INFINITY);
        let most = largest(scores);
        scores.iter_mut().for_each(|score| *score = exp(*score - most));
        scores[seen..].fill(0.0);
        let sum = sum(scores);
        let share = 1.0 / sum;
        scores.iter_mut().for_each(|power| *power *= share);
        most + sum.ln()
    }

    /// A row's scores become its weights; the gradient with respect to the weights becomes that with respect to queries x
    /// keys.
    #[inline(always)]
    fn softmax_gradient(self, scores: &mut [f32], slopes: &mut [f32], row: usize, log: f32) {
        let seen = if self.heads.is_causal { row + 1 } else { scores.len() };
        scores.iter_mut().for_each(|score| *score = exp(*score - log));
        scores[seen..].fill(0.0);
        let mean = dot(scores, slopes);
        let scale = self.scale();
        slopes.iter_mut().zip(&*scores).for_each(|(slope, weight)| *slope = weight * (*slope - mean) * scale);
    }
}

vectorized! {
    /// Values, and the logarithm of the sum of each row of powers of scores.
    fn forward(sizes: Sizes, inputs: &[f32]) -> (Vec<f32>, Vec<f32>) {
        let Sizes { batch, tokens, width, heads } = sizes;
        let (of_values, of_logs) = (tokens * width, heads.count * tokens);
        let mut values = vec![0.0; batch * of_values];
        let mut logs = vec![0.0; batch * of_logs];
        for_parts([(&mut values, of_values), (&mut logs, of_logs)], 1, sizes.is_large(), &|example, [values, logs]| {
            let inputs = &inputs[3 * example * of_values..][..3 * of_values];
            let mut weights = vec![0.0; tokens * tokens];
            for (head, logs) in logs.chunks_exact_mut(tokens).enumerate() {
                let [queries, keys, given] = sizes.parts(inputs, head);
                product_into(queries, keys.transposed(), sizes.scale(), MatrixMut::new(&mut weights, tokens, tokens));
                for (row, (weights, log)) in weights.chunks_exact_mut(tokens).zip(logs).enumerate() {
                    *log = sizes.softmax(weights, row);
                }
                let (start, count) = sizes.columns(0, head);
                let values = MatrixMut::new(values, tokens, width).band(start, count);
                product_into(Matrix::new(&weights, tokens, tokens), given, 1.0, values);
            }
        });
        (values, logs)
    }

    /// The gradient with respect to the inputs, given that with respect to the values.
    fn backward(sizes: Sizes, inputs: &[f32], logs: &[f32], gradient: &[f32]) -> Vec<f32> {
        let Sizes { batch, tokens, width, heads } = sizes;
        let (of_inputs, of_values) = (3 * tokens * width, tokens * width);
        let mut below = vec![0.0; batch * of_inputs];
        for_parts([(&mut below, of_inputs)], 1, sizes.is_large(), &|example, [below]| {
            let inputs = &inputs[example * of_inputs..][..of_inputs];
            let gradient = Matrix::new(&gradient[example * of_values..][..of_values], tokens, width);
            let logs = &logs[example * heads.count * tokens..];
            let (mut weights, mut slopes) = (vec![0.0; tokens * tokens], vec![0.0; tokens * tokens]);
            for head in 0..heads.count {
                let [queries, keys, values] = sizes.parts(inputs, head);
                let (start, count) = sizes.columns(0, head);
                let gradient = gradient.band(start, count);
                product_into(queries, keys.transposed(), sizes.scale(), MatrixMut::new(&mut weights, tokens, tokens));
                product_into(gradient, values.transposed(), 1.0, MatrixMut::new(&mut slopes, tokens, tokens));
                let rows = weights.chunks_exact_mut(tokens).zip(slopes.chunks_exact_mut(tokens));
                for ((row, (weights, slopes)), log) in rows.enumerate().zip(&logs[head * tokens..]) {
                    sizes.softmax_gradient(weights, slopes, row, *log);
                }
                let [weights, slopes] = [&weights, &slopes].map(|square| Matrix::new(square, tokens, tokens));
                let products = [(slopes, keys), (slopes.transposed(), queries), (weights.transposed(), gradient)];
                for (part, (left, right)) in products.into_iter().enumerate() {
                    let (start, count) = sizes.columns(part, head);
                    product_into(left, right, 1.0, MatrixMut::new(below, tokens, 3 * width).band(start, count));
                }
            }
        });
        below
    }
}
