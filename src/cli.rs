//! The command line: the whole surface of the tool on one screen.

use std::any::TypeId;
use std::ffi::OsString;
use std::net::IpAddr;
use std::num::ParseIntError;
use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::backend::BackendName;
use crate::experiment::attribution::BACKGROUND;
use crate::experiment::pictures::{PICTURES, Picture};
use crate::shell::{command, quoted};
use crate::shipped;
use crate::tracking::Location;

/// Trains neural networks from a TOML file, records every run, and compares them honestly.
#[derive(Debug, Parser)]
#[command(
    name = "burnlab",
    version,
    subcommand_negates_reqs = true,
    arg_required_else_help = true,
    override_usage = "burnlab [OPTIONS] --config <FILE>\n       burnlab <COMMAND>"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub train: TrainArgs,
}

impl Cli {
    /// The command line in `words`, the name of the program first. Options of training do not go with a verb, except for
    /// those that say where runs are, which may stand before it.
    ///
    /// # Errors
    /// What clap refuses; `--help` and `--version`.
    pub fn of<W: Into<OsString> + Clone>(words: impl IntoIterator<Item = W>) -> Result<Self, clap::Error> {
        let mut command = with_negative_numbers(Self::command());
        let matches = command.try_get_matches_from_mut(words).map_err(|error| with_range(error, &mut command))?;
        if let Some((verb, _)) = matches.subcommand() {
            let is_given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
            let mut of_training = command.get_arguments().filter(|argument| !argument.is_global_set());
            let found = of_training.find(|argument| is_given(argument.get_id().as_str())).map(ToString::to_string);
            drop(of_training);
            if let Some(argument) = found {
                let message = format!("the argument '{argument}' cannot be used with '{verb}'");
                return Err(command.error(ErrorKind::ArgumentConflict, message));
            }
        }
        Self::from_arg_matches(&matches)
    }
}

/// The command whose options for numbers take `-1` for a number, and not for an option, so that its error says what they take.
fn with_negative_numbers(command: clap::Command) -> clap::Command {
    let is_number = |argument: &Arg| {
        let kind = argument.get_value_parser().type_id();
        let numbers =
            [TypeId::of::<usize>(), TypeId::of::<u64>(), TypeId::of::<u32>(), TypeId::of::<u16>(), TypeId::of::<f64>()];
        numbers.iter().any(|number| kind == *number) && !argument.is_positional()
    };
    let may_be_negative =
        |argument: Arg| if is_number(&argument) { argument.allow_negative_numbers(true) } else { argument };
    command.mut_args(may_be_negative).mut_subcommands(with_negative_numbers)
}

/// The error of a number that no `usize` is, with what it may be: Rust says "invalid digit".
fn with_range(error: clap::Error, command: &mut clap::Command) -> clap::Error {
    let is_of_number = std::error::Error::source(&error).is_some_and(|source| source.is::<ParseIntError>());
    match (error.get(ContextKind::InvalidValue), error.get(ContextKind::InvalidArg)) {
        (Some(ContextValue::String(value)), Some(ContextValue::String(argument))) if is_of_number => {
            let message = format!("invalid value '{value}' for '{argument}': it must be a whole number of 0 or more");
            command.error(ErrorKind::ValueValidation, message)
        }
        _ => error,
    }
}

/// The error with a tip: where a config or a table was named as if it were a verb, where a verb has another name elsewhere, and
/// where a key of the config was given as an option.
pub fn with_tip(error: clap::Error) -> clap::Error {
    let words: Vec<String> = std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let text = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.clone()),
        _ => None,
    };
    let tip = match error.kind() {
        ErrorKind::InvalidSubcommand => {
            text(ContextKind::InvalidSubcommand).and_then(|verb| tip_for_verb(&verb, &words))
        }
        ErrorKind::UnknownArgument => text(ContextKind::InvalidArg).and_then(|option| tip_for_option(&option, &words)),
        _ => None,
    };
    let Some(tip) = tip else { return error };
    let mut error = error;
    let mut tips = match error.remove(ContextKind::Suggested) {
        // Of an option: to pass it as a value, which nobody wants.
        Some(ContextValue::StyledStrs(tips)) if error.kind() == ErrorKind::InvalidSubcommand => tips,
        _ => Vec::new(),
    };
    tips.push(tip.into());
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    error
}

/// What other programs call the verbs of burnlab.
const OTHER_VERBS: [(&str, &[&str]); 14] = [
    ("eval", &["evaluate"]),
    ("test", &["evaluate"]),
    ("infer", &["predict"]),
    ("new", &["init"]),
    ("create", &["init"]),
    ("search", &["tune"]),
    ("optimize", &["tune"]),
    ("ui", &["dashboard"]),
    ("list", &["runs", "list"]),
    ("ls", &["runs", "list"]),
    ("show", &["runs", "show"]),
    ("compare", &["runs", "compare"]),
    ("diff", &["runs", "compare"]),
    ("delete", &["runs", "delete"]),
];
/// The same of those of `runs`.
const OTHER_VERBS_OF_RUNS: [(&str, &str); 12] = [
    ("diff", "compare"),
    ("ls", "list"),
    ("rm", "delete"),
    ("remove", "delete"),
    ("mv", "rename"),
    ("info", "show"),
    ("view", "show"),
    ("describe", "show"),
    ("undelete", "restore"),
    ("undo", "restore"),
    ("purge", "gc"),
    ("kill", "stop"),
];

fn tip_for_verb(unknown: &str, words: &[String]) -> Option<String> {
    let word = |i: usize| words.get(i).map(String::as_str);
    if word(0) == Some("runs") && word(1) == Some(unknown) {
        let (_, verb) = OTHER_VERBS_OF_RUNS.iter().find(|(other, _)| *other == unknown)?;
        let rest: Vec<&str> = words[2..].iter().map(String::as_str).collect();
        return Some(format!("write `{}`", command(&[&["runs", verb], &rest[..]].concat())));
    }
    // Not a verb of `sweep` or `config`.
    if word(0) != Some(unknown) {
        return None;
    }
    if let Some((_, verb)) = OTHER_VERBS.iter().find(|(other, _)| *other == unknown) {
        return Some(format!("write `{}`", command(verb)));
    }
    if is_data(Path::new(unknown)) {
        return Some(format!(
            "to write a config for these data, which is then trained, write `{}`",
            command(&["init", unknown])
        ));
    }
    let is_config = |word: &&String| word.ends_with(".toml") || shipped::config(Path::new(word)).is_some();
    let config = words.iter().take(2).find(is_config).map_or("FILE", String::as_str);
    Some(format!("to train what a config describes, write `{}`", command(&["--config", config])))
}

/// Whether it is a file or a folder, and no config by its name.
fn is_data(path: &Path) -> bool {
    path.exists() && path.extension().is_none_or(|extension| extension != "toml")
}

/// What other programs call keys of the config on their command lines.
const OPTIONS: [(&[&str], &str); 14] = [
    (&["epochs", "max-epochs", "num-epochs", "n-epochs"], "training.max_epochs"),
    (&["lr", "learning-rate"], "training.learning_rate"),
    (&["batch-size", "batch", "bs"], "training.batch_size"),
    (&["patience", "early-stopping"], "training.early_stopping.patience"),
    (&["optimizer", "optim"], "training.optimizer"),
    (&["weight-decay", "wd"], "training.weight_decay"),
    (&["loss"], "training.loss"),
    (&["dropout"], "model.dropout"),
    (&["hidden", "layers", "hidden-size"], "model.hidden"),
    (&["model", "kind"], "model.kind"),
    (&["seed"], "seed"),
    (&["target"], "data.target"),
    (&["test-fraction", "test-size"], "data.test_fraction"),
    (&["folds", "cv"], "data.folds"),
];

fn tip_for_option(unknown: &str, words: &[String]) -> Option<String> {
    let name = unknown.trim_start_matches('-').split('=').next()?.replace('_', "-");
    let (_, key) = OPTIONS.iter().find(|(names, _)| names.contains(&&*name))?;
    // Only what takes a config takes its keys.
    let cli = Cli::command();
    let mut verb = &cli;
    for word in words {
        verb = verb.find_subcommand(word).unwrap_or(verb);
    }
    verb.get_arguments().find(|argument| argument.get_id() == "set")?;
    let at = words.iter().position(|word| word == unknown || word.starts_with(&format!("{unknown}=")))?;
    let value = match words[at].split_once('=') {
        Some((_, value)) => Some(value),
        None => words.get(at + 1).map(String::as_str).filter(|value| !value.starts_with('-')),
    };
    let value = match (value, *key) {
        // A list of layers.
        (Some(value), "model.hidden") if !value.starts_with('[') => format!("[{value}]"),
        (value, _) => value.unwrap_or("VALUE").to_owned(),
    };
    Some(format!("it is a key of the config: write `--set {}`", quoted(&format!("{key}={value}"))))
}

/// Where runs are recorded. A verb has it both before and after its name.
#[derive(Debug, Clone, Args)]
pub struct StoreArgs {
    /// The folder of the runs and their database
    #[arg(long, value_name = "DIR", default_value = "artifacts", global = true)]
    pub artifacts: PathBuf,
    /// A PostgreSQL server that stores runs and sweeps instead of DIR/burnlab.db: `postgres://user@host/database`
    #[arg(long = "store", value_name = "URL", env = "BURNLAB_STORE", hide_env_values = true, global = true)]
    pub server: Option<String>,
}

impl StoreArgs {
    pub fn location(&self) -> Location {
        // A variable that is empty is one that is not set.
        let is_unset = |server: &str| server.is_empty() && std::env::var("BURNLAB_STORE").as_deref() == Ok("");
        Location { root: self.artifacts.clone(), server: self.server.clone().filter(|server| !is_unset(server)) }
    }
}

/// `burnlab --config FILE`: train, record, evaluate.
#[derive(Debug, Args)]
pub struct TrainArgs {
    /// The TOML file to run, or the name of a built-in config, such as `digits`
    #[arg(short, long, value_name = "FILE", required = true)]
    pub config: Option<PathBuf>,
    /// Change a key of the config, such as `training.learning_rate=0.01`; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The experiment to record under, instead of the config's `name`
    #[arg(long)]
    pub name: Option<String>,
    /// A tag of the run; repeatable
    #[arg(long)]
    pub tag: Vec<String>,
    #[command(flatten)]
    pub store: StoreArgs,
    /// The backend to compute on; by default the fastest one compiled in
    #[arg(long, value_enum)]
    pub backend: Option<BackendName>,
    /// Train N runs with consecutive seeds, from the config's on; print mean and 95 % interval
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub seeds: Option<u16>,
    /// How many runs of --seeds, folds or a sweep to train at a time; by default one per core
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// Print only the run's id, for scripts
    #[arg(long, hide = true)]
    pub print_id: bool,
    /// Print only errors
    #[arg(short, long)]
    pub quiet: bool,
    /// Show burn-train's full-screen view while training (needs `--features tui`)
    #[arg(long, conflicts_with = "quiet")]
    pub tui: bool,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a config for a data file, with what was found in it
    Init(InitArgs),
    /// Compare runs in a web page
    Dashboard(DashboardArgs),
    /// Learn how neural networks work, in a web page whose networks are trained as you move its sliders
    Learn(DashboardArgs),
    /// List, compare, tag, delete ... recorded runs
    Runs(RunsArgs),
    /// List, resume, or work on sweeps
    #[command(subcommand)]
    Sweep(SweepCommand),
    /// Search for a better config within a time, and say whether it is better
    Tune(TuneArgs),
    /// Draw what a run's network learned as SVG files
    Plot(PlotArgs),
    /// Explain a prediction by the columns of its row, or a model by how its predictions depend on each column
    Explain(ExplainArgs),
    /// Show one step of gradient descent on one row: forward pass, loss, gradients, update, number by number
    ExplainStep(ExplainStepArgs),
    /// Export a run's model for other programs, with a model card
    Export(ExportArgs),
    /// Write one HTML file about one or several runs
    Report(ReportArgs),
    /// Resume a run that was killed or stopped, or train a finished one for more epochs
    Resume(ResumeArgs),
    /// Predict the rows of a CSV file with a run's model
    Predict(PredictArgs),
    /// Evaluate a run's model again on its test rows, or on another file
    Evaluate(EvaluateArgs),
    /// Answer programs by HTTP with runs' models
    Serve(ServeArgs),
    /// Generate text with a run's language model
    Generate(GenerateArgs),
    /// List and print the built-in configs; check a config, or print it with all defaults
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Say what this build has, what is missing and how to get it, and whether runs can be recorded
    Doctor(DoctorArgs),
    /// Print a completion script for a shell
    Completions { shell: Shell },
    /// Write the manual pages of all verbs, for `man`
    Man {
        /// The folder to write to, such as `~/.local/share/man/man1`
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
}

/// `burnlab init DATA`: a config for a file.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// A table with a line of column names, or a text
    pub data: PathBuf,
    /// The column to predict; by default one with a name such as `target` or `label`, else the last
    #[arg(short, long, value_name = "COLUMN")]
    pub target: Option<String>,
    /// Set a key of the new config, such as `data.decimal=","`, or one that says how the data are read; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The config to write, `-` for the terminal; by default the data's name with `.toml`, in this folder
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Verbs over sweeps. A SWEEP is an id, the unique beginning of one, `latest`, or an experiment (its newest sweep).
#[derive(Debug, Subcommand)]
pub enum SweepCommand {
    /// List the sweeps, newest first
    List(SweepListArgs),
    /// Show the best trials of a sweep
    Show(SweepShowArgs),
    /// Resume a sweep that was stopped or killed
    Resume(SweepResumeArgs),
    /// Run one worker, which trains trials until none is left; with --store on any machine
    Work(SweepWorkArgs),
    /// Create a sweep's queue on a server, and write the script of a cluster job that works on it
    Emit(SweepEmitArgs),
}

#[derive(Debug, Args)]
pub struct SweepListArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct SweepShowArgs {
    pub sweep: String,
    /// Show the test results of all trials, not only of the chosen one
    #[arg(long)]
    pub test: bool,
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print JSON, with every trial
    #[arg(long)]
    pub json: bool,
}

#[derive(Debug, Args)]
pub struct SweepResumeArgs {
    pub sweep: String,
    /// Ask the PostgreSQL server for the rows that the record names: it is yours, and no stranger wrote the record
    #[arg(long)]
    pub connect: bool,
    #[command(flatten)]
    pub store: StoreArgs,
    /// Workers on this machine; by default one per core
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// The backend to compute on; by default the fastest one compiled in
    #[arg(long, value_enum)]
    pub backend: Option<BackendName>,
    /// Print only errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct SweepWorkArgs {
    pub sweep: String,
    /// Ask the PostgreSQL server for the rows that the record names: it is yours, and no stranger wrote the record
    #[arg(long)]
    pub connect: bool,
    #[command(flatten)]
    pub store: StoreArgs,
    /// A tag of the runs; repeatable
    #[arg(long)]
    pub tag: Vec<String>,
    /// The backend to compute on; by default the fastest one compiled in
    #[arg(long, value_enum)]
    pub backend: Option<BackendName>,
    /// Train at most N trials
    #[arg(long, value_name = "N", hide = true)]
    pub most: Option<u32>,
    /// Stop when standard input is closed, that is when the parent process ends
    #[arg(long, hide = true)]
    pub child: bool,
}

#[derive(Debug, Args)]
pub struct SweepEmitArgs {
    /// Write a job array for Slurm's sbatch
    #[arg(long, required = true)]
    pub slurm: bool,
    /// The TOML file, or the name of a built-in config, with a `sweep` section
    #[arg(short, long, value_name = "FILE")]
    pub config: PathBuf,
    /// Change a key of the config; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The experiment to record under, instead of the config's `name`
    #[arg(long)]
    pub name: Option<String>,
    #[command(flatten)]
    pub store: StoreArgs,
    /// Parallel jobs, at most one per trial
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..))]
    pub workers: u32,
    /// The script to write, instead of the terminal
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `burnlab tune CONFIG`: an honest search for a better config.
///
/// Trains the config with new seeds, searches around it, and trains the best trial with the same seeds. Every run has the
/// same split: the validation rows choose among the trials, the test rows judge the result. The runs are those of the
/// experiments NAME-default, NAME-search (a sweep) and NAME-tuned.
#[derive(Debug, Args)]
pub struct TuneArgs {
    /// The TOML file, or the name of a built-in config, such as `digits`. A `sweep` section of it is the search; without one,
    /// the keys to search are chosen by the kind of network and the data
    pub config: PathBuf,
    /// Change a key of the config; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
    /// The beginning of the experiments' names, instead of the config's `name`
    #[arg(long)]
    pub name: Option<String>,
    /// The time for all of it, the seeds included
    #[arg(long, value_name = "MINUTES", default_value_t = 10.0)]
    pub minutes: f64,
    /// New seeds of the default and of the best, on which the verdict rests
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(2..))]
    pub seeds: u16,
    /// Search at most N trials
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub trials: Option<u32>,
    #[command(flatten)]
    pub store: StoreArgs,
    /// A tag of the runs; repeatable
    #[arg(long)]
    pub tag: Vec<String>,
    /// How many runs to train at a time; by default one per core
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// The backend to compute on; by default the fastest one compiled in
    #[arg(long, value_enum)]
    pub backend: Option<BackendName>,
    /// Print only the verdict, and errors
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// List the built-in configs with what they show
    List,
    /// Print a built-in config, to save and change it
    Show(ShippedFile),
    /// Check a config and its data without training
    Check(ConfigFile),
    /// Print the JSON Schema of the config, for editors
    Schema,
    /// Print the config with every default written out
    Render(ConfigFile),
}

/// A file that is inside the program.
#[derive(Debug, Args)]
pub struct ShippedFile {
    /// A built-in config, such as `digits`, or a file that one reads, such as `configs/data/titanic.csv`
    #[arg(value_parser = built_in(), hide_possible_values = true)]
    pub name: String,
}

/// Any text, with the built-in configs as suggestions for shells: `config show` names what is similar to an unknown one.
fn built_in() -> impl TypedValueParser<Value = String> {
    #[derive(Clone)]
    struct Names;
    impl TypedValueParser for Names {
        type Value = String;

        fn parse_ref(
            &self,
            command: &clap::Command,
            argument: Option<&clap::Arg>,
            value: &std::ffi::OsStr,
        ) -> Result<String, clap::Error> {
            StringValueParser::new().parse_ref(command, argument, value)
        }

        fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
            Some(Box::new(shipped::configs().map(|config| PossibleValue::new(config.name))))
        }
    }
    Names
}

#[derive(Debug, Args)]
pub struct ConfigFile {
    /// The TOML file, or the name of a built-in config, such as `digits`
    pub file: PathBuf,
    /// Change a key of the config; repeatable
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// `burnlab resume RUN`: continue training.
#[derive(Debug, Args)]
pub struct ResumeArgs {
    /// A run: its id, the unique beginning of one, `latest`, or an experiment (its newest run)
    pub run: String,
    /// Train a finished run up to N epochs in total, as a new run with the old one as its parent
    #[arg(long, value_name = "N")]
    pub epochs: Option<usize>,
    /// Ask the PostgreSQL server for the rows that the record names: it is yours, and no stranger wrote the record
    #[arg(long)]
    pub connect: bool,
    #[command(flatten)]
    pub store: StoreArgs,
    /// Print only errors
    #[arg(short, long)]
    pub quiet: bool,
}

/// Which run's model, and where to compute.
#[derive(Debug, Args)]
pub struct ModelArgs {
    /// A run: its id, the unique beginning of one, `latest`, an experiment (its newest run), or a run's folder
    pub run: String,
    #[command(flatten)]
    pub store: StoreArgs,
    /// The backend to compute on; by default the fastest one compiled in
    #[arg(long, value_enum)]
    pub backend: Option<BackendName>,
}

/// `burnlab predict RUN FILE`: predictions for new rows.
#[derive(Debug, Args)]
pub struct PredictArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Average the predictions of all finished seeds or folds of one config: RUN is their experiment, or any of them
    #[arg(long)]
    pub ensemble: bool,
    /// A table in any format that training reads, with the columns that the model was trained on, in any order, or `-` for
    /// standard input; no target needed. Of images a folder, or one file
    pub input: PathBuf,
    /// The file to write, instead of the terminal; gzipped if its name ends in `.gz`
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Input columns to copy to the output, such as an id; repeatable. A name that holds a comma is given alone, or in quotes
    /// as in a CSV file
    #[arg(long, value_name = "COLUMN,COLUMN")]
    pub keep: Vec<String>,
    /// Add what holds the truth with this probability, such as 0.9: the limits of an interval, or a set of classes, measured on
    /// the validation rows
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub coverage: Option<f64>,
    /// Fail if rows differ from those of training: unknown categories, numbers far out of range, missing cells
    #[arg(long)]
    pub strict: bool,
}

/// `burnlab evaluate RUN`: metrics on rows with a known target.
#[derive(Debug, Args)]
pub struct EvaluateArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Average the predictions of all finished seeds or folds of one config: RUN is their experiment, or any of them
    #[arg(long)]
    pub ensemble: bool,
    /// A CSV file with the model's columns and the target, or a text file for a language model, instead of the run's
    /// own test rows; `-` is standard input
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Write the predictions of each row to this CSV file; gzipped if its name ends in `.gz`
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Fail if rows of the file differ from those of training, or are left out
    #[arg(long)]
    pub strict: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `burnlab generate RUN`: text that continues a prompt.
#[derive(Debug, Args)]
pub struct GenerateArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// The beginning of the text; only characters that occur in the run's text
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true, allow_hyphen_values = true)]
    pub prompt: String,
    /// Characters to generate after the prompt
    #[arg(long, value_name = "N", default_value_t = 300)]
    pub length: usize,
    /// Sampling temperature: 0 = always the most probable character, 1 = the model's own probabilities
    #[arg(long, value_name = "T", default_value_t = 0.8, value_parser = temperature)]
    pub temperature: f64,
    /// Sample only from the K most probable characters
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    pub top_k: Option<u32>,
    /// Seed of the sampling: the same seed generates the same text
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
}

/// `burnlab explain RUN`: why a model predicts what it predicts, by columns.
///
/// With --row, the contribution of each column to the prediction of that row: Shapley values, which add up to the prediction
/// less the mean prediction of the background rows. Without, partial dependence: the mean prediction over the background rows
/// for several cells of a column, with a band over the finished runs of the same config. How training changes the weights
/// is `explain-step`; how much the score falls when a column is shuffled is `plot RUN importance`.
#[derive(Debug, Args)]
pub struct ExplainArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// The row to explain, from 0: of the run's data, as in its predictions.csv, or of --data
    #[arg(long, value_name = "N")]
    pub row: Option<usize>,
    /// Explain a row of this file, by default its first one; no target needed
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// What to explain: a class, a label, a target or a quantile's level; by default what is predicted
    #[arg(long, value_name = "NAME")]
    pub of: Option<String>,
    /// Explain probabilities as log odds, ln(p / (1 - p)): of two classes the network's output itself
    #[arg(long)]
    pub log_odds: bool,
    /// Explain the mean of all seeds or folds of RUN's config, as `predict --ensemble` predicts it
    #[arg(long)]
    pub ensemble: bool,
    /// Of images: the side of the square that is hidden, in pixels; by default a fifth of the shorter side
    #[arg(long, value_name = "PIXELS", value_parser = clap::value_parser!(u16).range(1..))]
    pub patch: Option<u16>,
    /// Training rows that a row is held against, or that dependence is the mean over, at most; drawn with --seed
    #[arg(long, value_name = "N", default_value_t = BACKGROUND, value_parser = clap::value_parser!(u16).range(1..))]
    pub background: u16,
    /// With --row: evaluations of the network, of an ensemble of each, about, by default 30000; more make sampled contributions surer
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000_000))]
    pub evaluations: Option<u32>,
    /// Seed of the background and of what is sampled
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// The file to write, a table or a picture by its ending, .csv or .svg; `-` is the table on standard output; repeatable. By
    /// default the picture goes to `plots/` in the run's folder
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,
}

/// `burnlab explain-step RUN`: one step on one row, in numbers.
///
/// It shows what training does with a row. Which columns a prediction rests on is `explain`.
#[derive(Debug, Args)]
pub struct ExplainStepArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// The row of the run's data, from 0, as in its predictions.csv; by default the first test row
    #[arg(long, value_name = "N")]
    pub row: Option<usize>,
    /// The step size; by default the run's
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub learning_rate: Option<f64>,
}

fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if rate.is_finite() && rate > 0.0 { Ok(rate) } else { Err("it must be above 0, such as 0.01".into()) }
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if share > 0.0 && share < 1.0 { Ok(share) } else { Err("it must be above 0 and below 1, such as 0.9".into()) }
}

fn temperature(text: &str) -> Result<f64, String> {
    let value = text.parse::<f64>().ok().filter(|value| value.is_finite() && *value >= 0.0);
    value.ok_or_else(|| "a temperature is a number of 0 or more".to_owned())
}

/// `burnlab plot RUN KIND`: pictures of a run.
#[derive(Debug, Args)]
pub struct PlotArgs {
    #[command(flatten)]
    pub model: ModelArgs,
    /// Pictures to draw; by default all that the run has
    #[arg(value_parser = picture(), value_name = "KIND")]
    pub pictures: Vec<&'static Picture>,
    /// The test row that `forward-pass`, `attention` and `feature-maps` show: the number in the column `row` of the run's
    /// predictions.csv; by default the first one
    #[arg(long, value_name = "N")]
    pub row: Option<usize>,
    /// The file to write (with one KIND), instead of `plots/KIND.svg` in the run's folder
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The table of pictures as the values of an argument.
fn picture() -> impl TypedValueParser<Value = &'static Picture> {
    let values = PICTURES.iter().map(|picture| PossibleValue::new(picture.name).help(picture.shows));
    PossibleValuesParser::new(values)
        .try_map(|name| Picture::named(&name).ok_or_else(|| format!("no picture `{name}`")))
}

/// `burnlab export RUN`: the model as a file for other programs.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// A run: its id, the unique beginning of one, `latest`, an experiment (its newest run), or a run's folder
    pub run: String,
    #[command(flatten)]
    pub store: StoreArgs,
    /// One ONNX model with the mean of the predictions of all finished seeds or folds of one config: RUN is their experiment,
    /// or any of them
    #[arg(long)]
    pub ensemble: bool,
    /// onnx (default): networks of every kind, with the preprocessing inside; safetensors: the weights, with config and
    /// preprocessing in the metadata; html: a page that works without a network, with a form, a canvas or a prompt to try
    /// the model, of every kind, and its card
    #[arg(long, value_enum)]
    pub format: Option<ModelFormat>,
    /// How an ONNX model keeps its weights: float32, or int8 with a scale for each output, in a quarter of the space, whose
    /// predictions differ a little; what is computed is float32
    #[arg(long, value_enum, default_value_t)]
    pub weights: ModelWeights,
    /// The file to write; by default named after the run, in the current folder. The model card is written next to it,
    /// with `.md` appended
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Formats of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ModelFormat {
    Onnx,
    Safetensors,
    Html,
}

/// How the weights of an exported model are kept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ModelWeights {
    #[default]
    Float32,
    Int8,
}

/// `burnlab report RUN...`: one self-contained HTML file.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// Runs: ids, unique beginnings of ids, `latest`, or experiments (their newest runs)
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<String>,
    #[command(flatten)]
    pub store: StoreArgs,
    /// The file to write [default: report.html]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `burnlab dashboard`: compare runs in a web page.
#[derive(Debug, Args)]
pub struct DashboardArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    /// The port to listen on; the next free one if it is taken. By default 6007; with --allow-remote one that nobody can
    /// know before, where no other user can have prepared your browser
    #[arg(long)]
    pub port: Option<u16>,
    #[command(flatten)]
    pub listen: ListenArgs,
}

/// `burnlab doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    #[command(flatten)]
    pub store: StoreArgs,
}

/// `burnlab serve RUN ...`: predictions by HTTP.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Runs, whose models are served: as for `predict`; the first one also answers `/predict` and `/invocations`, and the first
    /// language model `/generate`, with a text that comes character by character
    #[arg(required = true, value_name = "RUN")]
    pub runs: Vec<String>,
    #[command(flatten)]
    pub store: StoreArgs,
    /// The port to listen on; the next free one if it is taken
    #[arg(long, default_value_t = 8080)]
    pub port: u16,
    #[command(flatten)]
    pub listen: ListenArgs,
    /// Serve newer runs of the experiments as they finish; without it, SIGHUP looks for them
    #[arg(long)]
    pub follow: bool,
    /// Write each request to standard error, as a line of JSON
    #[arg(long)]
    pub access_log: bool,
    /// The backend to compute on; by default the fastest one compiled in
    #[arg(long, value_enum)]
    pub backend: Option<BackendName>,
}

/// Where a server listens, and who may come in.
#[derive(Debug, Args)]
pub struct ListenArgs {
    /// The address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: IpAddr,
    /// Let in who has a token, from other machines as well; the connection is not encrypted. The token is BURNLAB_TOKEN, or
    /// that of --token-file, or else a new one, printed with the address. Where one is given, this machine's other users need
    /// it without this option, too
    #[arg(long)]
    pub allow_remote: bool,
    /// A file with the token, which only you can read: at least 16 letters, digits, `-` or `_`
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Refused, with what to use instead: every user of the machine can read the arguments of a process
    #[arg(long, hide = true, num_args = 0..=1, default_missing_value = "")]
    pub token: Option<String>,
}

/// `burnlab runs`: what was recorded, in the terminal.
#[derive(Debug, Args)]
pub struct RunsArgs {
    #[command(flatten)]
    pub store: StoreArgs,
    #[command(subcommand)]
    pub command: RunsCommand,
}

/// Verbs over recorded runs. A RUN is an id, the unique beginning of one, or `latest`.
#[derive(Debug, Subcommand)]
pub enum RunsCommand {
    /// List the runs, newest first
    List(ListArgs),
    /// Show one run: its params, metrics and files
    Show {
        run: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare runs: the verdict on two configs, the params that differ, and all metrics
    Compare {
        /// Runs, or experiments (their newest runs); runs that differ from them only in the seed count as repetitions
        #[arg(required = true, num_args = 2.., value_name = "RUN")]
        runs: Vec<String>,
        /// The test metric to judge by, such as `test/log_loss`; by default accuracy, R2 or bits per character
        #[arg(long, value_name = "KEY")]
        metric: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add and remove tags: `tag RUN +good -draft`
    Tag {
        run: String,
        /// `+tag` to add, `-tag` to remove
        #[arg(required = true, allow_hyphen_values = true, value_name = "+TAG|-TAG")]
        changes: Vec<String>,
    },
    /// Set the note of a run; an empty text removes it
    Note { run: String, text: String },
    /// Give an experiment another name: that of all its runs, which keep their ids
    Rename {
        experiment: String,
        name: String,
        /// Put its runs together with those of an experiment that has this name
        #[arg(long)]
        merge: bool,
    },
    /// Hide runs from lists without deleting them
    Archive {
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
        /// Show them again
        #[arg(long)]
        undo: bool,
    },
    /// End the training of runs, as Ctrl-C in their terminals would
    Stop {
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
    },
    /// Move runs to the trash
    Delete {
        #[arg(required = true, value_name = "RUN")]
        runs: Vec<String>,
    },
    /// Restore runs from the trash; without a RUN, list what is there
    Restore {
        #[arg(value_name = "RUN")]
        runs: Vec<String>,
    },
    /// Remove for good what has been in the trash for 30 days, or as long as you say
    Gc {
        /// Delete only runs that have been in the trash for at least this many days
        #[arg(long, value_name = "DAYS", default_value_t = 30.0)]
        older_than: f64,
    },
    /// Write all runs as a table, with every param and metric
    Export {
        #[arg(long, value_enum, default_value = "csv")]
        format: ExportFormat,
        /// Only runs that match, such as `test/accuracy > 0.95 and tag = baseline`
        #[arg(long, value_name = "EXPR", default_value = "")]
        filter: String,
        /// The file to write, instead of the terminal
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Rebuild the database from the run folders
    Reindex,
}

/// What to list, and how.
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Only runs that match, such as `test/accuracy > 0.95 and tag = baseline`; a word alone is looked for in names, ids, tags
    /// and notes
    #[arg(long, value_name = "EXPR", default_value = "")]
    pub filter: String,
    /// Sort by a param, a metric (the best first) or a field such as `started`
    #[arg(long, value_name = "KEY")]
    pub sort: Option<String>,
    /// Reverse the order
    #[arg(long)]
    pub reverse: bool,
    /// Columns to show: params, metrics and fields
    #[arg(long, value_name = "KEY,KEY", value_delimiter = ',')]
    pub columns: Vec<String>,
    /// Group runs that differ only in the seed: mean, standard deviation, 95 % interval
    #[arg(long, conflicts_with_all = ["columns", "json"])]
    pub group: bool,
    /// Show at most N runs
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Include archived runs
    #[arg(long)]
    pub archived: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// How to write a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    Csv,
    Json,
}
