//! Which keys of a config are searched, and in which ranges: a row per kind of network, around what the config has.
//!
//! Ranges are those in which the kind is usually good on data of that size; the training is searched around the config's
//! own values. Nothing is searched that changes the meaning of the loss that trials are chosen by, such as label smoothing
//! or class weights, and not the number of epochs, which early stopping and successive halving are for.

use crate::config::Config;
use crate::experiment::prepare::Prepared;
use crate::model::Architecture;
use crate::sweep::Space;
use crate::training::config::OptimizerKind;

/// A config, completed for its data, and what ranges depend on.
struct Around<'a> {
    config: &'a Config,
    /// Training rows.
    rows: usize,
    /// Height and width of images.
    image: Option<[usize; 2]>,
    is_text: bool,
}

/// A key, and the TOML of its dimension; `None` where it is not searched.
type Dimension = (&'static str, fn(&Around) -> Option<String>);

/// A row of the table.
struct Row {
    kind: &'static str,
    dimensions: &'static [Dimension],
}

const DROPOUT: Dimension = ("model.dropout", |_| range(0.0, 0.5, false));

/// How a network of any kind is trained.
const TRAINING: &[Dimension] = &[
    ("training.learning_rate", |around| {
        let rate = around.config.training.learning_rate;
        range(rate / 5.0, rate * 5.0, true)
    }),
    ("training.batch_size", |around| {
        let size = around.config.training.batch_size.unwrap_or(32);
        let sizes = [size / 2, size, size * 2];
        let mut sizes: Vec<usize> = sizes.into_iter().map(|size| size.clamp(1, around.rows.max(1))).collect();
        sizes.dedup();
        (sizes.len() > 1).then(|| format!("{{ values = {sizes:?} }}"))
    }),
    ("training.weight_decay", |around| decays_weights(around).then(|| range(1e-3, 1.0, true))?),
    ("training.l2", |around| (!decays_weights(around)).then(|| range(1e-6, 1e-2, true))?),
];

const SPACES: &[Row] = &[
    Row {
        kind: "mlp",
        dimensions: &[
            ("model.hidden", |around| {
                let (longest, min, max) = by_rows(around.rows, [(2, 16, 128), (3, 32, 256), (3, 64, 512)]);
                Some(format!("{{ length = [1, {longest}], min = {min}, max = {max}, scale = \"log\" }}"))
            }),
            ("model.activation", |_| Some("{ values = [\"relu\", \"silu\", \"gelu\"] }".into())),
            DROPOUT,
        ],
    },
    Row {
        kind: "tabular",
        dimensions: &[
            ("model.width", |around| {
                let (min, max) = by_rows(around.rows, [(32, 128), (64, 256), (96, 384)]);
                Some(format!("{{ min = {min}, max = {max}, scale = \"log\" }}"))
            }),
            ("model.blocks", |_| Some("{ values = [1, 2, 3] }".into())),
            ("model.frequency_scale", |_| range(0.05, 2.0, true)),
            DROPOUT,
        ],
    },
    Row {
        kind: "cnn",
        dimensions: &[
            ("model.channels", |around| {
                let Architecture::Cnn(cnn) = &around.config.model.architecture else { return None };
                // Each block divides the image by its pooling.
                let side = around.image?.into_iter().min()?;
                let fits = |channels: &&[usize]| side / cnn.pool.max(1).pow(channels.len() as u32) >= 1;
                let choices: [&[usize]; 4] = [&[16, 32], &[32, 64], &[16, 32, 64], &[32, 64, 128]];
                let choices: Vec<&[usize]> = choices.into_iter().filter(fits).collect();
                (choices.len() > 1).then(|| format!("{{ values = {choices:?} }}"))
            }),
            ("model.convolutions", |_| Some("{ values = [1, 2] }".into())),
            ("model.kernel", |_| Some("{ values = [3, 5] }".into())),
            DROPOUT,
        ],
    },
    Row {
        kind: "rnn",
        dimensions: &[
            ("model.cell", |_| Some("{ values = [\"lstm\", \"gru\"] }".into())),
            ("model.units", |around| {
                let (min, max) = by_rows(around.rows, [(16, 96), (32, 128), (64, 256)]);
                Some(format!("{{ min = {min}, max = {max}, scale = \"log\" }}"))
            }),
            ("model.layers", |_| Some("{ values = [1, 2] }".into())),
            // A text must not be read from its end.
            ("model.bidirectional", |around| (!around.is_text).then(|| "{ values = [false, true] }".into())),
            ("model.dropout", |_| range(0.0, 0.4, false)),
        ],
    },
    Row {
        kind: "transformer",
        dimensions: &[
            ("model.width", |around| {
                let heads = around.config.model.transformer()?.heads;
                let widths = [8, 16, 32].map(|width| width * heads);
                Some(format!("{{ values = {widths:?} }}"))
            }),
            ("model.depth", |_| Some("{ values = [1, 2, 3] }".into())),
            ("model.dropout", |_| range(0.0, 0.3, false)),
        ],
    },
];

/// What of the prepared config is searched, with `rows` to train on. A network that starts from the weights of another keeps its sizes.
pub(super) fn of(prepared: &Prepared, rows: usize) -> Space {
    let around = Around {
        config: &prepared.config,
        rows,
        image: prepared.preprocessor.layout().pixels(),
        is_text: prepared.config.data.is_text(),
    };
    let kind = around.config.params().get("model.kind").and_then(|kind| kind.as_str().map(str::to_owned));
    let row = SPACES.iter().find(|row| Some(row.kind) == kind.as_deref());
    let model = row.map_or(&[][..], |row| row.dimensions);
    let is_pretrained = around.config.model.init_from.is_some();
    let model = model.iter().filter(|(key, _)| !is_pretrained || *key == "model.dropout");
    let lines = model.chain(TRAINING).filter_map(|(key, toml)| Some(format!("\"{key}\" = {}\n", toml(&around)?)));
    toml::from_str(&lines.collect::<String>()).expect("a space is TOML")
}

/// The value for few rows, some thousands, or many.
fn by_rows<T: Copy>(rows: usize, [few, some, many]: [T; 3]) -> T {
    match rows {
        0..=2_000 => few,
        2_001..=20_000 => some,
        _ => many,
    }
}

fn range(min: f64, max: f64, is_log: bool) -> Option<String> {
    let scale = if is_log { ", scale = \"log\"" } else { "" };
    Some(format!("{{ min = {min:?}, max = {max:?}{scale} }}"))
}

fn decays_weights(around: &Around) -> bool {
    let training = &around.config.training;
    training.optimizer == OptimizerKind::Adamw || training.weight_decay.is_some_and(|decay| decay > 0.0)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::LoadedConfig;
    use crate::experiment::prepare::prepare;
    use crate::experiment::sweep;

    /// Every trial of every kind can be trained: the extremes of each dimension, alone and with each choice.
    #[test]
    fn every_kind_has_a_space_whose_extremes_are_valid() {
        for (kind, _) in Architecture::all() {
            assert!(SPACES.iter().any(|row| row.kind == kind), "give `{kind}` a row");
            let text = format!("[data]\nsource = \"digits\"\n[model]\nkind = \"{kind}\"\n[training]\nmax_epochs = 9\n");
            let location = Path::new("nowhere").into();
            let loaded = LoadedConfig::parse(&text, "c.toml", "c", &[]).unwrap();
            let prepared = prepare(&loaded.config, &location).unwrap();
            let space = of(&prepared, prepared.splits.train.len());
            assert!(space.len() > 4, "{kind}: {space:?}");
            let search = super::super::search_config(space, 9);
            let text = Config { sweep: Some(search.clone()), ..prepared.config.clone() }.to_toml();
            let loaded = LoadedConfig::parse(&text, "c.toml", "c", &[]).unwrap();
            sweep::check(&search, &loaded, &prepared, &location).unwrap_or_else(|error| panic!("{kind}: {error}"));
        }
    }

    fn space(text: &str) -> Space {
        let loaded = LoadedConfig::parse(text, "c.toml", "c", &[]).unwrap();
        let prepared = prepare(&loaded.config, &Path::new("nowhere").into()).unwrap();
        of(&prepared, prepared.splits.train.len())
    }

    #[test]
    fn what_the_optimizer_does_not_have_is_not_searched() {
        let keys = |text: &str| space(text).keys().cloned().collect::<Vec<_>>();
        let adam = keys("[data]\nsource = \"iris\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 3\n");
        assert!(adam.contains(&"training.l2".into()) && !adam.contains(&"training.weight_decay".into()), "{adam:?}");
        // Three lines: the recipe trains with AdamW.
        let chosen = keys("[data]\nsource = \"iris\"\n");
        assert!(chosen.contains(&"training.weight_decay".into()) && !chosen.contains(&"training.l2".into()));
    }

    #[test]
    fn batches_are_no_larger_than_the_training_part() {
        let text = "[data]\nsource = \"iris\"\n[training]\nmax_epochs = 3\nbatch_size = 80\n";
        // 89 training rows.
        let expected: crate::sweep::Dimension = toml::from_str("values = [40, 80, 89]").unwrap();
        assert_eq!(space(text)["training.batch_size"], expected);
    }
}
