//! A run in little memory: 20,000 of them take 40 MB, of which [`Run`]s would take 400.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use super::pool::{Param, Pool};
use crate::comparison::field::Recorded;
use crate::comparison::{repeated_data, repetition_key};
use crate::tracking::{DataRecord, MetricKey, MetricSummary, Run, RunId, RunRecord, Shown, UtcTime};

/// A run and its status; shared by all snapshots in which it is the same.
#[derive(Debug, PartialEq)]
pub struct Entry {
    /// Without params and data.
    record: RunRecord,
    data: Option<Arc<DataRecord>>,
    /// By key.
    params: Box<[Arc<Param>]>,
    /// By key.
    metrics: Box<[(Arc<MetricKey>, MetricSummary)]>,
    /// The store's revision when the run last changed.
    pub revision: u64,
    pub shown: Shown,
    /// Equal for runs of one config on the same data.
    pub repetition: u64,
}

impl Entry {
    pub fn new(mut run: Run, shown: Shown, pool: &mut Pool) -> Self {
        let mut hasher = DefaultHasher::new();
        repetition_key(&run).hash(&mut hasher);
        let params = std::mem::take(&mut run.record.params);
        Self {
            data: run.record.data.take().map(|data| pool.data(data)),
            params: params.into_iter().map(|(key, value)| pool.param(&key, value)).collect(),
            metrics: run.metrics.iter().map(|(key, summary)| (pool.metric(key), *summary)).collect(),
            revision: run.revision,
            shown,
            repetition: hasher.finish(),
            record: run.record,
        }
    }

    pub fn id(&self) -> &RunId {
        &self.record.id
    }

    /// Runs are listed from the highest to the lowest.
    pub fn place(&self) -> (UtcTime, &RunId) {
        (self.record.started, &self.record.id)
    }

    /// Whether the run has ended, by its record.
    pub fn is_final(&self) -> bool {
        self.record.status.is_final()
    }

    /// The whole run.
    pub fn run(&self) -> Run {
        let mut record = self.record.clone();
        record.params = self.params.iter().map(|param| (param.key.to_string(), param.value.clone())).collect();
        record.data = self.data.as_deref().cloned();
        let metrics = self.metrics.iter().map(|(key, summary)| (MetricKey::clone(key), *summary)).collect();
        Run { record, metrics, revision: self.revision }
    }

    /// The run as clients get it; made again each time, since 20,000 of them would take 60 MB.
    pub fn to_json(&self) -> String {
        #[derive(Serialize)]
        struct View<'a> {
            #[serde(flatten)]
            run: &'a Run,
            shown: Shown,
            /// Equal for runs on the same data, so that the page groups as the terminal does.
            #[serde(skip_serializing_if = "Option::is_none")]
            repeated_data: Option<String>,
        }
        let run = self.run();
        let repeated_data = repeated_data(&run).map(|parts| parts.concat());
        let view = View { run: &run, shown: self.shown, repeated_data };
        serde_json::to_string(&view).expect("runs have string keys and serialize")
    }
}

impl Recorded for Entry {
    fn record(&self) -> &RunRecord {
        &self.record
    }

    fn param(&self, key: &str) -> Option<&Value> {
        let index = self.params.binary_search_by(|param| param.key.as_ref().cmp(key)).ok()?;
        Some(&self.params[index].value)
    }

    fn metric(&self, key: &MetricKey) -> Option<&MetricSummary> {
        let index = self.metrics.binary_search_by(|(known, _)| known.as_ref().cmp(key)).ok()?;
        Some(&self.metrics[index].1)
    }

    fn params(&self) -> impl Iterator<Item = &str> {
        self.params.iter().map(|param| param.key.as_ref())
    }

    fn metrics(&self) -> impl Iterator<Item = &str> {
        self.metrics.iter().map(|(key, _)| key.as_str())
    }
}
