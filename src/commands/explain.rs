//! `burnlab explain RUN`: what the predictions of a run's model rest on.

use std::path::Path;
use std::process::ExitCode;

use super::output::{is_stdout, say, say_path, to_file, without_escapes};
use super::pictures;
use crate::backend::BackendName;
use crate::cli::ExplainArgs;
use crate::data::{DataConfig, are_closed};
use crate::experiment::attribution::{
    ColumnDependence, Contributions, Dependence, DependencePoint, EVALUATIONS, Explained, OcclusionMap, Request,
    contributions, dependence, occlusion,
};
use crate::experiment::{Ensemble, RunFolder, SavedModel, ensemble};
use crate::figures::{measured, short};
use crate::tracking::{Location, Store};

/// Columns that are printed; a file has all of them.
const MOST_PRINTED: usize = 20;
/// Other runs of a config whose curves are computed.
const MOST_RUNS: usize = 30;
/// For one row of the dashboard's table, while the reader waits.
const EVALUATIONS_OF_PAGE: usize = 10_000;

/// Explains one row where one is named, else the model or the ensemble: prints it, and writes it as a picture or as CSV.
///
/// # Errors
/// No such run; one whose inputs are no columns; a row or a number that it does not have; a file that cannot be written.
pub fn run(args: &ExplainArgs) -> anyhow::Result<ExitCode> {
    let location = args.model.store.location();
    for file in &args.output {
        anyhow::ensure!(
            is_stdout(file) || is_picture(file) || is_table(file),
            "{} ends in neither .csv nor .svg: `-o` writes a table or a picture",
            file.display()
        );
    }
    if args.ensemble {
        let ensemble = Ensemble::open(&location, &args.model.run)?;
        return explain(args, &ensemble.models(), &ensemble.name, &|| Ok(Vec::new()));
    }
    let saved = SavedModel::open(&RunFolder::find(&location, &args.model.run)?)?;
    let name = saved.name();
    explain(args, &[&saved], &name, &|| repetitions(&location, &name))
}

/// The same of one model, or of the members of an ensemble called `name`; `others` are the repetitions of the one.
fn explain(
    args: &ExplainArgs,
    models: &[&SavedModel],
    name: &str,
    others: &dyn Fn() -> anyhow::Result<Vec<SavedModel>>,
) -> anyhow::Result<ExitCode> {
    let first = models[0];
    let stem = |what: &str| if models.len() > 1 { format!("ensemble-{what}") } else { what.to_owned() };
    if args.row.is_none() && args.data.is_none() && args.patch.is_none() {
        anyhow::ensure!(
            args.evaluations.is_none(),
            "--evaluations is of the explanation of a row: name the row with --row"
        );
        let others = others()?;
        let others: Vec<&SavedModel> = others.iter().chain(models[1..].iter().copied()).collect();
        let backend = BackendName::chosen(args.model.backend);
        let background = (args.background.into(), args.seed);
        let of = args.of.as_deref();
        anyhow::ensure!(models.len() == 1 || !args.log_odds, "--log-odds are of one model: leave out --ensemble");
        let found = dependence(first, &others, of, args.log_odds, background, backend)?;
        let found = if models.len() > 1 { found.of_ensemble() } else { found };
        if !to_stdout(args) {
            print_dependence(name, &found);
        }
        let all = models.iter().copied().chain(others);
        return write(args, all, &stem("dependence"), &found.csv()?, || found.picture(name));
    }
    let backend = BackendName::chosen(args.model.backend);
    if args.patch.is_some() || first.preprocessor.image_shape().is_some() {
        let patch = args.patch.map(usize::from);
        let found = occlusion(models, request(args), patch, backend)?;
        if !to_stdout(args) {
            print_occlusion(name, &found);
        }
        return write(args, models.iter().copied(), &stem("occlusion"), &found.csv()?, || found.picture(name));
    }
    let found = contributions(models, request(args), backend)?;
    if !to_stdout(args) {
        print_contributions(name, &found);
    }
    write(args, models.iter().copied(), &stem("contributions"), &found.csv()?, || found.picture(name))
}

/// What the dashboard shows of a test row: a picture made from the run's folder alone, with few evaluations.
///
/// # Errors
/// A run without test rows in its folder; a row that is none of them; inputs that are no columns; a large model.
pub fn picture_of_row(folder: &Path, row: usize) -> anyhow::Result<String> {
    let folder = RunFolder::at(folder);
    let saved = SavedModel::open_for_page(&folder, &["explain", &folder.name(), "--row", &row.to_string()])?;
    let request =
        Request { row: Some(row), evaluations: EVALUATIONS_OF_PAGE, is_from_folder: true, ..Request::default() };
    let (name, backend) = (saved.name(), BackendName::chosen(None));
    match saved.preprocessor.image_shape() {
        Some(_) => Ok(occlusion(&[&saved], request, None, backend)?.picture(&name)),
        None => Ok(contributions(&[&saved], request, backend)?.picture(&name)),
    }
}

fn request(args: &ExplainArgs) -> Request<'_> {
    let ExplainArgs { row, data, of, log_odds, background, evaluations, seed, .. } = args;
    Request {
        row: *row,
        data: data.as_deref(),
        of: of.as_deref(),
        log_odds: *log_odds,
        background: (*background).into(),
        evaluations: evaluations.map_or(EVALUATIONS, |count| count as usize),
        seed: *seed,
        is_from_folder: false,
    }
}

/// The models of the other finished runs of the same config; none for a folder that is in no store.
fn repetitions(location: &Location, name: &str) -> anyhow::Result<Vec<SavedModel>> {
    let Ok(store) = Store::open_read_only_at(location) else { return Ok(Vec::new()) };
    let Ok(run) = store.find(name) else { return Ok(Vec::new()) };
    let others = ensemble::repetitions(&store, &run)?.into_iter().filter(|other| other.record.id != run.record.id);
    // One whose files are gone or elsewhere has no curve.
    let open = |id: &str| SavedModel::open(&RunFolder::find(location, id).ok()?).ok();
    Ok(others.filter_map(|other| open(other.record.id.as_str())).take(MOST_RUNS).collect())
}

fn to_stdout(args: &ExplainArgs) -> bool {
    args.output.iter().any(|file| is_stdout(file))
}

fn is_picture(file: &Path) -> bool {
    file.extension().is_some_and(|end| end.eq_ignore_ascii_case("svg"))
}

fn is_table(file: &Path) -> bool {
    let name = file.to_string_lossy().to_lowercase();
    name.ends_with(".csv") || name.ends_with(".csv.gz")
}

/// Writes the files of `--output`, or the picture into the folder of the first of these models.
fn write<'a>(
    args: &ExplainArgs,
    models: impl Iterator<Item = &'a SavedModel>,
    stem: &str,
    table: &[u8],
    picture: impl Fn() -> String,
) -> anyhow::Result<ExitCode> {
    if args.output.is_empty() {
        say!("");
        let models: Vec<&SavedModel> = models.collect();
        let first = models[0];
        let is_closed = models.iter().any(|model| !model.folder.is_public()) || shows_closed_data(args, first);
        pictures::write(&first.folder, stem, &picture(), is_closed)?;
    }
    let inputs: Vec<&Path> = args.data.iter().map(AsRef::as_ref).collect();
    for file in &args.output {
        let bytes = if is_picture(file) { picture().into_bytes() } else { table.to_vec() };
        to_file(file, &inputs, |writer| Ok(writer.write_all(&bytes)?))?;
        say_path(file);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether the data that are explained are closed to other users.
fn shows_closed_data(args: &ExplainArgs, model: &SavedModel) -> bool {
    let own = &model.config.data;
    match &args.data {
        // Of what is piped nobody knows who may read it.
        Some(file) if file == Path::new("-") => true,
        Some(file) => are_closed(&DataConfig {
            path: Some(file.clone()),
            more_paths: Vec::new(),
            labels: None,
            test_path: None,
            test_labels: None,
            ..own.clone()
        }),
        None => are_closed(own),
    }
}

fn print_contributions(name: &str, found: &Contributions) {
    say!("run     {name}, {}: predicted {}", found.told, found.predicted);
    say!("method  {}", found.method());
    say!("mean    over {}", found.background);
    for Explained { outcome, mean, value, columns } in &found.explained {
        say!("\n{}: {} = {} (mean) {}", outcome.told, measured(*value), measured(*mean), signed(value - mean));
        let shown = &columns[..columns.len().min(MOST_PRINTED)];
        let cells: Vec<String> = shown.iter().map(|column| shortened(&column.cell)).collect();
        let names: Vec<String> = shown.iter().map(|column| shortened(&column.column)).collect();
        let width = |texts: &[String], title: &str| {
            texts.iter().map(|text| text.chars().count()).max().unwrap_or(0).max(title.len())
        };
        let (first, second) = (width(&names, "column"), width(&cells, "cell"));
        say!("  {:first$}  {:second$}  contribution", "column", "cell");
        for ((column, name), cell) in shown.iter().zip(names).zip(cells) {
            let error = if column.amount.error > 0.0 {
                format!(" ± {}", measured(column.amount.error))
            } else {
                String::new()
            };
            say!("  {name:first$}  {cell:second$}  {}{error}", signed(column.amount.value));
        }
        if columns.len() > shown.len() {
            let rest: f64 = columns[shown.len()..].iter().map(|column| column.amount.value).sum();
            say!("  {} more columns together  {}", columns.len() - shown.len(), signed(rest));
        }
    }
}

fn print_occlusion(name: &str, found: &OcclusionMap) {
    say!("run     {name}, {}: predicted {}", found.told, found.predicted);
    say!("method  {}", found.method());
    say!("mean    over {}", found.background);
    for map in &found.maps {
        let [height, width] = found.shape;
        let place = |by: std::cmp::Ordering| {
            let places = (0..height * width).filter(|&pixel| !map.falls[pixel].is_nan());
            places.reduce(|a, b| if map.falls[b].total_cmp(&map.falls[a]) == by { b } else { a }).unwrap_or(0)
        };
        let told = |pixel: usize| format!("around row {}, column {}", pixel / width, pixel % width);
        say!("\n{}: {}", map.outcome.told, measured(map.value));
        let (most, least) = (place(std::cmp::Ordering::Greater), place(std::cmp::Ordering::Less));
        let falls = |pixel: usize| {
            let fall = map.falls[pixel];
            format!("{} by {}", if fall < 0.0 { "rises" } else { "falls" }, measured(fall.abs()))
        };
        say!("  {} where the part {} is hidden, the most important one", falls(most), told(most));
        say!("  {} where the part {} is hidden", falls(least), told(least));
    }
}

fn print_dependence(name: &str, found: &Dependence) {
    say!("run     {name}");
    say!("method  {}", found.method());
    for (i, outcome) in found.outcomes.iter().enumerate() {
        say!("\n{}, from its least to its largest mean", outcome.told);
        let shown: Vec<&ColumnDependence> = found.columns.iter().take(MOST_PRINTED).collect();
        let width = shown.iter().map(|column| shortened(&column.column).chars().count()).max().unwrap_or(0);
        for column in &shown {
            let by = |a: &&DependencePoint, b: &&DependencePoint| a.values[i].total_cmp(&b.values[i]);
            let ends = column.points.iter().min_by(by).zip(column.points.iter().max_by(by));
            let Some((least, most)) = ends else {
                say!("  {:width$}  no cell with a value", shortened(&column.column));
                continue;
            };
            let point = |point: &DependencePoint| {
                let runs = point.over_runs.get(i);
                let runs = runs
                    .map_or_else(String::new, |[mean, by]| format!(" (runs {} ± {})", measured(*mean), measured(*by)));
                format!("{}{runs} at {}", measured(point.values[i]), shortened(&point.cell))
            };
            say!("  {:width$}  {} to {}", shortened(&column.column), point(least), point(most));
        }
        if found.columns.len() > shown.len() {
            say!("  ... and {} more columns", found.columns.len() - shown.len());
        }
    }
}

/// A number with its sign.
fn signed(number: f64) -> String {
    let shown = if number.abs() < 10.0 { format!("{:.4}", number.abs()) } else { short(number.abs()) };
    format!("{} {shown}", if number < 0.0 { "-" } else { "+" })
}

/// A text of the user's as one short line.
fn shortened(text: &str) -> String {
    const MOST: usize = 32;
    let line = without_escapes(text).replace(['\n', '\t'], " ");
    match line.chars().count() > MOST {
        true => line.chars().take(MOST - 1).chain(['…']).collect(),
        false => line,
    }
}
