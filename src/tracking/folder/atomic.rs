//! Writing a file so that readers see all of it or nothing.

use std::io::{self, Write};
use std::path::Path;

use fs_err as fs;
use fs_err::File;

/// Writes a file so that readers see the old content or the new, never a part of it, and the new content survives a
/// power cut.
pub(crate) fn write_atomic(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    replace(folder, name, |file| {
        file.write_all(bytes)?;
        file.sync_all()
    })
}

/// As [`write_atomic`], but does not wait for the disk.
pub(crate) fn write_renamed(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    replace(folder, name, |file| file.write_all(bytes))
}

/// Removes the temporary files of a killed process. Only for the holder of the run's lock.
pub(crate) fn remove_temporary(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') && name.ends_with(".tmp") && entry.file_type()?.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

fn replace(folder: &Path, name: &str, write: impl FnOnce(&mut File) -> io::Result<()>) -> io::Result<()> {
    // The process id keeps two writers of one file apart.
    let temporary = folder.join(format!(".{}.{}.tmp", name.replace('/', "-"), std::process::id()));
    let result = File::create(&temporary)
        .and_then(|mut file| write(&mut file))
        .and_then(|()| fs::rename(&temporary, folder.join(name)));
    if result.is_err() {
        // The first error is the one to report; a temporary file that stays does no harm.
        fs::remove_file(&temporary).ok();
    }
    result
}
