//! Says by what the rows were divided into parts, and how.

use std::collections::HashSet;

use super::{DataConfig, Dataset, Division, Splits, dates};
use crate::figures::counted;

/// A line on the parts; `None` where chance alone divides the rows.
pub fn describe(dataset: &Dataset, splits: &Splits, config: &DataConfig) -> Option<String> {
    let Splits { train, validation, test } = splits;
    match &dataset.division {
        Division::Free => None,
        Division::Groups(entities) => {
            let count = |rows: &[u32]| rows.iter().map(|&row| entities[row as usize]).collect::<HashSet<u32>>().len();
            Some(format!(
                "divided by `{}`: {} in training, {} in validation, {} in test, none in two parts",
                config.group.as_deref().unwrap_or_default(),
                counted(count(train), "value"),
                count(validation),
                count(test)
            ))
        }
        Division::Order { times, are_dates } => {
            let shown = |time: f64| if *are_dates { dates::shown(time * dates::DAY) } else { time.to_string() };
            let span = |name: &str, rows: &[u32]| {
                let times = || rows.iter().map(|&row| times[row as usize]);
                let (low, high) = (times().fold(f64::INFINITY, f64::min), times().fold(f64::NEG_INFINITY, f64::max));
                (!rows.is_empty()).then(|| format!("{name} {} to {}", shown(low), shown(high)))
            };
            let parts = [span("training", train), span("validation", validation), span("test", test)];
            let num_left_out = times.len() - train.len() - validation.len() - test.len();
            let left_out = match num_left_out {
                0 => String::new(),
                1 => "; 1 row in the gaps is left out".to_owned(),
                n => format!("; {n} rows in the gaps are left out"),
            };
            Some(format!(
                "divided by `{}`: {}{left_out}",
                config.order.as_deref().unwrap_or_default(),
                parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
            ))
        }
        Division::Given(parts) => {
            let drawn = match parts.contains(&super::Part::Validation) || validation.is_empty() {
                true => "",
                false => "; it names no row of validation, so these are drawn from the training part",
            };
            Some(format!("divided as `{}` says{drawn}", config.split_column.as_deref().unwrap_or_default()))
        }
    }
}
