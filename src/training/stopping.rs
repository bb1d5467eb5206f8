//! Which epoch is the best, when to stop waiting for a better one, and why training ended.

use std::sync::{Arc, Mutex};

use burn::train::EarlyStoppingStrategy;
use burn::train::metric::store::EventStoreClient;
use serde::{Deserialize, Serialize};

use super::config::EarlyStoppingConfig;
use super::metrics::Scores;
use crate::metric::Goal;
use crate::tracking::{MetricKey, TrackingError};

/// How training ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// `max_epochs` were trained.
    MaxEpochs,
    /// No better monitored metric for `patience` epochs.
    EarlyStopping,
    /// The [`TrainingObserver`](super::TrainingObserver) had seen enough: a sweep gives the epochs to a better trial.
    #[serde(rename = "watch")] // as older checkpoints say it
    Observer,
    /// The user asked to stop.
    Interrupted,
}

/// Follows the monitored metric from epoch to epoch.
///
/// As in Keras, it tracks two values: the best one, whose epoch's weights are kept, and the last one that improved by
/// more than `min_delta`, from which patience counts. NaN (an undefined metric) never improves.
#[derive(Clone, Debug, PartialEq)]
pub struct Monitor {
    key: MetricKey,
    goal: Goal,
    patience: Option<usize>,
    min_delta: f64,
    warm_up_epochs: usize,
    progress: Progress,
}

/// The state of a [`Monitor`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    best: Option<(usize, f64)>,
    reference: f64,
    /// Epochs since the last improvement.
    pub(super) waited: usize,
}

impl Progress {
    /// Whether it can be that of a run after `epoch` epochs.
    pub(super) fn is_after(&self, epoch: usize) -> bool {
        self.waited <= epoch && self.best.is_none_or(|(best, value)| (1..=epoch).contains(&best) && !value.is_nan())
    }
}

impl Monitor {
    /// Watches the metric `key` of the validation part, with the patience of `stopping` or none.
    ///
    /// # Errors
    /// A metric without a direction has no best epoch.
    pub fn new(key: MetricKey, stopping: Option<&EarlyStoppingConfig>) -> Result<Self, TrackingError> {
        let goal = key.required_goal()?;
        let worst = match goal {
            Goal::Lower => f64::INFINITY,
            Goal::Higher => f64::NEG_INFINITY,
        };
        Ok(Self {
            key,
            goal,
            patience: stopping.map(|stopping| stopping.patience),
            min_delta: stopping.map_or(0.0, |stopping| stopping.min_delta),
            warm_up_epochs: stopping.map_or(0, |stopping| stopping.warm_up_epochs),
            progress: Progress { best: None, reference: worst, waited: 0 },
        })
    }

    /// This monitor with the state `progress`.
    pub fn continued(self, progress: Option<Progress>) -> Self {
        Self { progress: progress.unwrap_or(self.progress), ..self }
    }

    /// The state so far.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// Takes the value of `epoch`; returns whether training should stop.
    pub fn observe(&mut self, epoch: usize, value: f64) -> bool {
        let gain = |over: f64| match self.goal {
            Goal::Lower => over - value,
            Goal::Higher => value - over,
        };
        if self.progress.best.is_none_or(|(_, best)| gain(best) > 0.0) && !value.is_nan() {
            self.progress.best = Some((epoch, value));
        }
        // `gain > min_delta` is false for NaN; infinity minus infinity is NaN too, and no gain.
        if gain(self.progress.reference) > self.min_delta {
            self.progress.reference = value;
            self.progress.waited = 0;
        } else {
            self.progress.waited += 1;
        }
        epoch > self.warm_up_epochs && self.patience.is_some_and(|patience| self.progress.waited >= patience)
    }

    /// The best (epoch, value) so far.
    pub fn best(&self) -> Option<(usize, f64)> {
        self.progress.best
    }

    /// Whether the last observed epoch improved by more than `min_delta`.
    pub fn improved(&self) -> bool {
        self.progress.waited == 0
    }

    /// Epochs without improvement left before training stops.
    pub fn patience_left(&self) -> Option<usize> {
        self.patience.map(|patience| patience.saturating_sub(self.progress.waited))
    }
}

/// A [`Monitor`] as burn-train's early-stopping callback. Clones share it.
///
/// Burn's own callbacks read the event store, which another thread fills concurrently (in Burn 0.21). This one
/// is given the value directly.
#[derive(Clone, Debug)]
pub struct StopOnMonitor(Arc<Mutex<Watched>>);

#[derive(Debug)]
struct Watched {
    monitor: Monitor,
    value: f64,
}

impl StopOnMonitor {
    pub fn new(monitor: Monitor) -> Self {
        Self(Arc::new(Mutex::new(Watched { monitor, value: f64::NAN })))
    }

    /// Sets the validation scores for the next call of `should_stop`.
    pub(super) fn tell(&self, scores: &Scores) {
        let mut watched = self.0.lock().expect("no panic while held");
        let metric = watched.monitor.key.metric();
        // The config check accepts only metrics that are scored.
        let value = scores.iter().find(|score| score.0 == metric).map(|score| score.1);
        watched.value = value.expect("the monitored metric is scored");
    }

    /// The state after the last epoch.
    pub fn monitor(&self) -> Monitor {
        self.0.lock().expect("no panic while held").monitor.clone()
    }
}

impl EarlyStoppingStrategy for StopOnMonitor {
    fn should_stop(&mut self, epoch: usize, _store: &EventStoreClient) -> bool {
        let mut watched = self.0.lock().expect("no panic while held");
        let value = watched.value;
        watched.monitor.observe(epoch, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(patience: usize, min_delta: f64, warm_up_epochs: usize) -> EarlyStoppingConfig {
        EarlyStoppingConfig { monitor: "validation/loss".into(), patience, min_delta, warm_up_epochs }
    }

    /// The epoch after which training stops (or 0), and the best epoch.
    fn follow(metric: &str, config: &EarlyStoppingConfig, values: &[f64]) -> (usize, usize) {
        let mut monitor = Monitor::new(MetricKey::new("validation", metric).unwrap(), Some(config)).unwrap();
        let stop = values.iter().enumerate().find(|&(i, &value)| monitor.observe(i + 1, value));
        (stop.map_or(0, |(i, _)| i + 1), monitor.best().map_or(0, |best| best.0))
    }

    #[test]
    fn stops_after_patience_epochs_without_a_better_value() {
        let config = config(2, 0.0, 0);
        assert_eq!(follow("loss", &config, &[1.0, 0.5, 0.6, 0.4, 0.5, 0.6, 0.1]), (6, 4));
        assert_eq!(follow("accuracy", &config, &[0.1, 0.5, 0.4, 0.5, 0.9]), (4, 2));
        assert_eq!(follow("loss", &config, &[3.0, 2.0, 1.0]), (0, 3));
    }

    #[test]
    fn a_gain_within_min_delta_is_best_but_does_not_renew_patience() {
        assert_eq!(follow("loss", &config(2, 0.1, 0), &[1.0, 0.95, 0.93, 0.2]), (3, 3));
    }

    #[test]
    fn never_stops_in_the_warm_up() {
        assert_eq!(follow("loss", &config(1, 0.0, 3), &[1.0, 2.0, 2.0, 2.0]), (4, 1));
    }

    #[test]
    fn nan_is_never_an_improvement() {
        assert_eq!(follow("roc_auc", &config(2, 0.0, 0), &[f64::NAN, 0.7, f64::NAN, f64::NAN]), (4, 2));
    }

    #[test]
    fn without_early_stopping_it_only_remembers_the_best() {
        let mut monitor = Monitor::new("validation/loss".parse().unwrap(), None).unwrap();
        assert!((1..100).all(|epoch| !monitor.observe(epoch, epoch as f64)));
        assert_eq!(monitor.best(), Some((1, 1.0)));
        assert_eq!(monitor.patience_left(), None);
    }
}
