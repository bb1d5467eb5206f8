//! Encodes values as the numbers that a sampler draws: a single value is one parameter; a list is one for its length
//! and one for each position, used or not, so that lists of any length draw the same number of parameters.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

use super::Params;
use super::dimension::{Dimension, Element};
use super::space::Space;

/// Draws in search of a trial that is allowed.
const NUM_DRAWS: usize = 100;

/// A parameter that a sampler draws.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parameter {
    /// 0 <= x < 1.
    Position,
    /// One of 0 to n - 1.
    Index(usize),
}

/// The random generator of one trial. Trials of the same seed have streams that do not overlap.
pub(super) fn generator(seed: u64, number: u32) -> ChaCha8Rng {
    let mut generator = ChaCha8Rng::seed_from_u64(seed);
    generator.set_stream(number.into());
    generator
}

/// Independent draws (Bergstra and Bengio 2012, "Random Search for Hyper-Parameter Optimization"): numbers are uniform
/// on their scale, choices and lengths uniform. Also what does not exist in this trial is drawn, so that a condition
/// changes no other draw.
pub(super) fn independent(space: &Space, random: &mut ChaCha8Rng) -> Params {
    let mut draw = |parameter: Parameter| match parameter {
        Parameter::Position => random.random(),
        Parameter::Index(count) => random.random_range(0..count) as f64,
    };
    let mut value = |dimension: &Dimension| {
        let drawn: Vec<f64> = dimension.parameters().into_iter().map(&mut draw).collect();
        dimension.decode(&drawn)
    };
    space.active(space.iter().map(|(_, dimension)| value(dimension)).collect())
}

/// The first of some independent draws that is allowed; the last of them if none is.
pub(super) fn allowed(space: &Space, random: &mut ChaCha8Rng, is_allowed: &dyn Fn(&Params) -> bool) -> Params {
    let mut params = independent(space, random);
    for _ in 0..NUM_DRAWS {
        if is_allowed(&params) {
            break;
        }
        params = independent(space, random);
    }
    params
}

impl Dimension {
    pub(super) fn parameters(&self) -> Vec<Parameter> {
        let element = self.element.parameter();
        match self.length {
            None => vec![element],
            Some((shortest, longest)) => {
                let mut parameters = vec![element; longest + 1];
                parameters[0] = Parameter::Index(longest - shortest + 1);
                parameters
            }
        }
    }

    /// The value for the drawn numbers, one per parameter.
    pub(super) fn decode(&self, drawn: &[f64]) -> Value {
        match self.length {
            None => self.element.decode(drawn[0]),
            Some((shortest, _)) => {
                let length = shortest + drawn[0] as usize;
                drawn[1..].iter().take(length).map(|&number| self.element.decode(number)).collect()
            }
        }
    }

    /// The numbers that encode `value`; NaN for unused positions of a list, and if `value` is not of this dimension.
    pub(super) fn encode(&self, value: &Value) -> Vec<f64> {
        let Some((shortest, longest)) = self.length else {
            return vec![self.element.encode(value)];
        };
        let mut numbers = vec![f64::NAN; longest + 1];
        if let Some(list) = value.as_array().filter(|list| (shortest..=longest).contains(&list.len())) {
            numbers[0] = (list.len() - shortest) as f64;
            list.iter().zip(&mut numbers[1..]).for_each(|(value, number)| *number = self.element.encode(value));
        }
        numbers
    }
}

impl Element {
    fn parameter(&self) -> Parameter {
        match self {
            Self::Choices(values) => Parameter::Index(values.len()),
            Self::Range(_) => Parameter::Position,
        }
    }

    fn decode(&self, number: f64) -> Value {
        match self {
            Self::Choices(values) => values[number as usize].clone(),
            Self::Range(range) => range.at(number),
        }
    }

    fn encode(&self, value: &Value) -> f64 {
        let number = match self {
            Self::Choices(values) => values.iter().position(|choice| choice == value).map(|index| index as f64),
            Self::Range(range) => value.as_f64().map(|number| range.position(number)),
        };
        number.unwrap_or(f64::NAN)
    }
}
