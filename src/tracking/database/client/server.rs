//! A connection, and operations that outlive it.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use postgres::error::SqlState;
use postgres::types::ToSql;
use postgres::{Client, SimpleQueryMessage, Statement};

use super::failure::server_error;
use crate::postgresql::{Address, Connector, Unconnected, is_lost, is_refused};
use crate::tracking::TrackingError;
use crate::tracking::database::access::{Access, Inserted};
use crate::tracking::database::failure::{BUSY_SECONDS, Failure, sqlite_error};
use crate::tracking::database::param::Param;

/// Between two attempts to reach a server that is away.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// A connection that is reopened after it was lost.
pub(crate) struct Server {
    address: Address,
    connector: Connector,
    read_only: bool,
    session: RefCell<Session>,
    in_transaction: Cell<bool>,
    /// How long a change waits for a server that is away.
    patience: Cell<Duration>,
}

struct Session {
    /// `None` once it is closed.
    client: Option<Client>,
    statements: HashMap<String, Statement>,
}

impl Drop for Session {
    /// The client waits for the server to close, which it cannot on a thread of an asynchronous runtime: it would panic where the
    /// dashboard ends.
    fn drop(&mut self) {
        let client = self.client.take();
        if tokio::runtime::Handle::try_current().is_ok() {
            crate::threads::spawn(move || drop(client)).ok();
        }
    }
}

impl Session {
    fn client(&mut self) -> &mut Client {
        self.client.as_mut().expect("it is closed at the end alone")
    }

    fn open(address: &Address, connector: &Connector, read_only: bool) -> Result<Self, Failure> {
        // A process that is suspended inside a transaction must not block all others for good.
        let (wait, idle) = (Duration::from_secs(BUSY_SECONDS), Duration::from_secs(2 * BUSY_SECONDS));
        let prepare = if read_only { "SET default_transaction_read_only = on" } else { "" };
        let client = connector.connect(wait, idle, prepare).map_err(|unconnected| match unconnected {
            Unconnected::Thread(error) => Failure::from(error),
            Unconnected::Silent(problem) => TrackingError::Unreachable { server: address.to_string(), problem }.into(),
            Unconnected::Server(error) => error.into(),
        })?;
        Ok(Self { client: Some(client), statements: HashMap::new() })
    }
}

impl Server {
    /// Connects to the server; `read_only` makes it refuse changes.
    ///
    /// # Errors
    /// [`TrackingError::Unreachable`], [`TrackingError::Refused`], authorities that cannot be read, or the server's own message.
    pub(crate) fn connect(address: &Address, read_only: bool) -> Result<Self, TrackingError> {
        let connector = Connector::new(address).map_err(|problem| TrackingError::InvalidServer { problem })?;
        let session = Session::open(address, &connector, read_only).map_err(|failure| match failure {
            Failure::Postgres(error) => server_error(Path::new(&address.to_string()), error),
            Failure::Sqlite(error) => sqlite_error(Path::new(&address.to_string()), error),
            Failure::Other(error) => error,
        })?;
        let session = RefCell::new(session);
        let (in_transaction, patience) = (Cell::new(false), Cell::new(Duration::from_secs(BUSY_SECONDS)));
        Ok(Self { address: address.clone(), connector, read_only, session, in_transaction, patience })
    }

    /// How long the next changes wait for a server that is away.
    pub(crate) fn set_patience(&self, patience: Duration) {
        self.patience.set(patience);
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn query(&self, sql: &str, parameters: &[Param]) -> Result<Vec<postgres::Row>, Failure> {
        let query = || Ok(self.with_statement(sql, |client, statement| client.query(statement, &dynamic(parameters)))?);
        if self.in_transaction.get() { query() } else { self.retry_if_lost(Duration::ZERO, query) }
    }

    pub(crate) fn execute(&self, sql: &str, parameters: &[Param]) -> Result<u64, Failure> {
        Ok(self.with_statement(sql, |client, statement| client.execute(statement, &dynamic(parameters)))?)
    }

    pub(crate) fn batch(&self, sql: &str) -> Result<(), Failure> {
        Ok(self.session.borrow_mut().client().batch_execute(sql)?)
    }

    pub(crate) fn insert_many<'a, const N: usize>(
        &self,
        table: &str,
        columns: [&str; N],
        ending: &str,
        rows: impl IntoIterator<Item = [Param<'a>; N]>,
    ) -> Result<Inserted, Failure> {
        let rows: Vec<[Param; N]> = rows.into_iter().collect();
        let Some(first) = rows.first() else { return Ok(Inserted::All) };
        let array = |(index, value): (usize, &Param)| format!("${}::{}[]", index + 1, type_name(value));
        let arrays: Vec<String> = first.iter().enumerate().map(array).collect();
        let (names, arrays) = (columns.join(", "), arrays.join(", "));
        let sql = format!("INSERT INTO {table} ({names}) SELECT * FROM unnest({arrays}) {ending}");
        let columns: Vec<Box<dyn ToSql + Sync>> = (0..N).map(|index| column(&rows, index)).collect();
        let columns: Vec<&(dyn ToSql + Sync)> = columns.iter().map(AsRef::as_ref).collect();
        match self.with_statement(&sql, |client, statement| client.execute(statement, &columns)) {
            Ok(_) => Ok(Inserted::All),
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                Ok(Inserted::Duplicate(duplicate(&error, &rows).unwrap_or(0)))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// As `Database::transaction`. After a COMMIT without an answer, the server is asked whether the transaction took
    /// place, so that nothing is recorded twice.
    pub(crate) fn transaction<T>(
        &self,
        access: Access,
        mut change: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let patience = match access {
            Access::Read => Duration::ZERO,
            Access::Write => self.patience.get(),
        };
        let undecided = RefCell::new(None::<(String, T)>);
        self.retry_if_lost(patience, || {
            if let Some((id, value)) = undecided.take() {
                match self.is_committed(&id, Instant::now() + patience) {
                    Ok(true) => return Ok(value),
                    Ok(false) => {}
                    Err(error) => {
                        undecided.replace(Some((id, value)));
                        return Err(error);
                    }
                }
            }
            let id = self.begin(access)?;
            self.in_transaction.set(true);
            let result = change();
            self.in_transaction.set(false);
            match result {
                Ok(value) => match self.batch("COMMIT") {
                    Ok(()) => Ok(value),
                    Err(error) => {
                        undecided.replace(id.map(|id| (id, value)));
                        Err(error)
                    }
                },
                Err(error) => {
                    // Fails only without a connection, and then the server rolls the transaction back by itself.
                    self.batch("ROLLBACK").ok();
                    Err(error)
                }
            }
        })
    }

    /// Begins a transaction; returns the id of one that writes.
    fn begin(&self, access: Access) -> Result<Option<String>, Failure> {
        let sql = match access {
            Access::Read => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Access::Write if self.read_only => "BEGIN",
            Access::Write => "BEGIN; SELECT pg_current_xact_id()::text",
        };
        let messages = self.session.borrow_mut().client().simple_query(sql)?;
        let id = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        Ok(id)
    }

    fn is_committed(&self, id: &str, deadline: Instant) -> Result<bool, Failure> {
        loop {
            let sql = format!("SELECT pg_xact_status('{id}'::xid8)");
            let status = self.session.borrow_mut().client().query_one(&sql, &[])?.try_get::<_, Option<String>>(0)?;
            match status.as_deref() {
                Some("in progress") if Instant::now() < deadline => thread::sleep(RETRY_PAUSE),
                Some("in progress") => {
                    let path = self.address.to_string().into();
                    return Err(TrackingError::Busy { path, seconds: BUSY_SECONDS }.into());
                }
                status => return Ok(status == Some("committed")),
            }
        }
    }

    /// Runs `operation`, and runs it again on a new connection whenever the connection was lost, at least once and for
    /// as long as `patience` lasts.
    fn retry_if_lost<T>(
        &self,
        patience: Duration,
        mut operation: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let deadline = Instant::now() + patience;
        let mut is_last = false;
        loop {
            match operation() {
                Err(Failure::Postgres(error)) if is_lost(&error) && !is_last => {}
                result => return result,
            }
            loop {
                is_last = Instant::now() >= deadline;
                match Session::open(&self.address, &self.connector, self.read_only) {
                    Ok(session) => {
                        self.session.replace(session);
                        break;
                    }
                    Err(error) if is_last => return Err(error),
                    Err(Failure::Postgres(error)) if is_refused(&error) => return Err(error.into()),
                    Err(_) => thread::sleep(RETRY_PAUSE),
                }
            }
        }
    }

    fn with_statement<T>(
        &self,
        sql: &str,
        run: impl FnOnce(&mut Client, &Statement) -> Result<T, postgres::Error>,
    ) -> Result<T, postgres::Error> {
        let mut session = self.session.borrow_mut();
        if let Some(statement) = session.statements.get(sql).cloned() {
            return run(session.client(), &statement);
        }
        let statement = session.client().prepare(&sql.replace('?', "$"))?;
        let result = run(session.client(), &statement);
        session.statements.insert(sql.to_owned(), statement);
        result
    }
}

fn dynamic<'a>(parameters: &'a [Param]) -> Vec<&'a (dyn ToSql + Sync)> {
    parameters
        .iter()
        .map(|value| match value {
            Param::Int(value) => value as &(dyn ToSql + Sync),
            Param::Float(value) => value,
            Param::Text(value) => value,
        })
        .collect()
}

fn type_name(value: &Param) -> &'static str {
    match value {
        Param::Int(_) => "bigint",
        Param::Float(_) => "double precision",
        Param::Text(_) => "text",
    }
}

/// One column of rows as an array; all rows have the types of the first.
fn column<const N: usize>(rows: &[[Param; N]], index: usize) -> Box<dyn ToSql + Sync> {
    let values = || rows.iter().map(|row| &row[index]);
    match rows[0][index] {
        Param::Int(_) => {
            Box::new(values().map(|value| if let Param::Int(v) = value { *v } else { None }).collect::<Vec<_>>())
        }
        Param::Float(_) => {
            Box::new(values().map(|value| if let Param::Float(v) = value { *v } else { None }).collect::<Vec<_>>())
        }
        Param::Text(_) => Box::new(
            values()
                .map(|value| if let Param::Text(Some(v)) = value { Some(v.clone().into_owned()) } else { None })
                .collect::<Vec<_>>(),
        ),
    }
}

/// The row that a violated key names: `Key (metric, epoch, step)=(1, 2, 20) already exists.`
fn duplicate<const N: usize>(error: &postgres::Error, rows: &[[Param; N]]) -> Option<usize> {
    let detail = error.as_db_error()?.detail()?;
    let (values, _) = detail.rsplit_once("=(")?.1.split_once(')')?;
    let key: Vec<&str> = values.split(", ").collect();
    let is_same = |row: &[Param; N]| {
        row.iter().zip(&key).all(|(value, text)| matches!(value, Param::Int(Some(value)) if value.to_string() == *text))
    };
    // Twice in one call: the second is the duplicate, as in SQLite.
    rows.iter().rposition(is_same)
}
