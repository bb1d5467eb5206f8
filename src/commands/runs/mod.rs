//! `burnlab runs`: recorded runs in the terminal.

pub mod compare;
mod export;
mod list;
mod select;
mod show;
pub mod table;
#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};

use super::output::{CANNOT_WRITE, refuse_other_tables, tell, to_file, to_terminal, without_escapes};
use crate::cli::{ExportFormat, RunsArgs, RunsCommand};
use crate::figures::counted;
use crate::invalid::one_line;
use crate::tracking::{Location, RunId, Store, TrackingError};

/// Runs the verb.
///
/// # Errors
/// One line that says what is wrong and what to do about it.
pub fn run(args: &RunsArgs) -> anyhow::Result<ExitCode> {
    let location = &args.store.location();
    match &args.command {
        RunsCommand::List(options) => print_as(options.json, &list::text(&to_read(location)?, options)?)?,
        RunsCommand::Show { run, json } => print_as(*json, &show::text(&to_read(location)?, run, *json)?)?,
        RunsCommand::Compare { runs, metric, json } => {
            let store = to_read(location)?;
            print_as(*json, &compare::text(&store, runs, metric.as_deref(), *json)?)?
        }
        RunsCommand::Tag { run, changes } => {
            // What follows the run is a tag, the folder of another store too.
            if let Some(change) = changes.iter().find(|change| change.starts_with("--")) {
                bail!("`{change}` would be a tag here; write options before the run");
            }
            tag(&mut writable(location)?, run, changes)?;
        }
        RunsCommand::Note { run, text } => {
            let mut store = writable(location)?;
            let id = store.find(run)?.record.id;
            store.set_note(&id, text)?;
        }
        RunsCommand::Rename { experiment, name, merge } => {
            let mut store = writable(location)?;
            let before = store.ids_of(experiment)?.first().map(|id| store.run(id)).transpose()?;
            let count = counted(store.rename_experiment(experiment, name, *merge)?.len(), "run");
            let before = before.map_or_else(|| experiment.clone(), |run| run.record.experiment);
            // Of two that became one, this would rename both.
            let undo = match merge {
                true => String::new(),
                false => format!("; undo: {}", location.command(&["runs", "rename", name, &before])),
            };
            print(&format!("{before} is now {}: {count}{undo}\n", name.trim()))?;
        }
        RunsCommand::Archive { runs, undo } => {
            let word = if *undo { "back in the list" } else { "archived" };
            each(&mut writable(location)?, runs, |_, _| word.to_owned(), |store, id| store.set_archived(id, !undo))?;
        }
        RunsCommand::Stop { runs } => {
            let store = Store::open_read_only_at(location)?;
            let find = |query: &String| Ok(store.find(query)?.record.id);
            for id in runs.iter().map(find).collect::<Result<Vec<RunId>, TrackingError>>()? {
                store.ask_to_stop(&id)?;
                print(&format!("{id}: asked to stop after its current step\n"))?;
            }
        }
        RunsCommand::Delete { runs } => {
            let restore = location.command(&["runs", "restore"]);
            let word = |store: &Store, id: &RunId| match store.folder(id).exists() {
                true => format!("in the trash (`{restore}` brings it back)"),
                false => "gone for good: its folder was no longer there".to_owned(),
            };
            let mut store = writable(location)?;
            refuse_experiments(&store, runs)?;
            each(&mut store, runs, word, Store::delete)?;
        }
        RunsCommand::Restore { runs } => {
            // The list alone changes nothing.
            let open = if runs.is_empty() { Store::open_read_only_at } else { writable };
            restore(&mut open(location)?, runs)?;
        }
        RunsCommand::Gc { older_than } => {
            let mut store = match writable(location) {
                // What is in the trash is no part of the store, and without it there is room again.
                Err(TrackingError::Full { .. }) => Store::open_read_only_at(location)?,
                store => store?,
            };
            return gc(&mut store, *older_than);
        }
        RunsCommand::Export { format, filter, output } => {
            if matches!(format, ExportFormat::Csv) {
                refuse_other_tables(output.as_deref())?;
            }
            let text = export::text(&to_read(location)?, filter, *format)?;
            match output {
                Some(path) => to_file(path, &[], |file| Ok(file.write_all(text.as_bytes())?))?,
                // A table for other programs: as it is.
                None => write_out(&text)?,
            }
        }
        RunsCommand::Reindex => return reindex(location),
    }
    Ok(ExitCode::SUCCESS)
}

/// Opens the store for changes, but does not create one, since the folder may be misspelled.
fn writable(location: &Location) -> Result<Store, TrackingError> {
    drop(Store::open_read_only_at(location)?);
    Store::open_at(location)
}

/// Prints JSON as it is, anything else for people.
fn print_as(json: bool, text: &str) -> anyhow::Result<()> {
    if json { write_out(text) } else { print(text) }
}

/// Prints for people; see [`without_escapes`].
fn print(text: &str) -> anyhow::Result<()> {
    write_out(&without_escapes(text))
}

/// A closed pipe (`| head`) is not an error.
fn write_out(text: &str) -> anyhow::Result<()> {
    to_terminal(|stdout| Ok(stdout.write_all(text.as_bytes())?)).context(CANNOT_WRITE)
}

fn tag(store: &mut Store, run: &str, changes: &[String]) -> anyhow::Result<()> {
    let (mut add, mut remove) = (Vec::new(), Vec::new());
    for change in changes {
        match change.split_at_checked(1) {
            // Everything after the run is a tag, so that `-tag` needs no quoting.
            Some(("+", tag)) if !tag.is_empty() => add.push(tag.to_owned()),
            Some(("-", tag)) if !tag.is_empty() => remove.push(tag.to_owned()),
            _ => bail!("`{change}` is not a tag change; write `+{change}` to add it, `-{change}` to remove it"),
        }
    }
    let id = store.find(run)?.record.id;
    store.edit_tags(&id, &add, &remove)?;
    print(&format!("{id}: {}\n", store.run(&id)?.record.tags.join(", ")))
}

/// Deleting takes ids, or beginnings of one each: an experiment is many runs, and which of them is meant is not to be
/// guessed.
fn refuse_experiments(store: &Store, queries: &[String]) -> anyhow::Result<()> {
    for query in queries {
        let ids = store.ids_of(query)?;
        if ids.len() > 1 {
            let listed = ids.iter().take(5).map(RunId::to_string).collect::<Vec<_>>().join(", ");
            let more = if ids.len() > 5 { ", ..." } else { "" };
            bail!("`{query}` is an experiment of {} runs, and delete takes their ids: {listed}{more}", ids.len());
        }
    }
    Ok(())
}

/// Finds all runs before changing any, so that a misspelled one changes nothing.
fn each(
    store: &mut Store,
    queries: &[String],
    word: impl Fn(&Store, &RunId) -> String,
    change: impl Fn(&mut Store, &RunId) -> Result<(), TrackingError>,
) -> anyhow::Result<()> {
    let find = |query: &String| Ok(store.find(query)?.record.id);
    let ids = queries.iter().map(find).collect::<Result<Vec<RunId>, TrackingError>>()?;
    for id in ids {
        let word = word(store, &id);
        change(store, &id)?;
        print(&format!("{id}: {word}\n"))?;
    }
    Ok(())
}

fn restore(store: &mut Store, queries: &[String]) -> anyhow::Result<()> {
    if queries.is_empty() {
        let trashed = store.trashed()?.into_iter();
        let row = |record: crate::tracking::RunRecord| {
            let deleted = record.trashed.map(|time| time.to_string()).unwrap_or_default();
            vec![record.id.to_string(), deleted]
        };
        return print(&table::render(
            &["deleted run".to_owned(), "at".to_owned()],
            &trashed.map(row).collect::<Vec<_>>(),
        ));
    }
    let ids = queries.iter().map(|query| store.find_trashed(query)).collect::<Result<Vec<RunId>, _>>()?;
    for id in ids {
        if let Some(closed) = store.restore(&id)? {
            tell!("{closed}");
        }
        print(&format!("{id}: restored\n"))?;
    }
    Ok(())
}

/// The store, with what it missed while others kept it locked, if it can be written now.
fn to_read(location: &Location) -> Result<Store, TrackingError> {
    let store = Store::open_read_only_at(location)?;
    let behind = store.left_behind()?;
    if behind.is_empty() {
        return Ok(store);
    }
    drop(store);
    Store::open_at(location).and_then(|mut store| store.take_over_ends(&behind)).ok();
    Store::open_read_only_at(location)
}

fn gc(store: &mut Store, days: f64) -> anyhow::Result<ExitCode> {
    let age = Duration::try_from_secs_f64(days * 86_400.0);
    let age = age.map_err(|_| anyhow::anyhow!("--older-than {days}: a number of days, 0 or more"))?;
    let found = store.gc(age)?;
    for id in &found.gone {
        print(&format!("{id}: gone\n"))?;
    }
    for (folder, error) in &found.kept {
        tell!("{}", one_line(&format!("left `{}`: {error}", folder.display())));
    }
    let num_left = store.trashed()?.len();
    if num_left > 0 && found.kept.is_empty() {
        let all = store.command(&["runs", "gc", "--older-than", "0"]);
        let left = counted(num_left, "run");
        print(&format!("left in the trash: {left}, deleted less than {days} days ago; `{all}` removes all\n"))?;
    }
    Ok(if found.kept.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn reindex(location: &Location) -> anyhow::Result<ExitCode> {
    if !location.root.join("runs").exists() {
        return Err(TrackingError::NoStore { root: location.root.clone() }.into());
    }
    let mut store = Store::open_at(location)?;
    let found = store.reindex()?;
    store.recover()?;
    if let Some(closed) = &found.closed {
        tell!("{closed}");
    }
    print(&format!("{} with {}\n", counted(found.runs, "run"), counted(found.points, "point")))?;
    for id in &found.dropped {
        print(&format!("{id}: its folder is gone, dropped\n"))?;
    }
    for (folder, error) in &found.skipped {
        // A name of a folder may have line ends.
        tell!("{}", one_line(&format!("skipped `{}`: {error}", folder.display())));
    }
    Ok(if found.skipped.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
