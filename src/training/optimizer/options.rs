//! What an optimizer is made from.

use std::collections::BTreeMap;

use burnlab_cpu::Kernels;

use super::{Knob, OptimizerKind};

/// An update rule with its settings, and a bound on the gradient.
#[derive(Clone, Debug)]
pub struct OptimizerOptions {
    pub kind: OptimizerKind,
    /// Values of the keys that only some rules have; 0 where this one does not have it.
    pub knobs: BTreeMap<Knob, f64>,
    /// Added to denominators of adaptive rules.
    pub epsilon: f64,
    /// Factor of the penalty on weights.
    pub l2: f64,
    /// Decoupled decay of weights.
    pub weight_decay: f64,
    /// Largest norm of all gradients together; `None` = no bound.
    pub clip_norm: Option<f64>,
    pub kernels: Kernels,
}

impl OptimizerOptions {
    /// The value of `knob`; 0 where the rule does not have it.
    pub fn knob(&self, knob: Knob) -> f64 {
        self.knobs.get(&knob).copied().unwrap_or(0.0)
    }

    /// Whether the switch `knob` is on.
    pub fn is_on(&self, knob: Knob) -> bool {
        self.knob(knob) != 0.0
    }
}
