//! The TOML file of a run, and after a line `%%` overrides (`--set`), one a line: parsing, places of errors, what is
//! written of it, and the trials of its sweep.
#![no_main]

use burnlab::config::{Config, LoadedConfig};
use burnlab::data::Task;
use burnlab::invalid::Invalid;
use burnlab::tracking::flatten_config;
use burnlab_fuzz::parts;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let (text, overrides) = parts(text.as_bytes());
    let [text, overrides] = [text, overrides].map(|part| std::str::from_utf8(part).unwrap());
    let overrides: Vec<String> = overrides.lines().map(str::to_owned).collect();
    let loaded = match LoadedConfig::parse(text, "a.toml", "a", &overrides) {
        Ok(loaded) => loaded,
        Err(error) => {
            let shown = error.to_string();
            return assert!(shown.lines().count() <= 3 && shown.len() < 25_000, "{shown}");
        }
    };
    for key in ["seed", "data.path", "training.schedule.kind", "sweep.space.model.hidden", "model..x", "."] {
        let _ = loaded.locate(Invalid::at(key, "cannot be used")).to_string();
    }
    let config = &loaded.config;
    comes_back(config);
    let resolved = config.clone().resolved_for(Task::Regression);
    comes_back(&resolved);
    assert_eq!(resolved, resolved.clone().resolved_for(Task::Regression));
    flatten_config(&resolved.to_toml()).unwrap();
    // The data say whether there are so many folds, before they are dealt.
    if config.data.folds.is_none_or(|folds| folds <= 1000) {
        assert!(config.repetitions(3).iter().all(|run| run.seed <= i64::MAX as u64));
    }
    let whole = config.clone().resolved_whole();
    // The same config, from the text alone.
    let again = LoadedConfig::parse(&loaded.written(&whole), "b.toml", "b", &[]).unwrap();
    assert_eq!(again.config.resolved_whole(), whole);
    search(&loaded);
});

/// What is recorded of a config must be that config.
#[track_caller]
fn comes_back(config: &Config) {
    let text = config.to_toml();
    let again = LoadedConfig::parse(&text, "b.toml", "b", &[]).unwrap_or_else(|error| panic!("{error}\n{text}"));
    // NaN is not equal to itself; as text it is.
    assert_eq!(again.config.to_toml(), text);
}

/// The trials of a sweep are configs, or refused.
fn search(loaded: &LoadedConfig) {
    let Some(search) = &loaded.config.sweep else { return };
    if search.validate().is_err() {
        return;
    }
    assert!(search.num_trials() >= 1);
    for (_, params) in search.extremes().iter().chain(&search.pairs()).take(20) {
        let _ = loaded.varied(params);
    }
    for number in [1, 2, u32::MAX] {
        let params = search.sample(loaded.config.seed, number, &[], true);
        assert_eq!(params, search.sample(loaded.config.seed, number, &[], true));
        assert!(params.len() <= search.space.len());
        if let Ok(config) = loaded.varied(&params) {
            let found = config.params();
            for (key, value) in params.iter().filter(|(key, _)| found.contains_key(*key)) {
                let is_same = found[key] == *value || found[key].as_f64() == value.as_f64();
                assert!(is_same, "{key} is {} for {value}", found[key]);
            }
        }
    }
}
