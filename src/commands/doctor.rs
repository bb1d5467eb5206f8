//! `burnlab doctor`: what this build has, what is there to work with, and how to get what is missing.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use crate::backend::BackendName;
use crate::cli::DoctorArgs;
use crate::commands::output::say;
use crate::experiment::{SystemInfo, found_gpus};
use crate::figures::counted;
use crate::postgresql::HAS_POSTGRES;
use crate::tracking::{Location, Store, TrackingError, folder};

/// Bytes that a small run and its rows in the store take.
const LEAST_FREE: u64 = 1 << 20;

/// Cargo features, whether this build has them, and what they add.
fn features() -> [(&'static str, bool, &'static str); 7] {
    let has = |backend| BackendName::compiled().contains(&backend);
    [
        ("flex", has(BackendName::Flex), "the backend burn-flex, on the CPU"),
        ("ndarray", has(BackendName::Ndarray), "the backend burn-ndarray, on the CPU"),
        ("wgpu", has(BackendName::Wgpu), "the backend burn-wgpu, on the GPU"),
        ("postgres", HAS_POSTGRES, "one store for several machines, and tables, on PostgreSQL"),
        ("excel", cfg!(feature = "excel"), "tables from workbooks of Excel and LibreOffice"),
        ("parquet", cfg!(feature = "parquet"), "tables from Parquet and Arrow files"),
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
    say!("GPU       {}", gpus());
    for (name, is_there, adds) in features() {
        match is_there {
            true => say!("has       {name}: {adds}"),
            false => {
                say!("lacks     {name}: {adds}; get it with `cargo install --path . --features {name}` in the sources")
            }
        }
    }
    let (line, is_usable) = match usable(&args.store.location()) {
        Ok(line) => (line, true),
        Err(error) => (format!("{error:#}"), false),
    };
    say!("store     {line}");
    Ok(if is_usable { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Those that the system shows, and whether this build would use them.
fn gpus() -> String {
    let found = found_gpus();
    if found.is_empty() {
        return "none found".to_owned();
    }
    let found = found.join(", ");
    match BackendName::compiled().contains(&BackendName::Wgpu) {
        true => found,
        false => format!("{found}; not used: this build lacks wgpu"),
    }
}

/// What is in the store, and that a training can write there.
fn usable(location: &Location) -> anyhow::Result<String> {
    let root = &location.root;
    // In a folder that is gone files without a name can be made, and nothing else.
    std::env::current_dir().context("the current folder is gone: change to another one")?;
    let store = match Store::open_read_only_at(location) {
        Ok(store) => store,
        // Whether they can be made is seen by making them, which is not for this verb to do.
        Err(TrackingError::NoServerStore { .. }) => {
            return Ok(format!("no tables on {location} yet: the first training makes them, if its role may"));
        }
        Err(TrackingError::NoStore { .. }) => {
            // A relative path ends in the current folder, whose name is the empty one.
            let here =
                |folder: &Path| if folder == Path::new("") { Path::new(".").to_owned() } else { folder.to_owned() };
            let above = root.ancestors().map(here).find(|folder| folder.exists()).unwrap_or_else(|| root.clone());
            check_writable(&above)?;
            return Ok(format!(
                "none in `{}` yet: the first training makes it{}",
                root.display(),
                told(folder::free_space(&above)?)
            ));
        }
        Err(error) => return Err(error.into()),
    };
    let num_runs = store.runs()?.len();
    Store::open_at(location)?;
    let free = folder::free_space(root)?;
    if free < LEAST_FREE {
        return Err(TrackingError::Full { path: root.clone() }.into());
    }
    check_writable(&store.runs_folder())?;
    let (runs, schema) = (counted(num_runs, "run"), store.schema());
    Ok(format!("`{}`: {runs}, schema {schema}, can be written{}", root.display(), told(free)))
}

/// # Errors
/// A folder in which nothing can be made.
fn check_writable(folder: &Path) -> anyhow::Result<()> {
    let shown = format!("`{}`", folder.display());
    anyhow::ensure!(folder.is_dir(), "{shown} is no folder: move it away, or choose another folder with --artifacts");
    // A file without a name, which is gone at once: rights alone do not tell of read-only disks, quotas, and folders that are gone.
    tempfile::tempfile_in(folder).map(drop).map_err(|error| {
        let why = error.to_string();
        let why = why.split(" at path ").next().unwrap_or_default();
        anyhow::anyhow!(
            "nothing can be written in {shown}: {why}; check your permissions there, or choose another folder with --artifacts"
        )
    })?;
    Ok(())
}

/// How many bytes are free on a disk, where the system says it.
fn told(free: u64) -> String {
    if free == u64::MAX { String::new() } else { format!(", {} free on its disk", in_gib(free)) }
}

fn in_gib(bytes: u64) -> String {
    format!("{:.1} GiB", bytes as f64 / f64::from(1u32 << 30))
}
