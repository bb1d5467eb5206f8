//! The ways in which people and programs write numbers, and which of them a column follows.
//!
//! A column has one syntax: `1,234` is 1234 in one file and 1.234 in another, and only its other cells tell.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::distinct::Distinct;
use super::units;

/// How the numbers of a column are written. In addition, each may have U+2212 for a minus, parentheses or a minus at the
/// end for a negative number, digits of other scripts, and unusual spaces.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NumberSyntax {
    /// Between the whole and the fractional digits.
    pub decimal: char,
    /// Between groups of digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thousands: Option<char>,
    /// The sign or code that some cells have before or after the number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// Whether every cell but 0 ends in `%`, which is left out: `45%` is 45.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_percent: bool,
    /// What follows the number in every cell but 0, and is left out: `12 kg` is 12.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

impl Default for NumberSyntax {
    fn default() -> Self {
        Self { decimal: '.', thousands: None, currency: None, is_percent: false, unit: None }
    }
}

/// What else is known about a file's numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hints {
    /// `data.decimal`.
    pub(super) decimal: Option<char>,
    /// Whether a comma is more likely a decimal comma than a separator of thousands, where a column allows both.
    pub(super) is_comma_likely: bool,
}

/// The pairs of decimal and thousands separators; of several that fit, the first is meant.
const SEPARATORS: [(char, Option<char>); 8] = [
    ('.', None),
    ('.', Some(',')),
    ('.', Some(' ')),
    ('.', Some('\'')),
    (',', None),
    (',', Some('.')),
    (',', Some(' ')),
    (',', Some('\'')),
];

/// As written before or after a number. Longer ones are found first, since letters are taken as a whole.
const CURRENCIES: [&str; 56] = [
    "$", "€", "£", "¥", "₹", "₩", "₽", "₺", "₴", "₦", "₫", "฿", "₪", "₱", "₡", "₿", "¢", "US$", "A$", "C$", "R$",
    "HK$", "NT$", "USD", "EUR", "GBP", "JPY", "CNY", "RMB", "CHF", "INR", "BRL", "SEK", "NOK", "DKK", "PLN", "CZK",
    "HUF", "RUB", "TRY", "KRW", "AUD", "CAD", "NZD", "MXN", "ZAR", "SGD", "HKD", "kr", "zł", "Kč", "Ft", "Rs", "元",
    "円", "원",
];

/// The zeros of decimal digits in other scripts: full-width, Arabic, Persian, Devanagari, Bengali, Thai.
const ZEROS: [char; 6] = ['\u{ff10}', '\u{660}', '\u{6f0}', '\u{966}', '\u{9e6}', '\u{e50}'];

/// A cell taken apart.
struct Written {
    is_negative: bool,
    /// ASCII digits and separators, perhaps with an exponent.
    digits: String,
    currency: Option<String>,
    is_percent: bool,
    unit: Option<String>,
}

impl NumberSyntax {
    /// The number in a cell; `None` if it is not one in this syntax.
    pub(super) fn read(&self, text: &str) -> Option<f64> {
        self.value(&take_apart(text)?)
    }

    fn value(&self, written: &Written) -> Option<f64> {
        let number = value(&written.digits, self.decimal, self.thousands)?;
        let number = if written.is_negative { -number } else { number };
        let currency_fits = written.currency.is_none() || written.currency == self.currency;
        let percent_fits = written.is_percent == self.is_percent || number == 0.0;
        let unit_fits = written.unit == self.unit || written.unit.is_none() && number == 0.0;
        (currency_fits && percent_fits && unit_fits && (number as f32).is_finite()).then_some(number)
    }

    /// The same after a word: ` with decimal comma`, or nothing.
    pub(super) fn with(&self) -> String {
        self.describe().map_or_else(String::new, |how| format!(" with {how}"))
    }

    /// What is unusual about it, as a clause for a note; `None` for numbers as programs write them.
    pub(super) fn describe(&self) -> Option<String> {
        let mut parts = Vec::new();
        let name = |separator: char| match separator {
            ',' => "a comma".to_owned(),
            '.' => "a dot".to_owned(),
            ' ' => "a space".to_owned(),
            _ => format!("`{separator}`"),
        };
        if self.decimal == ',' {
            parts.push("decimal comma".to_owned());
        }
        parts.extend(self.thousands.map(|separator| format!("{} between thousands", name(separator))));
        parts.extend(self.currency.as_ref().map(|sign| format!("`{sign}` left out")));
        if self.is_percent {
            parts.push("`%` left out".to_owned());
        }
        parts.extend(self.unit.as_ref().map(|unit| format!("`{unit}` left out")));
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// The syntax that most cells of a column follow.
pub(super) struct Inferred {
    pub(super) syntax: NumberSyntax,
    /// Per distinct text, its number in this syntax.
    pub(super) numbers: Vec<Option<f64>>,
    /// Whether the cells allow both a decimal comma and commas between thousands (or dots), so that the hints decided.
    pub(super) is_ambiguous: bool,
    /// Whether some cells have another unit of measurement: `500 g` beside `2 kg`.
    pub(super) has_other_units: bool,
}

/// The syntax in which most of the cells are numbers; `None` if no cell is one in any syntax.
pub(super) fn infer(cells: &[Distinct], hints: Hints) -> Option<Inferred> {
    let written: Vec<Option<Written>> = cells.iter().map(|cell| take_apart(cell.text)).collect();
    let count = |holds: &dyn Fn(&Written) -> bool| -> u64 {
        let cells = cells.iter().zip(&written);
        cells.filter(|(_, written)| written.as_ref().is_some_and(holds)).map(|(cell, _)| cell.count).sum()
    };
    let units = written.iter().map(|written| written.as_ref()?.unit.as_deref());
    let (unit, has_other_units) = units::of_column(cells, units);
    let num_numbers = count(&|written| written.unit.is_none() || unit.is_some());
    if num_numbers == 0 {
        return None;
    }
    let is_percent = count(&|written| written.is_percent) * 2 > num_numbers;
    let signs = written.iter().flatten().filter_map(|written| written.currency.as_ref());
    let currency = signs.max_by_key(|sign| count(&|written| written.currency.as_ref() == Some(*sign))).cloned();
    let allowed = SEPARATORS.iter().filter(|(decimal, _)| hints.decimal.is_none_or(|given| given == *decimal));
    let syntaxes = allowed.map(|&(decimal, thousands)| NumberSyntax {
        decimal,
        thousands,
        currency: currency.clone(),
        is_percent,
        unit: unit.clone(),
    });
    let counted: Vec<(u64, NumberSyntax)> =
        syntaxes.map(|syntax| (count(&|written| syntax.value(written).is_some()), syntax)).collect();
    let most = counted.iter().map(|(count, _)| *count).max()?;
    let best: Vec<NumberSyntax> =
        counted.into_iter().filter(|(count, _)| *count == most).map(|(_, syntax)| syntax).collect();
    let first = |decimal: char| best.iter().find(|syntax| syntax.decimal == decimal);
    let (syntax, is_ambiguous) = match (first('.'), first(',')) {
        (Some(dot), Some(comma)) => {
            let differs = |written: &Written| dot.value(written) != comma.value(written);
            let is_ambiguous = written.iter().flatten().any(differs);
            (if is_ambiguous && hints.is_comma_likely { comma } else { dot }, is_ambiguous)
        }
        (one, other) => (one.or(other)?, false),
    };
    let numbers = written.iter().map(|written| syntax.value(written.as_ref()?)).collect();
    Some(Inferred { syntax: syntax.clone(), numbers, is_ambiguous, has_other_units })
}

/// A cell without sign, currency and percent sign; `None` unless the rest is digits and separators.
fn take_apart(text: &str) -> Option<Written> {
    let text = in_ascii(text);
    let mut rest = text.trim();
    let mut written =
        Written { is_negative: false, digits: String::new(), currency: None, is_percent: false, unit: None };
    let mut has_sign = false;
    loop {
        let before = rest;
        if !has_sign {
            let in_parentheses = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
            let negative = in_parentheses.or(rest.strip_prefix('-')).or_else(|| {
                let rest = rest.strip_suffix('-')?;
                rest.ends_with(|end: char| end.is_ascii_digit()).then_some(rest)
            });
            written.is_negative = negative.is_some();
            rest = negative.or(rest.strip_prefix('+')).unwrap_or(rest).trim();
            has_sign = rest.len() < before.len();
        }
        if !written.is_percent
            && let Some(number) = rest.strip_suffix('%')
        {
            (written.is_percent, rest) = (true, number.trim());
        }
        if written.currency.is_none()
            && let Some((sign, number)) = currency(rest)
        {
            (written.currency, rest) = (Some(sign), number);
        }
        if rest.len() == before.len() {
            break;
        }
    }
    if let Some((number, unit)) = units::with_unit(rest).filter(|_| written.currency.is_none() && !written.is_percent) {
        (rest, written.unit) = (number, Some(unit.to_owned()));
    }
    let is_part = |byte: u8| byte.is_ascii_digit() || b".,' eE+-".contains(&byte);
    if !rest.bytes().any(|byte| byte.is_ascii_digit()) || !rest.bytes().all(is_part) {
        return None;
    }
    written.digits = rest.to_owned();
    Some(written)
}

/// The currency before or after a number, and the number.
fn currency(text: &str) -> Option<(String, &str)> {
    let is_of_sign = |char: char| !(char.is_ascii_digit() || char.is_whitespace() || "+-.,'()%".contains(char));
    let known = |sign: &str| CURRENCIES.contains(&sign).then(|| sign.to_owned());
    let start = text.find(|char| !is_of_sign(char)).unwrap_or(text.len());
    if let Some(sign) = known(&text[..start]) {
        return Some((sign, text[start..].trim_start()));
    }
    let end = text.char_indices().rfind(|&(_, char)| !is_of_sign(char)).map_or(0, |(at, char)| at + char.len_utf8());
    Some((known(&text[end..])?, text[..end].trim_end()))
}

/// The text with ASCII digits, signs, spaces and apostrophes. Most are ASCII already.
fn in_ascii(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let to_ascii = |char: char| {
        let digit = |zero: &char| u32::from(char).checked_sub(u32::from(*zero)).filter(|&digit| digit < 10);
        if let Some(digit) = ZEROS.iter().find_map(digit) {
            return char::from_digit(digit, 10);
        }
        Some(match char {
            // Hyphens, figure and en dash, minus signs
            '\u{2010}'..='\u{2013}' | '\u{2212}' | '\u{fe63}' => '-',
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}' => ' ',
            '\u{2018}' | '\u{2019}' | '\u{2bc}' => '\'',
            '\u{66b}' => '.',
            '\u{66c}' => ',',
            '\u{66a}' => '%',
            '\u{ffe5}' => '¥',
            '\u{ffe1}' => '£',
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(char) - 0xfee0)?,
            // Without width: marks of the direction of writing, and the byte order mark
            '\u{200b}'..='\u{200f}' | '\u{feff}' => return None,
            other => other,
        })
    };
    Cow::Owned(text.chars().filter_map(to_ascii).collect())
}

/// The number of unsigned digits with these separators.
fn value(digits: &str, decimal: char, thousands: Option<char>) -> Option<f64> {
    let (mantissa, exponent) = match digits.find(['e', 'E']) {
        Some(at) => digits.split_at(at),
        None => (digits, ""),
    };
    let (whole, fraction) = mantissa.split_once(decimal).unwrap_or((mantissa, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let whole = match thousands.filter(|&separator| whole.contains(separator)) {
        Some(separator) if are_groups(whole, separator) => Cow::Owned(whole.replace(separator, "")),
        Some(_) => return None,
        None => Cow::Borrowed(whole),
    };
    if !is_digits(&whole) || !is_digits(fraction) {
        return None;
    }
    format!("{whole}.{fraction}{exponent}").parse().ok()
}

/// Whether the groups are of three digits, or as in India of two before the last three.
fn are_groups(whole: &str, separator: char) -> bool {
    let groups: Vec<&str> = whole.split(separator).collect();
    let [first, middle @ .., last] = &groups[..] else { return false };
    let of_length = |length: usize| {
        (1..=length).contains(&first.len()) && middle.iter().all(|group| group.len() == length) && last.len() == 3
    };
    !first.starts_with('0') && (of_length(3) || separator == ',' && !middle.is_empty() && of_length(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer_of(cells: &[&str], is_comma_likely: bool) -> Inferred {
        let cells: Vec<Distinct> = cells.iter().map(|text| Distinct { text, count: 1, line: 1 }).collect();
        infer(&cells, Hints { decimal: None, is_comma_likely }).unwrap()
    }

    #[test]
    fn a_column_has_one_syntax_and_its_cells_tell_which() {
        let number = Some;
        for (cells, numbers) in [
            (&["16,19", "-2,09"][..], &[number(16.19), number(-2.09)][..]),
            (&["5,750", "570", "1,234.5"], &[number(5750.0), number(570.0), number(1234.5)]),
            (&["1.234,5", "2.345"], &[number(1234.5), number(2345.0)]),
            (&["$1,638.57", "-$80.55", "($2)"], &[number(1638.57), number(-80.55), number(-2.0)]),
            (&["10%", "0", "2.5 %"], &[number(10.0), number(0.0), number(2.5)]),
            (&["10%", "20%", "0.3"], &[number(10.0), number(20.0), None]),
            (&["\u{2212}0.48", "(1.23)", "1.5-", "\u{ff11}\u{ff0e}\u{ff15}"], &[-0.48, -1.23, -1.5, 1.5].map(Some)),
            (&["12\u{a0}345,6", "1 000", "7"], &[number(12345.6), number(1000.0), number(7.0)]),
            (&["1'234'567.5", "2’000"], &[number(1_234_567.5), number(2000.0)]),
            (&["12,34,567", "1,000"], &[number(1_234_567.0), number(1000.0)]),
            (&["0,123", "5,000"], &[number(0.123), number(5.0)]),
            (&["1.234.567", "1.234"], &[number(1_234_567.0), number(1234.0)]),
            (&["€ 5", "$ 5", "€ 6"], &[number(5.0), None, number(6.0)]),
            (&["1,5e3", "x"], &[number(1500.0), None]),
            (&["3 EUR", "4,5 EUR"], &[number(3.0), number(4.5)]),
            (&["12 kg", "0", "3.5 kg"], &[number(12.0), number(0.0), number(3.5)]),
            (&["3,5cm", "-12cm", "7"], &[number(3.5), number(-12.0), None]),
            (&["2 kg", "3 kg", "500 g"], &[number(2.0), number(3.0), None]),
            (&["5 Stk", "12 Stk"], &[number(5.0), number(12.0)]),
            (&["21.5 °C", "-3 °C"], &[number(21.5), number(-3.0)]),
            (&["120 km/h", "1,200 km/h"], &[number(120.0), number(1200.0)]),
        ] {
            assert_eq!(infer_of(cells, false).numbers, numbers, "{cells:?}");
        }
    }

    #[test]
    fn where_the_cells_allow_both_the_file_decides_and_it_is_said() {
        let cells = ["1,234", "570"];
        for (is_comma_likely, numbers) in [(false, [1234.0, 570.0]), (true, [1.234, 570.0])] {
            let found = infer_of(&cells, is_comma_likely);
            assert_eq!((found.numbers, found.is_ambiguous), (numbers.map(Some).to_vec(), true));
        }
        assert!(!infer_of(&["\u{2212}5", "0.25"], true).is_ambiguous);
    }

    #[test]
    fn house_numbers_ordinals_and_codes_have_no_unit() {
        for cells in [&["12a", "14a"][..], &["1st", "2nd", "3rd"], &["9th", "10th", "HS", "BSc"], &["3d4", "5d6"]] {
            let cells: Vec<Distinct> = cells.iter().map(|text| Distinct { text, count: 1, line: 1 }).collect();
            assert!(infer(&cells, Hints::default()).is_none(), "{cells:?}");
        }
        assert!(infer_of(&["2 kg", "3 kg", "500 g"], false).has_other_units);
    }

    #[test]
    fn what_is_no_number_is_not_read() {
        for text in ["", "-", "abc", "1-2", "12.05.2020", "1,,2", "0x10", "1.2.3", "5 kg", "1e", "e5", "$", "P7", "1 2"]
        {
            let read = SEPARATORS.iter().find_map(|&(decimal, thousands)| {
                NumberSyntax { decimal, thousands, ..NumberSyntax::default() }.read(text)
            });
            assert_eq!(read, None, "{text}");
        }
    }
}
