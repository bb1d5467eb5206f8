//! A text, cut into windows.
//!
//! A window shows `context` characters, and its targets are the character after each of them. Windows do not overlap,
//! and each begins with the last target of the one before, so that every character but the first is predicted once.

use std::collections::BTreeSet;

/// A text as loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Unicode scalar values, in order.
    pub characters: Vec<char>,
    /// Characters that a window shows; at least 1.
    pub context: usize,
}

/// Each character once, sorted.
pub(super) fn distinct(characters: &[char]) -> BTreeSet<char> {
    // One by one: collecting would sort a copy of the whole text.
    let mut found = BTreeSet::new();
    characters.iter().for_each(|&character| _ = found.insert(character));
    found
}

impl Text {
    /// Number of windows with a target for each of their characters; the rest at the end of the text is not used.
    pub fn num_windows(&self) -> usize {
        self.characters.len().saturating_sub(1) / self.context
    }

    /// The characters of window `row` and the one after them: `context + 1`.
    ///
    /// # Panics
    /// If `row >= num_windows()`.
    pub fn window(&self, row: usize) -> &[char] {
        &self.characters[row * self.context..][..=self.context]
    }

    /// The characters of consecutive windows, targets included.
    pub fn span(&self, rows: &[u32]) -> &[char] {
        match (rows.first(), rows.last()) {
            (Some(&first), Some(&last)) => {
                &self.characters[first as usize * self.context..=(last as usize + 1) * self.context]
            }
            _ => &[],
        }
    }
}
