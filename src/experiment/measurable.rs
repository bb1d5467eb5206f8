//! Which metrics have a value on which part of the data, told before training: no epoch is the best by one that has none,
//! and patience would run out without a word.

use crate::config::{Config, Repetition};
use crate::data::{Dataset, Splits, Target, TargetColumn, split};
use crate::invalid::Invalid;
use crate::metric::{self, Needs};
use crate::training::config::ClassWeights;
use crate::training::{TrainingConfig, metrics};

/// More classes than this are counted, not named.
const MAX_NAMED: usize = 3;

/// Checks that the best epoch can be told: the monitored metric has a value on the validation rows.
///
/// # Errors
/// A metric that has none.
pub(super) fn check_monitor(config: &Config, dataset: &Dataset, splits: &Splits) -> Result<(), Invalid> {
    if splits.validation.is_empty() {
        return Ok(()); // the last weights are kept
    }
    let training = &config.training;
    check(training.monitor(), "training.early_stopping.monitor", training, dataset, splits)
}

/// Checks that `metric`, such as `validation/roc_auc`, which the config key `key` names, has a value on the validation
/// rows.
///
/// # Errors
/// A metric that has none.
pub(super) fn check(
    metric: &str,
    key: &str,
    training: &TrainingConfig,
    dataset: &Dataset,
    splits: &Splits,
) -> Result<(), Invalid> {
    let name = metric.strip_prefix("validation/").unwrap_or(metric);
    match why_undefined(name, training, dataset, &splits.validation, "validation") {
        None => Ok(()),
        Some(why) => Err(Invalid::at(
            key,
            format!(
                "{metric} has no value: {why}. Raise data.validation_fraction, get more such rows, or choose another \
                 metric, such as validation/{}",
                if dataset.task().has_probabilities() { "log_loss" } else { "mae" }
            ),
        )),
    }
}

/// Checks the monitored metric, and the metric `also` with the key that names it, on the split of each repetition, which
/// may lack what that of the first has.
///
/// # Errors
/// The first repetition in which a metric has no value.
pub fn check_repetitions(
    config: &Config,
    dataset: &Dataset,
    repetitions: &[Repetition],
    also: Option<(&str, &str)>,
) -> Result<(), Invalid> {
    let needs_more_than_rows = |metric: &str| needs(metric.rsplit('/').next().unwrap_or(metric)) != Needs::Rows;
    let monitor = config.training.monitor();
    let has_weights = config.training.class_weights.is_some();
    if !has_weights && ![Some(monitor), also.map(|also| also.0)].into_iter().flatten().any(needs_more_than_rows) {
        return Ok(()); // no split lacks that
    }
    for repetition in repetitions {
        let config = repetition.of(config);
        let splits = split(dataset, &config.data, config.seed)?;
        let checked = check_monitor(&config, dataset, &splits).and_then(|()| match also {
            Some((metric, key)) => check(metric, key, &config.training, dataset, &splits),
            None => Ok(()),
        });
        checked.map_err(|invalid| match repetitions {
            [_] => invalid,
            _ => Invalid { message: format!("{repetition}: {}", invalid.message), ..invalid },
        })?;
    }
    Ok(())
}

/// A line for each part and reason: which of its metrics have no value.
pub(super) fn notes(training: &TrainingConfig, dataset: &Dataset, splits: &Splits) -> Vec<String> {
    let mut notes = Vec::new();
    for (part, rows) in [("validation", &splits.validation), ("test", &splits.test)] {
        let names = metrics::validation_names(dataset.task());
        let mut found: Vec<(String, Vec<String>)> = Vec::new();
        for name in names.into_iter().filter(|_| !rows.is_empty()) {
            let Some(why) = why_undefined(name, training, dataset, rows, part) else { continue };
            match found.iter_mut().find(|(other, _)| *other == why) {
                Some((_, keys)) => keys.push(format!("{part}/{name}")),
                None => found.push((why, vec![format!("{part}/{name}")])),
            }
        }
        notes.extend(found.into_iter().map(|(why, keys)| {
            let have = if keys.len() == 1 { "has" } else { "have" };
            format!("{why}, so {} {have} no value", keys.join(" and "))
        }));
    }
    notes
}

fn needs(metric: &str) -> Needs {
    metric::find(metric).map_or(Needs::Rows, |metric| metric.needs)
}

/// Why the metric `name` has no value on `rows`, which are the part `part`; `None` if it has one.
fn why_undefined(name: &str, training: &TrainingConfig, dataset: &Dataset, rows: &[u32], part: &str) -> Option<String> {
    if rows.is_empty() {
        return Some(format!("there is no {part} row"));
    }
    match (&dataset.target, needs(name)) {
        (Target::Classes { names, labels }, Needs::EveryClass) => {
            let mut is_seen = vec![false; names.len()];
            rows.iter().for_each(|&row| is_seen[labels[row as usize] as usize] = true);
            let unseen = names.iter().zip(is_seen).filter(|(_, is_seen)| !is_seen).map(|(name, _)| name);
            let unseen: Vec<&String> = unseen.collect();
            match &unseen[..] {
                [] => None,
                [one] => Some(format!("class `{one}` has no {part} row")),
                several => {
                    let named = several.iter().take(MAX_NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>();
                    let more = match several.len().saturating_sub(MAX_NAMED) {
                        0 => String::new(),
                        more => format!(" and {more} more"),
                    };
                    Some(format!("the classes {}{more} have no {part} row", named.join(", ")))
                }
            }
        }
        (Target::Numbers(numbers), Needs::TwoValues) => {
            let first = numbers[rows[0] as usize];
            let is_one_value = rows.iter().all(|&row| numbers[row as usize] == first);
            is_one_value.then(|| match rows.len() {
                1 => format!("there is only one {part} row"),
                n => format!("the target is {first} in all {n} {part} rows"),
            })
        }
        (Target::Several(several), Needs::TwoValues | Needs::EveryClass) => {
            let value = |row: u32, i: usize| several.row(row as usize)[i];
            let is_one_value = |&i: &usize| rows.iter().all(|&row| value(row, i) == value(rows[0], i));
            let found = (0..several.columns.len()).find(is_one_value);
            found.map(|i| match (rows.len(), &several.columns[i]) {
                (1, _) => format!("there is only one {part} row"),
                (n, TargetColumn { name, words }) => {
                    let first = value(rows[0], i);
                    let shown = words.as_ref().map_or(first.to_string(), |words| words[first as usize].clone());
                    format!("`{name}` is {shown} in all {n} {part} rows")
                }
            })
        }
        (Target::Classes { labels, .. }, Needs::Rows) if name == "loss" => {
            let Some(ClassWeights::List(weights)) = &training.class_weights else { return None };
            let weighs = |&row: &u32| weights.get(labels[row as usize] as usize).is_none_or(|&weight| weight > 0.0);
            (!rows.iter().any(weighs)).then(|| format!("training.class_weights is 0 for every {part} row"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metric::METRICS;

    fn dataset(target: Target) -> Dataset {
        Dataset {
            name: "d".into(),
            columns: Vec::new(),
            cells: crate::data::Matrix::of_floats(0, Vec::new()),
            target,
            target_name: "y".into(),
            image_shape: None,
            num_training_rows: None,
            source_rows: Vec::new(),
            division: Default::default(),
            weights: None,
            notes: Vec::new(),
            readings: Default::default(),
        }
    }

    fn undefined(target: Target, training: &TrainingConfig) -> Vec<String> {
        let splits = Splits { train: [].into(), validation: [0, 1].into(), test: [2, 3].into() };
        notes(training, &dataset(target), &splits)
    }

    #[test]
    fn what_a_part_lacks_is_told_with_the_metrics_that_need_it() {
        let plain = TrainingConfig::default();
        let classes = |names: &[&str], labels: &[u32]| Target::Classes {
            names: names.iter().map(|&name| name.to_owned()).collect(),
            labels: labels.to_vec(),
        };
        assert_eq!(undefined(classes(&["a", "b"], &[0, 1, 1, 0]), &plain), [""; 0]);
        assert_eq!(
            undefined(classes(&["a", "b", "c"], &[0, 1, 0, 0]), &plain),
            [
                "class `c` has no validation row, so validation/roc_auc and validation/average_precision have no value",
                "the classes `b`, `c` have no test row, so test/roc_auc and test/average_precision have no value",
            ]
        );
        let weighted = TrainingConfig { class_weights: Some(ClassWeights::List(vec![1.0, 0.0])), ..plain.clone() };
        assert_eq!(
            undefined(classes(&["a", "b"], &[0, 1, 1, 1]), &weighted),
            [
                "training.class_weights is 0 for every test row, so test/loss has no value",
                "class `a` has no test row, so test/roc_auc and test/average_precision have no value",
            ]
        );
        assert_eq!(
            undefined(Target::Numbers(vec![1.0, 2.0, 0.5, 0.5]), &plain),
            ["the target is 0.5 in all 2 test rows, so test/r2 has no value"]
        );
    }

    #[test]
    fn the_metrics_said_to_have_no_value_are_those_that_come_out_as_nan() {
        let scores = |task, logits: &[f32], labels: &[f32]| {
            let decoder = crate::training::OutputDecoder::plain(task);
            let numbers: Vec<f64> = labels.iter().map(|&label| f64::from(label)).collect();
            let truths = crate::training::Truths { labels, numbers: &numbers, weights: &[] };
            let scores = decoder.scores(logits, truths, true, None);
            scores.into_iter().filter(|score| !score.1.is_finite()).map(|score| score.0).collect::<Vec<_>>()
        };
        use crate::data::{Several, Task};
        let plain = TrainingConfig::default();
        let needing = |needs| METRICS.iter().filter(move |metric| metric.needs == needs).map(|metric| metric.name);
        let of_classes: Vec<&str> = needing(Needs::EveryClass).collect();
        assert_eq!(scores(Task::Binary, &[0.5, -0.5], &[1.0, 1.0]), of_classes);
        assert_eq!(scores(Task::Binary, &[0.5, -0.5], &[0.0, 0.0]), of_classes);
        let logits = [0.5, -0.5, 0.1, 0.2, 0.3, 0.0];
        assert_eq!(scores(Task::MultiClass { num_classes: 3 }, &logits, &[0.0, 1.0]), of_classes);
        assert_eq!(scores(Task::Regression, &[0.5, -0.5], &[1.0, 1.0]), needing(Needs::TwoValues).collect::<Vec<_>>());
        assert_eq!(scores(Task::Regression, &[0.5], &[1.0]), ["r2"]);
        // Of two labels or numbers the second is always the same.
        let of_labels = scores(Task::Labels { num_labels: 2 }, &[0.5, 0.1, -0.5, 0.2], &[1.0, 0.0, 0.0, 0.0]);
        assert_eq!(of_labels, ["roc_auc", "average_precision"]);
        assert_eq!(scores(Task::Numbers { num_targets: 2 }, &[0.5, 0.1, -0.5, 0.2], &[1.0, 0.0, 0.5, 0.0]), ["r2"]);
        let words = Some(["no".to_owned(), "yes".to_owned()]);
        let column = |name: &str, words| TargetColumn { name: name.into(), words };
        let several = |words: Option<[String; 2]>| Several {
            columns: vec![column("x", words.clone()), column("y", words)],
            values: vec![0.0, 1.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0],
        };
        assert_eq!(
            undefined(Target::Several(several(words)), &plain),
            [
                "`y` is yes in all 2 validation rows, so validation/roc_auc and validation/average_precision have no value"
            ]
        );
        assert_eq!(
            undefined(Target::Several(several(None)), &plain),
            ["`y` is 1 in all 2 validation rows, so validation/r2 has no value"]
        );
    }
}
