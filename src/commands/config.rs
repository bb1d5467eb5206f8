//! `burnlab config check|schema|render`.

use std::path::Path;
use std::process::ExitCode;

use super::output::say;
use super::train;
use crate::cli::{ConfigCommand, ConfigFile};
use crate::config::{Config, LoadedConfig};

pub fn run(command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Check(ConfigFile { file, set }) => {
            let loaded = LoadedConfig::load(file, set)?;
            let location = Path::new("artifacts").into();
            let prepared = train::prepare(&loaded.config, &location).map_err(|invalid| loaded.locate(invalid))?;
            for line in prepared.describe() {
                say!("{line}");
            }
            say!("{}: ok", file.display());
        }
        ConfigCommand::Schema => say!("{:#}", Config::schema()),
        ConfigCommand::Render(ConfigFile { file, set }) => {
            say!("{}", LoadedConfig::load(file, set)?.config.resolved().to_toml().trim_end());
        }
    }
    Ok(ExitCode::SUCCESS)
}
