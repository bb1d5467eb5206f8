//! In place of the PostgreSQL client without the feature `postgres`: servers cannot be reached.
//!
//! The interface is that of `client`; what only a connection could give has no values, so that nothing else in
//! `tracking` depends on the feature.
//!
//! | file | concept |
//! |---|---|
//! | `server` | [`Server`]: the error that tells how to build the client in |
//! | `results` | rows and errors of a server, which do not exist |

mod results;
mod server;
#[cfg(test)]
mod test_server;
#[cfg(test)]
mod tests;

pub(crate) use results::{Error, FromSql, Row, server_error};
pub(crate) use server::Server;
#[cfg(test)]
pub(crate) use test_server::TestServer;
