//! The model card: what a model is, its training data, its results, and how to use it (Mitchell et al. 2019).

use std::fmt::Write;
use std::path::Path;

use super::saved_model::SavedModel;
use crate::data::{Inputs, PreparedKind, Task};
use crate::training::evaluation::Evaluation;

/// The card of the model in `file`, in Markdown.
///
/// # Errors
/// A missing or damaged file in the run folder.
pub fn text(saved: &SavedModel, file: &Path) -> anyhow::Result<String> {
    let (record, environment) = (saved.folder.record()?, saved.folder.environment()?);
    let evaluation = saved.folder.evaluation()?;
    let preprocessor = &saved.preprocessor;
    let mut card = String::new();
    writeln!(card, "# {}\n", saved.name())?;
    let task = match preprocessor.task() {
        Task::Binary => "one of two classes",
        Task::MultiClass { .. } => "one of several classes",
        Task::Regression => "a number",
        Task::LanguageModel { .. } => "in a text",
    };
    let inputs = match &preprocessor.inputs {
        Inputs::Text(text) => format!("up to {} characters before it", text.context),
        Inputs::Table { columns, .. } => format!("{} columns", columns.len()),
    };
    writeln!(
        card,
        "A neural network that predicts `{}`, {task}, from {inputs}. Trained by burnlab {} on {}; {}.\n",
        preprocessor.target_name,
        environment.system.burnlab.as_deref().unwrap_or("of an unknown version"),
        record.started,
        record.reason,
    )?;
    let command = match &preprocessor.inputs {
        Inputs::Text(_) => format!("burnlab generate {} --prompt 'Once'", saved.name()),
        Inputs::Table { .. } => format!("burnlab predict {} new.csv -o predictions.csv", saved.name()),
    };
    writeln!(card, "## Use\n\n    {command}")?;
    if file.extension().is_some_and(|extension| extension == "onnx") {
        writeln!(card, "\n{}", onnx_use(saved, file))?;
    }
    writeln!(card, "\n## Data\n")?;
    let data = &environment.dataset;
    writeln!(card, "- name: {}", data.name)?;
    writeln!(card, "- rows: {}", data.num_rows)?;
    writeln!(card, "- training rows: {}", data.num_train)?;
    writeln!(card, "- validation rows: {}", data.num_validation)?;
    writeln!(card, "- test rows: {}", data.num_test)?;
    writeln!(card, "- fingerprint (SHA-256): {}", data.fingerprint)?;
    writeln!(card, "\n## Result on the test rows\n")?;
    match &evaluation {
        None => writeln!(card, "There were no test rows, so the quality of the model is unknown.")?,
        Some(evaluation) => write_evaluation(&mut card, evaluation)?,
    }
    match preprocessor.characters() {
        Some(known) => writeln!(card, "\n## Inputs\n\nThese characters, and one token for all others: `{known:?}`.")?,
        None => writeln!(card, "\n## Inputs\n\n| column | kind |\n|---|---|")?,
    }
    if let Some([height, width]) = preprocessor.image_shape() {
        let (first, last) = (&preprocessor.columns()[0].name, &preprocessor.columns()[height * width - 1].name);
        writeln!(card, "| {first} to {last} | the pixels of an image, {height} rows of {width} |")?;
    }
    let columns = if preprocessor.image_shape().is_some() { &[][..] } else { preprocessor.columns() };
    for column in columns.iter().take(MAX_COLUMNS) {
        let kind = match &column.kind {
            PreparedKind::Numeric { median, .. } => format!("number; {median} where missing"),
            PreparedKind::Categorical { categories, .. } => format!("one of {} categories", categories.len()),
        };
        writeln!(card, "| {} | {kind} |", column.name.replace('|', "\\|"))?;
    }
    if columns.len() > MAX_COLUMNS {
        writeln!(card, "\nand {} more columns.", columns.len() - MAX_COLUMNS)?;
    }
    writeln!(card, "\n## Config\n\n```toml\n{}```", saved.config.to_toml())?;
    Ok(card)
}

/// A longer table of inputs would not help a reader.
const MAX_COLUMNS: usize = 40;

fn write_evaluation(card: &mut String, evaluation: &Evaluation) -> std::fmt::Result {
    writeln!(card, "| metric | value |\n|---|---|")?;
    for metric in &evaluation.metrics {
        writeln!(card, "| {} | {:.4} |", metric.name, metric.value)?;
    }
    let baseline = &evaluation.baseline;
    writeln!(card, "\nA baseline that ignores the inputs has {} {:.4}.", baseline.name, baseline.value)?;
    if let Some(text) = &evaluation.text {
        writeln!(card, "The bigram baseline has {:.4}.", text.bigram_loss)?;
    }
    if let Some(classes) = &evaluation.classes {
        writeln!(card, "\n| class | precision | recall | f1 | rows |\n|---|---|---|---|---|")?;
        for class in &classes.report {
            let name = class.class.replace('|', "\\|");
            writeln!(
                card,
                "| {name} | {:.4} | {:.4} | {:.4} | {} |",
                class.precision, class.recall, class.f1, class.support
            )?;
        }
    }
    Ok(())
}

fn onnx_use(saved: &SavedModel, file: &Path) -> String {
    let inputs = match saved.preprocessor.columns().iter().all(|column| column.kind.is_numeric()) {
        true => "one input, `inputs`: float32 `[N, columns]`, raw cells in the order below, NaN where missing",
        false => "an input per column, `[N, 1]`: float32 (NaN where missing) or text (empty where missing)",
    };
    let outputs = match saved.preprocessor.task() {
        Task::Regression => "`prediction`, in the target's own units",
        _ => "`label` and `probabilities`, a column per class in the order of the metadata's `class_names`",
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    format!("`{name}` has {inputs}. Scaling and encoding are inside. Outputs: {outputs}.")
}
