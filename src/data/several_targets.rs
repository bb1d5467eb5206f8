//! Several columns to predict at once: numbers, or labels of which any may hold. They are read in `targets`.

/// The targets of a data set that has more than one.
#[derive(Clone, Debug, PartialEq)]
pub struct Several {
    /// At least two: all numbers, or all labels.
    pub columns: Vec<TargetColumn>,
    /// Row-major `[rows, columns]`: finite numbers in their own units, or 1 where a label holds and 0 where it does not.
    pub values: Vec<f64>,
}

/// One of several columns to predict.
#[derive(Clone, Debug, PartialEq)]
pub struct TargetColumn {
    pub name: String,
    /// What the file writes for 0 and 1 of a label; `None` for a number.
    pub words: Option<[String; 2]>,
}

impl Several {
    pub fn num_rows(&self) -> usize {
        self.values.len() / self.columns.len()
    }

    /// The targets of a row.
    pub fn row(&self, row: usize) -> &[f64] {
        &self.values[row * self.columns.len()..][..self.columns.len()]
    }

    /// The targets of one column.
    pub fn column(&self, column: usize) -> impl Iterator<Item = f64> + Clone {
        self.values.iter().skip(column).step_by(self.columns.len()).copied()
    }

    /// Whether they are labels, not numbers.
    pub fn are_labels(&self) -> bool {
        self.columns[0].words.is_some()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// A line for the terminal.
    pub(super) fn describe(&self) -> String {
        let names: Vec<String> =
            self.columns.iter().enumerate().map(|(i, column)| self.describe_column(i, column)).collect();
        let what = if self.are_labels() { "labels, of which any may hold" } else { "numbers" };
        format!("targets: {} {what} ({})", self.columns.len(), super::labels::list(&names, 12))
    }

    fn describe_column(&self, i: usize, column: &TargetColumn) -> String {
        let name = &column.name;
        match column.words {
            Some(_) => format!("{name} {}", self.column(i).filter(|&value| value == 1.0).count()),
            None => {
                let low = self.column(i).fold(f64::INFINITY, f64::min);
                let high = self.column(i).fold(f64::NEG_INFINITY, f64::max);
                format!("{name} {low} to {high}")
            }
        }
    }
}
