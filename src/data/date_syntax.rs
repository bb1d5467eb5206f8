//! Dates and times as people and programs write them.

use jiff::civil::{Date, DateTime, ISOWeekDate, Time, Weekday};
use serde::{Deserialize, Serialize};

/// Which of two numbers before the year is the day, where neither is told by its form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// `31/12/2024`.
    DayFirst,
    /// `12/31/2024`.
    MonthFirst,
}

/// A moment as a cell has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Moment {
    /// As on the clock and calendar of the place.
    pub(super) local: DateTime,
    /// Seconds since 1970, in universal time where the cell tells the offset.
    pub(super) seconds: f64,
    /// Whether the cell has a time of day and no date: the date here is then 1 January 1970.
    pub(super) is_clock: bool,
}

impl Moment {
    /// Seconds since midnight, by the clock of the place.
    pub(super) fn seconds_of_day(&self) -> f64 {
        seconds_of_day(self.local)
    }
}

fn seconds_of_day(local: DateTime) -> f64 {
    let time = local.time();
    f64::from(time.hour()) * 3600.0
        + f64::from(time.minute()) * 60.0
        + f64::from(time.second())
        + f64::from(time.subsec_nanosecond()) / 1e9
}

/// The date, and time if any, in a cell, or a time of day alone. Where it is `is_forced`, digits alone may be a date, too:
/// `20241231`.
pub(super) fn parse(text: &str, order: DateOrder, is_forced: bool) -> Option<Moment> {
    if text.len() > 40 || !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (date, time) = split_time(text);
    let is_clock = date.is_empty();
    let date = if is_clock { jiff::civil::date(1970, 1, 1) } else { parse_date(date, order, is_forced)? };
    let (time, offset) = match time {
        Some(time) => parse_time(time)?,
        None => (Time::midnight(), 0),
    };
    let local = date.to_datetime(time);
    let days = date.duration_since(jiff::civil::date(1970, 1, 1)).as_secs() as f64;
    Some(Moment { local, seconds: days + seconds_of_day(local) - f64::from(offset), is_clock })
}

/// The same, for a cell that must mean one date, be the day or the month first.
pub(super) fn parse_sure(text: &str) -> Option<Moment> {
    let moment = parse(text, DateOrder::DayFirst, true)?;
    let begins_with_year = text.bytes().take_while(u8::is_ascii_digit).count() >= 4;
    (begins_with_year || parse(text, DateOrder::MonthFirst, true) == Some(moment)).then_some(moment)
}

/// The date, and the time after a `T` or a space.
fn split_time(text: &str) -> (&str, Option<&str>) {
    let Some(colon) = text.find(':') else { return (text, None) };
    let start = text[..colon].trim_end_matches(|char: char| char.is_ascii_digit()).len();
    let date = text[..start].trim_end_matches([' ', ',']);
    let date = date.strip_suffix('T').unwrap_or(date);
    (date, Some(&text[start..]))
}

fn parse_date(text: &str, order: DateOrder, is_forced: bool) -> Option<Date> {
    let is_separator = |char: char| "-/. ,年月日".contains(char);
    let parts: Vec<&str> = text.split(is_separator).filter(|part| !part.is_empty()).collect();
    // `Mon, 5 Feb 2024`
    let parts = match &parts[..] {
        [day, rest @ ..] if rest.len() == 3 && is_weekday(day) => rest,
        all => all,
    };
    let number = |part: &str| (part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse::<i16>().ok())?;
    let is_year = |part: &str| part.len() == 4;
    let is_short = |part: &str| (1..=2).contains(&part.len());
    let date = |year: &str, month: i16, day: i16| {
        let value = number(year)?;
        let year = match year.len() {
            4 => value,
            2 if value < 69 => 2000 + value,
            2 => 1900 + value,
            _ => return None,
        };
        Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
    };
    match *parts {
        [year, month, day] if is_year(year) && is_short(month) && is_short(day) => {
            date(year, number(month)?, number(day)?)
        }
        [first, month, year] if is_short(first) && month_of(month).is_some() => {
            date(year, month_of(month)?, number(first)?)
        }
        [month, day, year] if month_of(month).is_some() && is_short(day) => date(year, month_of(month)?, number(day)?),
        [first, second, year] if is_short(first) && is_short(second) && has_one_separator(text) => {
            let (first, second) = (number(first)?, number(second)?);
            // With dots the day is always first.
            match order {
                DateOrder::MonthFirst if !text.contains('.') => date(year, first, second),
                DateOrder::DayFirst | DateOrder::MonthFirst => date(year, second, first),
            }
        }
        [year, month] if is_year(year) && is_short(month) && text.contains(['-', '/', '年']) => {
            date(year, number(month)?, 1)
        }
        // A week of ISO 8601, by its Monday
        [year, week] if is_year(year) && week.starts_with(['W', 'w']) && week.len() == 3 => {
            let week = i8::try_from(number(&week[1..])?).ok()?;
            Some(ISOWeekDate::new(number(year)?, week, Weekday::Monday).ok()?.date())
        }
        [month, year] if is_year(year) && month_of(month).is_some() => date(year, month_of(month)?, 1),
        [digits] if is_forced && digits.len() == 8 && digits.is_ascii() => {
            date(&digits[..4], number(&digits[4..6])?, number(&digits[6..])?)
        }
        _ => None,
    }
}

/// Whether the same character separates all parts of a date.
fn has_one_separator(text: &str) -> bool {
    let mut separators = text.trim().chars().filter(|char| !char.is_ascii_digit());
    let first = separators.next();
    first.is_some_and(|first| "-/.".contains(first)) && separators.all(|other| Some(other) == first)
}

/// The month of an English or German name or its first three letters, from 1.
fn month_of(name: &str) -> Option<i16> {
    const NAMES: [[&str; 2]; 12] = [
        ["january", "januar"],
        ["february", "februar"],
        ["march", "märz"],
        ["april", "april"],
        ["may", "mai"],
        ["june", "juni"],
        ["july", "juli"],
        ["august", "august"],
        ["september", "september"],
        ["october", "oktober"],
        ["november", "november"],
        ["december", "dezember"],
    ];
    let name = name.to_lowercase();
    let is_it = |full: &str| {
        name == full || name == full.chars().take(3).collect::<String>() || name == "sept" && full == "september"
    };
    let position = NAMES.iter().position(|names| names.iter().any(|full| is_it(full)))?;
    i16::try_from(position + 1).ok()
}

fn is_weekday(name: &str) -> bool {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let name = name.to_lowercase();
    NAMES.iter().any(|short| name.starts_with(short)) && name.chars().all(char::is_alphabetic)
}

/// The time of day, and the seconds by which its clock is ahead of universal time.
fn parse_time(text: &str) -> Option<(Time, i32)> {
    let (clock, zone) = match text.find(|char: char| !(char.is_ascii_digit() || ":.,".contains(char))) {
        Some(end) => (&text[..end], text[end..].trim()),
        None => (text, ""),
    };
    let (half, zone) = match zone.get(..2).map(str::to_ascii_lowercase).as_deref() {
        Some("am") => (Some(0), zone[2..].trim()),
        Some("pm") => (Some(12), zone[2..].trim()),
        _ => (None, zone),
    };
    let mut parts = clock.split(':');
    // `3:1` is a score.
    let mut whole = |most: i8, least_digits: usize| {
        let part = parts.next().filter(|part| (least_digits..=2).contains(&part.len()))?;
        part.parse::<i8>().ok().filter(|&value| value <= most)
    };
    let (hour, minute) = (whole(23, 1)?, whole(59, 2)?);
    let (second, nanosecond) = match parts.next() {
        None => (0, 0),
        Some(seconds) => {
            let (whole, fraction) = seconds.split_once(['.', ',']).unwrap_or((seconds, ""));
            let digits: String = fraction.chars().chain("000000000".chars()).take(9).collect();
            (whole.parse::<i8>().ok().filter(|_| whole.len() == 2)?, digits.parse().ok()?)
        }
    };
    if parts.next().is_some() {
        return None;
    }
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    Some((Time::new(hour, minute, second, nanosecond).ok()?, parse_offset(zone)?))
}

/// `Z`, `UTC`, `+02:00`, `-0530`, `+01`; nothing is as good as universal time.
fn parse_offset(zone: &str) -> Option<i32> {
    if ["", "Z", "z", "UTC", "GMT"].contains(&zone) {
        return Some(0);
    }
    let (sign, digits) = match zone.split_at_checked(1)? {
        ("+", digits) => (1, digits.replace(':', "")),
        ("-", digits) => (-1, digits.replace(':', "")),
        _ => return None,
    };
    let value = digits.parse::<i32>().ok()?;
    match digits.len() {
        2 => Some(sign * value * 3600),
        4 => Some(sign * (value / 100 * 3600 + value % 100 * 60)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, order: DateOrder) -> Option<String> {
        parse(text, order, false).map(|moment| moment.local.to_string())
    }

    #[test]
    fn dates_are_read_as_they_are_written() {
        for (text, expected) in [
            ("2024-01-20", "2024-01-20T00:00:00"),
            ("2024/1/2", "2024-01-02T00:00:00"),
            ("2024-01-20T13:45:30.250Z", "2024-01-20T13:45:30.25"),
            ("2024-01-20 13:45", "2024-01-20T13:45:00"),
            ("20.01.2024", "2024-01-20T00:00:00"),
            ("20.1.24", "2024-01-20T00:00:00"),
            ("20 Jan 2024", "2024-01-20T00:00:00"),
            ("January 20, 2024", "2024-01-20T00:00:00"),
            ("Sat, 20 Jan 2024 01:02:03 GMT", "2024-01-20T01:02:03"),
            ("1/20/2024 1:30 PM", ""),
            ("20/1/2024 12:30 AM", "2024-01-20T00:30:00"),
            ("2024年1月20日", "2024-01-20T00:00:00"),
            ("2024-02", "2024-02-01T00:00:00"),
            ("Feb 2024", "2024-02-01T00:00:00"),
            ("31. Dezember 2023", "2023-12-31T00:00:00"),
            ("2024-W03", "2024-01-15T00:00:00"),
            ("18:30", "1970-01-01T18:30:00"),
        ] {
            assert_eq!(shown(text, DateOrder::DayFirst).unwrap_or_default(), expected, "{text}");
        }
        assert_eq!(shown("1/20/2024 1:30 PM", DateOrder::MonthFirst).unwrap(), "2024-01-20T13:30:00");
    }

    #[test]
    fn what_is_no_date_is_not_read() {
        for text in
            ["", "20240120", "1.2.3", "2024", "10.0.0.1", "2023-02-29", "A-1-2024", "555-1234", "3:1", "24:00", "1/2"]
        {
            assert_eq!(shown(text, DateOrder::DayFirst), None, "{text}");
        }
        assert!(parse("20240120", DateOrder::DayFirst, true).is_some());
    }
}
