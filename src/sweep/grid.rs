//! Numbers every combination of the values of a space, without enumerating them.

use indexmap::IndexMap;
use serde_json::Value;

use super::Params;
use super::dimension::{Dimension, Element};

/// Number of combinations of a grid; `None` if it exceeds a `u64`.
pub(super) fn num_combinations(space: &IndexMap<String, Dimension>) -> Option<u64> {
    space.values().try_fold(1, |product: u64, dimension| product.checked_mul(dimension.num_values()?))
}

/// Combination `number`, from 1; the last key varies fastest.
pub(super) fn combination(space: &IndexMap<String, Dimension>, number: u32) -> Params {
    let mut rest = u64::from(number.saturating_sub(1));
    let mut params = Params::new();
    for (key, dimension) in space.iter().rev() {
        let count = dimension.num_values().unwrap_or(u64::MAX).max(1);
        params.extend(dimension.value(rest % count).map(|value| (key.clone(), value)));
        rest /= count;
    }
    params
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
