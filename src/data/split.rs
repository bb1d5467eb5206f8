//! Splits rows into training, validation and test parts.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::{DataConfig, Dataset, Target, select};
use crate::figures::counted;
use crate::invalid::Invalid;

/// Row numbers of a [`Dataset`]; the three parts are disjoint, and together hold every row. Those of a text are in
/// order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splits {
    /// Shuffled; never empty, and contains every class.
    pub train: Vec<usize>,
    /// Shuffled; empty only when `validation_fraction` is 0.
    pub validation: Vec<usize>,
    /// Shuffled, or in file order when it is a separate file; empty when `test_fraction` is 0.
    pub test: Vec<usize>,
}

/// Splits the rows by `data.split_seed`, or by `seed` without it.
///
/// A text is split in order: the test part is its end, the validation part the end of the rest. A sentence that begins
/// in one part may end in the next, but no character is a target in two of them.
///
/// With `data.folds` the test part is the fold `data.fold` (by default the first); all runs with the same seed have the
/// same folds. Otherwise the test part is rounded up as in scikit-learn, the validation part to the nearest whole row.
/// With `stratify` the classes are apportioned by largest remainder, and each keeps at least one training row. The test
/// part does not depend on `validation_fraction`.
///
/// # Errors
/// Fractions that leave no training row, no validation row although the fraction is above 0, or a class without
/// training rows.
pub fn split(dataset: &Dataset, config: &DataConfig, seed: u64) -> Result<Splits, Invalid> {
    let mut random = ChaCha8Rng::seed_from_u64(config.split_seed.unwrap_or(seed));
    let labels = match &dataset.target {
        Target::Classes { labels, .. } => config.stratify.then_some(&labels[..]),
        Target::Numbers(_) | Target::Text(_) => None,
    };
    let cut = |mut rows: Vec<usize>, num_out: usize, random: &mut ChaCha8Rng| match &dataset.target {
        Target::Text(_) => {
            let out = rows.split_off(rows.len().saturating_sub(num_out));
            (rows, out)
        }
        Target::Classes { .. } | Target::Numbers(_) => part(rows, num_out, labels, random),
    };
    let (mut pool, test) = match dataset.num_training_rows {
        Some(n) => {
            let mut rows: Vec<usize> = (0..n).collect();
            rows.shuffle(&mut random);
            (rows, (n..dataset.num_rows()).collect())
        }
        None if config.folds.is_some() => fold(dataset, config, labels, &mut random)?,
        None => {
            let rows = (0..dataset.num_rows()).collect();
            // 0.1 * 30 is 3.0000000000000004 in floating point, but must count as 3.
            let num_test = (config.test_fraction * dataset.num_rows() as f64 - 1e-9).ceil().max(0.0);
            cut(rows, num_test as usize, &mut random)
        }
    };
    let too_few = |key: &str, part: &str, n: usize, way_out: &str| {
        let message = match &dataset.target {
            Target::Text(_) => {
                format!("{key} leaves no {part} window of {n}: {way_out} it, lower data.context, or get more text")
            }
            Target::Classes { .. } | Target::Numbers(_) => {
                format!("{key} leaves no {part} row of {n}: {way_out} it, or get more data")
            }
        };
        Err(Invalid::at(key, message))
    };
    if pool.is_empty() {
        return too_few("data.test_fraction", "training", dataset.num_rows(), "lower");
    }
    select::limit_per_class(&mut pool, dataset, config)?;
    let num_pool = pool.len();
    let num_validation = (config.validation_fraction * num_pool as f64).round() as usize;
    let (train, validation) = cut(pool, num_validation, &mut random);
    if train.is_empty() {
        return too_few("data.validation_fraction", "training", num_pool, "lower");
    }
    if validation.is_empty() && config.validation_fraction > 0.0 {
        if let (Target::Classes { names, .. }, true) = (&dataset.target, labels.is_some() && num_validation > 0) {
            return Err(Invalid::at("data.target", nothing_to_spare(&dataset.target_name, names, num_pool)));
        }
        return too_few("data.validation_fraction", "validation", num_pool, "raise");
    }
    check_classes(dataset, &train, config.stratify)?;
    Ok(Splits { train, validation, test })
}

/// The rows outside and inside the test fold: shuffled, then dealt round-robin class by class, so that neither fold
/// sizes nor a class's counts in them differ by more than one row.
fn fold(
    dataset: &Dataset,
    config: &DataConfig,
    labels: Option<&[u32]>,
    random: &mut ChaCha8Rng,
) -> Result<(Vec<usize>, Vec<usize>), Invalid> {
    let num_folds = config.folds.unwrap_or(1);
    let num_rows = dataset.num_rows();
    Invalid::unless(num_folds <= num_rows, "data.folds", || {
        format!("{num_folds} folds of {} leave some empty: lower data.folds", counted(num_rows, "row"))
    })?;
    let mut rows: Vec<usize> = (0..num_rows).collect();
    rows.shuffle(random);
    let mut dealt: Vec<usize> = (0..num_rows).collect();
    if let Some(labels) = labels {
        dealt.sort_by_key(|&place| labels[rows[place]]);
    }
    let mut fold_of = vec![0; num_rows];
    dealt.iter().enumerate().for_each(|(turn, &place)| fold_of[place] = turn % num_folds);
    let tests = config.fold.unwrap_or(1) - 1;
    let in_fold = |(place, row): (usize, &usize), wanted: bool| ((fold_of[place] == tests) == wanted).then_some(*row);
    let part = |wanted| rows.iter().enumerate().filter_map(|row| in_fold(row, wanted)).collect();
    Ok((part(false), part(true)))
}

/// Splits shuffled rows in two: the ones that stay, and `num_out` held out.
fn part(
    mut rows: Vec<usize>,
    num_out: usize,
    labels: Option<&[u32]>,
    random: &mut ChaCha8Rng,
) -> (Vec<usize>, Vec<usize>) {
    rows.shuffle(random);
    let Some(labels) = labels else {
        let stay = rows.split_off(num_out.min(rows.len()));
        return (stay, rows);
    };
    let num_classes = rows.iter().map(|&row| labels[row] as usize + 1).max();
    let mut counts = vec![0; num_classes.unwrap_or(0)];
    rows.iter().for_each(|&row| counts[labels[row] as usize] += 1);
    let mut out_of_class = share(num_out, &counts);
    // The rows are shuffled, so the first ones of a class are a random sample of it.
    let goes = |row: &usize| {
        let left = &mut out_of_class[labels[*row] as usize];
        let goes = *left > 0;
        *left -= usize::from(goes);
        goes
    };
    let (out, stay) = rows.into_iter().partition(goes);
    (stay, out)
}

/// How many rows of each class are held out, `num_out` in total: by largest remainder, but each class keeps one.
fn share(num_out: usize, counts: &[usize]) -> Vec<usize> {
    let total: usize = counts.iter().sum();
    let exact = |count: usize| count as u128 * num_out as u128;
    let mut shares: Vec<usize> = counts
        .iter()
        .map(|&count| (exact(count) / total as u128) as usize)
        .zip(counts)
        .map(|(share, &count)| share.min(count.saturating_sub(1)))
        .collect();
    let mut by_remainder: Vec<usize> = (0..counts.len()).collect();
    by_remainder.sort_by_key(|&class| std::cmp::Reverse(exact(counts[class]) % total as u128));
    // Where a class has only one row, the others make up for it in further rounds.
    let mut missing = num_out - shares.iter().sum::<usize>();
    while missing > 0 {
        let before = missing;
        for &class in &by_remainder {
            if missing > 0 && shares[class] + 1 < counts[class] {
                shares[class] += 1;
                missing -= 1;
            }
        }
        if missing == before {
            break;
        }
    }
    shares
}

/// Why stratified classes leave none of `num_rows` rows for validation: each keeps one for training.
fn nothing_to_spare(target: &str, names: &[String], num_rows: usize) -> String {
    let way_out = match names.iter().all(|name| name.parse::<f64>().is_ok()) {
        true => "set data.task = \"regression\" to predict the number",
        false => "choose a target with fewer classes, leave the rare ones out (data.classes names those to keep)",
    };
    format!(
        "`{target}` has {} in {}, so that no class has a row to spare for validation: {way_out}, or get more rows of each",
        counted(names.len(), "class"),
        counted(num_rows, "row")
    )
}

/// A class without training rows cannot be learned.
fn check_classes(dataset: &Dataset, train: &[usize], is_stratified: bool) -> Result<(), Invalid> {
    let Target::Classes { names, labels } = &dataset.target else {
        return Ok(());
    };
    let mut is_seen = vec![false; names.len()];
    train.iter().for_each(|&row| is_seen[labels[row] as usize] = true);
    match is_seen.iter().position(|seen| !seen) {
        None => Ok(()),
        Some(class) => {
            let (key, way_out) = match is_stratified {
                true => {
                    ("data.target", "get more such rows, or leave the class out (data.classes names those to keep)")
                }
                false => ("data.stratify", "set data.stratify = true, or get more such rows"),
            };
            let num_rows = match labels.iter().filter(|&&label| label as usize == class).count() {
                0 => "no row".to_owned(),
                1 => "1 row, and it is not".to_owned(),
                count => format!("{count} rows, and none of them is"),
            };
            let message = format!("class `{}` has {num_rows} in the training part: {way_out}", names[class]);
            Err(Invalid::at(key, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::share;

    #[test]
    fn shares_follow_the_largest_remainder_and_leave_one() {
        for (num_out, counts, expected) in [
            (45, vec![50, 50, 50], vec![15, 15, 15]),
            (54, vec![59, 71, 48], vec![18, 21, 15]),
            (3, vec![1, 1, 8], vec![0, 0, 3]),
            (5, vec![2, 2, 2], vec![1, 1, 1]),
            (0, vec![3], vec![0]),
        ] {
            assert_eq!(share(num_out, &counts), expected, "{num_out} of {counts:?}");
        }
    }
}
