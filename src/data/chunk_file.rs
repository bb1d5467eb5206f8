//! A file of chunks of a table, read by their places.
//!
//! It is read, not mapped into memory: a file that is cut while it is mapped ends the process by a signal, without a word,
//! and what is mapped counts as memory where the address space is limited.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use super::chunk_layout::ChunkLayout;
use crate::directory::{Directory, Found, Temporary, Unresolved};

/// Left free at the beginning.
pub(super) const HEADER_BYTES: u64 = 64;

/// A chunk in a file.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct StoredChunk {
    pub(super) layout: ChunkLayout,
    /// Of its first byte in the file.
    pub(super) offset: u64,
    pub(super) num_bytes: usize,
    pub(super) checksum: u64,
}

/// A file of chunks, after a header.
#[derive(Debug)]
pub(super) struct ChunkFile {
    file: File,
    /// As the user wrote it.
    path: PathBuf,
    /// Of a file that is being written, which is gone unless it is kept, and the name that it is to have.
    temporary: Mutex<Option<(Temporary, OsString)>>,
    is_public: bool,
    /// Where the next chunk goes.
    end: Mutex<u64>,
    window_bytes: usize,
    /// The first error of reading.
    failed: OnceLock<String>,
    /// See [`Dataset::fingerprint`](super::Dataset::fingerprint).
    pub(super) fingerprint: OnceLock<String>,
}

impl ChunkFile {
    /// A new one, that is to become `path`. `is_public`: others may read it, as far as the process's mask allows.
    ///
    /// # Errors
    /// What making a file in its folder reports; a link on the way there that another user has left.
    pub(super) fn create(path: &Path, window_bytes: usize, is_public: bool) -> io::Result<Arc<Self>> {
        let (folder, name) = place_of(path)?;
        let temporary = Temporary::beside(folder, &name, if is_public { 0o644 } else { 0o600 })?;
        let file = temporary.file().try_clone()?;
        let temporary = Mutex::new(Some((temporary, name)));
        let new = Self::of(file, path, window_bytes);
        Ok(Arc::new(Self { temporary, is_public, end: Mutex::new(HEADER_BYTES), ..new }))
    }

    /// An existing one.
    pub(super) fn of(file: File, path: &Path, window_bytes: usize) -> Self {
        Self {
            file,
            path: path.to_owned(),
            temporary: Mutex::new(None),
            is_public: false,
            end: Mutex::new(0),
            window_bytes,
            failed: OnceLock::new(),
            fingerprint: OnceLock::new(),
        }
    }

    /// Another new one for the same path.
    ///
    /// # Errors
    /// As [`ChunkFile::create`].
    pub(super) fn another(&self) -> io::Result<Arc<Self>> {
        Self::create(&self.path, self.window_bytes, self.is_public)
    }

    /// Keeps a new one from being read by other users.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn close_to_others(&self) -> io::Result<()> {
        let temporary = self.temporary.lock().expect("no panic while held");
        temporary.as_ref().map_or(Ok(()), |(temporary, _)| temporary.set_mode(Some(0o600)))
    }

    pub(super) fn window_bytes(&self) -> usize {
        self.window_bytes
    }

    /// Writes a chunk after the others.
    ///
    /// # Errors
    /// What writing reports.
    pub(super) fn append(&self, layout: ChunkLayout, bytes: &[u8]) -> io::Result<StoredChunk> {
        let offset = self.append_bytes(bytes)?;
        Ok(StoredChunk { layout, offset, num_bytes: bytes.len(), checksum: checksum(bytes) })
    }

    /// Writes bytes after the chunks; returns their place.
    ///
    /// # Errors
    /// What writing reports.
    pub(super) fn append_bytes(&self, bytes: &[u8]) -> io::Result<u64> {
        let mut end = self.end.lock().expect("no panic while held");
        write_all_at(&self.file, bytes, *end)?;
        let offset = *end;
        *end += bytes.len() as u64;
        Ok(offset)
    }

    /// Writes the header, and puts the file in the place of the one at its path, all or nothing.
    ///
    /// # Errors
    /// What the system reports.
    pub(super) fn keep(&self, header: &[u8; HEADER_BYTES as usize]) -> io::Result<()> {
        write_all_at(&self.file, header, 0)?;
        self.file.sync_all()?;
        let temporary = self.temporary.lock().expect("no panic while held").take();
        let (temporary, name) = temporary.ok_or(io::ErrorKind::NotFound)?;
        temporary.keep(|folder, temporary| folder.rename(temporary, folder, &name))
    }

    /// The bytes of a chunk, in `buffer`.
    ///
    /// # Errors
    /// What reading reports; bytes that are not those that were written.
    pub(super) fn chunk(&self, chunk: &StoredChunk, mut buffer: Vec<u8>) -> io::Result<Vec<u8>> {
        buffer.clear();
        buffer.try_reserve_exact(chunk.num_bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
        buffer.resize(chunk.num_bytes, 0);
        read_exact_at(&self.file, &mut buffer, chunk.offset)?;
        match checksum(&buffer) == chunk.checksum {
            true => Ok(buffer),
            false => Err(io::Error::other("it is damaged")),
        }
    }

    /// Reads the record of a row of a chunk; `false` if it cannot be read, which [`ChunkFile::failure`] then tells.
    pub(super) fn read_record(&self, chunk: &StoredChunk, row: usize, record: &mut [u8]) -> bool {
        let offset = chunk.offset + (row * record.len()) as u64;
        let read = read_exact_at(&self.file, record, offset);
        if let Err(error) = &read {
            self.fail(error);
        }
        read.is_ok()
    }

    /// Notes that rows could not be read.
    pub(super) fn fail(&self, error: &io::Error) {
        self.failed.get_or_init(|| {
            format!(
                "the cache {} cannot be read while it is used ({error}): remove it, and it is built again",
                self.path.display()
            )
        });
    }

    /// Why rows could not be read.
    pub(super) fn failure(&self) -> Option<&str> {
        self.failed.get().map(String::as_str)
    }
}

/// The folder of a cache and its name there, by no link of another user's.
///
/// # Errors
/// Such a link; a folder that is not there; an open file without a name.
pub(super) fn place_of(path: &Path) -> io::Result<(Directory, OsString)> {
    match Directory::resolve(path, true).map_err(Unresolved::into_io)? {
        Found::Name(folder, name) => Ok((folder, name)),
        Found::Open(_) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

/// Tells bytes apart from those that a disk or a copy damaged; not from those that somebody made to be taken for them.
pub(super) fn checksum(bytes: &[u8]) -> u64 {
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let (words, rest) = bytes.as_chunks::<8>();
    let hash = words.iter().fold(bytes.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    rest.iter().fold(hash, |hash, &byte| mix(hash, byte.into()))
}

#[cfg(unix)]
pub(super) fn read_exact_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
}

#[cfg(windows)]
pub(super) fn read_exact_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => (buffer, offset) = (&mut buffer[count..], offset + count as u64),
        }
    }
    Ok(())
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = std::os::windows::fs::FileExt::seek_write(file, bytes, offset)?;
        (bytes, offset) = (&bytes[count..], offset + count as u64);
    }
    Ok(())
}
