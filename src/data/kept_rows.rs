//! Which rows of a table are kept.

/// The numbers of the rows that are kept, of a file and then perhaps of a test file, whose rows are counted from 0 again. There is
/// no list of them, which takes 4 bytes a row, until one is left out.
#[derive(Debug, Default)]
pub(super) struct KeptRows {
    len: usize,
    /// Rows of the file before.
    before: usize,
    list: Option<Vec<u32>>,
}

impl KeptRows {
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Keeps a row of the present file, with a larger number than those before.
    pub(super) fn push(&mut self, row: u32) {
        let of_file = self.len - self.before;
        if self.list.is_none() && row as usize != of_file {
            self.list = Some((0..self.before as u32).chain(0..of_file as u32).collect());
        }
        if let Some(list) = &mut self.list {
            list.push(row);
        }
        self.len += 1;
    }

    /// Further rows are those of the test file.
    pub(super) fn begin_test_file(&mut self) {
        self.before = self.len;
    }

    /// All numbers; none where they are those of the rows.
    pub(super) fn into_list(self) -> Vec<u32> {
        self.list.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_listed_once_one_is_left_out() {
        for (training, test, expected) in [
            (&[0, 1, 2][..], &[0, 1][..], &[][..]),
            (&[0, 2], &[0], &[0, 2, 0]),
            (&[1], &[], &[1]),
            (&[0, 1, 2], &[0, 2], &[0, 1, 2, 0, 2]),
            (&[0], &[1], &[0, 1]),
        ] {
            let mut rows = KeptRows::default();
            training.iter().for_each(|&row| rows.push(row));
            rows.begin_test_file();
            test.iter().for_each(|&row| rows.push(row));
            assert_eq!(rows.len(), training.len() + test.len());
            assert_eq!(rows.into_list(), expected, "{training:?} {test:?}");
        }
    }
}
