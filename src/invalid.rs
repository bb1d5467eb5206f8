//! A value that cannot be used, and the config key to blame for it.

/// An error in a config value or in the data that it leads to.
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
        // File names and cells may hold line breaks; the promise is one line.
        let message = message.into().replace(['\n', '\r', '\0'], " ");
        Self { key: Some(key.to_owned()), message }
    }

    /// `Err(Invalid)` with `message()` unless `holds`.
    pub fn unless(holds: bool, key: &str, message: impl FnOnce() -> String) -> Result<(), Self> {
        if holds { Ok(()) } else { Err(Self::at(key, message())) }
    }
}

/// The name in `known` that `name` is probably a slip of, if any is close enough.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const MAX_LENGTH: usize = 200; // the distance costs the product of the lengths
    let name = name.to_lowercase();
    let known = known.into_iter().filter(|other| other.len().max(name.len()) <= MAX_LENGTH);
    let distances = known.map(|other| (strsim::damerau_levenshtein(&name, &other.to_lowercase()), other));
    let (distance, nearest) = distances.min_by_key(|(distance, _)| *distance)?;
    (distance <= (name.chars().count() / 3).max(1)).then_some(nearest)
}
