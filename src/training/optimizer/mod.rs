//! Update rules, selected at run time behind one Burn `Optimizer`.
//!
//! Each is an [`UpdateRule`] in its own file, with a row in the list below. What Burn 0.21 lacks is added around them:
//! clipping by global norm, and decay that excludes biases.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard};

use burn::module::{AutodiffModule, ModuleMapper, Param};
use burn::optim::adaptor::{GradAdaptor, OptimizerAdaptor};
use burn::optim::record::AdaptorRecord;
use burn::optim::{GradientsParams, MultiGradientsParams, Optimizer, SimpleOptimizer};
use burn::record::Record;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burnlab_cpu::{FusedBackend, TrainingBackend};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

mod adagrad;
mod adam;
mod clip;
mod knobs;
mod options;
mod rmsprop;
mod sgd;
mod state;

pub use knobs::Knob;
pub use options::OptimizerOptions;
pub use state::{OptimizerState, ParameterState};

/// An update rule.
trait UpdateRule: Sized {
    /// The keys that it has in addition to the common ones, and their defaults.
    const KNOBS: &'static [(Knob, f64)];
    /// Names of the tensors that it keeps for each weight.
    const SLOTS: &'static [&'static str];

    fn new(options: &OptimizerOptions) -> Self;

    /// The weights after an update, and the state for the next one: a tensor of their shape for each slot, or for the
    /// first of them. `slots` are those of the previous update; none in the first.
    fn step<B: FusedBackend, const D: usize>(
        &self,
        update: Update,
        weights: Tensor<B, D>,
        gradient: Tensor<B, D>,
        slots: Vec<Tensor<B, D>>,
    ) -> (Tensor<B, D>, Vec<Tensor<B, D>>);
}

/// The parameters of an update that all rules share.
#[derive(Clone, Copy, Debug)]
struct Update {
    /// Number of updates of this weight, including this one.
    time: usize,
    learning_rate: f64,
    /// Factor of the L2 penalty; 0 for biases.
    l2: f64,
    /// Fraction of the weight that is subtracted; 0 for biases.
    decay: f64,
}

impl Update {
    /// Adds the gradient of the L2 penalty, and applies weight decay.
    fn decayed<B: Backend, const D: usize>(
        self,
        mut weights: Tensor<B, D>,
        mut gradient: Tensor<B, D>,
    ) -> (Tensor<B, D>, Tensor<B, D>) {
        if self.l2 > 0.0 {
            gradient = gradient + weights.clone().mul_scalar(self.l2);
        }
        if self.decay > 0.0 {
            weights = weights.mul_scalar(1.0 - self.decay);
        }
        (weights, gradient)
    }
}

/// Generates [`OptimizerKind`] and [`AnyRule`] from the list of optimizers.
macro_rules! optimizers {
    ($($(#[doc = $doc:literal])+ $name:literal => $kind:ident($rule:ty), weight_decay $decay:literal;)+) => {
        /// Update rules.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
        pub enum OptimizerKind {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $kind,)+
        }

        impl OptimizerKind {
            pub const ALL: &'static [Self] = &[$(Self::$kind,)+];

            /// Its name in the config file.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)+ }
            }

            /// The keys of `[training]` that it has in addition to the common ones, and their defaults.
            pub fn knobs(self) -> &'static [(Knob, f64)] {
                match self { $(Self::$kind => <$rule as UpdateRule>::KNOBS,)+ }
            }

            /// Names of the tensors that it keeps for each weight.
            pub fn slots(self) -> &'static [&'static str] {
                match self { $(Self::$kind => <$rule as UpdateRule>::SLOTS,)+ }
            }

            /// `weight_decay` if the config does not set it.
            pub fn default_weight_decay(self) -> f64 {
                match self { $(Self::$kind => $decay,)+ }
            }
        }

        /// One of the rules.
        #[derive(Clone, Debug)]
        enum AnyRule {
            $($kind($rule),)+
        }

        impl AnyRule {
            fn new(options: &OptimizerOptions) -> Self {
                match options.kind { $(OptimizerKind::$kind => Self::$kind(UpdateRule::new(options)),)+ }
            }

            fn step<B: FusedBackend, const D: usize>(
                &self,
                update: Update,
                weights: Tensor<B, D>,
                gradient: Tensor<B, D>,
                slots: Vec<Tensor<B, D>>,
            ) -> (Tensor<B, D>, Vec<Tensor<B, D>>) {
                match self { $(Self::$kind(rule) => rule.step(update, weights, gradient, slots),)+ }
            }
        }
    };
}

optimizers! {
    /// Stochastic gradient descent, with `momentum` and `nesterov`
    "sgd" => Sgd(sgd::Sgd), weight_decay 0.0;
    /// Kingma and Ba 2015
    "adam" => Adam(adam::Adam), weight_decay 0.0;
    /// Adam with decoupled weight decay, by default 0.01 (Loshchilov and Hutter 2019)
    "adamw" => Adamw(adam::Adam), weight_decay 0.01;
    /// Hinton 2012, with `momentum`
    "rmsprop" => Rmsprop(rmsprop::RmsProp), weight_decay 0.0;
    /// Duchi et al. 2011
    "adagrad" => Adagrad(adagrad::AdaGrad), weight_decay 0.0;
}

/// The rule's state for each parameter: a map from its id to an [`AdaptorRecord`].
type Records<B, M> = <OptimizerAdaptor<Rule<<B as AutodiffBackend>::InnerBackend>, M, B> as Optimizer<M, B>>::Record;

/// The optimizer of a run: an update rule with optional gradient clipping. Clones share the state: Burn's Learner does
/// not give access to its optimizer, which checkpoints need.
///
/// Like Burn's `OptimizerAdaptor`, except that parameters keep their nodes in the autodiff graph
/// ([`TrainingBackend::with_values`]).
pub struct ChosenOptimizer<B: TrainingBackend, M: AutodiffModule<B>> {
    rule: Rule<B::InnerBackend>,
    records: Arc<Mutex<Records<B, M>>>,
    clip_norm: Option<f64>,
    kind: OptimizerKind,
}

impl<B: TrainingBackend, M: AutodiffModule<B>> Clone for ChosenOptimizer<B, M> {
    fn clone(&self) -> Self {
        Self { rule: self.rule.clone(), records: self.records.clone(), ..*self }
    }
}

impl<B: TrainingBackend, M: AutodiffModule<B>> ChosenOptimizer<B, M> {
    /// The optimizer of `options`, such as a [`TrainingConfig`](super::TrainingConfig)'s.
    pub fn new(options: impl Into<OptimizerOptions>) -> Self {
        let options = options.into();
        let OptimizerOptions { kind, l2, weight_decay, clip_norm, .. } = options;
        let rule = Rule { rule: AnyRule::new(&options), l2, weight_decay, backend: PhantomData };
        Self { rule, records: Arc::default(), clip_norm, kind }
    }

    /// The kind of its update rule.
    pub fn kind(&self) -> OptimizerKind {
        self.kind
    }

    fn records(&self) -> MutexGuard<'_, Records<B, M>> {
        self.records.lock().expect("no panic while held")
    }

    /// `module` with every parameter that has a gradient updated.
    fn update(&self, learning_rate: f64, module: M, gradients: GradAdaptor) -> M {
        let records = &mut *self.records();
        module.map(&mut Updater::<B, M> { rule: &self.rule, records, gradients, learning_rate })
    }
}

impl<B: TrainingBackend, M: AutodiffModule<B>> Optimizer<M, B> for ChosenOptimizer<B, M> {
    type Record = Records<B, M>;

    fn step(&mut self, learning_rate: f64, module: M, mut gradients: GradientsParams) -> M {
        if let Some(bound) = self.clip_norm {
            gradients = clip::clip_by_global_norm::<B, M>(&module, gradients, bound);
        }
        self.update(learning_rate, module, gradients.into())
    }

    fn step_multi(&mut self, learning_rate: f64, module: M, gradients: MultiGradientsParams) -> M {
        self.update(learning_rate, module, gradients.into())
    }

    fn to_record(&self) -> Self::Record {
        self.records().clone()
    }

    fn load_record(self, record: Self::Record) -> Self {
        Self { records: Arc::new(Mutex::new(record)), ..self }
    }
}

struct Updater<'a, B: TrainingBackend, M: AutodiffModule<B>> {
    rule: &'a Rule<B::InnerBackend>,
    records: &'a mut Records<B, M>,
    gradients: GradAdaptor,
    learning_rate: f64,
}

impl<B: TrainingBackend, M: AutodiffModule<B>> ModuleMapper<B> for Updater<'_, B, M> {
    fn map_float<const D: usize>(&mut self, param: Param<Tensor<B, D>>) -> Param<Tensor<B, D>> {
        let (id, leaf, mapper) = param.consume();
        let Some((gradient, _)) = self.gradients.remove::<B::InnerBackend, D>(id) else {
            return Param::from_mapped_value(id, leaf, mapper);
        };
        let state = self.records.remove(&id).map(AdaptorRecord::into_state);
        let (values, state) = self.rule.step(self.learning_rate, leaf.clone().inner(), gradient, state);
        if let Some(state) = state {
            self.records.insert(id, AdaptorRecord::from_state(state));
        }
        Param::from_mapped_value(id, B::with_values(leaf, values), mapper)
    }
}

/// An update rule with weight decay, in the form that Burn's adaptor expects.
#[derive(Clone)]
pub struct Rule<B: Backend> {
    rule: AnyRule,
    l2: f64,
    weight_decay: f64,
    backend: PhantomData<B>,
}

/// A rule's state for a weight.
#[derive(Record, Clone)]
pub struct RuleState<B: Backend, const D: usize> {
    /// Number of updates so far.
    time: usize,
    /// In the order of [`OptimizerKind::slots`].
    slots: Vec<Tensor<B, D>>,
}

impl<B: FusedBackend> SimpleOptimizer<B> for Rule<B> {
    type State<const D: usize> = RuleState<B, D>;

    fn step<const D: usize>(
        &self,
        learning_rate: f64,
        weights: Tensor<B, D>,
        gradient: Tensor<B, D>,
        state: Option<RuleState<B, D>>,
    ) -> (Tensor<B, D>, Option<RuleState<B, D>>) {
        let is_weight = D >= 2; // biases and normalisation parameters are vectors
        let (l2, decay) = if is_weight { (self.l2, learning_rate * self.weight_decay) } else { (0.0, 0.0) };
        let RuleState { time, slots } = state.unwrap_or(RuleState { time: 0, slots: Vec::new() });
        let time = time + 1;
        let (weights, slots) = self.rule.step(Update { time, learning_rate, l2, decay }, weights, gradient, slots);
        (weights, Some(RuleState { time, slots }))
    }

    fn to_device<const D: usize>(state: RuleState<B, D>, device: &B::Device) -> RuleState<B, D> {
        RuleState { slots: state.slots.into_iter().map(|slot| slot.to_device(device)).collect(), ..state }
    }
}
