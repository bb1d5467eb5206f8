//! `runs show`

use std::fmt::Write;

use serde::Serialize;

use crate::figures::counted;
use crate::tracking::{FileEntry, RunRecord, Shown, Store};

use super::select::{JsonRun, json};
use super::table;

/// One run as text or JSON.
pub fn text(store: &Store, query: &str, as_json: bool) -> anyhow::Result<String> {
    let run = store.find(query)?;
    let (id, shown) = (&run.record.id, store.shown(&run));
    // A run whose folder is gone still has its database rows.
    let files = store.files(id).unwrap_or_default();
    if as_json {
        #[derive(Serialize)]
        struct Detail<'a> {
            #[serde(flatten)]
            run: JsonRun<'a>,
            folder: String,
            files: Vec<FileEntry>,
        }
        let folder = store.folder(id).display().to_string();
        return json(&Detail { run: JsonRun { run: &run, shown }, folder, files });
    }
    let mut text = head(&run.record, shown);
    if let Some(data) = run.record.data.as_ref().filter(|data| !data.test.is_empty()) {
        let num_others = store.tested_on(&data.test)?.len().saturating_sub(1);
        let others = match num_others {
            0 => "no other run is tested on them".to_owned(),
            1 => "1 other run is tested on the same rows".to_owned(),
            _ => format!("{num_others} other runs are tested on the same rows"),
        };
        writeln!(text, "tested on   {}; {others}", counted(data.num_test, "row"))?;
    }
    writeln!(text, "folder      {}", store.folder(id).display())?;
    let params = run.record.params.iter().map(|(key, value)| vec![key.clone(), table::json_cell(value)]);
    section(&mut text, &["param", "value"], params.collect());
    let metrics = run.metrics.iter().map(|(key, metric)| {
        let best = metric.best.map(table::short).unwrap_or_default();
        // Epoch 0 marks values measured once, after training.
        let epoch =
            |epoch: Option<u64>| epoch.filter(|&epoch| epoch > 0).map(|epoch| epoch.to_string()).unwrap_or_default();
        let (best_epoch, last_epoch) = (epoch(metric.best_epoch), epoch(Some(metric.last_epoch)));
        vec![key.to_string(), best, best_epoch, table::short(metric.last), last_epoch]
    });
    section(&mut text, &["metric", "best", "epoch", "last", "epoch"], metrics.collect());
    section(
        &mut text,
        &["file", "bytes"],
        files.into_iter().map(|file| vec![file.name, file.bytes.to_string()]).collect(),
    );
    Ok(text)
}

fn head(record: &RunRecord, shown: Shown) -> String {
    let mut lines = vec![("run", record.id.to_string()), ("experiment", record.experiment.clone())];
    lines.extend(record.name.clone().map(|name| ("name", name)));
    let reason = if record.reason.is_empty() { String::new() } else { format!(" ({})", record.reason) };
    lines.push(("status", format!("{shown}{reason}")));
    lines.push(("started", record.started.to_string()));
    if let Some(ended) = record.ended {
        let seconds = ended.seconds_since(record.started);
        let after = if seconds < 0.0 { "the clock was set back".to_owned() } else { format!("after {seconds:.1} s") };
        lines.push(("ended", format!("{ended} ({after})")));
    }
    lines.push(("seed", record.seed.to_string()));
    lines.extend(record.best_epoch.map(|epoch| ("best epoch", epoch.to_string())));
    lines.extend(record.parent.as_ref().map(|parent| ("parent", parent.to_string())));
    if !record.tags.is_empty() {
        lines.push(("tags", record.tags.join(", ")));
    }
    lines.extend(record.note.clone().map(|note| ("note", note)));
    if record.archived {
        lines.push(("archived", "yes".to_owned()));
    }
    lines.into_iter().map(|(label, value)| format!("{label:<10}  {}\n", table::one_line(&value))).collect()
}

fn section(text: &mut String, header: &[&str], rows: Vec<Vec<String>>) {
    if !rows.is_empty() {
        text.push('\n');
        text.push_str(&table::render(&header.iter().map(ToString::to_string).collect::<Vec<_>>(), &rows));
    }
}
