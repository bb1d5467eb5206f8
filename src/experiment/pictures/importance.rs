//! Permutation feature importance (Breiman 2001): how much the test result drops when a column is shuffled.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::subject::Subject;
use crate::data::{Examples, Inputs, Task};
use crate::plots::{self, Importance};
use crate::training::metrics::Known;

/// Number of shuffles per column.
const NUM_REPEATS: usize = 5;

/// Number of input values that pass through the network in total.
pub(super) fn num_cells(subject: &Subject) -> usize {
    NUM_REPEATS * subject.preprocessor.columns().len() * subject.test.len() * subject.test.num_inputs
}

/// The columns by the drop in accuracy, micro F1 or R2 when they are shuffled.
pub(super) fn importance(subject: &Subject) -> Option<String> {
    let is_text = matches!(subject.preprocessor.inputs, Inputs::Text(_));
    if subject.preprocessor.image_shape().is_some() || is_text || subject.test.len() < 2 {
        return None;
    }
    let (metric, name) = match subject.preprocessor.task() {
        Task::Labels { .. } => ("micro_f1", "Micro F1"),
        task if task.is_classification() => ("accuracy", "Accuracy"),
        _ => ("r2", "R2"),
    };
    let title = subject.titled("Permutation importance");
    Some(plots::importance(&title, name, &drops(subject, metric)))
}

fn drops(subject: &Subject, metric: &str) -> Vec<Importance> {
    let decoder = subject.decoder();
    let score = |examples: &Examples| {
        let scores = decoder.scores(&subject.network.logits(examples), Known::of(examples).truths(), false, None);
        scores.iter().find(|score| score.0 == metric).map_or(f64::NAN, |score| score.1)
    };
    let whole = score(subject.test);
    let mut random = ChaCha8Rng::seed_from_u64(0);
    let mut first = 0;
    let mut drops = Vec::new();
    for column in subject.preprocessor.columns() {
        // All inputs of a categorical column are shuffled together, as one cell.
        let inputs = first..first + column.kind.num_inputs();
        first = inputs.end;
        let repeats: Vec<f64> = (0..NUM_REPEATS)
            .map(|_| {
                let mut order: Vec<usize> = (0..subject.test.len()).collect();
                order.shuffle(&mut random);
                whole - score(&shuffled(subject.test, inputs.clone(), &order))
            })
            .collect();
        let mean = repeats.iter().sum::<f64>() / NUM_REPEATS as f64;
        let variance = repeats.iter().map(|drop| (drop - mean).powi(2)).sum::<f64>() / (NUM_REPEATS - 1) as f64;
        drops.push(Importance { name: column.name.clone(), mean, deviation: variance.sqrt() });
    }
    drops
}

/// `examples` with the cells `inputs` of row i taken from row `order[i]`.
fn shuffled(examples: &Examples, inputs: std::ops::Range<usize>, order: &[usize]) -> Examples {
    let width = examples.num_inputs;
    let mut shuffled = Examples {
        inputs: examples.gather(0..examples.len()),
        targets: examples.targets().into_owned(),
        numbers: examples.numbers().into_owned(),
        weights: examples.weights.clone(),
        rows: examples.rows.clone(),
        ..Examples::none(width)
    };
    for (row, &source) in order.iter().enumerate() {
        let cells = &examples.input(source)[inputs.clone()];
        shuffled.inputs[row * width..][inputs.clone()].copy_from_slice(cells);
    }
    shuffled
}
