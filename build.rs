//! The compiler's version, for the environment that each run records.

use std::env;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let rustc = env::var("RUSTC").expect("cargo sets RUSTC");
    let version = Command::new(rustc).arg("--version").output().expect("cargo has just run this compiler");
    println!("cargo::rustc-env=BURNLAB_RUSTC={}", String::from_utf8_lossy(&version.stdout).trim());
}
