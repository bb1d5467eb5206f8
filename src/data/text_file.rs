//! Reads a text.

use std::io::Read;
use std::path::Path;

use super::limits::{MAX_CHARACTERS, MAX_TEXT};
use super::origin::Origin;
use super::text::distinct;
use super::{Dataset, Matrix, Readings, Target, Text};
use crate::figures::counted;
use crate::invalid::Invalid;

/// Reads the text in the file `path`, which the config key `key` names.
///
/// # Errors
/// A file that cannot be read, is not UTF-8, or contains nothing to learn.
pub fn of_file(path: &Path, key: &'static str, context: usize) -> Result<Dataset, Invalid> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    read(&name, &Origin::file(path, key), context)
}

/// Reads the text in `origin`.
///
/// # Errors
/// As [`of_file`].
pub(super) fn read(name: &str, origin: &Origin, context: usize) -> Result<Dataset, Invalid> {
    let mut bytes = Vec::new();
    let reader = origin.open()?.reader;
    reader.take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(|error| origin.unreadable(&error))?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(origin.error(&format!("is larger than {} MiB: cut it into smaller files", MAX_TEXT >> 20)));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(origin.error("is UTF-16: convert it to UTF-8"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let byte = error.as_bytes()[offset];
        origin.error(&format!("is not UTF-8: byte {offset} is 0x{byte:02x}; convert it to UTF-8"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut notes = Vec::new();
    let mut characters: Vec<char> = text.chars().collect();
    if text.contains("\r\n") {
        characters = text.replace("\r\n", "\n").chars().collect();
        notes.push("converted Windows line ends (\\r\\n) to \\n".to_owned());
    }
    let num_distinct = distinct(&characters).len();
    if let [] | [_] = characters[..] {
        let found = if characters.is_empty() { "is empty" } else { "holds only one character" };
        return Err(origin.error(&format!("{found}: there is no next character to learn")));
    }
    if num_distinct == 1 {
        let only = characters[0];
        return Err(origin.error(&format!("holds only {only:?}, repeated: there is nothing to learn")));
    }
    if num_distinct > MAX_CHARACTERS {
        let message = format!("has {num_distinct} distinct characters, more than {MAX_CHARACTERS}");
        return Err(origin.error(&format!("{message}: is it a text?")));
    }
    let text = Text { characters, context };
    Invalid::unless(text.num_windows() > 0, "data.context", || {
        let n = text.characters.len();
        format!(
            "{} has {}, too few for one window of {context} and the character after it: lower data.context \
             to at most {}, or get more text",
            origin.display,
            counted(n, "character"),
            n - 1
        )
    })?;
    Ok(Dataset {
        name: name.to_owned(),
        columns: Vec::new(),
        cells: Matrix::of_floats(0, Vec::new()),
        target: Target::Text(text),
        target_name: "next character".to_owned(),
        image_shape: None,
        num_training_rows: None,
        source_rows: Vec::new(),
        division: Default::default(),
        weights: None,
        notes,
        readings: Readings::default(),
    })
}
