//! Predictions for new rows, one block at a time: of a model, or of an ensemble.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, ScopedJoinHandle};

use anyhow::Context;
use burnlab_cpu::TrainingBackend;

use super::calibration::Coverage;
use super::ensemble::{Ensemble, average};
use super::predictions::{self, AnswerFormat, Lines};
use super::saved_model::SavedModel;
use crate::backend::{BackendName, Job, run_on};
use crate::data::{Block, Drift, KeptCells, NewRows};
use crate::threads;
use crate::tracking::folder::Kept;
use crate::training::OutputDecoder;
use crate::training::evaluation::{Answer, logits};

/// Writes to `writer` a line per row of the CSV file `input`: its index from 0, the columns `keep` unchanged, the
/// prediction, and a probability per class; with `share`, also a set of classes or an interval that holds the truth with
/// this probability. Returns how the rows differ from those of training.
///
/// # Errors
/// A language model; an input that cannot be read or lacks columns; a column to keep that is named like one of the
/// output, or twice; a writer that fails.
pub fn predict(
    saved: &SavedModel,
    input: &Path,
    keep: &[String],
    share: Option<f64>,
    backend: BackendName,
    writer: &mut dyn Write,
) -> anyhow::Result<Drift> {
    saved.refuse_text("it does not predict the rows of a file")?;
    let coverage = share.map(|share| saved.coverage(share)).transpose()?;
    let more = coverage.as_ref().map_or(&[][..], Coverage::columns);
    let mut output = Output::new(writer, AnswerFormat::new(&saved.preprocessor), more);
    let drift = answer(saved, input, keep, backend, &mut |part| match part {
        Part::Kept(kept) => output.begin(&kept),
        Part::Rows(block) => block.rows().try_for_each(|(row, kept, answer)| {
            let cells = coverage.as_ref().map_or_else(Vec::new, |coverage| coverage.cells(answer));
            output.write(row, kept, answer, cells)
        }),
    })?;
    output.end()?;
    Ok(drift)
}

/// As [`predict`], with the mean of the members' predictions, and as the last column how much they agree; each member
/// prepares the cells in its own way. Returns the differences from the training rows of the member that has most to say.
///
/// # Errors
/// As [`predict`]; a pipe that cannot be kept for all members to read.
pub fn predict_ensemble(
    ensemble: &Ensemble,
    input: &Path,
    keep: &[String],
    backend: BackendName,
    writer: &mut dyn Write,
) -> anyhow::Result<Drift> {
    let spooled = spooled(input)?;
    let file = spooled.as_ref().map_or(input, |file| file.path());
    let spread = ensemble.spread_column();
    let format = AnswerFormat::new(&ensemble.first().preprocessor);
    let mut output = Output::new(writer, format, std::slice::from_ref(&spread));
    let (drifts, written) = thread::scope(|scope| {
        let start = |(i, model)| {
            let (sender, receiver) = sync_channel(1);
            let keep = if i == 0 { keep } else { &[] };
            let work = move || answer(model, file, keep, backend, &mut |part| send(&sender, part));
            Ok((receiver, threads::spawn_in(scope, work)?))
        };
        let models = ensemble.members.iter().map(|member| &member.model);
        // Those that were started before one that could not be learn that nobody wants their rows.
        let started = models.enumerate().map(start).collect::<std::io::Result<Vec<_>>>();
        let (receivers, threads): (Vec<_>, Vec<_>) = match started {
            Ok(started) => started.into_iter().unzip(),
            Err(error) => return (Vec::new(), Err(error.into())),
        };
        let written = write_averages(&receivers, &mut output, ensemble.is_ordered());
        // A member that still has rows learns that nobody wants them.
        drop(receivers);
        let join =
            |thread: ScopedJoinHandle<'_, _>| thread.join().unwrap_or_else(|_| anyhow::bail!("a member panicked"));
        (threads.into_iter().map(join).collect::<Vec<_>>(), written)
    });
    // What a member could not read is the cause of what was not written.
    let is_cause = |error: &anyhow::Error| !error.is::<Unwanted>();
    let mut most: Option<Drift> = None;
    let mut cause = None;
    for found in drifts {
        match found {
            Ok(drift) if most.as_ref().is_none_or(|most| drift.lines().len() > most.lines().len()) => {
                most = Some(drift)
            }
            Ok(_) => {}
            Err(error) => cause = cause.or(Some(error).filter(is_cause)),
        }
    }
    if let Some(error) = cause {
        return Err(match spooled {
            None => error,
            Some(file) => {
                let shown = if input == Path::new("-") { "standard input".into() } else { input.to_string_lossy() };
                anyhow::Error::msg(format!("{error:#}").replace(&*file.path().to_string_lossy(), &shown))
            }
        });
    }
    written?;
    output.end()?;
    most.context("an ensemble has members")
}

/// Takes the same block of each member in turn, and writes the averages.
fn write_averages(receivers: &[Receiver<Part>], output: &mut Output<'_>, is_ordered: bool) -> anyhow::Result<()> {
    loop {
        let parts: Vec<Part> = receivers.iter().map_while(|receiver| receiver.recv().ok()).collect();
        if parts.len() < receivers.len() {
            return Ok(()); // the end of the file, or an error of a member, which it returns
        }
        let mut blocks = Vec::with_capacity(parts.len());
        for (i, part) in parts.into_iter().enumerate() {
            match part {
                Part::Kept(names) if i == 0 => output.begin(&names)?,
                Part::Kept(_) => {}
                Part::Rows(block) => blocks.push(block),
            }
        }
        let Some(first) = blocks.first() else { continue };
        for (i, (row, kept, _)) in first.rows().enumerate() {
            let answers: Vec<&Answer> = blocks.iter().map(|block| &block.answers[i]).collect();
            let averaged = average(&answers, is_ordered);
            output.write(row, kept, &averaged.answer, [averaged.spread.to_string()])?;
        }
    }
}

/// What cannot be read several times, as a file that can; `None` for a file.
fn spooled(input: &Path) -> anyhow::Result<Option<Kept>> {
    let is_stdin = input == Path::new("-");
    let is_stream = fs_err::metadata(input).is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir());
    if !is_stdin && !is_stream {
        return Ok(None);
    }
    let kept = Kept::new("rows", |file| {
        match is_stdin {
            true => io::copy(&mut io::stdin().lock(), file),
            false => io::copy(&mut File::open(input)?, file),
        }
        .map(drop)
    });
    kept.map(Some).with_context(|| format!("cannot keep {} for each member to read", input.display()))
}

/// Nobody takes the answers of a member any more.
#[derive(Debug)]
struct Unwanted;

impl std::fmt::Display for Unwanted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answers of a member are no longer wanted")
    }
}

impl std::error::Error for Unwanted {}

fn send(sender: &SyncSender<Part>, part: Part) -> anyhow::Result<()> {
    sender.send(part).map_err(|_| Unwanted.into())
}

/// Each column of the output has a name of its own.
fn check_kept(keep: &[String], own: &[String], more: &[&str]) -> anyhow::Result<()> {
    for (i, name) in keep.iter().enumerate() {
        let is_own = name == "row" || more.contains(&name.as_str()) || own.contains(name);
        anyhow::ensure!(!is_own, "--keep {name}: the output has a column `{name}` of its own: rename that of the file");
        anyhow::ensure!(!keep[..i].contains(name), "--keep names `{name}` twice");
    }
    Ok(())
}

/// The table that is written.
struct Output<'a> {
    writer: Option<&'a mut dyn Write>,
    format: AnswerFormat,
    /// Columns after the prediction.
    more: &'a [&'static str],
    lines: Option<Lines<&'a mut dyn Write>>,
}

impl<'a> Output<'a> {
    fn new(writer: &'a mut dyn Write, format: AnswerFormat, more: &'a [&'static str]) -> Self {
        Self { writer: Some(writer), format, more, lines: None }
    }

    fn begin(&mut self, kept: &[String]) -> anyhow::Result<()> {
        check_kept(kept, &self.format.answer_columns(), self.more)?;
        let first: Vec<String> = std::iter::once("row".to_owned()).chain(kept.iter().cloned()).collect();
        let writer = self.writer.take().context("the table has begun")?;
        self.lines = Some(Lines::begin(writer, self.format.clone().shown(predictions::inert), &first, self.more)?);
        Ok(())
    }

    fn write<'c>(
        &mut self,
        row: usize,
        kept: impl Iterator<Item = &'c [u8]>,
        answer: &Answer,
        more: impl IntoIterator<Item = String>,
    ) -> anyhow::Result<()> {
        let row = row.to_string();
        let first = std::iter::once(row.as_bytes()).chain(kept.map(|cell| -> &[u8] { cell }));
        let lines = self.lines.as_mut().context("the table has no header yet")?;
        Ok(lines.write(first, answer, more)?)
    }

    fn end(self) -> anyhow::Result<()> {
        Ok(self.lines.map_or(Ok(()), Lines::end)?)
    }
}

/// What a model says of a file, in the order of the file.
enum Part {
    /// The names of the columns to keep, first and once: an unusable file gives no part.
    Kept(Vec<String>),
    Rows(AnsweredBlock),
}

/// Some rows, and the answer to each.
struct AnsweredBlock {
    rows: Vec<usize>,
    kept: KeptCells,
    answers: Vec<Answer>,
}

impl AnsweredBlock {
    /// Each row's number in the file, its kept cells, and the answer.
    fn rows(&self) -> impl Iterator<Item = (usize, impl Iterator<Item = &[u8]>, &Answer)> {
        self.rows.iter().zip(&self.answers).enumerate().map(|(i, (&row, answer))| (row, self.kept.row(i), answer))
    }
}

/// Passes what the model makes of the rows of `input` to `take`.
fn answer(
    saved: &SavedModel,
    input: &Path,
    keep: &[String],
    backend: BackendName,
    take: &mut dyn FnMut(Part) -> anyhow::Result<()>,
) -> anyhow::Result<Drift> {
    run_on(backend, AnswerJob { saved, input, keep, take }).map_err(anyhow::Error::msg)?
}

struct AnswerJob<'a> {
    saved: &'a SavedModel,
    input: &'a Path,
    keep: &'a [String],
    take: &'a mut dyn FnMut(Part) -> anyhow::Result<()>,
}

impl Job for AnswerJob<'_> {
    type Output = anyhow::Result<Drift>;

    fn run<B: TrainingBackend>(self, device: B::Device) -> anyhow::Result<Drift> {
        let Self { saved, input, keep, take } = self;
        let net = saved.net::<B::InnerBackend>(&device)?;
        let decoder = OutputDecoder::new(&saved.preprocessor);
        let num_outputs = decoder.task.num_outputs();
        let rows = NewRows::new(input, &saved.preprocessor, &saved.config.data, false, keep);
        let columns = rows.open()?;
        take(Part::Kept(columns.kept_names().into_iter().map(str::to_owned).collect()))?;
        columns.for_each_block(|Block { examples, rows, kept }| {
            let logits = logits(&net, &examples, &device);
            if let Some(row) = saved.first_without_answer(&logits) {
                anyhow::bail!(saved.no_answer(rows[row]));
            }
            let answers = logits.chunks_exact(num_outputs).map(|logits| Answer::new(&decoder, logits)).collect();
            take(Part::Rows(AnsweredBlock { rows, kept, answers }))
        })
    }
}
