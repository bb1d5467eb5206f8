//! Tests of the verbs on a small folder of runs.

use std::collections::BTreeMap;

use clap::Parser;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::select::select;
use super::*;
use crate::cli::{ExportFormat, ListArgs};
use crate::tracking::{NewRun, Point, RunWriter, Status};

#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    args: RunsArgs,
}

/// Two finished runs of `digits` and a failed one of `moons`.
fn folder() -> (TempDir, Vec<RunId>) {
    let folder = tempfile::tempdir().unwrap();
    let recipes =
        [("digits", 0.25, 0.9, json!([16])), ("digits", 0.5, 0.95, json!([8, 8])), ("moons", f64::NAN, 0.0, json!([]))];
    let start = |(experiment, loss, accuracy, hidden): (&str, f64, f64, Value)| {
        let run = NewRun {
            experiment: experiment.to_owned(),
            name: Some("=HYPERLINK(1)".to_owned()),
            tags: vec!["a-long-tag".to_owned(), "another-long-tag".to_owned()],
            note: None,
            config_toml: String::new(),
            params: BTreeMap::from([("model.hidden".to_owned(), hidden), ("same".to_owned(), json!(1))]),
            environment: Value::Null,
            seed: 7,
            parent: None,
            sweep: None,
            data: None,
            is_private: false,
        };
        let mut writer = RunWriter::start(folder.path(), run).unwrap();
        let point = |key: &str, epoch, value| Point { key: key.parse().unwrap(), epoch, step: epoch, time: 1.0, value };
        writer.log(&[point("validation/loss", 1, loss), point("validation/loss", 2, loss * 2.0)]).unwrap();
        if accuracy > 0.0 {
            writer.log(&[point("test/accuracy", 0, accuracy)]).unwrap();
        }
        let id = writer.id().clone();
        let status = if loss.is_nan() { Status::Failed } else { Status::Finished };
        writer.finish(status, "over", Some(1)).unwrap();
        id
    };
    let ids = recipes.map(start).to_vec();
    (folder, ids)
}

/// Runs the verb as on the command line.
fn verb(folder: &TempDir, words: &[&str]) -> anyhow::Result<ExitCode> {
    let artifacts = folder.path().to_str().unwrap();
    let words = ["runs", "--artifacts", artifacts].into_iter().chain(words.iter().copied());
    run(&Cli::try_parse_from(words)?.args)
}

fn options(words: &[&str]) -> ListArgs {
    match Cli::try_parse_from(["runs", "list"].iter().chain(words)).unwrap().args.command {
        RunsCommand::List(options) => options,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_list_fits_a_terminal() {
    let (folder, ids) = folder();
    let store = Store::open_read_only(folder.path()).unwrap();
    let text = list::text(&store, &options(&[])).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
    assert!(
        lines[0].starts_with("id ") && lines[0].contains("  status    validation/loss  test/accuracy  tag"),
        "{text}"
    );
    // Newest first; ids stay whole, tags are cut.
    assert!(lines[1].starts_with(ids[2].as_str()) && lines[1].ends_with('…'), "{text}");
}

#[test]
fn the_list_is_filtered_sorted_and_limited() {
    let (folder, ids) = folder();
    let store = Store::open_read_only(folder.path()).unwrap();
    let listed = |words: &[&str]| {
        let text = list::text(&store, &options(&[words, &["--columns", "id"]].concat())).unwrap();
        text.lines().skip(1).map(|id| ids.iter().position(|other| other.as_str() == id).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(listed(&["--filter", "experiment = digits"]), [1, 0]);
    assert_eq!(listed(&["--sort", "validation/loss"]), [0, 1, 2]);
    assert_eq!(listed(&["--sort", "test/accuracy"]), [1, 0, 2]);
    assert_eq!(listed(&["--sort", "test/accuracy", "--reverse"]), [0, 1, 2]);
    assert_eq!(listed(&["--sort", "last(validation/loss)", "--limit", "2"]), [0, 1]);
    assert_eq!(listed(&["--sort", "started"]), [0, 1, 2]);
    assert_eq!(listed(&["--reverse"]), [0, 1, 2]);
    let text = list::text(&store, &options(&["--json", "--limit", "1"])).unwrap();
    let runs: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&runs[0]["id"], &runs[0]["shown"], runs.as_array().unwrap().len()),
        (&json!(ids[2]), &json!("failed"), 1)
    );
    let error = list::text(&store, &options(&["--filter", "seed >"])).unwrap_err();
    assert_eq!(format!("{error:#}").split(": expected").next(), Some("--filter `seed >`: at column 7"));
}

#[test]
fn comparing_names_what_differs_and_the_best() {
    let (folder, ids) = folder();
    let store = Store::open_read_only(folder.path()).unwrap();
    let queries: Vec<String> = ids.iter().map(ToString::to_string).collect();
    let text = compare::text(&store, &queries, None, false).unwrap();
    assert!(!text.contains("same"), "{text}");
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = text.lines().map(words).collect();
    assert!(lines.contains(&"model.hidden [16] [8,8] []".to_owned()), "{text}");
    assert!(lines.contains(&"validation/loss 0.25000 @ 1* 0.50000 @ 1 NaN".to_owned()), "{text}");
    assert!(lines.contains(&"test/accuracy 0.90000 0.95000*".to_owned()), "{text}");
    let json: Value = serde_json::from_str(&compare::text(&store, &queries, None, true).unwrap()).unwrap();
    assert_eq!((&json["ids"], &json["params"][0]["values"][0]), (&json!(ids), &json!([16])));
}

#[test]
fn one_run_is_shown_whole() {
    let (folder, ids) = folder();
    let store = Store::open_read_only(folder.path()).unwrap();
    let text = show::text(&store, "moons", false).unwrap();
    for part in [ids[2].as_str(), "failed (over)", "model.hidden", "validation/loss", "metrics.csv"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json: Value = serde_json::from_str(&show::text(&store, "latest", true).unwrap()).unwrap();
    assert_eq!((&json["id"], &json["metrics"]["validation/loss"]["last"]), (&json!(ids[2]), &json!("NaN")));
    assert!(show::text(&store, "digits", false).unwrap_err().to_string().contains("2 runs"));
}

#[test]
fn verbs_change_what_they_say() {
    let (folder, ids) = folder();
    let id = ids[2].as_str();
    verb(&folder, &["tag", "moons", "+good", "-a-long-tag"]).unwrap();
    verb(&folder, &["note", "latest", "a note"]).unwrap();
    verb(&folder, &["archive", "moons"]).unwrap();
    let open = || Store::open_read_only(folder.path()).unwrap();
    let record = open().find(id).unwrap().record;
    assert_eq!(
        (record.tags, record.note.as_deref(), record.archived),
        (vec!["another-long-tag".to_owned(), "good".to_owned()], Some("a note"), true)
    );
    assert_eq!(select(&open(), "", false).unwrap().0.len(), 2);
    verb(&folder, &["archive", "--undo", "moons"]).unwrap();
    assert_eq!(select(&open(), "", false).unwrap().0.len(), 3);
    let error = verb(&folder, &["delete", "digits"]).unwrap_err().to_string();
    assert!(error.starts_with("`digits` is an experiment of 2 runs, and delete takes their ids: digits-"), "{error}");
    // One misspelled run, and nothing is deleted.
    assert!(verb(&folder, &["delete", id, "nosuch"]).is_err());
    assert_eq!(open().runs().unwrap().len(), 3);
    verb(&folder, &["delete", id]).unwrap();
    assert_eq!(open().runs().unwrap().len(), 2);
    verb(&folder, &["restore"]).unwrap();
    verb(&folder, &["restore", "moons"]).unwrap();
    verb(&folder, &["delete", "moons"]).unwrap();
    verb(&folder, &["gc"]).unwrap();
    assert_eq!(open().trashed().unwrap().len(), 1);
    verb(&folder, &["gc", "--older-than", "0"]).unwrap();
    assert!(open().trashed().unwrap().is_empty());
    assert!(verb(&folder, &["gc", "--older-than=-1"]).is_err());
    assert!(verb(&folder, &["tag", "latest", "plain"]).is_err());
    verb(&folder, &["reindex"]).unwrap();
    assert_eq!(open().runs().unwrap().len(), 2);
}

#[test]
fn nothing_is_created_in_a_folder_without_runs() {
    let folder = tempfile::tempdir().unwrap();
    for words in [&["list"] as &[&str], &["tag", "latest", "+x"], &["gc"], &["reindex"], &["export"]] {
        let error = verb(&folder, words).unwrap_err().to_string();
        assert!(error.contains("no runs recorded"), "{words:?}: {error}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn exports_are_whole_and_harmless() {
    let (folder, ids) = folder();
    let store = Store::open_read_only(folder.path()).unwrap();
    let text = export::text(&store, "", ExportFormat::Csv).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let value = |row: usize, name: &str| &rows[row][header.iter().position(|column| column == name).unwrap()];
    assert_eq!((rows.len(), value(2, "id")), (3, ids[0].as_str()));
    assert_eq!((value(2, "best(validation/loss)"), value(2, "last(validation/loss)")), ("0.25", "0.5"));
    assert_eq!((value(2, "param:model.hidden"), value(0, "last(validation/loss)")), ("[16]", "NaN"));
    assert_eq!(value(0, "name"), "'=HYPERLINK(1)");
    verb(&folder, &["export", "--format", "json", "--output", folder.path().join("out.json").to_str().unwrap()])
        .unwrap();
    let json: Value = serde_json::from_slice(&std::fs::read(folder.path().join("out.json")).unwrap()).unwrap();
    assert_eq!(json[0]["name"], "=HYPERLINK(1)");
}
