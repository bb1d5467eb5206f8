//! Batches of Arrow arrays as the rows of a table, with the feature `parquet`: what Parquet files and Arrow's own become.

use std::borrow::Cow;
use std::ops::ControlFlow;

use arrow_array::cast::AsArray;
use arrow_array::types::*;
use arrow_array::{Array, LargeStringArray, RecordBatch, StringArray, StringViewArray};
use arrow_buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow_schema::{DataType, SchemaRef, TimeUnit};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp};

use super::DataConfig;
use super::cell_parser::CellParser;
use super::guarded::guarded;
use super::origin::Origin;
use super::table::{About, CellTexts, MAX_RECORD_BYTES, RowVisitor, is_invisible};
use super::value::Value;
use crate::invalid::Invalid;

/// Columns of a table. Each costs some memory for every batch.
const MAX_COLUMNS: usize = 1 << 16;
/// Rows of a table: more than any memory holds.
const MAX_ROWS: u64 = u32::MAX as u64;

/// The columns of a file.
pub(super) struct Columns {
    pub(super) names: Vec<String>,
    types: Vec<DataType>,
    cells: CellParser,
}

/// The columns to read of a file, in its order, each once.
pub(super) struct Wanted {
    pub(super) projection: Vec<usize>,
}

impl Columns {
    /// # Errors
    /// Two columns of one name; none, or more than 65536.
    pub(super) fn new(origin: &Origin, schema: &SchemaRef, config: &DataConfig) -> Result<(Self, About), Invalid> {
        let (mut about, mut names) = (About::default(), Vec::<String>::new());
        let mut seen = std::collections::HashSet::new();
        for (place, field) in schema.fields().iter().enumerate() {
            let name = field.name().trim_matches(is_invisible).to_owned();
            let is_index = name.strip_prefix("__index_level_").is_some_and(|rest| rest.ends_with("__"));
            if name.is_empty() {
                about.notes.push(format!("dropped column {}, which has no name", place + 1));
            } else if is_index {
                about.notes.push(format!("dropped `{name}`, an index of pandas"));
            } else if !seen.insert(name.clone()) {
                return Err(origin.error(&format!("has two columns `{name}`: rename one")));
            }
            if name.is_empty() || is_index {
                about.unnamed.push(place);
            }
            names.push(name);
        }
        match names.len() {
            0 => Err(origin.error("has no columns")),
            1..=MAX_COLUMNS => {
                let types = schema.fields().iter().map(|field| field.data_type().clone()).collect();
                Ok((Self { names, types, cells: CellParser::new(config) }, about))
            }
            count => Err(origin.error(&format!("has {count} columns, and at most {MAX_COLUMNS} are read"))),
        }
    }

    /// What must be read for `columns`.
    ///
    /// # Errors
    /// A column whose cells are neither numbers, texts nor times.
    pub(super) fn wanted(&self, origin: &Origin, columns: &[usize]) -> Result<Wanted, Invalid> {
        let mut projection = columns.to_vec();
        projection.sort_unstable();
        projection.dedup();
        match projection.iter().find_map(|&column| Some((column, unreadable(&self.types[column])?))) {
            Some((column, what)) => {
                let name = &self.names[column];
                Err(origin.error(&format!("has a column `{name}` of {what}: leave it out with data.drop")))
            }
            None => Ok(Wanted { projection }),
        }
    }

    /// Calls `visit` with the rows of a batch of the columns that are wanted, after `num_before` rows.
    ///
    /// # Errors
    /// A batch that is not of these columns; a time beyond the calendar.
    pub(super) fn visit(
        &self,
        origin: &Origin,
        batch: &RecordBatch,
        (wanted, columns): (&Wanted, &[usize]),
        num_before: u64,
        visit: &mut RowVisitor,
    ) -> Result<ControlFlow<()>, Invalid> {
        let mut arrays: Vec<Option<Column>> = self.names.iter().map(|_| None).collect();
        if batch.num_columns() != wanted.projection.len() {
            return Err(origin.error("cannot be read: it lacks a column"));
        }
        if num_before + batch.num_rows() as u64 > MAX_ROWS {
            return Err(origin.error(&format!("has more than {MAX_ROWS} rows")));
        }
        for (&place, array) in wanted.projection.iter().zip(batch.columns()) {
            // Arrays are checked where they are read; this is the second line.
            let column = guarded(|| Column::new(array.as_ref())).unwrap_or_else(|| Err("is damaged".to_owned()));
            let name = &self.names[place];
            arrays[place] = Some(column.map_err(|why| {
                let rows = format!("rows {} to {}", num_before + 1, num_before + batch.num_rows() as u64);
                origin.error(&format!("cannot be read: column `{name}` {why}, in one of the {rows}"))
            })?);
        }
        let (mut row, mut cells) = (BatchRow { arrays, row: 0 }, Vec::with_capacity(columns.len()));
        for i in 0..batch.num_rows() {
            row.row = i;
            cells.clear();
            cells.extend(columns.iter().map(|&column| row.value(column).cell(&self.cells)));
            if visit(num_before + i as u64 + 1, &cells, &row).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// A row of a batch.
struct BatchRow {
    /// By the place in the table; `None` where it is not read.
    arrays: Vec<Option<Column>>,
    row: usize,
}

impl BatchRow {
    fn value(&self, column: usize) -> Value<'_> {
        self.arrays[column].as_ref().map_or(Value::Missing, |array| array.value(self.row))
    }
}

impl CellTexts for BatchRow {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        self.value(column).into_text()
    }

    fn is_number(&self, column: usize) -> bool {
        self.value(column).is_number()
    }
}

/// What the cells of a type are that are neither numbers, texts nor times.
fn unreadable(data_type: &DataType) -> Option<&'static str> {
    use DataType::*;
    match data_type {
        Null | Boolean | Int8 | Int16 | Int32 | Int64 | UInt8 | UInt16 | UInt32 | UInt64 => None,
        Float16 | Float32 | Float64 | Decimal32(..) | Decimal64(..) | Decimal128(..) | Decimal256(..) => None,
        Utf8 | LargeUtf8 | Utf8View | Date32 | Date64 | Time32(_) | Time64(_) => None,
        Timestamp(_, None) => None,
        Timestamp(_, Some(zone)) => time_zone(zone).is_none().then_some("times of a zone that is not known"),
        Dictionary(_, values) => unreadable(values),
        Binary | LargeBinary | BinaryView | FixedSizeBinary(_) => Some("bytes"),
        Duration(_) | Interval(_) => Some("durations (write them as numbers)"),
        List(_) | LargeList(_) | ListView(_) | LargeListView(_) | FixedSizeList(..) => Some("lists"),
        Struct(_) | Map(..) | Union(..) => Some("structures"),
        RunEndEncoded(..) => Some("runs"),
    }
}

/// An array as values.
struct Column {
    nulls: Option<NullBuffer>,
    values: Values,
}

enum Values {
    Nothing,
    Bools(BooleanBuffer),
    Signed(Vec<i64>),
    Unsigned(Vec<u64>),
    Doubles(ScalarBuffer<f64>),
    Singles(ScalarBuffer<f32>),
    Texts(StringArray),
    LargeTexts(LargeStringArray),
    Views(StringViewArray),
    /// Texts that were made of what is in the array.
    Made(Vec<String>),
    /// The same of numbers.
    Decimals(Vec<String>),
    /// The place of each among the entries of a dictionary.
    Entries {
        places: Vec<usize>,
        entries: Box<Column>,
        count: usize,
    },
}

impl Values {
    /// Bytes of the longest text.
    fn longest(&self) -> usize {
        match self {
            Self::Texts(texts) => texts.offsets().lengths().max().unwrap_or(0),
            Self::LargeTexts(texts) => texts.offsets().lengths().max().unwrap_or(0),
            Self::Views(texts) => texts.lengths().max().unwrap_or(0) as usize,
            _ => 0,
        }
    }
}

impl Column {
    /// # Errors
    /// A cell of more than 16 MiB; a time beyond the calendar, in words that follow the column's name.
    fn new(array: &dyn Array) -> Result<Self, String> {
        fn signed<T: ArrowPrimitiveType>(array: &dyn Array) -> Values
        where
            T::Native: Into<i64>,
        {
            Values::Signed(array.as_primitive::<T>().values().iter().map(|&number| number.into()).collect())
        }
        fn unsigned<T: ArrowPrimitiveType>(array: &dyn Array) -> Values
        where
            T::Native: Into<u64>,
        {
            Values::Unsigned(array.as_primitive::<T>().values().iter().map(|&number| number.into()).collect())
        }
        /// The texts of the cells that are not null; others may hold anything.
        fn made<T: ArrowPrimitiveType>(
            array: &dyn Array,
            of: impl Fn(T::Native) -> Option<String>,
        ) -> Result<Values, String> {
            let array = array.as_primitive::<T>();
            let texts = array.iter().map(|cell| cell.map_or(Some(String::new()), &of));
            let texts: Option<Vec<String>> = texts.collect();
            texts.map(Values::Made).ok_or_else(|| "has a time beyond the calendar (the year 9999)".to_owned())
        }
        /// A cell that is null may hold any of them.
        fn decimals<T: ArrowPrimitiveType>(array: &dyn Array, scale: i8) -> Values
        where
            T::Native: std::fmt::Display,
        {
            let numbers = array.as_primitive::<T>().values().iter();
            Values::Decimals(numbers.map(|number| decimal(&number.to_string(), scale)).collect())
        }
        fn entries<K: ArrowDictionaryKeyType>(array: &dyn Array) -> Result<Values, String>
        where
            K::Native: TryInto<usize>,
        {
            let array = array.as_dictionary::<K>();
            let places = array.keys().values().iter().map(|&key| key.try_into().unwrap_or(usize::MAX));
            let entries = Box::new(Column::new(array.values().as_ref())?);
            Ok(Values::Entries { places: places.collect(), entries, count: array.values().len() })
        }
        use DataType::*;
        let values = match array.data_type() {
            Boolean => Values::Bools(array.as_boolean().values().clone()),
            Int8 => signed::<Int8Type>(array),
            Int16 => signed::<Int16Type>(array),
            Int32 => signed::<Int32Type>(array),
            Int64 => signed::<Int64Type>(array),
            UInt8 => unsigned::<UInt8Type>(array),
            UInt16 => unsigned::<UInt16Type>(array),
            UInt32 => unsigned::<UInt32Type>(array),
            UInt64 => unsigned::<UInt64Type>(array),
            Float16 => {
                let halves = array.as_primitive::<Float16Type>().values();
                Values::Doubles(halves.iter().map(|half| written(half.to_f32())).collect())
            }
            Float32 => Values::Singles(array.as_primitive::<Float32Type>().values().clone()),
            Float64 => Values::Doubles(array.as_primitive::<Float64Type>().values().clone()),
            Decimal32(_, scale) => decimals::<Decimal32Type>(array, *scale),
            Decimal64(_, scale) => decimals::<Decimal64Type>(array, *scale),
            Decimal128(_, scale) => decimals::<Decimal128Type>(array, *scale),
            Decimal256(_, scale) => decimals::<Decimal256Type>(array, *scale),
            Utf8 => Values::Texts(array.as_string::<i32>().clone()),
            LargeUtf8 => Values::LargeTexts(array.as_string::<i64>().clone()),
            Utf8View => Values::Views(array.as_string_view().clone()),
            Date32 => made::<Date32Type>(array, |days| Some(date(days.into())?.to_string()))?,
            Date64 => made::<Date64Type>(array, |moment| Some(date(moment.div_euclid(86_400_000))?.to_string()))?,
            Time32(TimeUnit::Second) => made::<Time32SecondType>(array, |time| clock(time.into(), 1))?,
            Time32(_) => made::<Time32MillisecondType>(array, |time| clock(time.into(), 1000))?,
            Time64(TimeUnit::Microsecond) => made::<Time64MicrosecondType>(array, |time| clock(time, 1_000_000))?,
            Time64(_) => made::<Time64NanosecondType>(array, |time| clock(time, 1_000_000_000))?,
            Timestamp(unit, zone) => {
                let zone = zone.as_deref().and_then(time_zone);
                let zone = zone.as_ref();
                match unit {
                    TimeUnit::Second => made::<TimestampSecondType>(array, |time| moment(time, 1, zone))?,
                    TimeUnit::Millisecond => made::<TimestampMillisecondType>(array, |time| moment(time, 1000, zone))?,
                    TimeUnit::Microsecond => {
                        made::<TimestampMicrosecondType>(array, |time| moment(time, 1_000_000, zone))?
                    }
                    TimeUnit::Nanosecond => {
                        made::<TimestampNanosecondType>(array, |time| moment(time, 1_000_000_000, zone))?
                    }
                }
            }
            Dictionary(keys, _) => match keys.as_ref() {
                Int8 => entries::<Int8Type>(array)?,
                Int16 => entries::<Int16Type>(array)?,
                Int32 => entries::<Int32Type>(array)?,
                Int64 => entries::<Int64Type>(array)?,
                UInt8 => entries::<UInt8Type>(array)?,
                UInt16 => entries::<UInt16Type>(array)?,
                UInt32 => entries::<UInt32Type>(array)?,
                UInt64 => entries::<UInt64Type>(array)?,
                _ => return Err("has a dictionary without whole numbers".to_owned()),
            },
            _ => Values::Nothing,
        };
        match values.longest() {
            0..=MAX_RECORD_BYTES => Ok(Self { nulls: array.nulls().cloned(), values }),
            _ => Err("has a cell of more than 16 MiB".to_owned()),
        }
    }

    #[inline]
    fn value(&self, row: usize) -> Value<'_> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return Value::Missing;
        }
        match &self.values {
            Values::Nothing => Value::Missing,
            Values::Bools(truths) => Value::Bool(truths.value(row)),
            Values::Signed(numbers) => Value::Whole(numbers[row].into()),
            Values::Unsigned(numbers) => Value::Whole(numbers[row].into()),
            Values::Doubles(numbers) => Value::Double(numbers[row]),
            Values::Singles(numbers) => Value::Single(numbers[row]),
            Values::Texts(texts) => Value::Text(Cow::Borrowed(texts.value(row).as_bytes())),
            Values::LargeTexts(texts) => Value::Text(Cow::Borrowed(texts.value(row).as_bytes())),
            Values::Views(texts) => Value::Text(Cow::Borrowed(texts.value(row).as_bytes())),
            Values::Made(texts) => Value::Text(Cow::Borrowed(texts[row].as_bytes())),
            Values::Decimals(numbers) => Value::Decimal(&numbers[row]),
            Values::Entries { places, entries, count } => match places[row] {
                place if place < *count => entries.value(place),
                _ => Value::Missing,
            },
        }
    }
}

/// The decimal number in the fewest digits that become this number of 16 bits, which is how NumPy and pandas write it.
fn written(half: f32) -> f64 {
    type Half = <Float16Type as ArrowPrimitiveType>::Native;
    // Five digits tell all of them apart.
    let short = (0..5).filter_map(|digits| format!("{half:.digits$e}").parse::<f64>().ok());
    short.into_iter().find(|decimal| Half::from_f64(*decimal).to_f32() == half).unwrap_or(half.into())
}

/// A whole number with a point before its last `scale` digits.
fn decimal(number: &str, scale: i8) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    match usize::try_from(scale) {
        Ok(0) => number.to_owned(),
        Ok(scale) => {
            let padded = format!("{digits:0>width$}", width = scale + 1);
            let (whole, fraction) = padded.split_at(padded.len() - scale);
            format!("{sign}{whole}.{fraction}")
        }
        Err(_) if digits == "0" => digits.to_owned(),
        Err(_) => format!("{number}{}", "0".repeat(usize::from(scale.unsigned_abs()))),
    }
}

fn date(days: i64) -> Option<Date> {
    let date = Date::constant(1970, 1, 1).checked_add(Span::new().try_days(days).ok()?).ok()?;
    (date.year() >= 0).then_some(date)
}

/// A time of day in so many parts of a second.
fn clock(time: i64, a_second: i64) -> Option<String> {
    let (seconds, fraction) = (time.div_euclid(a_second), time.rem_euclid(a_second));
    let (hours, seconds) = (i8::try_from(seconds / 3600).ok()?, seconds % 3600);
    let time =
        Time::new(hours, (seconds / 60) as i8, (seconds % 60) as i8, (fraction * (1_000_000_000 / a_second)) as i32);
    time.ok().map(|time| shown(&time))
}

/// As pandas writes it: the fraction in 6 digits, or 9 where it needs them.
fn shown(time: &Time) -> String {
    let seconds = format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second());
    match time.subsec_nanosecond() {
        0 => seconds,
        nanoseconds if nanoseconds % 1000 == 0 => format!("{seconds}.{:06}", nanoseconds / 1000),
        nanoseconds => format!("{seconds}.{nanoseconds:09}"),
    }
}

/// A moment in so many parts of a second since 1970: the date alone at midnight, unless a zone has its offset after the time.
fn moment(time: i64, a_second: i64, zone: Option<&TimeZone>) -> Option<String> {
    let nanoseconds = time.rem_euclid(a_second) * (1_000_000_000 / a_second);
    let moment = Timestamp::new(time.div_euclid(a_second), nanoseconds as i32).ok()?;
    let offset = zone.map(|zone| zone.to_offset(moment));
    let local: DateTime = offset.unwrap_or(Offset::UTC).to_datetime(moment);
    if local.year() < 0 {
        return None;
    }
    Some(match offset {
        None if local.time() == Time::midnight() => local.date().to_string(),
        None => format!("{} {}", local.date(), shown(&local.time())),
        Some(offset) => {
            let (sign, seconds) = (if offset.seconds() < 0 { '-' } else { '+' }, offset.seconds().unsigned_abs());
            let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
            format!("{} {}{sign}{hours:02}:{minutes:02}", local.date(), shown(&local.time()))
        }
    })
}

/// By its name in the IANA database, or as `+02:00`.
fn time_zone(name: &str) -> Option<TimeZone> {
    let hours = |text: &str| -> Option<i32> {
        let (hours, minutes) = text.split_at_checked(2)?;
        let minutes = minutes.strip_prefix(':').unwrap_or(minutes);
        let is_valid =
            [hours, minutes].iter().all(|part| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit()));
        is_valid.then(|| Some(hours.parse::<i32>().ok()? * 3600 + minutes.parse::<i32>().ok()? * 60)).flatten()
    };
    let seconds = match name.split_at_checked(1)? {
        ("+", rest) => hours(rest)?,
        ("-", rest) => -hours(rest)?,
        _ => return TimeZone::get(name).ok(),
    };
    Offset::from_seconds(seconds).ok().map(TimeZone::fixed)
}
