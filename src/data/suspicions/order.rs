//! What the order of the rows tells: several rows of one person or machine, and series over time.

use std::collections::HashSet;

use super::{View, is_named_like_an_identifier, num_distinct, words};
use crate::data::{Division, Target};

/// Values of a column that rows belong to.
const MIN_ENTITIES: usize = 10;
/// Correlation of the targets of neighbouring rows, from which on they are a series.
const SERIES: f64 = 0.8;

/// A column whose values come in blocks, several of which are in training and test alike.
pub(super) fn entities(view: &View<'_>) -> Option<String> {
    if matches!(view.dataset.division, Division::Groups(_)) {
        return None; // who set data.group knows
    }
    view.columns().filter(|&column| !view.is_date(column)).find_map(|column| {
        let cells = view.ordered_cells(column);
        let num_blocks = cells.chunk_by(|a, b| a == b).count();
        // Told before the values are sorted to count them: most columns of numbers have no blocks at all.
        if 4 * num_blocks > 3 * cells.len() {
            return None;
        }
        let num_values = num_distinct(&cells);
        let come_in_blocks = num_values >= MIN_ENTITIES && 2 * num_values <= cells.len() && 2 * num_blocks <= 3 * num_values;
        // A file that is sorted by a quantity has such blocks, too.
        let is_quantity = view.is_numeric(column)
            && !is_named_like_an_identifier(view.name(column))
            && (cells.is_sorted() || cells.iter().rev().is_sorted() || cells.iter().any(|cell| cell.fract() != 0.0));
        if !come_in_blocks || is_quantity || is_of_time(view.name(column)) {
            return None;
        }
        let of = |rows| view.dataset.column(rows, column).into_iter().map(f32::to_bits);
        let in_training: HashSet<u32> = of(&view.splits.train).collect();
        let test = &view.splits.test;
        let shared = of(test).filter(|cell| in_training.contains(cell)).count();
        (2 * shared >= test.len() && shared > 0).then(|| {
            format!(
                "`{}` has {num_values} values in blocks of about {} rows, as of one person or machine each; {shared} of {} \
                 test rows have theirs in common with training rows, so the result says little about new ones: keep \
                 all rows of one in one part, data.group = {:?}",
                view.name(column),
                cells.len() / num_values,
                test.len(),
                view.name(column)
            )
        })
    })
}

/// Rows with dates, or in the order of time, of which test rows are drawn from between training rows.
pub(super) fn in_time(view: &View<'_>) -> Option<String> {
    let is_chosen = view.config.test_path.is_some() || !matches!(view.dataset.division, Division::Free);
    if is_chosen || view.splits.test.is_empty() {
        return None;
    }
    let by_date = view.columns().find(|&column| view.dataset.readings.days(view.name(column)).is_some());
    let by_name = view.columns().find(|&column| {
        let cells = view.ordered_cells(column);
        let is_ordered = cells.is_sorted() || cells.iter().rev().is_sorted();
        view.is_numeric(column) && is_of_time(view.name(column)) && is_ordered && num_distinct(&cells) >= MIN_ENTITIES
    });
    let column = by_date.and_then(|column| view.date_of(column)).or(by_name.map(|column| view.name(column)));
    let what = match column {
        Some(date) if by_date.is_some() => format!("each row has its time, `{date}`"),
        Some(column) => format!("the rows are in the order of `{column}`"),
        None => {
            let correlation = neighbours(view).filter(|correlation| *correlation >= SERIES)?;
            format!("targets of neighbouring rows are alike (correlation {correlation:.2}), as in a series over time")
        }
    };
    let way_out = match column {
        Some(column) => format!("test on the last ones, data.order = {column:?}"),
        None => "put the last rows into a file of their own, data.test_path".to_owned(),
    };
    Some(format!(
        "{what}, and the test rows are drawn from between the training rows: to know how later rows are predicted, {way_out}"
    ))
}

/// Correlation of each number with the next one of the file; `None` for classes, and in a file sorted by the target.
fn neighbours(view: &View<'_>) -> Option<f64> {
    let Target::Numbers(numbers) = &view.dataset.target else { return None };
    let numbers = &numbers[view.ordered()];
    if numbers.is_sorted() || numbers.iter().rev().is_sorted() {
        return None;
    }
    let (first, second) = (&numbers[..numbers.len() - 1], &numbers[1..]);
    let mean = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len() as f64;
    let (a, b) = (mean(first), mean(second));
    let together: f64 = first.iter().zip(second).map(|(x, y)| (x - a) * (y - b)).sum();
    let spread = |numbers: &[f64], mean: f64| numbers.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    Some(together / (spread(first, a) * spread(second, b)).sqrt())
}

/// Whether a column's name says that it is a time.
fn is_of_time(name: &str) -> bool {
    const WORDS: [&str; 14] = [
        "date",
        "time",
        "datetime",
        "timestamp",
        "ts",
        "t",
        "year",
        "month",
        "week",
        "day",
        "hour",
        "minute",
        "second",
        "period",
    ];
    words(name).iter().any(|word| WORDS.contains(&word.as_str()))
}
