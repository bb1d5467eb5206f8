//! Where a config is read from: a file, or those inside the program.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

use fs_err::File;
use serde::{Deserialize, Serialize, Serializer};

use super::check::ConfigError;
use crate::shell::command;
use crate::shipped::{self, ShippedConfig};
use crate::{bounded, invalid, missing, permissions};

/// A config with 100,000 column names has 2 MB; a much larger file is not a config.
const MAX_BYTES: u64 = 8 << 20;

/// Where a config comes from, as `environment.json` records it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConfigOrigin {
    /// The absolute path of a file; in the record with replacements for what is not UTF-8.
    File(#[serde(serialize_with = "lossy")] PathBuf),
    /// One that is inside the program, by name.
    BuiltIn(String),
    /// The queue of a sweep, by id.
    Sweep(String),
}

fn lossy<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&path.to_string_lossy())
}

/// The text of a config.
pub(super) struct ConfigText {
    pub text: String,
    /// How errors refer to it.
    pub shown: String,
    /// The experiment unless the config names one.
    pub name: String,
    pub origin: ConfigOrigin,
}

/// Reads the config that `path` names: the file; without one, the file with `.toml` appended, or in the folder
/// `configs`; without any, a config that is inside the program.
///
/// # Errors
/// Neither a file nor a built-in config; a file that cannot be read, or is not UTF-8.
pub(super) fn read(path: &Path) -> Result<ConfigText, ConfigError> {
    // Not only regular files: a config may come from a pipe.
    let is_there = |path: &PathBuf| path.exists() && !path.is_dir();
    if let Some(file) = candidates(path).into_iter().find(is_there) {
        return read_file(&file, |opened| refuse_planted(path, &file, opened));
    }
    match shipped::config(path) {
        Some(config) => Ok(built_in(config)),
        // A folder: reading it says so.
        None if path.exists() => read_file(path, |_| Ok(())),
        None => {
            let place = path.display().to_string();
            Err(ConfigError { place, message: no_config(path), excerpt: String::new() })
        }
    }
}

/// That a name which may mean a built-in config leads to no file that another user has left where others may write.
fn refuse_planted(path: &Path, file: &Path, opened: &Metadata) -> Result<(), ConfigError> {
    if path.components().count() > 1 || shipped::config(path).is_none() {
        return Ok(());
    }
    let Some(owner) = permissions::is_of_another(opened, file) else { return Ok(()) };
    Err(ConfigError {
        place: file.display().to_string(),
        message: format!(
            "this file belongs to {owner}, in a folder where others may write, and stands in the way of the built-in config: \
             name it as ./{}, or run burnlab in another folder",
            file.display()
        ),
        excerpt: String::new(),
    })
}

/// Whether the name is that of data, which were given in place of a config that reads them: a table, or a folder.
pub(super) fn is_data(path: &Path) -> bool {
    const ENDINGS: [&str; 18] = [
        "csv", "tsv", "tab", "txt", "data", "gz", "zip", "xlsx", "xls", "ods", "parquet", "arrow", "feather", "jsonl",
        "json", "npy", "npz", "db",
    ];
    let is = |end: &&str| path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(end));
    path.is_dir() || path.exists() && ENDINGS.iter().any(is)
}

/// The error for data in place of a config, with the command that writes one.
pub(super) fn no_config_but_data(path: &Path) -> ConfigError {
    let shown = path.display().to_string();
    let what = if path.is_dir() { "a folder" } else { "a table" };
    let message = format!("this is {what}, not a config: `{}` writes a config for it", command(&["init", &shown]));
    ConfigError { place: shown, message, excerpt: String::new() }
}

fn candidates(path: &Path) -> Vec<PathBuf> {
    let mut appended = path.as_os_str().to_owned();
    appended.push(".toml");
    let mut candidates = vec![path.to_owned(), PathBuf::from(appended)];
    if path.components().count() == 1 {
        candidates.extend(candidates.clone().iter().map(|path| Path::new("configs").join(path)));
    }
    candidates
}

/// `check` is asked about the file that is read, whatever has its name meanwhile.
fn read_file(path: &Path, check: impl FnOnce(&Metadata) -> Result<(), ConfigError>) -> Result<ConfigText, ConfigError> {
    let shown = path.display().to_string();
    let unreadable = |why: String| ConfigError {
        place: shown.clone(),
        message: format!("cannot read the config: {why}"),
        excerpt: String::new(),
    };
    let failed = |error: io::Error| unreadable(error.kind().to_string());
    let file = File::open(path).map_err(failed)?;
    check(&file.metadata().map_err(failed)?)?;
    let bytes = bounded::read_opened(file, path, MAX_BYTES).map_err(failed)?;
    let text = String::from_utf8(bytes).map_err(|_| unreadable("it is not UTF-8".into()))?;
    let name = path.file_stem().map_or_else(|| "run".into(), |stem| stem.to_string_lossy().into_owned());
    let origin = ConfigOrigin::File(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
    Ok(ConfigText { text, shown, name, origin })
}

fn built_in(ShippedConfig { name, text }: ShippedConfig) -> ConfigText {
    let origin = ConfigOrigin::BuiltIn(name.to_owned());
    ConfigText { text: text.to_owned(), shown: format!("{name} (built in)"), name: name.to_owned(), origin }
}

/// Why neither a file nor a built-in config has this name, and what to do about it.
fn no_config(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let near = match invalid::nearest(&stem, shipped::configs().map(|config| config.name)) {
        Some(near) => format!("; the built-in config `{near}` has a similar name"),
        None => String::new(),
    };
    let list = command(&["config", "list"]);
    format!("no such file{}{near}; `{list}` lists the built-in configs", missing::looked_in(path))
}
