//! Writes a command's result to the terminal, or atomically to a file.

use std::borrow::Cow;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use flate2::Compression;
use flate2::write::GzEncoder;

/// Prints a line. A closed pipe (`| head`) ends the output, not the work.
pub fn print_line(line: fmt::Arguments) {
    writeln!(io::stdout(), "{}", without_escapes(&line.to_string())).ok();
}

/// `text` as a terminal may have it: names in a run that somebody sent could hold sequences that change the terminal.
pub fn without_escapes(text: &str) -> Cow<'_, str> {
    let is_foreign = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
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

/// Calls `write` with a writer to the terminal. After an error, what has not been written yet never is.
///
/// # Errors
/// The error of `write`, or of writing to the terminal. A closed pipe is not an error.
pub fn to_terminal(write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let mut terminal = BufWriter::with_capacity(KEPT_BACK, io::stdout().lock());
    let result = write(&mut terminal).and_then(|()| Ok(terminal.flush()?));
    // Dropping the writer would write the rest.
    drop(terminal.into_parts());
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
    let write = |writer: &mut dyn Write| match file.extension().is_some_and(|end| end.eq_ignore_ascii_case("gz")) {
        true => {
            let mut gzip = GzEncoder::new(writer, Compression::default());
            write(&mut gzip)?;
            gzip.finish()?;
            Ok(())
        }
        false => write(writer),
    };
    let target = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
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
    let existing = fs::metadata(&target).ok();
    match &existing {
        Some(existing) if existing.is_dir() => bail!("{} is a folder: name a file for the output", file.display()),
        Some(existing) if !existing.is_file() => {
            let mut writer = BufWriter::new(File::create(&target).with_context(cannot)?);
            write(&mut writer)?;
            return writer.flush().with_context(cannot);
        }
        _ => {}
    }
    let temporary = beside(&target).with_context(|| format!("{} is not a file name", file.display()))?;
    let written = (|| {
        let mut writer = BufWriter::new(File::create(&temporary).with_context(cannot)?);
        if let Some(existing) = &existing {
            fs::set_permissions(&temporary, existing.permissions()).with_context(cannot)?;
        }
        write(&mut writer)?;
        writer.flush().with_context(cannot)?;
        fs::rename(&temporary, &target).with_context(cannot)
    })();
    if written.is_err() {
        // The error that matters is being returned; a leftover temporary file does no harm.
        fs::remove_file(&temporary).ok();
    }
    written
}

/// A hidden name in the same folder that no other process uses.
fn beside(file: &Path) -> Option<PathBuf> {
    let name = file.file_name()?.to_string_lossy();
    Some(file.with_file_name(format!(".{name}.{}.tmp", std::process::id())))
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
