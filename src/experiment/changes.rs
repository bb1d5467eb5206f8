//! What has been changed in a run's `config.toml` since the run began. `run.json` has the values that it was trained with; what is
//! read by others would be other cells, other weights of rows, or another network.

use std::collections::BTreeMap;

use serde_json::Value;

use super::run_folder::{CONFIG, RunFolder};
use crate::config::{Config, data_paths};

/// That the config of a run is the one that it was trained with, but for where its data are. `recorded` are the run's params.
///
/// # Errors
/// The first key that has been changed.
pub fn refuse_changes(folder: &RunFolder, config: &Config, recorded: &BTreeMap<String, Value>) -> anyhow::Result<()> {
    match first_change(config, recorded) {
        Some(key) => anyhow::bail!(
            "{}: `{key}` has been changed since the run began: change it back, or train a new run with this config",
            folder.file(CONFIG).display()
        ),
        None => Ok(()),
    }
}

/// The first key that is not as the run was trained. Where the data are may change: what they are is held against their fingerprint.
fn first_change(config: &Config, recorded: &BTreeMap<String, Value>) -> Option<String> {
    let params = config.params();
    let is_written = |key: &str| {
        let mut table = config.given.as_ref();
        let mut parts = key.split('.').peekable();
        while let Some(part) = parts.next() {
            match table.and_then(|table| table.get(part)) {
                Some(toml::Value::Table(inner)) if parts.peek().is_some() => table = Some(inner),
                found => return found.is_some() && parts.peek().is_none(),
            }
        }
        false
    };
    // A key that neither the file nor the record has is younger than the run, and has its default.
    let is_other = |(key, value): &(&String, &Value)| match recorded.get(*key) {
        Some(recorded) => recorded != *value,
        None => is_written(key),
    };
    let changed = params.iter().filter(is_other).map(|(key, _)| key);
    // One that older versions knew by this name is still in the file.
    let is_gone = |(key, value): &(&String, &Value)| {
        key.contains('.') && !value.is_null() && !params.contains_key(*key) && !is_written(key)
    };
    let gone = recorded.iter().filter(is_gone).map(|(key, _)| key);
    let places = data_paths(&config.data).map(|(key, _)| key);
    let is_place = |key: &str| places.contains(&key) || ["data.more_paths", "data.cache"].contains(&key);
    changed.chain(gone).find(|key| !is_place(key)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::LoadedConfig;

    fn config(text: &str) -> Config {
        LoadedConfig::parse(text, "config.toml", "config", &[]).unwrap().config
    }

    #[test]
    fn only_where_the_data_are_may_change() {
        let text = "name = \"n\"\n[data]\npath = \"a.csv\"\ntarget = \"y\"\nmissing = [\"?\"]\n[training]\nlabel_smoothing = 0.1\n";
        let recorded = config(text).params();
        let found = |text: &str| first_change(&config(text), &recorded);
        assert_eq!(found(text), None);
        assert_eq!(found(&text.replace("a.csv", "b/a.csv")), None);
        for (from, to, key) in [
            ("\"?\"", "\"1\"", "data.missing"),
            ("missing = [\"?\"]\n", "", "data.missing"),
            ("missing", "comment = \"#\"\nmissing", "data.comment"),
            ("0.1", "0.2", "training.label_smoothing"),
            ("label_smoothing = 0.1\n", "", "training.label_smoothing"),
            ("[training]", "[model]\nhidden = [3]\n[training]", "model.hidden"),
        ] {
            assert_eq!(found(&text.replace(from, to)).as_deref(), Some(key), "{from} {to}");
        }
    }

    /// The record of an older version, which did not have the key yet, or had another name for it.
    #[test]
    fn a_key_that_is_younger_than_the_run_is_no_change() {
        let text = "name = \"n\"\n[data]\npath = \"a.csv\"\ntarget = \"y\"\n";
        let mut recorded = config(text).params();
        recorded.remove("training.label_smoothing").unwrap();
        assert_eq!(first_change(&config(text), &recorded), None);
        let with_it = config(&format!("{text}[training]\nlabel_smoothing = 0.1\n"));
        assert_eq!(first_change(&with_it, &recorded).as_deref(), Some("training.label_smoothing"));
    }
}
