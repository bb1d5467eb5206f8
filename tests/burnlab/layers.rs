//! The layering of `src/`: which module may name which, no circle of files, and what is in one place alone.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::modules::{Modules, Reference, Target};

/// A module of the library and the modules that it may name, the upper layers first.
const LAYERS: [(&str, &str); 42] = [
    ("main", "cli commands"),
    ("library", "backend config experiment tracking training"),
    (
        "commands",
        "backend bounded cli comparison config dashboard data directory experiment figures invalid learn metric model onnx permissions plots postgresql secrets shell serve shipped shown sweep threads tracking training web",
    ),
    ("cli", "backend experiment shell shipped tracking"),
    ("serve", "backend data experiment keyed shown threads tracking training web"),
    (
        "learn",
        "backend config cpu data experiment figures invalid keyed metric model shell shipped tracking training web",
    ),
    ("dashboard", "bounded comparison metric permissions shell sweep threads tracking waiting web"),
    (
        "experiment",
        "backend bounded comparison config cpu data figures invalid metric model network onnx page permissions plots secrets shell sweep template threads tracking training waiting",
    ),
    ("config", "bounded cpu data invalid keyed metric missing model permissions secrets shell shipped sweep training"),
    ("training", "cpu data figures invalid keyed metric model schema tracking"),
    ("model", "cpu data figures invalid network schema"),
    ("backend", "cpu threads"),
    ("cpu", ""),
    ("comparison", "figures invalid metric shell tracking"),
    (
        "tracking",
        "bounded directory figures invalid metric permissions postgresql secrets shell shown sqlite_file threads waiting",
    ),
    ("metric", "data"),
    (
        "data",
        "bounded directory figures invalid keyed missing permissions postgresql secrets shipped sqlite_file threads",
    ),
    ("sweep", "invalid keyed"),
    ("plots", "figures shown"),
    ("onnx", "network"),
    ("page", "network shown template"),
    ("network", ""),
    ("web", "figures invalid keyed"),
    ("bounded", ""),
    ("template", ""),
    ("postgresql", "threads"),
    ("sqlite_file", "permissions"),
    ("directory", "permissions"),
    ("permissions", ""),
    ("figures", ""),
    ("guide", ""), // pages, no code
    ("missing", ""),
    ("secrets", ""),
    ("schema", ""),
    ("shell", ""),
    ("threads", ""),
    ("waiting", ""),
    ("shipped", ""),
    ("shown", ""),
    ("keyed", ""),
    ("invalid", ""),
    ("lib", "backend config cpu data experiment library model tracking training"), // passes on what is public
];

/// What may name Burn.
const BURN: [&str; 6] = ["backend", "cpu", "data", "experiment", "model", "training"];
/// The files that may name Burn's backends, the types that features choose, and these features.
const BACKENDS: [&str; 2] = ["backend.rs", "cpu/backends.rs"];
/// What may name Burn's autodiff, over any of them: it is where backward nodes are added.
const AUTODIFF: [&str; 2] = ["backend", "cpu"];
const AUTODIFF_NAMES: [&str; 2] = ["autodiff", "Autodiff"];
const BACKEND_FEATURES: [&str; 3] = ["flex", "ndarray", "wgpu"];
/// The beginnings of the files that may speak SQL or name a database's driver.
const SQL: [&str; 9] = [
    "data/query.rs",
    "data/server.rs",
    "data/sqlite.rs",
    "postgresql/",
    "tracking/database",
    "tracking/store",
    "tracking/queue",
    "tracking/error.rs",
    "tracking/tests",
];
/// Products of matrices by pointers, and calls of what is compiled for the present CPU's instructions.
const UNSAFE: [&str; 2] = ["cpu/product.rs", "cpu/vectorized.rs"];
const DRIVERS: [&str; 2] = ["rusqlite", "postgres"];
const STATEMENTS: [&str; 6] = ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM ", "CREATE TABLE ", "PRAGMA "];

/// The part of the library that a file is in: its first folder, or its own name.
fn layer(file: &str) -> &str {
    file.split('/').next().unwrap().trim_end_matches(".rs")
}

/// All of them, since one change often breaks several.
#[track_caller]
fn assert_none(what: &str, found: BTreeSet<String>) {
    let lines: Vec<_> = found.iter().map(|line| format!("\n  {line}")).collect();
    assert!(lines.is_empty(), "{}: {what}{}", lines.len(), lines.concat());
}

/// The first of these paths.
fn some(paths: &BTreeSet<String>) -> String {
    let shown: Vec<_> = paths.iter().take(4).map(String::as_str).collect();
    if shown.is_empty() { String::new() } else { format!(": {}", shown.join(", ")) }
}

#[test]
fn modules_name_only_what_is_below_them() {
    let modules = Modules::of_burnlab();
    let file = |id: usize| modules.all[id].file.as_str();
    let layers: BTreeMap<&str, Vec<&str>> =
        LAYERS.iter().map(|&(name, below)| (name, below.split(' ').collect())).collect();
    let mut wrong = BTreeMap::new();
    let present: BTreeSet<&str> = modules.all.iter().map(|module| layer(&module.file)).collect();
    for name in &present {
        if !layers.contains_key(name) {
            wrong.insert(format!("`{name}` is in no layer: give it a row in LAYERS"), BTreeSet::new());
        }
    }
    for name in layers.keys().filter(|name| !present.contains(*name)) {
        wrong.insert(format!("`{name}` has a row in LAYERS, and is no module"), BTreeSet::new());
    }
    for Reference { from, path, target, .. } in modules.references() {
        let from = file(from);
        let above = layer(from);
        let what = match target {
            Target::External(path) if path[0] != "burn" => continue,
            Target::External(path) if path.get(1).is_some_and(|name| name == "backend") => {
                let is_autodiff = path.get(2).is_some_and(|name| AUTODIFF_NAMES.contains(&name.as_str()));
                if BACKENDS.contains(&from) || is_autodiff && AUTODIFF.contains(&above) {
                    continue;
                }
                path.join("::")
            }
            Target::External(_) if BURN.contains(&above) => continue,
            Target::External(_) => "burn".to_owned(),
            Target::Module(to) | Target::Item(to) => {
                let below = layer(file(to));
                // The root has no items, and each file may say `crate`.
                if above == below || below == "lib" || layers.get(above).is_some_and(|rows| rows.contains(&below)) {
                    continue;
                }
                file(to).to_owned()
            }
        };
        wrong.entry(format!("{from} -> {what}")).or_insert_with(BTreeSet::new).insert(path);
    }
    let wrong = wrong.into_iter().map(|(what, paths)| format!("{what}{}", some(&paths))).collect();
    assert_none("names of layers above", wrong);
}

/// A file leads to another if it names an item that the other defines, wherever that was passed on with `pub use`. A
/// parent is the head of its module and puts its children together, so what it names of them does not count; what they
/// name of it does: a module may have one file that its children share and that knows them all. An error names what it
/// tells of, and that returns it: errors do not count either. No other circle is allowed.
#[test]
fn no_files_name_each_other_in_a_circle() {
    let modules = Modules::of_burnlab();
    let mut leads: BTreeMap<&str, BTreeMap<&str, BTreeSet<String>>> = BTreeMap::new();
    for Reference { from, path, target, is_reexport } in modules.references() {
        let Target::Item(to) = target else { continue };
        let is_passed_on = is_reexport || modules.is_ancestor(from, to);
        let (from, to) = (modules.all[from].file.as_str(), modules.all[to].file.as_str());
        let is_error = to.ends_with("/error.rs");
        if from != to && !is_passed_on && !is_error {
            leads.entry(from).or_default().entry(to).or_default().insert(path);
        }
    }
    // Where each file leads in any number of steps: there are few enough of them.
    let reached: BTreeMap<&str, BTreeSet<&str>> = leads
        .keys()
        .map(|&start| {
            let mut found = BTreeSet::new();
            let mut next = vec![start];
            while let Some(file) = next.pop() {
                next.extend(leads.get(file).into_iter().flatten().map(|(&to, _)| to).filter(|to| found.insert(*to)));
            }
            (start, found)
        })
        .collect();
    let is_in_circle = |a: &str, b: &str| {
        let leads_to = |from, to| reached.get(from).is_some_and(|files: &BTreeSet<&str>| files.contains(to));
        leads_to(a, b) && leads_to(b, a)
    };
    let mut circles = BTreeSet::new();
    for &first in leads.keys() {
        let files: Vec<&str> = leads.keys().copied().filter(|file| is_in_circle(first, file)).collect();
        if files.first() != Some(&first) {
            continue; // in none, or shown with its first file
        }
        let mut shown = files.join(", ");
        for from in &files {
            for (to, paths) in leads[from].iter().filter(|(to, _)| files.contains(to)) {
                shown += &format!("\n      {from} -> {to}{}", some(paths));
            }
        }
        circles.insert(shown);
    }
    assert_none("circles of files", circles);
}

#[test]
fn sql_backends_and_unsafe_code_have_their_places() {
    let modules = Modules::of_burnlab();
    let mut wrong = BTreeSet::new();
    let mut unsafe_files = BTreeSet::new();
    for module in &modules.all {
        let file = &module.file;
        for feature in &module.features {
            if BACKEND_FEATURES.contains(&feature.as_str()) && !BACKENDS.contains(&file.as_str()) {
                wrong.insert(format!("{file} asks for the feature `{feature}`: only {BACKENDS:?} may"));
            }
            let may_ask = ["postgresql/", "tracking/database/", "data/"].iter().any(|start| file.starts_with(start));
            if feature == "postgres" && !may_ask {
                wrong.insert(format!(
                    "{file} asks for the feature `postgres`: postgresql, tracking/database and data may"
                ));
            }
        }
        // The program sets an option of its allocator.
        if module.is_unsafe && file != "main.rs" {
            unsafe_files.insert(file.as_str());
        }
        let speaks_sql = |text: &&String| STATEMENTS.iter().any(|statement| text.contains(statement));
        if let Some(text) = module.texts.iter().find(speaks_sql).filter(|_| !may_speak_sql(file)) {
            wrong.insert(format!("{file} speaks SQL: {text}"));
        }
    }
    for Reference { from, target, .. } in modules.references() {
        let file = &modules.all[from].file;
        if let Target::External(path) = target
            && DRIVERS.contains(&path[0].as_str())
            && !may_speak_sql(file)
        {
            wrong.insert(format!("{file} names a database's driver: {}", path.join("::")));
        }
    }
    for file in unsafe_files.difference(&BTreeSet::from(UNSAFE)) {
        wrong.insert(format!("{file} has unsafe code: {UNSAFE:?} may"));
    }
    assert_none("out of their place", wrong);
}

/// What one place prints, and keeps when it is lost: `println!` would panic, and others forget it.
#[test]
fn standard_output_has_one_place() {
    let mut wrong = BTreeSet::new();
    for module in &Modules::of_burnlab().all {
        let file = &module.file;
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file)).unwrap();
        let lines = text.lines().map(str::trim).take_while(|line| !line.starts_with("#[cfg(test)]"));
        // Whether it is a terminal, and what clap has printed.
        let is_asked = |line: &str| line.contains("stdout().is_terminal()") || line.contains("stdout().flush()");
        let prints = |line: &str| ["stdout()", " println!(", " print!("].iter().any(|way| line.contains(way));
        // A module of tests asks for `test` outside of itself.
        let is_test = text.contains("\n#[test]") || file.contains("/tests/") || file == "commands/output.rs";
        for line in lines.filter(|line| !line.starts_with("//")).map(|line| format!(" {line}")) {
            if !is_test && prints(&line) && !is_asked(&line) {
                wrong.insert(format!("{file} prints by itself: {line}"));
            }
        }
    }
    assert_none("past commands/output.rs", wrong);
}

fn may_speak_sql(file: &str) -> bool {
    SQL.iter().any(|start| file.starts_with(start))
}
