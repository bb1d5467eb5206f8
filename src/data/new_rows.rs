//! A CSV file of new rows, for a trained network: read in blocks, so that it may be larger than memory.

use std::path::Path;

use csv::ByteRecord;

use super::columns::{self, Cell, CellReader};
use super::csv::{CsvFile, Origin};
use super::labels::Labels;
use super::target;
use super::{Column, ColumnKind, DataConfig, Dataset, Examples, Preparation, PreparedKind, Target};
use crate::invalid::Invalid;

/// Rows in memory at a time: enough for a network to work on at full speed.
const ROWS_A_BLOCK: usize = 4096;

/// A file whose columns have been matched with those of a [`Preparation`].
pub struct NewRows<'a> {
    preparation: &'a Preparation,
    origin: Origin,
    config: &'a DataConfig,
    /// The value of the target is read and required in each row.
    has_target: bool,
    /// Columns to hand on as they are.
    kept: &'a [String],
}

/// Some rows of the file.
pub struct Block {
    /// As the network takes them; `targets` are NaN where the target was not asked for.
    pub examples: Examples,
    /// Per example, the cells of the kept columns, untouched.
    pub kept: Vec<ByteRecord>,
}

impl<'a> NewRows<'a> {
    /// Rows of `path`, read as `config` (the training's) says: missing cells, delimiter, header.
    ///
    /// With `has_target` each block has its targets; without, the file need not have that column. `kept` names columns
    /// to hand on.
    pub fn new(
        path: &Path,
        preparation: &'a Preparation,
        config: &'a DataConfig,
        has_target: bool,
        kept: &'a [String],
    ) -> Self {
        Self { preparation, origin: Origin::file(path, "the file"), config, has_target, kept }
    }

    /// Opens the file and finds its columns, by name, whatever their order; others are ignored.
    ///
    /// # Errors
    /// A file that cannot be read; columns that it lacks.
    pub fn open(&self) -> Result<OpenRows<'_>, Invalid> {
        let Self { preparation, origin, config, has_target, kept } = self;
        let file = CsvFile::open(origin, config)?;
        let inputs = columns::positions(&file, preparation.columns.iter().map(|column| column.name.as_str()))?;
        if let Some(name) = kept.iter().find(|name| !file.names.contains(name)) {
            return Err(origin.error(&format!("has no column `{name}` to keep")));
        }
        let kept = columns::positions(&file, kept.iter().map(String::as_str))?;
        let target_position = match has_target {
            true => columns::positions(&file, std::iter::once(preparation.target_name.as_str()))?.pop(),
            false => None,
        };
        Ok(OpenRows { preparation, config, file, inputs, kept, target_position })
    }
}

/// A file whose columns are found.
pub struct OpenRows<'a> {
    preparation: &'a Preparation,
    config: &'a DataConfig,
    file: CsvFile<'a>,
    inputs: Vec<usize>,
    kept: Vec<usize>,
    /// `None` when targets are not read.
    target_position: Option<usize>,
}

impl OpenRows<'_> {
    /// Calls `visit` with each block, in the order of the file.
    ///
    /// A category that training did not see is the unknown one, a missing number becomes the training median.
    ///
    /// # Errors
    /// A row that cannot be read; text in a numeric column; a class that training did not have; the first error of
    /// `visit`.
    pub fn for_each_block<E: From<Invalid>>(&self, mut visit: impl FnMut(Block) -> Result<(), E>) -> Result<(), E> {
        let Self { preparation, config, file, inputs, kept, target_position } = self;
        let cells = CellReader::new(&config.missing);
        let categories: Vec<Option<Labels>> = preparation.columns.iter().map(|column| labels(&column.kind)).collect();
        let classes = (!preparation.class_names().is_empty()).then(|| Labels::known(preparation.class_names()));

        let mut block = Gathered::new(preparation, &categories, classes.as_ref(), target_position.is_some());
        let mut number = 0;
        file.for_each_row(|line, record| {
            let row = number;
            number += 1;
            if let Some(position) = *target_position {
                let raw = record[position].trim_ascii();
                let cell = cells.read(raw);
                if matches!(cell, Cell::Missing) {
                    return Ok(());
                }
                let text = columns::utf8(file, raw, position, line)?;
                let known = (line, text, cell);
                target::push_test_cell(
                    file,
                    &preparation.target_name,
                    known,
                    &mut block.dataset.target,
                    classes.as_ref(),
                )?;
            } else if let Target::Numbers(numbers) = &mut block.dataset.target {
                numbers.push(f64::NAN);
            }
            for (labels, &position) in categories.iter().zip(inputs) {
                let value = columns::known_value(file, &cells, labels.as_ref(), record, position, line)?;
                block.dataset.values.push(value);
            }
            block.rows.push(row);
            block.kept.push(kept.iter().map(|&position| &record[position]).collect());
            if block.rows.len() == ROWS_A_BLOCK { visit(block.take()) } else { Ok(()) }
        })?;
        if !block.rows.is_empty() {
            visit(block.take())?;
        }
        Ok(())
    }
}

/// Where a prepared column's categories are found; `None` for numbers.
fn labels(kind: &PreparedKind) -> Option<Labels> {
    match kind {
        PreparedKind::Numeric { .. } => None,
        PreparedKind::Categorical { categories, .. } => Some(Labels::known(categories)),
    }
}

/// A block while it fills: a small [`Dataset`] with the columns of the preparation.
struct Gathered<'a> {
    preparation: &'a Preparation,
    dataset: Dataset,
    rows: Vec<usize>,
    kept: Vec<ByteRecord>,
}

impl<'a> Gathered<'a> {
    fn new(
        preparation: &'a Preparation,
        categories: &[Option<Labels>],
        classes: Option<&Labels>,
        has_target: bool,
    ) -> Self {
        let columns = preparation.columns.iter().zip(categories).map(|(column, labels)| Column {
            name: column.name.clone(),
            kind: match labels {
                None => ColumnKind::Numeric,
                Some(labels) => ColumnKind::Categorical { categories: labels.names.clone() },
            },
        });
        let target = match classes {
            Some(classes) if has_target => Target::Classes { names: classes.names.clone(), labels: Vec::new() },
            _ => Target::Numbers(Vec::new()),
        };
        let dataset = Dataset {
            name: String::new(),
            columns: columns.collect(),
            values: Vec::new(),
            target,
            target_name: preparation.target_name.clone(),
            image_shape: preparation.image_shape,
            num_training_rows: None,
            notes: Vec::new(),
        };
        Self { preparation, dataset, rows: Vec::new(), kept: Vec::new() }
    }

    /// What was gathered, and empties it for the next block.
    fn take(&mut self) -> Block {
        let positions: Vec<usize> = (0..self.rows.len()).collect();
        let mut examples = self.preparation.transform(&self.dataset, &positions);
        examples.rows = std::mem::take(&mut self.rows);
        self.dataset.values.clear();
        match &mut self.dataset.target {
            Target::Classes { labels, .. } => labels.clear(),
            Target::Numbers(numbers) => numbers.clear(),
            Target::Text(_) => {} // no table
        }
        Block { examples, kept: std::mem::take(&mut self.kept) }
    }
}
