//! Empty cells of a target whose cells hold several labels: a row without any, not one without a target.

use std::ops::ControlFlow;

use super::table::{Cell, CellTexts, Reader, RowVisitor, Table};
use super::{DataConfig, TargetColumns};
use crate::invalid::Invalid;

/// `table` with the empty cells of the target as texts instead of missing ones, where its cells hold labels: none holds then.
pub(super) fn with_empty_cells<'a>(table: Table<'a>, config: &DataConfig) -> Table<'a> {
    let name = config.target.as_ref().map(TargetColumns::names).filter(|_| config.target_separator.is_some());
    let column = name.and_then(|names| table.names().iter().position(|other| *other == names[0]));
    match column {
        Some(column) => table.read_by(|inner| Box::new(EmptyCells { inner, column })),
        None => table,
    }
}

struct EmptyCells<'a> {
    inner: Box<dyn Reader + 'a>,
    column: usize,
}

impl Reader for EmptyCells<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        let places: Vec<usize> = (0..columns.len()).filter(|&place| columns[place] == self.column).collect();
        let mut own = Vec::with_capacity(columns.len());
        self.inner.read(columns, &mut |line, cells: &[Cell], texts: &dyn CellTexts| -> ControlFlow<()> {
            let is_empty =
                |&place: &usize| cells[place] == Cell::Missing && texts.bytes(self.column).trim_ascii().is_empty();
            if !places.iter().any(is_empty) {
                return visit(line, cells, texts);
            }
            own.clear();
            own.extend_from_slice(cells);
            places.iter().for_each(|&place| own[place] = Cell::Text);
            visit(line, &own, texts)
        })
    }

    fn progress(&self) -> Option<f64> {
        self.inner.progress()
    }
}
