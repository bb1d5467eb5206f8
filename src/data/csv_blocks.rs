//! Parses a large CSV file in blocks of whole records, several at a time, and passes on their rows in the order of the file.
//!
//! While this thread passes on the rows of some blocks, others of the pool parse the next ones. What is passed on does not
//! depend on how many there are, nor on where blocks end.

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::sync::atomic::Ordering;

use super::csv::{BYTE_ORDER_MARK, CsvReader, Guarded, Rules, left_open};
use super::csv_block::Block;
use super::origin::BUFFER_BYTES;
use super::record_ends::RecordEnds;
use super::table::RowVisitor;
use crate::invalid::Invalid;
use crate::threads::start_common_pool;

/// Blocks that are parsed at a time, at most: each takes a few times its bytes.
const MAX_BLOCKS: usize = 8;

/// Divides a file into blocks.
struct Blocks {
    source: Guarded,
    ends: RecordEnds,
    /// Bytes after the last block.
    rest: Vec<u8>,
    /// Up to where in `rest` the last record that has ended goes.
    num_whole: usize,
    num_lines: u64,
    /// Bytes of the next block; the first ones are small, since some look at the first rows alone.
    size: usize,
    max_size: usize,
    is_at_start: bool,
    has_ended: bool,
    /// Why nothing after the last block can be read.
    failed: Option<io::Error>,
}

impl Blocks {
    /// Puts the next block into `block`; returns `false` at the end of the file.
    ///
    /// # Errors
    /// As [`Guarded`].
    fn next(&mut self, block: &mut Block) -> io::Result<bool> {
        while !self.has_ended {
            // A reader takes a byte order mark at its start for none of the cell's.
            let rest = &self.rest[self.num_whole..];
            let may_be_mark = rest.len() < BYTE_ORDER_MARK.len() || rest.starts_with(BYTE_ORDER_MARK);
            if self.rest.len() >= self.size && self.num_whole > 0 && !may_be_mark {
                self.size = (2 * self.size).min(self.max_size);
                self.take(self.num_whole, block);
                return Ok(true);
            }
            if let Some(failed) = self.failed.take() {
                return Err(failed);
            }
            let num_before = self.rest.len();
            self.rest.resize(num_before + self.size.clamp(BYTE_ORDER_MARK.len(), BUFFER_BYTES), 0);
            let num_read = loop {
                match self.source.read(&mut self.rest[num_before..]) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    result => break result,
                }
            };
            self.rest.truncate(num_before + *num_read.as_ref().unwrap_or(&0));
            let num_read = match num_read {
                Ok(0) if self.ends.is_in_quotes() => Err(left_open()),
                num_read => num_read,
            };
            match num_read {
                Ok(num_read) => self.has_ended = num_read == 0,
                // The records before come first.
                Err(error) => {
                    self.failed = Some(error);
                    if self.num_whole == 0 {
                        continue;
                    }
                    self.take(self.num_whole, block);
                    return Ok(true);
                }
            }
            let mut start = num_before;
            if std::mem::take(&mut self.is_at_start) && self.rest.starts_with(BYTE_ORDER_MARK) {
                start += BYTE_ORDER_MARK.len();
            }
            if let Some(end) = self.ends.last_in(&self.rest[start..]) {
                self.num_whole = start + end;
                self.source.num_pending = self.rest.len() - self.num_whole;
            }
        }
        self.take(self.rest.len(), block);
        Ok(!block.bytes.is_empty())
    }

    /// Moves the first bytes to `block`.
    fn take(&mut self, num_bytes: usize, block: &mut Block) {
        block.bytes.clear();
        block.bytes.extend_from_slice(&self.rest[..num_bytes]);
        block.num_lines_before = self.num_lines;
        self.rest.drain(..num_bytes);
        self.num_whole = 0;
        self.num_lines += super::csv::count_lines(&block.bytes);
    }
}

impl CsvReader<'_> {
    /// As [`Reader::read`](super::table::Reader::read), in blocks of about `block_bytes`.
    ///
    /// # Errors
    /// As there.
    pub(super) fn read_blocks(
        &self,
        block_bytes: usize,
        columns: &[usize],
        visit: &mut RowVisitor,
    ) -> Result<usize, Invalid> {
        let mut blocks = Blocks {
            source: self.source()?,
            ends: RecordEnds::new(&self.dialect, self.comment),
            rest: Vec::new(),
            num_whole: 0,
            num_lines: 0,
            size: block_bytes.min(BUFFER_BYTES),
            max_size: block_bytes,
            is_at_start: true,
            has_ended: false,
            failed: None,
        };
        let rules = Rules { header: self.header() };
        start_common_pool().map_err(|error| self.origin.unreadable(&error))?;
        let num_at_a_time = rayon::current_num_threads().clamp(1, MAX_BLOCKS);
        // Filled again and again: memory that one thread takes and another gives back is slow to be used again.
        let some = || (0..num_at_a_time).map(|_| Block::default()).collect::<Vec<Block>>();
        let (mut parsed, mut next) = (some(), some());
        let (mut num_parsed, mut num_rows, mut is_first) = (0, 0, true);
        self.num_bytes_read.store(0, Ordering::Relaxed);
        loop {
            let (mut num_next, mut failed) = (0, None);
            while num_next < num_at_a_time && failed.is_none() {
                match blocks.next(&mut next[num_next]) {
                    Ok(true) => num_next += 1,
                    Ok(false) => break,
                    Err(error) => failed = Some(self.unreadable(&error, self.num_skipped() + blocks.num_lines + 1)),
                }
            }
            let flow = rayon::in_place_scope(|scope| {
                for block in &mut next[..num_next] {
                    let has_header = std::mem::take(&mut is_first) && self.has_header;
                    let rules = &rules;
                    scope.spawn(move |_| self.parse(block, has_header, columns, rules));
                }
                self.pass_on(&parsed[..num_parsed], columns.len(), &mut num_rows, visit)
            })?;
            (parsed, next, num_parsed) = (next, parsed, num_next);
            if flow.is_break() || (num_parsed == 0 && failed.is_none()) {
                return Ok(num_rows);
            }
            if let Some(failed) = failed {
                // What came before what cannot be read is passed on first.
                return match self.pass_on(&parsed[..num_parsed], columns.len(), &mut num_rows, visit)? {
                    ControlFlow::Continue(()) => Err(failed),
                    ControlFlow::Break(()) => Ok(num_rows),
                };
            }
        }
    }

    fn pass_on(
        &self,
        parsed: &[Block],
        width: usize,
        num_rows: &mut usize,
        visit: &mut RowVisitor,
    ) -> Result<ControlFlow<()>, Invalid> {
        for block in parsed {
            self.num_bytes_read.fetch_add(block.bytes.len() as u64, Ordering::Relaxed);
            for (line, cells, texts) in block.rows(width, self.num_columns) {
                *num_rows += 1;
                if visit(line, cells, &texts).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if let Some(failed) = &block.failed {
                return Err(failed.clone());
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataConfig;
    use crate::data::csv::open_reader;
    use crate::data::origin::Origin;
    use crate::data::table::{Cell, CellTexts};

    type Rows = Vec<(u64, Vec<Cell>, Vec<Vec<u8>>)>;

    /// The rows of columns 2 and 0 of `text`, and how the reading ends; in blocks of so many bytes, or row by row.
    fn rows(text: &str, config: &DataConfig, block_bytes: Option<usize>) -> (Rows, Result<usize, Invalid>) {
        let origin = Origin::given("a.csv", text.as_bytes().into(), "data.path");
        let (reader, ..) = open_reader(&origin, origin.open().unwrap(), config, None).unwrap();
        let mut rows = Rows::new();
        let mut visit = |line, cells: &[Cell], texts: &dyn CellTexts| {
            rows.push((line, cells.to_vec(), (0..3).map(|column| texts.bytes(column).into_owned()).collect()));
            ControlFlow::Continue(())
        };
        let result = match block_bytes {
            Some(block_bytes) => reader.read_blocks(block_bytes, &[2, 0], &mut visit),
            None => reader.read_rows(&[2, 0], &mut visit),
        };
        (rows, result)
    }

    /// Rows of three cells, with what makes the end of a record hard to find.
    fn text(seed: u64, line_end: &str) -> String {
        const CELLS: [&str; 10] =
            ["1", "-2.5", "", "\"a,b\"", "\"c\nd\"", "\"e\"\"f\n\"", "g\"h", "NA", "\" \"\"\n\"", "i#j"];
        let mut seed = seed;
        let mut random = |count: usize| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as usize % count
        };
        let mut text = format!("\u{feff}x,y,z{line_end}");
        for _ in 0..60 {
            match random(12) {
                0 => text += line_end,
                1 => text += &format!("# \" comment{line_end}"),
                _ => {}
            }
            let cells: Vec<&str> = (0..3).map(|_| CELLS[random(CELLS.len())]).collect();
            text += &format!("{}{line_end}", cells.join(","));
        }
        text
    }

    #[test]
    fn blocks_of_any_size_give_the_rows_lines_and_errors_that_reading_row_by_row_gives() {
        let config = DataConfig { comment: Some('#'), ..DataConfig::default() };
        for (seed, line_end) in (0..20).flat_map(|seed| [(seed, "\n"), (seed, "\r\n")]) {
            let good = text(seed, line_end);
            let cut = |place: usize| &good[..good.char_indices().nth(place).unwrap().0];
            let long = format!("{good}1,2,3,4{line_end}5,6,7{line_end}");
            let again = format!("{good}1,2,3{line_end}x,y,z{line_end}");
            let open = format!("{good}1,\"2,3{line_end}4,5,6{line_end}");
            for text in [&good, cut(300), &long, &again, &open] {
                let expected = rows(text, &config, None);
                for block_bytes in [1, 7, 64, 1000, 100_000] {
                    let found = rows(text, &config, Some(block_bytes));
                    assert_eq!(found, expected, "{seed} {block_bytes} {text:?}");
                }
            }
        }
    }

    #[test]
    fn what_cannot_be_read_ends_the_rows_before_it() {
        let config = DataConfig { comment: Some('#'), ..DataConfig::default() };
        let text = text(1, "\n");
        let (header, body) = text.split_once('\n').unwrap();
        // Beyond the buffer that is read to open the file.
        let text = format!("{header}\n{}1,\0,2\n3,4,5\n", body.repeat(100));
        let (before, expected) = rows(&text, &config, None);
        assert!(expected.as_ref().unwrap_err().message.contains("a NUL byte"));
        for block_bytes in [1000, 100_000] {
            // In the buffer that it is in: how many rows before it are read depends on where that begins.
            let (found, result) = rows(&text, &config, Some(block_bytes));
            assert_eq!(result, expected);
            let both = before.len().min(found.len());
            assert!(both > 0 && found[..both] == before[..both], "{block_bytes}");
        }
    }
}
