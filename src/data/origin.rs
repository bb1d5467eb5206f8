//! Opens files safely, gunzips them, and names them in every error about their content.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use flate2::bufread::MultiGzDecoder;

use super::stream::Stream;
use crate::invalid::Invalid;
use crate::{missing, shipped};

pub(super) const BUFFER_BYTES: usize = 64 << 10;

/// Where bytes come from, and the config key that names it.
pub(super) struct Origin {
    /// As the user wrote it, for `file:line`.
    pub(super) display: String,
    pub(super) key: &'static str,
    bytes: Bytes,
    /// The source, once it has been opened, where it can be read only once.
    stream: OnceLock<Stream>,
}

enum Bytes {
    File(PathBuf),
    StandardInput,
    Shipped(&'static [u8]),
}

/// An open file, gunzipped when it is gzipped.
pub(super) struct Opened {
    pub(super) reader: BufReader<Box<dyn Read>>,
    pub(super) num_bytes_on_disk: u64,
    pub(super) is_gzipped: bool,
}

impl Origin {
    /// The file at `path`; where there is none, one of `configs/` that is built in. Where no config names it, `-` is
    /// standard input.
    pub(super) fn file(path: &Path, key: &'static str) -> Self {
        let (display, bytes) = match shipped::file(path) {
            _ if path == Path::new("-") && !is_of_config(key) => ("standard input".to_owned(), Bytes::StandardInput),
            Some(bytes) if !path.exists() => (path.display().to_string(), Bytes::Shipped(bytes)),
            _ => (path.display().to_string(), Bytes::File(path.to_owned())),
        };
        Self { display, key, bytes, stream: OnceLock::new() }
    }

    pub(super) fn shipped(name: &str, bytes: &'static [u8]) -> Self {
        let (display, bytes) = (name.to_owned(), Bytes::Shipped(bytes));
        Self { display, key: "data.source", bytes, stream: OnceLock::new() }
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
            Bytes::StandardInput => (self.stream_of(|| Ok(io::stdin()))?, 0),
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
        let open = || fs_err::File::open(&absolute).map_err(|error| Invalid::at(self.key, error.to_string()));
        if is_pipe(&metadata) && !is_of_config(self.key) {
            return Ok((self.stream_of(open)?, 0));
        }
        // Devices have no end, and pipes cannot be read by the next run.
        if !metadata.is_file() {
            let what = match metadata.is_dir() {
                true => "a directory",
                false if is_pipe(&metadata) => "a pipe, which can be read only once",
                false => "not a regular file",
            };
            let message = format!("{shown} is {what}: {} must name a file", self.key);
            return Err(Invalid::at(self.key, message));
        }
        let reader = BufReader::with_capacity(BUFFER_BYTES, open()?);
        Ok((Box::new(reader), metadata.len()))
    }

    /// Reads what `open` opens, which can be done only once, from its start.
    fn stream_of<R: Read + Send + 'static>(
        &self,
        open: impl FnOnce() -> Result<R, Invalid>,
    ) -> Result<Box<dyn BufRead>, Invalid> {
        let stream = match self.stream.get() {
            Some(stream) => stream,
            None => {
                let source = Box::new(open()?);
                self.stream.get_or_init(|| Stream::new(source))
            }
        };
        Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, stream.reread())))
    }
}

/// What a config names is read again: by `resume`, by other seeds, by who repeats the run.
fn is_of_config(key: &str) -> bool {
    key.starts_with("data.")
}

#[cfg(unix)]
fn is_pipe(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_: &std::fs::Metadata) -> bool {
    false
}
