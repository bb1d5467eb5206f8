//! Predictions of two runs, A and B, for the same test rows, side by side.

use std::path::Path;

use csv::{Reader, StringRecord};
use fs_err::File;

use crate::tracking::TrackingError;
use crate::tracking::folder::{self, Lines};

/// Why two runs have no pairs.
#[derive(Debug, thiserror::Error)]
pub enum Unpaired {
    #[error(
        "{run} has no predictions (yet): they are written after training, for the test split; language models have none."
    )]
    Missing { run: char },
    #[error(
        "{run} predicts several columns at once, which are not compared row by row: look at its predictions by themselves."
    )]
    Several { run: char },
    #[error("A and B are tested on different rows: there is nothing to compare row by row.")]
    Rows,
    #[error("One of A and B predicts classes, the other numbers.")]
    Targets,
    #[error("`predictions.csv` of {run} cannot be read: {source}")]
    Damaged { run: char, source: csv::Error },
}

/// Both files, read row by row, with one row of each in memory.
#[derive(Debug)]
pub struct Pairs {
    a: Side,
    b: Side,
    next_place: usize,
}

/// The predictions of A and B for one row.
#[derive(Debug)]
pub struct Pair<'a> {
    /// 0-based position in the files.
    pub place: usize,
    /// The row's number in the data.
    pub row: &'a str,
    /// The true class or number.
    pub label: &'a str,
    pub a: Prediction<'a>,
    pub b: Prediction<'a>,
}

/// The prediction of one run for a row.
#[derive(Debug, Clone, Copy)]
pub struct Prediction<'a> {
    side: &'a Side,
}

/// The predictions of one run, and the indices of its columns.
#[derive(Debug)]
struct Side {
    run: char,
    reader: Reader<Lines<File>>,
    record: StringRecord,
    row: usize,
    label: usize,
    predicted: usize,
    /// Name of each class, and the column of its probability.
    classes: Vec<(String, usize)>,
}

impl Pairs {
    /// Opens `predictions.csv` in the folders of A and B.
    ///
    /// # Errors
    /// A run without predictions, or a run that predicts classes and one that predicts numbers. Whether the rows match is
    /// checked by [`Pairs::read`].
    pub fn open(folder_a: &Path, folder_b: &Path) -> Result<Self, Unpaired> {
        let (a, b) = (Side::open('A', folder_a)?, Side::open('B', folder_b)?);
        if a.classes.is_empty() == b.classes.is_empty() {
            Ok(Self { a, b, next_place: 0 })
        } else {
            Err(Unpaired::Targets)
        }
    }

    /// Whether the target is a number, so that no prediction is exactly right.
    pub fn is_numeric(&self) -> bool {
        self.a.classes.is_empty()
    }

    /// The next row; `None` at the end of both files.
    ///
    /// # Errors
    /// [`Unpaired::Rows`] where number or label of the two rows differ, or one file has more rows.
    pub fn read(&mut self) -> Result<Option<Pair<'_>>, Unpaired> {
        let Self { a, b, next_place } = self;
        match (a.read()?, b.read()?) {
            (false, false) => return Ok(None),
            (true, true) => {}
            _ => return Err(Unpaired::Rows),
        }
        let (a, b): (&Side, &Side) = (a, b);
        let (row, label) = (&a.record[a.row], &a.record[a.label]);
        if *row != b.record[b.row] || *label != b.record[b.label] {
            return Err(Unpaired::Rows);
        }
        let place = *next_place;
        *next_place += 1;
        Ok(Some(Pair { place, row, label, a: Prediction { side: a }, b: Prediction { side: b } }))
    }
}

impl<'a> Prediction<'a> {
    pub fn predicted(&self) -> &'a str {
        &self.side.record[self.side.predicted]
    }

    /// For classes: whether the predicted class is the true one.
    pub fn is_right(&self) -> bool {
        self.predicted() == &self.side.record[self.side.label]
    }

    /// The probability of a class, as in the file.
    pub fn probability(&self, class: &str) -> Option<&'a str> {
        let (_, column) = self.side.classes.iter().find(|(name, _)| name == class)?;
        self.side.record.get(*column)
    }

    /// For numbers: the absolute error; NaN where either value is not a number.
    pub fn absolute_error(&self) -> f64 {
        let number = |column: usize| self.side.record[column].parse().unwrap_or(f64::NAN);
        (number(self.side.predicted) - number(self.side.label)).abs()
    }
}

impl Side {
    fn open(run: char, folder: &Path) -> Result<Self, Unpaired> {
        let missing = Unpaired::Missing { run };
        folder::check_sum(folder, "predictions.csv")
            .map_err(|error| Unpaired::Damaged { run, source: std::io::Error::other(error.to_string()).into() })?;
        let file = match folder::open_table(folder, "predictions.csv") {
            Ok(Some(file)) => file,
            Err(TrackingError::Damaged { problem, .. }) => {
                return Err(Unpaired::Damaged { run, source: std::io::Error::other(problem).into() });
            }
            Ok(None) | Err(_) => return Err(missing),
        };
        let mut reader = Reader::from_reader(file);
        let header = reader.headers().map_err(|source| Unpaired::Damaged { run, source })?.clone();
        let column = |name| header.iter().position(|column| column == name);
        let class = |(column, name): (usize, &str)| Some((name.strip_prefix("probability_")?.to_owned(), column));
        let classes = header.iter().enumerate().filter_map(class).collect();
        let (Some(row), Some(label), Some(predicted)) = (column("row"), column("true"), column("predicted")) else {
            let has_several = header.iter().any(|name| name.starts_with("true_"));
            return Err(if has_several { Unpaired::Several { run } } else { missing });
        };
        Ok(Self { run, reader, record: StringRecord::new(), row, label, predicted, classes })
    }

    /// Whether there was one more row.
    fn read(&mut self) -> Result<bool, Unpaired> {
        self.reader.read_record(&mut self.record).map_err(|source| Unpaired::Damaged { run: self.run, source })
    }
}
