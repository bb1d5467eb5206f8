//! What a cell holds in a format whose cells have types, and how it is written in a CSV file of the same table.

use std::borrow::Cow;

use super::cell_parser::CellParser;
use super::table::{Cell, content};

/// The content of a cell.
pub(super) enum Value<'v> {
    Missing,
    Whole(i128),
    /// NaN is missing.
    Double(f64),
    /// A number of 32 bits as it is; its name is as [`Self::Single`]'s.
    Exact(f32),
    /// A number of 32 bits: the decimal number in the fewest digits that tell it from others, which is how it is written.
    #[cfg(feature = "parquet")]
    Single(f32),
    /// A number of any precision, as a program writes it.
    #[cfg(any(feature = "parquet", feature = "postgres"))]
    Decimal(&'v str),
    Bool(bool),
    Text(Cow<'v, [u8]>),
}

impl<'v> Value<'v> {
    #[inline]
    pub(super) fn cell(&self, cells: &CellParser) -> Cell {
        match self {
            Self::Missing => Cell::Missing,
            Self::Whole(number) => cells.read_number(*number as f64, || number.to_string()),
            Self::Double(number) => cells.read_number(*number, || number.to_string()),
            Self::Exact(number) => cells.read_number(f64::from(*number), || number.to_string()),
            #[cfg(feature = "parquet")]
            Self::Single(number) => cells.read_number(written(*number), || number.to_string()),
            #[cfg(any(feature = "parquet", feature = "postgres"))]
            Self::Decimal(number) => cells.read_plain(number.as_bytes()),
            Self::Bool(truth) => cells.read(bool_text(*truth)),
            Self::Text(text) => cells.read(content(text)),
        }
    }

    pub(super) fn is_number(&self) -> bool {
        !matches!(self, Self::Missing | Self::Bool(_) | Self::Text(_))
    }

    pub(super) fn into_text(self) -> Cow<'v, [u8]> {
        let number = |text: String| Cow::Owned(text.into_bytes());
        match self {
            Self::Missing => Cow::Borrowed(b""),
            Self::Double(number) if number.is_nan() => Cow::Borrowed(b""),
            Self::Double(double) => number(double.to_string()),
            Self::Exact(single) if single.is_nan() => Cow::Borrowed(b""),
            Self::Exact(single) => number(single.to_string()),
            #[cfg(feature = "parquet")]
            Self::Single(single) if single.is_nan() => Cow::Borrowed(b""),
            #[cfg(feature = "parquet")]
            Self::Single(single) => number(single.to_string()),
            Self::Whole(whole) => number(whole.to_string()),
            #[cfg(any(feature = "parquet", feature = "postgres"))]
            Self::Decimal(number) => Cow::Borrowed(number.as_bytes()),
            Self::Bool(truth) => Cow::Borrowed(bool_text(truth)),
            Self::Text(text) => text,
        }
    }
}

/// As Python writes them.
fn bool_text(truth: bool) -> &'static [u8] {
    if truth { b"True" } else { b"False" }
}

/// The number in the text of one of 32 bits: 0.1 and not 0.10000000149011612.
#[cfg(feature = "parquet")]
fn written(number: f32) -> f64 {
    /// Up to 5^12 in 28 bits, so that the products with 24 bits are exact.
    const POWERS: [f64; 13] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
    let exact = f64::from(number);
    if !number.is_finite() {
        return exact;
    }
    // Larger ones are whole, and written with zeros for the digits that do not count.
    let quick = (exact.abs() < 16_777_216.0).then(|| {
        let decimals = POWERS.iter().map(|power| (exact * power).round() / power);
        decimals.into_iter().find(|decimal| *decimal as f32 == number)
    });
    quick.flatten().unwrap_or_else(|| number.to_string().parse().unwrap_or(exact))
}

#[cfg(all(test, feature = "parquet"))]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_32_bits_are_the_decimal_numbers_that_they_are_written_as() {
        let mut seed = 1u64;
        let mut next = || {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33) as u32
        };
        let known = [0.1, -0.0, 1e-7, 1e-45, 3.4e38, 16_777_218.0, 123_456_790.0, 0.3, 1.0 / 3.0];
        let measured: Vec<f32> =
            (0..20_000).map(|_| next() as f32 / 2_147_483_648.0 * 10f32.powi(next() as i32 % 9)).collect();
        let any: Vec<f32> =
            (0..20_000).map(|_| f32::from_bits(next() << 1)).filter(|number| number.is_finite()).collect();
        for number in known.into_iter().chain(measured).chain(any) {
            let expected: f64 = number.to_string().parse().unwrap();
            assert_eq!(written(number).to_bits(), expected.to_bits(), "{number}");
        }
    }
}
