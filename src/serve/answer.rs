//! Answers of a model in JSON.

use std::sync::Arc;

use serde_json::{Map, Value, json};

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

/// Asks the model, and counts what it was asked.
///
/// # Errors
/// 400 for rows that do not fit the model, 413 for too many.
pub(super) async fn score(state: &ServeState, model: Arc<Model>, rows: Bytes) -> Result<Scored, ApiError> {
    let scored = state
        .work(move || {
            let answered = model.predictor.answer(rows, MAX_ROWS).map_err(|error| match error {
                Unanswered::Rows(invalid) => ApiError::bad_request(invalid.message),
                Unanswered::TooMany(_) => ApiError::new(axum::http::StatusCode::PAYLOAD_TOO_LARGE, error.to_string()),
                Unanswered::Ended => ApiError::internal(error),
            })?;
            Ok(Scored { model, answered })
        })
        .await?;
    state.metrics.rows(&scored.model.name, scored.answered.answers.len(), &scored.answered.drift);
    Ok(scored)
}

impl Scored {
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

    /// `{"predicted": ..., "probabilities": {"class": ...}}`; numbers have no probabilities, and `quantiles` where they were
    /// learned.
    pub(super) fn row(&self, format: &AnswerFormat, answer: &Answer) -> Value {
        let mut row = Map::from_iter([("predicted".to_owned(), self.predicted(format, answer))]);
        if !answer.probabilities.is_empty() {
            let names = format.outcomes().iter().cloned();
            let probabilities = names.zip(answer.probabilities.iter().map(|&probability| json!(probability)));
            row.insert("probabilities".to_owned(), Value::Object(probabilities.collect()));
        }
        if !answer.quantiles.is_empty() {
            let levels = format.levels().iter().map(ToString::to_string);
            let quantiles = levels.zip(answer.quantiles.iter().map(|&quantile| json!(quantile)));
            row.insert("quantiles".to_owned(), Value::Object(quantiles.collect()));
        }
        Value::Object(row)
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
