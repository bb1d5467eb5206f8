//! Reads a table into a [`Dataset`]: here one pass over the numbers; in `reread` a second one over text columns, if any;
//! in `kinds` what each column is.
//!
//! Two passes, since one would have to keep every cell as text: 60000 rows of 784 pixels fit in memory only once.

use std::path::Path;
use std::sync::Arc;

use super::assemble::{OutColumn, assemble};
use super::chunk_file::ChunkFile;
use super::columns::Input;
use super::follow::{Known, KnownTarget};
use super::kept_rows::KeptRows;
use super::label_cells::NewLabels;
use super::labels::{Interner, quote};
use super::notes::Notes;
use super::number_texts::{self, Role};
use super::origin::Origin;
use super::reading::{ColumnReader, Readings};
use super::table::{Cell, Table};
use super::targets::TargetsGathered;
use super::{DataConfig, Dataset, Matrix, Target, column_names, division, formats, weights};
use super::{memory, missing};
use crate::invalid::Invalid;

/// Reads the user's file, and the separate test file when the section names one.
pub(super) fn load(path: &Path, config: &DataConfig) -> Result<Dataset, Invalid> {
    let origin = Origin::files(path, &config.more_paths, "data.path");
    let name = match origin.server()? {
        Some(address) => address.to_string(),
        None => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
    };
    read(&name, &origin, config, None)
}

/// The same for any origin, such as a shipped data set. The cells go to `file`, if there is one.
pub(super) fn read(
    name: &str,
    origin: &Origin,
    config: &DataConfig,
    file: Option<Arc<ChunkFile>>,
) -> Result<Dataset, Invalid> {
    infer(name, &formats::open(origin, config, None)?, config, file)
}

fn infer(name: &str, table: &Table<'_>, config: &DataConfig, file: Option<Arc<ChunkFile>>) -> Result<Dataset, Invalid> {
    let targets = column_names::target_positions(table, config)?;
    let target_names: Vec<String> = targets.iter().map(|&position| table.names()[position].clone()).collect();
    let mut notes = Notes::default();
    table.about().notes.iter().for_each(|note| notes.say(note.clone()));
    let inputs = column_names::inputs(table, &targets, config)?;
    let cells = Matrix::packing(inputs.len(), file);
    let mut inference = Inference { table, targets, inputs, cells, source_rows: KeptRows::default(), notes };
    let target_cells = inference.read_numbers(&target_names, config)?;
    let texts = inference.read_texts()?;
    let plain = inference.inputs.iter().filter(|input| input.is_plain()).map(|input| input.position);
    let has_decimal = config.decimal.is_some();
    number_texts::look(table, &plain.collect::<Vec<_>>(), Role::Input, has_decimal, &mut inference.notes)?;
    let hints = inference.hints(config);
    let columns = inference.decide(texts, config, hints)?;
    let columns = inference.drop_identifiers(columns, config)?;
    let mut columns = inference.drop_empty_columns(columns, config)?;
    let Inference { targets, mut cells, mut source_rows, mut notes, .. } = inference;
    let mut found = super::targets::finish(target_cells, table, &targets, config, hints, &mut notes)?;
    let weight = config.weight.iter().filter_map(|weight| table.names().iter().position(|name| name == weight));
    let quantities: Vec<usize> = found.plain_numbers(&targets).chain(weight).collect();
    number_texts::look(table, &quantities, Role::Quantity, has_decimal, &mut notes)?;
    for (name, known) in target_names.iter().zip(&found.known) {
        let classes = known.labels.iter().flat_map(|labels| &labels.names);
        missing::doubtful(classes, &config.missing, true).for_each(|word| {
            notes.say(format!("`{word}` is a class of `{name}` (if it means missing, add it to data.missing)"));
        });
    }
    assemble(&mut cells, &columns).map_err(|error| memory::refused(&error, &cells, table))?;

    let (encoding, image_files) = (table.about().encoding.clone(), table.about().pixels.is_some());
    let mut readings = Readings { encoding, image_files, ..Readings::default() };
    for column in &columns {
        readings.columns.extend(column.reading().map(|reading| (column.name.clone(), reading)));
    }
    found.keep(&target_names, &mut readings);

    let num_training_rows = match &config.test_path {
        None => None,
        Some(path) => {
            let num_training_rows = cells.num_rows();
            cells.reopen().map_err(|error| memory::refused(&error, &cells, table))?;
            let readers: Vec<ColumnReader> = columns.iter().map(OutColumn::reader).collect();
            let targets = target_names.iter().zip(&found.known).map(|(name, found)| KnownTarget {
                name: name.clone(),
                classes: found.labels.clone(),
                syntax: found.syntax.clone(),
                separator: found.separator.clone(),
            });
            let known = Known { columns: &readers, targets: targets.collect() };
            let names = columns.iter().map(|column| readings.source(&column.name));
            let mut rows = Rows { cells: &mut cells, target: &mut found.target, source_rows: &mut source_rows };
            rows.source_rows.begin_test_file();
            append(path, names, &known, config, &mut rows, &mut notes)?;
            columns.iter_mut().zip(&readers).for_each(|(column, reader)| column.keep_texts(reader));
            Some(num_training_rows)
        }
    };
    cells.finish().map_err(|error| memory::refused(&error, &cells, table))?;
    let division = division::read(table, &target_names, config, &mut notes)?;
    let weights = weights::read(table, &target_names, config)?;
    Ok(Dataset {
        name: name.to_owned(),
        columns: columns.into_iter().map(OutColumn::into_column).collect(),
        cells,
        target: found.target,
        target_name: target_names.join(", "),
        image_shape: config.image_shape,
        num_training_rows,
        source_rows: source_rows.into_list(),
        division,
        weights,
        notes: notes.lines(),
        readings,
    })
}

/// State while the training file is read.
pub(super) struct Inference<'a> {
    pub(super) table: &'a Table<'a>,
    /// Positions of the targets: a row counts if it has all of them.
    pub(super) targets: Vec<usize>,
    pub(super) inputs: Vec<Input>,
    /// Of rows that have their targets, one for each input.
    pub(super) cells: Matrix,
    /// See [`Dataset::source_rows`].
    source_rows: KeptRows,
    pub(super) notes: Notes,
}

/// Per input: the texts of a column that is not plainly numeric, else `None`.
pub(super) type Texts = Vec<Option<Interner>>;

impl Inference<'_> {
    /// Rows that have a target.
    pub(super) fn num_rows(&self) -> usize {
        self.source_rows.len()
    }

    fn read_numbers(&mut self, target_names: &[String], config: &DataConfig) -> Result<TargetsGathered, Invalid> {
        let Self { table, targets, inputs, cells: all, source_rows, .. } = self;
        let num_targets = targets.len();
        let columns: Vec<usize> = targets.iter().copied().chain(inputs.iter().map(|input| input.position)).collect();
        let mut found = TargetsGathered::new(target_names, config);
        let mut row_number = 0;
        let mut missing_targets = Interner::default();
        let num_rows = table.for_each_row(&columns, |row| -> Result<(), Invalid> {
            let (of_targets, cells) = row.cells().split_at(num_targets);
            if let Some(missing) = of_targets.iter().position(|cell| *cell == Cell::Missing) {
                missing_targets.intern(&row.text(missing)?, row.line);
            } else {
                for (i, &cell) in of_targets.iter().enumerate() {
                    found.push(i, cell, &row.text(i)?, row.line);
                }
                let cells = inputs.iter_mut().zip(cells).enumerate();
                let values = cells.map(|(i, (input, &cell))| input.observe(cell, row, i + num_targets, row_number));
                all.next_row().extend(values);
                if let Some(foreseen) = end_row(all, table)? {
                    found.reserve(foreseen);
                }
                source_rows.push(row_number as u32); // more rows would not fit in memory
            }
            row_number += 1;
            Ok(())
        })?;
        all.finish().map_err(|error| memory::refused(&error, all, table))?;
        note_missing_targets(table, target_names, num_rows, source_rows.len(), &missing_targets, &mut self.notes)?;
        Ok(found)
    }
}

/// Ends a row of the cells of a table, and looks ahead now and then: how many rows there will be.
fn end_row(cells: &mut Matrix, table: &Table<'_>) -> Result<Option<usize>, Invalid> {
    match cells.end_row() {
        Ok(false) => Ok(None),
        Ok(true) => memory::foresee(cells, table),
        Err(error) => Err(memory::refused(&error, cells, table)),
    }
}

/// The rows read so far, one after the other.
struct Rows<'a> {
    cells: &'a mut Matrix,
    target: &'a mut Target,
    source_rows: &'a mut KeptRows,
}

/// Appends the rows of a test file, whose columns are found by name.
fn append<'n>(
    path: &Path,
    names: impl Iterator<Item = &'n str>,
    known: &Known<'_>,
    config: &DataConfig,
    rows: &mut Rows<'_>,
    notes: &mut Notes,
) -> Result<(), Invalid> {
    let origin = Origin::file(path, "data.test_path");
    let table = formats::open(&origin, config, None)?;
    let target_names: Vec<String> = known.targets.iter().map(|target| target.name.clone()).collect();
    let names: Vec<String> = names.map(str::to_owned).chain(target_names.iter().cloned()).collect();
    let columns = column_names::positions(&table, names.iter().map(String::as_str))?;
    let first_target = known.columns.len();
    let num_before = rows.source_rows.len();
    let mut row_number = 0;
    let mut missing = Interner::default();
    let mut new_labels = NewLabels::default();
    let num_rows = table.for_each_row(&columns, |row| -> Result<(), Invalid> {
        if let Some(cell) = known.missing_target(row, first_target) {
            missing.intern(&row.text(cell)?, row.line);
        } else {
            let new = known.push_targets(row, first_target, rows.target)?;
            new_labels.count(&new);
            known.push_inputs(row, rows.cells.next_row())?;
            end_row(rows.cells, &table)?;
            rows.source_rows.push(row_number);
        }
        row_number += 1;
        Ok(())
    })?;
    let num_kept = rows.source_rows.len() - num_before;
    let new_labels = new_labels.told(&target_names.join(", "), num_kept);
    new_labels.into_iter().for_each(|line| notes.say(format!("{}: {line}", table.display())));
    note_missing_targets(&table, &target_names, num_rows, num_kept, &missing, notes)
}

/// Rows without a target are left out, with a note to the user.
fn note_missing_targets(
    table: &Table<'_>,
    target_names: &[String],
    num_rows: usize,
    num_kept: usize,
    missing: &Interner,
    notes: &mut Notes,
) -> Result<(), Invalid> {
    if num_rows == 0 {
        return Err(table.error("has a header line and no rows"));
    }
    let names = target_names.join("` or `");
    if num_kept == 0 {
        // Why may be known, as of formulas that were never computed.
        let about = table.about().notes.iter().filter(|note| note.contains(&format!("`{names}`")));
        let about: String = about.map(|note| format!("; {note}")).collect();
        return Err(table.error(&format!("has no row with a target: `{names}` is always missing{about}")));
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
        notes.say(format!("left out {num_dropped} of {num_rows} rows of {display}: `{names}` is missing there{words}"));
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
            infer("typed", &Table::new(&origin, names, About::default(), Box::new(Typed(rows.to_vec()))), &config, None)
        };
        let rows = [
            [Number(1.5), Text("b"), Text("no")],
            [Missing, Number(2.0), Text("yes")],
            [Number(3.0), Number(4.0), Missing],
            [Number(-1.0), Missing, Text("no")],
        ];
        let data = read(&rows).unwrap();
        let values = data.cells.to_floats();
        assert_eq!(values[..2], [1.5, 1.0]);
        assert!(values[2].is_nan() && values[5].is_nan());
        assert_eq!((values[3], values[4]), (0.0, -1.0));
        assert_eq!(data.columns[1].kind, ColumnKind::Categorical { categories: vec!["2".into(), "b".into()] });
        let names = vec!["no".to_owned(), "yes".to_owned()];
        assert_eq!(data.target, Target::Classes { names, labels: vec![0, 1, 0] });

        let infinite = read(&[rows[0], [Number(f64::INFINITY), Text("a"), Text("yes")]]).unwrap_err();
        let expected = "typed:2: column `x` holds `inf`, not a finite number: correct it, or add it to data.missing";
        assert_eq!(infinite.message, expected);
    }
}
