//! A temporary artifacts folder, and trainings in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use burnlab::backend::BackendName;
use burnlab::config::LoadedConfig;
use burnlab::experiment::{Environment, Interrupter, RunOutcome, TrainOptions, Unobserved, prepare, train};

pub struct Lab {
    folder: tempfile::TempDir,
    pub backend: BackendName,
}

impl Lab {
    pub fn new() -> Self {
        Self::on(BackendName::Flex)
    }

    pub fn on(backend: BackendName) -> Self {
        Self { folder: crate::place::folder(), backend }
    }

    pub fn artifacts(&self) -> &Path {
        self.folder.path()
    }

    /// Trains a shipped config, such as "digits", with overrides.
    #[track_caller]
    pub fn train(&self, name: &str, overrides: &[&str]) -> RunOutcome {
        self.try_train(&config_file(name), overrides).unwrap()
    }

    pub fn try_train(&self, file: &Path, overrides: &[&str]) -> anyhow::Result<RunOutcome> {
        let overrides: Vec<String> = overrides.iter().map(|&set| set.to_owned()).collect();
        let loaded = LoadedConfig::load(file, &overrides)?;
        let location = self.artifacts().into();
        let prepared = prepare(&loaded.config, &location).map_err(|invalid| loaded.locate(invalid))?;
        let options = TrainOptions {
            location: &location,
            tags: &[],
            backend: self.backend,
            environment: &Environment::gather(self.backend),
            observer: Arc::new(Unobserved),
            interrupter: Interrupter::new(),
            tui: false,
            sweep: None,
        };
        train(&prepared, &options)
    }

    /// Trains with the seeds 0 to n - 1; returns the test accuracies, sorted.
    #[track_caller]
    pub fn accuracies(&self, name: &str, overrides: &[&str], num_seeds: usize) -> Vec<f64> {
        let mut found: Vec<f64> = (0..num_seeds)
            .map(|seed| {
                let seed = format!("seed={seed}");
                let overrides: Vec<&str> = overrides.iter().copied().chain([seed.as_str()]).collect();
                self.train(name, &overrides).evaluation.unwrap().metric("accuracy")
            })
            .collect();
        found.sort_by(f64::total_cmp);
        found
    }
}

pub fn config_file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("configs").join(name).with_extension("toml")
}

pub fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}

/// The values of a metric by epoch, from the run folder's metrics.csv.
pub fn series(run: &RunOutcome, key: &str) -> Vec<(usize, f64)> {
    let mut csv = csv::Reader::from_path(run.folder.join("metrics.csv")).unwrap();
    let headers = csv.headers().unwrap().clone();
    let column = |name: &str| headers.iter().position(|header| header == name).unwrap();
    let (keys, epochs, values) = (column("metric"), column("epoch"), column("value"));
    csv.records()
        .map(Result::unwrap)
        .filter(|row| &row[keys] == key)
        .map(|row| (row[epochs].parse().unwrap(), row[values].parse().unwrap()))
        .collect()
}
