//! The folder of the run that the user names.

use std::path::{Path, PathBuf};

use super::saved_model;
use crate::tracking::{Location, Run, RunId, Store, TrackingError};

/// The folder that `run` means: a path to one (a copy will do), or what [`recorded`] finds in the store.
///
/// # Errors
/// No such run, or several.
pub fn find(location: &Location, run: &str) -> anyhow::Result<PathBuf> {
    let path = Path::new(run);
    if path.join(saved_model::PREPARATION).is_file() {
        return Ok(path.to_owned());
    }
    let store = Store::open_read_only_at(location)?;
    let has_model = |id: &RunId| store.folder(id).join(saved_model::MODEL).is_file();
    let of_experiment = store.ids_of(run)?;
    if let Some(newest) = of_experiment.iter().find(|id| has_model(id)) {
        return Ok(store.folder(newest));
    }
    let found = match recorded(&store, run) {
        Err(TrackingError::NoSuchRun { .. }) if path.is_dir() => {
            anyhow::bail!("{run} is not the folder of a run: it has no {}", saved_model::PREPARATION)
        }
        found => found?,
    };
    let id = &found.record.id;
    if let Some(home) = store.home_elsewhere(id)? {
        anyhow::bail!("the files of run `{id}` are at `{home}`: do it there, or copy the folder and name its path");
    }
    anyhow::ensure!(
        has_model(id),
        "run `{id}` has no model, it is {}: `burnlab resume {id}` goes on with it, or name another run",
        store.shown(&found)
    );
    Ok(store.folder(id))
}

/// The run that `run` means: its id, the unique beginning of one, `latest`, or its experiment, of which the newest run
/// is taken. Commands that change runs ask [`Store::find`], which takes no experiment for a run.
///
/// # Errors
/// No such run, or several.
pub fn recorded(store: &Store, run: &str) -> Result<Run, TrackingError> {
    match store.ids_of(run)?.first() {
        Some(newest) => store.run(newest),
        None => store.find(run),
    }
}
