//! Lists the runs of a store, with the beginning and the end of a curve: `cargo run --example runs`.

use std::io::Write;
use std::path::Path;

use burnlab::{MetricKey, Store};

/// Lists the runs of the store `artifacts`.
pub fn run(artifacts: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
    let store = Store::open_read_only(artifacts)?;
    let (accuracy, loss) = (MetricKey::new("test", "accuracy")?, MetricKey::new("validation", "loss")?);
    for run in store.runs()? {
        let record = &run.record;
        let result = run.metrics.get(&accuracy).map_or("no test part".to_owned(), |found| format!("{:.3}", found.last));
        writeln!(out, "{} {:?}, seed {}: {result}", record.experiment, record.status, record.seed)?;
        let curve = store.series(&record.id, &loss)?;
        if let (Some(first), Some(last)) = (curve.first(), curve.last()) {
            writeln!(out, "  {loss} from {:.3} to {:.3} in {} epochs", first.value, last.value, curve.len())?;
        }
    }
    Ok(())
}

#[allow(dead_code, reason = "the tests run what is in it")]
fn main() -> anyhow::Result<()> {
    run(Path::new("artifacts"), &mut std::io::stdout())
}
