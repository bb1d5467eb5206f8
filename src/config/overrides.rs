//! `--set KEY=VALUE`: values that replace those of the file.

use serde::Deserialize;

use super::check::{ConfigError, readable};
use super::schema::Config;
use crate::invalid::one_line;

/// Maximum number of parts of a dotted key.
const MAX_PARTS: usize = 16;

/// `table` with `overrides` applied one by one, so that an error names the right one, and the resulting config; `None`
/// if there are none.
pub(super) fn apply(
    mut table: toml::Table,
    overrides: &[String],
) -> Result<(toml::Table, Option<Config>), ConfigError> {
    let mut config = None;
    for set in overrides {
        let place = || one_line(&format!("--set {set}"));
        let fail = |message: String| ConfigError { place: place(), message, excerpt: String::new() };
        let (key, value) = set.split_once('=').ok_or_else(|| fail("write it as key=value".into()))?;
        // A word that is not a TOML value is taken as a string: --set data.source=iris
        let value = toml::from_str::<toml::Table>(&format!("v = {value}"))
            .ok()
            .and_then(|mut table| table.remove("v"))
            .unwrap_or_else(|| toml::Value::String(value.into()));
        let mut at = &mut table;
        let parts: Vec<&str> = key.trim().split('.').collect();
        // Nested tables are parsed and dropped recursively, so the depth must be limited.
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
