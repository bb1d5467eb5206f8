//! One small interface to SQLite and PostgreSQL, so that the SQL of `store` and `queue` is written once.
//!
//! Statements use only what both databases accept; parameters are written `?1`.
//!
//! | file | concept |
//! |---|---|
//! | `access` | kinds of transactions, outcome of inserts |
//! | `connection` | [`Database`]: queries, statements and transactions on either database |
//! | `sqlite`, `server` | the same on SQLite, and on PostgreSQL with lost connections |
//! | `address` | the address of a PostgreSQL server, without showing its password |
//! | `schema` | the tables and their migrations |
//! | `param`, `row` | values into statements, values out of results |
//! | `failure` | errors of either database, and the messages for the user |

mod access;
mod address;
mod connection;
mod failure;
mod param;
mod row;
mod schema;
mod server;
mod sqlite;
#[cfg(test)]
mod tests;

pub(super) use access::{Access, Inserted};
pub(super) use address::Address;
pub(super) use connection::Database;
pub(super) use failure::{Failure, server_error, sqlite_error};
pub(super) use param::{Param, params};
pub(super) use row::Row;
pub(super) use schema::Version;
pub(super) use server::Server;
pub(super) use sqlite::Sqlite;
