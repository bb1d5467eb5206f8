//! A last row that adds up the others, as spreadsheets have it.

use super::View;
use crate::data::Target;
use crate::data::labels;

/// More rows are seldom added up by hand, and take time to add up here.
const MAX_ROWS: usize = 100_000;
/// Columns that are named.
const MAX_NAMED: usize = 4;
/// A sum is as exact as its numbers in 32 bits.
const TOLERANCE: f64 = 1e-4;

/// The last row of the file, if it has the sums of the rows above it.
pub(super) fn last_row(view: &View<'_>) -> Option<String> {
    let num_rows = view.dataset.num_training_rows.unwrap_or_else(|| view.dataset.num_rows());
    let last = num_rows.checked_sub(1).filter(|_| num_rows <= MAX_ROWS)?;
    let mut sums = Vec::new();
    let mut others = 0;
    for column in view.columns().filter(|&column| view.is_numeric(column) && !view.is_date(column)) {
        let cells = (0..last).map(|row| f64::from(view.cell(row, column)));
        match adds_up(cells, view.cell(last, column).into()) {
            true => sums.push(format!("`{}`", view.name(column))),
            false => others += usize::from(!view.cell(last, column).is_nan()),
        }
    }
    if let Target::Numbers(numbers) = &view.dataset.target
        && numbers.len() >= num_rows
        && adds_up(numbers[..last].iter().copied(), numbers[last])
    {
        sums.push(format!("`{}`", view.dataset.target_name));
    }
    // One of many columns may do so by chance.
    (sums.len() > others / 8).then(|| {
        format!(
            "the last row holds the sums of the rows above it ({}): if it is a row of totals, remove it from the file",
            labels::list(&sums, MAX_NAMED)
        )
    })
}

/// Whether `last` is the sum of the others, and larger than each of them.
fn adds_up(others: impl Iterator<Item = f64>, last: f64) -> bool {
    let (mut sum, mut largest) = (0.0, 0.0_f64);
    for number in others.filter(|number| !number.is_nan()) {
        sum += number;
        largest = largest.max(number.abs());
    }
    last.abs() > 1.5 * largest && (sum - last).abs() <= TOLERANCE * last.abs()
}

#[cfg(test)]
mod tests {
    use super::adds_up;

    #[test]
    fn a_sum_is_larger_than_what_it_adds_up() {
        assert!(adds_up([1.5, 2.0, f64::NAN, 4.0].into_iter(), 7.5));
        assert!(adds_up([-1.5, -2.0, -4.0].into_iter(), -7.5));
        assert!(!adds_up([1.5, 2.0, 4.0].into_iter(), 7.6));
        assert!(!adds_up([0.0, 0.0, 5.0].into_iter(), 5.0));
        assert!(!adds_up([0.0, 0.0].into_iter(), 0.0));
        assert!(!adds_up([1.0, 2.0].into_iter(), f64::NAN));
    }
}
