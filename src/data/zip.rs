//! Finds the files in a ZIP archive, and reads them. Of the format only what archives of data have: files that are stored or
//! deflated, with 64-bit sizes where they are needed.
//!
//! APPNOTE.TXT 6.3.10 of PKWARE: the directory is at the end, and says where each file begins.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex};

use flate2::Crc;
use flate2::read::DeflateDecoder;

use crate::permissions::open_noted;

/// The first bytes of an archive that has a file.
pub(super) const MAGIC: &[u8] = b"PK\x03\x04";
/// Files in an archive, and bytes of their names and places: a thousand columns are a thousand files.
const MAX_DIRECTORY: u64 = 16 << 20;

/// A file in an archive.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) name: String,
    method: u16,
    is_encrypted: bool,
    pub(super) compressed: u64,
    checksum: u32,
    /// Of its header in the archive.
    offset: u64,
}

/// A file that several read at once, each at its own place.
#[derive(Clone)]
pub(super) struct Shared(Arc<Mutex<File>>);

/// A part of a file.
pub(super) struct Section {
    file: Shared,
    position: u64,
    end: u64,
}

impl Shared {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(Arc::new(Mutex::new(open_noted(path)?))))
    }

    pub(super) fn len(&self) -> io::Result<u64> {
        self.0.lock().expect("no panic while held").seek(SeekFrom::End(0))
    }

    /// The bytes from `position` on, at most `len` of them.
    pub(super) fn section(&self, position: u64, len: u64) -> Section {
        Section { file: self.clone(), position, end: position.saturating_add(len) }
    }
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.position);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let mut file = self.file.0.lock().expect("no panic while held");
        file.seek(SeekFrom::Start(self.position))?;
        let count = file.read(&mut buffer[..most])?;
        self.position += count as u64;
        Ok(count)
    }
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the ZIP archive is damaged: {message}"))
}

fn number(bytes: &[u8], at: usize, len: usize) -> io::Result<u64> {
    let bytes = bytes.get(at..at + len).ok_or_else(|| invalid("it is cut off"))?;
    Ok(bytes.iter().rev().fold(0, |number, &byte| number << 8 | u64::from(byte)))
}

fn bytes_at(file: &Shared, position: u64, len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.section(position, len).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == len {
        true => Ok(bytes),
        false => Err(invalid("it is cut off")),
    }
}

/// The files of an archive, without folders and what macOS adds, in the order of its directory.
///
/// # Errors
/// A file that is no archive, or a damaged one.
pub(super) fn members(file: &Shared) -> io::Result<Vec<Member>> {
    let mut members = all_members(file)?;
    members.retain(|member| {
        let is_hidden = member.name.starts_with("__MACOSX/") || member.name.ends_with(".DS_Store");
        !member.name.ends_with('/') && !is_hidden
    });
    Ok(members)
}

/// As [`members`], with all that there is.
///
/// # Errors
/// As [`members`].
pub(super) fn all_members(file: &Shared) -> io::Result<Vec<Member>> {
    const END: &[u8] = b"PK\x05\x06";
    const MAX_COMMENT: u64 = 65_535;
    let len = file.len()?;
    let tail_at = len.saturating_sub(MAX_COMMENT + 22);
    let tail = bytes_at(file, tail_at, len - tail_at)?;
    let end = tail.windows(4).rposition(|window| window == END).ok_or_else(|| invalid("it has no directory"))?;
    let record = &tail[end..];
    let (mut size, mut offset) = (number(record, 12, 4)?, number(record, 16, 4)?);
    // Where a size does not fit, another record before this one has it.
    if size == u64::from(u32::MAX) || offset == u64::from(u32::MAX) {
        let locator_at = (tail_at + end as u64).checked_sub(20).ok_or_else(|| invalid("it is cut off"))?;
        let locator = bytes_at(file, locator_at, 20)?;
        if !locator.starts_with(b"PK\x06\x07") {
            return Err(invalid("its directory has no place"));
        }
        let record = bytes_at(file, number(&locator, 8, 8)?, 56)?;
        if !record.starts_with(b"PK\x06\x06") {
            return Err(invalid("its directory has no place"));
        }
        (size, offset) = (number(&record, 40, 8)?, number(&record, 48, 8)?);
    }
    if size > MAX_DIRECTORY {
        return Err(invalid("its directory is larger than 16 MiB"));
    }
    let directory = bytes_at(file, offset, size)?;
    let mut members = Vec::new();
    let mut at = 0;
    while at < directory.len() {
        let entry = &directory[at..];
        if !entry.starts_with(b"PK\x01\x02") {
            return Err(invalid("its directory is not one"));
        }
        let [name_len, extra_len, comment_len] = [28, 30, 32].map(|at| number(entry, at, 2).map(|len| len as usize));
        let (name_len, extra_len, comment_len) = (name_len?, extra_len?, comment_len?);
        let name = entry.get(46..46 + name_len).ok_or_else(|| invalid("it is cut off"))?;
        let extra = entry.get(46 + name_len..46 + name_len + extra_len).ok_or_else(|| invalid("it is cut off"))?;
        let mut wide = extra_field(extra, 1).unwrap_or_default();
        // In this order, and only those that do not fit.
        let mut take = |at: usize| -> io::Result<u64> {
            let narrow = number(entry, at, 4)?;
            if narrow < u64::from(u32::MAX) {
                return Ok(narrow);
            }
            let value = number(wide, 0, 8)?;
            wide = &wide[8..];
            Ok(value)
        };
        let _uncompressed = take(24)?;
        let (compressed, offset) = (take(20)?, take(42)?);
        let member = Member {
            name: String::from_utf8_lossy(name).into_owned(),
            method: number(entry, 10, 2)? as u16,
            is_encrypted: number(entry, 8, 2)? & 1 == 1,
            compressed,
            checksum: number(entry, 16, 4)? as u32,
            offset,
        };
        members.push(member);
        at += 46 + name_len + extra_len + comment_len;
    }
    Ok(members)
}

/// The extra field with this number.
fn extra_field(extra: &[u8], wanted: u64) -> Option<&[u8]> {
    let mut rest = extra;
    while rest.len() >= 4 {
        let (id, len) = (number(rest, 0, 2).ok()?, number(rest, 2, 2).ok()? as usize);
        let field = rest.get(4..4 + len)?;
        if id == wanted {
            return Some(field);
        }
        rest = &rest[4 + len..];
    }
    None
}

impl Member {
    /// Where its bytes are in the archive, if they are stored as they are.
    ///
    /// # Errors
    /// As [`Member::read`].
    pub(super) fn stored_at(&self, file: &Shared) -> io::Result<Option<u64>> {
        let start = self.start(file)?;
        Ok((self.method == 0).then_some(start))
    }

    /// Its content.
    ///
    /// # Errors
    /// A damaged archive, one with a password, or one that is compressed in a rare way.
    pub(super) fn read(&self, file: &Shared) -> io::Result<Box<dyn Read>> {
        let section = file.section(self.start(file)?, self.compressed);
        let checked = |inner: Box<dyn Read>| {
            let (name, wanted) = (self.name.clone(), self.checksum);
            Box::new(Checked { inner, crc: Crc::new(), name, wanted })
        };
        match self.method {
            0 => Ok(checked(Box::new(section))),
            8 => Ok(checked(Box::new(DeflateDecoder::new(io::BufReader::new(section))))),
            _ => Err(io::Error::other(format!(
                "`{}` is compressed in a way that burnlab does not know: unzip it",
                self.name
            ))),
        }
    }

    fn start(&self, file: &Shared) -> io::Result<u64> {
        if self.is_encrypted {
            return Err(io::Error::other(format!("`{}` has a password: unzip it", self.name)));
        }
        let header = bytes_at(file, self.offset, 30)?;
        if !header.starts_with(MAGIC) {
            return Err(invalid("a file in it is not where its directory says"));
        }
        self.offset
            .checked_add(30 + number(&header, 26, 2)? + number(&header, 28, 2)?)
            .ok_or_else(|| invalid("a file in it is not where its directory says"))
    }
}

/// Fails at the end of a file whose bytes are not those that were archived.
struct Checked {
    inner: Box<dyn Read>,
    crc: Crc,
    name: String,
    wanted: u32,
}

impl Read for Checked {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.crc.update(&buffer[..count]);
        match count == 0 && !buffer.is_empty() && self.crc.sum() != self.wanted {
            true => Err(invalid(&format!("`{}` is not what was archived", self.name))),
            false => Ok(count),
        }
    }
}
