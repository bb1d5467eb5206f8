//! `data.target`: the column to predict, or several.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::limits::MAX_TARGETS;
use super::{DataConfig, TaskKind};
use crate::invalid::Invalid;

const KEY: &str = "data.target";

/// The name of a column, or a list of names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "data.target is the name of a column to predict, or a list of names")]
pub enum TargetColumns {
    /// A class or a number.
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

/// Whether the list makes sense, and fits `data.task`.
///
/// # Errors
/// No column, one that is named twice, too many; a task that has another number of columns.
pub(super) fn check(config: &DataConfig) -> Result<(), Invalid> {
    let names = config.target.as_ref().map(TargetColumns::names);
    if let Some(names) = names {
        Invalid::unless(!names.is_empty(), KEY, || format!("{KEY} is an empty list: name the column to predict"))?;
        Invalid::unless(names.len() <= MAX_TARGETS, KEY, || {
            format!("{KEY} lists {} columns: at most {MAX_TARGETS} can be predicted at once", names.len())
        })?;
        if let Some((_, name)) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
            return Err(Invalid::at(KEY, format!("{KEY} lists `{name}` twice: remove one")));
        }
    }
    let num_names = names.map_or(1, <[String]>::len);
    match config.task {
        Some(TaskKind::MultiLabel) if num_names < 2 => Err(Invalid::at(
            "data.task",
            "data.task = \"multi_label\" is for several columns of 0 and 1: list them in data.target = [\"a\", \"b\"]; for one \
             column, remove data.task",
        )),
        Some(TaskKind::Classification) if num_names > 1 => Err(Invalid::at(
            "data.task",
            format!(
                "data.task = \"classification\" is for one class of a row, and data.target lists {num_names} columns: name one \
                 of them, or set data.task = \"multi_label\" if each is 0 or 1, and \"regression\" if each is a number"
            ),
        )),
        _ => Ok(()),
    }
}
