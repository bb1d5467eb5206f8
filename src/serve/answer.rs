//! Answers of a model in JSON.

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::rows::Bytes;
use super::{MAX_ROWS, Model, ServeState};
use crate::experiment::predictions::AnswerFormat;
use crate::experiment::{Answered, Unanswered};
use crate::training::evaluation::Answer;
use crate::web::ApiError;

/// What a model says of some rows; both are kept together since the model may be replaced meanwhile.
pub(super) struct Scored {
    pub model: Arc<Model>,
    pub answered: Answered,
}

/// Answers with several thousand numbers are written on a thread that may block.
const LONG: usize = 4096;

/// Answers a request: `read` makes rows of its body, and `write` an answer of what the model says of them. Between the two it
/// waits for the network, and has no more in memory than the network's inputs.
///
/// # Errors
/// 400 for rows that do not fit the model, 413 for too many; those of `read` and `write`.
pub(super) async fn answer<T: Send + 'static>(
    state: &ServeState,
    model: Arc<Model>,
    read: impl FnOnce(&Model) -> Result<(Bytes, T), ApiError> + Send + 'static,
    write: impl FnOnce(&Scored, T) -> Result<Response, ApiError> + Send + 'static,
) -> Result<Response, ApiError> {
    let begin = move || {
        let (rows, asked) = read(&model)?;
        let begun = model.predictor.begin(rows, MAX_ROWS)?;
        Ok((model, begun, asked))
    };
    let (model, mut begun, asked) = state.work(&state.readers, begin).await?;
    let mut logits = Vec::new();
    if let Some(last) = begun.last.take() {
        let (sender, receiver) = oneshot::channel();
        // A client that is gone by then wants no answer.
        model.predictor.ask(last, move |logits| _ = sender.send(logits))?;
        logits = receiver.await.map_err(|_| Unanswered::Ended)?;
    }
    let answered = model.predictor.end(begun, &logits)?;
    let scored = Scored { model, answered };
    state.metrics.rows(&scored.model.name, scored.answered.answers.len(), &scored.answered.drift);
    if scored.num_values() < LONG {
        return write(&scored, asked);
    }
    state.work(&state.readers, move || write(&scored, asked)).await
}

impl From<Unanswered> for ApiError {
    fn from(error: Unanswered) -> Self {
        match error {
            Unanswered::Rows(invalid) => Self::bad_request(invalid.message),
            Unanswered::NoAnswer(message) => Self::bad_request(message),
            Unanswered::TooMany(_) => Self::new(StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
            Unanswered::Ended => Self::internal(error),
        }
    }
}

impl Scored {
    /// How many numbers and names it has.
    fn num_values(&self) -> usize {
        let Answered { answers, .. } = &self.answered;
        let a_row = answers
            .first()
            .map_or(0, |answer| answer.predicted.len() + answer.probabilities.len() + answer.quantiles.len());
        answers.len() * a_row
    }

    /// How the model's answers are written.
    pub(super) fn format(&self) -> AnswerFormat {
        AnswerFormat::new(&self.model.predictor.model().preprocessor)
    }

    /// The prediction: the name of a class, or a number; of several targets, each by the name of its column.
    pub(super) fn predicted(&self, format: &AnswerFormat, answer: &Answer) -> Value {
        let names = format.target_names();
        if names.is_empty() {
            return value(format, 0, answer.first());
        }
        let values = answer.predicted.iter().enumerate().map(|(i, &predicted)| value(format, i, predicted));
        Value::Object(names.into_iter().map(str::to_owned).zip(values).collect())
    }

    /// The same, with names of classes that are all whole numbers as these, as scikit-learn's models have them.
    pub(super) fn labels(&self) -> Vec<Value> {
        let format = self.format();
        let numbers: Option<Vec<i64>> = format.names(0).iter().map(|name| whole(name)).collect();
        let numbers = numbers.filter(|_| format.target_names().is_empty());
        let numbers = numbers.filter(|numbers| !numbers.is_empty());
        let label = |answer: &Answer| match &numbers {
            Some(numbers) => json!(numbers[answer.first() as usize]),
            None => self.predicted(&format, answer),
        };
        self.answered.answers.iter().map(label).collect()
    }

    /// An object per row: `{"predicted": ..., "probabilities": {"class": ...}}`; numbers have no probabilities, and `quantiles`
    /// where they were learned.
    pub(super) fn rows(&self) -> Rows<'_> {
        let format = self.format();
        let levels = format.levels().iter().map(ToString::to_string).collect();
        Rows { scored: self, format, levels }
    }
}

/// See [`Scored::rows`]. Written as it goes: as values in memory a large answer would be some ten times its size.
pub(super) struct Rows<'s> {
    scored: &'s Scored,
    format: AnswerFormat,
    levels: Vec<String>,
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.scored.answered.answers.iter().map(|answer| Row { rows: self, answer }))
    }
}

struct Row<'r> {
    rows: &'r Rows<'r>,
    answer: &'r Answer,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { rows: Rows { scored, format, levels }, answer } = self;
        let mut row = serializer.serialize_map(None)?;
        row.serialize_entry("predicted", &scored.predicted(format, answer))?;
        for (what, names, values) in
            [("probabilities", format.outcomes(), &answer.probabilities), ("quantiles", levels, &answer.quantiles)]
        {
            if !values.is_empty() {
                row.serialize_entry(what, &Named(names, values))?;
            }
        }
        row.end()
    }
}

/// Numbers by their names.
struct Named<'n>(&'n [String], &'n [f64]);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().zip(self.1))
    }
}

/// A class or the word of a label by its name, a number as it is.
fn value(format: &AnswerFormat, target: usize, predicted: f64) -> Value {
    match format.names(target).get(predicted as usize) {
        Some(name) => json!(name),
        None => json!(predicted),
    }
}

/// The whole number that a name is, written as it would be printed.
fn whole(name: &str) -> Option<i64> {
    name.parse::<i64>().ok().filter(|number| number.to_string() == name)
}
