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
use crate::permissions::create_for_this_user_alone;
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
    /// Of images, unless it is given.
    image_shape: Option<ImageShape>,
    /// The column that names image files.
    images: Option<String>,
}

/// # Errors
/// A file that cannot be used as it is; a config that is already there.
pub fn run(args: &InitArgs) -> anyhow::Result<ExitCode> {
    ensure!(args.data != Path::new("-"), "a config names its data: save them to a file first");
    ensure!(
        args.data.to_str().is_some(),
        "the name of {} is not UTF-8, and no config can hold it: rename the file",
        args.data.display()
    );
    let name = name_of(&args.data);
    let to_stdout = args.output.as_deref() == Some(Path::new("-"));
    let output = args.output.clone().unwrap_or_else(|| PathBuf::from(format!("{name}.toml")));
    if !to_stdout && output.symlink_metadata().is_ok() {
        bail!(already_there(&output));
    }
    let given = given(args, &name)?;
    if !data::are_public(&given.config.data) {
        // The config tells of the data: ranges, classes, names of columns.
        create_for_this_user_alone();
    }
    let advised = |invalid: Invalid, target: Option<&str>| anyhow::anyhow!(with_advice(invalid, args, target));
    let choice = choose(args, &given.config.data).map_err(|error| match error.downcast::<Invalid>() {
        Ok(invalid) => advised(invalid, None),
        Err(error) => error,
    })?;
    let guessed = choice.guessed_target();
    let mut whole = given.config.given.unwrap_or_default();
    fill_in(&mut whole, &choice);
    let prepared = match understood(&whole, &name) {
        Err(invalid) => {
            // Of reviews and their stars, the reviews look like names of the rows.
            let texts = texts_instead(&given.config.data, &choice).filter(|_| lacks_inputs(&invalid));
            let with_texts = texts.and_then(|texts| {
                data_of(&mut whole).insert("text".into(), Value::Array(texts));
                understood(&whole, &name).ok()
            });
            with_texts.ok_or_else(|| advised(invalid, guessed))?
        }
        Ok(prepared) => prepared,
    };
    let file = output.display().to_string();
    let text = config(&prepared, &choice, &whole, &name, if to_stdout { "FILE.toml" } else { &file });
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

/// The config with nothing but the path and the keys of `--set`.
fn given(args: &InitArgs, name: &str) -> anyhow::Result<LoadedConfig> {
    let data = Table::from_iter([("path".to_owned(), args.data.display().to_string().into())]);
    let whole = Table::from_iter([("data".to_owned(), Value::Table(data))]).to_string();
    let given = LoadedConfig::parse(&whole, "the new config", name, &args.set)?;
    ensure!(
        given.config.data.path.as_deref() == Some(&args.data),
        "--set data.path: the data are those that are named, {}: leave it out",
        args.data.display()
    );
    ensure!(
        args.target.is_none() || given.config.data.target.is_none(),
        "--target and --set data.target both name the column to predict: keep one"
    );
    Ok(given)
}

/// The column to predict: the given one, one that is named like a target, or the last. `given`: the section so far.
fn choose(args: &InitArgs, given: &DataConfig) -> anyhow::Result<Choice> {
    let (path, target) = (&args.data, args.target.as_deref());
    let is_text = path.extension().is_some_and(|extension| ["txt", "md"].iter().any(|text| extension == *text));
    if given.is_text() {
        return Ok(Choice::text());
    }
    let image_shape = match given.image_shape {
        Some(_) => None,
        None => data::suggested_shape(path)?,
    };
    let config = DataConfig { image_shape: given.image_shape.or(image_shape), ..given.clone() };
    let may_be_text = is_text && target.is_none() && given.target.is_none();
    let names = match data::column_names(&config) {
        Ok(names) if names.len() > 1 => names,
        Ok(_) if may_be_text => return Ok(Choice::text()),
        // A table that says so is none that is written in words.
        Err(invalid) if may_be_text && path.exists() && !invalid.message.contains("Markdown table") => {
            return Ok(Choice::text());
        }
        Ok(names) => names,
        Err(invalid) => return Err(invalid.into()),
    };
    let (images, image_shape) =
        match config.images.is_none().then(|| data::image_column(&config)).transpose()?.flatten() {
            Some((column, shape)) => (Some(column), config.image_shape.is_none().then_some(shape)),
            None => (None, image_shape),
        };
    let choice = Choice { target: None, why: String::new(), image_shape, images };
    if let Some(targets) = &given.target {
        return Ok(Choice { target: Some(targets.names().join(", ")), ..choice });
    }
    if let Some(target) = target {
        return Ok(Choice { target: Some(target.to_owned()), ..choice });
    }
    let names: Vec<String> = names.into_iter().filter(|name| choice.images.as_ref() != Some(name)).collect();
    let named = TARGETS.iter().find_map(|word| names.iter().find(|name| name.eq_ignore_ascii_case(word)));
    let (target, why) = match (named, names.last()) {
        (Some(name), _) => (name, "its name says that it is to be predicted"),
        (None, Some(last)) => (last, "it is the last column"),
        (None, None) => bail!("{} has no columns", path.display()),
    };
    Ok(Choice { target: Some(target.clone()), why: format!("Chosen since {why}"), ..choice })
}

/// What is wrong, and what to write after `init`: the target, if a guess of it was wrong, or the key that the error names.
fn with_advice(invalid: Invalid, args: &InitArgs, guessed: Option<&str>) -> String {
    let init = command(&["init", &args.data.display().to_string()]);
    let message = invalid.message;
    let is_of_target = |target: &str| {
        let is_key = invalid.key.as_deref().is_some_and(|key| ["data.target", "data.task"].contains(&key));
        is_key || message.contains(&format!("`{target}`"))
    };
    if let Some(target) = guessed.filter(|target| !args.data.is_dir() && is_of_target(target)) {
        return format!(
            "{message}\nNo --target is given, and `{}` was tried: name the column to predict, {init} --target COLUMN",
            one_line(target)
        );
    }
    // Of a folder another one is to be named.
    match set_in(&message).filter(|_| !args.data.is_dir()) {
        Some(set) => {
            format!("{message}\nA key of the config is set here by --set, such as {init} --set {}", quoted(&set))
        }
        None => message,
    }
}

/// The first key of `[data]` in a message, as `--set` takes it, with its value if that is there.
fn set_in(message: &str) -> Option<String> {
    let (key, rest) = message.match_indices("data.").find_map(|(at, _)| {
        let rest = &message[at + "data.".len()..];
        let end = rest.find(|char: char| !char.is_ascii_lowercase() && char != '_').unwrap_or(rest.len());
        let is_word = message[..at].ends_with([' ', '(']);
        let is_other = ["", "path", "target", "task", "csv"].contains(&&rest[..end]);
        (is_word && !is_other).then(|| rest.split_at(end))
    })?;
    let value = rest.strip_prefix(" = ").and_then(|rest| {
        let closing = match rest.chars().next()? {
            '[' => rest.find(']')? + 1,
            '"' => rest[1..].find('"')? + 2,
            _ => rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(rest.len()),
        };
        Some(&rest[..closing])
    });
    let value = value.unwrap_or(match key {
        "drop" | "numeric" | "categorical" | "date" | "text" => "[\"COLUMN\"]",
        "missing" => "[\"WORD\"]",
        _ => "VALUE",
    });
    Some(format!("data.{key}={value}"))
}

fn lacks_inputs(invalid: &Invalid) -> bool {
    invalid.message.contains("has no input column left")
}

/// The columns of texts, where the section names none.
fn texts_instead(data: &DataConfig, choice: &Choice) -> Option<Vec<Value>> {
    let names = data::text_columns(data).ok().filter(|_| data.text.is_empty() && choice.images.is_none())?;
    let names: Vec<Value> =
        names.into_iter().filter(|name| choice.target.as_ref() != Some(name)).map(Value::from).collect();
    (!names.is_empty()).then_some(names)
}

impl Choice {
    fn text() -> Self {
        Self { target: None, why: String::new(), image_shape: None, images: None }
    }

    /// The target, if nobody has named it.
    fn guessed_target(&self) -> Option<&str> {
        self.target.as_deref().filter(|_| !self.why.is_empty())
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

/// Adds to the config that is given the keys of `[data]` that say what is learned.
fn fill_in(whole: &mut Table, choice: &Choice) {
    let data = data_of(whole);
    let mut insert = |key: &str, value: Value| _ = data.entry(key).or_insert(value);
    match &choice.target {
        Some(target) => insert("target", target.clone().into()),
        None => insert("task", "language_model".into()),
    }
    if let Some(images) = &choice.images {
        insert("images", images.clone().into());
    }
    if let Some(shape) = choice.image_shape {
        let sizes = Vec::from(shape).into_iter().map(|size| Value::Integer(size as i64));
        insert("image_shape", Value::Array(sizes.collect()));
    }
}

fn data_of(whole: &mut Table) -> &mut Table {
    let data = whole.entry("data").or_insert_with(|| Value::Table(Table::new()));
    data.as_table_mut().expect("a config with a path has the section")
}

/// The data as they are understood without further keys.
fn understood(whole: &Table, name: &str) -> Result<Prepared, Invalid> {
    let loaded = LoadedConfig::parse(&whole.to_string(), "the new config", name, &[]);
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
fn config(prepared: &Prepared, choice: &Choice, whole: &Table, name: &str, file: &str) -> String {
    let mut text = String::new();
    let mut line = |content: &str| _ = writeln!(text, "{}", without_escapes(content));
    let set = |key: &str, value: &Value| format!("{} = {}", toml_key(key), written(value));
    let of_section = |section: &str| whole.get(section).and_then(Value::as_table);
    let data = of_section("data").cloned().unwrap_or_default();
    line(&format!("# A config for {}, written by `{} init`.", one_line(&prepared.dataset.name), program()));
    line("#");
    line(&format!("#   {} config check {}     # what is understood, without training", program(), quoted(file)));
    line(&format!("#   {} --config {}         # train", program(), quoted(file)));
    line("#");
    line("# What a comment shows as a key holds anyway, or is an example: remove the `#` to change it.");
    let of_top = |key: &str, otherwise: Value| set(key, whole.get(key).unwrap_or(&otherwise));
    line(&of_top("name", name.into()));
    line(&format!("{}               # of the first weights, the shuffles and the split", of_top("seed", 42.into())));
    let is_new = |key: &str, value: &Value| !["name", "seed"].contains(&key) && !value.is_table();
    whole.iter().filter(|(key, value)| is_new(key, value)).for_each(|(key, value)| line(&set(key, value)));
    line("\n[data]");
    for (key, value) in &data {
        if key == "image_shape" {
            line("# Rows and columns of pixels that each image is brought to; 3 after them for colours.");
        }
        if key == "images" {
            line("# The column that names the image files, whose pixels are the inputs.");
        }
        if key == "target" && !choice.why.is_empty() {
            line(&format!("# What to predict. {}; any other column may stand here.", choice.why));
        }
        line(&set(key, value));
    }
    line("# What was found:");
    describe::data(prepared).iter().for_each(|found| line(&format!("#   {}", one_line(found))));
    let mut unless_given = |key: &str, content: &str| {
        if !data.contains_key(key) {
            line(content);
        }
    };
    let is_table = choice.target.is_some();
    if is_table {
        let task = match prepared.dataset.target {
            Target::Classes { .. } => "\"classification\"      # or \"regression\", to predict a number",
            _ => "\"regression\"          # or \"classification\", where each number is a class",
        };
        unless_given("task", &format!("# task = {task}"));
        unless_given(
            "drop",
            "# drop = [\"COLUMN\"]            # leave columns out, such as an identifier, or what is known only afterwards",
        );
        unless_given("categorical", "# categorical = [\"COLUMN\"]     # numbers that are codes, such as a postcode");
        unless_given("text", "# text = [\"COLUMN\"]            # comments, descriptions: used by their words");
        unless_given("numeric", "# numeric = [\"COLUMN\"]         # whatever is no number in these is an error");
        unless_given("missing", "# missing = [\"-\", \"unknown\"]   # other words for a missing cell");
        unless_given("", "# The parts: at random, or as the rows belong together.");
    }
    let is_folded = ["folds", "split_column", "test_path"].iter().any(|key| data.contains_key(*key));
    if !is_folded {
        unless_given("test_fraction", &set("test_fraction", &0.3.into()));
    }
    if !data.contains_key("split_column") {
        unless_given("validation_fraction", &set("validation_fraction", &0.15.into()));
    }
    if is_table {
        unless_given(
            "group",
            "# group = \"COLUMN\"             # several rows of one patient, machine, family: all in one part",
        );
        unless_given(
            "order",
            "# order = \"COLUMN\"             # rows over time: train on the first, test on the last",
        );
        unless_given("split_column", "# split_column = \"COLUMN\"      # a column that says train, validation or test");
        unless_given("folds", "# folds = 10                   # cross-validation, instead of test_fraction");
    }
    line("\n# The network and its training were chosen by the data; what is set here wins.");
    let resolved: Table = toml::from_str(&prepared.config.to_toml()).unwrap_or_default();
    for (section, keys) in SHOWN {
        let given = of_section(section);
        line(&format!("{}[{section}]", if given.is_some() { "" } else { "# " }));
        given.into_iter().flatten().for_each(|(key, value)| line(&set(key, value)));
        let chosen = resolved.get(section).and_then(Value::as_table);
        for key in keys.iter().filter(|key| given.is_none_or(|given| !given.contains_key(**key))) {
            if let Some(value) = chosen.and_then(|chosen| chosen.get(*key)) {
                line(&format!("# {key} = {value}"));
            }
        }
    }
    let is_shown = |key: &str| key == "data" || SHOWN.iter().any(|(section, _)| *section == key);
    for (key, section) in whole.iter().filter(|(key, _)| !is_shown(key)) {
        let Some(section) = section.as_table() else { continue };
        line(&format!("\n[{}]", toml_key(key)));
        section.iter().for_each(|(key, value)| line(&set(key, value)));
    }
    text
}

/// A key as TOML has it, in quotes where it needs them.
fn toml_key(key: &str) -> String {
    let is_bare = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    match !key.is_empty() && key.bytes().all(is_bare) {
        true => key.to_owned(),
        false => Value::from(key).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_that_an_error_names_is_shown_as_it_is_set() {
        for (message, set) in [
            ("a.csv:1: a row: set data.header = false; the columns are", Some("data.header=false")),
            ("set data.decimal = \",\" or data.delimiter", Some("data.decimal=\",\"")),
            ("(keep it with data.categorical)", Some("data.categorical=[\"COLUMN\"]")),
            ("add it to data.missing if it means missing", Some("data.missing=[\"WORD\"]")),
            ("or set data.skip_rows or data.delimiter", Some("data.skip_rows=VALUE")),
            ("set data.image_shape = [24, 24, 3]", Some("data.image_shape=[24, 24, 3]")),
            ("my.data.csv is empty", None),
            ("no file `data.csv` in /tmp; data.path must name a file", None),
        ] {
            assert_eq!(set_in(message).as_deref(), set, "{message}");
        }
    }
}
