//! Writes a command's result to the terminal, or atomically to a file.

use std::fmt;
use std::fs;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, bail, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::directory::{Directory, Found, Kind, Purpose, Temporary, Unresolved};
use crate::invalid::one_line;
use crate::permissions::{self, creates_for_this_user_alone, is_own_number, kept_by_another};
use crate::secrets::masked_words;
pub use crate::shown::without_escapes;
use crate::tracking::is_store_file;

/// Why something that was printed is lost. Standard output is the process's, and so is this.
static LOST: Mutex<Option<anyhow::Error>> = Mutex::new(None);

/// Prints a line. That it cannot be written, such as to a full disk, ends the output, not the work; [`lost`] has it.
pub fn print_line(line: fmt::Arguments) {
    print_with(|writer| Ok(writeln!(writer, "{line}")?));
}

/// As [`print_line`], of what `write` writes.
pub fn print_with(write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) {
    let stdout = io::stdout();
    let mut output = BufWriter::with_capacity(KEPT_BACK, Clean::new(stdout.lock()));
    let written = printed(write(&mut output).and_then(|()| Ok(output.flush()?)));
    drop(output.into_parts());
    if let Err(error) = written {
        LOST.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// Why something that [`print_line`] had is not where standard output leads to. A closed pipe (`| head`) is no error.
pub fn lost() -> Option<anyhow::Error> {
    LOST.lock().unwrap_or_else(PoisonError::into_inner).take().map(|error| error.context(CANNOT_WRITE))
}

/// What failed when something cannot be printed.
pub const CANNOT_WRITE: &str = "cannot write the output";

fn printed(result: anyhow::Result<()>) -> anyhow::Result<()> {
    match result {
        Err(error) if is_closed_pipe(&error) => Ok(()),
        result => result,
    }
}

/// Like `println!`, through [`print_line`].
macro_rules! say {
    ($($arguments:tt)*) => { $crate::commands::output::print_line(format_args!($($arguments)*)) };
}
pub(crate) use say;

/// What is kept back of the output to the terminal until more follows: a mistake in the first rows leaves nothing.
const KEPT_BACK: usize = 1 << 16;

/// Prints a line on standard error, which is for people, and which logs keep: without passwords in addresses.
pub fn print_error(line: fmt::Arguments) {
    // Where nobody can be told, the work goes on.
    writeln!(io::stderr(), "{}", masked_words(&without_escapes(&line.to_string()))).ok();
}

/// Like `eprintln!`, through [`print_error`].
macro_rules! tell {
    ($($arguments:tt)*) => { $crate::commands::output::print_error(format_args!($($arguments)*)) };
}
pub(crate) use tell;

/// Passes on what is written as [`without_escapes`] would have it.
pub struct Clean<W> {
    inner: W,
    /// The bytes of a character that is not complete yet.
    begun: Vec<u8>,
}

impl<W: Write> Clean<W> {
    pub fn new(inner: W) -> Self {
        Self { inner, begun: Vec::new() }
    }
}

impl<W: Write> Write for Clean<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut all = std::mem::take(&mut self.begun);
        all.extend_from_slice(bytes);
        for chunk in all.utf8_chunks() {
            self.inner.write_all(without_escapes(chunk.valid()).as_bytes())?;
            match str::from_utf8(chunk.invalid()) {
                Ok(_) => {}
                Err(error) if error.error_len().is_none() => self.begun = chunk.invalid().to_vec(),
                Err(_) => self.inner.write_all("\u{fffd}".as_bytes())?,
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// Calls `write` with a writer to standard output: what goes to a program there goes as it is, what goes to a terminal
/// changes none.
/// After an error, what has not been written yet never is.
///
/// # Errors
/// The error of `write`, or of writing to the terminal. A closed pipe is not an error.
pub fn to_terminal(write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let stdout = io::stdout();
    let output: Box<dyn Write> = match stdout.is_terminal() {
        true => Box::new(Clean::new(stdout.lock())),
        false => Box::new(stdout.lock()),
    };
    printed(directly(BufWriter::with_capacity(KEPT_BACK, output), write, || CANNOT_WRITE.to_owned()))
}

/// Refuses a name for a table in CSV that promises another format: programs would refuse the file, or misread it.
///
/// # Errors
/// A name that ends as workbooks or files of columns do.
pub fn refuse_other_tables(file: Option<&Path>) -> anyhow::Result<()> {
    const ENDINGS: [&str; 12] =
        ["xlsx", "xls", "xlsm", "ods", "parquet", "arrow", "feather", "json", "jsonl", "npy", "npz", "db"];
    let Some(file) = file else { return Ok(()) };
    let ending = file.extension().unwrap_or_default();
    ensure!(
        !ENDINGS.iter().any(|other| ending.eq_ignore_ascii_case(other)),
        "{} is to be a table in CSV, which its name does not say: write {}",
        file.display(),
        file.with_extension("csv").display()
    );
    Ok(())
}

/// Whether the output `file` is standard output, which is named `-`, or as the system has it.
pub fn is_stdout(file: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| file == Path::new(name))
}

/// Whether `file` is or will be a file or a folder that keeps what is written, and not a device or a pipe.
pub fn keeps(file: &Path) -> bool {
    !is_stdout(file) && fs::metadata(file).map_or(true, |data| data.is_file() || data.is_dir())
}

/// Prints the path of what was written, unless that went to standard output.
pub fn say_path(file: &Path) {
    if keeps(file) {
        say!("{}", one_line(&file.display().to_string()));
    }
}

/// As [`to_file`], for a file that the user did not name. It is written in the current folder, where somebody else may
/// have left a link or a pipe under the name that burnlab gives by itself.
///
/// # Errors
/// As [`to_file`]; anything but a file in its place.
pub fn to_own_file(file: &Path, write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    refuse_foreign(file)?;
    // Not what a link leads to that was put there since: the new file replaces the link itself.
    Target::of(file, false)?.write(file, &[], write)
}

/// Fails where [`to_own_file`] would, before anything is written.
///
/// # Errors
/// Anything but a file at `file`.
pub fn refuse_foreign(file: &Path) -> anyhow::Result<()> {
    let is_foreign = fs::symlink_metadata(file).is_ok_and(|data| !data.is_file() && !data.is_dir());
    ensure!(
        !is_foreign,
        "{} is a link, a pipe or the like, which is written to only where it is named: name the output with -o FILE",
        file.display()
    );
    Ok(())
}

/// Calls `write` with a writer to `file`, which replaces an existing file only when completely written: an error leaves
/// the old content. Links are followed, but for those that another user has left; devices and pipes are written directly. A
/// name that ends in `.gz` is written gzipped, and `-` is standard output.
///
/// # Errors
/// A file that is one of `inputs` or belongs to a run's record; one that cannot be written; the error of `write`.
pub fn to_file(
    file: &Path,
    inputs: &[&Path],
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    if is_stdout(file) {
        return to_terminal(write);
    }
    Target::of(file, true)?.write(file, inputs, write)
}

/// Writes `text` to a file that must not be there yet; it has all of it or there is none.
///
/// # Errors
/// [`io::ErrorKind::AlreadyExists`] in the chain of causes; a file that cannot be written.
pub fn to_new_file(file: &Path, text: &str) -> anyhow::Result<()> {
    let cannot = || format!("{} cannot be written", file.display());
    let Target(Found::Name(folder, name)) = Target::of(file, false)? else { bail!(cannot()) };
    let temporary = Temporary::beside(folder, &name, 0o666).with_context(cannot)?;
    temporary.file().write_all(text.as_bytes()).with_context(cannot)?;
    temporary.keep(|folder, temporary| folder.rename_new(temporary, &name)).with_context(cannot)
}

/// Where an output goes: what its path leads to is found once, and written by the handle of its folder, whatever others make of
/// the path meanwhile.
struct Target(Found);

impl Target {
    fn of(file: &Path, follows: bool) -> anyhow::Result<Self> {
        match Directory::resolve(file, follows) {
            Ok(found) => Ok(Self(found)),
            Err(Unresolved::LinkOfAnother(link)) => {
                bail!("{} is a link that another user has left: name another file for the output", link.display())
            }
            Err(Unresolved::Io(error)) => Err(error).with_context(|| format!("cannot write {}", file.display())),
        }
    }

    /// As [`to_file`]; `file` is what the user calls it.
    fn write(
        self,
        file: &Path,
        inputs: &[&Path],
        write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let write = |writer: &mut dyn Write| match file.extension().is_some_and(|end| end.eq_ignore_ascii_case("gz")) {
            true => {
                let mut gzip = GzEncoder::new(writer, Compression::default());
                write(&mut gzip)?;
                gzip.finish()?;
                Ok(())
            }
            false => write(writer),
        };
        let cannot = || match kept_by_another(file).filter(|_| file.symlink_metadata().is_ok()) {
            Some(owner) => format!("cannot write {}, which belongs to {owner}: name another file", file.display()),
            None => format!("cannot write {}", file.display()),
        };
        let (folder, name) = match self.0 {
            Found::Open(open) => return directly(BufWriter::new(open), write, cannot),
            Found::Name(folder, name) => (folder, name),
        };
        let output = fs::canonicalize(file).ok();
        // Where standard input is a file, the system's name for it leads there.
        let named = |input: &Path| if input == Path::new("-") { PathBuf::from("/dev/stdin") } else { input.to_owned() };
        let is_input = |input: &&Path| output.is_some() && fs::canonicalize(named(input)).ok() == output;
        ensure!(!inputs.iter().any(is_input), "{} is the input: name another file for the output", file.display());
        ensure!(
            !is_run(&folder).with_context(cannot)?,
            "{} is among the files of a run, which are its record: name another file for the output",
            file.display()
        );
        ensure!(
            !is_store_file(&name),
            "{} is the name of a store of runs: name another file for the output",
            file.display()
        );
        let existing = folder.entry(&name).with_context(cannot)?;
        let is_own = existing.as_ref().is_some_and(|existing| is_own_number(existing.owner));
        match &existing {
            Some(existing) if existing.kind == Kind::Folder => {
                bail!("{} is a folder: name a file for the output", file.display())
            }
            Some(existing) if existing.kind == Kind::Other && !existing.is_link => {
                ensure!(
                    is_own || !existing.is_pipe,
                    "{} is a pipe of another user, who would read the output: name another file",
                    file.display()
                );
                let device = folder.file(&name, Purpose::Device).with_context(cannot)?;
                // What was exchanged since then may be a pipe of theirs.
                let is_foreign_pipe = is_pipe(&device.metadata()?) && !permissions::is_own(&device.metadata()?);
                ensure!(!is_foreign_pipe, "{} is a pipe of another user: name another file", file.display());
                return directly(BufWriter::new(device), write, cannot);
            }
            _ => {}
        }
        // Another user's mode would let them read it, and change it.
        let mode = existing.filter(|existing| is_own && !existing.is_link).map(|existing| {
            match creates_for_this_user_alone() {
                true => existing.mode & 0o700,
                false => existing.mode,
            }
        });
        // Removed by an error, which is returned.
        let new = if mode.is_some() { 0o600 } else { 0o666 };
        let temporary = Temporary::beside(folder, &name, new).with_context(cannot)?;
        directly(BufWriter::new(temporary.file()), write, cannot)?;
        temporary.set_mode(mode).with_context(cannot)?;
        temporary.keep(|folder, temporary| folder.rename(temporary, folder, &name)).with_context(cannot)
    }
}

/// Calls `write` with an open writer. What it says of a failure to write may not name the file: `cannot` does.
fn directly(
    mut writer: BufWriter<impl Write>,
    write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>,
    cannot: impl FnOnce() -> String,
) -> anyhow::Result<()> {
    let written = write(&mut writer).and_then(|()| Ok(writer.flush()?));
    // Dropping the writer would write the rest.
    drop(writer.into_parts());
    written.map_err(|error| if is_of_disk(&error) { error.context(cannot()) } else { error })
}

fn is_pipe(data: &fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileTypeExt::is_fifo(&data.file_type())
    }
    #[cfg(not(unix))]
    {
        let _ = data;
        false
    }
}

/// Whether a folder is that of a run: `run.json` in it is this user's or of the one whose folder it is. Where everybody may write,
/// anybody can make one.
fn is_run(folder: &Directory) -> io::Result<bool> {
    let record = folder.entry("run.json")?.filter(|entry| entry.kind == Kind::File);
    let owner = folder.owner()?;
    Ok(record.is_some_and(|record| is_own_number(record.owner) || record.owner == owner))
}

/// Whether an error is that of writing itself, such as a full disk, and not one that `write` has put into words.
fn is_of_disk(error: &anyhow::Error) -> bool {
    let of_table = error.downcast_ref::<csv::Error>().and_then(|error| match error.kind() {
        csv::ErrorKind::Io(error) => Some(error),
        _ => None,
    });
    error.downcast_ref::<io::Error>().or(of_table).is_some_and(|error| error.raw_os_error().is_some())
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        let in_csv = cause.downcast_ref::<csv::Error>().and_then(|error| match error.kind() {
            csv::ErrorKind::Io(error) => Some(error),
            _ => None,
        });
        io.or(in_csv).is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_holds_no_command_to_the_terminal() {
        let foreign = "a\u{1b}[31m\tb\r\n\u{7}\u{9b}\u{202e}é\u{2066}";
        let clean = "a\u{fffd}[31m\tb\u{fffd}\n\u{fffd}\u{fffd}\u{fffd}é\u{fffd}";
        assert_eq!(without_escapes(foreign), clean);
        // In pieces of any length, and with a byte that is no text.
        for step in 1..8 {
            let mut written = Vec::new();
            let mut writer = Clean::new(&mut written);
            [foreign.as_bytes(), b"\x9b31m"].concat().chunks(step).for_each(|piece| writer.write_all(piece).unwrap());
            assert_eq!(String::from_utf8(written).unwrap(), format!("{clean}\u{fffd}31m"), "{step}");
        }
    }
}
