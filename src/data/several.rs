//! Several files as one table: the rows of each after those of the one before.

use super::labels;
use super::origin::Origin;
use super::table::{About, CellTexts, Reader, RowVisitor, Table};
use crate::invalid::Invalid;

/// Reads the rows of several tables. The line of a row says which of them it is in.
struct Several<'a> {
    parts: Vec<Part<'a>>,
}

/// A table, and the place in it of each column of the first one.
struct Part<'a> {
    table: Table<'a>,
    places: Vec<usize>,
}

/// The columns of a row in the order of the first table.
struct Reordered<'r> {
    texts: &'r dyn CellTexts,
    places: &'r [usize],
}

impl CellTexts for Reordered<'_> {
    fn bytes(&self, column: usize) -> std::borrow::Cow<'_, [u8]> {
        self.texts.bytes(self.places[column])
    }

    fn is_number(&self, column: usize) -> bool {
        self.texts.is_number(self.places[column])
    }
}

/// One table of `tables`, which are those of the parts of `origin`: their columns are found by name, and all have the same.
///
/// # Errors
/// A table that lacks a column, or has another one.
pub(super) fn open<'a>(origin: &'a Origin, tables: Vec<Table<'a>>) -> Result<Table<'a>, Invalid> {
    let first = &tables[0];
    let names = first.names().to_vec();
    let mut about = About {
        is_comma_likely: tables.iter().all(|table| table.about().is_comma_likely),
        encoding: first.about().encoding.clone(),
        unnamed: first.about().unnamed.clone(),
        target: first.about().target.clone(),
        pixels: first.about().pixels.clone(),
        way_out: first.about().way_out.clone(),
        has_shares: first.about().has_shares,
        notes: vec![format!("{} files, {} to {}", tables.len(), first.display(), tables[tables.len() - 1].display())],
    };
    for table in &tables {
        // What holds of the first one, too, is said once.
        let new = table.about().notes.iter().filter(|note| !about.notes.contains(note)).cloned();
        let new: Vec<String> = new.collect();
        about.notes.extend(new);
    }
    let mut parts = Vec::new();
    for table in tables {
        let place = |name: &String| table.names().iter().position(|other| other == name);
        let lacking: Vec<String> = names.iter().filter(|name| place(name).is_none()).cloned().collect();
        let others: Vec<String> = table.names().iter().filter(|name| !names.contains(name)).cloned().collect();
        let told = |what: &str, columns: &[String]| match columns.is_empty() {
            true => None,
            false => Some(format!("{what} {}", labels::list_columns(columns, 8))),
        };
        let differences: Vec<String> =
            [told("lacks", &lacking), told("also has", &others)].into_iter().flatten().collect();
        if !differences.is_empty() {
            let first = parts.first().map_or("", |part: &Part<'_>| part.table.display());
            let message = format!(
                "{}, compared with {first}: files that are read as one have the same columns",
                differences.join(", and ")
            );
            return Err(table.error(&message));
        }
        let places = names.iter().filter_map(place).collect();
        parts.push(Part { table, places });
    }
    Ok(Table::new(origin, names, about, Box::new(Several { parts })))
}

impl Reader for Several<'_> {
    fn read(&self, columns: &[usize], visit: &mut RowVisitor) -> Result<usize, Invalid> {
        let mut num_rows = 0;
        for (number, Part { table, places }) in self.parts.iter().enumerate() {
            let columns: Vec<usize> = columns.iter().map(|&column| places[column]).collect();
            let mut has_ended = false;
            num_rows += table.visit(&columns, &mut |line, cells, texts| {
                let flow = visit(Origin::line_of_part(number, line), cells, &Reordered { texts, places });
                has_ended = flow.is_break();
                flow
            })?;
            if has_ended {
                break;
            }
        }
        Ok(num_rows)
    }
}
