//! Writes rows of a [`Dataset`] to the run folder: as CSV, or as the text itself.

use std::borrow::Cow;
use std::io::Write;

use super::{ColumnKind, Dataset, Target, label_cells};

impl Dataset {
    /// Writes `rows` in their order: a header of the columns, the weights if there are any, and, last, the targets; then a line per row, an empty cell
    /// where it is missing. Read back, the cells are the same f32 values. A category that occurs only in a separate
    /// test file is written as missing, which is the same to the network: unknown.
    ///
    /// For a text, whose rows are consecutive, the characters.
    ///
    /// # Errors
    /// What `writer` reports.
    ///
    /// # Panics
    /// If a row number is not below `num_rows()`.
    pub fn write_rows(&self, rows: &[u32], mut writer: impl Write) -> csv::Result<()> {
        match &self.target {
            Target::Classes { names, labels } => {
                self.write_table(rows, writer, |row, _| Cow::Borrowed(names[labels[row] as usize].as_str()))
            }
            Target::Numbers(numbers) => self.write_table(rows, writer, |row, _| Cow::Owned(numbers[row].to_string())),
            Target::Several(several) if self.readings.separator(&self.target_name).is_some() => {
                let separator = self.readings.separator(&self.target_name).unwrap_or_default();
                self.write_table(rows, writer, |row, _| Cow::Owned(label_cells::cell_of(several, row, separator)))
            }
            Target::Several(several) => self.write_table(rows, writer, |row, i| {
                let value = several.row(row)[i];
                match &several.columns[i].words {
                    Some(words) => Cow::Borrowed(&words[usize::from(value == 1.0)]),
                    None => Cow::Owned(value.to_string()),
                }
            }),
            Target::Text(text) => {
                let characters: String = text.span(rows).iter().collect();
                Ok(writer.write_all(characters.as_bytes())?)
            }
        }
    }

    fn write_table<'a>(
        &self,
        rows: &[u32],
        writer: impl Write,
        target: impl Fn(usize, usize) -> Cow<'a, str>,
    ) -> csv::Result<()> {
        let mut csv = csv::Writer::from_writer(writer);
        let names = self.columns.iter().map(|column| &column.name);
        let weights = self.weights.as_ref();
        let targets = self.target_columns();
        let names = names.chain(weights.map(|weights| &weights.name)).map(String::as_str);
        csv.write_record(names.chain(targets.iter().copied()))?;
        for &row in rows {
            let row = row as usize;
            for (i, (cell, column)) in self.row(row).iter().zip(&self.columns).enumerate() {
                match &column.kind {
                    _ if cell.is_nan() => csv.write_field("")?,
                    ColumnKind::Numeric => csv.write_field(self.in_file(i, *cell))?,
                    ColumnKind::Categorical { categories } => {
                        csv.write_field(categories.get(*cell as usize).map_or("", String::as_str))?;
                    }
                    ColumnKind::Text { texts } => {
                        csv.write_field(texts.get(*cell as usize).map_or("", String::as_str))?;
                    }
                }
            }
            if let Some(weights) = weights {
                csv.write_field(weights.values[row].to_string())?;
            }
            for i in 0..targets.len() {
                csv.write_field(target(row, i).as_bytes())?;
            }
            csv.write_record(None::<&[u8]>)?;
        }
        Ok(csv.flush()?)
    }
}
