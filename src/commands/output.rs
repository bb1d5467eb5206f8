//! Writes a command's result to the terminal, or atomically to a file.

use std::borrow::Cow;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, bail, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::NamedTempFile;

use crate::permissions::is_own;

/// Prints a line. A closed pipe (`| head`) ends the output, not the work.
pub fn print_line(line: fmt::Arguments) {
    writeln!(io::stdout(), "{}", without_escapes(&line.to_string())).ok();
}

/// `text` as a terminal may have it: names in a run that somebody sent could hold sequences that change the terminal.
pub fn without_escapes(text: &str) -> Cow<'_, str> {
    // Besides controls, what makes a terminal show the rest of a line in another order than it has.
    let is_foreign = |c: char| match c {
        '\n' | '\t' => false,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        c => c.is_control(),
    };
    match text.contains(is_foreign) {
        true => Cow::Owned(text.replace(is_foreign, "\u{fffd}")),
        false => Cow::Borrowed(text),
    }
}

/// Like `println!`, through [`print_line`].
macro_rules! say {
    ($($arguments:tt)*) => { $crate::commands::output::print_line(format_args!($($arguments)*)) };
}
pub(crate) use say;

/// What is kept back of the output to the terminal until more follows: a mistake in the first rows leaves nothing.
const KEPT_BACK: usize = 1 << 16;

/// Prints a line on standard error, which is for people.
pub fn print_error(line: fmt::Arguments) {
    // Where nobody can be told, the work goes on.
    writeln!(io::stderr(), "{}", without_escapes(&line.to_string())).ok();
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
    let mut output = BufWriter::with_capacity(KEPT_BACK, output);
    let result = write(&mut output).and_then(|()| Ok(output.flush()?));
    // Dropping the writer would write the rest.
    drop(output.into_parts());
    match result {
        Err(error) if is_closed_pipe(&error) => Ok(()),
        result => result,
    }
}

/// Whether the output `file` is standard output, which is named `-`.
pub fn is_stdout(file: &Path) -> bool {
    file == Path::new("-")
}

/// Prints the path of what was written, unless that went to standard output.
pub fn say_path(file: &Path) {
    if !is_stdout(file) {
        say!("{}", file.display());
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
    to_target(file, file, &[], write)
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
/// the old content. Links are followed; devices and pipes are written directly. A name that ends in `.gz` is written
/// gzipped, and `-` is standard output.
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
    refuse_planted(file)?;
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    to_target(file, &target, inputs, write)
}

/// Fails for a link that somebody else has left in a folder where everybody may, such as /tmp: as Linux does where
/// `fs.protected_symlinks` is set, which does not see how the output is written.
fn refuse_planted(file: &Path) -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        const STICKY_FOR_ALL: u32 = 0o1002;
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if let (Ok(link), Ok(folder)) = (fs::symlink_metadata(file), fs::metadata(folder)) {
            let is_shared = folder.mode() & STICKY_FOR_ALL == STICKY_FOR_ALL;
            let is_trusted = is_own(&link) || link.uid() == folder.uid();
            ensure!(
                !link.is_symlink() || !is_shared || is_trusted,
                "{} is a link that another user has left: name another file for the output",
                file.display()
            );
        }
    }
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// As [`to_file`], which replaces `target`; `file` is what the user calls it.
fn to_target(
    file: &Path,
    target: &Path,
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
    for input in inputs {
        let is_same = fs::canonicalize(input).is_ok_and(|input| input == target);
        ensure!(!is_same, "{} is the input: name another file for the output", file.display());
    }
    ensure!(
        !target.with_file_name("run.json").exists(),
        "{} is among the files of a run, which are its record: name another file for the output",
        file.display()
    );
    let cannot = || format!("cannot write {}", file.display());
    let existing = fs::symlink_metadata(target).ok().filter(|existing| !existing.is_symlink());
    let is_own = existing.as_ref().is_some_and(is_own);
    match &existing {
        Some(existing) if existing.is_dir() => bail!("{} is a folder: name a file for the output", file.display()),
        Some(existing) if !existing.is_file() => {
            ensure!(
                is_own || !is_pipe(existing),
                "{} is a pipe of another user, who would read the output: name another file",
                file.display()
            );
            let mut writer = BufWriter::new(File::create(target).with_context(cannot)?);
            write(&mut writer)?;
            return writer.flush().with_context(cannot);
        }
        _ => {}
    }
    // Removed by an error, which is returned.
    let mut temporary = beside(target, file)?.with_context(cannot)?;
    let mut writer = BufWriter::new(temporary.as_file_mut());
    // Another user's would let them read it, and change it.
    if let Some(existing) = existing.filter(|_| is_own) {
        writer.get_ref().set_permissions(existing.permissions()).with_context(cannot)?;
    }
    write(&mut writer)?;
    writer.flush().with_context(cannot)?;
    drop(writer);
    temporary.persist(target).map_err(|error| error.error).with_context(cannot)?;
    Ok(())
}

fn is_pipe(existing: &fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt;
        existing.file_type().is_fifo()
    }
    #[cfg(not(unix))]
    {
        let _ = existing;
        false
    }
}

/// A new hidden file in the same folder, under a name that nobody can have guessed: in a folder that others may write,
/// they could have left a link there.
fn beside(target: &Path, file: &Path) -> anyhow::Result<io::Result<NamedTempFile>> {
    let name = target.file_name().with_context(|| format!("{} is not a file name", file.display()))?;
    // A name has at most 255 bytes.
    let name = name.to_string_lossy();
    let prefix = format!(".{}.", &name[..name.floor_char_boundary(200)]);
    let folder = target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(&prefix).suffix(".tmp");
    // As any new file, less what the user's mask takes.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    Ok(builder.tempfile_in(folder))
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
