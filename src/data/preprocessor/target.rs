//! What the network's outputs mean: the targets as they are prepared for training, and back.

use serde::{Deserialize, Serialize};

use super::Preprocessor;
use crate::data::follow::KnownTarget;
use crate::data::labels::Labels;
use crate::data::{Dataset, Reading, Several, Target, TargetColumn, Task};

/// What the network's outputs mean.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum PreparedTarget {
    /// Names of the classes by index.
    Classes(Vec<String>),
    /// Names of classes that have an order, the lowest first; at least three.
    Ordered(Vec<String>),
    /// Training mean and population standard deviation of a number, in its own units.
    Number {
        /// Becomes 0.
        mean: f64,
        /// Becomes 1; greater than 0.
        standard_deviation: f64,
    },
    /// A count (`loss = "poisson"`): its training mean becomes 1, and the network's output is the logarithm of that.
    Count {
        /// Training mean, above 0.
        mean: f64,
        /// Population standard deviation in the training part.
        standard_deviation: f64,
    },
    /// Quantiles of a number (`loss = "pinball"`).
    Quantiles {
        /// Training mean: becomes 0.
        mean: f64,
        /// Population standard deviation in the training part, above 0: becomes 1.
        standard_deviation: f64,
        /// Of the quantiles: ascending, above 0 and below 1; at least one.
        levels: Vec<f64>,
    },
    /// Several numbers; at least two.
    Numbers(Vec<NumberTarget>),
    /// Several labels, of which any may hold; at least two.
    Labels(Vec<LabelTarget>),
    /// The characters of a text by index, sorted; one more index stands for all others.
    Characters(String),
}

/// One of several numbers.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct NumberTarget {
    /// Of its column.
    pub name: String,
    /// Training mean, in its own units: becomes 0.
    pub mean: f64,
    /// Population standard deviation in the training part, greater than 0: becomes 1.
    pub standard_deviation: f64,
}

/// One of several labels.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct LabelTarget {
    /// Of its column.
    pub name: String,
    /// What the column writes for 0 and 1.
    pub words: [String; 2],
    /// Share of the training rows where it holds, `0.0..=1.0`.
    pub share: f64,
    /// The logit above which it is predicted, where it was chosen; `None` is 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f32>,
}

/// How a number becomes what the network learns, and back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Unit {
    /// Becomes 0; of a count 0 itself does.
    pub mean: f64,
    /// Becomes 1; greater than 0.
    pub scale: f64,
    /// Whether the output is the logarithm of the prepared number.
    pub is_count: bool,
}

impl Unit {
    /// That of a number which stays as it is.
    pub const PLAIN: Self = Self { mean: 0.0, scale: 1.0, is_count: false };

    /// What the network learns for this number.
    pub fn prepare(&self, number: f64) -> f32 {
        ((number - self.mean) / self.scale) as f32
    }

    /// The number, in the target's units, that an output stands for.
    pub fn number(&self, output: f32) -> f64 {
        match self.is_count {
            true => f64::from(output).exp() * self.scale,
            false => f64::from(output) * self.scale + self.mean,
        }
    }

    /// The output that [`number`](Self::number) turns into this number, up to rounding.
    pub fn output(&self, number: f64) -> f32 {
        match self.is_count {
            true => (number.max(f64::MIN_POSITIVE) / self.scale).ln() as f32,
            false => self.prepare(number),
        }
    }

    /// The mean of the training targets.
    pub fn training_mean(&self) -> f64 {
        if self.is_count { self.scale } else { self.mean }
    }
}

impl Preprocessor {
    /// The task.
    pub fn task(&self) -> Task {
        match &self.target {
            PreparedTarget::Classes(names) => Task::of_classes(names.len()),
            PreparedTarget::Ordered(names) => Task::Ordered { num_classes: names.len() },
            PreparedTarget::Number { .. } | PreparedTarget::Count { .. } => Task::Regression,
            PreparedTarget::Quantiles { levels, .. } => Task::Quantiles { num_levels: levels.len() },
            PreparedTarget::Numbers(targets) => Task::Numbers { num_targets: targets.len() },
            PreparedTarget::Labels(targets) => Task::Labels { num_labels: targets.len() },
            PreparedTarget::Characters(known) => Task::of_characters(known.chars().count()),
        }
    }

    /// Names of the target's columns; of a text, what is predicted.
    pub fn target_names(&self) -> Vec<&str> {
        match &self.target {
            PreparedTarget::Numbers(targets) => targets.iter().map(|target| &*target.name).collect(),
            PreparedTarget::Labels(targets) => targets.iter().map(|target| &*target.name).collect(),
            _ => vec![&self.target_name],
        }
    }

    /// The columns of the file that hold the target: of labels in the cells of one column, that column.
    pub fn target_columns(&self) -> Vec<&str> {
        match self.readings.separator(&self.target_name) {
            Some(_) => vec![&self.target_name],
            None => self.target_names(),
        }
    }

    /// Names of the classes by index; none for numbers, several labels or the characters of a text.
    pub fn class_names(&self) -> &[String] {
        match &self.target {
            PreparedTarget::Classes(names) | PreparedTarget::Ordered(names) => names,
            _ => &[],
        }
    }

    /// The labels, where there are several.
    pub fn labels(&self) -> &[LabelTarget] {
        if let PreparedTarget::Labels(targets) = &self.target { targets } else { &[] }
    }

    /// The levels of the quantiles; none for other targets.
    pub fn levels(&self) -> &[f64] {
        if let PreparedTarget::Quantiles { levels, .. } = &self.target { levels } else { &[] }
    }

    /// Of each number that is predicted; none where the outputs are probabilities.
    pub fn units(&self) -> Vec<Unit> {
        match &self.target {
            &PreparedTarget::Number { mean, standard_deviation }
            | &PreparedTarget::Quantiles { mean, standard_deviation, .. } => {
                vec![Unit { mean, scale: standard_deviation, is_count: false }]
            }
            &PreparedTarget::Count { mean, .. } => vec![Unit { mean: 0.0, scale: mean, is_count: true }],
            PreparedTarget::Numbers(targets) => {
                let unit = |target: &NumberTarget| Unit {
                    mean: target.mean,
                    scale: target.standard_deviation,
                    is_count: false,
                };
                targets.iter().map(unit).collect()
            }
            _ => Vec::new(),
        }
    }

    /// The logit above which the second of two classes, or each of several labels, is predicted; none for other tasks.
    pub fn thresholds(&self) -> Vec<f32> {
        match &self.target {
            PreparedTarget::Classes(names) if names.len() == 2 => vec![self.threshold.unwrap_or(0.0)],
            PreparedTarget::Labels(targets) => targets.iter().map(|label| label.threshold.unwrap_or(0.0)).collect(),
            _ => Vec::new(),
        }
    }

    /// This one with the [`thresholds`](Self::thresholds); `None` takes away those that it has.
    pub fn deciding_at(mut self, thresholds: Option<&[f32]>) -> Self {
        match &mut self.target {
            PreparedTarget::Labels(targets) => {
                for (i, label) in targets.iter_mut().enumerate() {
                    label.threshold = thresholds.map(|thresholds| thresholds[i]);
                }
            }
            _ => self.threshold = thresholds.map(|thresholds| thresholds[0]),
        }
        self
    }

    /// Whether the target is a count.
    pub fn is_count(&self) -> bool {
        matches!(self.target, PreparedTarget::Count { .. })
    }

    /// Looks up class names as this one spells them.
    pub(in crate::data) fn class_labels(&self) -> Option<Labels> {
        let names = self.class_names();
        (!names.is_empty()).then(|| Labels::known(names, self.readings.spelling(&self.target_name)))
    }

    /// How the targets of a later file are read.
    pub(in crate::data) fn known_targets(&self) -> Vec<KnownTarget> {
        let known = |name: &str, words: Option<&[String]>| KnownTarget {
            name: name.to_owned(),
            classes: words.map(|words| Labels::known(words, self.readings.spelling(name))),
            syntax: match self.readings.columns.get(name) {
                Some(Reading::Numbers { syntax, .. }) => Some(syntax.clone()),
                _ => None,
            },
            separator: None,
        };
        match &self.target {
            PreparedTarget::Labels(targets) if self.readings.separator(&self.target_name).is_some() => {
                let names: Vec<String> = targets.iter().map(|label| label.name.clone()).collect();
                let separator = self.readings.separator(&self.target_name).map(str::to_owned);
                vec![KnownTarget { separator, ..known(&self.target_name, Some(&names)) }]
            }
            PreparedTarget::Labels(targets) => {
                targets.iter().map(|label| known(&label.name, Some(&label.words))).collect()
            }
            PreparedTarget::Classes(names) | PreparedTarget::Ordered(names) => {
                vec![known(&self.target_name, Some(names))]
            }
            _ => self.target_names().into_iter().map(|name| known(name, None)).collect(),
        }
    }

    /// No rows of such targets.
    pub(in crate::data) fn no_targets(&self) -> Target {
        let several = |columns: Vec<TargetColumn>| Target::Several(Several { columns, values: Vec::new() });
        match &self.target {
            PreparedTarget::Classes(names) | PreparedTarget::Ordered(names) => {
                Target::Classes { names: names.clone(), labels: Vec::new() }
            }
            PreparedTarget::Numbers(targets) => {
                several(targets.iter().map(|target| TargetColumn { name: target.name.clone(), words: None }).collect())
            }
            PreparedTarget::Labels(targets) => {
                let column =
                    |label: &LabelTarget| TargetColumn { name: label.name.clone(), words: Some(label.words.clone()) };
                several(targets.iter().map(column).collect())
            }
            _ => Target::Numbers(Vec::new()),
        }
    }

    /// What makes targets of those of `dataset`.
    pub(super) fn target_encoder(&self, dataset: &Dataset) -> TargetEncoder {
        match (&self.target, &dataset.target) {
            (PreparedTarget::Classes(_) | PreparedTarget::Ordered(_), Target::Classes { names, .. }) => {
                let known = self.class_labels();
                let number = |name: &String| known.as_ref()?.find(name);
                let number = |name| number(name).map_or(f32::NAN, |number| number as f32);
                TargetEncoder::Classes(names.iter().map(number).collect())
            }
            (PreparedTarget::Labels(_), Target::Several(several)) if self.has_targets_of(several) => {
                TargetEncoder::Labels
            }
            (
                PreparedTarget::Number { .. } | PreparedTarget::Count { .. } | PreparedTarget::Quantiles { .. },
                Target::Numbers(_),
            ) => TargetEncoder::Numbers(self.units()),
            (PreparedTarget::Numbers(_), Target::Several(several)) if self.has_targets_of(several) => {
                TargetEncoder::Numbers(self.units())
            }
            _ => TargetEncoder::Unknown,
        }
    }

    /// Number targets in their own units, row-major; none where the preprocessor or the data have other targets.
    pub(super) fn numbers(&self, dataset: &Dataset, rows: &[u32]) -> Vec<f64> {
        let encoder = self.target_encoder(dataset);
        rows.iter().flat_map(|&row| encoder.numbers(&dataset.target, row as usize)).copied().collect()
    }

    /// The targets, row-major; NaN for a class unknown to the preprocessor, and where the targets are of another kind.
    pub(super) fn targets(&self, dataset: &Dataset, rows: &[u32]) -> Vec<f32> {
        let encoder = self.target_encoder(dataset);
        let mut targets = Vec::with_capacity(rows.len());
        rows.iter().for_each(|&row| encoder.append(&dataset.target, row as usize, &mut targets));
        targets
    }

    /// Whether the columns are those that this one predicts, of the same kind.
    pub(super) fn has_targets_of(&self, several: &Several) -> bool {
        several.are_labels() != self.labels().is_empty() && several.names().eq(self.target_names())
    }
}

/// Makes what the network learns of the targets of a data set.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TargetEncoder {
    /// By the index of a class in the data set, what the network knows it as; NaN if it does not.
    Classes(Vec<f32>),
    Labels,
    Numbers(Vec<Unit>),
    /// The data set has targets of another kind, or none.
    Unknown,
}

impl TargetEncoder {
    /// The numbers of a row in their own units; none of other targets.
    pub(super) fn numbers<'a>(&self, target: &'a Target, row: usize) -> &'a [f64] {
        match (self, target) {
            (Self::Numbers(_), Target::Numbers(numbers)) => std::slice::from_ref(&numbers[row]),
            (Self::Numbers(_), Target::Several(several)) => several.row(row),
            _ => &[],
        }
    }

    /// Appends the targets of a row.
    pub(super) fn append(&self, target: &Target, row: usize, targets: &mut Vec<f32>) {
        match (self, target) {
            (Self::Classes(known), Target::Classes { labels, .. }) => targets.push(known[labels[row] as usize]),
            (Self::Labels, Target::Several(several)) => {
                targets.extend(several.row(row).iter().map(|&value| value as f32));
            }
            (Self::Numbers(units), _) => {
                let numbers = self.numbers(target, row).iter().zip(units);
                targets.extend(numbers.map(|(&number, unit)| unit.prepare(number)));
            }
            _ => targets.push(f32::NAN),
        }
    }
}
