//! Reads a text.

use std::borrow::Cow;
use std::io::Read;
use std::path::Path;

use super::encoding;
use super::limits::{MAX_CHARACTERS, MAX_TEXT};
use super::origin::Origin;
use super::text::distinct;
use super::{Dataset, Matrix, Readings, Target, Text};
use crate::figures::counted;
use crate::invalid::Invalid;

/// Reads the text in the file `path`, which the config key `key` names. Its encoding is UTF-8, the one that `encoding` names, or
/// that of the training text `before` it, or else is recognised.
///
/// # Errors
/// A file that cannot be read, is no text in its encoding, or contains nothing to learn.
pub fn of_file(
    path: &Path,
    key: &'static str,
    context: usize,
    encoding: Option<&str>,
    before: Option<&str>,
) -> Result<Dataset, Invalid> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    read(&name, &Origin::file(path, key), context, encoding, before)
}

/// Reads the text in `origin`.
///
/// # Errors
/// As [`of_file`].
pub(super) fn read(
    name: &str,
    origin: &Origin,
    context: usize,
    encoding: Option<&str>,
    before: Option<&str>,
) -> Result<Dataset, Invalid> {
    let mut bytes = Vec::new();
    let reader = origin.open()?.reader;
    reader.take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(|error| origin.unreadable(&error))?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(origin.error(&format!("is larger than {} MiB: cut it into smaller files", MAX_TEXT >> 20)));
    }
    let Decoded { text, encoding, note } = Decoded::of(origin, &bytes, encoding, before)?;
    let mut notes: Vec<String> = note.into_iter().collect();
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
        readings: Readings { encoding, ..Readings::default() },
    })
}

/// A text as it was read.
struct Decoded<'b> {
    text: Cow<'b, str>,
    /// Its name, unless it is UTF-8.
    encoding: Option<String>,
    /// What to say of it.
    note: Option<String>,
}

impl<'b> Decoded<'b> {
    /// # Errors
    /// Bytes that are not of the encoding; some that are of none.
    fn of(origin: &Origin, bytes: &'b [u8], given: Option<&str>, before: Option<&str>) -> Result<Self, Invalid> {
        let named = |name: &str| encoding::named(name);
        let known = encoding::recognise(bytes, true, given.and_then(named), before.and_then(named));
        let name_it = || format!("name its encoding in data.encoding ({})", encoding::examples());
        let (text, has_errors) = known.encoding.decode_with_bom_removal(bytes);
        if has_errors {
            return Err(origin.error(&format!("is not {}: {}", known.encoding.name(), name_it())));
        }
        // What looks like any old encoding may be no text at all.
        if known.is_guess && text.contains('\0') {
            return Err(
                origin.error(&format!("is not UTF-8, and holds bytes of 0: is it a text? If so, {}", name_it()))
            );
        }
        let encoding = (!known.is_utf_8()).then(|| known.name());
        let note = encoding
            .as_ref()
            .filter(|_| known.is_guess)
            .map(|name| format!("the file is not UTF-8: read as {name} (data.encoding)"));
        Ok(Self { text, encoding, note })
    }
}
