//! Trainings, sweeps and dashboards that are killed or asked to end at 200 random moments, all in one artifacts folder.
#![cfg(unix)]

use std::collections::HashMap;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use burnlab::tracking::{RunId, Shown, Store, read_points};
use rand::RngExt;
use rand::seq::IndexedRandom;

use crate::place::{Place, integrity, output_of, random, signal, text, told_epoch, wait_for};
use crate::served::Served;

const ROUNDS: usize = 200;
/// Short, as a round is: later moments are like earlier ones.
const LATEST: Duration = Duration::from_millis(200);

/// Trains for about a second, which is more than any round leaves it.
const TRAINING: &str = "[data]\nsource = \"iris\"\n[model]\nhidden = [8]\n[training]\nmax_epochs = 10000\n\
                        learning_rate = 1e-5\ncheckpoint_seconds = 0.02\n";
const SWEEP: &str = "[sweep]\nmethod = \"grid\"\nlease_seconds = 1\n[sweep.space]\n\
                     \"training.l2\" = { values = [0, 1e-4, 1e-3] }\n";

#[test]
fn nothing_that_was_told_is_lost_in_200_random_kills() {
    let place = Place::new();
    place.write("c.toml", TRAINING);
    place.write("s.toml", &format!("{TRAINING}{SWEEP}"));
    let root = place.path("artifacts");
    let mut random = random();
    let mut counts = [0; 4];
    // Where each run was when it was last told of.
    let mut told: Vec<(RunId, u64)> = Vec::new();
    let mut checked = HashMap::new();
    for round in 0..ROUNDS {
        let name = *["KILL", "KILL", "TERM", "INT"].choose(&mut random).unwrap();
        let known: Vec<RunId> = runs(&place);
        let kind = if known.is_empty() { 0 } else { random.random_range(0..4) };
        counts[kind] += 1;
        // The moment is what is tested: from before anything exists to some hundred epochs later.
        let moment = random.random_range(Duration::ZERO..LATEST);
        let context = format!("round {round}, kind {kind}, {name} after {moment:?}");
        if kind == 3 {
            note_until(&place, name, moment, &known, &context);
        } else {
            let resumed = known.choose(&mut random).map(ToString::to_string).unwrap_or_default();
            let arguments: &[&str] = match kind {
                0 => &["--config", "c.toml"],
                1 => &["resume", &resumed],
                _ => &["--config", "s.toml", "--jobs", "2", "--quiet"],
            };
            let mut command = place.command(arguments);
            let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            std::thread::sleep(moment);
            signal(name, child.id());
            let output = output_of(child, &context);
            let status = output.status;
            let errors = text(&output.stderr);
            assert!(!errors.contains("panicked"), "{context}: {errors}");
            // A signal that comes before its handler is there ends the process as it would any other; a run that is
            // finished, or trains in a worker that has not ended yet, is not resumed.
            let is_fine = status.signal().is_some() || matches!(status.code(), Some(0 | 130)) || kind == 1;
            assert!(is_fine, "{context}: {status} {errors}");
            if kind == 0 {
                let new = runs(&place).into_iter().find(|id| !known.contains(id));
                let epoch = told_epoch(&output);
                assert!(new.is_some() || epoch == 0, "{context}: a run is lost that was told of");
                told.extend(new.map(|id| (id, epoch)));
            }
        }
        // The first kill may come before there is a store.
        if root.join("burnlab.db").exists() {
            assert_eq!(integrity(&root), "ok", "{context}");
        }
        check(&place, &told, &mut checked, &context);
    }
    // Workers outlive a coordinator that was killed by a moment.
    let mut store = Store::open(&root).unwrap();
    wait_for("the last workers end", || {
        let is_over = store.runs().unwrap().iter().all(|run| store.shown(run) != Shown::Running);
        is_over.then_some(())
    });
    // All of them once more, the untouched ones too.
    check(&place, &told, &mut HashMap::new(), "in the end");
    let unfinished: Vec<_> =
        store.runs().unwrap().into_iter().filter(|run| store.shown(run) != Shown::Finished).collect();
    let (num_runs, last) =
        (store.runs().unwrap().len(), unfinished.first().expect("some were killed").record.id.clone());
    let output = place.run(&["resume", last.as_str(), "--quiet"]);
    assert!(output.status.success(), "{last}: {}", text(&output.stderr));
    let reindexed = store.reindex().unwrap();
    assert!(reindexed.skipped.is_empty() && reindexed.dropped.is_empty(), "{reindexed:?}");
    assert_eq!(reindexed.runs, num_runs);
    println!(
        "{ROUNDS} kills: {} trainings, {} resumed, {} sweeps, {} dashboards; {num_runs} runs, {} points, none lost",
        counts[0], counts[1], counts[2], counts[3], reindexed.points
    );
}

fn runs(place: &Place) -> Vec<RunId> {
    let store = Store::open_read_only(&place.path("artifacts"));
    store.and_then(|store| store.runs()).unwrap_or_default().into_iter().map(|run| run.record.id).collect()
}

/// A dashboard in which a note is written again and again until the signal ends it: what was answered is there.
fn note_until(place: &Place, name: &str, moment: Duration, known: &[RunId], context: &str) {
    let Some(mut served) = Served::start(place.command(&["dashboard", "--port", "0"])) else {
        panic!("{context}: no dashboard")
    };
    let (id, process) = (known[0].clone(), served.process.id());
    let mut last = 0;
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(moment);
            signal(name, process);
        });
        // 200: written. No answer: the dashboard has ended.
        for number in 1.. {
            let body = format!("{{\"note\":\"{number}\"}}");
            match served.ask("PATCH", &format!("/api/runs/{id}"), &body) {
                Some((200, _)) => last = number,
                Some((status, body)) => panic!("{context}: {status} {body}"),
                None => break,
            }
        }
    });
    let status = wait_for(context, || served.process.try_wait().unwrap());
    assert!(if name == "KILL" { status.signal() == Some(9) } else { status.success() }, "{context}: {status}");
    let store = Store::open(&place.path("artifacts")).unwrap();
    let note = store.run(&id).unwrap().record.note;
    let found: u64 = note.as_deref().unwrap_or("0").parse().unwrap();
    // The last one may have been written without an answer.
    assert!(last == 0 || found == last || found == last + 1, "{context}: note {found}, answered {last}");
}

/// Each run has every epoch that was told, and every point that reached its file, and what is in its folder is whole.
/// Those that are as they were when they were `checked` are left out: else each round takes longer than the last.
fn check(place: &Place, told: &[(RunId, u64)], checked: &mut HashMap<RunId, (Shown, u64)>, context: &str) {
    let mut store = Store::open(&place.path("artifacts")).unwrap();
    store.recover().unwrap();
    for run in store.runs().unwrap() {
        let id = &run.record.id;
        let shown = store.shown(&run);
        if matches!(shown, Shown::Running | Shown::Stalled) {
            continue; // a worker's, whose coordinator was killed
        }
        let stored: u64 = run.metrics.values().map(|metric| metric.points).sum();
        if checked.insert(id.clone(), (shown, stored)) == Some((shown, stored)) {
            continue;
        }
        let folder = store.folder(id);
        let in_file = read_points(&folder).unwrap();
        assert_eq!(stored, in_file.len() as u64, "{id}: {context}");
        if let Some((_, epoch)) = told.iter().find(|(other, _)| other == id) {
            let last = in_file.iter().map(|point| point.epoch).max().unwrap_or(0);
            assert!(last >= *epoch, "{id}: epoch {epoch} was told, {last} is there: {context}");
        }
        if let Ok(model) = std::fs::read(folder.join("model.safetensors")) {
            safetensors::SafeTensors::deserialize(&model).unwrap();
        }
        assert!(shown != Shown::Finished || folder.join("model.safetensors").exists(), "{id}: {context}");
    }
}
