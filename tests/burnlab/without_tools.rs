//! Tests whose tool is not on this machine: each passes without having tried anything, says so, and is counted.
//!
//! libtest has no hook at its end, and keeps to itself what a passing test prints with `println!`. So each of them
//! writes a line `skipped N: ...` to the terminal at once, N counting them, and the test of this module writes how many
//! there were of each. libtest goes by name, so that it begins last.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};

/// How many tests of this process were skipped, by what they need.
static SKIPPED: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

/// Counts the running test as one that was skipped for want of `tool`.
///
/// # Panics
/// Where `BURNLAB_REQUIRE_ALL` is set, as in CI: there everything is tried.
#[track_caller]
pub fn skip(tool: &str) {
    let is_required = std::env::var_os("BURNLAB_REQUIRE_ALL").is_some();
    assert!(!is_required, "no {tool}, and BURNLAB_REQUIRE_ALL is set: .ci/run shows how to get it");
    let mut skipped = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
    *skipped.entry(tool.to_owned()).or_default() += 1;
    // libtest names the threads.
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    say(&format!("skipped {}: {test} needs {tool}", skipped.values().sum::<usize>()));
}

fn say(line: &str) {
    // Past `eprintln!`, which libtest catches.
    writeln!(std::io::stderr(), "{line}").ok();
}

#[test]
fn how_many_tests_were_skipped() {
    let skipped = SKIPPED.lock().unwrap_or_else(PoisonError::into_inner);
    let of_each: Vec<String> = skipped.iter().map(|(tool, number)| format!("{number} for want of {tool}")).collect();
    let total = skipped.values().sum::<usize>();
    say(&format!("skipped in all: {total}{}{}", if total > 0 { ": " } else { "" }, of_each.join(", ")));
}
