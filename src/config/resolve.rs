//! The config that a run records: every default written out.

use std::collections::BTreeMap;

use super::schema::Config;
use crate::data::Task;
use crate::shipped;
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
                && let Ok(absolute) = std::path::absolute(&*path)
                // TOML and JSON hold no other; it is then relative to the folder that the run began in.
                && absolute.to_str().is_some()
            {
                *path = absolute;
            }
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
}
