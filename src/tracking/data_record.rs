//! Fingerprints of the data of a run: what decides whether its results can be compared with another's.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Which rows a run was trained and tested on. Fingerprints are equal exactly for equal data; nothing can be read back
/// from them. The trainer computes them, see `experiment/fingerprint.rs`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataRecord {
    /// Of the test part: the row in its file and the target of each of its rows, in any order, whatever path, format and
    /// columns. Empty without a test part.
    pub test: String,
    /// The same of all rows, from which the parts are drawn.
    pub rows: String,
    /// Of all rows in any order, with every cell that the network may see and the target.
    pub inputs: String,
    /// The cells of the test part, for a few columns by name: tells the rows of two files apart whose targets are alike.
    #[serde(default)]
    pub sketch: BTreeMap<String, String>,
    /// Number of input columns.
    #[serde(default)]
    pub num_columns: u64,
    /// Rows of the training part.
    #[serde(default)]
    pub num_train: u64,
    /// Rows of the validation part.
    #[serde(default)]
    pub num_validation: u64,
    /// Rows of the test part.
    #[serde(default)]
    pub num_test: u64,
}
