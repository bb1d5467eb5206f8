//! The optimizer's keys of `[training]`: their checks, and what the optimizer is given of them.

use super::TrainingConfig;
use crate::invalid::Invalid;
use crate::training::optimizer::{Knob, OptimizerOptions};

impl From<&TrainingConfig> for OptimizerOptions {
    fn from(config: &TrainingConfig) -> Self {
        Self {
            kind: config.optimizer,
            knobs: Knob::ALL.into_iter().map(|knob| (knob, config.knob(knob))).collect(),
            epsilon: config.epsilon,
            l2: config.l2,
            weight_decay: config.weight_decay(),
            clip_norm: config.clip_norm,
            kernels: config.kernels,
        }
    }
}

impl TrainingConfig {
    /// What `knob` is set to; `None` where the default is left.
    fn given(&self, knob: Knob) -> Option<f64> {
        match knob {
            Knob::Momentum => self.momentum,
            Knob::Nesterov => self.nesterov.then_some(1.0),
            Knob::EpsilonHat => self.epsilon_hat.then_some(1.0),
            Knob::Beta1 => self.beta_1,
            Knob::Beta2 => self.beta_2,
        }
    }

    /// What the optimizer takes for `knob`; 0 where it does not have it.
    fn knob(&self, knob: Knob) -> f64 {
        self.given(knob).or(self.optimizer.default_of(knob)).unwrap_or(0.0)
    }

    /// As [`TrainingConfig::knob`]; `None` where the optimizer does not have it.
    pub(super) fn own_knob(&self, knob: Knob) -> Option<f64> {
        self.optimizer.default_of(knob).map(|_| self.knob(knob))
    }

    /// Checks the ranges of the knobs, and that the optimizer has them: a knob of another one would be ignored, and two
    /// runs compared that never differed.
    pub(super) fn validate_knobs(&self) -> Result<(), Invalid> {
        let set = || Knob::ALL.into_iter().filter_map(|knob| Some((knob, self.given(knob)?)));
        for (knob, value) in set().filter(|(knob, _)| knob.is_share()) {
            let key = knob.key();
            Invalid::unless((0.0..1.0).contains(&value), &format!("training.{key}"), || {
                format!("{key} must be at least 0 and below 1, found {value}")
            })?;
        }
        for (knob, _) in set() {
            let (key, name) = (knob.key(), self.optimizer.as_str());
            Invalid::unless(self.optimizer.default_of(knob).is_some(), &format!("training.{key}"), || {
                format!("{key} has no effect with optimizer \"{name}\"; remove it or choose another optimizer")
            })?;
        }
        Invalid::unless(!self.nesterov || self.knob(Knob::Momentum) > 0.0, "training.nesterov", || {
            "nesterov needs momentum above 0".into()
        })
    }
}
