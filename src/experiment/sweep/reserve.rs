//! Space on the disk that a worker sets aside before it takes a trial, so that it can give the trial back when its disk is
//! full: otherwise the trial would count as one whose worker was lost.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

/// What the store needs for one more transaction: some pages of its log, and the index of that.
const BYTES: usize = 256 << 10;

/// A file without a name, so that nothing is left of it when the process ends, however it ends.
#[derive(Debug)]
pub(super) struct Reserve(File);

impl Reserve {
    /// Sets space aside on the disk of `folder`.
    ///
    /// # Errors
    /// A disk that is full, or a folder that cannot be written: no place to train.
    pub fn new(folder: &Path) -> io::Result<Self> {
        let in_words = |error: io::Error| {
            io::Error::new(error.kind(), format!("nothing can be written to `{}`: {error}", folder.display()))
        };
        let file = tempfile::tempfile_in(folder).map_err(in_words)?;
        let mut reserve = Self(file);
        // Bytes that no file system compresses away or keeps as a hole.
        let noise: Vec<u8> = (0..BYTES as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        reserve.0.write_all(&noise).map_err(in_words)?;
        Ok(reserve)
    }
}
