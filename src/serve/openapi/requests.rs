//! What is sent. A schema says all that a model takes, so that a client, or a test that makes up requests, can know it; what it
//! has no words for, in the description.

use serde_json::{Map, Value, json};

use super::super::generate::MAX_LENGTH;
use super::super::inference::{PARAMETERS, TEXT_INPUT, TEXT_OUTPUT, outputs};
use super::super::{Model, Writer};
use crate::data::{CellKind, NumberSyntax, Reading};
use crate::experiment::predictions::AnswerFormat;

/// Cells are read as 32-bit floats: the least number that is rounded to infinity, halfway from the largest to the next power of 2.
const TOO_LARGE: f64 = 3.402_823_567_797_336_6e38;
/// JSON Schema cannot say that there are as many values as another one tells: it is spelled out for so many rows.
const SPELLED_OUT: std::ops::RangeInclusive<usize> = 1..=3;

/// What a model takes of a column.
#[derive(Clone, Copy)]
struct Taken<'m> {
    kind: CellKind,
    /// How texts are numbers, unless plainly.
    syntax: Option<&'m NumberSyntax>,
}

fn cells(model: &Model) -> Vec<(&str, Taken<'_>)> {
    let preprocessor = &model.predictor.model().preprocessor;
    let syntax = |name: &str| match preprocessor.readings.columns.get(name) {
        Some(Reading::Numbers { syntax, .. }) => Some(syntax),
        _ => None,
    };
    let cells = preprocessor.source_cells().into_iter();
    cells.map(|(name, kind)| (name, Taken { kind, syntax: syntax(name) })).collect()
}

/// A number of a text as a pattern (ECMA-262), with a fraction of so many digits.
fn number_text(syntax: Option<&NumberSyntax>, most_decimals: usize) -> String {
    let syntax = syntax.cloned().unwrap_or_default();
    let fraction = match most_decimals {
        0 => String::new(),
        most => format!("({}[0-9]{{1,{most}}})?", literal(&syntax.decimal.to_string())),
    };
    let percent = if syntax.is_percent { "%" } else { "" };
    let unit = syntax.unit.as_ref().map_or_else(String::new, |unit| format!(" {}", literal(unit)));
    format!("-?[0-9]{{1,9}}{fraction}{percent}{unit}")
}

/// A number, or null for a missing one.
fn number() -> Value {
    json!({ "type": ["number", "null"], "exclusiveMinimum": -TOO_LARGE, "exclusiveMaximum": TOO_LARGE })
}

/// A cell, of which null is a missing one. A number may be a text, too, written as in the training file.
fn cell(taken: Taken<'_>) -> Value {
    match taken.kind {
        CellKind::Number => json!({ "anyOf": [
            number(),
            { "type": "string", "pattern": format!("^[ \\t]*({})?[ \\t]*$", number_text(taken.syntax, 0)) },
        ] }),
        CellKind::Name => json!({ "type": ["string", "number", "boolean", "null"] }),
        CellKind::Date => json!({ "anyOf": [{ "type": "string", "format": "date" }, { "enum": ["", null] }] }),
    }
}

/// A row as an object.
fn row(model: &Model) -> Value {
    let cells = cells(model);
    let names: Vec<&str> = cells.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> = cells.iter().map(|(name, taken)| ((*name).to_owned(), cell(*taken))).collect();
    json!({ "type": "object", "required": names, "properties": properties })
}

/// A row as a list of its cells.
fn list(model: &Model) -> Value {
    let cells: Vec<Value> = cells(model).iter().map(|(_, taken)| cell(*taken)).collect();
    let num = cells.len();
    json!({ "type": "array", "prefixItems": cells, "minItems": num, "maxItems": num })
}

/// One row, or several.
pub(super) fn rows(model: &Model) -> Value {
    let many = |row: Value| json!({ "type": "array", "items": row, "minItems": 1 });
    json!({ "anyOf": [row(model), many(row(model)), many(list(model))] })
}

/// A table; columns may come in any order, and cells be written as those of training were.
pub(super) fn csv(model: &Model) -> Value {
    let cells = cells(model);
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let header: Vec<String> = cells.iter().map(|(name, _)| literal(&quoted(name))).collect();
    let cell = |taken: Taken<'_>| match taken.kind {
        // A decimal comma separates no cells there.
        CellKind::Number => match number_text(taken.syntax, 9) {
            number if taken.syntax.is_some() => format!("(\"{number}\")?"),
            number => format!("({number})?"),
        },
        CellKind::Name => "(\"[A-Za-z0-9 _.-]*\")?".to_owned(),
        CellKind::Date => "([12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8]))?".to_owned(),
    };
    let row: Vec<String> = cells.iter().map(|(_, taken)| cell(*taken)).collect();
    // A line of one empty cell is no row.
    let row = if let [(_, taken)] = cells[..] { cell(taken).trim_end_matches('?').to_owned() } else { row.join(",") };
    json!({
        "type": "string",
        "pattern": format!("^{}\\n({row}\\n)+$", header.join(",")),
        "description": "The columns may come in any order, and cells be written as those of training were",
    })
}

/// A text as a pattern that it alone matches (ECMA-262).
fn literal(text: &str) -> String {
    let escaped = |c: char| if "\\^$.*+?()[]{}|/".contains(c) { format!("\\{c}") } else { c.to_string() };
    text.chars().map(escaped).collect()
}

/// MLflow's four forms.
pub(super) fn scoring(model: &Model) -> Value {
    let many = |row: Value| json!({ "type": "array", "items": row, "minItems": 1 });
    let names: Vec<&str> = cells(model).iter().map(|(name, _)| *name).collect();
    let split = json!({
        "type": "object", "required": ["columns", "data"],
        "properties": { "columns": { "const": names }, "data": many(list(model)) },
    });
    let columns = SPELLED_OUT.map(|num_rows| {
        let column = |taken: Taken<'_>| json!({ "type": "array", "items": cell(taken), "minItems": num_rows, "maxItems": num_rows });
        let columns: Map<String, Value> =
            cells(model).iter().map(|(name, taken)| ((*name).to_owned(), column(*taken))).collect();
        json!({ "type": "object", "required": names, "properties": columns, "additionalProperties": false })
    });
    let lists = [many(row(model)), many(list(model))];
    let inputs: Vec<Value> = lists.iter().cloned().chain(columns).collect();
    let params = json!({ "type": ["object", "null"], "properties": { "probabilities": { "type": "boolean" } } });
    let form = |key: &str, schema: Value| json!({ "required": [key], "properties": { key: schema, "params": params }, "additionalProperties": false });
    json!({
        "type": "object",
        "description": "Columns in `inputs` may have any number of values, the same for all: one to three are spelled out",
        "oneOf": [
            form("dataframe_split", split),
            form("dataframe_records", many(row(model))),
            form("instances", json!({ "anyOf": lists })),
            form("inputs", json!({ "anyOf": inputs })),
        ],
    })
}

/// A tensor of a shape, whose values are of a kind; `name` is the schema of its name.
fn tensor(name: &Value, shape: &[usize], taken: Taken<'_>) -> Value {
    let num_values: usize = shape.iter().product();
    let typed = |datatypes: &[&str], item: Value| {
        let data = json!({ "type": "array", "items": item, "minItems": num_values, "maxItems": num_values });
        json!({ "properties": { "datatype": { "enum": datatypes }, "data": data } })
    };
    let text = |item: Value| typed(&["BYTES"], item);
    let of_kind = match taken.kind {
        CellKind::Number => vec![
            typed(&["FP32", "FP64"], number()),
            typed(
                &["UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64"],
                json!({ "type": ["integer", "null"], "minimum": 0, "maximum": 127 }),
            ),
        ],
        CellKind::Name => vec![text(json!({ "type": ["string", "null"] }))],
        CellKind::Date => vec![text(cell(taken))],
    };
    json!({
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": { "name": name, "shape": { "const": shape } },
        "anyOf": of_kind,
    })
}

/// A request of the Open Inference Protocol.
fn infer(inputs: &Value, outputs: &[&str], parameters: &Value) -> Value {
    let wanted =
        |name: &&str| json!({ "type": "object", "required": ["name"], "properties": { "name": { "const": name } } });
    let outputs: Vec<Value> = outputs.iter().map(wanted).collect();
    let num = outputs.len();
    json!({
        "type": "object",
        "required": ["inputs"],
        "description": "Tensors may have any number of rows, and a tensor per column or one of all columns: one to three rows are \
                        spelled out",
        "properties": {
            "id": { "type": ["string", "null"] },
            "inputs": inputs,
            "outputs": { "type": ["array", "null"], "prefixItems": outputs, "maxItems": num },
            "parameters": parameters,
        },
    })
}

/// A request for the predictions of rows.
pub(super) fn tensors(model: &Model) -> Value {
    let cells = cells(model);
    let all_numbers = cells.len() > 1 && cells.iter().all(|(_, taken)| taken.kind == CellKind::Number);
    let number = Taken { kind: CellKind::Number, syntax: None };
    let of_rows = |num_rows: usize| -> Value {
        let tensors: Vec<Value> = match all_numbers {
            true => vec![tensor(&json!({ "type": "string" }), &[num_rows, cells.len()], number)],
            false => cells.iter().map(|(name, taken)| tensor(&json!({ "const": name }), &[num_rows], *taken)).collect(),
        };
        let num = tensors.len();
        json!({ "type": "array", "prefixItems": tensors, "minItems": num, "maxItems": num })
    };
    let inputs: Vec<Value> = SPELLED_OUT.map(of_rows).collect();
    let format = AnswerFormat::new(&model.predictor.model().preprocessor);
    let outputs: Vec<&str> = outputs(&format).iter().map(|output| output.name).collect();
    infer(&json!({ "anyOf": inputs }), &outputs, &json!({ "type": ["object", "null"] }))
}

/// What `/generate` takes.
pub(super) fn text(writer: &Writer) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": settings(writer) })
}

fn settings(writer: &Writer) -> Value {
    json!({
        "prompt": prompt(writer),
        "length": { "type": "integer", "minimum": 1, "maximum": MAX_LENGTH, "default": 300 },
        "temperature": { "type": "number", "minimum": 0, "default": 0.8 },
        "top_k": { "type": ["integer", "null"], "minimum": 1, "maximum": u64::MAX },
        "seed": { "type": "integer", "minimum": 0, "maximum": u64::MAX, "default": 0 },
    })
}

/// Characters that the model knows.
fn prompt(writer: &Writer) -> Value {
    let known = writer.saved.preprocessor.characters().unwrap_or_default();
    let escaped = |c: char| if "\\^-]".contains(c) { format!("\\{c}") } else { c.to_string() };
    let known: String = known.chars().map(escaped).collect();
    json!({ "type": "string", "pattern": format!("^[{known}]*$") })
}

/// A request of the Open Inference Protocol for a text.
pub(super) fn text_tensors(writer: &Writer) -> Value {
    let input = json!({
        "type": "object",
        "required": ["name", "shape", "datatype", "data"],
        "properties": {
            "name": { "const": TEXT_INPUT },
            "shape": { "const": [1] },
            "datatype": { "const": "BYTES" },
            "data": { "type": "array", "items": prompt(writer), "minItems": 1, "maxItems": 1 },
        },
    });
    let settings = settings(writer);
    let parameters: Map<String, Value> =
        PARAMETERS.iter().map(|&name| (name.to_owned(), settings[name].clone())).collect();
    let parameters = json!({ "type": ["object", "null"], "additionalProperties": false, "properties": parameters });
    let inputs = json!({ "type": "array", "prefixItems": [input], "minItems": 1, "maxItems": 1 });
    infer(&inputs, &[TEXT_OUTPUT], &parameters)
}
