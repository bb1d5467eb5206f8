//! Rows in JSON, of whatever form, to JSON Lines, which is read as a file of new rows is.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use axum::http::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::experiment::SavedModel;
use crate::keyed::{self, KeysOnce};
use crate::web::ApiError;

/// The most bytes of a request's rows as JSON Lines.
const MAX_ROW_BYTES: usize = 128 << 20;
/// The most values of a request in JSON: each takes some 100 bytes until it is a number of a row.
const MAX_VALUES: usize = 4_000_000;

/// The JSON of a body. As Python writes it, it may have `NaN` for a missing number.
///
/// # Errors
/// 400 for anything else, such as a key that stands twice in an object; 413 for more than 4 million values.
pub(super) fn parsed(body: &[u8], what: &str) -> Result<Value, ApiError> {
    let body = checked(body)?;
    let found: Result<KeysOnce, _> = serde_json::from_slice(&with_long_numbers(&body));
    found.map(|KeysOnce(value)| value).map_err(|error| ApiError::bad_request(format!("{what}: {error}")))
}

/// As [`parsed`], of an object with these keys.
pub(super) fn parsed_as<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, ApiError> {
    keyed::from_json(&checked(body)?).map_err(|error| ApiError::bad_request(format!("{what}: {error}")))
}

/// JSON of a bearable size, without `NaN`.
fn checked(body: &[u8]) -> Result<Cow<'_, [u8]>, ApiError> {
    // A value follows each of these, or stands in one: what is inside of texts is counted, too, and does no harm.
    let num_values = body.iter().filter(|byte| matches!(byte, b',' | b'[' | b'{')).count();
    if num_values > MAX_VALUES {
        let message = format!("the body has more than {MAX_VALUES} values: send fewer rows at a time");
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    Ok(without_nan(body))
}

/// Digits of the shortest whole number that JSON's parser would round.
const LONG: usize = 19;

/// The same with whole numbers of more than 64 bits as texts, such as ids: their digits stay what they are.
fn with_long_numbers(body: &[u8]) -> Cow<'_, [u8]> {
    if !body.split(|byte| !byte.is_ascii_digit()).any(|digits| digits.len() >= LONG) {
        return Cow::Borrowed(body);
    }
    let is_of_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
    Cow::Owned(replaced(body, |rest| {
        let length = rest.iter().position(|byte| !is_of_number(byte)).unwrap_or(rest.len());
        let text = std::str::from_utf8(&rest[..length]).ok().filter(|text| !text.is_empty())?;
        let digits = text.strip_prefix('-').unwrap_or(text);
        let is_whole =
            digits.len() >= LONG && !digits.starts_with('0') && digits.bytes().all(|byte| byte.is_ascii_digit());
        let is_long = is_whole && text.parse::<i64>().is_err() && text.parse::<u64>().is_err();
        Some((length, if is_long { format!("\"{text}\"") } else { text.to_owned() }))
    }))
}

/// The same with `null` in place of each `NaN` that is not in a text.
fn without_nan(body: &[u8]) -> Cow<'_, [u8]> {
    if !body.windows(3).any(|part| part == b"NaN") {
        return Cow::Borrowed(body);
    }
    Cow::Owned(replaced(body, |rest| rest.starts_with(b"NaN").then(|| (3, "null".to_owned()))))
}

/// The same with what `replace` gives for the bytes that follow, outside of texts: of how many it is in place, and what.
fn replaced(body: &[u8], replace: impl Fn(&[u8]) -> Option<(usize, String)>) -> Vec<u8> {
    let mut clean = Vec::with_capacity(body.len() + body.len() / 8);
    let (mut rest, mut in_text) = (body, false);
    while let [byte, after @ ..] = rest {
        let taken = match byte {
            b'"' => {
                in_text = !in_text;
                1
            }
            b'\\' if in_text && !after.is_empty() => 2,
            _ if in_text => 1,
            _ => match replace(rest) {
                Some((length, text)) => {
                    clean.extend_from_slice(text.as_bytes());
                    rest = &rest[length..];
                    continue;
                }
                None => 1,
            },
        };
        clean.extend_from_slice(&rest[..taken]);
        rest = &rest[taken..];
    }
    clean
}

/// Rows that can be given to a model.
pub(super) type Bytes = Arc<[u8]>;

/// The columns that a model takes, in the order of its inputs.
pub(super) fn columns(model: &SavedModel) -> Vec<&str> {
    model.preprocessor.source_columns()
}

/// Rows as they are written, a line each.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    /// Adds a row: what of `record` is for columns in `known`, or for whatever there is.
    fn record(&mut self, record: &Map<String, Value>, is_known: impl Fn(&str) -> bool) -> Result<(), ApiError> {
        let cells = record.iter().filter(|(key, _)| is_known(key));
        self.row(cells.map(|(key, cell)| (quoted(key), cell)))
    }

    /// Adds a row of cells, each with the JSON of its name.
    fn row<'c>(&mut self, cells: impl Iterator<Item = (impl AsRef<str>, &'c Value)>) -> Result<(), ApiError> {
        let Self(bytes) = self;
        bytes.push(b'{');
        for (i, (name, cell)) in cells.enumerate() {
            bytes.extend_from_slice(if i == 0 { b"" } else { b"," });
            bytes.extend_from_slice(name.as_ref().as_bytes());
            bytes.push(b':');
            serde_json::to_writer(&mut *bytes, cell).map_err(ApiError::internal)?;
        }
        // Names that a request has once stand in every row.
        if bytes.len() > MAX_ROW_BYTES {
            let message =
                format!("the rows, each with the names of its columns, have more than {} MiB", MAX_ROW_BYTES >> 20);
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message));
        }
        bytes.extend_from_slice(b"}\n");
        Ok(())
    }

    fn end(self) -> Result<Bytes, ApiError> {
        match self.0.is_empty() {
            true => Err(ApiError::bad_request("there are no rows")),
            false => Ok(self.0.into()),
        }
    }
}

/// A name in JSON.
fn quoted(name: &str) -> String {
    Value::from(name).to_string()
}

/// A row per object, with a value per column; other keys than the model's columns are left out, whatever they hold.
///
/// # Errors
/// 400 for none, for one that is no object, or for one without a value for each column: its name may be misspelt in this row alone.
pub(super) fn of_records(columns: &[&str], records: &[Value]) -> Result<Bytes, ApiError> {
    let names: Vec<&str> = columns.iter().map(|name| name.trim()).collect();
    let columns: HashSet<&str> = names.iter().copied().collect();
    let is_known = |key: &str| columns.contains(key.trim());
    // Of rows with none of them the reader tells what is missing.
    let has_none = !records.iter().filter_map(Value::as_object).flat_map(Map::keys).any(|key| is_known(key));
    let mut lines = Lines::default();
    for (i, record) in records.iter().enumerate() {
        let record = record.as_object().filter(|record| !record.is_empty()).ok_or_else(|| {
            let what = if record.is_object() { "an empty object" } else { kind(record) };
            ApiError::bad_request(format!("row {i} is {what}, not an object with a value per column"))
        })?;
        let lacks = |name: &&&str| !record.contains_key(**name) && !record.keys().any(|key| key.trim() == **name);
        if let Some(name) = names.iter().find(lacks).filter(|_| !has_none) {
            let message = format!("row {i} lacks the column `{name}`, whose value is null where it is missing");
            return Err(ApiError::bad_request(message));
        }
        lines.record(record, |key| has_none || is_known(key))?;
    }
    lines.end()
}

/// Rows as lists of cells, under these names.
///
/// # Errors
/// 400 for none, for one that is no list, or one of another length.
pub(super) fn of_lists<S: AsRef<str>>(names: &[S], rows: &[Value]) -> Result<Bytes, ApiError> {
    of_cells(
        names,
        rows.iter().map(|row| match row {
            Value::Array(cells) => flat(cells),
            // One column alone.
            cell => vec![cell],
        }),
    )
}

/// Rows of cells, under these names.
///
/// # Errors
/// 400 for none, or for one of another length.
pub(super) fn of_cells<'v, S: AsRef<str>>(
    names: &[S],
    rows: impl Iterator<Item = Vec<&'v Value>>,
) -> Result<Bytes, ApiError> {
    let keys: Vec<String> = names.iter().map(|name| quoted(name.as_ref())).collect();
    let mut lines = Lines::default();
    for (i, cells) in rows.enumerate() {
        if cells.len() != keys.len() {
            let message = format!("row {i} has {} values for {} columns", cells.len(), keys.len());
            return Err(ApiError::bad_request(message));
        }
        lines.row(keys.iter().zip(cells))?;
    }
    lines.end()
}

/// A list of values per column.
///
/// # Errors
/// 400 for columns of different lengths, or none; for a row of several values.
pub(super) fn of_columns(columns: &Map<String, Value>) -> Result<Bytes, ApiError> {
    let lists = columns.iter().map(|(name, values)| match values {
        Value::Array(values) => match values.iter().position(|value| num_values(value) != 1) {
            None => Ok((name, flat(values))),
            Some(row) => {
                let message = format!("row {row} of column `{name}` is a list of {} values", num_values(&values[row]));
                Err(ApiError::bad_request(message))
            }
        },
        value => Err(ApiError::bad_request(format!("column `{name}` is {}, not a list of values", kind(value)))),
    });
    let (names, lists): (Vec<&String>, Vec<Vec<&Value>>) = lists.collect::<Result<Vec<_>, _>>()?.into_iter().unzip();
    let num_rows = lists.first().map_or(0, Vec::len);
    if let Some((name, values)) = names.iter().zip(&lists).find(|(_, values)| values.len() != num_rows) {
        let message = format!("column `{name}` has {} values, and `{}` has {num_rows}", values.len(), names[0]);
        return Err(ApiError::bad_request(message));
    }
    of_cells(&names, (0..num_rows).map(|row| lists.iter().map(|values| values[row]).collect()))
}

/// The values in lists of lists, as of an image.
fn flat(values: &[Value]) -> Vec<&Value> {
    let mut all = Vec::with_capacity(values.len());
    // Lists are no deeper than the parser allows.
    for value in values {
        match value {
            Value::Array(inner) => all.extend(flat(inner)),
            cell => all.push(cell),
        }
    }
    all
}

/// How many values there are in lists of lists; 1 of what is no list.
fn num_values(value: &Value) -> usize {
    value.as_array().map_or(1, |values| flat(values).len())
}

pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a Boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(bytes: Result<Bytes, ApiError>) -> String {
        bytes.map_or_else(|error| error.message, |bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn every_form_gives_the_same_rows() {
        let expected = "{\"a\":1,\"b\":\"x\"}\n{\"a\":2.5,\"b\":null}\n";
        let list = |value: Value| value.as_array().unwrap().clone();
        let records = list(json!([{"a": 1, "b": "x"}, {"a": 2.5, "b": null, "c": {"d": 1}, "": 7}]));
        assert_eq!(text(of_records(&["a", "b"], &records)), expected);
        // The reader tells which columns are not there.
        assert_eq!(text(of_records(&["a"], &list(json!([{"b": 1}])))), "{\"b\":1}\n");
        assert_eq!(text(of_lists(&["a", "b"], &list(json!([[1, "x"], [2.5, null]])))), expected);
        let columns = json!({"a": [1, 2.5], "b": ["x", null]});
        assert_eq!(text(of_columns(columns.as_object().unwrap())), expected);
        assert_eq!(text(of_lists(&["a", "b"], &list(json!([[[1], ["x"]], [2.5, [[null]]]])))), expected, "images");
        assert_eq!(text(of_lists(&["a"], &list(json!([1, 2])))), "{\"a\":1}\n{\"a\":2}\n");
    }

    #[test]
    fn python_s_nan_is_a_missing_cell_and_stays_in_texts() {
        let parse = |body: &str| parsed(body.as_bytes(), "no JSON").map_err(|error| error.message);
        assert_eq!(parse(r#"[NaN, {"NaN": NaN}, "a NaN", "\"NaN", "\\", NaN]"#).unwrap(), {
            json!([null, {"NaN": null}, "a NaN", "\"NaN", "\\", null])
        });
        for body in ["NaN1", "[Na]", "[-NaN]", "[Infinity]", "[\"NaN]", "[NaN\\"] {
            assert!(parse(body).unwrap_err().starts_with("no JSON: "), "{body}");
        }
    }

    #[test]
    fn whole_numbers_of_any_length_keep_their_digits() {
        let parse = |body: &str| parsed(body.as_bytes(), "no JSON").map_err(|error| error.message);
        let body = r#"[{"id": 123456789012345678901, "a": -123456789012345678901}, [18446744073709551615, -9223372036854775808,
                       18446744073709551616], "\"18446744073709551616", 1234567890123456789.5, 1.5e20]"#;
        let expected = json!([
            {"id": "123456789012345678901", "a": "-123456789012345678901"},
            [18446744073709551615u64, -9223372036854775808i64, "18446744073709551616"],
            "\"18446744073709551616",
            1234567890123456789.5,
            1.5e20
        ]);
        assert_eq!(parse(body).unwrap(), expected);
        assert!(parse("[018446744073709551616]").is_err());
    }

    #[test]
    fn rows_that_are_none_are_refused() {
        for (rows, told) in [
            (json!([]), "there are no rows"),
            (json!([[1]]), "row 0 has 1 values for 2 columns"),
            (json!([[1, 2], [1, 2, 3]]), "row 1 has 3 values"),
        ] {
            assert!(text(of_lists(&["a", "b"], rows.as_array().unwrap())).contains(told));
        }
        assert!(text(of_records(&["a"], &[json!({})])).contains("row 0 is an empty object, not"));
        // In one of the rows the name is misspelt.
        let rows = [json!({"a": 1, " b": 2}), json!({"a": 1, "B": 2})];
        assert!(text(of_records(&["a", "b"], &rows)).contains("row 1 lacks the column `b`, whose value is null where"));
        assert!(
            text(of_records(&["a", "b"], &[json!({"c": 1}), rows[0].clone()])).contains("row 0 lacks the column `a`")
        );
        let columns = json!({"a": [1], "b": [1, 2]});
        assert!(text(of_columns(columns.as_object().unwrap())).contains("`b` has 2 values, and `a` has 1"));
        let columns = json!({"a": [[1, 2]], "b": [3, 4]});
        assert!(text(of_columns(columns.as_object().unwrap())).contains("row 0 of column `a` is a list of 2 values"));
        assert!(text(of_columns(json!({"a": 1}).as_object().unwrap())).contains("`a` is a number"));
    }
}
