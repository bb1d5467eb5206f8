//! Where a command's result goes: the terminal, or a file that is whole or not there.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::Context;

/// Hands `write` a writer to `file`, or to the terminal without one. A file takes its name only when all of it is
/// written: an error on the way leaves what was there before.
///
/// # Errors
/// A file that cannot be written; the error of `write`. A reader that closes the pipe (`| head`) is none.
pub fn write_to(file: Option<&Path>, write: impl FnOnce(&mut dyn Write) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let Some(file) = file else {
        let mut terminal = BufWriter::new(io::stdout().lock());
        let result = write(&mut terminal).and_then(|()| Ok(terminal.flush()?));
        return match result {
            Err(error) if is_closed_pipe(&error) => Ok(()),
            result => result,
        };
    };
    let name = file.file_name().with_context(|| format!("{} is no file name", file.display()))?;
    let temporary = file.with_file_name(format!(".{}.{}.tmp", name.to_string_lossy(), std::process::id()));
    let written = (|| {
        let mut writer = BufWriter::new(fs_err::File::create(&temporary)?);
        write(&mut writer)?;
        writer.flush()?;
        Ok(fs_err::rename(&temporary, file)?)
    })();
    if written.is_err() {
        // The error that matters is on its way up; the leftover is only litter.
        fs_err::remove_file(&temporary).ok();
    }
    written
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>();
        io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
    })
}
