//! How much each row counts, as a column of the file says (`data.weight`).

use super::division::Column;
use super::number::NumberSyntax;
use super::origin::Origin;
use super::table::{Cell, Row, Table, is_usable};
use super::{DataConfig, formats};
use crate::invalid::Invalid;

const KEY: &str = "data.weight";
const RULE: &str = "and a weight is a 32-bit number above 0 (1e-45 to 3.4e38): correct it, or leave out the row";

/// How much each row counts.
#[derive(Clone, Debug, PartialEq)]
pub struct RowWeights {
    /// Of the column.
    pub name: String,
    /// One per row; finite, above 0.
    pub values: Vec<f32>,
}

/// Reads the column of weights of the rows which have a target, if the section names one, also from the separate test file.
///
/// # Errors
/// No such column; a cell that is missing or no number above 0.
pub(super) fn read(table: &Table<'_>, targets: &[String], config: &DataConfig) -> Result<Option<RowWeights>, Invalid> {
    let Some(name) = &config.weight else { return Ok(None) };
    Invalid::unless(!targets.contains(name), KEY, || format!("{KEY} names the target `{name}`: name another column"))?;
    let divides = config.divided_by().filter(|(_, column)| column == name);
    if let Some((key, _)) = divides {
        return Err(Invalid::at(KEY, format!("{KEY} and {key} name the same column `{name}`: name another one")));
    }
    let of_table = |table: &Table<'_>| -> Result<Vec<f32>, Invalid> {
        let column = Column::read(table, name, targets, KEY)?;
        column.each(|text| weight(text.text).ok_or_else(|| column.error(text, RULE)))
    };
    let mut values = of_table(table)?;
    if let Some(path) = &config.test_path {
        let origin = Origin::file(path, "data.test_path");
        values.extend(of_table(&formats::open(&origin, config, None)?)?);
    }
    Ok(Some(RowWeights { name: name.clone(), values }))
}

/// The weight in cell `i` of a later row.
///
/// # Errors
/// A cell that is missing or no number above 0.
pub(super) fn of_row(row: &Row<'_>, i: usize) -> Result<f32, Invalid> {
    let found = match row.cells()[i] {
        Cell::Number(number) => above_0(number),
        Cell::Text => weight(&row.text(i)?),
        Cell::Missing => None,
    };
    found.ok_or_else(|| row.error(i, &format!("holds `{}`, {RULE}", row.shown(i))))
}

fn weight(text: &str) -> Option<f32> {
    above_0(NumberSyntax::default().read(text)?)
}

/// As f32 above 0, too.
fn above_0(number: f64) -> Option<f32> {
    is_usable(number).then_some(number as f32).filter(|weight| *weight > 0.0)
}
