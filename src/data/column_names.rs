//! Finds columns by their names.

use std::collections::HashMap;

use super::columns::{Forced, Input};
use super::table::Table;
use super::{DataConfig, TargetColumns, labels};
use crate::invalid::{Invalid, nearest};

/// Indices of the target columns.
///
/// # Errors
/// No `data.target`, or no column of this name; the message lists the columns.
pub(super) fn target_positions(table: &Table<'_>, config: &DataConfig) -> Result<Vec<usize>, Invalid> {
    let of_table = table.about().target.as_slice();
    let targets = config.target.as_ref().map_or(of_table, TargetColumns::names);
    if targets.is_empty() {
        let names = labels::list_columns(table.names(), 20);
        // A table of one column has nothing to predict from.
        let text =
            if table.names().len() == 1 { "; or, if it is a text, set data.task = \"language_model\"" } else { "" };
        let message = format!("data.target is missing: name the column to predict, one of {names}{text}");
        return Err(Invalid::at("data.path", message));
    }
    targets.iter().map(|target| find(table, target, "data.target")).collect()
}

/// Every column except the targets and the dropped ones.
///
/// # Errors
/// Names in `drop`, `numeric`, `categorical` or `date` that the file does not have or that name a target; no input left.
pub(super) fn inputs(table: &Table<'_>, targets: &[usize], config: &DataConfig) -> Result<Vec<Input>, Invalid> {
    // A map, since the list to drop may be as long as the header: an error message suggests it, ready to paste.
    let places: HashMap<&str, usize> = table.names().iter().map(String::as_str).zip(0..).collect();
    let mut forced = vec![None; table.names().len()];
    let mut is_dropped = vec![false; table.names().len()];
    let lists = [
        ("data.drop", &config.drop, None),
        ("data.numeric", &config.numeric, Some(Forced::Numeric)),
        ("data.categorical", &config.categorical, Some(Forced::Categorical)),
        ("data.date", &config.date, Some(Forced::Date)),
        ("data.text", &config.text, Some(Forced::Text)),
    ];
    targets.iter().for_each(|&position| is_dropped[position] = true);
    let unnamed = &table.about().unnamed;
    unnamed.iter().for_each(|&position| is_dropped[position] = true);
    for (key, names, kind) in lists {
        // `drop = [""]`: the columns without a name.
        for name in names.iter().filter(|name| !(name.is_empty() && kind.is_none() && !unnamed.is_empty())) {
            let position =
                places.get(name.as_str()).map_or_else(|| find(table, name, key), |&position| Ok(position))?;
            if targets.contains(&position) {
                let message =
                    format!("{key} names the target `{name}`: remove it there (data.task says how to read the target)");
                return Err(Invalid::at(key, message));
            }
            is_dropped[position] |= kind.is_none();
            forced[position] = kind;
        }
    }
    // What divides the rows is no input: new rows are of other entities. Of time there is something to learn.
    if let Some((key, name)) = config.divided_by() {
        let position = find(table, name, key)?;
        if key != "data.order" {
            if forced[position].is_some() {
                let message = format!("{key} names `{name}`, so that it is no input: leave it out of the other lists");
                return Err(Invalid::at(key, message));
            }
            is_dropped[position] = true;
        }
    }
    if let Some(name) = &config.weight {
        let position = find(table, name, "data.weight")?;
        if forced[position].is_some() {
            let message =
                format!("data.weight names `{name}`, so that it is no input: leave it out of the other lists");
            return Err(Invalid::at("data.weight", message));
        }
        is_dropped[position] = true;
    }
    if let Some(pixels) = &table.about().pixels {
        for i in 0..table.names().len() {
            is_dropped[i] |= !pixels.contains(&i);
            forced[i] = Some(Forced::Numeric);
        }
    }
    let kept = (0..table.names().len()).filter(|&i| !is_dropped[i]);
    let inputs: Vec<Input> = kept.map(|i| Input::new(&table.names()[i], i, forced[i])).collect();
    if inputs.is_empty() {
        return Err(table.error("has no input column besides the target and data.drop"));
    }
    Ok(inputs)
}

/// The position of a column that the section names.
///
/// # Errors
/// No such column.
pub(super) fn find(table: &Table<'_>, name: &str, key: &str) -> Result<usize, Invalid> {
    if let Some(position) = table.names().iter().position(|other| other == name) {
        return Ok(position);
    }
    let nearest =
        nearest(name, table.names().iter().map(String::as_str)).map(|name| format!("; did you mean `{name}`?"));
    let alone = if table.names().len() == 1 { " alone" } else { "" };
    let way_out = table.about().way_out.as_ref().map_or_else(String::new, |way_out| format!(": {way_out}"));
    let message = format!(
        "{} has no column `{name}`{} It has {}{alone}{way_out}",
        table.display(),
        nearest.unwrap_or_else(|| ".".to_owned()),
        labels::list_columns(table.names(), 20)
    );
    Err(Invalid::at(key, message))
}

/// The positions of the columns `names` in a later file, which may order them differently and have others.
///
/// # Errors
/// Columns that are missing.
pub(super) fn positions<'n>(table: &Table<'_>, names: impl Iterator<Item = &'n str>) -> Result<Vec<usize>, Invalid> {
    let known: HashMap<&str, usize> = table.names().iter().map(String::as_str).zip(0..).collect();
    let mut positions = Vec::new();
    let mut lacking = Vec::new();
    for name in names {
        match known.get(name) {
            Some(&position) => positions.push(position),
            None if lacking.iter().any(|other| other == name) => {}
            None => lacking.push(name.to_owned()),
        }
    }
    match lacking.is_empty() {
        true => Ok(positions),
        false => {
            let lacking_names = lacking;
            let lacking = labels::list_columns(&lacking_names, 20);
            let alike = lacking_alike(&lacking_names, table.names());
            Err(table.error(&format!("lacks columns that the model was trained with: {lacking}{alike}")))
        }
    }
}

/// The positions of columns that a user lists: each item is a name of the file, commas and all, or several in a line of
/// CSV.
///
/// # Errors
/// Columns that are missing.
pub(super) fn listed(table: &Table<'_>, items: &[String]) -> Result<Vec<usize>, Invalid> {
    let position = |name: &str| table.names().iter().position(|other| other == name);
    let mut positions = Vec::new();
    for item in items {
        if let Some(whole) = position(item) {
            positions.push(whole);
            continue;
        }
        let mut reader = csv::ReaderBuilder::new().has_headers(false).trim(csv::Trim::All).from_reader(item.as_bytes());
        for name in reader.records().next().and_then(Result::ok).iter().flatten() {
            let found = position(name).ok_or_else(|| {
                let has = labels::list_columns(table.names(), 20);
                table.error(&format!("has no column `{name}` to keep. It has {has}"))
            });
            positions.push(found?);
        }
    }
    Ok(positions)
}

/// Names of the file that differ from those it lacks only by letter case and spaces; if there are none, what it has.
fn lacking_alike(lacking: &[String], names: &[String]) -> String {
    let rough = |name: &str| name.split_whitespace().collect::<String>().to_lowercase();
    let alike = |name: &String| names.iter().find(|other| rough(other) == rough(name));
    let pairs: Vec<String> =
        lacking.iter().filter_map(|name| Some(format!("`{}` for `{name}`", alike(name)?))).collect();
    match pairs.is_empty() {
        true => format!("; it has {}", labels::list_columns(names, 8)),
        false => format!("; it has {}: rename them", labels::list(&pairs, 8)),
    }
}
