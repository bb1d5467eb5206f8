//! Reads the targets of a table: one column, or several numbers or labels.

use super::notes::Notes;
use super::number::Hints;
use super::reading::{Reading, Readings};
use super::separated::SeparatedCells;
use super::several_targets::{Several, TargetColumn};
use super::table::{Cell, Table};
use super::target::{TargetCells, TargetFound};
use super::{DataConfig, Target, TaskKind, labels};
use crate::invalid::Invalid;

/// What stands for 0 and 1 in a column of labels, in any letter case.
const WORDS: [[&str; 2]; 6] = [["0", "1"], ["false", "true"], ["no", "yes"], ["n", "y"], ["f", "t"], ["off", "on"]];

/// The cells of the targets, collected while the file is read.
pub(super) enum TargetsGathered {
    Columns(Vec<TargetCells>),
    /// Of one column whose cells hold several labels.
    Separated(Box<SeparatedCells>),
}

impl TargetsGathered {
    pub(super) fn new(names: &[String], config: &DataConfig) -> Self {
        match (&config.target_separator, names) {
            (Some(separator), [name, ..]) => Self::Separated(Box::new(SeparatedCells::new(name, separator))),
            _ => Self::Columns(names.iter().map(|name| TargetCells::new(name)).collect()),
        }
    }

    /// Makes room for `num_rows` at once: a list that doubles as it grows is twice in memory while it does.
    pub(super) fn reserve(&mut self, num_rows: usize) {
        if let Self::Columns(columns) = self {
            columns.iter_mut().for_each(|column| column.reserve(num_rows));
        }
    }

    /// Takes the cell of target `i` in the next row, which is not missing.
    pub(super) fn push(&mut self, i: usize, cell: Cell, text: &str, line: u64) {
        match self {
            Self::Columns(columns) => columns[i].push(cell, text, line),
            Self::Separated(cells) => cells.push(text, line),
        }
    }
}

/// The targets of a table, and how later files are read.
pub(super) struct TargetsFound {
    pub(super) target: Target,
    pub(super) known: Vec<TargetFound>,
}

/// What the columns of `gathered`, at `positions` of the table, are.
///
/// # Errors
/// As [`TargetCells::finish`], for each, and [`SeparatedCells::finish`]; columns that do not fit `data.task`.
pub(super) fn finish(
    gathered: TargetsGathered,
    table: &Table<'_>,
    positions: &[usize],
    config: &DataConfig,
    hints: Hints,
    notes: &mut Notes,
) -> Result<TargetsFound, Invalid> {
    let mut cells = match gathered {
        TargetsGathered::Columns(cells) => cells,
        TargetsGathered::Separated(cells) => {
            let (target, found) = cells.finish(notes)?;
            return Ok(TargetsFound { target, known: vec![found] });
        }
    };
    if positions.len() == 1 {
        let mut found = cells.remove(0).finish(table, (positions, 0), config.task, hints, notes)?;
        let target = std::mem::replace(&mut found.target, Target::Numbers(Vec::new()));
        return Ok(TargetsFound { target, known: vec![found] });
    }
    let are_labels = config.task == Some(TaskKind::MultiLabel)
        || config.task.is_none() && cells.iter().all(|cells| is_label(&cells.names()));
    let task = if are_labels { TaskKind::Classification } else { TaskKind::Regression };
    let (mut known, mut columns): (Vec<TargetFound>, Vec<(TargetColumn, Vec<f64>)>) = (Vec::new(), Vec::new());
    for (own, (cells, &position)) in cells.into_iter().zip(positions).enumerate() {
        let mut found = cells.finish(table, (positions, own), Some(task), hints, notes)?;
        let name = table.names()[position].clone();
        columns.push(match &found.target {
            Target::Classes { names, labels } => {
                let words = words_of(names).ok_or_else(|| no_label(&name, names))?;
                // Sorted, `Yes` is before `no`.
                let holds: Vec<bool> = names.iter().map(|name| *name == words[1]).collect();
                let values = labels.iter().map(|&label| f64::from(u8::from(holds[label as usize]))).collect();
                found.labels = found.labels.map(|labels| labels.reordered(&words));
                (TargetColumn { name, words: Some(words) }, values)
            }
            Target::Numbers(numbers) => (TargetColumn { name, words: None }, numbers.clone()),
            Target::Text(_) | Target::Several(_) => return Err(Invalid::at("data.target", "a target is one column")),
        });
        known.push(found);
    }
    if are_labels && config.task.is_none() {
        notes.say(format!(
            "read the {} columns of data.target, which hold 0 and 1 alone, as labels of which any may hold (data.task = \
             \"regression\" to predict the numbers)",
            columns.len()
        ));
    }
    let num_rows = columns[0].1.len();
    let values = (0..num_rows).flat_map(|row| columns.iter().map(move |(_, values)| values[row])).collect();
    let columns = columns.into_iter().map(|(column, _)| column).collect();
    Ok(TargetsFound { target: Target::Several(Several { columns, values }), known })
}

/// Whether all cells are words for 0 and 1.
fn is_label(names: &[String]) -> bool {
    let are = |words: &[&str; 2]| names.iter().all(|name| words.iter().any(|word| name.eq_ignore_ascii_case(word)));
    !names.is_empty() && WORDS.iter().any(are)
}

/// What stands for 0 and for 1, as the file writes it.
fn words_of(names: &[String]) -> Option<[String; 2]> {
    let [a, b] = names else { return None };
    let is = |name: &String, word: &str| name.eq_ignore_ascii_case(word);
    let words = WORDS.iter().find(|[no, yes]| is(a, no) && is(b, yes) || is(b, no) && is(a, yes))?;
    let (no, yes) = if is(a, words[0]) { (a, b) } else { (b, a) };
    Some([no.clone(), yes.clone()])
}

fn no_label(name: &str, names: &[String]) -> Invalid {
    let shown = labels::list(names, 6);
    let message = format!(
        "target `{name}` holds {shown}, and a label is 0 or 1 (or no and yes, false and true): set data.task = \"regression\" if \
         all targets are numbers, or name one column if it is a class"
    );
    Invalid::at("data.target", message)
}

impl TargetsFound {
    /// Of the columns at `positions`, those of plainly written numbers.
    pub(super) fn plain_numbers(&self, positions: &[usize]) -> impl Iterator<Item = usize> {
        let is_plain = |found: &TargetFound| found.labels.is_none() && found.syntax.is_none();
        positions.iter().zip(&self.known).filter(move |(_, found)| is_plain(found)).map(|(position, _)| *position)
    }

    /// What a later file must know of the columns `names`.
    pub(super) fn keep(&self, names: &[String], readings: &mut Readings) {
        for (name, found) in names.iter().zip(&self.known) {
            let reading = match (&found.labels, &found.syntax) {
                (Some(labels), _) if found.separator.is_some() => Some(Reading::Labels {
                    separator: found.separator.clone().unwrap_or_default(),
                    spelling: labels.spelling,
                }),
                (Some(labels), _) => Reading::of_names(labels),
                (None, Some(syntax)) => {
                    Some(Reading::Numbers { syntax: syntax.clone(), missing: Vec::new(), origin: 0.0 })
                }
                (None, None) => None,
            };
            readings.columns.extend(reading.map(|reading| (name.clone(), reading)));
        }
    }
}
