//! Characters of a text as indices, and the statistics of them.

use std::collections::BTreeMap;

use super::{Inputs, PreparedTarget, PreparedText, Preprocessor};
use crate::data::limits::{MAX_CHARACTERS, MAX_CONTEXT};
use crate::data::text::distinct;
use crate::data::{Examples, Text};
use crate::invalid::Invalid;

/// Maps characters to indices: the position among the known ones, and one more for all others.
struct Numbers(Vec<char>);

impl Numbers {
    fn new(known: &str) -> Self {
        Self(known.chars().collect())
    }

    fn of(&self, character: char) -> usize {
        self.0.binary_search(&character).unwrap_or(self.0.len())
    }
}

/// What is fitted on the training windows `rows`: the characters, how often each is a target, and the pairs.
pub(super) fn fit(text: &Text, rows: &[u32]) -> (String, Vec<u64>, PreparedText) {
    let known: String = distinct(text.span(rows)).into_iter().collect();
    let (counts, prepared) = count(text, rows, &known);
    (known, counts, prepared)
}

/// Like [`fit`], with the characters `known` to an earlier run.
///
/// # Errors
/// A training character that is not known.
pub(super) fn refit(text: &Text, rows: &[u32], known: &str) -> Result<(Vec<u64>, PreparedText), Invalid> {
    let numbers = Numbers::new(known);
    if let Some(new) = distinct(text.span(rows)).into_iter().find(|&character| numbers.of(character) == numbers.0.len())
    {
        let message = format!(
            "the run's text has no {new:?}, which this one has: remove it from the text, or train from the start"
        );
        return Err(Invalid::at("model.init_from", message));
    }
    Ok(count(text, rows, known))
}

fn count(text: &Text, rows: &[u32], known: &str) -> (Vec<u64>, PreparedText) {
    let numbers = Numbers::new(known);
    let mut counts = vec![0; numbers.0.len() + 1];
    let mut pairs: BTreeMap<[char; 2], u64> = BTreeMap::new();
    for &row in rows {
        for pair in text.window(row as usize).array_windows() {
            counts[numbers.of(pair[1])] += 1;
            *pairs.entry(*pair).or_default() += 1;
        }
    }
    let pairs = pairs.into_iter().map(|(pair, count)| (pair.iter().collect(), count)).collect();
    (counts, PreparedText { context: text.context, pairs })
}

/// Whether the values are consistent, as they are unless the file was edited by hand.
pub(super) fn is_valid(known: &str, counts: &[u64], text: &PreparedText) -> bool {
    let characters: Vec<char> = known.chars().collect();
    let is_sorted = characters.array_windows().all(|[a, b]| a < b);
    let is_known =
        |pair: &String| pair.chars().count() == 2 && pair.chars().all(|one| characters.binary_search(&one).is_ok());
    is_sorted
        && (1..=MAX_CHARACTERS).contains(&characters.len())
        && counts.len() == characters.len() + 1
        && (1..=MAX_CONTEXT).contains(&text.context)
        && text.pairs.keys().all(is_known)
}

impl Preprocessor {
    /// Windows of `text` as character indices: inputs `[rows, context]`, and as many targets.
    pub(super) fn windows(&self, text: &Text, rows: &[u32]) -> Examples {
        let numbers = Numbers::new(self.characters().unwrap_or_default());
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for &row in rows {
            let window: Vec<f32> =
                text.window(row as usize).iter().map(|&character| numbers.of(character) as f32).collect();
            inputs.extend_from_slice(&window[..text.context]);
            targets.extend_from_slice(&window[1..]);
        }
        Examples { num_inputs: text.context, inputs, targets, rows: rows.into(), ..Examples::none(text.context) }
    }

    /// Cross-entropy of the unigram and of the bigram baseline on `examples` of a text, in nats per character. Both
    /// count in the training part, with add-one smoothing (Laplace; Jurafsky and Martin, Speech and Language
    /// Processing, chapter 3) over the K characters that the network knows: `p(c) = (n(c) + 1) / (N + K)`, and after b
    /// `p(c) = (n(bc) + 1) / (n(b) + K)`.
    ///
    /// `None` where the inputs are not a text.
    pub fn ngram_losses(&self, examples: &Examples) -> Option<(f64, f64)> {
        let (PreparedTarget::Characters(known), Inputs::Text(text)) = (&self.target, &self.inputs) else { return None };
        let numbers = Numbers::new(known);
        let num_characters = self.class_counts.len();
        let mut after = BTreeMap::new();
        let mut begins = vec![0.0; num_characters];
        for (pair, &count) in &text.pairs {
            let mut pair = pair.chars().map(|character| numbers.of(character));
            let (Some(first), Some(second)) = (pair.next(), pair.next()) else { continue };
            begins[first] += count as f64;
            after.insert((first, second), count as f64);
        }
        let total: f64 = self.class_counts.iter().map(|&count| count as f64).sum();
        let cost = |count: f64, of: f64| -((count + 1.0) / (of + num_characters as f64)).ln();
        let (mut singly, mut paired) = (0.0, 0.0);
        for position in 0..examples.len() {
            for (&before, target) in examples.input(position).iter().zip(examples.targets_of(position)) {
                let pair = (before as usize, target as usize);
                singly += cost(self.class_counts[pair.1] as f64, total);
                paired += cost(after.get(&pair).copied().unwrap_or(0.0), begins[pair.0]);
            }
        }
        let count = examples.targets().len() as f64;
        Some((singly / count, paired / count))
    }

    /// The characters that a language model knows, by index; the index after the last stands for all others. `None`
    /// where the inputs are not a text.
    pub fn characters(&self) -> Option<&str> {
        if let PreparedTarget::Characters(known) = &self.target { Some(known) } else { None }
    }
}
