//! The PostgreSQL client, with the feature `postgres`. The module `no_client` has the same interface without it.
//!
//! | file | concept |
//! |---|---|
//! | `server` | [`Server`]: a connection that is reopened after it was lost |
//! | `failure` | what the server's errors mean |

mod failure;
mod server;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;

pub(crate) use failure::server_error;
pub(crate) use postgres::types::FromSql;
pub(crate) use postgres::{Error, Row};
pub(crate) use server::Server;
#[cfg(test)]
pub(crate) use test_server::TestServer;
