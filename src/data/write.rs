//! Rows of a [`Dataset`] as CSV: the test part that goes into the run folder.

use std::io::Write;

use super::{ColumnKind, Dataset, Target};

impl Dataset {
    /// Writes `rows` in their order: a header of the columns and, last, the target; then a line per row, an empty
    /// cell where it is missing. Read back, the cells are the same f32 values. A category that only a separate test
    /// file had is written as missing, which the network takes for the same: unknown.
    ///
    /// # Errors
    /// What `writer` reports.
    ///
    /// # Panics
    /// If a row number is not below `num_rows()`, or the data are a text, which is no table.
    pub fn write_rows(&self, rows: &[usize], writer: impl Write) -> csv::Result<()> {
        let mut csv = csv::Writer::from_writer(writer);
        let names = self.columns.iter().map(|column| &column.name);
        csv.write_record(names.chain([&self.target_name]))?;
        for &row in rows {
            for (cell, column) in self.row(row).iter().zip(&self.columns) {
                match &column.kind {
                    _ if cell.is_nan() => csv.write_field("")?,
                    ColumnKind::Numeric => csv.write_field(cell.to_string())?,
                    ColumnKind::Categorical { categories } => {
                        csv.write_field(categories.get(*cell as usize).map_or("", String::as_str))?;
                    }
                }
            }
            match &self.target {
                Target::Classes { names, labels } => csv.write_field(&names[labels[row] as usize])?,
                Target::Numbers(numbers) => csv.write_field(numbers[row].to_string())?,
                Target::Text(_) => unreachable!("a text is written as it is"),
            }
            csv.write_record(None::<&[u8]>)?;
        }
        Ok(csv.flush()?)
    }
}
