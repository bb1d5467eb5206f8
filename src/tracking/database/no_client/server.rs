//! The error that tells how to build the client in, in place of a connection.

use std::time::Duration;

use super::results::Row;
use crate::postgresql::Address;
use crate::tracking::TrackingError;
use crate::tracking::database::access::{Access, Inserted};
use crate::tracking::database::failure::Failure;
use crate::tracking::database::param::Param;

/// A connection, which cannot be made.
pub(crate) enum Server {}

impl Server {
    /// # Errors
    /// Always [`TrackingError::NoPostgres`].
    pub(crate) fn connect(address: &Address, _read_only: bool) -> Result<Self, TrackingError> {
        Err(TrackingError::NoPostgres { server: address.to_string() })
    }

    pub(crate) fn set_patience(&self, _patience: Duration) {
        match *self {}
    }

    pub(crate) fn address(&self) -> &Address {
        match *self {}
    }

    pub(crate) fn query(&self, _sql: &str, _parameters: &[Param]) -> Result<Vec<Row>, Failure> {
        match *self {}
    }

    pub(crate) fn execute(&self, _sql: &str, _parameters: &[Param]) -> Result<u64, Failure> {
        match *self {}
    }

    pub(crate) fn batch(&self, _sql: &str) -> Result<(), Failure> {
        match *self {}
    }

    pub(crate) fn insert_many<'a, const N: usize>(
        &self,
        _table: &str,
        _columns: [&str; N],
        _ending: &str,
        _rows: impl IntoIterator<Item = [Param<'a>; N]>,
    ) -> Result<Inserted, Failure> {
        match *self {}
    }

    pub(crate) fn transaction<T>(
        &self,
        _access: Access,
        _change: impl FnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        match *self {}
    }
}
