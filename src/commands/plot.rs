//! `burnlab plot RUN KIND`: draws pictures of a run from its folder.

use std::process::ExitCode;

use anyhow::Context;

use super::output::{say_path, to_file};
use crate::backend::BackendName;
use crate::cli::PlotArgs;
use crate::experiment::pictures::{Draw, draw_all, draw_named};
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
    let mut drawn = Vec::new();
    let mut of_run = Vec::new();
    for &picture in &args.pictures {
        match picture.draw {
            Draw::Run(_) => of_run.push(picture),
            Draw::Experiment(draw) => {
                let (run, runs) = experiment_of(&location, &folder)?;
                let svg = draw(&run, &runs).map_err(|but| {
                    let (experiment, name, needs) = (&run.record.experiment, picture.name, picture.needs);
                    anyhow::anyhow!("experiment `{experiment}` has no {name} picture: it needs {needs}{but}")
                })?;
                drawn.push((picture, svg));
            }
        }
    }
    let backend = BackendName::chosen(args.model.backend);
    if args.pictures.is_empty() {
        drawn.extend(draw_all(&SavedModel::open(&folder)?, backend)?);
    } else if !of_run.is_empty() {
        drawn.extend(draw_named(&SavedModel::open(&folder)?, &of_run, args.row, backend)?);
    }
    for (picture, svg) in drawn {
        let path = match &args.output {
            Some(path) => {
                to_file(path, &[], |writer| Ok(writer.write_all(svg.as_bytes())?))?;
                path.clone()
            }
            None => folder.write_picture(&picture.stem(), &svg)?,
        };
        say_path(&path);
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
