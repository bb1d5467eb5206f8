//! `environment.json`: versions, machine, git, command line, and the data of a run.

use std::path::Path;
use std::sync::{Mutex, OnceLock};
use std::thread::JoinHandle;

use serde::{Deserialize, Serialize};
use sysinfo::System;

use super::git::GitState;
use crate::backend::BackendName;
use crate::bounded;
use crate::config::ConfigOrigin;
use crate::data::{Dataset, Splits};
use crate::secrets;
use crate::threads;

/// Burn's version; Cargo.toml pins it exactly.
const BURN_VERSION: &str = "0.21.0";

/// The environment of the runs that this process trains in the current folder. It is collected on a separate thread,
/// since calling git takes longer than loading a small data set.
pub struct Environment {
    gathering: Mutex<Option<JoinHandle<SystemInfo>>>,
    found: OnceLock<SystemInfo>,
    config: Option<ConfigOrigin>,
}

impl Environment {
    /// Starts collecting.
    pub fn gather(backend: BackendName) -> Self {
        let (gathering, found) = match threads::spawn(move || SystemInfo::of_process(backend)) {
            Ok(gathering) => (Some(gathering), OnceLock::new()),
            // It only takes longer.
            Err(_) => (None, SystemInfo::of_process(backend).into()),
        };
        Self { gathering: Mutex::new(gathering), found, config: None }
    }

    /// With where the config of the runs comes from.
    pub fn with_config(self, config: Option<ConfigOrigin>) -> Self {
        Self { config, ..self }
    }

    /// The content of `environment.json` for a run on these data.
    pub(super) fn with(&self, dataset: &Dataset, splits: &Splits) -> RunEnvironment {
        let system = self.found.get_or_init(|| {
            let gathering = self.gathering.lock().expect("no panic while held").take();
            gathering.expect("taken once").join().expect("gathering does not panic")
        });
        RunEnvironment {
            system: system.clone(),
            config: self.config.clone(),
            dataset: DatasetRecord::new(dataset, splits),
        }
    }
}

/// The content of `environment.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RunEnvironment {
    #[serde(flatten)]
    pub system: SystemInfo,
    /// Where the config comes from; runs of older versions do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<ConfigOrigin>,
    pub dataset: DatasetRecord,
}

/// Versions, machine, git and command line. Files of other versions may lack any of these.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SystemInfo {
    /// burnlab's version.
    pub burnlab: Option<String>,
    pub burn: Option<String>,
    pub rustc: Option<String>,
    /// The build profile, such as `dev, opt-level 3`.
    pub profile: Option<String>,
    pub backend: Option<String>,
    pub machine: Machine,
    /// `None` outside a repository, or without git.
    pub git: Option<GitState>,
    /// Without passwords.
    pub command_line: Vec<String>,
    pub working_folder: Option<String>,
}

/// The machine that a run was trained on.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    pub cpu: Option<String>,
    pub num_cores: Option<usize>,
    pub memory_bytes: u64,
    pub os: Option<String>,
    pub arch: String,
    pub host: Option<String>,
}

/// The data of a run, to detect later changes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct DatasetRecord {
    pub name: String,
    /// SHA-256 over columns, cells and targets, in hexadecimal.
    pub fingerprint: String,
    pub num_rows: usize,
    pub num_train: usize,
    pub num_validation: usize,
    pub num_test: usize,
    #[serde(default)]
    pub notes: Vec<String>,
}

impl DatasetRecord {
    fn new(dataset: &Dataset, splits: &Splits) -> Self {
        Self {
            name: dataset.name.clone(),
            fingerprint: dataset.fingerprint(),
            num_rows: dataset.num_rows(),
            num_train: splits.train.len(),
            num_validation: splits.validation.len(),
            num_test: splits.test.len(),
            notes: dataset.notes.clone(),
        }
    }
}

/// The names of the GPUs that Linux shows, those of NVIDIA's driver in full, others by their makers; of other systems none.
pub fn found_gpus() -> Vec<String> {
    /// Numbers of makers: <https://pcisig.com/membership/member-companies>.
    const MAKERS: [(&str, &str); 4] =
        [("0x10de", "NVIDIA"), ("0x1002", "AMD"), ("0x8086", "Intel"), ("0x106b", "Apple")];
    let entries = |folder: &str| {
        let entries = fs_err::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths
    };
    let small = |path: &Path| String::from_utf8(bounded::read(path, 1 << 16).ok()?).ok();
    let by_driver = entries("/proc/driver/nvidia/gpus").into_iter().filter_map(|gpu| {
        let text = small(&gpu.join("information"))?;
        Some(text.lines().find_map(|line| line.strip_prefix("Model:"))?.trim().to_owned())
    });
    let mut found: Vec<String> = by_driver.collect();
    let nodes = entries("/sys/class/drm").into_iter();
    let nodes = nodes.filter(|node| node.file_name().is_some_and(|name| name.to_string_lossy().starts_with("renderD")));
    for node in nodes {
        let Some(vendor) = small(&node.join("device/vendor")) else { continue };
        match MAKERS.iter().find(|(number, _)| *number == vendor.trim()) {
            Some(("0x10de", _)) if !found.is_empty() => {}
            Some((_, maker)) => found.push(format!("one by {maker}")),
            None => found.push(format!("one by the maker {}", vendor.trim())),
        }
    }
    // In a container the driver's folder may be missing.
    if found.is_empty() && Path::new("/dev/nvidia0").exists() {
        found.push("one by NVIDIA".to_owned());
    }
    found
}

impl SystemInfo {
    /// What can be found out now; git is asked.
    pub fn of_process(backend: BackendName) -> Self {
        let mut system = System::new();
        system.refresh_cpu_all();
        system.refresh_memory();
        Self {
            burnlab: Some(env!("CARGO_PKG_VERSION").to_owned()),
            burn: Some(BURN_VERSION.to_owned()),
            rustc: Some(env!("BURNLAB_RUSTC").to_owned()),
            profile: Some(env!("BURNLAB_PROFILE").to_owned()),
            backend: Some(backend.as_str().to_owned()),
            machine: Machine {
                cpu: system.cpus().first().map(|cpu| cpu.brand().trim().to_owned()),
                num_cores: std::thread::available_parallelism().map(usize::from).ok(),
                memory_bytes: system.total_memory(),
                os: System::long_os_version(),
                arch: std::env::consts::ARCH.to_owned(),
                host: System::host_name(),
            },
            git: GitState::of(Path::new(".")),
            command_line: secrets::command_line(std::env::args_os()),
            working_folder: std::env::current_dir().ok().map(|folder| folder.to_string_lossy().into_owned()),
        }
    }
}
