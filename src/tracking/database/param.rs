//! Parameters of statements.

use std::borrow::Cow;

use rusqlite::types::{ToSqlOutput, Value as Stored, ValueRef};

/// A parameter of a statement; `None` is NULL, whose type PostgreSQL needs to know.
#[derive(Debug, Clone)]
pub(crate) enum Param<'a> {
    Int(Option<i64>),
    Float(Option<f64>),
    Text(Option<Cow<'a, str>>),
}

/// A slice of parameters, converted from values.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::tracking::database::Param::from($value)),*] };
}
pub(crate) use params;

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Int(Some(value)) => ToSqlOutput::Owned(Stored::Integer(*value)),
            Self::Float(Some(value)) => ToSqlOutput::Owned(Stored::Real(*value)),
            Self::Text(Some(value)) => ToSqlOutput::Borrowed(ValueRef::Text(value.as_bytes())),
            Self::Int(None) | Self::Float(None) | Self::Text(None) => ToSqlOutput::Owned(Stored::Null),
        })
    }
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u32> for Param<'_> {
    fn from(value: u32) -> Self {
        Self::Int(Some(value.into()))
    }
}

/// Stored by its bits, since neither database has unsigned integers. Epochs and steps below 2^63 sort correctly.
impl From<u64> for Param<'_> {
    fn from(value: u64) -> Self {
        Self::Int(Some(value.cast_signed()))
    }
}

/// SQLite has no NaN; it is stored as NULL.
impl From<f64> for Param<'_> {
    fn from(value: f64) -> Self {
        Self::Float(Some(value).filter(|value| !value.is_nan()))
    }
}

impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(Some(Cow::Borrowed(value)))
    }
}

impl From<String> for Param<'_> {
    fn from(value: String) -> Self {
        Self::Text(Some(Cow::Owned(value)))
    }
}

impl From<Option<u64>> for Param<'_> {
    fn from(value: Option<u64>) -> Self {
        value.map_or(Self::Int(None), Self::from)
    }
}

impl From<Option<f64>> for Param<'_> {
    fn from(value: Option<f64>) -> Self {
        value.map_or(Self::Float(None), Self::from)
    }
}
