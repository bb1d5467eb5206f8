//! How much a query may give: one may have no end, and what is left out of its rows takes no memory that would run out.

/// Rows of a query, several times what fits in the memory of most machines.
const MOST_ROWS: u64 = 200_000_000;
/// Bytes of its cells, those that are not used included.
const MOST_BYTES: u64 = 64 << 30;

/// What a query has given so far.
pub(super) struct Given {
    rows: u64,
    bytes: u64,
    most_rows: u64,
    most_bytes: u64,
}

impl Default for Given {
    fn default() -> Self {
        Self { rows: 0, bytes: 0, most_rows: MOST_ROWS, most_bytes: MOST_BYTES }
    }
}

impl Given {
    /// A further row, with texts and blobs of so many bytes.
    ///
    /// # Errors
    /// More than a query may give, in words.
    pub(super) fn add(&mut self, bytes: usize) -> Result<(), String> {
        self.rows += 1;
        self.bytes += bytes as u64;
        if self.rows > self.most_rows || self.bytes > self.most_bytes {
            return Err(format!(
                "it gave more than {} million rows or {} GiB, and may have no end: if it has one, write its rows to a CSV file",
                self.most_rows / 1_000_000,
                self.most_bytes >> 30
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_bytes_are_counted() {
        let mut of_rows = Given { most_rows: 3, ..Given::default() };
        let mut of_bytes = Given { most_bytes: 30, ..Given::default() };
        for _ in 0..3 {
            of_rows.add(1 << 20).unwrap();
            of_bytes.add(10).unwrap();
        }
        assert!(of_rows.add(0).unwrap_err().contains("may have no end"));
        of_bytes.add(0).unwrap();
        of_bytes.add(1).unwrap_err();
    }
}
