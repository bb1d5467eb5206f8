//! The README and the guide: each command is run, in a folder that is empty at the top of its page, and what it prints is
//! compared with the page ([`likeness`] says how). `BURNLAB_UPDATE_GUIDE=1 cargo test guide` writes what is printed now
//! into the pages instead; look at the difference before you keep it.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use clap::Parser;

use crate::place::{Place, output_of, signal, text};

#[path = "guide/likeness.rs"]
mod likeness;
#[path = "guide/page.rs"]
mod page;
#[path = "guide/pictures.rs"]
mod pictures;
#[path = "guide/tables.rs"]
mod tables;

use page::{Page, Step};

const FOLDER: &str = "src/guide";

/// A test a page, so that they run at the same time.
macro_rules! pages {
    ($($name:ident),* $(,)?) => {
        const PAGES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                check(&format!("{FOLDER}/{}.md", stringify!($name)));
            }
        )*
    };
}

pages! {
    artifacts, backends, comparing, config, extending, first_run, language_models, library, measured, models, networks, promises,
    resuming, sweeps, tables, targets, tutorial,
}

#[test]
fn readme() {
    check("README.md");
}

/// The lessons of `burnlab learn`; the other languages have the same commands (`learn`).
#[test]
fn lessons() {
    let files = std::fs::read_dir(root().join(FOLDER).join("learn/en")).unwrap();
    let mut names: Vec<String> = files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert!(!names.is_empty());
    names.iter().for_each(|name| check(&format!("{FOLDER}/learn/en/{name}")));
}

/// What a reader sees who has no page that trains: a picture of a run of each lesson, on light and dark paper.
#[test]
fn every_lesson_has_a_shipped_config_and_a_picture() {
    for language in ["zh", "en"] {
        let folder = format!("{FOLDER}/learn/{language}");
        let mut names: Vec<String> = std::fs::read_dir(root().join(&folder))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names.len(), 12, "{language}");
        for name in names {
            let page = Page::read(&format!("{folder}/{name}"));
            let text = page.lines.join("\n");
            let configs: Vec<&str> =
                text.split("$ burnlab --config ").skip(1).filter_map(|rest| rest.split_whitespace().next()).collect();
            assert!(!configs.is_empty(), "{name} trains nothing");
            for config in configs {
                assert!(root().join("configs").join(config).with_extension("toml").exists(), "{name}: {config}");
            }
            let commands = page.steps().into_iter().filter_map(|step| match step {
                Step::Run { command, .. } => pictures::shown(&page, &command.text),
                Step::Write { .. } => None,
            });
            let shown: Vec<_> = commands.collect();
            assert_eq!(shown.len(), 1, "{language}/{name}: one command draws the picture that it shows");
            let svg = std::fs::read_to_string(&shown[0].1)
                .unwrap_or_else(|error| panic!("{}: {error}", shown[0].1.display()));
            assert!(svg.contains("prefers-color-scheme:dark") && svg.len() < 80_000, "{name}: {} bytes", svg.len());
        }
    }
}

#[test]
fn every_page_is_tested_and_shown() {
    let files = std::fs::read_dir(root().join(FOLDER)).unwrap().map(|entry| entry.unwrap().path());
    let pages = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let names: BTreeSet<String> = pages.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert_eq!(names, PAGES.iter().map(ToString::to_string).collect(), "give the page a row in `pages!`");
    let shown = std::fs::read_to_string(root().join(FOLDER).join("mod.rs")).unwrap();
    for name in &names {
        assert!(shown.contains(&format!("\"{name}.md\"")), "{FOLDER}/mod.rs does not show {name}.md");
    }
}

#[test]
fn the_readme_is_one_page() {
    let lines = Page::read("README.md").lines;
    assert!(lines.len() <= 150, "{} lines", lines.len());
    let picture = lines.iter().position(|line| line.starts_with("![")).unwrap();
    assert!(picture < 10, "the first picture is in line {}", picture + 1);
}

/// Links in the pages: to a file beside them, or by the name of a page, which both GitHub and rustdoc resolve.
#[test]
fn links_lead_somewhere() {
    let names = PAGES.iter().map(|name| format!("{FOLDER}/{name}.md")).chain(["README.md".to_owned()]);
    let mut broken = Vec::new();
    for name in names {
        let page = Page::read(&name);
        let folder = root().join(&name).parent().unwrap().to_owned();
        let is_there = |target: &str| target.starts_with("https://") || folder.join(target).exists();
        let prose = page.prose();
        let defined: BTreeSet<&str> = prose
            .iter()
            .filter_map(|(_, line)| line.strip_prefix('[')?.split_once("]: ").map(|(label, _)| label))
            .collect();
        for (at, line) in &prose {
            let inline = line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
            let reference = line.strip_prefix('[').and_then(|line| line.split_once("]: ")).map(|(_, target)| target);
            for target in inline.chain(reference) {
                if !is_there(target.split('#').next().unwrap()) {
                    broken.push(format!("{name}:{at}: there is no {target}"));
                }
            }
            let labels = line.split("][").skip(1).filter_map(|rest| rest.split_once(']')).map(|(label, _)| label);
            broken.extend(
                labels.filter(|label| !defined.contains(label)).map(|label| format!("{name}:{at}: no link [{label}]")),
            );
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn is_updating() -> bool {
    std::env::var_os("BURNLAB_UPDATE_GUIDE").is_some()
}

/// Why a command is not run here; those of burnlab must be valid all the same.
fn is_tried_elsewhere(block: &str, command: &str) -> Option<&'static str> {
    let blocks = [("postgres://", "needs a PostgreSQL server: `hosts`")];
    let commands = [
        ("git ", "fetches what the tests are part of"),
        ("cargo ", "builds: `.ci/run`"),
        ("cd ", "leads into what `git` fetched"),
        (".ci/", "calls the tests"),
        ("pip install burnlab-", "a file that `.ci/package` makes, which tries it"),
        ("tar -xzf burnlab-", "the same"),
        ("docker ", "needs a daemon"),
        ("benches/", "takes minutes, and installs what it compares with"),
    ];
    let by_block = blocks.into_iter().find(|(part, _)| block.contains(part));
    let by_command = commands.into_iter().find(|(start, _)| command.starts_with(start));
    by_block.or(by_command).map(|(_, why)| why)
}

/// Runs a page's commands; compares what they print, or writes it into the page.
#[track_caller]
fn check(name: &str) {
    let mut page = Page::read(name);
    let place = Place::new();
    let (mut wrong, mut broken) = (Vec::new(), Vec::new());
    let mut edits = tables::edits(&place, &page);
    if !is_updating()
        && let Some((range, _)) = edits.first()
    {
        wrong.push(format!("{name}:{}: this table is not what the program says of itself", range.start + 1));
    }
    for (line, snippet) in page.snippets() {
        broken
            .extend(tables::unknown(&place, &snippet).into_iter().map(|key| format!("{name}:{line}: no key `{key}`")));
    }
    for step in page.steps() {
        let (command, block) = match step {
            Step::Write { file, text } => {
                place.write(&file, &text);
                continue;
            }
            Step::Run { command, block } => (command, block),
        };
        if is_tried_elsewhere(&page.lines[block].join("\n"), &command.text).is_some() {
            assert_valid(name, &command);
            continue;
        }
        let (succeeded, printed) = run(&place, &command.text);
        let shown = &page.lines[command.output.clone()];
        let head = format!("{name}:{}: {}", command.line, command.text);
        // A command may fail where the page shows its error.
        let fails = shown.iter().any(|line| line.starts_with("error"));
        if succeeded == fails {
            let expected = if fails { "fail" } else { "succeed" };
            broken.push(format!("{head}\n  does not {expected}:\n    {}", printed.join("\n    ")));
            continue;
        }
        if let Some((file, kept)) = pictures::shown(&page, &command.text) {
            let drawn = std::fs::read_to_string(place.path(&file)).unwrap();
            let old = std::fs::read_to_string(&kept);
            if !old.is_ok_and(|old| pictures::Outline::of(&old).is_like(&pictures::Outline::of(&drawn))) {
                wrong.push(format!("{head}\n  {} is not what is drawn", kept.display()));
                if is_updating() {
                    std::fs::write(&kept, drawn).unwrap();
                    edits.push((command.output.clone(), page.lines[command.output.clone()].to_vec()));
                }
            }
        }
        if !shown.is_empty() && !likeness::is_like(shown, &printed) {
            let updated = likeness::updated(shown, &printed);
            wrong.push(format!("{head}\n  {}", likeness::difference(shown, &updated).join("\n  ")));
            edits.push((command.output.clone(), updated));
        }
    }
    if is_updating() && !edits.is_empty() {
        edits.sort_by_key(|(range, _)| range.start);
        page.replace(edits);
        page.write();
        println!("updated:\n{}", wrong.join("\n"));
        wrong.clear();
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
    assert!(
        wrong.is_empty(),
        "{}\n\n`BURNLAB_UPDATE_GUIDE=1 cargo test guide` makes these changes: - is shown, + is printed",
        wrong.join("\n")
    );
}

/// Whether the command succeeds, and the lines that it prints, errors among them.
fn run(place: &Place, command: &str) -> (bool, Vec<String>) {
    // The line after which it is stopped, and how: a background job of a shell ignores INT until it has a handler.
    let stops_at = match command {
        _ if ["burnlab dashboard", "burnlab learn", "burnlab serve"]
            .iter()
            .any(|server| command.starts_with(server)) =>
        {
            Some(("http://", "TERM"))
        }
        _ if command.ends_with("# Ctrl-C") => Some(("epoch ", "INT")),
        _ => None,
    };
    let program = Path::new(env!("CARGO_BIN_EXE_burnlab"));
    let others = std::env::var("PATH").unwrap_or_default();
    // As the shell's own process, burnlab gets the signal.
    let begin = if stops_at.is_some() { "exec " } else { "" };
    let mut child = Command::new("sh")
        .args(["-c", &format!("exec 2>&1; {begin}{command}")])
        .current_dir(place.path("."))
        .env("PATH", format!("{}:{others}", program.parent().unwrap().display()))
        .env_remove("CARGO")
        .env_remove("BURNLAB_STORE")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let Some((stops_at, how)) = stops_at else {
        let output = output_of(child, command);
        let lines = text(&output.stdout).lines().map(|line| line.trim_end().to_owned()).collect();
        return (output.status.success(), lines);
    };
    let mut was_stopped = false;
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        // Another page's server.
        if !(line.starts_with("port ") && line.contains(" is taken")) {
            lines.push(line.trim_end().to_owned());
        }
        if !was_stopped && lines.last().is_some_and(|line| line.starts_with(stops_at)) {
            was_stopped = true;
            signal(how, child.id());
        }
    }
    child.wait().unwrap();
    (was_stopped, lines)
}

/// That burnlab understands the command.
#[track_caller]
fn assert_valid(page: &str, command: &page::Command) {
    let words = command.text.split(" #").next().unwrap().split_whitespace();
    let mut words = words.skip_while(|word| *word == "cargo" || word.contains('=')).peekable();
    let parsed = match words.peek() {
        Some(&"burnlab") => burnlab::cli::Cli::try_parse_from(words),
        Some(&"run") => burnlab::cli::Cli::try_parse_from(words.skip_while(|word| *word != "--")),
        _ => return,
    };
    parsed.unwrap_or_else(|error| panic!("{page}:{}: {}: {error}", command.line, command.text));
}
