//! Conflicts and ranges inside the `[data]` section, before any file is opened.

use std::collections::HashSet;

use super::limits::{
    MAX_BINS, MAX_CLASSES, MAX_COLUMN_BINS, MAX_CONTEXT, MAX_EXAMPLES, MAX_FOLDS, MAX_REPEATS, TEXT_BUCKETS,
};
use super::{
    Cache, DataConfig, Dataset, Scale, Source, TaskKind, encoding, images, labels, missing, origin, target_check,
};
use crate::invalid::Invalid;

pub(super) fn no_source() -> Invalid {
    Invalid::at("data", "no data: set data.source to a shipped or generated set, or data.path to a file")
}

/// Whether the section makes sense by itself, whatever its files hold.
///
/// # Errors
/// Conflicting or out-of-range keys.
pub fn check(config: &DataConfig) -> Result<(), Invalid> {
    check_origin(config)?;
    let paths = [
        ("data.path", config.path.as_slice()),
        ("data.more_paths", &config.more_paths),
        ("data.test_path", config.test_path.as_slice()),
    ];
    for (key, path) in paths.into_iter().flat_map(|(key, paths)| paths.iter().map(move |path| (key, path))) {
        origin::check_address(path, key)?;
    }
    config.cache.as_ref().map_or(Ok(()), Cache::check)?;
    target_check::check(config)?;
    check_test_file(config)?;
    check_division(config)?;
    check_ranges(config)?;
    Invalid::unless(config.images.is_none() || config.cache_path().is_none(), "data.cache", || {
        "data.cache is for tables of numbers and names, and data.images names images: remove one of the two".into()
    })?;
    if config.images.is_some() && config.image_shape.is_none() {
        return Err(images::needs_shape());
    }
    let lists = [
        ("data.drop", &config.drop),
        ("data.numeric", &config.numeric),
        ("data.categorical", &config.categorical),
        ("data.date", &config.date),
        ("data.text", &config.text),
    ];
    for (i, (key, names)) in lists.iter().enumerate() {
        for (other_key, others) in &lists[i + 1..] {
            let others: HashSet<&String> = others.iter().collect();
            if let Some(name) = names.iter().find(|name| others.contains(name)) {
                let message = format!("column `{name}` is in both {key} and {other_key}: keep one");
                return Err(Invalid::at(key, message));
            }
        }
    }
    Ok(())
}

/// Rejects every key that would be silently ignored: otherwise one could compare two runs that never differed.
fn check_origin(config: &DataConfig) -> Result<(), Invalid> {
    let has_labels = config.labels.is_some();
    let is_generated = config.source.is_some_and(|source| source.is_generated());
    let csv_keys = [
        ("data.target", config.target.is_some()),
        ("data.target_separator", config.target_separator.is_some()),
        ("data.cache", config.cache.as_ref().is_some_and(|cache| *cache != Cache::Beside(false))),
        ("data.delimiter", config.delimiter.is_some()),
        ("data.header", !config.header),
        ("data.missing", !missing::are_default(&config.missing)),
        ("data.decimal", config.decimal.is_some()),
        ("data.skip_rows", config.skip_rows.is_some()),
        ("data.comment", config.comment.is_some()),
        ("data.date", !config.date.is_empty()),
        ("data.text", !config.text.is_empty()),
        ("data.text_buckets", config.text_buckets.is_some()),
        ("data.day_first", config.day_first.is_some()),
        ("data.more_paths", !config.more_paths.is_empty()),
        ("data.query", config.query.is_some()),
        ("data.sheet", config.sheet.is_some()),
        ("data.images", config.images.is_some()),
    ];
    let column_keys = [
        ("data.drop", !config.drop.is_empty()),
        ("data.numeric", !config.numeric.is_empty()),
        ("data.categorical", !config.categorical.is_empty()),
        ("data.group", config.group.is_some()),
        ("data.order", config.order.is_some()),
        ("data.split_column", config.split_column.is_some()),
        ("data.weight", config.weight.is_some()),
    ];
    let encoding_key = [("data.encoding", config.encoding.is_some())];
    let file_keys = [
        ("data.labels", has_labels),
        ("data.test_path", config.test_path.is_some()),
        ("data.test_labels", config.test_labels.is_some()),
    ];
    let generator_keys = [
        ("data.num_examples", config.num_examples.is_some()),
        ("data.noise", config.noise.is_some()),
        ("data.num_classes", config.num_classes.is_some()),
        ("data.generator_seed", config.generator_seed != 0),
    ];
    let task_is = |task: TaskKind| [("data.task", config.task == Some(task))];

    if !config.is_text() {
        let why = "is for texts (data.task = \"language_model\"): remove it";
        refuse(&[("data.context", config.context.is_some())], why)?;
    }
    if !is_generated {
        let names = Source::names_where(Source::is_generated).join(", ");
        refuse(&generator_keys, &format!("is for generated sets only ({names}): remove it"))?;
    }
    match (config.source, &config.path) {
        (Some(_), Some(_)) => {
            let message = "data.source and data.path are both set: keep one";
            return Err(Invalid::at("data.path", message));
        }
        (None, None) => return Err(no_source()),
        _ if config.is_text() => {
            let why = "is for tables, and the data are a text: remove it";
            [&file_keys[..], &csv_keys, &column_keys].iter().try_for_each(|keys| refuse(keys, why))?;
            refuse(&table_keys(config), why)?;
            let why = "does not fit a text: its target is the next character, data.task = \"language_model\"";
            return [TaskKind::Classification, TaskKind::Regression, TaskKind::MultiLabel]
                .iter()
                .try_for_each(|&task| refuse(&task_is(task), why));
        }
        (Some(source), None) => {
            let texts = Source::names_where(|source| source.task() == TaskKind::LanguageModel);
            let texts = texts.iter().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(" or ");
            let why = format!("= \"language_model\" is for texts: data.path, or data.source = {texts}");
            refuse(&task_is(TaskKind::LanguageModel), &why)?;
            let why = format!("is for files, and data.source is `{}`: remove it", source.name());
            refuse(&file_keys, &why)?;
            refuse(&csv_keys, &why)?;
            refuse(&encoding_key, &why)?;
            if is_generated {
                refuse(&column_keys, &why)?;
                refuse(
                    &task_is(TaskKind::Regression),
                    "= \"regression\" does not fit a generated set: its target is a class",
                )?;
            }
        }
        (None, Some(_)) if has_labels => {
            let why = "is for CSV files, and data.labels says that data.path is an IDX file: remove one of the two";
            refuse(&csv_keys, why)?;
            refuse(&encoding_key, why)?;
            refuse(&column_keys, why)?;
            refuse(&task_is(TaskKind::Regression), "= \"regression\" does not fit IDX labels: they are classes")?;
        }
        (None, Some(_)) => {}
    }
    match (&config.test_path, has_labels, &config.test_labels) {
        (None, _, Some(_)) => {
            let message = "data.test_labels needs data.test_path, the images that it labels";
            Err(Invalid::at("data.test_labels", message))
        }
        (Some(_), true, None) => {
            let message = "data.test_path needs data.test_labels, the IDX labels of its images";
            Err(Invalid::at("data.test_path", message))
        }
        (Some(_), false, Some(_)) => {
            let message = "data.test_labels needs data.labels: both files are IDX, or both are CSV";
            Err(Invalid::at("data.test_labels", message))
        }
        _ => Ok(()),
    }
}

fn refuse(keys: &[(&str, bool)], why: &str) -> Result<(), Invalid> {
    match keys.iter().find(|(_, given)| *given) {
        Some((key, _)) => Err(Invalid::at(key, format!("{key} {why}"))),
        None => Ok(()),
    }
}

/// Keys that apply to tables but not to texts: a text has no columns and no classes, and it is split in order.
fn table_keys(config: &DataConfig) -> [(&'static str, bool); 17] {
    [
        ("data.allow_constant", config.allow_constant),
        ("data.max_categories", config.max_categories != DataConfig::default().max_categories),
        ("data.hash_buckets", config.hash_buckets.is_some()),
        ("data.classes", !config.classes.is_empty()),
        ("data.ordered", !config.ordered.is_empty()),
        ("data.train_per_class", config.train_per_class.is_some()),
        ("data.image_shape", config.image_shape.is_some()),
        ("data.folds", config.folds.is_some()),
        ("data.fold", config.fold.is_some()),
        ("data.repeats", config.repeats.is_some()),
        ("data.repeat", config.repeat.is_some()),
        ("data.stratify", !config.stratify),
        ("data.stratify_bins", config.stratify_bins.is_some()),
        ("data.split_seed", config.split_seed.is_some()),
        ("data.scale", config.scale != Scale::Standard),
        ("data.bins", config.bins > 0),
        ("data.augment", config.augment.is_some()),
    ]
}

/// Rows are divided in one way, and keys that have no say in it are refused.
fn check_division(config: &DataConfig) -> Result<(), Invalid> {
    let keys = [
        ("data.group", config.group.is_some()),
        ("data.order", config.order.is_some()),
        ("data.split_column", config.split_column.is_some()),
    ];
    let given: Vec<&str> = keys.iter().filter(|(_, given)| *given).map(|(key, _)| *key).collect();
    if let [first, second, ..] = given[..] {
        return Err(Invalid::at(second, format!("{second} and {first} both say how rows are divided: keep one")));
    }
    let has_several = config.target.as_ref().is_some_and(|target| target.names().len() > 1);
    Invalid::unless(!has_several || config.stratify_bins.is_none(), "data.stratify_bins", || {
        "data.stratify_bins is for one number, and data.target lists several columns: remove it".into()
    })?;
    let unused = |key: &str, is_given: bool, by: &str, why: &str| {
        Invalid::unless(!is_given, key, || format!("{key} is not used with {by}, {why}: remove one of the two"))
    };
    if config.order.is_some() {
        let why = "which divides the rows by time";
        unused("data.folds", config.folds.is_some(), "data.order", why)?;
        unused("data.stratify_bins", config.stratify_bins.is_some(), "data.order", why)?;
        unused("data.train_per_class", config.train_per_class.is_some(), "data.order", why)?;
    } else {
        Invalid::unless(config.gap.is_none(), "data.gap", || {
            "data.gap needs data.order, the column that tells when each row was".into()
        })?;
    }
    if config.split_column.is_some() {
        let why = "which names the part of each row";
        unused("data.folds", config.folds.is_some(), "data.split_column", why)?;
        unused("data.test_path", config.test_path.is_some(), "data.split_column", why)?;
        let is_unused = ![0.0, DataConfig::default().test_fraction].contains(&config.test_fraction);
        unused("data.test_fraction", is_unused, "data.split_column", why)?;
    }
    Ok(())
}

/// A model tested on its training rows looks better than it is.
fn check_test_file(config: &DataConfig) -> Result<(), Invalid> {
    if config.folds.is_some() {
        let is_default = config.test_fraction == DataConfig::default().test_fraction;
        let message = "is not used with data.folds, whose folds are the test parts: remove one of the two";
        for (key, is_unused) in [("data.test_path", config.test_path.is_some()), ("data.test_fraction", !is_default)] {
            Invalid::unless(!is_unused, key, || format!("{key} {message}"))?;
        }
    }
    let real = |path: &Option<std::path::PathBuf>| fs_err::canonicalize(path.as_ref()?).ok();
    let is_same = real(&config.path).is_some_and(|path| real(&config.test_path) == Some(path));
    Invalid::unless(!is_same, "data.test_path", || {
        "data.test_path is the same file as data.path: the test would be on the rows of the training".into()
    })
}

/// Pixels and characters stay as they are.
fn check_bins(config: &DataConfig) -> Result<(), Invalid> {
    let range = 2..=MAX_COLUMN_BINS;
    Invalid::unless(config.bins == 0 || range.contains(&config.bins), "data.bins", || {
        format!("data.bins is {}: it must be from 2 to {MAX_COLUMN_BINS}, or 0 for none", config.bins)
    })?;
    let is_image = config.image_shape.is_some()
        || config.source.and_then(Source::image_shape).is_some()
        || config.labels.is_some();
    Invalid::unless(config.bins == 0 || !is_image, "data.bins", || {
        "data.bins is for tables, and these data are images: remove it".into()
    })
}

fn check_ranges(config: &DataConfig) -> Result<(), Invalid> {
    check_bins(config)?;
    let check = |key: &str, holds: bool, got: String, range: &str| match holds {
        true => Ok(()),
        false => Err(Invalid::at(key, format!("{key} is {got}: it must be {range}"))),
    };
    for (key, fraction) in
        [("data.test_fraction", config.test_fraction), ("data.validation_fraction", config.validation_fraction)]
    {
        let range = "at least 0 and below 1";
        check(key, (0.0..1.0).contains(&fraction), fraction.to_string(), range)?;
    }
    if let Some(n) = config.folds {
        check("data.folds", (2..=MAX_FOLDS).contains(&n), n.to_string(), &format!("from 2 to {MAX_FOLDS}"))?;
    }
    if let Some(n) = config.fold {
        let folds = config.folds.unwrap_or(0);
        Invalid::unless(folds > 0, "data.fold", || "data.fold needs data.folds, the number of folds".into())?;
        check("data.fold", (1..=folds).contains(&n), n.to_string(), &format!("from 1 to data.folds = {folds}"))?;
    }
    if let Some(n) = config.repeats {
        Invalid::unless(config.folds.is_some(), "data.repeats", || {
            "data.repeats needs data.folds, the number of folds".into()
        })?;
        check("data.repeats", (1..=MAX_REPEATS).contains(&n), n.to_string(), &format!("from 1 to {MAX_REPEATS}"))?;
    }
    if let Some(n) = config.repeat {
        let repeats = config.repeats.unwrap_or(0);
        Invalid::unless(repeats > 0, "data.repeat", || "data.repeat needs data.repeats, their number".into())?;
        let range = format!("from 1 to data.repeats = {repeats}");
        check("data.repeat", (1..=repeats).contains(&n), n.to_string(), &range)?;
    }
    if let Some(n) = config.stratify_bins {
        check("data.stratify_bins", (2..=MAX_BINS).contains(&n), n.to_string(), &format!("from 2 to {MAX_BINS}"))?;
    }
    if let Some(gap) = config.gap {
        check("data.gap", gap >= 0.0 && gap.is_finite(), gap.to_string(), "a finite number of at least 0")?;
    }
    if let Some(n) = config.num_examples {
        let range = format!("from 1 to {MAX_EXAMPLES}");
        check("data.num_examples", (1..=MAX_EXAMPLES).contains(&n), n.to_string(), &range)?;
    }
    if let Some(noise) = config.noise {
        let holds = (0.0..=1e6).contains(&noise);
        check("data.noise", holds, noise.to_string(), "from 0 to 1000000")?;
    }
    if let Some(n) = config.num_classes {
        if !config.source.is_some_and(Source::has_chosen_classes) {
            let mut names = Source::names_where(Source::has_chosen_classes);
            names.sort_unstable();
            let message = format!("data.num_classes is for {} only: remove it", names.join(" and "));
            return Err(Invalid::at("data.num_classes", message));
        }
        let range = format!("from 2 to {MAX_CLASSES}");
        check("data.num_classes", (2..=MAX_CLASSES).contains(&n), n.to_string(), &range)?;
    }
    if let Some(n) = config.context {
        check("data.context", (1..=MAX_CONTEXT).contains(&n), n.to_string(), &format!("from 1 to {MAX_CONTEXT}"))?;
    }
    if let Some(n) = config.train_per_class {
        check("data.train_per_class", n >= 1, n.to_string(), "at least 1")?;
    }
    if let Some(buckets) = config.text_buckets {
        if config.text.is_empty() {
            let message = "is of columns of texts, and data.text names none: set it, or remove text_buckets";
            return Err(Invalid::at("data.text_buckets", message));
        }
        let holds = TEXT_BUCKETS.contains(&buckets);
        check("data.text_buckets", holds, buckets.to_string(), "16 to 65536")?;
    }
    if let Some(buckets) = config.hash_buckets {
        let holds = buckets == 0 || TEXT_BUCKETS.contains(&buckets);
        check("data.hash_buckets", holds, buckets.to_string(), "16 to 65536, or 0")?;
    }
    let n = config.max_categories;
    check("data.max_categories", n >= 1, n.to_string(), "at least 1")?;
    if let Some(delimiter) = config.delimiter {
        let holds = delimiter.is_ascii() && !matches!(delimiter, '"' | '\n' | '\r' | '\0');
        check("data.delimiter", holds, format!("{delimiter:?}"), "one ASCII character other than a quote or line end")?;
    }
    if let Some(comment) = config.comment {
        let holds = comment.is_ascii_graphic() && comment != '"' && config.delimiter != Some(comment);
        check(
            "data.comment",
            holds,
            format!("{comment:?}"),
            "one ASCII character other than a quote or the delimiter",
        )?;
    }
    if let Some(decimal) = config.decimal {
        check("data.decimal", [',', '.'].contains(&decimal), format!("{decimal:?}"), "\".\" or \",\"")?;
    }
    if let Some(name) = &config.encoding {
        let range = format!("the name of an encoding, such as {}", encoding::examples());
        check("data.encoding", encoding::named(name).is_some(), format!("{name:?}"), &range)?;
    }
    if let Some(shape) = config.image_shape {
        let holds = shape.checked_len().is_some_and(|len| len >= 1);
        check("data.image_shape", holds, format!("{:?}", Vec::from(shape)), "sizes of at least 1")?;
    }
    Ok(())
}

/// The shape must cover every input, and every input must be a number.
pub(super) fn check_image_shape(dataset: &Dataset) -> Result<(), Invalid> {
    let Some(shape) = dataset.image_shape else {
        return Ok(());
    };
    let texts: Vec<String> = dataset
        .columns
        .iter()
        .filter(|column| column.kind != super::ColumnKind::Numeric)
        .map(|column| column.name.clone())
        .collect();
    if !texts.is_empty() {
        let message = format!("an image has numeric columns only, and these hold text: {}", labels::list(&texts, 8));
        return Err(Invalid::at("data.image_shape", message));
    }
    if shape.num_cells() != dataset.columns.len() {
        let message = format!(
            "{}: an image of {shape} has {} {}, and the data has {} inputs",
            dataset.name,
            shape.num_cells(),
            if shape.channels == 1 { "pixels" } else { "numbers" },
            dataset.columns.len()
        );
        return Err(Invalid::at("data.image_shape", message));
    }
    Ok(())
}
