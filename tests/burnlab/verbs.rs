//! Every verb as a process of its own, on a store in a file and on a PostgreSQL server.
//!
//! Tests of the parts call functions in the order and on the threads that a test has; what only the whole command does,
//! such as opening the store from inside the web server, they do not see.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::process::{Output, Stdio};

use burnlab::cli::Cli;
use clap::CommandFactory;

use crate::hosts::Database;
use crate::lab::config_file;
use crate::place::{Place, signal, text, wait_for, works};
use crate::served::Served;

const SWEEP: &str = "name = \"search\"\n[data]\nsource = \"iris\"\n[training]\nmax_epochs = 3\n[sweep]\n\
                     method = \"random\"\ntrials = 2\n[sweep.space]\n\"training.l2\" = { min = 1e-5, max = 1e-2 }\n";
const TEXT: &str = "name = \"text\"\n[data]\npath = \"text.txt\"\ntask = \"language_model\"\ncontext = 8\n[model]\n\
                    kind = \"transformer\"\nwidth = 4\nheads = 1\ndepth = 1\n[training]\nmax_epochs = 1\nbatch_size = 8\n";

/// Verbs that were run, and the store that they were run on.
struct Tried<'a> {
    place: Place,
    server: Option<&'a str>,
    verbs: BTreeSet<String>,
}

impl Tried<'_> {
    /// Runs a command line, whose first words are `verb`.
    #[track_caller]
    fn run(&mut self, verb: &str, rest: &[&str]) -> Output {
        self.verbs.insert(verb.to_owned());
        let args: Vec<&str> = verb.split_whitespace().chain(rest.iter().copied()).collect();
        let mut command = self.place.command(&args);
        command.env_remove("BURNLAB_STORE");
        self.server.map(|server| command.env("BURNLAB_STORE", server));
        command.output().unwrap()
    }

    /// As [`Tried::run`]; what it prints, without an error.
    #[track_caller]
    fn works(&mut self, verb: &str, rest: &[&str]) -> String {
        let output = self.run(verb, rest);
        assert!(output.status.success(), "{verb} {rest:?}: {}", text(&output.stderr));
        assert!(!text(&output.stderr).contains("panicked"), "{verb} {rest:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }
}

/// `runs list`, `dashboard`, ...: all that the command line has.
fn all_verbs(command: &clap::Command, before: &str) -> Vec<String> {
    let of = |command: &clap::Command| all_verbs(command, format!("{before} {}", command.get_name()).trim_start());
    match command.has_subcommands() {
        true => command.get_subcommands().flat_map(of).collect(),
        false => vec![before.to_owned()],
    }
}

fn every_verb_works(server: Option<&str>) {
    let mut tried = Tried { place: Place::new(), server, verbs: BTreeSet::new() };
    let iris = config_file("iris").display().to_string();
    tried.place.write("search.toml", SWEEP);
    tried.place.write("text.toml", TEXT);
    tried.place.write("text.txt", &"the cat sat on the mat. the dog sat on the log.\n".repeat(20));

    // Before there is a store.
    assert!(tried.works("doctor", &[]).contains("the first training makes "));
    assert_eq!(tried.run("runs list", &[]).status.code(), Some(1));
    tried.works("config check", &[&iris]);
    assert!(tried.works("config render", &[&iris]).contains("iris"));
    assert!(tried.works("config schema", &[]).contains("batch_size"));
    assert!(tried.works("config list", &[]).contains("digits"));
    assert!(tried.works("config show", &["digits"]).contains("source = \"digits\""));
    assert!(tried.works("completions", &["bash"]).contains("burnlab"));
    assert_eq!(tried.works("man", &["pages/man1"]), "pages/man1\n");

    tried.place.write("init.csv", &format!("a,y\n{}", "1,no\n2,yes\n3,no\n".repeat(9)));
    assert!(tried.works("init", &["init.csv"]).contains("init.toml"));

    let train = ["--config", &iris, "--set", "training.max_epochs=3"];
    tried.works("", &[&train[..], &["--set", "seed=1"]].concat());
    tried.works("", &[&train[..], &["--set", "seed=2", "--set", "model.hidden=[4]", "--name", "other"]].concat());
    tried.works("", &["--config", "text.toml"]);
    assert_eq!(tried.works("runs list", &[]).lines().count(), 4);
    assert!(tried.works("doctor", &[]).contains("3 runs, schema "));
    assert!(tried.works("runs show", &["iris"]).contains("seed"));
    assert!(tried.works("runs compare", &["iris", "other"]).contains("model.hidden"));
    assert!(tried.works("runs tag", &["other", "+good"]).contains("good"));
    tried.works("runs note", &["other", "looks right"]);
    assert!(tried.works("runs rename", &["other", "new name"]).starts_with("other is now new name: 1 run; undo: "));
    assert!(tried.works("runs compare", &["iris", "new name"]).contains("model.hidden"));
    tried.works("runs rename", &["new name", "other"]);
    tried.works("runs archive", &["other"]);
    assert_eq!(tried.works("runs list", &[]).lines().count(), 3);
    tried.works("runs archive", &["--undo", "other"]);
    assert!(tried.works("runs export", &[]).contains("looks right"));
    tried.works("runs delete", &["other"]);
    assert!(tried.works("runs restore", &[]).contains("other"));
    tried.works("runs restore", &["other"]);
    tried.works("runs gc", &[]);
    assert!(tried.works("runs reindex", &[]).starts_with("3 runs"));

    assert!(tried.works("evaluate", &["iris"]).contains("accuracy"));
    assert!(tried.works("explain", &["iris"]).contains("partial dependence over"));
    assert!(tried.works("explain-step", &["iris"]).contains("backward pass"));
    assert!(tried.works("plot", &["iris"]).contains(".svg"));
    tried.works("export", &["iris", "--format", "onnx", "-o", "iris.onnx"]);
    tried.works("report", &["iris", "other"]);
    let rows = std::fs::read_to_string(test_rows(&tried, "iris")).unwrap();
    tried.place.write("rows.csv", &rows);
    assert_eq!(tried.works("predict", &["iris", "rows.csv"]).lines().count(), rows.lines().count());
    assert!(tried.works("generate", &["text", "--length", "5"]).chars().count() >= 5);
    tried.works("resume", &["other", "--epochs", "5"]);

    stops(&mut tried);

    tried.works("", &["--config", "search.toml", "--jobs", "1"]);
    assert!(tried.works("sweep list", &[]).contains("search"));
    assert!(tried.works("sweep show", &["search"]).contains("2 of 2 trials finished"));
    tried.works("sweep resume", &["search"]);
    tried.works("sweep work", &["search"]);
    let emitted = tried.run("sweep emit", &["--slurm", "--config", "search.toml"]);
    assert_eq!(emitted.status.success(), server.is_some(), "only on a server can machines share a queue");

    let tune = [&iris, "--set", "training.max_epochs=2", "--set", "data.validation_fraction=0.2"];
    let tuned =
        tried.works("tune", &[&tune[..], &["--name", "t", "--seeds", "2", "--trials", "1", "--jobs", "1"]].concat());
    assert!(tuned.contains("found  "), "{tuned}");
    tried.works("predict", &["t-default", "rows.csv", "--ensemble"]);

    tried.verbs.insert("dashboard".to_owned());
    let mut command = tried.place.command(&["dashboard", "--port", "0"]);
    command.env_remove("BURNLAB_STORE");
    server.map(|server| command.env("BURNLAB_STORE", server));
    let served = Served::start(command).expect("the dashboard serves");
    let (status, runs) = served.ask("GET", "/api/runs", "").unwrap();
    assert_eq!((status, runs.contains("looks right")), (200, true));

    tried.verbs.insert("learn".to_owned());
    let mut command = tried.place.command(&["learn", "--port", "0"]);
    command.env_remove("BURNLAB_STORE");
    server.map(|server| command.env("BURNLAB_STORE", server));
    let served = Served::start(command).expect("the lessons are served");
    let (status, lessons) = served.ask("GET", "/api/learn/lessons?lang=en", "").unwrap();
    assert_eq!((status, lessons.contains("\"neuron\"")), (200, true));

    tried.verbs.insert("serve".to_owned());
    let mut command = tried.place.command(&["serve", "iris", "--port", "0"]);
    command.env_remove("BURNLAB_STORE");
    server.map(|server| command.env("BURNLAB_STORE", server));
    let served = Served::start(command).expect("the model is served");
    let (status, _) = served.send("POST", "/predict", &[("content-type", "text/csv")], rows.as_bytes()).unwrap();
    assert_eq!(status, 200);

    let all: BTreeSet<String> = all_verbs(&Cli::command(), "").into_iter().collect();
    let left: Vec<_> = all.difference(&tried.verbs).collect();
    assert!(left.is_empty(), "no test runs {left:?}");
}

/// A training ends by itself only after hours.
fn stops(tried: &mut Tried) {
    let mut command =
        tried.place.command(&["--config", "text.toml", "--name", "long", "--set", "training.max_epochs=1000000"]);
    command.env_remove("BURNLAB_STORE").stdout(Stdio::piped()).stderr(Stdio::piped());
    tried.server.map(|server| command.env("BURNLAB_STORE", server));
    let mut training = command.spawn().unwrap();
    let mut lines = BufReader::new(training.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().starts_with("epoch")));
    assert!(tried.works("runs stop", &["latest"]).contains("asked to stop"));
    lines.for_each(drop);
    let output = training.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", text(&output.stderr));
    assert!(tried.works("runs show", &["long"]).contains("interrupted"));
    assert_eq!(tried.run("runs stop", &["latest"]).status.code(), Some(1));
}

fn test_rows(tried: &Tried, experiment: &str) -> std::path::PathBuf {
    let runs = std::fs::read_dir(tried.place.path("artifacts/runs")).unwrap();
    let run = runs
        .map(|run| run.unwrap().path())
        .find(|run| run.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{experiment}-"))));
    run.unwrap().join("test.csv")
}

#[test]
fn every_verb_works_on_a_store_in_a_file() {
    every_verb_works(None);
}

#[test]
fn every_verb_works_on_a_server() {
    let Some(database) = Database::new("verbs") else { return };
    every_verb_works(Some(&database.url()));
}

/// What is to be typed next leads to the same store, and pages end as they do on a store in a file.
#[test]
fn commands_for_a_server_name_it_and_its_pages_end_quietly() {
    let Some(database) = Database::new("told") else { return };
    let (place, url) = (Place::new(), database.url());
    let iris = config_file("iris").display().to_string();
    let told = works(&place, &["--config", &iris, "--set", "training.max_epochs=2", "--store", &url]);
    let commands: Vec<&str> =
        told.lines().filter(|line| line.starts_with("next") || line.starts_with("     ")).collect();
    let named: Vec<&&str> =
        commands.iter().filter(|line| line.contains(" dashboard") || line.contains("--config")).collect();
    assert!(named.len() > 1 && named.iter().all(|line| line.contains(" --store ")), "{told}");
    for verb in ["dashboard", "learn"] {
        let log = std::fs::File::create(place.path("log")).unwrap();
        let command = place.command(&[verb, "--port", "0", "--store", &url]);
        let mut served = Served::start_telling(command, log).expect("it serves");
        signal("INT", served.process.id());
        let status = wait_for("it ends", || served.process.try_wait().unwrap());
        let told = std::fs::read_to_string(place.path("log")).unwrap();
        assert!(status.success() && !told.contains("panicked"), "{verb}: {status} {told}");
    }
}

/// What is printed to a full disk is lost: the exit code and one line say so. What was done is done all the same.
#[test]
#[cfg(target_os = "linux")]
fn no_verb_loses_its_output_in_silence() {
    let place = Place::new();
    let iris = config_file("iris").display().to_string();
    place.write("search.toml", SWEEP);
    place.write("text.toml", TEXT);
    place.write("text.txt", &"the cat sat on the mat. the dog sat on the log.\n".repeat(20));
    place.write("init.csv", &format!("a,y\n{}", "1,no\n2,yes\n3,no\n".repeat(9)));
    place.write("rows.csv", "sepal_length_(cm),sepal_width_(cm),petal_length_(cm),petal_width_(cm)\n5,3,1,0.2\n");
    let train = [&iris[..], "--set", "training.max_epochs=2"];
    let tune = [&train[..], &["--name", "t", "--seeds", "2", "--trials", "1", "--jobs", "1"]].concat();
    let tried: &[(&str, &[&str])] = &[
        ("", &["--help"]),
        ("", &["--version"]),
        ("", &["runs", "list", "--help"]),
        ("", &["--config", &iris, "--set", "training.max_epochs=2"]),
        ("", &["--config", &iris, "--set", "training.max_epochs=3", "--name", "other"]),
        ("", &["--config", "text.toml"]),
        ("", &["--config", "search.toml", "--jobs", "1"]),
        ("tune", &tune),
        ("init", &["init.csv"]),
        ("doctor", &[]),
        ("config check", &[&iris]),
        ("config render", &[&iris]),
        ("config schema", &[]),
        ("config list", &[]),
        ("config show", &["digits"]),
        ("completions", &["bash"]),
        ("man", &["pages"]),
        ("evaluate", &["iris"]),
        ("explain", &["iris"]),
        ("explain-step", &["iris"]),
        ("plot", &["iris"]),
        ("export", &["iris", "--format", "onnx", "-o", "iris.onnx"]),
        ("report", &["iris", "other"]),
        ("predict", &["iris", "rows.csv"]),
        ("generate", &["text", "--length", "5"]),
        ("sweep list", &[]),
        ("sweep show", &["search"]),
        ("sweep resume", &["search"]),
        ("sweep work", &["search"]),
        ("runs list", &[]),
        ("runs show", &["iris"]),
        ("runs show", &["iris", "--json"]),
        ("runs compare", &["iris", "other"]),
        ("runs tag", &["other", "+good"]),
        ("runs note", &["other", "looks right"]),
        ("runs rename", &["other", "new"]),
        ("runs archive", &["other"]),
        ("runs archive", &["--undo", "other"]),
        ("runs export", &[]),
        ("runs delete", &["other"]),
        ("runs restore", &[]),
        ("runs gc", &[]),
        ("runs reindex", &[]),
        ("resume", &["iris", "--epochs", "5"]),
    ];
    let mut left: BTreeSet<String> = all_verbs(&Cli::command(), "").into_iter().collect();
    // The servers print where they are; they, and what needs a training under way or a cluster, are tried elsewhere.
    ["dashboard", "learn", "serve", "runs stop", "sweep emit"].iter().for_each(|verb| _ = left.remove(*verb));
    let mut wrong = Vec::new();
    for (verb, rest) in tried {
        left.remove(*verb);
        let args: Vec<&str> = verb.split_whitespace().chain(rest.iter().copied()).collect();
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = place.command(&args).stdout(full).stderr(Stdio::piped()).output().unwrap();
        let said = text(&output.stderr);
        let told = said.lines().filter(|line| line.starts_with("error: ") && line.contains("No space left")).count();
        // These have nothing to print here.
        let expected = if ["sweep work", "runs note"].contains(verb) { (Some(0), 0) } else { (Some(1), 1) };
        if (output.status.code(), told) != expected || said.contains("panicked") {
            wrong.push(format!("{args:?}: {} {said}", output.status));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(left.is_empty(), "no test has {left:?} print to a full disk");
    let listed = text(&place.run(&["runs", "list", "--json"]).stdout);
    let runs: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let of = |name: &str| {
        runs.as_array().unwrap().iter().any(|run| run["experiment"] == name && run["status"] == "finished")
    };
    assert!(of("iris") && of("text"), "{listed}");
}

/// What reads only the first lines ends nothing, and is no error.
#[test]
#[cfg(unix)]
fn a_reader_who_has_seen_enough_is_no_error() {
    let place = Place::new();
    let iris = config_file("iris").display().to_string();
    for args in [
        &["config", "schema"][..],
        &["--help"],
        &["--config", &iris, "--set", "training.max_epochs=2"],
        &["runs", "list"],
        &["explain-step", "iris"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = place.command(args).stdout(writer).stderr(Stdio::piped()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {} {}", output.status, text(&output.stderr));
        assert!(!text(&output.stderr).contains("error"), "{args:?}: {}", text(&output.stderr));
    }
}
