//! Results of a run that were changed after its training, shared artifacts folders, and stores that others keep locked.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::place::{Place, copy_folder, output_of, refused, text, wait_for, works};
use crate::served::Served;

fn lines(path: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let mut lines: Vec<String> = fs::read_to_string(path).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(path, lines.join("\n") + "\n").unwrap();
}

#[test]
fn results_that_were_changed_since_the_training_are_not_taken_for_what_was_trained() {
    let place = Place::new();
    works(&place, &["--config", "iris", "-q"]);
    let original = place.only_run();
    let evaluated = works(&place, &["evaluate", "iris"]);
    let copy = place.path("copy");
    let altered = |name: &str, args: &[&[&str]], change: &dyn Fn(&Path)| {
        fs::remove_dir_all(&copy).ok();
        copy_folder(&original, &copy);
        let said: Vec<String> = args.iter().map(|args| works(&place, args)).collect();
        change(&copy.join(name));
        for args in args {
            refused(
                &place,
                args,
                &format!("copy/{name}` is not what training wrote, by the sum in SHA256SUMS beside it"),
            );
        }
        // Whoever means it can say so.
        lines(&copy.join("SHA256SUMS"), |sums| sums.retain(|line| !line.ends_with(name)));
        assert!(args.iter().zip(said).any(|(args, said)| place.run(args).stdout != said.into_bytes()), "{name}");
    };
    let verbs: [&[&str]; 4] = [
        &["predict", "./copy", "rows.csv"],
        &["evaluate", "./copy"],
        &["explain-step", "./copy"],
        &["export", "./copy", "-o", "x.onnx"],
    ];
    fs::copy(original.join("test.csv"), place.path("rows.csv")).unwrap();
    altered("test.csv", &verbs[1..2], &|file| lines(file, |lines| lines.truncate(11)));
    altered("preprocessing.json", &verbs[..2], &|file| {
        let text = fs::read_to_string(file).unwrap();
        let swapped = text.replace("\"setosa\"", "\"x\"").replace("\"virginica\"", "\"setosa\"");
        fs::write(file, swapped.replace("\"x\"", "\"virginica\"")).unwrap();
    });
    altered("model.safetensors", &verbs[..3], &|file| {
        let mut bytes = fs::read(file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 0x80; // the sign of a weight
        fs::write(file, bytes).unwrap();
    });
    // What sha256sum(1) checks, where there is one.
    let folder = original.to_str().unwrap();
    if let Ok(checked) = std::process::Command::new("sha256sum").args(["-c", "SHA256SUMS"]).current_dir(folder).output()
    {
        let said = text(&checked.stdout);
        assert!(checked.status.success() && said.contains("predictions.csv: OK"), "{said}");
    }
    assert_eq!(works(&place, &["evaluate", "iris"]), evaluated);
}

/// What is read by a changed config is read otherwise than in the training, in silence: other cells, weights, losses.
#[test]
fn a_config_that_was_changed_since_the_training_is_refused() {
    let place = Place::new();
    let rows = "1,2,a\n2,1,b\n3,5,a\n4,3,b\n".repeat(10);
    place.write("t.csv", &format!("x,z,y\n{rows}"));
    place.write(
        "t.toml",
        "[data]\npath = \"t.csv\"\ntarget = \"y\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 2\n",
    );
    works(&place, &["--config", "t.toml", "-q"]);
    let file = place.only_run().join("config.toml");
    let sound = fs::read_to_string(&file).unwrap();
    for (key, changed) in [
        ("data.missing", sound.replace("missing = [", "missing = [\"2\", ")),
        ("data.comment", sound.replace("[data]", "[data]\ncomment = \"3\"")),
        ("data.weight", sound.replace("[data]", "[data]\nweight = \"z\"")),
        ("training.max_epochs", sound.replace("max_epochs = 2", "max_epochs = 3")),
    ] {
        assert_ne!(changed, sound, "{key}");
        fs::write(&file, changed).unwrap();
        for verb in
            [&["predict", "t", "t.csv"][..], &["evaluate", "t"], &["plot", "t"], &["export", "t"], &["explain", "t"]]
        {
            refused(
                &place,
                verb,
                &format!("config.toml: `{key}` has been changed since the run began: change it back"),
            );
        }
    }
    // The data may have been moved.
    fs::create_dir(place.path("moved")).unwrap();
    fs::rename(place.path("t.csv"), place.path("moved/t.csv")).unwrap();
    fs::write(&file, &sound).unwrap();
    let explained = |place: &Place| text(&place.run(&["explain", "t"]).stdout);
    assert!(!explained(&place).contains("training rows, seed"));
    fs::write(&file, sound.replace("t.csv", "moved/t.csv")).unwrap();
    assert!(explained(&place).contains("training rows, seed"), "{}", explained(&place));
}

#[test]
fn the_dashboard_tells_of_results_that_were_changed() {
    let place = Place::new();
    works(&place, &["--config", "iris", "-q"]);
    let run = place.only_run();
    let served = Served::start(place.command(&["dashboard", "--port", "0"])).unwrap();
    let address = format!("/api/runs/{}", run.file_name().unwrap().to_str().unwrap());
    let problems = || -> serde_json::Value {
        let answer = served.ask("GET", &address, "").unwrap().1;
        serde_json::from_str::<serde_json::Value>(&answer).unwrap()["problems"].clone()
    };
    assert_eq!(problems(), serde_json::json!([]));
    lines(&run.join("evaluation.json"), |lines| lines.push(String::new()));
    let told = problems().to_string();
    assert!(told.contains("evaluation.json` is not what training wrote"), "{told}");
}

#[test]
fn pictures_that_are_left_out_for_changed_data_are_told() {
    let place = Place::new();
    let row = |i: usize| format!("{},{},{}\n", i % 7, i % 5, ["a", "b"][usize::from(i % 7 > i % 5)]);
    let table: String = (0..60).map(row).collect();
    place.write("t.csv", &format!("u,v,y\n{table}"));
    place.write(
        "t.toml",
        "[data]\npath = \"t.csv\"\ntarget = \"y\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 3\n",
    );
    works(&place, &["--config", "t.toml", "-q"]);
    let told = |args: &[&str]| {
        let output = place.run(args);
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stderr)
    };
    let report = || {
        works(&place, &["report", "t"]);
        fs::read_to_string(place.path("report.html")).unwrap()
    };
    let (without_train, without_test) = ("the training rows are not shown", "pictures of the test rows are left out");
    let sound = told(&["plot", "t"]) + &report();
    assert!(!sound.contains(without_train) && !sound.contains(without_test), "{sound}");
    lines(&place.path("t.csv"), |lines| lines[3] = "6,0,b".into());
    for said in [told(&["plot", "t"]), report()] {
        assert!(said.contains("have changed since the run was trained"), "{said}");
        assert!(said.contains(without_train) && !said.contains(without_test), "{said}");
    }
    lines(&place.only_run().join("test.csv"), |lines| lines.truncate(5));
    for said in [told(&["plot", "t"]), report()] {
        assert!(said.contains("test.csv") && said.contains(without_test), "{said}");
    }
    refused(&place, &["plot", "t", "confusion"], "test.csv` is not what training wrote");
}

#[test]
fn nothing_goes_on_from_what_was_changed() {
    let place = Place::new();
    works(&place, &["--config", "iris", "-q"]);
    let run = place.only_run();
    let epochs =
        fs::read_to_string(run.join("metrics.csv")).unwrap().lines().filter(|line| line.contains("train/loss")).count();
    let more = (epochs + 1).to_string();
    let resume = ["resume", "iris", "--epochs", &more];
    let file = run.join("preprocessing.json");
    let sound = fs::read_to_string(&file).unwrap();
    let center = sound.find("\"center\": ").unwrap() + 10;
    let moved = format!("{}9{}", &sound[..center], &sound[center..]);
    fs::write(&file, &moved).unwrap();
    refused(&place, &resume, "preprocessing.json` is not what training wrote");
    // As of a run that was killed, which has no sums yet.
    let sums = fs::read(run.join("SHA256SUMS")).unwrap();
    fs::remove_file(run.join("SHA256SUMS")).unwrap();
    refused(&place, &resume, "preprocessing.json is not what the run's data give: remove it");
    fs::write(&file, &sound).unwrap();
    let metrics = fs::read_to_string(run.join("metrics.csv")).unwrap();
    lines(&run.join("metrics.csv"), |lines| lines.retain(|line| !line.starts_with("3,")));
    refused(&place, &resume, &format!("metrics.csv has {} of the {epochs} epochs up to the checkpoint", epochs - 1));
    fs::write(run.join("SHA256SUMS"), &sums).unwrap();
    refused(&place, &resume, "metrics.csv` is not what training wrote");
    let skipped = place.run(&["runs", "reindex"]);
    assert!(text(&skipped.stderr).contains("metrics.csv` is not what training wrote"), "{}", text(&skipped.stderr));
    fs::write(run.join("metrics.csv"), metrics).unwrap();
    let checkpoint = fs::read(run.join("checkpoint.safetensors")).unwrap();
    fs::write(run.join("checkpoint.safetensors"), &checkpoint[..checkpoint.len() - 1]).unwrap();
    refused(&place, &resume, "restore it, or train a new run");
    fs::remove_file(run.join("checkpoint.safetensors")).unwrap();
    refused(&place, &resume, "checkpoint.safetensors is missing: restore it, or train a new run");
    fs::write(run.join("checkpoint.safetensors"), checkpoint).unwrap();
    works(&place, &["runs", "reindex"]);
    works(&place, &resume);
}

/// The interval is that of the rows as they were predicted, or there is none.
#[test]
fn predictions_that_were_changed_decide_nothing() {
    let place = Place::new();
    for hidden in ["4", "16"] {
        let (set, name) = (format!("model.hidden=[{hidden}]"), format!("h{hidden}"));
        let few = ["--set", "data.split_seed=1", "--set", "training.max_epochs=5"];
        let config = ["--config", "titanic-families", "-q", "--seeds", "2", "--set", &set, "--name", &name];
        works(&place, &[&config[..], &few].concat());
    }
    let compare = ["runs", "compare", "h4", "h16", "--metric", "test/accuracy"];
    assert!(works(&place, &compare).contains("for new test rows"));
    for run in fs::read_dir(place.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path()) {
        if run.file_name().unwrap().to_str().unwrap().starts_with("h4-") {
            lines(&run.join("predictions.csv"), |lines| lines[1].push('1'));
        }
    }
    let said = works(&place, &compare);
    assert!(
        !said.contains("for new test rows") && said.contains("predictions.csv` is not what training wrote"),
        "{said}"
    );
}

#[test]
fn a_training_whose_store_is_locked_says_so_and_goes_on() {
    let place = Place::new();
    place.write(
        "c.toml",
        "[data]\nsource = \"iris\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 1000000\nlearning_rate = 1e-6\n",
    );
    let mut command = place.command(&["--config", "c.toml", "-q"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let run = wait_for("a run", || {
        let folder = fs::read_dir(place.path("artifacts/runs")).ok()?.next()?.ok()?.path();
        let points = fs::read_to_string(folder.join("metrics.csv")).ok()?;
        (points.lines().count() > 3).then_some(folder)
    });
    let store = place.path("artifacts/burnlab.db");
    let other = rusqlite::Connection::open(&store).unwrap();
    other.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let length = || fs::metadata(run.join("metrics.csv")).unwrap().len();
    let in_store = length();
    wait_for("epochs without the store", || (length() > in_store + 1000).then_some(()));
    other.execute_batch("ROLLBACK").unwrap();
    crate::place::signal("INT", child.id());
    let output = output_of(child, "a training without its store");
    let errors = text(&output.stderr);
    assert!(errors.contains("burnlab.db` is kept locked by another process: the training goes on"), "{errors}");
    assert!(errors.contains("the store can be written again, and has all of the run"), "{errors}");
    let id = run.file_name().unwrap().to_str().unwrap();
    let shown = works(&place, &["runs", "show", id]);
    assert!(shown.contains("interrupted"), "{shown}");
    // The header and two metrics of each epoch.
    let points = fs::read_to_string(run.join("metrics.csv")).unwrap().lines().count() - 1;
    let recorded: usize = other
        .query_row("SELECT count(*) FROM point", [], |row| row.get::<_, i64>(0))
        .map(|count| count as usize)
        .unwrap();
    assert_eq!(recorded, points);
}

#[test]
fn what_stays_in_the_trash_or_is_in_the_way_there_is_said() {
    let place = Place::new();
    works(&place, &["--config", "iris", "-q"]);
    let run = place.only_run();
    let id = run.file_name().unwrap().to_str().unwrap().to_owned();
    let mut deep = run.clone();
    for _ in 0..300 {
        deep.push("d");
    }
    fs::create_dir_all(&deep).unwrap();
    // Something has its name in the trash.
    fs::create_dir_all(place.path("artifacts/trash")).unwrap();
    fs::write(place.path("artifacts/trash").join(&id), "").unwrap();
    refused(&place, &["runs", "delete", &id], &format!("trash/{id}` is there already: move it away"));
    assert!(works(&place, &["runs", "list"]).contains(&id));
    fs::remove_file(place.path("artifacts/trash").join(&id)).unwrap();
    works(&place, &["runs", "delete", &id]);
    let kept = works(&place, &["runs", "gc"]);
    assert!(kept.starts_with("left in the trash: 1 run, deleted less than 30 days ago; `"), "{kept}");
    assert!(works(&place, &["runs", "gc", "--older-than", "0"]).contains("gone"));
    assert_eq!(fs::read_dir(place.path("artifacts/trash")).unwrap().count(), 0);
}

#[cfg(unix)]
mod with_others {
    use std::os::unix::fs::{MetadataExt, chown};
    use std::process::{Child, Command};

    use super::*;
    use crate::planted::{OTHER, as_other, is_root, mode, run, set_mode, shared, train};

    fn all_of_group(folder: &Path) {
        for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).chain([folder.to_owned()]) {
            chown(&entry, None, Some(OTHER)).unwrap();
            set_mode(&entry, if entry.is_dir() { 0o2775 } else { 0o664 });
            if entry.is_dir() && entry != folder {
                all_of_group(&entry);
            }
        }
    }

    #[test]
    fn a_note_of_another_user_in_a_shared_folder_locks_nobody_out() {
        if !is_root() {
            return;
        }
        let place = shared(0o644);
        train(&place);
        all_of_group(&place.path("artifacts"));
        let folder = place.only_run();
        let id = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let note = |words: &str| {
            let script = format!("umask 077; exec {} runs note {id} {words}", env!("CARGO_BIN_EXE_burnlab"));
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "sh", "-c", &script]);
            command.current_dir(place.path("")).env_remove("CARGO").env("HOME", "/").output().unwrap()
        };
        let noted = note("hello");
        assert!(noted.status.success(), "{}", text(&noted.stderr));
        let record = folder.join("run.json").metadata().unwrap();
        assert_eq!((record.uid(), record.gid(), record.mode() & 0o777), (OTHER, OTHER, 0o664));
        // Nor does what they leave beside the store.
        assert_eq!(as_other(&place.path(""), &["runs", "list"]).status.code(), Some(0));
        for end in ["-wal", "-shm"] {
            assert!(!place.path(&format!("artifacts/burnlab.db{end}")).exists(), "{end}");
        }
        train(&place);
    }

    /// A process of the other user in `folder` that holds something until its standard input ends, once it has said so; `None` without
    /// the program for it.
    fn holder(folder: &Path, args: &[&str]) -> Option<Child> {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).args(args).current_dir(folder);
        let mut holder = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let said = std::io::Read::read_exact(holder.stdout.as_mut()?, &mut [0; 4]);
        said.is_ok().then_some(holder)
    }

    #[test]
    fn whoever_may_read_the_lock_of_a_run_does_not_keep_its_owner_from_it() {
        if !is_root() {
            return;
        }
        let place = shared(0o644);
        train(&place);
        let run = place.only_run();
        let Some(mut holder) = holder(&run, &["flock", "-x", "lock", "sh", "-c", "echo held; read line"]) else {
            return;
        };
        works(&place, &["resume", run.file_name().unwrap().to_str().unwrap(), "--epochs", "4"]);
        works(&place, &["runs", "delete", run.file_name().unwrap().to_str().unwrap()]);
        drop(holder.stdin.take());
        holder.wait().unwrap();
    }

    #[test]
    fn a_reader_does_not_keep_a_store_of_closed_data_open_to_him() {
        if !is_root() {
            return;
        }
        let place = shared(0o644);
        train(&place);
        let store = place.path("artifacts/burnlab.db");
        set_mode(&store, 0o644);
        let before = store.metadata().unwrap().ino();
        // As a dashboard of theirs keeps it.
        let script = "import fcntl, os, struct, sys, time\nfd = os.open('artifacts/burnlab.db', os.O_RDONLY)\n\
                      fcntl.fcntl(fd, fcntl.F_SETLK, struct.pack('hhqqi4x', fcntl.F_RDLCK, 0, 0x40000002, 510, 0))\n\
                      print('held', flush=True)\nsys.stdin.read()";
        let Some(mut holder) = holder(&place.path(""), &["python3", "-c", script]) else { return };
        set_mode(&place.path("t.csv"), 0o600);
        let trained = run(&place, &["--config", "c.toml", "-q"]);
        let errors = text(&trained.stderr);
        assert!(trained.status.success() && errors.contains("closed to other users from now on"), "{errors}");
        assert!(!errors.contains("in use"), "{errors}");
        assert!(store.metadata().unwrap().ino() != before && mode(&store) == 0o600);
        let listed = run(&place, &["runs", "list"]);
        assert!(
            text(&listed.stdout).lines().filter(|line| line.contains("c-20")).count() == 2,
            "{}",
            text(&listed.stdout)
        );
        drop(holder.stdin.take());
        holder.wait().unwrap();
    }

    #[test]
    fn a_sweep_whose_data_may_not_be_read_says_whose_they_are() {
        if !is_root() {
            return;
        }
        let place = shared(0o644);
        let config = fs::read_to_string(place.path("c.toml")).unwrap();
        place.write("s.toml", &format!("{config}[sweep]\nmethod = \"random\"\ntrials = 40\nminutes = 0.001\n[sweep.space]\n\"training.learning_rate\" = {{ min = 1e-4, max = 1e-1 }}\n"));
        run(&place, &["--config", "s.toml", "-q", "--jobs", "1"]);
        all_of_group(&place.path("artifacts"));
        set_mode(&place.path("t.csv"), 0o600);
        let output = as_other(&place.path(""), &["sweep", "work", "latest"]);
        let errors = text(&output.stderr);
        assert!(errors.contains("t.csv` belongs to") && errors.contains("may not be read by you"), "{errors}");
    }
}

#[test]
fn no_output_takes_the_place_of_a_store() {
    let place = Place::new();
    works(&place, &["--config", "iris", "-q"]);
    for end in ["", "-wal", "-shm", "-journal"] {
        let file = format!("artifacts/burnlab.db{end}");
        for verb in [&["report", "iris", "-o"][..], &["export", "iris", "--format", "html", "-o"]] {
            refused(&place, &[verb, &[&file]].concat(), "is the name of a store of runs: name another file");
        }
    }
    assert!(works(&place, &["runs", "list"]).contains("iris"));
}

#[cfg(unix)]
#[test]
fn no_model_is_written_whose_card_cannot_be() {
    let place = Place::new();
    works(&place, &["--config", "iris", "-q"]);
    let file = "m".repeat(248) + ".onnx"; // 255 bytes are the most with ext4, and the card has three more
    refused(&place, &["export", "iris", "-o", &file], "choose a shorter name");
    assert!(!place.path(&file).exists());
}

#[cfg(unix)]
#[test]
fn what_goes_to_standard_output_is_the_document_alone() {
    let place = Place::new();
    works(&place, &["--config", "iris", "-q"]);
    works(&place, &["report", "iris", "-o", "report.html"]);
    let report = fs::read_to_string(place.path("report.html")).unwrap();
    for name in ["-", "/dev/stdout"] {
        assert!(works(&place, &["report", "iris", "-o", name]) == report, "{name}");
    }
    works(&place, &["export", "iris", "-o", "/dev/null"]);
    assert!(!Path::new("/dev/null.md").exists());
    fs::copy(place.only_run().join("test.csv"), place.path("rows.csv")).unwrap();
    let full = place.command(&["predict", "iris", "rows.csv"]).stdout(fs::File::create("/dev/full").unwrap()).output();
    assert!(text(&full.unwrap().stderr).starts_with("error: cannot write the output: "));
}

#[test]
fn a_run_whose_folder_is_gone_is_not_promised_to_come_back() {
    let place = Place::new();
    works(&place, &["--config", "iris", "-q"]);
    assert!(works(&place, &["runs", "delete", "iris"]).contains("in the trash (`"));
    works(&place, &["--config", "iris", "-q"]);
    fs::remove_dir_all(place.only_run()).unwrap();
    assert!(works(&place, &["runs", "delete", "latest"]).contains("gone for good: its folder was no longer there"));
}

#[test]
fn a_run_that_an_older_store_does_not_know_is_found_in_its_folder() {
    let place = Place::new();
    works(&place, &["--config", "iris", "-q"]);
    fs::copy(place.path("artifacts/burnlab.db"), place.path("older.db")).unwrap();
    works(&place, &["--config", "wine", "-q"]);
    fs::copy(place.path("older.db"), place.path("artifacts/burnlab.db")).unwrap();
    refused(&place, &["evaluate", "wine"], "runs reindex` takes it in");
    works(&place, &["runs", "reindex"]);
    works(&place, &["evaluate", "wine"]);
}
