//! Config errors with their location: file, line, column, and the line with a caret below.

use serde::Deserialize;
use toml::de::{DeTable, DeValue};

use super::taken::{self, Given};
use crate::invalid::{nearest, one_line};
use crate::model::ModelConfig;

/// Maximum number of characters of a line shown in an error.
const MAX_SHOWN: usize = 200;

/// An error in a config: where, and why.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{place}: {message}{excerpt}")]
pub struct ConfigError {
    /// `configs/digits.toml:12:1`, or the `--set` argument.
    pub place: String,
    /// What is wrong, and what to do.
    pub message: String,
    /// The line with a caret below, or empty.
    pub excerpt: String,
}

/// A TOML error with file, line, column and the line itself.
pub(super) fn toml_error(error: &toml::de::Error, shown: &str, text: &str) -> ConfigError {
    let span = in_model(error, text).or(error.span());
    let mut message = readable(error.message());
    if let Some(key) = span.as_ref().and_then(|span| taken::key_at(text, span)) {
        message = taken::told(message, &key, Given::InFile);
    }
    let (place, excerpt) = span.map_or((shown.to_owned(), String::new()), |span| point_at(shown, text, span));
    // In TOML, `training.learning_rate = ...` in [sweep.space] is a nested table.
    if message.contains("expected one of `length`, `values`") {
        let line =
            excerpt.lines().nth(1).and_then(|line| line.split(" | ").nth(1)?.split('=').next()).unwrap_or_default();
        if line.contains('.') && !line.contains(['"', '\'']) {
            message = format!("a key with dots is written in quotes here: \"{}\"", line.trim());
        }
    }
    if message.starts_with("unexpected key or value") && has_decimal_comma(&excerpt) {
        message.push_str("; TOML writes decimals with a point: 0.01, not 0,01");
    }
    if is_of_escape(&message) {
        message.push_str(NO_ESCAPES);
    }
    ConfigError { place, message, excerpt }
}

/// What to do about a path of Windows in double quotes.
pub(super) const NO_ESCAPES: &str =
    "; a backslash begins an escape in \"...\": write / in a path, or the text in '...'";

/// Whether a message is about what follows a backslash.
pub(super) fn is_of_escape(message: &str) -> bool {
    ["escaped value", "unicode value digits", "unicode hexadecimal value"].iter().any(|part| message.contains(part))
}

/// Whether the line of an excerpt sets a number like `0,01`.
fn has_decimal_comma(excerpt: &str) -> bool {
    let value = excerpt.lines().nth(1).and_then(|line| line.split_once('=')).map(|(_, value)| value.trim());
    let halves = value.and_then(|value| value.split_whitespace().next()?.split_once(','));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    halves.is_some_and(|(whole, rest)| is_digits(whole.trim_start_matches(['-', '+'])) && is_digits(rest))
}

/// The location of an error within `[model]`: the kind decides how the section is parsed, so serde buffers it and loses
/// the spans of its keys. The key that fails to parse by itself is the culprit.
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

/// serde's message in terms that users know, with a suggestion for a misspelled key.
pub(super) fn readable(message: &str) -> String {
    let mut message = one_line(message.trim());
    for (serdes, ours) in [
        ("unknown field", "unknown key"),
        ("missing field", "missing key"),
        ("unknown variant", "unknown value"),
        ("expected usize", "expected a whole number of 0 or more"),
        ("expected u64", "expected a whole number of 0 or more"),
        ("expected u32", "expected a whole number of 0 or more"),
        ("expected u16", "expected a whole number from 0 to 65535"),
        ("expected u8", "expected a whole number from 0 to 255"),
        ("expected f64", "expected a number"),
        ("expected f32", "expected a number"),
        ("expected a boolean", "expected true or false"),
        ("expected a sequence", "expected a list"),
        ("invalid type: sequence", "invalid type: list"),
        ("expected a map", "expected a table of keys"),
        ("u64 value was too large", "the number is too large for TOML"),
        ("cannot recurse further; max recursion depth met", "it is nested too deeply"),
        ("recursion limit", "it is nested too deeply"),
    ] {
        message = message.replace(serdes, ours);
    }
    let mut quoted = message.split('`').skip(1).step_by(2);
    let guess = match quoted.next() {
        Some(found) if message.contains("expected one of") => {
            other_name(found, quoted.clone()).or_else(|| nearest(found, quoted))
        }
        _ => None,
    };
    match guess {
        Some(known) => format!("{message}; did you mean `{known}`?"),
        None => message,
    }
}

/// What other programs call the keys of a section, and what they are here.
const OTHER_NAMES: [(&str, &str); 9] = [
    ("patience", "early_stopping.patience"),
    ("epochs", "max_epochs"),
    ("num_epochs", "max_epochs"),
    ("n_epochs", "max_epochs"),
    ("lr", "learning_rate"),
    ("layers", "hidden"),
    ("hidden_layers", "hidden"),
    ("hidden_sizes", "hidden"),
    ("test_size", "test_fraction"),
];

/// The key of the section with these keys that another program calls `name`.
fn other_name<'a>(name: &str, mut keys: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    let (_, key) = OTHER_NAMES.iter().find(|(other, _)| *other == name)?;
    let first = key.split('.').next()?;
    keys.any(|known| known == first).then_some(*key)
}

/// The location of a dotted key in the text, or of its innermost section that exists.
pub(super) fn find_key(text: &str, key: &str) -> Option<std::ops::Range<usize>> {
    let document = DeTable::parse(text).ok()?;
    let mut table = document.get_ref();
    let mut found = None;
    let mut rest = key;
    while !rest.is_empty() {
        // A quoted key may contain dots: try the whole remainder first.
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

/// `file:line:column`, and the line with a caret under the span.
pub(super) fn point_at(shown: &str, text: &str, span: std::ops::Range<usize>) -> (String, String) {
    let start = span.start.min(text.len());
    let before = &text[..start];
    let number = before.matches('\n').count() + 1;
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[line_start..].lines().next().unwrap_or_default();
    let column = text[line_start..start].chars().count();
    let width = text[start..span.end.clamp(start, line_start + line.len().max(start - line_start))].chars().count();
    // Only the part of a long line around the location.
    let left_out = column.saturating_sub(MAX_SHOWN / 2);
    let line: String = line.chars().skip(left_out).take(MAX_SHOWN).collect();
    let (line, indent) = (one_line(&line), column - left_out);
    let gutter = " ".repeat(number.to_string().len());
    let caret = "^".repeat(width.clamp(1, (MAX_SHOWN - indent).max(1)));
    let excerpt = format!("\n{number} | {line}\n{gutter} | {}{caret}", " ".repeat(indent));
    (format!("{shown}:{number}:{}", column + 1), excerpt)
}
