//! What the params of a run are for: the config, its repetitions, or the place of its data.

/// The params in which repetitions of a run may differ.
pub(super) const SEEDS: [&str; 4] = ["seed", "data.split_seed", FOLD, REPEAT];

/// The fold that a run of a cross-validation tests on.
pub(super) const FOLD: &str = "data.fold";
/// The repeat of a cross-validation that the fold is of.
pub(super) const REPEAT: &str = "data.repeat";

/// Params that say where the data are, not what they are.
pub(super) const PLACES: [&str; 7] =
    ["data.path", "data.more_paths", "data.query", "data.sheet", "data.test_path", "data.labels", "data.test_labels"];

/// Params by which parts are drawn from the same rows in different ways.
pub(super) const DRAWN_BY: [&str; 9] = [
    "data.test_fraction",
    "data.folds",
    "data.stratify",
    "data.stratify_bins",
    "data.group",
    "data.order",
    "data.split_column",
    "data.context",
    "data.split_seed",
];

/// Whether a param belongs to the config, rather than to the repetition or the name.
pub fn tells_configs_apart(key: &str) -> bool {
    key != "name" && !SEEDS.contains(&key)
}

/// Whether a param affects which rows a model is tested on, or their targets.
pub fn changes_the_test(key: &str) -> bool {
    const INPUTS_ONLY: [&str; 17] = [
        "data.cache",
        "data.scale",
        "data.bins",
        "data.date",
        "data.day_first",
        "data.image_shape",
        "data.validation_fraction",
        "data.train_per_class",
        "data.gap",
        "data.max_categories",
        "data.hash_buckets",
        "data.drop",
        "data.numeric",
        "data.categorical",
        "data.text",
        "data.text_buckets",
        "data.allow_constant",
    ];
    key.starts_with("data.") && !key.starts_with("data.augment") && !INPUTS_ONLY.contains(&key)
}
