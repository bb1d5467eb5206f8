//! How large the pages of a Parquet file say that they are, before anything is decompressed: a few kilobytes may become gigabytes.
//!
//! Parquet format 2.10, "Data Pages" and `PageHeader` in parquet.thrift, in the compact protocol of Apache Thrift.

use std::io::{self, Read};

use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;

use super::limits::{MAX_MEAN_CELL, MAX_UNPACKED};
use super::memory::check_free;

/// How often a page is in memory: decompressed, as an array, and as that array grows.
const COPIES: usize = 3;
/// Smaller pages are there on every machine.
const LARGE: u64 = 8 << 20;
/// Bytes of a header, which has the smallest and the largest cell of its page.
const MAX_HEADER: u64 = 64 << 20;
/// Structures in structures.
const MAX_DEPTH: usize = 16;

/// What is wanted of a page's header.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Header {
    uncompressed: u64,
    compressed: u64,
    num_values: u64,
    is_dictionary: bool,
}

/// Checks the pages of a column chunk; the bytes of its largest dictionary, of which every row may have a copy.
///
/// # Errors
/// In words that follow the column's name: a page that is too large, or that does not fit in memory; a damaged header.
pub(super) fn check<R: ChunkReader>(source: &R, chunk: &ColumnChunkMetaData) -> Result<u64, String> {
    let (mut at, length) = chunk.byte_range();
    let end = at.saturating_add(length);
    let mut largest = 0;
    while at < end {
        let reader = source.get_read(at).map_err(|error| error.to_string())?;
        let mut compact = Compact { reader: reader.take(MAX_HEADER.min(end - at)), num_read: 0 };
        let header = compact.header().map_err(|error| format!("has a damaged page: {error}"))?;
        let Header { uncompressed, compressed, num_values, is_dictionary } = header;
        if uncompressed > MAX_UNPACKED.saturating_add(num_values.saturating_mul(MAX_MEAN_CELL)) {
            let megabytes = uncompressed >> 20;
            return Err(format!("has a page of {megabytes} MiB for {num_values} cells: a cell has at most 16 MiB"));
        }
        if uncompressed > LARGE {
            check_free((uncompressed as usize).saturating_mul(COPIES))
                .map_err(|why| format!("does not fit in memory: a page of it {why}"))?;
        }
        if is_dictionary {
            largest = largest.max(uncompressed);
        }
        at = at.saturating_add(compact.num_read).saturating_add(compressed);
    }
    Ok(largest)
}

/// The compact protocol: a field is the difference of its number to the one before, its type, and its value.
struct Compact<R> {
    reader: R,
    num_read: u64,
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

impl<R: Read> Compact<R> {
    fn byte(&mut self) -> io::Result<u8> {
        let mut byte = [0];
        self.reader.read_exact(&mut byte)?;
        self.num_read += 1;
        Ok(byte[0])
    }

    fn varint(&mut self) -> io::Result<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(invalid("a number that does not end"))
    }

    /// A number of 32 bits that is not to be negative.
    fn size(&mut self) -> io::Result<u64> {
        let zigzag = self.varint()?;
        let is_size = zigzag & 1 == 0 && zigzag <= u64::from(u32::MAX);
        if is_size { Ok(zigzag >> 1) } else { Err(invalid("a size that is none")) }
    }

    /// The number and the type of the next field after `last`; `None` at the end of the structure.
    fn field(&mut self, last: &mut i64) -> io::Result<Option<(i64, u8)>> {
        let byte = self.byte()?;
        if byte & 0x0f == 0 {
            return Ok(None);
        }
        *last = match byte >> 4 {
            0 => {
                let zigzag = self.varint()?;
                (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64)
            }
            difference => last.saturating_add(difference.into()),
        };
        Ok(Some((*last, byte & 0x0f)))
    }

    fn skip_bytes(&mut self, count: u64) -> io::Result<()> {
        let skipped = io::copy(&mut (&mut self.reader).take(count), &mut io::sink())?;
        self.num_read += skipped;
        if skipped == count { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    /// Passes over a value of a type; `is_element`: of a list, where truths take a byte.
    fn skip(&mut self, kind: u8, is_element: bool, depth: usize) -> io::Result<()> {
        if depth > MAX_DEPTH {
            return Err(invalid("structures that are too deep"));
        }
        match kind {
            1 | 2 if !is_element => Ok(()),
            1..=3 => self.skip_bytes(1),
            4..=6 => self.varint().map(drop),
            7 => self.skip_bytes(8),
            8 => {
                let length = self.varint()?;
                self.skip_bytes(length)
            }
            9 | 10 => {
                let head = self.byte()?;
                let count = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
                (0..count).try_for_each(|_| self.skip(head & 0x0f, true, depth + 1))
            }
            11 => {
                let count = self.varint()?;
                let kinds = if count > 0 { self.byte()? } else { 0 };
                (0..count).try_for_each(|_| {
                    self.skip(kinds >> 4, true, depth + 1)?;
                    self.skip(kinds & 0x0f, true, depth + 1)
                })
            }
            12 => {
                let mut last = 0;
                while let Some((_, kind)) = self.field(&mut last)? {
                    self.skip(kind, false, depth + 1)?;
                }
                Ok(())
            }
            _ => Err(invalid("a type that is not known")),
        }
    }

    fn header(&mut self) -> io::Result<Header> {
        let (mut header, mut last) = (Header::default(), 0);
        let (mut uncompressed, mut compressed) = (None, None);
        while let Some((number, kind)) = self.field(&mut last)? {
            // By their numbers alone, whatever types they claim: so does the decoder.
            match number {
                2 => uncompressed = Some(self.size()?),
                3 => compressed = Some(self.size()?),
                // Of data, of a dictionary, and of data in version 2: each begins with the number of cells.
                5 | 7 | 8 => {
                    header.is_dictionary |= number == 7;
                    let mut last = 0;
                    while let Some((number, kind)) = self.field(&mut last)? {
                        match number {
                            1 => header.num_values = self.size()?,
                            _ => self.skip(kind, false, 1)?,
                        }
                    }
                }
                _ => self.skip(kind, false, 0)?,
            }
        }
        let lacks = || invalid("a header without a size");
        Ok(Header {
            uncompressed: uncompressed.ok_or_else(lacks)?,
            compressed: compressed.ok_or_else(lacks)?,
            ..header
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> io::Result<Header> {
        Compact { reader: bytes, num_read: 0 }.header()
    }

    #[test]
    fn headers_are_read_as_thrift_writes_them() {
        // By hand: type 2 (dictionary), 300 MiB, 9000 bytes, a checksum, 2 cells in PLAIN (0), sorted.
        let bytes = [
            0x15, 0x04, 0x15, 0x80, 0x80, 0x80, 0xac, 0x02, 0x15, 0xd0, 0x8c, 0x01, 0x15, 0x02, 0x3c, 0x15, 0x04, 0x15,
            0x00, 0x11, 0x00, 0x00,
        ];
        let expected = Header { uncompressed: 300 << 20, compressed: 9000, num_values: 2, is_dictionary: true };
        assert_eq!(read(&bytes).unwrap(), expected);
        for length in 0..bytes.len() {
            assert!(read(&bytes[..length]).is_err(), "{length}");
        }
        // A negative size, and a structure without end.
        assert!(read(&[0x15, 0x04, 0x15, 0x01, 0x15, 0x02, 0x00]).is_err());
        assert!(read(&[0xfc; 100]).is_err());
    }
}
