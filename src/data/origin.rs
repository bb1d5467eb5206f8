//! Opens files safely, gunzips them, and names them in every error about their content.

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use flate2::bufread::MultiGzDecoder;

use super::stream::Stream;
use super::zip;
use crate::invalid::Invalid;
use crate::permissions::note_opened;
use crate::postgresql::{self, Address};
use crate::{missing, secrets, shipped};

pub(super) const BUFFER_BYTES: usize = 64 << 10;
/// Files that are read as one.
pub(super) const MAX_FILES: usize = 10_000;
/// The bits of a line's number that count lines; those above say which of several files it is in.
const LINE_BITS: u32 = 40;

/// Where bytes come from, and the config key that names it.
pub(super) struct Origin {
    /// As the user wrote it, for `file:line`.
    pub(super) display: String,
    pub(super) key: &'static str,
    bytes: Bytes,
    /// Whether the user wrote its name, and no pattern that it is one of.
    is_named: bool,
    /// The source, once it has been opened, where it can be read only once.
    stream: OnceLock<Stream>,
    /// The files, where there are several, whose rows follow each other.
    parts: Vec<Origin>,
}

enum Bytes {
    /// A PostgreSQL server, which has no bytes but rows; without a valid address what is wrong with it.
    Server(Result<Box<Address>, String>),
    File(PathBuf),
    StandardInput,
    Shipped(&'static [u8]),
    Given(Arc<[u8]>),
}

/// An open file, gunzipped when it is gzipped.
pub(super) struct Opened {
    pub(super) reader: BufReader<Box<dyn Read>>,
    pub(super) num_bytes_on_disk: u64,
    pub(super) is_gzipped: bool,
    /// Whether these are the bytes of the file itself, not of one in an archive.
    pub(super) is_whole_file: bool,
}

impl Origin {
    /// The file at `path`; where there is none, one of `configs/` that is built in, or the files that match it as a pattern.
    /// Where no config names it, `-` is standard input.
    pub(super) fn file(path: &Path, key: &'static str) -> Self {
        Self::files(path, &[], key)
    }

    /// The same, and further files.
    pub(super) fn files(path: &Path, more: &[PathBuf], key: &'static str) -> Self {
        let of_more = if key == "data.path" { "data.more_paths" } else { key };
        let named = std::iter::once((path, key)).chain(more.iter().map(|path| (path.as_path(), of_more)));
        let found: Vec<(PathBuf, &'static str)> =
            named.flat_map(|(path, key)| matching(path).into_iter().map(move |path| (path, key))).collect();
        let is_named = !is_pattern(path) && !more.iter().any(|path| is_pattern(path));
        let one = |path: &Path, key| Self { is_named, ..Self::one(path, key) };
        match &found[..] {
            [(only, key)] => one(only, key),
            _ => Self { parts: found.iter().map(|(path, key)| one(path, key)).collect(), ..one(path, key) },
        }
    }

    fn one(path: &Path, key: &'static str) -> Self {
        if let Some(url) = path.to_str().filter(|text| postgresql::is_url(text)) {
            let address = address_of(url).map(Box::new);
            let display =
                address.as_ref().map_or_else(|_| "the address of the data".to_owned(), |address| address.to_string());
            return Self {
                display,
                key,
                bytes: Bytes::Server(address),
                is_named: true,
                stream: OnceLock::new(),
                parts: Vec::new(),
            };
        }
        let (display, bytes) = match shipped::file(path) {
            _ if path == Path::new("-") && !is_of_config(key) => ("standard input".to_owned(), Bytes::StandardInput),
            Some(bytes) if !path.exists() => (path.display().to_string(), Bytes::Shipped(bytes)),
            _ => (path.display().to_string(), Bytes::File(path.to_owned())),
        };
        Self { display, key, bytes, is_named: true, stream: OnceLock::new(), parts: Vec::new() }
    }

    pub(super) fn shipped(name: &str, bytes: &'static [u8]) -> Self {
        let (display, bytes) = (name.to_owned(), Bytes::Shipped(bytes));
        Self { display, key: "data.source", bytes, is_named: true, stream: OnceLock::new(), parts: Vec::new() }
    }

    /// Bytes that somebody sent, called `name` in errors.
    pub(super) fn given(name: &str, bytes: Arc<[u8]>, key: &'static str) -> Self {
        Self {
            display: name.to_owned(),
            key,
            bytes: Bytes::Given(bytes),
            is_named: true,
            stream: OnceLock::new(),
            parts: Vec::new(),
        }
    }

    /// The files, where there are several.
    pub(super) fn parts(&self) -> &[Self] {
        &self.parts
    }

    /// Its path, unless it is a stream or built in.
    pub(super) fn path(&self) -> Option<&Path> {
        match &self.bytes {
            Bytes::File(path) if self.parts.is_empty() => Some(path),
            _ => None,
        }
    }

    /// The server that it is.
    ///
    /// # Errors
    /// An address that is not valid, or holds a password.
    pub(super) fn server(&self) -> Result<Option<&Address>, Invalid> {
        match &self.bytes {
            Bytes::Server(Ok(address)) if self.parts.is_empty() => Ok(Some(address)),
            Bytes::Server(Err(why)) => {
                Err(Invalid::at(self.key, format!("{} is the address of a PostgreSQL server, and {why}", self.key)))
            }
            _ => Ok(None),
        }
    }

    /// Its bytes, if somebody sent them or they are built in.
    #[cfg(feature = "parquet")]
    pub(super) fn bytes(&self) -> Option<Arc<[u8]>> {
        match &self.bytes {
            Bytes::Given(bytes) => Some(Arc::clone(bytes)),
            Bytes::Shipped(bytes) => Some(Arc::from(*bytes)),
            _ => None,
        }
    }

    /// Whether somebody sent the bytes: what they name are no files of this machine.
    pub(super) fn is_given(&self) -> bool {
        matches!(self.bytes, Bytes::Given(_))
    }

    /// Whether it has been opened, and can be read only once.
    pub(super) fn is_stream(&self) -> bool {
        self.stream.get().is_some()
    }

    /// The number of a line of one of several files.
    pub(super) fn line_of_part(part: usize, line: u64) -> u64 {
        (part as u64) << LINE_BITS | line
    }

    /// The file that a line is in, and its number there.
    fn file_of(&self, line: u64) -> (&Self, u64) {
        let part = self.parts.get((line >> LINE_BITS) as usize);
        (part.unwrap_or(self), line & ((1 << LINE_BITS) - 1))
    }

    pub(super) fn shown_line(&self, line: u64) -> String {
        let (file, line) = self.file_of(line);
        if self.parts.is_empty() { format!("line {line}") } else { format!("line {line} of {}", file.display) }
    }

    pub(super) fn error(&self, message: &str) -> Invalid {
        Invalid::at(self.key, format!("{} {message}", self.display))
    }

    pub(super) fn error_at(&self, line: u64, message: &str) -> Invalid {
        self.error_at_with(self.key, line, message)
    }

    pub(super) fn error_at_with(&self, key: &str, line: u64, message: &str) -> Invalid {
        let (file, line) = self.file_of(line);
        Invalid::at(key, format!("{}:{line}: {message}", file.display))
    }

    pub(super) fn unreadable(&self, error: &io::Error) -> Invalid {
        self.error(&format!("cannot be read: {error}"))
    }

    pub(super) fn open(&self) -> Result<Opened, Invalid> {
        if self.parts.len() > 1 {
            return Err(self.error("is several files, and only tables are read as one: name one file"));
        }
        let (inner, num_bytes_on_disk): (Box<dyn BufRead>, u64) = match &self.bytes {
            Bytes::Shipped(bytes) => (Box::new(*bytes), bytes.len() as u64),
            Bytes::Given(bytes) => (Box::new(io::Cursor::new(Arc::clone(bytes))), bytes.len() as u64),
            Bytes::StandardInput => (self.stream_of(|| Ok(io::stdin()))?, 0),
            Bytes::File(path) => self.open_file(path)?,
            Bytes::Server(_) => return Err(self.error("is a PostgreSQL server: only tables are read from one")),
        };
        let mut inner = inner;
        let start = inner.fill_buf().map_err(|error| self.unreadable(&error))?;
        let mut is_whole_file = true;
        if let (true, Bytes::File(path)) = (start.starts_with(zip::MAGIC), &self.bytes)
            && let Some(reader) = only_member(path).map_err(|error| self.unreadable(&error))?
        {
            inner = Box::new(BufReader::with_capacity(BUFFER_BYTES, reader));
            is_whole_file = false;
        }
        let start = inner.fill_buf().map_err(|error| self.unreadable(&error))?;
        let is_gzipped = start.starts_with(&[0x1f, 0x8b]);
        let inner: Box<dyn Read> = match is_gzipped {
            true => Box::new(MultiGzDecoder::new(inner)),
            false => Box::new(inner),
        };
        let reader = BufReader::with_capacity(BUFFER_BYTES, inner);
        Ok(Opened { reader, num_bytes_on_disk, is_gzipped, is_whole_file })
    }

    fn open_file(&self, path: &Path) -> Result<(Box<dyn BufRead>, u64), Invalid> {
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let shown = absolute.display();
        // Looked at again once it is open, since it may be exchanged meanwhile.
        let metadata = match fs_err::metadata(&absolute) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Invalid::at(self.key, missing::no_file(path)));
            }
            Err(error) => return Err(Invalid::at(self.key, error.to_string())),
        };
        let open = || fs_err::File::open(&absolute).map_err(|error| Invalid::at(self.key, error.to_string()));
        if is_pipe(&metadata) && self.is_named && !is_of_config(self.key) {
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
        let file = open_without_waiting(&absolute).map_err(|error| Invalid::at(self.key, error.to_string()))?;
        let metadata = file.metadata().map_err(|error| Invalid::at(self.key, error.to_string()))?;
        if !metadata.is_file() {
            return Err(Invalid::at(self.key, format!("{shown} was replaced while it was opened: try again")));
        }
        note_opened(&absolute, file.file());
        Ok((Box::new(BufReader::with_capacity(BUFFER_BYTES, file)), metadata.len()))
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

/// The file in an archive, if it is the only one, and no array.
fn only_member(path: &Path) -> io::Result<Option<Box<dyn Read>>> {
    let file = zip::Shared::open(path)?;
    match &zip::members(&file)?[..] {
        [only] if !only.name.ends_with(".npy") => only.read(&file).map(Some),
        _ => Ok(None),
    }
}

/// Whether a path stands for whatever files match it.
pub(super) fn is_pattern(path: &Path) -> bool {
    let has_wildcard = path.file_name().is_some_and(|name| name.to_string_lossy().contains(['*', '?']));
    has_wildcard && !is_server(path) && !path.exists()
}

/// The files whose names match that of `path`, in which `*` stands for any characters and `?` for one, sorted by name;
/// `path` itself if there is such a file, or none that matches. Of more than may be read as one, one more.
pub(super) fn matching(path: &Path) -> Vec<PathBuf> {
    let pattern = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let itself = || vec![path.to_owned()];
    if !is_pattern(path) {
        return itself();
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let here = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let Ok(entries) = fs_err::read_dir(here) else { return itself() };
    let pattern: Vec<char> = pattern.chars().collect();
    let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
    let is_match = |name: &std::ffi::OsString| {
        let name: Vec<char> = name.to_string_lossy().chars().collect();
        (name.first() != Some(&'.') || pattern.first() == Some(&'.')) && matches(&name, &pattern)
    };
    let mut found: Vec<PathBuf> = names.filter(is_match).take(MAX_FILES + 1).map(|name| folder.join(name)).collect();
    found.sort();
    if found.is_empty() { itself() } else { found }
}

/// # Errors
/// An address that is not valid, or holds a password: a config is recorded, and a command line is seen by others.
fn address_of(url: &str) -> Result<Address, String> {
    if secrets::masked(url) != url {
        return Err("it holds a password, which would be recorded: leave it out, and set PGPASSWORD".to_owned());
    }
    Address::parse(url).map_err(|why| format!("it is not valid: {why}; write postgres://user@host/database"))
}

/// # Errors
/// As [`Origin::server`].
pub(super) fn check_address(path: &Path, key: &'static str) -> Result<(), Invalid> {
    if is_server(path) { Origin::one(path, key).server().map(drop) } else { Ok(()) }
}

/// Whether it is the address of a server.
pub fn is_server(path: &Path) -> bool {
    path.to_str().is_some_and(postgresql::is_url)
}

/// Whether a name is what a pattern stands for. Goes back to the last `*` only, so that time does not explode.
fn matches(name: &[char], pattern: &[char]) -> bool {
    let (mut at, mut of) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while at < name.len() {
        match pattern.get(of) {
            Some('*') => {
                star = Some((of, at));
                of += 1;
            }
            Some(&char) if char == '?' || char == name[at] => (at, of) = (at + 1, of + 1),
            _ => {
                let Some((place, begun)) = star else { return false };
                star = Some((place, begun + 1));
                (at, of) = (begun + 1, place + 1);
            }
        }
    }
    pattern[of..].iter().all(|&char| char == '*')
}

/// What a config names is read again: by `resume`, by other seeds, by who repeats the run.
fn is_of_config(key: &str) -> bool {
    key.starts_with("data.")
}

/// Opens a file; a pipe in its place is opened, too, without waiting for its other end.
fn open_without_waiting(path: &Path) -> io::Result<fs_err::File> {
    fs_err::OpenOptions::from_options(without_waiting()).open(path)
}

/// To open a file, or a pipe in its place without waiting for its other end.
pub(super) fn without_waiting() -> std::fs::OpenOptions {
    let mut options = std::fs::OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    }
    options
}

#[cfg(unix)]
fn is_pipe(metadata: &std::fs::Metadata) -> bool {
    std::os::unix::fs::FileTypeExt::is_fifo(&metadata.file_type())
}

#[cfg(not(unix))]
fn is_pipe(_: &std::fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (name, pattern, expected) in [
            ("part-1.csv", "part-*.csv", true),
            ("part-.csv", "part-*.csv", true),
            ("part-1.csv.gz", "part-*.csv", false),
            ("part-1.csv.gz", "part-*.csv*", true),
            ("a1b2b", "a*b", true),
            ("a1b2c", "a*b", false),
            ("ab", "a?", true),
            ("a", "a?", false),
            ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "*a*a*a*a*a*a*a*a*b", false),
            ("a*b", "a*b", true),
        ] {
            let [name, pattern] = [name, pattern].map(|text| text.chars().collect::<Vec<_>>());
            assert_eq!(matches(&name, &pattern), expected, "{name:?} {pattern:?}");
        }
    }
}
