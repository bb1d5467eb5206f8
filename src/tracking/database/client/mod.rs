//! The PostgreSQL client, with the feature `postgres`. The module `no_client` has the same interface without it.
//!
//! | file | concept |
//! |---|---|
//! | `settings` | what an address says, as the driver reads it |
//! | `server` | [`Server`]: a connection that is reopened after it was lost |
//! | `encryption` | TLS, as the address asks for it |
//! | `failure` | what the server's errors mean |

mod encryption;
mod failure;
mod server;
mod settings;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;

pub(crate) use failure::server_error;
pub(crate) use postgres::types::FromSql;
pub(crate) use postgres::{Error, Row};
pub(crate) use server::Server;
pub(crate) use settings::Settings;
#[cfg(test)]
pub(crate) use test_server::TestServer;
