//! A source that can be read only once, such as a pipe or standard input, read from its start as often as a format needs
//! to look at its beginning.

use std::io::{self, Read};
use std::sync::{Arc, Mutex};

/// What is kept of a stream to be read again. The rows after it are read once, and not kept: a stream may be endless.
const MAX_KEPT: usize = 32 << 20;

/// A stream, and what was read of it so far while that is short. Clones share it.
#[derive(Clone)]
pub(super) struct Stream(Arc<Mutex<Shared>>);

struct Shared {
    source: Box<dyn Read + Send>,
    kept: Vec<u8>,
    num_read: usize,
}

/// Reads a stream from its start.
pub(super) struct FromStart {
    stream: Stream,
    position: usize,
}

impl Stream {
    pub(super) fn new(source: Box<dyn Read + Send>) -> Self {
        Self(Arc::new(Mutex::new(Shared { source, kept: Vec::new(), num_read: 0 })))
    }

    pub(super) fn reread(&self) -> FromStart {
        FromStart { stream: self.clone(), position: 0 }
    }
}

impl Read for FromStart {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut shared = self.stream.0.lock().expect("no panic while held");
        let Shared { source, kept, num_read } = &mut *shared;
        if let Some(rest) = kept.get(self.position..).filter(|rest| !rest.is_empty()) {
            let count = rest.len().min(buffer.len());
            buffer[..count].copy_from_slice(&rest[..count]);
            self.position += count;
            return Ok(count);
        }
        if self.position < *num_read {
            return Err(io::Error::other("a pipe can be read only once: save it to a file, and name that"));
        }
        let count = loop {
            match source.read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => break result?,
            }
        };
        if kept.len() == *num_read && *num_read + count <= MAX_KEPT {
            kept.extend_from_slice(&buffer[..count]);
        }
        *num_read += count;
        self.position += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_read_again_and_the_rest_once() {
        let bytes: Vec<u8> = (0..MAX_KEPT + 1000).map(|i| (i % 251) as u8).collect();
        let stream = Stream::new(Box::new(io::Cursor::new(bytes.clone())));
        let mut start = [0; 10];
        for _ in 0..2 {
            stream.reread().read_exact(&mut start).unwrap();
            assert_eq!(start, bytes[..10]);
        }
        let mut all = Vec::new();
        stream.reread().read_to_end(&mut all).unwrap();
        assert!(all == bytes);
        assert!(stream.reread().read_to_end(&mut Vec::new()).unwrap_err().to_string().contains("only once"));

        let short = Stream::new(Box::new(&b"abc"[..]));
        for _ in 0..3 {
            let mut all = String::new();
            short.reread().read_to_string(&mut all).unwrap();
            assert_eq!(all, "abc");
        }
    }
}
