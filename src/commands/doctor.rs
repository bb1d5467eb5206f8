//! `burnlab doctor`: what this build has, what is there to work with, and how to get what is missing.

use std::process::ExitCode;

use crate::backend::BackendName;
use crate::cli::DoctorArgs;
use crate::commands::output::say;
use crate::experiment::SystemInfo;
use crate::figures::counted;
use crate::tracking::{HAS_POSTGRES, Location, Store, TrackingError, folder};

/// Bytes that a small run and its rows in the store take.
const LEAST_FREE: u64 = 1 << 20;

/// Cargo features, whether this build has them, and what they add.
fn features() -> [(&'static str, bool, &'static str); 6] {
    let has = |backend| BackendName::compiled().contains(&backend);
    [
        ("flex", has(BackendName::Flex), "the backend burn-flex, on the CPU"),
        ("ndarray", has(BackendName::Ndarray), "the backend burn-ndarray, on the CPU"),
        ("wgpu", has(BackendName::Wgpu), "the backend burn-wgpu, on the GPU"),
        ("postgres", HAS_POSTGRES, "one store for several machines, on PostgreSQL"),
        ("excel", cfg!(feature = "excel"), "tables from Excel workbooks"),
        ("tui", cfg!(feature = "tui"), "the full-screen view of a training, `--tui`"),
    ]
}

/// Prints it; fails if runs cannot be recorded in the store.
///
/// # Errors
/// None: what is wrong is part of what is printed.
pub fn run(args: &DoctorArgs) -> anyhow::Result<ExitCode> {
    let backends: Vec<&str> = BackendName::compiled().into_iter().map(BackendName::as_str).collect();
    let system = SystemInfo::of_process(BackendName::chosen(None));
    let known = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
    let version = env!("CARGO_PKG_VERSION");
    say!("burnlab   {version}, Burn {}, {}", known(&system.burn), known(&system.profile));
    say!("built by  {}", known(&system.rustc));
    let machine = &system.machine;
    let cores = counted(machine.num_cores.unwrap_or(1), "core");
    let memory = in_gib(machine.memory_bytes);
    say!("machine   {}, {}, {cores}, {memory} of memory", known(&machine.os), known(&machine.cpu));
    say!("backends  {}; {} unless --backend names another", backends.join(", "), backends[0]);
    for (name, is_there, adds) in features() {
        match is_there {
            true => say!("has       {name}: {adds}"),
            false => say!("lacks     {name}: {adds}; get it with `cargo install --path . --features {name}`"),
        }
    }
    let location = args.store.location();
    let (line, is_usable) = match usable(&location) {
        Ok(line) => (line, true),
        Err(error) => (error.to_string(), false),
    };
    say!("store     {line}");
    Ok(if is_usable { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is in the store, and that it can be written.
fn usable(location: &Location) -> Result<String, TrackingError> {
    let root = location.root.display();
    let num_runs = match Store::open_read_only_at(location) {
        Ok(store) => store.runs()?.len(),
        Err(TrackingError::NoStore { .. } | TrackingError::NoServerStore { .. }) => {
            return Ok(format!("none in `{root}` yet: the first training makes it"));
        }
        Err(error) => return Err(error),
    };
    Store::open_at(location)?;
    let free = folder::free_space(&location.root)?;
    if free < LEAST_FREE {
        return Err(TrackingError::Full { path: location.root.clone() });
    }
    let free = if free == u64::MAX { String::new() } else { format!(", {} free on its disk", in_gib(free)) };
    Ok(format!("`{root}`: {}, can be written{free}", counted(num_runs, "run")))
}

fn in_gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1u32 << 30))
}
