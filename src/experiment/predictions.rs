//! Writes predictions as CSV.

use std::borrow::Cow;
use std::io::Write;

use crate::training::evaluation::{Answer, Prediction};

/// The lines of `predictions.csv`: the row of the file, from 0 and without the header, as the other verbs count them;
/// the true value as it is there, the prediction, and a probability per class. `shown` makes the names of classes what they
/// are in cells. `last` is one more column, if there is one, with its values.
///
/// # Errors
/// Only if memory cannot be written.
pub fn csv(
    predictions: &[Prediction],
    class_names: &[String],
    shown: fn(&str) -> Cow<'_, str>,
    last: Option<(&str, &[f64])>,
) -> csv::Result<Vec<u8>> {
    let more: Vec<&str> = last.iter().map(|(name, _)| *name).collect();
    let mut bytes = Vec::new();
    let mut lines = Lines::begin(&mut bytes, class_names, &["row", "true"], &more, shown)?;
    for (i, Prediction { row, truth, answer, .. }) in predictions.iter().enumerate() {
        let truth = lines.shown(*truth);
        let more = last.map(|(_, values)| values[i].to_string());
        lines.write([row.to_string(), truth], answer, more)?;
    }
    lines.end()?;
    Ok(bytes)
}

/// The names of the columns of a prediction: `predicted`, and a probability per class.
pub fn own_columns(class_names: &[String]) -> Vec<String> {
    let probabilities = class_names.iter().map(|name| format!("probability_{name}"));
    std::iter::once("predicted".to_owned()).chain(probabilities).collect()
}

/// Writes a line per prediction, after cells from the caller.
pub struct Lines<'a, W: Write> {
    csv: csv::Writer<W>,
    class_names: Vec<Cow<'a, str>>,
}

/// A cell that no spreadsheet runs as a formula: quoted with `'` where it would. Numbers are not, since a quote would turn
/// them into text.
pub fn inert(text: &str) -> Cow<'_, str> {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']) && text.parse::<f64>().is_err();
    if is_formula { Cow::Owned(format!("'{text}")) } else { Cow::Borrowed(text) }
}

impl<'a, W: Write> Lines<'a, W> {
    /// Writes the header: `first`, then `predicted` and a column per class, then `more`.
    ///
    /// # Errors
    /// Errors of `writer`, as for all methods.
    pub fn begin(
        writer: W,
        class_names: &'a [String],
        first: &[&str],
        more: &[&str],
        shown: fn(&str) -> Cow<'_, str>,
    ) -> csv::Result<Self> {
        let mut csv = csv::Writer::from_writer(writer);
        let own = own_columns(class_names).into_iter().chain(more.iter().map(ToString::to_string));
        csv.write_record(first.iter().map(ToString::to_string).chain(own))?;
        Ok(Self { csv, class_names: class_names.iter().map(|name| shown(name)).collect() })
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
        self.csv.write_field(self.shown(answer.predicted))?;
        for number in &answer.probabilities {
            self.csv.write_field(number.to_string())?;
        }
        for cell in more {
            self.csv.write_field(cell)?;
        }
        self.csv.write_record(None::<&[u8]>)
    }

    /// A class index as its name, a number unchanged.
    pub fn shown(&self, value: f64) -> String {
        self.class_names.get(value as usize).map_or_else(|| value.to_string(), |name| name.clone().into_owned())
    }

    /// Flushes everything to the writer.
    pub fn end(mut self) -> csv::Result<()> {
        Ok(self.csv.flush()?)
    }
}
