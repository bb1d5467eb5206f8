//! From what was read of each column to the columns of the data set: how each is read, and which are left out.

use super::DataConfig;
use super::assemble::{Cells, OutColumn};
use super::columns::Forced;
use super::date_syntax::Moment;
use super::dates;
use super::decide::{Decision, decide};
use super::infer::{Inference, Texts};
use super::labels::list;
use super::limits::MAX_CATEGORIES;
use super::missing;
use super::number::Hints;
use super::reading::Reading;
use crate::invalid::Invalid;

/// Columns named in a note.
const MAX_NAMED: usize = 6;

impl Inference<'_> {
    /// What the section and the plain numbers tell about the other ones. Where some have a decimal point, a comma is
    /// hardly a decimal comma.
    pub(super) fn hints(&self, config: &DataConfig) -> Hints {
        const NUM_SEEN: usize = 20_000;
        let width = self.inputs.len();
        let has_point = |(i, value): (usize, f32)| !self.inputs[i].has_text() && value.fract() != 0.0;
        let num_rows = (NUM_SEEN / width.max(1)).clamp(1, self.num_rows());
        let row_has_point = |row| self.cells.row(row).iter().copied().enumerate().any(has_point);
        let has_points = (0..num_rows).any(row_has_point);
        Hints { decimal: config.decimal, is_comma_likely: self.table.about().is_comma_likely && !has_points }
    }

    /// The columns of the data set: one for each input, or several for a date.
    pub(super) fn decide(
        &mut self,
        texts: Texts,
        config: &DataConfig,
        hints: Hints,
    ) -> Result<Vec<OutColumn>, Invalid> {
        let mut columns = Vec::with_capacity(texts.len());
        let mut again = Vec::new();
        for (i, texts) in texts.into_iter().enumerate() {
            let input = &mut self.inputs[i];
            let name = input.name.clone();
            let Some(texts) = texts else {
                let origin = input.origin();
                let reading = (origin != 0.0).then(|| Reading::of_large_numbers(origin));
                columns.push(OutColumn::numeric(name, i, Cells::AsRead, reading));
                if origin != 0.0 {
                    again.push((i, columns.len() - 1..columns.len()));
                }
                continue;
            };
            if input.forced == Some(Forced::Text) {
                if texts.len() > MAX_CATEGORIES {
                    let message = format!("column `{name}` has more than a million different texts: use fewer rows");
                    return Err(Invalid::at("data.text", message));
                }
                columns.push(OutColumn::texts(name, i, texts.into_names()));
                continue;
            }
            let distinct = texts.distinct();
            let first_new = columns.len();
            match decide(input, &distinct, self.table, hints, config.day_first)? {
                Decision::Names { note } => {
                    note.into_iter().for_each(|note| self.notes.say(note));
                    let (labels, order) = texts.sorted();
                    missing::doubtful(labels.names.iter(), &config.missing, false).for_each(|word| {
                        self.notes.say(format!(
                            "`{word}` is a category of `{name}` (if it means missing, add it to data.missing, whose words replace \
                             the default)"
                        ));
                    });
                    if let Some(alike) = labels.note(&distinct) {
                        self.notes.say(format!("column `{name}`: {alike}"));
                    }
                    columns.push(OutColumn::names(name, i, texts.len(), labels, order));
                    continue;
                }
                Decision::Numbers { syntax, numbers, missing, how } => {
                    let numbers: Vec<f32> = numbers.iter().map(|number| number.unwrap_or(f64::NAN) as f32).collect();
                    input.observe_numbers(numbers.iter().copied());
                    how.into_iter().for_each(|(how, example)| self.notes.say_of_column(&how, &name, &example));
                    let reading = Reading::Numbers { syntax, missing, origin: 0.0 };
                    columns.push(OutColumn::numeric(name, i, Cells::ByText(numbers), Some(reading)));
                }
                Decision::Dates { order, moments, missing } => {
                    let known: Vec<_> = moments.iter().flatten().copied().collect();
                    let origin = known.iter().map(|moment| moment.seconds).fold(f64::INFINITY, f64::min);
                    let parts = dates::parts(&known);
                    let since = |moment: &Moment| (moment.seconds - origin) as f32;
                    input.observe_numbers(known.iter().map(since));
                    self.notes.say(dates::describe(&name, &known, &parts));
                    if let Some(note) = dates::far_out(&name, &distinct, &moments) {
                        self.notes.say(note);
                    }
                    for part in parts {
                        let of = |moment: &Option<_>| {
                            moment.as_ref().map_or(f32::NAN, |moment| part.of(moment, origin) as f32)
                        };
                        let numbers: Vec<f32> = moments.iter().map(of).collect();
                        let (source, missing) = (name.clone(), missing.clone());
                        let reading = Reading::Date { source, order, part, origin, missing };
                        let name = part.column_name(&name);
                        if self.table.names().contains(&name) {
                            let message = format!("has a column `{name}`, as the one computed from a date: rename it");
                            return Err(self.table.error(&message));
                        }
                        columns.push(OutColumn::numeric(name, i, Cells::ByText(numbers), Some(reading)));
                    }
                }
            }
            if texts.len() > MAX_CATEGORIES {
                again.push((i, first_new..columns.len()));
            }
        }
        self.read_again(&mut columns, &again)?;
        Ok(columns)
    }

    /// Leaves out what looks like an identifier, and marks those with names that are hashed.
    pub(super) fn drop_identifiers(
        &mut self,
        columns: Vec<OutColumn>,
        config: &DataConfig,
    ) -> Result<Vec<OutColumn>, Invalid> {
        let mut kept = Vec::with_capacity(columns.len());
        for mut column in columns {
            let input = &self.inputs[column.input];
            match input.identifier_note(column.num_texts, column.labels()) {
                Some(note) => self.notes.say(note),
                None if column.num_texts.is_some_and(|count| count > MAX_CATEGORIES) => {
                    let message =
                        format!("column `{}` has more than a million categories: add it to data.drop", input.name);
                    return Err(Invalid::at("data.categorical", message));
                }
                None => {
                    let num_names = column.labels().map_or(0, |labels| labels.names.len());
                    // How many of them are told apart depends on the training rows, and is said of these.
                    column.is_open = num_names > config.max_categories && config.hash_buckets != Some(0);
                    kept.push(column);
                }
            }
        }
        if kept.is_empty() {
            let notes = self.notes.lines().join("; ");
            return Err(self.table.error(&format!("has no input column left: {notes}")));
        }
        Ok(kept)
    }

    /// Leaves out columns without any value, and those with the same one in every row, unless the section names them or
    /// accepts them: nothing can be learned from them.
    ///
    /// # Errors
    /// No column is left.
    pub(super) fn drop_empty_columns(
        &mut self,
        mut columns: Vec<OutColumn>,
        config: &DataConfig,
    ) -> Result<Vec<OutColumn>, Invalid> {
        if self.num_rows() == 1 {
            return Err(self.table.error("has one row with a target: there is nothing to learn from it"));
        }
        let is_named = |name: &String| {
            [&config.numeric, &config.categorical, &config.date, &config.text].iter().any(|all| all.contains(name))
        };
        // Border pixels are often constant; dropping them would destroy the image.
        let may_be_constant = config.allow_constant || config.image_shape.is_some();
        let (mut empty, mut constant) = (Vec::new(), Vec::new());
        columns.retain(|column| {
            let input = &self.inputs[column.input];
            let dropped = if input.is_all_missing() {
                &mut empty
            } else if !may_be_constant && !is_named(&input.name) && input.is_constant(column.labels()) {
                &mut constant
            } else {
                return true;
            };
            dropped.push(format!("`{}`", column.name));
            false
        });
        let notes = [
            (&empty, "no value in any row"),
            (&constant, "the same value in every row (keep with data.allow_constant = true)"),
        ];
        let notes = notes.into_iter().filter(|(names, _)| !names.is_empty());
        let notes: Vec<String> =
            notes.map(|(names, why)| format!("dropped {}: {why}", list(names, MAX_NAMED))).collect();
        if columns.is_empty() {
            return Err(self.table.error(&format!("has no input column left: {}", notes.join("; "))));
        }
        notes.into_iter().for_each(|note| self.notes.say(note));
        Ok(columns)
    }
}
