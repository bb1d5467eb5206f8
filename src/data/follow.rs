//! Rows of a later file (a test file, new rows), read with the columns and classes of the training file.

use std::borrow::Cow;

use super::Target;
use super::labels::{self, Labels};
use super::number::NumberSyntax;
use super::reading::ColumnReader;
use super::table::{Cell, Row, is_usable};
use super::target::not_a_number;
use crate::invalid::Invalid;

/// What the training file determined about the columns.
pub(super) struct Known<'a> {
    /// Per input.
    pub(super) columns: &'a [ColumnReader],
    pub(super) target_name: &'a str,
    /// `None` if the target is a number.
    pub(super) classes: Option<&'a Labels>,
    /// How a number target is written, unless plainly.
    pub(super) target_syntax: Option<&'a NumberSyntax>,
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

    /// The class of the row, whose target is cell `i`, if training did not have it.
    ///
    /// # Errors
    /// Bytes that are not UTF-8.
    pub(super) fn new_class<'r>(&self, row: &Row<'r>, i: usize) -> Result<Option<Cow<'r, str>>, Invalid> {
        let Some(classes) = self.classes.filter(|_| row.cells()[i] != Cell::Missing) else { return Ok(None) };
        Ok(Some(row.text(i)?).filter(|text| classes.find(text).is_none()))
    }

    /// Appends the target, cell `i` of the row, unless it is missing; returns whether it was present.
    ///
    /// # Errors
    /// A class that training did not have; a cell that is not a finite number.
    pub(super) fn push_target(&self, row: &Row<'_>, i: usize, target: &mut Target) -> Result<bool, Invalid> {
        let cell = row.cells()[i];
        if cell == Cell::Missing {
            return Ok(false);
        }
        let text = row.text(i)?;
        let number = match (cell, self.target_syntax) {
            (_, Some(syntax)) => syntax.read(&text),
            (Cell::Number(number), None) if is_usable(number) => Some(number),
            (_, None) => NumberSyntax::default().read(&text),
        };
        match (target, number) {
            (Target::Classes { labels, names }, _) => {
                let Some(label) = self.classes.and_then(|known| known.find(&text)) else {
                    return Err(row.error_in_line(&format!(
                        "class `{}` of target `{}` is not in the training file, which has {}",
                        row.shown(i),
                        self.target_name,
                        labels::list(names, 20)
                    )));
                };
                labels.push(label);
            }
            (Target::Numbers(numbers), Some(number)) => numbers.push(number),
            (Target::Numbers(_) | Target::Text(_), _) => {
                return Err(not_a_number(row.table(), self.target_name, row.line, &row.shown(i)));
            }
        }
        Ok(true)
    }
}
