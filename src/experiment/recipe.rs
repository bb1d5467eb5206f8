//! The network and the training that burnlab chooses, by the data, where the config leaves them open.
//!
//! A recipe is the TOML that somebody would write who knows such data. Each key that the config gives wins. Without a
//! network in `[model]` the whole recipe counts; with one, only how long to train, and that only without
//! `training.max_epochs`.

use serde::Deserialize;
use toml::{Table, Value};

use crate::config::Config;
use crate::data::{Dataset, Splits, Target};

/// The keys of `[model]` that name no network.
const NO_NETWORK: [&str; 2] = ["init_from", "freeze"];
/// The keys of `[training]` that say how long to train.
const DURATION: [&str; 3] = ["max_epochs", "early_stopping", "refit"];
/// A key that is given, and the keys of a recipe that have no meaning beside it.
const TOGETHER: [(&str, &[&str]); 2] = [("optimizer", &["weight_decay"]), ("schedule", &["schedule"])];

/// `config` with what it leaves open chosen for the training rows of `splits`.
///
/// # Panics
/// If a recipe is no valid TOML of its sections.
pub(super) fn complete(config: &Config, dataset: &Dataset, splits: &Splits) -> Config {
    let Some(given) = config.given.as_ref().filter(|given| !Open::of(given).is_nothing()) else {
        return Config { given: None, ..config.clone() };
    };
    let open = Open::of(given);
    let mut complete = Config { given: None, ..config.clone() };
    let recipe: Table = toml::from_str(&recipe(dataset, splits)).expect("a recipe is TOML");
    let section = |name: &str| recipe.get(name).and_then(Value::as_table).cloned().unwrap_or_default();
    if open.network {
        let architecture = Deserialize::deserialize(section("model")).expect("a recipe's network is one");
        complete.model.architecture = architecture;
    }
    let refit = complete.training.refit;
    let mut training = Table::try_from(&complete.training).expect("a section has a TOML form");
    for (key, value) in section("training") {
        let is_open = if DURATION.contains(&key.as_str()) { open.duration } else { open.network };
        let is_replaced = TOGETHER.iter().any(|(one, keys)| has(given, "training", one) && keys.contains(&&*key));
        let needs_validation = ["early_stopping", "refit"].contains(&key.as_str());
        if is_open && !is_replaced && !(needs_validation && splits.validation.is_empty()) {
            put(&mut training, given.get("training").and_then(Value::as_table), key, value);
        }
    }
    complete.training = Deserialize::deserialize(training).expect("a recipe's training is a section");
    complete.training.refit = refit.or(complete.training.refit);
    complete
}

/// Whether the config leaves something to [`complete`].
pub(super) fn leaves_open(config: &Config) -> bool {
    config.given.as_ref().is_some_and(|given| !Open::of(given).is_nothing())
}

/// What a config leaves open.
struct Open {
    /// The network, and with it the whole training.
    network: bool,
    /// How long to train.
    duration: bool,
}

impl Open {
    fn of(given: &Table) -> Self {
        let network = !names_a_network(given);
        Self { network, duration: network || !has(given, "training", "max_epochs") }
    }

    fn is_nothing(&self) -> bool {
        !self.network && !self.duration
    }
}

/// A network to start from is one, too.
fn names_a_network(given: &Table) -> bool {
    let model = given.get("model").and_then(Value::as_table);
    model.is_some_and(|model| {
        model.contains_key("init_from") || model.keys().any(|key| !NO_NETWORK.contains(&key.as_str()))
    })
}

fn has(given: &Table, section: &str, key: &str) -> bool {
    given.get(section).and_then(Value::as_table).is_some_and(|section| section.contains_key(key))
}

/// Puts `value` into `section`, except for what `given` has.
fn put(section: &mut Table, given: Option<&Table>, key: String, value: Value) {
    let found = given.and_then(|given| given.get(&key));
    match (found, value) {
        (None, value) => _ = section.insert(key, value),
        (Some(Value::Table(given)), Value::Table(values)) => {
            let Some(inner) = section.get_mut(&key).and_then(Value::as_table_mut) else { return };
            values.into_iter().for_each(|(key, value)| put(inner, Some(given), key, value));
        }
        (Some(_), _) => {}
    }
}

/// The recipe for these data.
fn recipe(dataset: &Dataset, splits: &Splits) -> String {
    let rows = splits.train.len();
    if matches!(dataset.target, Target::Text(_)) {
        return text(rows);
    }
    match dataset.image_shape {
        Some(shape) => image(shape, rows),
        None => table(rows),
    }
}

/// A language model: a small GPT, for about as many steps whatever the length of the text.
fn text(windows: usize) -> String {
    let epochs = (26_000 / windows.max(1)).clamp(2, 30);
    format!(
        r#"
        [model]
        kind = "transformer"
        width = 64
        heads = 4
        depth = 2
        dropout = 0.0
        [training]
        max_epochs = {epochs}
        learning_rate = 4e-3
        optimizer = "adamw"
        clip_norm = 1.0
        schedule = {{ kind = "cosine", warm_up_epochs = 1, final_factor = 0.05 }}
        "#
    )
}

/// Images: small ones keep more of what a convolution finds.
fn image([height, width]: [usize; 2], rows: usize) -> String {
    let epochs = (200_000 / rows.max(1)).clamp(3, 40);
    let (model, batch_size, learning_rate) = match height * width {
        0..=256 => ("channels = [32, 64]\nconvolutions = 2\nbatch_norm = true\nhidden = []\ndropout = 0.5", 32, 3e-3),
        _ => ("channels = [16, 32]\nkernel = 5\nhidden = [128]\ndropout = 0.25", 128, 2e-3),
    };
    format!(
        r#"
        [model]
        kind = "cnn"
        {model}
        [training]
        max_epochs = {epochs}
        batch_size = {batch_size}
        learning_rate = {learning_rate}
        schedule = {{ kind = "cosine" }}
        refit = true
        "#
    )
}

fn table(rows: usize) -> String {
    let _ = rows;
    r#"
    [model]
    kind = "mlp"
    hidden = [256, 256, 256]
    dropout = 0.3
    [training]
    max_epochs = 300
    early_stopping = { patience = 20 }
    refit = true
    "#
    .to_owned()
}
