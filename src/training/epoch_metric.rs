//! An epoch's scores, one metric at a time, as burn-train's `Metric`.

use std::sync::Arc;

use burn::train::metric::{
    Metric, MetricAttributes, MetricMetadata, MetricName, Numeric, NumericAttributes, NumericEntry, SerializedEntry,
};

use super::task::EpochScores;
use crate::tracking::{Goal, MetricKey};

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
        let key = MetricKey::new("train", &self.name).expect("burnlab's own metric names are well-formed");
        NumericAttributes { unit: None, higher_is_better: Goal::of(&key) == Goal::Higher }.into()
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
