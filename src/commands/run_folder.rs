//! The folder of the run that the user names.

use std::path::{Path, PathBuf};

use super::saved_model;
use crate::tracking::{Store, TrackingError};

/// The folder that `run` means: a path to one (a copy will do), or a run of the store in `artifacts` by id, unique
/// beginning, `latest`, or its experiment, of which the newest run is taken.
///
/// # Errors
/// No such run, or several.
pub fn find(artifacts: &Path, run: &str) -> anyhow::Result<PathBuf> {
    let path = Path::new(run);
    if path.join(saved_model::PREPARATION).is_file() {
        return Ok(path.to_owned());
    }
    let store = Store::open_read_only(artifacts)?;
    if let Some(newest) = store.newest_of(run)? {
        return Ok(store.folder(&newest));
    }
    match store.find(run) {
        Ok(run) => Ok(store.folder(&run.record.id)),
        Err(TrackingError::NoSuchRun { .. }) if path.is_dir() => {
            anyhow::bail!("{run} is not the folder of a run: it has no {}", saved_model::PREPARATION)
        }
        Err(error) => Err(error.into()),
    }
}
