//! Five labels a class, with a network that was trained on other classes before, and without.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::backend::BackendName;
use crate::config::LoadedConfig;
use crate::experiment::{Environment, Interrupter, TrainOptions, Unobserved, explain, prepare, train};
use crate::shipped;
use crate::tracking::Location;
use crate::web::ApiError;

/// Pairs of trainings, as `--seeds 10` has them.
const SEEDS: u64 = 10;
const PRETRAINING: &str = "digits-pretrain";
const WITH: &str = "digits-finetune";
const WITHOUT: &str = "digits-few-labels";

/// The test accuracies of both, by seed. They are runs in a folder that is removed afterwards: fine-tuning begins with one.
///
/// # Errors
/// A temporary folder that cannot be written.
pub fn compare(backend: BackendName, interrupter: &Interrupter, progress: &dyn Fn(f64)) -> Result<Value, ApiError> {
    let folder = tempfile::tempdir().map_err(|error| {
        ApiError::internal(format!(
            "the lesson's runs need a temporary folder, which cannot be made: {error}; set TMPDIR"
        ))
    })?;
    let run = |name: &str, seed: Option<u64>| match interrupter.should_stop() {
        true => Err(ApiError::internal("the server ends")),
        false => accuracy(name, seed, folder.path(), backend, interrupter),
    };
    run(PRETRAINING, None)?;
    let first = config(WITH, None)?.seed;
    let (mut seeds, mut with, mut without) = (Vec::new(), Vec::new(), Vec::new());
    for seed in first..first + SEEDS {
        seeds.push(seed);
        with.push(run(WITH, Some(seed))?);
        without.push(run(WITHOUT, Some(seed))?);
        progress(seeds.len() as f64 / SEEDS as f64);
    }
    Ok(json!({ "seeds": seeds, "with": with, "without": without }))
}

fn config(name: &str, seed: Option<u64>) -> Result<crate::config::Config, ApiError> {
    let text = shipped::config(Path::new(name)).map_or("", |config| config.text);
    let set: Vec<String> = seed.map(|seed| format!("seed={seed}")).into_iter().collect();
    Ok(LoadedConfig::parse(text, name, name, &set).map_err(ApiError::internal)?.config)
}

fn accuracy(
    name: &str,
    seed: Option<u64>,
    root: &Path,
    backend: BackendName,
    interrupter: &Interrupter,
) -> Result<f64, ApiError> {
    let location = Location::local(root);
    let prepared = prepare(&config(name, seed)?, &location).map_err(ApiError::internal)?;
    let options = TrainOptions {
        location: &location,
        tags: &[],
        backend,
        environment: &Environment::gather(backend),
        observer: Arc::new(Unobserved),
        interrupter: interrupter.clone(),
        tui: false,
        sweep: None,
    };
    let outcome = train(&prepared, &options).map_err(|error| ApiError::internal(explain(&error)))?;
    Ok(outcome.evaluation.map_or(f64::NAN, |evaluation| evaluation.metric("accuracy")))
}
