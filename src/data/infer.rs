//! A CSV file to a [`Dataset`]: a pass over the numbers, a second one over the text columns if there are any.
//!
//! Two passes instead of one that keeps every cell as text: 60000 rows of 784 pixels fit in memory once.

use std::path::Path;

use super::columns::{self, Cell, CellReader, Input};
use super::csv::{self, CsvFile, Origin};
use super::labels::{Gathering, Labels};
use super::target::{self, TargetCells};
use super::{Column, ColumnKind, DataConfig, Dataset, Target};
use crate::invalid::Invalid;

/// The user's file, and the separate test file when the section names one.
pub(super) fn load(path: &Path, config: &DataConfig) -> Result<Dataset, Invalid> {
    let name = path.file_name().unwrap_or(path.as_os_str());
    let origin = Origin::file(path, "data.path");
    read(&name.to_string_lossy(), &origin, config)
}

/// The same for any origin; the shipped sets come this way.
pub(super) fn read(name: &str, origin: &Origin, config: &DataConfig) -> Result<Dataset, Invalid> {
    let file = CsvFile::open(origin, config)?;
    let target_position = columns::target_position(&file, config.target.as_deref())?;
    let target_name = file.names[target_position].clone();
    let inputs = columns::inputs(&file, target_position, config)?;
    let mut table = Table {
        file: &file,
        cells: CellReader::new(&config.missing),
        target_position,
        inputs,
        values: Vec::new(),
        notes: Vec::new(),
    };
    if config.header && csv::are_numbers(&file.names) {
        table
            .notes
            .push("the first line, taken for column names, is all numbers (data.header = false if it is data)".into());
    }
    let target_cells = table.read_numbers(&target_name)?;
    let texts = table.read_texts()?;
    let texts = table.drop_identifiers(texts)?;
    table.refuse_empty_columns(&texts, config)?;
    let Table { inputs, mut values, mut notes, .. } = table;
    let (mut target, class_labels) = target_cells.finish(&file, config.task, &mut notes)?;
    let category_labels = sort_categories(texts, &mut values);

    let num_training_rows = match &config.test_path {
        None => None,
        Some(path) => {
            let known = Known {
                inputs: &inputs,
                categories: &category_labels,
                target_name: &target_name,
                classes: class_labels.as_ref(),
            };
            let num_training_rows = values.len() / inputs.len();
            known.append(path, config, &mut values, &mut target, &mut notes)?;
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
        notes,
    })
}

/// The training file while it is read.
struct Table<'a> {
    file: &'a CsvFile<'a>,
    cells: CellReader,
    target_position: usize,
    inputs: Vec<Input>,
    /// Row-major `[rows that have a target, inputs]`.
    values: Vec<f32>,
    notes: Vec<String>,
}

/// Per input: the texts of a categorical column, `None` for a numeric one.
type Texts = Vec<Option<Gathering>>;

impl Table<'_> {
    fn read_numbers(&mut self, target_name: &str) -> Result<TargetCells, Invalid> {
        let Self { file, cells, target_position, inputs, values, .. } = self;
        let mut target = TargetCells::new(target_name);
        let (mut row, mut num_kept) = (0, 0);
        let num_rows = file.for_each_row(|line, record| -> Result<(), Invalid> {
            let raw = record[*target_position].trim_ascii();
            let cell = cells.read(raw);
            if !matches!(cell, Cell::Missing) {
                target.push(cell, columns::utf8(file, raw, *target_position, line)?, line);
                values.extend(inputs.iter_mut().map(|input| {
                    let raw = record[input.position].trim_ascii();
                    input.observe(cells.read(raw), raw, line, row)
                }));
                num_kept += 1;
            }
            row += 1;
            Ok(())
        })?;
        note_missing_targets(file, target_name, num_rows, num_kept, &mut self.notes)?;
        Ok(target)
    }

    fn read_texts(&mut self) -> Result<Texts, Invalid> {
        let Self { file, cells, target_position, inputs, values, .. } = self;
        let mut texts = Texts::new();
        for input in inputs.iter() {
            texts.push(input.is_text(file)?.then(Gathering::default));
        }
        if texts.iter().all(Option::is_none) {
            return Ok(texts);
        }
        let mut rows = values.chunks_exact_mut(inputs.len());
        file.for_each_row(|line, record| -> Result<(), Invalid> {
            if matches!(cells.read(record[*target_position].trim_ascii()), Cell::Missing) {
                return Ok(());
            }
            let Some(values) = rows.next() else {
                return Err(file.origin.error("changed while it was read: try again"));
            };
            for ((input, value), texts) in inputs.iter().zip(values).zip(&mut texts) {
                let Some(texts) = texts else { continue };
                let raw = record[input.position].trim_ascii();
                if texts.len() > columns::MAX_CATEGORIES || matches!(cells.read(raw), Cell::Missing) {
                    *value = f32::NAN;
                } else {
                    *value = texts.number(columns::utf8(file, raw, input.position, line)?) as f32;
                }
            }
            Ok(())
        })?;
        if rows.next().is_some() {
            return Err(file.origin.error("changed while it was read: try again"));
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
            if texts.as_ref().is_some_and(|texts| texts.len() > columns::MAX_CATEGORIES) && is_kept.ends_with(&[true]) {
                let message =
                    format!("column `{}` has more than a million categories: add it to data.drop", input.name);
                return Err(Invalid::at("data.categorical", message));
            }
        }
        if !is_kept.contains(&true) {
            let notes = self.notes.join("; ");
            return Err(self.file.origin.error(&format!("has no input column left: {notes}")));
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
        columns::refuse(self.file, &names, "without any value", "")?;
        // Border pixels are often constant; dropping them would destroy the image.
        if config.allow_constant || config.image_shape.is_some() {
            return Ok(());
        }
        let constant = self.inputs.iter().zip(texts);
        let constant = constant.filter(|(input, texts)| input.is_constant(texts.as_ref()));
        let names: Vec<String> = constant.map(|(input, _)| input.name.clone()).collect();
        let way_out = " (or data.allow_constant = true)";
        columns::refuse(self.file, &names, "with the same value in every row", way_out)
    }
}

/// Sorts the categories of every column and rewrites its cells to match.
fn sort_categories(texts: Texts, values: &mut [f32]) -> Vec<Option<Labels>> {
    let width = texts.len();
    let sort = |(i, texts): (usize, Option<Gathering>)| {
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

/// What the training file has settled and a test file must follow.
struct Known<'a> {
    inputs: &'a [Input],
    categories: &'a [Option<Labels>],
    target_name: &'a str,
    classes: Option<&'a Labels>,
}

impl Known<'_> {
    /// Appends the rows of a test file, whose columns are found by name.
    fn append(
        &self,
        path: &Path,
        config: &DataConfig,
        values: &mut Vec<f32>,
        target: &mut Target,
        notes: &mut Vec<String>,
    ) -> Result<(), Invalid> {
        let origin = Origin::file(path, "data.test_path");
        let file = CsvFile::open(&origin, config)?;
        let names = self.inputs.iter().map(|input| input.name.as_str()).chain([self.target_name]);
        let positions = columns::positions(&file, names)?;
        let (&target_position, positions) = positions.split_last().expect("the target is one of the names");
        let cells = CellReader::new(&config.missing);
        let mut num_kept = 0;
        let num_rows = file.for_each_row(|line, record| -> Result<(), Invalid> {
            let raw = record[target_position].trim_ascii();
            let cell = cells.read(raw);
            if matches!(cell, Cell::Missing) {
                return Ok(());
            }
            let text = columns::utf8(&file, raw, target_position, line)?;
            target::push_test_cell(&file, self.target_name, (line, text, cell), target, self.classes)?;
            for (labels, &position) in self.categories.iter().zip(positions) {
                values.push(columns::known_value(&file, &cells, labels.as_ref(), record, position, line)?);
            }
            num_kept += 1;
            Ok(())
        })?;
        note_missing_targets(&file, self.target_name, num_rows, num_kept, notes)
    }
}

/// Rows without a target teach nothing; they are left out, and the user hears of it.
fn note_missing_targets(
    file: &CsvFile,
    target_name: &str,
    num_rows: usize,
    num_kept: usize,
    notes: &mut Vec<String>,
) -> Result<(), Invalid> {
    if num_rows == 0 {
        return Err(file.origin.error("has a header line and no rows"));
    }
    if num_kept == 0 {
        return Err(file.origin.error(&format!("has no row with a target: `{target_name}` is always missing")));
    }
    if num_kept < num_rows {
        let display = &file.origin.display;
        let num_dropped = num_rows - num_kept;
        notes.push(format!("left out {num_dropped} of {num_rows} rows of {display}: `{target_name}` is missing there"));
    }
    Ok(())
}
