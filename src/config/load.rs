//! The TOML file: load, override, check, save resolved.
//!
//! The resolved config (every default written out) is what a run records: it reproduces the run
//! whatever later versions choose as defaults.

use std::collections::BTreeMap;
use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use toml::de::{DeTable, DeValue};

use crate::bounded;
use crate::data::DataConfig;
use crate::invalid::{Invalid, nearest, one_line};
use crate::model::ModelConfig;
use crate::sweep::SweepConfig;
use crate::training::TrainingConfig;

/// A config of 100,000 column names has 2 MB; a larger file is something else.
const MAX_BYTES: u64 = 8 << 20;
/// Parts of a dotted key at most.
const MAX_PARTS: usize = 16;

/// A burnlab run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The experiment: runs that share it are compared with each other. By default the file's name.
    #[serde(default)]
    pub name: String,
    /// Fixes initial weights, shuffles, dropout and (unless `data.split_seed` is set) the split.
    #[serde(default = "default_seed")]
    pub seed: u64,
    /// Train so many runs, with this seed and those that follow it; 1 by default.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub seeds: u16,
    pub data: DataConfig,
    #[serde(default)]
    pub model: ModelConfig,
    #[serde(default)]
    pub training: TrainingConfig,
    /// Try out many configs instead of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sweep: Option<SweepConfig>,
}

fn default_seed() -> u64 {
    42
}

fn one() -> u16 {
    1
}

fn is_one(seeds: &u16) -> bool {
    *seeds == 1
}

/// A config that cannot be used: where, and why.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{place}: {message}{excerpt}")]
pub struct ConfigError {
    /// `configs/digits.toml:12:1`, or the `--set` argument.
    pub place: String,
    pub message: String,
    /// The line with a caret below, or nothing.
    pub excerpt: String,
}

/// A config and the text that it came from.
#[derive(Clone, Debug)]
pub struct LoadedConfig {
    pub config: Config,
    path: String,
    text: String,
    overrides: Vec<String>,
}

impl LoadedConfig {
    /// Reads `path` and applies `overrides` (`training.learning_rate=0.01`, the value in TOML, or
    /// a plain word), in order.
    ///
    /// # Errors
    /// A file that cannot be read, is no TOML, has an unknown key, a wrong type or a value out of
    /// range; an override likewise.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        let shown = path.display().to_string();
        let unreadable = |why: String| ConfigError {
            place: shown.clone(),
            message: format!("cannot read the config: {why}"),
            excerpt: String::new(),
        };
        let bytes = bounded::read(path, MAX_BYTES).map_err(|error| unreadable(error.kind().to_string()))?;
        let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".into()))?;
        let stem = path.file_stem().map_or_else(|| "run".into(), |stem| stem.to_string_lossy().into_owned());
        Self::parse(&text, &shown, &stem, overrides)
    }

    /// As [`LoadedConfig::load`], from the text of a file called `shown`.
    ///
    /// # Errors
    /// As [`LoadedConfig::load`], less reading the file.
    pub fn parse(text: &str, shown: &str, default_name: &str, overrides: &[String]) -> Result<Self, ConfigError> {
        let mut config: Config = toml::from_str(text).map_err(|error| toml_error(&error, shown, text))?;
        // Again without the types, which know integers that TOML does not.
        let table: toml::Table = toml::from_str(text).map_err(|error| toml_error(&error, shown, text))?;
        if let (_, Some(changed)) = apply(table, overrides)? {
            config = changed;
        }
        if config.name.is_empty() {
            config.name = default_name.to_owned();
        }
        let loaded = Self { config, path: shown.into(), text: text.into(), overrides: overrides.to_vec() };
        let checked = Invalid::unless(loaded.config.seeds >= 1, "seeds", || "seeds must be at least 1, found 0".into());
        let checked =
            checked.and_then(|()| loaded.config.model.validate()).and_then(|()| loaded.config.training.validate());
        checked.map_err(|invalid| loaded.locate(invalid))?;
        Ok(loaded)
    }

    /// The TOML that makes this config anywhere: as the user wrote it, without defaults, which depend on keys that a sweep
    /// may vary; `--set`, the name and the seeds written in, and the paths of data and `init_from` as in `found`.
    pub fn written(&self, found: &Config) -> String {
        let table = toml::from_str(&self.text).expect("parsed before");
        let (mut table, _) = apply(table, &self.overrides).expect("applied before");
        let whole = toml::Table::try_from(found).expect("every field of a config has a TOML form");
        for key in ["name", "seeds"] {
            table.remove(key);
            table.extend(whole.get_key_value(key).map(|(key, value)| (key.clone(), value.clone())));
        }
        let paths = ["path", "labels", "test_path", "test_labels"].map(|key| ("data", key));
        for (section, key) in paths.into_iter().chain([("model", "init_from")]) {
            let value = whole.get(section).and_then(|section| section.get(key));
            let written = table.get_mut(section).and_then(toml::Value::as_table_mut);
            if let (Some(value), Some(written)) = (value, written) {
                written.insert(key.to_owned(), value.clone());
            }
        }
        toml::to_string(&table).expect("a table that was read can be written")
    }

    /// This config with other values of some keys, as one run; no sweep.
    ///
    /// # Errors
    /// As [`LoadedConfig::load`].
    pub fn varied(&self, params: &BTreeMap<String, serde_json::Value>) -> Result<Config, ConfigError> {
        self.varied_by(params, &[])
    }

    /// As [`LoadedConfig::varied`], with `overrides` on top.
    ///
    /// # Errors
    /// As [`LoadedConfig::load`].
    pub fn varied_by(
        &self,
        params: &BTreeMap<String, serde_json::Value>,
        overrides: &[String],
    ) -> Result<Config, ConfigError> {
        // JSON's numbers, strings, truths and lists are TOML's as well, but for the one control character that JSON does
        // not escape.
        let params =
            params.iter().map(|(key, value)| format!("{key}={}", value.to_string().replace('\u{7f}', "\\u007f")));
        let overrides: Vec<String> =
            self.overrides.iter().cloned().chain(params).chain(overrides.iter().cloned()).collect();
        let loaded = Self::parse(&self.text, &self.path, &self.config.name, &overrides)?;
        Ok(Config { seeds: 1, sweep: None, name: self.config.name.clone(), ..loaded.config })
    }

    /// Adds the place of the key that `invalid` blames: its `--set`, its line in the file, or the file.
    pub fn locate(&self, invalid: Invalid) -> ConfigError {
        let Invalid { key, message } = invalid;
        let named = |key: &str| one_line(&format!("{key}: {message}"));
        let Some(key) = key else {
            return ConfigError { place: self.path.clone(), message, excerpt: String::new() };
        };
        let by_override = self.overrides.iter().rev().find(|set| set.split('=').next().map(str::trim) == Some(&key));
        if let Some(set) = by_override {
            let place = one_line(&format!("--set {set}"));
            return ConfigError { place, message: named(&key), excerpt: String::new() };
        }
        match find_key(&self.text, &key) {
            Some(span) => {
                let (place, excerpt) = point_at(&self.path, &self.text, span);
                ConfigError { place, message: named(&key), excerpt }
            }
            None => ConfigError { place: self.path.clone(), message: named(&key), excerpt: String::new() },
        }
    }
}

/// One of the runs that a config asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Repetition {
    pub seed: u64,
    /// The fold that tests, of a cross-validation.
    pub fold: Option<usize>,
}

impl Repetition {
    /// `config` with this seed and fold.
    pub fn of(self, config: &Config) -> Config {
        let mut config = config.clone();
        config.seed = self.seed;
        config.data.fold = self.fold;
        config
    }

    /// As a training is told it.
    pub fn overrides(self) -> Vec<String> {
        let fold = self.fold.map(|fold| format!("data.fold={fold}"));
        std::iter::once(format!("seed={}", self.seed)).chain(fold).collect()
    }
}

impl std::fmt::Display for Repetition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let fold = self.fold.map(|fold| format!(" fold {fold}")).unwrap_or_default();
        f.pad(&format!("seed {}{fold}", self.seed))
    }
}

impl Config {
    /// The runs of this config with `num_seeds` seeds, from its own on: one each, or one for each fold of a
    /// cross-validation that names none.
    pub fn repetitions(&self, num_seeds: u16) -> Vec<Repetition> {
        let folds: Vec<Option<usize>> = match (self.data.folds, self.data.fold) {
            (Some(num_folds), None) => (1..=num_folds).map(Some).collect(),
            (_, fold) => vec![fold],
        };
        // TOML has no larger integers: after the largest seed comes 0.
        let seeds = (0..u64::from(num_seeds)).map(|offset| self.seed.wrapping_add(offset) & i64::MAX as u64);
        seeds.flat_map(|seed| folds.iter().map(move |&fold| Repetition { seed, fold })).collect()
    }

    /// The TOML of this config.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("every field of a config has a TOML form")
    }

    /// This config with every default that depends on another key written out, and data paths made
    /// absolute, so that the saved file works from anywhere and with later versions.
    pub fn resolved(mut self) -> Self {
        (self.seeds, self.sweep) = (1, None); // a recorded config is that of one run
        self.model = self.model.resolved();
        self.training = self.training.resolved();
        self.data = self.data.resolved();
        let data = &mut self.data;
        for path in [&mut data.path, &mut data.labels, &mut data.test_path, &mut data.test_labels] {
            if let Some(path) = path
                && let Ok(absolute) = std::path::absolute(&*path)
            {
                *path = absolute;
            }
        }
        self
    }

    /// As [`Config::resolved`], with what makes several runs of it: seeds and the sweep.
    pub fn resolved_whole(self) -> Self {
        let (seeds, sweep) = (self.seeds, self.sweep.clone());
        Self { seeds, sweep, ..self.resolved() }
    }

    /// Every value by dotted key, such as `training.learning_rate`: the run's params.
    pub fn params(&self) -> BTreeMap<String, serde_json::Value> {
        let tree = serde_json::to_value(self).expect("every field of a config has a JSON form");
        let mut params = BTreeMap::new();
        flatten("", tree, &mut params);
        params
    }

    /// The JSON Schema of the TOML file, for editors.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(Config).to_value()
    }
}

fn flatten(prefix: &str, value: serde_json::Value, params: &mut BTreeMap<String, serde_json::Value>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
                flatten(&key, value, params);
            }
        }
        value => {
            params.insert(prefix.to_owned(), value);
        }
    }
}

/// `table` with `overrides` applied one after the other, so that an error names its own, and the config that they make of
/// it; `None` without any.
fn apply(mut table: toml::Table, overrides: &[String]) -> Result<(toml::Table, Option<Config>), ConfigError> {
    let mut config = None;
    for set in overrides {
        let place = || one_line(&format!("--set {set}"));
        let fail = |message: String| ConfigError { place: place(), message, excerpt: String::new() };
        let (key, value) = set.split_once('=').ok_or_else(|| fail("write it as key=value".into()))?;
        // A word that is no TOML value is meant as a string: --set data.source=iris
        let value = toml::from_str::<toml::Table>(&format!("v = {value}"))
            .ok()
            .and_then(|mut table| table.remove("v"))
            .unwrap_or_else(|| toml::Value::String(value.into()));
        let mut at = &mut table;
        let parts: Vec<&str> = key.trim().split('.').collect();
        // Tables in tables are read and dropped by functions that call themselves.
        if parts.len() > MAX_PARTS {
            return Err(fail(format!("no key has more than {MAX_PARTS} parts")));
        }
        let (last, sections) = parts.split_last().expect("split gives one part at least");
        for section in sections {
            at = at
                .entry(*section)
                .or_insert_with(|| toml::Value::Table(toml::Table::new()))
                .as_table_mut()
                .ok_or_else(|| fail(format!("`{section}` is a value, not a section")))?;
        }
        at.insert((*last).to_owned(), value);
        let parsed = Config::deserialize(table.clone());
        config = Some(parsed.map_err(|error| fail(readable(error.message())))?);
    }
    Ok((table, config))
}

/// A TOML error with file, line, column and the line itself.
fn toml_error(error: &toml::de::Error, shown: &str, text: &str) -> ConfigError {
    let span = in_model(error, text).or(error.span());
    let (place, excerpt) = span.map_or((shown.to_owned(), String::new()), |span| point_at(shown, text, span));
    let mut message = readable(error.message());
    // `training.learning_rate = ...` in [sweep.space] is a table in a table to TOML.
    if message.contains("expected one of `length`, `values`") {
        let line =
            excerpt.lines().nth(1).and_then(|line| line.split(" | ").nth(1)?.split('=').next()).unwrap_or_default();
        if line.contains('.') && !line.contains(['"', '\'']) {
            message = format!("a key with dots is written in quotes here: \"{}\"", line.trim());
        }
    }
    ConfigError { place, message, excerpt }
}

/// The place of an error within `[model]`: the kind decides how the section is read, so it is read
/// whole and serde no longer knows where its parts stood. The key that fails alone is the one.
fn in_model(error: &toml::de::Error, text: &str) -> Option<std::ops::Range<usize>> {
    let table: toml::Table = toml::from_str(text).ok()?;
    let model = table.get("model")?.as_table()?;
    let fails = |key: &&String| {
        let kind = model.get_key_value("kind").map(|(key, value)| (key.clone(), value.clone()));
        let alone = kind.into_iter().chain([((*key).clone(), model[*key].clone())]).collect();
        let result = ModelConfig::deserialize(toml::Value::Table(alone));
        result.is_err_and(|alone| alone.message() == error.message())
    };
    find_key(text, &format!("model.{}", model.keys().find(fails)?))
}

/// serde's message in the user's words, with a guess at the key that was meant.
fn readable(message: &str) -> String {
    let mut message = one_line(message.trim());
    for (serdes, ours) in [
        ("unknown field", "unknown key"),
        ("missing field", "missing key"),
        ("unknown variant", "unknown value"),
        ("expected usize", "expected a whole number"),
        ("expected u64", "expected a whole number"),
        ("expected f64", "expected a number"),
        ("expected f32", "expected a number"),
        ("expected a boolean", "expected true or false"),
        ("expected a sequence", "expected a list"),
        ("u64 value was too large", "the number is too large for TOML"),
        ("cannot recurse further; max recursion depth met", "it is nested too deeply"),
        ("recursion limit", "it is nested too deeply"),
    ] {
        message = message.replace(serdes, ours);
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let guess = match quoted.next() {
        Some(found) if message.contains("expected one of") => nearest(found, quoted),
        _ => None,
    };
    match guess {
        Some(known) => format!("{message}; did you mean `{known}`?"),
        None => message,
    }
}

/// The place of a dotted key in the text, or of the innermost section of it that is there.
fn find_key(text: &str, key: &str) -> Option<std::ops::Range<usize>> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut found = None;
    let mut rest = key;
    while !rest.is_empty() {
        // A key in quotes may hold dots: the whole of what is left, if there is such a key.
        let part = if table.contains_key(rest) { rest } else { rest.split('.').next().unwrap_or(rest) };
        let Some((name, value)) = table.iter().find(|(name, _)| name.get_ref().as_ref() == part) else { break };
        found = Some(name.span());
        rest = rest[part.len()..].trim_start_matches('.');
        match value.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    found
}

/// Characters of a line that an error shows.
const MAX_SHOWN: usize = 200;

/// `file:line:column`, and the line with a caret under the span.
fn point_at(shown: &str, text: &str, span: std::ops::Range<usize>) -> (String, String) {
    let start = span.start.min(text.len());
    let before = &text[..start];
    let number = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let column = text[line_start..start].chars().count();
    let width = text[start..span.end.clamp(start, line_start + line.len().max(start - line_start))].chars().count();
    // Of a long line, what stands around the place.
    let left_out = column.saturating_sub(MAX_SHOWN / 2);
    let line: String = line.chars().skip(left_out).take(MAX_SHOWN).collect();
    let (line, indent) = (one_line(&line), column - left_out);
    let gutter = " ".repeat(number.to_string().len());
    let caret = "^".repeat(width.clamp(1, (MAX_SHOWN - indent).max(1)));
    let excerpt = format!("\n{number} | {line}\n{gutter} | {}{caret}", " ".repeat(indent));
    (format!("{shown}:{number}:{}", column + 1), excerpt)
}
