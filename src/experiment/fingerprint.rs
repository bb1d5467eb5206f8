//! Computes the fingerprints that a run records of its data.
//!
//! A row is known by its place in its file and by its target. So an edited target is another row, as is a row that moved;
//! another path, a compressed copy, and more or other columns leave the rows what they are.

use std::collections::BTreeMap;
use std::fmt;

use sha2::{Digest, Sha256};

use super::prepare::Prepared;
use super::weights_file::encode;
use crate::data::{Column, ColumnKind, Dataset, Several, Splits, Target, Text};
use crate::figures::hexadecimal;
use crate::tracking::DataRecord;

/// Columns in the sketch: enough to share some with a run that has other columns, too.
const SKETCHED_COLUMNS: usize = 8;
/// Parts of a sketched column. One edited cell changes one of them.
const SKETCHED_PARTS: usize = 4;
/// Stands for a missing cell, and for a category that is not known from training.
const NO_CELL: u64 = 0x6e6f_6e65;

/// The fingerprints of `dataset`, divided into `splits`.
pub fn fingerprint(dataset: &Dataset, splits: &Splits) -> DataRecord {
    let Splits { train, validation, test } = splits;
    let counts = DataRecord {
        num_columns: dataset.columns.len() as u64,
        num_train: train.len() as u64,
        num_validation: validation.len() as u64,
        num_test: test.len() as u64,
        ..DataRecord::default()
    };
    if let Target::Text(text) = &dataset.target {
        let whole = of_text(text, &text.characters);
        let test = if test.is_empty() { String::new() } else { of_text(text, text.span(test)) };
        return DataRecord { test, rows: whole.clone(), inputs: whole, ..counts };
    }
    let rows = Rows::new(dataset);
    let targets = &rows.targets;
    let mut inputs = Sum::default();
    let columns: Vec<Cells> = dataset.columns.iter().map(Cells::new).collect();
    dataset.cells.for_each_row(|row, cells| {
        let cells = cells.iter().zip(&columns);
        inputs.add(cells.fold(targets.of(row), |sum, (&cell, column)| sum.wrapping_add(column.of(cell))));
    });
    let mut tested = Sum::default();
    test.iter().for_each(|&row| tested.add(rows.known_by(row as usize)));
    DataRecord {
        test: if test.is_empty() { String::new() } else { tested.text() },
        rows: rows.text(),
        inputs: inputs.text(),
        sketch: sketch(dataset, &columns, test),
        ..counts
    }
}

/// The fingerprint of the rows alone, which does not depend on how they are divided.
pub fn rows(dataset: &Dataset) -> String {
    match &dataset.target {
        Target::Text(text) => of_text(text, &text.characters),
        _ => Rows::new(dataset).text(),
    }
}

/// What all trials of a sweep are trained from, as its row records it.
#[derive(Debug, PartialEq, Eq)]
pub struct Origin {
    pub rows: String,
    /// The weights of `model.init_from`; `None` for random ones.
    pub start: Option<String>,
}

impl Origin {
    /// # Errors
    /// As [`start`].
    pub fn new(prepared: &Prepared) -> anyhow::Result<Self> {
        Ok(Self { rows: rows(&prepared.dataset), start: start(prepared)? })
    }

    /// The origin that [`fmt::Display`] wrote.
    pub fn parse(text: &str) -> Self {
        let (rows, start) = match text.split_once(' ') {
            Some((rows, start)) => (rows, Some(start.to_owned())),
            None => (text, None),
        };
        Self { rows: rows.to_owned(), start }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.rows)?;
        self.start.iter().try_for_each(|start| write!(f, " {start}"))
    }
}

/// The fingerprint of the weights that a run starts from; `None` for random ones.
///
/// # Errors
/// As [`encode`].
pub fn start(prepared: &Prepared) -> anyhow::Result<Option<String>> {
    let Some(pretrained) = &prepared.pretrained else { return Ok(None) };
    Ok(Some(hex(Sha256::new_with_prefix(encode(&pretrained.weights)?))))
}

fn of_text(text: &Text, characters: &[char]) -> String {
    let mut hash = Sha256::new();
    hash.update((text.context as u64).to_le_bytes());
    characters.iter().for_each(|&character| hash.update(u32::from(character).to_le_bytes()));
    hex(hash)
}

/// The first half of a hash: 128 bits tell apart whatever was not made to collide.
fn hex(hash: Sha256) -> String {
    hexadecimal(&hash.finalize()[..16])
}

/// The rows of a table, each known by its place and its target.
struct Rows<'a> {
    dataset: &'a Dataset,
    targets: Targets<'a>,
}

impl<'a> Rows<'a> {
    fn new(dataset: &'a Dataset) -> Self {
        Self { dataset, targets: Targets::new(dataset) }
    }

    fn known_by(&self, row: usize) -> u64 {
        mix(self.targets.of(row) ^ mix(self.dataset.source_row(row) as u64))
    }

    fn text(&self) -> String {
        let mut sum = Sum::default();
        (0..self.dataset.num_rows()).for_each(|row| sum.add(self.known_by(row)));
        sum.text()
    }
}

/// Fingerprints of the test cells of a few columns, each in parts by the row's place in its file. A part in which all
/// cells are alike says nothing, and is written as `-`.
fn sketch(dataset: &Dataset, columns: &[Cells], test: &[u32]) -> BTreeMap<String, String> {
    // Those whose names have the smallest hashes: the same ones in a run with more columns, unless the new ones are
    // among them.
    let mut chosen: Vec<usize> = (0..columns.len()).collect();
    chosen.sort_by_key(|&column| columns[column].name);
    chosen.truncate(SKETCHED_COLUMNS);
    let mut parts = vec![[(0u32, None, true); SKETCHED_PARTS]; chosen.len()];
    // In one pass, whatever the order: the cells may be in a file.
    dataset.for_each_of(test, 0..columns.len(), |place, cells| {
        let row = dataset.source_row(test[place] as usize);
        for (parts, &column) in parts.iter_mut().zip(&chosen) {
            let cell = columns[column].of(cells[column]);
            let (sum, first, is_constant) = &mut parts[row % SKETCHED_PARTS];
            *is_constant &= *first.get_or_insert(cell) == cell;
            *sum = sum.wrapping_add(mix(cell ^ mix(row as u64)) as u32);
        }
    });
    let text = |(sum, _, is_constant): (u32, _, bool)| if is_constant { "-".to_owned() } else { format!("{sum:08x}") };
    let of_column = |(&column, parts): (&usize, [_; SKETCHED_PARTS])| {
        (dataset.columns[column].name.clone(), parts.map(text).join(" "))
    };
    chosen.iter().zip(parts).map(of_column).collect()
}

/// Hashes of the targets: of a class by its name, so that their order does not matter.
enum Targets<'a> {
    Classes {
        hashes: Vec<u64>,
        labels: &'a [u32],
    },
    Numbers(&'a [f64]),
    Several {
        several: &'a Several,
        /// Whether they are the labels in the cells of one column.
        are_found: bool,
    },
}

impl<'a> Targets<'a> {
    fn new(dataset: &'a Dataset) -> Self {
        match &dataset.target {
            Target::Classes { names, labels } => Self::Classes { hashes: names.iter().map(hash).collect(), labels },
            Target::Numbers(numbers) => Self::Numbers(numbers),
            Target::Several(several) => {
                let are_found = dataset.readings.separator(&dataset.target_name).is_some();
                Self::Several { several, are_found }
            }
            Target::Text(_) => Self::Numbers(&[]), // not a table
        }
    }

    fn of(&self, row: usize) -> u64 {
        match self {
            Self::Classes { hashes, labels } => mix(hashes[labels[row] as usize]),
            // `+ 0.0` turns -0 into 0.
            Self::Numbers(numbers) => mix((numbers[row] + 0.0).to_bits()).rotate_left(1),
            Self::Several { several, are_found } => {
                // Of labels in a cell those that hold: which others there are is no matter of the row.
                let counts = |value: f64| !are_found || value == 1.0;
                let of_all = several.names().zip(several.row(row)).filter(|(_, value)| counts(**value));
                of_all
                    .fold(0, |sum: u64, (name, value)| sum.wrapping_add(mix(hash(name) ^ mix((value + 0.0).to_bits()))))
            }
        }
    }
}

/// Hashes of the cells of a column.
struct Cells {
    name: u64,
    /// Of a categorical column; the categories by their names, since their numbers depend on which others there are.
    categories: Option<Vec<u64>>,
}

impl Cells {
    fn new(column: &Column) -> Self {
        let categories = match &column.kind {
            ColumnKind::Numeric => None,
            ColumnKind::Categorical { categories } => Some(categories.iter().map(hash).collect()),
            ColumnKind::Text { texts } => Some(texts.iter().map(hash).collect()),
        };
        Self { name: hash(&column.name), categories }
    }

    fn of(&self, cell: f32) -> u64 {
        let bits = match &self.categories {
            _ if cell.is_nan() => NO_CELL,
            Some(categories) => categories.get(cell as usize).copied().unwrap_or(NO_CELL),
            None => u64::from((cell + 0.0).to_bits()) | 1 << 32,
        };
        mix(self.name ^ mix(bits))
    }
}

/// The hash of a set: a sum, so that the order does not matter.
#[derive(Default)]
struct Sum {
    count: u64,
    lanes: [u64; 2],
}

impl Sum {
    fn add(&mut self, hash: u64) {
        self.count += 1;
        self.lanes[0] = self.lanes[0].wrapping_add(mix(hash));
        self.lanes[1] = self.lanes[1].wrapping_add(mix(hash ^ 0x5851_f42d_4c95_7f2d));
    }

    fn text(&self) -> String {
        let [a, b] = self.lanes;
        format!("{:016x}{:016x}", mix(a ^ self.count), b)
    }
}

fn hash(text: impl AsRef<str>) -> u64 {
    let digest = Sha256::digest(text.as_ref().as_bytes());
    u64::from_le_bytes(digest[..8].try_into().expect("SHA-256 has 32 bytes"))
}

/// The finalizer of SplitMix64 (Steele et al. 2014): each bit of the result depends on each of the argument.
fn mix(bits: u64) -> u64 {
    crate::data::derive_seed(bits, 0)
}
