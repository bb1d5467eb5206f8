//! Reads Arrow's own files, with the feature `parquet`: those of `.arrow`, `.feather` and `.ipc`, and streams, which are the
//! same but for their beginning and end. A batch of rows is in memory at a time, as it was written.
//!
//! Arrow columnar format 1.5, "Serialization and Interprocess Communication (IPC)".

use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Read};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::convert::try_fb_to_schema;
use arrow_ipc::reader::{read_dictionary, read_record_batch};
use arrow_ipc::{Endianness, Message, MessageHeader, root_as_message};
use arrow_schema::{ArrowError, SchemaRef};

use super::DataConfig;
use super::columnar::Columns;
use super::guarded::guarded;
use super::limits::{MAX_MEAN_CELL, MAX_UNPACKED};
use super::memory::check_free;
use super::origin::{Opened, Origin};
use super::table::{Reader, RowVisitor, Table, is_marked};
use crate::invalid::Invalid;

const MAGIC: &[u8] = b"ARROW1\0\0";
/// Before the length of a message.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// What describes a batch: some numbers for each column.
const MAX_HEADER: usize = 64 << 20;

/// Whether a file that begins so is one of Arrow, or a stream.
pub(super) fn is_begun_by(start: &[u8]) -> bool {
    let is_stream = || {
        let length = start.get(4..8).and_then(|length| length.try_into().ok()).map_or(0, u32::from_le_bytes);
        start.starts_with(&CONTINUATION) && (1..=MAX_HEADER).contains(&(length as usize))
    };
    is_marked(start, b"ARROW1") || is_stream()
}

/// Reads the rows of a file.
struct Arrow<'a> {
    origin: &'a Origin,
    columns: Columns,
}

/// The table in a file.
///
/// # Errors
/// A file that cannot be read, or whose columns have no unique names.
pub(super) fn open<'a>(
    origin: &'a Origin,
    opened: Opened,
    config: &DataConfig,
    _: Option<&str>,
) -> Result<Table<'a>, Invalid> {
    let (_, schema) = Messages::begin(origin, opened)?;
    let (columns, about) = Columns::new(origin, &schema, config)?;
    Ok(Table::new(origin, columns.names.clone(), about, Box::new(Arrow { origin, columns })))
}

impl Reader for Arrow<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        let wanted = self.columns.wanted(self.origin, columns)?;
        let (mut messages, schema) = Messages::begin(self.origin, self.origin.open()?)?;
        if schema.fields().len() != self.columns.names.len() {
            return Err(self.origin.error("changed while it was read: try again"));
        }
        let mut num_rows = 0;
        let mut dictionaries = HashMap::new();
        while let Some((header, body)) = messages.next()? {
            let batch = messages.caught(|| decode(&header, &body, &schema, &mut dictionaries, &wanted.projection))?;
            let Some(batch) = batch else { continue };
            if self.columns.visit(self.origin, &batch, (&wanted, columns), num_rows, visit)?.is_break() {
                break;
            }
            num_rows += batch.num_rows() as u64;
        }
        Ok(num_rows as usize)
    }
}

/// The batch in a message; `None` of a dictionary, which is kept.
fn decode(
    header: &[u8],
    body: &Buffer,
    schema: &SchemaRef,
    dictionaries: &mut HashMap<i64, ArrayRef>,
    projection: &[usize],
) -> Result<Option<RecordBatch>, ArrowError> {
    let message = message(header)?;
    let lacks = || ArrowError::IpcError("a message without its content".to_owned());
    match message.header_type() {
        MessageHeader::DictionaryBatch => {
            let dictionary = message.header_as_dictionary_batch().ok_or_else(lacks)?;
            check_sizes(dictionary.data().ok_or_else(lacks)?, body)?;
            read_dictionary(body, dictionary, schema, dictionaries, &message.version())?;
            Ok(None)
        }
        MessageHeader::RecordBatch => {
            let batch = message.header_as_record_batch().ok_or_else(lacks)?;
            check_sizes(batch, body)?;
            let schema = Arc::clone(schema);
            read_record_batch(body, batch, schema, dictionaries, Some(projection), &message.version()).map(Some)
        }
        other => Err(ArrowError::IpcError(format!("a message that is no batch: {other:?}"))),
    }
}

fn message(header: &[u8]) -> Result<Message<'_>, ArrowError> {
    root_as_message(header).map_err(|error| ArrowError::IpcError(format!("a message that is none: {error}")))
}

/// Whether the columns of a batch are within its body, and will fit in memory once they are decompressed: the decoder would
/// ask for as much as a damaged file says.
fn check_sizes(batch: arrow_ipc::RecordBatch<'_>, body: &Buffer) -> Result<(), ArrowError> {
    let error = |message: String| Err(ArrowError::IpcError(message));
    let mut total = 0usize;
    for buffer in batch.buffers().into_iter().flatten() {
        let range = usize::try_from(buffer.offset()).ok().zip(usize::try_from(buffer.length()).ok());
        let bytes = range.and_then(|(start, length)| body.get(start..start.checked_add(length)?));
        let Some(bytes) = bytes else { return error("a column is cut off".to_owned()) };
        if let (Some(length), true) = (bytes.first_chunk::<8>(), batch.compression().is_some()) {
            // -1: as it is.
            total = total.saturating_add(usize::try_from(i64::from_le_bytes(*length)).unwrap_or(0));
        }
    }
    // As those of a Parquet file: more would be cells that are larger than any may be.
    let num_cells = batch.nodes().map_or(1, |nodes| nodes.len()) as u64;
    let num_cells = num_cells.saturating_mul(u64::try_from(batch.length()).unwrap_or(0));
    if total as u64 > MAX_UNPACKED.saturating_add(num_cells.saturating_mul(MAX_MEAN_CELL)) {
        return error(format!("{} MiB for {num_cells} cells: a cell has at most 16 MiB", total >> 20));
    }
    check_free(total).or_else(|why| error(format!("a batch of its rows {why}")))
}

/// The messages of a file, one after the other.
struct Messages<'o> {
    origin: &'o Origin,
    reader: Box<dyn Read>,
    /// Bytes of the file itself, if it is neither compressed nor a stream.
    num_bytes: Option<u64>,
    /// Whether it is no stream, and so has a mark after its last message.
    is_file: bool,
}

impl<'o> Messages<'o> {
    /// Those after the first one, which is the schema.
    fn begin(origin: &'o Origin, opened: Opened) -> Result<(Self, SchemaRef), Invalid> {
        let is_plain = !opened.is_gzipped && opened.is_whole_file && opened.num_bytes_on_disk > 0;
        let num_bytes = is_plain.then_some(opened.num_bytes_on_disk);
        let mut messages = Self { origin, reader: Box::new(opened.reader), num_bytes, is_file: false };
        let mut start = [0; 8];
        messages.fill(&mut start)?;
        messages.is_file = start == *MAGIC;
        // After the mark some writers have zeros up to 64 bytes.
        for _ in 0..8 {
            if messages.is_file && (start == *MAGIC || start == [0; 8]) {
                messages.fill(&mut start)?;
            }
        }
        let rest = std::mem::replace(&mut messages.reader, Box::new(io::empty()));
        messages.reader = Box::new(io::Cursor::new(start).chain(rest));
        let Some((header, _)) = messages.next()? else { return Err(origin.error("has no columns")) };
        let schema = messages.caught(|| {
            let message = message(&header)?;
            let schema = message.header_as_schema();
            let schema = schema.ok_or_else(|| ArrowError::IpcError("it begins without a schema".to_owned()))?;
            if schema.endianness() != Endianness::Little {
                return Err(ArrowError::IpcError("its numbers are big-endian".to_owned()));
            }
            try_fb_to_schema(schema)
        })?;
        Ok((messages, Arc::new(schema)))
    }

    /// The header and the body of the next one.
    fn next(&mut self) -> Result<Option<(Vec<u8>, Buffer)>, Invalid> {
        let mut length = [0; 4];
        match self.reader.read(&mut length[..1]).map_err(|error| self.origin.unreadable(&error))? {
            0 if !self.is_file => return Ok(None),
            0 => return Err(self.cut_off()),
            _ => self.fill(&mut length[1..])?,
        }
        // Files before Arrow 0.15 have no mark here.
        if length == CONTINUATION {
            self.fill(&mut length)?;
        }
        let length = u32::from_le_bytes(length) as usize;
        if length == 0 {
            return Ok(None);
        }
        if length > MAX_HEADER {
            return Err(self.damaged(&"a message that is too long"));
        }
        let header = self.bytes(length as u64)?;
        let body = self.caught(|| Ok::<_, ArrowError>(message(&header)?.bodyLength()))?;
        let body = u64::try_from(body).map_err(|_| self.damaged(&"a message without a length"))?;
        let body = self.bytes(body)?;
        Ok(Some((header, Buffer::from_vec(body))))
    }

    /// Exactly so many bytes. No more memory is asked for than there are bytes.
    fn bytes(&mut self, count: u64) -> Result<Vec<u8>, Invalid> {
        let mut bytes = Vec::new();
        if let Some(num_bytes) = self.num_bytes {
            if count > num_bytes {
                return Err(self.cut_off());
            }
            let room = bytes.try_reserve_exact(count as usize).map_err(|_| format!("need {} MB", count >> 20));
            room.and_then(|()| check_free(count as usize))
                .map_err(|why| self.origin.error(&format!("does not fit in memory: a batch of its rows {why}")))?;
        }
        let mut part = (&mut self.reader).take(count);
        part.read_to_end(&mut bytes).map_err(|error| self.origin.unreadable(&error))?;
        if bytes.len() as u64 == count { Ok(bytes) } else { Err(self.cut_off()) }
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Invalid> {
        self.reader.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => self.cut_off(),
            _ => self.origin.unreadable(&error),
        })
    }

    fn cut_off(&self) -> Invalid {
        self.damaged(&"it is cut off")
    }

    fn damaged(&self, why: &dyn Display) -> Invalid {
        let why = why.to_string();
        let why: Vec<&str> = why.split_whitespace().collect();
        self.origin.error(&format!("is a damaged Arrow file, or of a kind that is not read: {}", why.join(" ")))
    }

    /// What `read` gives; its error or its panic as one of the file. The decoder panics where offsets are wrong.
    fn caught<T>(&self, read: impl FnOnce() -> Result<T, ArrowError>) -> Result<T, Invalid> {
        match guarded(read) {
            Some(Ok(found)) => Ok(found),
            Some(Err(error)) => Err(self.damaged(&error)),
            None => Err(self.damaged(&"its decoder gives up")),
        }
    }
}
