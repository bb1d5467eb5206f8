//! The configs of an experiment, best first, each compared with the best.
//!
//! A config is what runs have in common that differ in seed or fold alone. The best is the one with the best mean among
//! those with more than one repetition: a single lucky run leads nothing.

use std::cmp::Ordering;
use std::collections::{BTreeSet, HashMap};

use serde::Serialize;
use serde_json::Value;

use super::field::Recorded;
use super::headline::task_metric;
use super::judge::{Comparison, judge_groups};
use super::params::{PLACES, tells_configs_apart};
use super::repetition::{counts, folds, mean_seconds, num_repetitions, per_repetition, repetition_key};
use super::spread::{mean_interval, spread};
use super::untrained::baseline;
use crate::metric::Goal;
use crate::tracking::{MetricKey, Run, RunId, Store, TrackingError, UtcTime};

/// The most configs that are judged, those with the best means: where test rows are fixed, each costs a bootstrap over their
/// predictions, up to 10 million draws.
const MOST_JUDGED: usize = 50;
/// The most values of a [`Summary`]'s line.
const MOST_RECENT: usize = 40;
/// The most params in a name.
const MOST_IN_NAME: usize = 6;

/// The configs of an experiment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Leaderboard {
    /// What they are compared by; null where no run has a metric with a better direction.
    pub metric: Option<MetricKey>,
    /// The metrics that it could be instead.
    pub metrics: Vec<MetricKey>,
    /// Best first; those without a result last.
    pub rows: Vec<Row>,
    /// What the leader would score without looking at its inputs; null where its runs do not say.
    pub baseline: Option<f64>,
    /// Number of p-values that the correction is for.
    pub num_tests: usize,
    /// A sentence on how much the best owes to chance.
    pub luck: Option<String>,
}

/// One config.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The params that tell it from the others: `hidden [64]`.
    pub name: String,
    /// Its runs, the newest first, those among them that have not finished too.
    pub runs: Vec<RunId>,
    /// How many of them count: finished, with a finite result.
    pub num_results: usize,
    /// How many seeds, or folds, they are of.
    pub num_seeds: usize,
    /// The number of folds where they are of a cross-validation.
    pub folds: Option<u64>,
    /// The mean over seeds, and its 95 % interval; null without results, and for fewer than two.
    pub mean: Option<f64>,
    pub interval: Option<(f64, f64)>,
    /// Mean training time in seconds.
    pub seconds: Option<f64>,
    /// Whether the others are compared with it.
    pub is_leader: bool,
    /// Null for the leader, for those without results, and beyond the number that is judged.
    pub comparison: Option<Comparison>,
}

/// An experiment in one line.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    pub name: String,
    /// What it is trained on: the name of a source or of a file.
    pub data: Option<String>,
    pub num_runs: usize,
    pub num_configs: usize,
    pub metric: Option<MetricKey>,
    pub best: Option<Best>,
    /// The metric of the latest finished runs in the order of their start; values that are not finite are left out.
    pub recent: Vec<f64>,
    /// When a run last started or ended.
    pub last: UtcTime,
}

/// The best config of a [`Summary`].
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Best {
    /// As in [`Row::name`]; empty if there is but one config.
    pub name: String,
    pub run: RunId,
    pub num_seeds: usize,
    pub mean: f64,
    pub interval: Option<(f64, f64)>,
}

/// The configs of `runs`, which are those of one experiment, newest first, by the metric `asked` or that of their task.
///
/// # Errors
/// A metric that no finished run has, or of which no direction is better.
pub fn leaderboard(store: &Store, runs: &[Run], asked: Option<&str>) -> Result<Leaderboard, TrackingError> {
    let runs: Vec<&Run> = runs.iter().filter(|run| !run.record.archived).collect();
    let counted = runs.iter().copied().filter(|run| counts(*run));
    let keys =
        counted.clone().flat_map(|run| run.metrics.keys()).filter(|key| key.split() != "train" && key.goal().is_some());
    let metrics: BTreeSet<&MetricKey> = keys.collect();
    let metrics: Vec<MetricKey> = metrics.into_iter().cloned().collect();
    let metric = match asked {
        None => task_metric(counted),
        Some(asked) => Some(metrics.iter().find(|key| key.as_str() == asked).cloned().ok_or_else(|| {
            let known = metrics.iter().map(ToString::to_string).collect();
            TrackingError::NotCompared { asked: asked.to_owned(), known }
        })?),
    };
    let mut groups: Vec<Vec<&Run>> = Vec::new();
    let mut indices: HashMap<String, usize> = HashMap::new();
    for &run in &runs {
        let index = *indices.entry(repetition_key(run)).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.push(run),
            None => groups.push(vec![run]),
        }
    }
    let names = names(&groups);
    let mut configs: Vec<Config<Run>> =
        groups.iter().zip(names).map(|(group, name)| Config::new(name, group.clone(), metric.as_ref())).collect();
    if let Some(goal) = metric.as_ref().and_then(MetricKey::goal) {
        configs.sort_by(|a, b| a.order(b, goal));
    }
    let leader = leader(&configs);
    let judged: Vec<usize> = leader
        .into_iter()
        .chain((0..configs.len()).filter(|&index| Some(index) != leader && configs[index].mean.is_some()))
        .take(MOST_JUDGED)
        .collect();
    let mut comparisons = vec![None; configs.len()];
    let (mut num_tests, mut luck) = (0, None);
    if let Some(metric) = metric.as_ref().filter(|_| judged.len() > 1) {
        let groups =
            judged.iter().map(|&index| (configs[index].name.clone(), configs[index].counted.clone())).collect();
        let found = judge_groups(store, groups, metric.clone())?;
        (num_tests, luck) = (found.num_tests, found.luck);
        for (&index, compared) in judged.iter().zip(found.configs) {
            comparisons[index] = compared.comparison;
        }
    }
    let newest = leader.and_then(|index| configs[index].counted.first().copied());
    let baseline = newest.zip(metric.as_ref()).and_then(|(run, metric)| baseline(store, run, metric));
    let rows = configs.into_iter().zip(comparisons).enumerate().map(|(index, (config, comparison))| Row {
        is_leader: leader == Some(index),
        runs: config.runs.iter().map(|run| run.record.id.clone()).collect(),
        num_results: config.counted.len(),
        num_seeds: num_repetitions(&config.counted),
        folds: config.counted.first().and_then(|run| folds(*run)),
        seconds: mean_seconds(&config.runs),
        mean: config.mean,
        interval: config.interval,
        name: config.name,
        comparison,
    });
    Ok(Leaderboard { rows: rows.collect(), metric, metrics, baseline, num_tests, luck })
}

/// One line on the experiment of `groups`: the runs of each config, in any order, without archived ones.
pub fn summary<R: Recorded>(name: &str, groups: &[Vec<&R>]) -> Option<Summary> {
    let mut runs: Vec<&R> = groups.iter().flatten().copied().collect();
    runs.sort_by_key(|run| run.record().started);
    let newest = *runs.last()?;
    let counted = runs.iter().copied().filter(|run| counts(*run));
    let metric = task_metric(counted.clone());
    let names = names(groups);
    let configs = groups.iter().zip(names).map(|(group, name)| Config::new(name, group.clone(), metric.as_ref()));
    let mut configs: Vec<Config<R>> = configs.collect();
    let num_configs = configs.len();
    if let Some(goal) = metric.as_ref().and_then(MetricKey::goal) {
        configs.sort_by(|a, b| a.order(b, goal));
    }
    let best = leader(&configs).and_then(|index| {
        let config = configs.swap_remove(index);
        Some(Best {
            name: if num_configs > 1 { config.name } else { String::new() },
            run: config.counted.first()?.record().id.clone(),
            num_seeds: num_repetitions(&config.counted),
            mean: config.mean?,
            interval: config.interval,
        })
    });
    let values = counted.filter_map(|run| Some(run.metric(metric.as_ref()?)?.last)).filter(|value| value.is_finite());
    let values: Vec<f64> = values.collect();
    let recent = values[values.len().saturating_sub(MOST_RECENT)..].to_vec();
    let last = runs.iter().map(|run| run.record().ended.unwrap_or(run.record().started)).max()?;
    Some(Summary {
        name: name.to_owned(),
        data: data(newest),
        num_runs: runs.len(),
        num_configs,
        metric,
        best,
        recent,
        last,
    })
}

/// The runs of one config, and what they reached.
struct Config<'a, R> {
    name: String,
    runs: Vec<&'a R>,
    /// Those with a result.
    counted: Vec<&'a R>,
    mean: Option<f64>,
    interval: Option<(f64, f64)>,
}

impl<'a, R: Recorded> Config<'a, R> {
    fn new(name: String, runs: Vec<&'a R>, metric: Option<&MetricKey>) -> Self {
        let has_result = |run: &&R| {
            counts(*run) && metric.and_then(|key| run.metric(key)).is_some_and(|value| value.last.is_finite())
        };
        let counted: Vec<&R> = runs.iter().copied().filter(has_result).collect();
        let values = metric.map(|key| per_repetition(&counted, key)).unwrap_or_default();
        let folds = counted.first().and_then(|run| folds(*run));
        let mean = spread(&values).map(|spread| spread.mean);
        let interval = metric.and_then(|key| mean_interval(key, &values, folds));
        Self { name, runs, counted, mean, interval }
    }

    /// The best first, those without a result last.
    fn order(&self, other: &Self, goal: Goal) -> Ordering {
        match (self.mean, other.mean, goal) {
            (Some(a), Some(b), Goal::Higher) => b.total_cmp(&a),
            (Some(a), Some(b), Goal::Lower) => a.total_cmp(&b),
            (a, b, _) => b.is_some().cmp(&a.is_some()),
        }
    }
}

/// The first with more than one repetition, or else the first with a result.
fn leader<R: Recorded>(configs: &[Config<R>]) -> Option<usize> {
    let is_repeated = |config: &Config<R>| config.mean.is_some() && num_repetitions(&config.counted) > 1;
    configs.iter().position(is_repeated).or_else(|| configs.iter().position(|config| config.mean.is_some()))
}

/// What tells each config from the others: `hidden [64]`. Where no param does, it is the data, which get numbers.
fn names<R: Recorded>(groups: &[Vec<&R>]) -> Vec<String> {
    let firsts: Vec<&R> = groups.iter().filter_map(|group| group.first().copied()).collect();
    let keys: BTreeSet<&str> = firsts.iter().flat_map(|run| run.params()).collect();
    let is_known = firsts.iter().all(|run| run.param("data.path").is_none() || run.record().data.is_some());
    let differs = |key: &&str| {
        tells_configs_apart(key)
            && !(is_known && PLACES.contains(key))
            && firsts.windows(2).any(|pair| pair[0].param(key) != pair[1].param(key))
    };
    let keys: Vec<&str> = keys.into_iter().filter(differs).collect();
    let short = |key: &str| key.rsplit('.').next().unwrap_or(key).to_owned();
    let label = |key: &str| {
        let is_unique = keys.iter().filter(|other| short(other) == short(key)).count() == 1;
        if is_unique { short(key) } else { key.to_owned() }
    };
    let text = |value: Option<&Value>| match value {
        None => "–".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    };
    let name = |run: &&R| {
        let mut parts: Vec<String> =
            keys.iter().take(MOST_IN_NAME).map(|key| format!("{} {}", label(key), text(run.param(key)))).collect();
        if keys.len() > MOST_IN_NAME {
            parts.push("…".to_owned());
        }
        parts.join(" · ")
    };
    let mut names: Vec<String> = firsts.iter().map(name).collect();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let all = names.clone();
    for name in &mut names {
        if all.iter().filter(|other| *other == name).count() > 1 {
            let number = numbers.entry(name.clone()).or_default();
            *number += 1;
            let space = if name.is_empty() { "" } else { " · " };
            *name = format!("{name}{space}variant {number}");
        }
    }
    names
}

/// The source, or else the name of the file.
fn data(run: &impl Recorded) -> Option<String> {
    let param = |key: &str| run.param(key).and_then(Value::as_str);
    let file = |path: &str| path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned();
    param("data.path").map(file).or_else(|| param("data.source").map(str::to_owned))
}
