//! The network and the training that burnlab chooses, by the data, where the config leaves them open.
//!
//! A recipe is the TOML that somebody would write who knows such data. Each key that the config gives wins. A network in
//! `[model]` replaces that of the recipe, but for the sizes of a perceptron's layers, if they are left out; a network and
//! `training.max_epochs` together replace its training, too.

use serde::Deserialize;
use toml::{Table, Value};

use crate::config::Config;
use crate::data::{ColumnKind, Dataset, ImageShape, Splits, Target};
use crate::model::Architecture;

/// The keys of `[model]` that name no network.
const NO_NETWORK: [&str; 2] = ["init_from", "freeze"];
/// A key that is given, and the keys of a recipe that have no meaning beside it.
const TOGETHER: [(&str, &[&str]); 2] = [("optimizer", &["weight_decay"]), ("schedule", &["schedule"])];

/// `config` with what it leaves open chosen for the training rows of `splits`.
///
/// # Panics
/// If a recipe is no valid TOML of its sections.
pub(super) fn complete(config: &Config, dataset: &Dataset, splits: &Splits) -> Config {
    let (Some(given), Some(open)) = (&config.given, Open::of_config(config)) else {
        return Config { given: None, ..config.clone() };
    };
    let mut complete = Config { given: None, ..config.clone() };
    let recipe: Table = toml::from_str(&recipe(dataset, splits)).expect("a recipe is TOML");
    let section = |name: &str| recipe.get(name).and_then(Value::as_table).cloned().unwrap_or_default();
    if open.network {
        let bins = section("data").get("bins").and_then(Value::as_integer).unwrap_or(0);
        if !has(given, "data", "bins") {
            complete.data.bins = bins as usize;
        }
        let architecture = Deserialize::deserialize(section("model")).expect("a recipe's network is one");
        complete.model.architecture = architecture;
    }
    if let (true, Architecture::Mlp(mlp)) = (open.hidden, &mut complete.model.architecture) {
        mlp.hidden = size(splits.train.len()).hidden.to_vec();
    }
    let (refit, calibrate) = (complete.training.refit, complete.training.calibrate);
    let mut training = Table::try_from(&complete.training).expect("a section has a TOML form");
    for (key, value) in section("training") {
        let is_replaced = TOGETHER.iter().any(|(one, keys)| has(given, "training", one) && keys.contains(&&*key));
        let needs_validation = ["early_stopping", "refit"].contains(&key.as_str());
        if open.training && !is_replaced && !(needs_validation && splits.validation.is_empty()) {
            put(&mut training, given.get("training").and_then(Value::as_table), key, value);
        }
    }
    complete.training = Deserialize::deserialize(training).expect("a recipe's training is a section");
    complete.training.refit = refit.or(complete.training.refit);
    // Judged on nine sets: better or alike, never worse (`benches/peers/calibration.py`).
    let are_classes = matches!(dataset.target, Target::Classes { .. }) && config.data.ordered.is_empty();
    let is_calibrated = open.network && are_classes && !splits.validation.is_empty();
    complete.training.calibrate = calibrate.or(is_calibrated.then_some(true));
    complete
}

/// Whether the config leaves something to [`complete`].
pub(super) fn leaves_open(config: &Config) -> bool {
    Open::of_config(config).is_some()
}

/// What a config leaves open.
struct Open {
    /// The network.
    network: bool,
    /// The sizes of the hidden layers of a multilayer perceptron.
    hidden: bool,
    /// How to train it.
    training: bool,
}

impl Open {
    /// `None` if the config leaves nothing open.
    fn of_config(config: &Config) -> Option<Self> {
        let open = Self::of(config.given.as_ref()?);
        (open.network || open.hidden || open.training).then_some(open)
    }

    fn of(given: &Table) -> Self {
        let network = !names_a_network(given);
        let is_mlp = model(given).is_none_or(|model| model.get("kind").is_none_or(|kind| kind.as_str() == Some("mlp")));
        let hidden = !network && is_mlp && !["hidden", "init_from"].iter().any(|key| has(given, "model", key));
        Self { network, hidden, training: network || !has(given, "training", "max_epochs") }
    }
}

/// A network to start from is one, too.
fn names_a_network(given: &Table) -> bool {
    model(given).is_some_and(|model| {
        model.contains_key("init_from") || model.keys().any(|key| !NO_NETWORK.contains(&key.as_str()))
    })
}

fn model(given: &Table) -> Option<&Table> {
    given.get("model").and_then(Value::as_table)
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
        // Enough for two poolings.
        Some(shape) if shape.height.min(shape.width) >= 4 => image(shape, rows),
        _ => table(dataset, rows),
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
fn image(shape: ImageShape, rows: usize) -> String {
    let epochs = (200_000 / rows.max(1)).clamp(3, 40);
    let (model, batch_size, learning_rate) = match shape.height * shape.width {
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
        batch_size = {}
        learning_rate = {learning_rate}
        schedule = {{ kind = "cosine" }}
        refit = true
        "#,
        batch_size.min(rows)
    )
}

/// What suits a table with so many training rows or fewer. Chosen on the training rows of 13 data sets, split again
/// (`benches/peers/tables.py` has the sets): few rows want a narrow network, held back; many rows a wider one, freer.
struct Size {
    most_rows: usize,
    /// Bins of each number; see `data.bins`.
    bins: usize,
    /// Networks in one; see `model.members`.
    members: usize,
    hidden: &'static [usize],
    epochs: usize,
    batch_size: usize,
    learning_rate: f64,
    weight_decay: f64,
}

const SMALL: Size = Size {
    most_rows: 1_000,
    bins: 0,
    members: 1,
    hidden: &[64],
    epochs: 200,
    batch_size: 32,
    learning_rate: 3e-3,
    weight_decay: 0.5,
};
const MEDIUM: Size = Size {
    most_rows: 4_000,
    bins: 16,
    members: 4,
    hidden: &[128, 128],
    epochs: 60,
    batch_size: 64,
    learning_rate: 4e-3,
    weight_decay: 0.1,
};
// Larger ones as the medium one, in bounded time.
const SIZES: [Size; 6] = [
    SMALL,
    MEDIUM,
    Size { most_rows: 8_000, epochs: 40, ..MEDIUM },
    Size { most_rows: 30_000, members: 2, epochs: 40, ..MEDIUM },
    Size { most_rows: 200_000, members: 2, epochs: 15, batch_size: 128, ..MEDIUM },
    Size { most_rows: usize::MAX, members: 2, epochs: 10, batch_size: 256, ..MEDIUM },
];

fn size(rows: usize) -> &'static Size {
    SIZES.iter().find(|size| rows <= size.most_rows).unwrap_or(&SIZES[SIZES.len() - 1])
}

/// Inputs of bins altogether: a first layer of more takes longer than the rest of the network.
const MOST_BINNED_INPUTS: usize = 1024;
/// Values of binned inputs in all rows: 256 MiB.
const MOST_BINNED_VALUES: usize = 1 << 26;
/// Fewer bins tell less of a column than its scaled number.
const FEWEST_BINS: usize = 4;

/// The bins of each numeric column that fit. Without bins, the members of an ensemble differ in the signs of the same few
/// inputs, which costs more than their average gains (measured on `california` and `vehicle`).
fn bins_and_members(size: &Size, dataset: &Dataset) -> (usize, usize) {
    let num_numbers = dataset.columns.iter().filter(|column| column.kind == ColumnKind::Numeric).count();
    if num_numbers == 0 {
        return (0, 1);
    }
    let num_cells = num_numbers * dataset.num_rows();
    let bins = size.bins.min(MOST_BINNED_INPUTS / num_numbers).min(MOST_BINNED_VALUES / num_cells);
    if bins < FEWEST_BINS { (0, 1) } else { (bins, size.members) }
}

fn table(dataset: &Dataset, rows: usize) -> String {
    let Size { hidden, epochs, batch_size, learning_rate, weight_decay, .. } = size(rows);
    let (bins, members) = bins_and_members(size(rows), dataset);
    // Many numbers to learn want a freer network (`california`, `diamonds`); classes that overlap (`magic`) do not.
    let is_freer = bins > 0 && rows > MEDIUM.most_rows && matches!(dataset.target, Target::Numbers(_));
    // So do few rows of three classes and more (`vehicle`, `wine`, `iris`), but not those of two, nor numbers.
    let has_classes = matches!(&dataset.target, Target::Classes { names, .. } if names.len() > 2);
    let is_separable = has_classes && rows <= SMALL.most_rows;
    let dropout = if is_freer || is_separable { 0.1 } else { 0.2 };
    let weight_decay = if is_separable { MEDIUM.weight_decay } else { *weight_decay };
    let batch_size = batch_size.min(&rows);
    // Along a cosine the last epochs are mostly the best: patience is for those that overfit.
    let patience = epochs / 3;
    format!(
        r#"
        [data]
        bins = {bins}
        [model]
        kind = "mlp"
        hidden = {hidden:?}
        dropout = {dropout}
        members = {members}
        [training]
        max_epochs = {epochs}
        batch_size = {batch_size}
        learning_rate = {learning_rate}
        optimizer = "adamw"
        weight_decay = {weight_decay}
        schedule = {{ kind = "cosine" }}
        early_stopping = {{ patience = {patience} }}
        refit = true
        "#
    )
}
