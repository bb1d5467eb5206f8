//! Reads what a query gives from an SQLite file.

use std::borrow::Cow;
use std::fmt::Display;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::DataConfig;
use super::cell_parser::CellParser;
use super::endless::Given;
use super::origin::{Opened, Origin};
use super::query::{self, LONGEST_ROW_SECONDS};
use super::table::{CellTexts, MAX_RECORD_BYTES, Reader, RowVisitor, Table};
use super::value::Value;
use crate::invalid::Invalid;
use crate::permissions::{is_public, note_closed};
use crate::sqlite_file::{self, Reading, Unlocked, Writers};

/// The first bytes of a database.
pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";

/// Bytes that a query may take to sort and group.
const MOST_MEMORY: u64 = 2 << 30;
/// Steps of SQLite's machine between two looks at the time.
const STEPS: i32 = 1_000_000;
const LONGEST_ROW: Duration = Duration::from_secs(LONGEST_ROW_SECONDS);

/// Ends a query that takes too long for a row.
struct Patience(Arc<Mutex<Instant>>);

impl Patience {
    fn with(connection: &mut Connection, longest: Duration) -> rusqlite::Result<Self> {
        let began = Arc::new(Mutex::new(Instant::now()));
        let last = Arc::clone(&began);
        let is_over = move || last.lock().map_or(true, |last| last.elapsed() > longest);
        connection.progress_handler(STEPS, Some(is_over))?;
        Ok(Self(began))
    }

    /// A row has come.
    fn begin_again(&self) {
        if let Ok(mut last) = self.0.lock() {
            *last = Instant::now();
        }
    }
}

/// Reads the rows of a query.
struct Query<'a> {
    origin: &'a Origin,
    path: &'a Path,
    text: String,
    names: Vec<String>,
    cells: CellParser,
}

/// The table that `data.query` gives, or the only one of the database.
///
/// # Errors
/// A file that cannot be opened; a query that fails, changes the database, or gives two columns of one name.
pub(super) fn open<'a>(
    origin: &'a Origin,
    opened: Opened,
    config: &DataConfig,
    _: Option<&str>,
) -> Result<Table<'a>, Invalid> {
    let Some(path) = origin.path().filter(|_| !opened.is_gzipped && opened.is_whole_file) else {
        return Err(origin.error("is an SQLite database, which is read from a file of its own only: write it to one, or give its table as CSV"));
    };
    let Connected { connection, .. } = connect(origin, path)?;
    let text = match &config.query {
        Some(query) => query.clone(),
        None => only_table(origin, &connection)?,
    };
    let statement = connection.prepare(&text).map_err(|error| refused(origin, &error))?;
    if !statement.readonly() {
        return Err(query::no_rows());
    }
    let (names, about) = query::columns(statement.column_names())?;
    drop(statement);
    let cells = CellParser::new(config);
    Ok(Table::new(origin, names.clone(), about, Box::new(Query { origin, path, text, names, cells })))
}

/// A connection that reads this file alone.
struct Connected {
    connection: Connection,
    unlocked: Option<Unlocked>,
}

impl Connected {
    /// Whether the rows that were read may be some of before a change and some of after it.
    fn is_changed(&self) -> bool {
        self.unlocked.as_ref().is_some_and(|unlocked| {
            let log = sqlite_file::beside(unlocked.path()).next();
            // What the next pass would read as well.
            let has_log = log.is_some_and(|(_, log)| log.metadata().is_ok_and(|log| log.len() > 0));
            has_log || unlocked.is_changed()
        })
    }
}

/// # Errors
/// A file that cannot be opened, or beside which stands what keeps it from being opened.
fn connect(origin: &Origin, path: &Path) -> Result<Connected, Invalid> {
    let refuse = |error: &dyn Display| origin.error(&format!("cannot be read: {error}"));
    // SQLite's files are beside the database itself, not beside a link to it.
    let given = path;
    let path = fs::canonicalize(given).map_err(|error| refuse(&error))?;
    let beside = sqlite_file::check_beside(&path, Writers::OfDatabase).map_err(|error| refuse(&error))?;
    beside.map_err(|unsound| refuse(&unsound))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let (name, flags, is_unlocked) = match sqlite_file::reading(&path) {
        Reading::AsUsual => (path.clone(), flags, false),
        Reading::Shared(uri) => (uri, flags | OpenFlags::SQLITE_OPEN_URI, false),
        Reading::Alone(uri) => (uri, flags | OpenFlags::SQLITE_OPEN_URI, true),
        Reading::Copied => {
            let what = "it has a log beside it (-wal), which can be read only where you may write: copy both to a folder of yours";
            return Err(refuse(&what));
        }
    };
    let unlocked = is_unlocked.then(|| Unlocked::new(&path)).transpose().map_err(|error| refuse(&error))?;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(name, flags)?;
        // A config from somebody else may hold any query, and a database from somebody else any view.
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_RECORD_BYTES as i32)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        // What is sorted stays in memory, so that no file grows until the disk is full.
        connection.execute_batch(&format!("PRAGMA temp_store = MEMORY; PRAGMA hard_heap_limit = {MOST_MEMORY};"))?;
        Ok(connection)
    };
    let connection = open().map_err(|error| refuse(&error))?;
    if !is_public(&path) {
        note_closed(given);
    }
    Ok(Connected { connection, unlocked })
}

/// A query for all rows of the only table.
fn only_table(origin: &Origin, connection: &Connection) -> Result<String, Invalid> {
    let names = || -> rusqlite::Result<Vec<String>> {
        let kinds = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        let mut statement = connection.prepare(kinds)?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    let names = names().map_err(|error| origin.error(&format!("cannot be read: {error}")))?;
    query::of_only_table(origin, &names)
}

fn refused(origin: &Origin, error: &rusqlite::Error) -> Invalid {
    // The message of the database, without the whole query after it.
    let message = match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        error if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            format!("it gave no row for {} s", LONGEST_ROW.as_secs())
        }
        error if error.sqlite_error_code() == Some(ErrorCode::OutOfMemory) => {
            format!("it takes more than {} GiB to sort or group the rows", MOST_MEMORY >> 30)
        }
        other => other.to_string(),
    };
    query::refused(origin, &message)
}

impl Reader for Query<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        let mut connected = connect(self.origin, self.path)?;
        let patience =
            Patience::with(&mut connected.connection, LONGEST_ROW).map_err(|error| refused(self.origin, &error))?;
        let mut statement = connected.connection.prepare(&self.text).map_err(|error| refused(self.origin, &error))?;
        let changed = || self.origin.error("changed while it was read: try again");
        if statement.column_count() != self.names.len() {
            return Err(changed());
        }
        let mut rows = statement.query([]).map_err(|error| refused(self.origin, &error))?;
        let (mut number, mut cells, mut given) = (0, Vec::with_capacity(columns.len()), Given::default());
        while let Some(row) = rows.next().map_err(|error| refused(self.origin, &error))? {
            number += 1;
            patience.begin_again();
            let row = Values(row);
            given.add(row.num_bytes(self.names.len())).map_err(|why| query::refused(self.origin, &why))?;
            cells.clear();
            for &column in columns {
                let value = row
                    .value(column)
                    .ok_or_else(|| self.origin.error_at(number, &query::unreadable(&self.names[column], "bytes")))?;
                cells.push(value.cell(&self.cells));
            }
            if visit(number, &cells, &row).is_break() {
                break;
            }
        }
        if connected.is_changed() { Err(changed()) } else { Ok(number as usize) }
    }
}

/// The values of a row.
struct Values<'r>(&'r rusqlite::Row<'r>);

impl Values<'_> {
    /// `None` for bytes.
    fn value(&self, column: usize) -> Option<Value<'_>> {
        Some(match self.0.get_ref(column).unwrap_or(ValueRef::Null) {
            ValueRef::Null => Value::Missing,
            ValueRef::Integer(whole) => Value::Whole(whole.into()),
            ValueRef::Real(number) => Value::Double(number),
            ValueRef::Text(text) => Value::Text(Cow::Borrowed(text)),
            ValueRef::Blob(_) => return None,
        })
    }

    /// Of all texts and blobs, those of columns that nobody wants included: the database has made them.
    fn num_bytes(&self, num_columns: usize) -> usize {
        let of = |column| match self.0.get_ref(column) {
            Ok(ValueRef::Text(bytes) | ValueRef::Blob(bytes)) => bytes.len(),
            _ => 0,
        };
        (0..num_columns).map(of).sum()
    }
}

impl CellTexts for Values<'_> {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        self.value(column).map_or(Cow::Borrowed(b""), Value::into_text)
    }

    fn is_number(&self, column: usize) -> bool {
        self.value(column).is_some_and(|value| value.is_number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_without_a_first_row_ends_and_a_long_one_with_rows_does_not() {
        let mut connection = Connection::open_in_memory().unwrap();
        let patience = Patience::with(&mut connection, Duration::from_millis(50)).unwrap();
        let endless = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c)";
        let count = connection.query_row(&format!("{endless} SELECT count(*) FROM c"), [], |row| row.get::<_, i64>(0));
        assert_eq!(count.unwrap_err().sqlite_error_code(), Some(ErrorCode::OperationInterrupted));
        patience.begin_again();
        let mut statement = connection.prepare(&format!("{endless} SELECT x FROM c")).unwrap();
        let mut rows = statement.query([]).unwrap();
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(200) {
            assert!(rows.next().unwrap().is_some());
            patience.begin_again();
        }
    }
}
