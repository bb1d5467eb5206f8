//! Several trained runs of one config, other seeds or folds, whose predictions are averaged.

use std::collections::BTreeSet;

use anyhow::ensure;

use super::run_folder::RunFolder;
use super::saved_model::SavedModel;
use crate::comparison::judge::retrain;
use crate::comparison::{counts, folds, groups, repetition_key, same_rows};
use crate::data::{PreparedTarget, Preprocessor};
use crate::figures::counted;
use crate::invalid::one_line;
use crate::shell::command;
use crate::tracking::{Location, Run, RunId, Store};
use crate::training::evaluation::Answer;
use crate::training::ordered::median;

/// Most configs that an error lists.
const MAX_LISTED: usize = 5;
/// Seeds to suggest where there is one run.
const NUM_SEEDS: usize = 10;

/// At least two models of one config, by seed and fold.
pub struct Ensemble {
    /// The experiment.
    pub name: String,
    pub members: Vec<Member>,
}

/// A run of an ensemble, and its model.
pub struct Member {
    pub run: Run,
    pub model: SavedModel,
}

/// What the members of an ensemble make of one row.
#[derive(Clone, Debug, PartialEq)]
pub struct Averaged {
    /// The class of the largest mean probability (the first of equal ones) with the mean probabilities, or the mean number.
    pub answer: Answer,
    /// Classes: the share of the members that predict this class by themselves. A number: the standard deviation between
    /// the members, in target units.
    pub spread: f64,
}

impl Ensemble {
    /// The finished runs of the one config of the experiment `query`, or of the config of the run `query`, of each seed
    /// and fold the newest one.
    ///
    /// # Errors
    /// No such run; an experiment of several configs; fewer than two runs; a language model; runs whose models do not
    /// predict the same classes from the same columns; files that are gone, or on another host.
    pub fn open(location: &Location, query: &str) -> anyhow::Result<Self> {
        let store = Store::open_read_only_at(location)?;
        let runs = chosen(&store, query)?;
        let members = runs.into_iter().map(|run| {
            let folder = RunFolder::find(location, run.record.id.as_str())?;
            let model = SavedModel::open(&folder)?;
            model.refuse_text("an ensemble predicts the rows of a table")?;
            model.refuse_several("an ensemble")?;
            ensure!(
                model.preprocessor.threshold.is_none(),
                "run `{}` tells its classes apart at a threshold of its own, which the mean of several has none of: train them \
                 without training.threshold",
                model.name()
            );
            Ok(Member { run, model })
        });
        let members = members.collect::<anyhow::Result<Vec<_>>>()?;
        for member in &members[1..] {
            check_alike(&members[0].model, &member.model)?;
        }
        Ok(Self { name: members[0].run.record.experiment.clone(), members })
    }

    /// The model of the first member, which stands for what all have in common.
    pub fn first(&self) -> &SavedModel {
        &self.members[0].model
    }

    /// `10 seeds`, `5 folds`, or `30 runs` of several seeds and folds.
    pub fn size(&self) -> String {
        let seeds: BTreeSet<u64> = self.members.iter().map(|member| member.run.record.seed).collect();
        let noun = match (folds(&self.members[0].run), seeds.len()) {
            (None, _) => "seed",
            (Some(_), 1) => "fold",
            (Some(_), _) => "run",
        };
        counted(self.members.len(), noun)
    }

    /// Whether the classes have an order.
    pub fn is_ordered(&self) -> bool {
        is_ordered(&self.first().preprocessor)
    }

    /// The models of the members.
    pub fn models(&self) -> Vec<&SavedModel> {
        self.members.iter().map(|member| &member.model).collect()
    }

    /// The name of the column with [`Averaged::spread`].
    pub fn spread_column(&self) -> &'static str {
        if self.first().preprocessor.class_names().is_empty() { "standard_deviation" } else { "agreement" }
    }

    /// Fails unless all members are tested on the same rows: elsewhere the test rows of one are among those that another
    /// was trained with, and their average would be judged by what it remembers.
    ///
    /// # Errors
    /// Why the average cannot be judged on the members' test rows, and what to do instead.
    pub fn check_same_test_rows(&self) -> anyhow::Result<()> {
        let runs: Vec<&Run> = self.members.iter().map(|member| &member.run).collect();
        let is_tested = |run: &&Run| run.record.data.as_ref().is_none_or(|data| !data.test.is_empty());
        ensure!(runs.iter().all(is_tested), "the runs have no test rows: name a file with --data");
        if runs[1..].iter().all(|run| same_rows(runs[0], run)) {
            return Ok(());
        }
        let group = command(&["runs", "list", "--group", "--filter", &format!("name = \"{}\"", self.name)]);
        match folds(runs[0]) {
            Some(_) => anyhow::bail!(
                "each fold tests on rows that the other members were trained with, so their average cannot be judged on \
                 them: name a file of new rows with --data; the mean of the members on the rows that each has not seen: \
                 `{group}`"
            ),
            None => anyhow::bail!(
                "each seed has test rows of its own, which other members were trained with, so their average cannot be \
                 judged on them: name a file of new rows with --data, or train the seeds with \
                 --set data.split_seed={}, which gives all of them the same test rows",
                runs[0].record.seed
            ),
        }
    }
}

/// Whether the classes have an order.
pub fn is_ordered(preprocessor: &Preprocessor) -> bool {
    matches!(preprocessor.target, PreparedTarget::Ordered(_))
}

/// The members' average for one row, of at least one answer; `is_ordered`: of classes that have an order.
pub fn average(answers: &[&Answer], is_ordered: bool) -> Averaged {
    let num = answers.len() as f64;
    let mean = |value: &dyn Fn(&Answer) -> f64| answers.iter().map(|answer| value(answer)).sum::<f64>() / num;
    let num_classes = answers[0].probabilities.len();
    if num_classes == 0 {
        let predicted = mean(&Answer::first);
        let squares: f64 = answers.iter().map(|answer| (answer.first() - predicted).powi(2)).sum();
        let spread = if answers.len() > 1 { (squares / (num - 1.0)).sqrt() } else { 0.0 };
        let num_levels = answers[0].quantiles.len();
        let quantiles = (0..num_levels).map(|level| mean(&|answer| answer.quantiles[level])).collect();
        return Averaged {
            answer: Answer { predicted: vec![predicted], probabilities: Vec::new(), quantiles },
            spread,
        };
    }
    let probabilities: Vec<f64> = (0..num_classes).map(|class| mean(&|answer| answer.probabilities[class])).collect();
    let better = |best: usize, class: usize| if probabilities[class] > probabilities[best] { class } else { best };
    let predicted = match is_ordered {
        true => median(&probabilities),
        false => (0..num_classes).fold(0, better),
    };
    let predicted = predicted as f64;
    let spread = mean(&|answer| if answer.first() == predicted { 1.0 } else { 0.0 });
    Averaged { answer: Answer { predicted: vec![predicted], probabilities, quantiles: Vec::new() }, spread }
}

/// The runs of the config that `query` names, by seed and fold.
fn chosen(store: &Store, query: &str) -> anyhow::Result<Vec<Run>> {
    let ids = store.ids_of(query)?;
    let mut runs = match &ids[..] {
        [] => {
            let run = store.find(query).map_err(|error| match std::path::Path::new(query).is_dir() {
                true => {
                    anyhow::anyhow!("an ensemble is of runs in a store: name an experiment, or a run, not a folder")
                }
                false => error.into(),
            })?;
            ensure!(
                counts(&run),
                "run `{}` is {}{}: an ensemble is of finished runs",
                run.record.id,
                store.shown(&run),
                if run.record.archived { ", and archived" } else { "" }
            );
            finished_of(&store.runs()?, &run)
        }
        ids => {
            let is_of_it = |run: &Run| counts(run) && ids.contains(&run.record.id);
            let runs: Vec<Run> = store.runs()?.into_iter().filter(is_of_it).collect();
            let configs = groups(runs.iter());
            ensure!(!configs.is_empty(), "no run of `{query}` has finished");
            ensure!(configs.len() == 1, "{}", several_configs(query, &configs));
            runs
        }
    };
    let newest = runs[0].record.id.clone();
    keep_newest(&mut runs);
    ensure!(
        runs.len() > 1,
        "`{query}` has one run of this config, and an ensemble averages several: `{}` trains more",
        retrain(store, &newest, runs[0].record.seed.wrapping_add(1), NUM_SEEDS - 1)
    );
    Ok(runs)
}

/// The finished runs of the config of `run`, of each seed and fold the newest one.
///
/// # Errors
/// A store that cannot be read.
pub fn repetitions(store: &Store, run: &Run) -> anyhow::Result<Vec<Run>> {
    let mut runs = finished_of(&store.runs()?, run);
    keep_newest(&mut runs);
    Ok(runs)
}

/// The finished runs of the config of `run`, in the order of `all`.
fn finished_of(all: &[Run], run: &Run) -> Vec<Run> {
    let key = repetition_key(run);
    let is_of_it = |other: &&Run| {
        other.record.experiment == run.record.experiment && counts(*other) && repetition_key(other) == key
    };
    all.iter().filter(is_of_it).cloned().collect()
}

/// Of a seed that was trained twice the newer run, which comes first in `runs`; by seed and fold.
fn keep_newest(runs: &mut Vec<Run>) {
    let mut seen = BTreeSet::new();
    runs.retain(|run| seen.insert(place(run)));
    runs.sort_by_key(place);
}

/// What repetitions of a config differ in.
fn place(run: &Run) -> (u64, Option<u64>, Option<u64>) {
    let number = |key: &str| run.record.params.get(key).and_then(serde_json::Value::as_u64);
    (run.record.seed, number("data.split_seed"), number("data.fold"))
}

fn several_configs(query: &str, configs: &[Vec<&Run>]) -> String {
    let newest = |config: &Vec<&Run>| -> RunId { config[0].record.id.clone() };
    let shown = configs.iter().take(MAX_LISTED);
    let shown = shown.map(|config| format!("{} ({})", newest(config), counted(config.len(), "run")));
    let more = if configs.len() > MAX_LISTED { ", ..." } else { "" };
    format!(
        "`{query}` has {} configs: name a run of the one that you mean: {}{more}",
        configs.len(),
        shown.collect::<Vec<_>>().join(", ")
    )
}

/// An average is of the same classes, or of the same number, from the same columns.
fn check_alike(a: &SavedModel, b: &SavedModel) -> anyhow::Result<()> {
    let pair = || format!("runs `{}` and `{}`", a.name(), b.name());
    if let Some(difference) = difference(a, b) {
        anyhow::bail!("{} {difference}: they have no average", pair());
    }
    let is_one_loss = a.config.training.loss == b.config.training.loss;
    ensure!(is_one_loss, "{} have other losses (training.loss): they have no average", pair());
    Ok(())
}

/// Why two models cannot stand for each other, if they cannot: other answers, or other columns that they read.
pub fn difference(a: &SavedModel, b: &SavedModel) -> Option<String> {
    let (of_a, of_b) = (&a.preprocessor, &b.preprocessor);
    let (classes_a, classes_b) = (of_a.class_names(), of_b.class_names());
    if classes_a.is_empty() != classes_b.is_empty() {
        return Some("answer in other ways: one predicts classes, the other numbers".to_owned());
    }
    if classes_a != classes_b {
        let [a, b] = [classes_a, classes_b].map(|classes| one_line(&classes.join(", ")));
        return Some(format!("predict other classes ({a} and {b})"));
    }
    let levels = |target: &PreparedTarget| match target {
        PreparedTarget::Quantiles { levels, .. } => levels.clone(),
        _ => Vec::new(),
    };
    if of_a.task() != of_b.task() || levels(&of_a.target) != levels(&of_b.target) {
        return Some("answer in other ways (task or quantiles)".to_owned());
    }
    if of_a.target_name != of_b.target_name || of_a.target_names() != of_b.target_names() {
        return Some("predict other columns".to_owned());
    }
    let columns = |model: &SavedModel| -> Vec<(String, bool)> {
        let columns = model.preprocessor.columns().iter();
        columns.map(|column| (column.name.clone(), column.kind.is_numeric())).collect()
    };
    (columns(a) != columns(b)).then(|| "read other columns".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn classes(probabilities: &[f64]) -> Answer {
        let best = (0..probabilities.len()).reduce(|a, b| if probabilities[b] > probabilities[a] { b } else { a });
        Answer { predicted: vec![best.unwrap() as f64], probabilities: probabilities.to_vec(), quantiles: Vec::new() }
    }

    fn number(predicted: f64) -> Answer {
        Answer { predicted: vec![predicted], probabilities: Vec::new(), quantiles: Vec::new() }
    }

    #[test]
    fn probabilities_are_averaged_and_the_first_of_equal_ones_is_predicted() {
        // Two members say the first class, narrowly; one says the second, surely: (0.5 + 0.5 + 0.125) / 3 = 0.375.
        let answers = [classes(&[0.5, 0.25, 0.25]), classes(&[0.5, 0.25, 0.25]), classes(&[0.125, 0.875, 0.0])];
        let Averaged { answer, spread } = average(&answers.iter().collect::<Vec<_>>(), false);
        assert_eq!(answer.probabilities[0], 0.375);
        assert!((answer.probabilities[1] - 1.375 / 3.0).abs() < 1e-15, "{answer:?}");
        assert_eq!((answer.first(), spread), (1.0, 1.0 / 3.0));

        let tied = [classes(&[0.75, 0.25]), classes(&[0.25, 0.75])];
        let Averaged { answer, spread } = average(&tied.iter().collect::<Vec<_>>(), false);
        assert_eq!((answer, spread), (classes(&[0.5, 0.5]), 0.5));
    }

    #[test]
    fn numbers_are_averaged_with_the_deviation_of_a_sample() {
        let answers = [number(1.0), number(2.0), number(6.0)];
        // (4 + 1 + 9) / 2 = 7
        let expected = Averaged { answer: number(3.0), spread: 7f64.sqrt() };
        assert_eq!(average(&answers.iter().collect::<Vec<_>>(), false), expected);
        assert_eq!(average(&[&answers[2]], false), Averaged { answer: number(6.0), spread: 0.0 });
    }
}
