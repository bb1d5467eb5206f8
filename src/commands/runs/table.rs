//! Plain aligned tables: no colour, two spaces between columns, numbers right-aligned.

use std::borrow::Cow;

use serde_json::Value;

use crate::comparison::field::FieldValue;
pub use crate::figures::short;

/// Characters of a cell at most; longer ones are cut, since each row is as wide as the widest.
const MOST: usize = 200;

/// The header and the rows, aligned, each on one line whatever is in its cells; columns of numbers are right-aligned.
pub fn render(header: &[String], rows: &[Vec<String>]) -> String {
    let cut_line =
        |line: &[String]| line.iter().map(|cell| cut(&one_line(cell), MOST).into_owned()).collect::<Vec<_>>();
    let (header, rows) = (&cut_line(header)[..], rows.iter().map(|row| cut_line(row)).collect::<Vec<_>>());
    let lines = || std::iter::once(header).chain(rows.iter().map(Vec::as_slice));
    let is_number = |column: usize| {
        let mut cells =
            rows.iter().map(|row| row[column].trim_end_matches('*')).filter(|cell| !cell.is_empty()).peekable();
        cells.peek().is_some()
            && cells.all(|cell| cell.split(' ').next().is_some_and(|word| word.parse::<f64>().is_ok()))
    };
    let columns: Vec<(usize, bool)> = (0..header.len())
        .map(|column| (lines().map(|line| line[column].chars().count()).max().unwrap_or(0), is_number(column)))
        .collect();
    let mut text = String::new();
    for line in lines() {
        let cells: Vec<String> = line
            .iter()
            .zip(&columns)
            .map(|(cell, &(width, right))| if right { format!("{cell:>width$}") } else { format!("{cell:<width$}") })
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// `text`, cut to `most` characters.
pub fn cut(text: &str, most: usize) -> Cow<'_, str> {
    match text.char_indices().nth(most) {
        // The last one makes room for the dots.
        Some(_) => text.chars().take(most.saturating_sub(1)).chain(['…']).collect::<String>().into(),
        None => text.into(),
    }
}

/// The width of the widest line.
pub fn width(text: &str) -> usize {
    text.lines().map(|line| line.chars().count()).max().unwrap_or(0)
}

/// A cell for the terminal: on one line, without control characters that would move the cursor.
pub fn cell(value: Option<&FieldValue<'_>>) -> String {
    let text = match value {
        None => String::new(),
        Some(FieldValue::Number(number)) => short(*number),
        Some(FieldValue::Tags(tags)) => tags.join(","),
        Some(FieldValue::Json(value)) => json_cell(value),
    };
    one_line(&text).into_owned()
}

/// A param's value, with texts unquoted.
pub fn json_cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => one_line(text).into_owned(),
        value => value.to_string(),
    }
}

/// `text` with line breaks and control characters as spaces.
pub fn one_line(text: &str) -> Cow<'_, str> {
    if text.contains(char::is_control) { text.replace(char::is_control, " ").into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let header = ["id".to_owned(), "loss".to_owned(), "tag".to_owned()];
        let rows = [
            vec!["a".to_owned(), "0.5".to_owned(), "é".to_owned()],
            vec!["longer".to_owned(), "12".to_owned(), String::new()],
        ];
        assert_eq!(render(&header, &rows), "id      loss  tag\na        0.5  é\nlonger    12\n");
        assert_eq!(render(&header[..1], &[]), "id\n");
        let long = vec![vec!["é".repeat(100_000), "0.5".to_owned(), String::new()]];
        assert_eq!(render(&header, &long).lines().last().unwrap(), format!("{}…   0.5", "é".repeat(MOST - 1)));
    }
}
