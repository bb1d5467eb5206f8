//! The update rules, chosen at run time behind one Burn `Optimizer`.
//!
//! Burn's rules are used as they are; around them goes what 0.21 lacks: clipping by the norm of
//! all gradients together (Burn's is per tensor), and decay that spares the biases.

use std::sync::{Arc, Mutex, MutexGuard};

use burn::module::{AutodiffModule, ModuleVisitor, Param};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{
    AdaGrad, AdaGradConfig, AdaGradState, Adam, AdamConfig, AdamState, GradientsParams, MultiGradientsParams,
    Optimizer, RmsProp, RmsPropConfig, RmsPropState, Sgd, SgdConfig, SgdState, SimpleOptimizer,
};
use burn::record::Record;
use burn::tensor::Tensor;
use burn::tensor::backend::{AutodiffBackend, Backend};

use super::config::{OptimizerKind, TrainingConfig};

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
    pub fn new(config: &TrainingConfig) -> Self {
        let rule = OptimizerAdaptor::from(Rule::new(config));
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
    kind: Kind<B>,
    l2: f64,
    weight_decay: f64,
}

#[derive(Clone)]
enum Kind<B: Backend> {
    Sgd(Sgd<B>),
    Adam { rule: Adam, epsilon_hat: Option<EpsilonHat> },
    RmsProp(RmsProp),
    AdaGrad(AdaGrad),
}

/// Adam whose epsilon is added before the bias correction: Burn multiplies its epsilon by
/// sqrt(1 - beta_2^t), so dividing by that first leaves it as it is.
#[derive(Clone)]
struct EpsilonHat {
    adam: AdamConfig,
    beta_2: f64,
    epsilon: f64,
}

impl EpsilonHat {
    /// The rule of the `time`-th step, from 1.
    fn rule(&self, time: usize) -> Adam {
        let correction = (1.0 - self.beta_2.powf(time as f64)).sqrt();
        self.adam.clone().with_epsilon((self.epsilon / correction) as f32).build()
    }
}

/// The state of whichever rule is in use; the others stay empty.
#[derive(Record, Clone)]
pub struct RuleState<B: Backend, const D: usize> {
    sgd: Option<SgdState<B, D>>,
    adam: Option<AdamState<B, D>>,
    rms_prop: Option<RmsPropState<B, D>>,
    ada_grad: Option<AdaGradState<B, D>>,
}

impl<B: Backend, const D: usize> RuleState<B, D> {
    const EMPTY: Self = Self { sgd: None, adam: None, rms_prop: None, ada_grad: None };
}

impl<B: Backend> Rule<B> {
    fn new(config: &TrainingConfig) -> Self {
        let epsilon = config.epsilon as f32;
        let momentum = config.momentum();
        let kind = match config.optimizer {
            OptimizerKind::Sgd => {
                // Burn's default dampening of 0.1 would make this another rule than everyone's.
                let momentum = (momentum > 0.0).then(|| {
                    MomentumConfig::new().with_momentum(momentum).with_dampening(0.0).with_nesterov(config.nesterov)
                });
                Kind::Sgd(SgdConfig::new().with_momentum(momentum).build())
            }
            OptimizerKind::Adam | OptimizerKind::Adamw => {
                let adam = AdamConfig::new()
                    .with_beta_1(config.beta_1() as f32)
                    .with_beta_2(config.beta_2() as f32)
                    .with_epsilon(epsilon);
                let beta_2 = config.beta_2();
                let hat = EpsilonHat { adam: adam.clone(), beta_2, epsilon: config.epsilon };
                Kind::Adam { rule: adam.build(), epsilon_hat: config.epsilon_hat.then_some(hat) }
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
        Self { kind, l2: config.l2, weight_decay: config.weight_decay() }
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
        if is_weight && self.l2 > 0.0 {
            gradient = gradient + tensor.clone().mul_scalar(self.l2);
        }
        if is_weight && self.weight_decay > 0.0 {
            tensor = tensor.mul_scalar(1.0 - learning_rate * self.weight_decay);
        }
        let state = state.unwrap_or(RuleState::EMPTY);
        match &self.kind {
            Kind::Sgd(rule) => {
                let (tensor, sgd) = rule.step(learning_rate, tensor, gradient, state.sgd);
                (tensor, Some(RuleState { sgd, ..RuleState::EMPTY }))
            }
            Kind::Adam { rule, epsilon_hat } => {
                let time = state.adam.as_ref().map_or(1, |adam| adam.momentum.time + 1);
                let hat = epsilon_hat.as_ref().map(|hat| hat.rule(time));
                let rule = hat.as_ref().unwrap_or(rule);
                let (tensor, adam) = rule.step(learning_rate, tensor, gradient, state.adam);
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
            sgd: state.sgd.map(|state| <Sgd<B> as SimpleOptimizer<B>>::to_device(state, device)),
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
