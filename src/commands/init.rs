//! `burnlab init DATA`: writes a config for a file, with what was found in it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{bail, ensure};
use toml::{Table, Value};

use super::output::{say, to_new_file, to_terminal};
use crate::cli::InitArgs;
use crate::config::LoadedConfig;
use crate::data::{self, DataConfig, ImageShape, Target};
use crate::experiment::{Prepared, describe, prepare};
use crate::invalid::{Invalid, one_line};
use crate::permissions::{create_for_this_user_alone, is_public};
use crate::shell::{command, program, quoted};
use crate::shown::{escaped_json, is_foreign, without_escapes};

/// Names of columns that are mostly what is to be predicted, the likeliest first.
const TARGETS: [&str; 9] = ["target", "label", "labels", "class", "y", "outcome", "response", "output", "species"];
/// Keys of the chosen network and training that are shown.
const SHOWN: [(&str, &[&str]); 2] = [
    ("model", &["kind", "hidden", "channels", "activation", "dropout"]),
    ("training", &["max_epochs", "batch_size", "learning_rate", "optimizer", "weight_decay", "early_stopping"]),
];

/// What is to be predicted, and why.
struct Choice {
    /// `None` for a text.
    target: Option<String>,
    why: String,
    /// Of a folder of images.
    image_shape: Option<ImageShape>,
}

/// # Errors
/// A file that cannot be used as it is; a config that is already there.
pub fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    ensure!(args.data != Path::new("-"), "a config names its data: save them to a file first");
    let name = name_of(&args.data);
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.toml")));
    if !to_stdout && output.symlink_metadata().is_ok() {
        bail!(already_there(&output));
    }
    if !is_public(&args.data) {
        // The config tells of the data: ranges, classes, names of columns.
        create_for_this_user_alone();
    }
    let choice = choose(&args.data, args.target.as_deref())?;
    let data = section(&args.data, &choice);
    let prepared = understood(&data, &name).map_err(|invalid| match (&args.target, &choice.target) {
        (None, Some(target)) => anyhow::anyhow!(
            "{}\nNo --target is given, and `{target}` was tried: name the column to predict, {} --target COLUMN",
            invalid.message,
            command(&["init", &args.data.display().to_string()])
        ),
        _ => invalid.into(),
    })?;
    let file = output.display().to_string();
    let text = config(&prepared, &choice, &data, &name, if to_stdout { "FILE.toml" } else { &file });
    if to_stdout {
        to_terminal(|writer| Ok(writer.write_all(text.as_bytes())?))?;
        return Ok(ExitCode::SUCCESS);
    }
    to_new_file(&output, &text).map_err(|error| match error.downcast_ref::<std::io::Error>() {
        Some(cause) if cause.kind() == std::io::ErrorKind::AlreadyExists => anyhow::anyhow!(already_there(&output)),
        _ => error,
    })?;
    say!("wrote  {file}{}", choice.why_told());
    say!("data   {}", describe::data(&prepared).join("\n       "));
    say!("model  {}", describe::model(&prepared));
    say!("next   train it: {}", command(&["--config", &file]));
    say!("next   see what else a config may hold: {}", command(&["config", "render", &file]));
    Ok(ExitCode::SUCCESS)
}

fn already_there(output: &Path) -> String {
    format!("{} is already there: remove it, or name another file with --output", output.display())
}

/// The experiment: the file's name without its extensions, in characters that need no quotes.
fn name_of(data: &Path) -> String {
    let file = data.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let stem = file.split('.').find(|part| !part.is_empty()).unwrap_or_default();
    let plain: String =
        stem.chars().map(|char| if char.is_alphanumeric() || char == '_' { char } else { '-' }).collect();
    match plain.trim_matches('-') {
        "" => "data".to_owned(),
        name => name.to_owned(),
    }
}

/// The column to predict: the given one, one that is named like a target, or the last.
fn choose(path: &Path, target: Option<&str>) -> anyhow::Result<Choice> {
    let is_text = path.extension().is_some_and(|extension| ["txt", "md"].iter().any(|text| extension == *text));
    let image_shape = data::suggested_shape(path)?;
    let config = DataConfig { path: Some(path.to_owned()), image_shape, ..DataConfig::default() };
    let names = match data::column_names(&config) {
        Ok(names) if names.len() > 1 => names,
        Ok(_) if is_text && target.is_none() => return Ok(Choice::text()),
        Err(_) if is_text && target.is_none() && path.exists() => return Ok(Choice::text()),
        Ok(names) => names,
        Err(invalid) => return Err(invalid.into()),
    };
    if let Some(target) = target {
        return Ok(Choice { target: Some(target.to_owned()), why: String::new(), image_shape });
    }
    let named = TARGETS.iter().find_map(|word| names.iter().find(|name| name.eq_ignore_ascii_case(word)));
    let (target, why) = match (named, names.last()) {
        (Some(name), _) => (name, "its name says that it is to be predicted"),
        (None, Some(last)) => (last, "it is the last column"),
        (None, None) => bail!("{} has no columns", path.display()),
    };
    Ok(Choice { target: Some(target.clone()), why: format!("Chosen since {why}"), image_shape })
}

impl Choice {
    fn text() -> Self {
        Self { target: None, why: String::new(), image_shape: None }
    }

    fn why_told(&self) -> String {
        match &self.target {
            Some(target) if !self.why.is_empty() => format!(
                ", to predict `{}` ({}; --target names another column)",
                one_line(target),
                self.why.to_lowercase()
            ),
            _ => String::new(),
        }
    }
}

/// The keys of `[data]` that say what is learned.
fn section(path: &Path, choice: &Choice) -> Table {
    let mut section = Table::new();
    section.insert("path".into(), path.display().to_string().into());
    match &choice.target {
        Some(target) => section.insert("target".into(), target.clone().into()),
        None => section.insert("task".into(), "language_model".into()),
    };
    if let Some(shape) = choice.image_shape {
        let sizes = Vec::from(shape).into_iter().map(|size| Value::Integer(size as i64));
        section.insert("image_shape".into(), Value::Array(sizes.collect()));
    }
    section
}

/// The data as they are understood without further keys.
fn understood(data: &Table, name: &str) -> Result<Prepared, Invalid> {
    let whole = Table::from_iter([("data".to_owned(), Value::Table(data.clone()))]).to_string();
    let loaded = LoadedConfig::parse(&whole, "the new config", name, &[]);
    let loaded = loaded.map_err(|error| Invalid { key: None, message: error.to_string() })?;
    prepare(&loaded.config, &Path::new("artifacts").into())
}

/// A value as TOML. Column names with characters that show a line in another order have them as escapes.
fn written(value: &Value) -> String {
    match value {
        Value::String(text) if text.contains(is_foreign) => {
            escaped_json(&serde_json::Value::from(text.as_str()).to_string()).into_owned()
        }
        value => value.to_string(),
    }
}

/// The text of the config. Comments hold what was found, in lines that cannot end early.
fn config(prepared: &Prepared, choice: &Choice, data: &Table, name: &str, file: &str) -> String {
    let mut text = String::new();
    let mut line = |content: &str| _ = writeln!(text, "{}", without_escapes(content));
    let set = |key: &str, value: Value| format!("{key} = {}", written(&value));
    line(&format!("# A config for {}, written by `{} init`.", one_line(&prepared.dataset.name), program()));
    line("#");
    line(&format!("#   {} config check {}     # what is understood, without training", program(), quoted(file)));
    line(&format!("#   {} --config {}         # train", program(), quoted(file)));
    line("#");
    line("# What a comment shows as a key holds anyway, or is an example: remove the `#` to change it.");
    line(&set("name", name.into()));
    line(&format!("{}               # of the first weights, the shuffles and the split", set("seed", 42.into())));
    line("\n[data]");
    for (key, value) in data {
        if key == "image_shape" {
            line("# Rows and columns of pixels that each image is brought to; 3 after them for colours.");
        }
        if key == "target" && !choice.why.is_empty() {
            line(&format!("# What to predict. {}; any other column may stand here.", choice.why));
        }
        line(&set(key, value.clone()));
    }
    line("# What was found:");
    describe::data(prepared).iter().for_each(|found| line(&format!("#   {}", one_line(found))));
    let is_table = choice.target.is_some();
    if is_table {
        let task = match prepared.dataset.target {
            Target::Classes { .. } => "\"classification\"      # or \"regression\", to predict a number",
            _ => "\"regression\"          # or \"classification\", where each number is a class",
        };
        line(&format!("# task = {task}"));
        line(
            "# drop = [\"COLUMN\"]            # leave columns out, such as an identifier, or what is known only afterwards",
        );
        line("# categorical = [\"COLUMN\"]     # numbers that are codes, such as a postcode");
        line("# text = [\"COLUMN\"]            # comments, descriptions: used by their words");
        line("# numeric = [\"COLUMN\"]         # whatever is no number in these is an error");
        line("# missing = [\"-\", \"unknown\"]   # other words for a missing cell");
        line("# The parts: at random, or as the rows belong together.");
    }
    line(&set("test_fraction", 0.3.into()));
    line(&set("validation_fraction", 0.15.into()));
    if is_table {
        line("# group = \"COLUMN\"             # several rows of one patient, machine, family: all in one part");
        line("# order = \"COLUMN\"             # rows over time: train on the first, test on the last");
        line("# split_column = \"COLUMN\"      # a column that says train, validation or test");
        line("# folds = 10                   # cross-validation, instead of test_fraction");
    }
    line("\n# The network and its training were chosen by the data; what is set here wins.");
    let resolved: Table = toml::from_str(&prepared.config.to_toml()).unwrap_or_default();
    for (section, keys) in SHOWN {
        line(&format!("# [{section}]"));
        let chosen = resolved.get(section).and_then(Value::as_table);
        for key in keys {
            if let Some(value) = chosen.and_then(|chosen| chosen.get(*key)) {
                line(&format!("# {key} = {value}"));
            }
        }
    }
    text
}
