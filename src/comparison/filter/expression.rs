//! A parsed filter, and which runs match it.

use std::borrow::Cow;

use serde_json::Value;

use super::error::FilterError;
use crate::comparison::field::{Field, FieldValue, Recorded};
use crate::comparison::vocabulary::Vocabulary;
use crate::tracking::Shown;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(pub(super) Expression);

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expression {
    Any(Vec<Expression>),
    All(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Key, Operator, Literal),
    /// A part of the run's name, id, experiment, tags or note, in lower case.
    Search(String),
}

/// A field as it was written.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Key {
    pub text: String,
    /// Number of characters before it.
    pub at: usize,
    pub field: Field,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Contains,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    /// A word or a quoted text. A number keeps its spelling as well, for comparisons with texts.
    Scalar {
        text: String,
        number: Option<f64>,
    },
    List(Vec<Literal>),
}

impl Filter {
    /// The filter with each name resolved to what the runs have.
    ///
    /// # Errors
    /// A name that no run has, or that may be several.
    pub fn resolved(&self, vocabulary: &Vocabulary) -> Result<Self, FilterError> {
        Ok(Self(self.0.resolved(vocabulary)?))
    }

    /// Whether `run`, with the status `shown`, matches.
    pub fn matches(&self, run: &impl Recorded, shown: Shown) -> bool {
        self.0.holds(run, shown)
    }
}

impl Expression {
    fn resolved(&self, vocabulary: &Vocabulary) -> Result<Self, FilterError> {
        let all = |parts: &[Self]| parts.iter().map(|part| part.resolved(vocabulary)).collect::<Result<Vec<_>, _>>();
        Ok(match self {
            Self::Any(parts) => Self::Any(all(parts)?),
            Self::All(parts) => Self::All(all(parts)?),
            Self::Not(part) => Self::Not(Box::new(part.resolved(vocabulary)?)),
            Self::Compare(key, operator, literal) => {
                let found = vocabulary.resolve(&key.text);
                let field = found.map_err(|unknown| FilterError { at: key.at, message: unknown.to_string() })?;
                Self::Compare(Key { field, ..key.clone() }, *operator, literal.clone())
            }
            Self::Search(part) => Self::Search(part.clone()),
        })
    }

    fn holds(&self, run: &impl Recorded, shown: Shown) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(run, shown)),
            Self::All(parts) => parts.iter().all(|part| part.holds(run, shown)),
            Self::Not(part) => !part.holds(run, shown),
            // Whoever trains with `--name` means the experiment, whoever renames in the page the label.
            Self::Compare(key, operator, literal) if key.field.is_name() => {
                let names = [Some(run.record().experiment.as_str()), run.record().name.as_deref()];
                let holds = |name: &str| operator.holds(&FieldValue::Json(Cow::Owned(name.into())), literal);
                let mut names = names.into_iter().flatten();
                match operator {
                    Operator::NotEqual => names.all(holds),
                    _ => names.any(holds),
                }
            }
            Self::Compare(key, operator, literal) => {
                key.field.of(run, shown).is_some_and(|value| match key.field.is_time() {
                    true => operator.holds_of_time(&value, literal),
                    false => operator.holds(&value, literal),
                })
            }
            Self::Search(part) => {
                let record = run.record();
                let texts = [
                    Some(record.id.as_str()),
                    Some(&record.experiment),
                    record.name.as_deref(),
                    record.note.as_deref(),
                ];
                let mut texts = texts.into_iter().flatten().chain(record.tags.iter().map(String::as_str));
                texts.any(|text| text.to_lowercase().contains(part))
            }
        }
    }
}

impl Operator {
    /// Times are texts of fixed width, which sort as the times do.
    fn holds_of_time(self, value: &FieldValue<'_>, literal: &Literal) -> bool {
        let FieldValue::Json(value) = value else { return false };
        let (Some(time), Some(limit)) = (value.as_str(), literal.text()) else { return false };
        let limit = limit.replace(' ', "T");
        match self {
            Self::Equal => time.starts_with(&limit),
            Self::NotEqual => !time.starts_with(&limit),
            Self::Contains => time.contains(&limit),
            Self::Less => time < limit.as_str(),
            Self::LessOrEqual => time <= limit.as_str(),
            Self::Greater => time > limit.as_str(),
            Self::GreaterOrEqual => time >= limit.as_str(),
        }
    }

    fn holds(self, value: &FieldValue<'_>, literal: &Literal) -> bool {
        match self {
            Self::Equal => literal.equals(value),
            Self::NotEqual => !literal.equals(value),
            Self::Contains => literal.is_in(value),
            // Comparisons with NaN are false.
            Self::Less => literal.order(value, |value, limit| value < limit),
            Self::LessOrEqual => literal.order(value, |value, limit| value <= limit),
            Self::Greater => literal.order(value, |value, limit| value > limit),
            Self::GreaterOrEqual => literal.order(value, |value, limit| value >= limit),
        }
    }

    pub(super) fn is_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual | Self::Contains)
    }
}

impl Literal {
    fn equals(&self, value: &FieldValue<'_>) -> bool {
        match value {
            FieldValue::Number(number) => self.number().is_some_and(|other| same(*number, other)),
            FieldValue::Json(value) => self.equals_json(value),
            FieldValue::Tags(tags) => tags.iter().any(|tag| self.text() == Some(tag.as_str())),
        }
    }

    fn equals_json(&self, value: &Value) -> bool {
        match (value, self) {
            // Beyond 2^53, integers are compared by their digits.
            (Value::Number(number), Self::Scalar { text, number: Some(other) }) => {
                number.to_string() == *text || (number.as_f64() == Some(*other) && other.abs() < 2f64.powi(53))
            }
            (Value::String(value), Self::Scalar { text, .. }) => value == text,
            (Value::Bool(value), Self::Scalar { text, .. }) => value.to_string() == *text,
            (Value::Array(values), Self::List(others)) => {
                values.len() == others.len() && values.iter().zip(others).all(|(value, other)| other.equals_json(value))
            }
            _ => false,
        }
    }

    fn is_in(&self, value: &FieldValue<'_>) -> bool {
        let Some(part) = self.text().map(str::to_lowercase) else { return false };
        match value {
            FieldValue::Number(number) => number.to_string().to_lowercase().contains(&part),
            FieldValue::Tags(tags) => tags.iter().any(|tag| tag.to_lowercase().contains(&part)),
            FieldValue::Json(value) => match value.as_ref() {
                Value::String(text) => text.to_lowercase().contains(&part),
                // A list contains its elements, not their digits.
                Value::Array(values) => values.iter().any(|value| self.equals_json(value)),
                value => value.to_string().to_lowercase().contains(&part),
            },
        }
    }

    fn order(&self, value: &FieldValue<'_>, holds: impl Fn(f64, f64) -> bool) -> bool {
        let value = match value {
            FieldValue::Number(number) => Some(*number),
            FieldValue::Json(value) => value.as_f64(),
            FieldValue::Tags(_) => None,
        };
        value.zip(self.number()).is_some_and(|(value, limit)| holds(value, limit))
    }

    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Scalar { number, .. } => *number,
            Self::List(_) => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar { text, .. } => Some(text),
            Self::List(_) => None,
        }
    }
}

/// Equal, where NaN equals NaN: `last(validation/loss) = nan` finds the runs that broke.
fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}
