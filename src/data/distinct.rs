//! The distinct texts of a column, from which the way to read it is inferred.

/// A text that occurs in a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct Distinct<'a> {
    /// Trimmed.
    pub(super) text: &'a str,
    /// Number of cells that hold it.
    pub(super) count: u64,
    /// The line of the first of them.
    pub(super) line: u64,
}
