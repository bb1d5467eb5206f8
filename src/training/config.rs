//! The `[training]` section: fields, defaults, and the checks across fields.

use burnlab_cpu::{FusedBackend, Kernels};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metrics;
use super::optimizer::Knob;
pub use super::optimizer::OptimizerKind;
use super::schedule::ScheduleConfig;
use super::threshold::ThresholdMetric;
use crate::data::Task;
use crate::figures::counted;
use crate::invalid::Invalid;
use crate::schema::without_default;

mod optimizer;

const DEFAULT_BATCH_SIZE: usize = 32;
const DEFAULT_QUANTILES: [f64; 3] = [0.1, 0.5, 0.9];
/// Each has an output of the network.
const MAX_QUANTILES: usize = 99;

/// The `[training]` section.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TrainingConfig {
    /// Maximum number of passes over the training part; >= 1. By default chosen by the data, together with early stopping
    /// and the second training.
    #[schemars(transform = without_default)]
    pub max_epochs: usize,
    /// Examples per optimizer step; 1 to the number of training rows. By default 32, or all of fewer rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch_size: Option<usize>,
    /// Step size before the schedule; > 0.
    pub learning_rate: f64,
    /// The update rule.
    pub optimizer: OptimizerKind,
    /// Momentum of `sgd` and `rmsprop`; 0 <= m < 1, by default 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub momentum: Option<f64>,
    /// Nesterov momentum for `sgd`.
    pub nesterov: bool,
    /// Decay rate of the mean of gradients in `adam` and `adamw`; by default 0.9.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_1: Option<f64>,
    /// Decay rate of the mean of squared gradients in `adam`, `adamw` (by default 0.999) and `rmsprop` (0.99).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beta_2: Option<f64>,
    /// Added to the denominators of adaptive optimizers; by default 1e-8, as in scikit-learn and PyTorch.
    pub epsilon: f64,
    /// `adam`, `adamw`: add epsilon before the bias correction, as scikit-learn and Keras do (Kingma and Ba's epsilon
    /// hat), not after it, as PyTorch does. It matters where gradients are close to epsilon, such as at dark pixels.
    pub epsilon_hat: bool,
    /// L2 penalty `l2 / 2 * |w|^2` added to the loss's gradient (coupled); weights only, never biases.
    pub l2: f64,
    /// Each step subtracts the fraction `learning_rate * weight_decay` of each weight (decoupled); never of biases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Upper bound on the global norm of all gradients; none by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clip_norm: Option<f64>,
    /// The loss; by default cross-entropy for classes, squared error for numbers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// `pinball`: the levels of the quantiles, ascending, above 0 and below 1; by default [0.1, 0.5, 0.9].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantiles: Option<Vec<f64>>,
    /// Where `huber` changes from squared to absolute error, in standard deviations of the target; > 0.
    pub huber_delta: f64,
    /// Fraction of the target probability spread over all classes; 0 <= s < 1.
    pub label_smoothing: f64,
    /// A weight per class in the loss, or "balanced".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
    /// Classes: after training, divide the logits by the temperature that makes the probabilities of the validation rows
    /// most likely, so that they say how often the model is right. The predicted classes stay the same. True where the network is
    /// chosen by the data, else false by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub calibrate: Option<bool>,
    /// Two classes: predict the second one above the probability at which this metric of the validation rows is best, chosen
    /// after training; several labels: each above one of its own; above one half when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<ThresholdMetric>,
    /// Visit the rows in a new order each epoch.
    pub shuffle: bool,
    /// Keep the weights of the best validation epoch instead of the last one.
    pub restore_best: bool,
    /// After the validation part has chosen the epoch, train once more from the same initial weights, on the training
    /// and validation rows together, for that many epochs, and keep that network; it takes at most as long again. True
    /// where the training is chosen by the data, else false by default; the trials of a sweep do without.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refit: Option<bool>,
    /// Minimum seconds of training between two checkpoints, from which `burnlab resume` continues after a crash; epochs
    /// after the last one are trained again, with the same result. 0 = after every epoch.
    pub checkpoint_seconds: f64,
    /// How layers, loss and Adam are computed: "fused" (burnlab's own kernels, several times as fast, where the backend
    /// has them: `flex` and `ndarray`) or "plain" (Burn's operations only). Results agree up to rounding.
    pub kernels: Kernels,
    /// How the learning rate changes; constant by default.
    #[serde(deserialize_with = "crate::keyed::only")]
    pub schedule: ScheduleConfig,
    /// When to stop before `max_epochs`; with a given number of epochs never by default.
    #[serde(skip_serializing_if = "Option::is_none", deserialize_with = "crate::keyed::maybe")]
    pub early_stopping: Option<EarlyStoppingConfig>,
}

impl Default for TrainingConfig {
    fn default() -> Self {
        Self {
            max_epochs: 200,
            batch_size: None,
            learning_rate: 1e-3,
            optimizer: OptimizerKind::Adam,
            momentum: None,
            nesterov: false,
            beta_1: None,
            beta_2: None,
            epsilon: 1e-8,
            epsilon_hat: false,
            l2: 0.0,
            weight_decay: None,
            clip_norm: None,
            loss: None,
            quantiles: None,
            huber_delta: 1.0,
            label_smoothing: 0.0,
            class_weights: None,
            calibrate: None,
            threshold: None,
            shuffle: true,
            restore_best: true,
            refit: None,
            checkpoint_seconds: 10.0,
            kernels: Kernels::default(),
            schedule: ScheduleConfig::default(),
            early_stopping: None,
        }
    }
}

/// The loss to minimise, as a mean over the examples of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Loss {
    /// Two classes: binary cross-entropy of the one logit; more: cross-entropy of the softmax
    CrossEntropy,
    /// Squared error
    Mse,
    /// Absolute error
    Mae,
    /// Squared near zero, absolute beyond `huber_delta` (Huber 1964)
    Huber,
    /// Counts: half the deviance of a Poisson distribution whose mean is e to the output times the training mean, in units of
    /// the latter
    Poisson,
    /// Quantiles of a number, at the levels `quantiles`: t e for an error e above the quantile of level t, (t - 1) e below
    Pinball,
}

impl Loss {
    /// The usual loss of a task.
    pub fn default_for(task: Task) -> Self {
        if task.has_probabilities() { Self::CrossEntropy } else { Self::Mse }
    }
}

/// `class_weights = "balanced"` or `[1.0, 5.0]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "class_weights is \"balanced\" or a list with a number per class")]
pub enum ClassWeights {
    /// By a rule.
    Named(Balanced),
    /// Each by itself.
    List(Vec<f32>),
}

/// num_rows / (num_classes * rows of the class), as scikit-learn's "balanced".
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Balanced {
    /// The only one.
    Balanced,
}

/// `[training.early_stopping]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EarlyStoppingConfig {
    /// The validation metric to watch, such as "validation/loss" or "validation/accuracy".
    pub monitor: String,
    /// Epochs without an improvement before training stops; >= 1.
    pub patience: usize,
    /// A change counts as an improvement only if it exceeds this; >= 0.
    pub min_delta: f64,
    /// Epochs at the start during which training never stops.
    pub warm_up_epochs: usize,
}

impl Default for EarlyStoppingConfig {
    fn default() -> Self {
        Self { monitor: DEFAULT_MONITOR.into(), patience: 10, min_delta: 0.0, warm_up_epochs: 0 }
    }
}

/// The metric that determines the best epoch unless `early_stopping.monitor` names another.
pub(super) const DEFAULT_MONITOR: &str = "validation/loss";

impl TrainingConfig {
    /// Checks ranges and consistency, before the data are prepared.
    ///
    /// # Errors
    /// The first key whose value cannot be used.
    pub fn validate(&self) -> Result<(), Invalid> {
        let positive = |value: f64| value > 0.0 && value.is_finite();
        let not_negative = |value: f64| value >= 0.0 && value.is_finite();
        let check = |holds, key: &str, rule: &str, found: String| {
            Invalid::unless(holds, &format!("training.{key}"), || format!("{key} must be {rule}, found {found}"))
        };
        check(self.max_epochs >= 1, "max_epochs", "at least 1", self.max_epochs.to_string())?;
        check(self.max_epochs <= 10_000_000, "max_epochs", "at most 10000000", self.max_epochs.to_string())?;
        check(self.batch_size() >= 1, "batch_size", "at least 1", self.batch_size().to_string())?;
        check(positive(self.learning_rate), "learning_rate", "above 0", self.learning_rate.to_string())?;
        check(positive(self.epsilon), "epsilon", "above 0", self.epsilon.to_string())?;
        check(not_negative(self.l2), "l2", "0 or more", self.l2.to_string())?;
        check(
            not_negative(self.checkpoint_seconds),
            "checkpoint_seconds",
            "0 or more",
            self.checkpoint_seconds.to_string(),
        )?;
        check(positive(self.huber_delta), "huber_delta", "above 0", self.huber_delta.to_string())?;
        check(
            (0.0..1.0).contains(&self.label_smoothing),
            "label_smoothing",
            "at least 0 and below 1",
            self.label_smoothing.to_string(),
        )?;
        if let Some(levels) = &self.quantiles {
            let are_levels = (1..=MAX_QUANTILES).contains(&levels.len())
                && levels.iter().all(|level| *level > 0.0 && *level < 1.0)
                && levels.array_windows().all(|[low, high]| low < high);
            let rule = format!("1 to {MAX_QUANTILES} numbers above 0 and below 1, ascending");
            check(are_levels, "quantiles", &rule, format!("{levels:?}"))?;
            Invalid::unless(self.loss == Some(Loss::Pinball), "training.quantiles", || {
                "quantiles needs loss = \"pinball\": set it, or remove quantiles".into()
            })?;
        }
        if let Some(decay) = self.weight_decay {
            check(not_negative(decay), "weight_decay", "0 or more", decay.to_string())?;
        }
        if let Some(norm) = self.clip_norm {
            check(positive(norm), "clip_norm", "above 0", norm.to_string())?;
        }
        self.validate_knobs()?;
        self.schedule.validate()?;
        if let Some(stopping) = &self.early_stopping {
            let check = |holds, key: &str, rule: &str| {
                Invalid::unless(holds, &format!("training.early_stopping.{key}"), || format!("{key} must be {rule}"))
            };
            check(stopping.patience >= 1, "patience", "at least 1 epoch")?;
            check(not_negative(stopping.min_delta), "min_delta", "0 or more")?;
        }
        Ok(())
    }

    /// Checks what depends on the data: the task, and how many rows there are to train and validate on.
    ///
    /// # Errors
    /// The first key whose value does not fit the data.
    pub fn validate_for(&self, task: Task, num_train: usize, num_validation: usize) -> Result<(), Invalid> {
        Invalid::unless(self.batch_size.is_none_or(|size| size <= num_train), "training.batch_size", || {
            format!(
                "batch_size {} is larger than the {}; choose {num_train} or less",
                self.batch_size(),
                counted(num_train, "training row")
            )
        })?;
        let loss = self.loss.unwrap_or(Loss::default_for(task));
        let has_classes = task.has_probabilities();
        Invalid::unless(has_classes == (loss == Loss::CrossEntropy), "training.loss", || {
            if has_classes {
                "a class target needs loss = \"cross_entropy\" (whole numbers that are counts: data.task = \"regression\")".into()
            } else {
                "a number target needs loss = \"mse\", \"mae\", \"huber\", \"poisson\" or \"pinball\"".into()
            }
        })?;
        let is_of_one = matches!(loss, Loss::Poisson | Loss::Pinball);
        Invalid::unless(!is_of_one || task.num_targets() == 1, "training.loss", || {
            let what = if loss == Loss::Poisson { "poisson\" is for one count" } else { "pinball\" is for one number" };
            format!("loss = \"{what}, and data.target lists several columns")
        })?;
        Invalid::unless(has_classes || self.label_smoothing == 0.0, "training.label_smoothing", || {
            "label_smoothing is for class targets".into()
        })?;
        let is_ordered = matches!(task, Task::Ordered { .. });
        Invalid::unless(!is_ordered || self.label_smoothing == 0.0, "training.label_smoothing", || {
            "label_smoothing is for classes without an order: remove it, or data.ordered".into()
        })?;
        if let Some(weights) = &self.class_weights {
            Invalid::unless(task.is_classification(), "training.class_weights", || {
                "class_weights is for class targets".into()
            })?;
            let num_classes = task.num_classes();
            if let ClassWeights::List(list) = weights {
                let usable = list.len() == num_classes && list.iter().all(|&w| w >= 0.0 && w.is_finite());
                Invalid::unless(usable && list.iter().any(|&w| w > 0.0), "training.class_weights", || {
                    format!("class_weights needs {num_classes} numbers of 0 or more, one per class, found {list:?}")
                })?;
            }
        }
        if let Some(stopping) = &self.early_stopping {
            Invalid::unless(num_validation > 0, "training.early_stopping", || {
                "early stopping needs validation rows; set data.validation_fraction above 0".into()
            })?;
            let known = metrics::validation_names(self.task_of(task));
            let metric = stopping.monitor.strip_prefix("validation/");
            Invalid::unless(metric.is_some_and(|m| known.contains(&m)), "training.early_stopping.monitor", || {
                let known: Vec<_> = known.iter().map(|m| format!("validation/{m}")).collect();
                format!("`{}` is not recorded; monitor one of {}", stopping.monitor, known.join(", "))
            })?;
        }
        if self.calibrate == Some(true) {
            Invalid::unless(task.is_classification() && !is_ordered, "training.calibrate", || {
                "calibrate is for the probabilities of classes without an order: remove it".into()
            })?;
            Invalid::unless(num_validation > 0, "training.calibrate", || {
                "calibrate needs validation rows; set data.validation_fraction above 0".into()
            })?;
        }
        if self.threshold.is_some() {
            let has_decisions = matches!(task, Task::Binary | Task::Labels { .. });
            Invalid::unless(has_decisions, "training.threshold", || {
                "threshold is for two classes, or labels: remove it".into()
            })?;
            Invalid::unless(num_validation > 0, "training.threshold", || {
                "a threshold is chosen on validation rows; set data.validation_fraction above 0".into()
            })?;
        }
        if self.refit == Some(true) {
            Invalid::unless(num_validation > 0, "training.refit", || {
                "refit adds the validation rows, and there are none; set data.validation_fraction above 0".into()
            })?;
            Invalid::unless(!self.schedule.needs_validation(), "training.refit", || {
                "refit trains without validation rows, which the plateau schedule needs; choose another schedule".into()
            })?;
        }
        Invalid::unless(!self.schedule.needs_validation() || num_validation > 0, "training.schedule.kind", || {
            "the plateau schedule needs validation rows; set data.validation_fraction above 0".into()
        })
    }

    /// The levels of the quantiles that are learned.
    pub fn levels(&self) -> Vec<f64> {
        self.quantiles.clone().unwrap_or_else(|| DEFAULT_QUANTILES.to_vec())
    }

    /// What is learned of a target that sets `task` by itself: of a number, quantiles with that loss.
    pub fn task_of(&self, task: Task) -> Task {
        match (task, self.loss) {
            (Task::Regression, Some(Loss::Pinball)) => Task::Quantiles { num_levels: self.levels().len() },
            _ => task,
        }
    }

    fn weight_decay(&self) -> f64 {
        self.weight_decay.unwrap_or(self.optimizer.default_weight_decay())
    }

    /// This section with the optimizer's and the schedule's own defaults written out.
    pub fn resolved(self) -> Self {
        Self {
            momentum: self.own_knob(Knob::Momentum),
            beta_1: self.own_knob(Knob::Beta1),
            beta_2: self.own_knob(Knob::Beta2),
            weight_decay: Some(self.weight_decay()),
            batch_size: Some(self.batch_size()),
            quantiles: (self.loss == Some(Loss::Pinball)).then(|| self.levels()),
            schedule: self.schedule.clone().resolved(),
            ..self
        }
    }

    /// Examples per optimizer step.
    pub fn batch_size(&self) -> usize {
        self.batch_size.unwrap_or(DEFAULT_BATCH_SIZE)
    }

    /// This section with the default batch size written out for `num_train` training rows.
    pub fn fitting(self, num_train: usize) -> Self {
        let default = DEFAULT_BATCH_SIZE.min(num_train);
        Self { batch_size: self.batch_size.or(Some(default)), ..self }
    }

    /// This section with the kernels that the backend `B` actually has.
    pub fn resolved_on<B: FusedBackend>(self) -> Self {
        Self { kernels: self.kernels.on::<B>(), ..self }
    }

    /// The metric that determines the best epoch.
    pub fn monitor(&self) -> &str {
        self.early_stopping.as_ref().map_or(DEFAULT_MONITOR, |stopping| &stopping.monitor)
    }
}
