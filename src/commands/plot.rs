//! `burnlab plot RUN KIND`: draws pictures of a run from its folder.

use std::process::ExitCode;

use anyhow::Context;

use super::output::{say_path, tell, to_file};
use super::pictures;
use crate::backend::BackendName;
use crate::cli::PlotArgs;
use crate::data::are_closed;
use crate::experiment::pictures::{Draw, Drawn, draw_all, draw_named};
use crate::experiment::{RunFolder, SavedModel};
use crate::tracking::{Location, Run, Store};

/// Writes the pictures and prints their paths.
///
/// # Errors
/// No such run; a picture not available for it; a file that cannot be written.
pub fn run(args: &PlotArgs) -> anyhow::Result<ExitCode> {
    let location = args.model.store.location();
    let folder = RunFolder::find(&location, &args.model.run)?;
    anyhow::ensure!(
        args.output.is_none() || args.pictures.len() == 1,
        "--output names one file: say which KIND goes there"
    );
    anyhow::ensure!(
        args.row.is_none() || !args.pictures.is_empty(),
        "--row is of pictures of one example: name them, such as `attention`"
    );
    let mut is_closed = false;
    let mut drawn = Vec::new();
    let mut of_run = Vec::new();
    for &picture in &args.pictures {
        match picture.draw {
            Draw::Run(_) => of_run.push(picture),
            Draw::Experiment(draw) => {
                let (run, runs) = experiment_of(&location, &folder)?;
                // Of a run that is elsewhere the store tells, which may be read.
                let mut folders = runs.iter().map(|run| location.root.join("runs").join(run.record.id.as_str()));
                is_closed |= folders.any(|folder| folder.exists() && !RunFolder::at(folder).is_public());
                let svg = draw(&run, &runs).map_err(|but| {
                    let (experiment, name, needs) = (&run.record.experiment, picture.name, picture.needs);
                    anyhow::anyhow!("experiment `{experiment}` has no {name} picture: it needs {needs}{but}")
                })?;
                drawn.push((picture, svg));
            }
        }
    }
    let backend = BackendName::chosen(args.model.backend);
    if args.pictures.is_empty() || !of_run.is_empty() {
        let saved = SavedModel::open(&folder)?;
        is_closed |= are_closed(&saved.config.data);
        let Drawn { pictures, notes } = match args.pictures.is_empty() {
            true => draw_all(&saved, backend)?,
            false => draw_named(&saved, &of_run, args.row, backend)?,
        };
        notes.iter().for_each(|note| tell!("note   {note}"));
        drawn.extend(pictures);
    }
    for (picture, svg) in drawn {
        match &args.output {
            Some(path) => {
                to_file(path, &[], |writer| Ok(writer.write_all(svg.as_bytes())?))?;
                say_path(path);
            }
            None => pictures::write(&folder, &picture.stem(), &svg, is_closed)?,
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A run, and all runs of its experiment.
fn experiment_of(location: &Location, folder: &RunFolder) -> anyhow::Result<(Run, Vec<Run>)> {
    let store = Store::open_read_only_at(location)?;
    let run = store.find(&folder.name());
    let run = run.with_context(|| format!("{} has no store of runs", location.root.display()))?;
    let runs = store.runs()?.into_iter().filter(|other| other.record.experiment == run.record.experiment).collect();
    Ok((run, runs))
}
