//! The config that a run records: every default written out.

use std::collections::BTreeMap;

use super::schema::Config;
use crate::data::{self, Cache, Source, Task};
use crate::shipped;
use crate::training::Knob;
use crate::training::config::Loss;

impl Config {
    /// The config of one run on data of this task, with every default written out and data paths made absolute, so that
    /// the saved file works from anywhere and with later versions. Idempotent.
    pub fn resolved_for(self, task: Task) -> Self {
        let mut config = self.resolved();
        config.training.loss.get_or_insert(Loss::default_for(task));
        config
    }

    /// The config with the defaults that do not depend on the data written out, including seeds and the sweep.
    pub fn resolved_whole(self) -> Self {
        let (seeds, sweep) = (self.seeds, self.sweep.clone());
        Self { seeds, sweep, ..self.resolved() }
    }

    /// The TOML of this config without the keys that mean nothing beside its others. Those are at their defaults, since a
    /// config that sets one is refused, so that the file means the same.
    pub fn to_short_toml(&self) -> String {
        let mut whole = toml::Table::try_from(self).expect("every field of a config has a TOML form");
        for (section, key) in self.without_meaning() {
            if let Some(section) = whole.get_mut(section).and_then(toml::Value::as_table_mut) {
                section.remove(key);
            }
        }
        toml::to_string(&whole).expect("a table has a TOML form")
    }

    fn without_meaning(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let Self { data, training, .. } = self;
        let is_generated = data.source.is_some_and(Source::is_generated);
        let has_columns = !(is_generated || data.is_text() || data.labels.is_some());
        let is_table_file = has_columns && data.source.is_none();
        let knobs = Knob::ALL.map(|knob| ("training", knob.key(), training.optimizer.default_of(knob).is_some()));
        let keys = [
            ("data", "generator_seed", is_generated),
            ("data", "header", is_table_file),
            ("data", "missing", is_table_file),
            ("data", "drop", has_columns),
            ("data", "numeric", has_columns),
            ("data", "categorical", has_columns),
            // Alone in being taken, and of no use, with another loss.
            ("training", "huber_delta", training.loss == Some(Loss::Huber)),
        ];
        keys.into_iter().chain(knobs).filter(|(.., has_meaning)| !has_meaning).map(|(section, key, _)| (section, key))
    }

    fn resolved(mut self) -> Self {
        (self.seeds, self.sweep) = (1, None); // a recorded config is that of one run
        self.given = None;
        self.model = self.model.resolved();
        self.training = self.training.resolved();
        self.data = self.data.resolved();
        let data = &mut self.data;
        let paths = [&mut data.path, &mut data.labels, &mut data.test_path, &mut data.test_labels];
        for path in paths.into_iter().flatten().chain(&mut data.more_paths) {
            // A built-in file is found from any folder, by its relative path.
            if !shipped::stands_in_for(path)
                && !data::is_server(path)
                && let Ok(absolute) = std::path::absolute(&*path)
                // TOML and JSON hold no other; it is then relative to the folder that the run began in.
                && absolute.to_str().is_some()
            {
                *path = absolute;
            }
        }
        if let Some(Cache::At(path)) = &mut data.cache
            && let Ok(absolute) = std::path::absolute(&*path)
            && absolute.to_str().is_some()
        {
            *path = absolute;
        }
        self
    }

    /// Every value by dotted key, such as `training.learning_rate`: the run's params.
    pub fn params(&self) -> BTreeMap<String, serde_json::Value> {
        let tree = serde_json::to_value(self).expect("every field of a config has a JSON form");
        let mut params = BTreeMap::new();
        flatten("", tree, &mut params);
        params
    }
}

fn flatten(prefix: &str, value: serde_json::Value, params: &mut BTreeMap<String, serde_json::Value>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (key, value) in fields {
                let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
                flatten(&key, value, params);
            }
        }
        value => {
            params.insert(prefix.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_has_its_loss_written_out_and_resolving_twice_changes_nothing() {
        let config: Config = toml::from_str("seeds = 3\n[data]\nsource = \"iris\"\n").unwrap();
        for task in [Task::Binary, Task::MultiClass { num_classes: 3 }, Task::Regression] {
            let resolved = config.clone().resolved_for(task);
            assert_eq!(resolved.training.loss, Some(Loss::default_for(task)));
            assert_eq!((resolved.seeds, &resolved.sweep), (1, &None));
            assert_eq!(resolved.clone().resolved_for(task), resolved);
        }
    }

    #[test]
    fn a_config_without_what_means_nothing_means_the_same() {
        for (text, absent, present) in [
            (
                "source = \"digits\"",
                &["generator_seed", "header", "missing", "nesterov", "huber_delta"][..],
                &["drop"][..],
            ),
            ("source = \"moons\"\ngenerator_seed = 3", &["drop", "numeric"], &["generator_seed = 3"]),
            (
                "path = \"a.csv\"\ntarget = \"y\"\n[training]\noptimizer = \"sgd\"",
                &["epsilon_hat"],
                &["missing", "nesterov"],
            ),
            ("path = \"a.csv\"\ntarget = \"y\"\n[training]\nloss = \"huber\"", &["nesterov"], &["huber_delta = 1.0"]),
        ] {
            let config: Config = toml::from_str(&format!("[data]\n{text}\n")).unwrap();
            let config = config.resolved_whole();
            let short = config.to_short_toml();
            assert_eq!(toml::from_str::<Config>(&short).unwrap(), config, "{short}");
            let has = |key: &&&str| short.lines().any(|line| line == **key || line.split(" = ").next() == Some(**key));
            assert_eq!(absent.iter().find(has), None, "{short}");
            assert!(present.iter().all(|key| has(&key)), "{short}");
        }
    }
}
