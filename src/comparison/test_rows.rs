//! How much a difference between two configs owes to which rows are in the test part, from the predictions row by row.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use csv::{Reader, StringRecord};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::spread::spread;
use crate::tracking::folder;

const SEED: u64 = 0;
/// Resamples that give the standard error to a few percent, and how many draws of rows are too many to wait for.
const NUM_RESAMPLES: usize = 1000;
const MOST_DRAWS: usize = 10_000_000;

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

/// The runs of one config on the same rows.
struct Config {
    /// Numbers of the rows, ascending.
    rows: Vec<u64>,
    /// Numbers of each row: 1, or as many as there are targets, whose metric is the mean over them.
    width: usize,
    /// The targets, row by row; 0 for classes.
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
/// `None` for other metrics, and unless all runs have predictions of the same rows.
pub(super) fn error<P: AsRef<Path>>(a: &[P], b: &[P], metric: &str) -> Option<(f64, usize)> {
    let kind = Kind::of(metric)?;
    let (a, b) = (config(a, kind)?, config(b, kind)?);
    if a.rows != b.rows || a.width != b.width || a.truths != b.truths || a.rows.len() < 2 {
        return None;
    }
    let draws = together(a.groups.as_ref().or(b.groups.as_ref()), a.rows.len());
    let count = draws.len();
    if count < 2 {
        return None;
    }
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut picked = Vec::with_capacity(a.rows.len());
    let num_resamples = (MOST_DRAWS / a.rows.len()).clamp(100, NUM_RESAMPLES);
    let differences = (0..num_resamples).map(|_| {
        picked.clear();
        (0..count).for_each(|_| picked.extend_from_slice(&draws[random.random_range(0..count)]));
        b.metric(kind, &picked) - a.metric(kind, &picked)
    });
    // A resample may hold a single target, of which there is no R2.
    let differences: Vec<f64> = differences.filter(|difference| difference.is_finite()).collect();
    // The mean of squares within a resample is too small by one row.
    Some((spread(&differences)?.deviation * (count as f64 / (count - 1) as f64).sqrt(), count))
}

/// The rows that are drawn together: those of a group, or each alone.
fn together(groups: Option<&Vec<u64>>, num_rows: usize) -> Vec<Vec<usize>> {
    let Some(groups) = groups else { return (0..num_rows).map(|row| vec![row]).collect() };
    let mut of_group: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    groups.iter().enumerate().for_each(|(row, &group)| of_group.entry(group).or_default().push(row));
    of_group.into_values().collect()
}

impl Config {
    /// The mean of the metric over the runs, on the picked rows.
    fn metric(&self, kind: Kind, picked: &[usize]) -> f64 {
        let count = picked.len() as f64;
        let mean =
            |values: &[f64], i: usize| picked.iter().map(|&row| values[row * self.width + i]).sum::<f64>() / count;
        let of_target = |values: &[f64], i: usize| match kind {
            Kind::Root => mean(values, i).sqrt(),
            Kind::R2 => {
                let center = mean(&self.truths, i);
                let deviation = |&row: &usize| (self.truths[row * self.width + i] - center).powi(2);
                let spread = picked.iter().map(deviation).sum::<f64>() / count;
                1.0 - mean(values, i) / spread
            }
            _ => mean(values, i),
        };
        let of_run = |values: &Vec<f64>| (0..self.width).map(|i| of_target(values, i)).sum::<f64>() / self.width as f64;
        self.runs.iter().map(of_run).sum::<f64>() / self.runs.len() as f64
    }
}

/// Reads the predictions of all runs of a config; `None` unless they are of the same rows.
fn config<P: AsRef<Path>>(folders: &[P], kind: Kind) -> Option<Config> {
    let mut found: Option<Config> = None;
    for folder in folders {
        let (rows, truths, values) = predictions(folder.as_ref(), kind)?;
        let width = values.len() / rows.len().max(1);
        match &mut found {
            None => {
                let groups = groups(folder.as_ref(), &rows);
                found = Some(Config { rows, width, truths, groups, runs: vec![values] });
            }
            Some(config) if config.rows != rows || config.truths != truths => return None,
            Some(config) => config.runs.push(values),
        }
    }
    let mut config = found?;
    if kind != Kind::Root {
        let num_runs = config.runs.len() as f64;
        let mean = |place: usize| config.runs.iter().map(|run| run[place]).sum::<f64>() / num_runs;
        config.runs = vec![(0..config.rows.len() * config.width).map(mean).collect()];
    }
    Some(config)
}

/// Whom each of `rows` is of; `None` where they are independent.
fn groups(folder: &Path, rows: &[u64]) -> Option<Vec<u64>> {
    let mut reader = Reader::from_reader(folder::open_table(folder, "test_groups.csv").ok()??);
    let header = reader.headers().ok()?.clone();
    let column = |name: &str| header.iter().position(|column| column == name);
    let (row, group) = (column("row")?, column("group")?);
    let mut group_of = HashMap::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).ok()? {
        group_of.insert(record[row].parse::<u64>().ok()?, record[group].parse::<u64>().ok()?);
    }
    rows.iter().map(|row| group_of.get(row).copied()).collect()
}

/// Of each test row, by ascending number: its number, targets and values.
fn predictions(folder: &Path, kind: Kind) -> Option<(Vec<u64>, Vec<f64>, Vec<f64>)> {
    let mut reader = Reader::from_reader(folder::open_table(folder, "predictions.csv").ok()??);
    let header = reader.headers().ok()?.clone();
    let column = |name: &str| header.iter().position(|column| column == name);
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
    let mut found: Vec<(u64, Vec<f64>, Vec<f64>)> = Vec::new();
    let mut record = StringRecord::new();
    while reader.read_record(&mut record).ok()? {
        let number = |column: usize| record[column].parse::<f64>().ok();
        let is_right = |(truth, predicted): (usize, usize)| record[predicted] == record[truth];
        let one = |is_so: bool| f64::from(u8::from(is_so));
        let error = |(truth, predicted): (usize, usize)| Some(number(predicted)? - number(truth)?);
        let of_each = |value: &dyn Fn((usize, usize)) -> Option<f64>| {
            targets.iter().map(|&target| value(target)).collect::<Option<Vec<f64>>>()
        };
        let values = match kind {
            Kind::Right => vec![one(is_right(targets[0]))],
            Kind::LogLoss => {
                let probability = number(column(&format!("probability_{}", &record[targets[0].0]))?)?;
                vec![-probability.max(f64::MIN_POSITIVE).ln()]
            }
            Kind::Wrong => of_each(&|target| Some(one(!is_right(target))))?,
            Kind::AllRight => vec![one(targets.iter().all(|&target| is_right(target)))],
            Kind::Absolute => of_each(&|target| Some(error(target)?.abs()))?,
            Kind::Squared | Kind::Root | Kind::R2 => of_each(&|target| Some(error(target)?.powi(2)))?,
        };
        let truths = match has_probabilities {
            true => vec![0.0; values.len()],
            false => of_each(&|(truth, _)| number(truth))?,
        };
        found.push((record[row].parse().ok()?, truths, values));
    }
    found.sort_by_key(|(row, ..)| *row);
    let truths = found.iter().flat_map(|row| &row.1).copied().collect();
    let values = found.iter().flat_map(|row| &row.2).copied().collect();
    Some((found.into_iter().map(|row| row.0).collect(), truths, values))
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
