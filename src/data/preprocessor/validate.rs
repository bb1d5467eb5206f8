//! Checks that a preprocessor read from a file is consistent.

use std::collections::HashSet;

use crate::data::limits::{MAX_CATEGORIES, MAX_CLASSES, MAX_TARGETS, TEXT_BUCKETS};

use super::{Inputs, LabelTarget, NumberTarget, PreparedColumn, PreparedKind, PreparedTarget, Preprocessor, text};

impl Preprocessor {
    /// Checks that the values are consistent, as they are unless the file was edited by hand.
    ///
    /// # Errors
    /// The first part that is not.
    pub fn validate(&self) -> Result<(), String> {
        if let Inputs::Table { columns, .. } = &self.inputs {
            check_columns(columns)?;
        }
        let (outputs, most) = match &self.target {
            PreparedTarget::Classes(names) | PreparedTarget::Ordered(names) => (names.len(), MAX_CLASSES),
            PreparedTarget::Numbers(targets) => (targets.len(), MAX_TARGETS),
            PreparedTarget::Labels(targets) => (targets.len(), MAX_TARGETS),
            PreparedTarget::Quantiles { levels, .. } => (levels.len(), MAX_TARGETS),
            _ => (1, 1),
        };
        if outputs > most {
            return Err(format!("the target `{}` has {outputs} outputs, more than {most}", self.target_name));
        }
        let target_holds = match (&self.target, &self.inputs) {
            (PreparedTarget::Ordered(names), Inputs::Table { .. }) => {
                names.len() >= 3 && are_distinct(names) && self.class_counts.len() == names.len()
            }
            (PreparedTarget::Classes(names), Inputs::Table { .. }) => {
                names.len() >= 2 && are_distinct(names) && self.class_counts.len() == names.len()
            }
            (&PreparedTarget::Number { mean, standard_deviation }, Inputs::Table { .. }) => {
                mean.is_finite() && standard_deviation.is_finite() && standard_deviation > 0.0
            }
            (&PreparedTarget::Count { mean, standard_deviation }, Inputs::Table { .. }) => {
                mean.is_finite() && mean > 0.0 && standard_deviation.is_finite() && standard_deviation > 0.0
            }
            (PreparedTarget::Quantiles { mean, standard_deviation, levels }, Inputs::Table { .. }) => {
                let are_levels = levels.iter().all(|level| *level > 0.0 && *level < 1.0);
                let is_ascending = levels.array_windows().all(|[low, high]| low < high);
                let is_number = mean.is_finite() && standard_deviation.is_finite() && *standard_deviation > 0.0;
                is_number && !levels.is_empty() && are_levels && is_ascending
            }
            (PreparedTarget::Numbers(targets), Inputs::Table { .. }) => {
                let is_usable = |target: &NumberTarget| {
                    target.mean.is_finite() && target.standard_deviation.is_finite() && target.standard_deviation > 0.0
                };
                targets.len() >= 2
                    && are_distinct(targets.iter().map(|target| &target.name))
                    && targets.iter().all(is_usable)
            }
            (PreparedTarget::Labels(targets), Inputs::Table { .. }) => {
                let is_usable = |label: &LabelTarget| {
                    let has_words = label.words[0] != label.words[1];
                    (0.0..=1.0).contains(&label.share) && has_words && label.threshold.is_none_or(f32::is_finite)
                };
                targets.len() >= 2
                    && are_distinct(targets.iter().map(|label| &label.name))
                    && targets.iter().all(is_usable)
            }
            (PreparedTarget::Characters(known), Inputs::Text(text)) => text::is_valid(known, &self.class_counts, text),
            (PreparedTarget::Characters(_), Inputs::Table { .. }) | (_, Inputs::Text(_)) => false,
        };
        let image_holds = self.image_shape().is_none_or(|shape| {
            shape.checked_len() == Some(self.columns().len()) && self.num_inputs() == self.columns().len()
        });
        let has_two_classes = matches!(&self.target, PreparedTarget::Classes(names) if names.len() == 2);
        if self.threshold.is_some_and(|threshold| !threshold.is_finite() || !has_two_classes) {
            return Err("a threshold is a finite number, and for two classes".into());
        }
        match (target_holds, image_holds) {
            (false, _) => Err(format!("the target `{}` is inconsistent", self.target_name)),
            (_, false) => Err("image_shape does not fit the columns".into()),
            (true, true) => Ok(()),
        }
    }
}

fn check_columns(columns: &[PreparedColumn]) -> Result<(), String> {
    if columns.is_empty() || !are_distinct(columns.iter().map(|column| &column.name)) {
        return Err("it has no columns, or duplicate ones".into());
    }
    for PreparedColumn { name, kind, seen } in columns {
        if seen.is_some_and(|seen| seen.num_missing > seen.num_rows || seen.num_rare > seen.num_rows) {
            return Err(format!("column `{name}` had more missing or rare cells than rows"));
        }
        let holds = match kind {
            PreparedKind::Numeric { median, center, spread, edges } => {
                let is_number = |number: &f64| (*number as f32).is_finite();
                let are_edges = edges.len() != 1 && edges.array_windows().all(|[low, high]| low < high);
                [median, center, spread].into_iter().chain(edges).all(is_number) && *spread > 0.0 && are_edges
            }
            PreparedKind::Categorical { categories, buckets, .. } => {
                let are_buckets = *buckets == 0 || TEXT_BUCKETS.contains(buckets);
                categories.len() <= MAX_CATEGORIES && are_distinct(categories) && are_buckets
            }
            PreparedKind::Text { buckets } => TEXT_BUCKETS.contains(buckets),
        };
        if !holds {
            return Err(format!("the numbers or categories of column `{name}` are inconsistent"));
        }
    }
    Ok(())
}

fn are_distinct<'a>(names: impl IntoIterator<Item = &'a String>) -> bool {
    let mut seen = HashSet::new();
    names.into_iter().all(|name| seen.insert(name))
}
