//! `data.cache`.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::invalid::Invalid;

pub(super) const KEY: &str = "data.cache";
/// How the name of each cache ends: no program runs or reads a file for that, whose content a config chooses.
const ENDING: &str = ".cache";

/// `data.cache`: where a table is kept once it has been read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "data.cache is true, for a file beside data.path, or the path of a file")]
pub enum Cache {
    /// Beside the table, with `.cache` after its name, or not at all.
    Beside(bool),
    /// Here.
    At(PathBuf),
}

impl Cache {
    /// The path of the file for the table at `path`; `None` for none.
    pub(super) fn path(&self, path: &Path) -> Option<PathBuf> {
        match self {
            Self::Beside(false) => None,
            Self::Beside(true) => {
                let mut path = path.as_os_str().to_owned();
                path.push(ENDING);
                Some(path.into())
            }
            Self::At(path) => Some(path.clone()),
        }
    }

    /// # Errors
    /// A name that no cache has.
    pub(super) fn check(&self) -> Result<(), Invalid> {
        let Self::At(path) = self else { return Ok(()) };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Invalid::unless(name.ends_with(ENDING) && !name.starts_with('.'), KEY, || {
            let bare = name.trim_start_matches('.').trim_end_matches(ENDING);
            let instead = path.with_file_name(format!("{}{ENDING}", if bare.is_empty() { "table" } else { bare }));
            format!(
                "data.cache is {}, and the name of a cache ends in {ENDING} and begins with no dot: write {:?}, or true for a \
                 file beside the table",
                path.display(),
                instead.display().to_string()
            )
        })
    }
}
