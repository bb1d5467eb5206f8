//! Several labels in the cells of one column, such as `red|large`, as `data.target_separator` says: read like a column of 0 and
//! 1 for each label that some row of the file has.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use super::labels::{Interner, Labels, list, quote};
use super::limits::MAX_TARGETS;
use super::memory::check_free;
use super::notes::Notes;
use super::several_targets::{Several, TargetColumn};
use super::table::{Cell, CellTexts, Reader, RowVisitor, Table};
use super::target::TargetFound;
use super::{DataConfig, Target, TargetColumns};
use crate::invalid::Invalid;

const KEY: &str = "data.target_separator";

/// What stands for 0 and 1 of each label.
pub(super) const WORDS: [&str; 2] = ["0", "1"];

/// The labels in a cell: without blanks around them, and without empty ones.
pub(super) fn labels_in<'a>(cell: &'a str, separator: &'a str) -> impl Iterator<Item = &'a str> {
    cell.split(separator).map(str::trim).filter(|label| !label.is_empty())
}

/// The labels that hold for a row, as a cell.
pub(super) fn cell_of(several: &Several, row: usize, separator: &str) -> String {
    let holding = several.names().zip(several.row(row)).filter(|(_, value)| **value == 1.0);
    holding.map(|(name, _)| name).collect::<Vec<_>>().join(separator)
}

/// The cells of the target, collected while the file is read.
pub(super) struct SeparatedCells {
    name: String,
    separator: String,
    labels: Interner,
    /// Those of all rows, one row after the other, each label of a row once.
    of_rows: Vec<u32>,
    /// Where those of each row end.
    ends: Vec<usize>,
    num_empty: u64,
    has_several: bool,
}

impl SeparatedCells {
    pub(super) fn new(name: &str, separator: &str) -> Self {
        Self {
            name: name.to_owned(),
            separator: separator.to_owned(),
            labels: Interner::default(),
            of_rows: Vec::new(),
            ends: Vec::new(),
            num_empty: 0,
            has_several: false,
        }
    }

    pub(super) fn push(&mut self, text: &str, line: u64) {
        let start = self.of_rows.len();
        for label in labels_in(text, &self.separator) {
            let label = self.labels.intern(label, line);
            if !self.of_rows[start..].contains(&label) {
                self.of_rows.push(label);
            }
        }
        self.has_several |= text.contains(&self.separator);
        self.num_empty += u64::from(self.of_rows.len() == start);
        self.ends.push(self.of_rows.len());
    }

    /// The targets: a column of 0 and 1 for each label, sorted as classes are.
    ///
    /// # Errors
    /// No cell with the separator; fewer than two labels, or too many; more than fits in memory.
    pub(super) fn finish(self, notes: &mut Notes) -> Result<(Target, TargetFound), Invalid> {
        let Self { name, separator, labels, of_rows, ends, num_empty, has_several } = self;
        let (known, order) = labels.sorted();
        let num_labels = known.names.len();
        let invalid = |message: String| Err(Invalid::at(KEY, format!("target `{name}` {message}")));
        if !has_several {
            let example =
                labels.distinct().first().map_or_else(String::new, |text| format!(", such as {}", quote(text.text)));
            return invalid(format!(
                "has no cell with {separator:?} in it{example}: set {KEY} to what separates its labels, or remove it if a cell is \
                 one class"
            ));
        }
        if num_labels < 2 {
            return invalid(format!(
                "has only the label {}, and several labels are two or more: name another column",
                list(&known.names, 1)
            ));
        }
        if num_labels > MAX_TARGETS {
            return invalid(format!(
                "has {num_labels} labels, such as {}: at most {MAX_TARGETS} can be predicted at once, so leave the rare ones \
                 out of the file",
                list(&known.names, 3)
            ));
        }
        let num_rows = ends.len();
        if let Err(why) = check_free(num_rows * num_labels * size_of::<f64>()) {
            return invalid(format!(
                "has {num_labels} labels in {num_rows} rows, which {why}: use fewer rows or labels"
            ));
        }
        if num_empty > 0 {
            notes.say(format!("`{name}` is empty in {num_empty} of {num_rows} rows: no label holds there"));
        }
        if let Some(alike) = known.note(&labels.distinct()) {
            notes.say(format!("labels of `{name}`: {alike}"));
        }
        let mut values = vec![0.0; num_rows * num_labels];
        let mut start = 0;
        for (row, end) in ends.into_iter().enumerate() {
            of_rows[start..end]
                .iter()
                .for_each(|&label| values[row * num_labels + order[label as usize] as usize] = 1.0);
            start = end;
        }
        let column = |name: &String| TargetColumn { name: name.clone(), words: Some(WORDS.map(str::to_owned)) };
        let columns = known.names.iter().map(column).collect();
        let no_target = Target::Numbers(Vec::new());
        let found = TargetFound { target: no_target, labels: Some(known), syntax: None, separator: Some(separator) };
        Ok((Target::Several(Several { columns, values }), found))
    }
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

/// `table` with the empty cells of the target as texts instead of missing ones, where its cells hold labels: none holds then.
pub(super) fn with_empty_cells<'a>(table: Table<'a>, config: &DataConfig) -> Table<'a> {
    let name = config.target.as_ref().map(TargetColumns::names).filter(|_| config.target_separator.is_some());
    let column = name.and_then(|names| table.names().iter().position(|other| *other == names[0]));
    match column {
        Some(column) => table.read_by(|inner| Box::new(EmptyCells { inner, column })),
        None => table,
    }
}

struct EmptyCells<'a> {
    inner: Box<dyn Reader + 'a>,
    column: usize,
}

impl Reader for EmptyCells<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        let places: Vec<usize> = (0..columns.len()).filter(|&place| columns[place] == self.column).collect();
        let mut own = Vec::with_capacity(columns.len());
        self.inner.read(columns, &mut |line, cells: &[Cell], texts: &dyn CellTexts| -> ControlFlow<()> {
            let is_empty =
                |&place: &usize| cells[place] == Cell::Missing && texts.bytes(self.column).trim_ascii().is_empty();
            if !places.iter().any(is_empty) {
                return visit(line, cells, texts);
            }
            own.clear();
            own.extend_from_slice(cells);
            places.iter().for_each(|&place| own[place] = Cell::Text);
            visit(line, &own, texts)
        })
    }

    fn progress(&self) -> Option<f64> {
        self.inner.progress()
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
