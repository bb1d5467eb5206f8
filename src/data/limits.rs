//! Limits on the size of the data.

/// Cells of a data set: 16 GiB as f32.
pub(super) const MAX_CELLS: usize = 1 << 32;
/// Points of a generated set.
pub(super) const MAX_EXAMPLES: usize = 10_000_000;
/// Classes of a target, each with an output of the network.
pub(super) const MAX_CLASSES: usize = 1000;
/// Columns that are predicted at once.
pub(super) const MAX_TARGETS: usize = 1000;
/// Folds of a cross-validation.
pub(super) const MAX_FOLDS: usize = 1000;
/// Repeats of a cross-validation.
pub(super) const MAX_REPEATS: usize = 100;
/// Quantile bins by which numbers are stratified.
pub(super) const MAX_BINS: usize = 100;
/// Text columns with more distinct values are identifiers whatever their proportion; such indices are exact in f32.
pub(super) const MAX_CATEGORIES: usize = 1_000_000;
/// Bytes of a text. A character takes 4 bytes of memory, and 8 more as input and target.
pub(super) const MAX_TEXT: u64 = 64 << 20;
/// Distinct characters, each with an output of the network. No alphabet has this many; Chinese newspapers commonly use
/// about as many.
pub(super) const MAX_CHARACTERS: usize = 4096;
/// Characters of a window: the memory of attention grows with its square.
pub(super) const MAX_CONTEXT: usize = 4096;

/// Inputs of a column of texts.
pub(super) const TEXT_BUCKETS: std::ops::RangeInclusive<usize> = 16..=1 << 16;

/// Bins of a numeric column: beyond, a bin is narrower than what a table with few rows can tell.
pub(super) const MAX_COLUMN_BINS: usize = 256;

/// Bytes of what is unpacked at once, whatever is in it: a page of a Parquet file, a batch of Arrow.
#[cfg(feature = "parquet")]
pub(super) const MAX_UNPACKED: u64 = 64 << 20;
/// More bytes for each of its cells: some programs write all rows at once.
#[cfg(feature = "parquet")]
pub(super) const MAX_MEAN_CELL: u64 = 1 << 10;
