//! The numbers of a prediction that can be explained, named as `predict` names its columns.

use crate::data::{Preprocessor, Task};
use crate::experiment::predictions::AnswerFormat;
use crate::invalid::nearest;
use crate::training::OutputDecoder;
use crate::training::evaluation::Answer;

/// Most numbers that are explained of a model unless one is named: a picture tells no more apart.
const MOST_TOGETHER: usize = 8;
/// Most names in an error.
const MOST_NAMED: usize = 10;

/// A number of each prediction.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// `probability_setosa`, `log_odds_setosa`, `predicted`, `predicted_x`, or `quantile_0.9`.
    pub name: String,
    /// The same in words.
    pub told: String,
    /// The class, label, target or level alone.
    short: String,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Predicted(usize),
    Probability(usize),
    /// `ln(p / (1 - p))`, p being a probability.
    LogOdds(usize),
    Quantile(usize),
}

impl Outcome {
    /// All that a model has.
    ///
    /// # Errors
    /// `log_odds` of a model without probabilities.
    pub fn all(preprocessor: &Preprocessor, log_odds: bool) -> anyhow::Result<Vec<Self>> {
        let format = AnswerFormat::new(preprocessor);
        let outcome =
            |name: String, told: String, short: &str, kind| Self { name, told, short: short.to_owned(), kind };
        anyhow::ensure!(
            !log_odds || !format.outcomes().is_empty(),
            "--log-odds are of probabilities, and this run predicts numbers: leave it out"
        );
        let targets = preprocessor.target_names();
        if !format.outcomes().is_empty() {
            // Each of several labels is a column of its own.
            let what = |name: &str| match targets[..] {
                [target] => format!("that `{target}` is `{name}`"),
                _ => format!("of `{name}`"),
            };
            let of = |(i, name): (usize, &String)| match log_odds {
                false => {
                    let told = format!("the probability {}", what(name));
                    outcome(format!("probability_{name}"), told, name, Kind::Probability(i))
                }
                true => {
                    let told = format!("the log odds {}, ln(p / (1 - p))", what(name));
                    outcome(format!("log_odds_{name}"), told, name, Kind::LogOdds(i))
                }
            };
            return Ok(format.outcomes().iter().enumerate().map(of).collect());
        }
        if !format.levels().is_empty() {
            let of = |(i, level): (usize, &f64)| {
                let told = format!("the {level} quantile of `{}`", targets[0]);
                outcome(format!("quantile_{level}"), told, &level.to_string(), Kind::Quantile(i))
            };
            return Ok(format.levels().iter().enumerate().map(of).collect());
        }
        let names = format.answer_columns();
        let of = |(i, (name, target)): (usize, (String, &&str))| {
            outcome(name, format!("`{target}`"), target, Kind::Predicted(i))
        };
        Ok(names.into_iter().zip(&targets).enumerate().map(of).collect())
    }

    /// Those that `name` names, by a name of the output or that of a class, label, target or level alone.
    ///
    /// # Errors
    /// None of that name; the error lists them.
    pub fn named(all: &[Self], name: &str) -> anyhow::Result<Vec<Self>> {
        let found = all.iter().find(|outcome| outcome.name == name);
        if let Some(found) = found.or_else(|| all.iter().find(|outcome| outcome.short == name)) {
            return Ok(vec![found.clone()]);
        }
        let near = nearest(name, all.iter().flat_map(|outcome| [outcome.short.as_str(), outcome.name.as_str()]));
        let near = near.map_or_else(|| ".".to_owned(), |near| format!("; did you mean `{near}`?"));
        let known: Vec<String> = all.iter().take(MOST_NAMED).map(|outcome| format!("`{}`", outcome.short)).collect();
        let more = if all.len() > MOST_NAMED { ", ..." } else { "" };
        anyhow::bail!("--of {name}: the run predicts no such thing{near} It has {}{more}", known.join(", "))
    }

    /// What is explained of one prediction unless something is named: of classes the predicted one, of quantiles the one
    /// that stands for all, else everything.
    pub fn of_row(all: &[Self], decoder: &OutputDecoder, answer: &Answer) -> Vec<Self> {
        match decoder.task {
            Task::Quantiles { .. } => vec![all[decoder.middle_level()].clone()],
            task if task.is_classification() => vec![all[answer.first() as usize].clone()],
            _ => all.to_vec(),
        }
    }

    /// What is explained of a model unless something is named: of two classes the second one, of many those that training
    /// has most of, of several numbers the first, since each has a unit of its own.
    pub fn of_model(all: &[Self], preprocessor: &Preprocessor) -> Vec<Self> {
        match preprocessor.task() {
            Task::Binary => vec![all[1].clone()],
            Task::Numbers { .. } => vec![all[0].clone()],
            task if task.is_classification() => {
                let mut classes: Vec<usize> = (0..all.len()).collect();
                let count = |class: &usize| preprocessor.class_counts.get(*class).copied().unwrap_or(0);
                classes.sort_by_key(|class| std::cmp::Reverse(count(class)));
                classes.truncate(MOST_TOGETHER);
                classes.sort_unstable();
                classes.into_iter().map(|class| all[class].clone()).collect()
            }
            _ => all.iter().take(MOST_TOGETHER).cloned().collect(),
        }
    }

    /// The class, label, target or level alone.
    pub fn short(&self) -> &str {
        &self.short
    }

    /// The number in each of some rows of logits.
    pub fn values(outcomes: &[Self], decoder: &OutputDecoder, logits: &[f32]) -> Vec<f64> {
        let num_outputs = decoder.task.num_outputs();
        let mut values = Vec::with_capacity(logits.len() / num_outputs * outcomes.len());
        for row in logits.chunks_exact(num_outputs) {
            let answer = Answer::new(decoder, row);
            values.extend(outcomes.iter().map(|outcome| match outcome.kind {
                Kind::Predicted(i) => answer.predicted[i],
                Kind::Probability(i) => answer.probabilities[i],
                Kind::LogOdds(i) => log_odds(decoder, row, &answer, i),
                Kind::Quantile(i) => answer.quantiles[i],
            }));
        }
        values
    }
}

/// `ln(p / (1 - p))` of outcome `i`: of two classes, and of labels, the logit itself, which has all its digits where p is
/// rounded to 1. Finite, since a probability of 0 counts as the least positive number.
fn log_odds(decoder: &OutputDecoder, logits: &[f32], answer: &Answer, i: usize) -> f64 {
    let log = |probability: f64| probability.max(f64::MIN_POSITIVE).ln();
    match decoder.task {
        Task::Binary => f64::from(if i == 1 { logits[0] } else { -logits[0] }),
        Task::Labels { .. } => f64::from(logits[i]),
        _ => {
            let others = answer.probabilities.iter().enumerate().filter(|(other, _)| *other != i);
            log(answer.probabilities[i]) - log(others.map(|(_, probability)| probability).sum())
        }
    }
}
