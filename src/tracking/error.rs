//! The error type of `tracking`: each message names the place and the next step.

use std::io;
use std::path::{Path, PathBuf};

use super::location::FILE;
use super::{InvalidMetricKey, InvalidRunId, RunId, Status, TrialState};
use crate::invalid::one_line;
use crate::permissions::kept_by_another;
use crate::postgresql::GET_CLIENT;
use crate::shell::{command_in, program};
use crate::sqlite_file::Unsound;

/// Why something could not be recorded, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum TrackingError {
    /// A file or folder could not be read or written; the I/O error names the path.
    #[error("{0}; {out}", out = way_out(.0))]
    Io(#[from] io::Error),

    /// The file system cannot lock files, so that a crashed run could not be distinguished from a running one.
    #[error(
        "cannot lock `{}`: {source}; run locks need a local disk: choose another folder with --artifacts",
        path.display()
    )]
    Lock { path: PathBuf, source: io::Error },

    /// There is no `burnlab.db` in the folder.
    #[error(
        "no runs recorded in `{}`: train something first ({program} --config FILE), name the right folder with \
         --artifacts, or rebuild the store from run folders with `{program} runs reindex`",
        root.display(),
        program = program()
    )]
    NoStore { root: PathBuf },

    /// The file has no tables, though there are runs.
    #[error(
        "`{}` is empty, though there are run folders beside it: rebuild it with `{} runs reindex`",
        path.display(),
        program()
    )]
    EmptyStore { path: PathBuf },

    /// The file is not a database of burnlab.
    #[error("`{}` is not a burnlab store; move it away, then run `{} runs reindex`", path.display(), program())]
    NotAStore { path: PathBuf },

    /// The store was written by a newer burnlab.
    #[error(
        "`{}` has schema {found}, written by a newer burnlab (this one knows up to {supported}): update burnlab, or \
         move the file away and run `{} runs reindex`",
        path.display(),
        program()
    )]
    SchemaTooNew { path: PathBuf, found: i64, supported: i64 },

    /// A link, a pipe or the like stands where burnlab keeps a file or folder of its own.
    #[error(
        "`{}` is no {kind} but a link, a pipe or the like, and what it leads to may belong to others; move it away, or \
         name the artifacts folder that it leads to with --artifacts",
        path.display()
    )]
    NotOwn { path: PathBuf, kind: &'static str },

    /// Only what is being trained can be stopped.
    #[error("run `{id}` is not being trained, it is {shown}: there is nothing to stop")]
    NotTraining { id: RunId, shown: String },

    /// A run folder or a store that another user can open to everybody.
    #[error(
        "`{}` belongs to another user, who could read there what is written of your data, which are closed to others: use \
         artifacts of your own (--artifacts), and copy into them what you want to go on with",
        path.display()
    )]
    OthersFolder { path: PathBuf },
    /// A folder has taken the place of the one that a run writes into.
    #[error(
        "`{}` is no longer the folder that the run began in: that was moved, exchanged or removed while it trained; one \
         that was moved has what the run wrote: move it back, and resume the run",
        .path.display()
    )]
    Exchanged { path: PathBuf },

    /// A result of a run has been changed since its training ended.
    #[error(
        "`{}` is not what training wrote, by the sum in SHA256SUMS beside it: restore it, or remove its line there if the \
         change is meant",
        .path.display()
    )]
    Altered { path: PathBuf },

    /// Something has the name of a run in the trash already.
    #[error("`{}` is there already{}: move it away, then delete the run again", .path.display(), whose(.path))]
    InTheWay { path: PathBuf },

    /// What stands beside the store keeps it from being opened.
    #[error("{0}, or choose another folder with --artifacts")]
    Unsound(#[from] Unsound),

    /// A store that could be read without locks alone, since they are files beside it.
    #[error("`{}` was changed by another process while it was read: try again", path.display())]
    Changed { path: PathBuf },

    /// Another process keeps the file from being opened at all.
    #[error("another process holds `{}` and lets nobody else open it; end that process or try again", path.display())]
    Held { path: PathBuf },

    /// Another process held the store's write lock for longer than the time-out.
    #[error("`{}` stayed locked by another process for {seconds} s; end that process or try again", path.display())]
    Busy { path: PathBuf, seconds: u64 },

    /// The store cannot be written, or was opened for reading only.
    #[error(
        "`{}`{} cannot be written; check your permissions there, or choose another folder with --artifacts",
        path.display(),
        whose(path)
    )]
    ReadOnly { path: PathBuf },

    /// The store is of somebody else, and closed to this user.
    #[error("`{}` belongs to {owner}, and may not be read by you; choose another folder with --artifacts", path.display())]
    Unreadable { path: PathBuf, owner: String },

    /// No more files can be opened.
    #[error("`{}` cannot be opened: this process may have no more files open; raise the limit (ulimit -n)", path.display())]
    TooManyOpen { path: PathBuf },

    /// SQLite has a limit of its own.
    #[error(
        "`{}` cannot be opened: its path has {length} bytes, more than SQLite takes; choose another folder with --artifacts",
        path.display()
    )]
    PathTooLong { path: PathBuf, length: usize },

    /// There is no room for a copy.
    #[error("{0}; free some space in the temporary folder, or name another one in the environment variable TMPDIR")]
    Temporary(io::Error),

    /// There is no room on the disk of the store.
    #[error(
        "`{}`: the disk is full; make room there (`{}` empties the trash), or choose another \
         folder with --artifacts",
        path.display(),
        emptied(path)
    )]
    Full { path: PathBuf },

    /// The disk of the store failed.
    #[error("`{}`: {problem}; check the disk and its free space, or choose another folder with --artifacts", path.display())]
    Disk { path: PathBuf, problem: &'static str },

    /// A file may not become as large as the store, or what is kept beside it, must be.
    #[error(
        "`{}` cannot be used: no file of this process may have more than {} KiB, and its files need more; raise the limit \
         (ulimit -f)",
        path.display(),
        most >> 10
    )]
    FilesLimited { path: PathBuf, most: u64 },

    /// Any other SQLite error.
    #[error(
        "`{}`: {source}; if the file is damaged, move it away and run `{} runs reindex`",
        path.display(),
        program()
    )]
    Sql { path: PathBuf, source: Box<rusqlite::Error> },

    /// A store on a PostgreSQL server, in a build without the feature `postgres`.
    #[error("the store at {server} {}", GET_CLIENT)]
    NoPostgres { server: String },

    /// The PostgreSQL server cannot be reached, or was away for too long.
    #[error(
        "cannot reach PostgreSQL at {server}: {problem}; check that it is running and that this host can reach its port"
    )]
    Unreachable { server: String, problem: String },

    /// The server refuses this user, or does not have the database.
    #[error(
        "PostgreSQL at {server} refused the connection: {problem}; check user and database in the store's address, \
         and the password there or in PGPASSWORD"
    )]
    Refused { server: String, problem: String },

    /// The database has no tables of burnlab.
    #[error("no runs recorded at PostgreSQL {server}: train something first ({} --config FILE)", program())]
    NoServerStore { server: String },

    /// The tables were created by a newer burnlab.
    #[error(
        "PostgreSQL at {server} has schema {found}, written by a newer burnlab (this one knows up to {supported}): \
         update burnlab"
    )]
    ServerTooNew { server: String, found: i64, supported: i64 },

    /// The run was trained on another host, which has its folder.
    #[error("the files of run `{id}` are at `{home}`: {action} there")]
    Elsewhere { id: RunId, home: String, action: &'static str },

    /// The user lacks a privilege on the tables or may not create them.
    #[error(
        "PostgreSQL at {server}: {problem}; let its administrator grant the privilege, or name a schema that you own: \
         search_path=NAME in the store's address"
    )]
    Denied { server: String, problem: String },

    /// Any other PostgreSQL error.
    #[error("PostgreSQL at {server}: {problem}; see the server's log")]
    Statement { server: String, problem: String },

    /// An address that is not valid. It is not repeated, since it may contain a password.
    #[error(
        "the store's address (--store or BURNLAB_STORE) is not valid: {problem}; write postgres://user@host/database"
    )]
    InvalidServer { problem: String },

    /// A file of a run folder has content that burnlab did not write.
    #[error("`{}`{}: {problem}; correct it or delete the run", path.display(), at_line(*line))]
    Damaged { path: PathBuf, line: Option<usize>, problem: String },

    /// The store's rows of a run cannot be read.
    #[error("`{}`: the rows of run `{id}` are damaged; `{} runs reindex` writes them anew from its folder", path.display(), program())]
    DamagedRow { path: PathBuf, id: RunId },

    /// No run matches the id or prefix.
    #[error("no run `{query}`; {hint}")]
    NoSuchRun { query: String, hint: String },

    /// Several runs match the prefix.
    #[error("`{query}` is the beginning of {count} runs ({}); give more characters", candidates.join(", "))]
    AmbiguousRun { query: String, count: usize, candidates: Vec<String> },

    /// No run is of this experiment.
    #[error("no experiment `{query}`; `{} runs list --columns experiment` shows them", program())]
    NoSuchExperiment { query: String },

    /// Several experiments have such a name, but for capitals and signs.
    #[error("`{query}` may be any of the experiments {}: write its name as it is there", quoted(names))]
    AmbiguousExperiment { query: String, names: Vec<String> },

    /// What was given is no name.
    #[error("an experiment's name has 1 to {most} characters, on one line")]
    InvalidExperiment { most: usize },

    /// Another experiment has the name already.
    #[error("experiment `{name}` has runs already ({runs}): choose another name, or put both together with `{merge}`")]
    ExperimentExists { name: String, runs: usize, merge: String },

    /// No sweep matches the id, prefix or experiment.
    #[error("no sweep `{query}`; `{} sweep list` shows them", program())]
    NoSuchSweep { query: String },

    /// Several sweeps match the prefix.
    #[error("`{query}` is the beginning of {count} sweeps ({}); give more characters", candidates.join(", "))]
    AmbiguousSweep { query: String, count: usize, candidates: Vec<String> },

    /// Text that is not a run id.
    #[error(transparent)]
    InvalidRunId(#[from] InvalidRunId),

    /// Text that is not a metric key.
    #[error(transparent)]
    InvalidMetricKey(#[from] InvalidMetricKey),

    /// Something was to be chosen by a metric of which neither direction is better.
    #[error(
        "whether a higher or a lower `{key}` is better is not known to this burnlab: choose by one of its own metrics, \
         such as validation/loss, or update burnlab"
    )]
    NoDirection { key: String },

    /// Runs were to be compared by something that they do not have in common.
    #[error("the runs cannot be compared by `{asked}`: {}", choose(known))]
    NotCompared { asked: String, known: Vec<String> },

    /// A name that cannot be a file of a run, or one of the files that tracking writes itself.
    #[error(
        "`{name}` cannot name a run's file: use a-z, A-Z, 0-9, `.`, `_`, `-`, and no name that burnlab writes itself"
    )]
    InvalidFileName { name: String },

    /// A point with a time that is negative or not finite.
    #[error("point `{key}` of epoch {epoch} has time {time}: seconds since the run's start must be finite and >= 0")]
    InvalidTime { key: String, epoch: u64, time: f64 },

    /// The run has this point already; nothing of the call was recorded.
    #[error("run `{id}` already has `{key}` for epoch {epoch}, step {step}; log each point once")]
    DuplicatePoint { id: RunId, key: String, epoch: u64, step: u64 },

    /// A run can only end in a final status.
    #[error("a run cannot end as `{status}`; use finished, interrupted or failed")]
    NotFinal { status: Status },

    /// A trial can only end in a final state.
    #[error("a trial cannot end as `{state}`; use finished, stopped or failed")]
    NoResult { state: TrialState },

    /// A row of a sweep has content that burnlab did not write.
    #[error("the store has a damaged sweep: {problem}; start a new sweep")]
    DamagedSweep { problem: String },

    /// The run is still training.
    #[error("run `{id}` is still training: a process holds the file `lock` in its folder; stop that one first")]
    Active { id: RunId },

    /// A run cannot be restored over another of the same id.
    #[error("run `{id}` is already in `runs`; nothing to restore")]
    Exists { id: RunId },
}

impl TrackingError {
    pub(super) fn damaged(path: &Path, problem: impl ToString) -> Self {
        Self::Damaged { path: path.to_path_buf(), line: None, problem: one_line(&problem.to_string()) }
    }
}

/// What to do about an error that the system reports.
fn way_out(error: &io::Error) -> &'static str {
    // The number is in the text alone of an error that names its file.
    let text = error.to_string();
    let is = |number: u32| cfg!(unix) && text.ends_with(&format!("(os error {number})"));
    match () {
        // ENFILE, EMFILE, EFBIG
        () if is(23) || is(24) => "raise the limit on open files (ulimit -n)",
        () if is(27) => "raise the limit on the size of files (ulimit -f)",
        () => "check the disk space and your permissions there, or choose another folder with --artifacts",
    }
}

fn choose(known: &[String]) -> String {
    match known {
        [] => "they have no test metric in common".to_owned(),
        known => format!("choose one of {}", known.join(", ")),
    }
}

impl TrackingError {
    /// What is wrong, where it is of others' doing, who lock a store or let a server stop, and may be over later.
    pub(crate) fn of_others(&self) -> Option<String> {
        match self {
            Self::Busy { path, .. } | Self::Held { path } => {
                Some(format!("`{}` is kept locked by another process", path.display()))
            }
            Self::Unreachable { server, problem } => Some(format!("the server {server} cannot be reached ({problem})")),
            _ => None,
        }
    }
}

/// The command that empties the trash of a store, by its folder or the database in it.
fn emptied(path: &Path) -> String {
    let root = if path.ends_with(FILE) { path.parent().unwrap_or(path) } else { path };
    command_in(root, &["runs", "gc", "--older-than", "0"])
}

/// Whose a file is, if another user's.
fn whose(path: &Path) -> String {
    kept_by_another(path).map_or_else(String::new, |owner| format!(", which belongs to {owner},"))
}

/// Names as a list.
fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

fn at_line(line: Option<usize>) -> String {
    line.map(|line| format!(", line {line}")).unwrap_or_default()
}
