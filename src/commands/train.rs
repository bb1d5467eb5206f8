//! `burnlab --config FILE`: the main path.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;

use super::output::{say, tell};
use super::progress::{Progress, Style};
use super::signals::interrupter;
use super::{seeds, summary, sweep};
use crate::backend::BackendName;
use crate::cli::TrainArgs;
use crate::config::LoadedConfig;
use crate::experiment::{Environment, TrainOptions, check_repetitions, prepare, train};
use crate::tracking::{Location, network_file_system};

/// Trains, records and evaluates the config in `args`, and prints the results.
///
/// # Errors
/// An invalid config or invalid data; a loss that diverges; a record that cannot be written.
pub fn run(args: &TrainArgs) -> anyhow::Result<ExitCode> {
    anyhow::ensure!(
        cfg!(feature = "tui") || !args.tui,
        "--tui is not in this build; build it in with `cargo run --features tui -- ...`"
    );
    let path = args.config.as_deref().context("--config FILE is missing")?;
    let mut loaded = LoadedConfig::load(path, &args.set)?;
    if let Some(name) = &args.name {
        loaded.config.name.clone_from(name);
    }
    // A name that stands for another file, or for none.
    if !args.quiet && !args.print_id && loaded.shown() != path.display().to_string() {
        say!("config {}", loaded.shown());
    }
    let location = args.store.location();
    warn_of_network(&location);
    loaded.config.seeds = args.seeds.unwrap_or(loaded.config.seeds);
    if loaded.config.sweep.is_some() {
        return sweep::from_config(args, &loaded);
    }
    let backend = BackendName::chosen(args.backend);
    let environment = Environment::gather(backend).with_config(loaded.origin().cloned());
    let prepared = prepare(&loaded.config, &location).map_err(|invalid| loaded.locate(invalid))?;
    let repetitions = loaded.config.repetitions(loaded.config.seeds);
    let checked = check_repetitions(&loaded.config, &prepared.dataset, &repetitions, None);
    checked.map_err(|invalid| loaded.locate(invalid))?;
    let style = Style::chosen(args.quiet || args.tui || repetitions.len() > 1);
    let options = TrainOptions {
        location: &location,
        tags: &args.tag,
        backend,
        environment: &environment,
        observer: Arc::new(Progress::new(style)),
        interrupter: interrupter(),
        tui: args.tui && repetitions.len() == 1,
        sweep: None,
    };
    if repetitions.len() > 1 {
        return seeds::run(args, &prepared, &options, &repetitions);
    }
    let outcome = train(&prepared, &options)?;
    if args.print_id {
        say!("{}", outcome.id);
    }
    let again = summary::again(args, path, loaded);
    Ok(summary::print_outcome(&outcome, &prepared, &again, &location, args.quiet))
}

/// A store in a file is an SQLite database, whose processes must share memory.
fn warn_of_network(location: &Location) {
    if location.server.is_none()
        && let Some(kind) = network_file_system(&location.root)
    {
        tell!(
            "warning: `{}` is on a network file system ({kind}), where its store is safe for one machine at a time: name \
             a local folder with --artifacts, or a PostgreSQL server with --store",
            location.root.display()
        );
    }
}
