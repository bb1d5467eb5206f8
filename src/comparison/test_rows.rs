//! How much a difference between two configs owes to which rows are in the test part, from the predictions row by row.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use csv::{Reader, StringRecord};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::spread::spread;
use crate::tracking::folder;

const SEED: u64 = 0;
/// Resamples that give the standard error to a few percent, and how many draws of rows are too many to wait for.
const NUM_RESAMPLES: usize = 1000;
const MOST_DRAWS: usize = 10_000_000;
/// What is drawn at the most: with 1000 resamples of as many it is not waited for.
const MOST_UNITS: usize = 10_000;
/// Rows of a run at the most. With as many, a difference owes less than a thousandth of a standard deviation to their choice.
const MOST_ROWS: usize = 2_000_000;

/// What a metric is computed from: a number per row, its mean, and what is done with it.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// 1 for a correct prediction, else 0.
    Right,
    /// -ln of the true class's probability.
    LogLoss,
    Absolute,
    Squared,
    /// The root of the mean of the squares.
    Root,
    /// 1 less the mean of the squares over the variance of the targets.
    R2,
    /// Of several labels: 1 for each that is wrong, else 0.
    Wrong,
    /// Of several labels: 1 where all are right, else 0.
    AllRight,
}

impl Kind {
    fn of(metric: &str) -> Option<Self> {
        Some(match metric {
            "accuracy" => Self::Right,
            "log_loss" => Self::LogLoss,
            "mae" => Self::Absolute,
            "mse" => Self::Squared,
            "rmse" => Self::Root,
            "r2" => Self::R2,
            "hamming_loss" => Self::Wrong,
            "subset_accuracy" => Self::AllRight,
            _ => return None,
        })
    }
}

const GROUPS: &str = "test_groups.csv";

/// The runs of one config on the same rows.
struct Config {
    /// Numbers of the rows, ascending.
    rows: Vec<u64>,
    /// Numbers of each row: 1, or as many as there are targets, whose metric is the mean over them.
    width: usize,
    /// The targets, row by row; none for classes.
    truths: Vec<f64>,
    /// Whom each row is of, where the rows are not independent.
    groups: Option<Vec<u64>>,
    /// For each run the numbers of each row. For metrics that are linear in it one run stands for all: their mean.
    runs: Vec<Vec<f64>>,
}

/// The standard error of the mean of `metric` in the folders `b` less that in `a`, over test rows drawn anew: a paired
/// bootstrap, which draws the same rows for all runs. Efron and Tibshirani 1993, "An Introduction to the Bootstrap",
/// chapter 6. With the number of test rows. Rows of one entity (`data.group`) are drawn together, and what is counted is
/// entities: their rows err alike (Cameron and Miller 2015, "A practitioner's guide to cluster-robust inference").
///
/// `None` for other metrics, unless all runs have predictions of the same rows, and beyond [`MOST_ROWS`] rows, whose choice no
/// longer matters.
pub(super) fn error<P: AsRef<Path>>(a: &[P], b: &[P], metric: &str) -> Option<(f64, usize)> {
    let kind = Kind::of(metric)?;
    let (a, b) = (config(a, kind)?, config(b, kind)?);
    if a.rows != b.rows || a.width != b.width || a.truths != b.truths || a.rows.len() < 2 {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let (unit_of, num_entities) = entities(a.groups.as_ref().or(b.groups.as_ref()), a.rows.len());
    let (unit_of, count) = units(unit_of, num_entities, &mut random);
    if count < 2 {
        return None;
    }
    let (a, b) = (Sums::new(&a, &unit_of, count, kind), Sums::new(&b, &unit_of, count, kind));
    let num_resamples = (MOST_DRAWS / count).clamp(100, NUM_RESAMPLES);
    let mut picked = vec![0; count];
    let differences = (0..num_resamples).map(|_| {
        picked.iter_mut().for_each(|unit| *unit = random.random_range(0..count));
        b.metric(kind, &picked) - a.metric(kind, &picked)
    });
    // A resample may hold a single target, of which there is no R2.
    let differences: Vec<f64> = differences.filter(|difference| difference.is_finite()).collect();
    // The mean of squares within a resample is too small by one row.
    Some((spread(&differences)?.deviation * (count as f64 / (count - 1) as f64).sqrt(), num_entities))
}

/// For each row the number of what is drawn with it: its group, or it alone; and how many there are.
fn entities(groups: Option<&Vec<u64>>, num_rows: usize) -> (Vec<usize>, usize) {
    let Some(groups) = groups else { return ((0..num_rows).collect(), num_rows) };
    let mut numbers: BTreeMap<u64, usize> = groups.iter().map(|&group| (group, 0)).collect();
    numbers.values_mut().enumerate().for_each(|(number, group)| *group = number);
    (groups.iter().map(|group| numbers[group]).collect(), numbers.len())
}

/// For each row the number of the unit that is drawn: one of the entities or, where these are many, as many random sets of them.
/// The mean over such sets varies as that over all, and is drawn in less time.
fn units(mut entity_of: Vec<usize>, num_entities: usize, random: &mut ChaCha8Rng) -> (Vec<usize>, usize) {
    if num_entities <= MOST_UNITS {
        return (entity_of, num_entities);
    }
    let mut unit_of: Vec<usize> = (0..num_entities).map(|entity| entity % MOST_UNITS).collect();
    unit_of.shuffle(random);
    entity_of.iter_mut().for_each(|entity| *entity = unit_of[*entity]);
    (entity_of, MOST_UNITS)
}

/// Sums over the rows of each unit.
struct Sums {
    width: usize,
    counts: Vec<f64>,
    /// For each run those of its numbers, unit by unit.
    runs: Vec<Vec<f64>>,
    /// Those of the targets less their mean, and of its squares, unit by unit; for R2 alone.
    truths: Option<[Vec<f64>; 2]>,
}

impl Sums {
    fn new(config: &Config, unit_of: &[usize], num_units: usize, kind: Kind) -> Self {
        let width = config.width;
        let sums = |value: &dyn Fn(usize) -> f64| {
            let mut sums = vec![0.0; num_units * width];
            for (row, unit) in unit_of.iter().enumerate() {
                (0..width).for_each(|i| sums[unit * width + i] += value(row * width + i));
            }
            sums
        };
        let mut counts = vec![0.0; num_units];
        unit_of.iter().for_each(|&unit| counts[unit] += 1.0);
        let truths = (kind == Kind::R2).then(|| {
            let mut means = vec![0.0; width];
            config.truths.iter().enumerate().for_each(|(at, truth)| means[at % width] += truth);
            means.iter_mut().for_each(|mean| *mean /= unit_of.len() as f64);
            let centered = |at: usize| config.truths[at] - means[at % width];
            [sums(&centered), sums(&|at| centered(at).powi(2))]
        });
        Self { width, counts, runs: config.runs.iter().map(|run| sums(&|at| run[at])).collect(), truths }
    }

    /// The mean of the metric over the runs, on the rows of the picked units.
    fn metric(&self, kind: Kind, picked: &[usize]) -> f64 {
        let count: f64 = picked.iter().map(|&unit| self.counts[unit]).sum();
        let mean = |sums: &[f64], i: usize| picked.iter().map(|&unit| sums[unit * self.width + i]).sum::<f64>() / count;
        let of_target = |sums: &[f64], i: usize| match (kind, &self.truths) {
            (Kind::Root, _) => mean(sums, i).sqrt(),
            (Kind::R2, Some([truths, squares])) => {
                let variance = mean(squares, i) - mean(truths, i).powi(2);
                1.0 - mean(sums, i) / variance
            }
            _ => mean(sums, i),
        };
        let of_run = |sums: &Vec<f64>| (0..self.width).map(|i| of_target(sums, i)).sum::<f64>() / self.width as f64;
        self.runs.iter().map(of_run).sum::<f64>() / self.runs.len() as f64
    }
}

/// Reads the predictions of all runs of a config; `None` unless they are of the same rows.
fn config<P: AsRef<Path>>(folders: &[P], kind: Kind) -> Option<Config> {
    let mut found: Option<Config> = None;
    for folder in folders {
        let Predicted { rows, width, truths, values } = predictions(folder.as_ref(), kind)?;
        match &mut found {
            None => {
                // Without them, rows that err alike would pass for independent ones.
                folder::check_sum(folder.as_ref(), GROUPS).ok()?;
                if folder::is_lost(folder.as_ref(), GROUPS).ok()? {
                    return None;
                }
                let groups = groups(folder.as_ref(), &rows);
                found = Some(Config { rows, width, truths, groups, runs: vec![values] });
            }
            Some(config) if config.rows != rows || config.width != width || config.truths != truths => return None,
            // Their sum, where that is all that counts.
            Some(config) if kind != Kind::Root => {
                config.runs[0].iter_mut().zip(values).for_each(|(sum, value)| *sum += value);
            }
            Some(config) => config.runs.push(values),
        }
    }
    let mut config = found?;
    if kind != Kind::Root {
        config.runs[0].iter_mut().for_each(|sum| *sum /= folders.len() as f64);
    }
    Some(config)
}

/// Whom each of `rows` is of; `None` where they are independent.
fn groups(folder: &Path, rows: &[u64]) -> Option<Vec<u64>> {
    let mut reader = Reader::from_reader(folder::open_table(folder, GROUPS).ok()??);
    let header = reader.headers().ok()?.clone();
    let column = |name: &str| header.iter().position(|column| column == name);
    let (row, group) = (column("row")?, column("group")?);
    let mut group_of = HashMap::new();
    let mut record = StringRecord::new();
    // A row for each that was tested.
    while group_of.len() <= rows.len() && reader.read_record(&mut record).ok()? {
        group_of.insert(record[row].parse::<u64>().ok()?, record[group].parse::<u64>().ok()?);
    }
    rows.iter().map(|row| group_of.get(row).copied()).collect()
}

/// The test rows of a run by ascending number.
struct Predicted {
    rows: Vec<u64>,
    width: usize,
    truths: Vec<f64>,
    values: Vec<f64>,
}

/// What a metric is computed from; `None` if it is of other predictions.
fn predictions(folder: &Path, kind: Kind) -> Option<Predicted> {
    folder::check_sum(folder, "predictions.csv").ok()?;
    let mut reader = Reader::from_reader(folder::open_table(folder, "predictions.csv").ok()??);
    let header = reader.headers().ok()?.clone();
    let mut places: HashMap<&str, usize> = HashMap::new();
    header.iter().enumerate().for_each(|(place, name)| _ = places.entry(name).or_insert(place));
    let column = |name: &str| places.get(name).copied();
    let row = column("row")?;
    let has_probabilities = header.iter().any(|column| column.starts_with("probability_"));
    // One target, or several with their names.
    let targets: Vec<(usize, usize)> = match column("true").zip(column("predicted")) {
        Some(one) => vec![one],
        None => {
            let names = header.iter().filter_map(|name| name.strip_prefix("true_"));
            names.filter_map(|name| column(&format!("true_{name}")).zip(column(&format!("predicted_{name}")))).collect()
        }
    };
    let is_fitting = match kind {
        Kind::Right | Kind::LogLoss => has_probabilities && targets.len() == 1,
        Kind::Wrong | Kind::AllRight => has_probabilities && targets.len() > 1,
        Kind::Absolute | Kind::Squared | Kind::Root | Kind::R2 => !has_probabilities && !targets.is_empty(),
    };
    if !is_fitting {
        return None;
    }
    let width = if matches!(kind, Kind::Right | Kind::LogLoss | Kind::AllRight) { 1 } else { targets.len() };
    let (mut rows, mut truths, mut values) = (Vec::new(), Vec::new(), Vec::new());
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).ok()? {
        if rows.len() == MOST_ROWS {
            return None;
        }
        let number = |column: usize| record[column].parse::<f64>().ok();
        let is_right = |(truth, predicted): (usize, usize)| record[predicted] == record[truth];
        let one = |is_so: bool| f64::from(u8::from(is_so));
        let error = |(truth, predicted): (usize, usize)| Some(number(predicted)? - number(truth)?);
        match kind {
            Kind::Right => values.push(one(is_right(targets[0]))),
            Kind::LogLoss => {
                let probability = number(column(&format!("probability_{}", &record[targets[0].0]))?)?;
                values.push(-probability.max(f64::MIN_POSITIVE).ln());
            }
            Kind::AllRight => values.push(one(targets.iter().all(|&target| is_right(target)))),
            Kind::Wrong => values.extend(targets.iter().map(|&target| one(!is_right(target)))),
            Kind::Absolute | Kind::Squared | Kind::Root | Kind::R2 => {
                for &target in &targets {
                    let error = error(target)?;
                    values.push(if kind == Kind::Absolute { error.abs() } else { error.powi(2) });
                    truths.push(number(target.0)?);
                }
            }
        }
        rows.push(record[row].parse::<u64>().ok()?);
    }
    if !rows.is_sorted() {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by_key(|&place| rows[place]);
        let sorted = |of_rows: &[f64]| -> Vec<f64> {
            // Of classes there are no truths.
            let width = if of_rows.is_empty() { 0 } else { width };
            order.iter().flat_map(|&place| &of_rows[place * width..][..width]).copied().collect()
        };
        (truths, values) = (sorted(&truths), sorted(&values));
        rows.sort_unstable();
    }
    Some(Predicted { rows, width, truths, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with predictions that are right in all but `wrong` of 100 rows, in any order of the rows.
    fn folder(wrong: std::ops::Range<usize>, reversed: bool) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let line = |row: usize| format!("{row},a,{},0.75,0.25\n", if wrong.contains(&row) { "b" } else { "a" });
        let mut lines: Vec<String> = (0..100).map(line).collect();
        if reversed {
            lines.reverse();
        }
        let text = format!("row,true,predicted,probability_a,probability_b\n{}", lines.concat());
        std::fs::write(folder.path().join("predictions.csv"), text).unwrap();
        folder
    }

    /// By hand: two models that differ in 10 of 100 rows, all for the better, have a difference of 0.1 with the standard
    /// error of a proportion, sqrt(0.1 x 0.9 / 100) = 0.03.
    #[test]
    fn a_difference_of_proportions_has_the_standard_error_of_a_proportion() {
        let (a, b) = (folder(0..20, false), folder(0..10, true));
        let (found, num_rows) = error(&[a.path()], &[b.path()], "accuracy").unwrap();
        assert!((found - 0.03).abs() < 0.002 && num_rows == 100, "{found}");
        // What both get wrong says nothing about the difference.
        assert_eq!(error(&[a.path()], &[a.path()], "accuracy"), Some((0.0, 100)));
        assert_eq!(error(&[a.path()], &[b.path()], "log_loss"), Some((0.0, 100)));
        assert_eq!((error(&[a.path()], &[b.path()], "f1"), error(&[a.path()], &[b.path()], "r2")), (None, None));
        assert_eq!(error(&[a.path()], &[tempfile::tempdir().unwrap().path()], "accuracy"), None);
    }

    /// By hand: 20 groups of 5 rows, of which a model is better in all rows of 2. With the groups as the draws the proportion
    /// of 0.1 has the standard error sqrt(0.1 x 0.9 / 20) = 0.067, and with the rows as the draws 0.03.
    #[test]
    fn rows_of_a_group_are_drawn_together() {
        let (a, b) = (folder(0..20, false), folder(0..10, true));
        let lines: String = (0..100).map(|row| format!("{row},{}\n", row / 5)).collect();
        for folder in [&a, &b] {
            std::fs::write(folder.path().join("test_groups.csv"), format!("row,group\n{lines}")).unwrap();
        }
        let (found, num_groups) = error(&[a.path()], &[b.path()], "accuracy").unwrap();
        // The mean of squares within a resample is too small by one group: x sqrt(20 / 19).
        assert!((found - 0.067).abs() < 0.006 && num_groups == 20, "{found}");
        // Without the groups that training has written, or with others, nothing is known of the rows.
        let groups = a.path().join("test_groups.csv");
        crate::tracking::folder::write_sums(a.path(), &["test_groups.csv"]).unwrap();
        std::fs::write(&groups, format!("row,group\n{}", lines.replace(",1\n", ",2\n"))).unwrap();
        assert_eq!(error(&[a.path()], &[b.path()], "accuracy"), None);
        std::fs::remove_file(&groups).unwrap();
        assert_eq!(error(&[a.path()], &[b.path()], "accuracy"), None);
    }

    /// By hand, as for 100 rows: sqrt(0.1 x 0.9 / 40,000) = 0.0015, drawn in sets of rows.
    #[test]
    fn many_rows_are_drawn_in_sets() {
        let folder = |wrong: usize| {
            let folder = tempfile::tempdir().unwrap();
            let line = |row: usize| format!("{row},a,{},0.75,0.25\n", if row % 10 < wrong { "b" } else { "a" });
            let lines: String = (0..40_000).map(line).collect();
            let text = format!("row,true,predicted,probability_a,probability_b\n{lines}");
            std::fs::write(folder.path().join("predictions.csv"), text).unwrap();
            folder
        };
        let (a, b) = (folder(2), folder(1));
        let (found, num_rows) = error(&[a.path()], &[b.path()], "accuracy").unwrap();
        assert!((found - 0.0015).abs() < 0.0001 && num_rows == 40_000, "{found}");
    }

    /// By hand: all errors are 1 in a and 2 in b, so that rows drawn anew leave the differences of RMSE and MAE at 1, and
    /// that of R2 at 3 over the variance of the targets 0 and 1.
    #[test]
    fn numbers_have_errors_in_their_own_units() {
        let folder = |error: f64| {
            let folder = tempfile::tempdir().unwrap();
            let line = |row: usize| format!("{row},{},{}\n", row % 2, (row % 2) as f64 + error);
            let lines: String = (0..400).map(line).collect();
            std::fs::write(folder.path().join("predictions.csv"), format!("row,true,predicted\n{lines}")).unwrap();
            folder
        };
        let (a, b) = (folder(1.0), folder(2.0));
        for metric in ["rmse", "mae", "mse"] {
            assert!(error(&[a.path(), a.path()], &[b.path(), b.path()], metric).unwrap().0 < 1e-9, "{metric}");
        }
        // The variance p (1 - p) of a proportion p = 0.5 has the derivative 1 - 2 p = 0: R2 hardly varies.
        assert!(error(&[a.path()], &[b.path()], "r2").unwrap().0 < 0.06);
    }

    /// By hand: of two numbers one has the errors 1 and 2, the other 3 and 3 in both models, so that the mean over both differs
    /// by half as much; and of two labels the second is wrong in 10 of 100 rows of the first model alone.
    #[test]
    fn several_targets_have_the_mean_over_them() {
        let folder = |header: &str, line: &dyn Fn(usize) -> String| {
            let folder = tempfile::tempdir().unwrap();
            let text = format!("{header}\n{}", (0..100).map(line).collect::<String>());
            std::fs::write(folder.path().join("predictions.csv"), text).unwrap();
            folder
        };
        let numbers = |error: f64| {
            folder("row,true_x,true_y,predicted_x,predicted_y", &|row| {
                let (x, y) = ((row % 2) as f64, (row % 3) as f64);
                format!("{row},{x},{y},{},{}\n", x + error * (row % 5) as f64, y + 3.0)
            })
        };
        let (a, b) = (numbers(1.0), numbers(2.0));
        // The errors of x are 0 to 4 by their place, and twice that: their mean over drawn rows varies as it does.
        let (mae, _) = error(&[a.path()], &[b.path()], "mae").unwrap();
        assert!((mae - 0.5 * (2f64 / 99.0).sqrt()).abs() < 0.005, "{mae}");
        assert!(error(&[a.path()], &[b.path()], "r2").is_some() && error(&[a.path()], &[b.path()], "rmse").is_some());
        let labels = |wrong: usize| {
            folder("row,true_x,true_y,predicted_x,predicted_y,probability_x,probability_y", &|row| {
                format!("{row},1,0,1,{},0.5,0.5\n", u8::from(row < wrong))
            })
        };
        let (a, b) = (labels(20), labels(10));
        let (subset, _) = error(&[a.path()], &[b.path()], "subset_accuracy").unwrap();
        let (hamming, _) = error(&[a.path()], &[b.path()], "hamming_loss").unwrap();
        // sqrt(0.1 x 0.9 / 100), and half of it
        assert!((subset - 0.03).abs() < 0.002 && (hamming - 0.015).abs() < 0.001, "{subset} {hamming}");
        assert_eq!(error(&[a.path()], &[b.path()], "accuracy"), None);
    }
}
