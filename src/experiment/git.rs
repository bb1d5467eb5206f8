//! The state of the repository around the current folder, asked of git so that nothing in the repository is run.
//!
//! What somebody sent may hold a `.git` whose settings name programs: git starts them while it looks for changes, unless
//! it is told not to.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::threads;

/// The commit of the working folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GitState {
    pub commit: String,
    /// Whether tracked files differ from the commit; `None` where telling would run a program of the repository's.
    pub dirty: Option<bool>,
}

/// Settings that keep git from starting programs, and from writing.
const QUIET: [&str; 5] = ["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks"];

/// The longest that git may take; of a pipe in the place of one of its files it would wait for ever.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of an answer that are read.
const MOST: u64 = 1 << 20;

impl GitState {
    /// `None` outside a repository or without git.
    pub(super) fn of(folder: &Path) -> Option<Self> {
        let commit = ask(folder, &["rev-parse", "--verify", "HEAD"])?.trim().to_owned();
        let looks = ["status", "--porcelain", "--untracked-files=no", "--ignore-submodules=all"];
        let dirty = is_harmless(folder).then(|| ask(folder, &looks)).flatten().map(|changes| !changes.is_empty());
        Some(Self { commit, dirty })
    }
}

/// Whether the repository itself, which the user may not have made, names no program that [`QUIET`] does not stop.
fn is_harmless(folder: &Path) -> bool {
    let list = ask(folder, &["config", "--list", "--includes", "--show-scope", "--name-only", "-z"]);
    let Some(list) = list.filter(|list| (list.len() as u64) < MOST) else { return false };
    let parts: Vec<&str> = list.split('\0').collect();
    parts.chunks_exact(2).all(|pair| {
        let (scope, key) = (pair[0], pair[1].to_lowercase());
        // What the user has set for all repositories is the user's.
        let is_own = matches!(scope, "system" | "global" | "command");
        // Filters of files, and where to fetch what is missing.
        is_own || !(key.starts_with("filter.") || key.ends_with(".promisor") || key == "extensions.partialclone")
    })
}

/// What git answers; `None` if it fails or takes too long.
fn ask(folder: &Path, args: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(QUIET).args(args).env("GIT_NO_LAZY_FETCH", "1").env("GIT_TERMINAL_PROMPT", "0");
    let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
    let stdout = process.stdout.take()?;
    let reader = threads::spawn(move || {
        let mut bytes = Vec::new();
        stdout.take(MOST).read_to_end(&mut bytes).map(|_| bytes)
    });
    let Ok(reader) = reader else {
        process.kill().ok();
        process.wait().ok();
        return None;
    };
    let end = Instant::now() + PATIENCE;
    let status = loop {
        match process.try_wait() {
            Ok(None) if Instant::now() < end => thread::sleep(Duration::from_millis(2)),
            Ok(Some(status)) => break status,
            _ => {
                process.kill().ok();
                process.wait().ok();
                return None;
            }
        }
    };
    let bytes = reader.join().ok()?.ok()?;
    // More than is read: git could not write the rest.
    let is_whole = status.success() || bytes.len() as u64 == MOST;
    is_whole.then(|| String::from_utf8_lossy(&bytes).into_owned())
}
