//! A folder with files, in which the burnlab binary is run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// A folder with files, in which burnlab is run.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_burnlab"));
        command.current_dir(self.folder.path()).args(args).env_remove("CARGO");
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The one run in `artifacts/`.
    pub fn only_run(&self) -> PathBuf {
        let runs: Vec<_> =
            std::fs::read_dir(self.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path()).collect();
        assert_eq!(runs.len(), 1);
        runs.into_iter().next().unwrap()
    }
}

pub fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Copies the files in `from` and its subfolders.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}

/// What SQLite says of the store in `artifacts`.
pub fn integrity(artifacts: &Path) -> String {
    let database = rusqlite::Connection::open(artifacts.join("burnlab.db")).unwrap();
    database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}

/// The last epoch that was printed: from then on the user may count on it.
pub fn told_epoch(output: &Output) -> u64 {
    let out = text(&output.stdout);
    let epochs = out.lines().filter_map(|line| line.trim_start().strip_prefix("epoch ")?.split('/').next());
    epochs.filter_map(|epoch| epoch.trim().parse().ok()).max().unwrap_or(0)
}

/// Sends a signal, such as `TERM`.
#[cfg(unix)]
#[track_caller]
pub fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args(["-s", name, &process.to_string()]).status().unwrap().success());
}
