//! `data.target`: the column to predict, or several.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The name of a column, or a list of names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "data.target is the name of a column to predict, or a list of names")]
pub enum TargetColumns {
    /// A class or a number, or with `target_separator` several labels in a cell.
    One(String),
    /// Several numbers, or labels of which any may hold.
    Several(Vec<String>),
}

impl TargetColumns {
    /// The columns, in the order of the section.
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }

    /// Whether a column is one of them.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names().iter().any(|other| other == name)
    }
}

impl From<&str> for TargetColumns {
    fn from(name: &str) -> Self {
        Self::One(name.to_owned())
    }
}
