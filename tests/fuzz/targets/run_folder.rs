//! A run folder that was damaged, or made by somebody else: one of its files is replaced, which one says the first byte,
//! and the folder is opened as `predict`, `evaluate` and `runs reindex` do.
#![no_main]

use std::fs;
use std::path::PathBuf;

use burnlab::backend::BackendName;
use burnlab::experiment::evaluate::score;
use burnlab::experiment::weights_file::decode;
use burnlab::experiment::{RunFolder, SavedModel};
use burnlab::tracking::{Store, read_points};
use burnlab_fuzz::Folder;
use libfuzzer_sys::fuzz_target;

const ID: &str = "tiny-20261125-120000-0000";

/// The files of a whole run: the seeds of this target, each led by the byte that selects it.
macro_rules! files {
    ($($name:literal),*) => {[$(file($name, include_bytes!(concat!("../corpus/run_folder/", $name)))),*]};
}

fn file(name: &'static str, bytes: &'static [u8]) -> (&'static str, u8, &'static [u8]) {
    (name, bytes[0], &bytes[1..])
}

struct Lab {
    /// Removed with the process.
    _folder: Folder,
    run: PathBuf,
    files: Vec<(&'static str, u8, &'static [u8])>,
    store: Store,
}

impl Default for Lab {
    fn default() -> Self {
        let folder = Folder::default();
        let run = folder.path().join("runs").join(ID);
        fs::create_dir_all(&run).unwrap();
        let files = files!(
            "model.safetensors",
            "preprocessing.json",
            "config.toml",
            "run.json",
            "metrics.csv",
            "environment.json",
            "test.csv"
        );
        let files = files.to_vec();
        let store = Store::open(folder.path()).unwrap();
        let lab = Self { _folder: folder, run, files, store };
        lab.files.iter().for_each(|(name, _, bytes)| fs::write(lab.run.join(name), bytes).unwrap());
        lab
    }
}

thread_local!(static LAB: std::cell::RefCell<Lab> = Default::default());

fuzz_target!(|bytes: &[u8]| {
    let Some((&selector, content)) = bytes.split_first() else { return };
    LAB.with_borrow_mut(|Lab { run, files, store, .. }| {
        let Some((name, _, whole)) = files.iter().find(|(_, byte, _)| *byte == selector) else { return };
        fs::write(run.join(name), content).unwrap();
        match *name {
            "run.json" | "metrics.csv" | "environment.json" => index(store, run, content == *whole),
            _ => open(run, name),
        }
        // `reindex` writes run.json anew where another file was damaged.
        fs::write(run.join(name), whole).unwrap();
    });
});

fn open(run: &std::path::Path, name: &str) {
    if name == "model.safetensors" {
        // Behind the shapes that the run needs, the weights themselves.
        let _ = decode(&fs::read(run.join(name)).unwrap());
    }
    let Ok(saved) = SavedModel::open(&RunFolder::at(run)) else { return };
    saved.encode().unwrap();
    let Ok(examples) = saved.test_examples() else { return };
    if let Ok((_, predictions)) = score(&saved, examples, BackendName::Flex) {
        assert!(!predictions.is_empty());
    }
}

fn index(store: &mut Store, run: &std::path::Path, is_whole: bool) {
    let points = read_points(run);
    let result = store.reindex().unwrap();
    assert!(result.skipped.is_empty() || !is_whole, "{:?}", result.skipped);
    if let Some((_, error)) = result.skipped.first() {
        let line = error.to_string();
        assert!(!line.contains('\n') && line.len() < 11_000, "{line}");
    }
    for found in store.runs().unwrap() {
        let _ = store.shown(&found);
        if let Ok(points) = &points
            && result.runs == 1
        {
            let summed: u64 = found.metrics.values().map(|metric| metric.points).sum();
            assert_eq!(summed, points.len() as u64);
            for (key, metric) in &found.metrics {
                assert_eq!(store.series(&found.record.id, key).unwrap().len() as u64, metric.points);
            }
        }
        serde_json::to_string(&found).unwrap();
    }
}
