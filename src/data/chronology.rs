//! Splits rows by time: those trained on before those of validation, and these before the test.

use super::DataConfig;
use crate::invalid::Invalid;

/// The training, validation and test rows in the order of time, `num_training_rows` of them from the training file if the test part is a file of its own.
///
/// The parts are divided between two different times, near the wanted numbers of rows, since rows of one moment belong
/// together. Rows nearer than `data.gap` before the next part are in none.
///
/// # Errors
/// Fractions or a gap that leave a part empty.
pub(super) fn split(
    times: &[f64],
    num_training_rows: Option<usize>,
    config: &DataConfig,
) -> Result<[Vec<u32>; 3], Invalid> {
    let column = config.order.as_deref().unwrap_or_default();
    let in_order = |rows: std::ops::Range<usize>| {
        let mut rows: Vec<u32> = rows.map(|row| row as u32).collect();
        rows.sort_by(|&a, &b| times[a as usize].total_cmp(&times[b as usize]));
        rows
    };
    let cut = |rows: Vec<u32>, num_out: usize, key: &str| -> Result<(Vec<u32>, Vec<u32>), Invalid> {
        if num_out == 0 {
            return Ok((rows, Vec::new()));
        }
        let wanted = rows.len().saturating_sub(num_out);
        let place = change(&rows, times, wanted).ok_or_else(|| {
            let message = format!(
                "`{column}` is the same in all {} rows that are to be divided by {key}: name a column that tells when each row was",
                rows.len()
            );
            Invalid::at("data.order", message)
        })?;
        let (early, late) = rows.split_at(place);
        Ok((early.to_vec(), late.to_vec()))
    };
    let (pool, test) = match num_training_rows {
        Some(first) => (in_order(0..first), in_order(first..times.len())),
        None => {
            let rows = in_order(0..times.len());
            let num_test = (config.test_fraction * times.len() as f64 - 1e-9).ceil().max(0.0) as usize;
            cut(rows, num_test, "data.test_fraction")?
        }
    };
    let num_validation = (config.validation_fraction * pool.len() as f64).round() as usize;
    let (train, validation) = cut(pool, num_validation, "data.validation_fraction")?;
    let gap = config.gap.unwrap_or(0.0);
    // What is kept of a part before the part `next`.
    let before = |mut rows: Vec<u32>, next: &[u32]| {
        if let Some(&first) = next.first() {
            rows.retain(|&row| times[first as usize] - times[row as usize] >= gap);
        }
        rows
    };
    let validation = before(validation, &test);
    let train = before(before(train, &validation), &test);
    for (part, is_empty) in
        [("training", train.is_empty()), ("validation", num_validation > 0 && validation.is_empty())]
    {
        Invalid::unless(!is_empty || gap == 0.0, "data.gap", || {
            format!("data.gap = {gap} leaves no {part} row of {}: lower it, or get more data", times.len())
        })?;
    }
    Ok([train, validation, test])
}

/// The place nearest to `wanted` at which a row is later than the one before it.
fn change(rows: &[u32], times: &[f64], wanted: usize) -> Option<usize> {
    let is_change = |&place: &usize| times[rows[place - 1] as usize] < times[rows[place] as usize];
    let before = (1..=wanted.min(rows.len().saturating_sub(1))).rev().find(is_change);
    let after = (wanted.max(1)..rows.len()).find(is_change);
    match (before, after) {
        (Some(before), Some(after)) if after - wanted < wanted - before => Some(after),
        (before, after) => before.or(after),
    }
}
