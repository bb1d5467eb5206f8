//! Predictions for new rows, one block at a time.

use std::io::Write;
use std::path::Path;

use crate::cpu::TrainingBackend;

use super::predictions::{self, Lines};
use super::saved_model::SavedModel;
use crate::backend::{BackendName, Job, run_on};
use crate::data::{Drift, NewRows};
use crate::training::OutputDecoder;
use crate::training::evaluation::{Answer, logits};

/// Writes to `writer` a line per row of the CSV file `input`: its index from 0, the columns `keep` unchanged, the
/// prediction, and a probability per class. Returns how the rows differ from those of training.
///
/// # Errors
/// A language model; an input that cannot be read or lacks columns; a column to keep that is named like one of the
/// output, or twice; a writer that fails.
pub fn predict(
    saved: &SavedModel,
    input: &Path,
    keep: &[String],
    backend: BackendName,
    writer: &mut dyn Write,
) -> anyhow::Result<Drift> {
    saved.refuse_text("it does not predict the rows of a file")?;
    run_on(backend, PredictJob { saved, input, keep, writer }).map_err(anyhow::Error::msg)?
}

/// Each column of the output has a name of its own.
fn check_kept(keep: &[&str], class_names: &[String]) -> anyhow::Result<()> {
    let own = predictions::own_columns(class_names);
    for (i, name) in keep.iter().enumerate() {
        anyhow::ensure!(
            *name != "row" && !own.iter().any(|other| other == name),
            "--keep {name}: the output has a column `{name}` of its own: rename that of the file"
        );
        anyhow::ensure!(!keep[..i].contains(name), "--keep names `{name}` twice");
    }
    Ok(())
}

struct PredictJob<'a> {
    saved: &'a SavedModel,
    input: &'a Path,
    keep: &'a [String],
    writer: &'a mut dyn Write,
}

impl Job for PredictJob<'_> {
    type Output = anyhow::Result<Drift>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> anyhow::Result<Drift> {
        let Self { saved, input, keep, writer } = self;
        let net = saved.net::<B::InnerBackend>(&device)?;
        let decoder = OutputDecoder::new(&saved.preprocessor);
        let num_outputs = decoder.task.num_outputs();
        let rows = NewRows::new(input, &saved.preprocessor, &saved.config.data, false, keep);
        // Opened before the first line is written, so that an unusable input produces no output.
        let columns = rows.open()?;
        let kept = columns.kept_names();
        check_kept(&kept, saved.preprocessor.class_names())?;
        let first: Vec<&str> = ["row"].into_iter().chain(kept).collect();
        let mut lines = Lines::begin(writer, saved.preprocessor.class_names(), &first, predictions::inert)?;
        let drift = columns.for_each_block(|block| {
            let logits = logits(&net, &block.examples, &device);
            let rows = block.examples.rows.iter().enumerate();
            for ((i, row), logits) in rows.zip(logits.chunks_exact(num_outputs)) {
                let row = row.to_string();
                let first = std::iter::once(row.as_bytes()).chain(block.kept.row(i));
                lines.write(first, &Answer::new(&decoder, logits))?;
            }
            Ok::<_, anyhow::Error>(())
        })?;
        lines.end()?;
        Ok(drift)
    }
}
