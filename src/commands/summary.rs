//! What a run says before it trains and after it has been evaluated.

use std::io::{self, Write};
use std::path::Path;

use super::output::say;
use super::train::{Prepared, Trained};
use crate::backend::BackendName;
use crate::cli::TrainArgs;
use crate::config::Config;
use crate::shell::{elsewhere, quoted, quoted_path};
use crate::tracking::{RunId, Status};
use crate::training::evaluation::{ClassEvaluation, Evaluation};

/// A confusion matrix with more classes than this is told by its largest errors alone.
const MAX_MATRIX: usize = 12;

/// What is about to be trained, on what.
pub fn header(config: &Config, prepared: &Prepared, id: &RunId, num_params: usize, backend: BackendName) -> String {
    let network = config.model.describe(&prepared.preparation.layout(), prepared.scorer.task.num_outputs());
    let training = &config.training;
    let optimizer = serde_json::json!(training.optimizer);
    let optimizer = optimizer.as_str().unwrap_or_default();
    let begins = prepared.pretrained.as_ref().map_or_else(String::new, |pretrained| {
        let head = if pretrained.has_new_head { ", with a new output layer" } else { "" };
        let frozen = match &config.model.freeze[..] {
            [] => String::new(),
            names => format!(", {} frozen", names.join(", ")),
        };
        format!("\n       begins with the weights of {}{head}{frozen}", pretrained.reference)
    });
    [
        format!("run    {id}"),
        format!("data   {}", prepared.describe().join("\n       ")),
        format!("model  {network}, {num_params} parameters{begins}"),
        format!(
            "train  {optimizer}, learning rate {}, batch {}, up to {} epochs, seed {}, on {} ({} kernels)",
            training.learning_rate,
            training.batch_size,
            training.max_epochs,
            config.seed,
            backend.as_str(),
            training.kernels.as_str()
        ),
    ]
    .join("\n")
}

/// Prints the result of a run; `again` is the command that trains its config.
pub fn print(trained: &Trained, config: &Config, prepared: &Prepared, again: &str) {
    let kept = match trained.kept_epoch {
        None => "the last weights".into(),
        Some(epoch) => format!("the weights of epoch {epoch}"),
    };
    say!("\n{} ({:.2} s); kept {kept}", trained.reason, trained.seconds);
    match &trained.evaluation {
        None => say!("no test rows, so no test result"),
        Some(evaluation) => {
            // A terminal that has gone away ends the talk, not the run, which is recorded.
            write_evaluation(&mut io::stdout(), evaluation, &prepared.dataset.target_name).ok();
        }
    }
    say!("\nsaved  {} (pictures in plots/)", trained.folder.display());
    for (what, command) in next_commands(config, again, trained) {
        say!("next   {what}: {command}");
    }
}

/// Prints metrics, against what a model that ignores its inputs reaches.
pub fn write_evaluation(writer: &mut dyn Write, evaluation: &Evaluation, target_name: &str) -> io::Result<()> {
    let rows = evaluation.num_examples;
    let baseline = evaluation.baseline.value;
    if let Some(text) = &evaluation.text {
        // Not the loss itself, which label smoothing makes another.
        let nats = evaluation.metric("bits_per_character") * std::f64::consts::LN_2;
        writeln!(
            writer,
            "test   loss {nats:.4} nats a character (perplexity {:.2}, {:.2} bits) on {} characters",
            evaluation.metric("perplexity"),
            evaluation.metric("bits_per_character"),
            text.num_characters
        )?;
        writeln!(
            writer,
            "       the frequencies of single characters reach {:.4}, those of pairs {:.4}",
            text.unigram_loss, text.bigram_loss
        )?;
        writeln!(
            writer,
            "       accuracy {:.4}: how often the next character is the likeliest",
            evaluation.metric("accuracy")
        )?;
    } else if let Some(classes) = &evaluation.classes {
        let accuracy = evaluation.metric("accuracy");
        writeln!(
            writer,
            "test   accuracy {accuracy:.4} on {rows} rows (always the most frequent class: {baseline:.4})"
        )?;
        let rest = ["balanced_accuracy", "f1", "roc_auc", "log_loss"];
        let rest: Vec<String> = rest.iter().map(|name| format!("{name} {:.4}", evaluation.metric(name))).collect();
        writeln!(writer, "       {}", rest.join(", "))?;
        write_confusion(writer, classes)?;
    } else {
        writeln!(
            writer,
            "test   rmse {:.4} on {rows} rows (always the training mean: {baseline:.4}), mae {:.4}, r2 {:.4}",
            evaluation.metric("rmse"),
            evaluation.metric("mae"),
            evaluation.metric("r2")
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

/// The command that trains what `args` asked for.
pub fn again(args: &TrainArgs, file: &Path) -> String {
    let mut words = vec!["--config".to_owned(), file.display().to_string()];
    let mut option = |name: &str, value: &str| words.extend([name.to_owned(), value.to_owned()]);
    args.set.iter().for_each(|set| option("--set", set));
    args.name.iter().for_each(|name| option("--name", name));
    args.tag.iter().for_each(|tag| option("--tag", tag));
    args.backend.iter().for_each(|backend| option("--backend", backend.as_str()));
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    format!("{}{}", words.join(" "), elsewhere(&args.store.artifacts))
}

/// The command that trains the config `file` of a run.
pub fn again_from(file: &Path, artifacts: &Path) -> String {
    format!("--config {}{}", quoted_path(file), elsewhere(artifacts))
}

/// What is worth trying after this run, with the command.
fn next_commands(config: &Config, again: &str, trained: &Trained) -> Vec<(&'static str, String)> {
    let program = if std::env::var_os("CARGO").is_some() { "cargo run --" } else { "burnlab" };
    // artifacts/runs/<id>
    let elsewhere = trained.folder.parent().and_then(Path::parent).map_or_else(String::new, elsewhere);
    let mut commands = Vec::new();
    if trained.status == Status::Interrupted {
        commands.push(("go on from here", format!("{program} resume {}{elsewhere}", trained.id)));
    }
    // Another network could not begin with the same weights.
    if config.model.init_from.is_none() {
        let (what, set) = config.model.larger();
        commands.push((what, format!("{program} {again} --set '{set}'")));
    }
    if config.data.is_text() {
        commands.push(("have it write", format!("{program} generate {}{elsewhere}", trained.id)));
    }
    commands.push(("see how much is luck", format!("{program} {again} --seeds 10")));
    commands.push(("compare your runs", format!("{program} dashboard{elsewhere}")));
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
            // Zeros are dots, so that the errors stand out.
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
        .map(|(count, truth, predicted)| format!("{truth} taken for {predicted} ({count})"))
        .collect();
    if !worst.is_empty() {
        writeln!(writer, "\n       most frequent errors: {}", worst.join(", "))?;
    }
    Ok(())
}
