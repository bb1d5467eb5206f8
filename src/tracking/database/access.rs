//! Kinds of transactions, and the outcome of inserts.

use super::failure::Failure;

/// What a transaction is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// One snapshot for all its queries.
    Read,
    Write,
}

/// The outcome of inserting many rows.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Inserted {
    All,
    /// The row of this index was there already; the transaction must be rolled back.
    Duplicate(usize),
}

impl Inserted {
    /// For rows that cannot be duplicates.
    pub(crate) fn all(self) -> Result<(), Failure> {
        match self {
            Self::All => Ok(()),
            Self::Duplicate(_) => Err(rusqlite::Error::StatementChangedRows(0).into()),
        }
    }
}
