//! Reads what a query gives from a PostgreSQL server, with the feature `postgres`: some rows at a time, through a cursor in a
//! transaction that may read alone, so that every pass sees the same rows in the same order.

use std::borrow::Cow;
use std::cell::RefCell;
use std::time::{Duration, Instant};

use postgres::types::{Kind, Type};
use postgres::{SimpleQueryMessage, SimpleQueryRow};

use super::DataConfig;
use super::cell_parser::CellParser;
use super::endless::Given;
use super::origin::Origin;
use super::query::{self, LONGEST_ROW_SECONDS};
use super::table::{CellTexts, Reader, RowVisitor, Table};
use super::value::Value;
use crate::invalid::Invalid;
use crate::postgresql::{Address, Client, Connector, Unconnected, problem_of};

/// How long the server waits for the locks of others, and for what is done with the rows.
const WAIT: Duration = Duration::from_secs(30);
const IDLE: Duration = Duration::from_secs(3600);
/// Rows that are fetched at a time, fewer where they come slowly.
const MOST_ROWS: usize = 4096;

/// What makes cells be written as in a CSV file, and rows come in the same order each time, where nothing else sorts them. The
/// server's limit on a statement is one on what is fetched at a time.
const PREPARE: &str = "SET datestyle = 'ISO, YMD'; SET timezone = 'UTC'; SET extra_float_digits = 1; SET statement_timeout = '60s'; \
                       SET synchronize_seqscans = off; SET max_parallel_workers_per_gather = 0; SET cursor_tuple_fraction = 1; \
                       BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
const CLOSE: &str = "CLOSE burnlab_rows";

/// Reads the rows of a query.
struct Query<'a> {
    origin: &'a Origin,
    client: RefCell<Client>,
    text: String,
    names: Vec<String>,
    types: Vec<Type>,
    cells: CellParser,
}

/// The table that `data.query` gives, or the only one that is seen without naming a schema.
///
/// # Errors
/// A server that cannot be reached; a query that fails, changes something, or gives two columns of one name.
pub(super) fn open<'a>(origin: &'a Origin, address: &Address, config: &DataConfig) -> Result<Table<'a>, Invalid> {
    let mut client = connect(origin, address)?;
    let refuse = |error: &postgres::Error| refused(origin, error);
    let text = match &config.query {
        Some(query) => query.clone(),
        None => {
            let tables = "SELECT table_name::text FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND \
                          table_schema = ANY(current_schemas(false)) ORDER BY 1";
            let rows = client.query(tables, &[]).map_err(|error| refuse(&error))?;
            let names: Result<Vec<String>, _> = rows.iter().map(|row| row.try_get(0)).collect();
            query::of_only_table(origin, &names.map_err(|error| refuse(&error))?)?
        }
    };
    // One statement alone can be prepared: what follows a semicolon is never done.
    let statement = client.prepare(&text).map_err(|error| refuse(&error))?;
    let (names, about) = query::columns(statement.columns().iter().map(|column| column.name()))?;
    let types = statement.columns().iter().map(|column| column.type_().clone()).collect();
    // And rows alone have a cursor.
    client.execute(&declare(&text), &[]).map_err(|_| query::no_rows())?;
    client.batch_execute(CLOSE).map_err(|error| refuse(&error))?;
    let cells = CellParser::new(config);
    let reader = Query { origin, client: RefCell::new(client), text, names: names.clone(), types, cells };
    Ok(Table::new(origin, names, about, Box::new(reader)))
}

fn connect(origin: &Origin, address: &Address) -> Result<Client, Invalid> {
    let unreachable = |why: &str| origin.error(&format!("cannot be read: {why}"));
    let connector = Connector::new(address).map_err(|why| unreachable(&why))?;
    connector.connect(WAIT, IDLE, PREPARE).map_err(|unconnected| match unconnected {
        Unconnected::Thread(error) => unreachable(&error.to_string()),
        Unconnected::Silent(why) => unreachable(&why),
        Unconnected::Server(error) => {
            let hint = match crate::postgresql::is_refused(&error) {
                true => "; check user and database in the address, and the password in PGPASSWORD",
                false => "",
            };
            unreachable(&format!("{}{hint}", problem_of(&error)))
        }
    })
}

fn declare(text: &str) -> String {
    format!("DECLARE burnlab_rows NO SCROLL CURSOR FOR {text}")
}

fn refused(origin: &Origin, error: &postgres::Error) -> Invalid {
    match error.code().map(|code| code.code()) {
        Some("57014") => query::refused(origin, &format!("it gave no row for {LONGEST_ROW_SECONDS} s")),
        _ => query::refused(origin, &problem_of(error)),
    }
}

impl Reader for Query<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        if let Some((name, what)) =
            columns.iter().find_map(|&column| Some((&self.names[column], unreadable(&self.types[column])?)))
        {
            return Err(self.origin.error(&query::unreadable(name, what)));
        }
        let mut client = self.client.try_borrow_mut().map_err(|_| self.origin.error("is read twice at once"))?;
        let refuse = |error: postgres::Error| refused(self.origin, &error);
        client.execute(&declare(&self.text), &[]).map_err(refuse)?;
        let (mut number, mut cells, mut count) = (0, Vec::with_capacity(columns.len()), 1);
        let mut given = Given::default();
        'rows: loop {
            let began = Instant::now();
            let messages = client.simple_query(&format!("FETCH FORWARD {count} FROM burnlab_rows")).map_err(refuse)?;
            let rows = messages.iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(Row { row, types: &self.types }),
                _ => None,
            });
            let before = number;
            for row in rows {
                number += 1;
                given.add(row.num_bytes()).map_err(|why| query::refused(self.origin, &why))?;
                cells.clear();
                cells.extend(columns.iter().map(|&column| row.value(column).cell(&self.cells)));
                if visit(number, &cells, &row).is_break() {
                    break 'rows;
                }
            }
            if number == before {
                break;
            }
            // Each of them may take as long as the server's limit is for all.
            count = match began.elapsed().as_secs() {
                0 => (2 * count).min(MOST_ROWS),
                1..=4 => count,
                _ => (count / 2).max(1),
            };
        }
        client.batch_execute(CLOSE).map_err(refuse)?;
        Ok(number as usize)
    }
}

/// What the cells of a type are that are neither numbers, texts nor times.
fn unreadable(kind: &Type) -> Option<&'static str> {
    match kind.kind() {
        Kind::Array(_) => return Some("lists"),
        Kind::Composite(_) | Kind::Range(_) | Kind::Multirange(_) => return Some("structures"),
        Kind::Domain(inner) => return unreadable(inner),
        _ => {}
    }
    match *kind {
        Type::BYTEA => Some("bytes"),
        Type::JSON | Type::JSONB | Type::XML => Some("structures"),
        Type::INTERVAL => Some("durations"),
        _ => None,
    }
}

fn is_number(kind: &Type) -> bool {
    match kind.kind() {
        Kind::Domain(inner) => is_number(inner),
        _ => matches!(
            *kind,
            Type::INT2 | Type::INT4 | Type::INT8 | Type::OID | Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC
        ),
    }
}

/// A row as the server writes it.
struct Row<'r> {
    row: &'r SimpleQueryRow,
    types: &'r [Type],
}

impl Row<'_> {
    fn num_bytes(&self) -> usize {
        (0..self.row.len()).filter_map(|column| self.row.get(column)).map(str::len).sum()
    }

    fn value(&self, column: usize) -> Value<'_> {
        let Some(text) = self.row.get(column) else { return Value::Missing };
        match self.types[column] {
            Type::BOOL => Value::Bool(text == "t"),
            Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC if text == "NaN" => Value::Missing,
            _ if is_number(&self.types[column]) => Value::Decimal(text),
            _ => Value::Text(Cow::Borrowed(text.as_bytes())),
        }
    }
}

impl CellTexts for Row<'_> {
    fn bytes(&self, column: usize) -> Cow<'_, [u8]> {
        self.value(column).into_text()
    }

    fn is_number(&self, column: usize) -> bool {
        self.value(column).is_number()
    }
}
