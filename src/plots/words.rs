//! Numbers and texts as shown to a reader, and their estimated width.

use super::svg::without_zeros;
pub(super) use crate::figures::counted;

/// A number to four significant digits.
pub(super) fn figure(value: f64) -> String {
    significant(value, 4)
}

/// As [`figure`], to three digits and with its sign.
pub(super) fn signed(value: f64) -> String {
    let number = significant(value, 3);
    if value > 0.0 { format!("+{number}") } else { number }
}

fn significant(value: f64, digits: i32) -> String {
    let magnitude = value.abs();
    if !value.is_finite() {
        "unknown".into()
    } else if magnitude == 0.0 {
        "0".into()
    } else if !(1e-4..1e6).contains(&magnitude) {
        scientific(value, digits as usize - 1)
    } else {
        let places = (digits - 1 - magnitude.log10().floor() as i32).max(0) as usize;
        without_zeros(&format!("{value:.places$}"))
    }
}

/// As "1.5e-6", with at most `places` decimals.
pub(super) fn scientific(value: f64, places: usize) -> String {
    let number = format!("{value:.places$e}");
    match number.split_once('e') {
        Some((mantissa, exponent)) => format!("{}e{exponent}", without_zeros(mantissa)),
        None => number,
    }
}

/// A share of 1 as a percentage.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// An upper estimate of a text's width at a font size: the widest usual sans-serif, East Asian characters full width.
pub(super) fn text_width(text: &str, size: f64) -> f64 {
    text.chars().map(|character| character_width(character) * size).sum()
}

fn character_width(character: char) -> f64 {
    match character {
        '\u{2e80}'.. => 1.0,
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' | '(' | ')' => 0.36,
        'm' | 'w' | 'M' | 'W' | '@' | '%' => 0.95,
        _ => 0.62,
    }
}

/// The text cut to a width, with an ellipsis in it: names often differ at their ends only.
pub(super) fn shortened(text: &str, width: f64, size: f64) -> String {
    if text_width(text, size) <= width {
        return text.into();
    }
    let room = width - character_width('…') * size;
    let start: String = fitting(text.chars(), room * 0.6, size);
    let end: String = fitting(text.chars().rev(), room * 0.4, size);
    let end: String = end.chars().rev().collect();
    format!("{}…{}", start.trim_end(), end.trim_start())
}

/// The characters that fit into a width.
fn fitting(characters: impl Iterator<Item = char>, width: f64, size: f64) -> String {
    let mut used = 0.0;
    let fits = |character: &char| {
        used += character_width(*character) * size;
        used <= width
    };
    characters.take_while(fits).collect()
}

/// Lines of whole words within a width; a single word that is too long is cut.
pub(super) fn wrapped(text: &str, width: f64, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let word = shortened(word, width, size);
        match lines.last_mut() {
            Some(line) if text_width(line, size) + text_width(&word, size) + size * 0.36 <= width => {
                line.push(' ');
                line.push_str(&word);
            }
            _ => lines.push(word),
        }
    }
    lines
}
