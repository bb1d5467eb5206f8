//! Numbers every combination of the values of a space, without enumerating them.

use serde_json::Value;

use super::Params;
use super::dimension::{Dimension, Element};
use super::space::Space;

/// Number of combinations of a grid; `None` if it exceeds a `u64`.
pub(super) fn num_combinations(space: &Space) -> Option<u64> {
    count(space.as_slice(), &mut Params::new())
}

/// Combination `number`, from 1; the last key varies fastest, and after the last combination comes the first.
pub(super) fn combination(space: &Space, number: u32) -> Params {
    let mut rest = u64::from(number.saturating_sub(1));
    if let Some(count) = num_combinations(space).filter(|&count| count > 0) {
        rest %= count;
    }
    let mut params = Params::new();
    pick(space.as_slice(), rest, &mut params);
    params
}

/// Number of combinations of `dimensions`, given the values of those before them.
fn count(dimensions: &[(String, Dimension)], params: &mut Params) -> Option<u64> {
    let Some(((key, dimension), rest)) = dimensions.split_first() else { return Some(1) };
    if !dimension.is_active(params) {
        return count(rest, params);
    }
    if !decides(key, rest) {
        return dimension.num_values()?.checked_mul(count(rest, params)?);
    }
    let mut total: u64 = 0;
    for value in dimension.choices() {
        params.insert(key.clone(), value.clone());
        total = total.checked_add(count(rest, params)?)?;
        params.remove(key);
    }
    Some(total)
}

/// Adds combination `index`, from 0, of `dimensions` to the values of those before them.
fn pick(dimensions: &[(String, Dimension)], mut index: u64, params: &mut Params) {
    let Some(((key, dimension), rest)) = dimensions.split_first() else { return };
    if !dimension.is_active(params) {
        return pick(rest, index, params);
    }
    if !decides(key, rest) {
        let num_rest = count(rest, params).unwrap_or(u64::MAX).max(1);
        params.extend(dimension.value(index / num_rest).map(|value| (key.clone(), value)));
        return pick(rest, index % num_rest, params);
    }
    for value in dimension.choices() {
        params.insert(key.clone(), value.clone());
        let num_rest = count(rest, params).unwrap_or(u64::MAX);
        if index < num_rest {
            return pick(rest, index, params);
        }
        index -= num_rest;
    }
}

/// Whether the value of `key` decides which of the dimensions `rest` exist.
fn decides(key: &str, rest: &[(String, Dimension)]) -> bool {
    rest.iter().any(|(_, dimension)| dimension.when.contains_key(key))
}

impl Dimension {
    /// Number of values of one key in a grid; for lists, all of every length.
    fn num_values(&self) -> Option<u64> {
        let count = self.element.num_values()?;
        let Some((shortest, longest)) = self.length else {
            return Some(count);
        };
        (shortest..=longest).try_fold(0, |sum: u64, length| sum.checked_add(num_lists(count, length)?))
    }

    /// Value `index`, from 0: shorter lists come first, and the last element varies fastest.
    fn value(&self, mut index: u64) -> Option<Value> {
        let values = match &self.element {
            Element::Choices(values) => values.clone(),
            Element::Range(range) => range.grid(),
        };
        let Some((shortest, longest)) = self.length else {
            return values.into_iter().nth(index as usize);
        };
        let count = values.len() as u64;
        for length in shortest..=longest {
            let num_lists = num_lists(count, length)?;
            if index < num_lists {
                let digits = (0..length as u32).rev().map(|place| index / count.pow(place) % count);
                return Some(digits.map(|digit| values[digit as usize].clone()).collect());
            }
            index -= num_lists;
        }
        None
    }
}

impl Element {
    fn num_values(&self) -> Option<u64> {
        match self {
            Self::Choices(values) => Some(values.len() as u64),
            Self::Range(range) => match (range.points, range.integers()) {
                (None, Some((min, max))) => max.abs_diff(min).checked_add(1),
                _ => Some(range.grid().len() as u64),
            },
        }
    }
}

fn num_lists(num_values: u64, length: usize) -> Option<u64> {
    num_values.checked_pow(u32::try_from(length).ok()?)
}
