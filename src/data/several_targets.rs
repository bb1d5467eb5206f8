//! Several columns to predict at once: numbers, or labels of which any may hold.

use super::notes::Notes;
use super::number::Hints;
use super::reading::{Reading, Readings};
use super::table::Table;
use super::target::{TargetCells, TargetFound};
use super::{DataConfig, Target, TaskKind};
use crate::invalid::Invalid;

/// What stands for 0 and 1 in a column of labels, in any letter case.
const WORDS: [[&str; 2]; 6] = [["0", "1"], ["false", "true"], ["no", "yes"], ["n", "y"], ["f", "t"], ["off", "on"]];

/// The targets of a data set that has more than one.
#[derive(Clone, Debug, PartialEq)]
pub struct Several {
    /// At least two: all numbers, or all labels.
    pub columns: Vec<TargetColumn>,
    /// Row-major `[rows, columns]`: finite numbers in their own units, or 1 where a label holds and 0 where it does not.
    pub values: Vec<f64>,
}

/// One of several columns to predict.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetColumn {
    pub name: String,
    /// What the file writes for 0 and 1 of a label; `None` for a number.
    pub words: Option<[String; 2]>,
}

impl Several {
    pub fn num_rows(&self) -> usize {
        self.values.len() / self.columns.len()
    }

    /// The targets of a row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns.len()..][..self.columns.len()]
    }

    /// The targets of one column.
    pub fn column(&self, column: usize) -> impl Iterator<Item = f64> + Clone {
        self.values.iter().skip(column).step_by(self.columns.len()).copied()
    }

    /// Whether they are labels, not numbers.
    pub fn are_labels(&self) -> bool {
        self.columns[0].words.is_some()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// A line for the terminal.
    pub(super) fn describe(&self) -> String {
        let names: Vec<String> =
            self.columns.iter().enumerate().map(|(i, column)| self.describe_column(i, column)).collect();
        let what = if self.are_labels() { "labels, of which any may hold" } else { "numbers" };
        format!("targets: {} {what} ({})", self.columns.len(), super::labels::list(&names, 12))
    }

    fn describe_column(&self, i: usize, column: &TargetColumn) -> String {
        let name = &column.name;
        match column.words {
            Some(_) => format!("{name} {}", self.column(i).filter(|&value| value == 1.0).count()),
            None => {
                let low = self.column(i).fold(f64::INFINITY, f64::min);
                let high = self.column(i).fold(f64::NEG_INFINITY, f64::max);
                format!("{name} {low} to {high}")
            }
        }
    }
}

/// The targets of a table, and how later files are read.
pub(super) struct TargetsFound {
    pub(super) target: Target,
    pub(super) known: Vec<TargetFound>,
}

/// What the columns of `cells`, at `positions` of the table, are.
///
/// # Errors
/// As [`TargetCells::finish`], for each; columns that do not fit `data.task`.
pub(super) fn finish(
    mut cells: Vec<TargetCells>,
    table: &Table<'_>,
    positions: &[usize],
    config: &DataConfig,
    hints: Hints,
    notes: &mut Notes,
) -> Result<TargetsFound, Invalid> {
    if positions.len() == 1 {
        let found = cells.remove(0).finish(table, (positions, 0), config.task, hints, notes)?;
        return Ok(TargetsFound { target: found.target.clone(), known: vec![found] });
    }
    let are_labels = config.task == Some(TaskKind::MultiLabel)
        || config.task.is_none() && cells.iter().all(|cells| is_label(&cells.names()));
    let task = if are_labels { TaskKind::Classification } else { TaskKind::Regression };
    let (mut known, mut columns): (Vec<TargetFound>, Vec<(TargetColumn, Vec<f64>)>) = (Vec::new(), Vec::new());
    for (own, (cells, &position)) in cells.into_iter().zip(positions).enumerate() {
        let found = cells.finish(table, (positions, own), Some(task), hints, notes)?;
        let name = table.names()[position].clone();
        columns.push(match &found.target {
            Target::Classes { names, labels } => {
                let words = <[String; 2]>::try_from(names.clone()).ok().filter(|_| is_label(names));
                let words = words.ok_or_else(|| no_label(&name, names))?;
                (TargetColumn { name, words: Some(words) }, labels.iter().map(|&label| label.into()).collect())
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

fn no_label(name: &str, names: &[String]) -> Invalid {
    let shown = super::labels::list(names, 6);
    let message = format!(
        "target `{name}` holds {shown}, and a label is 0 or 1 (or no and yes, false and true): set data.task = \"regression\" if \
         all targets are numbers, or name one column if it is a class"
    );
    Invalid::at("data.target", message)
}

impl TargetsFound {
    /// What a later file must know of the columns `names`.
    pub(super) fn keep(&self, names: &[String], readings: &mut Readings) {
        for (name, found) in names.iter().zip(&self.known) {
            let reading = match (&found.labels, &found.syntax) {
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
