//! Names that come from outside and end in paths: run ids and their beginnings, files of a run, experiments, metrics.
//! No accepted name leads outside of the run's folder.
#![no_main]

use std::fs;
use std::path::{Component, Path};

use burnlab::comparison::field::Field;
use burnlab::tracking::{MetricKey, NewRun, RunId, RunWriter, Store, TrackingError, UtcTime, slug};
use burnlab_fuzz::Folder;
use libfuzzer_sys::fuzz_target;

struct Lab {
    store: Store,
    writer: RunWriter,
    folder: Folder,
}

impl Default for Lab {
    fn default() -> Self {
        let folder = Folder::default();
        let config_toml = "[data]\nsource = \"iris\"\n".to_owned();
        let (params, environment) = Default::default();
        let new = |experiment: &str| NewRun {
            experiment: experiment.into(),
            name: None,
            tags: vec![],
            note: None,
            config_toml: config_toml.clone(),
            params: Clone::clone(&params),
            environment: Clone::clone(&environment),
            seed: 1,
            parent: None,
            sweep: None,
            data: None,
            is_private: false,
        };
        let writer = RunWriter::start(folder.path(), new("digits")).unwrap();
        drop(RunWriter::start(folder.path(), new("digits-2")).unwrap());
        writer.write_file("plots/curves.svg", b"<svg/>").unwrap();
        // What a foreign run folder may hold.
        folder.write("secret", "secret");
        #[cfg(unix)]
        for (target, link) in [("../../secret", "link"), ("../..", "up"), ("../../secret", "plots/link")] {
            std::os::unix::fs::symlink(target, writer.folder().join(link)).unwrap();
        }
        fs::write(writer.folder().join(".hidden"), "x").unwrap();
        let store = Store::open_read_only(folder.path()).unwrap();
        Self { store, writer, folder }
    }
}

thread_local!(static LAB: Lab = Lab::default());

fuzz_target!(|text: &str| {
    if let Ok(id) = text.parse::<RunId>() {
        assert_eq!((id.as_str(), id.to_string().as_str()), (text, text));
        is_one_name(text);
    }
    let slugged = slug(text);
    is_one_name(&slugged);
    assert_eq!(slug(&slugged), slugged);
    format!("{slugged}-20261124-235039-a3f1").parse::<RunId>().unwrap();
    if let Ok(key) = text.parse::<MetricKey>() {
        assert_eq!(format!("{}/{}", key.split(), key.metric()), text);
        assert!(!text.contains([',', '"', '\n', '\r', ' ']), "it is written to a CSV file as it is");
    }
    let Ok(_) = text.parse::<Field>();
    if let Ok(time) = text.parse::<UtcTime>() {
        assert_eq!(time.to_string().parse::<UtcTime>().unwrap().to_string(), time.to_string());
    }
    LAB.with(|Lab { store, writer, folder }| {
        let runs = fs::canonicalize(store.runs_folder()).unwrap();
        match store.find(text) {
            Ok(run) => assert!(text == "latest" || run.record.id.as_str().starts_with(text)),
            Err(TrackingError::NoSuchRun { .. } | TrackingError::AmbiguousRun { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        store.ids_of(text).ok();
        // A name with a NUL or of great length is an error of the system's.
        if let Ok(Some(file)) = store.open_file(writer.id(), text) {
            let real = fs::canonicalize(file.path()).unwrap();
            assert!(real.starts_with(runs.join(writer.id().as_str())) && real.is_file(), "{}", real.display());
            assert!(!text.contains(".hidden") && text != "lock");
        }
        let record = fs::read(writer.folder().join("run.json")).unwrap();
        if text != "plots/curves.svg" && writer.write_derived(text, b"x").is_ok() {
            let path = writer.folder().join(text);
            let real = fs::canonicalize(&path).unwrap();
            assert!(real.starts_with(runs.join(writer.id().as_str())), "{}", real.display());
            assert_eq!(fs::read(writer.folder().join("run.json")).unwrap(), record);
            // A link would have been replaced, which is right, but then is no link any more.
            assert!(!["link", "up", "plots/link"].contains(&text) || path.is_file());
            fs::remove_file(path).unwrap();
        }
        assert_eq!(fs::read(folder.path().join("secret")).unwrap(), b"secret");
    });
});

/// Joined to a folder it is a child of it.
#[track_caller]
fn is_one_name(text: &str) {
    let mut components = Path::new(text).components();
    assert!(matches!(components.next(), Some(Component::Normal(_))) && components.next().is_none(), "{text}");
    assert!(!text.starts_with('-') && text.is_ascii(), "{text}");
}
