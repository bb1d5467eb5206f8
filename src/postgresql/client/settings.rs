//! What an address says, as the driver reads it.

use std::env;
use std::time::Duration;

use postgres::config::{Host, SslMode};
use postgres::{Client, Config, NoTls};

use super::encryption::Tls;
use super::failure::problem_of;

/// A connection attempt that takes longer has failed.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a silent server is probed.
const KEEPALIVE: Duration = Duration::from_secs(10);
/// How long what was sent may be unacknowledged.
const TCP_TIMEOUT: Duration = Duration::from_secs(30);

/// Server, database and credentials.
#[derive(Clone)]
pub(crate) struct Settings(Config);

impl Settings {
    /// Reads a `postgres://` URL or libpq's `keyword=value` pairs.
    ///
    /// # Errors
    /// What is wrong. For pairs, that may quote a piece of an unquoted password.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        text.parse().map(Self).map_err(|error| problem_of(&error))
    }

    /// The first host: a name, an IP address, or the absolute path of a socket's folder.
    pub(crate) fn host(&self) -> Option<String> {
        self.0.get_hosts().first().map(|host| match host {
            Host::Tcp(host) => host.clone(),
            Host::Unix(path) => path.display().to_string(),
        })
    }

    /// The port of the first host.
    pub(crate) fn port(&self) -> u16 {
        self.0.get_ports().first().copied().unwrap_or(5432)
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.0.get_user()
    }

    pub(crate) fn set_user(&mut self, user: &str) {
        self.0.user(user);
    }

    pub(crate) fn database(&self) -> Option<&str> {
        self.0.get_dbname()
    }

    fn connect_timeout(&self) -> Duration {
        self.0.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT)
    }

    /// How long it may take to connect, to whichever of the hosts.
    pub(super) fn patience(&self) -> Duration {
        let hosts = self.0.get_hosts().len().max(self.0.get_hostaddrs().len()).clamp(1, 100);
        self.connect_timeout().saturating_mul(u32::try_from(hosts).unwrap_or(1))
    }

    /// Opens a connection that finds tables in `schema` first, encrypted if there is an `encryption`. It waits `wait` for the
    /// locks of others, and ends when it is `idle` for so long inside a transaction.
    pub(super) fn connect(
        &self,
        schema: Option<&str>,
        encryption: Option<&Tls>,
        wait: Duration,
        idle: Duration,
    ) -> Result<Client, postgres::Error> {
        let mut config = self.0.clone();
        if config.get_password().is_none()
            && let Ok(password) = env::var("PGPASSWORD")
        {
            config.password(password);
        }
        let mut options = config.get_options().map(|options| format!("{options} ")).unwrap_or_default();
        if let Some(schema) = schema {
            options += &format!("-c search_path={schema} ");
        }
        // A process that is suspended inside a transaction must not block all others for good.
        let (lock, idle) = (wait.as_millis(), idle.as_millis());
        options += &format!("-c lock_timeout={lock} -c idle_in_transaction_session_timeout={idle}");
        config.connect_timeout(self.connect_timeout());
        // A host that vanished silently is noticed while waiting for an answer as fast as while sending.
        config.keepalives_idle(KEEPALIVE).keepalives_interval(KEEPALIVE).keepalives_retries(3);
        config.options(&options).application_name("burnlab").tcp_user_timeout(TCP_TIMEOUT);
        match encryption {
            Some(tls) => config.ssl_mode(SslMode::Require).connect(tls.clone()),
            None => config.ssl_mode(SslMode::Disable).connect(NoTls),
        }
    }
}
