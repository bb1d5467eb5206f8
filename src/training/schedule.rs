//! The learning rate over time.

use std::sync::{Arc, Mutex};

use burn::lr_scheduler::LrScheduler;
use burn::tensor::backend::Backend;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

/// Epochs; more than anybody trains.
const MAX_WARM_UP: f64 = 1e6;

/// `[training.schedule]`: the factor that multiplies `learning_rate`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// How the learning rate goes.
    pub kind: ScheduleKind,
    /// Epochs (fractions allowed) over which the rate rises linearly from 0; 0 by default.
    pub warm_up_epochs: f64,
    /// `linear` and `cosine`: the factor reached at `max_epochs`; 0 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub final_factor: Option<f64>,
    /// `step` and `plateau`: factor of each drop, by default 0.1; `exponential`: factor per epoch, by default 0.98.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub factor: Option<f64>,
    /// `step`: epochs between drops; by default 30.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every_epochs: Option<usize>,
    /// `plateau`: epochs without a better monitored metric before a drop; by default 5.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<usize>,
}

/// Shapes of the schedule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScheduleKind {
    /// 1
    #[default]
    Constant,
    /// From 1 to `final_factor` in a straight line
    Linear,
    /// From 1 to `final_factor` along half a cosine (Loshchilov and Hutter 2017)
    Cosine,
    /// `factor` to the power of the number of whole `every_epochs` periods passed
    Step,
    /// `factor` to the power of the number of epochs passed, continuous within an epoch
    Exponential,
    /// Multiplied by `factor` whenever the monitored metric has not improved for `patience` epochs
    Plateau,
}

impl ScheduleConfig {
    pub(super) fn validate(&self) -> Result<(), Invalid> {
        use ScheduleKind::{Cosine, Exponential, Linear, Plateau, Step};
        let kinds_of = [
            ("final_factor", self.final_factor.is_some(), &[Linear, Cosine][..]),
            ("factor", self.factor.is_some(), &[Step, Exponential, Plateau]),
            ("every_epochs", self.every_epochs.is_some(), &[Step]),
            ("patience", self.patience.is_some(), &[Plateau]),
        ];
        for (key, given, kinds) in kinds_of {
            Invalid::unless(!given || kinds.contains(&self.kind), &format!("training.schedule.{key}"), || {
                format!("{key} has no effect with this schedule; remove it or change schedule.kind")
            })?;
        }
        let at = |holds, key: &str, rule: &str| {
            Invalid::unless(holds, &format!("training.schedule.{key}"), || format!("{key} must be {rule}"))
        };
        // In more epochs than anybody trains, the rate would stay at 0.
        at((0.0..=MAX_WARM_UP).contains(&self.warm_up_epochs), "warm_up_epochs", "from 0 to 1,000,000")?;
        at(self.final_factor.is_none_or(|f| (0.0..=1.0).contains(&f)), "final_factor", "from 0 to 1")?;
        at(self.factor.is_none_or(|f| f > 0.0 && f < 1.0), "factor", "above 0 and below 1")?;
        at(self.every_epochs.is_none_or(|n| n >= 1), "every_epochs", "at least 1")?;
        at(self.patience.is_none_or(|n| n >= 1), "patience", "at least 1")
    }

    fn final_factor(&self) -> f64 {
        self.final_factor.unwrap_or(0.0)
    }

    fn factor(&self) -> f64 {
        self.factor.unwrap_or(if self.kind == ScheduleKind::Exponential { 0.98 } else { 0.1 })
    }

    fn every_epochs(&self) -> usize {
        self.every_epochs.unwrap_or(30)
    }

    fn patience(&self) -> usize {
        self.patience.unwrap_or(5)
    }

    /// This section with the defaults of its kind written out.
    pub(super) fn resolved(self) -> Self {
        use ScheduleKind::{Cosine, Exponential, Linear, Plateau, Step};
        let kind = self.kind;
        Self {
            final_factor: matches!(kind, Linear | Cosine).then(|| self.final_factor()),
            factor: matches!(kind, Step | Exponential | Plateau).then(|| self.factor()),
            every_epochs: (kind == Step).then(|| self.every_epochs()),
            patience: (kind == Plateau).then(|| self.patience()),
            ..self
        }
    }

    pub(super) fn needs_validation(&self) -> bool {
        self.kind == ScheduleKind::Plateau
    }
}

/// Burn's scheduler interface over [`ScheduleConfig`]: one rate per optimizer step.
#[derive(Clone, Debug)]
pub struct Schedule {
    config: ScheduleConfig,
    learning_rate: f64,
    steps_per_epoch: usize,
    max_epochs: usize,
    steps_done: usize,
    plateau: Plateau,
}

impl Schedule {
    /// A schedule at its start, before the first step.
    pub fn new(config: &ScheduleConfig, learning_rate: f64, steps_per_epoch: usize, max_epochs: usize) -> Self {
        let plateau = Plateau::new(config.factor(), config.patience());
        Self { config: config.clone(), learning_rate, steps_per_epoch, max_epochs, steps_done: 0, plateau }
    }

    /// The schedule after `steps_done` steps.
    pub(super) fn continued(self, steps_done: usize, plateau: Option<(f64, usize)>) -> Self {
        if let Some(state) = plateau {
            *self.plateau.state.lock().expect("no panic while held") = state;
        }
        Self { steps_done, ..self }
    }

    /// The plateau state, which the epoch loop updates; shared with this schedule.
    pub(super) fn plateau(&self) -> Option<Plateau> {
        self.config.needs_validation().then(|| self.plateau.clone())
    }

    /// The rate of the optimizer step after `steps_done` steps.
    fn rate_after(&self, steps_done: usize) -> f64 {
        let epochs = steps_done as f64 / self.steps_per_epoch as f64;
        let warm_up = self.config.warm_up_epochs;
        if epochs < warm_up {
            // The first step has one step's share of the rate, not 0: a step of size 0 would waste a batch.
            let share = (steps_done + 1) as f64 / (warm_up * self.steps_per_epoch as f64);
            return self.learning_rate * share.min(1.0);
        }
        let passed = epochs - warm_up;
        let total = (self.max_epochs as f64 - warm_up).max(f64::MIN_POSITIVE);
        let progress = (passed / total).min(1.0);
        let end = self.config.final_factor();
        let factor = match self.config.kind {
            ScheduleKind::Constant => 1.0,
            ScheduleKind::Linear => 1.0 + (end - 1.0) * progress,
            ScheduleKind::Cosine => end + (1.0 - end) * 0.5 * (1.0 + (std::f64::consts::PI * progress).cos()),
            ScheduleKind::Step => {
                let every = self.config.every_epochs() as f64;
                self.config.factor().powf((passed / every).floor())
            }
            ScheduleKind::Exponential => self.config.factor().powf(passed),
            ScheduleKind::Plateau => self.plateau.factor(),
        };
        self.learning_rate * factor
    }
}

impl LrScheduler for Schedule {
    type Record<B: Backend> = usize;

    fn step(&mut self) -> f64 {
        self.steps_done += 1;
        self.rate_after(self.steps_done - 1)
    }

    fn to_record<B: Backend>(&self) -> usize {
        self.steps_done
    }

    fn load_record<B: Backend>(self, steps_done: usize) -> Self {
        Self { steps_done, ..self }
    }
}

/// Reduce-on-plateau: Burn's schedulers see only steps, so the epoch loop reports improvements here.
#[derive(Clone, Debug)]
pub(super) struct Plateau {
    drop: f64,
    patience: usize,
    /// (factor so far, epochs since the last improvement or drop)
    state: Arc<Mutex<(f64, usize)>>,
}

impl Plateau {
    fn new(drop: f64, patience: usize) -> Self {
        Self { drop, patience, state: Arc::new(Mutex::new((1.0, 0))) }
    }

    fn factor(&self) -> f64 {
        self.state.lock().expect("no panic while held").0
    }

    /// The factor so far, and epochs since the last improvement or drop.
    pub(super) fn state(&self) -> (f64, usize) {
        *self.state.lock().expect("no panic while held")
    }

    pub(super) fn end_epoch(&self, improved: bool) {
        let mut state = self.state.lock().expect("no panic while held");
        state.1 = if improved { 0 } else { state.1 + 1 };
        if state.1 >= self.patience {
            *state = (state.0 * self.drop, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rates at the first step of each of `epochs` epochs of 10 steps.
    fn rates(config: ScheduleConfig, epochs: usize) -> Vec<f64> {
        let schedule = Schedule::new(&config, 1.0, 10, epochs);
        (0..epochs).map(|epoch| (schedule.rate_after(epoch * 10) * 1e6).round() / 1e6).collect()
    }

    fn kind(kind: ScheduleKind) -> ScheduleConfig {
        ScheduleConfig { kind, ..Default::default() }
    }

    #[test]
    fn shapes_by_hand() {
        assert_eq!(rates(kind(ScheduleKind::Constant), 3), [1.0, 1.0, 1.0]);
        assert_eq!(rates(kind(ScheduleKind::Linear), 4), [1.0, 0.75, 0.5, 0.25]);
        // (1 + cos(pi t / 4)) / 2
        assert_eq!(rates(kind(ScheduleKind::Cosine), 4), [1.0, 0.853553, 0.5, 0.146447]);
        let step = ScheduleConfig { every_epochs: Some(2), factor: Some(0.1), ..kind(ScheduleKind::Step) };
        assert_eq!(rates(step, 5), [1.0, 1.0, 0.1, 0.1, 0.01]);
        let exponential = ScheduleConfig { factor: Some(0.5), ..kind(ScheduleKind::Exponential) };
        assert_eq!(rates(exponential, 4), [1.0, 0.5, 0.25, 0.125]);
    }

    #[test]
    fn warm_up_rises_from_one_step_to_the_full_rate_and_the_decay_starts_after_it() {
        let config = ScheduleConfig { warm_up_epochs: 2.0, ..kind(ScheduleKind::Linear) };
        let schedule = Schedule::new(&config, 1.0, 10, 4);
        assert_eq!(schedule.rate_after(0), 0.05);
        assert_eq!(schedule.rate_after(9), 0.5);
        assert_eq!(schedule.rate_after(19), 1.0);
        assert_eq!(schedule.rate_after(20), 1.0);
        assert_eq!(schedule.rate_after(30), 0.5);
    }

    #[test]
    fn plateau_drops_after_patience_epochs_without_improvement_and_counts_anew() {
        let config = ScheduleConfig { factor: Some(0.5), patience: Some(2), ..kind(ScheduleKind::Plateau) };
        let schedule = Schedule::new(&config, 1.0, 10, 10);
        let plateau = schedule.plateau().unwrap();
        let mut seen = Vec::new();
        for improved in [true, false, false, false, true, false, false] {
            plateau.end_epoch(improved);
            seen.push(schedule.rate_after(0));
        }
        assert_eq!(seen, [1.0, 1.0, 0.5, 0.5, 0.5, 0.5, 0.25]);
    }

    #[test]
    fn a_key_of_another_schedule_is_refused() {
        let config = ScheduleConfig { patience: Some(3), ..kind(ScheduleKind::Cosine) };
        assert_eq!(config.validate().unwrap_err().key.as_deref(), Some("training.schedule.patience"));
    }
}
