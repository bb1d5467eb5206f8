//! Reads Parquet files, with the feature `parquet`: of each row group the wanted columns, some thousand rows at a time.

use std::cell::Cell;
use std::fmt::Display;
use std::fs::File;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema};
use bytes::Bytes;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;

use super::DataConfig;
use super::columnar::Columns;
use super::guarded::guarded;
use super::origin::{Opened, Origin};
use super::parquet_pages;
use super::table::{Cell as TableCell, CellTexts, Reader, RowVisitor, Table};
use crate::invalid::Invalid;
use crate::permissions::open_noted;

/// The first bytes of a file.
pub(super) const MAGIC: &[u8] = b"PAR1";

/// Rows in memory at a time, and the bytes that they may be.
const MOST_ROWS: u64 = 8192;
const MOST_BYTES: u64 = 32 << 20;
/// Bytes of the cells of a column in a batch, if each is as large as its dictionary.
const MOST_REPEATED: u64 = 512 << 20;

/// Reads the rows of a file.
struct Parquet<'a> {
    origin: &'a Origin,
    source: Source,
    /// What the end of the file says of it.
    metadata: ArrowReaderMetadata,
    columns: Columns,
    num_rows: u64,
    rows_a_batch: usize,
    /// Rows of the present pass so far.
    num_read: Cell<u64>,
}

/// It is read from its end, and here and there.
enum Source {
    File(File),
    Given(Bytes),
}

/// The table in a file.
///
/// # Errors
/// A file that cannot be read, that is inside something else, or whose columns have no unique names.
pub(super) fn open<'a>(
    origin: &'a Origin,
    opened: Opened,
    config: &DataConfig,
    _: Option<&str>,
) -> Result<Table<'a>, Invalid> {
    let source = match (origin.path(), origin.bytes()) {
        _ if opened.is_gzipped || !opened.is_whole_file => None,
        (Some(path), _) if !origin.is_stream() => {
            Some(Source::File(open_noted(path).map_err(|error| origin.unreadable(&error))?))
        }
        (_, Some(bytes)) => Some(Source::Given(Bytes::from_owner(bytes))),
        _ => None,
    };
    let source = source.ok_or_else(|| {
        origin.error("is a Parquet file inside something else, such as a pipe: write it to a file of its own")
    })?;
    let metadata = caught(origin, || match &source {
        Source::File(file) => metadata_of(file),
        Source::Given(bytes) => metadata_of(bytes),
    })?;
    let (columns, about) = Columns::new(origin, metadata.schema(), config)?;
    let groups = metadata.metadata().row_groups();
    let positive = |number: i64| u64::try_from(number).unwrap_or(0);
    let num_rows = groups.iter().map(|group| positive(group.num_rows())).fold(0, u64::saturating_add);
    let row_bytes =
        groups.iter().map(|group| positive(group.total_byte_size()) / positive(group.num_rows()).max(1)).max();
    let rows_a_batch = (MOST_BYTES / row_bytes.unwrap_or(1).max(1)).clamp(1, MOST_ROWS) as usize;
    let names = columns.names.clone();
    let reader = Parquet { origin, source, metadata, columns, num_rows, rows_a_batch, num_read: Cell::new(0) };
    Ok(Table::new(origin, names, about, Box::new(reader)))
}

/// What the end of the file says, and the types that its columns are to be read as.
fn metadata_of(
    source: &(impl parquet::file::reader::ChunkReader + 'static),
) -> Result<ArrowReaderMetadata, ParquetError> {
    let found = ArrowReaderMetadata::load(source, ArrowReaderOptions::new())?;
    // Texts are read as they are: each dictionary's own would be merged for every batch, and those that share their bytes
    // ask for as much memory as a damaged file says.
    let plain = |field: &Arc<Field>| match plain_text(field.data_type()) {
        true => Arc::new(field.as_ref().clone().with_data_type(DataType::Utf8)),
        false => Arc::clone(field),
    };
    let fields: Vec<Arc<Field>> = found.schema().fields().iter().map(plain).collect();
    let schema = Arc::new(Schema::new_with_metadata(fields, found.schema().metadata().clone()));
    ArrowReaderMetadata::try_new(Arc::clone(found.metadata()), ArrowReaderOptions::new().with_schema(schema))
}

fn plain_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Utf8View => true,
        DataType::Dictionary(_, values) => {
            matches!(**values, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
        }
        _ => false,
    }
}

/// What `read` gives; its error or its panic as one of the file.
fn caught<T, E: Display>(origin: &Origin, read: impl FnOnce() -> Result<T, E>) -> Result<T, Invalid> {
    let why = match guarded(read) {
        Some(Ok(found)) => return Ok(found),
        Some(Err(error)) => error.to_string(),
        None => "its decoder gives up".to_owned(),
    };
    let why: Vec<&str> = why.split_whitespace().collect();
    Err(origin.error(&format!("is a damaged Parquet file, or of a kind that is not read: {}", why.join(" "))))
}

impl Parquet<'_> {
    /// Checks the pages of these columns; the rows to read at a time.
    fn rows_a_batch(&self, projection: &[usize]) -> Result<usize, Invalid> {
        let schema = self.metadata.parquet_schema();
        let mut largest = 0;
        for group in self.metadata.metadata().row_groups() {
            for (leaf, chunk) in group.columns().iter().enumerate() {
                let root = schema.get_column_root_idx(leaf);
                if projection.binary_search(&root).is_err() {
                    continue;
                }
                let checked = caught(self.origin, || {
                    Ok::<_, ParquetError>(match &self.source {
                        Source::File(file) => parquet_pages::check(file, chunk),
                        Source::Given(bytes) => parquet_pages::check(bytes, chunk),
                    })
                })?;
                let dictionary = checked.map_err(|why| {
                    self.origin.error(&format!("cannot be read: column `{}` {why}", self.columns.names[root]))
                })?;
                largest = largest.max(dictionary);
            }
        }
        Ok(self.rows_a_batch.min((MOST_REPEATED / largest.max(1)).max(1) as usize))
    }

    fn batches(&self, projection: &[usize], rows: usize) -> Result<ParquetRecordBatchReader, ParquetError> {
        let mask = ProjectionMask::roots(self.metadata.parquet_schema(), projection.iter().copied());
        let metadata = self.metadata.clone();
        match &self.source {
            Source::File(file) => ParquetRecordBatchReaderBuilder::new_with_metadata(file.try_clone()?, metadata)
                .with_projection(mask)
                .with_batch_size(rows)
                .build(),
            Source::Given(bytes) => ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), metadata)
                .with_projection(mask)
                .with_batch_size(rows)
                .build(),
        }
    }
}

impl Reader for Parquet<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        let wanted = self.columns.wanted(self.origin, columns)?;
        let rows = self.rows_a_batch(&wanted.projection)?;
        let mut batches = caught(self.origin, || self.batches(&wanted.projection, rows))?;
        let mut num_rows = 0;
        // Counted row by row: room for all numbers is made once, by what is said of the rows so far.
        let mut counted = |line: u64, cells: &[TableCell], texts: &dyn CellTexts| {
            self.num_read.set(line);
            visit(line, cells, texts)
        };
        while let Some(batch) = caught(self.origin, || batches.next().transpose())? {
            let batch: RecordBatch = batch;
            if self.columns.visit(self.origin, &batch, (&wanted, columns), num_rows, &mut counted)?.is_break() {
                return Ok(num_rows as usize);
            }
            num_rows += batch.num_rows() as u64;
        }
        if num_rows != self.num_rows {
            let message = format!("is damaged: it has {num_rows} rows, and says that they are {}", self.num_rows);
            return Err(self.origin.error(&message));
        }
        Ok(num_rows as usize)
    }

    fn progress(&self) -> Option<f64> {
        let num_read = self.num_read.get();
        (num_read > 0).then(|| (num_read as f64 / self.num_rows.max(1) as f64).min(1.0))
    }
}
