//! `burnlab config list|show|check|schema|render`.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use super::hints::Subject;
use super::output::{say, to_terminal};
use super::summary::print_hints;
use crate::cli::{ConfigCommand, ConfigFile, ShippedFile};
use crate::config::{Config, LoadedConfig};
use crate::data;
use crate::experiment::{check_repetitions, completed, describe, prepare, sweep};
use crate::figures::counted;
use crate::invalid::nearest;
use crate::shell::{command, program};
use crate::shipped;

pub fn run(command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::List => list(),
        ConfigCommand::Show(ShippedFile { name }) => {
            let content = content(name)?;
            to_terminal(|writer| Ok(writer.write_all(&content)?))?;
        }
        ConfigCommand::Check(file) => check(file)?,
        ConfigCommand::Schema => say!("{:#}", Config::schema()),
        ConfigCommand::Render(ConfigFile { file, set }) => {
            let loaded = LoadedConfig::load(file, set)?;
            let mut config = loaded.config.clone();
            let cache = config.data.cache.clone();
            if data::cache_left_to_training(&config.data).is_some() {
                config.data.cache = None;
            }
            let mut complete = completed(&config).map_err(|invalid| loaded.locate(invalid))?;
            complete.data.cache = cache;
            say!("{}", complete.resolved_whole().to_short_toml().trim_end());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A line per built-in config, and how to use them.
fn list() {
    let width = shipped::configs().map(|config| config.name.len()).max().unwrap_or(0);
    for config in shipped::configs() {
        say!("{:<width$}  {}", config.name, config.shows());
    }
    say!("\ntrain one   {}", command(&["--config", "digits"]));
    say!("change one  {} > my.toml", command(&["config", "show", "digits"]));
}

/// The content of a built-in file. The commands in a config's comments start the program as it was started now.
fn content(name: &str) -> anyhow::Result<Vec<u8>> {
    if let Some(config) = shipped::config(Path::new(name)) {
        return Ok(config.text.replace("cargo run -- ", &format!("{} ", program())).into_bytes());
    }
    let file = shipped::file(Path::new(name));
    file.map(<[u8]>::to_vec).with_context(|| {
        let guess = match nearest(name, shipped::configs().map(|config| config.name)) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => ";".to_owned(),
        };
        format!("there is no built-in config `{name}`{guess} `{}` lists them", command(&["config", "list"]))
    })
}

fn check(ConfigFile { file, set }: &ConfigFile) -> anyhow::Result<()> {
    let mut loaded = LoadedConfig::load(file, set)?;
    let cache = data::cache_left_to_training(&loaded.config.data).map(|place| format!("the cache {}", place.display()));
    if cache.is_some() {
        loaded = loaded.with(&["data.cache=false".to_owned()])?;
    }
    let location = Path::new("artifacts").into();
    let prepared = prepare(&loaded.config, &location).map_err(|mut invalid| {
        if let Some(cache) = &cache {
            invalid.message += &format!(" ({cache} is made by training alone, and was not used)");
        }
        loaded.locate(invalid)
    })?;
    let repetitions = loaded.config.repetitions(loaded.config.seeds);
    let checked = check_repetitions(&loaded.config, &prepared.dataset, &repetitions, None);
    checked.map_err(|invalid| loaded.locate(invalid))?;
    let sweep = match &loaded.config.sweep {
        None => None,
        Some(search) => {
            let metric = sweep::check(search, &loaded, &prepared, &location);
            let metric = metric.map_err(|invalid| loaded.locate(invalid))?;
            Some(format!("sweep  {}, chosen by {metric}", counted(search.num_trials(), "trial")))
        }
    };
    say!("{}: ok", loaded.shown());
    say!("goal   {}", describe::goal(&prepared));
    let made =
        cache.map(|cache| format!("note: {cache} was not made here: training makes it, and reads the table from it"));
    say!("data   {}", describe::data(&prepared).into_iter().chain(made).collect::<Vec<_>>().join("\n       "));
    say!("model  {}", describe::model(&prepared));
    sweep.iter().for_each(|sweep| say!("{sweep}"));
    let name = file.display().to_string();
    let sets = set.iter().flat_map(|set| ["--set", set]);
    let again = command(&["--config", &name].into_iter().chain(sets).collect::<Vec<_>>());
    print_hints(&Subject {
        prepared: &prepared,
        loaded: Some(&loaded),
        file: &name,
        location: &location,
        again: &again,
        is_sweep: sweep.is_some(),
        trained: None,
    });
    Ok(())
}
