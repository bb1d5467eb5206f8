//! Opens connections to a server.

use std::io;
use std::sync::mpsc;
use std::time::Duration;

use postgres::Client;

use super::encryption::{Tls, tls};
use crate::postgresql::address::Address;
use crate::threads;

/// Longer than the driver's own limit, so that its message comes first.
const MARGIN: Duration = Duration::from_millis(200);

/// Opens connections to the server of an address.
pub(crate) struct Connector {
    address: Address,
    encryption: Option<Tls>,
}

/// Why there is no connection.
pub(crate) enum Unconnected {
    /// No thread to wait in.
    Thread(io::Error),
    /// It did not answer: what is wrong, in words.
    Silent(String),
    Server(postgres::Error),
}

impl Connector {
    /// # Errors
    /// Authorities that cannot be read.
    pub(crate) fn new(address: &Address) -> Result<Self, String> {
        Ok(Self { address: address.clone(), encryption: tls(&address.encryption)? })
    }

    /// Opens one that waits `wait` for the locks of others and `idle` inside a transaction; what `prepare` says is done first.
    ///
    /// # Errors
    /// A server that does not answer in time, or refuses.
    pub(crate) fn connect(&self, wait: Duration, idle: Duration, prepare: &'static str) -> Result<Client, Unconnected> {
        let (connected, connection) = mpsc::sync_channel(1);
        let (to, tls) = (self.address.clone(), self.encryption.clone());
        threads::spawn(move || {
            let connect = || -> Result<_, postgres::Error> {
                let mut client = to.settings.connect(to.schema.as_deref(), tls.as_ref(), wait, idle)?;
                client.batch_execute(prepare)?;
                Ok(client)
            };
            // Nobody waits any more where it took too long.
            connected.send(connect()).ok();
        })
        .map_err(Unconnected::Thread)?;
        // The driver's own limit is that of the TCP connection; what follows (encryption, password) would wait for ever for
        // something that is no PostgreSQL server. As in libpq, the limit is for both.
        let patience = self.address.settings.patience();
        match connection.recv_timeout(patience.saturating_add(MARGIN)) {
            Ok(client) => client.map_err(Unconnected::Server),
            Err(_) => {
                let problem = format!("it did not answer as PostgreSQL does within {} s", patience.as_secs());
                Err(Unconnected::Silent(problem))
            }
        }
    }
}
