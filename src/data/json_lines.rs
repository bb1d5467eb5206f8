//! Reads JSON Lines: an object a line, whose keys are the columns.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::io::{BufRead, BufReader, Read};

use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::DataConfig;
use super::cell_parser::CellParser;
use super::origin::{Opened, Origin};
use super::table::{
    About, Cell, CellTexts, MAX_RECORD_BYTES, Reader, RowVisitor, Table, content, is_invisible, shorten,
};
use crate::invalid::Invalid;

/// How much of a file is looked at for its keys.
const NUM_BYTES_SEEN: usize = 16 << 20;

/// What a file of one object needs, whose only key holds the rows.
const ONE_KEY: &str = "if the rows are inside of it, write each as an object on a line of its own (JSON Lines)";

/// Reads the rows of a file.
struct JsonLines<'a> {
    origin: &'a Origin,
    /// The column of each key.
    columns: HashMap<String, usize>,
    cells: CellParser,
}

/// The table in a file: its first rows are read now for their keys, which are the columns in the order of their first
/// appearance, and all rows on demand. A key that a row lacks is a missing cell.
///
/// # Errors
/// A file that cannot be read, or whose first rows are not JSON.
pub(super) fn open<'a>(
    origin: &'a Origin,
    _: Opened,
    config: &DataConfig,
    _: Option<&str>,
) -> Result<Table<'a>, Invalid> {
    let (mut names, mut known, mut columns) = (Vec::new(), HashSet::new(), HashMap::new());
    let mut lines = Lines::new(origin)?;
    let mut num_seen = 0;
    while num_seen < NUM_BYTES_SEEN && lines.next()? {
        num_seen += lines.bytes.len();
        for (key, _) in lines.object()?.0 {
            let name = key.trim_matches(is_invisible).to_owned();
            if !columns.contains_key(&*key) {
                if !known.insert(name.clone()) {
                    let message = format!("two keys are `{name}` but for blanks: rename one");
                    return Err(origin.error_at(lines.number, &message));
                }
                columns.insert(key.into_owned(), names.len());
                names.push(name);
            }
        }
    }
    if names.is_empty() {
        return Err(origin.error("has no row with a key"));
    }
    let unnamed: Vec<usize> = (0..names.len()).filter(|&i| names[i].is_empty()).collect();
    let notes = unnamed.iter().map(|_| "dropped the key without a name".to_owned()).collect();
    let way_out = (names.len() == 1).then(|| ONE_KEY.to_owned());
    let about = About { unnamed, notes, way_out, ..About::default() };
    let cells = CellParser::new(config);
    Ok(Table::new(origin, names, about, Box::new(JsonLines { origin, columns, cells })))
}

impl Reader for JsonLines<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        let mut lines = Lines::new(self.origin)?;
        let mut num_rows = 0;
        let mut cells = Vec::with_capacity(columns.len());
        while lines.next()? {
            let mut row = Values(vec![None; self.columns.len()]);
            for (key, value) in lines.object()?.0 {
                let Some(&column) = self.columns.get(&*key) else {
                    let message = format!(
                        "the key `{}` is new here, {} MiB after the first row: give the first row this key, too, be it null",
                        shorten(&key),
                        NUM_BYTES_SEEN >> 20
                    );
                    return Err(self.origin.error_at(lines.number, &message));
                };
                if row.0[column].replace(value).is_some() {
                    let message = format!("the key `{}` stands here twice: keep one", shorten(&key));
                    return Err(self.origin.error_at(lines.number, &message));
                }
            }
            cells.clear();
            for &column in columns {
                cells.push(self.cell(&row, column, lines.number)?);
            }
            num_rows += 1;
            if visit(lines.number, &cells, &row).is_break() {
                break;
            }
        }
        Ok(num_rows)
    }
}

impl JsonLines<'_> {
    fn cell(&self, row: &Values<'_>, column: usize, line: u64) -> Result<Cell, Invalid> {
        let Some(value) = row.0[column] else { return Ok(Cell::Missing) };
        Ok(match value.get().as_bytes()[0] {
            b'n' => Cell::Missing,
            start @ (b'{' | b'[') => {
                let key = self.columns.iter().find(|(_, other)| **other == column).map_or("", |(key, _)| key);
                let what = if start == b'{' { "an object" } else { "a list" };
                let message = format!(
                    "the key `{}` holds {what}, and a cell is a number, a text or null: write its parts as keys of their own, or \
                     add it to data.drop",
                    shorten(key)
                );
                return Err(self.origin.error_at(line, &message));
            }
            b'"' => self.cells.read(content(&row.bytes(column))),
            _ => self.cells.read_plain(value.get().as_bytes()),
        })
    }
}

/// The values of a line by column.
struct Values<'l>(Vec<Option<&'l RawValue>>);

impl CellTexts for Values<'_> {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        let Some(value) = self.0[column] else { return Cow::Borrowed(b"") };
        let raw = value.get();
        match raw.as_bytes()[0] {
            b'"' if !raw.contains('\\') => Cow::Borrowed(&raw.as_bytes()[1..raw.len() - 1]),
            // A lone surrogate is no text.
            b'"' => Cow::Owned(serde_json::from_str::<String>(raw).unwrap_or_else(|_| raw.to_owned()).into_bytes()),
            b'n' => Cow::Borrowed(b""),
            _ => Cow::Borrowed(raw.as_bytes()),
        }
    }

    fn is_number(&self, column: usize) -> bool {
        self.0[column].is_some_and(|value| matches!(value.get().as_bytes()[0], b'-' | b'0'..=b'9'))
    }
}

/// The lines of a file that are not blank.
struct Lines<'a> {
    origin: &'a Origin,
    reader: BufReader<Box<dyn Read>>,
    bytes: Vec<u8>,
    /// From 1.
    number: u64,
}

impl<'a> Lines<'a> {
    fn new(origin: &'a Origin) -> Result<Self, Invalid> {
        Ok(Self { origin, reader: origin.open()?.reader, bytes: Vec::new(), number: 0 })
    }

    /// Reads the next line; `false` at the end.
    fn next(&mut self) -> Result<bool, Invalid> {
        loop {
            self.bytes.clear();
            // One byte more than allowed tells an endless line from one that fits.
            let mut bounded = (&mut self.reader).take(MAX_RECORD_BYTES as u64 + 1);
            let read = bounded.read_until(b'\n', &mut self.bytes).map_err(|error| self.origin.unreadable(&error))?;
            self.number += 1;
            if read > MAX_RECORD_BYTES {
                return Err(self.origin.error_at(self.number, "a row of more than 16 MiB: is it an object a line?"));
            }
            if self.number == 1 && self.bytes.starts_with(b"\xef\xbb\xbf") {
                self.bytes.drain(..3);
            }
            if read == 0 || !self.bytes.trim_ascii().is_empty() {
                return Ok(read > 0);
            }
        }
    }

    fn object(&self) -> Result<Object<'_>, Invalid> {
        let line = self.bytes.trim_ascii();
        serde_json::from_slice(line).map_err(|error| {
            let text = String::from_utf8_lossy(line);
            let has = |word: &str| text.contains(word);
            let way_out = if std::str::from_utf8(line).is_err() {
                "write the file in UTF-8"
            } else if [": NaN", ":NaN", "Infinity"].into_iter().any(has) {
                "NaN and Infinity are no JSON: write null"
            } else if line.starts_with(b"[") || line.ends_with(b"{") || line.ends_with(b",") {
                "write each row on a line of its own, as pandas' to_json('out.jsonl', orient='records', lines=True)"
            } else {
                "correct the line"
            };
            let why = error.to_string();
            let why = why.split(" at line ").next().unwrap_or_default();
            self.origin
                .error_at(self.number, &format!("not a JSON object: {why} (column {}): {way_out}", error.column()))
        })
    }
}

/// The keys and values of an object, in its order.
struct Object<'l>(Vec<(Cow<'l, str>, &'l RawValue)>);

impl<'de: 'l, 'l> Deserialize<'de> for Object<'l> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Key<'l>(#[serde(borrow)] Cow<'l, str>);

        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some((Key(key), value)) = map.next_entry::<Key<'de>, &'de RawValue>()? {
                    if pairs.len() >= MAX_KEYS {
                        return Err(de::Error::custom(format!("more than {MAX_KEYS} keys")));
                    }
                    pairs.push((key, value));
                }
                Ok(pairs)
            }
        }
        deserializer.deserialize_map(Pairs).map(Object)
    }
}

/// Keys of a row. A CSV file has no more columns in its 16 MiB either.
const MAX_KEYS: usize = 1 << 20;
