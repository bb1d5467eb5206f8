//! A config and the file that it came from: loading, overriding, checking, and varying it for a sweep.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::check::{ConfigError, find_key, point_at, toml_error};
use super::overrides::apply;
use super::schema::Config;
use super::source::{self, ConfigOrigin, ConfigText};
use crate::data::DataConfig;
use crate::invalid::{Invalid, one_line};
use crate::secrets::masked;
use crate::shell::command;
use crate::{permissions, shipped};

/// Values of a config, about: one may name 100,000 columns.
const MAX_VALUES: usize = 400_000;

/// A config and the text that it came from.
#[derive(Clone, Debug)]
pub struct LoadedConfig {
    pub config: Config,
    path: String,
    text: String,
    overrides: Vec<String>,
    origin: Option<ConfigOrigin>,
}

impl Config {
    /// The config in a text, as a file has it; what the sections `model` and `training` leave out is chosen by the data. Paths are
    /// relative to the current folder.
    ///
    /// # Errors
    /// As [`LoadedConfig::parse`].
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        Ok(LoadedConfig::parse(text, "the config", "run", &[])?.config)
    }
}

impl LoadedConfig {
    /// Reads `path`, or the built-in config of this name, and applies `overrides` (`training.learning_rate=0.01`, the value in TOML, or
    /// a plain word), in order.
    ///
    /// # Errors
    /// A file that does not exist, cannot be read, is not TOML, or has an unknown key, a wrong type or a value out of range; the same
    /// in an override.
    pub fn load(path: &Path, overrides: &[String]) -> Result<Self, ConfigError> {
        // Whoever calls a config like data may, and beside a folder there may be a config of its name.
        let is_config =
            |found: &ConfigText| Path::new(&found.shown) != path || toml::from_str::<toml::Table>(&found.text).is_ok();
        let found = match source::read(path) {
            found if source::is_data(path) && !found.as_ref().is_ok_and(is_config) => {
                return Err(source::no_config_but_data(path));
            }
            found => found?,
        };
        let ConfigText { text, shown, name, origin } = found;
        let loaded = Self::parse(&text, &shown, &name, overrides)?;
        let loaded = Self { origin: Some(origin), ..loaded };
        loaded.refuse_planted().map_err(|invalid| loaded.locate(invalid))?;
        Ok(loaded)
    }

    /// That the data which a built-in config names, and no override, are nothing that another user has left where others may write.
    fn refuse_planted(&self) -> Result<(), Invalid> {
        if !matches!(self.origin, Some(ConfigOrigin::BuiltIn(_))) {
            return Ok(());
        }
        let own = toml::from_str::<Config>(&self.text).map(|config| config.data).unwrap_or_default();
        for ((key, path), (_, own)) in data_paths(&self.config.data).into_iter().zip(data_paths(&own)) {
            if let Some(path) = path.as_ref().filter(|path| Some(*path) == own.as_ref())
                && let Some(owner) = permissions::left_by_another(path)
            {
                let path = path.display();
                let message = format!(
                    "{path} belongs to {owner}, in a folder where others may write, and stands in the way of the data of a built-in \
                     config: name it with --set {key}=./{path} if it is meant, or run burnlab in another folder"
                );
                return Err(Invalid::at(key, message));
            }
        }
        Ok(())
    }

    /// Like [`LoadedConfig::load`], from the text of a file called `shown`.
    ///
    /// # Errors
    /// As [`LoadedConfig::load`], except for reading the file.
    pub fn parse(text: &str, shown: &str, default_name: &str, overrides: &[String]) -> Result<Self, ConfigError> {
        // Each takes hundreds of bytes until it is a value of the config.
        if text.bytes().filter(|byte| matches!(byte, b',' | b'=')).count() > MAX_VALUES {
            return Err(ConfigError {
                place: shown.to_owned(),
                message: format!("it has more than {MAX_VALUES} values, and no config needs as many: leave some out"),
                excerpt: String::new(),
            });
        }
        let mut config: Config = toml::from_str(text).map_err(|error| toml_error(&error, shown, text))?;
        // Parsed again without types, which accept integers that TOML does not.
        let table: toml::Table = toml::from_str(text).map_err(|error| toml_error(&error, shown, text))?;
        let (table, changed) = apply(table, overrides)?;
        config = changed.unwrap_or(config);
        config.given = Some(table);
        if config.name.is_empty() {
            config.name = default_name.to_owned();
        }
        let loaded =
            Self { config, path: shown.into(), text: text.into(), overrides: overrides.to_vec(), origin: None };
        let checked = Invalid::unless(loaded.config.seeds >= 1, "seeds", || "seeds must be at least 1, found 0".into());
        let checked =
            checked.and_then(|()| loaded.config.model.validate()).and_then(|()| loaded.config.training.validate());
        checked.map_err(|invalid| loaded.locate(invalid))?;
        Ok(loaded)
    }

    /// This config with more overrides, after those that it has.
    ///
    /// # Errors
    /// As [`LoadedConfig::load`].
    pub fn with(&self, overrides: &[String]) -> Result<Self, ConfigError> {
        let overrides = [&self.overrides[..], overrides].concat();
        let loaded = Self::parse(&self.text, &self.path, &self.config.name, &overrides)?;
        Ok(Self { origin: self.origin.clone(), ..loaded })
    }

    /// How errors refer to it: the path of its file, or the name of a built-in config.
    pub fn shown(&self) -> &str {
        &self.path
    }

    /// Where the config was read from; `None` for one that was [parsed](LoadedConfig::parse).
    pub fn origin(&self) -> Option<&ConfigOrigin> {
        self.origin.as_ref()
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
        let keys = data_paths(&found.data).into_iter().map(|(key, _)| key).chain(["model.init_from"]);
        for (section, key) in keys.filter_map(|key| key.split_once('.')) {
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
        let message = message + &self.how_to_get(key.as_deref());
        // Many messages begin with the key themselves.
        let named = |key: &str| match message.strip_prefix(key).is_some_and(|rest| rest.starts_with([' ', ':'])) {
            true => one_line(&message),
            false => one_line(&format!("{key}: {message}")),
        };
        let Some(key) = key else {
            return ConfigError { place: self.path.clone(), message, excerpt: String::new() };
        };
        let by_override = self.overrides.iter().rev().find(|set| set.split('=').next().map(str::trim) == Some(&key));
        if let Some(set) = by_override {
            let place = one_line(&format!("--set {}", masked(set)));
            return ConfigError { place, message: one_line(&message), excerpt: String::new() };
        }
        match find_key(&self.text, &key) {
            Some(span) => {
                let (place, excerpt) = point_at(&self.path, &self.text, span);
                // A password in the address of data is what is wrong with it.
                ConfigError { place, message: named(&key), excerpt: masked(&excerpt) }
            }
            None => ConfigError { place: self.path.clone(), message: named(&key), excerpt: String::new() },
        }
    }
    /// What to do about the data of a built-in config that are not built in, if an error in `key` is about them.
    fn how_to_get(&self, key: Option<&str>) -> String {
        let is_missing = data_paths(&self.config.data).iter().any(|(name, path)| {
            key == Some(name) && path.as_ref().is_some_and(|path| !path.exists() && !shipped::stands_in_for(path))
        });
        match &self.origin {
            Some(ConfigOrigin::BuiltIn(name)) if is_missing => {
                let show = command(&["config", "show", name]);
                format!("; these data are not built in: `{show}` says where to get them")
            }
            _ => String::new(),
        }
    }
}

/// The keys of the section that name files, with what they name.
pub fn data_paths(data: &DataConfig) -> [(&'static str, &Option<PathBuf>); 4] {
    [
        ("data.path", &data.path),
        ("data.labels", &data.labels),
        ("data.test_path", &data.test_path),
        ("data.test_labels", &data.test_labels),
    ]
}
