//! The columns of a data set, and their cells put together from what the passes over the file read.

use std::io;

use super::labels::Labels;
use super::reading::{ColumnReader, Reading};
use super::{Column, ColumnKind, Matrix};

/// An input column of the data set.
pub(super) struct OutColumn {
    pub(super) name: String,
    /// The input that was read for it.
    pub(super) input: usize,
    pub(super) cells: Cells,
    /// Distinct texts of a column of names, before spellings are merged.
    pub(super) num_texts: Option<usize>,
    labels: Option<Labels>,
    /// Whether names that only a later file has are told apart, too.
    pub(super) is_open: bool,
    /// Of a column of texts.
    texts: Option<Vec<String>>,
    reading: Option<Reading>,
}

/// Where the cells of a column are.
pub(super) enum Cells {
    /// As they were read.
    AsRead,
    /// What was read are indices into these.
    ByText(Vec<f32>),
    /// One per row.
    ByRow(Vec<f32>),
}

impl OutColumn {
    pub(super) fn numeric(name: String, input: usize, cells: Cells, reading: Option<Reading>) -> Self {
        Self { name, input, cells, num_texts: None, labels: None, is_open: false, texts: None, reading }
    }

    /// `order`: the index among the labels of each text that was read.
    pub(super) fn names(name: String, input: usize, num_texts: usize, labels: Labels, order: Vec<u32>) -> Self {
        let cells = Cells::ByText(order.into_iter().map(|index| index as f32).collect());
        let reading = Reading::of_names(&labels);
        let (num_texts, labels) = (Some(num_texts), Some(labels));
        Self { num_texts, labels, ..Self::numeric(name, input, cells, reading) }
    }

    /// What was read are indices into `texts`.
    pub(super) fn texts(name: String, input: usize, texts: Vec<String>) -> Self {
        Self { texts: Some(texts), ..Self::numeric(name, input, Cells::AsRead, None) }
    }

    /// Keeps the texts or names that `reader`, which comes from this column, has met since.
    pub(super) fn keep_texts(&mut self, reader: &ColumnReader) {
        if let (Some(labels), Some(more)) = (&mut self.labels, reader.take_names()) {
            *labels = labels.followed_by(more);
        }
        if let Some(texts) = reader.take_texts() {
            self.texts = Some(texts);
        }
    }

    pub(super) fn labels(&self) -> Option<&Labels> {
        self.labels.as_ref()
    }

    /// What a later file must know.
    pub(super) fn reading(&self) -> Option<Reading> {
        self.reading.clone()
    }

    pub(super) fn reader(&self) -> ColumnReader {
        if let Some(texts) = &self.texts {
            return ColumnReader::texts(texts);
        }
        match &self.labels {
            Some(labels) if self.is_open => ColumnReader::open_names(labels.clone()),
            Some(labels) => ColumnReader::Names(labels.clone()),
            None => ColumnReader::of_numbers(self.reading.as_ref()),
        }
    }

    pub(super) fn into_column(self) -> Column {
        let kind = match (self.texts, self.labels) {
            (Some(texts), _) => ColumnKind::Text { texts: texts.into() },
            (None, Some(labels)) => ColumnKind::Categorical { categories: labels.names },
            (None, None) => ColumnKind::Numeric,
        };
        Column { name: self.name, kind }
    }

    #[inline]
    fn value(&self, cells: &[f32], row: usize) -> f32 {
        let cell = cells[self.input];
        match &self.cells {
            Cells::AsRead => cell,
            Cells::ByText(_) if cell.is_nan() => f32::NAN,
            Cells::ByText(values) => values[cell as usize],
            Cells::ByRow(values) => values[row],
        }
    }
}

/// Rewrites rows as they were read to rows of `columns`.
///
/// # Errors
/// What reading and writing the file of the cells reports.
pub(super) fn assemble(cells: &mut Matrix, columns: &[OutColumn]) -> io::Result<()> {
    let is_as_read = |(i, column): (usize, &OutColumn)| column.input == i && matches!(column.cells, Cells::AsRead);
    if columns.len() == cells.width() && columns.iter().enumerate().all(is_as_read) {
        return Ok(());
    }
    let mut read = Vec::new();
    cells.rewrite(columns.len(), |number, row| {
        std::mem::swap(&mut read, row);
        row.clear();
        row.extend(columns.iter().map(|column| column.value(&read, number)));
        true
    })
}
