//! Splits rows into training, validation and test parts.

use std::borrow::Cow;
use std::sync::Arc;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::deal::{self, Entities};
use super::part::Part;
use super::{DataConfig, Dataset, Division, Target, chronology, derive_seed, select};
use crate::figures::counted;
use crate::invalid::Invalid;

/// Row numbers of a [`Dataset`]; the three parts are disjoint, and together hold every row, but for those that `data.gap`
/// and `data.train_per_class` leave out. Those of a text are in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splits {
    /// Shuffled; never empty, and contains every class.
    pub train: Arc<[u32]>,
    /// Shuffled; empty only when `validation_fraction` is 0. Like those of the test part, in file order where the cells are
    /// in a file (`data.cache`).
    pub validation: Arc<[u32]>,
    /// Shuffled; in file order when it is a separate file or named by `data.split_column`, in that of time with
    /// `data.order`; empty when `test_fraction` is 0.
    pub test: Arc<[u32]>,
}

impl Splits {
    /// These parts.
    fn new(parts: [Vec<u32>; 3]) -> Self {
        let [train, validation, test] = parts.map(Arc::from);
        Self { train, validation, test }
    }

    /// With the rows of validation and test in the order of the file, in which they are read from it.
    fn in_order(self) -> Self {
        let sorted = |rows: &[u32]| {
            let mut rows = rows.to_vec();
            rows.sort_unstable();
            Arc::from(rows)
        };
        Self { validation: sorted(&self.validation), test: sorted(&self.test), ..self }
    }
}

/// Splits the rows by `data.split_seed`, or by `seed` without it.
///
/// A text is split in order: the test part is its end, the validation part the end of the rest. A sentence that begins
/// in one part may end in the next, but no character is a target in two of them.
///
/// With `data.folds` the test part is the fold `data.fold` (by default the first); all runs with the same seed and
/// `data.repeat` have the same folds. Otherwise the test part is rounded up as in scikit-learn, the validation part to the
/// nearest whole row. With `stratify` the classes are apportioned by largest remainder, and each keeps at least one training
/// row. The test part does not depend on `validation_fraction`.
///
/// With `data.group` all rows of an entity are in one part, and the sizes and shares are as near as that allows; with
/// `data.order` and `data.split_column` the seed only shuffles.
///
/// # Errors
/// Fractions that leave no training row, no validation row although the fraction is above 0, or a class without
/// training rows.
pub fn split(dataset: &Dataset, config: &DataConfig, seed: u64) -> Result<Splits, Invalid> {
    let seed = config.split_seed.unwrap_or(seed);
    let seed = match config.repeat {
        // The first has the folds that the config has without repeats.
        None | Some(1) => seed,
        Some(repeat) => derive_seed(seed, repeat as u64),
    };
    let random = &mut ChaCha8Rng::seed_from_u64(seed);
    let splits = match &dataset.division {
        Division::Order { times, .. } => {
            let [mut train, mut validation, test] = chronology::split(times, dataset.num_training_rows, config)?;
            train.shuffle(random);
            validation.shuffle(random);
            let splits = Splits::new([train, validation, test]);
            refuse_empty(dataset, &splits, splits.train.len(), config)?;
            splits
        }
        Division::Given(parts) => given(parts, &Draw::new(dataset, config), random)?,
        Division::Free | Division::Groups(_) => drawn(&Draw::new(dataset, config), random)?,
    };
    check_classes(dataset, &splits.train, config)?;
    Ok(if dataset.cells.is_windowed() { splits.in_order() } else { splits })
}

/// How rows are drawn.
struct Draw<'a> {
    dataset: &'a Dataset,
    config: &'a DataConfig,
    /// Per row the class, or the bin of a number, whose shares are to be the same in all parts.
    strata: Option<Cow<'a, [u32]>>,
}

impl<'a> Draw<'a> {
    fn new(dataset: &'a Dataset, config: &'a DataConfig) -> Self {
        let strata = match (&dataset.target, config.stratify_bins) {
            (Target::Classes { labels, .. }, _) => config.stratify.then_some(Cow::Borrowed(&labels[..])),
            (Target::Numbers(numbers), Some(count)) => Some(Cow::Owned(bins(numbers, count))),
            (Target::Numbers(_), None) | (Target::Several(_) | Target::Text(_), _) => None,
        };
        Self { dataset, config, strata }
    }

    fn entities(&self) -> Option<Entities<'_>> {
        match &self.dataset.division {
            Division::Groups(of_row) => Some(Entities { of_row, strata: self.strata.as_deref() }),
            _ => None,
        }
    }

    /// The rows that stay, and about `num_out` held out.
    fn cut(
        &self,
        mut rows: Vec<u32>,
        num_out: usize,
        random: &mut ChaCha8Rng,
    ) -> Result<(Vec<u32>, Vec<u32>), Invalid> {
        if matches!(self.dataset.target, Target::Text(_)) {
            let out = rows.split_off(rows.len().saturating_sub(num_out));
            return Ok((rows, out));
        }
        let Some(entities) = self.entities() else {
            return Ok(part(rows, num_out, self.strata.as_deref(), random));
        };
        rows.shuffle(random);
        let num_rows = rows.len();
        deal::hold_out(rows, num_out, entities, random).map_err(|_| {
            let column = self.config.group.as_deref().unwrap_or_default();
            let message = format!(
                "`{column}` is the same in all {num_rows} rows that are to be divided: name a column with several values, or \
                 get more data"
            );
            Invalid::at("data.group", message)
        })
    }

    /// The rows outside and inside the test fold: shuffled, then dealt round-robin class by class, so that neither fold
    /// sizes nor a class's counts in them differ by more than one row; entities are dealt as a whole.
    fn fold(&self, random: &mut ChaCha8Rng) -> Result<(Vec<u32>, Vec<u32>), Invalid> {
        let num_folds = self.config.folds.unwrap_or(1);
        let num_rows = self.dataset.num_rows();
        Invalid::unless(num_folds <= num_rows, "data.folds", || {
            format!("{num_folds} folds of {} leave some empty: lower data.folds", counted(num_rows, "row"))
        })?;
        let mut rows: Vec<u32> = (0..num_rows as u32).collect();
        rows.shuffle(random);
        let fold_of = match self.entities() {
            Some(entities) => deal::folds(&rows, entities, num_folds, random).map_err(|num_entities| {
                let column = self.config.group.as_deref().unwrap_or_default();
                let message = format!(
                    "{num_folds} folds of {num_entities} values of `{column}` leave some empty: lower data.folds"
                );
                Invalid::at("data.folds", message)
            })?,
            None => {
                let mut dealt: Vec<usize> = (0..num_rows).collect();
                if let Some(strata) = &self.strata {
                    dealt.sort_by_key(|&place| strata[rows[place] as usize]);
                }
                let mut fold_of = vec![0; num_rows];
                dealt.iter().enumerate().for_each(|(turn, &place)| fold_of[place] = turn % num_folds);
                fold_of
            }
        };
        let tests = self.config.fold.unwrap_or(1) - 1;
        let in_fold = |(place, row): (usize, &u32), wanted: bool| ((fold_of[place] == tests) == wanted).then_some(*row);
        let part = |wanted| rows.iter().enumerate().filter_map(|row| in_fold(row, wanted)).collect();
        Ok((part(false), part(true)))
    }

    /// Divides the rows that are not tested.
    fn divide(&self, mut pool: Vec<u32>, test: Vec<u32>, random: &mut ChaCha8Rng) -> Result<Splits, Invalid> {
        select::limit_per_class(&mut pool, self.dataset, self.config)?;
        let num_pool = pool.len();
        let num_validation = (self.config.validation_fraction * num_pool as f64).round() as usize;
        let (train, validation) = self.cut(pool, num_validation, random)?;
        let splits = Splits::new([train, validation, test]);
        refuse_empty(self.dataset, &splits, num_pool, self.config)?;
        Ok(splits)
    }
}

/// Parts at random.
fn drawn(draw: &Draw<'_>, random: &mut ChaCha8Rng) -> Result<Splits, Invalid> {
    let Draw { dataset, config, .. } = draw;
    let num_rows = dataset.num_rows();
    let (pool, test) = match dataset.num_training_rows {
        Some(n) => {
            let mut rows: Vec<u32> = (0..n as u32).collect();
            rows.shuffle(random);
            (rows, (n as u32..num_rows as u32).collect())
        }
        None if config.folds.is_some() => draw.fold(random)?,
        None => {
            // 0.1 * 30 is 3.0000000000000004 in floating point, but must count as 3.
            let num_test = (config.test_fraction * num_rows as f64 - 1e-9).ceil().max(0.0);
            draw.cut((0..num_rows as u32).collect(), num_test as usize, random)?
        }
    };
    if pool.is_empty() {
        return Err(too_few(dataset, "data.test_fraction", "training", num_rows, "lower"));
    }
    draw.divide(pool, test, random)
}

/// Parts that a column names. If it names no row of validation, these are drawn from the training part.
fn given(parts: &[Part], draw: &Draw<'_>, random: &mut ChaCha8Rng) -> Result<Splits, Invalid> {
    let of = |wanted: Part| -> Vec<u32> {
        (0..).zip(parts).filter(|(_, part)| **part == wanted).map(|(row, _)| row).collect()
    };
    let (mut train, mut validation, test) = (of(Part::Train), of(Part::Validation), of(Part::Test));
    let column = draw.config.split_column.as_deref().unwrap_or_default();
    let lacks = |part: &str, way_out: &str| {
        Invalid::at("data.split_column", format!("no row has the part `{part}` in `{column}`: {way_out}"))
    };
    if train.is_empty() {
        return Err(lacks("train", "name the rows to train on"));
    }
    if test.is_empty() && draw.config.test_fraction > 0.0 {
        return Err(lacks("test", "name the rows to test on, or set data.test_fraction = 0 to do without"));
    }
    train.shuffle(random);
    if validation.is_empty() {
        return draw.divide(train, test, random);
    }
    validation.shuffle(random);
    select::limit_per_class(&mut train, draw.dataset, draw.config)?;
    Ok(Splits::new([train, validation, test]))
}

/// The bin of each number, of `count` with about as many rows in each; equal numbers are in one bin.
fn bins(numbers: &[f64], count: usize) -> Vec<u32> {
    let mut sorted = numbers.to_vec();
    sorted.sort_by(f64::total_cmp);
    let below = |number: &f64| sorted.partition_point(|other| other < number);
    numbers.iter().map(|number| (below(number) * count / sorted.len()) as u32).collect()
}

/// Refuses parts of `num_pool` rows that are empty although some of them are wanted.
fn refuse_empty(dataset: &Dataset, splits: &Splits, num_pool: usize, config: &DataConfig) -> Result<(), Invalid> {
    let key = "data.validation_fraction";
    if splits.train.is_empty() {
        return Err(too_few(dataset, key, "training", num_pool, "lower"));
    }
    if splits.validation.is_empty() && config.validation_fraction > 0.0 {
        let num_wanted = (config.validation_fraction * num_pool as f64).round();
        return Err(match &dataset.target {
            Target::Classes { names, .. } if config.stratify && num_wanted > 0.0 => {
                Invalid::at("data.target", nothing_to_spare(&dataset.target_name, names, num_pool))
            }
            _ => too_few(dataset, key, "validation", num_pool, "raise"),
        });
    }
    Ok(())
}

fn too_few(dataset: &Dataset, key: &str, part: &str, n: usize, way_out: &str) -> Invalid {
    let message = match &dataset.target {
        Target::Text(_) => {
            format!("{key} leaves no {part} window of {n}: {way_out} it, lower data.context, or get more text")
        }
        Target::Classes { .. } | Target::Numbers(_) | Target::Several(_) => {
            format!("{key} leaves no {part} row of {n}: {way_out} it, or get more data")
        }
    };
    Invalid::at(key, message)
}

/// Splits shuffled rows in two: the ones that stay, and `num_out` held out.
fn part(mut rows: Vec<u32>, num_out: usize, labels: Option<&[u32]>, random: &mut ChaCha8Rng) -> (Vec<u32>, Vec<u32>) {
    rows.shuffle(random);
    let Some(labels) = labels else {
        let stay = rows.split_off(num_out.min(rows.len()));
        return (stay, rows);
    };
    let num_classes = rows.iter().map(|&row| labels[row as usize] as usize + 1).max();
    let mut counts = vec![0; num_classes.unwrap_or(0)];
    rows.iter().for_each(|&row| counts[labels[row as usize] as usize] += 1);
    let mut out_of_class = share(num_out, &counts);
    // The rows are shuffled, so the first ones of a class are a random sample of it.
    let goes = |row: &u32| {
        let left = &mut out_of_class[labels[*row as usize] as usize];
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
fn check_classes(dataset: &Dataset, train: &[u32], config: &DataConfig) -> Result<(), Invalid> {
    let Target::Classes { names, labels } = &dataset.target else {
        return Ok(());
    };
    let mut is_seen = vec![false; names.len()];
    train.iter().for_each(|&row| is_seen[labels[row as usize] as usize] = true);
    let Some(class) = is_seen.iter().position(|seen| !seen) else { return Ok(()) };
    let leave_out = "or leave the class out (data.classes names those to keep)";
    let (key, way_out) = match (&dataset.division, config.stratify) {
        (Division::Groups(_), _) => {
            ("data.group", format!("get rows of that class from more of these entities, {leave_out}"))
        }
        (Division::Order { .. }, _) => ("data.order", format!("get earlier rows of that class, {leave_out}")),
        (Division::Given(_), _) => {
            ("data.split_column", format!("name some of them for the training part, {leave_out}"))
        }
        (Division::Free, true) => ("data.target", format!("get more such rows, {leave_out}")),
        (Division::Free, false) => ("data.stratify", "set data.stratify = true, or get more such rows".to_owned()),
    };
    let num_rows = match labels.iter().filter(|&&label| label as usize == class).count() {
        0 => "no row".to_owned(),
        1 => "1 row, and it is not".to_owned(),
        count => format!("{count} rows, and none of them is"),
    };
    Err(Invalid::at(key, format!("class `{}` has {num_rows} in the training part: {way_out}", names[class])))
}

#[cfg(test)]
mod tests {
    use super::{bins, share};

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
    #[test]
    fn bins_have_as_many_rows_and_keep_equal_numbers_together() {
        assert_eq!(bins(&[5.0, 1.0, 3.0, 2.0, 4.0, 0.0], 3), [2, 0, 1, 1, 2, 0]);
        assert_eq!(bins(&[1.0, 1.0, 1.0, 9.0], 2), [0, 0, 0, 1]);
    }
}
