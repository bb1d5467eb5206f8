//! The order of runs by one of their fields: the same in the terminal and on the page.

use std::cmp::Ordering;

use serde_json::Value;

use super::field::{Field, FieldValue};
use crate::metric::Goal;

/// The order of two runs by their values of `field`: best first for metrics with a direction, ascending for the rest; runs
/// without the value always come last.
pub fn order(field: &Field, a: Option<&FieldValue<'_>>, b: Option<&FieldValue<'_>>, reverse: bool) -> Ordering {
    let is_score = matches!(field, Field::Best(key) | Field::Last(key) if key.goal() == Some(Goal::Higher));
    let (Some(a), Some(b)) = (a, b) else { return a.is_none().cmp(&b.is_none()) };
    let is_broken = |value: &FieldValue<'_>| matches!(value, FieldValue::Number(number) if number.is_nan());
    let order = compare(a, b);
    let order = if is_score != reverse { order.reverse() } else { order };
    is_broken(a).cmp(&is_broken(b)).then(order)
}

fn compare(a: &FieldValue<'_>, b: &FieldValue<'_>) -> Ordering {
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        // Numbers before texts.
        (None, None) => match (borrowed(a), borrowed(b)) {
            (Some(a), Some(b)) => a.cmp(b),
            _ => text(a).cmp(&text(b)),
        },
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}

fn number(value: &FieldValue<'_>) -> Option<f64> {
    match value {
        FieldValue::Number(number) => Some(*number),
        FieldValue::Json(value) => value.as_f64(),
        FieldValue::Tags(_) => None,
    }
}

fn borrowed<'a>(value: &'a FieldValue<'_>) -> Option<&'a str> {
    match value {
        FieldValue::Json(value) => value.as_str(),
        FieldValue::Number(_) | FieldValue::Tags(_) => None,
    }
}

fn text(value: &FieldValue<'_>) -> String {
    match value {
        FieldValue::Number(number) => number.to_string(),
        FieldValue::Json(value) => match value.as_ref() {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        },
        FieldValue::Tags(tags) => tags.join(","),
    }
}
