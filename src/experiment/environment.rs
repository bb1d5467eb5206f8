//! What surrounds a run: versions, machine, git, command line. Saved as `environment.json`.

use std::path::Path;
use std::process::Command;
use std::sync::{Mutex, OnceLock};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use sysinfo::System;

use crate::backend::BackendName;

/// Burn's version; Cargo.toml pins it exactly.
pub const BURN_VERSION: &str = "0.21.0";

/// The environment of the runs that this process trains in the current folder. It is found out on a thread of its own:
/// asking git takes longer than loading a small data set.
pub struct Environment {
    gathering: Mutex<Option<JoinHandle<Value>>>,
    found: OnceLock<Value>,
}

impl Environment {
    /// Begins to find out.
    pub fn gather(backend: BackendName) -> Self {
        let gathering = std::thread::spawn(move || describe(backend));
        Self { gathering: Mutex::new(Some(gathering)), found: OnceLock::new() }
    }

    /// What was found.
    pub fn get(&self) -> &Value {
        self.found.get_or_init(|| {
            let gathering = self.gathering.lock().expect("no panic while held").take();
            gathering.expect("taken once").join().expect("describe does not panic")
        })
    }
}

fn describe(backend: BackendName) -> Value {
    let mut system = System::new();
    system.refresh_cpu_all();
    system.refresh_memory();
    json!({
        "burnlab": env!("CARGO_PKG_VERSION"),
        "burn": BURN_VERSION,
        "rustc": env!("BURNLAB_RUSTC"),
        "profile": if cfg!(debug_assertions) { "debug" } else { "release" },
        "backend": backend.as_str(),
        "machine": {
            "cpu": system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()),
            "num_cores": std::thread::available_parallelism().map(usize::from).ok(),
            "memory_bytes": system.total_memory(),
            "os": System::long_os_version(),
            "arch": std::env::consts::ARCH,
            "host": System::host_name(),
        },
        "git": git(Path::new(".")),
        "command_line": std::env::args().collect::<Vec<_>>(),
        "working_folder": std::env::current_dir().ok(),
    })
}

/// Commit and whether files differ from it; null outside a repository or without git.
fn git(folder: &Path) -> Value {
    let output = |args: &[&str]| -> Option<String> {
        let output = Command::new("git").arg("-C").arg(folder).args(args).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    match output(&["rev-parse", "HEAD"]) {
        None => Value::Null,
        Some(commit) => {
            let dirty = output(&["status", "--porcelain", "--untracked-files=no"]).map(|changes| !changes.is_empty());
            json!({ "commit": commit, "dirty": dirty })
        }
    }
}
