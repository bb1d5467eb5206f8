//! Reading lines of bounded length.

use std::io::{self, Read};

use super::waiting;

/// Passes on what it reads until a line is longer than it may be, since readers of tables keep a whole row in memory, or until
/// nobody waits for it any more.
#[derive(Debug)]
pub struct Lines<R> {
    inner: R,
    /// Bytes.
    most: usize,
    /// Bytes since the last line end.
    length: usize,
}

impl<R> Lines<R> {
    pub(super) fn new(inner: R, most: usize) -> Self {
        Self { inner, most, length: 0 }
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        waiting::check()?;
        let count = self.inner.read(buffer)?;
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
    fn a_line_of_the_length_allowed_passes_and_a_longer_one_ends_it() {
        for step in 1..8 {
            assert_eq!(read(b"12345\n12345\n\n12345", step).unwrap(), b"12345\n12345\n\n12345", "{step}");
            for long in [&b"123456"[..], b"12345\n123456\n", b"\n123456"] {
                assert_eq!(read(long, step).unwrap_err().kind(), io::ErrorKind::FileTooLarge, "{step}");
            }
        }
    }
}
