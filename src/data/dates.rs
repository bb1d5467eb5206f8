//! The dates of a column, and the numbers that stand for them.

use jiff::civil::Time;
use serde::{Deserialize, Serialize};

use super::date_syntax::{DateOrder, Moment, parse};
use super::distinct::Distinct;

/// A number computed from a date.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DatePart {
    /// Days, with their fraction, since the first date of the training file.
    Days,
    /// Position in the year, by months: the sine of its angle on the circle.
    MonthSine,
    /// Its cosine.
    MonthCosine,
    /// Day of the week.
    WeekdaySine,
    /// Its cosine.
    WeekdayCosine,
    /// Time of day.
    HourSine,
    /// Its cosine.
    HourCosine,
}

/// Seconds of a day.
pub(super) const DAY: f64 = 86400.0;

impl DatePart {
    /// The name of the input column: `sold [days]`.
    pub(super) fn column_name(self, source: &str) -> String {
        let part = match self {
            Self::Days => "days",
            Self::MonthSine => "month sine",
            Self::MonthCosine => "month cosine",
            Self::WeekdaySine => "weekday sine",
            Self::WeekdayCosine => "weekday cosine",
            Self::HourSine => "hour sine",
            Self::HourCosine => "hour cosine",
        };
        format!("{source} [{part}]")
    }

    /// Whether it is computed from the time of day alone.
    pub(super) fn is_of_clock(self) -> bool {
        matches!(self, Self::HourSine | Self::HourCosine)
    }

    /// Its value; `origin` in seconds since 1970.
    pub(super) fn of(self, moment: &Moment, origin: f64) -> f64 {
        let local = moment.local;
        let hours = moment.seconds_of_day() / DAY;
        let month = || {
            let day = (f64::from(local.day()) - 1.0 + hours) / f64::from(local.days_in_month());
            (f64::from(local.month()) - 1.0 + day) / 12.0
        };
        let weekday = || f64::from(local.weekday().to_monday_zero_offset()) / 7.0;
        let angle = |share: f64| share * std::f64::consts::TAU;
        match self {
            Self::Days => (moment.seconds - origin) / DAY,
            Self::MonthSine => angle(month()).sin(),
            Self::MonthCosine => angle(month()).cos(),
            Self::WeekdaySine => angle(weekday()).sin(),
            Self::WeekdayCosine => angle(weekday()).cos(),
            Self::HourSine => angle(hours).sin(),
            Self::HourCosine => angle(hours).cos(),
        }
    }
}

/// The dates of a column.
pub(super) struct Inferred {
    /// `None` where no cell needs it.
    pub(super) order: Option<DateOrder>,
    /// Per distinct text.
    pub(super) moments: Vec<Option<Moment>>,
}

/// Why a column of dates cannot be read.
#[derive(Debug, PartialEq)]
pub(super) enum Ambiguous {
    /// All days are at most 12: the index of a text in question.
    DayOrMonth(usize),
}

/// Reads the texts as dates; those that are none are `None`. `day_first` is the config's word on `03/04/2024`.
///
/// # Errors
/// Dates that may be read with the day or the month first, and `day_first` does not say.
pub(super) fn infer(cells: &[Distinct], day_first: Option<bool>, is_forced: bool) -> Result<Inferred, Ambiguous> {
    let read = |order| cells.iter().map(|cell| parse(cell.text, order, is_forced)).collect::<Vec<_>>();
    let (by_day, by_month) = (read(DateOrder::DayFirst), read(DateOrder::MonthFirst));
    if by_day == by_month {
        return Ok(Inferred { order: None, moments: by_day });
    }
    let count = |moments: &[Option<Moment>]| -> u64 {
        moments.iter().zip(cells).filter(|(moment, _)| moment.is_some()).map(|(_, cell)| cell.count).sum()
    };
    let is_day_first = match (day_first, count(&by_day), count(&by_month)) {
        (Some(day_first), ..) => day_first,
        (None, day, month) if day != month => day > month,
        (None, ..) => {
            let differs = |&i: &usize| by_day[i] != by_month[i];
            return Err(Ambiguous::DayOrMonth((0..cells.len()).find(differs).unwrap_or(0)));
        }
    };
    Ok(match is_day_first {
        true => Inferred { order: Some(DateOrder::DayFirst), moments: by_day },
        false => Inferred { order: Some(DateOrder::MonthFirst), moments: by_month },
    })
}

/// The parts that tell the dates apart: of times of day the circle of the hours; else the days, and the cycles that they
/// span about once (a year may lack its last weeks), and in which they differ.
pub(super) fn parts(moments: &[Moment]) -> Vec<DatePart> {
    let seconds = moments.iter().map(|moment| moment.seconds);
    let (low, high) = (seconds.clone().fold(f64::INFINITY, f64::min), seconds.fold(f64::NEG_INFINITY, f64::max));
    let differ = |of: &dyn Fn(&Moment) -> i64| {
        let first = moments.first().map(of);
        moments.iter().any(|moment| Some(of(moment)) != first)
    };
    type Cycle<'a> = (f64, &'a dyn Fn(&Moment) -> i64, [DatePart; 2]);
    let cycles: [Cycle; 3] = [
        (330.0, &|moment| i64::from(moment.local.month()), [DatePart::MonthSine, DatePart::MonthCosine]),
        (
            6.0,
            &|moment| i64::from(moment.local.weekday().to_monday_zero_offset()),
            [DatePart::WeekdaySine, DatePart::WeekdayCosine],
        ),
        (1.0, &|moment| moment.seconds_of_day() as i64, [DatePart::HourSine, DatePart::HourCosine]),
    ];
    if moments.iter().any(|moment| moment.is_clock) {
        return vec![DatePart::HourSine, DatePart::HourCosine];
    }
    let spanned = cycles.iter().filter(|(days, of, _)| (high - low) / DAY >= *days && differ(of));
    std::iter::once(DatePart::Days).chain(spanned.flat_map(|(_, _, parts)| *parts)).collect()
}

/// Seconds since 1970 as a date and time.
pub(super) fn shown(seconds: f64) -> String {
    let start = jiff::civil::date(1970, 1, 1).to_datetime(Time::midnight());
    match start.checked_add(jiff::SignedDuration::from_secs(seconds as i64)) {
        Ok(moment) => moment.to_string().replace('T', " ").trim_end_matches(" 00:00:00").to_owned(),
        Err(_) if seconds > 0.0 => "after the year 9999".to_owned(),
        Err(_) => "before the year -9999".to_owned(),
    }
}

/// What is made of the dates of a column, for a note.
pub(super) fn describe(name: &str, moments: &[Moment], parts: &[DatePart]) -> String {
    let by_time = |a: &&Moment, b: &&Moment| a.seconds.total_cmp(&b.seconds);
    let (first, last) = (moments.iter().min_by(by_time), moments.iter().max_by(by_time));
    let has_time = moments.iter().any(|moment| moment.local.time() != Time::midnight());
    let shown = |moment: Option<&Moment>| match moment {
        Some(moment) if moment.is_clock => moment.local.time().to_string(),
        Some(moment) if has_time => moment.local.to_string().replace('T', " "),
        Some(moment) => moment.local.date().to_string(),
        None => String::new(),
    };
    let way_out = "data.drop leaves it out, data.categorical reads it as names";
    if moments.iter().any(|moment| moment.is_clock) {
        return format!(
            "read `{name}` as times of day, {} to {}: used as sine and cosine of the hour ({way_out})",
            shown(first),
            shown(last)
        );
    }
    let cycles = [(DatePart::MonthSine, "month"), (DatePart::WeekdaySine, "weekday"), (DatePart::HourSine, "hour")];
    let cycles: Vec<&str> = cycles.iter().filter(|(part, _)| parts.contains(part)).map(|(_, name)| *name).collect();
    let cycles = match cycles.is_empty() {
        true => String::new(),
        false => format!(", and {} as sine and cosine", cycles.join(" and ")),
    };
    format!(
        "read `{name}` as dates, {} to {}: used as days since the first{cycles} ({way_out})",
        shown(first),
        shown(last)
    )
}

/// A repeated first or last date that is further from the others than they are from each other, as 9999-12-31 is.
pub(super) fn far_out(name: &str, cells: &[Distinct], moments: &[Option<Moment>]) -> Option<String> {
    let known = || cells.iter().zip(moments).filter_map(|(cell, moment)| Some((cell, moment.as_ref()?.seconds)));
    let total: u64 = known().map(|(cell, _)| cell.count).sum();
    [1.0, -1.0].iter().find_map(|sign| {
        let (far, at) = known().max_by(|a, b| (sign * a.1).total_cmp(&(sign * b.1)))?;
        let others = || known().map(|(_, seconds)| seconds).filter(|seconds| *seconds != at);
        let (low, high) = (others().fold(f64::INFINITY, f64::min), others().fold(f64::NEG_INFINITY, f64::max));
        let distance = (at - low).abs().min((at - high).abs());
        (far.count >= 2 && high > low && distance > 2.0 * (high - low)).then(|| {
            format!(
                "`{name}` is {} in {} of {total} cells, and {} to {} in the others: if it means missing, add {:?} to data.missing",
                far.text,
                far.count,
                shown(low),
                shown(high),
                far.text
            )
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_date_that_can_be_read_can_be_shown() {
        for text in ["9999-12-31", "0001-01-01", "1970-01-01", "2024-02-29 12:30:00"] {
            let moment = parse(text, DateOrder::DayFirst, false).unwrap();
            assert_eq!(shown(moment.seconds), text);
        }
        assert_eq!(
            (shown(1e12), shown(-1e300)),
            ("after the year 9999".to_owned(), "before the year -9999".to_owned())
        );
    }

    #[test]
    fn days_are_counted_in_universal_time_and_parts_on_the_local_calendar() {
        // 2024-01-20 was a Saturday.
        let moment = parse("2024-01-20T18:00:00+06:00", DateOrder::DayFirst, false).unwrap();
        let origin = parse("2024-01-19", DateOrder::DayFirst, false).unwrap().seconds;
        let of = |part: DatePart| part.of(&moment, origin);
        assert_eq!(of(DatePart::Days), 1.5);
        assert!((of(DatePart::HourSine) + 1.0).abs() < 1e-12);
        assert!((of(DatePart::WeekdayCosine) - (5.0 / 7.0 * std::f64::consts::TAU).cos()).abs() < 1e-12);
        // (19 days + 18 hours) / 31 days of the first of twelve months
        let month: f64 = (19.75 / 31.0) / 12.0 * std::f64::consts::TAU;
        assert!((of(DatePart::MonthSine) - month.sin()).abs() < 1e-12);
    }

    #[test]
    fn day_and_month_are_told_apart_by_any_day_above_twelve() {
        let infer = |texts: &[&str], day_first| {
            let cells: Vec<Distinct> = texts.iter().map(|text| Distinct { text, count: 1, line: 1 }).collect();
            infer(&cells, day_first, false).map(|found| found.order)
        };
        assert_eq!(infer(&["03/04/2024", "13/04/2024"], None), Ok(Some(DateOrder::DayFirst)));
        assert_eq!(infer(&["03/04/2024", "04/13/2024"], None), Ok(Some(DateOrder::MonthFirst)));
        assert_eq!(infer(&["2024-03-04", "2024-04-13"], None), Ok(None));
        assert_eq!(infer(&["03.04.2024"], None), Ok(None));
        assert_eq!(infer(&["03/04/2024"], None), Err(Ambiguous::DayOrMonth(0)));
        assert_eq!(infer(&["03/04/2024"], Some(false)), Ok(Some(DateOrder::MonthFirst)));
    }

    #[test]
    fn the_span_of_the_dates_chooses_the_parts() {
        let parts_of = |texts: &[&str]| {
            parts(&texts.iter().map(|text| parse(text, DateOrder::DayFirst, false).unwrap()).collect::<Vec<_>>())
        };
        use DatePart::{Days, HourCosine, HourSine, MonthCosine, MonthSine, WeekdayCosine, WeekdaySine};
        assert_eq!(parts_of(&["2024-01-01", "2024-01-03"]), [Days]);
        assert_eq!(parts_of(&["2024-01-01", "2024-01-08"]), [Days], "both are Mondays");
        assert_eq!(parts_of(&["2024-01-01", "2024-01-09"]), [Days, WeekdaySine, WeekdayCosine]);
        assert_eq!(parts_of(&["2022-01-01", "2022-07-02", "2022-12-31"]), [Days, MonthSine, MonthCosine]);
        assert_eq!(parts_of(&["2024-01-01 08:00", "2024-01-02 18:00"]), [Days, HourSine, HourCosine]);
    }
}
