//! Several labels in the cells of one column, such as `red|large`, as `data.target_separator` says: read like a column of 0 and
//! 1 for each label that some row of the file has.

use super::Target;
use super::label_cells::labels_in;
use super::labels::{Interner, list, quote};
use super::limits::MAX_TARGETS;
use super::memory::check_free;
use super::notes::Notes;
use super::several_targets::{Several, TargetColumn};
use super::target::TargetFound;
use crate::invalid::Invalid;

const KEY: &str = "data.target_separator";

/// What stands for 0 and 1 of each label.
const WORDS: [&str; 2] = ["0", "1"];

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
