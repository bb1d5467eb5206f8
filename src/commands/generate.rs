//! `burnlab generate RUN`: a text that a language model writes, character by character.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::Context;
use burn::tensor::{Tensor, TensorData};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::saved_model::SavedModel;
use super::{output, run_folder};
use crate::backend::{BackendName, Job, TrainingBackend, run_on};
use crate::cli::GenerateArgs;
use crate::cpu::FusedBackend;
use crate::model::Net;

/// Prints the prompt and what the model writes after it, as it comes.
///
/// # Errors
/// No such run, or no language model; a prompt with a character that its text did not have.
pub fn run(args: &GenerateArgs) -> anyhow::Result<ExitCode> {
    let saved = SavedModel::open(&run_folder::find(&args.model.store.location(), &args.model.run)?)?;
    let writer = Writer::new(&saved, &args.prompt)?;
    let backend = BackendName::chosen(args.model.backend);
    let on_terminal = io::stdout().is_terminal();
    output::to_terminal(|terminal| {
        let mut print = |text: &str| -> anyhow::Result<()> {
            write!(terminal, "{}", if on_terminal { harmless(text) } else { text.to_owned() })?;
            Ok(terminal.flush()?)
        };
        print(&args.prompt)?;
        run_on(backend, GenerateJob { args, saved: &saved, writer, print: &mut print })
            .map_err(anyhow::Error::msg)??;
        print("\n")
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A text may have taught the model commands to a terminal.
fn harmless(text: &str) -> String {
    text.replace(|character: char| character.is_control() && !matches!(character, '\n' | '\t'), "\u{fffd}")
}

struct GenerateJob<'a> {
    args: &'a GenerateArgs,
    saved: &'a SavedModel,
    writer: Writer,
    print: &'a mut dyn FnMut(&str) -> anyhow::Result<()>,
}

impl Job for GenerateJob<'_> {
    type Output = anyhow::Result<()>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> anyhow::Result<()> {
        let Self { args, saved, mut writer, print } = self;
        let net = saved.net::<B::InnerBackend>(&device)?;
        let mut choice = Choice::new(args.temperature, args.top_k.map(|most| most as usize), args.seed);
        (0..args.length).try_for_each(|_| print(&writer.next(&net, &mut choice, &device).to_string()))
    }
}

/// A text that grows at its end.
pub struct Writer {
    /// By number; the number after the last stands for characters that have none, and is never written.
    characters: Vec<char>,
    context: usize,
    /// The end of the text, by number: what the model sees, from 1 to `context` characters.
    seen: Vec<usize>,
}

impl Writer {
    /// Begins with `prompt`, or if it is empty after a line end.
    ///
    /// # Errors
    /// No language model; a character of the prompt that the training text did not have.
    pub fn new(saved: &SavedModel, prompt: &str) -> anyhow::Result<Self> {
        let known = saved.preparation.characters().with_context(|| {
            let name = saved.name();
            format!(
                "run `{name}` is no language model: `burnlab predict {name} new.csv` uses it, or name a run of a text"
            )
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
        Ok(Self { characters, context: saved.preparation.num_inputs(), seen })
    }

    /// The next character, which `choice` takes by the logits of `net`.
    pub fn next<B: FusedBackend>(&mut self, net: &Net<B>, choice: &mut Choice, device: &B::Device) -> char {
        let width = self.seen.len().min(self.context);
        self.seen.drain(..self.seen.len() - width);
        let inputs: Vec<f32> = self.seen.iter().map(|&number| number as f32).collect();
        let inputs = Tensor::from_data(TensorData::new(inputs, [1, width]), device);
        let logits = net.forward(inputs, None); // [width, num_characters + 1]
        let last: Vec<f32> = logits.narrow(0, width - 1, 1).into_data().iter::<f32>().collect();
        let number = choice.take(&last[..self.characters.len()]);
        self.seen.push(number);
        self.characters[number]
    }
}

/// How one of several is drawn.
pub struct Choice {
    temperature: f64,
    top_k: usize,
    random: ChaCha8Rng,
}

impl Choice {
    /// Draws by the softmax of logits / `temperature` (0 = always the largest) among the `top_k` largest (all without).
    pub fn new(temperature: f64, top_k: Option<usize>, seed: u64) -> Self {
        let random = ChaCha8Rng::seed_from_u64(seed);
        Self { temperature, top_k: top_k.unwrap_or(usize::MAX).max(1), random }
    }

    /// The number of the logit drawn; of equal ones the first counts as the larger.
    ///
    /// # Panics
    /// If there are none.
    pub fn take(&mut self, logits: &[f32]) -> usize {
        let mut order: Vec<usize> = (0..logits.len()).collect();
        order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]));
        order.truncate(self.top_k);
        let largest = f64::from(logits[order[0]]);
        if self.temperature == 0.0 {
            return order[0];
        }
        let power = |&number: &usize| ((f64::from(logits[number]) - largest) / self.temperature).exp();
        let powers: Vec<f64> = order.iter().map(power).collect();
        let mut left = self.random.random::<f64>() * powers.iter().sum::<f64>();
        let drawn = powers.iter().position(|power| {
            left -= power;
            left < 0.0
        });
        // Rounding may leave a little after the last.
        order[drawn.unwrap_or(0)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn temperature_0_takes_the_largest_and_top_k_bounds_the_choice() {
        let logits = [1.0, 3.0, 3.0, -2.0];
        assert_eq!(Choice::new(0.0, None, 7).take(&logits), 1);
        let mut two = Choice::new(5.0, Some(2), 7);
        let drawn: Vec<usize> = (0..100).map(|_| two.take(&logits)).collect();
        assert!(drawn.contains(&1) && drawn.contains(&2) && drawn.iter().all(|number| [1, 2].contains(number)));
    }

    #[test]
    fn draws_follow_the_softmax() {
        // e^(ln 3 / T) to 1: at temperature 1 three in four, at 0.5 nine in ten.
        for (temperature, share) in [(1.0, 0.75), (0.5, 0.9)] {
            let mut choice = Choice::new(temperature, None, 1);
            let count = (0..20_000).filter(|_| choice.take(&[3f32.ln(), 0.0]) == 0).count();
            assert!((count as f64 / 20_000.0 - share).abs() < 0.01, "{count} at {temperature}");
        }
    }

    #[test]
    fn what_is_shown_holds_no_command_to_the_terminal() {
        assert_eq!(harmless("a\u{1b}[31m\tb\r\n\u{7}"), "a\u{fffd}[31m\tb\u{fffd}\n\u{fffd}");
    }
}
