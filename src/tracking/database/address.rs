//! The address of a PostgreSQL server, parsed so that its password is never shown.

use std::env;
use std::fmt;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};

use super::failure::{BUSY_SECONDS, problem_of};
use crate::tracking::TrackingError;

/// A connection attempt that takes longer has failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a silent server is probed.
const KEEPALIVE: Duration = Duration::from_secs(10);

/// Server, database and credentials; `Display` and `Debug` leave the credentials out.
#[derive(Clone)]
pub(crate) struct Address {
    config: Config,
    /// `host:port/database`.
    name: String,
    /// The PostgreSQL schema of the tables; `None` for the user's default.
    pub(crate) schema: Option<String>,
}

impl Address {
    /// Reads a `postgres://` URL or libpq's `keyword=value` pairs. The option `search_path=NAME` names the schema.
    ///
    /// # Errors
    /// [`TrackingError::InvalidServer`] and [`TrackingError::NoTls`]; neither repeats the text, which may hold a
    /// password.
    pub(crate) fn parse(text: &str) -> Result<Self, TrackingError> {
        let (text, schema) = take_search_path(text);
        if text.contains("sslmode=verify") {
            return Err(TrackingError::NoTls);
        }
        let invalid = |problem: String| TrackingError::InvalidServer { problem };
        let mut config: Config = text.parse().map_err(|error: postgres::Error| {
            // The parser may quote a piece of an unquoted password in `keyword=value` pairs, never of a URL.
            let is_url = text.starts_with("postgres");
            invalid(if is_url { problem_of(&error) } else { "it has an unknown keyword or value".to_owned() })
        })?;
        if matches!(config.get_ssl_mode(), SslMode::Require) {
            return Err(TrackingError::NoTls);
        }
        let host = match config.get_hosts().first() {
            Some(Host::Tcp(host)) if host.contains('@') => {
                return Err(invalid("write an `@` in the user's name or password as %40".to_owned()));
            }
            Some(Host::Tcp(host)) => host.clone(),
            Some(Host::Unix(path)) => path.display().to_string(),
            None => return Err(invalid("it names no host".to_owned())),
        };
        if config.get_user().is_none() {
            config.user(&env::var("USER").unwrap_or_else(|_| "postgres".to_owned()));
        }
        if config.get_password().is_none()
            && let Ok(password) = env::var("PGPASSWORD")
        {
            config.password(password);
        }
        let mut options = config.get_options().map(|options| format!("{options} ")).unwrap_or_default();
        if let Some(schema) = &schema {
            let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
            if schema.is_empty() || !schema.bytes().all(is_name) {
                return Err(invalid("its search_path is not one name of a-z, 0-9, `_`".to_owned()));
            }
            options += &format!("-c search_path={schema} ");
        }
        // A process that is suspended inside a transaction must not block all others for good.
        let (wait, idle) = (BUSY_SECONDS * 1000, BUSY_SECONDS * 2000);
        options += &format!("-c lock_timeout={wait} -c idle_in_transaction_session_timeout={idle}");
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        // A host that vanished silently is noticed while waiting for an answer as fast as while sending.
        config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE).keepalives_retries(3);
        config.options(&options).application_name("burnlab").tcp_user_timeout(Duration::from_secs(BUSY_SECONDS));
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
        let name = format!("{host}:{port}/{database}");
        Ok(Self { config, name, schema })
    }

    /// Opens a connection.
    pub(super) fn connect(&self) -> Result<Client, postgres::Error> {
        self.config.connect(NoTls)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.name)
    }
}

/// `text` without the option `search_path`, and its value.
fn take_search_path(text: &str) -> (String, Option<String>) {
    let Some(start) = text.rfind("search_path=").filter(|start| text[..*start].ends_with(['?', '&', ' '])) else {
        return (text.to_owned(), None);
    };
    let value = &text[start + "search_path=".len()..];
    let end = value.find(['&', ' ']).unwrap_or(value.len());
    let rest = value[end..].trim_start_matches(['&', ' ']);
    let text = format!("{}{rest}", &text[..start]);
    (text.trim_end_matches(['?', '&', ' ']).to_owned(), Some(value[..end].to_owned()))
}
