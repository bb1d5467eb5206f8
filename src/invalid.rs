//! An invalid value, and the config key it comes from.

/// An error in a config value, or in the data that it names.
///
/// `key` is the dotted config key (`data.target`), so that the caller can show its line in the
/// TOML file; `None` where no single key is at fault.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Invalid {
    pub key: Option<String>,
    pub message: String,
}

impl Invalid {
    /// An error about `key` (dotted, such as `training.batch_size`).
    pub fn at(key: &str, message: impl Into<String>) -> Self {
        Self { key: Some(key.to_owned()), message: one_line(&message.into()) }
    }

    /// `Err(Invalid)` with `message()` unless `holds`.
    pub fn unless(holds: bool, key: &str, message: impl FnOnce() -> String) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self::at(key, message())) }
    }
}

/// `text` made safe for an error message: names and cells of a file may contain line ends, terminal escape sequences,
/// or megabytes.
pub fn one_line(text: &str) -> String {
    const MAX_BYTES: usize = 10_000;
    let end = text.floor_char_boundary(MAX_BYTES);
    let line = text[..end].replace(char::is_control, " ");
    if end < text.len() { line + "..." } else { line }
}

/// The name in `known` that `name` is probably a misspelling of, if any is close enough.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const MAX_LENGTH: usize = 200; // computing the distance takes time proportional to the product of the lengths
    let name = name.to_lowercase();
    let known = known.into_iter().filter(|other| other.len().max(name.len()) <= MAX_LENGTH);
    let distances = known.map(|other| (strsim::damerau_levenshtein(&name, &other.to_lowercase()), other));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= (name.chars().count() / 3).max(1)).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_shows_is_one_line_of_a_bounded_length() {
        assert_eq!(Invalid::at("data.path", "a\r\nb\u{1b}[31m\u{85}é").message, "a  b [31m é");
        let long = one_line(&"é".repeat(1 << 20));
        assert!(long.len() <= 10_003 && long.ends_with("é..."));
        assert_eq!(one_line(&"x".repeat(10_000)).len(), 10_000);
    }
}
