//! What stands beside an SQLite database: SQLite opens these files by their names, and does what they say.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// The ends of their names: the log and its index of a database in WAL mode, and the journal of one in another mode.
const ENDS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// The last bytes of a journal that names a super-journal: <https://www.sqlite.org/fileformat2.html#the_rollback_journal>.
const JOURNAL_MAGIC: [u8; 8] = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];

/// Why a database is not to be opened.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsound {
    /// A pipe would keep its reader for ever, and what a link leads to may belong to others.
    #[error("`{}` is a link, a pipe or the like, where SQLite keeps a file; move it away", .0.display())]
    NotAFile(PathBuf),
    /// SQLite would read that file, whatever it is, and remove it in the end.
    #[error("`{}` is left from a change of several databases at once and names another file; move it away", .0.display())]
    NamesAnother(PathBuf),
}

/// Checks the files that SQLite would open beside the database at `path`.
///
/// # Errors
/// A file that cannot be looked at; within it, one that keeps the database from being opened.
pub fn check_beside(path: &Path) -> io::Result<Result<(), Unsound>> {
    for (end, beside) in beside(path) {
        match fs::symlink_metadata(&beside) {
            Ok(data) if !data.is_file() => return Ok(Err(Unsound::NotAFile(beside))),
            Ok(_) if end == "-journal" && names_another(&beside)? => return Ok(Err(Unsound::NamesAnother(beside))),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(Ok(()))
}

/// The names that SQLite gives to files beside the database at `path`, with their ends.
pub fn beside(path: &Path) -> impl Iterator<Item = (&'static str, PathBuf)> {
    ENDS.into_iter().map(move |end| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        (end, PathBuf::from(name))
    })
}

fn names_another(journal: &Path) -> io::Result<bool> {
    let read = || -> io::Result<bool> {
        let mut file = File::open(journal)?;
        let mut last = [0; JOURNAL_MAGIC.len()];
        // A journal that begins with the same bytes has a header of at least 512.
        if file.metadata()?.len() <= 512 {
            return Ok(false);
        }
        file.seek(SeekFrom::End(-(last.len() as i64)))?;
        file.read_exact(&mut last)?;
        Ok(last == JOURNAL_MAGIC)
    };
    match read() {
        // One that its process has removed meanwhile.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => Ok(false),
        read => read,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_beside_a_database_are_files_and_name_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        assert_eq!(check_beside(&path).unwrap(), Ok(()));
        let journal = folder.path().join("t.db-journal");
        let header = [&JOURNAL_MAGIC[..], &[0; 512]].concat();
        fs::write(&journal, &header).unwrap();
        fs::write(folder.path().join("t.db-wal"), "").unwrap();
        assert_eq!(check_beside(&path).unwrap(), Ok(()));
        fs::write(&journal, [&header[..], b"super", &JOURNAL_MAGIC].concat()).unwrap();
        assert_eq!(check_beside(&path).unwrap(), Err(Unsound::NamesAnother(journal.clone())));
        fs::remove_file(&journal).unwrap();
        fs::create_dir(&journal).unwrap();
        assert_eq!(check_beside(&path).unwrap(), Err(Unsound::NotAFile(journal)));
    }
}
