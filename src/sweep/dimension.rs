//! An entry of `[sweep.space]`: the values that a config key may take.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Params;
use super::range::{Number, Range, Scale};

/// The values that a config key may take.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Written", into = "Written")]
pub struct Dimension {
    /// Minimum and maximum length of a list; `None` if the value is not a list.
    pub length: Option<(usize, usize)>,
    /// The value, or each element of the list.
    pub element: Element,
    /// It exists only where each of these keys of the space has one of these values.
    pub when: BTreeMap<String, Vec<Value>>,
}

/// A single value.
#[derive(Clone, Debug, PartialEq)]
pub enum Element {
    Choices(Vec<Value>),
    Range(Range),
}

/// Either one of `values`, or a number from `min` to `max`; with `length`, a list of these.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Written {
    /// Minimum and maximum length, if the value is a list; at most 32.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(equal = 2))]
    length: Option<Vec<usize>>,
    /// The choices, all equally likely.
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Vec<Value>>,
    /// The smallest number; if both bounds are integers, so are all numbers between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<Number>,
    /// The largest number, inclusive.
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<Number>,
    /// The scale on which the numbers are uniform; linear by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    scale: Option<Scale>,
    /// `grid`: number of points from `min` to `max`; 2 to 1000. By default all integers.
    #[serde(skip_serializing_if = "Option::is_none")]
    points: Option<usize>,
    /// Other keys of the space, each with the value, or a list of values, for which trials have this key; the others
    /// leave it as the config has it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    when: BTreeMap<String, Value>,
}

/// The fields of [`Written`].
pub(super) const FIELDS: [&str; 7] = ["length", "values", "min", "max", "scale", "points", "when"];

impl TryFrom<Written> for Dimension {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        let Written { length, values, min, max, scale, points, when } = written;
        let element = match (values, min, max) {
            (Some(values), None, None) if scale.is_none() && points.is_none() => Element::Choices(values),
            (Some(_), None, None) => return Err("scale and points go with min and max, not with values"),
            (None, Some(min), Some(max)) => {
                Element::Range(Range { min, max, scale: scale.unwrap_or_default(), points })
            }
            _ => return Err("set either values, or min and max"),
        };
        // Not read as a pair: TOML's deserializer would silently drop a third number.
        let length = match length.as_deref() {
            None => None,
            Some(&[shortest, longest]) => Some((shortest, longest)),
            Some(_) => return Err("length is [min, max]"),
        };
        let several = |value| match value {
            Value::Array(values) => values,
            one => vec![one],
        };
        let when = when.into_iter().map(|(key, value)| (key, several(value))).collect();
        Ok(Self { length, element, when })
    }
}

impl From<Dimension> for Written {
    fn from(dimension: Dimension) -> Self {
        let length = dimension.length.map(|(shortest, longest)| vec![shortest, longest]);
        let one_or_several = |mut values: Vec<Value>| match values.len() {
            1 if !values[0].is_array() => values.remove(0),
            _ => Value::Array(values),
        };
        let when = dimension.when.into_iter().map(|(key, values)| (key, one_or_several(values))).collect();
        match dimension.element {
            Element::Choices(values) => Self { length, values: Some(values), when, ..Self::default() },
            Element::Range(Range { min, max, scale, points }) => {
                let scale = (scale != Scale::default()).then_some(scale);
                Self { length, values: None, min: Some(min), max: Some(max), scale, points, when }
            }
        }
    }
}

impl Dimension {
    /// One of `values`, always.
    pub(super) fn of_choices(values: Vec<Value>) -> Self {
        Self { length: None, element: Element::Choices(values), when: BTreeMap::new() }
    }

    /// Whether it exists in a trial with `params`.
    pub fn is_active(&self, params: &Params) -> bool {
        self.when.iter().all(|(key, values)| params.get(key).is_some_and(|value| values.contains(value)))
    }

    /// The values of a dimension without a length that offers a choice; none for any other.
    pub(super) fn choices(&self) -> &[Value] {
        match (&self.element, self.length) {
            (Element::Choices(values), None) => values,
            (Element::Choices(_) | Element::Range(_), _) => &[],
        }
    }

    /// Whether `value` is one of its choices.
    pub(super) fn offers(&self, value: &Value) -> bool {
        self.choices().contains(value)
    }

    /// At most 1000 choices, or both ends of a range; lists of the minimum and of the maximum length.
    pub(super) fn extremes(&self) -> Vec<Value> {
        const MAX_CHOICES: usize = 1000;
        let elements = match &self.element {
            Element::Choices(values) => values.iter().take(MAX_CHOICES).cloned().collect(),
            Element::Range(range) => vec![range.first(), range.last()],
        };
        let Some((shortest, longest)) = self.length else {
            return elements;
        };
        let list = |value: &Value, length| Value::Array(vec![value.clone(); length]);
        let mut lists: Vec<_> =
            elements.iter().flat_map(|value| [list(value, shortest), list(value, longest)]).collect();
        lists.dedup();
        lists
    }
}
