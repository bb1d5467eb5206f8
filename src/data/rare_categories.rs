//! Says which columns have more categories than inputs of their own, and what becomes of the others.

use std::collections::HashMap;

use super::{Dataset, PreparedKind, Preprocessor};

/// A line for each column of `dataset` whose rare categories are hashed, or are one unknown category.
pub fn describe_rare(dataset: &Dataset, preprocessor: &Preprocessor) -> Vec<String> {
    let prepared: HashMap<&str, _> =
        preprocessor.columns().iter().map(|prepared| (&*prepared.name, prepared)).collect();
    let line = |column: &super::Column| {
        let prepared = prepared.get(&*column.name)?;
        let (PreparedKind::Categorical { categories, buckets, .. }, Some(seen)) = (&prepared.kind, &prepared.seen)
        else {
            return None;
        };
        if seen.num_rare == 0 {
            return None;
        }
        let (num, kept) = (column.categories().len(), categories.len());
        let share = 100.0 * seen.num_rare as f64 / seen.num_rows.max(1) as f64;
        Some(match buckets {
            0 => format!(
                "note: `{}` has {num} categories: the {kept} most frequent ones of the training rows are told apart \
                 (data.max_categories; data.hash_buckets hashes the others)",
                column.name
            ),
            buckets => format!(
                "`{}`: of {num} categories the {kept} most frequent of the training rows have an input each, and the others, in \
                 {share:.1} % of these rows, share {buckets} by their hashes (data.hash_buckets)",
                column.name
            ),
        })
    };
    dataset.columns.iter().filter_map(line).collect()
}
