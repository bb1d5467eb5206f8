//! `burnlab report RUN...`: writes one self-contained HTML file.

use std::fmt::{self, Write};
use std::io;
use std::path::Path;
use std::process::ExitCode;

use super::output;
use super::runs::compare::{Comparison, said};
use crate::backend::BackendName;
use crate::cli::ReportArgs;
use crate::experiment::model_card::minute;
use crate::experiment::pictures::{Drawn, draw_all};
use crate::experiment::run_folder::{MODEL, recorded};
use crate::experiment::{RunFolder, SavedModel};
use crate::permissions::create_for_this_user_alone;
use crate::shown::without_escapes;
use crate::tracking::{Run, Store};

const STYLE: &str = include_str!("report.css");

/// Writes the report and prints its path.
///
/// # Errors
/// No such run; a damaged run folder; a file that cannot be written.
pub fn run(args: &ReportArgs) -> anyhow::Result<ExitCode> {
    let store = Store::open_read_only_at(&args.store.location())?;
    let runs = args.runs.iter().map(|run| recorded(&store, run)).collect::<Result<Vec<Run>, _>>()?;
    if args.output.is_none() && runs.iter().any(|run| !RunFolder::at(store.folder(&run.record.id)).is_public()) {
        // As the runs of data that are closed to others.
        create_for_this_user_alone();
    }
    let html = html(&store, &runs, &SavedModel::open)?;
    let write = |writer: &mut dyn io::Write| Ok(writer.write_all(html.as_bytes())?);
    let file = args.output.as_deref().unwrap_or(Path::new("report.html"));
    match args.output {
        Some(_) => output::to_file(file, &[], write)?,
        None => output::to_own_file(file, write)?,
    }
    output::say_path(file);
    Ok(ExitCode::SUCCESS)
}

/// How the model of a run is opened.
type Open<'a> = &'a dyn Fn(&RunFolder) -> anyhow::Result<SavedModel>;

/// What the dashboard writes.
///
/// # Errors
/// A damaged run folder; a large model.
pub fn html_for_page(store: &Store, runs: &[Run]) -> anyhow::Result<String> {
    html(store, runs, &|folder| SavedModel::open_for_page(folder, &["report", &folder.name()]))
}

/// The report as a page without scripts, which needs nothing else: the verdict first where there are several runs.
///
/// # Errors
/// A damaged run folder.
fn html(store: &Store, runs: &[Run], open: Open<'_>) -> anyhow::Result<String> {
    let mut html = String::new();
    let title = match runs {
        [run] => run.record.id.to_string(),
        runs => format!("{} runs compared", runs.len()),
    };
    write!(
        html,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>{0}</title><style>\n{STYLE}</style></head><body>\n<h1>{0}</h1>\n",
        escaped(&title)
    )?;
    if runs.len() > 1 {
        write_comparison(&mut html, store, runs)?;
    }
    for run in runs {
        write_run(&mut html, store, run, open, runs.len() > 1)?;
    }
    write!(html, "<p class=\"soft\">Written by burnlab {}.</p>\n</body></html>\n", env!("CARGO_PKG_VERSION"))?;
    Ok(without_escapes(&html).into_owned())
}

fn write_comparison(html: &mut String, store: &Store, runs: &[Run]) -> anyhow::Result<()> {
    let all = store.runs()?;
    let said = said(store, &all, runs, None)?;
    for sentence in &said.sentences {
        writeln!(html, "<p>{}</p>", escaped(sentence))?;
    }
    let Comparison { names, params, metrics } = Comparison::new(store, &all, runs);
    let legend: Vec<Vec<String>> = names
        .iter()
        .zip(runs)
        .map(|(name, run)| vec![name.clone(), run.record.id.to_string(), store.shown(run).to_string()])
        .collect();
    write_table(html, &["", "run", "status"], &legend)?;
    let header = |first| -> Vec<&str> { [first].into_iter().chain(names.iter().map(String::as_str)).collect() };
    writeln!(html, "<h2>What differs</h2>")?;
    match params.is_empty() {
        true => writeln!(html, "<p>No param differs.</p>")?,
        false => write_table(html, &header("param"), &params)?,
    }
    let of_one = if said.counts_repetitions { " Each column is one run, not the mean over its seeds." } else { "" };
    writeln!(
        html,
        "<h2>Metrics</h2><p class=\"soft\">Best value @ epoch; * is the best of all, where the \
         runs are tested on the same rows and can be told apart.{of_one}</p>"
    )?;
    Ok(write_table(html, &header("metric"), &metrics)?)
}

fn write_run(
    html: &mut String,
    store: &Store,
    run: &Run,
    open: Open<'_>,
    is_one_of_several: bool,
) -> anyhow::Result<()> {
    let record = &run.record;
    let folder = RunFolder::at(store.folder(&record.id));
    if is_one_of_several {
        writeln!(html, "<h2>{}</h2>", escaped(record.id.as_str()))?;
    }
    let reason = if record.reason.is_empty() { String::new() } else { format!(": {}", record.reason) };
    writeln!(
        html,
        "<p>Experiment {}, {}{}. Started {}, seed {}.</p>",
        escaped(&record.experiment),
        store.shown(run),
        escaped(&reason),
        minute(&record.started.to_string()),
        record.seed
    )?;
    if let Some(note) = &record.note {
        writeln!(html, "<p>{}</p>", escaped(note))?;
    }
    if !is_one_of_several {
        let metrics = Comparison::new(store, &[], std::slice::from_ref(run)).metrics;
        write_table(html, &["metric", "best @ epoch"], &metrics)?;
    }
    // A run that is training or has failed has no model to draw.
    if folder.has(MODEL) {
        let saved = open(&folder)?;
        let Drawn { pictures, notes } = draw_all(&saved, BackendName::chosen(None))?;
        for note in notes {
            writeln!(html, "<p class=\"soft\">{}</p>", escaped(&note))?;
        }
        for (picture, svg) in pictures {
            let words = picture.name.replace('-', " ");
            writeln!(html, "<figure><img alt=\"{words}\" src=\"data:image/svg+xml,{}\"></figure>", in_url(&svg))?;
        }
    }
    let config = escaped(&store.config_toml(&record.id)?);
    writeln!(html, "<details><summary>Config</summary><pre>{config}</pre></details>")?;
    let environment = serde_json::to_string_pretty(&store.environment(&record.id)?)?;
    writeln!(html, "<details><summary>Environment</summary><pre>{}</pre></details>", escaped(&environment))?;
    Ok(())
}

fn write_table(html: &mut String, header: &[&str], rows: &[Vec<String>]) -> fmt::Result {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = &str>| -> String {
        cells.map(|cell| format!("<{tag}>{}</{tag}>", escaped(cell))).collect()
    };
    let head = cells("th", &mut header.iter().copied());
    write!(html, "<div class=\"wide\"><table><thead><tr>{head}</tr></thead><tbody>")?;
    for row in rows {
        write!(html, "<tr>{}</tr>", cells("td", &mut row.iter().map(String::as_str)))?;
    }
    writeln!(html, "</tbody></table></div>")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Escapes an SVG document for a `data:` URL in a double-quoted attribute.
fn in_url(svg: &str) -> String {
    let mut url = String::with_capacity(svg.len());
    for character in svg.chars() {
        match character {
            '%' | '#' | '"' | '<' | '>' | '&' | '\n' | '\r' | '\t' => {
                write!(url, "%{:02X}", character as u32).expect("strings grow");
            }
            character => url.push(character),
        }
    }
    url
}
