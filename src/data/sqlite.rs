//! Reads what a query gives from an SQLite file.

use std::borrow::Cow;
use std::path::Path;

use rusqlite::limits::Limit;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags};

use super::DataConfig;
use super::cell_parser::CellParser;
use super::labels;
use super::origin::{Opened, Origin};
use super::table::{About, Cell, CellTexts, MAX_RECORD_BYTES, Reader, RowVisitor, Table, content};
use crate::invalid::Invalid;
use crate::sqlite_file;

/// The first bytes of a database.
pub(super) const MAGIC: &[u8] = b"SQLite format 3\0";

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
        return Err(origin.error("is an SQLite database inside something else: write it to a file of its own"));
    };
    let connection = connect(origin, path)?;
    let text = match &config.query {
        Some(query) => query.clone(),
        None => only_table(origin, &connection)?,
    };
    let statement = connection.prepare(&text).map_err(|error| refused(origin, &error))?;
    if !statement.readonly() || statement.column_count() == 0 {
        return Err(Invalid::at("data.query", "data.query must give rows and change nothing: write a SELECT"));
    }
    let names: Vec<String> = statement.column_names().map(|name| name.trim().to_owned()).collect();
    if let Some((_, name)) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        let message = format!("data.query gives two columns `{name}`: name one of them anew with AS");
        return Err(Invalid::at("data.query", message));
    }
    drop(statement);
    let unnamed = (0..names.len()).filter(|&i| names[i].is_empty()).collect();
    let cells = CellParser::new(&config.missing, false);
    let about = About { unnamed, ..About::default() };
    Ok(Table::new(origin, names.clone(), about, Box::new(Query { origin, path, text, names, cells })))
}

/// A connection that reads this file alone.
fn connect(origin: &Origin, path: &Path) -> Result<Connection, Invalid> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let beside = sqlite_file::check_beside(path).map_err(|error| origin.error(&format!("cannot be read: {error}")))?;
    beside.map_err(|unsound| origin.error(&format!("cannot be read: {unsound}")))?;
    let open = || -> rusqlite::Result<Connection> {
        let connection = Connection::open_with_flags(path, flags)?;
        // A config from somebody else may hold any query.
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, MAX_RECORD_BYTES as i32)?;
        Ok(connection)
    };
    open().map_err(|error| origin.error(&format!("cannot be read: {error}")))
}

/// A query for all rows of the only table.
fn only_table(origin: &Origin, connection: &Connection) -> Result<String, Invalid> {
    let names = || -> rusqlite::Result<Vec<String>> {
        let kinds =
            "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
        let mut statement = connection.prepare(kinds)?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    let names = names().map_err(|error| origin.error(&format!("cannot be read: {error}")))?;
    let quoted = |name: &str| format!("SELECT * FROM \"{}\"", name.replace('"', "\"\""));
    match &names[..] {
        [] => Err(origin.error("is a database without a table")),
        [only] => Ok(quoted(only)),
        [first, ..] => {
            let names = labels::list_columns(&names, 20);
            let query = quoted(first);
            Err(origin.error(&format!(
                "is a database of several tables, {names}: say which rows are meant, as by data.query = '{query}'"
            )))
        }
    }
}

fn refused(origin: &Origin, error: &rusqlite::Error) -> Invalid {
    // The message of the database, without the whole query after it.
    let message = match error {
        rusqlite::Error::SqlInputError { msg, .. } => msg.clone(),
        other => other.to_string(),
    };
    Invalid::at("data.query", format!("{}: {message}", origin.display))
}

impl Reader for Query<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        let connection = connect(self.origin, self.path)?;
        let mut statement = connection.prepare(&self.text).map_err(|error| refused(self.origin, &error))?;
        if statement.column_count() != self.names.len() {
            return Err(self.origin.error("changed while it was read: try again"));
        }
        let mut rows = statement.query([]).map_err(|error| refused(self.origin, &error))?;
        let (mut number, mut cells) = (0, Vec::with_capacity(columns.len()));
        while let Some(row) = rows.next().map_err(|error| refused(self.origin, &error))? {
            number += 1;
            let row = Values(row);
            cells.clear();
            for &column in columns {
                cells.push(match row.value(column) {
                    ValueRef::Null => Cell::Missing,
                    ValueRef::Integer(whole) => self.cells.read_number(whole as f64, || whole.to_string()),
                    ValueRef::Real(number) => self.cells.read_number(number, || number.to_string()),
                    ValueRef::Text(text) => self.cells.read(content(text)),
                    ValueRef::Blob(_) => {
                        let name = &self.names[column];
                        let message =
                            format!("column `{name}` holds bytes: leave it out of data.query, or add it to data.drop");
                        return Err(self.origin.error_at(number, &message));
                    }
                });
            }
            if visit(number, &cells, &row).is_break() {
                break;
            }
        }
        Ok(number as usize)
    }
}

/// The values of a row.
struct Values<'r>(&'r rusqlite::Row<'r>);

impl Values<'_> {
    fn value(&self, column: usize) -> ValueRef<'_> {
        self.0.get_ref(column).unwrap_or(ValueRef::Null)
    }
}

impl CellTexts for Values<'_> {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        match self.value(column) {
            ValueRef::Null => Cow::Borrowed(b""),
            ValueRef::Integer(whole) => Cow::Owned(whole.to_string().into_bytes()),
            ValueRef::Real(number) => Cow::Owned(number.to_string().into_bytes()),
            ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Cow::Borrowed(bytes),
        }
    }
}
