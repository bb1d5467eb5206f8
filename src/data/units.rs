//! Units of measurement after numbers: `12 kg`.

use std::collections::BTreeMap;

use super::distinct::Distinct;

/// Units of measurement. A column may have another one, if all of its cells have that; of these, two in one column are
/// hardly names.
const UNITS: [&str; 96] = [
    "kg", "g", "mg", "µg", "ug", "lb", "lbs", "oz", "t", "m", "cm", "mm", "km", "µm", "um", "nm", "in", "ft", "yd",
    "mi", "miles", "l", "L", "ml", "mL", "cl", "dl", "dL", "gal", "s", "sec", "secs", "ms", "µs", "us", "ns", "min",
    "mins", "h", "hr", "hrs", "hour", "hours", "day", "days", "week", "weeks", "month", "months", "year", "years",
    "yr", "yrs", "°C", "°F", "°", "kW", "MW", "kWh", "Wh", "mA", "mV", "Hz", "kHz", "MHz", "GHz", "Pa", "hPa", "kPa",
    "bar", "psi", "mmHg", "kB", "KB", "MB", "GB", "TB", "m2", "m²", "m3", "m³", "cm2", "cm²", "km2", "km²", "ha",
    "sqm", "sqft", "km/h", "kmh", "kph", "mph", "m/s", "bpm", "rpm", "px",
];

/// The number and what follows it, if that may be a unit: letters, as in `km/h`, `m2` and `°C`.
pub(super) fn with_unit(text: &str) -> Option<(&str, &str)> {
    const MAX_BYTES: usize = 12;
    let start = text.find(|char: char| !(char.is_ascii_digit() || ".,' +-".contains(char)))?;
    let (number, unit) = text.split_at(start);
    let is_letter = |char: char| char.is_alphabetic() || "°/²³".contains(char);
    let letters = unit.trim_end_matches(['2', '3']);
    let is_exponent = letters.eq_ignore_ascii_case("e");
    let is_it = number.ends_with(|last: char| last.is_ascii_digit() || " .".contains(last))
        && unit.len() <= MAX_BYTES
        && letters.chars().all(is_letter)
        && !letters.is_empty()
        && !is_exponent;
    is_it.then(|| (number.trim_end(), unit))
}

/// The unit of a column, if most of its cells have one, and whether others have another. One that is not known must be
/// the same everywhere, and no single letter: `12a` and `14a` are house numbers.
///
/// `units`: of each of the distinct texts `cells`.
pub(super) fn of_column<'a>(
    cells: &[Distinct],
    units: impl Iterator<Item = Option<&'a str>>,
) -> (Option<String>, bool) {
    // More are ends of names.
    const MAX_UNITS: usize = 100;
    let mut counts: BTreeMap<&str, (u64, usize)> = BTreeMap::new();
    for (cell, unit) in cells.iter().zip(units) {
        if let Some(unit) = unit {
            if counts.len() > MAX_UNITS {
                return (None, false);
            }
            let (count, num_distinct) = counts.entry(unit).or_default();
            (*count, *num_distinct) = (*count + cell.count, *num_distinct + 1);
        }
    }
    let num_with: u64 = counts.values().map(|(count, _)| count).sum();
    let num_cells: u64 = cells.iter().map(|cell| cell.count).sum();
    let Some((&most, &(_, num_distinct))) = counts.iter().max_by_key(|(_, (count, _))| *count) else {
        return (None, false);
    };
    let are_known = counts.keys().all(|unit| UNITS.contains(unit));
    let is_one = counts.len() == 1 && num_distinct >= 2 && most.chars().count() >= 2;
    let is_unit = num_with * 2 > num_cells && (are_known || is_one);
    (is_unit.then(|| most.to_owned()), is_unit && counts.len() > 1)
}
