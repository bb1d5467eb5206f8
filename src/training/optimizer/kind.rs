//! The table of update rules.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{adagrad, adam, rmsprop, sgd};

/// Update rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OptimizerKind {
    /// Stochastic gradient descent, with `momentum` and `nesterov`
    Sgd,
    /// Kingma and Ba 2015
    Adam,
    /// Adam with decoupled weight decay, by default 0.01 (Loshchilov and Hutter 2019)
    Adamw,
    /// Hinton 2012, with `momentum`
    Rmsprop,
    /// Duchi et al. 2011
    Adagrad,
}

/// What a rule is called, which keys of `[training]` it reads, and what it remembers of each weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Knobs {
    /// As in `optimizer = "adam"`.
    pub name: &'static str,
    /// The default of `momentum`; `None` = the rule has none. So the next two.
    pub momentum: Option<f64>,
    pub beta_1: Option<f64>,
    pub beta_2: Option<f64>,
    /// Whether `nesterov` has an effect.
    pub nesterov: bool,
    /// Whether `epsilon_hat` has an effect.
    pub epsilon_hat: bool,
    /// The default of `weight_decay`, which every rule reads.
    pub weight_decay: f64,
    /// Names of the tensors that the rule keeps for each weight: a checkpoint has `optimizer/WEIGHT/SLOT`.
    pub slots: &'static [&'static str],
}

impl Knobs {
    /// What a row leaves out.
    pub(super) const NONE: Self = Self {
        name: "",
        momentum: None,
        beta_1: None,
        beta_2: None,
        nesterov: false,
        epsilon_hat: false,
        weight_decay: 0.0,
        slots: &[],
    };
}

impl OptimizerKind {
    /// The rule's row of the table.
    pub fn knobs(self) -> Knobs {
        match self {
            Self::Sgd => sgd::KNOBS,
            Self::Adam => adam::KNOBS,
            Self::Adamw => adam::DECOUPLED,
            Self::Rmsprop => rmsprop::KNOBS,
            Self::Adagrad => adagrad::KNOBS,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use burn::backend::Autodiff;
    use burn::backend::flex::Flex;
    use burn::optim::Optimizer;
    use serde_json::Value;

    use super::*;
    use crate::data::{Batch, Layout, Task};
    use crate::model::ModelConfig;
    use crate::training::config::TrainingConfig;
    use crate::training::metrics::Scorer;
    use crate::training::objective::Objective;
    use crate::training::optimizer::ChosenOptimizer;
    use crate::training::task::Trainee;

    /// Every rule that a config can name.
    fn all() -> Vec<OptimizerKind> {
        let schema = serde_json::to_value(schemars::schema_for!(OptimizerKind)).unwrap();
        let names = schema["oneOf"].as_array().unwrap().iter().map(|option| option["const"].clone());
        names.map(|name| serde_json::from_value(name).unwrap()).collect()
    }

    #[test]
    fn a_row_is_named_as_in_configs_and_a_key_of_another_rule_is_refused() {
        let kinds = all();
        assert!(kinds.len() >= 5, "{kinds:?}");
        for kind in kinds {
            let knobs = kind.knobs();
            assert_eq!(serde_json::to_value(kind).unwrap(), Value::from(knobs.name));
            let with = |change: fn(&mut TrainingConfig)| {
                let mut config = TrainingConfig { optimizer: kind, ..TrainingConfig::default() };
                change(&mut config);
                config.validate().is_ok()
            };
            assert_eq!(with(|config| config.momentum = Some(0.5)), knobs.momentum.is_some(), "{kind:?}");
            assert_eq!(with(|config| config.beta_1 = Some(0.5)), knobs.beta_1.is_some(), "{kind:?}");
            assert_eq!(with(|config| config.beta_2 = Some(0.5)), knobs.beta_2.is_some(), "{kind:?}");
            assert_eq!(with(|config| config.epsilon_hat = true), knobs.epsilon_hat, "{kind:?}");
            assert!(!knobs.nesterov || knobs.momentum.is_some(), "{kind:?}: nesterov needs momentum");
        }
    }

    /// A checkpoint that left out a slot would go on otherwise than a training that was not interrupted.
    #[test]
    fn a_rule_goes_on_from_its_named_state_as_if_it_had_not_stopped() {
        type B = Autodiff<Flex>;
        let device = Default::default();
        for kind in all() {
            let knobs = kind.knobs();
            let momentum = knobs.momentum.map(|_| 0.9);
            let config = TrainingConfig { optimizer: kind, momentum, ..TrainingConfig::default() };
            let task = Task::Binary;
            let net = ModelConfig::default().init::<B>(&Layout::of_numbers(2), 1, 1, &device);
            let objective = Arc::new(Objective::new(&config, task, &[]));
            let scorer = Arc::new(Scorer { task, target_mean: 0.0, target_scale: 1.0 });
            let mut trainee = Trainee { net, objective, scorer, on_host: None };
            let gradients = |trainee: &Trainee<B>| {
                use burn::train::TrainStep;
                let inputs = burn::tensor::Tensor::from_floats([[1.0, -2.0], [0.5, 0.25]], &device);
                trainee.step(Batch { inputs, labels: vec![1.0, 0.0], noise_seed: 0 }).grads
            };
            let mut optimizer = ChosenOptimizer::<B, Trainee<B>>::new(&config, false);
            for _ in 0..3 {
                let gradients = gradients(&trainee);
                trainee = optimizer.step(0.1, trainee, gradients);
            }
            let state = optimizer.named_state(&trainee.net);
            for parameter in state.values() {
                assert_eq!(parameter.num_steps, 3);
                assert_eq!(parameter.slots.keys().collect::<Vec<_>>(), knobs.slots, "{kind:?}");
            }
            let fresh = ChosenOptimizer::<B, Trainee<B>>::new(&config, false);
            let mut restored = fresh.with_named_state(&trainee.net, &state, &device).unwrap();
            let [went_on, restarted] = [&mut optimizer, &mut restored].map(|optimizer| {
                let after = optimizer.step(0.1, trainee.clone(), gradients(&trainee));
                crate::model::named_weights(&after.net)
            });
            assert_eq!(went_on, restarted, "{kind:?}");
        }
    }
}
