//! Trains a network whose config is built in code, and prints each tenth epoch: `cargo run --example train`.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::{Arc, Mutex};

use burnlab::{Config, DataConfig, EpochReport, MlpConfig, Source, Training, TrainingObserver};

/// Keeps the validation loss of each tenth epoch.
#[derive(Default)]
struct TenthEpochs(Mutex<Vec<(usize, f64)>>);

impl TrainingObserver for TenthEpochs {
    fn epoch(&self, report: &EpochReport) -> ControlFlow<()> {
        let loss = report.values.iter().find(|(key, _)| key.as_str() == "validation/loss");
        if let Some((_, loss)) = loss.filter(|_| report.epoch.is_multiple_of(10)) {
            self.0.lock().expect("no panic while it is held").push((report.epoch, *loss));
        }
        ControlFlow::Continue(())
    }
}

/// Trains in the store `artifacts`.
pub fn run(artifacts: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
    let data = DataConfig { source: Some(Source::Iris), validation_fraction: 0.2, ..DataConfig::default() };
    let mut config = Config::new("iris", data);
    config.model = MlpConfig { hidden: vec![8], ..MlpConfig::default() }.into();
    config.training.max_epochs = 40;
    config.training.learning_rate = 0.02;

    let epochs = Arc::new(TenthEpochs::default());
    let trained = Training::new(config).store(artifacts).tag("example").observer(epochs.clone()).run()?;
    for (epoch, loss) in epochs.0.lock().expect("the training has ended").iter() {
        writeln!(out, "epoch {epoch}: validation loss {loss:.3}")?;
    }
    if let Some(evaluation) = &trained.evaluation {
        writeln!(out, "{}: test accuracy {:.3}", trained.id, evaluation.metric("accuracy"))?;
    }
    Ok(())
}

#[allow(dead_code, reason = "the tests run what is in it")]
fn main() -> anyhow::Result<()> {
    run(Path::new("artifacts"), &mut std::io::stdout())
}
