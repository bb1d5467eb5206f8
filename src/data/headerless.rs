//! Whether the first line of a table, which is taken for the names of its columns, is a row like the others.

use csv::ByteRecord;

use super::labels::{list, quote};
use super::table::content;

/// Rows that the first line is compared with, and about how much of them.
pub(super) const MAX_ROWS: usize = 1000;
pub(super) const MAX_BYTES: usize = 1 << 20;
/// Names that are shown.
const MAX_NAMED: usize = 4;

/// What speaks against a header, in words for the user.
#[derive(Debug, PartialEq)]
pub(super) enum Doubt {
    /// It may be a header all the same.
    Likely(String),
    /// Numbers over numbers, beside words that stand below as well.
    Sure(String),
}

/// The doubt about `names`, given the rows below them. `is_missing` tells words for a missing cell, which say nothing.
pub(super) fn doubt(names: &[&str], rows: &[ByteRecord], is_missing: impl Fn(&str) -> bool) -> Option<Doubt> {
    let (mut numbers, mut repeated, mut num_words) = (Vec::new(), Vec::new(), 0);
    for (column, name) in names.iter().enumerate() {
        let cells = || rows.iter().filter_map(|row| row.get(column).map(content)).filter(|cell| !cell.is_empty());
        let num_numbers = cells().filter(|cell| std::str::from_utf8(cell).is_ok_and(is_number)).count();
        let are_numbers = num_numbers > 0 && num_numbers * 2 >= cells().count();
        if is_number(name) {
            numbers.extend(are_numbers.then(|| quote(name)));
            continue;
        }
        if name.is_empty() || is_missing(name) {
            continue;
        }
        // A word over numbers is a name.
        if are_numbers {
            return None;
        }
        num_words += 1;
        repeated.extend(cells().any(|cell| cell == name.as_bytes()).then(|| quote(name)));
    }
    let columns = match names.len() {
        1 => "the column is then `column_1`".to_owned(),
        n => format!("the columns are then `column_1` to `column_{n}`"),
    };
    let advice = format!("set data.header = false; {columns}");
    let stand = |names: &[String], what: &str| {
        let (verb, each) = if names.len() == 1 { ("is", "it") } else { ("are", "them") };
        format!("{} {verb} {}", list(names, MAX_NAMED), what.replace("EACH", each))
    };
    let (of_numbers, of_words) = ("a number over numbers", "also a cell below EACH");
    let of_numbers = if numbers.len() == 1 { of_numbers } else { "numbers over numbers" };
    let of_words = if repeated.len() == 1 { of_words } else { "also cells below EACH" };
    match (numbers.is_empty(), repeated.is_empty()) {
        (false, false) => Some(Doubt::Sure(format!(
            "the first line is taken for the names of the columns, and looks like a row: {}, and {}: {advice}; or, if it is \
             a header, rename its columns",
            stand(&numbers, of_numbers),
            stand(&repeated, of_words)
        ))),
        (false, true) if num_words == 0 => Some(Doubt::Likely(format!(
            "the first line, taken for column names, is all numbers (if it is a row, {advice})"
        ))),
        // Years and codes are names of columns, and other numbers hardly.
        (false, true) if numbers.iter().any(|name| name.contains(['.', ','])) => Some(Doubt::Likely(format!(
            "the first line, taken for column names, looks like a row: {} (if it is one, {advice})",
            stand(&numbers, of_numbers)
        ))),
        (true, false) if repeated.len() * 2 > num_words => Some(Doubt::Likely(format!(
            "the first line, taken for column names, looks like a row: {} (if it is one, {advice})",
            stand(&repeated, of_words)
        ))),
        _ => None,
    }
}

/// A number without anything else, with a decimal point or comma.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let mut others = digits.chars().filter(|char| !char.is_ascii_digit());
    let is_plain = matches!((others.next(), others.next()), (None | Some('.' | ','), None));
    is_plain && digits.bytes().any(|byte| byte.is_ascii_digit())
        || text.parse::<f64>().is_ok_and(f64::is_finite) && digits.starts_with(|char: char| char.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_line_that_is_a_row_is_doubted_and_a_header_is_not() {
        let of = |text: &str| {
            let mut lines = text.split('/').map(|line| line.split(',').collect::<Vec<_>>());
            let names = lines.next().unwrap();
            let rows: Vec<ByteRecord> = lines.map(ByteRecord::from).collect();
            doubt(&names, &rows, |name| name == "NA")
        };
        let is_sure = |text: &str| matches!(of(text), Some(Doubt::Sure(_)));
        let is_likely = |text: &str| matches!(of(text), Some(Doubt::Likely(_)));
        for row in ["26,Ulm,no/30,Bonn,yes/31,Ulm,no", "26,NA,no/30,4,yes/31,5,no", "5.5,Anna,no/6.5,Ben,no"] {
            assert!(is_sure(row), "{row}");
        }
        for row in ["1,2/3,4", "5.5,Anna,Meier/6.5,Ben,Haas", "m,Ulm/f,Ulm/m,Bonn"] {
            assert!(is_likely(row), "{row}");
        }
        for header in [
            "x,y/1,a/2,b",
            "country,2019,2020/Peru,1,2/Chile,3,4",
            // A category may be called like its column, and a column of numbers has a name.
            "age,2019,other/30,1,other/31,2,no",
            "city,other,kind/Ulm,other,a/Bonn,,b",
            "2019,place/red,Ulm/blue,Bonn",
        ] {
            assert_eq!(of(header), None, "{header}");
        }
        let Some(Doubt::Sure(told)) = of("26,5.5,no/30,6.5,yes/31,7.5,no") else { panic!() };
        assert_eq!(
            told,
            "the first line is taken for the names of the columns, and looks like a row: `26`, `5.5` are numbers over \
             numbers, and `no` is also a cell below it: set data.header = false; the columns are then `column_1` to \
             `column_3`; or, if it is a header, rename its columns"
        );
    }
}
