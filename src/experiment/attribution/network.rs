//! Rows that are put together from the columns of two others, through the network.

use std::borrow::Cow;

use burnlab_cpu::FusedBackend;

use super::outcome::Outcome;
use super::rows::of_inputs;
use crate::data::SourceColumn;
use crate::model::Net;
use crate::training::OutputDecoder;
use crate::training::evaluation::logits;
use crate::waiting;

/// Input values of the rows that are in memory at a time, 16 MB.
const MOST_INPUTS: usize = 4 << 20;

/// A network, and what is wanted of it.
pub struct Explainable<'a, B: FusedBackend> {
    pub net: &'a Net<B>,
    pub decoder: &'a OutputDecoder,
    pub outcomes: &'a [Outcome],
    pub sources: &'a [SourceColumn],
    pub device: &'a B::Device,
}

impl<B: FusedBackend> Explainable<'_, B> {
    /// The outcomes of `num_rows` rows, row-major: row `i` begins as the inputs that `base` returns, and has those of the
    /// columns `is_replaced` of the inputs `from`.
    ///
    /// # Errors
    /// Nobody waits for them any more.
    pub fn values<'r>(
        &self,
        num_rows: usize,
        base: impl Fn(usize) -> Cow<'r, [f32]>,
        from: impl Fn(usize) -> Cow<'r, [f32]>,
        is_replaced: impl Fn(usize, usize) -> bool,
    ) -> anyhow::Result<Vec<f64>> {
        let num_inputs = if num_rows == 0 { 1 } else { base(0).len() };
        let at_once = (MOST_INPUTS / num_inputs).max(1);
        let mut values = Vec::with_capacity(num_rows * self.outcomes.len());
        for first in (0..num_rows).step_by(at_once) {
            waiting::check()?;
            let rows = first..num_rows.min(first + at_once);
            let mut inputs = Vec::with_capacity(rows.len() * num_inputs);
            for row in rows {
                let start = inputs.len();
                inputs.extend_from_slice(&base(row));
                let from = from(row);
                let replaced = self.sources.iter().enumerate().filter(|(column, _)| is_replaced(row, *column));
                for &input in replaced.flat_map(|(_, source)| &source.inputs) {
                    inputs[start + input] = from[input];
                }
            }
            let logits = logits(self.net, &of_inputs(num_inputs, inputs), self.device);
            values.extend(Outcome::values(self.outcomes, self.decoder, &logits));
        }
        Ok(values)
    }
}
