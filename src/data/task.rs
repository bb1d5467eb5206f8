//! The task: what a network learns from a data set.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the target is interpreted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskKind {
    /// A class name.
    Classification,
    /// A number, or several.
    Regression,
    /// Several labels, each of which holds or does not: `target` lists columns of 0 and 1, or names one whose cells hold labels
    /// with `target_separator` between them.
    MultiLabel,
    /// The next character of a text.
    LanguageModel,
}

/// The task, which determines the number of network outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Two classes: one logit, for the second class name.
    Binary,
    /// A logit per class.
    MultiClass {
        /// At least 3.
        num_classes: usize,
    },
    /// Classes in an order: for each class but the last the logit of being above it, of what is not below it.
    Ordered {
        /// At least 3.
        num_classes: usize,
    },
    /// One number, standardized.
    Regression,
    /// Quantiles of one number: the lowest one, standardized, and for each further one what the softplus of the output adds.
    Quantiles {
        /// At least 1.
        num_levels: usize,
    },
    /// Several numbers, each standardized.
    Numbers {
        /// At least 2.
        num_targets: usize,
    },
    /// Several labels, each of which holds or does not: a logit per label.
    Labels {
        /// At least 2.
        num_labels: usize,
    },
    /// At each position of a window of text, a logit per possible next character.
    LanguageModel {
        /// Vocabulary size: the distinct characters of the training part, and one more that stands for all others; at
        /// least 2.
        num_characters: usize,
    },
}

impl Task {
    /// Width of the network's last layer.
    pub fn num_outputs(self) -> usize {
        match self {
            Self::Binary | Self::Regression => 1,
            Self::MultiClass { num_classes } => num_classes,
            Self::Ordered { num_classes } => num_classes - 1,
            Self::Quantiles { num_levels } => num_levels,
            Self::Numbers { num_targets } => num_targets,
            Self::Labels { num_labels } => num_labels,
            Self::LanguageModel { num_characters } => num_characters,
        }
    }

    /// Values to predict for each row (of a text, for each position).
    pub fn num_targets(self) -> usize {
        match self {
            Self::Numbers { .. } | Self::Labels { .. } => self.num_outputs(),
            _ => 1,
        }
    }

    /// Number of classes or characters that a target can be; 0 where it is a number or several.
    pub fn num_classes(self) -> usize {
        match self {
            Self::Binary => 2,
            Self::Ordered { num_classes } => num_classes,
            Self::MultiClass { .. } | Self::LanguageModel { .. } => self.num_outputs(),
            _ => 0,
        }
    }

    /// Whether the targets are numbers.
    pub fn is_regression(self) -> bool {
        matches!(self, Self::Regression | Self::Quantiles { .. } | Self::Numbers { .. })
    }

    /// Whether the outputs are probabilities of classes, labels or characters.
    pub fn has_probabilities(self) -> bool {
        !self.is_regression()
    }

    /// Whether a row has a class as its target.
    pub fn is_classification(self) -> bool {
        matches!(self, Self::Binary | Self::MultiClass { .. } | Self::Ordered { .. })
    }

    /// Whether the task is to predict the next character of a text.
    pub fn is_language_model(self) -> bool {
        matches!(self, Self::LanguageModel { .. })
    }

    pub(super) fn of_classes(num_classes: usize) -> Self {
        match num_classes {
            2 => Self::Binary,
            num_classes => Self::MultiClass { num_classes },
        }
    }

    /// The task for a text whose training part has `num_known` distinct characters.
    pub(super) fn of_characters(num_known: usize) -> Self {
        Self::LanguageModel { num_characters: num_known + 1 }
    }
}
