//! The update rules, chosen at run time behind one Burn `Optimizer`.
//!
//! Around Burn's rules goes what 0.21 lacks: clipping by the norm of all gradients together (Burn's is per tensor), and
//! decay that spares the biases. On a CPU backend Adam takes one pass over memory, where Burn's operations take twelve.

use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard};

use burn::module::{AutodiffModule, ModuleVisitor, Param};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::{
    AdaGrad, AdaGradConfig, AdaGradState, Adam, AdamConfig, AdamState, AdaptiveMomentumState, GradientsParams,
    MultiGradientsParams, Optimizer, RmsProp, RmsPropConfig, RmsPropState, SimpleOptimizer,
};
use burn::record::Record;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::config::{OptimizerKind, TrainingConfig};
use crate::cpu;

/// burnlab's rules as an optimizer of whole modules.
type Adapted<B, M> = OptimizerAdaptor<Rule<<B as AutodiffBackend>::InnerBackend>, M, B>;

/// The optimizer of a run: an update rule, and a bound on the gradient. Clones share the state: Burn's Learner keeps
/// its optimizer to itself, and a checkpoint needs it.
pub struct ChosenOptimizer<B: AutodiffBackend, M: AutodiffModule<B>> {
    rule: Arc<Mutex<Adapted<B, M>>>,
    clip_norm: Option<f64>,
}

impl<B: AutodiffBackend, M: AutodiffModule<B>> Clone for ChosenOptimizer<B, M> {
    fn clone(&self) -> Self {
        Self { rule: self.rule.clone(), clip_norm: self.clip_norm }
    }
}

impl<B: AutodiffBackend, M: AutodiffModule<B>> ChosenOptimizer<B, M> {
    /// The optimizer of `config`; `on_host` for a backend whose tensors lie in this process's memory.
    pub fn new(config: &TrainingConfig, on_host: bool) -> Self {
        let rule = OptimizerAdaptor::from(Rule::new(config, on_host));
        Self { rule: Arc::new(Mutex::new(rule)), clip_norm: config.clip_norm }
    }

    fn rule(&self) -> MutexGuard<'_, Adapted<B, M>> {
        self.rule.lock().expect("no panic while held")
    }
}

impl<B: AutodiffBackend, M: AutodiffModule<B>> Optimizer<M, B> for ChosenOptimizer<B, M> {
    type Record = <Adapted<B, M> as Optimizer<M, B>>::Record;

    fn step(&mut self, learning_rate: f64, module: M, mut gradients: GradientsParams) -> M {
        if let Some(bound) = self.clip_norm {
            gradients = clip_by_global_norm::<B, M>(&module, gradients, bound);
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

/// Burn's rule of the configured kind, with the decay around it.
#[derive(Clone)]
pub struct Rule<B: Backend> {
    kind: Kind,
    l2: f64,
    weight_decay: f64,
    backend: PhantomData<B>,
}

#[derive(Clone)]
enum Kind {
    Sgd { momentum: f64, nesterov: bool },
    Adam { settings: AdamSettings, on_host: bool },
    RmsProp(RmsProp),
    AdaGrad(AdaGrad),
}

/// Adam (Kingma and Ba 2015).
#[derive(Clone, Copy)]
struct AdamSettings {
    beta_1: f32,
    beta_2: f32,
    epsilon: f64,
    /// Whether epsilon is added before the bias correction (the paper's epsilon hat), as scikit-learn does.
    epsilon_hat: bool,
}

impl AdamSettings {
    /// The epsilon that is added to the corrected root in the `time`-th step, from 1.
    fn epsilon_at(&self, time: usize) -> f32 {
        let correction = if self.epsilon_hat { (1.0 - f64::from(self.beta_2).powf(time as f64)).sqrt() } else { 1.0 };
        (self.epsilon / correction) as f32
    }

    fn step_of_burn<B: Backend, const D: usize>(
        &self,
        learning_rate: f64,
        tensor: Tensor<B, D>,
        gradient: Tensor<B, D>,
        state: Option<AdamState<B, D>>,
    ) -> (Tensor<B, D>, Option<AdamState<B, D>>) {
        let time = state.as_ref().map_or(1, |adam| adam.momentum.time + 1);
        let rule =
            AdamConfig::new().with_beta_1(self.beta_1).with_beta_2(self.beta_2).with_epsilon(self.epsilon_at(time));
        rule.build().step(learning_rate, tensor, gradient, state)
    }

    /// The same in one pass over memory. `l2` is the penalty's factor, `kept` what decay leaves of a weight.
    fn step_on_host<B: Backend, const D: usize>(
        &self,
        learning_rate: f64,
        (l2, kept): (f32, f32),
        tensor: Tensor<B, D>,
        gradient: Tensor<B, D>,
        state: Option<AdamState<B, D>>,
    ) -> (Tensor<B, D>, Option<AdamState<B, D>>) {
        let mut state = state.map(|state| state.momentum).unwrap_or_else(|| {
            let zeros = Tensor::zeros(tensor.shape(), &tensor.device());
            AdaptiveMomentumState::new(0, zeros.clone(), zeros)
        });
        state.time += 1;
        let Self { beta_1, beta_2, .. } = *self;
        let epsilon = self.epsilon_at(state.time);
        let correction = |beta: f32| 1.0 - f64::from(beta).powf(state.time as f64);
        let step = (learning_rate / correction(beta_1)) as f32;
        let root_scale = (1.0 / correction(beta_2).sqrt()) as f32;
        // The new weights take the gradients' place: the old ones are shared with the module.
        let update = |weights: &[f32], gradients: &mut [f32], moments_1: &mut [f32], moments_2: &mut [f32]| {
            let moments = moments_1.iter_mut().zip(moments_2);
            for ((weight, place), (moment_1, moment_2)) in weights.iter().zip(gradients).zip(moments) {
                let gradient = *place + l2 * *weight;
                *moment_1 = beta_1 * *moment_1 + (1.0 - beta_1) * gradient;
                *moment_2 = beta_2 * *moment_2 + (1.0 - beta_2) * gradient * gradient;
                *place = *weight * kept - step * *moment_1 / (moment_2.sqrt() * root_scale + epsilon);
            }
        };
        let AdaptiveMomentumState { time, moment_1, moment_2, .. } = state;
        // Outermost first: each tensor lends its numbers to the next one in.
        let (tensor, (moment_1, moment_2)) = cpu::in_place(gradient, |gradients| {
            let (moment_1, (moment_2, ())) = cpu::in_place(moment_1, |moments_1| {
                cpu::in_place(moment_2, |moments_2| {
                    cpu::read(tensor, |weights| {
                        cpu::for_blocks(weights, [gradients, moments_1, moments_2], update);
                    });
                })
            });
            (moment_1, moment_2)
        });
        (tensor, Some(AdamState::new(AdaptiveMomentumState::new(time, moment_1, moment_2))))
    }
}

/// Stochastic gradient descent. The velocity is momentum x velocity + gradient, in the first step the gradient
/// (PyTorch's rule, without dampening).
fn sgd<B: Backend, const D: usize>(
    (learning_rate, momentum, nesterov): (f64, f64, bool),
    tensor: Tensor<B, D>,
    gradient: Tensor<B, D>,
    velocity: Option<Tensor<B, D>>,
) -> (Tensor<B, D>, Option<Tensor<B, D>>) {
    if momentum == 0.0 {
        return (tensor - gradient.mul_scalar(learning_rate), None);
    }
    let velocity = match velocity {
        Some(velocity) => velocity.mul_scalar(momentum) + gradient.clone(),
        None => gradient.clone(),
    };
    let direction = if nesterov { gradient + velocity.clone().mul_scalar(momentum) } else { velocity.clone() };
    (tensor - direction.mul_scalar(learning_rate), Some(velocity))
}

/// The state of whichever rule is in use; the others stay empty.
#[derive(Record, Clone)]
pub struct RuleState<B: Backend, const D: usize> {
    velocity: Option<Tensor<B, D>>,
    adam: Option<AdamState<B, D>>,
    rms_prop: Option<RmsPropState<B, D>>,
    ada_grad: Option<AdaGradState<B, D>>,
}

impl<B: Backend, const D: usize> RuleState<B, D> {
    const EMPTY: Self = Self { velocity: None, adam: None, rms_prop: None, ada_grad: None };
}

impl<B: Backend> Rule<B> {
    fn new(config: &TrainingConfig, on_host: bool) -> Self {
        let epsilon = config.epsilon as f32;
        let momentum = config.momentum();
        let kind = match config.optimizer {
            OptimizerKind::Sgd => Kind::Sgd { momentum, nesterov: config.nesterov },
            OptimizerKind::Adam | OptimizerKind::Adamw => {
                let (beta_1, beta_2) = (config.beta_1() as f32, config.beta_2() as f32);
                let settings =
                    AdamSettings { beta_1, beta_2, epsilon: config.epsilon, epsilon_hat: config.epsilon_hat };
                Kind::Adam { settings, on_host }
            }
            OptimizerKind::Rmsprop => Kind::RmsProp(
                RmsPropConfig::new()
                    .with_alpha(config.beta_2() as f32)
                    .with_momentum(momentum as f32)
                    .with_epsilon(epsilon)
                    .build(),
            ),
            OptimizerKind::Adagrad => Kind::AdaGrad(AdaGradConfig::new().with_epsilon(epsilon).build()),
        };
        Self { kind, l2: config.l2, weight_decay: config.weight_decay(), backend: PhantomData }
    }
}

impl<B: Backend> SimpleOptimizer<B> for Rule<B> {
    type State<const D: usize> = RuleState<B, D>;

    fn step<const D: usize>(
        &self,
        learning_rate: f64,
        mut tensor: Tensor<B, D>,
        mut gradient: Tensor<B, D>,
        state: Option<RuleState<B, D>>,
    ) -> (Tensor<B, D>, Option<RuleState<B, D>>) {
        let is_weight = D >= 2; // biases and normalisation parameters are vectors
        let (l2, decay) = if is_weight { (self.l2, learning_rate * self.weight_decay) } else { (0.0, 0.0) };
        let state = state.unwrap_or(RuleState::EMPTY);
        if let Kind::Adam { settings, on_host: true } = &self.kind {
            let factors = (l2 as f32, (1.0 - decay) as f32);
            let (tensor, adam) = settings.step_on_host(learning_rate, factors, tensor, gradient, state.adam);
            return (tensor, Some(RuleState { adam, ..RuleState::EMPTY }));
        }
        if l2 > 0.0 {
            gradient = gradient + tensor.clone().mul_scalar(l2);
        }
        if decay > 0.0 {
            tensor = tensor.mul_scalar(1.0 - decay);
        }
        match &self.kind {
            Kind::Sgd { momentum, nesterov } => {
                let settings = (learning_rate, *momentum, *nesterov);
                let (tensor, velocity) = sgd(settings, tensor, gradient, state.velocity);
                (tensor, Some(RuleState { velocity, ..RuleState::EMPTY }))
            }
            Kind::Adam { settings, .. } => {
                let (tensor, adam) = settings.step_of_burn(learning_rate, tensor, gradient, state.adam);
                (tensor, Some(RuleState { adam, ..RuleState::EMPTY }))
            }
            Kind::RmsProp(rule) => {
                let (tensor, rms_prop) = rule.step(learning_rate, tensor, gradient, state.rms_prop);
                (tensor, Some(RuleState { rms_prop, ..RuleState::EMPTY }))
            }
            Kind::AdaGrad(rule) => {
                let (tensor, ada_grad) = rule.step(learning_rate, tensor, gradient, state.ada_grad);
                (tensor, Some(RuleState { ada_grad, ..RuleState::EMPTY }))
            }
        }
    }

    fn to_device<const D: usize>(state: RuleState<B, D>, device: &B::Device) -> RuleState<B, D> {
        RuleState {
            velocity: state.velocity.map(|velocity| velocity.to_device(device)),
            adam: state.adam.map(|state| <Adam as SimpleOptimizer<B>>::to_device(state, device)),
            rms_prop: state.rms_prop.map(|state| <RmsProp as SimpleOptimizer<B>>::to_device(state, device)),
            ada_grad: state.ada_grad.map(|state| <AdaGrad as SimpleOptimizer<B>>::to_device(state, device)),
        }
    }
}

/// Scales all gradients by `bound / norm` where their common L2 norm exceeds `bound` (Pascanu et al. 2013).
fn clip_by_global_norm<B: AutodiffBackend, M: AutodiffModule<B>>(
    module: &M,
    gradients: GradientsParams,
    bound: f64,
) -> GradientsParams {
    let mut norm = SquaredNorm { gradients: &gradients, sum: 0.0 };
    module.visit(&mut norm);
    let norm = norm.sum.sqrt();
    // A norm that is not finite is left to the loss check, which names epoch and step.
    if !norm.is_finite() || norm <= bound {
        return gradients;
    }
    let mut scale = Scale { gradients, factor: bound / norm };
    module.visit(&mut scale);
    scale.gradients
}

struct SquaredNorm<'a> {
    gradients: &'a GradientsParams,
    sum: f64,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for SquaredNorm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = self.gradients.get::<B::InnerBackend, D>(param.id) {
            let squared = gradient.powi_scalar(2).sum().into_data().iter::<f64>().next();
            self.sum += squared.unwrap_or(f64::NAN);
        }
    }
}

struct Scale {
    gradients: GradientsParams,
    factor: f64,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Scale {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = self.gradients.remove::<B::InnerBackend, D>(param.id) {
            self.gradients.register::<B::InnerBackend, D>(param.id, gradient.mul_scalar(self.factor));
        }
    }
}
