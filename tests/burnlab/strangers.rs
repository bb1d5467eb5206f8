//! A run folder that somebody sent: each file of it in turn is a link to a file of ours, a link to a folder, a pipe, a
//! folder, or 8 TB long, and each verb that opens run folders meets it.
//!
//! Whatever it says: it ends, with 0 or one line; within 2 GB of address space; and what is outside of the folder is
//! neither changed nor shown.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::lab::config_file;
use crate::place::{Place, copy_folder, output_of, text, works};
use crate::served::Served;

const SECRET: &str = "hunter2-never-shown";

/// What stands in the place of a file.
#[derive(Clone, Copy, Debug)]
enum Fake {
    Link,
    FolderLink,
    Pipe,
    Folder,
    Huge,
    /// What was there, and more after it.
    Grown,
}

const FAKES: [Fake; 6] = [Fake::Link, Fake::FolderLink, Fake::Pipe, Fake::Folder, Fake::Huge, Fake::Grown];
/// Bytes, none of them on the disk. ext4 has no files of 16 TiB and more.
const HUGE: u64 = 8 << 40;

/// KiB that a process may have.
const ADDRESS_SPACE: u32 = 2_000_000;

/// A run of two inputs and two seconds' worth of files, trained once; `resume` takes it for one that was killed.
static RUN: LazyLock<(Place, PathBuf)> = LazyLock::new(|| {
    let place = Place::new();
    let config = config_file("moons").display().to_string();
    let output = place.run(&["--config", &config, "--set", "training.max_epochs=5", "--quiet"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let run = place.only_run();
    let record = std::fs::read_to_string(run.join("run.json")).unwrap();
    std::fs::write(run.join("run.json"), record.replace("\"finished\"", "\"running\"")).unwrap();
    (place, run)
});

/// The files of the run, the lock and the folder of pictures among them, and one that has no business there.
fn names() -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(&RUN.1)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .chain(["plots/curves.svg".to_owned(), "initial.safetensors".to_owned(), String::new()])
        .collect();
    names.sort();
    for known in ["checkpoint.safetensors", "config.toml", "lock", "metrics.csv", "plots", "predictions.csv", "run.log"]
    {
        assert!(names.iter().any(|name| name == known), "{names:?} has no {known}");
    }
    names
}

/// The stranger's run in a place of its own, with a fake in place of `name`, or of the run folder itself; beside it what
/// must not be touched.
struct Sent {
    place: Place,
    id: String,
}

impl Sent {
    fn new(name: &str, fake: Fake) -> Self {
        let place = Place::new();
        let id = RUN.1.file_name().unwrap().to_str().unwrap().to_owned();
        let folder = place.path("artifacts/runs").join(&id);
        copy_folder(&RUN.1, &folder);
        std::fs::create_dir(place.path("ours")).unwrap();
        for file in ["victim", "curves.svg", "config.toml", "run.json"] {
            std::fs::write(place.path("ours").join(file), SECRET).unwrap();
        }
        let target = if name.is_empty() { folder } else { folder.join(name) };
        if target.is_dir() {
            std::fs::remove_dir_all(&target).unwrap();
        } else if !matches!(fake, Fake::Grown) {
            std::fs::remove_file(&target).ok();
        }
        match fake {
            Fake::Link => symlink(place.path("ours/victim"), &target).unwrap(),
            Fake::FolderLink => symlink(place.path("ours"), &target).unwrap(),
            Fake::Pipe => assert!(Command::new("mkfifo").arg(&target).status().unwrap().success()),
            Fake::Folder => std::fs::create_dir(&target).unwrap(),
            Fake::Huge => File::create(&target).unwrap().set_len(HUGE).unwrap(),
            Fake::Grown => {
                File::options().write(true).create(true).truncate(false).open(&target).unwrap().set_len(HUGE).unwrap();
            }
        }
        Self { place, id }
    }

    fn run(&self, args: &[&str]) -> Output {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -v {ADDRESS_SPACE}; exec \"$@\""), "sh", env!("CARGO_BIN_EXE_burnlab")]);
        command.args(args).current_dir(self.place.path("")).env_remove("CARGO").env_remove("BURNLAB_STORE");
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        output_of(child, &format!("{args:?}"))
    }

    #[track_caller]
    fn assert_untouched(&self, what: &str) {
        let ours = std::fs::read_dir(self.place.path("ours")).unwrap();
        let ours: Vec<PathBuf> = ours.map(|entry| entry.unwrap().path()).collect();
        assert_eq!(ours.len(), 4, "{what}: {ours:?}");
        for file in ours {
            assert_eq!(std::fs::read_to_string(&file).unwrap(), SECRET, "{what}: {}", file.display());
        }
    }
}

fn tells(path: &Path) -> bool {
    std::fs::read(path).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(SECRET))
}

fn try_all_verbs(name: &str, fake: Fake) {
    let sent = Sent::new(name, fake);
    std::fs::write(sent.place.path("rows.csv"), "x,y\n0.5,0.5\n").unwrap();
    let by_path = format!("artifacts/runs/{}", sent.id);
    for args in [
        &["runs", "reindex"][..],
        &["runs", "show", "latest"],
        &["report", "latest"],
        &["evaluate", &by_path],
        &["predict", &by_path, "rows.csv"],
        &["plot", &by_path],
        &["plot", &by_path, "confusion"],
        &["explain-step", &by_path],
        &["export", &by_path, "--format", "onnx", "-o", "model.onnx"],
        &["resume", "latest", "--quiet"],
        &["runs", "delete", "latest"],
        &["runs", "restore", &sent.id],
    ] {
        let output = sent.run(args);
        let what = format!("{fake:?} in place of `{name}`: {args:?}");
        let errors = text(&output.stderr);
        assert!(matches!(output.status.code(), Some(0 | 1)), "{what}: {:?} {errors}", output.status);
        assert!(!errors.contains("panicked") && errors.lines().count() <= 3, "{what}: {errors}");
        for said in [&output.stdout, &output.stderr] {
            assert!(!String::from_utf8_lossy(said).contains(SECRET), "{what}");
        }
        sent.assert_untouched(&what);
        for written in ["report.html", "model.onnx", "model.onnx.md"] {
            assert!(!tells(&sent.place.path(written)), "{what}: {written}");
        }
    }
}

#[test]
fn nothing_in_a_strangers_folder_makes_a_verb_leave_it_or_hang() {
    let cases: Vec<(String, Fake)> =
        names().into_iter().flat_map(|name| FAKES.map(|fake| (name.clone(), fake))).collect();
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some((name, fake)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    try_all_verbs(name, *fake);
                }
            });
        }
    });
}

/// Without a fake, all of it works: or the test above would only see errors.
#[test]
fn a_strangers_whole_folder_can_be_used() {
    let sent = Sent::new("harmless", Fake::Folder);
    for args in [
        &["runs", "reindex"][..],
        &["report", "latest"],
        &["evaluate", "latest"],
        &["plot", "latest"],
        &["export", "latest", "--format", "onnx"],
        &["resume", "latest", "--quiet"],
    ] {
        let output = sent.run(args);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    }
}

#[test]
fn the_dashboard_shows_nothing_from_outside_and_keeps_its_memory() {
    for fake in FAKES {
        for name in names() {
            let sent = Sent::new(&name, fake);
            // What the stranger's database says of it.
            let real = Sent::new("harmless", Fake::Folder);
            assert!(real.run(&["runs", "reindex"]).status.success());
            std::fs::copy(real.place.path("artifacts/burnlab.db"), sent.place.path("artifacts/burnlab.db")).unwrap();
            let served = Served::start(sent.place.command(&["dashboard", "--port", "0"])).unwrap();
            let id = &sent.id;
            // A pipe would take one of the places of readers with each look.
            let is_huge = matches!(fake, Fake::Huge | Fake::Grown);
            let paths = [
                "/api/runs".to_owned(),
                format!("/api/runs/{id}"),
                format!("/api/runs/{id}/predictions?inputs=1"),
                format!("/api/compare/examples?ids={id},{id}"),
                format!("/api/runs/{id}/files/victim?inline=1"),
                format!("/api/runs/{id}/files/plots/victim?inline=1"),
                format!("/api/runs/{id}/files/run.log?inline=1"),
            ];
            // What a download takes of a huge file is for the client to say.
            for path in paths.into_iter().filter(|path| !(is_huge && name == "run.log" && path.contains("run.log"))) {
                let answer = served.ask("GET", &path, "");
                let (status, body) = answer.unwrap_or_else(|| panic!("{fake:?} {name}: no answer to {path}"));
                assert!(status != 503 && !body.contains(SECRET), "{fake:?} {name} {path}: {status}");
            }
            let peak = served.peak().unwrap_or(0.0);
            assert!(peak < 400.0, "{fake:?} {name}: {peak} MiB");
            sent.assert_untouched(&format!("{fake:?} {name}"));
        }
    }
}

/// Terabytes of a table that the sums of a run name are nothing that a verdict, a report or a client who has left waits for.
#[test]
fn nobody_waits_for_the_sum_of_terabytes() {
    let place = Place::new();
    for name in ["a", "b"] {
        let seeds = ["--seeds", "2", "--name", name];
        let set = ["--set", "model.hidden=[4]", "--set", "training.max_epochs=2"];
        works(&place, &[&["--config", "iris", "-q"][..], &seeds, &set].concat());
    }
    let runs = std::fs::read_dir(place.path("artifacts/runs")).unwrap();
    let runs: Vec<PathBuf> = runs.map(|run| run.unwrap().path()).collect();
    for run in &runs {
        for name in ["predictions.csv", "test.csv", "metrics.csv"] {
            File::options().write(true).open(run.join(name)).unwrap().set_len(HUGE).unwrap();
        }
    }
    for args in [
        &["runs", "compare", "a", "b"][..],
        &["evaluate", "a"],
        &["report", "a", "b"],
        &["plot", "a", "confusion"],
        &["explain-step", "a"],
        &["explain", "a", "--row", "0"],
        &["resume", "a", "--epochs", "4"],
        &["runs", "reindex"],
    ] {
        let mut command = place.command(args);
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = output_of(child, &format!("{args:?}"));
        assert!(matches!(output.status.code(), Some(0 | 1)), "{args:?}: {}", text(&output.stderr));
    }
    let served = Served::start(place.command(&["dashboard", "--port", "0"])).unwrap();
    let ids: Vec<&str> = runs.iter().map(|run| run.file_name().unwrap().to_str().unwrap()).collect();
    for path in [
        format!("/api/report?runs={},{}", ids[0], ids[1]),
        format!("/api/compare?ids={},{}", ids[0], ids[1]),
        format!("/api/compare/examples?ids={},{}", ids[0], ids[1]),
        format!("/api/runs/{}/contributions?row=0", ids[0]),
        format!("/api/runs/{}/predictions", ids[0]),
        format!("/api/runs/{}", ids[0]),
    ] {
        let (status, _) = served.ask("GET", &path, "").unwrap_or_else(|| panic!("no answer to {path}"));
        assert!(status < 500, "{path}: {status}");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Beside the run folders

/// All files below a folder, with their content.
fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = entries.map(|path| match path.is_dir() {
        true => tree(&path),
        false => BTreeMap::from([(path.clone(), std::fs::read(&path).unwrap())]),
    });
    below.flatten().collect()
}

#[test]
fn no_verb_moves_or_removes_our_runs_through_a_link() {
    for link in ["trash", "runs"] {
        let sent = Sent::new("harmless", Fake::Folder);
        let artifacts = sent.place.path("artifacts");
        let ours = sent.place.path("our-runs");
        copy_folder(&RUN.1, &ours.join(&sent.id));
        std::fs::remove_dir_all(artifacts.join(link)).ok();
        symlink("../our-runs", artifacts.join(link)).unwrap();
        assert_eq!(sent.run(&["runs", "reindex"]).status.success(), link == "trash");
        let before = tree(&ours);
        for args in [
            &["runs", "gc"][..],
            &["runs", "gc", "--older-than", "0"],
            &["runs", "restore", &sent.id],
            &["runs", "delete", "latest"],
        ] {
            let output = sent.run(args);
            let errors = text(&output.stderr);
            let is_told = errors.contains("is no folder but a link") || errors.contains("no run `");
            assert!(output.status.code() == Some(1) && is_told, "{link} {args:?}: {errors}");
            assert_eq!(errors.lines().count(), 1, "{errors}");
        }
        assert!(before == tree(&ours), "{link}");
        assert!(!ours.is_symlink() && artifacts.join(link).is_symlink());
    }
}

/// A link in place of the folder of all runs would have every run below it read and written.
#[test]
fn a_link_in_place_of_the_folder_of_all_runs_leads_nowhere() {
    let sent = Sent::new("harmless", Fake::Folder);
    assert!(sent.run(&["runs", "reindex"]).status.success());
    let (runs, ours) = (sent.place.path("artifacts/runs"), sent.place.path("elsewhere"));
    std::fs::rename(&runs, &ours).unwrap();
    symlink(&ours, &runs).unwrap();
    let before = tree(&ours);
    for args in [
        &["runs", "reindex"][..],
        &["runs", "note", "latest", "x"],
        &["evaluate", "latest"],
        &["report", "latest"],
        &["plot", "latest"],
        &["resume", "latest"],
        &["--config", "moons"],
    ] {
        let output = sent.run(args);
        let errors = text(&output.stderr);
        assert!(
            output.status.code() == Some(1) && errors.contains("runs` is no folder but a link"),
            "{args:?}: {errors}"
        );
    }
    assert!(before == tree(&ours));
    let served = Served::start(sent.place.command(&["dashboard", "--port", "0"])).unwrap();
    let path = format!("/api/runs/{}/files/test.csv", sent.id);
    assert_eq!(served.ask("GET", &path, "").unwrap().0, 403);
}

#[test]
fn a_store_that_is_no_file_is_refused() {
    for name in ["burnlab.db", "burnlab.db-wal", "burnlab.db-shm", "burnlab.db-journal"] {
        for fake in [Fake::Link, Fake::Pipe] {
            let sent = Sent::new("harmless", Fake::Folder);
            let (store, ours) = (sent.place.path("artifacts").join(name), sent.place.path("ours.db"));
            assert!(sent.run(&["runs", "reindex"]).status.success());
            std::fs::copy(sent.place.path("artifacts/burnlab.db"), &ours).unwrap();
            let before = std::fs::read(&ours).unwrap();
            std::fs::remove_file(&store).ok();
            match fake {
                Fake::Link => symlink(&ours, &store).unwrap(),
                _ => assert!(Command::new("mkfifo").arg(&store).status().unwrap().success()),
            }
            for args in [&["runs", "list"][..], &["runs", "reindex"], &["runs", "tag", "latest", "+x"]] {
                let output = sent.run(args);
                let errors = text(&output.stderr);
                let is_told = errors.contains(&format!("{name}` is")) && errors.contains("a link, a pipe");
                assert!(output.status.code() == Some(1) && is_told, "{fake:?} {name} {args:?}: {errors}");
            }
            assert!(before == std::fs::read(ours).unwrap(), "{name}");
        }
    }
}

/// SQLite reads the file that such a journal names, and removes it in the end.
#[test]
fn a_journal_that_names_another_file_is_refused() {
    let sent = Sent::new("harmless", Fake::Folder);
    assert!(sent.run(&["runs", "reindex"]).status.success());
    rusqlite::Connection::open(sent.place.path("t.db")).unwrap().execute_batch("CREATE TABLE t (a, y)").unwrap();
    let pipe = sent.place.path("super");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let name = pipe.to_str().unwrap().as_bytes();
    let magic = [0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7];
    let sum = name.iter().map(|&byte| u32::from(byte)).sum::<u32>();
    let whole =
        [&1u32.to_be_bytes()[..], name, &(name.len() as u32).to_be_bytes(), &sum.to_be_bytes(), &magic].concat();
    let journal = [&magic[..], &[0; 504], &whole].concat();
    for store in ["artifacts/burnlab.db", "t.db"] {
        std::fs::write(sent.place.path(&format!("{store}-journal")), &journal).unwrap();
    }
    for args in [&["runs", "list"][..], &["runs", "reindex"], &["runs", "tag", "latest", "+x"], &["init", "t.db"]] {
        let output = sent.run(args);
        let errors = text(&output.stderr);
        let is_told = errors.contains("-journal` is left from a change of several databases");
        assert!(output.status.code() == Some(1) && is_told, "{args:?}: {errors}");
    }
    assert!(pipe.exists());
}

#[test]
fn pipes_beside_a_database_of_data_keep_nobody_waiting() {
    for end in ["-wal", "-shm", "-journal"] {
        let sent = Sent::new("harmless", Fake::Folder);
        rusqlite::Connection::open(sent.place.path("t.db")).unwrap().execute_batch("CREATE TABLE t (a, y)").unwrap();
        assert!(Command::new("mkfifo").arg(sent.place.path(&format!("t.db{end}"))).status().unwrap().success());
        std::fs::write(sent.place.path("c.toml"), "[data]\npath = \"t.db\"\ntarget = \"y\"\n").unwrap();
        for args in [&["init", "t.db"][..], &["--config", "c.toml"], &["config", "check", "c.toml"]] {
            let output = sent.run(args);
            let errors = text(&output.stderr);
            assert!(output.status.code() == Some(1) && errors.contains("a link, a pipe"), "{end} {args:?}: {errors}");
        }
    }
}

/// Rows without end.
const BOMB: &str = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT";

#[test]
fn what_a_strangers_store_says_is_data_and_no_program() {
    let orphans =
        "PRAGMA foreign_keys = OFF; DELETE FROM run; INSERT INTO trial (sweep, number, state) VALUES (7, 1, '')";
    let view = format!(
        "ALTER TABLE run RENAME TO kept; CREATE VIEW run AS {BOMB} x AS number, 'a' AS id, '' AS started, 1 AS revision, \
         '{{}}' AS record, '' AS home, 0 AS heard, 'null' AS environment, '' AS tested FROM c"
    );
    for (what, sql, is_usable) in [
        ("rows of no run", orphans.to_owned(), true),
        (
            "a trigger without end",
            format!(
                "CREATE TRIGGER t AFTER UPDATE ON store BEGIN DELETE FROM removed WHERE \
                 revision = ({BOMB} count(*) FROM c); END"
            ),
            false,
        ),
        ("a trigger", "CREATE TRIGGER t AFTER UPDATE ON store BEGIN DELETE FROM run; END".to_owned(), false),
        (
            "a foreign key that removes trials",
            "ALTER TABLE trial ADD COLUMN h TEXT DEFAULT NULL REFERENCES removed(id) ON DELETE CASCADE".to_owned(),
            false,
        ),
        ("a constraint of its own", "CREATE UNIQUE INDEX i ON point (metric, epoch)".to_owned(), false),
        (
            "a computed column",
            "ALTER TABLE run ADD COLUMN much TEXT GENERATED ALWAYS AS (printf('%.*c', 30000000, 'a')) VIRTUAL"
                .to_owned(),
            false,
        ),
        ("a view without end", view, false),
        (
            "a long note",
            "UPDATE run SET record = json_set(record, '$.note', hex(zeroblob(100000000)))".to_owned(),
            false,
        ),
    ] {
        let sent = Sent::new("harmless", Fake::Folder);
        assert!(sent.run(&["runs", "reindex"]).status.success());
        let path = sent.place.path("artifacts/burnlab.db");
        let open = || rusqlite::Connection::open(&path).unwrap();
        let count = |table: &str| -> i64 {
            open().query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        };
        let before = ["run", "metric", "point", "trial"].map(count);
        open().execute_batch(&sql).unwrap();
        for args in [
            &["runs", "list"][..],
            &["runs", "export"],
            &["report", "latest"],
            &["runs", "tag", "latest", "+x"],
            &["runs", "reindex"],
            &["runs", "list"],
        ] {
            let output = sent.run(args);
            let errors = text(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 1)), "{what} {args:?}: {:?} {errors}", output.status);
            assert!(!errors.contains("panicked") && errors.lines().count() <= 1, "{what} {args:?}: {errors}");
            let is_rebuilt = args == ["runs", "reindex"];
            assert!(!is_rebuilt || output.status.success() == is_usable, "{what} {args:?}: {errors}");
            let is_of_tables = !is_usable && what != "a long note";
            assert!(!is_of_tables || errors.contains("is not a burnlab store"), "{what} {args:?}: {errors}");
        }
        if is_usable {
            assert!(text(&sent.run(&["runs", "list"]).stdout).contains("moons-"), "{what}");
            assert_eq!(["run", "metric", "point", "trial"].map(count), before, "{what}");
        }
    }
}

/// Small files whose content takes many times their size in memory, or the store's lock for a minute.
#[test]
fn a_run_of_more_than_burnlab_writes_is_left_out_and_the_others_are_not() {
    let record = |change: &dyn Fn(&mut serde_json::Map<String, serde_json::Value>)| {
        let mut record: serde_json::Value =
            serde_json::from_slice(&std::fs::read(RUN.1.join("run.json")).unwrap()).unwrap();
        change(record.as_object_mut().unwrap());
        record.to_string()
    };
    let params: serde_json::Map<_, _> = (0..100_000).map(|i| (format!("p{i}"), i.into())).collect();
    let tags: Vec<_> = (0..100_000).map(|i| format!("t{i}")).collect();
    let keys: String = (0..100_000).map(|i| format!("1,1,0.1,train/m{i},0.5\n")).collect();
    let equal = "1,1,0.1,train/loss,0.5\n".repeat(200_000);
    let header = "epoch,step,time,metric,value\n";
    for (name, content, why) in [
        ("run.json", record(&|run| _ = run.insert("params".into(), params.clone().into())), "100000 params"),
        ("run.json", record(&|run| _ = run.insert("tags".into(), tags.clone().into())), "100000 tags"),
        ("run.json", record(&|run| _ = run.insert("note".into(), "n".repeat(20 << 20).into())), "larger than 16 MiB"),
        ("environment.json", format!("[{}0]", "0,".repeat(3 << 20)), "larger than 4 MiB"),
        ("metrics.csv", format!("{header}{keys}"), "more than 1000 metrics"),
        ("metrics.csv", format!("{header}{equal}"), "epoch 1, step 1"),
    ] {
        let sent = Sent::new("harmless", Fake::Folder);
        let runs = sent.place.path("artifacts/runs");
        let id = format!("{}0000", &sent.id[..sent.id.len() - 4]);
        copy_folder(&RUN.1, &runs.join(&id));
        let own = std::fs::read_to_string(RUN.1.join("run.json")).unwrap().replace(&sent.id, &id);
        std::fs::write(runs.join(&id).join("run.json"), own).unwrap();
        std::fs::write(runs.join(&sent.id).join(name), content).unwrap();
        let indexed = sent.run(&["runs", "reindex"]);
        let errors = text(&indexed.stderr);
        assert!(indexed.status.code() == Some(1) && errors.starts_with("skipped ") && errors.contains(why), "{errors}");
        assert!(text(&indexed.stdout).starts_with("1 run with "), "{}", text(&indexed.stdout));
        assert!(text(&sent.run(&["runs", "list"]).stdout).contains(&id));
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Beside the outputs

#[test]
fn an_output_that_the_user_did_not_name_follows_no_link() {
    for fake in [Fake::Link, Fake::Pipe] {
        let sent = Sent::new("harmless", Fake::Folder);
        assert!(sent.run(&["runs", "reindex"]).status.success());
        let victim = sent.place.write("home", SECRET);
        let card_of = |model: &str| format!("{model}.md");
        let [onnx, weights] = ["onnx", "safetensors"].map(|end| format!("{}.{end}", sent.id));
        for (name, args) in [
            ("report.html".to_owned(), &["report", "latest"][..]),
            (onnx.clone(), &["export", "latest", "--format", "onnx"]),
            (card_of(&onnx), &["export", "latest", "--format", "onnx"]),
            (weights, &["export", "latest", "--format", "safetensors"]),
            (card_of("m"), &["export", "latest", "--format", "safetensors", "-o", "m"]),
        ] {
            let path = sent.place.path(&name);
            match fake {
                Fake::Link => symlink(&victim, &path).unwrap(),
                _ => assert!(Command::new("mkfifo").arg(&path).status().unwrap().success()),
            }
            let output = sent.run(args);
            let errors = text(&output.stderr);
            let is_told = errors.contains(&format!("{name} is a link")) && errors.contains("-o FILE");
            assert!(output.status.code() == Some(1) && is_told, "{fake:?} {name}: {errors}");
            assert_eq!(std::fs::read_to_string(&victim).unwrap(), SECRET, "{name}");
            std::fs::remove_file(path).unwrap();
        }
        // A link that the user names is followed.
        sent.place.write("elsewhere", "");
        symlink("elsewhere", sent.place.path("named.html")).unwrap();
        assert!(sent.run(&["report", "latest", "-o", "named.html"]).status.success());
        assert!(std::fs::read_to_string(sent.place.path("elsewhere")).unwrap().contains("<html"));
    }
}

/// Whoever may write beside the output knows its name, and may guess the number of the process.
#[test]
fn no_link_left_beside_an_output_is_written_through() {
    let sent = Sent::new("harmless", Fake::Folder);
    assert!(sent.run(&["runs", "reindex"]).status.success());
    let place = &sent.place;
    let victim = place.write("home", SECRET);
    // The program takes over the number of the shell.
    let mut command = Command::new("sh");
    let script = "ln -s home .out.html.$$.tmp 2>/dev/null; exec \"$0\" report latest -o out.html";
    command.args(["-c", script, env!("CARGO_BIN_EXE_burnlab")]).current_dir(place.path("")).env_remove("CARGO");
    assert!(command.output().unwrap().status.success());
    assert_eq!(std::fs::read_to_string(victim).unwrap(), SECRET);
    assert!(std::fs::read_to_string(place.path("out.html")).unwrap().contains("<html"));
    let mode = |name: &str| {
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(place.path(name)).unwrap().permissions())
    };
    std::fs::write(place.path("any"), "").unwrap();
    assert_eq!(mode("out.html"), mode("any"), "as any new file");
}

// ---------------------------------------------------------------------------------------------------------------------
// Inside the files

/// Rows of predictions that are large in each way that a table can be: the server answers, in bounded memory.
#[test]
fn the_dashboard_shows_no_more_of_a_table_than_it_has_room_for() {
    let sent = Sent::new("harmless", Fake::Folder);
    assert!(sent.run(&["runs", "reindex"]).status.success());
    let served = Served::start(sent.place.command(&["dashboard", "--port", "0"])).unwrap();
    let table = sent.place.path("artifacts/runs").join(&sent.id).join("predictions.csv");
    let write = |rows: usize, header: &str, row: &str, hole: u64| {
        let mut file = File::create(&table).unwrap();
        file.write_all(header.as_bytes()).unwrap();
        for _ in 0..rows {
            file.write_all(row.as_bytes()).unwrap();
            file.seek(SeekFrom::Current(hole as i64)).unwrap();
            file.write_all(b",0,0.5,0.5\n").unwrap();
        }
    };
    let header = "row,true,predicted,probability_0,probability_1";
    let empty = ",".repeat(1_000_000);
    let path = format!("/api/runs/{}/predictions?limit=60", sent.id);
    for (what, status, expected, make) in [
        ("a hole", 413, "KiB of zeros", &(|| write(60, &format!("{header}\n"), "0,", 31 << 20)) as &dyn Fn()),
        ("a long line", 413, "a line is longer than", &|| write(1, &format!("{header}\n"), &"0".repeat(40 << 20), 0)),
        ("a long cell", 200, "…", &|| write(20, &format!("{header}\n"), &format!("0,{}", "é".repeat(3 << 20)), 0)),
        ("many cells", 413, "ask for fewer", &|| write(60, &format!("{header}{empty}\n"), &format!("0,0{empty}"), 0)),
    ] {
        make();
        let (found, body) = served.ask("GET", &path, "").unwrap_or_else(|| panic!("no answer: {what}"));
        assert!(found == status && body.contains(expected), "{what}: {found} {}", &body[..body.len().min(300)]);
        assert!(body.len() < 1 << 20, "{what}: {} bytes", body.len());
        let examples = format!("/api/compare/examples?ids={0},{0}", sent.id);
        assert!(served.ask("GET", &examples, "").is_some(), "{what}");
        assert_eq!(served.ask("GET", "/api/runs", "").unwrap().0, 200, "{what}");
        let peak = served.peak().unwrap_or(0.0);
        assert!(peak < 400.0, "{what}: {peak} MiB");
    }
}

/// What the config of a sent run names is a file of ours: it is read only if it is what the run was trained on.
#[test]
fn resuming_a_strangers_run_copies_none_of_our_files() {
    let place = Place::new();
    let book = "the cat sat on the mat, and the dog sat on the log.\n".repeat(40);
    place.write("ours.txt", &book);
    place.write(
        "c.toml",
        "[data]\npath = \"ours.txt\"\ntask = \"language_model\"\ncontext = 8\n[training]\nmax_epochs = 2\n",
    );
    assert!(place.run(&["--config", "c.toml", "-q"]).status.success());
    let run = place.only_run();
    // Killed before anything was written.
    for entry in std::fs::read_dir(&run).unwrap() {
        let path = entry.unwrap().path();
        let is_first = ["run.json", "config.toml", "environment.json", "lock"].iter().any(|name| path.ends_with(name));
        if path.is_dir() {
            std::fs::remove_dir_all(path).unwrap();
        } else if !is_first {
            std::fs::remove_file(path).unwrap();
        }
    }
    let record = std::fs::read_to_string(run.join("run.json")).unwrap();
    std::fs::write(run.join("run.json"), record.replace("\"finished\"", "\"running\"")).unwrap();
    assert!(place.run(&["runs", "reindex"]).status.success());
    place.write("ours.txt", &format!("{SECRET} is what nobody else may know\n").repeat(40));
    let output = place.run(&["resume", "latest", "-q"]);
    let errors = text(&output.stderr);
    assert!(output.status.code() == Some(1) && errors.contains("have changed"), "{errors}");
    assert!(tree(&run).keys().all(|path| !tells(path)) && !errors.contains(SECRET), "{errors}");
    place.write("ours.txt", &book);
    let output = place.run(&["resume", "latest", "-q"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// The same for a search: its config is in the store alone.
#[test]
fn a_strangers_sweep_trains_on_none_of_our_files() {
    let place = Place::new();
    let rows = |y: [&str; 2]| format!("a,y\n{}", format!("1,{}\n2,{}\n", y[0], y[1]).repeat(20));
    place.write("sent.csv", &rows(["0", "1"]));
    place.write("ours.csv", &rows([SECRET, "other"]));
    place.write(
        "c.toml",
        "[data]\npath = \"sent.csv\"\ntarget = \"y\"\n[model]\nhidden = [2]\n[training]\nmax_epochs = 2\n[sweep]\n\
         method = \"random\"\ntrials = 2\n[sweep.space]\n\"training.learning_rate\" = { min = 0.001, max = 0.01 }\n",
    );
    let output = place.run(&["--config", "c.toml", "--jobs", "1"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let change = |sql: &str| {
        rusqlite::Connection::open(place.path("artifacts/burnlab.db")).unwrap().execute_batch(sql).unwrap();
    };
    let resume = || place.run(&["sweep", "resume", "latest", "--jobs", "1"]);
    change("UPDATE trial SET state = 'waiting', runs = '[]', worker = NULL, value = NULL");
    change("UPDATE sweep SET config = replace(config, 'sent.csv', 'ours.csv')");
    for (sql, told) in [
        ("", "ours.csv` is not what the sweep"),
        // An older burnlab did not record what the data were.
        ("UPDATE sweep SET data = NULL", "by an older burnlab, without the fingerprint"),
    ] {
        change(sql);
        let output = resume();
        let errors = text(&output.stderr);
        assert!(output.status.code() == Some(1) && errors.contains(told), "{errors}");
        assert!(!errors.contains(SECRET) && tree(&place.path("artifacts")).keys().all(|path| !tells(path)), "{errors}");
    }
    // With the data that it was created for, it goes on; a sweep that an older burnlab began, by its first run.
    change("UPDATE sweep SET config = replace(config, 'ours.csv', 'sent.csv')");
    change(
        "UPDATE trial SET runs = (SELECT json_array(id) FROM run LIMIT 1), state = 'finished', value = 1 WHERE number = 1",
    );
    let output = resume();
    let said = text(&output.stdout);
    assert!(output.status.success() && said.contains("1 done already"), "{said} {}", text(&output.stderr));
}

/// Nor do they start from one of our runs, whose weights would go into the folder that is sent back.
#[test]
fn a_strangers_search_or_run_starts_from_none_of_our_models() {
    let (ours, sent) = (Place::new(), Place::new());
    let rows = format!("a,y\n{}", "1,0\n2,1\n".repeat(20));
    let config = "[data]\npath = \"t.csv\"\ntarget = \"y\"\n[model]\nhidden = [2]\n[training]\nmax_epochs = 2\n";
    let search = "[sweep]\nmethod = \"random\"\ntrials = 2\n[sweep.space]\n\"training.learning_rate\" = { min = 0.001, max = 0.01 }\n";
    for place in [&ours, &sent] {
        place.write("t.csv", &rows);
        place.write("c.toml", config);
        place.write("s.toml", &format!("{config}{search}"));
        let output = place.run(&["--config", "c.toml", "--name", "one", "-q"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    let model = ours.only_run();
    let model = model.display();
    let change = |sql: &str| {
        rusqlite::Connection::open(sent.path("artifacts/burnlab.db")).unwrap().execute_batch(sql).unwrap();
    };
    let again = "UPDATE trial SET state = 'waiting', runs = '[]', worker = NULL, value = NULL";
    assert!(sent.run(&["--config", "s.toml", "--jobs", "1"]).status.success());
    change(&format!(
        "{again}; UPDATE sweep SET config = replace(config, '[model]', '[model]\ninit_from = \"{model}\"')"
    ));
    let output = sent.run(&["sweep", "resume", "latest", "--jobs", "1"]);
    let errors = text(&output.stderr);
    assert!(output.status.code() == Some(1) && errors.contains("is not the one that the sweep"), "{errors}");

    // A run that was killed before it had anything but its config.
    let run = std::fs::read_dir(sent.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path());
    let run = run.into_iter().find(|run| run.file_name().unwrap().to_str().unwrap().starts_with("one-")).unwrap();
    let init = format!("init_from = \"{model}\"");
    let replaced = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(run.join(name)).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(run.join(name), text.replace(from, to)).unwrap();
    };
    replaced("config.toml", "[model]", &format!("[model]\n{init}"));
    replaced("run.json", "\"params\": {", &format!("\"params\": {{\n\"model.init_from\": \"{model}\","));
    replaced("run.json", "\"finished\"", "\"interrupted\"");
    for name in ["preprocessing.json", "checkpoint.safetensors", "model.safetensors"] {
        std::fs::remove_file(run.join(name)).ok();
    }
    assert!(sent.run(&["runs", "reindex"]).status.success());
    let output = sent.run(&["resume", run.file_name().unwrap().to_str().unwrap(), "-q"]);
    let errors = text(&output.stderr);
    assert!(output.status.code() == Some(1) && errors.contains("before it had its initial weights"), "{errors}");
    assert!(tree(&sent.path("artifacts")).keys().all(|path| !path.ends_with("initial.safetensors")));
}

#[test]
fn one_damaged_row_of_a_run_hides_no_other_and_is_written_anew() {
    let copy = "INSERT INTO run (number, id, started, revision, record) SELECT number + 50";
    for (damage, is_left_out) in [
        (format!("{copy}, 'no id', started, revision, record FROM run LIMIT 1"), true),
        (format!("{copy}, id || 'a', started, revision, record FROM run"), true),
        (format!("{copy}, id || 'a', started, revision, '{{' FROM run"), true),
        ("UPDATE metric SET key = '' WHERE number = 1".to_owned(), true),
        ("UPDATE run SET record = '{' WHERE id LIKE 'second-%'".to_owned(), true),
        ("INSERT INTO removed (id, revision) VALUES ('no id', 99999)".to_owned(), false),
    ] {
        let place = Place::new();
        let config = config_file("moons").display().to_string();
        for name in ["first", "second"] {
            let output = place.run(&["--config", &config, "--set", "training.max_epochs=2", "--quiet", "--name", name]);
            assert!(output.status.success(), "{}", text(&output.stderr));
        }
        rusqlite::Connection::open(place.path("artifacts/burnlab.db")).unwrap().execute_batch(&damage).unwrap();
        let output = place.run(&["runs", "list"]);
        let (said, errors) = (text(&output.stdout), text(&output.stderr));
        assert!(
            output.status.success() && (said.contains("first-") || said.contains("second-")),
            "{damage}: {said}{errors}"
        );
        assert_eq!(
            errors.contains("left out: the store's rows of them are damaged"),
            is_left_out,
            "{damage}: {errors}"
        );
        let served = Served::start(place.command(&["dashboard", "--port", "0"])).unwrap();
        let (status, body) = served.ask("GET", "/api/runs", "").unwrap();
        assert!(status == 200 && body.contains("-"), "{damage}: {status} {body}");
        drop(served);
        let output = place.run(&["runs", "reindex"]);
        assert!(output.status.success(), "{damage}: {}", text(&output.stderr));
        let output = place.run(&["runs", "list"]);
        let said = text(&output.stdout);
        assert!(output.stderr.is_empty() && said.contains("first-") && said.contains("second-"), "{damage}: {said}");
        assert!(place.run(&["runs", "note", "second", "mended"]).status.code() != Some(101));
    }
}

#[test]
fn one_damaged_sweep_hides_no_other() {
    let place = Place::new();
    let config = "[data]\nsource = \"iris\"\n[model]\nhidden = [2]\n[training]\nmax_epochs = 2\n[sweep]\nmethod = \"random\"\n\
                  trials = 1\n[sweep.space]\n\"training.learning_rate\" = { min = 0.001, max = 0.01 }\n";
    place.write("good.toml", config);
    assert!(place.run(&["--config", "good.toml"]).status.success());
    let open = || rusqlite::Connection::open(place.path("artifacts/burnlab.db")).unwrap();
    for (number, damage) in [
        "id = 'no id'",
        "metric = 'no metric'",
        "params = '{'",
        "started = 'yesterday'",
        "trials = -1",
        "trials = 99999999999",
    ]
    .into_iter()
    .enumerate()
    {
        let columns = "id, experiment, started, config, method, metric, params, trials, data";
        let sql = format!(
            "PRAGMA ignore_check_constraints = ON; INSERT INTO sweep (number, {columns}) SELECT {n}, id || '{n}', {rest} \
             FROM sweep LIMIT 1; UPDATE OR IGNORE sweep SET {damage} WHERE number = {n}",
            n = 100 + number,
            rest = &columns["id, ".len()..],
        );
        open().execute_batch(&sql).unwrap();
    }
    open().execute_batch("UPDATE trial SET state = 'odd'").unwrap();
    let output = place.run(&["sweep", "list"]);
    let (said, errors) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success() && said.contains("good-") && said.contains("validation/"), "{said}{errors}");
    assert!(errors.contains("sweeps left out: the store's rows of them are damaged"), "{errors}");
    let served = Served::start(place.command(&["dashboard", "--port", "0"])).unwrap();
    let (status, body) = served.ask("GET", "/api/sweeps", "").unwrap();
    assert!(status == 200 && body.contains("good-"), "{status} {body}");
    // Of the trials that are gone, none is taken for done.
    open().execute_batch("DELETE FROM trial").unwrap();
    let output = place.run(&["sweep", "resume", "good"]);
    assert!(!text(&output.stdout).contains("done already"), "{}", text(&output.stdout));
}

#[test]
fn what_is_wrong_with_a_file_that_a_strangers_config_names_shows_none_of_it() {
    let place = Place::new();
    place.write("ours.csv", &format!("a,y\n{}", "1,0\n2,1\n3,0\n4,1\n".repeat(10)));
    place.write("c.toml", "[data]\npath = \"ours.csv\"\ntarget = \"y\"\n[training]\nmax_epochs = 2\n");
    assert!(place.run(&["--config", "c.toml", "-q"]).status.success());
    std::fs::remove_file(place.only_run().join("test.csv")).unwrap();
    for content in [format!("{SECRET}:x:0\nline\n"), format!("a,y\n{SECRET},0\n"), format!("a,y\n1,{SECRET},2\n")] {
        place.write("ours.csv", &content);
        for args in [&["evaluate", "latest"][..], &["resume", "latest", "--epochs", "9"]] {
            let output = place.run(args);
            let errors = text(&output.stderr);
            assert!(output.status.code() == Some(1) && errors.contains("ours.csv"), "{args:?}: {errors}");
            assert!(!errors.contains(SECRET), "{args:?}: {errors}");
        }
    }
}

/// Settings of a repository by which git starts programs, each with what must still be told: whether files were changed.
#[test]
fn a_strangers_repository_runs_no_program() {
    for (settings, attributes, dirty) in [
        (&[][..], "", Some(true)),
        (&[("core.fsmonitor", "SPY")], "", Some(true)),
        (&[("core.hooksPath", "hooks")], "", Some(true)),
        (&[("core.pager", "SPY"), ("diff.external", "SPY"), ("diff.x.textconv", "SPY")], "* diff=x", Some(true)),
        (&[("filter.x.clean", "SPY")], "* filter=x", None),
        (&[("filter.x.process", "SPY"), ("filter.x.required", "true")], "* filter=x", None),
        (&[("include.path", "../more")], "* filter=x", None),
        (&[("extensions.partialClone", "o"), ("remote.o.promisor", "true"), ("remote.o.url", "ext::SPY")], "", None),
        (&[("remote.o.url", "ext::SPY"), ("protocol.ext.allow", "always")], "", Some(true)),
    ] {
        let place = Place::new();
        let spy = place.write("spy", "#!/bin/sh\necho \"$0 $@\" >> \"$(dirname \"$0\")/started\"\ncat\n");
        std::fs::set_permissions(&spy, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let git = |args: &[&str]| {
            let own =
                ["-C", place.path("").to_str().unwrap(), "-c", "user.name=a", "-c", "user.email=a@b"].map(String::from);
            let status = Command::new("git").args(own).args(args).stdout(Stdio::null()).status().expect("git");
            assert!(status.success(), "{args:?}");
        };
        git(&["init", "-q"]);
        place.write("data.txt", "one\n");
        git(&["add", "data.txt"]);
        git(&["commit", "-qm", "first"]);
        place.write("data.txt", "two\n");
        place.write(".gitattributes", attributes);
        std::fs::create_dir(place.path("hooks")).unwrap();
        std::fs::copy(&spy, place.path("hooks/post-index-change")).unwrap();
        std::fs::copy(&spy, place.path(".git/hooks/post-index-change")).unwrap();
        let spy = spy.to_str().unwrap();
        place.write("more", &format!("[filter \"x\"]\n\tclean = {spy}\n"));
        for (key, value) in settings {
            git(&["config", key, &value.replace("SPY", spy)]);
        }
        let iris = config_file("iris").display().to_string();
        let output = place.run(&["--config", &iris, "--set", "training.max_epochs=1", "--quiet"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let started = std::fs::read_to_string(place.path("started")).ok();
        let hooked = place.path("hooks/started").exists() || place.path(".git/hooks/started").exists();
        assert!(started.is_none() && !hooked, "{settings:?} started {started:?}");
        let environment = crate::place::json(place.only_run().join("environment.json"));
        assert_eq!(environment["git"]["commit"].as_str().unwrap().len(), 40, "{environment}");
        assert_eq!(environment["git"]["dirty"].as_bool(), dirty, "{settings:?}");
    }
}

/// A pipe in the place of a file of git's, which would wait for its other end for ever.
#[test]
fn a_strangers_repository_keeps_nobody_waiting() {
    let place = Place::new();
    for folder in [".git/objects", ".git/refs"] {
        std::fs::create_dir_all(place.path(folder)).unwrap();
    }
    place.write(".git/HEAD", "ref: refs/heads/main\n");
    assert!(Command::new("mkfifo").arg(place.path(".git/config")).status().unwrap().success());
    let iris = config_file("iris").display().to_string();
    let mut command = place.command(&["--config", &iris, "--set", "training.max_epochs=1", "--quiet"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let output = output_of(child, "a training beside a pipe of git's");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(crate::place::json(place.only_run().join("environment.json"))["git"].is_null());
}
