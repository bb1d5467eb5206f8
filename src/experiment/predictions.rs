//! Writes predictions as CSV.

use std::borrow::Cow;
use std::io::Write;

use crate::data::{PreparedTarget, Preprocessor};
use crate::figures::short;
use crate::training::Predictions;
use crate::training::evaluation::{Answer, Prediction};

/// How answers are written: the columns of a table, or the keys of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct AnswerFormat {
    targets: Vec<TargetFormat>,
    /// What each of [`Answer::probabilities`] is of.
    outcomes: Vec<String>,
    /// Of [`Answer::quantiles`].
    levels: Vec<f64>,
}

/// How the values of one target are written.
#[derive(Clone, Debug, PartialEq)]
struct TargetFormat {
    /// Its column, where there are several targets.
    name: Option<String>,
    /// What stands for 0, 1, ...; empty for a number.
    names: Vec<String>,
}

impl AnswerFormat {
    /// That of a model.
    pub fn new(preprocessor: &Preprocessor) -> Self {
        let one = |names: &[String]| TargetFormat { name: None, names: names.to_vec() };
        let several = |name: &str, names: &[String]| TargetFormat { name: Some(name.to_owned()), ..one(names) };
        let (targets, outcomes) = match &preprocessor.target {
            PreparedTarget::Numbers(numbers) => {
                (numbers.iter().map(|number| several(&number.name, &[])).collect(), Vec::new())
            }
            PreparedTarget::Labels(labels) => (
                labels.iter().map(|label| several(&label.name, &label.words)).collect(),
                labels.iter().map(|label| label.name.clone()).collect(),
            ),
            _ => (vec![one(preprocessor.class_names())], preprocessor.class_names().to_vec()),
        };
        Self { targets, outcomes, levels: preprocessor.levels().to_vec() }
    }

    /// The same with the names of classes as `shown` makes them.
    pub fn shown(mut self, shown: fn(&str) -> Cow<'_, str>) -> Self {
        let names = self.targets.iter_mut().flat_map(|target| &mut target.names);
        names.for_each(|name| *name = shown(name).into_owned());
        self
    }

    /// Column names that begin with `what`, one per target: `predicted`, or `predicted_x`, `predicted_y` of several.
    fn columns(&self, what: &str) -> impl Iterator<Item = String> {
        self.targets.iter().map(move |target| match &target.name {
            None => what.to_owned(),
            Some(name) => format!("{what}_{name}"),
        })
    }

    /// The columns of an answer: what is predicted, and a probability per class or label, or a number per quantile.
    pub fn answer_columns(&self) -> Vec<String> {
        let probabilities = self.outcomes.iter().map(|name| format!("probability_{name}"));
        let quantiles = self.levels.iter().map(|level| format!("quantile_{level}"));
        self.columns("predicted").chain(probabilities).chain(quantiles).collect()
    }

    /// The levels of the quantiles; none for other targets.
    pub fn levels(&self) -> &[f64] {
        &self.levels
    }

    /// What stands for the probabilities of an answer: classes, or labels.
    pub fn outcomes(&self) -> &[String] {
        &self.outcomes
    }

    /// The names of the targets, where there are several.
    pub fn target_names(&self) -> Vec<&str> {
        self.targets.iter().filter_map(|target| target.name.as_deref()).collect()
    }

    /// The names of what target `i` may be; none for a number.
    pub fn names(&self, i: usize) -> &[String] {
        &self.targets[i].names
    }

    /// What is predicted, in words: a class in backquotes, or a number; of several targets, each with its name.
    pub fn told(&self, answer: &Answer) -> String {
        let value = |(target, &value): (&TargetFormat, &f64)| {
            let told = target.names.get(value as usize).map_or_else(|| short(value), |name| format!("`{name}`"));
            target.name.as_ref().map_or(told.clone(), |name| format!("{name} {told}"))
        };
        self.targets.iter().zip(&answer.predicted).map(value).collect::<Vec<_>>().join(", ")
    }

    /// The values of all targets: names of classes, and numbers unchanged.
    fn cells(&self, values: &[f64]) -> impl Iterator<Item = Cow<'_, str>> {
        self.targets.iter().zip(values).map(|(target, value)| match target.names.get(*value as usize) {
            Some(name) => Cow::Borrowed(name.as_str()),
            None => Cow::Owned(value.to_string()),
        })
    }
}

/// The lines of `predictions.csv`: the row of the file, from 0 and without the header, as the other verbs count them;
/// the true values as they are there, the predictions, and a probability per class or label. `last` is one more column, if
/// there is one, with its values.
///
/// # Errors
/// What `writer` reports.
pub fn write(
    writer: impl Write,
    predictions: &Predictions,
    format: AnswerFormat,
    last: Option<(&str, &[f64])>,
) -> csv::Result<()> {
    let more: Vec<&str> = last.iter().map(|(name, _)| *name).collect();
    let first: Vec<String> = std::iter::once("row".to_owned()).chain(format.columns("true")).collect();
    let mut lines = Lines::begin(writer, format, &first, &more)?;
    for (i, Prediction { row, truths, answer, .. }) in predictions.iter().enumerate() {
        let more = last.map(|(_, values)| values[i].to_string());
        let truths: Vec<String> = lines.format.cells(&truths).map(Cow::into_owned).collect();
        lines.write(std::iter::once(row.to_string()).chain(truths), &answer, more)?;
    }
    lines.end()
}

/// Writes a line per prediction, after cells from the caller.
pub struct Lines<W: Write> {
    csv: csv::Writer<W>,
    format: AnswerFormat,
}

/// A cell that no spreadsheet runs as a formula: quoted with `'` where it would. Numbers are not, since a quote would turn
/// them into text.
pub fn inert(text: &str) -> Cow<'_, str> {
    const BEGINNINGS: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];
    let is_formula = text.starts_with(BEGINNINGS) && text.parse::<f64>().is_err();
    if is_formula { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

impl<W: Write> Lines<W> {
    /// Writes the header: `first`, then the columns of an answer, then `more`.
    ///
    /// # Errors
    /// Errors of `writer`, as for all methods.
    pub fn begin(writer: W, format: AnswerFormat, first: &[String], more: &[&str]) -> csv::Result<Self> {
        let mut csv = csv::Writer::from_writer(writer);
        let own = format.answer_columns();
        let header = first.iter().chain(&own).map(String::as_str);
        csv.write_record(header.chain(more.iter().copied()))?;
        Ok(Self { csv, format })
    }

    /// Writes `first`, then the prediction, then `more`, as many cells as the header has of them.
    pub fn write(
        &mut self,
        first: impl IntoIterator<Item: AsRef<[u8]>>,
        answer: &Answer,
        more: impl IntoIterator<Item: AsRef<[u8]>>,
    ) -> csv::Result<()> {
        for cell in first {
            self.csv.write_field(cell)?;
        }
        for cell in self.format.cells(&answer.predicted) {
            self.csv.write_field(cell.as_bytes())?;
        }
        for number in answer.probabilities.iter().chain(&answer.quantiles) {
            self.csv.write_field(number.to_string())?;
        }
        for cell in more {
            self.csv.write_field(cell)?;
        }
        self.csv.write_record(None::<&[u8]>)
    }

    /// Flushes everything to the writer.
    pub fn end(mut self) -> csv::Result<()> {
        Ok(self.csv.flush()?)
    }
}
