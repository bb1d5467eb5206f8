//! Dropout with masks from burnlab's own random generator.
//!
//! Burn's `Dropout` draws from the backend's process-wide generator: its masks differ between
//! backends and cannot be continued after a crash. Here a mask depends on (seed, epoch, batch)
//! alone.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::invalid::Invalid;

/// Elements that are drawn at a time: a loop that also compares takes a third longer, and drawing bytes twice as long (measured).
const BLOCK: usize = 256;

/// The source of randomness of one training step.
#[derive(Debug)]
pub struct DropoutRng(ChaCha8Rng);

impl DropoutRng {
    /// The generator for the step that `seed` identifies.
    pub fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Checks `model.dropout`.
    pub(super) fn check(probability: f64) -> Result<(), Invalid> {
        Invalid::unless((0.0..1.0).contains(&probability), "model.dropout", || {
            format!("dropout is a probability, 0 <= p < 1, found {probability}")
        })
    }

    /// Zeroes each element with `probability` (0 <= p < 1) and scales the rest by
    /// 1 / (1 - p), so that the expected value stays (inverted dropout, Srivastava et al. 2014).
    pub fn dropout<B: Backend, const D: usize>(&mut self, probability: f64, inputs: Tensor<B, D>) -> Tensor<B, D> {
        let shape = inputs.shape();
        match self.mask(probability, shape.num_elements()) {
            None => inputs,
            Some(mask) => {
                let mask = Tensor::from_data(TensorData::new(mask, shape), &inputs.device());
                inputs * mask
            }
        }
    }

    /// [`DropoutRng::dropout`] in training, when `rng` is `Some`; the identity at inference.
    pub(super) fn drop<B: Backend, const D: usize>(
        rng: &mut Option<&mut Self>,
        probability: f64,
        inputs: Tensor<B, D>,
    ) -> Tensor<B, D> {
        match rng {
            Some(rng) => rng.dropout(probability, inputs),
            None => inputs,
        }
    }

    /// The factors by which [`DropoutRng::dropout`] multiplies `num_elements` elements; `None` if nothing is dropped.
    pub(super) fn mask(&mut self, probability: f64, num_elements: usize) -> Option<Vec<f32>> {
        if probability <= 0.0 {
            return None;
        }
        let kept = (1.0 / (1.0 - probability)) as f32;
        // A 32-bit threshold: the rate is exact to 2^-32 and needs one draw per element.
        let threshold = (probability * f64::from(u32::MAX)) as u32;
        let mut mask = vec![kept; num_elements];
        let mut draws = [0; BLOCK];
        for factors in mask.chunks_mut(BLOCK) {
            let draws = &mut draws[..factors.len()];
            draws.iter_mut().for_each(|draw| *draw = self.0.next_u32());
            for (factor, draw) in factors.iter_mut().zip(draws) {
                *factor = if *draw < threshold { 0.0 } else { kept };
            }
        }
        Some(mask)
    }
}
