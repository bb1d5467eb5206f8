//! The cells of a table: rows of f32 in chunks, in which each column has the smallest type that keeps its numbers exactly.
//!
//! The chunks are in memory, or in a file (`chunk_file`), of which those that are in use are read. Nothing but the place
//! and the type of a cell differs: a row is the same f32 values, bit for bit, as they were added.

use std::borrow::Cow;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::chunk_file::{ChunkFile, StoredChunk};
use super::chunk_layout::ChunkLayout;

/// Bytes of a chunk while its cells are f32: enough to be read from a disk at full speed.
const CHUNK_BYTES: usize = 1 << 20;
/// Bytes, as f32, of the chunks of a file that are in memory at a time, and the rows of which are shuffled together.
pub(super) const WINDOW_BYTES: usize = 64 << 20;

/// Rows of `width` cells.
#[derive(Clone, Debug)]
pub struct Matrix {
    width: usize,
    /// A chunk has 2^shift rows; the last one may have fewer.
    shift: u32,
    num_rows: usize,
    chunks: Vec<Chunk>,
    /// The rows after the chunks, while rows are added.
    open: Vec<f32>,
    /// Where full chunks go; `None`: they stay in memory.
    file: Option<Arc<ChunkFile>>,
}

#[derive(Clone, Debug)]
enum Chunk {
    /// Row-major.
    Floats(Vec<f32>),
    /// Records of the layout, one after the other.
    Packed(ChunkLayout, Vec<u8>),
    Stored(StoredChunk),
}

impl Matrix {
    /// The rows in `values`, row-major, as they are.
    pub fn of_floats(width: usize, values: Vec<f32>) -> Self {
        let num_rows = values.len().checked_div(width).unwrap_or(0);
        let chunks = if values.is_empty() { Vec::new() } else { vec![Chunk::Floats(values)] };
        // One chunk, however large it is.
        Self { width, shift: usize::BITS - 1, num_rows, chunks, open: Vec::new(), file: None }
    }

    /// No rows yet. Full chunks are packed, and are written to the file, if there is one.
    pub(super) fn packing(width: usize, file: Option<Arc<ChunkFile>>) -> Self {
        let rows = (CHUNK_BYTES / size_of::<f32>() / width.max(1)).max(1);
        Self { width, shift: rows.ilog2(), num_rows: 0, chunks: Vec::new(), open: Vec::new(), file }
    }

    /// The rows in a file.
    pub(super) fn stored(width: usize, num_rows: usize, chunks: Vec<StoredChunk>, file: Arc<ChunkFile>) -> Self {
        let chunks = chunks.into_iter().map(Chunk::Stored).collect();
        Self { num_rows, chunks, ..Self::packing(width, Some(file)) }
    }

    /// The same in memory, if all of it is shuffled together anyway, as f32 in `window_bytes`.
    ///
    /// # Errors
    /// What reading reports, or a damaged chunk.
    pub(super) fn in_memory_within(self, window_bytes: usize) -> io::Result<Self> {
        let Some(file) = &self.file else { return Ok(self) };
        if self.num_rows * self.width * size_of::<f32>() > window_bytes {
            return Ok(self);
        }
        let read = |chunk: &Chunk| match chunk {
            Chunk::Stored(stored) => Ok(Chunk::Packed(stored.layout.clone(), file.chunk(stored, Vec::new())?)),
            other => Ok(other.clone()),
        };
        let chunks = self.chunks.iter().map(read).collect::<io::Result<_>>()?;
        Ok(Self { chunks, file: None, ..self })
    }

    pub fn width(&self) -> usize {
        self.width
    }

    pub fn num_rows(&self) -> usize {
        self.num_rows
    }

    fn rows_a_chunk(&self) -> usize {
        1 << self.shift
    }

    /// Rows of a full chunk of a table that is not small.
    pub(super) fn rows_of_chunk(width: usize) -> usize {
        Self::packing(width, None).rows_a_chunk()
    }

    /// The file of the cells, if they are not in memory.
    pub(super) fn file(&self) -> Option<&Arc<ChunkFile>> {
        self.file.as_ref()
    }

    /// The chunks in a file.
    pub(super) fn stored_chunks(&self) -> impl Iterator<Item = &StoredChunk> {
        self.chunks.iter().filter_map(|chunk| match chunk {
            Chunk::Stored(stored) => Some(stored),
            _ => None,
        })
    }

    /// Bytes of memory that the cells take.
    pub(super) fn num_bytes(&self) -> usize {
        let of_chunk = |chunk: &Chunk| match chunk {
            Chunk::Floats(values) => size_of_val(values.as_slice()),
            Chunk::Packed(_, bytes) => bytes.len(),
            Chunk::Stored(_) => 0,
        };
        self.chunks.iter().map(of_chunk).sum::<usize>() + size_of_val(self.open.as_slice())
    }

    // ---- adding rows

    /// To append the cells of one row to, before [`Matrix::end_row`].
    #[inline]
    pub(super) fn next_row(&mut self) -> &mut Vec<f32> {
        &mut self.open
    }

    /// Ends a row; whether it was the last one of a chunk.
    ///
    /// # Errors
    /// What writing the chunk reports; no memory for the next one.
    #[inline]
    pub(super) fn end_row(&mut self) -> io::Result<bool> {
        self.num_rows += 1;
        let is_full = self.num_rows & (self.rows_a_chunk() - 1) == 0;
        if is_full {
            self.close()?;
        }
        Ok(is_full)
    }

    /// After the last row: a table of one chunk stays as it was added, unless it goes to a file.
    ///
    /// # Errors
    /// As [`Matrix::end_row`].
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if self.open.is_empty() {
            return Ok(());
        }
        if self.chunks.is_empty() && self.file.is_none() {
            self.open.shrink_to_fit();
            self.chunks.push(Chunk::Floats(std::mem::take(&mut self.open)));
            return Ok(());
        }
        self.close()?;
        self.open = Vec::new();
        Ok(())
    }

    /// Makes it possible to add rows after [`Matrix::finish`].
    ///
    /// # Errors
    /// What reading the last chunk from a file reports.
    pub(super) fn reopen(&mut self) -> io::Result<()> {
        if self.num_rows & (self.rows_a_chunk() - 1) == 0 || !self.open.is_empty() {
            return Ok(());
        }
        self.open = match self.chunks.pop() {
            None => Vec::new(),
            Some(Chunk::Floats(values)) => values,
            Some(chunk) => {
                let mut values = Vec::new();
                self.decode_all(&chunk, &mut values)?;
                values
            }
        };
        Ok(())
    }

    fn close(&mut self) -> io::Result<()> {
        let layout = ChunkLayout::of(&self.open, self.width);
        if self.file.is_some() || !layout.is_plain() {
            let bytes = layout.pack(&self.open);
            self.chunks.push(match &self.file {
                Some(file) => Chunk::Stored(file.append(layout, &bytes)?),
                None => Chunk::Packed(layout, bytes),
            });
            self.open.clear();
            return Ok(());
        }
        let mut next = Vec::new();
        next.try_reserve_exact(self.open.len()).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.chunks.push(Chunk::Floats(std::mem::replace(&mut self.open, next)));
        Ok(())
    }

    /// Replaces the rows: `change` is given each with its number, and makes of it the `width` cells that take its place, or
    /// says that none do.
    ///
    /// # Errors
    /// What reading and writing the file report.
    pub(super) fn rewrite(
        &mut self,
        width: usize,
        mut change: impl FnMut(usize, &mut Vec<f32>) -> bool,
    ) -> io::Result<()> {
        let mut rewriting = self.rewriting(width)?;
        let mut number = 0;
        while let Some(row) = rewriting.next()? {
            if change(number, row) {
                rewriting.keep()?;
            }
            number += 1;
        }
        *self = rewriting.finish()?;
        Ok(())
    }

    /// Takes the rows away, to give back others of `width` cells. In memory only one chunk is there twice.
    ///
    /// # Errors
    /// What making another file reports.
    pub(super) fn rewriting(&mut self, width: usize) -> io::Result<Rewriting> {
        let file = self.file.as_ref().map(|file| file.another()).transpose()?;
        let mut old = std::mem::replace(self, Self::packing(width, None));
        let chunks = std::mem::take(&mut old.chunks).into_iter();
        Ok(Rewriting { old, chunks, cells: Vec::new(), next: 0, row: Vec::new(), new: Self::packing(width, file) })
    }

    fn decode_all(&self, chunk: &Chunk, cells: &mut Vec<f32>) -> io::Result<()> {
        let stored;
        let (layout, bytes) = match chunk {
            Chunk::Floats(values) => {
                cells.extend_from_slice(values);
                return Ok(());
            }
            Chunk::Packed(layout, bytes) => (layout, bytes),
            Chunk::Stored(chunk) => {
                let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
                stored = file.chunk(chunk, Vec::new())?;
                (&chunk.layout, &stored)
            }
        };
        bytes.chunks_exact(layout.stride()).for_each(|record| layout.unpack(record, 0..self.width, cells));
        Ok(())
    }

    // ---- reading rows

    /// The cells of row `i`.
    ///
    /// # Panics
    /// If `i >= num_rows()`.
    pub fn row(&self, i: usize) -> Cow<'_, [f32]> {
        if let Some(cells) = self.floats(i) {
            return Cow::Borrowed(cells);
        }
        let mut cells = Vec::with_capacity(self.width);
        self.append(i, 0..self.width, &mut cells);
        Cow::Owned(cells)
    }

    /// A cell.
    pub fn cell(&self, row: usize, column: usize) -> f32 {
        if let Some(cells) = self.floats(row) {
            return cells[column];
        }
        let mut cell = Vec::with_capacity(1);
        self.append(row, column..column + 1, &mut cell);
        cell[0]
    }

    /// All cells, row-major.
    pub fn to_floats(&self) -> Vec<f32> {
        let mut values = Vec::with_capacity(self.num_rows * self.width);
        self.for_each_row(|_, cells| values.extend_from_slice(cells));
        values
    }

    /// Calls `visit` with each row, in order.
    pub fn for_each_row(&self, mut visit: impl FnMut(usize, &[f32])) {
        let mut reader = self.reader(Nearness::InOrder);
        (0..self.num_rows).for_each(|row| visit(row, reader.row(row)));
    }

    #[inline]
    fn floats(&self, i: usize) -> Option<&[f32]> {
        let values = match self.chunks.get(i >> self.shift) {
            Some(Chunk::Floats(values)) => values,
            None => &self.open,
            Some(_) => return None,
        };
        let row = i & (self.rows_a_chunk() - 1);
        Some(&values[row * self.width..][..self.width])
    }

    /// Appends cells of row `i`. Of a file it reads that row alone.
    pub(super) fn append(&self, i: usize, columns: Range<usize>, cells: &mut Vec<f32>) {
        let row = i & (self.rows_a_chunk() - 1);
        match &self.chunks[i >> self.shift] {
            Chunk::Floats(values) => cells.extend_from_slice(&values[row * self.width..][..self.width][columns]),
            Chunk::Packed(layout, bytes) => layout.unpack(layout.record(bytes, row), columns, cells),
            Chunk::Stored(chunk) => {
                let mut record = vec![0; chunk.layout.stride()];
                match self.file.as_ref().is_some_and(|file| file.read_record(chunk, row, &mut record)) {
                    true => chunk.layout.unpack(&record, columns, cells),
                    false => cells.extend(columns.map(|_| f32::NAN)),
                }
            }
        }
    }

    /// Reads many rows, faster than one by one where they are in a file and `nearness` holds.
    pub fn reader(&self, nearness: Nearness) -> RowReader<'_> {
        let most = match nearness {
            Nearness::InOrder => 1,
            Nearness::InWindows => self.window_chunks(),
            Nearness::Random => 0,
        };
        let places = if most > 0 && self.file.is_some() { vec![None; self.chunks.len()] } else { Vec::new() };
        RowReader { matrix: self, most, kept: Vec::new(), places, last: 0, cells: Vec::new(), record: Vec::new() }
    }

    /// Why a row could not be read since the table was loaded: its cells were then taken as missing.
    pub fn failure(&self) -> Option<&str> {
        self.file.as_ref()?.failure()
    }

    // ---- shuffling

    /// Whether not all rows can be shuffled together.
    pub fn is_windowed(&self) -> bool {
        self.file.is_some()
    }

    fn window_chunks(&self) -> usize {
        let of_chunk = self.rows_a_chunk().saturating_mul(self.width * size_of::<f32>()).max(1);
        (self.file.as_ref().map_or(WINDOW_BYTES, |file| file.window_bytes()) / of_chunk).max(2)
    }

    /// Shuffles `order`, the row of each item of which `row_of` tells. Where the rows are in a file the chunks are shuffled,
    /// and then the rows of as many chunks as a window has: so each is read once, and whole.
    pub fn shuffle(&self, order: &mut Vec<u32>, row_of: impl Fn(u32) -> usize, random: &mut ChaCha8Rng) {
        if !self.is_windowed() {
            return order.shuffle(random);
        }
        let num_chunks = self.chunks.len();
        let num_windows = num_chunks.div_ceil(self.window_chunks());
        let mut chunks: Vec<usize> = (0..num_chunks).collect();
        chunks.shuffle(random);
        let mut window_of = vec![0; num_chunks];
        // Windows of equal size: a last one of few chunks would be shuffled worse.
        chunks.iter().enumerate().for_each(|(place, &chunk)| window_of[chunk] = place * num_windows / num_chunks);
        let window = |item: u32| window_of[row_of(item) >> self.shift];
        let mut ends = vec![0; num_windows];
        order.iter().for_each(|&item| ends[window(item)] += 1);
        let mut next = 0;
        for end in &mut ends {
            next += std::mem::replace(end, next);
        }
        let mut sorted = vec![0; order.len()];
        for &item in order.iter() {
            let place = &mut ends[window(item)];
            sorted[*place] = item;
            *place += 1;
        }
        let mut rest = &mut sorted[..];
        let mut begun = 0;
        for end in ends {
            let (window, others) = std::mem::take(&mut rest).split_at_mut(end - begun);
            window.shuffle(random);
            (rest, begun) = (others, end);
        }
        *order = sorted;
    }
}

/// Rows that take the place of others.
pub(super) struct Rewriting {
    old: Matrix,
    chunks: std::vec::IntoIter<Chunk>,
    /// Of the present chunk.
    cells: Vec<f32>,
    /// Where the next row begins in `cells`.
    next: usize,
    row: Vec<f32>,
    new: Matrix,
}

impl Rewriting {
    /// The next row, to be changed; `None` after the last one.
    ///
    /// # Errors
    /// What reading a file reports.
    pub(super) fn next(&mut self) -> io::Result<Option<&mut Vec<f32>>> {
        if self.next == self.cells.len() {
            let Some(chunk) = self.chunks.next() else { return Ok(None) };
            (self.next, self.cells) = (0, Vec::new());
            match chunk {
                Chunk::Floats(values) => self.cells = values,
                other => self.old.decode_all(&other, &mut self.cells)?,
            }
        }
        self.row.clear();
        self.row.extend_from_slice(&self.cells[self.next..][..self.old.width]);
        self.next += self.old.width;
        Ok(Some(&mut self.row))
    }

    /// Adds the row, as it was changed, to the new ones.
    ///
    /// # Errors
    /// As [`Matrix::end_row`].
    pub(super) fn keep(&mut self) -> io::Result<()> {
        self.new.open.extend_from_slice(&self.row);
        self.new.end_row().map(|_| ())
    }

    /// The new rows.
    ///
    /// # Errors
    /// As [`Matrix::finish`].
    pub(super) fn finish(mut self) -> io::Result<Matrix> {
        self.new.finish()?;
        Ok(self.new)
    }
}

/// Equal rows, whatever they are stored as.
impl PartialEq for Matrix {
    fn eq(&self, other: &Self) -> bool {
        let are_equal = |row: usize| self.row(row) == other.row(row);
        (self.width, self.num_rows) == (other.width, other.num_rows) && (0..self.num_rows).all(are_equal)
    }
}

/// How near the rows are that are read one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nearness {
    /// Ascending.
    InOrder,
    /// As [`Matrix::shuffle`] leaves them.
    InWindows,
    /// Anywhere.
    Random,
}

/// Reads rows, and keeps the chunks of a file that it read last.
pub struct RowReader<'a> {
    matrix: &'a Matrix,
    /// Chunks kept.
    most: usize,
    /// With their numbers.
    kept: Vec<(usize, Vec<u8>)>,
    /// Of each chunk in `kept`.
    places: Vec<Option<u32>>,
    /// The place in `kept` that was filled last.
    last: usize,
    /// Of the row.
    cells: Vec<f32>,
    record: Vec<u8>,
}

impl RowReader<'_> {
    /// The cells of row `i`.
    ///
    /// # Panics
    /// If there are fewer rows.
    pub fn row(&mut self, i: usize) -> &[f32] {
        self.columns(i, 0..self.matrix.width)
    }

    /// Some cells of row `i`.
    ///
    /// # Panics
    /// As [`RowReader::row`].
    pub fn columns(&mut self, i: usize, columns: Range<usize>) -> &[f32] {
        let matrix = self.matrix;
        if let Some(cells) = matrix.floats(i) {
            return &cells[columns];
        }
        self.cells.clear();
        let number = i >> matrix.shift;
        match (&matrix.chunks[number], &matrix.file) {
            (Chunk::Stored(chunk), Some(file)) if self.most > 0 => {
                let place = match self.places[number] {
                    Some(place) => place as usize,
                    None => self.keep(number, chunk, file),
                };
                let row = i & (matrix.rows_a_chunk() - 1);
                // Empty where it could not be read.
                match &self.kept[place].1 {
                    bytes if bytes.is_empty() => self.cells.extend(columns.map(|_| f32::NAN)),
                    bytes => chunk.layout.unpack(chunk.layout.record(bytes, row), columns, &mut self.cells),
                }
            }
            (Chunk::Stored(chunk), Some(file)) => {
                self.record.resize(chunk.layout.stride(), 0);
                match file.read_record(chunk, i & (matrix.rows_a_chunk() - 1), &mut self.record) {
                    true => chunk.layout.unpack(&self.record, columns, &mut self.cells),
                    false => self.cells.extend(columns.map(|_| f32::NAN)),
                }
            }
            _ => matrix.append(i, columns, &mut self.cells),
        }
        &self.cells
    }

    /// Reads a chunk into the place of the one that was read first, and returns the place.
    fn keep(&mut self, number: usize, chunk: &StoredChunk, file: &ChunkFile) -> usize {
        if self.kept.len() < self.most {
            self.kept.push((number, Vec::new()));
            self.last = self.kept.len() - 1;
        } else {
            self.last = (self.last + 1) % self.most;
            self.places[self.kept[self.last].0] = None;
        }
        self.places[number] = Some(self.last as u32);
        let (of, bytes) = &mut self.kept[self.last];
        *of = number;
        *bytes = file.chunk(chunk, std::mem::take(bytes)).unwrap_or_else(|error| {
            file.fail(&error);
            Vec::new()
        });
        self.last
    }
}
