//! Rows of a later file (a test file, new rows), read with the columns and classes of the training file.

use std::borrow::Cow;

use super::labels::{self, Labels};
use super::number::NumberSyntax;
use super::reading::{self, ColumnReader};
use super::table::{Cell, Row, is_usable};
use super::target::not_a_number;
use super::{Target, label_cells};
use crate::invalid::Invalid;

/// What the training file determined about the columns.
pub(super) struct Known<'a> {
    /// Per input.
    pub(super) columns: &'a [ColumnReader],
    /// In their order; none if no target is read.
    pub(super) targets: Vec<KnownTarget>,
}

/// What the training file determined about a target.
pub(super) struct KnownTarget {
    pub(super) name: String,
    /// `None` if the target is a number.
    pub(super) classes: Option<Labels>,
    /// How a number is written, unless plainly.
    pub(super) syntax: Option<NumberSyntax>,
    /// What stands between the labels in a cell, where the classes are labels of which any may hold.
    pub(super) separator: Option<String>,
}

impl KnownTarget {
    /// Cell `i` of the row, which is not missing: the index of a class, or the number.
    ///
    /// # Errors
    /// A class that training did not have; a cell that is not a finite number.
    fn read(&self, row: &Row<'_>, i: usize) -> Result<f64, Invalid> {
        let text = row.text(i)?;
        if let Some(classes) = &self.classes {
            return classes.find(&text).map(f64::from).ok_or_else(|| {
                row.error_in_line(&format!(
                    "class `{}` of target `{}` is not in the training file, which has {}",
                    row.shown(i),
                    self.name,
                    labels::list(&classes.names, 20)
                ))
            });
        }
        let number = match (row.cells()[i], &self.syntax) {
            (_, Some(syntax)) => reading::number_in(row, i, syntax)?,
            (Cell::Number(number), None) if is_usable(number) => Some(number),
            (_, None) => NumberSyntax::default().read(&text),
        };
        number.ok_or_else(|| match &self.syntax {
            Some(syntax) => {
                let (name, shown, why) = (&self.name, row.shown(i), reading::no_number(row, i, syntax));
                let message =
                    format!("target `{name}` is `{shown}`, {why}: correct it, or leave it empty if it is missing");
                row.table().error_at_with("data.target", row.line, &message)
            }
            None => not_a_number(row.table(), &self.name, row.line, &row.shown(i), None),
        })
    }
}

impl Known<'_> {
    /// Appends the inputs, which are the first cells of the row: numbers, or the index of the category. A category that
    /// training did not see is the unknown one, `names.len()`; a missing cell is NaN.
    ///
    /// # Errors
    /// Text in a numeric column.
    pub(super) fn push_inputs(&self, row: &Row<'_>, values: &mut Vec<f32>) -> Result<(), Invalid> {
        for (i, column) in self.columns.iter().enumerate() {
            values.push(column.read(row, i)?);
        }
        Ok(())
    }

    /// The cell of the first target that is missing, where the targets begin at cell `first`.
    pub(super) fn missing_target(&self, row: &Row<'_>, first: usize) -> Option<usize> {
        (first..first + self.targets.len()).find(|&cell| row.cells()[cell] == Cell::Missing)
    }

    /// A class of the row that training did not have.
    ///
    /// # Errors
    /// Bytes that are not UTF-8.
    pub(super) fn new_class<'r>(&self, row: &Row<'r>, first: usize) -> Result<Option<Cow<'r, str>>, Invalid> {
        for (i, target) in (first..).zip(&self.targets) {
            let is_class = target.separator.is_none() && row.cells()[i] != Cell::Missing;
            let Some(classes) = target.classes.as_ref().filter(|_| is_class) else { continue };
            let text = row.text(i)?;
            if classes.find(&text).is_none() {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// Appends the targets, which begin at cell `first` and none of which is missing. Returns the labels among them that training
    /// did not have, where a cell holds several.
    ///
    /// # Errors
    /// A class that training did not have; a cell that is not a finite number.
    pub(super) fn push_targets(
        &self,
        row: &Row<'_>,
        first: usize,
        target: &mut Target,
    ) -> Result<Vec<String>, Invalid> {
        let mut new = Vec::new();
        for (i, known) in (first..).zip(&self.targets) {
            match (&known.separator, &known.classes) {
                (Some(separator), Some(labels)) => {
                    let push = |value| target.push(value);
                    label_cells::read_labels(&row.text(i)?, separator, labels, push, |label| {
                        new.push(label.to_owned())
                    });
                }
                _ => target.push(known.read(row, i)?),
            }
        }
        Ok(new)
    }
}
