//! Where pictures go that the user gave no names.

use std::io::ErrorKind;
use std::path::PathBuf;

use super::output::{say_path, tell, to_own_file};
use crate::experiment::RunFolder;
use crate::permissions::{create_for_this_user_alone, is_public};
use crate::tracking::TrackingError;

/// What says that nothing can be written to a folder, where another may do.
const CLOSED: [ErrorKind; 2] = [ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied];

/// Writes a picture into the folder of a run, and prints its path. Where that folder is another user's, or cannot be written, it
/// goes into the current folder instead; and so it does, for this user alone, where others may read the folder, and `is_closed`
/// says that they may not read what the picture shows.
///
/// # Errors
/// A folder that cannot be written.
pub fn write(folder: &RunFolder, stem: &str, svg: &str, is_closed: bool) -> anyhow::Result<()> {
    let is_leak = is_closed && is_public(folder.path());
    if is_closed {
        create_for_this_user_alone();
    }
    let written = if is_leak { Ok(None) } else { folder.write_picture(stem, svg) };
    let why = match written {
        Ok(Some(path)) => {
            say_path(&path);
            return Ok(());
        }
        Ok(None) if is_leak => "others may read the run's folder, and not what this picture shows",
        Ok(None) => "the run's folder belongs to another user",
        Err(TrackingError::Io(error)) if CLOSED.contains(&error.kind()) => "the run's folder cannot be written",
        Err(error) => return Err(error.into()),
    };
    let file = PathBuf::from(format!("{}-{stem}.svg", folder.name()));
    to_own_file(&file, |writer| Ok(writer.write_all(svg.as_bytes())?))?;
    tell!("note: {why}: written to the current folder");
    say_path(&file);
    Ok(())
}
