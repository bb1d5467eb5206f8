//! `data.cache`.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
                path.push(".cache");
                Some(path.into())
            }
            Self::At(path) => Some(path.clone()),
        }
    }
}
