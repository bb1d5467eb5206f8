//! A config and the file that it came from: loading, overriding, checking, and varying it for a sweep.

use std::collections::BTreeMap;
use std::path::Path;

use super::check::{ConfigError, find_key, point_at, toml_error};
use super::overrides::apply;
use super::schema::Config;
use crate::bounded;
use crate::invalid::{Invalid, one_line};

/// A config with 100,000 column names has 2 MB; a much larger file is not a config.
const MAX_BYTES: u64 = 8 << 20;

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
    /// A file that cannot be read, is not TOML, or has an unknown key, a wrong type or a value out of range; the same
    /// in an override.
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

    /// Like [`LoadedConfig::load`], from the text of a file called `shown`.
    ///
    /// # Errors
    /// As [`LoadedConfig::load`], except for reading the file.
    pub fn parse(text: &str, shown: &str, default_name: &str, overrides: &[String]) -> Result<Self, ConfigError> {
        let mut config: Config = toml::from_str(text).map_err(|error| toml_error(&error, shown, text))?;
        // Parsed again without types, which accept integers that TOML does not.
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

    /// Self-contained TOML of this config: as the user wrote it, without defaults, which depend on keys that a sweep
    /// may vary; with `--set`, the name and the seeds filled in, and the paths of data and `init_from` from `found`.
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

    /// This config with other values for some keys, as a single run without a sweep.
    ///
    /// # Errors
    /// As [`LoadedConfig::load`].
    pub fn varied(&self, params: &BTreeMap<String, serde_json::Value>) -> Result<Config, ConfigError> {
        self.varied_by(params, &[])
    }

    /// Like [`LoadedConfig::varied`], with `overrides` applied afterwards.
    ///
    /// # Errors
    /// As [`LoadedConfig::load`].
    pub fn varied_by(
        &self,
        params: &BTreeMap<String, serde_json::Value>,
        overrides: &[String],
    ) -> Result<Config, ConfigError> {
        // JSON's numbers, strings, booleans and lists are also valid TOML, except for the one control character that
        // JSON does not escape.
        let params =
            params.iter().map(|(key, value)| format!("{key}={}", value.to_string().replace('\u{7f}', "\\u007f")));
        let overrides: Vec<String> =
            self.overrides.iter().cloned().chain(params).chain(overrides.iter().cloned()).collect();
        let loaded = Self::parse(&self.text, &self.path, &self.config.name, &overrides)?;
        Ok(Config { seeds: 1, sweep: None, name: self.config.name.clone(), ..loaded.config })
    }

    /// Adds the location of the key in `invalid`: its `--set`, its line in the file, or the file.
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
