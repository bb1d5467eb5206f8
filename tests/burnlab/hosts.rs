//! Workers on several hosts: one queue on a PostgreSQL server, each host with its own folder and network.
//!
//! `.ci/postgres start` gives the server for `BURNLAB_POSTGRES`; its client needs `--features postgres`, network
//! namespaces need root.

use std::collections::BTreeSet;
use std::process::{Child, Command, Stdio};

use burnlab::tracking::{Location, Store, Trial, TrialState};

use crate::place::{Place, text};
use crate::sweep::SLOW;

/// A database of one test's own on the server of `BURNLAB_POSTGRES`, dropped with it.
pub struct Database {
    admin: String,
    name: String,
}

impl Database {
    /// `None` without a server or the client.
    pub fn new(name: &str) -> Option<Self> {
        let Some(admin) = std::env::var("BURNLAB_POSTGRES").ok().filter(|_| cfg!(feature = "postgres")) else {
            crate::without_tools::skip("PostgreSQL server in BURNLAB_POSTGRES, and --features postgres");
            return None;
        };
        let database = Self { admin, name: format!("{name}_{}", std::process::id()) };
        database.query(&format!("CREATE DATABASE {}", database.name));
        Some(database)
    }

    fn query(&self, sql: &str) {
        let output = Command::new("psql").args([&self.admin, "-qc", sql]).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }

    /// Its address as a host sees it that reaches the server at `host`.
    fn at(&self, host: &str) -> String {
        let start = self.admin.rfind('/').unwrap();
        self.admin[..start].replace("127.0.0.1", host) + "/" + &self.name
    }

    pub fn url(&self) -> String {
        self.at("127.0.0.1")
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        Command::new("psql")
            .args([&self.admin, "-qc", &format!("DROP DATABASE {} WITH (FORCE)", self.name)])
            .status()
            .ok();
    }
}

/// A host of its own: a network namespace, joined to this one by a wire.
struct Host {
    name: String,
    /// This side's address on the wire.
    gateway: String,
}

impl Host {
    fn new(number: u8) -> Self {
        let name = format!("burnlab{number}");
        let host = Self { gateway: format!("10.77.{number}.1"), name };
        host.remove();
        let (name, inside, outside) = (&host.name, format!("bl{number}in"), format!("bl{number}out"));
        for command in [
            format!("netns add {name}"),
            format!("link add {outside} type veth peer name {inside}"),
            format!("link set {inside} netns {name}"),
            format!("addr add {}/24 dev {outside}", host.gateway),
            format!("link set {outside} up"),
            format!("netns exec {name} ip addr add 10.77.{number}.2/24 dev {inside}"),
            format!("netns exec {name} ip link set {inside} up"),
        ] {
            let output = Command::new("ip").args(command.split(' ')).output().unwrap();
            assert!(output.status.success(), "ip {command}: {}", text(&output.stderr));
        }
        host
    }

    fn remove(&self) {
        Command::new("ip").args(["netns", "del", &self.name]).stderr(Stdio::null()).status().ok();
    }

    /// A worker there, which knows this host's folders and network alone.
    fn work(&self, place: &Place, database: &Database, sweep: &str) -> Child {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, env!("CARGO_BIN_EXE_burnlab"), "sweep", "work", sweep]);
        command.args(["--artifacts", &self.name]).current_dir(place.path(""));
        command.env("BURNLAB_STORE", database.at(&self.gateway)).env("BURNLAB_HOST", &self.name);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Makes a queue of six trials and returns its store's location, the sweep's id and the script for Slurm.
fn emit(place: &Place, database: &Database) -> (Location, String, String) {
    place.write("c.toml", &SLOW.replace("trials = 4", "trials = 6"));
    let mut command = place.command(&["sweep", "emit", "--slurm", "--config", "c.toml", "--workers", "2"]);
    let output = command.env("BURNLAB_STORE", database.url()).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let location = Location { root: place.path("artifacts"), server: Some(database.url()) };
    let sweep = Store::open_read_only_at(&location).unwrap().find_sweep("latest").unwrap();
    (location, sweep.id.to_string(), text(&output.stdout))
}

fn trials(location: &Location, sweep: &str) -> Vec<Trial> {
    Store::open_read_only_at(location).unwrap().trials(&sweep.parse().unwrap()).unwrap()
}

/// Every trial has one result from one run, and no other run counts.
fn assert_each_once(location: &Location, sweep: &str) -> Vec<Trial> {
    let trials = trials(location, sweep);
    assert_eq!(trials.len(), 6);
    assert!(trials.iter().all(|trial| trial.state == TrialState::Finished && trial.runs.len() == 1), "{trials:?}");
    let of_trials: BTreeSet<_> = trials.iter().map(|trial| trial.runs[0].clone()).collect();
    assert_eq!(of_trials.len(), 6);
    let runs = Store::open_read_only_at(location).unwrap().runs().unwrap();
    let counted = runs.into_iter().filter(|run| !run.record.archived).map(|run| run.record.id);
    assert_eq!(counted.collect::<BTreeSet<_>>(), of_trials);
    trials
}

#[test]
fn workers_in_two_networks_share_a_queue_and_one_is_killed() {
    let Some(database) = Database::new("hosts") else { return };
    let place = Place::new();
    let (location, sweep, _) = emit(&place, &database);
    let (one, two) = (Host::new(1), Host::new(2));
    let mut first = one.work(&place, &database, &sweep);
    let second = two.work(&place, &database, &sweep);
    let is_training = |trial: &Trial, host: &str| {
        trial.state == TrialState::Running
            && !trial.runs.is_empty()
            && trial.worker.as_ref().is_some_and(|worker| worker.starts_with(host))
    };
    let victim = loop {
        let trials = trials(&location, &sweep);
        let on = |host: &str| trials.iter().find(|trial| is_training(trial, host)).cloned();
        if let (Some(victim), Some(_)) = (on("burnlab1:"), on("burnlab2:")) {
            break victim;
        }
    };
    // `ip netns exec` becomes the worker.
    first.kill().unwrap();
    first.wait().unwrap();
    let second = second.wait_with_output().unwrap();
    assert!(second.status.success(), "{}", text(&second.stderr));

    let trials = assert_each_once(&location, &sweep);
    let again = &trials[victim.number as usize - 1];
    assert_eq!(again.attempts, 2);
    assert!(again.worker.as_ref().unwrap().starts_with("burnlab2:") && again.runs != victim.runs);
    let lost = Store::open_read_only_at(&location).unwrap().run(&victim.runs[0]).unwrap();
    assert_eq!((lost.record.status.to_string().as_str(), lost.record.archived), ("crashed", true));
    // Each host keeps the folders of what it trained.
    assert!(place.path(&format!("burnlab2/runs/{}/model.safetensors", again.runs[0])).exists());
    // All of it is one list from anywhere.
    let mut list = place.command(&["runs", "list", "--filter", "status = finished"]);
    let list = text(&list.env("BURNLAB_STORE", database.url()).output().unwrap().stdout);
    assert_eq!(list.lines().count(), 7, "{list}");
}

#[test]
fn the_script_for_slurm_works_off_the_queue() {
    let Some(database) = Database::new("slurm") else { return };
    let place = Place::new();
    let (location, sweep, script) = emit(&place, &database);
    assert!(!script.contains(&database.url()), "an address may hold a password");
    place.write("job.sh", &script);
    let job = |task: &str| {
        let mut command = Command::new("bash");
        command.arg("job.sh").current_dir(place.path("")).env("SLURM_CPUS_PER_TASK", "1");
        command.env("SLURM_ARRAY_TASK_ID", task).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    };
    let refused = job("1").env_remove("BURNLAB_STORE").output().unwrap();
    assert!(!refused.status.success() && text(&refused.stderr).contains("set it to the address"), "{refused:?}");
    let jobs = ["1", "2"].map(|task| job(task).env("BURNLAB_STORE", database.url()).spawn().unwrap());
    for job in jobs {
        let output = job.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    assert_each_once(&location, &sweep);
    let mut shown = place.command(&["sweep", "show", "latest"]);
    let shown = text(&shown.env("BURNLAB_STORE", database.url()).output().unwrap().stdout);
    assert!(shown.contains("6 of 6 trials finished"), "{shown}");
}

#[test]
fn a_server_that_cannot_be_reached_is_named_without_its_password() {
    let place = Place::new();
    place.write("c.toml", SLOW);
    let output = place.run(&["--config", "c.toml", "--store", "postgres://me:s3cret@127.0.0.1:9/runs"]);
    let errors = text(&output.stderr);
    let lines: Vec<&str> = errors.lines().collect();
    assert_eq!((output.status.code(), lines.len()), (Some(1), 2), "{errors}");
    assert!(lines[0].starts_with("note: every user of this machine can read the password"), "{errors}");
    assert!(lines[1].contains("127.0.0.1:9") && !errors.contains("s3cret"), "{errors}");
    let output = place.run(&["sweep", "emit", "--slurm", "--config", "c.toml"]);
    assert!(text(&output.stderr).contains("--store postgres://"), "{}", text(&output.stderr));
}

/// Addresses that burnlab does not know are paths to it, and what it says of them is kept in logs.
#[test]
fn no_error_repeats_the_password_of_an_address() {
    let place = Place::new();
    for scheme in ["POSTGRES", "postgre", "mysql", "ftp"] {
        let address = format!("{scheme}://me:s3cret@db.lan/runs");
        place.write("t.toml", &format!("[data]\npath = \"{address}\"\ntarget = \"y\"\n"));
        for verb in [
            &["config", "check", "t.toml"][..],
            &["--config", "t.toml"],
            &["--config", &address],
            &["init", &address],
            &["predict", "t", &address],
            &["evaluate", "t", "--data", &address],
            &["runs", "list", "--artifacts", &address],
            &["config", "show", &address],
        ] {
            let output = place.run(verb);
            let told = text(&output.stderr) + &text(&output.stdout);
            assert!(output.status.code() == Some(1) && !told.contains("s3cret"), "{verb:?}: {told}");
        }
    }
}

/// Every verb that opens the store, named by the option or by the environment.
#[cfg(not(feature = "postgres"))]
#[test]
fn a_build_without_the_client_of_postgresql_tells_how_to_build_it_in() {
    let place = Place::new();
    place.write("c.toml", SLOW);
    let url = "postgres://me:s3cret@db.lan/runs";
    let said = |output: std::process::Output| {
        let errors = text(&output.stderr);
        // A password on the command line gets a note of its own, before the error.
        let lines: Vec<&str> = errors.lines().filter(|line| !line.starts_with("note: ")).collect();
        assert_eq!((output.status.code(), lines.len()), (Some(1), 1), "{errors}");
        assert!(errors.contains("db.lan:5432/runs") && errors.contains("--features postgres"), "{errors}");
        assert!(!errors.contains("s3cret"), "{errors}");
    };
    for verb in [
        &["--config", "c.toml"][..],
        &["runs", "list"],
        &["runs", "reindex"],
        &["sweep", "list"],
        &["sweep", "work", "latest"],
        &["sweep", "emit", "--slurm", "--config", "c.toml"],
        &["evaluate", "latest"],
        &["resume", "latest"],
        &["dashboard", "--port", "0"],
    ] {
        said(place.run(&[verb, &["--store", url]].concat()));
        said(place.command(verb).env("BURNLAB_STORE", url).output().unwrap());
    }
}
