//! The summary printed after a run has been evaluated.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use super::output::say;
use super::signals::EXIT_INTERRUPTED;
use crate::cli::TrainArgs;
use crate::config::Config;
use crate::experiment::evaluate::{ClassEvaluation, Evaluation};
use crate::experiment::{Prepared, RunOutcome};
use crate::metric::ClassReport;
use crate::shell::command_in;
use crate::tracking::Status;

/// For more classes than this, only the most frequent errors are printed instead of the confusion matrix.
const MAX_MATRIX: usize = 12;

/// A class with a smaller share of the rows is rare.
const RARE: f64 = 0.1;

/// Prints the result of a run unless `quiet`, and returns the exit code. `again` is the command that trains its config
/// again.
pub fn print_outcome(outcome: &RunOutcome, prepared: &Prepared, again: &str, quiet: bool) -> ExitCode {
    if !quiet {
        print(outcome, prepared, again);
    }
    let interrupted = outcome.status == Status::Interrupted;
    if interrupted { ExitCode::from(EXIT_INTERRUPTED) } else { ExitCode::SUCCESS }
}

fn print(outcome: &RunOutcome, prepared: &Prepared, again: &str) {
    let kept = match outcome.kept_epoch {
        None => "the last weights".into(),
        Some(epoch) => format!("the weights of epoch {epoch}"),
    };
    say!("\n{} ({:.2} s); kept {kept}", outcome.reason, outcome.seconds);
    match &outcome.evaluation {
        None => say!("no test rows, so no test result"),
        Some(evaluation) => {
            // A closed terminal does not affect the run, which is recorded.
            write_evaluation(&mut io::stdout(), evaluation, &prepared.dataset.target_name).ok();
        }
    }
    say!("\nsaved  {} (pictures in plots/)", outcome.folder.display());
    for (what, command) in next_commands(&prepared.config, again, outcome) {
        say!("next   {what}: {command}");
    }
}

/// Prints metrics, with the baseline that ignores the inputs.
pub fn write_evaluation(writer: &mut dyn Write, evaluation: &Evaluation, target_name: &str) -> io::Result<()> {
    let rows = evaluation.num_examples;
    let baseline = evaluation.baseline.value;
    if let Some(text) = &evaluation.text {
        // Not the loss itself, which label smoothing changes.
        let nats = evaluation.metric("bits_per_character") * std::f64::consts::LN_2;
        writeln!(
            writer,
            "test   loss {nats:.4} nats per character (perplexity {:.2}, {:.2} bits) on {} characters",
            evaluation.metric("perplexity"),
            evaluation.metric("bits_per_character"),
            text.num_characters
        )?;
        writeln!(writer, "       unigram baseline {:.4}, bigram baseline {:.4}", text.unigram_loss, text.bigram_loss)?;
        writeln!(
            writer,
            "       accuracy {:.4} (next character is the most probable one)",
            evaluation.metric("accuracy")
        )?;
    } else if let Some(classes) = &evaluation.classes {
        let accuracy = evaluation.metric("accuracy");
        writeln!(
            writer,
            "test   accuracy {accuracy:.4} on {rows} rows (always the most frequent class: {baseline:.4})"
        )?;
        for names in [&["balanced_accuracy", "f1", "log_loss", "brier"][..], &["roc_auc", "average_precision"]] {
            writeln!(writer, "       {}", shown(evaluation, names))?;
        }
        write_confusion(writer, classes)?;
        write_overlooked(writer, classes)?;
    } else {
        writeln!(
            writer,
            "test   {} on {rows} rows (always the training mean: {baseline:.4}), {}",
            shown(evaluation, &["rmse"]),
            shown(evaluation, &["mae", "r2"])
        )?;
        writeln!(writer, "       in units of `{target_name}`")?;
        for quantile in evaluation.error_quantiles.iter().flatten() {
            writeln!(
                writer,
                "       {:>3.0} % of the errors are at most {:.4}",
                quantile.share * 100.0,
                quantile.error
            )?;
        }
    }
    Ok(())
}

/// Metrics on one line; one without a value says so. Evaluations of older versions lack some.
fn shown(evaluation: &Evaluation, names: &[&str]) -> String {
    let shown = |name: &&str| {
        let found = evaluation.metrics.iter().find(|metric| metric.name == **name)?;
        Some(match found.value.is_nan() {
            true => format!("{name} undefined"),
            false => format!("{name} {:.4}", found.value),
        })
    };
    names.iter().filter_map(shown).collect::<Vec<_>>().join(", ")
}

/// A rare class that is mostly missed hides in a high accuracy.
fn write_overlooked(writer: &mut dyn Write, classes: &ClassEvaluation) -> io::Result<()> {
    let total: u64 = classes.report.iter().map(|class| class.support).sum();
    let share = |class: &ClassReport| class.support as f64 / total as f64;
    let is_overlooked = |class: &&ClassReport| share(class) < RARE && class.support > 0 && class.recall < 0.5;
    let overlooked = classes.report.iter().filter(is_overlooked);
    let Some(worst) = overlooked.max_by(|a, b| (1.0 - a.recall).total_cmp(&(1.0 - b.recall))) else { return Ok(()) };
    let missed = worst.support - (worst.recall * worst.support as f64).round() as u64;
    writeln!(
        writer,
        "\n       note: {missed} of the {} rows of class `{}` ({:.1} % of all) are missed, which accuracy hardly shows: look \
         at balanced_accuracy and average_precision, and try training.class_weights = \"balanced\"",
        worst.support,
        worst.class,
        100.0 * share(worst)
    )
}

/// The command that trains the config of `args`.
pub fn again(args: &TrainArgs, file: &Path) -> String {
    let file = file.display().to_string();
    let mut words = vec!["--config", &file];
    let mut option = |name, value| words.extend([name, value]);
    args.set.iter().for_each(|set| option("--set", set));
    args.name.iter().for_each(|name| option("--name", name));
    args.tag.iter().for_each(|tag| option("--tag", tag));
    args.backend.iter().for_each(|backend| option("--backend", backend.as_str()));
    command_in(&args.store.artifacts, &words)
}

/// The command that trains the config `file` of a run again.
pub fn again_from(file: &Path, artifacts: &Path) -> String {
    command_in(artifacts, &["--config", &file.display().to_string()])
}

/// Suggestions of what to do next, with commands.
fn next_commands(config: &Config, again: &str, outcome: &RunOutcome) -> Vec<(&'static str, String)> {
    // artifacts/runs/<id>
    let artifacts = outcome.folder.parent().and_then(Path::parent).unwrap_or(Path::new("artifacts"));
    let of_run = |verb| command_in(artifacts, &[verb, outcome.id.as_str()]);
    let mut commands = Vec::new();
    if outcome.status == Status::Interrupted {
        commands.push(("resume this run", of_run("resume")));
    }
    // Another network could not start from the same weights.
    if config.model.init_from.is_none() {
        let (what, set) = config.model.larger();
        commands.push((what, format!("{again} --set '{set}'")));
    }
    if config.data.is_text() {
        commands.push(("generate text", of_run("generate")));
    }
    commands.push(("see how results vary with the seed", format!("{again} --seeds 10")));
    commands.push(("compare your runs", command_in(artifacts, &["dashboard"])));
    commands
}

fn write_confusion(writer: &mut dyn Write, classes: &ClassEvaluation) -> io::Result<()> {
    let names: Vec<&str> = classes.report.iter().map(|class| class.class.as_str()).collect();
    let matrix = &classes.confusion_matrix;
    if names.len() <= MAX_MATRIX {
        let head = "true \\ predicted";
        let left = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(head.len());
        let cell = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(4);
        let columns: String = names.iter().map(|name| format!(" {name:>cell$}")).collect();
        writeln!(writer, "\n       {head:<left$}{columns}")?;
        for (name, row) in names.iter().zip(matrix) {
            // Zeros are printed as dots, so that the errors stand out.
            let cells: String = row
                .iter()
                .map(|&count| if count == 0 { format!(" {:>cell$}", "·") } else { format!(" {count:>cell$}") })
                .collect();
            writeln!(writer, "       {name:<left$}{cells}")?;
        }
    }
    let mut errors: Vec<(u64, &str, &str)> = Vec::new();
    for (truth, row) in matrix.iter().enumerate() {
        for (predicted, &count) in row.iter().enumerate() {
            if truth != predicted && count > 0 {
                errors.push((count, names[truth], names[predicted]));
            }
        }
    }
    errors.sort_by_key(|error| std::cmp::Reverse(error.0));
    let worst: Vec<String> = errors
        .iter()
        .take(3)
        .map(|(count, truth, predicted)| format!("{truth} predicted as {predicted} ({count})"))
        .collect();
    if !worst.is_empty() {
        writeln!(writer, "\n       most frequent errors: {}", worst.join(", "))?;
    }
    Ok(())
}
