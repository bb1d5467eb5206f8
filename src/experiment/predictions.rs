//! What a network says of each row, as CSV.

use std::io::Write;

use crate::training::evaluation::{Answer, Prediction};

/// The lines of `predictions.csv`: row number, the true value, the prediction, a probability per class.
///
/// # Errors
/// Only where memory cannot be written.
pub fn csv(predictions: &[Prediction], class_names: &[String]) -> csv::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut lines = Lines::begin(&mut bytes, class_names, &["row", "true"])?;
    for Prediction { row, truth, answer } in predictions {
        let truth = lines.shown(*truth);
        lines.write([row.to_string(), truth], answer)?;
    }
    lines.end()?;
    Ok(bytes)
}

/// Writes a line per answer, after cells of the caller's.
pub struct Lines<'a, W: Write> {
    csv: csv::Writer<W>,
    class_names: &'a [String],
}

impl<'a, W: Write> Lines<'a, W> {
    /// Writes the header: `first`, then `predicted` and a column per class.
    ///
    /// # Errors
    /// What `writer` reports; so with all methods.
    pub fn begin(writer: W, class_names: &'a [String], first: &[&str]) -> csv::Result<Self> {
        let mut csv = csv::Writer::from_writer(writer);
        let probabilities = class_names.iter().map(|name| format!("probability_{name}"));
        csv.write_record(first.iter().map(ToString::to_string).chain(["predicted".into()]).chain(probabilities))?;
        Ok(Self { csv, class_names })
    }

    /// `first`, then the answer.
    pub fn write(&mut self, first: impl IntoIterator<Item: AsRef<[u8]>>, answer: &Answer) -> csv::Result<()> {
        for cell in first {
            self.csv.write_field(cell)?;
        }
        self.csv.write_field(self.shown(answer.predicted))?;
        for probability in &answer.probabilities {
            self.csv.write_field(probability.to_string())?;
        }
        self.csv.write_record(None::<&[u8]>)
    }

    /// A class index as its name, a number as it is.
    pub fn shown(&self, value: f64) -> String {
        self.class_names.get(value as usize).cloned().unwrap_or_else(|| value.to_string())
    }

    /// Everything is handed to the writer.
    pub fn end(mut self) -> csv::Result<()> {
        Ok(self.csv.flush()?)
    }
}
