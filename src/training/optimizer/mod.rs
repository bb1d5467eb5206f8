//! The update rules, chosen at run time behind one Burn `Optimizer`.
//!
//! A rule is a file: what it computes, and its row of the table ([`Knobs`]), from which the checks of `[training]`, its
//! defaults and the names in checkpoints come. Around the rules goes what Burn 0.21 lacks: clipping by the norm of all
//! gradients together, and decay that spares the biases.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard};

use burn::module::AutodiffModule;
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::{GradientsParams, MultiGradientsParams, Optimizer, SimpleOptimizer};
use burn::record::Record;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::config::TrainingConfig;
use adagrad::Adagrad;
use adam::Adam;
use rmsprop::Rmsprop;
use sgd::Sgd;

mod adagrad;
mod adam;
mod clip;
mod kind;
mod rmsprop;
mod sgd;
mod state;

pub(super) use kind::Knobs;
pub use kind::OptimizerKind;
pub(super) use state::ParameterState;

/// burnlab's rules as an optimizer of whole modules.
type Adapted<B, M> = OptimizerAdaptor<Rule<<B as AutodiffBackend>::InnerBackend>, M, B>;

/// The optimizer of a run: an update rule, and a bound on the gradient. Clones share the state: Burn's Learner keeps
/// its optimizer to itself, and a checkpoint needs it.
pub struct ChosenOptimizer<B: AutodiffBackend, M: AutodiffModule<B>> {
    kind: OptimizerKind,
    rule: Arc<Mutex<Adapted<B, M>>>,
    clip_norm: Option<f64>,
}

impl<B: AutodiffBackend, M: AutodiffModule<B>> Clone for ChosenOptimizer<B, M> {
    fn clone(&self) -> Self {
        Self { kind: self.kind, rule: self.rule.clone(), clip_norm: self.clip_norm }
    }
}

impl<B: AutodiffBackend, M: AutodiffModule<B>> ChosenOptimizer<B, M> {
    /// The optimizer of `config`; `on_host` for a backend whose tensors lie in this process's memory.
    pub fn new(config: &TrainingConfig, on_host: bool) -> Self {
        let rule = OptimizerAdaptor::from(Rule::new(config, on_host));
        Self { kind: config.optimizer, rule: Arc::new(Mutex::new(rule)), clip_norm: config.clip_norm }
    }

    fn rule(&self) -> MutexGuard<'_, Adapted<B, M>> {
        self.rule.lock().expect("no panic while held")
    }
}

impl<B: AutodiffBackend, M: AutodiffModule<B>> Optimizer<M, B> for ChosenOptimizer<B, M> {
    type Record = <Adapted<B, M> as Optimizer<M, B>>::Record;

    fn step(&mut self, learning_rate: f64, module: M, mut gradients: GradientsParams) -> M {
        if let Some(bound) = self.clip_norm {
            gradients = clip::clip_by_global_norm::<B, M>(&module, gradients, bound);
        }
        self.rule().step(learning_rate, module, gradients)
    }

    fn step_multi(&mut self, learning_rate: f64, module: M, gradients: MultiGradientsParams) -> M {
        self.rule().step_multi(learning_rate, module, gradients)
    }

    fn to_record(&self) -> Self::Record {
        self.rule().to_record()
    }

    fn load_record(self, record: Self::Record) -> Self {
        let rule = self.rule().clone().load_record(record);
        Self { rule: Arc::new(Mutex::new(rule)), ..self }
    }
}

/// The update of one tensor, and the decay around it.
#[derive(Clone)]
pub struct Rule<B: Backend> {
    update: Update,
    l2: f64,
    weight_decay: f64,
    backend: PhantomData<B>,
}

#[derive(Clone)]
enum Update {
    Sgd(Sgd),
    Adam { adam: Adam, in_one_pass: bool },
    Rmsprop(Rmsprop),
    Adagrad(Adagrad),
}

/// What a rule remembers of a weight: how often it was updated, and tensors of the weight's shape, in the order of
/// [`Knobs::slots`]; none before the first step.
#[derive(Record, Clone)]
pub struct State<B: Backend, const D: usize> {
    num_steps: usize,
    slots: Vec<Tensor<B, D>>,
}

impl<B: Backend> Rule<B> {
    fn new(config: &TrainingConfig, on_host: bool) -> Self {
        let epsilon = config.epsilon as f32;
        let knobs = config.optimizer.knobs();
        let [momentum, beta_1, beta_2] = [
            config.momentum.or(knobs.momentum).unwrap_or(0.0),
            config.beta_1.or(knobs.beta_1).unwrap_or(0.0),
            config.beta_2.or(knobs.beta_2).unwrap_or(0.0),
        ];
        let update = match config.optimizer {
            OptimizerKind::Sgd => Update::Sgd(Sgd { momentum, nesterov: config.nesterov }),
            OptimizerKind::Adam | OptimizerKind::Adamw => {
                let (beta_1, beta_2) = (beta_1 as f32, beta_2 as f32);
                let adam = Adam { beta_1, beta_2, epsilon: config.epsilon, epsilon_hat: config.epsilon_hat };
                Update::Adam { adam, in_one_pass: on_host }
            }
            OptimizerKind::Rmsprop => {
                Update::Rmsprop(Rmsprop { beta_2: beta_2 as f32, momentum: momentum as f32, epsilon })
            }
            OptimizerKind::Adagrad => Update::Adagrad(Adagrad { epsilon }),
        };
        let weight_decay = config.weight_decay.unwrap_or(knobs.weight_decay);
        Self { update, l2: config.l2, weight_decay, backend: PhantomData }
    }
}

impl<B: Backend> SimpleOptimizer<B> for Rule<B> {
    type State<const D: usize> = State<B, D>;

    fn step<const D: usize>(
        &self,
        learning_rate: f64,
        mut tensor: Tensor<B, D>,
        mut gradient: Tensor<B, D>,
        state: Option<State<B, D>>,
    ) -> (Tensor<B, D>, Option<State<B, D>>) {
        let is_weight = D >= 2; // biases and normalisation parameters are vectors
        let (l2, decay) = if is_weight { (self.l2, learning_rate * self.weight_decay) } else { (0.0, 0.0) };
        let state = state.unwrap_or(State { num_steps: 0, slots: Vec::new() });
        if let Update::Adam { adam, in_one_pass: true } = &self.update {
            let factors = (l2 as f32, (1.0 - decay) as f32);
            let (tensor, state) = adam.step_in_one_pass(learning_rate, factors, tensor, gradient, state);
            return (tensor, Some(state));
        }
        if l2 > 0.0 {
            gradient = gradient + tensor.clone().mul_scalar(l2);
        }
        if decay > 0.0 {
            tensor = tensor.mul_scalar(1.0 - decay);
        }
        let (tensor, state) = match &self.update {
            Update::Sgd(rule) => rule.step(learning_rate, tensor, gradient, state),
            Update::Adam { adam, .. } => adam.step(learning_rate, tensor, gradient, state),
            Update::Rmsprop(rule) => rule.step(learning_rate, tensor, gradient, state),
            Update::Adagrad(rule) => rule.step(learning_rate, tensor, gradient, state),
        };
        (tensor, Some(state))
    }

    fn to_device<const D: usize>(state: State<B, D>, device: &B::Device) -> State<B, D> {
        State { slots: state.slots.into_iter().map(|slot| slot.to_device(device)).collect(), ..state }
    }
}
