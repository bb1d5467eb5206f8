//! Checks of the `[sweep]` section that its TOML schema cannot express.

use std::collections::HashSet;

use serde_json::Value;

use super::dimension::{Dimension, Element};
use super::range::{Range, Scale};
use super::{HalvingConfig, Method, SweepConfig, grid};
use crate::invalid::Invalid;

pub(super) const MAX_TRIALS: u32 = 10_000;
const MAX_COMBINATIONS: u64 = 100_000;
const MAX_LENGTH: usize = 32;
const MAX_POINTS: usize = 1000;
/// Larger integers are not exact in `f64`.
const MAX_INTEGER: u64 = 1 << 53;

impl SweepConfig {
    /// Checks ranges and consistency, but not whether the keys of the space exist.
    ///
    /// # Errors
    /// The first key whose value cannot be used.
    pub fn validate(&self) -> Result<(), Invalid> {
        let check = |holds, key: &str, message: &str| {
            Invalid::unless(holds, &format!("sweep.{key}"), || format!("{key} {message}"))
        };
        let max_trials = if self.method == Method::Grid { MAX_COMBINATIONS } else { MAX_TRIALS.into() };
        if let Some(trials) = self.trials {
            let holds = (1..=max_trials).contains(&trials.into());
            check(holds, "trials", &format!("must be 1 to {max_trials}, found {trials}"))?;
        }
        let is_limited = self.method == Method::Grid || self.trials.is_some() || self.minutes.is_some();
        check(is_limited, "trials", "or minutes is required unless method = \"grid\"")?;
        if let Some(minutes) = self.minutes {
            check(minutes > 0.0 && minutes.is_finite(), "minutes", &format!("must be above 0, found {minutes}"))?;
        }
        let lease = self.lease_seconds;
        check((1..=86_400).contains(&lease), "lease_seconds", &format!("must be 1 to 86400, found {lease}"))?;
        self.validate_metric()?;
        if let Some(HalvingConfig { min_epochs, factor }) = self.halving {
            check(min_epochs >= 1, "halving.min_epochs", "must be at least 1")?;
            check(factor >= 2, "halving.factor", &format!("must be at least 2, found {factor}"))?;
        }
        check(!self.space.is_empty(), "space", "is empty; give at least one key and its values")?;
        for (place, (key, dimension)) in self.space.iter().enumerate() {
            let invalid = |message: String| Invalid::at(&format!("sweep.space.{key}"), message);
            self.validate_key(key).map_err(invalid)?;
            self.validate_dimension(dimension).map_err(invalid)?;
            self.validate_conditions(place).map_err(invalid)?;
        }
        let num_combinations = grid::num_combinations(&self.space);
        let is_small = self.method != Method::Grid || num_combinations.is_some_and(|count| count <= MAX_COMBINATIONS);
        let found = num_combinations.map_or("more than 2^64".into(), |count| count.to_string());
        check(is_small, "space", &format!("has {found} combinations, at most {MAX_COMBINATIONS} fit a grid"))
    }

    /// Choosing by the test part would invalidate its result; choosing by the training part would favour overfitting.
    fn validate_metric(&self) -> Result<(), Invalid> {
        let metric = self.metric.as_deref().unwrap_or("validation/loss");
        let part = metric.split('/').next().unwrap_or_default();
        Invalid::unless(!metric.is_empty() && !["test", "train"].contains(&part), "sweep.metric", || {
            format!("`{metric}` cannot choose the best trial; use a validation metric, such as validation/loss")
        })
    }

    fn validate_key(&self, key: &str) -> Result<(), String> {
        let section = key.split('.').next().unwrap_or_default();
        // Trials that differ only in these would compare chance, or nothing.
        let is_refused = ["seed", "seeds", "name"].contains(&key) || section == "sweep";
        ensure(!is_refused, || format!("`{key}` cannot be searched"))?;
        ensure(key.split('.').all(|part| !part.is_empty()), || format!("`{key}` is not a dotted config key"))?;
        let inner = self.space.keys().find(|other| other.strip_prefix(key).is_some_and(|rest| rest.starts_with('.')));
        ensure(inner.is_none(), || {
            format!("`{key}` would overwrite `{}`; search one of them", inner.unwrap_or(&key.into()))
        })
    }

    /// Each condition must be possible, and no two dimensions of one key may exist together.
    fn validate_conditions(&self, place: usize) -> Result<(), String> {
        let (key, dimension) = &self.space.as_slice()[place];
        let before = &self.space.as_slice()[..place];
        for (condition, values) in &dimension.when {
            let parents: Vec<&Dimension> =
                before.iter().filter(|(other, _)| other == condition).map(|(_, parent)| parent).collect();
            ensure(!parents.is_empty() && condition != key, || {
                match self.space.keys().any(|other| other == condition) {
                    true => format!("its conditions go in a circle through `{condition}`"),
                    false => format!("`when` names `{condition}`, which is no key of the space"),
                }
            })?;
            ensure(!values.is_empty(), || format!("`when` names no value of `{condition}`"))?;
            let impossible = values.iter().find(|value| !parents.iter().any(|parent| parent.offers(value)));
            ensure(impossible.is_none(), || {
                let offered = parents.iter().flat_map(|parent| parent.choices()).map(Value::to_string);
                let offered = offered.collect::<Vec<_>>().join(", ");
                let impossible = impossible.map(Value::to_string).unwrap_or_default();
                match offered.is_empty() {
                    true => format!("`when` needs a choice among values, and `{condition}` is a range"),
                    false => format!("`{condition}` is never {impossible}, but one of {offered}"),
                }
            })?;
        }
        let exclude = |other: &Dimension| {
            dimension.when.iter().any(|(condition, values)| {
                let others = other.when.get(condition);
                others.is_some_and(|others| !values.iter().any(|value| others.contains(value)))
            })
        };
        let is_alone = before.iter().filter(|(other, _)| other == key).all(|(_, other)| exclude(other));
        ensure(is_alone, || format!("`{key}` is there twice for the same trial: give each a `when` of its own"))
    }

    fn validate_dimension(&self, dimension: &Dimension) -> Result<(), String> {
        if let Some((shortest, longest)) = dimension.length {
            let holds = shortest <= longest && (1..=MAX_LENGTH).contains(&longest);
            let rule = || format!("length must be [min, max], with max at least 1 and at most {MAX_LENGTH}");
            ensure(holds, || format!("{}, found [{shortest}, {longest}]", rule()))?;
        }
        match &dimension.element {
            Element::Choices(values) => validate_choices(values),
            Element::Range(range) => self.validate_range(range),
        }
    }

    fn validate_range(&self, range: &Range) -> Result<(), String> {
        let (min, max) = (range.min.as_f64(), range.max.as_f64());
        ensure((max - min).is_finite(), || format!("min and max must be finite, found {min} and {max}"))?;
        ensure(min < max, || format!("min must be below max, found {min} and {max}"))?;
        ensure(range.scale == Scale::Linear || min > 0.0, || {
            format!("scale = \"log\" needs min above 0, found {min}")
        })?;
        let is_exact = |(min, max): (i64, i64)| min.unsigned_abs().max(max.unsigned_abs()) <= MAX_INTEGER;
        ensure(range.integers().is_none_or(is_exact), || "integers must be within 2^53 of 0".into())?;
        if self.method != Method::Grid {
            return ensure(range.points.is_none(), || "points has no effect unless method = \"grid\"".into());
        }
        match range.points {
            Some(points) => {
                let holds = (2..=MAX_POINTS).contains(&points);
                ensure(holds, || format!("points must be 2 to {MAX_POINTS}, found {points}"))
            }
            None => {
                ensure(range.integers().is_some(), || "a grid needs values, or points between min and max".into())?;
                ensure(range.scale == Scale::Linear, || {
                    "scale = \"log\" needs points in a grid; without, it takes all integers".into()
                })
            }
        }
    }
}

fn validate_choices(values: &[Value]) -> Result<(), String> {
    ensure(!values.is_empty(), || "values is empty".into())?;
    ensure(values.iter().all(is_usable), || "values must be numbers that are finite, text, booleans or lists".into())?;
    let mut seen = HashSet::new();
    let repeated = values.iter().find(|value| !seen.insert(*value));
    ensure(repeated.is_none(), || format!("values holds {} twice", repeated.map(Value::to_string).unwrap_or_default()))
}

/// TOML's `nan` and `inf` arrive as null, and its dates as tables; the values in a table have dotted keys of their own.
fn is_usable(value: &Value) -> bool {
    match value {
        Value::Null | Value::Object(_) => false,
        Value::Array(values) => values.iter().all(is_usable),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    }
}

fn ensure(holds: bool, message: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(message()) }
}
