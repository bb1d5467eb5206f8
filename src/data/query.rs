//! What a query gives as a table, whatever database answers it.

use super::labels;
use super::origin::Origin;
use super::table::About;
use crate::invalid::Invalid;

/// How long a query may take for a row: some have no first one.
pub(super) const LONGEST_ROW_SECONDS: u64 = 60;

/// The columns of a query, and which have no name.
///
/// # Errors
/// No column; two columns of one name.
pub(super) fn columns<'n>(names: impl Iterator<Item = &'n str>) -> Result<(Vec<String>, About), Invalid> {
    let names: Vec<String> = names.map(|name| name.trim().to_owned()).collect();
    if names.is_empty() {
        return Err(no_rows());
    }
    if let Some((_, name)) = names.iter().enumerate().find(|(i, name)| names[..*i].contains(name)) {
        let message = format!("data.query gives two columns `{name}`: name one of them anew with AS");
        return Err(Invalid::at("data.query", message));
    }
    let unnamed = (0..names.len()).filter(|&i| names[i].is_empty()).collect();
    Ok((names, About { unnamed, ..About::default() }))
}

/// Of a query that is none.
pub(super) fn no_rows() -> Invalid {
    Invalid::at("data.query", "data.query must give rows and change nothing: write a SELECT")
}

/// Of a query that fails, in the words of the database.
pub(super) fn refused(origin: &Origin, why: &str) -> Invalid {
    Invalid::at("data.query", format!("{}: {why}", origin.display))
}

/// Of a column without numbers or texts; `what` it holds.
pub(super) fn unreadable(name: &str, what: &str) -> String {
    format!("column `{name}` holds {what}: leave it out of data.query, or add it to data.drop")
}

/// A query for all rows of the only one of the `tables`.
///
/// # Errors
/// None of them, or several.
pub(super) fn of_only_table(origin: &Origin, tables: &[String]) -> Result<String, Invalid> {
    let all = |name: &str| format!("SELECT * FROM \"{}\"", name.replace('"', "\"\""));
    match tables {
        [] => Err(origin.error("is a database without a table: a view is read by data.query")),
        [only] => Ok(all(only)),
        [first, ..] => {
            let names = labels::list_columns(tables, 20);
            let query = all(first);
            Err(origin.error(&format!(
                "is a database of several tables, {names}: say which rows are meant, as by data.query = '{query}'"
            )))
        }
    }
}
