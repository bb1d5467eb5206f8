//! What to do next, each hint with a command to copy. To add one: a row in [`HINTS`].

use super::rare;
use crate::config::{Config, LoadedConfig};
use crate::experiment::{Prepared, RunOutcome, kept};
use crate::shell::{command, with_sets};
use crate::tracking::{Location, Point, Status};
use crate::training::schedule::ScheduleKind;

/// A run is called overfitted if its last validation loss is this many times its lowest one, and the training loss fell
/// meanwhile.
const OVERFITTED: f64 = 1.2;
/// The best epoch counts as the last one if it is within this share of the end.
const END: f64 = 0.1;
/// Most hints after a run.
const MAX_HINTS: usize = 6;

/// What the hints are about.
pub struct Subject<'a> {
    pub prepared: &'a Prepared,
    /// The config with what it leaves open; `None` for the one of a run, which leaves nothing open.
    pub loaded: Option<&'a LoadedConfig>,
    /// The config as the user named it.
    pub file: &'a str,
    pub location: &'a Location,
    /// The command that trains this config.
    pub again: &'a str,
    /// Whether it trains many configs.
    pub is_sweep: bool,
    /// `None` before training.
    pub trained: Option<Trained<'a>>,
}

/// A run that has ended.
pub struct Trained<'a> {
    pub outcome: &'a RunOutcome,
    pub points: &'a [Point],
    /// The run of the same experiment before this one.
    pub previous: Option<&'a str>,
}

/// A row of the table: the command of the advice, or `None` where it does not apply.
struct Hint {
    advice: fn(&Subject) -> Option<String>,
    command: fn(&Subject) -> String,
}

/// The most urgent first.
const HINTS: &[Hint] = &[
    Hint {
        advice: |of| (of.trained.as_ref()?.outcome.status == Status::Interrupted).then(|| "resume this run".into()),
        command: |of| of.run("resume", &[]),
    },
    Hint {
        advice: |of| Some(format!("class `{}` is mostly missed: give each class the same weight", of.overlooked()?)),
        command: |of| of.with(&["training.class_weights=\"balanced\""]),
    },
    Hint {
        advice: |of| {
            let told = of.no_better_than_the_baseline()?;
            Some(match of.other_kind() {
                Some(kind) => format!("{told}: try another kind of network, {kind}"),
                None => format!("{told}: check the data"),
            })
        },
        command: |of| match of.other_kind() {
            Some(kind) => of.with(&[&format!("model={{kind=\"{kind}\"}}")]),
            None => command(&["config", "check", of.file]),
        },
    },
    Hint {
        advice: |of| Some(format!("{}: stop in time", of.overfitted().filter(|_| !of.stops_early())?)),
        command: |of| {
            let keep = ["training.restore_best=true"];
            let keep = if of.config().training.restore_best { &[][..] } else { &keep };
            of.with(&[&["training.early_stopping.patience=20"], keep].concat())
        },
    },
    Hint {
        advice: |of| match (of.overfitted()?, of.stops_early()) {
            (_, false) => Some("or regularise".into()),
            (overfitted, true) => Some(format!("{overfitted}: regularise")),
        },
        command: |of| of.with(&[&of.more_regularised()]),
    },
    Hint {
        advice: |of| {
            let outcome = of.trained.as_ref()?.outcome;
            let (best, _) = outcome.best.filter(|_| of.ends_at_its_best() && !of.is_refitted())?;
            Some(format!("epoch {best} of {} was the best so far: train for longer", outcome.num_epochs))
        },
        command: |of| {
            let epochs = 2 * of.config().training.max_epochs;
            // Other schedules end with the epochs that were planned.
            match of.config().training.schedule.kind {
                ScheduleKind::Constant => of.run("resume", &["--epochs", &epochs.to_string()]),
                _ => of.with(&[&format!("training.max_epochs={epochs}")]),
            }
        },
    },
    Hint {
        advice: |of| {
            of.trained.as_ref()?;
            let is_needed =
                !of.stops_early() && of.overfitted().is_none() && !of.ends_at_its_best() && !of.is_refitted();
            (is_needed && !of.prepared.validation.is_empty()).then(|| "stop when it no longer improves".into())
        },
        command: |of| of.with(&["training.early_stopping.patience=20"]),
    },
    Hint {
        advice: |of| {
            (of.trained.is_none() && of.prepared.validation.is_empty()).then(|| {
                "no validation rows: nothing tells when to stop, and no sweep can choose; set some aside".into()
            })
        },
        command: |of| of.with(&["data.validation_fraction=0.15"]),
    },
    Hint {
        // Another network could not start from the same weights.
        advice: |of| {
            of.trained.as_ref()?;
            let may_grow = of.overfitted().is_none() && !of.is_perfect() && of.config().model.init_from.is_none();
            may_grow.then(|| of.config().model.larger().0.to_owned())
        },
        command: |of| of.with(&[&of.config().model.larger().1]),
    },
    Hint {
        advice: |of| (of.trained.is_some() && of.config().data.is_text()).then(|| "generate text".into()),
        command: |of| of.run("generate", &[]),
    },
    Hint {
        advice: |of| {
            let what = if of.is_sweep { "run the sweep" } else { "train it" };
            of.trained.is_none().then(|| what.into())
        },
        command: |of| of.with(&[] as &[&str]),
    },
    Hint {
        advice: |of| of.trained.is_some().then(|| "see how results vary with the seed".into()),
        command: |of| format!("{} --seeds 10", of.with(&[] as &[&str])),
    },
    Hint {
        advice: |of| of.trained.as_ref()?.previous.map(|_| "compare it with the run before".into()),
        command: |of| {
            let Some(Trained { outcome, previous: Some(previous), .. }) = &of.trained else { return String::new() };
            of.location.command(&["runs", "compare", previous, outcome.id.as_str()])
        },
    },
    Hint {
        advice: |of| of.trained.is_some().then(|| "see all runs in the browser".into()),
        command: |of| of.location.command(&["dashboard"]),
    },
];

/// The hints that apply, the most urgent first, each with its command; the last one always.
pub fn hints(subject: &Subject) -> Vec<(String, String)> {
    let applies = |hint: &Hint| Some(((hint.advice)(subject)?, (hint.command)(subject)));
    let mut hints: Vec<_> = HINTS.iter().filter_map(applies).collect();
    if hints.len() > MAX_HINTS {
        hints.drain(MAX_HINTS - 1..hints.len() - 1);
    }
    hints
}

impl Subject<'_> {
    fn config(&self) -> &Config {
        &self.prepared.config
    }

    /// This config with other values, and all else as it is.
    fn with(&self, sets: &[impl AsRef<str>]) -> String {
        let sets: Vec<String> = sets.iter().map(|set| set.as_ref().to_owned()).collect();
        // Other rows may want another network.
        let is_of_data = sets.iter().any(|set| set.starts_with("data."));
        let loaded = self.loaded.filter(|_| !sets.is_empty() && !is_of_data);
        let kept = loaded.map_or_else(Vec::new, |loaded| kept(self.prepared, loaded, &sets));
        with_sets(self.again, &[kept, sets].concat())
    }

    /// The run as the subject of a verb.
    fn run(&self, verb: &str, options: &[&str]) -> String {
        let id = self.trained.as_ref().map_or("latest", |trained| trained.outcome.id.as_str());
        self.location.command(&[&[verb, id], options].concat())
    }

    fn stops_early(&self) -> bool {
        self.config().training.early_stopping.is_some()
    }

    /// Whether the number of epochs was a choice of the validation part, among those that were thought to be enough.
    fn is_refitted(&self) -> bool {
        self.config().training.refit == Some(true)
    }

    /// The values of a metric by epoch.
    fn series(&self, key: &str) -> Vec<(u64, f64)> {
        let points = self.trained.as_ref().map_or(&[][..], |trained| trained.points);
        points.iter().filter(|point| point.key.as_str() == key).map(|point| (point.epoch, point.value)).collect()
    }

    /// By how much the validation loss rose from its best while the training loss fell, if that was a lot.
    fn overfitted(&self) -> Option<String> {
        let validation = self.series("validation/loss");
        let &(best_epoch, best) = validation.iter().min_by(|a, b| a.1.total_cmp(&b.1))?;
        let &(_, last) = validation.last()?;
        let train = self.series("train/loss");
        let at_best = train.iter().find(|point| point.0 == best_epoch)?.1;
        let fell = train.last()?.1 < at_best;
        (fell && last > OVERFITTED * best)
            .then(|| format!("overfitted: the validation loss rose from {best:.4} (epoch {best_epoch}) to {last:.4}"))
    }

    /// Whether all epochs were trained and the best is among the last ones.
    fn ends_at_its_best(&self) -> bool {
        self.trained.as_ref().is_some_and(|trained| {
            let RunOutcome { num_epochs, best, .. } = *trained.outcome;
            let is_all = num_epochs == self.config().training.max_epochs;
            is_all && best.is_some_and(|(epoch, _)| epoch as f64 >= (1.0 - END) * num_epochs as f64)
        })
    }

    /// Says so if the test result is no better than one that ignores the inputs, unless a rare class is the cause.
    fn no_better_than_the_baseline(&self) -> Option<String> {
        let evaluation = self.trained.as_ref()?.outcome.evaluation.as_ref()?;
        let has_weights = self.config().training.class_weights.is_some();
        rare::no_better_than_the_baseline(evaluation, has_weights).filter(|_| self.overlooked().is_none())
    }

    /// The rare class that is mostly missed, if the classes are not weighted yet.
    fn overlooked(&self) -> Option<&str> {
        let classes = self.trained.as_ref()?.outcome.evaluation.as_ref()?.classes.as_ref()?;
        let overlooked = rare::overlooked(classes).filter(|_| self.config().training.class_weights.is_none())?;
        Some(&overlooked.class)
    }

    /// Whether no error is left on the test rows.
    fn is_perfect(&self) -> bool {
        let evaluation = self.trained.as_ref().and_then(|trained| trained.outcome.evaluation.as_ref());
        evaluation.is_some_and(|evaluation| evaluation.metric("accuracy") == 1.0)
    }

    /// Another kind of network for these inputs, if there is one.
    fn other_kind(&self) -> Option<&'static str> {
        if self.config().data.is_text() || self.config().model.init_from.is_some() {
            return None;
        }
        let suited = if self.prepared.preprocessor.image_shape().is_some() { "cnn" } else { "tabular" };
        let is_suited = self.config().params().get("model.kind").is_some_and(|kind| kind == suited);
        Some(if is_suited { "mlp" } else { suited })
    }

    /// The setting that adds dropout, or else raises l2.
    fn more_regularised(&self) -> String {
        let params = self.config().params();
        let has_hidden =
            params.get("model.hidden").and_then(|hidden| hidden.as_array()).is_none_or(|all| !all.is_empty());
        let dropout = params.get("model.dropout").and_then(serde_json::Value::as_f64);
        match dropout {
            Some(0.0) if has_hidden => "model.dropout=0.2".to_owned(),
            _ => format!("training.l2={}", (10.0 * self.config().training.l2).max(1e-3)),
        }
    }
}
