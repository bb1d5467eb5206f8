//! One small interface to SQLite and PostgreSQL, so that the SQL of `store` and `queue` is written once.
//!
//! Statements use only what both databases accept; parameters are written `?1`.
//!
//! | file | concept |
//! |---|---|
//! | `access` | kinds of transactions, outcome of inserts |
//! | `connection` | [`Database`]: queries, statements and transactions on either database |
//! | `sqlite`, `client` | the same on SQLite, and on PostgreSQL with lost connections |
//! | `no_client` | what is in place of `client` without the feature `postgres`, which only this file knows |
//! | `schema` | the tables and their migrations |
//! | `param`, `row` | values into statements, values out of results |
//! | `failure` | errors of either database, and the messages for the user |

mod access;
#[cfg(feature = "postgres")]
mod client;
mod connection;
mod failure;
#[cfg(not(feature = "postgres"))]
mod no_client;
mod param;
mod row;
mod schema;
mod sqlite;

#[cfg(not(feature = "postgres"))]
use no_client as client;

pub(super) use access::{Access, Inserted};
#[cfg(test)]
pub(super) use client::TestServer;
pub(super) use client::{Server, server_error};
pub(super) use connection::Database;
pub(super) use failure::{Failure, sqlite_error};
pub(super) use param::{Param, params};
pub(super) use row::Row;
pub(super) use schema::Version;
pub(super) use sqlite::Sqlite;
