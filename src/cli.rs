//! The command line: the whole surface of the tool on one screen.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;

use crate::backend::BackendName;

/// Trains neural networks from a TOML file, records every run, and compares them honestly.
#[derive(Debug, Parser)]
#[command(name = "burnlab", version, args_conflicts_with_subcommands = true, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub train: TrainArgs,
}

/// `burnlab --config FILE`: train, record, evaluate.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// The TOML file to run
    #[arg(short, long, value_name = "FILE", required = true)]
    pub config: Option<PathBuf>,
    /// Change a key of the config, such as `training.learning_rate=0.01`; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The experiment to record under, in place of the config's `name`
    #[arg(long)]
    pub name: Option<String>,
    /// A tag of the run; repeatable
    #[arg(long)]
    pub tag: Vec<String>,
    /// The folder of the runs and their database
    #[arg(long, value_name = "DIR", default_value = "artifacts")]
    pub artifacts: PathBuf,
    /// The backend to compute on; by default the fastest that is compiled in
    #[arg(long, value_enum)]
    pub backend: Option<BackendName>,
    /// Print nothing but errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Show burn-train's full-screen view while training (needs `--features tui`)
    #[arg(long, conflicts_with = "quiet")]
    pub tui: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check, describe or write out a config
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Print a completion script for a shell
    Completions { shell: Shell },
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Check a config and its data without training
    Check(ConfigFile),
    /// Print the JSON Schema of the config, for editors
    Schema,
    /// Print the config with every default written out
    Render(ConfigFile),
}

#[derive(Debug, Args)]
pub struct ConfigFile {
    /// The TOML file
    pub file: PathBuf,
    /// Change a key of the config; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}
