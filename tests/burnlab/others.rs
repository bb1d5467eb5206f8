//! Other users of this machine: what they may not read, what of theirs can be read, and names that they give.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::lab::config_file;
use crate::place::{Place, json, text};
use crate::served::{Served, status};

fn trained(more: &[&str]) -> Place {
    let place = Place::new();
    let config = config_file("iris").display().to_string();
    let output = place.run(&[&["--config", &config, "--set", "training.max_epochs=2", "--quiet"], more].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    place
}

// ---------------------------------------------------------------------------------------------------------------------
// Secrets

/// A dashboard for everybody with the token.
fn remote(command: Command) -> Served {
    Served::start(command).unwrap()
}

/// The answer to a request with these headers alone.
fn answer(served: &Served, method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    served.answer(method, path, headers, b"").unwrap()
}

/// The status of `GET /api/runs` with a token.
fn status_with(served: &Served, token: &str) -> u16 {
    status(&answer(served, "GET", "/api/runs", &[("authorization", &format!("Bearer {token}"))]))
}

/// What every user of the machine sees of the process.
fn command_line(served: &Served) -> String {
    text(&std::fs::read(format!("/proc/{}/cmdline", served.process.id())).unwrap())
}

#[test]
fn the_browser_is_given_a_session_and_never_the_token() {
    let place = trained(&[]);
    let remote = remote(place.command(&["dashboard", "--port", "0", "--allow-remote"]));
    let token = remote.printed.split_once("/?token=").unwrap().1;
    let login = answer(&remote, "GET", &format!("/?token={token}"), &[("accept", "*/*")]);
    assert_eq!(status(&login), 303);
    assert!(!login.contains(token), "{login}");
    let cookie = login.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap().split(';').next().unwrap();
    let port = remote.address.rsplit(':').next().unwrap();
    assert!(cookie.starts_with(&format!("burnlab_session_{port}=")), "{cookie}");
    let sent = ("cookie", cookie);
    let session = login.lines().find_map(|line| line.strip_prefix("location: ")).unwrap().trim();
    let page = answer(&remote, "GET", session, &[sent]);
    assert!(status(&page) == 200 && !page.contains(token));
    let change = page.split_once("burnlab-token\" content=\"").unwrap().1.split('"').next().unwrap();
    let path = format!("{session}api/runs/{}", place.only_run().file_name().unwrap().to_str().unwrap());
    assert_eq!(status(&answer(&remote, "DELETE", &path, &[sent])), 403);
    let changing = [sent, ("x-burnlab-token", change)];
    assert_eq!(status(&answer(&remote, "DELETE", &path, &changing)), 200);
    assert_eq!(status(&answer(&remote, "DELETE", &format!("{session}api/session"), &changing)), 204);
    assert_eq!(status(&answer(&remote, "GET", &format!("{session}api/runs"), &[sent])), 403);
    assert_eq!(status_with(&remote, token), 200);
}

#[test]
fn a_token_need_not_be_in_the_list_of_processes() {
    const TOKEN: &str = "sekrit-sekrit-123456";
    let place = trained(&[]);
    let start = |more: &[&str]| place.command(&[&["dashboard", "--port", "0", "--allow-remote"], more].concat());

    let mut command = start(&[]);
    command.env("BURNLAB_TOKEN", TOKEN);
    let file = place.write("token", &format!("{TOKEN}\n"));
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
    for command in [command, start(&["--token-file", "token"])] {
        let remote = remote(command);
        assert_eq!((status_with(&remote, TOKEN), status_with(&remote, "sekrit-sekrit-123457")), (200, 403));
        assert!(!command_line(&remote).contains(TOKEN) && !remote.printed.contains(TOKEN), "{}", remote.printed);
    }
    // Without one, a new one each time.
    let [first, second] = [remote(start(&[])), remote(start(&[]))];
    let token = |remote: &Served| remote.printed.split_once("/?token=").unwrap().1.to_owned();
    assert_ne!(token(&first), token(&second));
    let of_first = |token: &str| status_with(&first, token);
    assert_eq!((of_first(&token(&first)), of_first(&token(&second)), of_first("")), (200, 403, 403));

    // In the arguments it could be read by everybody, so it is not taken from there, and not repeated.
    let equals = format!("--token={TOKEN}");
    for given in [&["--token", TOKEN][..], &[&equals], &["--token"]] {
        let refused = start(given).output().unwrap();
        let told = text(&refused.stderr);
        assert_eq!((refused.status.code(), text(&refused.stdout)), (Some(2), String::new()), "{told}");
        assert!(told.contains("BURNLAB_TOKEN") && told.contains("--token-file") && !told.contains(TOKEN), "{told}");
    }

    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    let refused = start(&["--token-file", "token"]).output().unwrap();
    assert_eq!((refused.status.code(), text(&refused.stderr).contains("chmod 600 token")), (Some(1), true));
}

#[test]
fn a_password_on_the_command_line_is_recorded_nowhere() {
    let place = trained(&["--tag", "postgres://me:s3cret@db.lan/runs"]);
    let environment = json(place.only_run().join("environment.json"));
    let line: Vec<&str> =
        environment["command_line"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    assert!(line.contains(&"postgres://me:***@db.lan/runs"), "{line:?}");

    // What an older burnlab recorded is not shown either.
    let path = place.only_run().join("environment.json");
    let old = std::fs::read_to_string(&path).unwrap().replace(":***@", ":0ld-s3cret@");
    std::fs::write(&path, old).unwrap();
    assert!(place.run(&["runs", "reindex"]).status.success());
    assert!(place.run(&["report", "latest"]).status.success());
    let report = std::fs::read_to_string(place.path("report.html")).unwrap();
    assert!(report.contains("me:***@db.lan") && !report.contains("0ld-s3cret"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Reading without the right to write

/// As somebody who may only read what is in `place`.
fn as_reader(place: &Place, args: &[&str]) -> Output {
    reader(place, args).output().unwrap()
}

fn reader(place: &Place, args: &[&str]) -> Command {
    let mut command = match is_root() {
        true => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_burnlab")]);
            command
        }
        false => Command::new(env!("CARGO_BIN_EXE_burnlab")),
    };
    command.args(args).args(["--artifacts".as_ref(), place.path("artifacts").as_os_str()]).current_dir("/");
    command.env_remove("CARGO").env("HOME", "/");
    command
}

fn set_modes(path: &Path, folder: u32, file: u32) {
    let is_folder = path.is_dir();
    if is_folder {
        std::fs::set_permissions(path, PermissionsExt::from_mode(0o755)).unwrap();
        std::fs::read_dir(path).unwrap().for_each(|entry| set_modes(&entry.unwrap().path(), folder, file));
    }
    std::fs::set_permissions(path, PermissionsExt::from_mode(if is_folder { folder } else { file })).unwrap();
}

#[test]
fn what_cannot_be_written_can_be_read() {
    for keeps_log in [false, true] {
        let place = trained(&[]);
        let artifacts = place.path("artifacts");
        // A process that was killed has left its changes in the log beside the file.
        let database = rusqlite::Connection::open(artifacts.join("burnlab.db")).unwrap();
        if keeps_log {
            database.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
            database.execute_batch("BEGIN; UPDATE store SET revision = revision + 1; COMMIT;").unwrap();
            for name in ["burnlab.db", "burnlab.db-wal"] {
                std::fs::copy(artifacts.join(name), artifacts.join(format!("{name}-kept"))).unwrap();
            }
        }
        drop(database);
        for name in ["burnlab.db", "burnlab.db-wal"] {
            std::fs::rename(artifacts.join(format!("{name}-kept")), artifacts.join(name)).ok();
        }
        std::fs::remove_file(artifacts.join("burnlab.db-shm")).ok();
        assert_eq!(artifacts.join("burnlab.db-wal").exists(), keeps_log);
        std::fs::set_permissions(place.path(""), PermissionsExt::from_mode(0o755)).unwrap();
        set_modes(&artifacts, 0o555, 0o444);
        let before = std::fs::read_dir(&artifacts).unwrap().count();
        for args in [
            &["runs", "list"][..],
            &["runs", "show", "iris"],
            &["runs", "export"],
            &["sweep", "list"],
            &["evaluate", "iris"],
            &["report", "iris", "-o", "/dev/null"],
        ] {
            let output = as_reader(&place, args);
            assert!(output.status.success(), "log {keeps_log}, {args:?}: {}", text(&output.stderr));
        }
        assert!(text(&as_reader(&place, &["runs", "list"]).stdout).contains("iris-"));
        let refused = as_reader(&place, &["runs", "note", "iris", "x"]);
        assert_eq!(refused.status.code(), Some(1), "a change needs the right to write");
        assert_eq!(std::fs::read_dir(&artifacts).unwrap().count(), before);
        set_modes(&artifacts, 0o755, 0o644);
    }
}

/// A log that needs the right to write makes a copy necessary: none is left, however the process ends, and none is made
/// that fills the disk.
#[test]
fn the_copy_of_a_store_that_cannot_be_written_leaves_nothing_behind() {
    let place = trained(&[]);
    let artifacts = place.path("artifacts");
    let (store, log) = (artifacts.join("burnlab.db"), artifacts.join("burnlab.db-wal"));
    let database = rusqlite::Connection::open(&store).unwrap();
    database.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    database.execute_batch("BEGIN; UPDATE store SET revision = revision + 1; COMMIT;").unwrap();
    let kept = [&store, &log].map(|path| (path, std::fs::read(path).unwrap()));
    drop(database);
    kept.iter().for_each(|(path, bytes)| std::fs::write(path, bytes).unwrap());
    std::fs::remove_file(artifacts.join("burnlab.db-shm")).ok();
    let temporary = place.path("tmp");
    std::fs::create_dir(&temporary).unwrap();
    std::fs::set_permissions(place.path(""), PermissionsExt::from_mode(0o755)).unwrap();
    set_modes(&artifacts, 0o555, 0o444);
    std::fs::set_permissions(&temporary, PermissionsExt::from_mode(0o777)).unwrap();
    let mut command = reader(&place, &["dashboard", "--port", "0"]);
    command.env("TMPDIR", &temporary);
    let served = Served::start(command).unwrap();
    let (status, body) = served.ask("GET", "/api/runs", "").unwrap();
    assert!(status == 200 && body.contains("iris-"), "{status} {body}");
    assert_eq!(std::fs::read_dir(&temporary).unwrap().count(), 0, "while it runs");
    drop(served);

    set_modes(&artifacts, 0o755, 0o644);
    std::fs::OpenOptions::new().write(true).open(&log).unwrap().set_len(3 << 30).unwrap();
    set_modes(&artifacts, 0o555, 0o444);
    let output = as_reader(&place, &["runs", "list"]);
    let errors = text(&output.stderr);
    assert!(output.status.code() == Some(1) && errors.contains("no room"), "{errors}");
    set_modes(&artifacts, 0o755, 0o644);
}

const ROWS: &str =
    "a,y\n1,0\n2,1\n3,0\n4,1\n1,0\n2,1\n3,0\n4,1\n1,0\n2,1\n3,0\n4,1\n1,0\n2,1\n3,0\n4,1\n1,0\n2,1\n3,0\n4,1\n";
const CONFIG: &str = "[data]\npath = \"t.csv\"\ntarget = \"y\"\n[model]\nhidden = [2]\n[training]\nmax_epochs = 2\n";

/// Somewhere that everybody may enter, with a table of this mode.
fn with_table(mode: u32) -> Place {
    let place = Place::new();
    std::fs::set_permissions(place.path(""), PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(place.write("t.csv", ROWS), PermissionsExt::from_mode(mode)).unwrap();
    place.write("c.toml", CONFIG);
    place
}

/// As [`Place::run`], with the usual mask of new files.
fn run_open(place: &Place, args: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 022; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_burnlab")]).args(args);
    command.current_dir(place.path("")).env_remove("CARGO").output().unwrap()
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

fn is_root() -> bool {
    text(&Command::new("id").arg("-u").output().unwrap().stdout).trim() == "0"
}

/// A run has rows of its data in its folder, and the store says what is in them.
#[test]
fn who_may_not_read_the_data_may_not_read_the_run() {
    for (of_table, of_run) in [(0o600, 0o700), (0o640, 0o700), (0o644, 0o755)] {
        let place = with_table(of_table);
        let output = run_open(&place, &["--config", "c.toml", "-q"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let run = place.only_run();
        assert_eq!(mode(&run), of_run);
        let is_private = of_run == 0o700;
        for file in [run.join("test.csv"), run.join("model.safetensors"), place.path("artifacts/burnlab.db")] {
            assert_eq!(mode(&file) & 0o077 == 0, is_private, "{}", file.display());
        }
        // Where the tests cannot be another user, the permissions above have to do.
        if is_root() {
            assert_eq!(as_reader(&place, &["evaluate", "latest"]).status.success(), !is_private);
        }
        // What is learned from it is as closed, whatever the new data.
        std::fs::write(place.path("new.csv"), ROWS).unwrap();
        std::fs::set_permissions(place.path("new.csv"), PermissionsExt::from_mode(0o644)).unwrap();
        place.write("tuned.toml", &format!("name = \"tuned\"\n{}", CONFIG.replace("t.csv", "new.csv")));
        let start = format!("model.init_from={}", run.file_name().unwrap().to_str().unwrap());
        let output = run_open(&place, &["--config", "tuned.toml", "-q", "--set", &start]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let runs = std::fs::read_dir(place.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path());
        assert!(runs.map(|run| mode(&run)).all(|mode| mode == of_run));
    }
}

/// The store, too, which was made when there were no such data.
#[test]
fn a_run_of_closed_data_closes_the_store() {
    let place = with_table(0o644);
    assert!(run_open(&place, &["--config", "c.toml", "-q"]).status.success());
    let store = place.path("artifacts/burnlab.db");
    assert_eq!(mode(&store), 0o644);
    std::fs::set_permissions(place.path("t.csv"), PermissionsExt::from_mode(0o600)).unwrap();
    if is_root() {
        assert!(Command::new("chown").arg("65534").arg(&store).status().unwrap().success());
        let output = run_open(&place, &["--config", "c.toml", "-q"]);
        let errors = text(&output.stderr);
        assert!(output.status.code() == Some(1) && errors.contains("burnlab.db` belongs to another user"), "{errors}");
        assert!(Command::new("chown").arg("0").arg(&store).status().unwrap().success());
    }
    let output = run_open(&place, &["--config", "c.toml", "-q"]);
    let errors = text(&output.stderr);
    assert!(output.status.success() && errors.contains("burnlab.db` is closed to other users from now on"), "{errors}");
    assert_eq!(mode(&store), 0o600);
    let again = run_open(&place, &["--config", "c.toml", "-q"]);
    assert_eq!(text(&again.stderr), "");
}

#[test]
fn resuming_closes_the_run_or_leaves_it_alone() {
    let place = with_table(0o644);
    assert!(run_open(&place, &["--config", "c.toml", "-q"]).status.success());
    let run = place.only_run();
    let record = std::fs::read_to_string(run.join("run.json")).unwrap();
    std::fs::write(run.join("run.json"), record.replace("\"finished\"", "\"running\"")).unwrap();
    assert!(run_open(&place, &["runs", "reindex"]).status.success());
    std::fs::remove_file(run.join("test.csv")).unwrap();
    std::fs::set_permissions(place.path("t.csv"), PermissionsExt::from_mode(0o600)).unwrap();
    if is_root() {
        assert!(Command::new("chown").arg("65534").arg(&run).status().unwrap().success());
        let output = run_open(&place, &["resume", "latest", "-q"]);
        let errors = text(&output.stderr);
        assert!(output.status.code() == Some(1) && errors.contains("belongs to another user"), "{errors}");
        assert!(!run.join("test.csv").exists());
        assert!(Command::new("chown").arg("0").arg(&run).status().unwrap().success());
    }
    let output = run_open(&place, &["resume", "latest", "-q"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!((mode(&run), mode(&run.join("test.csv"))), (0o700, 0o600));
}

#[test]
fn a_folder_that_has_the_name_of_a_run_is_not_taken_for_it() {
    let place = trained(&[]);
    let output = place.run(&["--config", &config_file("wine").display().to_string(), "-q"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let runs = std::fs::read_dir(place.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path());
    let wine = runs.into_iter().find(|run| run.to_string_lossy().contains("wine-")).unwrap();
    for name in ["iris", "latest"] {
        crate::place::copy_folder(&wine, &place.path(name));
        let output = place.run(&["evaluate", name]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let rows = if name == "iris" { "on 45 rows" } else { "on 54 rows" };
        assert!(text(&output.stdout).contains(rows), "{}", text(&output.stdout));
    }
    // By its path it is, and by its name where there is no such run.
    crate::place::copy_folder(&wine, &place.path("copied"));
    for name in ["./iris", "copied"] {
        assert!(text(&place.run(&["evaluate", name]).stdout).contains("on 54 rows"), "{name}");
    }
}

#[test]
fn links_that_another_user_has_left_are_not_followed() {
    if !is_root() {
        return; // Nobody else can leave a link in the name of another user.
    }
    let place = trained(&[]);
    let give_away = |link: &Path| {
        assert!(Command::new("chown").args(["-h", "65534"]).arg(link).status().unwrap().success());
    };
    let shared = place.path("shared");
    std::fs::create_dir(&shared).unwrap();
    std::os::unix::fs::symlink(place.path("artifacts"), shared.join("artifacts")).unwrap();
    let list = || {
        let mut command = place.command(&["runs", "list"]);
        command.current_dir(&shared).output().unwrap()
    };
    assert!(list().status.success(), "a link of one's own");
    give_away(&shared.join("artifacts"));
    let errors = text(&list().stderr);
    assert!(errors.contains("artifacts` is no folder but a link"), "{errors}");

    std::fs::set_permissions(&shared, PermissionsExt::from_mode(0o1777)).unwrap();
    let (victim, link) = (place.write("victim", "precious"), shared.join("out.html"));
    std::os::unix::fs::symlink(&victim, &link).unwrap();
    give_away(&link);
    let output = place.run(&["report", "iris", "-o", "shared/out.html"]);
    let errors = text(&output.stderr);
    assert!(output.status.code() == Some(1) && errors.contains("a link that another user has left"), "{errors}");
    assert_eq!(std::fs::read_to_string(victim).unwrap(), "precious");

    // A file of theirs that everybody may write is replaced by one of the victim's own mode; their pipe reads nothing.
    let theirs = shared.join("theirs.html");
    std::fs::write(&theirs, "").unwrap();
    std::fs::set_permissions(&theirs, PermissionsExt::from_mode(0o666)).unwrap();
    give_away(&theirs);
    std::fs::set_permissions(&shared, PermissionsExt::from_mode(0o777)).unwrap();
    assert!(run_open(&place, &["report", "iris", "-o", "shared/theirs.html"]).status.success());
    assert_eq!(mode(&theirs), 0o644);
    let pipe = shared.join("pipe.html");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    give_away(&pipe);
    let output = place.run(&["report", "iris", "-o", "shared/pipe.html"]);
    let errors = text(&output.stderr);
    assert!(output.status.code() == Some(1) && errors.contains("a pipe of another user"), "{errors}");
}

/// Where there is nobody to tell, the work goes on.
#[test]
fn a_full_standard_error_ends_no_training() {
    let place = with_table(0o644);
    assert!(run_open(&place, &["--config", "c.toml", "-q"]).status.success());
    std::fs::set_permissions(place.path("t.csv"), PermissionsExt::from_mode(0o600)).unwrap();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let status = place.command(&["--config", "c.toml", "-q"]).stderr(full).status().unwrap();
    assert!(status.success(), "{status}");
}

#[test]
fn a_folder_that_may_not_be_read_is_not_one_without_runs() {
    let place = trained(&[]);
    std::fs::set_permissions(place.path(""), PermissionsExt::from_mode(0o755)).unwrap();
    set_modes(&place.path("artifacts"), 0o755, 0o644);
    for closed in ["artifacts", "artifacts/runs"] {
        std::fs::set_permissions(place.path(closed), PermissionsExt::from_mode(0o000)).unwrap();
        let verb = if closed == "artifacts" { "list" } else { "reindex" };
        let output = as_reader(&place, &["runs", verb]);
        let errors = text(&output.stderr);
        assert!(output.status.code() == Some(1) && errors.contains("ermission"), "{closed}: {errors}");
        assert!(!errors.contains("no runs recorded") && errors.lines().count() == 1, "{closed}: {errors}");
        std::fs::set_permissions(place.path(closed), PermissionsExt::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_folder_that_another_user_has_closed_stops_nobody() {
    let place = trained(&[]);
    let closed = place.only_run();
    let iris = config_file("iris").display().to_string();
    assert!(place.run(&["--config", &iris, "--set", "training.max_epochs=2", "--quiet"]).status.success());
    let name = closed.file_name().unwrap().to_str().unwrap();
    let open = text(&place.run(&["runs", "list"]).stdout);
    let open = open.lines().find_map(|line| line.split(' ').next().filter(|id| id.starts_with("iris-") && *id != name));
    std::fs::set_permissions(place.path(""), PermissionsExt::from_mode(0o755)).unwrap();
    set_modes(&place.path("artifacts"), 0o777, 0o666);
    std::fs::set_permissions(&closed, PermissionsExt::from_mode(0o000)).unwrap();
    // Without its row, too.
    for clears in [false, true] {
        if clears {
            ["", "-wal", "-shm"].iter().for_each(|end| {
                std::fs::remove_file(place.path(&format!("artifacts/burnlab.db{end}"))).ok();
            });
        }
        let indexed = as_reader(&place, &["runs", "reindex"]);
        let (found, errors) = (text(&indexed.stdout), text(&indexed.stderr));
        assert!(found.starts_with("1 run with ") && indexed.status.code() == Some(1), "{found}{errors}");
        assert!(errors.starts_with("skipped ") && errors.contains(name) && errors.contains("ermission"), "{errors}");
    }
    let gc = || as_reader(&place, &["runs", "gc", "--older-than", "0"]);
    assert_eq!((gc().status.code(), closed.exists()), (Some(0), true));
    assert!(as_reader(&place, &["runs", "delete", open.unwrap()]).status.success());
    // In the trash, beside one that can be removed.
    std::fs::rename(&closed, place.path("artifacts/trash").join(name)).unwrap();
    for gone in [open.unwrap(), ""] {
        let collected = gc();
        let errors = text(&collected.stderr);
        assert!(collected.status.code() == Some(1) && errors.starts_with("left ") && errors.contains(name), "{errors}");
        assert_eq!(text(&collected.stdout).trim().trim_end_matches(": gone"), gone);
    }
    std::fs::set_permissions(place.path("artifacts/trash").join(name), PermissionsExt::from_mode(0o755)).unwrap();
    assert!(text(&place.run(&["runs", "gc", "--older-than", "0"]).stdout).contains(name));
}

#[test]
fn an_empty_store_beside_runs_is_not_taken_for_one_without_runs() {
    let place = trained(&[]);
    for name in ["burnlab.db-wal", "burnlab.db-shm"] {
        std::fs::remove_file(place.path("artifacts").join(name)).ok();
    }
    std::fs::write(place.path("artifacts/burnlab.db"), "").unwrap();
    let output = place.run(&["runs", "list"]);
    let errors = text(&output.stderr);
    assert!(output.status.code() == Some(1) && errors.contains("runs reindex"), "{errors}");
    assert!(place.run(&["runs", "reindex"]).status.success());
    assert!(text(&place.run(&["runs", "list"]).stdout).contains("iris-"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Names from elsewhere

#[test]
fn names_that_are_no_utf_8_are_used_as_they_are_and_recorded_with_replacements() {
    let place = Place::new();
    let odd = place.path("").join(OsStr::from_bytes(b"odd\xff"));
    std::fs::create_dir(&odd).unwrap();
    std::fs::write(odd.join("t.csv"), "a,y\n".to_owned() + &"1,0\n2,1\n3,0\n4,1\n".repeat(10)).unwrap();
    std::fs::write(odd.join("c.toml"), "[data]\npath = \"t.csv\"\ntarget = \"y\"\n[training]\nmax_epochs = 2\n")
        .unwrap();
    // In a folder of that name, and with the name as an argument.
    let artifacts = OsStr::from_bytes(b"runs\xfe");
    let run = |args: &[&OsStr]| {
        let mut command = place.command(&[]);
        let output = command.current_dir(&odd).args(args).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!errors.contains("panicked"), "{args:?}: {errors}");
        (output.status.code(), errors)
    };
    let o = OsStr::new;
    let trained = run(&[o("--config"), o("c.toml"), o("--artifacts"), artifacts]);
    assert_eq!(trained.0, Some(0), "{}", trained.1);
    for verb in [&["runs", "list"][..], &["evaluate", "c"], &["report", "c"], &["runs", "reindex"], &["sweep", "list"]]
    {
        let args: Vec<&OsStr> = verb.iter().map(|word| o(word)).chain([o("--artifacts"), artifacts]).collect();
        let (code, errors) = run(&args);
        assert_eq!(code, Some(0), "{verb:?}: {errors}");
    }
    let runs = std::fs::read_dir(odd.join(artifacts).join("runs")).unwrap();
    let environment = json(runs.map(|run| run.unwrap().path()).next().unwrap().join("environment.json"));
    assert_eq!(environment["command_line"][4], "runs\u{fffd}");
    assert_eq!(run(&[o("runs"), o("show"), OsStr::from_bytes(b"\xff")]).0, Some(2), "no run has such a name");
}

#[test]
fn names_in_a_run_change_no_terminal() {
    let place = trained(&[]);
    let path = place.only_run().join("run.json");
    let record = std::fs::read_to_string(&path).unwrap();
    let hostile = record.replace("\"training.batch_size\"", "\"training.\\u001b[2J\\u009b31m\"");
    assert_ne!(record, hostile);
    std::fs::write(&path, hostile.replace("\"note\": null", "\"note\": \"a\\u001b]0;owned\\u0007b\"")).unwrap();
    assert!(place.run(&["runs", "reindex"]).status.success());
    assert!(place.run(&["--config", &config_file("wine").display().to_string(), "--quiet"]).status.success());
    for args in [&["runs", "show", "iris"][..], &["runs", "compare", "iris", "wine"], &["runs", "list"]] {
        let output = place.run(args);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(output.status.success() && !said.contains(['\u{1b}', '\u{9b}', '\u{7}']), "{args:?}: {said:?}");
    }
    // For programs, as it is.
    assert!(text(&place.run(&["runs", "export"]).stdout).contains('\u{1b}'));
}

/// A table whose classes the network cannot tell apart, so that each is predicted for another.
fn trained_on(classes: [&str; 2]) -> Place {
    let place = Place::new();
    let rows: String = (0..80).map(|i| format!("{},\"{}\"\n", i % 7, classes[i * i % 3 % 2])).collect();
    place.write("t.csv", &format!("a,y\n{rows}"));
    place.write("c.toml", "[data]\npath = \"t.csv\"\ntarget = \"y\"\n[training]\nmax_epochs = 2\n");
    let output = place.run(&["--config", "c.toml"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.contains("most frequent errors: ") && !said.contains(FOREIGN), "{said:?}");
    place
}

/// Sequences that change a terminal, and what changes the order of a line.
const FOREIGN: [char; 4] = ['\u{1b}', '\u{9b}', '\u{7}', '\u{202e}'];

#[test]
fn names_of_classes_and_folders_and_reasons_change_no_terminal() {
    let place = trained_on(["p\u{1b}[31m\u{202e}", "q\u{9b}2J"]);
    let said = |args: &[&str], expected: &str| {
        let output = place.run(args);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(said.contains(expected) && !said.contains(FOREIGN), "{args:?}: {said:?}");
        said
    };
    said(&["evaluate", "c"], "most frequent errors: ");
    assert!(text(&place.run(&["predict", "c", "t.csv"]).stdout).contains('\u{202e}'), "for programs, as it is");
    let path = place.only_run().join("run.json");
    let record = json(&path);
    let reason = record["reason"].as_str().unwrap();
    let hostile = std::fs::read_to_string(&path).unwrap().replace(reason, "done\\u001b[2J\\u202e");
    std::fs::write(&path, hostile).unwrap();
    let odd = place.path("artifacts/runs/x\u{1b}]0;owned\u{7}\nsecond line");
    std::fs::create_dir(&odd).unwrap();
    std::fs::write(odd.join("run.json"), "{").unwrap();
    let skipped = said(&["runs", "reindex"], "skipped `");
    assert!(skipped.lines().all(|line| !line.starts_with("second")), "{skipped}");
    said(&["resume", "c"], "is finished (done");
    said(&["generate", odd.to_str().unwrap()], "error: ");
    // On a terminal, tables as well.
    if Command::new("script").arg("--version").output().is_err() {
        println!("skipped: needs `script`");
        return;
    }
    for line in ["predict c t.csv", "runs export", "report c -o -", "runs export --format json", "evaluate c --json"] {
        let command = format!("{} {line}", env!("CARGO_BIN_EXE_burnlab"));
        let mut script = Command::new("script");
        script.args(["-qec", &command, "/dev/null"]).current_dir(place.path("")).env_remove("CARGO");
        let output = script.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        // JSON has an escape for each.
        let stands_for = if line.contains("json") { "\\u202e" } else { "\u{fffd}" };
        assert!(said.contains(stands_for) && !said.contains(FOREIGN), "{line}: {said:?}");
    }
}

#[test]
fn names_are_no_formulas_in_tables_for_others_and_no_html_in_a_model_card() {
    let place = trained_on(["<img src=x onerror=alert(1)>[a](b)|", "=cmd|' /C calc'!A0"]);
    assert!(place.run(&["predict", "c", "t.csv", "-o", "pred.csv"]).status.success());
    assert!(place.run(&["evaluate", "c", "-o", "tested.csv"]).status.success());
    for (name, is_quoted) in [("pred.csv", true), ("tested.csv", true), ("predictions.csv", false)] {
        let folder = if is_quoted { place.path("") } else { place.only_run() };
        let table = std::fs::read_to_string(folder.join(name)).unwrap();
        let cells = |cell: &str| table.contains(&format!(",{cell}"));
        assert_eq!((cells("'=cmd"), cells("=cmd")), (is_quoted, !is_quoted), "{name}: {table}");
    }
    assert!(place.run(&["export", "c", "--format", "onnx", "-o", "m.onnx"]).status.success());
    let card = std::fs::read_to_string(place.path("m.onnx.md")).unwrap();
    assert!(card.contains("| &lt;img src=x onerror=alert(1)>\\[a\\](b)\\| |") && !card.contains("<img"), "{card}");
}

/// What a reader of the card pastes into a shell or into Python runs nothing of the run's own.
#[test]
fn a_model_card_holds_no_program_of_whoever_made_the_run() {
    let place = Place::new();
    let rows: String = (0..40).map(|row| format!("{};{}\n", row * 7 % 13, ["a", "b"][row % 2])).collect();
    place.write("t.csv", &format!("x;y\n{rows}"));
    let missing = "+str(__import__('os').system('touch PWNED'))+";
    place.write("c.toml", &format!("[data]\npath = \"t.csv\"\ntarget = \"y\"\ndelimiter = \";\"\nmissing = [\"\", \"{missing}\"]\n[training]\nmax_epochs = 1\n[model]\nhidden = [2]\n"));
    let output = place.run(&["--config", "c.toml", "--quiet"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let folder = place.path("x{{missing}}MISSING;touch $HOME y");
    std::fs::rename(place.only_run(), &folder).unwrap();
    let output = place.run(&["export", folder.to_str().unwrap(), "--format", "onnx"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let name = folder.file_name().unwrap().to_str().unwrap();
    let card = std::fs::read_to_string(place.path(&format!("{name}.onnx.md"))).unwrap();
    assert!(card.contains(&format!("    burnlab predict '{name}' new.csv -o predictions.csv")), "{card}");
    assert!(card.contains(&format!("onnxruntime.InferenceSession(\"{name}.onnx\")")), "{card}");
    assert!(card.contains("\"new.csv\", sep=\";\", dtype"), "{card}");
    assert!(card.contains(&format!("na_values=[\"\",\"\",\"{missing}\"]")), "{card}");
}

#[test]
fn each_damaged_file_of_a_run_is_named() {
    for name in ["run.json", "environment.json", "evaluation.json", "preprocessing.json", "config.toml"] {
        let place = trained(&[]);
        std::fs::write(place.only_run().join(name), "{ \"half").unwrap();
        let output = place.run(&["export", "iris", "--format", "safetensors"]);
        let errors = text(&output.stderr);
        assert!(output.status.code() == Some(1) && errors.contains(name), "{name}: {errors}");
    }
}

#[test]
fn numbers_beyond_reason_are_told_truly() {
    let place = Place::new();
    let rows = |a: &str, y: &str| format!("a,y\n{}", format!("1,{y}\n{a},{y}\n").repeat(20));
    for (table, more, expected) in [
        (rows("2", "1e-300"), "task = \"regression\"", "is 1e-300 in all 40 rows"),
        (rows("4e38", "1"), "", "`4e38`, beyond what 32 bits hold (3.4e38)"),
        (rows("inf", "1"), "", "`inf`, not a finite number"),
        (
            format!("a,y\n{}", "1,0\n2,1\n".repeat(20)),
            "[training.schedule]\nwarm_up_epochs = 1e30",
            "warm_up_epochs must be from 0 to 1,000,000",
        ),
    ] {
        place.write("t.csv", &table);
        place.write("c.toml", &format!("[data]\npath = \"t.csv\"\ntarget = \"y\"\n{more}\n"));
        let output = place.run(&["--config", "c.toml"]);
        let errors = text(&output.stderr);
        assert!(output.status.code() == Some(1) && errors.contains(expected), "{expected}: {errors}");
        assert!(errors.len() < 500, "{errors}");
    }
}

/// The file is gone once the first trial runs: the others keep what the worker has read.
#[test]
fn a_worker_reads_a_table_once() {
    let place = Place::new();
    place.write("t.csv", &format!("a,y\n{}", "1,0\n2,1\n3,0\n4,1\n".repeat(20)));
    place.write(
        "c.toml",
        "[data]\npath = \"t.csv\"\ntarget = \"y\"\n[training]\nmax_epochs = 500\n[sweep]\nmethod = \"random\"\ntrials = 6\n\
         [sweep.space]\n\"training.l2\" = { min = 1e-5, max = 1e-2 }\n",
    );
    let mut child = place.command(&["--config", "c.toml", "--jobs", "1"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let first = lines.find(|line| line.starts_with("trial 1"));
    std::fs::remove_file(place.path("t.csv")).unwrap();
    assert!(first.is_some());
    let rest: Vec<String> = lines.collect();
    assert!(child.wait().unwrap().success(), "{rest:?}");
}

/// Wider than a column of the standard library's formatting can be, which then panics.
#[test]
fn names_that_are_wider_than_any_screen_break_no_table() {
    let place = Place::new();
    let long = "w".repeat(70_000);
    let rows: String = (0..60).map(|i| format!("{},{}{long}\n", i * i % 7, ["a", "b"][i / 10 % 2])).collect();
    place.write("data.csv", &format!("x,y\n{rows}"));
    place.write(
        "c.toml",
        "[data]\npath = \"data.csv\"\ntarget = \"y\"\n[model]\nhidden = [2]\n[training]\nmax_epochs = 1\n",
    );
    let trained = place.run(&["--config", "c.toml", "--tag", &long]);
    assert!(trained.status.success(), "{}", text(&trained.stderr));
    let run = place.only_run().display().to_string();
    for verb in [
        &["evaluate", &run][..],
        &["runs", "list"],
        &["runs", "show", "latest"],
        &["runs", "compare", "latest", "latest"],
        &["plot", &run],
    ] {
        let output = place.run(verb);
        assert_eq!(output.status.code(), Some(0), "{verb:?}: {}", text(&output.stderr));
    }
    let list = text(&place.run(&["runs", "list"]).stdout);
    assert!(list.lines().all(|line| line.chars().count() < 1000) && list.contains('…'), "{}", list.len());
}
