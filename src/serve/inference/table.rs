//! Rows as tensors.
//!
//! A model has an input per column: text for categories and dates, numbers for the others; or all of them are sent as one tensor
//! of a row per row. Its outputs are `predicted` and, for classes or labels, `probabilities`; of several targets both have a
//! column for each, and what is predicted are numbers.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::{Map, Value, json};

use super::super::Model;
use super::super::answer::Scored;
use super::super::rows::{Bytes, columns, of_cells, of_columns};
use super::super::tensor::{Tensor, rest_is_empty};
use crate::data::CellKind;
use crate::experiment::predictions::AnswerFormat;
use crate::training::evaluation::Answer;
use crate::web::ApiError;

/// One tensor of all columns, or one for each.
pub(super) fn of_tensors(model: &Model, mut inputs: Vec<Tensor>, mut binary: &[u8]) -> Result<Bytes, ApiError> {
    let names = columns(model.predictor.model());
    if let [only] = &mut inputs[..]
        && !(names.len() == 1 && names[0] == only.name)
    {
        let values = only.values(&mut binary)?;
        if only.num_rows() == 0 || Some(values.len() as u64) != only.num_rows().checked_mul(names.len() as u64) {
            let message = format!(
                "input `{}` of shape {:?} is no table of {} columns: send `[rows, {}]`, or an input for each column",
                only.name,
                only.shape,
                names.len(),
                names.len()
            );
            return Err(ApiError::bad_request(message));
        }
        rest_is_empty(binary)?;
        return of_cells(&names, values.chunks_exact(names.len()).map(|row| row.iter().collect()));
    }
    let mut all = Map::new();
    for mut input in inputs {
        let values = input.values(&mut binary)?;
        if values.len() as u64 != input.num_rows() {
            let message = format!("input `{}` of shape {:?} has more than a value a row", input.name, input.shape);
            return Err(ApiError::bad_request(message));
        }
        if all.insert(input.name.clone(), Value::Array(values)).is_some() {
            return Err(ApiError::bad_request(format!("two inputs are named `{}`", input.name)));
        }
    }
    rest_is_empty(binary)?;
    of_columns(&all)
}

/// The inputs of a model, of any number of rows.
pub(super) fn inputs(model: &Model) -> Vec<Value> {
    let cells = model.predictor.model().preprocessor.source_cells();
    let input = |(name, kind)| {
        let datatype = if kind == CellKind::Number { "FP64" } else { "BYTES" };
        json!({ "name": name, "datatype": datatype, "shape": [-1] })
    };
    cells.into_iter().map(input).collect()
}

/// An output of a model.
pub(in crate::serve) struct Output {
    pub name: &'static str,
    datatype: &'static str,
    /// How many values a row has, where that is a dimension of its own.
    width: Option<usize>,
    values: fn(&AnswerFormat, &Answer) -> Vec<Value>,
}

impl Output {
    fn shape(&self, num_rows: i64) -> Vec<i64> {
        [num_rows].into_iter().chain(self.width.map(|width| width as i64)).collect()
    }

    /// Its description, of any number of rows.
    fn described(&self) -> Value {
        json!({ "name": self.name, "datatype": self.datatype, "shape": self.shape(-1) })
    }
}

/// The outputs of models whose answers have that format.
pub(in crate::serve) fn outputs(format: &AnswerFormat) -> Vec<Output> {
    let (num_targets, num_outcomes, num_levels) =
        (format.target_names().len(), format.outcomes().len(), format.levels().len());
    let are_names = num_targets == 0 && !format.names(0).is_empty();
    let predicted = Output {
        name: "predicted",
        datatype: if are_names { "BYTES" } else { "FP64" },
        width: (num_targets > 0).then_some(num_targets),
        values: match are_names {
            true => |format, answer| vec![json!(format.names(0)[answer.first() as usize])],
            false => |_, answer| numbers(&answer.predicted),
        },
    };
    let probabilities = Output {
        name: "probabilities",
        datatype: "FP64",
        width: Some(num_outcomes),
        values: |_, answer| numbers(&answer.probabilities),
    };
    let quantiles = Output {
        name: "quantiles",
        datatype: "FP64",
        width: Some(num_levels),
        values: |_, answer| numbers(&answer.quantiles),
    };
    let more = [(probabilities, num_outcomes), (quantiles, num_levels)];
    [predicted].into_iter().chain(more.into_iter().filter(|(_, num)| *num > 0).map(|(output, _)| output)).collect()
}

fn numbers(values: &[f64]) -> Vec<Value> {
    values.iter().map(|&value| json!(value)).collect()
}

/// The outputs of a model, of any number of rows.
pub(super) fn described_outputs(model: &Model) -> Vec<Value> {
    let format = AnswerFormat::new(&model.predictor.model().preprocessor);
    outputs(&format).iter().map(Output::described).collect()
}

/// An output for the rows of a request. Its values are made as they are written.
pub(super) struct Answered<'s> {
    scored: &'s Scored,
    format: AnswerFormat,
    output: Output,
}

impl Answered<'_> {
    pub fn name(&self) -> &str {
        self.output.name
    }
}

impl Serialize for Answered<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let answers = &self.scored.answered.answers;
        let mut tensor = serializer.serialize_map(None)?;
        tensor.serialize_entry("name", self.output.name)?;
        tensor.serialize_entry("datatype", self.output.datatype)?;
        tensor.serialize_entry("shape", &self.output.shape(answers.len() as i64))?;
        tensor.serialize_entry("data", &Data(self))?;
        tensor.end()
    }
}

struct Data<'d>(&'d Answered<'d>);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Answered { scored, format, output } = self.0;
        serializer.collect_seq(scored.answered.answers.iter().flat_map(|answer| (output.values)(format, answer)))
    }
}

/// The outputs for the rows of a request.
pub(super) fn answered(scored: &Scored) -> Vec<Answered<'_>> {
    let outputs = outputs(&scored.format());
    outputs.into_iter().map(|output| Answered { scored, format: scored.format(), output }).collect()
}
