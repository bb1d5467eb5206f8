//! The keys of `[training]` that only some optimizers have.

use super::OptimizerKind;

/// A key of `[training]` that only some optimizers have; a switch counts as 0 or 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

    /// Whether it is a share, at least 0 and below 1, and not a switch.
    pub(in crate::training) fn is_share(self) -> bool {
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
