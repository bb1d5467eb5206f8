//! An epoch's metrics as burn-train's `Metric`, for Burn's terminal dashboard.

use std::sync::Arc;

use burn::train::metric::{
    Metric, MetricAttributes, MetricMetadata, MetricName, Numeric, NumericAttributes, NumericEntry, SerializedEntry,
};

use super::task::EpochScores;
use crate::metric::{self, Goal};

/// One metric of [`EpochScores`] as Burn sees it.
#[derive(Clone)]
pub(super) struct EpochMetric {
    name: MetricName,
    value: f64,
}

impl EpochMetric {
    pub(super) fn new(name: &str) -> Self {
        Self { name: Arc::new(name.to_owned()), value: f64::NAN }
    }
}

impl Metric for EpochMetric {
    type Input = EpochScores;

    fn name(&self) -> MetricName {
        self.name.clone()
    }

    fn attributes(&self) -> MetricAttributes {
        // Burn requires every metric to have a direction. It uses it only to find best epochs, which burnlab does
        // itself.
        let goal = metric::find(&self.name).and_then(|metric| metric.goal);
        NumericAttributes { unit: None, higher_is_better: goal == Some(Goal::Higher) }.into()
    }

    fn update(&mut self, scores: &EpochScores, _metadata: &MetricMetadata) -> SerializedEntry {
        let value = scores.0.iter().find(|score| score.0 == self.name.as_str()).map(|score| score.1);
        self.value = value.expect("the names registered are those that are scored");
        SerializedEntry::new(format!("{}: {:.4}", self.name, self.value), self.value.to_string())
    }

    fn clear(&mut self) {
        self.value = f64::NAN;
    }
}

impl Numeric for EpochMetric {
    fn value(&self) -> NumericEntry {
        NumericEntry::Value(self.value)
    }

    fn running_value(&self) -> NumericEntry {
        self.value()
    }
}
