//! Parses cells of formats in which every cell is text.

use super::table::{Cell, is_usable};

/// Decides whether a cell's text is a number, a missing value, or text.
pub(super) struct CellParser {
    missing: Vec<Vec<u8>>,
    /// Some word for missing is a number, or a dot is no decimal point.
    is_careful: bool,
    has_decimal_comma: bool,
}

impl CellParser {
    /// `has_decimal_comma`: the config says so; then a number with a dot is a text, for whoever knows the column to read.
    pub(super) fn new(missing: &[String], has_decimal_comma: bool) -> Self {
        let missing: Vec<Vec<u8>> = missing.iter().map(|text| text.trim().as_bytes().to_vec()).collect();
        let some_missing_is_a_number =
            missing.iter().any(|text| matches!(parse(text), Cell::Number(number) if is_usable(number)));
        Self { missing, is_careful: some_missing_is_a_number || has_decimal_comma, has_decimal_comma }
    }

    /// `cell` must be trimmed.
    #[inline]
    pub(super) fn read(&self, cell: &[u8]) -> Cell {
        // Nearly every cell is a number, so the list of missing values is searched last where possible.
        if self.is_careful {
            if self.is_missing(cell) {
                return Cell::Missing;
            }
            if self.has_decimal_comma && cell.contains(&b'.') {
                return Cell::Text;
            }
        }
        match parse(cell) {
            Cell::Number(number) if is_usable(number) => Cell::Number(number),
            _ if self.is_missing(cell) => Cell::Missing,
            other => other,
        }
    }

    fn is_missing(&self, cell: &[u8]) -> bool {
        cell.is_empty() || self.missing.iter().any(|text| text == cell)
    }
}

#[inline]
fn parse(cell: &[u8]) -> Cell {
    // Pixels and counts: short whole numbers, several times faster than the general parser.
    if (1..=9).contains(&cell.len()) && cell.iter().all(u8::is_ascii_digit) {
        let digits = cell.iter().map(|digit| u32::from(digit - b'0'));
        return Cell::Number(f64::from(digits.fold(0, |sum, digit| sum * 10 + digit)));
    }
    let number = std::str::from_utf8(cell).ok().and_then(|text| text.parse::<f64>().ok());
    number.map_or(Cell::Text, Cell::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_numbers_missing_or_text() {
        let reader = CellParser::new(&["NA".into(), "-999".into()], false);
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
        ] {
            assert_eq!(read(cell), expected, "{cell}");
        }
    }
}
