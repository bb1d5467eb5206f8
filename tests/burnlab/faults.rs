//! A disk that fails at each call that changes a file, one after the other, and a kill in each: what is left behind.
//!
//! `tests/faults/disk.c`, preloaded into burnlab, counts those calls (SQLite's too) and lets one of them fail. Each
//! test repeats its commands with the fault at the first call, the second, ... until they end without having met it.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use std::thread;

use burnlab::tracking::{MetricKey, Run, Shown, Status, Store, read_points};

use crate::place::{Place, copy_folder, integrity, text, told_epoch};
use crate::served::Served;
use crate::sweep::assert_each_once;

/// The shared page: how many calls there were, whether one met the fault, and which.
const STATE: usize = 4112;

#[derive(Clone, Copy, Debug)]
enum Fault {
    /// One call fails, with this error number; the next one works.
    Once(i32),
    /// The disk is full from then on, half-way through a write.
    Full,
    /// The process is killed, half-way through a write.
    Kill,
}

const EIO: i32 = 5;
const EACCES: i32 = 13;
const ENOSPC: i32 = 28;
const FAULTS: [Fault; 4] = [Fault::Once(EIO), Fault::Once(EACCES), Fault::Full, Fault::Kill];

impl Fault {
    fn is_kill(self) -> bool {
        matches!(self, Self::Kill)
    }
}

/// The library that makes the disk fail.
static DISK: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Rust itself links with `cc`, so it is there. The process id keeps two runs of the tests apart.
    let library = folder.join(format!("disk-{}.so", std::process::id()));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults/disk.c");
    let compiled = Command::new("cc")
        .args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .output()
        .unwrap();
    assert!(compiled.status.success(), "{}", text(&compiled.stderr));
    library
});

/// What makes the disk of a command fail, and sees whether it did.
struct Trap {
    state: tempfile::NamedTempFile,
}

impl Trap {
    /// Has `command`, which runs in `place`, and the processes that it starts, meet `fault` at their `at`-th call.
    fn set(place: &Place, command: &mut Command, fault: Fault, at: usize) -> Self {
        let state = tempfile::NamedTempFile::new().unwrap();
        state.as_file().set_len(STATE as u64).unwrap();
        let fault = match fault {
            Fault::Once(number) => format!("once:{number}"),
            Fault::Full => format!("stay:{ENOSPC}"),
            Fault::Kill => "kill".to_owned(),
        };
        command
            .env("LD_PRELOAD", &*DISK)
            .env("FAULT", fault)
            .env("FAULT_AT", at.to_string())
            .env("FAULT_ROOT", place.path("").canonicalize().unwrap())
            .env("FAULT_STATE", state.path());
        Self { state }
    }

    /// The call that met the fault, such as `fsync /tmp/.tmpX/artifacts/burnlab.db`; `None` if there were fewer calls.
    fn met(&self) -> Option<String> {
        let page = std::fs::read(self.state.path()).unwrap();
        let calls = u64::from_ne_bytes(page[..8].try_into().unwrap());
        assert!(calls > 0, "the library is not in the way");
        let what: Vec<u8> = page[16..].iter().copied().take_while(|&byte| byte != 0).collect();
        (page[8] != 0).then(|| text(&what))
    }
}

/// What a command did on the failing disk.
struct Struck {
    output: Output,
    call: String,
}

/// Runs `args` in `place` with the fault at the `at`-th call; `None` if there were fewer.
fn strike(place: &Place, args: &[&str], fault: Fault, at: usize) -> Option<Struck> {
    let mut command = place.command(args);
    let trap = Trap::set(place, &mut command, fault, at);
    let output = command.output().unwrap();
    trap.met().map(|call| Struck { output, call })
}

/// Calls `round` with 1, 2, ... on both cores until one says that its fault was not met; says how many were.
///
/// All are tried before the test fails: what breaks at which calls is what tells the cause.
#[track_caller]
fn until_none_is_met(round: impl Fn(usize) -> bool + Sync) -> usize {
    let (next, first_unmet) = (AtomicUsize::new(1), AtomicUsize::new(usize::MAX));
    let broken = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= first_unmet.load(Ordering::Relaxed) {
                        break;
                    }
                    match catch_unwind(AssertUnwindSafe(|| round(at))) {
                        Ok(true) => {}
                        Ok(false) => _ = first_unmet.fetch_min(at, Ordering::Relaxed),
                        Err(_) => _ = broken.lock().unwrap().insert(at),
                    }
                }
            });
        }
    });
    let (broken, met) = (broken.into_inner().unwrap(), first_unmet.into_inner() - 1);
    assert!(broken.is_empty(), "{} of {met} rounds are broken, see above: {broken:?}", broken.len());
    met
}

/// What the user is told: one line that names the error, and never a panic.
#[track_caller]
fn assert_told(fault: Fault, struck: &Struck) {
    let (out, errors) = (text(&struck.output.stdout), text(&struck.output.stderr));
    let context = format!("{fault:?} in {}\n{out}{errors}", struck.call);
    assert!(!errors.contains("panicked"), "{context}");
    match struck.output.status.code() {
        None => assert!(fault.is_kill(), "{context}"),
        Some(0) => {}
        Some(1) => {
            // `runs gc` goes on with the others.
            let begins = ["error: ", "left "];
            let lines: Vec<&str> =
                errors.lines().filter(|line| begins.iter().any(|begin| line.starts_with(begin))).collect();
            assert_eq!(lines.len(), 1, "{context}");
            assert!(errors.lines().count() == 1, "{context}");
        }
        Some(other) => panic!("exit code {other}: {context}"),
    }
}

/// The points of a run without their times, which differ from run to run.
fn curve(folder: &Path) -> BTreeSet<(String, u64, u64, u64)> {
    let mut points = read_points(folder).unwrap();
    points.retain(|point| point.key.as_str() != "train/seconds");
    points.into_iter().map(|point| (point.key.to_string(), point.epoch, point.step, point.value.to_bits())).collect()
}

/// The store says of a run what its folder says.
#[track_caller]
fn assert_store_has(store: &Store, run: &Run, context: &str) {
    let folder = store.folder(&run.record.id);
    let mut stored = BTreeSet::new();
    for key in run.metrics.keys().filter(|key| key.as_str() != "train/seconds") {
        for sample in store.series(&run.record.id, key).unwrap() {
            stored.insert((key.to_string(), sample.epoch, sample.step, sample.value.to_bits()));
        }
    }
    assert!(stored == curve(&folder), "store and metrics.csv differ: {context}");
    let record = serde_json::from_slice(&std::fs::read(folder.join("run.json")).unwrap()).unwrap();
    assert_eq!(run.record, record, "{context}");
}

/// The files of a run that must be whole whenever they are there.
fn whole_files(folder: &Path) -> BTreeMap<&'static str, Vec<u8>> {
    ["model.safetensors", "preprocessing.json", "evaluation.json", "predictions.csv"]
        .into_iter()
        .filter_map(|name| Some((name, std::fs::read(folder.join(name)).ok()?)))
        .collect()
}

fn leftovers(folder: &Path) -> Vec<String> {
    let names = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with('.')).collect()
}

// ---------------------------------------------------------------------------------------------------------------------
// Training

const CONFIG: &str = "[data]\nsource = \"iris\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 3\n\
                      batch_size = 32\ncheckpoint_seconds = 0\n";

struct Reference {
    files: BTreeMap<&'static str, Vec<u8>>,
    curve: BTreeSet<(String, u64, u64, u64)>,
}

static REFERENCE: LazyLock<Reference> = LazyLock::new(|| {
    let place = Place::new();
    place.write("c.toml", CONFIG);
    let output = place.run(&["--config", "c.toml"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(told_epoch(&output), 3, "{}", text(&output.stdout));
    let folder = place.only_run();
    Reference { files: whole_files(&folder), curve: curve(&folder) }
});

/// The run is finished, and is the one that no fault would have left.
#[track_caller]
fn assert_is_whole(store: &Store, run: &Run, context: &str) {
    assert_eq!(run.record.status, Status::Finished, "{context}");
    assert_store_has(store, run, context);
    let folder = store.folder(&run.record.id);
    assert!(curve(&folder) == REFERENCE.curve, "the curve differs: {context}");
    assert!(whole_files(&folder) == REFERENCE.files, "{context}: the model or what is beside it differs");
    assert_eq!(leftovers(&folder), [""; 0], "{context}");
}

/// A training that meets the fault; what is left is true, and goes on to what it would have become.
fn train_through(fault: Fault, at: usize) -> bool {
    let place = Place::new();
    place.write("c.toml", CONFIG);
    let Some(struck) = strike(&place, &["--config", "c.toml"], fault, at) else { return false };
    assert_told(fault, &struck);
    let context = format!("{fault:?} at {at}, {}\n{}", struck.call, text(&struck.output.stderr));
    let root = place.path("artifacts");

    let mut store = Store::open(&root).unwrap();
    assert_eq!(integrity(&root), "ok", "{context}");
    store.recover().unwrap();
    let runs = store.runs().unwrap();
    let told = told_epoch(&struck.output);
    let arguments = match runs.as_slice() {
        [run] => {
            let folder = store.folder(&run.record.id);
            let succeeded = struck.output.status.success();
            let expected: &[Status] = match (succeeded, fault) {
                (true, _) => &[Status::Finished],
                (false, Fault::Once(_)) => &[Status::Failed, Status::Crashed],
                // The folder had the final status already, and the store got no more.
                (false, Fault::Full | Fault::Kill) => &[Status::Failed, Status::Crashed, Status::Finished],
            };
            assert!(expected.contains(&run.record.status), "{:?} {context}", run.record.status);
            if matches!(fault, Fault::Once(_)) && struck.call.contains("model.safetensors") && !succeeded {
                assert!(run.record.reason.contains("model.safetensors"), "`{}`: {context}", run.record.reason);
            }
            let key: MetricKey = "train/loss".parse().unwrap();
            let stored = run.metrics.get(&key).map_or(0, |metric| metric.last_epoch);
            assert!(stored >= told, "epoch {told} was told, {stored} is recorded: {context}");
            assert_store_has(&store, run, &context);
            assert!(curve(&folder).is_subset(&REFERENCE.curve), "{context}");
            for (name, bytes) in whole_files(&folder) {
                assert!(bytes == REFERENCE.files[name], "{name} is not whole: {context}");
            }
            let id = run.record.id.to_string();
            if run.record.status == Status::Finished {
                assert_is_whole(&store, run, &context);
                return true;
            }
            vec!["resume".to_owned(), id]
        }
        [] => {
            assert!(told == 0 && !struck.output.status.success(), "{context}");
            vec!["--config".to_owned(), "c.toml".to_owned()]
        }
        more => panic!("{} runs: {context}", more.len()),
    };
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = place.run(&arguments);
    assert!(output.status.success(), "{context}{arguments:?}: {}", text(&output.stderr));
    let run = store.find("latest").unwrap();
    assert_is_whole(&store, &run, &format!("{context}after {arguments:?}"));
    assert_eq!(store.runs().unwrap().len(), 1, "{context}");
    true
}

#[test]
fn a_training_survives_a_fault_at_each_of_its_writes() {
    for fault in FAULTS {
        let met = until_none_is_met(|at| train_through(fault, at));
        println!("training, {fault:?}: {met} calls, each of them hit");
        assert!(met > 100, "only {met} calls: is the library in the way?");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// What is done with a finished run

/// A folder with one finished run.
static TRAINED: LazyLock<Place> = LazyLock::new(|| {
    let place = Place::new();
    place.write("c.toml", CONFIG);
    place.write(
        "new.csv",
        "sepal_length_(cm),sepal_width_(cm),petal_length_(cm),petal_width_(cm)\n5.1,3.5,1.4,0.2\n6.7,3.1,4.7,1.5\n",
    );
    assert!(place.run(&["--config", "c.toml", "--quiet"]).status.success());
    place
});

/// A copy of it, after `commands`.
fn copy_of_trained(commands: &[&[&str]]) -> Place {
    let place = Place::new();
    copy_folder(&TRAINED.path(""), &place.path(""));
    for command in commands {
        assert!(place.run(command).status.success(), "{command:?}");
    }
    place
}

/// All that the user sees of the run, and the file that a command writes.
#[derive(Clone, Debug, PartialEq)]
struct View {
    listed: Option<(Vec<String>, Option<String>, bool)>,
    in_runs: bool,
    in_trash: bool,
    output: Option<Vec<u8>>,
}

/// The run as the next command finds it. Wherever its folder is, it is whole.
fn view(place: &Place, context: &str) -> View {
    let root = place.path("artifacts");
    let mut store = Store::open(&root).unwrap();
    assert_eq!(integrity(&root), "ok", "{context}");
    assert_eq!(store.recover().unwrap(), [], "{context}");
    let runs = store.runs().unwrap();
    assert!(runs.len() <= 1, "{context}");
    let folder_in = |name: &str| {
        let folders = std::fs::read_dir(root.join(name)).ok()?.map(|entry| entry.unwrap().path());
        folders.into_iter().find(|folder| !folder.file_name().unwrap().to_string_lossy().starts_with('.'))
    };
    let (in_runs, in_trash) = (folder_in("runs"), folder_in("trash"));
    assert!(in_runs.is_none() || in_trash.is_none(), "{context}");
    for folder in in_runs.iter().chain(&in_trash) {
        assert!(whole_files(folder) == REFERENCE.files && curve(folder) == REFERENCE.curve, "{context}");
    }
    assert_eq!(runs.is_empty(), in_runs.is_none(), "{context}");
    let listed = runs.first().map(|run| {
        assert_eq!(store.shown(run), Shown::Finished, "{context}");
        (run.record.tags.clone(), run.record.note.clone(), run.record.archived)
    });
    let output = std::fs::read(place.path("output")).ok();
    View { listed, in_runs: in_runs.is_some(), in_trash: in_trash.is_some(), output }
}

#[test]
fn a_finished_run_survives_a_fault_at_each_write_of_each_verb() {
    let delete: &[&str] = &["runs", "delete", "latest"];
    let verbs: [(&[&[&str]], &[&str]); 12] = [
        (&[], &["runs", "tag", "latest", "+good"]),
        (&[], &["runs", "note", "latest", "as good as it gets"]),
        (&[], &["runs", "archive", "latest"]),
        (&[], delete),
        (&[delete], &["runs", "restore", "latest"]),
        (&[delete], &["runs", "gc", "--older-than", "0"]),
        (&[], &["runs", "reindex"]),
        (&[], &["runs", "export", "--output", "output"]),
        (&[], &["export", "latest", "--format", "onnx", "--output", "output"]),
        (&[], &["predict", "latest", "new.csv", "--output", "output"]),
        (&[], &["report", "latest", "--output", "output"]),
        (&[], &["plot", "latest"]),
    ];
    for (before, verb) in verbs {
        let untouched = view(&copy_of_trained(before), "before");
        let place = copy_of_trained(before);
        let done = place.run(verb);
        assert!(done.status.success(), "{verb:?}: {}", text(&done.stderr));
        let intended = view(&place, "after");
        // A report says when it was made.
        let is_dated = verb[0] == "report";
        for fault in FAULTS {
            let met = until_none_is_met(|at| {
                let place = copy_of_trained(before);
                let Some(struck) = strike(&place, verb, fault, at) else { return false };
                assert_told(fault, &struck);
                let context = format!("{verb:?} {fault:?} at {at}, {}\n{}", struck.call, text(&struck.output.stderr));
                let mut found = view(&place, &context);
                if is_dated && found.output.as_ref().is_some_and(|html| html.ends_with(b"</html>\n")) {
                    found.output.clone_from(&intended.output);
                }
                if struck.output.status.success() {
                    assert!(found == intended, "{found:?}\n{context}");
                } else {
                    assert!(found == intended || found == untouched, "{found:?}\n{context}");
                }
                if found != intended {
                    let again = place.run(verb);
                    assert!(again.status.success(), "{context}again: {}", text(&again.stderr));
                    let mut found = view(&place, &context);
                    if is_dated {
                        found.output.clone_from(&intended.output);
                    }
                    assert!(found == intended, "again: {found:?}\n{context}");
                }
                true
            });
            println!("{}, {fault:?}: {met} calls, each of them hit", verb.join(" "));
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// The dashboard, and sweeps

/// A dashboard that meets the fault while the run is noted, deleted and restored: it answers all, and what it
/// answered with success has happened.
fn serve_through(fault: Fault, at: usize) -> bool {
    let place = copy_of_trained(&[]);
    let id = place.only_run().file_name().unwrap().to_str().unwrap().to_owned();
    let mut command = place.command(&["dashboard", "--port", "0"]);
    let trap = Trap::set(&place, &mut command, fault, at);
    let run = format!("/api/runs/{id}");
    let answers = Served::start(command).map(|mut served| {
        let requests = [
            ("PATCH", &run, r#"{"note":"seen"}"#),
            ("DELETE", &run, ""),
            ("POST", &format!("/api/trash/{id}/restore"), ""),
        ];
        let answers = requests.map(|(method, path, body)| served.ask(method, path, body));
        if fault.is_kill() && trap.met().is_some() {
            served.process.wait().unwrap();
        } else {
            assert!(served.process.try_wait().unwrap().is_none(), "{fault:?} at {at} ends the dashboard");
        }
        answers
    });
    let Some(call) = trap.met() else { return false };
    let context = format!("{fault:?} at {at}, {call}\n{answers:?}");
    let Some(answers) = answers else {
        assert!(fault.is_kill(), "{context}");
        view(&place, &context);
        return true;
    };
    for answer in answers.iter().flatten() {
        // 403: the store cannot be written. 404: there is nothing to restore.
        assert!(matches!(answer.0, 200 | 403 | 404 | 409 | 500..), "{context}");
        assert!(answer.0 == 200 || answer.1.contains("\"error\""), "{context}");
    }
    assert!(fault.is_kill() || answers.iter().all(Option::is_some), "{context}");
    let [noted, deleted, restored] = answers.map(|answer| answer.is_some_and(|(status, _)| status == 200));
    let found = view(&place, &context);
    let note = found.listed.as_ref().and_then(|(_, note, _)| note.as_deref());
    assert!(!noted || !found.in_runs || note == Some("seen"), "{found:?}\n{context}");
    assert!(!restored || found.in_runs, "{found:?}\n{context}");
    assert!(deleted || fault.is_kill() || found.in_runs || !restored, "{found:?}\n{context}");
    assert!(found.in_runs || found.in_trash, "{found:?}\n{context}");
    true
}

#[test]
fn the_dashboard_survives_a_fault_at_each_of_its_writes() {
    for fault in FAULTS {
        let met = until_none_is_met(|at| serve_through(fault, at));
        println!("dashboard, {fault:?}: {met} calls, each of them hit");
        assert!(met > 50, "only {met} calls");
    }
}

const SWEEP: &str = "[data]\nsource = \"iris\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 2\nbatch_size = 64\n\
                     [sweep]\nmethod = \"grid\"\nlease_seconds = 1\n[sweep.space]\n\
                     \"training.learning_rate\" = { values = [1e-2, 1e-3] }\n";

/// Of the calls of a sweep every so-manieth is hit: with all of them the tests would take minutes more.
const STRIDE: usize = 7;

/// A sweep whose coordinator or worker meets the fault; resumed, it has each trial once.
fn sweep_through(fault: Fault, at: usize) -> bool {
    let place = Place::new();
    place.write("s.toml", SWEEP);
    let Some(struck) = strike(&place, &["--config", "s.toml", "--jobs", "1"], fault, at) else { return false };
    let context = format!("{fault:?} at {at}, {}\n{}", struck.call, text(&struck.output.stderr));
    assert!(!text(&struck.output.stderr).contains("panicked"), "{context}");
    let root = place.path("artifacts");
    let mut store = Store::open(&root).unwrap();
    assert_eq!(integrity(&root), "ok", "{context}");
    store.recover().unwrap();
    for run in store.runs().unwrap() {
        assert!(!matches!(store.shown(&run), Shown::Running | Shown::Stalled), "{context}");
    }
    let arguments: &[&str] = match store.find_sweep("latest") {
        Ok(sweep) if sweep.counts.finished == 2 => return assert_each_once(&place, 2).len() == 2,
        Ok(_) => &["sweep", "resume", "latest", "--jobs", "1"],
        Err(_) => &["--config", "s.toml", "--jobs", "1"],
    };
    let output = place.run(arguments);
    assert!(output.status.success(), "{context}{arguments:?}: {}", text(&output.stderr));
    assert_each_once(&place, 2);
    true
}

#[test]
fn a_sweep_survives_faults_at_its_writes() {
    for (offset, fault) in FAULTS.into_iter().enumerate() {
        let met = until_none_is_met(|round| sweep_through(fault, (round - 1) * STRIDE + 1 + offset));
        println!("sweep, {fault:?}: {met} calls hit, one in {STRIDE}");
        assert!(met > 20, "only {met} rounds");
    }
}
