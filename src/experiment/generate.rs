//! Text generation with a language model, character by character.

use anyhow::Context;
use burnlab_cpu::{FusedBackend, TrainingBackend};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::saved_model::SavedModel;
use crate::backend::{BackendName, Job, run_on};
use crate::model::{Net, TextMemory};
use crate::shell::command;

/// Generates `length` characters after the prompt of `generator`, and calls `print` with each immediately.
///
/// # Errors
/// A backend that is not compiled in; the error of `print`.
pub fn generate(
    saved: &SavedModel,
    generator: TextGenerator,
    sampler: Sampler,
    length: usize,
    backend: BackendName,
    print: &mut dyn FnMut(char) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    run_on(backend, GenerateJob { saved, generator, sampler, length, print }).map_err(anyhow::Error::msg)?
}

struct GenerateJob<'a> {
    saved: &'a SavedModel,
    generator: TextGenerator,
    sampler: Sampler,
    length: usize,
    print: &'a mut dyn FnMut(char) -> anyhow::Result<()>,
}

impl Job for GenerateJob<'_> {
    type Output = anyhow::Result<()>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> anyhow::Result<()> {
        let Self { saved, mut generator, mut sampler, length, print } = self;
        let net = saved.net::<B::InnerBackend>(&device)?;
        let mut memory = TextMemory::default();
        (0..length).try_for_each(|_| print(generator.next(&net, &mut sampler, &mut memory, &device)))
    }
}

/// The state of text generation.
pub struct TextGenerator {
    /// The vocabulary by token; the token after the last stands for unknown characters, and is never generated.
    characters: Vec<char>,
    context: usize,
    /// The tokens at the end of the text, which the model sees: from 1 to `context`.
    seen: Vec<usize>,
}

impl TextGenerator {
    /// Starts with `prompt`, or with a line end if the prompt is empty.
    ///
    /// # Errors
    /// A model that is not a language model; a character of the prompt that is not in the training text.
    pub fn new(saved: &SavedModel, prompt: &str) -> anyhow::Result<Self> {
        let known = saved.preprocessor.characters().with_context(|| {
            let name = saved.name();
            let predict = command(&["predict", &name, "new.csv"]);
            format!("run `{name}` is not a language model: use `{predict}`, or name a run on a text")
        })?;
        let characters: Vec<char> = known.chars().collect();
        let number = |character: char| {
            let found = characters.binary_search(&character).ok();
            found.with_context(|| {
                format!("--prompt has {character:?}, which the run's text does not have: leave it out")
            })
        };
        let mut seen = prompt.chars().map(number).collect::<anyhow::Result<Vec<usize>>>()?;
        if seen.is_empty() {
            seen.push(number('\n').unwrap_or(0));
        }
        Ok(Self { characters, context: saved.preprocessor.num_inputs(), seen })
    }

    /// The next character, sampled from the logits of `net`, whose `memory` is of the characters generated so far.
    pub fn next<B: FusedBackend>(
        &mut self,
        net: &Net<B>,
        sampler: &mut Sampler,
        memory: &mut TextMemory<B>,
        device: &B::Device,
    ) -> char {
        let width = self.seen.len().min(self.context);
        self.seen.drain(..self.seen.len() - width);
        let logits = net.next_character(&self.seen, memory, device); // [num_characters + 1]
        let number = sampler.sample(&logits[..self.characters.len()]);
        self.seen.push(number);
        self.characters[number]
    }
}

/// Samples a token from logits.
pub struct Sampler {
    temperature: f64,
    top_k: usize,
    rng: ChaCha8Rng,
}

impl Sampler {
    /// Samples from the softmax of logits / `temperature` (0 = always the largest) over the `top_k` largest (`None` =
    /// all).
    pub fn new(temperature: f64, top_k: Option<usize>, seed: u64) -> Self {
        let rng = ChaCha8Rng::seed_from_u64(seed);
        Self { temperature, top_k: top_k.unwrap_or(usize::MAX).max(1), rng }
    }

    /// The index of the sampled logit; the first of equal ones counts as larger.
    ///
    /// # Panics
    /// If `logits` is empty.
    pub fn sample(&mut self, logits: &[f32]) -> usize {
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        order.truncate(self.top_k);
        let largest = f64::from(logits[order[0]]);
        if self.temperature == 0.0 {
            return order[0];
        }
        let power = |&number: &usize| ((f64::from(logits[number]) - largest) / self.temperature).exp();
        let powers: Vec<f64> = order.iter().map(power).collect();
        let mut left = self.rng.random::<f64>() * powers.iter().sum::<f64>();
        let drawn = powers.iter().position(|power| {
            left -= power;
            left < 0.0
        });
        // Because of rounding the sum may fall slightly short.
        order[drawn.unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temperature_0_takes_the_largest_and_top_k_bounds_the_choice() {
        let logits = [1.0, 3.0, 3.0, -2.0];
        assert_eq!(Sampler::new(0.0, None, 7).sample(&logits), 1);
        let mut two = Sampler::new(5.0, Some(2), 7);
        let drawn: Vec<usize> = (0..100).map(|_| two.sample(&logits)).collect();
        assert!(drawn.contains(&1) && drawn.contains(&2) && drawn.iter().all(|number| [1, 2].contains(number)));
    }

    #[test]
    fn draws_follow_the_softmax() {
        // e^(ln 3 / T) to 1: at temperature 1 three in four, at 0.5 nine in ten.
        for (temperature, share) in [(1.0, 0.75), (0.5, 0.9)] {
            let mut sampler = Sampler::new(temperature, None, 1);
            let count = (0..20_000).filter(|_| sampler.sample(&[3f32.ln(), 0.0]) == 0).count();
            assert!((count as f64 / 20_000.0 - share).abs() < 0.01, "{count} at {temperature}");
        }
    }
}
