//! The columns of the user's file behind the inputs: a column of dates becomes several input columns.

use super::Preprocessor;

/// A column of the file, with what is computed from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceColumn {
    /// Its name in the file.
    pub name: String,
    /// The names of the input columns that are computed from it.
    pub columns: Vec<String>,
    /// Whether they hold numbers: those of a column of dates do, too.
    pub is_numeric: bool,
    /// The network's inputs that are computed from it, ascending.
    pub inputs: Vec<usize>,
}

impl Preprocessor {
    /// The columns of a file from which the inputs are computed, each once, in the order of the inputs; none for a text.
    pub fn sources(&self) -> Vec<SourceColumn> {
        let mut sources: Vec<SourceColumn> = Vec::new();
        let mut places = std::collections::HashMap::new();
        let mut first = 0;
        for column in self.columns() {
            let name = self.readings.source(&column.name);
            let place = *places.entry(name).or_insert(sources.len());
            if place == sources.len() {
                sources.push(SourceColumn {
                    name: name.to_owned(),
                    columns: Vec::new(),
                    is_numeric: column.kind.is_numeric(),
                    inputs: Vec::new(),
                });
            }
            let next = first + column.kind.num_inputs();
            sources[place].columns.push(column.name.clone());
            sources[place].inputs.extend(first..next);
            first = next;
        }
        sources
    }
}
