//! Reading lines of bounded length, of files that have them.

use std::io::{self, Read};

use crate::waiting;

/// Bytes of zeros at a stretch, more than any text has: they are a hole, of which a disk may keep terabytes in no room at all.
const MOST_ZEROS: usize = 64 << 10;

/// Passes on what it reads until a line is longer than it may be, since readers of tables keep a whole row in memory; until a hole;
/// or until nobody waits for it any more.
#[derive(Debug)]
pub struct Lines<R> {
    inner: R,
    /// Bytes.
    most: usize,
    /// Bytes since the last line end.
    length: usize,
    /// Zeros since the last other byte.
    zeros: usize,
}

impl<R> Lines<R> {
    pub(super) fn new(inner: R, most: usize) -> Self {
        Self { inner, most, length: 0, zeros: 0 }
    }

    /// # Errors
    /// More zeros at a stretch than text has. A stretch within `bytes`, which has other ones on both sides, is shorter.
    fn count_zeros(&mut self, bytes: &[u8]) -> io::Result<()> {
        let is_zero = |byte: &&u8| **byte == 0;
        let leading = bytes.iter().take_while(is_zero).count();
        if self.zeros + leading > MOST_ZEROS {
            let message = format!("it has more than {} KiB of zeros, which are no text", MOST_ZEROS >> 10);
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        let is_whole = leading == bytes.len();
        self.zeros = if is_whole { self.zeros + leading } else { bytes.iter().rev().take_while(is_zero).count() };
        Ok(())
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        waiting::check()?;
        let count = self.inner.read(buffer)?;
        self.count_zeros(&buffer[..count])?;
        let mut pieces = buffer[..count].split(|&byte| byte == b'\n');
        // The rest of the line that had begun, then whole lines, the last of them begun.
        for (at, piece) in pieces.by_ref().enumerate() {
            self.length = if at == 0 { self.length + piece.len() } else { piece.len() };
            if self.length > self.most {
                let message = format!("a line is longer than {} bytes, longer than any that burnlab writes", self.most);
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
            }
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], step: usize) -> io::Result<Vec<u8>> {
        let mut lines = Lines::new(text, 5);
        let (mut all, mut buffer) = (Vec::new(), vec![0; step]);
        loop {
            match lines.read(&mut buffer)? {
                0 => return Ok(all),
                count => all.extend_from_slice(&buffer[..count]),
            }
        }
    }

    #[test]
    fn reading_ends_when_nobody_waits_any_more() {
        let waiting = waiting::Waiting::default();
        let awaited = waiting.awaited();
        assert_eq!(awaited.clone().during(|| read(b"1\n2\n", 2)).unwrap(), b"1\n2\n");
        drop(waiting);
        let left = awaited.during(|| read(b"1\n2\n", 2));
        assert_eq!(left.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(read(b"1\n2\n", 2).unwrap(), b"1\n2\n", "work that came after it on this thread");
    }

    #[test]
    fn a_hole_ends_it_and_a_text_with_zeros_does_not() {
        for step in [1, 7, 4096, MOST_ZEROS] {
            let read = |text: &[u8]| {
                let mut lines = Lines::new(text, usize::MAX);
                let mut buffer = vec![0; step];
                while lines.read(&mut buffer)? > 0 {}
                io::Result::Ok(())
            };
            let zeros = vec![0; MOST_ZEROS];
            for text in [&[&zeros[..], b"a", &zeros].concat()[..], b"\0a\0", b""] {
                read(text).unwrap();
            }
            for text in [[&b"ab"[..], &zeros, b"\0"].concat(), [&b"\0"[..], &zeros, b"\n"].concat()] {
                assert_eq!(read(&text).unwrap_err().kind(), io::ErrorKind::FileTooLarge, "{step}");
            }
        }
    }

    #[test]
    fn a_line_of_the_length_allowed_passes_and_a_longer_one_ends_it() {
        for step in 1..8 {
            assert_eq!(read(b"12345\n12345\n\n12345", step).unwrap(), b"12345\n12345\n\n12345", "{step}");
            for long in [&b"123456"[..], b"12345\n123456\n", b"\n123456"] {
                assert_eq!(read(long, step).unwrap_err().kind(), io::ErrorKind::FileTooLarge, "{step}");
            }
        }
    }
}
