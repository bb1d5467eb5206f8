//! Parses cells of formats in which every cell is text.

use super::DataConfig;
use super::table::{Cell, is_invisible, is_usable};

/// Decides whether a cell's text is a number, a missing value, or text.
pub(super) struct CellParser {
    missing: Vec<Vec<u8>>,
    /// Some word for missing is a number.
    is_careful: bool,
    has_decimal_comma: bool,
}

impl CellParser {
    /// With `data.decimal = ","` a text with a dot is no number yet, for whoever knows the column to read.
    pub(super) fn new(config: &DataConfig) -> Self {
        Self::with(&config.missing, config.decimal == Some(','))
    }

    fn with(missing: &[String], has_decimal_comma: bool) -> Self {
        let missing: Vec<Vec<u8>> = missing.iter().map(|text| text.trim().as_bytes().to_vec()).collect();
        let some_missing_is_a_number =
            missing.iter().any(|text| matches!(parse(text), Cell::Number(number) if is_usable(number)));
        Self { missing, is_careful: some_missing_is_a_number, has_decimal_comma }
    }

    /// `cell` must be trimmed.
    #[inline]
    pub(super) fn read(&self, cell: &[u8]) -> Cell {
        if self.has_decimal_comma && cell.contains(&b'.') {
            return if self.is_missing(cell) { Cell::Missing } else { Cell::Text };
        }
        self.read_plain(cell)
    }

    /// The same of a number as programs write it, which nobody's notation changes.
    #[inline]
    pub(super) fn read_plain(&self, cell: &[u8]) -> Cell {
        // Nearly every cell is a number, so the list of missing values is searched last where possible.
        if self.is_careful && self.is_missing(cell) {
            return Cell::Missing;
        }
        match parse(cell) {
            Cell::Number(number) if is_usable(number) => Cell::Number(number),
            _ if self.is_missing(cell) => Cell::Missing,
            other => other,
        }
    }

    /// A cell that is a number in its format already; `text` is what it is written as.
    #[inline]
    pub(super) fn read_number(&self, number: f64, text: impl FnOnce() -> String) -> Cell {
        match number.is_nan() || self.is_careful && self.is_missing(text().as_bytes()) {
            true => Cell::Missing,
            false => Cell::Number(number),
        }
    }

    fn is_missing(&self, cell: &[u8]) -> bool {
        let cell = visible(cell);
        cell.is_empty() || self.missing.iter().any(|text| text == cell)
    }
}

/// A cell without what cannot be seen around it, as its text is read.
fn visible(cell: &[u8]) -> &[u8] {
    match std::str::from_utf8(cell) {
        Ok(text) if !text.is_ascii() => text.trim_matches(is_invisible).as_bytes(),
        _ => cell,
    }
}

#[inline]
fn parse(cell: &[u8]) -> Cell {
    if let Some(number) = eight_bytes(cell) {
        return Cell::Number(number);
    }
    // Pixels and counts: short whole numbers, several times faster than the general parser.
    if (1..=9).contains(&cell.len()) && cell.iter().all(u8::is_ascii_digit) {
        let digits = cell.iter().map(|digit| u32::from(digit - b'0'));
        return Cell::Number(f64::from(digits.fold(0, |sum, digit| sum * 10 + digit)));
    }
    let general = || std::str::from_utf8(cell).ok().and_then(|text| text.parse::<f64>().ok());
    short_decimal(cell).or_else(general).map_or(Cell::Text, Cell::Number)
}

/// Powers of ten that are exact.
const POWERS: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Each byte of a word is this one.
const fn all(byte: u8) -> u64 {
    u64::from_le_bytes([byte; 8])
}

/// The number in 4 to 8 bytes of digits, with or without a point and after a minus or none, as [`short_decimal`] reads it:
/// all bytes at once, in a word, as Lemire does (2021, "Number parsing at a gigabyte per second").
#[inline]
fn eight_bytes(cell: &[u8]) -> Option<f64> {
    let text = cell.strip_prefix(b"-").unwrap_or(cell);
    let len = text.len();
    if !(4..=8).contains(&len) {
        return None;
    }
    // Those in the middle are in both halves, and the same there. The first one is the lowest.
    let half = |bytes: [u8; 4]| u64::from(u32::from_le_bytes(bytes));
    let word = half(*text.first_chunk()?) | half(*text.last_chunk()?) << (8 * (len - 4));
    // The lowest byte that is a point: then the highest bit of that byte is the lowest one here.
    let points = word ^ all(b'.');
    let points = points.wrapping_sub(all(1)) & !points & all(0x80);
    let (digits, num_digits, num_fractional) = match points {
        0 => (word, len, 0),
        _ => {
            let place = points.trailing_zeros() as usize / 8;
            let before = (1 << (8 * place)) - 1;
            (word & before | word >> 8 & !before, len - 1, len - 1 - place)
        }
    };
    // With zeros before them they are eight digits.
    let shift = 8 * (8 - num_digits);
    let digits = digits << shift | all(b'0') & ((1 << shift) - 1);
    let are_digits = digits & digits.wrapping_add(all(6)) & all(0xf0) == all(0x30)
        && (digits | digits.wrapping_add(all(6))) & all(0xf0) == all(0x30);
    if !are_digits {
        return None;
    }
    // Neighbours are put together: to numbers of two digits, of four, and of eight.
    let pairs = (digits & all(0x0f)).wrapping_mul(10 << 8 | 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100 << 16 | 1) >> 16 & 0x0000_ffff_0000_ffff;
    let whole = fours.wrapping_mul(10_000 << 32 | 1) >> 32;
    let number = whole as f64 / POWERS[num_fractional];
    Some(if len < cell.len() { -number } else { number })
}

/// The number in up to 15 digits with or without a point and a minus: the digits and the power of ten are exact, so that one
/// division rounds them as the general parser does (Clinger 1990).
#[inline]
fn short_decimal(cell: &[u8]) -> Option<f64> {
    let digits = cell.strip_prefix(b"-").unwrap_or(cell);
    if digits.len() > POWERS.len() {
        return None;
    }
    let (mut mantissa, mut point) = (0, None);
    for (i, &byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(byte - b'0'),
            b'.' if point.is_none() => point = Some(i),
            _ => return None,
        }
    }
    let num_digits = digits.len() - usize::from(point.is_some());
    if !(1..POWERS.len()).contains(&num_digits) {
        return None;
    }
    let num_fractional = point.map_or(0, |point| num_digits - point);
    let number = mantissa as f64 / POWERS[num_fractional];
    Some(if digits.len() < cell.len() { -number } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_numbers_missing_or_text() {
        let reader = CellParser::with(&["NA".into(), "-999".into()], false);
        let read = |cell: &str| match reader.read(cell.as_bytes()) {
            Cell::Number(number) if is_usable(number) => number.to_string(),
            Cell::Number(_) => "not finite".into(),
            Cell::Missing => "missing".into(),
            Cell::Text => "text".into(),
        };
        for (cell, expected) in [
            ("0", "0"),
            ("007", "7"),
            ("-1.5e2", "-150"),
            ("999999999", "999999999"),
            ("12345678901", "12345678901"),
            ("", "missing"),
            ("NA", "missing"),
            ("-999", "missing"),
            ("inf", "not finite"),
            ("1e400", "not finite"),
            ("1e39", "not finite"),
            ("nan", "not finite"),
            ("1,5", "text"),
            ("0x10", "text"),
            ("-", "text"),
            (".", "text"),
            ("-.5", "-0.5"),
            ("1.2.3", "text"),
            ("--1", "text"),
        ] {
            assert_eq!(read(cell), expected, "{cell}");
        }
    }

    fn eight_or_none(text: &[u8]) -> Option<u64> {
        let len = text.strip_prefix(b"-").unwrap_or(text).len();
        short_decimal(text).filter(|_| (4..=8).contains(&len)).map(f64::to_bits)
    }

    #[test]
    fn short_decimals_are_rounded_as_others_are() {
        let mut seed = 1u64;
        for _ in 0..20_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let digits = format!("{:015}", seed >> 14);
            let (num_digits, point) = (1 + (seed >> 7) as usize % 15, (seed >> 3) as usize % 16);
            let (whole, fraction) = digits[..num_digits].split_at(point.min(num_digits));
            for text in [format!("{whole}.{fraction}"), format!("-{whole}.{fraction}"), digits[..num_digits].to_owned()]
            {
                let expected = text.parse::<f64>().unwrap();
                assert_eq!(short_decimal(text.as_bytes()).map(f64::to_bits), Some(expected.to_bits()), "{text}");
                let by_word = (4..=8).contains(&text.trim_start_matches('-').len()).then_some(expected.to_bits());
                assert_eq!(eight_bytes(text.as_bytes()).map(f64::to_bits), by_word, "{text}");
            }
        }
        assert_eq!(short_decimal(b"-0").map(f64::to_bits), Some((-0.0f64).to_bits()));
        assert_eq!(short_decimal(b"1234567890123456"), None);
        // Each byte in each place of a number, after the other parser.
        for place in 0..7 {
            for byte in 0..=255 {
                let mut text = *b"-12.345";
                text[place] = byte;
                assert_eq!(eight_bytes(&text).map(f64::to_bits), eight_or_none(&text), "{text:?}");
            }
        }
    }
}
