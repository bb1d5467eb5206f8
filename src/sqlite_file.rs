//! What stands beside an SQLite database: SQLite opens these files by their names, and does what they say. And how to read a
//! database without leaving such files of one's own beside it, which would keep its owner from writing.

use std::fs::{self, File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::permissions::{are_locked_by_others_alone, is_own, is_writable, owner, user_name};

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
    /// SQLite would keep there what it writes and take from there what is in the database, and its owner can read and change
    /// that.
    #[error(
        "`{}` belongs to {owner}, who could read and change there what is written; ask for it to be removed, or remove it \
         where nobody is using the database", path.display()
    )]
    OfAnother { path: PathBuf, owner: String },
}

/// Who may have files beside a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Writers {
    /// This user and the owner of the database, and all others who may write the database itself.
    OfDatabase,
    /// This user alone: what is written next is closed to others.
    ThisUser,
}

/// Checks the files that SQLite would open beside the database at `path`, whether that is there or not.
///
/// # Errors
/// A file that cannot be looked at; within it, one that keeps the database from being opened.
pub fn check_beside(path: &Path, writers: Writers) -> io::Result<Result<(), Unsound>> {
    let database = fs::symlink_metadata(path).ok().filter(|_| writers == Writers::OfDatabase);
    for (end, beside) in beside(path) {
        match fs::symlink_metadata(&beside) {
            Ok(data) if !data.is_file() => return Ok(Err(Unsound::NotAFile(beside))),
            Ok(data) if !is_trusted(&data, database.as_ref()) => return Ok(Err(of_another(beside, &data))),
            Ok(_) if end == "-journal" && names_another(&beside)? => return Ok(Err(Unsound::NamesAnother(beside))),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(Ok(()))
}

fn of_another(path: PathBuf, data: &Metadata) -> Unsound {
    Unsound::OfAnother { path, owner: user_name(owner(data)) }
}

/// Whether a file beside the database is of somebody who may write the database as well, or root's.
fn is_trusted(beside: &Metadata, database: Option<&Metadata>) -> bool {
    is_own(beside) || owner(beside) == 0 || database.is_some_and(|database| may_write(beside, database))
}

#[cfg(unix)]
fn may_write(beside: &Metadata, database: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    const ALL: u32 = 0o002;
    const GROUP: u32 = 0o020;
    let (mode, is_of_group) = (database.mode(), beside.gid() == database.gid());
    beside.uid() == database.uid() || mode & ALL != 0 || mode & GROUP != 0 && is_of_group
}

#[cfg(not(unix))]
fn may_write(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// What this process has open of a database and of the files beside it.
#[derive(Debug, PartialEq, Eq)]
pub enum Opened {
    Sound,
    /// Another file has taken the place of the database since it was opened.
    Replaced,
    Unsound(Unsound),
}

/// Whether processes of other users have locks on the database or the files beside it, and none of this user.
pub fn is_held_by_others_alone(path: &Path) -> bool {
    are_locked_by_others_alone(beside(path).map(|(_, beside)| beside).chain([path.to_owned()]))
}

/// Looks at the files themselves that are open, whatever has their names by now: those that [`check_beside`] saw may have been
/// exchanged before SQLite opened them. Where this user alone is to write, no file of another may be open to be written, whatever it
/// is called by now. Where the system does not tell what is open, nothing is found.
pub fn check_opened(path: &Path, writers: Writers) -> Opened {
    let (Ok(open), Ok(database)) = (fs::read_dir("/proc/self/fd"), fs::metadata(path)) else { return Opened::Sound };
    let (mut has_database, mut has_old) = (false, false);
    for file in open.flatten().map(|entry| entry.path()) {
        // A file that was removed or replaced is shown as `PATH (deleted)`.
        let Some(name) = fs::read_link(&file).ok().and_then(|name| name.into_os_string().into_string().ok()) else {
            continue;
        };
        let removed = name.strip_suffix(" (deleted)");
        let (name, is_removed) = (Path::new(removed.unwrap_or(&name)), removed.is_some());
        let Ok(data) = fs::metadata(&file) else { continue };
        has_database |= is_same(&data, &database);
        has_old |= is_removed && name == path;
        if beside(path).any(|(_, beside)| beside == name) && !is_trusted(&data, Some(&database)) {
            return Opened::Unsound(of_another(name.to_owned(), &data));
        }
        let is_foreign = writers == Writers::ThisUser && data.is_file() && !is_trusted(&data, None);
        if is_foreign && is_open_to_write(&file) {
            return Opened::Unsound(of_another(name.to_owned(), &data));
        }
    }
    let is_lost = has_old || writers == Writers::ThisUser;
    if is_lost && !has_database { Opened::Replaced } else { Opened::Sound }
}

/// Whether a file is open to be read and written, as SQLite opens a database: by the octal flags that the system tells,
/// <https://man7.org/linux/man-pages/man5/proc_pid_fdinfo.5.html>.
fn is_open_to_write(descriptor: &Path) -> bool {
    const READ_WRITE: u32 = 0o2;
    let told = descriptor.file_name().map(|number| Path::new("/proc/self/fdinfo").join(number)).map(fs::read_to_string);
    let told = told.and_then(Result::ok).unwrap_or_default();
    let flags = told.lines().find_map(|line| line.strip_prefix("flags:"));
    flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()).is_some_and(|flags| flags & 0o3 == READ_WRITE)
}

/// Whether another file has taken the place of the one at `path`, of which this was known.
pub fn is_replaced(path: &Path, before: Option<&Metadata>) -> bool {
    before.zip(fs::metadata(path).ok()).is_some_and(|(before, now)| !is_same(before, &now))
}

#[cfg(unix)]
fn is_same(a: &Metadata, b: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (a.dev(), a.ino()) == (b.dev(), b.ino())
}

#[cfg(not(unix))]
fn is_same(_: &Metadata, _: &Metadata) -> bool {
    true
}

/// How a database is opened to be read.
#[derive(Debug, PartialEq, Eq)]
pub enum Reading {
    AsUsual,
    /// By this URI. What this process may not write is open in another one, whose files beside it are used as they are.
    Shared(PathBuf),
    /// By this URI: without the files beside it, since nobody has it open.
    Alone(PathBuf),
    /// A copy of it and of its log alone: the log has what the database lacks, and is read only with the right to write.
    Copied,
}

/// How the database at `path`, a path without links, is read so that no file of this user's is left beside it where he may not
/// write the database: those would be his, and others could not write the database any more.
pub fn reading(path: &Path) -> Reading {
    if is_writable(path) || !is_in_wal_mode(path) {
        return Reading::AsUsual;
    }
    read_only(path)
}

/// As [`reading`], for a database in WAL mode that cannot be written.
pub fn read_only(path: &Path) -> Reading {
    let [log, index, _] = ENDS.map(|end| with_end(path, end));
    match fs::metadata(log).map(|data| data.len()) {
        Ok(_) if index.exists() => Reading::Shared(uri(path, "mode=ro&readonly_shm=1")),
        Ok(1..) => Reading::Copied,
        _ => alone(path),
    }
}

/// As [`read_only`], where the index of the log cannot be used, such as one that was begun on a full disk; `None` if the log has
/// anything, which the database lacks.
pub fn without_index(path: &Path) -> Option<Reading> {
    let [log, ..] = ENDS.map(|end| with_end(path, end));
    let is_empty = fs::metadata(log).map_or(true, |data| data.len() == 0);
    is_empty.then(|| alone(path))
}

fn alone(path: &Path) -> Reading {
    Reading::Alone(uri(path, "immutable=1"))
}

/// How long after a change of a file another one may leave its time as it is: what file systems take for the time is a little old.
const SAME_TIME: Duration = Duration::from_millis(50);

/// A database that is read without its locks, which nobody else knows of: whoever has it may begin to write it.
#[derive(Debug)]
pub struct Unlocked {
    path: PathBuf,
    before: (u64, SystemTime),
}

impl Unlocked {
    /// The database at `path`, as it is before it is opened.
    ///
    /// # Errors
    /// A file that cannot be looked at.
    pub fn new(path: &Path) -> io::Result<Self> {
        let state = state(path)?;
        // By its time, a file that has just been changed may be changed once more unseen.
        let is_fresh = SystemTime::now().duration_since(state.1).is_ok_and(|age| age < SAME_TIME);
        let before = if is_fresh {
            thread::sleep(SAME_TIME);
            self::state(path)?
        } else {
            state
        };
        Ok(Self { path: path.to_owned(), before })
    }

    /// Whether some of what was read may be of before a change and some of after it.
    pub fn is_changed(&self) -> bool {
        state(&self.path).ok() != Some(self.before)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn state(path: &Path) -> io::Result<(u64, SystemTime)> {
    let data = fs::metadata(path)?;
    Ok((data.len(), data.modified()?))
}

/// By its header: <https://www.sqlite.org/fileformat2.html#file_format_version_numbers>.
fn is_in_wal_mode(path: &Path) -> bool {
    let mut header = [0; 20];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut header));
    read.is_ok() && header[18..] == [2, 2]
}

fn uri(path: &Path, query: &str) -> PathBuf {
    let path = path.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    format!("file:{path}?{query}").into()
}

/// The file by the true path of its folder: SQLite, which is to follow no link to the file, refuses those in the path,
/// too.
pub fn without_links(path: &Path) -> PathBuf {
    let folder = path.parent().filter(|_| cfg!(unix)).and_then(|folder| fs::canonicalize(folder).ok());
    folder.zip(path.file_name()).map_or_else(|| path.to_owned(), |(folder, name)| folder.join(name))
}

/// The names that SQLite gives to files beside the database at `path`, with their ends.
pub fn beside(path: &Path) -> impl Iterator<Item = (&'static str, PathBuf)> {
    ENDS.into_iter().map(move |end| (end, with_end(path, end)))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
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
        let check = |path: &Path| check_beside(path, Writers::ThisUser).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        assert_eq!(check(&path), Ok(()));
        let journal = folder.path().join("t.db-journal");
        let header = [&JOURNAL_MAGIC[..], &[0; 512]].concat();
        fs::write(&journal, &header).unwrap();
        fs::write(folder.path().join("t.db-wal"), "").unwrap();
        assert_eq!(check(&path), Ok(()));
        fs::write(&journal, [&header[..], b"super", &JOURNAL_MAGIC].concat()).unwrap();
        assert_eq!(check(&path), Err(Unsound::NamesAnother(journal.clone())));
        fs::remove_file(&journal).unwrap();
        fs::create_dir(&journal).unwrap();
        assert_eq!(check(&path), Err(Unsound::NotAFile(journal)));
    }

    /// Root alone can try it.
    #[cfg(unix)]
    #[test]
    fn files_of_those_who_may_not_write_the_database_are_refused() {
        use std::os::unix::fs::{PermissionsExt, chown};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let set_mode = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        for end in ENDS {
            let beside = with_end(&path, end);
            fs::write(&beside, "").unwrap();
            if chown(&beside, Some(65534), Some(65534)).is_err() {
                return;
            }
            let is_sound = |writers| !matches!(check_beside(&path, writers).unwrap(), Err(Unsound::OfAnother { .. }));
            assert!(!is_sound(Writers::OfDatabase), "{end}: no database yet");
            fs::write(&path, "").unwrap();
            for (mode, of_database) in [(0o600, false), (0o644, false), (0o664, false), (0o666, true)] {
                set_mode(mode);
                assert_eq!(is_sound(Writers::OfDatabase), of_database, "{end} {mode:o}");
                assert!(!is_sound(Writers::ThisUser));
            }
            // Of a group that may write it, and its owner.
            chown(&path, None, Some(65534)).unwrap();
            set_mode(0o664);
            assert!(is_sound(Writers::OfDatabase));
            chown(&path, Some(65534), Some(0)).unwrap();
            set_mode(0o600);
            assert!(is_sound(Writers::OfDatabase) && !is_sound(Writers::ThisUser));
            // What is open counts, whatever has the name by now.
            chown(&path, Some(0), Some(0)).unwrap();
            let open = [File::open(&path).unwrap(), File::open(&beside).unwrap()];
            fs::remove_file(&beside).unwrap();
            fs::write(&beside, "").unwrap();
            assert!(is_sound(Writers::ThisUser));
            if cfg!(target_os = "linux") {
                let path = fs::canonicalize(&path).unwrap();
                let found = check_opened(&path, Writers::OfDatabase);
                assert!(matches!(found, Opened::Unsound(Unsound::OfAnother { .. })), "{found:?}");
            }
            drop(open);
            if cfg!(target_os = "linux") && end == "-wal" {
                // A file of theirs that had the name when the database was opened, and has another one by now.
                let (path, other) = (fs::canonicalize(&path).unwrap(), folder.path().join("other"));
                fs::write(&other, "").unwrap();
                chown(&other, Some(65534), None).unwrap();
                let own = || File::options().read(true).write(true).open(&path).unwrap();
                let theirs = || File::options().read(true).write(true).open(&other).unwrap();
                let found = |open: &[File]| (open.len(), check_opened(&path, Writers::ThisUser)).1;
                assert!(matches!(found(&[theirs(), own()]), Opened::Unsound(_)));
                assert_eq!(found(&[own()]), Opened::Sound);
                assert_eq!(found(&[]), Opened::Replaced);
            }
            fs::remove_file(&path).unwrap();
            fs::remove_file(&beside).unwrap();
        }
    }
}
