//! `burnlab sweep emit --slurm`: creates a sweep's queue, and a script for the workers on a cluster.

use std::process::ExitCode;

use anyhow::ensure;

use crate::cli::SweepEmitArgs;
use crate::commands::output::{is_stdout, say, tell, to_file};
use crate::config::LoadedConfig;
use crate::data::is_server;
use crate::experiment::sweep::create;
use crate::shell::{quoted, quoted_path};
use crate::tracking::Store;

/// Seconds before a job's time limit at which Slurm asks the worker to stop and return its trial to the queue.
const NOTICE_SECONDS: u32 = 120;

/// Creates the queue on the server and writes the script.
///
/// # Errors
/// An invalid config; no server, without which machines cannot share the queue.
pub fn emit(args: &SweepEmitArgs) -> anyhow::Result<ExitCode> {
    let location = args.store.location();
    ensure!(
        location.server.is_some(),
        "the jobs of a cluster take their trials from one PostgreSQL server: name it with --store postgres://... or \
         BURNLAB_STORE"
    );
    let mut loaded = LoadedConfig::load(&args.config, &args.set)?;
    if let Some(name) = &args.name {
        loaded.config.name.clone_from(name);
    }
    let id = create(&location, &loaded, |line| tell!("{line}"))?;
    let sweep = Store::open_read_only_at(&location)?.find_sweep(id.as_str())?;
    let workers = args.workers.min(sweep.num_trials);
    let program = std::env::current_exe()?;
    let script = script(&Job {
        sweep: id.as_str(),
        experiment: &sweep.experiment,
        workers,
        program: &quoted_path(&program),
        artifacts: &quoted_path(&std::path::absolute(&args.store.artifacts)?),
        connects: loaded.config.data.path.as_deref().is_some_and(is_server),
    });
    match &args.output {
        Some(path) => {
            to_file(path, &[], |file| Ok(file.write_all(script.as_bytes())?))?;
            let script = if is_stdout(path) { String::new() } else { format!(" {}", quoted_path(path)) };
            tell!("sweep {id} waits for its workers: sbatch{script}");
        }
        None => say!("{}", script.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

struct Job<'a> {
    sweep: &'a str,
    experiment: &'a str,
    workers: u32,
    program: &'a str,
    artifacts: &'a str,
    /// Whether the rows are on a server.
    connects: bool,
}

/// One worker per task of the array. It does not contain the server's address, which may include a password.
fn script(job: &Job) -> String {
    let Job { sweep, experiment, workers, program, artifacts, connects } = job;
    let connect = if *connects { " --connect" } else { "" };
    let name = quoted(&crate::tracking::slug(experiment));
    format!(
        r#"#!/bin/bash
#SBATCH --job-name=burnlab-{name}
#SBATCH --array=1-{workers}
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --signal=B:TERM@{NOTICE_SECONDS}
#SBATCH --output=burnlab-%A_%a.log
# Add what your cluster wants: --partition, --time, --mem, --account.
# A worker trains trials until none is left. If stopped early (time limit, scancel), it returns its trial to the queue.
: "${{BURNLAB_STORE:?set it to the address of the PostgreSQL server: postgres://user@host/database}}"
export RAYON_NUM_THREADS="${{SLURM_CPUS_PER_TASK:-1}}"
exec {program} sweep work {sweep}{connect} --artifacts {artifacts}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_is_bash_and_holds_no_address() {
        let of = |connects| {
            let (program, artifacts) = ("/bin/burnlab", "'/a b'");
            script(&Job { sweep: "a-1", experiment: "My Net", workers: 8, program, artifacts, connects })
        };
        let script = of(false);
        assert!(
            script.starts_with("#!/bin/bash\n#SBATCH --job-name=burnlab-my-net\n#SBATCH --array=1-8\n"),
            "{script}"
        );
        assert!(script.ends_with("exec /bin/burnlab sweep work a-1 --artifacts '/a b'\n"), "{script}");
        assert!(!script.contains("postgres://user:"));
        assert!(of(true).ends_with("sweep work a-1 --connect --artifacts '/a b'\n"));
    }
}
