//! `burnlab doctor` where something is wrong: it names the thing and the way out, and fails where no run could be recorded.

use std::fs;

use crate::place::{Place, text};

/// What it prints of the store, which must be usable or not.
#[track_caller]
fn store(place: &Place, args: &[&str], is_usable: bool) -> String {
    let output = place.command(&[&["doctor"], args].concat()).env_remove("BURNLAB_STORE").output().unwrap();
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(if is_usable { 0 } else { 1 }), "{args:?}: {said}{}", text(&output.stderr));
    for line in ["burnlab   ", "backends  ", "GPU       ", "machine   "] {
        assert!(said.lines().any(|said| said.starts_with(line)), "{line}: {said}");
    }
    said.lines().find_map(|line| line.strip_prefix("store     ")).expect("a line of the store").to_owned()
}

fn train(place: &Place) {
    let output = place.run(&["--config", "xor-mlp", "--set", "training.max_epochs=1", "--quiet"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
}

#[test]
fn it_needs_no_home_no_path_and_no_store() {
    let place = Place::new();
    let output = place.command(&["doctor"]).env_clear().output().unwrap();
    let said = text(&output.stdout);
    assert!(output.status.success() && said.contains("store     none in `artifacts` yet"), "{said}");
    assert!(!place.path("artifacts").exists(), "looking makes nothing");
    // What cannot be read any more as its own folder.
    for verb in [&["doctor"][..], &["--config", "iris", "--quiet"], &["runs", "list"], &["init", "new.csv"]] {
        let gone = Place::new();
        let mut command = std::process::Command::new("sh");
        command.args(["-c", "rmdir \"$PWD\"; exec \"$0\" \"$@\"", env!("CARGO_BIN_EXE_burnlab")]).args(verb);
        let output = command.current_dir(gone.path("")).output().unwrap();
        let (said, errors) = (text(&output.stdout), text(&output.stderr));
        assert!(!errors.contains("panicked") && errors.lines().count() <= 1, "{errors}");
        assert!(format!("{said}{errors}").contains("the current folder is gone"), "{verb:?}: {said}{errors}");
        assert_eq!(output.status.code(), Some(1), "{said}{errors}");
    }
}

#[test]
fn a_store_that_is_damaged_foreign_or_newer_is_named_with_the_way_out() {
    let place = Place::new();
    train(&place);
    let line = store(&place, &[], true);
    assert!(line.starts_with("`artifacts`: 1 run, schema ") && line.contains("can be written"), "{line}");
    let file = place.path("artifacts/burnlab.db");
    let sound = fs::read(&file).unwrap();
    let mut newer = sound.clone();
    // The header's user version: <https://www.sqlite.org/fileformat2.html>.
    newer[60..64].copy_from_slice(&99u32.to_be_bytes());
    let mut torn = sound.clone();
    torn[4096..].fill(0x5a);
    for (bytes, told) in [
        (newer, "has schema 99, written by a newer burnlab"),
        (b"no database at all, but long enough to be read as the header of one".repeat(99), "runs reindex"),
        (torn, "burnlab.db"),
        (sound[..sound.len() / 2].to_vec(), "burnlab.db"),
        (Vec::new(), "runs reindex"),
    ] {
        fs::write(&file, bytes).unwrap();
        let line = store(&place, &[], false);
        assert!(line.contains(told), "{line}");
    }
    fs::write(&file, sound).unwrap();
    store(&place, &[], true);
}

#[test]
fn a_folder_that_is_none_or_cannot_be_written_is_told() {
    let place = Place::new();
    place.write("file", "");
    for artifacts in ["file", "file/below"] {
        let line = store(&place, &["--artifacts", artifacts], false);
        assert!(line.contains("file") && line.contains("--artifacts"), "{line}");
    }
    let deep = store(&place, &["--artifacts", "not/there/yet"], true);
    assert!(deep.starts_with("none in `not/there/yet` yet"), "{deep}");
}

#[cfg(feature = "postgres")]
#[test]
fn a_server_that_is_down_is_told() {
    let place = Place::new();
    let line = store(&place, &["--store", "postgres://me:s3cret@127.0.0.1:9/runs"], false);
    assert!(line.contains("127.0.0.1:9") && !line.contains("s3cret"), "{line}");
}
