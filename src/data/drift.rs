//! How the cells of a later file differ from those of the training part: unknown categories, numbers far out of range,
//! missing cells where training had none. The network answers such rows all the same, and its answers are worth little.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::label_cells::NewLabels;
use super::preprocessor::Seen;
use super::table::Row;
use super::{Examples, PreparedColumn, PreparedKind, Preprocessor, Readings, dates, labels};
use crate::invalid::{Invalid, one_line};

/// Different texts kept of a column or of the classes; the others are only counted.
const MAX_EXAMPLES: usize = 5;
/// Columns that get a line each.
const MAX_COLUMNS: usize = 10;
/// A number is far out of range if it is further outside than this share of the range's width. New rows of the same kind
/// exceed the range of a small training part now and then; another unit does so by far.
const FAR: f32 = 0.5;
/// A date need not be far out: the network has learned nothing of the days before and after those of training.
const FAR_OF_DATES: f32 = 0.01;
/// Of numbers that are outside the range, though not far: more than this share of them, and this many times the share that is
/// expected of as many new rows of the same kind, 2 of n + 1 where training had n.
const OUTSIDE_SHARE: f64 = 0.25;
const TIMES_EXPECTED: f64 = 5.0;
/// With fewer such numbers, they are no other unit.
const MIN_OUTSIDE: usize = 3;
/// Where training had such cells, too, there must be more than this share of them, and twice as many as there.
const NOTABLE_SHARE: f64 = 0.1;

/// Counts over the rows of a file.
#[derive(Clone, Debug, Default)]
pub struct Drift {
    columns: Vec<ColumnDrift>,
    /// Per column, the least and the greatest cell that is nothing new; no comparison with a missing cell holds.
    usual: Vec<[f32; 2]>,
    num_rows: usize,
    target_name: String,
    /// Rows left out, since their target is missing.
    num_without_target: usize,
    /// Rows left out, since training had none of their class.
    num_of_new_classes: usize,
    new_classes: BTreeMap<String, usize>,
    known_classes: Vec<String>,
    /// Where a cell of the target holds several.
    new_labels: NewLabels,
    of_text: Option<String>,
}

#[derive(Clone, Debug)]
struct ColumnDrift {
    name: String,
    /// The column of the file that it is computed from.
    source: String,
    /// `None` for numbers.
    categories: Option<Vec<String>>,
    /// `None` for a model of an older version, which did not record it.
    seen: Option<Seen>,
    num_missing: usize,
    /// Cells of a category that is not among `categories`, and some of their texts.
    num_unknown: usize,
    unknown: Vec<String>,
    /// Numbers far outside the training range, and the least and the greatest of them.
    num_far: usize,
    far: [f32; 2],
    /// Numbers outside the training range, those that are far included, and the least and the greatest of them.
    num_outside: usize,
    outside: [f32; 2],
    scale: Scale,
}

/// What the numbers of a column are in the file.
#[derive(Clone, Debug)]
enum Scale {
    /// Themselves, less an origin.
    Number { origin: f64 },
    /// Days from an origin to the dates of a column.
    Days { source: String, origin: f64 },
}

impl Scale {
    /// A number of the column as the file has it.
    fn shown(&self, number: f32) -> String {
        match self {
            Self::Number { origin: 0.0 } => number.to_string(),
            Self::Number { origin } => (f64::from(number) + origin).to_string(),
            Self::Days { origin, .. } => dates::shown(origin + f64::from(number) * dates::DAY),
        }
    }
}

/// What a target may be; of several labels, what each of them may be.
fn known_classes(preprocessor: &Preprocessor) -> Vec<String> {
    match preprocessor.labels() {
        [] => preprocessor.class_names().to_vec(),
        labels => {
            let words: BTreeSet<&String> = labels.iter().flat_map(|label| &label.words).collect();
            words.into_iter().cloned().collect()
        }
    }
}

impl Drift {
    /// Nothing counted yet, for rows that `preprocessor` is to encode.
    pub(super) fn new(preprocessor: &Preprocessor) -> Self {
        // The pixels of an image are one kind of number: at its border training may have seen nothing but 0.
        let ranges = || preprocessor.columns().iter().filter_map(|column| column.seen?.range);
        let of_all = ranges().reduce(|[a, b], [c, d]| [a.min(c), b.max(d)]);
        let of_all = of_all.filter(|_| preprocessor.image_shape().is_some());
        let columns =
            preprocessor.columns().iter().map(|column| ColumnDrift::new(column, of_all, &preprocessor.readings));
        let columns: Vec<ColumnDrift> = columns.collect();
        Self {
            usual: columns.iter().map(ColumnDrift::usual).collect(),
            columns,
            target_name: preprocessor.target_name.clone(),
            known_classes: known_classes(preprocessor),
            ..Self::default()
        }
    }

    /// Characters of a text that training did not have.
    pub fn of_text(preprocessor: &Preprocessor, examples: &Examples) -> Self {
        let num_known = preprocessor.characters().map_or(0, |known| known.chars().count());
        let num_unknown = examples.targets().iter().filter(|&&target| target as usize == num_known).count();
        let line = format!(
            "{num_unknown} of {} characters unknown; training had {num_known} different ones, and one token stands for all \
             others",
            examples.targets().len()
        );
        Self { of_text: (num_unknown > 0).then_some(line), ..Self::default() }
    }

    /// Counts a row; `values` are its cells as [`Known::push_inputs`](super::follow::Known::push_inputs) reads them.
    ///
    /// # Errors
    /// Bytes that are not UTF-8.
    #[inline]
    pub(super) fn observe(&mut self, values: &[f32], row: &Row<'_>) -> Result<(), Invalid> {
        self.num_rows += 1;
        for (i, (value, [low, high])) in values.iter().zip(&self.usual).enumerate() {
            if !(low <= value && value <= high) {
                self.columns[i].note(*value, row, i)?;
            }
        }
        Ok(())
    }

    /// Counts a row that is left out since its target is missing.
    pub(super) fn leave_out(&mut self) {
        self.num_without_target += 1;
    }

    /// Counts a row that is left out since training had no such `class`.
    pub(super) fn leave_out_class(&mut self, class: &str) {
        self.num_of_new_classes += 1;
        if let Some(count) = self.new_classes.get_mut(class) {
            *count += 1;
        } else if self.new_classes.len() < MAX_EXAMPLES {
            self.new_classes.insert(class.to_owned(), 1);
        }
    }

    /// Counts the labels of a row that training did not have.
    pub(super) fn observe_labels(&mut self, new: &[String]) {
        self.new_labels.count(new);
    }

    /// By column: how many cells are missing, of a category that training did not have, and far out of its range; without
    /// what there is none of.
    pub fn counts(&self) -> impl Iterator<Item = (&str, &'static str, usize)> {
        let of_column = |column: &'_ ColumnDrift| {
            [("missing", column.num_missing), ("unknown", column.num_unknown), ("far", column.num_far)]
        };
        let all = self
            .columns
            .iter()
            .flat_map(move |column| of_column(column).map(|(kind, count)| (&*column.name, kind, count)));
        all.filter(|(.., count)| *count > 0)
    }

    /// A line for each kind of difference, the most frequent first; none if there is none.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.of_text.iter().cloned().collect();
        let num_all = self.num_rows + self.num_without_target + self.num_of_new_classes;
        if self.num_of_new_classes > 0 {
            let names: Vec<String> = self.new_classes.iter().map(|(name, count)| format!("{name} {count}")).collect();
            let more = self.num_of_new_classes - self.new_classes.values().sum::<usize>();
            let more = if more > 0 { format!(", others {more}") } else { String::new() };
            lines.push(format!(
                "{} of {num_all} rows left out: training had no class like their `{}` ({}{more}); it had {}",
                self.num_of_new_classes,
                self.target_name,
                names.join(", "),
                labels::list(&self.known_classes, 20)
            ));
        }
        if self.num_without_target > 0 {
            let Self { num_without_target, target_name, .. } = self;
            lines.push(format!("{num_without_target} of {num_all} rows left out: they have no `{target_name}`"));
        }
        lines.extend(self.new_labels.told(&self.target_name, self.num_rows));
        let mut told: Vec<(usize, String)> =
            self.columns.iter().flat_map(|column| column.lines(self.num_rows)).collect();
        told.sort_by_key(|(count, _)| std::cmp::Reverse(*count)); // stable: columns in their order
        // The numbers of a date are missing together.
        let mut is_new = BTreeSet::new();
        told.retain(|(_, line)| is_new.insert(line.clone()));
        let num_more = told.len().saturating_sub(MAX_COLUMNS);
        lines.extend(told.into_iter().take(MAX_COLUMNS).map(|(_, line)| line));
        if num_more > 0 {
            lines.push(format!("and {num_more} more such differences in other columns"));
        }
        lines.iter().map(|line| one_line(line)).collect()
    }
}

impl ColumnDrift {
    fn new(column: &PreparedColumn, of_all: Option<[f32; 2]>, readings: &Readings) -> Self {
        let categories = match &column.kind {
            // Of texts none is like another.
            PreparedKind::Numeric { .. } | PreparedKind::Text { .. } => None,
            // Nor of rare categories, of which there are always new ones.
            PreparedKind::Categorical { buckets: 1.., .. } => None,
            PreparedKind::Categorical { categories, .. } => Some(categories.clone()),
        };
        let seen = column.seen.map(|seen| Seen { range: of_all.or(seen.range), ..seen });
        Self {
            name: column.name.clone(),
            source: readings.source(&column.name).to_owned(),
            categories,
            seen,
            num_missing: 0,
            num_unknown: 0,
            unknown: Vec::new(),
            num_far: 0,
            far: [f32::INFINITY, f32::NEG_INFINITY],
            num_outside: 0,
            outside: [f32::INFINITY, f32::NEG_INFINITY],
            scale: match readings.days(&column.name) {
                Some((source, origin)) => Scale::Days { source: source.to_owned(), origin },
                None => Scale::Number { origin: readings.origin(&column.name) },
            },
        }
    }

    fn usual(&self) -> [f32; 2] {
        match (&self.categories, self.seen.and_then(|seen| seen.range)) {
            // An unknown category is the number of the known ones.
            (Some(categories), _) => [0.0, categories.len() as f32 - 1.0],
            (None, Some(range)) => range,
            (None, None) => [f32::NEG_INFINITY, f32::INFINITY],
        }
    }

    /// Whether a number outside the range of training is far outside.
    fn is_far(&self, value: f32) -> bool {
        self.seen.and_then(|seen| seen.range).is_some_and(|[low, high]| {
            let margin = (high - low) * if matches!(self.scale, Scale::Days { .. }) { FAR_OF_DATES } else { FAR };
            value < low - margin || high + margin < value
        })
    }

    #[cold]
    fn note(&mut self, value: f32, row: &Row<'_>, i: usize) -> Result<(), Invalid> {
        if value.is_nan() {
            self.num_missing += 1;
        } else if self.categories.is_none() {
            self.num_outside += 1;
            self.outside = [self.outside[0].min(value), self.outside[1].max(value)];
            if self.is_far(value) {
                self.num_far += 1;
                self.far = [self.far[0].min(value), self.far[1].max(value)];
            }
        } else {
            self.num_unknown += 1;
            if self.unknown.len() <= MAX_EXAMPLES {
                let text = row.text(i)?;
                if !self.unknown.iter().any(|known| *known == text) {
                    self.unknown.push(text.into_owned());
                }
            }
        }
        Ok(())
    }

    /// Whether so many numbers are outside the range of training that it is hardly chance.
    fn is_shifted(&self, num_rows: usize) -> bool {
        let share = self.num_outside as f64 / num_rows as f64;
        let num_seen = self.seen.map_or(0, |seen| seen.num_rows.saturating_sub(seen.num_missing));
        let expected = 2.0 / (num_seen as f64 + 1.0);
        self.num_outside >= MIN_OUTSIDE && share > OUTSIDE_SHARE && share > TIMES_EXPECTED * expected
    }

    /// What is to be told, each with its count.
    fn lines(&self, num_rows: usize) -> Vec<(usize, String)> {
        let Self { name, source, seen, num_missing, num_unknown, num_far, .. } = self;
        let share_of = |count: fn(&Seen) -> usize| seen.map(|seen| count(&seen) as f64 / seen.num_rows.max(1) as f64);
        // An older model does not say whether its unknown cells in training were rare categories or missing ones.
        let is_notable = |count: usize, before: Option<f64>| {
            let share = count as f64 / num_rows as f64;
            count > 0 && before.is_none_or(|before| before == 0.0 || share > NOTABLE_SHARE.max(2.0 * before))
        };
        let training_had = |before: Option<f64>| match before {
            Some(share) if share > 0.0 => format!("{:.1} % in training", 100.0 * share),
            _ => "training had none".to_owned(),
        };
        let mut lines = Vec::new();
        if let (Some(categories), true) = (&self.categories, is_notable(*num_unknown, share_of(|seen| seen.num_rare))) {
            let mut line = format!("{name}: {num_unknown} of {num_rows} cells unknown (");
            line.push_str(&labels::list(&self.unknown[..self.unknown.len().min(MAX_EXAMPLES)], MAX_EXAMPLES));
            let more = if self.unknown.len() > MAX_EXAMPLES { ", and others" } else { "" };
            write!(line, "{more}); training had {}", labels::list(categories, MAX_EXAMPLES)).ok();
            let alike = |text: &String| categories.iter().any(|known| known.to_lowercase() == text.to_lowercase());
            if self.unknown.iter().all(alike) {
                line.push_str(": only the letter case differs");
            }
            lines.push((*num_unknown, line));
        }
        let is_shifted = matches!(self.scale, Scale::Number { .. }) && self.is_shifted(num_rows);
        if let (Some([low, high]), true) = (seen.and_then(|seen| seen.range), *num_far > 0 || is_shifted) {
            let (count, word, [least, most]) = match is_shifted && self.num_outside > 2 * num_far {
                true => (self.num_outside, "", self.outside),
                false => (*num_far, "far ", self.far),
            };
            let shown = |number| self.scale.shown(number);
            let found = if least == most { shown(least) } else { format!("{} to {}", shown(least), shown(most)) };
            let range =
                if low == high { format!("only {}", shown(low)) } else { format!("{} to {}", shown(low), shown(high)) };
            let line = match &self.scale {
                Scale::Number { .. } => {
                    format!("{name}: {count} of {num_rows} numbers {word}outside ({found}); training had {range}")
                }
                Scale::Days { source, .. } => format!(
                    "{source}: {num_far} of {num_rows} dates outside those of training ({found}); training had {range}, and what \
                     the network says beyond is a guess"
                ),
            };
            lines.push((count, line));
        }
        let before = share_of(|seen| seen.num_missing);
        if before.is_some() && is_notable(*num_missing, before) {
            let before = training_had(before);
            lines.push((*num_missing, format!("{source}: {num_missing} of {num_rows} cells missing; {before}")));
        }
        lines
    }
}
