//! The summary printed after a run has been evaluated.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use super::output::{print_with, say};
use super::runs::table::{cut, one_line};
use super::signals::EXIT_INTERRUPTED;
use super::{hints, rare};
use crate::cli::TrainArgs;
use crate::comparison::{Spread, spread};
use crate::config::LoadedConfig;
use crate::experiment::evaluate::{
    CalibrationEvaluation, ClassEvaluation, EnsembleEvaluation, Evaluation, IntervalEvaluation, NamedValue,
    RefitEvaluation, ThresholdEvaluation,
};
use crate::experiment::{Prepared, RunOutcome};
use crate::figures::{counted, measured};
use crate::tracking::{Location, RunId, Status, Store, read_points_thinned};

/// For more classes than this, only the most frequent errors are printed instead of the confusion matrix.
const MAX_MATRIX: usize = 12;
/// For at most as many classes, the matrix has its zeros.
const MAX_ZEROS: usize = 4;
/// More targets are left to the file.
const MAX_TARGETS: usize = 20;
/// Characters of a class's name in a confusion matrix.
const MAX_NAME: usize = 40;

/// Prints the result of a run unless `quiet`, and returns the exit code. `again` is how to train its config again.
pub fn print_outcome(
    outcome: &RunOutcome,
    prepared: &Prepared,
    again: &Again,
    location: &Location,
    quiet: bool,
) -> ExitCode {
    if !quiet {
        print(outcome, prepared, again, location);
    }
    let interrupted = outcome.status == Status::Interrupted;
    if interrupted { ExitCode::from(EXIT_INTERRUPTED) } else { ExitCode::SUCCESS }
}

/// The config of a run as the user named it, and the command that trains it again.
pub struct Again {
    /// `None` for the config of a run, which leaves nothing open.
    pub loaded: Option<LoadedConfig>,
    pub file: String,
    pub command: String,
}

fn print(outcome: &RunOutcome, prepared: &Prepared, again: &Again, location: &Location) {
    say!("");
    match &outcome.evaluation {
        None => say!("test   no test rows, so no result"),
        Some(evaluation) => {
            print_with(|writer| Ok(write_result(writer, evaluation, &prepared.dataset.target_name)?));
        }
    }
    let kept = match outcome.kept_epoch {
        None => "the last weights".into(),
        Some(epoch) => format!("the weights of epoch {epoch}"),
    };
    match outcome.evaluation.as_ref().and_then(|evaluation| Some((evaluation, evaluation.refit.as_ref()?))) {
        None => say!("ended  {} ({:.2} s); kept {kept}", outcome.reason, outcome.seconds),
        Some((evaluation, refit)) => {
            say!("ended  {} ({:.2} s)", outcome.reason, outcome.seconds);
            say!("refit  {}", refit_changed(evaluation, refit));
        }
    }
    say!("saved  {} (pictures in plots/)", outcome.folder.display());
    // Hints need no curves if they cannot be read.
    let points = read_points_thinned(&outcome.folder, outcome.kept_epoch.map(|epoch| epoch as u64)).unwrap_or_default();
    let previous = previous(outcome, prepared, location);
    let trained = hints::Trained { outcome, points: &points, previous: previous.as_deref() };
    let Again { loaded, file, command } = again;
    let loaded = loaded.as_ref();
    print_hints(&hints::Subject {
        prepared,
        loaded,
        file,
        location,
        again: command,
        is_sweep: false,
        trained: Some(trained),
    });
}

/// What the second training brought: the main metric before and after it.
fn refit_changed(evaluation: &Evaluation, refit: &RefitEvaluation) -> String {
    let names = ["perplexity", "accuracy", "micro_f1", "rmse"];
    let found = names.iter().find_map(|name| {
        let before = refit.before.iter().find(|metric| metric.name == *name)?;
        let (now, before) = (measured(evaluation.metric(name)), measured(before.value));
        Some(format!("test {name} {now}, without the validation rows {before}"))
    });
    found.unwrap_or_else(|| "kept the network of the second training".into())
}

/// Prints what to do next.
pub fn print_hints(subject: &hints::Subject) {
    for (advice, command) in hints::hints(subject) {
        say!("next   {advice}: {command}");
    }
}

/// The finished run of the same experiment that began before this one.
fn previous(outcome: &RunOutcome, prepared: &Prepared, location: &Location) -> Option<String> {
    let store = Store::open_read_only_at(location).ok()?;
    let ids = store.ids_of(&prepared.config.name).ok()?;
    let finished = |id: &&RunId| store.run(id).is_ok_and(|run| run.record.status == Status::Finished);
    ids.iter().skip_while(|id| **id != outcome.id).skip(1).find(finished).map(ToString::to_string)
}

/// Prints the result and all classes' confusion matrix.
pub fn write_evaluation(writer: &mut dyn Write, evaluation: &Evaluation, target_name: &str) -> io::Result<()> {
    write_result(writer, evaluation, target_name)?;
    match &evaluation.classes {
        Some(classes) => write_confusion(writer, classes),
        None => Ok(()),
    }
}

/// Prints what the members of an ensemble, `size` in words, score by themselves on the same rows.
pub fn write_members(writer: &mut dyn Write, found: &EnsembleEvaluation, size: &str) -> io::Result<()> {
    writeln!(writer, "\nmean of {size}, each by itself")?;
    for name in ["accuracy", "log_loss", "rmse", "r2"] {
        let values: Vec<f64> = found.members.iter().filter_map(|member| value(&member.metrics, name)).collect();
        let Some(Spread { mean, lowest, highest, .. }) = spread(&values) else { continue };
        writeln!(
            writer,
            "       {name} {} ({} to {}), averaged {}",
            measured(mean),
            measured(lowest),
            measured(highest),
            measured(found.evaluation.metric(name))
        )?;
    }
    Ok(())
}

fn value(metrics: &[NamedValue], name: &str) -> Option<f64> {
    metrics.iter().find(|metric| metric.name == name).map(|metric| metric.value)
}

/// Prints metrics, with the baseline that ignores the inputs, and the most frequent errors.
fn write_result(writer: &mut dyn Write, evaluation: &Evaluation, target_name: &str) -> io::Result<()> {
    let rows = counted(evaluation.num_examples, "row");
    let baseline = evaluation.baseline.value;
    if let Some(text) = &evaluation.text {
        // Not the loss itself, which label smoothing changes.
        let nats = evaluation.metric("bits_per_character") * std::f64::consts::LN_2;
        writeln!(
            writer,
            "test   loss {nats:.4} nats per character (perplexity {:.2}, {:.2} bits) on {}",
            evaluation.metric("perplexity"),
            evaluation.metric("bits_per_character"),
            counted(text.num_characters, "character")
        )?;
        writeln!(writer, "       unigram baseline {:.4}, bigram baseline {:.4}", text.unigram_loss, text.bigram_loss)?;
        writeln!(
            writer,
            "       accuracy {:.4} (next character is the most probable one)",
            evaluation.metric("accuracy")
        )?;
    } else if let Some(classes) = &evaluation.classes {
        let accuracy = evaluation.metric("accuracy");
        writeln!(writer, "test   accuracy {accuracy:.4} on {rows} (always the most frequent class: {baseline:.4})")?;
        for names in [&["balanced_accuracy", "f1", "log_loss", "brier"][..], &["roc_auc", "average_precision"]] {
            writeln!(writer, "       {}", shown(evaluation, names))?;
        }
        let of_ranks = shown(evaluation, &["rank_mae", "quadratic_kappa"]);
        if !of_ranks.is_empty() {
            writeln!(writer, "       {of_ranks} (the classes are in order)")?;
        }
        if let Some(calibration) = &evaluation.calibration {
            writeln!(writer, "       {}", calibrated(evaluation, calibration))?;
        }
        if let Some(threshold) = &evaluation.threshold {
            let second = classes.report.last().map_or("", |class| class.class.as_str());
            writeln!(writer, "       {}", decided(evaluation, threshold, second))?;
        }
        write_errors(writer, classes)?;
        write_overlooked(writer, classes)?;
    } else if !evaluation.targets.is_empty() {
        write_targets(writer, evaluation, &rows)?;
    } else {
        writeln!(
            writer,
            "test   {} on {rows} (always the training mean: {}), {}",
            shown(evaluation, &["rmse"]),
            measured(baseline),
            shown(evaluation, &["mae", "r2"])
        )?;
        writeln!(writer, "       in units of `{target_name}`")?;
        if let Some(interval) = &evaluation.interval {
            write_interval(writer, interval, evaluation.metric("pinball"))?;
        }
        for quantile in evaluation.error_quantiles.iter().flatten() {
            writeln!(
                writer,
                "       {:>3.0} % of the errors are at most {}",
                quantile.share * 100.0,
                measured(quantile.error)
            )?;
        }
    }
    Ok(())
}

/// How the predicted quantiles hold.
fn write_interval(writer: &mut dyn Write, interval: &IntervalEvaluation, pinball: f64) -> io::Result<()> {
    let IntervalEvaluation { coverage, nominal, width, levels } = interval;
    let share = |share: f64| format!("{:.1} %", 100.0 * share);
    if let [first, .., last] = &levels[..] {
        writeln!(
            writer,
            "       between the quantiles {} and {} are {} of the rows (for {} of all), {} wide on average",
            first.level,
            last.level,
            share(*coverage),
            share(*nominal),
            measured(*width)
        )?;
    }
    let below = levels.iter().map(|level| format!("{} {}", level.level, share(level.share_below)));
    writeln!(
        writer,
        "       rows at or below each: {}; pinball {}",
        below.collect::<Vec<_>>().join(", "),
        measured(pinball)
    )
}

/// Results of several targets: of all, and a line for each.
fn write_targets(writer: &mut dyn Write, evaluation: &Evaluation, rows: &str) -> io::Result<()> {
    let baseline = measured(evaluation.baseline.value);
    let are_labels = evaluation.targets[0].support.is_some();
    let count = counted(evaluation.targets.len(), if are_labels { "label" } else { "target" });
    let (names, columns): (&[&str], &[&str]) = match are_labels {
        true => {
            writeln!(
                writer,
                "test   {} on {rows} (each label always what it mostly is: {baseline})",
                shown(evaluation, &["hamming_loss"])
            )?;
            (&["micro_f1", "f1", "subset_accuracy"], &["f1", "precision", "recall", "average_precision"])
        }
        false => {
            writeln!(
                writer,
                "test   {} on {rows} (always the training means: {baseline}), {}",
                shown(evaluation, &["rmse"]),
                shown(evaluation, &["mae", "r2"])
            )?;
            (&[], &["rmse", "mae", "r2"])
        }
    };
    if !names.is_empty() {
        writeln!(writer, "       {}", shown(evaluation, names))?;
        writeln!(writer, "       {}", shown(evaluation, &["average_precision", "roc_auc", "log_loss"]))?;
    }
    if let Some(threshold) = &evaluation.threshold {
        writeln!(writer, "       {}", decided(evaluation, threshold, ""))?;
    }
    writeln!(writer, "       means over {count}:")?;
    let width =
        evaluation.targets.iter().map(|target| cut(&target.target, MAX_NAME).chars().count()).max().unwrap_or(0);
    for target in evaluation.targets.iter().take(MAX_TARGETS) {
        let values = columns.iter().map(|name| match target.metric(name) {
            value if value.is_nan() => format!("{name} undefined"),
            value => format!("{name} {}", measured(value)),
        });
        let values = values.collect::<Vec<_>>().join(", ");
        let name = cut(&target.target, MAX_NAME);
        let rows =
            target.support.map_or_else(String::new, |support| format!(", in {}", counted(support as usize, "row")));
        let (baseline, value) = (&target.baseline.name, measured(target.baseline.value));
        let baseline = if are_labels { String::new() } else { format!(" (mean: {baseline} {value})") };
        let at = target.threshold.map_or_else(String::new, |limit| format!(", above {}", measured(limit)));
        writeln!(writer, "       {name:<width$}  {values}{baseline}{rows}{at}")?;
    }
    match evaluation.targets.len().saturating_sub(MAX_TARGETS) {
        0 => Ok(()),
        more => writeln!(writer, "       and {more} more, in evaluation.json"),
    }
}

/// What the temperature brought.
fn calibrated(evaluation: &Evaluation, calibration: &CalibrationEvaluation) -> String {
    let changed = ["log_loss", "ece", "brier"].iter().filter_map(|name| {
        let before = value(&calibration.before, name)?;
        Some(format!("{name} {} ({} without)", measured(evaluation.metric(name)), measured(before)))
    });
    let changed: Vec<String> = changed.collect();
    format!("calibrated with temperature {}: {}", measured(calibration.temperature), changed.join(", "))
}

/// What the threshold brought.
fn decided(evaluation: &Evaluation, threshold: &ThresholdEvaluation, second: &str) -> String {
    let ThresholdEvaluation { probability, metric, before } = threshold;
    let what = match probability {
        Some(probability) => format!("`{second}` is predicted above a probability of {}", measured(*probability)),
        None => "each label is predicted above a probability of its own".to_owned(),
    };
    format!(
        "{what}: {metric} {} ({} above one half)",
        measured(evaluation.metric(metric)),
        measured(value(before, metric).unwrap_or(f64::NAN))
    )
}

/// Metrics on one line; one without a value says so. Evaluations of older versions lack some.
fn shown(evaluation: &Evaluation, names: &[&str]) -> String {
    let shown = |name: &&str| {
        let found = evaluation.metrics.iter().find(|metric| metric.name == **name)?;
        Some(match found.value.is_nan() {
            true => format!("{name} undefined"),
            false => format!("{name} {}", measured(found.value)),
        })
    };
    names.iter().filter_map(shown).collect::<Vec<_>>().join(", ")
}

/// A rare class that is mostly missed hides in a high accuracy.
fn write_overlooked(writer: &mut dyn Write, classes: &ClassEvaluation) -> io::Result<()> {
    let Some(worst) = rare::overlooked(classes) else { return Ok(()) };
    let missed = worst.support - (worst.recall * worst.support as f64).round() as u64;
    writeln!(
        writer,
        "       note: {missed} of the {} rows of class `{}` ({:.1} % of all) are missed, which accuracy hardly shows: look \
         at balanced_accuracy and average_precision",
        worst.support,
        worst.class,
        100.0 * rare::share(classes, worst)
    )
}

/// How to train the config of `args` again.
pub fn again(args: &TrainArgs, file: &Path, loaded: LoadedConfig) -> Again {
    let file = file.display().to_string();
    let mut words = vec!["--config", &file];
    let mut option = |name, value| words.extend([name, value]);
    args.set.iter().for_each(|set| option("--set", set));
    args.name.iter().for_each(|name| option("--name", name));
    args.tag.iter().for_each(|tag| option("--tag", tag));
    args.backend.iter().for_each(|backend| option("--backend", backend.as_str()));
    let command = args.store.location().command(&words);
    Again { loaded: Some(loaded), file, command }
}

/// How to train the config `file` of a run again.
pub fn again_from(file: &Path, location: &Location) -> Again {
    let file = file.display().to_string();
    let command = location.command(&["--config", &file]);
    Again { loaded: None, file, command }
}

fn write_confusion(writer: &mut dyn Write, classes: &ClassEvaluation) -> io::Result<()> {
    let names: Vec<String> =
        classes.report.iter().map(|class| cut(&one_line(&class.class), MAX_NAME).into_owned()).collect();
    let matrix = &classes.confusion_matrix;
    if names.len() <= MAX_MATRIX {
        let head = "true \\ predicted";
        let left = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(head.len());
        let cell = names.iter().map(|name| name.chars().count()).max().unwrap_or(0).max(4);
        let columns: String = names.iter().map(|name| format!(" {name:>cell$}")).collect();
        writeln!(writer, "\n       {head:<left$}{columns}")?;
        for (name, row) in names.iter().zip(matrix) {
            // In a large matrix zeros are printed as dots, so that the errors stand out.
            let are_dots = names.len() > MAX_ZEROS;
            let shown = |&count: &u64| match count {
                0 if are_dots => format!(" {:>cell$}", "·"),
                _ => format!(" {count:>cell$}"),
            };
            let cells: String = row.iter().map(shown).collect();
            writeln!(writer, "       {name:<left$}{cells}")?;
        }
    }
    Ok(())
}

fn write_errors(writer: &mut dyn Write, classes: &ClassEvaluation) -> io::Result<()> {
    let names: Vec<_> = classes.report.iter().map(|class| one_line(&class.class)).collect();
    let matrix = &classes.confusion_matrix;
    let mut errors: Vec<(u64, &str, &str)> = Vec::new();
    for (truth, row) in matrix.iter().enumerate() {
        for (predicted, &count) in row.iter().enumerate() {
            if truth != predicted && count > 0 {
                errors.push((count, &names[truth], &names[predicted]));
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
        writeln!(writer, "       most frequent errors: {}", worst.join(", "))?;
    }
    Ok(())
}
