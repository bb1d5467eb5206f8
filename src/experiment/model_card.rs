//! The model card: what a model is, its training data, its results, and how to use it (Mitchell et al. 2019).

use std::fmt::Write;
use std::path::Path;

use super::ensemble::Ensemble;
use super::saved_model::SavedModel;
use crate::comparison::headline;
use crate::data::{Inputs, PreparedKind, Preprocessor, Task};
use crate::figures::{counted, measured};
use crate::shell::quoted;
use crate::template::filled;
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
    writeln!(card, "# {}\n", plain(&saved.name()))?;
    let task = task(preprocessor);
    let inputs = match &preprocessor.inputs {
        Inputs::Text(text) => format!("up to {} before it", counted(text.context, "character")),
        Inputs::Table { columns, .. } => counted(columns.len(), "column"),
    };
    writeln!(
        card,
        "A neural network that predicts {}, {task}, from {inputs}. Trained by burnlab {} on {}; {}.\n",
        targets(preprocessor),
        plain(environment.system.burnlab.as_deref().unwrap_or("of an unknown version")),
        minute(&record.started.to_string()),
        plain(&record.reason),
    )?;
    let command = match &preprocessor.inputs {
        Inputs::Text(_) => in_shell(&["generate", &saved.name(), "--prompt", "Once"]),
        Inputs::Table { .. } => in_shell(&["predict", &saved.name(), "new.csv", "-o", "predictions.csv"]),
    };
    writeln!(card, "## Use\n\n    {}", on_one_line(&command))?;
    if file.extension().is_some_and(|extension| extension == "onnx") {
        writeln!(card, "\n{}", onnx_use(saved, file))?;
    }
    writeln!(card, "\n## Data\n")?;
    let data = &environment.dataset;
    writeln!(card, "- name: {}", plain(&data.name))?;
    writeln!(card, "- rows: {}", data.num_rows)?;
    writeln!(card, "- training rows: {}", data.num_train)?;
    writeln!(card, "- validation rows: {}", data.num_validation)?;
    writeln!(card, "- test rows: {}", data.num_test)?;
    writeln!(card, "- fingerprint (SHA-256): {}", plain(&data.fingerprint))?;
    writeln!(card, "\n## Result on the test rows\n")?;
    match &evaluation {
        None => writeln!(card, "There were no test rows, so the quality of the model is unknown.")?,
        Some(evaluation) => write_evaluation(&mut card, evaluation)?,
    }
    write_inputs(&mut card, preprocessor)?;
    write_config(&mut card, saved)?;
    Ok(card)
}

/// The card of the ensemble in `file`: what its members have in common, and a row for each of them.
///
/// # Errors
/// A missing or damaged file in a run folder.
pub fn of_ensemble(ensemble: &Ensemble, file: &Path) -> anyhow::Result<String> {
    let saved = ensemble.first();
    let (preprocessor, environment) = (&saved.preprocessor, saved.folder.environment()?);
    let mut card = String::new();
    writeln!(card, "# {}, mean of {}\n", plain(&ensemble.name), ensemble.size())?;
    writeln!(
        card,
        "The mean of the predictions of {} of one config, trained by burnlab {}: neural networks that predict {}, {}, from \
         {}.\n",
        ensemble.size(),
        plain(environment.system.burnlab.as_deref().unwrap_or("of an unknown version")),
        targets(preprocessor),
        task(preprocessor),
        counted(preprocessor.columns().len(), "column"),
    )?;
    let command = in_shell(&["predict", &saved.name(), "new.csv", "--ensemble", "-o", "predictions.csv"]);
    writeln!(card, "## Use\n\n    {}", on_one_line(&command))?;
    writeln!(card, "\n{}", onnx_use(saved, file))?;
    writeln!(card, "\n## Members\n")?;
    let metric = headline(ensemble.members.iter().map(|member| &member.run));
    let name = metric.as_ref().map_or("result".to_owned(), ToString::to_string);
    writeln!(card, "| run | seed | fold | {name} | training rows | test rows |\n|---|---|---|---|---|---|")?;
    for member in &ensemble.members {
        let (run, data) = (&member.run, member.model.folder.environment()?.dataset);
        let fold = member.model.config.data.fold.map(|fold| fold.to_string()).unwrap_or_default();
        let result = metric.as_ref().and_then(|key| run.metrics.get(key)).map(|found| measured(found.last));
        writeln!(
            card,
            "| {} | {} | {fold} | {} | {} | {} |",
            run.record.id,
            run.record.seed,
            result.unwrap_or_default(),
            data.num_train,
            data.num_test
        )?;
    }
    let command = in_shell(&["evaluate", &saved.name(), "--ensemble", "--data", "new.csv"]);
    writeln!(
        card,
        "\nThese are the results of each by itself; {} has that of the mean.",
        code(&on_one_line(&command))
    )?;
    write_inputs(&mut card, preprocessor)?;
    write_config(&mut card, saved)?;
    Ok(card)
}

/// A command, to be copied into a shell. Whoever reads the card has the program, not cargo.
fn in_shell(arguments: &[&str]) -> String {
    arguments.iter().fold("burnlab".to_owned(), |command, word| command + " " + &quoted(&on_one_line(word)))
}

/// What is predicted, by name.
fn targets(preprocessor: &Preprocessor) -> String {
    let names = preprocessor.target_names();
    let shown = names.iter().take(MAX_CATEGORIES).map(|name| code(name)).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MAX_CATEGORIES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// What is predicted, in words.
fn task(preprocessor: &Preprocessor) -> &'static str {
    match preprocessor.task() {
        Task::Binary => "one of two classes",
        Task::MultiClass { .. } => "one of several classes",
        Task::Ordered { .. } => "one of several classes in an order",
        Task::Regression => "a number",
        Task::Quantiles { .. } => "quantiles of a number",
        Task::Numbers { .. } => "several numbers",
        Task::Labels { .. } => "several labels of which any may hold",
        Task::LanguageModel { .. } => "in a text",
    }
}

/// What goes into the model.
fn write_inputs(card: &mut String, preprocessor: &Preprocessor) -> std::fmt::Result {
    match preprocessor.characters() {
        Some(known) => writeln!(
            card,
            "\n## Inputs\n\nThese characters, and one token for all others: {}.",
            code(&format!("{known:?}"))
        )?,
        None => writeln!(card, "\n## Inputs\n\n| column | kind |\n|---|---|")?,
    }
    if let Some(shape) = preprocessor.image_shape() {
        let (height, width) = (shape.height, shape.width);
        let (first, last) = (&preprocessor.columns()[0].name, &preprocessor.columns()[shape.num_cells() - 1].name);
        let [first, last] = [first, last].map(|name| plain(name));
        writeln!(card, "| {first} to {last} | the pixels of an image, {height} rows of {width} |")?;
    }
    let columns = if preprocessor.image_shape().is_some() { &[][..] } else { preprocessor.columns() };
    for column in columns.iter().take(MAX_COLUMNS) {
        let kind = match &column.kind {
            PreparedKind::Numeric { median, .. } => {
                let range = column.seen.and_then(|seen| seen.range);
                let range = range.map_or_else(String::new, |[low, high]| format!(", {low} to {high} in training"));
                format!("number{range}; {median} where missing")
            }
            PreparedKind::Categorical { categories, buckets, .. } => {
                let shown = categories.iter().take(MAX_CATEGORIES).map(|name| in_cell(&code(name)));
                let shown = shown.collect::<Vec<_>>().join(", ");
                let more = match categories.len().saturating_sub(MAX_CATEGORIES) {
                    0 => String::new(),
                    more => format!(" and {more} more"),
                };
                let hashed = match buckets {
                    0 => String::new(),
                    buckets => format!("; others by their hashes in {buckets} inputs (`data.hash_buckets`)"),
                };
                format!("one of {}, spelled {shown}{more}{hashed}", counted(categories.len(), "category"))
            }
            PreparedKind::Text { buckets } => format!(
                "a text: its words, pairs of words and pieces of words by their hashes in {buckets} inputs (`data.text`)"
            ),
        };
        writeln!(card, "| {} | {} |", plain(&column.name), kind)?;
    }
    if columns.len() > MAX_COLUMNS {
        writeln!(card, "\nand {} more columns.", columns.len() - MAX_COLUMNS)?;
    }
    for note in preprocessor.readings.for_others(&preprocessor.target_names()) {
        writeln!(card, "\n{}.", without_html(&note))?;
    }
    Ok(())
}

fn write_config(card: &mut String, saved: &SavedModel) -> std::fmt::Result {
    let config = saved.config.to_toml();
    let fence = "`".repeat(longest_backticks(&config).max(2) + 1);
    writeln!(card, "\n## Config\n\n{fence}toml\n{config}{fence}")
}

/// A time of a record, to the minute: `2026-11-24 23:50 UTC`.
pub fn minute(time: &str) -> String {
    format!("{} UTC", time.get(..16).unwrap_or(time).replace('T', " "))
}

/// A longer table of inputs would not help a reader.
const MAX_COLUMNS: usize = 40;
/// The same of categories; all of them are in the metadata of an ONNX model.
const MAX_CATEGORIES: usize = 20;

/// Text that shows as it is, whatever of it HTML or Markdown would take for its own; in a cell of a table, too.
fn plain(text: &str) -> String {
    let mut shown = String::new();
    for character in on_one_line(text).chars() {
        if matches!(character, '\\' | '`' | '*' | '[' | ']' | '|' | '~') {
            shown.push('\\');
        }
        shown.push(character);
    }
    without_html(&shown)
}

fn without_html(text: &str) -> String {
    on_one_line(text).replace('&', "&amp;").replace('<', "&lt;")
}

/// Text as code, which more backticks enclose than it has in a row.
fn code(text: &str) -> String {
    let text = on_one_line(text);
    let ticks = "`".repeat(longest_backticks(&text) + 1);
    let blank = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{ticks}{blank}{text}{blank}{ticks}")
}

/// Code in a cell of a table.
fn in_cell(code: &str) -> String {
    code.replace('|', "\\|")
}

fn on_one_line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

fn longest_backticks(text: &str) -> usize {
    text.split(|character| character != '`').map(str::len).max().unwrap_or(0)
}

fn write_evaluation(card: &mut String, evaluation: &Evaluation) -> std::fmt::Result {
    writeln!(card, "| metric | value |\n|---|---|")?;
    for metric in &evaluation.metrics {
        writeln!(card, "| {} | {} |", plain(&metric.name), measured(metric.value))?;
    }
    let baseline = &evaluation.baseline;
    writeln!(card, "\nA baseline that ignores the inputs has {} {}.", plain(&baseline.name), measured(baseline.value))?;
    if let Some(text) = &evaluation.text {
        writeln!(card, "The bigram baseline has {:.4}.", text.bigram_loss)?;
    }
    if let Some(first) = evaluation.targets.first() {
        let names: Vec<String> = first.metrics.iter().map(|metric| plain(&metric.name)).collect();
        writeln!(card, "\n| target | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()))?;
        for target in &evaluation.targets {
            let values: Vec<String> = target.metrics.iter().map(|metric| measured(metric.value)).collect();
            writeln!(card, "| {} | {} |", plain(&target.target), values.join(" | "))?;
        }
    }
    if let Some(classes) = &evaluation.classes {
        writeln!(card, "\n| class | precision | recall | f1 | rows |\n|---|---|---|---|---|")?;
        for class in &classes.report {
            let name = plain(&class.class);
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
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let model = serde_json::json!(name).to_string();
    if let Inputs::Text(text) = &saved.preprocessor.inputs {
        return format!(
            "{} has one input, `characters`: int64 `[N, T]`, the numbers of 1 to {} characters among `known_characters` of the \
             metadata, another one being the number after the last. Outputs: `probabilities` of the next character, and \
             `logits` of the one after each.\n\n```python\n{}```",
            code(&name),
            text.context,
            filled(TEXT_SCRIPT, &[("model", &model)])
        );
    }
    let inputs = match saved.preprocessor.columns().iter().all(|column| column.kind.is_numeric()) {
        true => "one input, `inputs`: float32 `[N, columns]`, raw cells in the order below, NaN where missing",
        false => "an input per column, `[N, 1]`: float32 (NaN where missing) or text (empty where missing)",
    };
    let outputs = match saved.preprocessor.task() {
        Task::Regression => "`prediction`, in the target's own units",
        Task::Quantiles { .. } => {
            "`prediction` and `quantiles`, in the target's own units, a column per level in the order of the metadata's `levels`"
        }
        Task::Numbers { .. } => {
            "`prediction`, in the targets' own units, a column per target in the order of the metadata's `target_names`"
        }
        Task::Labels { .. } => {
            "`labels` (0 or 1) and `probabilities`, a column per label in the order of the metadata's `label_names`"
        }
        _ => "`label` and `probabilities`, a column per class in the order of the metadata's `class_names`",
    };
    let pixels = match saved.preprocessor.readings.image_files {
        true => " The columns are the pixels of an image, row by row, their colours side by side, from 0 to 1.",
        false => "",
    };
    let missing: Vec<&str> = std::iter::once("").chain(saved.config.data.missing.iter().map(String::as_str)).collect();
    let missing = serde_json::json!(missing).to_string();
    let delimiter = saved.config.data.delimiter.map(|delimiter| format!(", sep={}", serde_json::json!(delimiter)));
    let delimiter = delimiter.unwrap_or_default();
    // A text in JSON is one in Python, too.
    let how = how_columns_are_made(saved);
    let script = filled(SCRIPT, &[("model", &model), ("missing", &missing), ("delimiter", &delimiter), ("how", &how)]);
    format!(
        "{} has {inputs}. Scaling and encoding are inside.{pixels} Outputs: {outputs}. A category is known only in the \
         spelling below: `TRUE` is not `True`.\n\n```python\n{script}```",
        code(&name)
    )
}

/// Comments for the script: the columns of the model that a file of the training's kind does not have as the model takes them.
fn how_columns_are_made(saved: &SavedModel) -> String {
    let lines = saved.preprocessor.readings.for_others(&saved.preprocessor.target_names());
    if lines.is_empty() {
        return String::new();
    }
    let lines: String = lines.iter().map(|line| format!("#   {}\n", on_one_line(line))).collect();
    format!("# To be made of the columns of the file here, as burnlab makes them when it reads one:\n{lines}")
}

/// How to use an ONNX model in Python, whatever its columns are.
const SCRIPT: &str = r#"import json

import numpy as np
import onnxruntime
import pandas as pd

session = onnxruntime.InferenceSession({{model}})
about = session.get_modelmeta().custom_metadata_map
columns, categories = json.loads(about["column_names"]), json.loads(about["categories"])
rows = pd.read_csv(
    "new.csv"{{delimiter}}, dtype={name: str for name in categories}, keep_default_na=False, na_values={{missing}}
)
{{how}}lacking = [name for name in columns if name not in rows]
if lacking:
    raise SystemExit(f"new.csv lacks {lacking}: see under Inputs in the model card how they are made")
for name, known in categories.items():
    unknown = sorted(set(rows[name].dropna()) - set(known))
    if unknown:
        print(f"{name}: unknown {unknown}; training had {known}")
if categories:
    cells = {name: rows[[name]].fillna("").to_numpy(object) for name in categories}
    cells |= {name: rows[[name]].to_numpy(np.float32) for name in columns if name not in categories}
    inputs = {entry.name: cells[name] for entry, name in zip(session.get_inputs(), columns)}
else:
    inputs = {"inputs": rows[columns].to_numpy(np.float32)}
print(session.run(None, inputs))
"#;

/// The same for a language model.
const TEXT_SCRIPT: &str = r#"import numpy as np
import onnxruntime

session = onnxruntime.InferenceSession({{model}})
about = session.get_modelmeta().custom_metadata_map
known, context = about["known_characters"], int(about["context"])
text = "Once"
for _ in range(200):
    numbers = [known.index(character) if character in known else len(known) for character in text[-context:]]
    (probabilities,) = session.run(["probabilities"], {"characters": np.array([numbers])})
    chances = probabilities[0, : len(known)].astype(float)
    text += known[np.random.choice(len(known), p=chances / chances.sum())]
print(text)
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_name_holds_is_neither_html_nor_markdown() {
        let hostile = "<img src=x onerror=y>[a](b)&|`c`*\n# d";
        assert_eq!(plain(hostile), "&lt;img src=x onerror=y>\\[a\\](b)&amp;\\|\\`c\\`\\* # d");
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a``b`<i>"), "```a``b`<i>```");
        assert_eq!(code("`"), "`` ` ``");
        assert_eq!(in_cell(&code("a|b\nc")), "`a\\|b c`");
        assert_eq!(longest_backticks("```` ` ``"), 4);
    }
}
