//! Reads a table into a [`Dataset`]: one pass over the numbers, and a second one over text columns if any.
//!
//! Two passes, since one would have to keep every cell as text: 60000 rows of 784 pixels fit in memory only once.

use std::path::Path;

use super::columns::Input;
use super::follow::Known;
use super::labels::{Interner, Labels};
use super::limits::MAX_CATEGORIES;
use super::origin::Origin;
use super::table::{Cell, Table};
use super::target::TargetCells;
use super::{Column, ColumnKind, DataConfig, Dataset, Target, column_names, formats};
use crate::invalid::Invalid;

/// Reads the user's file, and the separate test file when the section names one.
pub(super) fn load(path: &Path, config: &DataConfig) -> Result<Dataset, Invalid> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let origin = Origin::file(path, "data.path");
    read(&name.to_string_lossy(), &origin, config)
}

/// The same for any origin, such as a shipped data set.
pub(super) fn read(name: &str, origin: &Origin, config: &DataConfig) -> Result<Dataset, Invalid> {
    infer(name, &formats::open(origin, config)?, config)
}

fn infer(name: &str, table: &Table<'_>, config: &DataConfig) -> Result<Dataset, Invalid> {
    let target_position = column_names::target_position(table, config.target.as_deref())?;
    let target_name = table.names()[target_position].clone();
    let inputs = column_names::inputs(table, target_position, config)?;
    let (values, source_rows, notes) = (Vec::new(), Vec::new(), Vec::new());
    let mut inference = Inference { table, target_position, inputs, values, source_rows, notes };
    if table.has_numeric_header() {
        let note = "the first line, taken for column names, is all numbers (data.header = false if it is data)";
        inference.notes.push(note.into());
    }
    let target_cells = inference.read_numbers(&target_name)?;
    let texts = inference.read_texts()?;
    let texts = inference.drop_identifiers(texts)?;
    inference.refuse_empty_columns(&texts, config)?;
    let Inference { inputs, mut values, mut source_rows, mut notes, .. } = inference;
    let (mut target, class_labels) = target_cells.finish(table, config.task, &mut notes)?;
    let category_labels = sort_categories(texts, &mut values);

    let num_training_rows = match &config.test_path {
        None => None,
        Some(path) => {
            let num_training_rows = values.len() / inputs.len();
            let known =
                Known { categories: &category_labels, target_name: &target_name, classes: class_labels.as_ref() };
            let mut rows = Rows { values: &mut values, target: &mut target, source_rows: &mut source_rows };
            append(path, &inputs, &known, config, &mut rows, &mut notes)?;
            Some(num_training_rows)
        }
    };
    values.shrink_to_fit();
    let columns = inputs.into_iter().zip(category_labels).map(|(input, labels)| Column {
        name: input.name,
        kind: match labels {
            Some(labels) => ColumnKind::Categorical { categories: labels.names },
            None => ColumnKind::Numeric,
        },
    });
    Ok(Dataset {
        name: name.to_owned(),
        columns: columns.collect(),
        values,
        target,
        target_name,
        image_shape: config.image_shape,
        num_training_rows,
        source_rows,
        notes,
    })
}

/// State while the training file is read.
struct Inference<'a> {
    table: &'a Table<'a>,
    target_position: usize,
    inputs: Vec<Input>,
    /// Row-major `[rows that have a target, inputs]`.
    values: Vec<f32>,
    /// See [`Dataset::source_rows`].
    source_rows: Vec<u32>,
    notes: Vec<String>,
}

/// Per input: the texts of a categorical column, `None` for a numeric one.
type Texts = Vec<Option<Interner>>;

impl Inference<'_> {
    fn read_numbers(&mut self, target_name: &str) -> Result<TargetCells, Invalid> {
        let Self { table, target_position, inputs, values, source_rows, .. } = self;
        let columns: Vec<usize> =
            std::iter::once(*target_position).chain(inputs.iter().map(|input| input.position)).collect();
        let mut target = TargetCells::new(target_name);
        let mut row_number = 0;
        let num_rows = table.for_each_row(&columns, |row| -> Result<(), Invalid> {
            let cells = row.cells();
            if cells[0] != Cell::Missing {
                target.push(cells[0], &row.text(0)?, row.line);
                let cells = inputs.iter_mut().zip(&cells[1..]).enumerate();
                values.extend(cells.map(|(i, (input, &cell))| input.observe(cell, row, i + 1, row_number)));
                source_rows.push(row_number as u32); // more rows would not fit in memory
            }
            row_number += 1;
            Ok(())
        })?;
        note_missing_targets(table, target_name, num_rows, source_rows.len(), &mut self.notes)?;
        Ok(target)
    }

    fn read_texts(&mut self) -> Result<Texts, Invalid> {
        let Self { table, target_position, inputs, values, .. } = self;
        let mut texts = Texts::new();
        for input in inputs.iter() {
            texts.push(input.is_text(table)?.then(Interner::default));
        }
        let width = inputs.len();
        let text_inputs: Vec<usize> = (0..width).filter(|&input| texts[input].is_some()).collect();
        if text_inputs.is_empty() {
            return Ok(texts);
        }
        let positions = text_inputs.iter().map(|&input| inputs[input].position);
        let columns: Vec<usize> = std::iter::once(*target_position).chain(positions).collect();
        let mut rows = values.chunks_exact_mut(width);
        table.for_each_row(&columns, |row| -> Result<(), Invalid> {
            let cells = row.cells();
            if cells[0] == Cell::Missing {
                return Ok(());
            }
            let Some(values) = rows.next() else {
                return Err(table.error("changed while it was read: try again"));
            };
            for (i, &input) in (1..).zip(&text_inputs) {
                let Some(texts) = &mut texts[input] else { continue };
                values[input] = match cells[i] {
                    Cell::Number(_) | Cell::Text if texts.len() <= MAX_CATEGORIES => texts.intern(&row.text(i)?) as f32,
                    Cell::Number(_) | Cell::Text | Cell::Missing => f32::NAN,
                };
            }
            Ok(())
        })?;
        if rows.next().is_some() {
            return Err(table.error("changed while it was read: try again"));
        }
        Ok(texts)
    }

    fn drop_identifiers(&mut self, texts: Texts) -> Result<Texts, Invalid> {
        let mut is_kept = Vec::with_capacity(texts.len());
        for (input, texts) in self.inputs.iter().zip(&texts) {
            let note = input.identifier_note(texts.as_ref());
            is_kept.push(note.is_none());
            self.notes.extend(input.mixed_note());
            self.notes.extend(note);
            if texts.as_ref().is_some_and(|texts| texts.len() > MAX_CATEGORIES) && is_kept.ends_with(&[true]) {
                let message =
                    format!("column `{}` has more than a million categories: add it to data.drop", input.name);
                return Err(Invalid::at("data.categorical", message));
            }
        }
        if !is_kept.contains(&true) {
            let notes = self.notes.join("; ");
            return Err(self.table.error(&format!("has no input column left: {notes}")));
        }
        if is_kept.contains(&false) {
            let width = is_kept.len();
            let mut cell = 0;
            self.values.retain(|_| {
                cell += 1;
                is_kept[(cell - 1) % width]
            });
            let mut keep = is_kept.iter();
            self.inputs.retain(|_| keep.next() == Some(&true));
        }
        let kept = texts.into_iter().zip(is_kept);
        Ok(kept.filter_map(|(texts, is_kept)| is_kept.then_some(texts)).collect())
    }

    fn refuse_empty_columns(&self, texts: &Texts, config: &DataConfig) -> Result<(), Invalid> {
        let all_missing = self.inputs.iter().filter(|input| input.is_all_missing());
        let names: Vec<String> = all_missing.map(|input| input.name.clone()).collect();
        refuse(self.table, &names, "without any value", "")?;
        // Border pixels are often constant; dropping them would destroy the image.
        if config.allow_constant || config.image_shape.is_some() {
            return Ok(());
        }
        let constant = self.inputs.iter().zip(texts);
        let constant = constant.filter(|(input, texts)| input.is_constant(texts.as_ref()));
        let names: Vec<String> = constant.map(|(input, _)| input.name.clone()).collect();
        let way_out = " (or data.allow_constant = true)";
        refuse(self.table, &names, "with the same value in every row", way_out)
    }
}

/// Sorts the categories of every column and rewrites its cells to match.
fn sort_categories(texts: Texts, values: &mut [f32]) -> Vec<Option<Labels>> {
    let width = texts.len();
    let sort = |(i, texts): (usize, Option<Interner>)| {
        let (labels, order) = texts?.sorted();
        for value in values.iter_mut().skip(i).step_by(width) {
            if !value.is_nan() {
                *value = order[*value as usize] as f32;
            }
        }
        Some(labels)
    };
    texts.into_iter().enumerate().map(sort).collect()
}

/// The rows read so far, one after the other.
struct Rows<'a> {
    values: &'a mut Vec<f32>,
    target: &'a mut Target,
    source_rows: &'a mut Vec<u32>,
}

/// Appends the rows of a test file, whose columns are found by name.
fn append(
    path: &Path,
    inputs: &[Input],
    known: &Known<'_>,
    config: &DataConfig,
    rows: &mut Rows<'_>,
    notes: &mut Vec<String>,
) -> Result<(), Invalid> {
    let origin = Origin::file(path, "data.test_path");
    let table = formats::open(&origin, config)?;
    let names = inputs.iter().map(|input| input.name.as_str()).chain([known.target_name]);
    let columns = column_names::positions(&table, names)?;
    let num_before = rows.source_rows.len();
    let mut row_number = 0;
    let num_rows = table.for_each_row(&columns, |row| -> Result<(), Invalid> {
        if known.push_target(row, inputs.len(), rows.target)? {
            known.push_inputs(row, rows.values)?;
            rows.source_rows.push(row_number);
        }
        row_number += 1;
        Ok(())
    })?;
    note_missing_targets(&table, known.target_name, num_rows, rows.source_rows.len() - num_before, notes)
}

/// The error for columns that carry no information, with the `data.drop` line to paste.
fn refuse(table: &Table<'_>, names: &[String], what: &str, way_out: &str) -> Result<(), Invalid> {
    if names.is_empty() {
        return Ok(());
    }
    let quoted: Vec<String> = names.iter().map(|name| format!("{name:?}")).collect();
    let columns = match names.len() {
        1 => "1 column".to_owned(),
        n => format!("{n} columns"),
    };
    let quoted = quoted.join(", ");
    let message = format!("has {columns} {what}: set data.drop = [{quoted}]{way_out}");
    Err(table.error(&message))
}

/// Rows without a target are left out, with a note to the user.
fn note_missing_targets(
    table: &Table<'_>,
    target_name: &str,
    num_rows: usize,
    num_kept: usize,
    notes: &mut Vec<String>,
) -> Result<(), Invalid> {
    if num_rows == 0 {
        return Err(table.error("has a header line and no rows"));
    }
    if num_kept == 0 {
        return Err(table.error(&format!("has no row with a target: `{target_name}` is always missing")));
    }
    if num_kept < num_rows {
        let display = table.display();
        let num_dropped = num_rows - num_kept;
        notes.push(format!("left out {num_dropped} of {num_rows} rows of {display}: `{target_name}` is missing there"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::table::{CellTexts, Reader, RowVisitor};
    use std::borrow::Cow;

    /// A format with typed cells: the interface must work for more than CSV.
    struct Typed(Vec<[Typing; 3]>);

    #[derive(Clone, Copy)]
    enum Typing {
        Number(f64),
        Text(&'static str),
        Missing,
    }

    impl Reader for Typed {
        fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
            for (line, row) in (1..).zip(&self.0) {
                let cells = columns.iter().map(|&column| match row[column] {
                    Typing::Number(number) => Cell::Number(number),
                    Typing::Text(_) => Cell::Text,
                    Typing::Missing => Cell::Missing,
                });
                if visit(line, &cells.collect::<Vec<_>>(), row).is_break() {
                    break;
                }
            }
            Ok(self.0.len())
        }
    }

    impl CellTexts for [Typing; 3] {
        fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
            match self[column] {
                Typing::Number(number) => number.to_string().into_bytes().into(),
                Typing::Text(text) => text.as_bytes().into(),
                Typing::Missing => b"".into(),
            }
        }
    }

    #[test]
    fn a_format_with_typed_cells_is_read_as_csv_is() {
        use Typing::{Missing, Number, Text};
        let config = DataConfig { target: Some("y".into()), ..DataConfig::default() };
        let origin = Origin::shipped("typed", b"");
        let read = |rows: &[[Typing; 3]]| {
            let names = ["x", "c", "y"].map(str::to_owned).to_vec();
            infer("typed", &Table::new(&origin, names, false, Box::new(Typed(rows.to_vec()))), &config)
        };
        let rows = [
            [Number(1.5), Text("b"), Text("no")],
            [Missing, Number(2.0), Text("yes")],
            [Number(3.0), Number(4.0), Missing],
            [Number(-1.0), Missing, Text("no")],
        ];
        let data = read(&rows).unwrap();
        assert_eq!(data.values[..2], [1.5, 1.0]);
        assert!(data.values[2].is_nan() && data.values[5].is_nan());
        assert_eq!((data.values[3], data.values[4]), (0.0, -1.0));
        assert_eq!(data.columns[1].kind, ColumnKind::Categorical { categories: vec!["2".into(), "b".into()] });
        let names = vec!["no".to_owned(), "yes".to_owned()];
        assert_eq!(data.target, Target::Classes { names, labels: vec![0, 1, 0] });

        let infinite = read(&[rows[0], [Number(f64::INFINITY), Text("a"), Text("yes")]]).unwrap_err();
        let expected = "typed:2: column `x` holds `inf`, not a finite number: correct it, or add it to data.missing";
        assert_eq!(infinite.message, expected);
    }
}
