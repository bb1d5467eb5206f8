//! `runs export`: one row per run, with everything except the metric history.

use std::collections::BTreeSet;

use crate::cli::ExportFormat;
use crate::comparison::field::{Field, FieldValue, RECORD_FIELDS};
use crate::experiment::predictions::inert;
use crate::tracking::{MetricKey, Run, Shown, Store};

use super::select::{JsonRun, json, select};

/// The runs that match the filter, including archived ones, in the given format.
pub fn text(store: &Store, filter: &str, format: ExportFormat) -> anyhow::Result<String> {
    let (runs, _) = select(store, filter, true)?;
    match format {
        ExportFormat::Json => json(&runs.iter().map(|(run, shown)| JsonRun { run, shown: *shown }).collect::<Vec<_>>()),
        ExportFormat::Csv => csv(&runs),
    }
}

fn csv(runs: &[(Run, Shown)]) -> anyhow::Result<String> {
    let params: BTreeSet<&String> = runs.iter().flat_map(|(run, _)| run.record.params.keys()).collect();
    let metrics: BTreeSet<&MetricKey> = runs.iter().flat_map(|(run, _)| run.metrics.keys()).collect();
    // Params get a prefix, since `name` and `seed` are also fields of the record.
    let record = RECORD_FIELDS.iter().map(|name| ((*name).to_owned(), Field::Record((*name).to_owned())));
    let params = params.into_iter().map(|key| (format!("param:{key}"), Field::Param(key.clone())));
    let values = |key: &MetricKey| {
        [(format!("best({key})"), Field::Best(key.clone())), (format!("last({key})"), Field::Last(key.clone()))]
    };
    let columns: Vec<(String, Field)> = record.chain(params).chain(metrics.into_iter().flat_map(values)).collect();
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(columns.iter().map(|(name, _)| name))?;
    for (run, shown) in runs {
        writer.write_record(columns.iter().map(|(_, field)| cell(field.of(run, *shown))))?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

/// A cell with full precision, and [`inert`].
fn cell(value: Option<FieldValue<'_>>) -> String {
    let text = match value {
        None => return String::new(),
        Some(FieldValue::Number(number)) => return number.to_string(),
        Some(FieldValue::Tags(tags)) => tags.join(","),
        Some(FieldValue::Json(value)) => match value.as_str() {
            Some(text) => text.to_owned(),
            None => return value.to_string(),
        },
    };
    inert(&text).into_owned()
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        let json_cell = |value: Value| cell(Some(FieldValue::Json(Cow::Owned(value))));
        for text in ["=1+1", "+cmd", "-cmd|x", "@sum", "\tx"] {
            assert_eq!(json_cell(text.into()), format!("'{text}"));
        }
        assert_eq!(json_cell("plain = text".into()), "plain = text");
        assert_eq!(json_cell(json!(-0.5)), "-0.5");
        assert_eq!(json_cell(json!([16, 8])), "[16,8]");
        assert_eq!(cell(Some(FieldValue::Number(-1.5))), "-1.5");
        assert_eq!(cell(Some(FieldValue::Tags(&["=a".to_owned(), "b".to_owned()]))), "'=a,b");
    }
}
