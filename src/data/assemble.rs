//! The columns of a data set, and their cells put together from what the passes over the file read.

use super::labels::Labels;
use super::reading::{ColumnReader, Reading};
use super::{Column, ColumnKind};

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

/// Rewrites `values`, rows of `width` cells as they were read, to rows of `columns`.
pub(super) fn assemble(values: &mut Vec<f32>, width: usize, columns: &[OutColumn]) {
    let is_as_read = |(i, column): (usize, &OutColumn)| column.input == i && matches!(column.cells, Cells::AsRead);
    if columns.len() == width && columns.iter().enumerate().all(is_as_read) {
        return;
    }
    let num_rows = values.len() / width;
    if columns.len() > width {
        let mut wide = Vec::with_capacity(num_rows * columns.len());
        for (row, cells) in values.chunks_exact(width).enumerate() {
            wide.extend(columns.iter().map(|column| column.value(cells, row)));
        }
        *values = wide;
        return;
    }
    // In place, since the cells may fill the memory: a row is written where it, or one before it, was.
    let mut cells = vec![0.0; width];
    for row in 0..num_rows {
        cells.copy_from_slice(&values[row * width..][..width]);
        let place = &mut values[row * columns.len()..][..columns.len()];
        place.iter_mut().zip(columns).for_each(|(value, column)| *value = column.value(&cells, row));
    }
    values.truncate(num_rows * columns.len());
}
