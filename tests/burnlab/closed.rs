//! What is closed to other users stays closed to them: whatever a folder passes on to what is made in it, whatever is made of a closed
//! run, and wherever its rows go.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};

use crate::place::{Place, copy_folder, text};
use crate::planted::{OTHER, as_other, is_root, mode, plant_link, run, set_mode, shared, train};
use crate::served::Served;

/// The lines on standard error of a command that works.
#[track_caller]
fn told(place: &Place, args: &[&str]) -> String {
    let output = run(place, args);
    let errors = text(&output.stderr);
    assert!(output.status.success(), "{args:?}: {errors}");
    errors
}

fn runs(place: &Place) -> Vec<PathBuf> {
    let mut runs: Vec<_> =
        fs::read_dir(place.path("artifacts/runs")).unwrap().map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    runs
}

/// The only run of an experiment.
fn run_of(place: &Place, experiment: &str) -> PathBuf {
    let is_of = |run: &PathBuf| run.file_name().unwrap().to_str().unwrap().starts_with(&format!("{experiment}-"));
    let found: Vec<PathBuf> = runs(place).into_iter().filter(is_of).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found[0].clone()
}

/// All files and folders below a folder.
fn all_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| {
            let below = if path.is_dir() && !path.is_symlink() { all_below(&path) } else { Vec::new() };
            [vec![path], below].concat()
        })
        .collect()
}

/// Gives a file or folder the list that `setfacl` would, of rights for the owner, one user, the group, the mask and all others;
/// `false` where the file system has none.
#[cfg(target_os = "linux")]
fn set_acl(path: &Path, kind: &str, rights: [u16; 5]) -> bool {
    const ALL: u32 = u32::MAX;
    let mut bytes = 2_u32.to_le_bytes().to_vec();
    for ((tag, id), rights) in [(1_u16, ALL), (2, OTHER), (4, ALL), (0x10, ALL), (0x20, ALL)].into_iter().zip(rights) {
        bytes.extend([tag.to_le_bytes(), rights.to_le_bytes()].concat());
        bytes.extend(id.to_le_bytes());
    }
    let name = format!("system.posix_acl_{kind}");
    rustix::fs::setxattr(path, name.as_str(), &bytes, rustix::fs::XattrFlags::empty()).is_ok()
}

/// In such a folder the process's mask does not count.
#[test]
#[cfg(target_os = "linux")]
fn a_list_that_is_inherited_opens_nothing_that_is_closed() {
    let place = shared(0o600);
    fs::remove_dir_all(place.path("artifacts")).unwrap();
    fs::remove_file(place.path("c.toml")).unwrap();
    if !set_acl(&place.path(""), "default", [7, 7, 5, 7, 5]) {
        return;
    }
    told(&place, &["init", "t.csv", "-t", "y", "--set", "training.max_epochs=2", "-o", "c.toml"]);
    train(&place);
    told(&place, &["report", "latest"]);
    told(&place, &["export", "latest", "--format", "html"]);
    told(&place, &["--config", "c.toml", "-q", "--set", "data.cache=true"]);
    let made = all_below(&place.path(""));
    assert!(made.iter().any(|path| path.ends_with("burnlab.db")) && made.len() > 30, "{made:?}");
    for path in made {
        assert_eq!(mode(&path) & 0o077, 0, "{}", path.display());
    }
    if is_root() {
        assert!(!as_other(&place.path(""), &["runs", "list"]).status.success());
    }
}

/// Its mode says that everybody may read it.
#[test]
#[cfg(target_os = "linux")]
fn data_that_a_list_closes_to_one_user_make_a_closed_run() {
    for (of_user, of_run) in [(4, 0o755), (0, 0o700)] {
        let place = shared(0o644);
        if !set_acl(&place.path("t.csv"), "access", [6, of_user, 4, 4, 4]) {
            return;
        }
        assert_eq!(mode(&place.path("t.csv")), 0o644);
        train(&place);
        assert_eq!(mode(&runs(&place)[0]), of_run, "{of_user}");
        assert_eq!(mode(&place.path("artifacts/burnlab.db")) & 0o077 == 0, of_run == 0o700);
    }
}

/// A closed run, whose store is gone or another one that others may read.
#[test]
fn the_rows_of_a_closed_run_go_into_no_open_store() {
    let closed = shared(0o600);
    train(&closed);
    let store = closed.path("artifacts/burnlab.db");
    fs::remove_file(&store).unwrap();
    let errors = told(&closed, &["runs", "reindex"]);
    assert!(errors.contains("burnlab.db` is closed to other users from now on"), "{errors}");
    assert_eq!(mode(&store), 0o600);
    assert_eq!(told(&closed, &["runs", "reindex"]), "");

    let copied = &runs(&closed)[0];
    let name = copied.file_name().unwrap().to_str().unwrap();
    for in_trash in [false, true] {
        let open = shared(0o644);
        train(&open);
        let store = open.path("artifacts/burnlab.db");
        assert_eq!(mode(&store), 0o644);
        let number = store.metadata().unwrap().ino();
        let folder = open.path(if in_trash { "artifacts/trash" } else { "artifacts/runs" });
        fs::create_dir_all(&folder).unwrap();
        set_mode(&folder, 0o755);
        copy_folder(copied, &folder.join(name));
        set_mode(&folder.join(name), 0o700);
        // What completes the runs of killed processes does not add it unseen.
        drop(Served::start(open.command(&["dashboard", "--port", "0"])).unwrap());
        assert!(mode(&store) == 0o644 && !text(&run(&open, &["runs", "list"]).stdout).contains(name));
        let args = if in_trash { vec!["runs", "restore", name] } else { vec!["runs", "reindex"] };
        let errors = told(&open, &args);
        assert!(errors.contains("burnlab.db` is closed to other users from now on"), "{errors}");
        assert!(mode(&store) == 0o600 && store.metadata().unwrap().ino() != number);
        assert!(text(&run(&open, &["runs", "list"]).stdout).contains(name));
    }
}

#[test]
fn what_goes_on_from_a_closed_run_is_closed() {
    let place = shared(0o600);
    train(&place);
    let closed = runs(&place)[0].file_name().unwrap().to_str().unwrap().to_owned();
    set_mode(&place.write("open.csv", &fs::read_to_string(place.path("t.csv")).unwrap()), 0o644);
    let start = format!("model.init_from={closed}");
    let of_open = ["--config", "c.toml", "-q", "--set", "data.path=open.csv", "--set", &start];
    told(&place, &[&of_open[..], &["--set", "name=fine"]].concat());
    let fine = run_of(&place, "fine");
    told(&place, &["resume", fine.file_name().unwrap().to_str().unwrap(), "--epochs", "5", "-q"]);
    told(&place, &[&of_open[..], &["--set", "name=seeds", "--seeds", "2"]].concat());
    place.write(
        "sweep.toml",
        &format!(
            "{}[sweep]\nmethod = \"random\"\ntrials = 2\nmetric = \"validation/loss\"\n[sweep.space]\n\
             \"training.learning_rate\" = {{ min = 0.001, max = 0.1 }}\n",
            fs::read_to_string(place.path("c.toml")).unwrap()
        ),
    );
    let sweep = ["--config", "sweep.toml", "-q", "--jobs", "1", "--set", "data.path=open.csv", "--set", &start];
    told(&place, &[&sweep[..], &["--set", "name=sweep"]].concat());
    let all = runs(&place);
    assert_eq!(all.len(), 7);
    for run in all {
        assert_eq!(mode(&run), 0o700, "{}", run.display());
    }
    assert_eq!(mode(&place.path("artifacts/burnlab.db")), 0o600);
}

#[test]
fn a_picture_of_closed_rows_goes_into_no_folder_that_others_may_read() {
    let place = shared(0o644);
    train(&place);
    let open = runs(&place)[0].clone();
    let name = open.file_name().unwrap().to_str().unwrap();
    let rows = fs::read_to_string(place.path("t.csv")).unwrap();
    set_mode(&place.write("closed.csv", &rows), 0o600);
    set_mode(&place.write("other.csv", &rows), 0o644);
    let picture = place.path(&format!("{name}-contributions.svg"));
    let explain = |data: &str| told(&place, &["explain", name, "--row", "0", "--data", data]);
    let errors = explain("closed.csv");
    assert!(errors.contains("others may read the run's folder, and not what this picture shows"), "{errors}");
    assert_eq!(mode(&picture), 0o600);
    assert!(!open.join("plots/contributions.svg").exists());
    // What everybody may read goes where it did.
    assert_eq!(explain("other.csv"), "");
    assert!(open.join("plots/contributions.svg").exists());
    // And so does the picture of a closed run.
    set_mode(&open, 0o700);
    fs::remove_file(open.join("plots/contributions.svg")).unwrap();
    assert_eq!(explain("closed.csv"), "");
    assert!(open.join("plots/contributions.svg").exists());
}

#[test]
fn no_picture_goes_into_the_folder_of_another_user() {
    if !is_root() {
        return;
    }
    let place = shared(0o644);
    train(&place);
    let theirs = runs(&place)[0].clone();
    let name = theirs.file_name().unwrap().to_str().unwrap();
    for path in [vec![theirs.clone()], all_below(&theirs)].concat() {
        chown(&path, Some(OTHER), Some(OTHER)).unwrap();
        set_mode(&path, if path.is_dir() { 0o777 } else { 0o666 });
    }
    let before = all_below(&theirs);
    for (args, stem) in
        [(&["explain", name][..], "dependence"), (&["explain", name, "--row", "0", "--data", "t.csv"], "contributions")]
    {
        let errors = told(&place, args);
        assert!(errors.contains("the run's folder belongs to another user: written to the current folder"), "{errors}");
        assert!(place.path(&format!("{name}-{stem}.svg")).exists());
    }
    told(&place, &["plot", name, "curves"]);
    assert!(place.path(&format!("{name}-curves.svg")).exists());
    let is_theirs = |path: &PathBuf| path.metadata().unwrap().uid() == OTHER;
    assert!(all_below(&theirs).len() == before.len() && before.iter().all(is_theirs));
}

#[test]
fn a_cache_is_closed_when_its_table_is() {
    let place = shared(0o644);
    told(&place, &["config", "check", "c.toml", "--set", "data.cache=true"]);
    let cache = place.path("t.csv.cache");
    assert_eq!(mode(&cache), 0o644);
    set_mode(&place.path("t.csv"), 0o600);
    let checked = run(&place, &["config", "check", "c.toml", "--set", "data.cache=true"]);
    let said = text(&checked.stdout) + &text(&checked.stderr);
    assert!(said.contains("t.csv.cache is closed to other users from now on"), "{said}");
    assert_eq!(mode(&cache), 0o600);
}

/// In a folder such as `/tmp`.
#[test]
fn a_cache_is_written_and_read_through_no_link_of_another_user() {
    if !is_root() {
        return;
    }
    let place = shared(0o644);
    fs::create_dir(place.path("target")).unwrap();
    set_mode(&place.path(""), 0o1777);
    plant_link(&place.path("target"), &place.path("sub"));
    let check = ["config", "check", "c.toml", "--set", "data.cache=sub/x.cache"];
    for of_theirs in [0, 1] {
        let output = run(&place, &check);
        let errors = text(&output.stderr);
        let is_told = errors.contains("sub is a link that another user has left");
        assert!(output.status.code() == Some(1) && is_told, "{errors}");
        assert_eq!(fs::read_dir(place.path("target")).unwrap().count(), of_theirs);
        // One of this user's own is followed.
        fs::remove_file(place.path("sub")).unwrap();
        symlink(place.path("target"), place.path("sub")).unwrap();
        told(&place, &check);
        assert_eq!(fs::read_dir(place.path("target")).unwrap().count(), 1);
        // A sound cache behind their link is not read either: it would be the table.
        fs::remove_file(place.path("sub")).unwrap();
        plant_link(&place.path("target"), &place.path("sub"));
    }
}

#[test]
fn a_config_of_a_further_closed_file_is_closed() {
    let place = Place::new();
    set_mode(&place.path(""), 0o755);
    let rows: String = (0..20).map(|i| format!("{i},{}\n", i % 2)).collect();
    for file in ["open.csv", "closed.csv"] {
        place.write(file, &format!("a,y\n{rows}"));
        set_mode(&place.path(file), if file == "open.csv" { 0o644 } else { 0o600 });
    }
    told(&place, &["init", "open.csv", "--target", "y", "-o", "open.toml"]);
    told(
        &place,
        &["init", "open.csv", "--target", "y", "--set", "data.more_paths=[\"closed.csv\"]", "-o", "both.toml"],
    );
    assert_eq!([mode(&place.path("open.toml")), mode(&place.path("both.toml"))], [0o644, 0o600]);
}

/// An artifacts folder may be opened later, and a run folder be closed by the modes of its files.
#[test]
fn a_store_in_a_closed_folder_and_exports_of_closed_files_are_closed() {
    let place = shared(0o644);
    set_mode(&place.path("artifacts"), 0o700);
    train(&place);
    let store = place.path("artifacts/burnlab.db");
    assert_eq!(mode(&store), 0o644);
    set_mode(&place.path("t.csv"), 0o600);
    train(&place);
    assert_eq!(mode(&store), 0o600);

    let place = shared(0o644);
    train(&place);
    let run = runs(&place)[0].clone();
    for file in all_below(&run).iter().filter(|path| path.is_file()) {
        set_mode(file, 0o600);
    }
    told(&place, &["report", "latest"]);
    told(&place, &["export", "latest"]);
    let made: Vec<_> = fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().path()).collect();
    let made: Vec<_> = made
        .iter()
        .filter(|path| ["onnx", "html", "md"].iter().any(|end| path.extension().is_some_and(|of| of == *end)))
        .collect();
    assert_eq!(made.len(), 3, "{made:?}");
    assert!(made.iter().all(|path| mode(path) == 0o600), "{made:?}");
}

/// A new file takes the place of a store that is closed, and runs begin at that moment.
#[test]
fn runs_that_begin_together_close_the_store_and_all_are_recorded() {
    let place = shared(0o644);
    train(&place);
    let store = place.path("artifacts/burnlab.db");
    let number = store.metadata().unwrap().ino();
    set_mode(&place.path("t.csv"), 0o600);
    told(&place, &["--config", "c.toml", "-q", "--seeds", "6", "--jobs", "3"]);
    assert!(mode(&store) == 0o600 && store.metadata().unwrap().ino() != number);
    assert_eq!(runs(&place).len(), 7);
}

/// What goes on with closed data writes into no file that others may have opened before.
#[test]
fn what_is_resumed_closes_the_store_by_a_new_file() {
    let place = shared(0o644);
    train(&place);
    let store = place.path("artifacts/burnlab.db");
    let record = runs(&place)[0].join("run.json");
    fs::write(&record, fs::read_to_string(&record).unwrap().replace("\"finished\"", "\"crashed\"")).unwrap();
    told(&place, &["runs", "reindex"]);
    let number = store.metadata().unwrap().ino();
    set_mode(&place.path("t.csv"), 0o600);
    let errors = told(&place, &["resume", "latest", "-q"]);
    assert!(errors.contains("is closed to other users from now on, as the data are\n"), "{errors}");
    assert!(mode(&store) == 0o600 && store.metadata().unwrap().ino() != number);

    let place = shared(0o644);
    let store = place.path("artifacts/burnlab.db");
    let space = "[sweep]\nmethod = \"grid\"\n[sweep.space]\n\"model.hidden\" = { values = [[2], [3]] }\n";
    place.write("c.toml", &(fs::read_to_string(place.path("c.toml")).unwrap() + space));
    told(&place, &["--config", "c.toml", "-q"]);
    let waits = "UPDATE trial SET state = 'waiting' WHERE number = 1";
    rusqlite::Connection::open(&store).unwrap().execute(waits, []).unwrap();
    let number = store.metadata().unwrap().ino();
    set_mode(&place.path("t.csv"), 0o600);
    let errors = told(&place, &["sweep", "resume", "latest", "-q"]);
    assert!(errors.contains("note: ") && errors.contains("is closed to other users from now on"), "{errors}");
    assert!(mode(&store) == 0o600 && store.metadata().unwrap().ino() != number);

    // Open data, and weights of a run that was closed meanwhile.
    let place = shared(0o644);
    let store = place.path("artifacts/burnlab.db");
    train(&place);
    let started_from = runs(&place)[0].clone();
    let start = format!("model.init_from={}", started_from.file_name().unwrap().to_str().unwrap());
    let space = "[sweep]\nmethod = \"grid\"\n[sweep.space]\n\"training.learning_rate\" = { values = [0.1, 0.2] }\n";
    place.write("c.toml", &(fs::read_to_string(place.path("c.toml")).unwrap() + space));
    told(&place, &["--config", "c.toml", "-q", "--set", &start]);
    rusqlite::Connection::open(&store).unwrap().execute(waits, []).unwrap();
    let number = store.metadata().unwrap().ino();
    set_mode(&started_from, 0o700);
    let errors = told(&place, &["sweep", "resume", "latest", "-q"]);
    let notes: Vec<_> = errors.lines().filter(|line| line.contains("is closed to other users from now on")).collect();
    assert!(notes.len() == 1 && notes[0].starts_with("note: "), "by this process, before its workers: {errors}");
    assert!(mode(&store) == 0o600 && store.metadata().unwrap().ino() != number);
}

/// In a folder where all may write, another user has made the folder `configs` and closed it to all others' writing.
#[test]
fn no_config_in_a_folder_that_another_user_has_left_stands_for_a_built_in_one() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    set_mode(&place.path(""), 0o1777);
    fs::create_dir(place.path("configs")).unwrap();
    place.write("configs/iris.toml", "[data]\nsource = \"wine\"\n");
    for path in ["configs", "configs/iris.toml"] {
        chown(place.path(path), Some(OTHER), None).unwrap();
        set_mode(&place.path(path), if path == "configs" { 0o755 } else { 0o644 });
    }
    let output = run(&place, &["--config", "iris", "-q"]);
    let errors = text(&output.stderr);
    assert!(output.status.code() == Some(1) && errors.contains("stands in the way of the built-in config"), "{errors}");
    // Named as a file, it is meant.
    assert!(run(&place, &["config", "check", "./configs/iris.toml"]).status.success());
}

/// In a folder where all may write, another user has left the data of a built-in config, and folders with the names of runs.
#[test]
fn neither_data_nor_runs_that_another_user_has_left_stand_for_built_in_ones_or_own_ones() {
    if !is_root() {
        return;
    }
    let place = Place::new();
    told(&place, &["--config", "digits", "--set", "training.max_epochs=1", "-q"]);
    set_mode(&place.path(""), 0o1777);
    let give = |path: &Path| {
        all_below(path)
            .iter()
            .map(PathBuf::as_path)
            .chain([path])
            .for_each(|path| chown(path, Some(OTHER), None).unwrap());
    };
    for name in ["latest", "digits-pretrain"] {
        copy_folder(&run_of(&place, "digits"), &place.path(name));
        give(&place.path(name));
    }
    fs::remove_dir_all(place.path("artifacts")).unwrap();
    fs::create_dir_all(place.path("configs/data")).unwrap();
    place.write("configs/data/titanic.csv", "a,Survived\n1,0\n2,1\n");
    give(&place.path("configs"));
    let planted = "--set=data.path=./configs/data/titanic.csv";
    for (args, expected) in [
        (&["config", "check", "titanic-class"][..], "stands in the way of the data of a built-in config"),
        (&["--config", "titanic-class", "-q"], "stands in the way of the data of a built-in config"),
        (&["evaluate", "digits-pretrain"], "belongs to"),
        (&["--config", "digits-finetune", "-q"], "belongs to"),
        (&["evaluate", "latest"], "no run"),
    ] {
        let output = run(&place, args);
        let errors = text(&output.stderr);
        assert!(output.status.code() == Some(1) && errors.contains(expected), "{args:?}: {errors}");
    }
    // Named as files, they are meant.
    assert!(run(&place, &["evaluate", "./digits-pretrain"]).status.success());
    let output = run(&place, &["config", "check", "titanic-class", planted]);
    assert!(!text(&output.stderr).contains("stands in the way"), "{}", text(&output.stderr));
}

/// They may have it open, whatever the folders above it are by now.
#[test]
fn closed_data_go_into_no_store_and_no_runs_of_another_user() {
    if !is_root() {
        return;
    }
    for theirs in ["artifacts/burnlab.db", "artifacts/runs"] {
        let place = shared(0o644);
        train(&place);
        set_mode(&place.path("artifacts"), 0o700);
        set_mode(&place.path("t.csv"), 0o600);
        chown(place.path(theirs), Some(OTHER), None).unwrap();
        let output = run(&place, &["--config", "c.toml", "-q"]);
        let errors = text(&output.stderr);
        assert!(output.status.code() == Some(1) && errors.contains("belongs to another user"), "{theirs}: {errors}");
        assert_eq!(runs(&place).len(), 1);
    }
}
