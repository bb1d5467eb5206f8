//! What a change of one key must name besides, so that nothing else changes with it.

use super::prepare::Prepared;
use super::recipe::complete;
use crate::config::{Config, LoadedConfig};

/// Settings beside `sets` with which all else stays as `prepared` has it. A network that is given, or a number of epochs, is not
/// completed with what was chosen for the one before: two runs would differ in more than `sets`. None where `sets` make no config.
pub fn kept(prepared: &Prepared, loaded: &LoadedConfig, sets: &[String]) -> Vec<String> {
    let task = prepared.decoder.task;
    let params = |config: Config| {
        let training = config.training.clone().fitting(prepared.splits.train.len());
        Config { training, ..config }.resolved_for(task).params()
    };
    let whole = prepared.config.to_toml();
    let Ok(wanted) = LoadedConfig::parse(&whole, loaded.shown(), &prepared.config.name, sets) else {
        return Vec::new();
    };
    let wanted = params(wanted.config);
    let is_chosen = |key: &str| key.starts_with("model.") || key.starts_with("training.") || key == "data.bins";
    let lost = |kept: &[String]| -> Option<Vec<String>> {
        let found = loaded.with(&[kept, sets].concat()).ok()?;
        let found = params(complete(&found.config, &prepared.dataset, &prepared.splits));
        let differs = |(key, value): &(&String, &serde_json::Value)| is_chosen(key) && found.get(*key) != Some(*value);
        Some(wanted.iter().filter(differs).map(|(key, value)| format!("{key}={value}")).collect())
    };
    let mut kept: Vec<String> = Vec::new();
    // What is set may leave less open than before.
    for _ in 0..4 {
        match lost(&kept) {
            Some(lost) if !lost.is_empty() => kept.extend(lost),
            _ => break,
        }
    }
    // Some are what another one brings, as the keys of a schedule that have a default.
    let mut at = 0;
    while at < kept.len() {
        let without = [&kept[..at], &kept[at + 1..]].concat();
        match lost(&without).is_some_and(|lost| lost.is_empty()) {
            true => kept = without,
            false => at += 1,
        }
    }
    kept
}
