//! The rows that explanations are about: as the network gets them, and as the user wrote them.

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context;
use csv::StringRecord;
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;

use crate::data::{Block, Dataset, Examples, NewRows, Readings, SourceColumn, Splits, check_free};
use crate::experiment::run_folder::TEST_ROWS;
use crate::experiment::saved_model::SavedModel;
use crate::figures::counted;
use crate::shell::command;

/// What stands for a cell without a value.
pub const MISSING: &str = "(missing)";

/// The rows that a run has of its own.
pub enum OwnRows {
    /// All of them.
    Data { dataset: Box<Dataset>, splits: Splits },
    /// The test rows in its folder; `why` these alone, beginning with "since".
    Test { examples: Examples, why: String },
}

/// Some rows.
pub struct Rows {
    pub examples: Examples,
    header: StringRecord,
    records: Vec<StringRecord>,
    readings: Readings,
    /// In the data set; `None` of rows from the folder.
    positions: Option<Vec<u32>>,
}

/// One row, and what its cells are, in the order of [`sources`](crate::data::Preprocessor::sources).
pub struct ExplainedRow {
    pub examples: Examples,
    pub cells: Vec<String>,
    pub row: usize,
    /// `test row 7`, `row 7 of new.csv`
    pub told: String,
    /// In the data set; `None` of rows from the folder, or from a file.
    pub positions: Option<Vec<u32>>,
}

impl OwnRows {
    /// # Errors
    /// Data that are gone, or have changed, without a copy of the test rows in the folder.
    pub fn of(saved: &SavedModel) -> anyhow::Result<Self> {
        let why = match saved.folder.data(&saved.config) {
            Ok((dataset, splits)) => return Ok(Self::Data { dataset: Box::new(dataset), splits }),
            Err(why) => why,
        };
        match saved.test_examples() {
            Ok(examples) => {
                Ok(Self::Test { examples, why: format!("since the training rows cannot be had ({why:#})") })
            }
            Err(_) => Err(why),
        }
    }

    /// The test rows that the run's folder has.
    ///
    /// # Errors
    /// None there: too many were tested, or none.
    pub fn in_folder(saved: &SavedModel) -> anyhow::Result<Self> {
        anyhow::ensure!(
            saved.folder.has(TEST_ROWS),
            "the folder of run `{}` has no copy of its test rows: `{}` reads them from its data",
            saved.name(),
            command(&["explain", &saved.name(), "--row", "N"])
        );
        Ok(Self::Test { examples: saved.test_examples()?, why: "since the training rows are not read here".to_owned() })
    }

    /// At most `num` training rows, or test rows where training rows cannot be had; drawn with `seed`, in their order.
    ///
    /// # Errors
    /// A damaged file of test rows.
    pub fn background(&self, saved: &SavedModel, num: usize, seed: u64) -> anyhow::Result<(Rows, String)> {
        let drawn = |count: usize| {
            let mut drawn = sample(&mut ChaCha8Rng::seed_from_u64(seed), count, num.min(count)).into_vec();
            drawn.sort_unstable();
            drawn
        };
        match self {
            Self::Data { dataset, splits } => {
                let rows: Vec<u32> = drawn(splits.train.len()).into_iter().map(|i| splits.train[i]).collect();
                let told = format!("{} of {} training rows, seed {seed}", rows.len(), splits.train.len());
                Ok((Rows::of_data(saved, dataset, &rows)?, told))
            }
            Self::Test { examples, why } => {
                let rows = drawn(examples.len());
                let told = format!("{} of {} test rows, seed {seed}, {why}", rows.len(), examples.len());
                Ok((Rows::of_test(saved, examples, &rows)?, told))
            }
        }
    }

    /// The same rows as another model prepares them; `None` where they are not from the data.
    ///
    /// # Errors
    /// More than fits in memory.
    pub fn background_of(&self, other: &SavedModel, rows: &Rows) -> anyhow::Result<Option<Examples>> {
        match self {
            Self::Data { .. } => self.prepared_by(other, rows.positions.as_deref()),
            Self::Test { .. } => Ok(None),
        }
    }

    /// Rows of the data set as another model prepares them; `None` where they are not from there.
    ///
    /// # Errors
    /// More than fits in memory.
    pub fn prepared_by(&self, other: &SavedModel, positions: Option<&[u32]>) -> anyhow::Result<Option<Examples>> {
        let (Self::Data { dataset, .. }, Some(positions)) = (self, positions) else { return Ok(None) };
        check_room(other, positions.len())?;
        Ok(Some(other.preprocessor.transform(dataset, positions)))
    }

    /// The row `row` of the data, by default the first test row. Where a test file has rows of the same numbers, they come
    /// first.
    ///
    /// # Errors
    /// A row that the run does not have.
    pub fn row(&self, saved: &SavedModel, row: Option<usize>) -> anyhow::Result<ExplainedRow> {
        const NO_TEST: &str = "the run has no test rows: name one with --row";
        let (rows, row, told) = match self {
            Self::Data { dataset, splits } => {
                let parts = [("test", &splits.test), ("validation", &splits.validation), ("training", &splits.train)];
                let row = match row {
                    Some(row) => row,
                    None => dataset.source_row(*splits.test.first().context(NO_TEST)? as usize),
                };
                let mut found = parts.iter().filter_map(|(part, rows)| {
                    let found = rows.iter().find(|&&position| dataset.source_row(position as usize) == row);
                    found.map(|&position| (part, position))
                });
                let (part, position) = found.next().with_context(|| {
                    let all = parts.iter().flat_map(|(_, rows)| rows.iter());
                    let last = all.map(|&position| dataset.source_row(position as usize)).max().unwrap_or(0);
                    format!("--row {row}: no part of the run has this row; the rows are 0 to {last}")
                })?;
                (Rows::of_data(saved, dataset, &[position])?, row, format!("{part} row {row}"))
            }
            Self::Test { examples, why } => {
                anyhow::ensure!(!examples.is_empty(), NO_TEST);
                let row = row.unwrap_or_else(|| examples.row(0));
                let position = (0..examples.len()).find(|&position| examples.row(position) == row);
                let position = position
                    .with_context(|| format!("--row {row} is no test row, which alone can be explained, {why}"))?;
                (Rows::of_test(saved, examples, &[position])?, row, format!("test row {row}"))
            }
        };
        let told_cell = |source| rows.told(0, source).map_or_else(|| MISSING.to_owned(), |(text, _)| text);
        let cells = saved.preprocessor.sources().iter().map(told_cell).collect();
        Ok(ExplainedRow { examples: rows.examples, cells, row, told, positions: rows.positions })
    }
}

impl Rows {
    fn of_data(saved: &SavedModel, dataset: &Dataset, rows: &[u32]) -> anyhow::Result<Self> {
        check_room(saved, rows.len())?;
        let mut bytes = Vec::new();
        dataset.write_rows(rows, &mut bytes)?;
        let mut reader = csv::Reader::from_reader(&bytes[..]);
        Ok(Self {
            header: reader.headers()?.clone(),
            records: reader.records().collect::<Result<_, _>>()?,
            examples: saved.preprocessor.transform(dataset, rows),
            readings: dataset.readings.clone(),
            positions: Some(rows.to_vec()),
        })
    }

    /// Of the rows at `positions` among the run's test rows.
    fn of_test(saved: &SavedModel, test: &Examples, positions: &[usize]) -> anyhow::Result<Self> {
        let file = saved.folder.copy(TEST_ROWS)?.context("the run's folder has no copy of its test rows")?;
        let mut reader = csv::Reader::from_path(file.path())?;
        let header = reader.headers()?.clone();
        // Where rows were left out, those that are kept are numbered as in this file; whether any were is known at its end.
        let mut wanted: HashMap<usize, StringRecord> = positions
            .iter()
            .flat_map(|&position| [position, test.row(position)])
            .map(|at| (at, StringRecord::new()))
            .collect();
        let (mut record, mut count) = (StringRecord::new(), 0);
        while count <= saved.most_test_rows() && reader.read_record(&mut record)? {
            if let Some(wanted) = wanted.get_mut(&count) {
                wanted.clone_from(&record);
            }
            count += 1;
        }
        let place = |position: usize| if count == test.len() { position } else { test.row(position) };
        let records = positions.iter().map(|&position| wanted[&place(position)].clone());
        check_room(saved, positions.len())?;
        let inputs = test.gather(positions.iter().copied());
        Ok(Self {
            examples: of_inputs(test.num_inputs, inputs),
            header,
            records: records.collect(),
            readings: saved.preprocessor.readings.clone(),
            positions: None,
        })
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// A cell of a column of the file, and the place of a number or a date among others; `None` where it is missing.
    pub fn told(&self, row: usize, source: &SourceColumn) -> Option<(String, Option<f64>)> {
        let cell = |column: &str| {
            let place = self.header.iter().position(|name| name == column);
            place.and_then(|place| self.records[row].get(place)).unwrap_or_default().to_owned()
        };
        let (text, place) = self.readings.told(&source.columns, cell)?;
        Some((text, place.filter(|_| source.is_numeric)))
    }
}

/// That `num_rows` rows fit in memory as inputs of the network, of which a text in buckets has many.
fn check_room(saved: &SavedModel, num_rows: usize) -> anyhow::Result<()> {
    let num_inputs = saved.preprocessor.num_inputs();
    check_free(num_rows.saturating_mul(num_inputs).saturating_mul(size_of::<f32>())).map_err(|why| {
        anyhow::anyhow!(
            "{} of {num_inputs} inputs do not fit in memory: they {why}; with --background fewer are needed",
            counted(num_rows, "row")
        )
    })
}

/// Examples without targets, of row-major `inputs`.
pub fn of_inputs(num_inputs: usize, inputs: Vec<f32>) -> Examples {
    let num_rows = inputs.len() / num_inputs.max(1);
    Examples { inputs, rows: (0..num_rows as u32).collect(), ..Examples::none(num_inputs) }
}

/// Row `row` of a file, which need not have a target.
///
/// # Errors
/// A file that cannot be read, lacks columns, or has fewer rows.
pub fn row_of_file(saved: &SavedModel, file: &Path, row: usize) -> anyhow::Result<ExplainedRow> {
    let kept: Vec<String> = saved.preprocessor.source_columns().into_iter().map(str::to_owned).collect();
    let rows = NewRows::new(file, &saved.preprocessor, &saved.config.data, false, &kept);
    let mut found = None;
    let mut num_rows = 0;
    let read = rows.open()?.for_each_block(|Block { examples, kept, rows }| {
        num_rows = rows.last().map_or(num_rows, |last| last + 1);
        if let Some(position) = rows.iter().position(|&other| other == row) {
            let cells = kept.row(position).map(|cell| match String::from_utf8_lossy(cell).trim() {
                "" => MISSING.to_owned(),
                text => text.to_owned(),
            });
            found = Some((of_inputs(examples.num_inputs, examples.gather(position..position + 1)), cells.collect()));
            anyhow::bail!("the rest of the file is not wanted");
        }
        anyhow::Ok(())
    });
    let told = format!("row {row} of {}", file.display());
    match (found, read) {
        (Some((examples, cells)), _) => Ok(ExplainedRow { examples, cells, row, told, positions: None }),
        (None, Err(error)) => Err(error),
        (None, Ok(_)) if num_rows == 0 => anyhow::bail!("{} has no rows", file.display()),
        (None, Ok(_)) => anyhow::bail!("--row {row}: {} has the rows 0 to {}", file.display(), num_rows - 1),
    }
}
