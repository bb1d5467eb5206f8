//! `burnlab config check|schema|render`.

use std::path::Path;
use std::process::ExitCode;

use super::output::say;
use crate::cli::{ConfigCommand, ConfigFile};
use crate::config::{Config, LoadedConfig};
use crate::experiment::{describe, prepare, sweep};

pub fn run(command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Check(ConfigFile { file, set }) => {
            let loaded = LoadedConfig::load(file, set)?;
            let location = Path::new("artifacts").into();
            let prepared = prepare(&loaded.config, &location).map_err(|invalid| loaded.locate(invalid))?;
            for line in describe::data(&prepared) {
                say!("{line}");
            }
            if let Some(search) = &loaded.config.sweep {
                let metric = sweep::check(search, &loaded, &prepared, &location);
                let metric = metric.map_err(|invalid| loaded.locate(invalid))?;
                say!("sweep of {} trials, chosen by {metric}", search.num_trials());
            }
            say!("{}: ok", file.display());
        }
        ConfigCommand::Schema => say!("{:#}", Config::schema()),
        ConfigCommand::Render(ConfigFile { file, set }) => {
            say!("{}", LoadedConfig::load(file, set)?.config.resolved_whole().to_toml().trim_end());
        }
    }
    Ok(ExitCode::SUCCESS)
}
