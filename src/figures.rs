//! Numbers in texts: how many of something, and how many digits of a measurement.

use std::fmt::Display;

/// `1 row`, `2 rows`, `3 classes`, `4 categories`.
pub fn counted(count: impl Display, noun: &str) -> String {
    let count = count.to_string();
    let stem = noun.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match (count.as_str(), stem) {
        ("1", _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) if noun.ends_with('s') => format!("{count} {noun}es"),
        (_, None) => format!("{count} {noun}s"),
    }
}

/// Bytes as hexadecimal digits, two each, as hashes are written.
pub fn hexadecimal(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number with five significant digits; a larger whole part is not cut.
pub fn short(number: f64) -> String {
    let size = number.abs();
    if !number.is_finite() || (number.fract() == 0.0 && size < 1e9) {
        number.to_string()
    } else if (1e-4..1e6).contains(&size) {
        // Digits after the point for five significant ones.
        let places = (4 - size.log10().floor() as i32).max(0) as usize;
        format!("{number:.places$}")
    } else {
        format!("{number:.4e}")
    }
}

/// As [`short`], with four decimals at most: shares and losses, and what is in units of the target, however large.
pub fn measured(number: f64) -> String {
    if number.abs() < 10.0 { format!("{number:.4}") } else { short(number) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_follow_their_number() {
        assert_eq!([counted(0, "row"), counted(1, "row"), counted(2, "row")], ["0 rows", "1 row", "2 rows"]);
        assert_eq!(counted(3_u64, "class"), "3 classes");
        assert_eq!([counted(1, "category"), counted(2, "category")], ["1 category", "2 categories"]);
        assert_eq!(counted(2, "key"), "2 keys");
    }

    #[test]
    fn numbers_keep_five_digits() {
        for (number, text) in [
            (0.961_111_1, "0.96111"),
            (0.000_123_456, "0.00012346"),
            (1e-7, "1.0000e-7"),
            (12_345.678, "12346"),
            (540.0, "540"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-inf"),
            (0.0, "0"),
            (-1.5, "-1.5000"),
        ] {
            assert_eq!(short(number), text);
        }
        for (number, text) in [
            (0.961_111_1, "0.9611"),
            (1.0, "1.0000"),
            (54.231_12, "54.231"),
            (32_933.267_8, "32933"),
            (308_343.529_4, "308344"),
            (-0.000_04, "-0.0000"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(measured(number), text);
        }
    }
}
