//! A connection, and operations that outlive it.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
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
/// A server that has not answered a statement by then is taken for one that is away: an estimate, well above what deleting or taking
/// over runs of millions of points takes.
const LONGEST_STATEMENT: Duration = Duration::from_secs(300);
/// How long closing a connection waits for the server.
const FAREWELL: Duration = Duration::from_secs(2);

/// A connection that is reopened after it was lost.
pub(crate) struct Server {
    address: Address,
    connector: Connector,
    read_only: bool,
    session: RefCell<Session>,
    in_transaction: Cell<bool>,
    /// How long a change waits for a server that is away.
    patience: Cell<Duration>,
    /// How long a statement may take.
    pub(super) longest: Cell<Duration>,
}

/// A connection, in a thread of its own: the driver would wait for ever for a server that takes a statement and never answers.
struct Session {
    /// `None` once it is to end.
    requests: Option<Sender<Request>>,
    ended: Receiver<()>,
}

/// What the thread has.
struct Connection {
    client: Client,
    statements: HashMap<String, Statement>,
}

/// What it is to do.
type Request = Box<dyn FnOnce(&mut Connection) + Send>;

impl Drop for Session {
    /// The server is told, so that it keeps nothing open for this process; a thread of an asynchronous runtime does not wait.
    fn drop(&mut self) {
        self.requests = None;
        if tokio::runtime::Handle::try_current().is_err() {
            self.ended.recv_timeout(FAREWELL).ok();
        }
    }
}

impl Session {
    fn open(address: &Address, connector: &Connector, read_only: bool) -> Result<Self, Failure> {
        // A process that is suspended inside a transaction must not block all others for good.
        let (wait, idle) = (Duration::from_secs(BUSY_SECONDS), Duration::from_secs(2 * BUSY_SECONDS));
        let prepare = if read_only { "SET default_transaction_read_only = on" } else { "" };
        let client = connector.connect(wait, idle, prepare).map_err(|unconnected| match unconnected {
            Unconnected::Thread(error) => Failure::from(error),
            Unconnected::Silent(problem) => TrackingError::Unreachable { server: address.to_string(), problem }.into(),
            Unconnected::Server(error) => error.into(),
        })?;
        let (requests, to_do) = mpsc::channel::<Request>();
        let (end, ended) = mpsc::sync_channel(1);
        crate::threads::spawn(move || {
            let mut connection = Connection { client, statements: HashMap::new() };
            to_do.into_iter().for_each(|request| request(&mut connection));
            drop(connection);
            end.send(()).ok();
        })?;
        Ok(Self { requests: Some(requests), ended })
    }

    /// What the server answers; `None` if it does not within `longest`, or its thread is gone.
    fn ask<T: Send + 'static>(
        &self,
        longest: Duration,
        request: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Option<T> {
        let (send, answer) = mpsc::sync_channel(1);
        // Nobody waits any more where it took too long.
        let request = Box::new(move |connection: &mut Connection| _ = send.send(request(connection)));
        self.requests.as_ref()?.send(request).ok()?;
        answer.recv_timeout(longest).ok()
    }
}

impl Connection {
    fn with_statement<T>(
        &mut self,
        sql: &str,
        run: impl FnOnce(&mut Client, &Statement) -> Result<T, postgres::Error>,
    ) -> Result<T, postgres::Error> {
        if let Some(statement) = self.statements.get(sql) {
            return run(&mut self.client, statement);
        }
        let statement = self.client.prepare(&sql.replace('?', "$"))?;
        let result = run(&mut self.client, &statement);
        self.statements.insert(sql.to_owned(), statement);
        result
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
        let longest = Cell::new(LONGEST_STATEMENT);
        Ok(Self { address: address.clone(), connector, read_only, session, in_transaction, patience, longest })
    }

    /// How long the next changes wait for a server that is away.
    pub(crate) fn set_patience(&self, patience: Duration) {
        self.patience.set(patience);
    }

    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    pub(crate) fn query(&self, sql: &str, parameters: &[Param]) -> Result<Vec<postgres::Row>, Failure> {
        let query = || {
            self.with_statement(sql, parameters, |client, statement, parameters| client.query(statement, parameters))
        };
        if self.in_transaction.get() { query() } else { self.retry_if_lost(Duration::ZERO, query) }
    }

    pub(crate) fn execute(&self, sql: &str, parameters: &[Param]) -> Result<u64, Failure> {
        self.with_statement(sql, parameters, |client, statement, parameters| client.execute(statement, parameters))
    }

    pub(crate) fn batch(&self, sql: &str) -> Result<(), Failure> {
        let sql = sql.to_owned();
        self.ask(move |connection| connection.client.batch_execute(&sql))
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
        let columns: Vec<Column> = (0..N).map(|index| column(&rows, index)).collect();
        let inserted = self.ask(move |connection| {
            let columns: Vec<&(dyn ToSql + Sync)> = columns.iter().map(|column| &**column as _).collect();
            connection.with_statement(&sql, |client, statement| client.execute(statement, &columns))
        });
        match inserted {
            Ok(_) => Ok(Inserted::All),
            Err(Failure::Postgres(error)) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
                Ok(Inserted::Duplicate(duplicate(&error, &rows).unwrap_or(0)))
            }
            Err(error) => Err(error),
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
        let messages = self.ask(|connection| connection.client.simple_query(sql))?;
        let id = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        });
        Ok(id)
    }

    fn is_committed(&self, id: &str, deadline: Instant) -> Result<bool, Failure> {
        loop {
            let sql = format!("SELECT pg_xact_status('{id}'::xid8)");
            let status = self.ask(move |connection| connection.client.query_one(&sql, &[]))?;
            let status = status.try_get::<_, Option<String>>(0)?;
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
                Err(failure) if is_connection_lost(&failure) && !is_last => {}
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

    fn with_statement<T: Send + 'static>(
        &self,
        sql: &str,
        parameters: &[Param],
        run: impl FnOnce(&mut Client, &Statement, &[&(dyn ToSql + Sync)]) -> Result<T, postgres::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let sql = sql.to_owned();
        let parameters: Vec<Param<'static>> = parameters.iter().map(owned).collect();
        self.ask(move |connection| {
            let parameters = dynamic(&parameters);
            connection.with_statement(&sql, |client, statement| run(client, statement, &parameters))
        })
    }

    fn ask<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut Connection) -> Result<T, postgres::Error> + Send + 'static,
    ) -> Result<T, Failure> {
        let longest = self.longest.get();
        match self.session.borrow().ask(longest, request) {
            Some(answer) => Ok(answer?),
            None => {
                let problem = format!("it gave no answer to a statement within {} s", longest.as_secs());
                Err(TrackingError::Unreachable { server: self.address.to_string(), problem }.into())
            }
        }
    }
}

/// Whether an operation is to be tried again on a new connection.
fn is_connection_lost(failure: &Failure) -> bool {
    match failure {
        Failure::Postgres(error) => is_lost(error),
        Failure::Other(error) => matches!(error, TrackingError::Unreachable { .. }),
        Failure::Sqlite(_) => false,
    }
}

/// The same, with a text of its own.
fn owned(parameter: &Param) -> Param<'static> {
    match parameter {
        Param::Int(value) => Param::Int(*value),
        Param::Float(value) => Param::Float(*value),
        Param::Text(value) => Param::Text(value.as_ref().map(|text| Cow::Owned(text.to_string()))),
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

type Column = Box<dyn ToSql + Sync + Send>;

/// One column of rows as an array; all rows have the types of the first.
fn column<const N: usize>(rows: &[[Param; N]], index: usize) -> Column {
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
