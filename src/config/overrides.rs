//! `--set KEY=VALUE`: values that replace those of the file.

use serde::Deserialize;

use super::check::{ConfigError, NO_ESCAPES, is_of_escape, readable};
use super::schema::Config;
use super::taken::{self, Given};
use crate::invalid::one_line;

/// Maximum number of parts of a dotted key.
const MAX_PARTS: usize = 16;

/// `table` with all `overrides`, and the resulting config; `None` if there are none.
///
/// Only together need they make sense, as `model.blocks=1 model.kind=tabular` does. If they make none, the error names
/// the one after the last at which they did.
pub(super) fn apply(
    mut table: toml::Table,
    overrides: &[String],
) -> Result<(toml::Table, Option<Config>), ConfigError> {
    let before = table.clone();
    overrides.iter().try_for_each(|set| insert(&mut table, set))?;
    match Config::deserialize(table.clone()) {
        Ok(config) => Ok((table, (!overrides.is_empty()).then_some(config))),
        Err(_) if overrides.is_empty() => Ok((table, None)),
        Err(_) => Err(blame(before, overrides)?),
    }
}

/// The error of the first override from which on no config results.
fn blame(before: toml::Table, overrides: &[String]) -> Result<ConfigError, ConfigError> {
    let mut table = before.clone();
    let mut found = None;
    for set in overrides {
        insert(&mut table, set)?;
        match Config::deserialize(table.clone()) {
            Ok(_) => found = None,
            Err(error) => {
                found = found.or_else(|| {
                    let key = set.split('=').next().unwrap_or_default().trim();
                    let message = taken::told(readable(error.message()), key, Given::BySet);
                    let meant = meant(&before, set).map(|meant| format!("; did you mean `{meant}`?"));
                    // serde's list of the keys of the top is no help to who forgot the section.
                    let message = match &meant {
                        Some(_) => message.split(", expected one of").next().unwrap_or_default().to_owned(),
                        None => message,
                    };
                    Some(fail(set, message + &meant.unwrap_or_default()))
                });
            }
        }
    }
    Ok(found.expect("all of them together make no config"))
}

/// The key with the section that is missing before it: `model.hidden` for `hidden=[8]`.
fn meant(before: &toml::Table, set: &str) -> Option<String> {
    let key = set.split('=').next()?.trim();
    let is_plain = Config::deserialize(before.clone()).is_ok() && !before.contains_key(key.split('.').next()?);
    let fits = |section: &&&str| {
        let mut table = before.clone();
        insert(&mut table, &format!("{section}.{set}")).is_ok() && Config::deserialize(table).is_ok()
    };
    let sections = ["model", "training", "data", "training.early_stopping"];
    let section = sections.iter().filter(|_| is_plain).find(fits)?;
    Some(format!("{section}.{key}"))
}

fn fail(set: &str, message: String) -> ConfigError {
    ConfigError { place: one_line(&format!("--set {set}")), message, excerpt: String::new() }
}

/// Puts the value of `KEY=VALUE` at its place.
fn insert(table: &mut toml::Table, set: &str) -> Result<(), ConfigError> {
    let (key, value) = set.split_once('=').ok_or_else(|| fail(set, "write it as key=value".into()))?;
    // A word that is not a TOML value is taken as a string: --set data.source=iris
    let value = match toml::from_str::<toml::Table>(&format!("v = {value}")) {
        Ok(mut table) => table.remove("v").unwrap_or_else(|| toml::Value::String(value.into())),
        // Quotes say that it is one.
        Err(error) if is_of_escape(error.message()) => return Err(fail(set, readable(error.message()) + NO_ESCAPES)),
        Err(_) => toml::Value::String(value.into()),
    };
    let mut at = table;
    let parts: Vec<&str> = key.trim().split('.').collect();
    // Nested tables are parsed and dropped recursively, so the depth must be limited.
    if parts.len() > MAX_PARTS {
        return Err(fail(set, format!("no key has more than {MAX_PARTS} parts")));
    }
    let (last, sections) = parts.split_last().expect("split gives one part at least");
    for section in sections {
        at = at
            .entry(*section)
            .or_insert_with(|| toml::Value::Table(toml::Table::new()))
            .as_table_mut()
            .ok_or_else(|| fail(set, format!("`{section}` is a value, not a section")))?;
    }
    at.insert((*last).to_owned(), value);
    Ok(())
}
