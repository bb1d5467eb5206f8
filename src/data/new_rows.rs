//! Reads a file of new rows for a trained network in blocks, so that it may be larger than memory.

use std::path::Path;
use std::sync::Arc;

use super::drift::Drift;
use super::follow::Known;
use super::labels::Labels;
use super::origin::Origin;
use super::reading::ColumnReader;
use super::table::Table;
use super::{
    Column, ColumnKind, DataConfig, Dataset, Examples, Matrix, PreparedColumn, PreparedKind, Preprocessor, Readings,
    RowWeights, Target, column_names, formats, images, weights,
};
use crate::invalid::Invalid;

/// Rows in memory at a time: enough for a network to run at full speed.
const ROWS_A_BLOCK: usize = 4096;
/// The same of network inputs: 64 MiB. A column of a million categories has as many.
const INPUTS_A_BLOCK: usize = 1 << 24;

/// A file whose columns have been matched with those of a [`Preprocessor`].
pub struct NewRows<'a> {
    preprocessor: &'a Preprocessor,
    origin: Origin,
    config: &'a DataConfig,
    /// Whether the target is read, and required in each row.
    has_target: bool,
    /// Columns to pass through unchanged: names, or lists of them with commas between.
    kept: &'a [String],
}

/// Some rows of the file.
pub struct Block {
    /// The network's inputs; `targets` are NaN if the target is not read.
    pub examples: Examples,
    /// Per example: its row in the file, from 0.
    pub rows: Vec<usize>,
    /// Per example, the cells of the kept columns, unchanged.
    pub kept: KeptCells,
}

/// The cells of some columns as they appear in the file, row after row.
pub struct KeptCells {
    num_columns: usize,
    bytes: Vec<u8>,
    /// Where each cell ends in `bytes`.
    ends: Vec<usize>,
}

impl KeptCells {
    fn new(num_columns: usize) -> Self {
        Self { num_columns, bytes: Vec::new(), ends: Vec::new() }
    }

    /// The cells of row `i`.
    ///
    /// # Panics
    /// If there are fewer rows.
    pub fn row(&self, i: usize) -> impl Iterator<Item = &[u8]> {
        let first = i * self.num_columns;
        (first..first + self.num_columns).map(|cell| {
            let start = cell.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.bytes[start..self.ends[cell]]
        })
    }

    fn push(&mut self, cell: &[u8]) {
        self.bytes.extend_from_slice(cell);
        self.ends.push(self.bytes.len());
    }
}

impl<'a> NewRows<'a> {
    /// Rows of `path`, read with the missing cells, delimiter and header of `config`, the run's own.
    ///
    /// With `has_target` each block has its targets; without, the file need not have that column. `kept` names columns
    /// to pass through.
    pub fn new(
        path: &Path,
        preprocessor: &'a Preprocessor,
        config: &'a DataConfig,
        has_target: bool,
        kept: &'a [String],
    ) -> Self {
        Self { preprocessor, origin: Origin::file(path, "the file"), config, has_target, kept }
    }

    /// As [`NewRows::new`], for rows without a target that somebody sent, in one of the formats of files.
    pub fn of_bytes(bytes: Arc<[u8]>, preprocessor: &'a Preprocessor, config: &'a DataConfig) -> Self {
        let origin = Origin::given("the request", bytes, "the rows");
        Self { preprocessor, origin, config, has_target: false, kept: &[] }
    }

    /// Opens the file and finds its columns, by name, whatever their order; others are ignored.
    ///
    /// # Errors
    /// A file that cannot be read; missing columns.
    pub fn open(&self) -> Result<OpenRows<'_>, Invalid> {
        let Self { preprocessor, origin, config, has_target, kept } = self;
        let readings = &preprocessor.readings;
        let table = formats::open(origin, config, readings.encoding.as_deref())?;
        if table.about().pixels.is_some() && !readings.image_files {
            return Err(table.error(images::NOT_OF_IMAGES));
        }
        let inputs = preprocessor.columns().iter().map(|column| readings.source(&column.name));
        let mut columns = column_names::positions(&table, inputs)?;
        let kept = column_names::listed(&table, kept)?;
        if *has_target {
            columns.extend(column_names::positions(&table, preprocessor.target_columns().into_iter())?);
        }
        // What weighs rows matters where they are judged.
        let num_targets = if *has_target { columns.len() - preprocessor.columns().len() } else { 0 };
        let has_weight = *has_target && config.weight.is_some();
        if let Some(name) = config.weight.as_deref().filter(|_| has_weight) {
            columns.extend(column_names::positions(&table, std::iter::once(name))?);
        }
        let first_kept = columns.len();
        columns.extend(kept);
        Ok(OpenRows { preprocessor, table, columns, first_kept, num_targets, has_weight })
    }
}

/// A file whose columns have been found.
pub struct OpenRows<'a> {
    preprocessor: &'a Preprocessor,
    table: Table<'a>,
    /// Positions of the inputs, of the targets and the weight if they are read, and of the kept columns.
    columns: Vec<usize>,
    /// Index in `columns` of the first kept column.
    first_kept: usize,
    /// 0 where they are not read.
    num_targets: usize,
    has_weight: bool,
}

impl OpenRows<'_> {
    /// The names of the kept columns.
    pub fn kept_names(&self) -> Vec<&str> {
        self.columns[self.first_kept..].iter().map(|&column| &self.table.names()[column][..]).collect()
    }

    /// Calls `visit` with each block, in the order of the file, and returns how its cells differ from those of training.
    ///
    /// A category that training did not see is the unknown one, a missing number becomes the training median. A row
    /// whose target is missing, or is a class that training did not have, is left out.
    ///
    /// # Errors
    /// A row that cannot be read; text in a numeric column; the first error of `visit`.
    pub fn for_each_block<E: From<Invalid>>(&self, mut visit: impl FnMut(Block) -> Result<(), E>) -> Result<Drift, E> {
        let Self { preprocessor, table, columns, first_kept, num_targets, has_weight } = self;
        let inputs = preprocessor.columns();
        let readers: Vec<ColumnReader> = inputs.iter().map(|column| reader(column, &preprocessor.readings)).collect();
        let targets = if *num_targets > 0 { preprocessor.known_targets() } else { Vec::new() };
        let known = Known { columns: &readers, targets };
        let first_target = inputs.len();
        let mut block = Gathered::new(preprocessor, &known, columns.len() - first_kept);
        let mut drift = Drift::new(preprocessor);
        let most = (INPUTS_A_BLOCK / preprocessor.num_inputs().max(1)).clamp(1, ROWS_A_BLOCK);
        let mut number = 0;
        table.for_each_row(columns, |row| {
            number += 1;
            if *num_targets > 0 {
                if let Some(class) = known.new_class(row, first_target)? {
                    drift.leave_out_class(&class);
                    return Ok(());
                }
                if known.missing_target(row, first_target).is_some() {
                    drift.leave_out();
                    return Ok(());
                }
                let new = known.push_targets(row, first_target, &mut block.dataset.target)?;
                drift.observe_labels(&new);
            } else {
                block.dataset.target.push(f64::NAN);
            }
            if *has_weight {
                let weight = weights::of_row(row, first_target + num_targets)?;
                block.dataset.weights.get_or_insert_with(no_weights).values.push(weight);
            }
            let values = &mut block.values;
            let first = values.len();
            known.push_inputs(row, values)?;
            drift.observe(&values[first..], row)?;
            block.rows.push(number - 1);
            (*first_kept..columns.len()).for_each(|i| block.kept.push(&row.bytes(i)));
            if block.rows.len() == most { visit(block.take(&known)) } else { Ok(()) }
        })?;
        if !block.rows.is_empty() {
            visit(block.take(&known))?;
        }
        Ok(drift)
    }
}

fn no_weights() -> RowWeights {
    RowWeights { name: String::new(), values: Vec::new() }
}

/// Reads the cells of a prepared column.
fn reader(column: &PreparedColumn, readings: &Readings) -> ColumnReader {
    match &column.kind {
        PreparedKind::Numeric { .. } => ColumnReader::of_numbers(readings.columns.get(&column.name)),
        PreparedKind::Text { .. } => ColumnReader::texts(&[]),
        PreparedKind::Categorical { categories, buckets, .. } => {
            let known = Labels::known(categories, readings.spelling(&column.name));
            if *buckets > 0 { ColumnReader::open_names(known) } else { ColumnReader::Names(known) }
        }
    }
}

/// A block being filled: a small [`Dataset`] with the columns of the preprocessor.
struct Gathered<'a> {
    preprocessor: &'a Preprocessor,
    dataset: Dataset,
    /// The cells of `dataset`, until the block is whole.
    values: Vec<f32>,
    rows: Vec<usize>,
    kept: KeptCells,
}

impl<'a> Gathered<'a> {
    fn new(preprocessor: &'a Preprocessor, known: &Known<'_>, num_kept: usize) -> Self {
        let columns = preprocessor.columns().iter().zip(known.columns).map(|(column, reader)| Column {
            name: column.name.clone(),
            kind: match reader.names() {
                None if matches!(column.kind, PreparedKind::Text { .. }) => ColumnKind::Text { texts: Arc::default() },
                None => ColumnKind::Numeric,
                Some(names) => ColumnKind::Categorical { categories: names.to_vec() },
            },
        });
        let target = if known.targets.is_empty() { Target::Numbers(Vec::new()) } else { preprocessor.no_targets() };
        let dataset = Dataset {
            name: String::new(),
            columns: columns.collect(),
            cells: Matrix::of_floats(preprocessor.columns().len(), Vec::new()),
            target,
            target_name: preprocessor.target_name.clone(),
            image_shape: preprocessor.image_shape(),
            num_training_rows: None,
            source_rows: Vec::new(),
            division: Default::default(),
            weights: None,
            notes: Vec::new(),
            // Read by the preprocessor's own: nothing is to be shifted.
            readings: preprocessor.readings.clone(),
        };
        let kept = KeptCells::new(num_kept);
        Self { preprocessor, dataset, values: Vec::new(), rows: Vec::new(), kept }
    }

    /// Returns the rows collected so far, and starts the next block.
    fn take(&mut self, known: &Known<'_>) -> Block {
        for (column, reader) in self.dataset.columns.iter_mut().zip(known.columns) {
            if let Some(texts) = reader.take_texts() {
                column.kind = ColumnKind::Text { texts: texts.into() };
            }
            if let Some(more) = reader.take_names() {
                let known = reader.names().unwrap_or_default();
                column.kind = ColumnKind::Categorical { categories: [known, &more].concat() };
            }
        }
        let positions: Vec<u32> = (0..self.rows.len() as u32).collect();
        self.dataset.cells = Matrix::of_floats(self.dataset.columns.len(), std::mem::take(&mut self.values));
        let mut examples = self.preprocessor.transform(&self.dataset, &positions);
        let rows = std::mem::take(&mut self.rows);
        // Of an endless stream they are told by `Block::rows`.
        examples.rows = rows.iter().map(|&row| row as u32).collect();
        self.dataset.weights = None;
        self.dataset.target.clear();
        let empty = KeptCells::new(self.kept.num_columns);
        Block { examples, rows, kept: std::mem::replace(&mut self.kept, empty) }
    }
}
