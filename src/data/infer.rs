//! Reads a table into a [`Dataset`]: one pass over the numbers, and a second one over text columns if any.
//!
//! Two passes, since one would have to keep every cell as text: 60000 rows of 784 pixels fit in memory only once.

use std::path::Path;

use super::assemble::{Cells, OutColumn, assemble};
use super::columns::Input;
use super::dates;
use super::decide::{Decision, decide};
use super::follow::Known;
use super::labels::{Interner, quote};
use super::limits::MAX_CATEGORIES;
use super::memory::make_room;
use super::notes::Notes;
use super::number::Hints;
use super::origin::Origin;
use super::reading::{ColumnReader, Reading, Readings};
use super::suspicion::refuse_grouping_dots;
use super::table::{Cell, Table};
use super::target::{TargetCells, TargetFound};
use super::{DataConfig, Dataset, Target, column_names, formats};
use crate::invalid::Invalid;

/// Reads the user's file, and the separate test file when the section names one.
pub(super) fn load(path: &Path, config: &DataConfig) -> Result<Dataset, Invalid> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let origin = Origin::file(path, "data.path");
    read(&name.to_string_lossy(), &origin, config)
}

/// The same for any origin, such as a shipped data set.
pub(super) fn read(name: &str, origin: &Origin, config: &DataConfig) -> Result<Dataset, Invalid> {
    infer(name, &formats::open(origin, config, None)?, config)
}

fn infer(name: &str, table: &Table<'_>, config: &DataConfig) -> Result<Dataset, Invalid> {
    let target_position = column_names::target_position(table, config.target.as_deref())?;
    let target_name = table.names()[target_position].clone();
    let mut notes = Notes::default();
    table.about().notes.iter().for_each(|note| notes.say(note.clone()));
    let inputs = column_names::inputs(table, target_position, config)?;
    let (values, source_rows) = (Vec::new(), Vec::new());
    let mut inference = Inference { table, target_position, inputs, values, source_rows, notes };
    if table.about().has_numeric_header {
        let note = "the first line, taken for column names, is all numbers (data.header = false if it is data)";
        inference.notes.say(note.into());
    }
    let target_cells = inference.read_numbers(&target_name)?;
    let texts = inference.read_texts()?;
    if config.decimal.is_none() {
        let plain = inference.inputs.iter().filter(|input| input.is_plain()).map(|input| input.position);
        refuse_grouping_dots(table, &plain.collect::<Vec<_>>())?;
    }
    let hints = inference.hints(config);
    let columns = inference.decide(texts, config, hints)?;
    let columns = inference.drop_identifiers(columns)?;
    inference.refuse_empty_columns(&columns, config)?;
    let Inference { inputs, mut values, mut source_rows, mut notes, .. } = inference;
    let TargetFound { mut target, labels: class_labels, syntax: target_syntax } =
        target_cells.finish(table, target_position, config, hints, &mut notes)?;
    assemble(&mut values, inputs.len(), &columns);

    let mut readings = Readings { encoding: table.about().encoding.clone(), ..Readings::default() };
    let keep = |readings: &mut Readings, name: &str, reading: Option<Reading>| {
        readings.columns.extend(reading.map(|reading| (name.to_owned(), reading)));
    };
    columns.iter().for_each(|column| keep(&mut readings, &column.name, column.reading()));
    let of_target = match (&class_labels, &target_syntax) {
        (Some(labels), _) => Reading::of_names(labels),
        (None, Some(syntax)) => Some(Reading::Numbers { syntax: syntax.clone(), missing: Vec::new(), origin: 0.0 }),
        (None, None) => None,
    };
    keep(&mut readings, &target_name, of_target);

    let num_training_rows = match &config.test_path {
        None => None,
        Some(path) => {
            let num_training_rows = values.len() / columns.len();
            let readers: Vec<ColumnReader> = columns.iter().map(OutColumn::reader).collect();
            let known = Known {
                columns: &readers,
                target_name: &target_name,
                classes: class_labels.as_ref(),
                target_syntax: target_syntax.as_ref(),
            };
            let names = columns.iter().map(|column| readings.source(&column.name));
            let mut rows = Rows { values: &mut values, target: &mut target, source_rows: &mut source_rows };
            append(path, names, &known, config, &mut rows, &mut notes)?;
            Some(num_training_rows)
        }
    };
    values.shrink_to_fit();
    Ok(Dataset {
        name: name.to_owned(),
        columns: columns.into_iter().map(OutColumn::into_column).collect(),
        values,
        target,
        target_name,
        image_shape: config.image_shape,
        num_training_rows,
        source_rows,
        notes: notes.lines(),
        readings,
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
    notes: Notes,
}

/// Per input: the texts of a column that is not plainly numeric, else `None`.
type Texts = Vec<Option<Interner>>;

impl Inference<'_> {
    fn read_numbers(&mut self, target_name: &str) -> Result<TargetCells, Invalid> {
        let Self { table, target_position, inputs, values, source_rows, .. } = self;
        let columns: Vec<usize> =
            std::iter::once(*target_position).chain(inputs.iter().map(|input| input.position)).collect();
        let mut target = TargetCells::new(target_name);
        let mut row_number = 0;
        let mut missing_targets = Interner::default();
        let num_rows = table.for_each_row(&columns, |row| -> Result<(), Invalid> {
            let cells = row.cells();
            if cells[0] != Cell::Missing {
                target.push(cells[0], &row.text(0)?, row.line);
                make_room(values, inputs.len(), table)?;
                let cells = inputs.iter_mut().zip(&cells[1..]).enumerate();
                values.extend(cells.map(|(i, (input, &cell))| input.observe(cell, row, i + 1, row_number)));
                source_rows.push(row_number as u32); // more rows would not fit in memory
            } else {
                missing_targets.intern(&row.text(0)?, row.line);
            }
            row_number += 1;
            Ok(())
        })?;
        note_missing_targets(table, target_name, num_rows, source_rows.len(), &missing_targets, &mut self.notes)?;
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
                    Cell::Number(_) | Cell::Text if texts.len() <= MAX_CATEGORIES => {
                        texts.intern(&row.text(i)?, row.line) as f32
                    }
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

    /// What the section and the plain numbers tell about the other ones. Where some have a decimal point, a comma is
    /// hardly a decimal comma.
    fn hints(&self, config: &DataConfig) -> Hints {
        const NUM_SEEN: usize = 20_000;
        let width = self.inputs.len();
        let has_point = |(i, value): (usize, &f32)| !self.inputs[i % width].has_text() && value.fract() != 0.0;
        let has_points = self.values.iter().take(NUM_SEEN).enumerate().any(has_point);
        Hints { decimal: config.decimal, is_comma_likely: self.table.about().is_comma_likely && !has_points }
    }

    /// The columns of the data set: one for each input, or several for a date.
    fn decide(&mut self, texts: Texts, config: &DataConfig, hints: Hints) -> Result<Vec<OutColumn>, Invalid> {
        let mut columns = Vec::with_capacity(texts.len());
        for (i, texts) in texts.into_iter().enumerate() {
            let input = &mut self.inputs[i];
            let name = input.name.clone();
            let Some(texts) = texts else {
                let origin = input.origin();
                let reading = (origin != 0.0).then(|| Reading::of_large_numbers(origin));
                columns.push(OutColumn::numeric(name, i, Cells::AsRead, reading));
                if origin != 0.0 {
                    let last = columns.len() - 1;
                    self.read_again(&mut columns[last..], i)?;
                }
                continue;
            };
            let distinct = texts.distinct();
            let first_new = columns.len();
            match decide(input, &distinct, self.table, hints, config.day_first)? {
                Decision::Names { note } => {
                    note.into_iter().for_each(|note| self.notes.say(note));
                    let (labels, order) = texts.sorted();
                    if let Some(alike) = labels.note(&distinct) {
                        self.notes.say(format!("column `{name}`: {alike}"));
                    }
                    columns.push(OutColumn::names(name, i, texts.len(), labels, order));
                    continue;
                }
                Decision::Numbers { syntax, numbers, missing, how } => {
                    let numbers: Vec<f32> = numbers.iter().map(|number| number.unwrap_or(f64::NAN) as f32).collect();
                    input.observe_numbers(numbers.iter().copied());
                    how.into_iter().for_each(|(how, example)| self.notes.say_of_column(&how, &name, &example));
                    let reading = Reading::Numbers { syntax, missing, origin: 0.0 };
                    columns.push(OutColumn::numeric(name, i, Cells::ByText(numbers), Some(reading)));
                }
                Decision::Dates { order, moments, missing } => {
                    let known: Vec<_> = moments.iter().flatten().copied().collect();
                    let origin = known.iter().map(|moment| moment.seconds).fold(f64::INFINITY, f64::min);
                    let parts = dates::parts(&known);
                    self.notes.say(dates::describe(&name, &known, &parts));
                    for part in parts {
                        let of = |moment: &Option<_>| {
                            moment.as_ref().map_or(f32::NAN, |moment| part.of(moment, origin) as f32)
                        };
                        let numbers: Vec<f32> = moments.iter().map(of).collect();
                        if part == dates::DatePart::Days {
                            input.observe_numbers(numbers.iter().copied());
                        }
                        let (source, missing) = (name.clone(), missing.clone());
                        let reading = Reading::Date { source, order, part, origin, missing };
                        let name = part.column_name(&name);
                        if self.table.names().contains(&name) {
                            let message = format!("has a column `{name}`, as the one computed from a date: rename it");
                            return Err(self.table.error(&message));
                        }
                        columns.push(OutColumn::numeric(name, i, Cells::ByText(numbers), Some(reading)));
                    }
                }
            }
            if texts.len() > MAX_CATEGORIES {
                self.read_again(&mut columns[first_new..], i)?;
            }
        }
        Ok(columns)
    }

    /// Reads a column again whose cells could not be kept: numbers or dates of too many distinct texts, large numbers.
    fn read_again(&mut self, columns: &mut [OutColumn], input: usize) -> Result<(), Invalid> {
        let Self { table, target_position, inputs, .. } = self;
        let readers: Vec<ColumnReader> = columns.iter().map(OutColumn::reader).collect();
        let mut read: Vec<Vec<f32>> = vec![Vec::new(); columns.len()];
        table.for_each_row(&[*target_position, inputs[input].position], |row| -> Result<(), Invalid> {
            if row.cells()[0] != Cell::Missing {
                for (reader, read) in readers.iter().zip(&mut read) {
                    read.push(reader.read(row, 1)?);
                }
            }
            Ok(())
        })?;
        // Of large numbers the first pass saw enough.
        if let ([first, ..], true) = (&read[..], inputs[input].has_text()) {
            inputs[input].observe_numbers(first.iter().copied());
        }
        columns.iter_mut().zip(read).for_each(|(column, read)| column.cells = Cells::ByRow(read));
        Ok(())
    }

    fn drop_identifiers(&mut self, columns: Vec<OutColumn>) -> Result<Vec<OutColumn>, Invalid> {
        let mut kept = Vec::with_capacity(columns.len());
        for column in columns {
            let input = &self.inputs[column.input];
            match input.identifier_note(column.num_texts) {
                Some(note) => self.notes.say(note),
                None if column.num_texts.is_some_and(|count| count > MAX_CATEGORIES) => {
                    let message =
                        format!("column `{}` has more than a million categories: add it to data.drop", input.name);
                    return Err(Invalid::at("data.categorical", message));
                }
                None => kept.push(column),
            }
        }
        if kept.is_empty() {
            let notes = self.notes.lines().join("; ");
            return Err(self.table.error(&format!("has no input column left: {notes}")));
        }
        Ok(kept)
    }

    fn refuse_empty_columns(&self, columns: &[OutColumn], config: &DataConfig) -> Result<(), Invalid> {
        let all_missing = columns.iter().filter(|column| self.inputs[column.input].is_all_missing());
        let names: Vec<String> = all_missing.map(|column| column.name.clone()).collect();
        refuse(self.table, &names, "without any value", "")?;
        // Border pixels are often constant; dropping them would destroy the image.
        if config.allow_constant || config.image_shape.is_some() {
            return Ok(());
        }
        let mut names: Vec<String> = Vec::new();
        for column in columns {
            let input = &self.inputs[column.input];
            if input.is_constant(column.labels()) && names.last() != Some(&input.name) {
                names.push(input.name.clone());
            }
        }
        let way_out = " (or data.allow_constant = true)";
        refuse(self.table, &names, "with the same value in every row", way_out)
    }
}

/// The rows read so far, one after the other.
struct Rows<'a> {
    values: &'a mut Vec<f32>,
    target: &'a mut Target,
    source_rows: &'a mut Vec<u32>,
}

/// Appends the rows of a test file, whose columns are found by name.
fn append<'n>(
    path: &Path,
    names: impl Iterator<Item = &'n str>,
    known: &Known<'n>,
    config: &DataConfig,
    rows: &mut Rows<'_>,
    notes: &mut Notes,
) -> Result<(), Invalid> {
    let origin = Origin::file(path, "data.test_path");
    let table = formats::open(&origin, config, None)?;
    let columns = column_names::positions(&table, names.chain([known.target_name]))?;
    let target_cell = known.columns.len();
    let num_before = rows.source_rows.len();
    let mut row_number = 0;
    let mut missing = Interner::default();
    let num_rows = table.for_each_row(&columns, |row| -> Result<(), Invalid> {
        if known.push_target(row, target_cell, rows.target)? {
            known.push_inputs(row, rows.values)?;
            rows.source_rows.push(row_number);
        } else {
            missing.intern(&row.text(target_cell)?, row.line);
        }
        row_number += 1;
        Ok(())
    })?;
    note_missing_targets(&table, known.target_name, num_rows, rows.source_rows.len() - num_before, &missing, notes)
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
    missing: &Interner,
    notes: &mut Notes,
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
        let words = missing.distinct();
        let words: Vec<String> =
            words.iter().filter(|word| !word.text.is_empty()).map(|word| quote(word.text)).collect();
        let words = match words.is_empty() {
            true => String::new(),
            // Whoever has a class `NA` must learn that it was taken for a missing one.
            false => format!(" ({} counts as missing; data.missing = [] reads it)", words.join(", ")),
        };
        notes.say(format!(
            "left out {num_dropped} of {num_rows} rows of {display}: `{target_name}` is missing there{words}"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::ColumnKind;
    use crate::data::table::{About, CellTexts, Reader, RowVisitor};
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
            infer("typed", &Table::new(&origin, names, About::default(), Box::new(Typed(rows.to_vec()))), &config)
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
