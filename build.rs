//! What the program knows of its own build: the compiler and the profile, for the environment that each run records, and
//! the files of `configs/` and the lessons, which it contains.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The texts of `burnlab learn`: a folder for each language.
const LESSONS: &str = "src/guide/learn";

/// Maximum size of a file that is built in.
const MAX_BYTES: u64 = 1 << 20;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let set = |name: &str| env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"));
    let version = Command::new(set("RUSTC")).arg("--version").output().expect("cargo has just run this compiler");
    println!("cargo::rustc-env=BURNLAB_RUSTC={}", String::from_utf8_lossy(&version.stdout).trim());
    println!("cargo::rustc-env=BURNLAB_PROFILE={}", profile(&PathBuf::from(set("OUT_DIR")), &set("OPT_LEVEL")));

    let (root, out) = (PathBuf::from(set("CARGO_MANIFEST_DIR")), PathBuf::from(set("OUT_DIR")));
    for (folder, table) in [("configs", "shipped_files.rs"), (LESSONS, "lesson_files.rs")] {
        println!("cargo::rerun-if-changed={folder}");
        fs::write(out.join(table), include(&root, folder)).expect("OUT_DIR is writable");
    }
}

/// The files of `folder` as Rust: an array of their paths and contents.
fn include(root: &Path, folder: &str) -> String {
    let mut files = Vec::new();
    list(&root.join(folder), &mut files);
    files.sort_by_key(|file| file.with_extension(""));
    let mut table = "&[\n".to_owned();
    for file in files {
        let path = file.strip_prefix(root).expect("listed in it").to_str().expect("our names are UTF-8");
        writeln!(table, "    ({:?}, include_bytes!({:?})),", path.replace('\\', "/"), file).expect("strings grow");
    }
    table + "]\n"
}

/// Such as `dev, opt-level 3`. Cargo's `PROFILE` has only `debug` and `release`, and says `release` of a profile that
/// inherits from it; the output folder is `target/NAME/build/burnlab-HASH/out`, where NAME is `debug` for `dev`.
fn profile(out: &Path, opt_level: &str) -> String {
    let name = out.ancestors().nth(3).and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_else(|| env::var("PROFILE").unwrap_or_default());
    format!("{}, opt-level {opt_level}", if name == "debug" { "dev" } else { &name })
}

/// All files below `folder`, except for hidden ones and for large ones, which somebody keeps there.
fn list(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("it is part of the package") {
        let entry = entry.expect("its entries can be read");
        let path = entry.path();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if path.is_dir() {
            list(&path, files);
        } else if fs::metadata(&path).is_ok_and(|file| file.len() <= MAX_BYTES) {
            files.push(path);
        } else {
            println!("cargo::warning={} is too large to be built in", path.display());
        }
    }
}
