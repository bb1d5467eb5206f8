//! What another user of the machine has planted where he may write too: beside the store, beside data, in place of outputs and of
//! the folders that lead to them, and in run folders. To be another user needs root; without it these tests try nothing.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::place::{Place, signal, text, wait_for};
use crate::served::Served;

/// The other user, as a number.
pub const OTHER: u32 = 65534;
const ROWS: usize = 40;

pub fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

pub fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().mode() & 0o777
}

/// A folder that everybody may enter, with a table of this mode, a config for it, and artifacts that everybody may write.
pub fn shared(of_table: u32) -> Place {
    let place = Place::new();
    set_mode(&place.path(""), 0o755);
    let rows: String = (0..ROWS).map(|row| format!("{},{}\n", row % 7, ["no", "positiveJohnDoe"][row % 2])).collect();
    set_mode(&place.write("t.csv", &format!("hiv_viral_load,y\n{rows}")), of_table);
    place.write(
        "c.toml",
        "[data]\npath = \"t.csv\"\ntarget = \"y\"\n[model]\nhidden = [2]\n[training]\nmax_epochs = 2\n",
    );
    for folder in ["artifacts", "artifacts/runs"] {
        fs::create_dir(place.path(folder)).unwrap();
        set_mode(&place.path(folder), 0o777);
    }
    place
}

/// With the usual mask of new files.
pub fn run(place: &Place, args: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 022; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_burnlab")]).args(args);
    command.current_dir(place.path("")).env_remove("CARGO").output().unwrap()
}

#[track_caller]
pub fn train(place: &Place) {
    let output = run(place, &["--config", "c.toml", "-q"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

/// The one line of an error that mentions all of `words`.
#[track_caller]
fn assert_refused(output: &Output, words: &[&str]) {
    let errors = text(&output.stderr);
    let is_told = words.iter().all(|word| errors.contains(word)) && !errors.contains("panicked");
    assert!(output.status.code() == Some(1) && is_told, "{words:?}: {errors}{}", text(&output.stdout));
}

/// A file of the other user, which everybody may read and write.
fn plant(path: &Path) {
    fs::write(path, "").unwrap();
    set_mode(path, 0o666);
    chown(path, Some(OTHER), Some(OTHER)).unwrap();
}

pub fn plant_link(to: &Path, link: &Path) {
    symlink(to, link).unwrap();
    std::os::unix::fs::lchown(link, Some(OTHER), Some(OTHER)).unwrap();
}

/// As the other user, in `folder`.
pub fn as_other(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_burnlab")]).args(args);
    command.current_dir(folder).env_remove("CARGO").env("HOME", "/").output().unwrap()
}

// ---------------------------------------------------------------------------------------------------------------------
// Beside databases

#[test]
fn nothing_is_written_to_a_file_of_another_user_beside_the_store() {
    if !is_root() {
        return;
    }
    for end in ["-wal", "-shm", "-journal"] {
        // Before there is a store, beside an open one, and beside a closed one.
        for (of_store, of_table) in
            [(None, 0o600), (None, 0o644), (Some(0o644), 0o644), (Some(0o644), 0o600), (Some(0o600), 0o600)]
        {
            let place = shared(0o644);
            let store = place.path("artifacts/burnlab.db");
            if let Some(mode) = of_store {
                train(&place);
                set_mode(&store, mode);
            }
            set_mode(&place.path("t.csv"), of_table);
            let planted = place.path(&format!("artifacts/burnlab.db{end}"));
            plant(&planted);
            let num_runs = || fs::read_dir(place.path("artifacts/runs")).unwrap().count();
            let (before, num_before) = (fs::read(&store).ok(), num_runs());
            assert_refused(&run(&place, &["--config", "c.toml", "-q"]), &[&format!("burnlab.db{end}` belongs to ")]);
            assert_eq!(fs::read(&planted).unwrap(), b"", "{end} {of_store:?}");
            assert!(before == fs::read(&store).ok() && num_before == num_runs(), "{end} {of_store:?}");
            fs::remove_file(&planted).unwrap();
            train(&place);
        }
    }
}

#[test]
fn closing_a_store_changes_nothing_that_a_link_leads_to() {
    for end in ["-wal", "-shm", "-journal"] {
        let place = shared(0o644);
        train(&place);
        set_mode(&place.path("t.csv"), 0o600);
        let victim = place.write("tool", "#!/bin/sh\n");
        set_mode(&victim, 0o755);
        symlink(&victim, place.path(&format!("artifacts/burnlab.db{end}"))).unwrap();
        assert_refused(&run(&place, &["--config", "c.toml", "-q"]), &[&format!("burnlab.db{end}` is a link")]);
        assert_eq!(mode(&victim), 0o755);
    }
}

/// Who has opened a store before it is closed reads what was in it until then.
#[test]
fn a_store_that_is_closed_is_another_file_from_then_on() {
    let place = shared(0o644);
    train(&place);
    let store = place.path("artifacts/burnlab.db");
    let before = fs::File::open(&store).unwrap();
    let number = store.metadata().unwrap().ino();
    let in_use = rusqlite::Connection::open(&store).unwrap();
    in_use.query_row("SELECT count(*) FROM run", [], |_| Ok(())).unwrap();
    set_mode(&place.path("t.csv"), 0o600);
    let output = run(&place, &["--config", "c.toml", "-q"]);
    let errors = text(&output.stderr);
    assert!(
        output.status.success() && errors.contains("closed to other users") && errors.contains("in use"),
        "{errors}"
    );
    assert_eq!((store.metadata().unwrap().ino(), mode(&store)), (number, 0o600), "no store is taken from who uses it");
    drop(in_use);

    set_mode(&store, 0o644);
    let output = run(&place, &["--config", "c.toml", "-q"]);
    let errors = text(&output.stderr);
    assert!(
        output.status.success() && errors.contains("closed to other users") && !errors.contains("in use"),
        "{errors}"
    );
    assert!(store.metadata().unwrap().ino() != number && mode(&store) == 0o600);
    assert_eq!(before.metadata().unwrap().nlink(), 0, "nobody else opens it");
    assert_eq!(
        text(&run(&place, &["runs", "list"]).stdout).matches("finished").count(),
        3,
        "all runs are in the new one"
    );
    let names = fs::read_dir(place.path("artifacts")).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(names.into_iter().all(|name| !name.to_string_lossy().starts_with('.')), "nothing is left beside it");
}

#[test]
fn the_queue_of_a_sweep_is_as_closed_as_its_data() {
    let place = shared(0o600);
    let sweep = "[sweep]\nmethod = \"grid\"\n[sweep.space]\n\"training.learning_rate\" = { values = [0.001, 0.01] }\n";
    let config = fs::read_to_string(place.path("c.toml")).unwrap();
    place.write("s.toml", &format!("{config}{sweep}"));
    // Its owner would read the queue, which is written first.
    if is_root() {
        fs::write(place.path("artifacts/burnlab.db"), "").unwrap();
        set_mode(&place.path("artifacts/burnlab.db"), 0o666);
        chown(place.path("artifacts/burnlab.db"), Some(OTHER), None).unwrap();
        assert_refused(&run(&place, &["--config", "s.toml", "-q"]), &["burnlab.db` belongs to another user"]);
        assert_eq!(fs::read(place.path("artifacts/burnlab.db")).unwrap(), b"");
        fs::remove_file(place.path("artifacts/burnlab.db")).unwrap();
    }
    assert!(run(&place, &["--config", "s.toml", "-q"]).status.success());
    assert_eq!(mode(&place.path("artifacts/burnlab.db")), 0o600);
}

#[test]
fn who_only_looks_leaves_nothing_that_keeps_the_owner_from_writing() {
    if !is_root() {
        return;
    }
    for is_in_use in [false, true] {
        let place = shared(0o644);
        train(&place);
        let artifacts = place.path("artifacts");
        let names = || {
            let mut names: Vec<PathBuf> =
                fs::read_dir(&artifacts).unwrap().map(|entry| entry.unwrap().path()).collect();
            names.sort();
            names
        };
        let connection = rusqlite::Connection::open(artifacts.join("burnlab.db")).unwrap();
        if is_in_use {
            connection.execute_batch("BEGIN; UPDATE store SET revision = revision + 1; COMMIT;").unwrap();
        } else {
            drop(connection);
        }
        let before = names();
        for args in [&["runs", "list"][..], &["runs", "show", "latest"], &["evaluate", "latest"], &["sweep", "list"]] {
            let output = as_other(&place.path(""), args);
            assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
            assert_eq!(names(), before, "{args:?}, in use: {is_in_use}");
        }
        let refused = as_other(&place.path(""), &["runs", "note", "latest", "x"]);
        assert_refused(&refused, &["burnlab.db`, which belongs to `root`, cannot be written"]);
        assert_eq!(names(), before);
        train(&place);
    }
}

#[test]
fn who_only_reads_data_leaves_nothing_that_keeps_their_owner_from_writing() {
    if !is_root() {
        return;
    }
    for is_in_use in [false, true] {
        let place = shared(0o644);
        let folder = place.path("data");
        fs::create_dir(&folder).unwrap();
        set_mode(&folder, 0o777);
        let connection = rusqlite::Connection::open(folder.join("d.db")).unwrap();
        connection.pragma_update(None, "journal_mode", "wal").unwrap();
        connection.execute_batch("CREATE TABLE t (a REAL, y TEXT)").unwrap();
        for row in 0..ROWS {
            connection.execute("INSERT INTO t VALUES (?1, ?2)", ((row * 37 % 11) as f64, ["p", "q"][row % 2])).unwrap();
        }
        if !is_in_use {
            connection.close().unwrap();
        }
        place.write("d.toml", "[data]\npath = \"data/d.db\"\ntarget = \"y\"\n");
        let names = || {
            let mut names: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        let before = names();
        let output = as_other(&place.path(""), &["config", "check", "d.toml"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout).contains(&format!("{ROWS} rows")), "{}", text(&output.stdout));
        assert_eq!(names(), before, "in use: {is_in_use}");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Outputs

#[test]
fn no_output_goes_through_a_link_of_another_user() {
    if !is_root() {
        return;
    }
    let place = shared(0o644);
    train(&place);
    fs::create_dir(place.path("home")).unwrap();
    let victim = place.write("home/out.html", "precious");
    for mode in [0o777, 0o1777, 0o775, 0o770, 0o755] {
        let folder = place.path(&format!("open-{mode:o}"));
        fs::create_dir(&folder).unwrap();
        set_mode(&folder, mode);
        plant_link(&victim, &folder.join("out.html"));
        plant_link(&place.path("home"), &folder.join("sub"));
        for (name, is_followed) in [("out.html", false), ("sub/out.html", mode == 0o755)] {
            let file = folder.join(name).display().to_string();
            for args in [
                &["report", "latest", "-o", &file][..],
                &["runs", "export", "-o", &file],
                &["export", "latest", "-o", &file],
            ] {
                let output = run(&place, args);
                if is_followed {
                    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
                } else {
                    assert_refused(&output, &["a link that another user has left"]);
                    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious", "{args:?} {mode:o}");
                }
            }
            fs::write(&victim, "precious").unwrap();
        }
    }
    // One's own are followed wherever they are.
    symlink(&victim, place.path("open-777/own.html")).unwrap();
    assert!(run(&place, &["report", "latest", "-o", "open-777/own.html"]).status.success());
    assert!(fs::read_to_string(&victim).unwrap().contains("<html"));

    // Nor does a file that calls the folder a run's keep anybody from writing there.
    plant(&place.path("open-777/run.json"));
    assert!(run(&place, &["report", "latest", "-o", "open-777/r.html"]).status.success());
    let of_run = fs::read_dir(place.path("artifacts/runs")).unwrap().next().unwrap().unwrap().path();
    let file = of_run.join("r.html").display().to_string();
    assert_refused(&run(&place, &["report", "latest", "-o", &file]), &["among the files of a run"]);
}

/// What `/dev/stdout` leads to has no name where it is a pipe.
#[test]
fn an_output_may_be_what_a_process_has_open() {
    let place = shared(0o644);
    train(&place);
    let expected = run(&place, &["runs", "export", "-o", "-"]).stdout;
    assert!(text(&expected).contains("finished"));
    for file in ["/dev/stdout", "/proc/self/fd/1"] {
        let output = run(&place, &["runs", "export", "-o", file]);
        assert!(output.stdout.starts_with(&expected), "{file}: {}", text(&output.stderr));
        assert!(fs::symlink_metadata("/dev/stdout").unwrap().is_symlink());
    }
}

#[test]
fn what_is_exported_of_a_closed_run_is_closed() {
    let place = shared(0o600);
    train(&place);
    for args in [
        &["export", "latest"][..],
        &["export", "latest", "--format", "safetensors"],
        &["export", "latest", "--format", "html"],
        &["report", "latest"],
    ] {
        let before: Vec<PathBuf> = fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().path()).collect();
        let output = run(&place, args);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        let after = fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().path());
        let new: Vec<PathBuf> = after.filter(|path| !before.contains(path)).collect();
        assert!(!new.is_empty());
        new.iter().for_each(|path| assert_eq!(mode(path), 0o600, "{}", path.display()));
        // Over one that was open.
        new.iter().for_each(|path| set_mode(path, 0o644));
        assert!(run(&place, args).status.success());
        new.iter().for_each(|path| assert_eq!(mode(path), 0o600, "{}", path.display()));
    }
    // A file that is named has the mode that its user gave it.
    set_mode(&place.write("named.html", ""), 0o640);
    assert!(run(&place, &["report", "latest", "-o", "named.html"]).status.success());
    assert_eq!(mode(&place.path("named.html")), 0o640);
}

/// The limit stands for a full disk: nothing half written is left, and the file is named.
#[test]
fn a_file_that_becomes_too_large_is_an_error_and_leaves_nothing() {
    let place = shared(0o644);
    train(&place);
    let names = || {
        let mut names: Vec<_> = fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    // In blocks of 512 bytes; the index of the store's log has 64 of them.
    for (limit, args) in [(1, &["init", "t.csv"][..]), (64, &["report", "latest", "-o", "r.html"])] {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("ulimit -f {limit}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_burnlab")])
            .args(args);
        let output = command.current_dir(place.path("")).env_remove("CARGO").output().unwrap();
        let file = args.last().unwrap().replace("t.csv", "t.toml");
        assert_refused(&output, &[&file, "large"]);
        assert_eq!(names(), before, "{args:?}");
    }
    assert!(run(&place, &["init", "t.csv"]).status.success());
}

// ---------------------------------------------------------------------------------------------------------------------
// Processes

/// A user who may start no more threads is told so.
#[test]
fn few_processes_are_an_error_and_no_panic() {
    const ALONE: u32 = 61_734;
    if !is_root() {
        return;
    }
    let place = shared(0o644);
    set_mode(&place.path(""), 0o777);
    train(&place);
    // More are enough for a server.
    const MOST_OF_SERVERS: usize = 4;
    for limit in 1..=6 {
        for args in [
            &["--config", "c.toml", "-q", "--artifacts", "own"][..],
            &["--config", "c.toml", "-q", "--artifacts", "own", "--seeds", "2"],
            &["evaluate", "latest"],
            &["runs", "list"],
            &["dashboard", "--port", "0"],
            &["learn", "--port", "0"],
            &["serve", "latest", "--port", "0"],
        ] {
            if args.contains(&"--port") && limit > MOST_OF_SERVERS {
                continue;
            }
            let mut command = Command::new("timeout");
            command.args(["60", "prlimit", &format!("--nproc={limit}"), "setpriv", &format!("--reuid={ALONE}")]);
            command.args([&format!("--regid={ALONE}"), "--clear-groups", env!("CARGO_BIN_EXE_burnlab")]);
            let output = command.args(args).current_dir(place.path("")).env_remove("CARGO").output().unwrap();
            let errors = text(&output.stderr);
            assert!(!errors.contains("panicked"), "-u {limit} {args:?}: {errors}");
            let code = output.status.code();
            assert!(
                code == Some(0) || code == Some(1) && errors.contains("thread"),
                "-u {limit} {args:?}: {code:?} {errors}"
            );
        }
    }
}

/// Servers open more files than other verbs, at once.
#[test]
fn few_open_files_are_an_error_and_no_panic() {
    let place = shared(0o644);
    train(&place);
    for limit in [4, 5, 6, 7, 8, 10, 12, 16] {
        for verb in ["serve", "dashboard", "learn"] {
            let mut command = Command::new("timeout");
            command.args(["60", "prlimit", &format!("--nofile={limit}"), env!("CARGO_BIN_EXE_burnlab"), verb]);
            command.args((verb == "serve").then_some("latest")).args(["--port", "0"]);
            let output = command.current_dir(place.path("")).env_remove("CARGO").output().unwrap();
            assert_refused(&output, &["open"]);
        }
    }
}

/// Whoever may only read a store, or the folder where it would be made, is told so before a training finds out.
#[test]
fn a_folder_that_this_user_cannot_write_is_told_by_doctor() {
    if !is_root() {
        return;
    }
    let place = shared(0o644);
    train(&place);
    set_mode(&place.path("artifacts/burnlab.db"), 0o666);
    for closed in ["artifacts", "artifacts/runs", "artifacts/burnlab.db"] {
        let (path, open) = (place.path(closed), mode(&place.path(closed)));
        set_mode(&path, open & 0o555);
        let output = as_other(&place.path(""), &["doctor"]);
        let said = text(&output.stdout);
        assert!(
            output.status.code() == Some(1) && said.contains("artifacts"),
            "{closed}: {said}{}",
            text(&output.stderr)
        );
        set_mode(&path, open);
    }
    let output = as_other(&place.path(""), &["doctor", "--artifacts", "new/artifacts"]);
    let said = text(&output.stdout);
    assert!(output.status.code() == Some(1) && said.contains("nothing can be written in `.`"), "{said}");
}

/// A run that a reader of the lessons keeps ends with the server as one in the terminal does.
#[test]
fn a_run_that_is_being_kept_is_recorded_as_interrupted_at_the_end_of_the_server() {
    let place = Place::new();
    let served = Served::start(place.command(&["learn", "--port", "0"])).unwrap();
    let set = "{\"training.max_epochs\": 2000, \"training.early_stopping.patience\": 2000, \
               \"data.num_examples\": 2000, \"model.hidden\": [64, 64]}";
    let wanted = format!("{{\"config\": \"moons\", \"set\": {set}}}");
    let (status, answer) =
        served.send("POST", "/api/learn/keep", &[("Content-Type", "application/json")], wanted.as_bytes()).unwrap();
    assert_eq!(status, 202, "{answer}");
    let run = place.only_run();
    wait_for("an epoch", || {
        fs::read_to_string(run.join("metrics.csv")).ok().filter(|metrics| metrics.lines().count() > 1)
    });
    signal("TERM", served.process.id());
    wait_for("the end", || {
        fs::read_to_string(run.join("run.json")).ok().filter(|record| !record.contains("\"running\""))
    });
    let record = crate::place::json(run.join("run.json"));
    assert_eq!(record["status"], "interrupted", "{record}");
    assert!(run.join("model.safetensors").exists() && run.join("predictions.csv").exists());
}
