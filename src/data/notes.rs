//! What is said about the data when they are read: inferences that may surprise, one line each.

use super::labels::list;

/// Lines in the order in which they were said; columns of which the same is said share one.
#[derive(Default)]
pub(super) struct Notes(Vec<Note>);

enum Note {
    Line(String),
    OfColumns { what: String, columns: Vec<String>, example: String },
}

/// Columns named in a note.
const MAX_COLUMNS: usize = 6;

impl Notes {
    pub(super) fn say(&mut self, line: String) {
        self.0.push(Note::Line(line));
    }

    /// Says `what` of the numbers of a column; the `example` of the first column is shown.
    pub(super) fn say_of_column(&mut self, what: &str, column: &str, example: &str) {
        let column = format!("`{column}`");
        for note in &mut self.0 {
            if let Note::OfColumns { what: other, columns, .. } = note
                && other == what
            {
                return columns.push(column);
            }
        }
        self.0.push(Note::OfColumns { what: what.to_owned(), columns: vec![column], example: example.to_owned() });
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let line = |note: &Note| match note {
            Note::Line(line) => line.clone(),
            Note::OfColumns { what, columns, example } => {
                let example = if example.is_empty() { String::new() } else { format!(": {example}") };
                format!("numbers in {}: {what}{example}", list(columns, MAX_COLUMNS))
            }
        };
        self.0.iter().map(line).collect()
    }
}
