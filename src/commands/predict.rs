//! `burnlab predict RUN FILE`: answers for new rows, a block at a time.

use std::io::Write;
use std::process::ExitCode;

use csv::ByteRecord;

use super::predictions::Lines;
use super::saved_model::SavedModel;
use super::{output, run_folder};
use crate::backend::{BackendName, Job, TrainingBackend, run_on};
use crate::cli::PredictArgs;
use crate::data::NewRows;
use crate::training::Scorer;
use crate::training::evaluation::{Answer, logits};

/// Writes a line per row of the input: its number from 0, the kept columns, the prediction, a probability per class.
///
/// # Errors
/// No such run; an input that cannot be read or lacks columns; an output that cannot be written.
pub fn run(args: &PredictArgs) -> anyhow::Result<ExitCode> {
    let saved = SavedModel::open(&run_folder::find(&args.model.store.location(), &args.model.run)?)?;
    saved.refuse_text("a file has no rows for it to predict")?;
    let backend = BackendName::chosen(args.model.backend);
    let predict = |writer: &mut dyn Write| -> anyhow::Result<()> {
        run_on(backend, PredictJob { args, saved: &saved, writer }).map_err(anyhow::Error::msg)?
    };
    match &args.output {
        Some(file) => output::to_file(file, &[&args.input], predict)?,
        None => output::to_terminal(predict)?,
    }
    Ok(ExitCode::SUCCESS)
}

struct PredictJob<'a> {
    args: &'a PredictArgs,
    saved: &'a SavedModel,
    writer: &'a mut dyn Write,
}

impl Job for PredictJob<'_> {
    type Output = anyhow::Result<()>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> anyhow::Result<()> {
        let Self { args, saved, writer } = self;
        let net = saved.net::<B::InnerBackend>(&device)?;
        let scorer = Scorer::new(&saved.preparation);
        let num_outputs = scorer.task.num_outputs();
        let first: Vec<&str> = ["row"].into_iter().chain(args.keep.iter().map(String::as_str)).collect();
        let rows = NewRows::new(&args.input, &saved.preparation, &saved.config.data, false, &args.keep);
        // Before the first line is written: an input that cannot be used leaves no output.
        let columns = rows.open()?;
        let mut lines = Lines::begin(writer, saved.preparation.class_names(), &first)?;
        columns.for_each_block(|block| {
            let logits = logits(&net, &block.examples, &device);
            let rows = block.examples.rows.iter().zip(&block.kept);
            for ((row, kept), logits) in rows.zip(logits.chunks_exact(num_outputs)) {
                let mut first = ByteRecord::from(vec![row.to_string()]);
                kept.iter().for_each(|cell| first.push_field(cell));
                lines.write(&first, &Answer::new(&scorer, logits))?;
            }
            Ok::<_, anyhow::Error>(())
        })?;
        Ok(lines.end()?)
    }
}
