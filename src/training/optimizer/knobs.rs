//! The keys of `[training]` that only some optimizers have.

use super::OptimizerKind;
use crate::invalid::Invalid;
use crate::training::TrainingConfig;

/// A key of `[training]` that only some optimizers have; a switch counts as 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Knob {
    Momentum,
    Nesterov,
    EpsilonHat,
    Beta1,
    Beta2,
}

impl Knob {
    pub const ALL: [Self; 5] = [Self::Momentum, Self::Nesterov, Self::EpsilonHat, Self::Beta1, Self::Beta2];

    /// The key in `[training]`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Momentum => "momentum",
            Self::Nesterov => "nesterov",
            Self::EpsilonHat => "epsilon_hat",
            Self::Beta1 => "beta_1",
            Self::Beta2 => "beta_2",
        }
    }

    /// The value in `config`; `None` if it is left at the default.
    fn given(self, config: &TrainingConfig) -> Option<f64> {
        match self {
            Self::Momentum => config.momentum,
            Self::Nesterov => config.nesterov.then_some(1.0),
            Self::EpsilonHat => config.epsilon_hat.then_some(1.0),
            Self::Beta1 => config.beta_1,
            Self::Beta2 => config.beta_2,
        }
    }

    /// Whether it is a fraction, at least 0 and below 1, rather than a switch.
    fn is_share(self) -> bool {
        match self {
            Self::Momentum | Self::Beta1 | Self::Beta2 => true,
            Self::Nesterov | Self::EpsilonHat => false,
        }
    }
}

impl OptimizerKind {
    /// The default of `knob`; `None` if the optimizer does not have it.
    pub fn default_of(self, knob: Knob) -> Option<f64> {
        self.knobs().iter().find(|(own, _)| *own == knob).map(|(_, default)| *default)
    }
}

impl TrainingConfig {
    /// The value that the optimizer uses for `knob`; 0 if it does not have it.
    pub(in crate::training) fn knob(&self, knob: Knob) -> f64 {
        knob.given(self).or(self.optimizer.default_of(knob)).unwrap_or(0.0)
    }

    /// As [`TrainingConfig::knob`]; `None` if the optimizer does not have it.
    pub(in crate::training) fn own_knob(&self, knob: Knob) -> Option<f64> {
        self.optimizer.default_of(knob).map(|_| self.knob(knob))
    }

    /// Checks the ranges of the knobs, and that the optimizer has them: one that it ignores would make identical runs
    /// look different.
    pub(in crate::training) fn validate_knobs(&self) -> Result<(), Invalid> {
        let set = || Knob::ALL.into_iter().filter_map(|knob| Some((knob, knob.given(self)?)));
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
