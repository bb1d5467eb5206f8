//! Cells with several labels, such as `red|large`: divided, put together, and recognised.

use std::collections::{BTreeMap, HashSet};

use super::labels::{Labels, list};
use super::several_targets::Several;

/// The labels in a cell: without blanks around them, and without empty ones.
pub(super) fn labels_in<'a>(cell: &'a str, separator: &'a str) -> impl Iterator<Item = &'a str> {
    cell.split(separator).map(str::trim).filter(|label| !label.is_empty())
}

/// The labels that hold for a row, as a cell.
pub(super) fn cell_of(several: &Several, row: usize, separator: &str) -> String {
    let holding = several.names().zip(several.row(row)).filter(|(_, value)| **value == 1.0);
    holding.map(|(name, _)| name).collect::<Vec<_>>().join(separator)
}

/// Appends to `values` a 0 or 1 for each of the labels that are `known`; `visit` gets those of the cell that are not.
pub(super) fn read_labels(
    cell: &str,
    separator: &str,
    known: &Labels,
    mut push: impl FnMut(f64),
    mut visit: impl FnMut(&str),
) {
    let mut holds = vec![0.0; known.names.len()];
    for label in labels_in(cell, separator) {
        match known.find(label) {
            Some(label) => holds[label as usize] = 1.0,
            None => visit(label),
        }
    }
    holds.into_iter().for_each(&mut push);
}

/// The labels of a later file that training did not have, with the number of rows that each is in.
#[derive(Clone, Debug, Default)]
pub(super) struct NewLabels {
    labels: BTreeMap<String, usize>,
    /// Rows that have one.
    num_rows: usize,
}

impl NewLabels {
    /// Counts those of a row.
    pub(super) fn count(&mut self, of_row: &[String]) {
        // Of text that was taken for labels there may be as many as rows.
        const MAX_COUNTED: usize = 10_000;
        self.num_rows += usize::from(!of_row.is_empty());
        for (_, label) in of_row.iter().enumerate().filter(|(i, label)| !of_row[..*i].contains(label)) {
            if let Some(count) = self.labels.get_mut(label) {
                *count += 1;
            } else if self.labels.len() < MAX_COUNTED {
                self.labels.insert(label.clone(), 1);
            }
        }
    }

    /// A line; `None` if there is none.
    pub(super) fn told(&self, name: &str, num_rows: usize) -> Option<String> {
        const MAX_NAMED: usize = 5;
        if self.num_rows == 0 {
            return None;
        }
        let mut labels: Vec<_> = self.labels.iter().collect();
        labels.sort_by_key(|(_, count)| std::cmp::Reverse(**count)); // stable: by alphabet
        let labels: Vec<String> = labels.into_iter().map(|(label, count)| format!("{label} {count}")).collect();
        Some(format!(
            "`{name}`: {} of {num_rows} rows have labels that training had not ({}), which are left out of the comparison",
            self.num_rows,
            list(&labels, MAX_NAMED)
        ))
    }
}

/// Which character most cells of a class target have between words that come back in other cells, so that they are probably
/// several labels each; `None` if there is none.
pub(super) fn probable_separator(names: &[String]) -> Option<&'static str> {
    const CANDIDATES: [&str; 3] = ["|", ";", ","];
    const MIN_NAMES: usize = 4;
    if names.len() < MIN_NAMES {
        return None;
    }
    CANDIDATES.into_iter().find(|separator| {
        let num_several = names.iter().filter(|name| labels_in(name, separator).nth(1).is_some()).count();
        let labels: HashSet<&str> = names.iter().flat_map(|name| labels_in(name, separator)).collect();
        num_several * 3 > names.len() && labels.len() * 3 < names.len() * 2
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_divided_into_labels() {
        let labels = |cell, separator| labels_in(cell, separator).collect::<Vec<_>>();
        assert_eq!(labels("a|b c| |d|", "|"), ["a", "b c", "d"]);
        assert_eq!(labels("a, b,c", ", "), ["a", "b,c"]);
        assert_eq!(labels("  a  b ", " "), ["a", "b"]);
        assert!(labels(" ", "|").is_empty());
    }

    #[test]
    fn labels_of_cells_are_recognised_by_what_comes_back() {
        let separator =
            |names: &[&str]| probable_separator(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        assert_eq!(separator(&["a|b", "a", "b|c", "c|a|b", "c"]), Some("|"));
        assert_eq!(separator(&["a;b", "a;c", "b;c", "a;b;c", "a"]), Some(";"));
        // Names with commas, each of its own.
        assert_eq!(separator(&["Bonn, North", "Cologne, West", "Kiel, Sea", "Ulm, South"]), None);
        assert_eq!(separator(&["a", "b", "c", "d"]), None);
    }
}
