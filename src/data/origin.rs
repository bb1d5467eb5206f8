//! Opens files safely, gunzips them, and names them in every error about their content.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use crate::invalid::Invalid;
use crate::{missing, shipped};

pub(super) const BUFFER_BYTES: usize = 64 << 10;

/// Where bytes come from, and the config key that names it.
pub(super) struct Origin {
    /// As the user wrote it, for `file:line`.
    pub(super) display: String,
    pub(super) key: &'static str,
    bytes: Bytes,
}

enum Bytes {
    File(PathBuf),
    Shipped(&'static [u8]),
}

/// An open file, gunzipped when it is gzipped.
pub(super) struct Opened {
    pub(super) reader: BufReader<Box<dyn Read>>,
    pub(super) num_bytes_on_disk: u64,
    pub(super) is_gzipped: bool,
}

impl Origin {
    /// The file at `path`; where there is none, one of `configs/` that is built in.
    pub(super) fn file(path: &Path, key: &'static str) -> Self {
        let bytes = match shipped::file(path) {
            Some(bytes) if !path.exists() => Bytes::Shipped(bytes),
            _ => Bytes::File(path.to_owned()),
        };
        Self { display: path.display().to_string(), key, bytes }
    }

    pub(super) fn shipped(name: &str, bytes: &'static [u8]) -> Self {
        Self { display: name.to_owned(), key: "data.source", bytes: Bytes::Shipped(bytes) }
    }

    pub(super) fn error(&self, message: &str) -> Invalid {
        Invalid::at(self.key, format!("{} {message}", self.display))
    }

    pub(super) fn error_at(&self, line: u64, message: &str) -> Invalid {
        self.error_at_with(self.key, line, message)
    }

    pub(super) fn error_at_with(&self, key: &str, line: u64, message: &str) -> Invalid {
        Invalid::at(key, format!("{}:{line}: {message}", self.display))
    }

    pub(super) fn unreadable(&self, error: &io::Error) -> Invalid {
        self.error(&format!("cannot be read: {error}"))
    }

    pub(super) fn open(&self) -> Result<Opened, Invalid> {
        let (inner, num_bytes_on_disk): (Box<dyn BufRead>, u64) = match &self.bytes {
            Bytes::Shipped(bytes) => (Box::new(*bytes), bytes.len() as u64),
            Bytes::File(path) => self.open_file(path)?,
        };
        let mut inner = inner;
        let start = inner.fill_buf().map_err(|error| self.unreadable(&error))?;
        let is_gzipped = start.starts_with(&[0x1f, 0x8b]);
        let inner: Box<dyn Read> = match is_gzipped {
            true => Box::new(MultiGzDecoder::new(inner)),
            false => Box::new(inner),
        };
        Ok(Opened { reader: BufReader::with_capacity(BUFFER_BYTES, inner), num_bytes_on_disk, is_gzipped })
    }

    fn open_file(&self, path: &Path) -> Result<(Box<dyn BufRead>, u64), Invalid> {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let shown = absolute.display();
        let metadata = match fs_err::metadata(&absolute) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Invalid::at(self.key, missing::no_file(path)));
            }
            Err(error) => return Err(Invalid::at(self.key, error.to_string())),
        };
        // Devices and pipes have no end or cannot be read twice.
        if !metadata.is_file() {
            let what = match metadata.is_dir() {
                true => "a directory",
                false => "not a regular file",
            };
            let message = format!("{shown} is {what}: {} must name a file", self.key);
            return Err(Invalid::at(self.key, message));
        }
        let file = fs_err::File::open(&absolute).map_err(|error| Invalid::at(self.key, error.to_string()))?;
        let reader = BufReader::with_capacity(BUFFER_BYTES, file);
        Ok((Box::new(reader), metadata.len()))
    }
}
