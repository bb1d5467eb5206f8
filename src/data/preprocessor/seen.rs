//! What the cells of a column were like in the training part, so that later rows can be said to differ.

use serde::{Deserialize, Serialize};

use super::PreparedKind;

/// Counts over the training rows of one column.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Seen {
    pub num_rows: usize,
    /// Rows without a value.
    pub num_missing: usize,
    /// Rows whose category was too rare to be kept.
    pub num_rare: usize,
    /// The least and the greatest number; `None` for categories, and where every row lacks a value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<[f32; 2]>,
}

impl Seen {
    /// Counts `present`, the cells that are not missing of a column prepared as `kind`, in `num_rows` training rows.
    /// `categories` are those that the cells index.
    pub(super) fn new(present: &[f32], num_rows: usize, kind: &PreparedKind, categories: &[String]) -> Self {
        let (mut num_rare, mut range) = (0, None);
        match kind {
            PreparedKind::Numeric { .. } => {
                let [low, high] = present
                    .iter()
                    .fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], &cell| [low.min(cell), high.max(cell)]);
                range = (low <= high).then_some([low, high]);
            }
            PreparedKind::Text { .. } => {}
            PreparedKind::Categorical { categories: kept, .. } => {
                let is_kept: Vec<bool> = categories.iter().map(|name| kept.contains(name)).collect();
                let is_rare = |&&cell: &&f32| !is_kept.get(cell as usize).copied().unwrap_or(false);
                num_rare = present.iter().filter(is_rare).count();
            }
        }
        Self { num_rows, num_missing: num_rows - present.len(), num_rare, range }
    }

    /// Of these rows and those of `other` together.
    pub(super) fn and(self, other: Self) -> Self {
        let range = match (self.range, other.range) {
            (Some([a, b]), Some([c, d])) => Some([a.min(c), b.max(d)]),
            (one, none) => one.or(none),
        };
        Self {
            num_rows: self.num_rows + other.num_rows,
            num_missing: self.num_missing + other.num_missing,
            num_rare: self.num_rare + other.num_rare,
            range,
        }
    }
}
