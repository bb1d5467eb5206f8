//! Fits a [`Preprocessor`] on the training part.

use std::collections::HashMap;

use super::{
    Inputs, LabelTarget, NumberTarget, PreparedColumn, PreparedKind, PreparedTarget, Preprocessor, Seen, bins, text,
};
use crate::data::limits::{MAX_CELLS, TEXT_BUCKETS};
use crate::data::matrix::WINDOW_BYTES;
use crate::data::memory::free;
use crate::data::{ColumnKind, DataConfig, Dataset, Scale, Several, Target, TargetColumn};
use crate::invalid::Invalid;

/// Columns gathered at a time: a cache line of each row is then read once.
const COLUMNS_AT_A_TIME: usize = 16;
/// Memory of the columns gathered at a time; of many rows they are fewer.
const GATHERED_BYTES: usize = 8 << 20;

impl Preprocessor {
    /// Fits scaling, medians, categories and the target's scale on `train_rows` alone.
    ///
    /// # Errors
    /// No training rows, a number target that is the same in all of them, or more inputs than fit in memory.
    ///
    /// # Panics
    /// If a row number is not below `dataset.num_rows()`.
    pub fn fit(dataset: &Dataset, train_rows: &[u32], config: &DataConfig) -> Result<Self, Invalid> {
        if train_rows.is_empty() {
            return Err(Invalid::at("data.validation_fraction", "there is no training row to fit the scaling on"));
        }
        let (target, class_counts, inputs) = match &dataset.target {
            Target::Classes { names, labels } => {
                let counts = class_counts(names.len(), labels, train_rows);
                (PreparedTarget::Classes(names.clone()), counts, fit_table(dataset, train_rows, config)?)
            }
            Target::Numbers(numbers) => {
                let numbers = train_rows.iter().map(|&row| numbers[row as usize]);
                let (mean, standard_deviation) = fit_number(numbers, &dataset.target_name)?;
                let target = PreparedTarget::Number { mean, standard_deviation };
                (target, Vec::new(), fit_table(dataset, train_rows, config)?)
            }
            Target::Several(several) => {
                (fit_several(several, train_rows, dataset)?, Vec::new(), fit_table(dataset, train_rows, config)?)
            }
            Target::Text(text) => {
                let (known, counts, text) = text::fit(text, train_rows);
                (PreparedTarget::Characters(known), counts, Inputs::Text(text))
            }
        };
        let target_name = dataset.target_name.clone();
        let readings = dataset.readings.clone();
        Ok(Self { target_name, target, inputs, scale: config.scale, class_counts, readings, threshold: None })
    }

    /// This preprocessor for fine-tuning on `dataset`: the inputs stay as they are, since the first layer's weights fit
    /// them; so does the target if it is a number or has the same classes. Other classes replace it.
    ///
    /// # Errors
    /// A column that `dataset` lacks or has as another kind; a number instead of classes, or the reverse; a character
    /// that the run does not know.
    ///
    /// # Panics
    /// If a row number is not below `dataset.num_rows()`.
    pub fn refit(&self, dataset: &Dataset, train_rows: &[u32]) -> Result<Self, Invalid> {
        let invalid = |message: String| Invalid::at("model.init_from", message);
        if let (PreparedTarget::Characters(known), Target::Text(text)) = (&self.target, &dataset.target) {
            let (class_counts, text) = text::refit(text, train_rows, known)?;
            return Ok(Self { class_counts, inputs: Inputs::Text(text), ..self.clone() });
        }
        let kinds: HashMap<&str, &ColumnKind> =
            dataset.columns.iter().map(|column| (column.name.as_str(), &column.kind)).collect();
        for column in self.columns() {
            let found = kinds.get(column.name.as_str());
            let is_same = match column.kind {
                PreparedKind::Numeric { .. } => found.is_some_and(|kind| matches!(kind, ColumnKind::Numeric)),
                PreparedKind::Categorical { .. } => {
                    found.is_some_and(|kind| matches!(kind, ColumnKind::Categorical { .. }))
                }
                PreparedKind::Text { .. } => found.is_some_and(|kind| matches!(kind, ColumnKind::Text { .. })),
            };
            if !is_same {
                let kind = match column.kind {
                    PreparedKind::Numeric { .. } => "numeric",
                    PreparedKind::Categorical { .. } => "categorical",
                    PreparedKind::Text { .. } => "text",
                };
                return Err(invalid(format!(
                    "the run learned from a {kind} column `{}`, which these data lack",
                    column.name
                )));
            }
        }
        let target = match (&self.target, &dataset.target) {
            (
                PreparedTarget::Number { .. } | PreparedTarget::Count { .. } | PreparedTarget::Quantiles { .. },
                Target::Numbers(_),
            ) => self.target.clone(),
            (PreparedTarget::Ordered(_), Target::Classes { names, .. }) => PreparedTarget::Ordered(names.clone()),
            (PreparedTarget::Classes(known), Target::Classes { names, .. }) => {
                let labels = self.class_labels();
                let is_known = |name: &String| labels.as_ref().is_some_and(|labels| labels.find(name).is_some());
                let is_same = known.len() == names.len() && names.iter().all(is_known);
                PreparedTarget::Classes(if is_same { known.clone() } else { names.clone() })
            }
            // Of other columns, or other labels, the output layer is new.
            (PreparedTarget::Numbers(_) | PreparedTarget::Labels(_), Target::Several(several)) => {
                if self.has_targets_of(several) {
                    self.target.clone()
                } else {
                    fit_several(several, train_rows, dataset)?
                }
            }
            _ => {
                let kinds = "classes, number, several numbers or labels, or text";
                return Err(invalid(format!(
                    "the run's target is of a different kind ({kinds}) than that of these data"
                )));
            }
        };
        let mut readings = self.readings.clone();
        if target != self.target {
            self.target_columns().iter().for_each(|name| _ = readings.columns.remove(*name));
            let of_target = |name: &str| dataset.readings.columns.get_key_value(name);
            let found = dataset.target_columns().into_iter().filter_map(of_target);
            readings.columns.extend(found.map(|(name, reading)| (name.clone(), reading.clone())));
        }
        let target_name = match dataset.target {
            Target::Several(_) => dataset.target_name.clone(),
            _ => self.target_name.clone(),
        };
        let mut refitted = Self { target_name, target, readings, ..self.clone() };
        let labels = refitted.targets(dataset, train_rows);
        let mut counts = vec![0; refitted.class_names().len()];
        if !counts.is_empty() {
            labels.iter().for_each(|&label| counts[label as usize] += 1);
        }
        refitted.class_counts = counts;
        refitted.see(dataset, train_rows);
        Ok(refitted)
    }
}

impl Preprocessor {
    /// This preprocessor with an order of its classes, that of their names.
    pub fn in_order(self) -> Self {
        let target = match self.target {
            PreparedTarget::Classes(names) => PreparedTarget::Ordered(names),
            other => other,
        };
        Self { target, ..self }
    }

    /// This preprocessor with quantiles of its number.
    ///
    /// # Errors
    /// A target that is no number.
    pub fn with_levels(self, levels: &[f64]) -> Result<Self, Invalid> {
        let PreparedTarget::Number { mean, standard_deviation } = self.target else {
            return Err(Invalid::at("training.loss", "loss = \"pinball\" is for one number, and the target is none"));
        };
        let target = PreparedTarget::Quantiles { mean, standard_deviation, levels: levels.to_vec() };
        Ok(Self { target, ..self })
    }

    /// This preprocessor with its number as a count.
    ///
    /// # Errors
    /// A target that is no number, or one below 0 in `dataset`.
    pub fn counting(self, dataset: &Dataset) -> Result<Self, Invalid> {
        let (PreparedTarget::Number { mean, standard_deviation }, Target::Numbers(numbers)) =
            (&self.target, &dataset.target)
        else {
            return Err(Invalid::at("training.loss", "loss = \"poisson\" is for counts, and the target is no number"));
        };
        if let Some(below) = numbers.iter().find(|number| **number < 0.0) {
            let message =
                format!("loss = \"poisson\" is for counts, and `{}` is {below} in some row", self.target_name);
            return Err(Invalid::at("training.loss", message));
        }
        let target = PreparedTarget::Count { mean: *mean, standard_deviation: *standard_deviation };
        Ok(Self { target, ..self })
    }
}

impl Preprocessor {
    /// Adds the training rows of `dataset` to what was seen of each column.
    fn see(&mut self, dataset: &Dataset, train_rows: &[u32]) {
        let Inputs::Table { columns, .. } = &mut self.inputs else { return };
        let places: HashMap<&str, usize> = dataset.columns.iter().map(|column| column.name.as_str()).zip(0..).collect();
        for column in columns {
            let (Some(seen), Some(&place)) = (&mut column.seen, places.get(column.name.as_str())) else { continue };
            let mut present = dataset.column(train_rows, place);
            present.retain(|cell| !cell.is_nan());
            let categories = dataset.columns[place].categories();
            *seen = seen.and(Seen::new(&present, train_rows.len(), &column.kind, categories));
        }
    }
}

fn fit_table(dataset: &Dataset, train_rows: &[u32], config: &DataConfig) -> Result<Inputs, Invalid> {
    let mut columns = Vec::with_capacity(dataset.columns.len());
    // A file is read again for each of them.
    let (most_bytes, most) = match dataset.cells.is_windowed() {
        true => (WINDOW_BYTES.max(free().unwrap_or(0) / 4), dataset.columns.len()),
        false => (GATHERED_BYTES, COLUMNS_AT_A_TIME),
    };
    let at_a_time = most_bytes / (train_rows.len() * size_of::<f32>()).max(1);
    let at_a_time = at_a_time.clamp(1, most.max(1));
    let mut gathered = vec![Vec::new(); at_a_time.min(dataset.columns.len())];
    gathered.iter_mut().for_each(|column| column.reserve_exact(train_rows.len()));
    for (block, chunk) in dataset.columns.chunks(at_a_time).enumerate() {
        let start = block * at_a_time;
        gathered.iter_mut().for_each(|column| column.resize(train_rows.len(), f32::NAN));
        dataset.for_each_of(train_rows, start..start + chunk.len(), |place, cells| {
            gathered.iter_mut().zip(cells).for_each(|(column, &cell)| column[place] = cell);
        });
        gathered.iter_mut().for_each(|column| column.retain(|cell| !cell.is_nan()));
        for (column, cells) in chunk.iter().zip(&mut gathered) {
            let kind = match &column.kind {
                ColumnKind::Numeric => fit_numeric(cells, config.scale, config.bins),
                ColumnKind::Categorical { categories } => {
                    let has_missing = cells.len() < train_rows.len();
                    fit_categorical(cells, categories, config, has_missing)
                }
                ColumnKind::Text { .. } => PreparedKind::Text { buckets: config.text_buckets() },
            };
            let seen = Some(Seen::new(cells, train_rows.len(), &kind, column.categories()));
            columns.push(PreparedColumn { name: column.name.clone(), kind, seen });
        }
    }
    let num_inputs: usize = columns.iter().map(|column| column.kind.num_inputs()).sum();
    let num_rows = dataset.num_rows();
    // The cells themselves are in memory already; only categories multiply them.
    let fits = num_inputs == dataset.columns.len() || num_inputs.saturating_mul(num_rows) <= MAX_CELLS;
    let num_bins: usize =
        columns.iter().filter(|column| column.kind.is_numeric()).map(|column| column.kind.num_inputs()).sum();
    let is_text = |column: &&PreparedColumn| matches!(column.kind, PreparedKind::Text { .. });
    let num_of_texts: usize = columns.iter().filter(is_text).map(|column| column.kind.num_inputs()).sum();
    let num_buckets: usize = columns.iter().map(|column| column.kind.num_buckets()).sum();
    let is_most = |num: usize| 2 * num > num_inputs;
    let (key, what) = match () {
        () if is_most(num_bins) => ("data.bins", "bin"),
        () if is_most(num_of_texts) => ("data.text_buckets", "bucket"),
        () if is_most(num_buckets) => ("data.hash_buckets", "bucket"),
        () => ("data.max_categories", "category"),
    };
    Invalid::unless(fits, key, || {
        format!(
            "{num_rows} rows of {num_inputs} inputs, one for each {what}, do not fit in memory: lower {key}, or drop the \
             columns with many"
        )
    })?;
    Ok(Inputs::Table { columns, image_shape: dataset.image_shape })
}

/// `cells` without the missing ones, in any order.
fn fit_numeric(cells: &mut [f32], scale: Scale, bins: usize) -> PreparedKind {
    if cells.is_empty() {
        return PreparedKind::Numeric { median: 0.0, center: 0.0, spread: 1.0, edges: Vec::new() };
    }
    let low = f64::from(cells.iter().copied().fold(f32::INFINITY, f32::min));
    let high = f64::from(cells.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let median = quantile(cells, 0.5);
    let (center, spread) = match scale {
        Scale::None => (0.0, 1.0),
        // Not decided by the deviation: rounding makes that of a constant tiny, but not 0.
        Scale::Standard if low == high => (low, 1.0),
        Scale::Standard => mean_and_deviation(cells.iter().map(|&cell| f64::from(cell))),
        Scale::MinMax => (low, high - low),
        Scale::Robust => match quantile(cells, 0.75) - quantile(cells, 0.25) {
            // Most cells are the same, often 0: those that differ must not become huge.
            0.0 => (median, (high - low) / 2.0),
            spread => (median, spread),
        },
    };
    // Every number of a preprocessor is representable in f32, as exported models store them.
    let spread = if spread > 0.0 { spread.min(f64::from(f32::MAX)) } else { 1.0 };
    let edges = if bins == 0 { Vec::new() } else { bins::edges(sorted(cells), bins) };
    PreparedKind::Numeric { median, center, spread, edges }
}

fn sorted(cells: &mut [f32]) -> &[f32] {
    cells.sort_unstable_by(f32::total_cmp);
    cells
}

fn mean_and_deviation(numbers: impl ExactSizeIterator<Item = f64> + Clone) -> (f64, f64) {
    let count = numbers.len() as f64;
    // Shifted by the first one: less rounding error for numbers far from 0.
    let origin = numbers.clone().next().unwrap_or(0.0);
    let mean = origin + numbers.clone().map(|number| number - origin).sum::<f64>() / count;
    let variance = numbers.map(|number| (number - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

/// Linear interpolation between the two nearest ranks, numpy's default. Reorders `cells`, which must not be empty or
/// hold NaN.
fn quantile(cells: &mut [f32], fraction: f64) -> f64 {
    let rank = fraction * (cells.len() - 1) as f64;
    let (_, &mut below, above) = cells.select_nth_unstable_by(rank as usize, f32::total_cmp);
    let below = f64::from(below);
    let above = above.iter().copied().fold(f32::INFINITY, f32::min);
    match rank.fract() {
        0.0 => below,
        part => below + part * (f64::from(above) - below),
    }
}

/// Training rows of each bucket of hashed categories, on average, where the section does not say how many there are: of fewer
/// an input tells nothing.
const ROWS_A_BUCKET: usize = 8;
/// Most of them then.
const MOST_BUCKETS: usize = 1024;

/// Buckets for the categories that have no input of their own, of which training has so many, in so many rows. A power of two,
/// by which hashes are divided most evenly.
fn num_buckets(config: &DataConfig, num_categories: usize, num_rows: usize) -> usize {
    match config.hash_buckets {
        _ if num_categories == 0 => 0,
        Some(buckets) => buckets,
        None => {
            let most = (num_rows / ROWS_A_BUCKET).min(MOST_BUCKETS);
            let buckets = if most == 0 { 0 } else { (1 << most.ilog2()).min(num_categories.next_power_of_two()) };
            if buckets < *TEXT_BUCKETS.start() { 0 } else { buckets }
        }
    }
}

fn fit_categorical(cells: &[f32], names: &[String], config: &DataConfig, has_missing: bool) -> PreparedKind {
    // The last place is for categories that only a test file has.
    let mut counts = vec![0usize; names.len() + 1];
    cells.iter().for_each(|&cell| counts[(cell as usize).min(names.len())] += 1);
    let mut kept: Vec<usize> = (0..names.len()).filter(|&i| counts[i] > 0).collect();
    kept.sort_by_key(|&i| std::cmp::Reverse(counts[i]));
    let rare = kept.split_off(config.max_categories.min(kept.len()));
    let buckets = num_buckets(config, rare.len(), rare.iter().map(|&i| counts[i]).sum());
    let has_rare = !rare.is_empty() && buckets == 0 || counts[names.len()] > 0;
    kept.sort_unstable();
    PreparedKind::Categorical {
        categories: kept.into_iter().map(|i| names[i].clone()).collect(),
        has_unknown: has_missing || has_rare,
        buckets,
    }
}

fn class_counts(num_classes: usize, labels: &[u32], train_rows: &[u32]) -> Vec<u64> {
    let mut counts = vec![0; num_classes];
    train_rows.iter().for_each(|&row| counts[labels[row as usize] as usize] += 1);
    counts
}

fn fit_number(numbers: impl ExactSizeIterator<Item = f64> + Clone, name: &str) -> Result<(f64, f64), Invalid> {
    let (mean, standard_deviation) = mean_and_deviation(numbers.clone());
    let is_constant = numbers.clone().min_by(f64::total_cmp) == numbers.clone().max_by(f64::total_cmp);
    if is_constant || !(standard_deviation > 0.0 && standard_deviation.is_finite()) {
        let message = format!("constant target: `{name}` is {mean} in all {} training rows", numbers.len());
        return Err(Invalid::at("data.target", message));
    }
    Ok((mean, standard_deviation))
}

fn fit_several(several: &Several, train_rows: &[u32], dataset: &Dataset) -> Result<PreparedTarget, Invalid> {
    // Of labels that are found in cells some may be so rare that no training row has them. The user has not named them.
    let are_found = dataset.readings.separator(&dataset.target_name).is_some();
    let (mut numbers, mut labels) = (Vec::new(), Vec::new());
    for (i, TargetColumn { name, words }) in several.columns.iter().enumerate() {
        let values = train_rows.iter().map(|&row| several.row(row as usize)[i]);
        let (mean, standard_deviation) = match are_found {
            true => mean_and_deviation(values),
            false => fit_number(values, name)?,
        };
        match words.clone() {
            Some(words) => labels.push(LabelTarget { name: name.clone(), words, share: mean, threshold: None }),
            None => numbers.push(NumberTarget { name: name.clone(), mean, standard_deviation }),
        }
    }
    Ok(if labels.is_empty() { PreparedTarget::Numbers(numbers) } else { PreparedTarget::Labels(labels) })
}
