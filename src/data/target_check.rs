//! Whether `data.target` makes sense by itself, and fits `data.task`.

use super::limits::MAX_TARGETS;
use super::{DataConfig, TargetColumns, TaskKind};
use crate::invalid::Invalid;

const KEY: &str = "data.target";

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
    if let Some(separator) = &config.target_separator {
        check_separator(separator, num_names, config.task)?;
        return Ok(());
    }
    match config.task {
        Some(TaskKind::MultiLabel) if num_names < 2 => Err(Invalid::at(
            "data.task",
            "data.task = \"multi_label\" is for several columns of 0 and 1: list them in data.target = [\"a\", \"b\"]; for one \
             column whose cells hold several labels, such as `a|b`, set data.target_separator = \"|\"; for one class, remove \
             data.task",
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

fn check_separator(separator: &str, num_names: usize, task: Option<TaskKind>) -> Result<(), Invalid> {
    const KEY: &str = "data.target_separator";
    const MAX_CHARS: usize = 8;
    let is_usable =
        (1..=MAX_CHARS).contains(&separator.chars().count()) && !separator.contains(['"', '\n', '\r', '\0']);
    Invalid::unless(is_usable, KEY, || {
        format!("{KEY} is {separator:?}: it must be 1 to {MAX_CHARS} characters other than quotes and line ends")
    })?;
    Invalid::unless(num_names == 1, KEY, || {
        format!(
            "{KEY} is for one column whose cells hold several labels, and data.target lists {num_names}: name one, or remove it"
        )
    })?;
    Invalid::unless(matches!(task, None | Some(TaskKind::MultiLabel)), "data.task", || {
        format!(
            "data.task does not fit {KEY}, by which a cell holds several labels: set \"multi_label\", or remove one of the two"
        )
    })
}
