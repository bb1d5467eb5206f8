//! Tables whose cells are aligned by runs of spaces, as printed by R, Fortran and many instruments.

use std::io::{self, Read};

/// The beginning of a table with one space for each run, if runs of spaces may separate its cells: `delimiter`, if given, is
/// a space; else its first line has none of the `others`.
pub(super) fn collapsed(body: &[u8], delimiter: Option<u8>, others: &[u8]) -> Option<Vec<u8>> {
    let blank = body.iter().position(|byte| !b"\r\n".contains(byte)).unwrap_or(0);
    let mut header = body[blank..].iter().take_while(|byte| !b"\r\n".contains(byte));
    let may_be = match delimiter {
        Some(delimiter) => delimiter == b' ',
        None => !header.any(|byte| others.contains(byte) && *byte != b'\t'),
    };
    let mut collapsed = Vec::with_capacity(body.len());
    // From memory: no error.
    may_be.then(|| Collapsed::new(body).read_to_end(&mut collapsed).ok())?;
    Some(collapsed)
}

/// Reads a text with every run of spaces and tabs outside quotes as one space, and none at the beginning and end of a line.
pub(super) struct Collapsed<R> {
    inner: R,
    is_quoted: bool,
    /// A run of blanks was read after a cell, and no cell since.
    has_blank: bool,
    is_at_line_start: bool,
}

impl<R: Read> Collapsed<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, is_quoted: false, has_blank: false, is_at_line_start: true }
    }

    /// Rewrites `bytes` at their beginning; returns how many are left. Never more: a blank is kept for the run before it.
    fn collapse(&mut self, bytes: &mut [u8], num_read: usize) -> usize {
        let mut end = 0;
        // One byte is ahead of those read, for the blank that the call before left.
        for i in 1..=num_read {
            let byte = bytes[i];
            match byte {
                b' ' | b'\t' if !self.is_quoted => {
                    self.has_blank = !self.is_at_line_start;
                    continue;
                }
                b'\n' | b'\r' if !self.is_quoted => (self.has_blank, self.is_at_line_start) = (false, true),
                _ => {
                    if std::mem::take(&mut self.has_blank) {
                        bytes[end] = b' ';
                        end += 1;
                    }
                    self.is_quoted ^= byte == b'"';
                    self.is_at_line_start = false;
                }
            }
            bytes[end] = byte;
            end += 1;
        }
        end
    }
}

impl<R: Read> Read for Collapsed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.len() < 2 {
            return Err(io::Error::other("a buffer of one byte"));
        }
        loop {
            let num_read = self.inner.read(&mut buffer[1..])?;
            let count = self.collapse(buffer, num_read);
            if num_read == 0 || count > 0 {
                return Ok(count);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_blanks_are_one_space_whatever_the_pieces() {
        let text = "  a \t b  \"c  d\"\n\n 1   -2 \"\"\r\n3\t4  x";
        for size in [2, 3, 7, 1000] {
            let (mut collapsed, mut all, mut piece) = (Collapsed::new(text.as_bytes()), Vec::new(), vec![0; size]);
            while let count @ 1.. = collapsed.read(&mut piece).unwrap() {
                all.extend_from_slice(&piece[..count]);
            }
            assert_eq!(String::from_utf8(all).unwrap(), "a b \"c  d\"\n\n1 -2 \"\"\r\n3 4 x", "pieces of {size}");
        }
    }
}
