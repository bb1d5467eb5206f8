//! Reads NumPy arrays: a file of one (`.npy`), whose columns are numbered or the fields of its records, and a file of several
//! (`.npz`), each a column or, with two dimensions, several.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::{self, BufReader, Read};

use super::DataConfig;
use super::cell_parser::CellParser;
use super::numpy_header::{self, Field, Header, Kind};
use super::origin::{Opened, Origin};
use super::table::{About, CellTexts, MAX_RECORD_BYTES, Reader, RowVisitor, Table};
use super::value::Value;
use super::zip::{Member, Shared};
use crate::figures::counted;
use crate::invalid::Invalid;

/// Read ahead for each array: there may be a thousand.
const BUFFER_BYTES: usize = 16 << 10;
/// Arrays, or columns of one in Fortran's order, that are read side by side.
const MAX_LANES: usize = 4096;
/// Columns of a table: each has a name, however short the file is.
const MAX_COLUMNS: usize = 1 << 20;

/// Reads the rows of arrays side by side.
struct Arrays<'a> {
    origin: &'a Origin,
    lanes: Vec<Lane>,
    num_rows: usize,
    /// Of each column, the lane and the field in it.
    columns: Vec<(usize, Field)>,
    cells: CellParser,
}

/// Items that follow each other in a file, one a row.
struct Lane {
    place: Place,
    /// Bytes of an item.
    item: usize,
}

/// Where the first item is.
enum Place {
    /// After so many bytes of the whole file.
    Whole(u64),
    /// At this position of a file.
    At(Shared, u64),
    /// After so many bytes of a file in an archive.
    In(Shared, Member, u64),
}

/// The table in a `.npy` file.
///
/// # Errors
/// A file that cannot be read, or an array that is no table.
pub(super) fn open<'a>(
    origin: &'a Origin,
    mut opened: Opened,
    config: &DataConfig,
    _: Option<&str>,
) -> Result<Table<'a>, Invalid> {
    let header = numpy_header::read(&mut opened.reader).map_err(|error| cannot(origin, "", &error))?;
    let place = match origin.path().filter(|_| !opened.is_gzipped && opened.is_whole_file) {
        Some(path) if header.is_fortran => {
            Place::At(Shared::open(path).map_err(|error| origin.unreadable(&error))?, header.len)
        }
        _ => Place::Whole(header.len),
    };
    let mut arrays = Arrays::new(origin, config);
    let names = arrays.add(&header, "column", place)?;
    arrays.table(names, Vec::new())
}

/// The table in a `.npz` file, an archive with these members.
///
/// # Errors
/// As [`open`]; arrays with different numbers of rows.
pub(super) fn open_archive<'a>(
    origin: &'a Origin,
    file: &Shared,
    members: &[Member],
    config: &DataConfig,
) -> Result<Table<'a>, Invalid> {
    let mut arrays = Arrays::new(origin, config);
    let (mut names, mut notes) = (Vec::new(), Vec::new());
    if members.len() > MAX_LANES {
        return Err(
            origin.error(&format!("has {} arrays, and {MAX_LANES} at most are read side by side", members.len()))
        );
    }
    for member in members {
        let name = member.name.strip_suffix(".npy").unwrap_or(&member.name);
        let header = member.read(file).and_then(|mut reader| numpy_header::read(&mut reader));
        let header = header.map_err(|error| cannot(origin, name, &error))?;
        if header.shape.is_empty() {
            notes.push(format!("left out `{name}`, a single value"));
            continue;
        }
        let stored = member.stored_at(file).map_err(|error| cannot(origin, name, &error))?;
        let place = match stored.filter(|_| header.is_fortran) {
            Some(start) => Place::At(file.clone(), start + header.len),
            None => Place::In(file.clone(), member.clone(), header.len),
        };
        names.extend(arrays.add(&header, name, place)?);
    }
    arrays.table(names, notes)
}

/// An error about one of the arrays.
fn cannot(origin: &Origin, name: &str, error: &io::Error) -> Invalid {
    let what = if name.is_empty() { String::new() } else { format!("`{name}`: ") };
    match error.kind() {
        io::ErrorKind::UnexpectedEof => origin.error(&format!("cannot be read: {what}it is cut off")),
        _ => origin.error(&format!("cannot be read: {what}{error}")),
    }
}

impl<'a> Arrays<'a> {
    fn new(origin: &'a Origin, config: &DataConfig) -> Self {
        let cells = CellParser::new(config);
        Self { origin, lanes: Vec::new(), num_rows: 0, columns: Vec::new(), cells }
    }

    /// Adds an array; returns the names of its columns.
    fn add(&mut self, header: &Header, name: &str, place: Place) -> Result<Vec<String>, Invalid> {
        let error = |message: &str| Err(self.origin.error(&format!("cannot be read: `{name}` {message}")));
        let [num_rows, inner @ ..] = &header.shape[..] else { return error("is a single value, and no rows") };
        let width = inner.iter().try_fold(1usize, |product, &size| product.checked_mul(size));
        let Some(width) =
            width.filter(|width| width.checked_mul(header.item).is_some_and(|item| item <= MAX_RECORD_BYTES))
        else {
            return error("has rows of more than 16 MiB");
        };
        if !self.columns.is_empty() && self.num_rows != *num_rows {
            return error(&format!(
                "has {num_rows} rows, and the array before it {}: write arrays of one length",
                self.num_rows
            ));
        }
        if width == 0 || header.item == 0 {
            return error("has no columns");
        }
        // Of a compressed array the bytes are counted as they come.
        let num_bytes = num_rows.checked_mul(width * header.item).filter(|&bytes| bytes <= isize::MAX as usize);
        if num_bytes.is_none() {
            return error(&format!("is cut off: its header says {num_rows} rows"));
        }
        self.num_rows = *num_rows;
        if width > MAX_COLUMNS || self.columns.len() + width > MAX_COLUMNS {
            return error(&format!("has more than {MAX_COLUMNS} columns"));
        }
        let is_record = header.fields.len() > 1 || !header.fields[0].name.is_empty();
        if is_record && width > 1 {
            return error("has records in more than one dimension");
        }
        let numbered = |column: usize| {
            if inner.is_empty() && name != "column" { name.to_owned() } else { format!("{name}_{}", column + 1) }
        };
        if is_record {
            self.columns.extend(header.fields.iter().map(|field| (self.lanes.len(), field.clone())));
            self.lanes.push(Lane { place, item: header.item });
            return Ok(header.fields.iter().map(|field| field.name.clone()).collect());
        }
        // A column of several dimensions in Fortran's order is one in C's.
        if !header.is_fortran || width == 1 {
            let field = |column: usize| Field { offset: column * header.item, ..header.fields[0].clone() };
            self.columns.extend((0..width).map(|column| (self.lanes.len(), field(column))));
            self.lanes.push(Lane { place, item: width * header.item });
            return Ok((0..width).map(numbered).collect());
        }
        let (Place::At(file, start), [_]) = (place, inner) else {
            return error(
                "is compressed, or of three dimensions, in Fortran's order: save numpy.ascontiguousarray(array)",
            );
        };
        if self.lanes.len() + width > MAX_LANES {
            return error(&format!(
                "has more than {MAX_LANES} columns in Fortran's order: save numpy.ascontiguousarray(array)"
            ));
        }
        for column in 0..width {
            let start = start + (column * num_rows * header.item) as u64;
            self.columns.push((self.lanes.len(), header.fields[0].clone()));
            self.lanes.push(Lane { place: Place::At(file.clone(), start), item: header.item });
        }
        Ok((0..width).map(numbered).collect())
    }

    fn table(self, names: Vec<String>, notes: Vec<String>) -> Result<Table<'a>, Invalid> {
        if names.is_empty() {
            return Err(self.origin.error("has no array"));
        }
        let mut seen = HashSet::new();
        if let Some(name) = names.iter().find(|name| !seen.insert(*name)) {
            return Err(self.origin.error(&format!("has two columns `{name}`: rename one")));
        }
        let about = About { notes, ..About::default() };
        Ok(Table::new(self.origin, names, about, Box::new(self)))
    }
}

impl Lane {
    fn reader(&self, origin: &Origin) -> Result<Box<dyn Read>, Invalid> {
        let skipped = |mut reader: Box<dyn Read>, count: u64| -> io::Result<Box<dyn Read>> {
            io::copy(&mut (&mut reader).take(count), &mut io::sink())?;
            Ok(reader)
        };
        let reader = match &self.place {
            Place::Whole(start) => skipped(Box::new(origin.open()?.reader), *start),
            Place::At(file, start) => Ok(Box::new(file.section(*start, u64::MAX)) as Box<dyn Read>),
            Place::In(file, member, start) => member.read(file).and_then(|reader| skipped(reader, *start)),
        };
        let reader = reader.map_err(|error| origin.unreadable(&error))?;
        Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, reader)))
    }
}

impl Reader for Arrays<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        // Only the lanes that hold a wanted column.
        let mut readers: Vec<Option<Box<dyn Read>>> = Vec::new();
        let wanted: HashSet<usize> = columns.iter().map(|&column| self.columns[column].0).collect();
        for (number, lane) in self.lanes.iter().enumerate() {
            readers.push(if wanted.contains(&number) { Some(lane.reader(self.origin)?) } else { None });
        }
        let mut row =
            Items { columns: &self.columns, items: self.lanes.iter().map(|lane| vec![0; lane.item]).collect() };
        let mut cells = Vec::with_capacity(columns.len());
        for number in 0..self.num_rows {
            for (reader, item) in readers.iter_mut().zip(&mut row.items) {
                let Some(reader) = reader else { continue };
                reader.read_exact(item).map_err(|error| match error.kind() {
                    io::ErrorKind::UnexpectedEof => self.origin.error_at(
                        number as u64 + 1,
                        &format!("the file is cut off here: its header says {}", counted(self.num_rows, "row")),
                    ),
                    _ => self.origin.unreadable(&error),
                })?;
            }
            cells.clear();
            cells.extend(columns.iter().map(|&column| row.value(column).cell(&self.cells)));
            if visit(number as u64 + 1, &cells, &row).is_break() {
                return Ok(number + 1);
            }
        }
        // The end of a file in an archive is where its checksum is compared.
        for (reader, lane) in readers.iter_mut().zip(&self.lanes) {
            let Some(reader) = reader.as_mut().filter(|_| !matches!(lane.place, Place::At(..))) else { continue };
            if reader.read(&mut [0]).map_err(|error| self.origin.unreadable(&error))? > 0 {
                let message = format!("holds more than the {} that its header says", counted(self.num_rows, "row"));
                return Err(self.origin.error(&message));
            }
        }
        Ok(self.num_rows)
    }
}

/// The items of a row, by lane.
struct Items<'a> {
    columns: &'a [(usize, Field)],
    items: Vec<Vec<u8>>,
}

impl Items<'_> {
    fn value(&self, column: usize) -> Value<'_> {
        let (lane, field) = &self.columns[column];
        let bytes = &self.items[*lane][field.offset..][..field.kind.size()];
        let little = |bytes: &[u8]| -> [u8; 8] {
            let mut buffer = [0; 8];
            buffer[..bytes.len()].copy_from_slice(bytes);
            if field.is_big_endian {
                buffer[..bytes.len()].reverse();
            }
            buffer
        };
        match field.kind {
            Kind::Bool => Value::Bool(bytes[0] != 0),
            Kind::Unsigned(_) => Value::Whole(u64::from_le_bytes(little(bytes)).into()),
            Kind::Signed(size) => {
                let unused = 64 - 8 * size as u32;
                Value::Whole(((u64::from_le_bytes(little(bytes)) << unused) as i64 >> unused).into())
            }
            Kind::Float(4) => {
                let [a, b, c, d, ..] = little(bytes);
                Value::Exact(f32::from_le_bytes([a, b, c, d]))
            }
            Kind::Float(_) => Value::Double(f64::from_le_bytes(little(bytes))),
            Kind::Unicode(_) => {
                let chars = bytes.chunks_exact(4).map(|code| {
                    let [a, b, c, d, ..] = little(code);
                    char::from_u32(u32::from_le_bytes([a, b, c, d])).unwrap_or(char::REPLACEMENT_CHARACTER)
                });
                let text: String = chars.collect();
                Value::Text(Cow::Owned(text.trim_end_matches('\0').as_bytes().to_vec()))
            }
            Kind::Bytes(_) => {
                let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
                Value::Text(Cow::Owned(String::from_utf8_lossy(&bytes[..end]).into_owned().into_bytes()))
            }
        }
    }
}

impl CellTexts for Items<'_> {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        self.value(column).into_text()
    }

    fn is_number(&self, column: usize) -> bool {
        self.value(column).is_number()
    }
}
