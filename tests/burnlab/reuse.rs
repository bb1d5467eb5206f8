//! A trained model used again: evaluated, asked about new rows, trained further.

use std::path::Path;
use std::process::Stdio;

use burnlab::backend::BackendName;
use burnlab::experiment::evaluate::score;
use burnlab::experiment::{RunFolder, SavedModel};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::lab::{Lab, config_file};
use crate::place::{Place, copy_folder, json, random, text, wait_for};

/// Header and rows.
fn read_csv(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    (header, rows)
}

fn write_csv(header: &[String], rows: &[Vec<String>]) -> String {
    let mut csv = csv::Writer::from_writer(Vec::new());
    csv.write_record(header).unwrap();
    rows.iter().for_each(|row| csv.write_record(row).unwrap());
    String::from_utf8(csv.into_inner().unwrap()).unwrap()
}

// ---- evaluate

#[test]
fn the_kept_test_rows_are_those_of_the_run_though_they_look_missing() {
    let place = Place::new();
    // -999 and 1 mean missing; -999.0 and 1.0 do not, and are written without the point.
    let row = |i: usize| format!("{},{}.0,{}\n", ["-999.0", "-999", "3", "4.5"][i % 4], i % 3, ["a", "b"][i % 2]);
    let rows: String = (0..60).map(row).collect();
    place.write("a.csv", &format!("x,c,y\n{rows}"));
    let data = "path = \"a.csv\"\ntarget = \"y\"\nmissing = [\"-999\", \"1\"]\ncategorical = [\"c\"]";
    place.write("a.toml", &format!("[data]\n{data}\n[training]\nmax_epochs = 1\nbatch_size = 8\n"));
    let output = place.run(&["--config", "a.toml", "--quiet"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let folder = place.only_run();
    let saved = SavedModel::open(&RunFolder::at(&folder)).unwrap();
    let (dataset, splits) = saved.folder.data(&saved.config).unwrap();
    let expected = saved.preprocessor.transform(&dataset, &splits.test);
    let kept = saved.test_examples().unwrap();
    assert_eq!((kept.inputs, kept.targets), (expected.inputs, expected.targets));
}

#[test]
fn a_copied_run_folder_reproduces_the_recorded_test_metrics_and_predictions() {
    let copies = crate::place::folder();
    for name in ["digits", "iris", "wine", "breast-cancer", "diabetes", "csv-example", "moons"] {
        let copy = copies.path().join(name);
        let recorded = {
            let lab = Lab::new();
            let run = lab.train(
                name,
                &["training.max_epochs=5", "training.class_weights=\"balanced\""]
                    [..1 + usize::from(name != "diabetes")],
            );
            copy_folder(&run.folder, &copy);
            run.evaluation.unwrap()
        };
        let saved = SavedModel::open(&RunFolder::at(&copy)).unwrap();
        let (again, predictions) = score(&saved, saved.test_examples().unwrap(), BackendName::Flex).unwrap();
        assert_eq!(again.num_examples, recorded.num_examples);
        assert_eq!(again.baseline, recorded.baseline, "{name}");
        for metric in &recorded.metrics {
            let difference = (again.metric(&metric.name) - metric.value).abs();
            assert!(difference <= 1e-6 * metric.value.abs().max(1.0), "{name} {}: off by {difference}", metric.name);
        }
        let (header, rows) = read_csv(&std::fs::read_to_string(copy.join("predictions.csv")).unwrap());
        let predicted = header.iter().position(|column| column == "predicted").unwrap();
        let names = saved.preprocessor.class_names();
        for (row, prediction) in rows.iter().zip(predictions.iter()) {
            let value = prediction.answer.first();
            let shown = names.get(value as usize).cloned().unwrap_or_else(|| value.to_string());
            assert_eq!(row[predicted], shown, "{name}");
        }
    }
}

#[test]
fn evaluate_prints_the_metrics_of_the_run_or_of_a_file() {
    let place = Place::new();
    let config = config_file("csv-example");
    let path = format!("data.path=\"{}\"", config.with_file_name("data").join("titanic.csv").display());
    let config = config.display().to_string();
    let train = place.run(&["--config", &config, "--set", &path, "--set", "training.max_epochs=3", "--quiet"]);
    assert!(train.status.success(), "{}", text(&train.stderr));
    let folder = place.only_run();
    let recorded = json(folder.join("evaluation.json"));

    let evaluate = place.run(&["evaluate", "latest", "--json"]);
    let again: serde_json::Value = serde_json::from_slice(&evaluate.stdout).unwrap();
    assert_eq!(again["metrics"], recorded["metrics"]);
    let shown = text(&place.run(&["evaluate", "titanic"]).stdout);
    let accuracy = recorded["metrics"][1]["value"].as_f64().unwrap();
    assert!(shown.contains(&format!("accuracy {accuracy:.4} on 268 rows")), "{shown}");

    // The first 100 of its own test rows, from a file.
    let (header, rows) = read_csv(&std::fs::read_to_string(folder.join("test.csv")).unwrap());
    place.write("some.csv", &write_csv(&header, &rows[..100]));
    let some = place.run(&["evaluate", "latest", "--data", "some.csv", "-o", "out.csv"]);
    assert!(text(&some.stdout).contains("on 100 rows"), "{}", text(&some.stderr));
    let (_, written) = read_csv(&std::fs::read_to_string(place.path("out.csv")).unwrap());
    assert_eq!(written.len(), 100);
    // Some of them may be like others of training; most of the whole file are those of training themselves: 623 of 891, and
    // the 50 test rows that `config check` counts as equal to them, as far as their target is the same, too.
    assert!(!text(&some.stderr).contains("warning"), "{}", text(&some.stderr));
    let titanic = config_file("csv-example").with_file_name("data").join("titanic.csv");
    let whole = place.run(&["evaluate", "latest", "--data", titanic.to_str().unwrap()]);
    let warning = text(&whole.stderr);
    let num_known = warning.split("warning: ").nth(1).and_then(|rest| rest.split(' ').next()?.parse::<u32>().ok());
    assert!(num_known.is_some_and(|known| (623..=673).contains(&known)), "{warning}");
    assert!(warning.contains(" of the 891 rows are among those that the model was trained with"), "{warning}");

    place.write("none.csv", &write_csv(&header[..3], &[rows[0][..3].to_vec()]));
    let lacking = place.run(&["evaluate", "latest", "--data", "none.csv"]);
    assert_eq!(lacking.status.code(), Some(1));
    let message = text(&lacking.stderr);
    assert!(message.contains("none.csv lacks columns that the model was trained with: ") && message.contains("Fare"));
    assert_eq!(message.lines().count(), 1);
}

// ---- predict

#[test]
fn predict_finds_columns_by_name_and_takes_unseen_categories_for_unknown() {
    let place = Place::new();
    let rows: String = (0..60)
        .map(|i| format!("{},{},{}\n", i % 7, ["red", "green", ""][i % 3], if i % 7 > 3 { "yes" } else { "no" }))
        .collect();
    place.write("t.csv", &format!("size,colour,bought\n{rows}"));
    place
        .write("c.toml", "[data]\npath = \"t.csv\"\ntarget = \"bought\"\n[training]\nmax_epochs = 5\nbatch_size = 8\n");
    assert!(place.run(&["--config", "c.toml", "--quiet"]).status.success());

    // No target, other order, an extra column, a missing number, an unseen category and a missing one.
    place.write("new.csv", "id,colour,extra,size\na,red,1,3\nb,violet,1,\nc,,1,3\nd,green,x,6\n");
    let output = place.run(&["predict", "c", "new.csv", "--keep", "id"]);
    let (header, rows) = read_csv(&text(&output.stdout));
    assert_eq!(header, ["row", "id", "predicted", "probability_no", "probability_yes"], "{}", text(&output.stderr));
    let ids: Vec<&str> = rows.iter().map(|row| row[1].as_str()).collect();
    assert_eq!(ids, ["a", "b", "c", "d"]);
    for row in &rows {
        let (no, yes): (f64, f64) = (row[3].parse().unwrap(), row[4].parse().unwrap());
        assert!((no + yes - 1.0).abs() < 1e-12);
        assert_eq!(row[2], if yes > 0.5 { "yes" } else { "no" });
    }
    // A missing number counts as the training median, 3 here; an unseen category as a missing one.
    assert_eq!(rows[1][2..], rows[2][2..]);

    for (file, content, expected) in [
        ("lacks.csv", "size\n3\n", "lacks.csv lacks columns that the model was trained with: colour"),
        ("word.csv", "size,colour\n3,red\nbig,red\n", "word.csv:3: column `size` holds `big`, and is numeric"),
        ("empty.csv", "", "empty.csv is empty"),
    ] {
        place.write(file, content);
        let output = place.run(&["predict", "latest", file, "-o", "out.csv"]);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
        assert!(!place.path("out.csv").exists(), "half an output is none");
    }
    let output = place.run(&["predict", "latest", "nowhere.csv"]);
    assert!(text(&output.stderr).contains("no file `") && output.status.code() == Some(1));
    let output = place.run(&["predict", "nothing", "new.csv"]);
    assert!(text(&output.stderr).contains("nothing"), "{}", text(&output.stderr));
}

#[test]
fn predict_reads_in_blocks_and_agrees_with_the_recorded_predictions() {
    let place = Place::new();
    place.write("c.toml", "[data]\nsource = \"moons\"\nnum_examples = 20000\n[training]\nmax_epochs = 1\n");
    assert!(place.run(&["--config", "c.toml", "--quiet"]).status.success());
    let folder = place.only_run();
    let (mut header, mut rows) = read_csv(&std::fs::read_to_string(folder.join("test.csv")).unwrap());
    assert_eq!(rows.len(), 6000, "more than one block");
    header.pop();
    header.reverse();
    for row in &mut rows {
        row.pop();
        row.reverse();
    }
    place.write("new.csv", &write_csv(&header, &rows));
    let output = place.run(&["predict", folder.to_str().unwrap(), "new.csv", "-o", "out.csv"]);
    assert!(output.status.success() && output.stdout.is_empty(), "{}", text(&output.stderr));
    let (_, written) = read_csv(&std::fs::read_to_string(place.path("out.csv")).unwrap());
    let (_, recorded) = read_csv(&std::fs::read_to_string(folder.join("predictions.csv")).unwrap());
    assert_eq!(written.len(), recorded.len());
    for (i, (new, old)) in written.iter().zip(&recorded).enumerate() {
        assert_eq!(new[0], i.to_string());
        assert_eq!(new[1], old[2]);
        let (new, old): (f64, f64) = (new[2].parse().unwrap(), old[3].parse().unwrap());
        assert!((new - old).abs() < 1e-6);
    }
}

// ---- resume

/// Values by (metric, epoch), without the durations.
fn curves(folder: &Path) -> Vec<(String, u64, String)> {
    let (_, rows) = read_csv(&std::fs::read_to_string(folder.join("metrics.csv")).unwrap());
    let mut points: Vec<_> = rows
        .into_iter()
        .filter(|row| !row[3].ends_with("/seconds"))
        .map(|row| (row[3].clone(), row[0].parse().unwrap(), row[4].clone()))
        .collect();
    points.sort();
    points
}

/// Everything that has a state: momentum terms, dropout, a plateau schedule, early stopping with the best weights kept.
const STATEFUL: &str = "
[data]
source = \"digits\"
[model]
hidden = [16]
dropout = 0.2
[training]
max_epochs = 25
learning_rate = 1e-2
checkpoint_seconds = 0
optimizer = \"adamw\"
clip_norm = 1.0
[training.schedule]
kind = \"plateau\"
patience = 2
[training.early_stopping]
patience = 8
";

#[test]
#[cfg(unix)]
fn killed_at_random_epochs_and_resumed_a_run_equals_the_uninterrupted_one() {
    let place = Place::new();
    place.write("c.toml", STATEFUL);
    assert!(place.run(&["--config", "c.toml", "--quiet", "--backend", "flex"]).status.success());
    let whole = place.only_run();
    let expected = (curves(&whole), std::fs::read(whole.join("model.safetensors")).unwrap());
    let mut random = random();
    let mut num_kills = 0;
    for round in 0..10 {
        let artifacts = format!("round-{round}");
        let runs = place.path(&artifacts).join("runs");
        let mut args = vec!["--config", "c.toml", "--quiet", "--backend", "flex", "--artifacts", &artifacts];
        // Killed at a random epoch, and once more after it was resumed: what is left must do each time.
        for _ in 0..2 {
            let mut child = place.command(&args).stderr(Stdio::null()).spawn().unwrap();
            let lines = random.random_range(1..300);
            let folder = wait_for("the training writes its metrics", || {
                let folder = std::fs::read_dir(&runs).ok()?.next()?.unwrap().path();
                let written =
                    std::fs::read_to_string(folder.join("metrics.csv")).map_or(0, |text| text.lines().count());
                (written >= lines || child.try_wait().unwrap().is_some()).then_some(folder)
            });
            child.kill().ok();
            let ended = child.wait().unwrap();
            if ended.success() {
                break;
            }
            num_kills += 1;
            if !folder.join("run.json").exists() {
                break;
            }
            args = vec!["resume", "latest", "--quiet", "--artifacts", &artifacts];
        }
        let folder = std::fs::read_dir(&runs).unwrap().next().unwrap().unwrap().path();
        if json(folder.join("run.json"))["status"] != "finished" {
            let resumed = place.run(&["resume", "latest", "--quiet", "--artifacts", &artifacts]);
            assert!(resumed.status.success(), "{}", text(&resumed.stderr));
        }
        let found = (curves(&folder), std::fs::read(folder.join("model.safetensors")).unwrap());
        assert_eq!(json(folder.join("run.json"))["status"], "finished");
        assert!(found == expected, "round {round} differs after {num_kills} kills");
    }
    assert!(num_kills >= 10, "only {num_kills} kills");

    let again = place.run(&["resume", "latest"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("is finished") && text(&again.stderr).contains("--epochs 50"));
}

/// Trains `config`, which says `max_epochs = 4`, and then further to 9: a child with the curve and the weights of a run
/// that was 9 epochs long from the start.
#[track_caller]
fn train_further(place: &Place, config: &str) {
    place.write("c.toml", config);
    place.write("long.toml", &config.replace("max_epochs = 4", "max_epochs = 9"));
    assert!(place.run(&["--config", "c.toml", "--quiet"]).status.success(), "{config}");
    let parent = place.only_run();
    let parent_curves = curves(&parent);
    let output = place.run(&["resume", "latest", "--epochs", "9", "--quiet"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(place.run(&["--config", "long.toml", "--quiet", "--artifacts", "other"]).status.success());
    let long = std::fs::read_dir(place.path("other/runs")).unwrap().next().unwrap().unwrap().path();
    let child = std::fs::read_dir(place.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path());
    let child = child.into_iter().find(|path| *path != parent).unwrap();
    assert_eq!(curves(&child), curves(&long), "{config}");
    let model = |folder: &Path| std::fs::read(folder.join("model.safetensors")).unwrap();
    assert_eq!(model(&child), model(&long), "{config}");
    assert_eq!(curves(&parent), parent_curves, "the parent stays as it was");
    assert_eq!(json(child.join("run.json"))["parent"], json(parent.join("run.json"))["id"]);
    assert_eq!(json(child.join("run.json"))["params"]["training.max_epochs"], 9);
}

#[test]
fn each_kind_of_network_is_trained_further_as_if_it_had_never_stopped() {
    for (_, model) in KINDS {
        let data = "[data]\nsource = \"digits\"\ntrain_per_class = 10\n";
        let training = "[training]\nmax_epochs = 4\nbatch_size = 16\n";
        train_further(&Place::new(), &format!("{data}{training}[model]\n{model}\ndropout = 0.2\n"));
    }
}

/// The beginning of the names of each kind's first weights, and a small network of it.
const KINDS: [(&str, &str); 4] = [
    ("convolutions.0", "kind = \"cnn\"\nchannels = [4, 8]\nhidden = [16]"),
    ("layers.0", "kind = \"rnn\"\nunits = 16\nlayers = 2"),
    ("blocks.0", "kind = \"transformer\"\nwidth = 16\nheads = 2"),
    ("stem", "kind = \"tabular\"\nwidth = 16\nfrequencies = 4\nembedding = 2"),
];

#[test]
fn each_kind_of_network_begins_with_another_runs_weights_and_keeps_the_frozen_ones() {
    for (frozen, model) in KINDS {
        let place = Place::new();
        let config = |classes: &str, rest: &str| {
            format!(
                "[data]\nsource = \"digits\"\ntrain_per_class = 20\nclasses = [{classes}]\n\
                 [training]\nmax_epochs = 2\nbatch_size = 16\n[model]\n{model}\n{rest}\n"
            )
        };
        place.write("first.toml", &config("\"0\", \"1\", \"2\"", ""));
        assert!(place.run(&["--config", "first.toml", "--quiet"]).status.success(), "{model}");
        let parent = place.only_run();
        let rest = format!("init_from = \"{}\"\nfreeze = [\"{frozen}\"]", parent.file_name().unwrap().display());
        place.write("second.toml", &config("\"3\", \"4\", \"5\"", &rest));
        let output = place.run(&["--config", "second.toml", "--quiet"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let runs = std::fs::read_dir(place.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path());
        let child = runs.into_iter().find(|path| *path != parent).unwrap();
        let (before, after) =
            (SavedModel::open(&RunFolder::at(&parent)).unwrap(), SavedModel::open(&RunFolder::at(&child)).unwrap());
        let head = before.config.model.head();
        for (name, weight) in &before.weights {
            // Running statistics of a frozen normalisation stay, too.
            assert_eq!(name.starts_with(frozen), after.weights[name] == *weight, "{name} of {model}");
        }
        assert!(before.weights.keys().any(|name| name.starts_with(&head)), "{head}");
    }
}

#[test]
fn a_finished_run_trained_further_is_a_child_whose_curve_is_that_of_a_longer_run() {
    let place = Place::new();
    let model = "[model]\nhidden = [16]\n";
    // The child also has a second training of its own.
    let training = "[training]\nmax_epochs = 4\nbatch_size = 16\n";
    train_further(&Place::new(), &format!("[data]\nsource = \"wine\"\n{model}{training}refit = true\n"));
    train_further(&place, &format!("[data]\nsource = \"wine\"\n{model}{training}"));

    let less = place.run(&["resume", "latest", "--epochs", "9"]);
    assert!(text(&less.stderr).contains("has 9 epochs already"), "{}", text(&less.stderr));
}

#[test]
fn resume_refuses_changed_data_and_a_damaged_checkpoint() {
    let place = Place::new();
    let rows: String = (0..60).map(|i| format!("{},{}\n", (i * 7) % 60, ["a", "b"][i % 2])).collect();
    place.write("t.csv", &format!("x,y\n{rows}"));
    place.write("c.toml", "[data]\npath = \"t.csv\"\ntarget = \"y\"\n[training]\nmax_epochs = 3\nbatch_size = 8\n");
    assert!(place.run(&["--config", "c.toml", "--quiet"]).status.success());
    let checkpoint = place.only_run().join("checkpoint.safetensors");
    let mut bytes = std::fs::read(&checkpoint).unwrap();
    let sound = bytes.clone();
    let before = std::fs::read(place.only_run().join("run.json")).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&checkpoint, &bytes).unwrap();
    let output = place.run(&["resume", "latest", "--epochs", "5"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("the checkpoint is damaged (its checksum differs)"),
        "{}",
        text(&output.stderr)
    );
    bytes[last] ^= 1;
    bytes.truncate(last - 10);
    std::fs::write(&checkpoint, &bytes).unwrap();
    assert!(text(&place.run(&["resume", "latest", "--epochs", "5"]).stderr).contains("the checkpoint is damaged"));

    // Of an epoch that the run does not have, which its checksum does not tell.
    let mut bytes = sound;
    let at = bytes.windows(9).position(|part| part == b"epoch = 3").unwrap();
    bytes[at + 8] = b'4';
    std::fs::write(&checkpoint, &bytes).unwrap();
    let told = |bytes: &[u8]| {
        std::fs::write(&checkpoint, bytes).unwrap();
        text(&place.run(&["resume", "latest", "--epochs", "5"]).stderr)
    };
    assert!(told(&bytes).contains("checkpoint.safetensors is damaged: it was written after epoch 4 of at most 3"));
    bytes[at + 8] = b'3';
    let metadata = |from: &str, to: &str| {
        let header = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
        let text = str::from_utf8(&bytes[8..8 + header]).unwrap();
        let changed = with_line(text, from, to);
        [&(changed.len() as u64).to_le_bytes()[..], changed.as_bytes(), &bytes[8 + header..]].concat()
    };
    for (from, to, expected) in [
        ("best = [", "best = [9, 0.5]", "its best epoch is none of the 3 that were trained"),
        ("seconds = ", "seconds = -1.0", "it took -1 seconds"),
    ] {
        let told = told(&metadata(from, to));
        assert!(told.contains("checkpoint.safetensors is damaged: ") && told.contains(expected), "{told}");
    }

    let mut rows: Vec<&str> = rows.lines().collect();
    rows.shuffle(&mut ChaCha8Rng::seed_from_u64(1));
    place.write("t.csv", &format!("x,y\n{}\n", rows.join("\n")));
    let output = place.run(&["resume", "latest", "--epochs", "5"]);
    assert!(text(&output.stderr).contains("the data of `t.csv` have changed"), "{}", text(&output.stderr));
    assert_eq!(std::fs::read(place.only_run().join("run.json")).unwrap(), before, "a refusal changes nothing");
}

/// `text` with `to` in the place of what begins with `from` and ends with its line, which is written `\\n` there.
fn with_line(text: &str, from: &str, to: &str) -> String {
    let start = text.find(from).unwrap();
    let end = start + text[start..].find("\\n").unwrap();
    format!("{}{to}{}", &text[..start], &text[end..])
}

// ---- pre-train and fine-tune

#[test]
fn fine_tuning_on_few_labels_beats_training_from_scratch() {
    let accuracy = |run: &burnlab::experiment::RunOutcome| run.evaluation.as_ref().unwrap().metric("accuracy");
    let mut gains = Vec::new();
    let mut sums = [0.0; 3];
    for seed in 0..10 {
        let lab = Lab::new();
        let seed = format!("seed={seed}");
        let results = ["digits-pretrain", "digits-finetune", "digits-few-labels"]
            .map(|name| accuracy(&lab.train(name, &[&seed])));
        sums.iter_mut().zip(results).for_each(|(sum, result)| *sum += result);
        gains.push(results[1] - results[2]);
    }
    let mean = gains.iter().sum::<f64>() / 10.0;
    let variance = gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / 9.0;
    // 2.262: the 97.5 % point of Student's t with 9 degrees of freedom
    let half = 2.262 * (variance / 10.0).sqrt();
    let [pretrained, tuned, scratch] = sums.map(|sum| sum / 10.0);
    println!(
        "pre-trained on 0 to 4: {pretrained:.3}; on 5 to 9 with 5 labels a class: {tuned:.3} fine-tuned, {scratch:.3} from scratch"
    );
    println!("paired gain {mean:.3}, 95 % interval {:.3} to {:.3}", mean - half, mean + half);
    assert!(mean - half > 0.0, "gain {mean} +- {half}");
}

#[test]
fn a_fine_tuned_run_records_its_parent_keeps_frozen_layers_and_goes_on_without_it() {
    let lab = Lab::new();
    let parent = lab.train("digits-pretrain", &["training.max_epochs=2"]);
    let child = lab.train("digits-finetune", &["training.max_epochs=2", "model.freeze=[\"layers.0\"]"]);
    let record = json(child.folder.join("run.json"));
    assert_eq!(record["parent"], parent.id.as_str());
    let config = std::fs::read_to_string(child.folder.join("config.toml")).unwrap();
    assert!(config.contains("freeze = [\"layers.0\"]"), "{config}");

    let (before, after) = (
        SavedModel::open(&RunFolder::at(&parent.folder)).unwrap(),
        SavedModel::open(&RunFolder::at(&child.folder)).unwrap(),
    );
    assert_eq!(before.weights["layers.0.weight"], after.weights["layers.0.weight"]);
    assert_eq!(before.weights["layers.0.bias"], after.weights["layers.0.bias"]);
    assert_ne!(before.weights["layers.1.weight"], after.weights["layers.1.weight"]);
    let scaling = |model: &SavedModel| -> Vec<_> {
        model.preprocessor.columns().iter().map(|column| (column.name.clone(), column.kind.clone())).collect()
    };
    assert_eq!(scaling(&before), scaling(&after), "the inputs are scaled as they were learned");
    assert_eq!(after.preprocessor.class_names(), ["5", "6", "7", "8", "9"]);
    assert_eq!(after.preprocessor.class_counts, [5; 5]);

    // All layers move when none is frozen, and begin where the parent ended.
    let initial =
        burnlab::experiment::weights_file::decode(&std::fs::read(child.folder.join("initial.safetensors")).unwrap())
            .unwrap();
    assert_eq!(initial["layers.1.weight"], before.weights["layers.1.weight"]);
    assert_ne!(initial["layers.2.weight"], before.weights["layers.2.weight"], "the output layer is new");

    for (overrides, expected) in [
        (vec!["model.hidden=[32]"], "use its [model], or choose another run"),
        (vec!["model.hidden=[128]"], "a weight `layers.2.bias`, which this network does not have"),
        (vec!["data.scale=none"], "the inputs stay scaled as"),
        (vec!["model.freeze=[\"layers.2\"]"], "is of the output layer, which is new"),
        (vec!["model.init_from=nothing"], "nothing"),
        (vec!["data.source=wine", "data.classes=[]"], "column `pixel_0_0`, which these data lack"),
        (vec!["model.freeze=[\"block\"]"], "no weight's name begins with `block`; the network has layers.0.bias, "),
        (vec!["model.freeze=[\"layers\"]"], "every weight is frozen"),
        (vec!["data.classes=[\"5\", \"x\"]"], "there is no class `x`; there are 0, 1, 2"),
        (vec!["data.train_per_class=0"], "data.train_per_class is 0: it must be at least 1"),
    ] {
        let runs = || std::fs::read_dir(lab.artifacts().join("runs")).unwrap().count();
        let before = runs();
        let error = lab.try_train(&config_file("digits-finetune"), &overrides).unwrap_err();
        let message = format!("{error:#}");
        assert!(message.contains(expected), "{overrides:?}: {message}");
        assert_eq!(runs(), before, "refused before anything is recorded");
    }
}

#[test]
fn a_fine_tuned_run_is_resumed_when_its_parent_is_gone() {
    let place = Place::new();
    let config = |name: &str| config_file(name).display().to_string();
    let (pretrain, finetune) = (config("digits-pretrain"), config("digits-finetune"));
    assert!(place.run(&["--config", &pretrain, "--quiet", "--set", "training.max_epochs=2"]).status.success());
    let parent = place.only_run();
    let frozen = "model.freeze=[\"layers.1\"]";
    let args = ["--config", &finetune, "--quiet", "--set", "training.max_epochs=3", "--set", frozen];
    assert!(place.run(&args).status.success());
    std::fs::remove_dir_all(&parent).unwrap();
    let whole = place.only_run();
    let model = std::fs::read(whole.join("model.safetensors")).unwrap();

    // As a kill before the first checkpoint would leave it, then after the last one.
    for has_checkpoint in [false, true] {
        let mut record = json(whole.join("run.json"));
        record["status"] = "crashed".into();
        std::fs::write(whole.join("run.json"), record.to_string()).unwrap();
        if !has_checkpoint {
            std::fs::remove_file(whole.join("checkpoint.safetensors")).unwrap();
        }
        assert!(place.run(&["runs", "reindex"]).status.success());
        std::fs::remove_file(whole.join("model.safetensors")).unwrap();
        let resumed = place.run(&["resume", "latest", "--quiet"]);
        assert!(resumed.status.success(), "{}", text(&resumed.stderr));
        assert!(std::fs::read(whole.join("model.safetensors")).unwrap() == model);
    }
    // Frozen layers stay frozen when training goes on.
    let output = place.run(&["resume", "latest", "--epochs", "6", "--quiet"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let child = std::fs::read_dir(place.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path());
    let child = child.into_iter().find(|path| *path != whole).unwrap();
    let (before, after) =
        (SavedModel::open(&RunFolder::at(&whole)).unwrap(), SavedModel::open(&RunFolder::at(&child)).unwrap());
    assert_eq!(before.weights["layers.1.weight"], after.weights["layers.1.weight"]);
    assert_ne!(before.weights["layers.0.weight"], after.weights["layers.0.weight"]);
}

// ---- what must not happen

#[test]
fn an_output_never_replaces_the_input_or_a_runs_record() {
    let place = Place::new();
    place.write("c.toml", "[data]\nsource = \"iris\"\n[training]\nmax_epochs = 2\n");
    assert!(place.run(&["--config", "c.toml", "--quiet"]).status.success());
    let folder = place.only_run();
    std::fs::copy(folder.join("test.csv"), place.path("t.csv")).unwrap();
    let before = std::fs::read(place.path("t.csv")).unwrap();
    std::fs::create_dir(place.path("folder")).unwrap();
    let record = folder.join("run.json").display().to_string();
    let own_predictions = folder.join("predictions.csv").display().to_string();
    let new_in_run = folder.join("new.csv").display().to_string();
    for (args, expected) in [
        (vec!["predict", "c", "t.csv", "-o", "t.csv"], "t.csv is the input"),
        (vec!["evaluate", "c", "--data", "t.csv", "-o", "./t.csv"], "./t.csv is the input"),
        (vec!["predict", "c", "t.csv", "-o", &record], "run.json is to be a table in CSV"),
        (vec!["predict", "c", "t.csv", "-o", &own_predictions], "is among the files of a run"),
        (vec!["predict", "c", "t.csv", "-o", &new_in_run], "is among the files of a run"),
        (vec!["plot", "c", "curves", "-o", &record], "is among the files of a run"),
        (vec!["export", "c", "--format", "onnx", "-o", &record], "is among the files of a run"),
        (vec!["report", "c", "-o", "folder"], "folder is a folder: name a file"),
        (vec!["predict", "c", "t.csv", "-o", "no/where.csv"], "cannot write no/where.csv: No such file or directory"),
        (vec!["predict", "c", "t.csv", "--keep", "nope"], "t.csv has no column `nope` to keep"),
    ] {
        let output = place.run(&args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        let message = text(&output.stderr);
        assert!(message.contains(expected) && message.lines().count() == 1, "{args:?}: {message}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
    #[cfg(unix)]
    {
        let input = std::fs::File::open(place.path("t.csv")).unwrap();
        let output = place.command(&["predict", "c", "-", "-o", "t.csv"]).stdin(input).output().unwrap();
        assert!(text(&output.stderr).contains("t.csv is the input") && output.status.code() == Some(1));
    }
    assert_eq!(std::fs::read(place.path("t.csv")).unwrap(), before);
    assert_eq!(json(&record)["status"], "finished");
    // What is there is replaced with its own permissions, and a link stays one.
    #[cfg(unix)]
    {
        use std::os::unix::fs::{PermissionsExt, symlink};
        place.write("real.csv", "old");
        std::fs::set_permissions(place.path("real.csv"), std::fs::Permissions::from_mode(0o600)).unwrap();
        symlink("real.csv", place.path("link.csv")).unwrap();
        assert!(place.run(&["predict", "c", "t.csv", "-o", "link.csv"]).status.success());
        assert!(place.path("link.csv").is_symlink());
        let real = std::fs::metadata(place.path("real.csv")).unwrap();
        assert_eq!((real.permissions().mode() & 0o777, real.len() > 3), (0o600, true));
    }
}

#[test]
fn a_changed_run_folder_is_refused_in_one_line() {
    let place = Place::new();
    place.write("c.toml", "[data]\nsource = \"iris\"\n[training]\nmax_epochs = 2\n");
    for seed in ["seed=1", "seed=2"] {
        assert!(place.run(&["--config", "c.toml", "--quiet", "--set", seed]).status.success());
    }
    let runs: Vec<_> =
        std::fs::read_dir(place.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path()).collect();
    let preprocessor = std::fs::read_to_string(runs[0].join("preprocessing.json")).unwrap();
    let change = |from: &str, to: &str| {
        assert!(preprocessor.contains(from), "{from}");
        preprocessor.replacen(from, to, 1)
    };
    let value: serde_json::Value = serde_json::from_str(&preprocessor).unwrap();
    let spread = format!("\"spread\": {}", value["columns"][0]["kind"]["numeric"]["spread"]);
    let cases = [
        (change(&spread, "\"spread\": 0.0"), "the numbers or categories of column"),
        (change(&spread, "\"spread\": 1e300"), "the numbers or categories of column"),
        (change("\"virginica\"", "\"setosa\""), "the target `target` is inconsistent"),
        (change("\"image_shape\": null", "\"image_shape\": [99, 99]"), "image_shape does not fit"),
        (String::new(), "is damaged: restore the file that training wrote"),
        (
            change("\"version\": 3,", "\"unheard_of\": {}, \"version\": 9,"),
            "was written by a newer burnlab (format 9, this one reads 8): update burnlab",
        ),
        (change("\"version\": 3", "\"version\": 1"), "was written by an older burnlab (format 1, this one reads 2 and"),
    ];
    for (text_of_file, expected) in cases {
        std::fs::write(runs[0].join("preprocessing.json"), text_of_file).unwrap();
        for args in [&["evaluate"][..], &["export", "--format", "onnx", "-o", "m.onnx"], &["plot"]] {
            let run = runs[0].display().to_string();
            let output = place.run(&[&args[..1], &[run.as_str()], &args[1..]].concat());
            let message = text(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{args:?}: {message}");
            assert!(message.contains(expected) && message.lines().count() == 1, "{args:?}: {message}");
        }
    }
    std::fs::write(runs[0].join("preprocessing.json"), &preprocessor).unwrap();

    // Files without a version of their own are as new as the run.
    let environment = std::fs::read_to_string(runs[0].join("environment.json")).unwrap();
    let this = env!("CARGO_PKG_VERSION");
    let newer = environment.replacen(&format!("\"burnlab\": \"{this}\""), "\"burnlab\": \"9.10.0\"", 1);
    assert_ne!(newer, environment);
    std::fs::write(runs[0].join("environment.json"), newer).unwrap();
    let evaluation = std::fs::read(runs[0].join("evaluation.json")).unwrap();
    let run = runs[0].display().to_string();
    let export = ["export", &run, "--format", "onnx", "-o", "m.onnx"];
    let told = format!("written by the newer burnlab 9.10.0, and this is {this}: update burnlab");
    assert!(place.run(&export).status.success(), "it can be read, so it is used");
    std::fs::write(runs[0].join("evaluation.json"), "{}").unwrap();
    let output = place.run(&export);
    assert!(text(&output.stderr).contains(&format!("evaluation.json cannot be read, {told}")), "{output:?}");
    std::fs::write(runs[0].join("evaluation.json"), evaluation).unwrap();
    let config = std::fs::read_to_string(runs[0].join("config.toml")).unwrap();
    std::fs::write(runs[0].join("config.toml"), format!("tomorrow = 1\n{config}")).unwrap();
    let output = place.run(&export);
    let error = text(&output.stderr);
    assert!(error.contains("unknown key `tomorrow`") && error.contains(&told), "{error}");
    std::fs::write(runs[0].join("config.toml"), config).unwrap();
    std::fs::write(runs[0].join("environment.json"), environment).unwrap();

    // Weights of another network; a checkpoint and a config that are not this run's own.
    place.write("w.toml", "[data]\nsource = \"wine\"\n[training]\nmax_epochs = 1\n");
    assert!(place.run(&["--config", "w.toml", "--quiet", "--artifacts", "other"]).status.success());
    let other = std::fs::read_dir(place.path("other/runs")).unwrap().next().unwrap().unwrap().path();
    let model = std::fs::read(runs[0].join("model.safetensors")).unwrap();
    std::fs::copy(other.join("model.safetensors"), runs[0].join("model.safetensors")).unwrap();
    let run = runs[0].display().to_string();
    let told = || text(&place.run(&["export", &run, "--format", "onnx", "-o", "m.onnx"]).stderr);
    assert!(told().contains("model.safetensors` is not what training wrote"));
    let sums = std::fs::read(runs[0].join("SHA256SUMS")).unwrap();
    std::fs::remove_file(runs[0].join("SHA256SUMS")).unwrap();
    assert!(told().contains("does not fit the run's config and data: weight `layers.0.weight` has shape"));
    std::fs::write(runs[0].join("SHA256SUMS"), sums).unwrap();
    std::fs::write(runs[0].join("model.safetensors"), model).unwrap();

    let id = runs[0].file_name().unwrap().to_str().unwrap();
    let own = std::fs::read(runs[0].join("checkpoint.safetensors")).unwrap();
    std::fs::copy(runs[1].join("checkpoint.safetensors"), runs[0].join("checkpoint.safetensors")).unwrap();
    let output = place.run(&["resume", id, "--epochs", "5"]);
    assert!(text(&output.stderr).contains("is of run `"), "{}", text(&output.stderr));
    // The header is text: the same length, another version.
    let (old, new) = (b"\"version\":\"3\"", b"\"version\":\"4\"");
    let at = own.windows(old.len()).position(|bytes| bytes == old).unwrap();
    let newer = [&own[..at], new, &own[at + old.len()..]].concat();
    std::fs::write(runs[0].join("checkpoint.safetensors"), newer).unwrap();
    let output = place.run(&["resume", id, "--epochs", "5"]);
    let expected = "the checkpoint was written by a newer burnlab (format 4, this one reads 3): update burnlab";
    assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    std::fs::write(runs[0].join("checkpoint.safetensors"), own).unwrap();
    let config = std::fs::read_to_string(runs[0].join("config.toml")).unwrap();
    std::fs::write(runs[0].join("config.toml"), config.replace("batch_size = 32", "batch_size = 16")).unwrap();
    let output = place.run(&["resume", id, "--epochs", "5"]);
    assert!(text(&output.stderr).contains("`training.batch_size` has been changed since the run began"));
    assert_eq!(std::fs::read_dir(place.path("artifacts/runs")).unwrap().count(), 2, "nothing was recorded");
}

#[test]
fn an_experiments_newest_run_with_a_model_is_used_and_a_run_without_one_is_explained() {
    let place = Place::new();
    place.write("c.toml", "[data]\nsource = \"iris\"\n[training]\nmax_epochs = 2\n");
    assert!(place.run(&["--config", "c.toml", "--quiet"]).status.success());
    let diverge = ["--set", "training.learning_rate=1e30", "--set", "training.optimizer=sgd"];
    assert_eq!(place.run(&[&["--config", "c.toml", "--quiet"][..], &diverge].concat()).status.code(), Some(1));
    let output = place.run(&["evaluate", "c"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let output = place.run(&["evaluate", "latest"]);
    let message = text(&output.stderr);
    assert!(
        message.contains("has no model, it is failed: `burnlab resume ") && message.lines().count() == 1,
        "{message}"
    );
}

#[test]
fn a_reader_that_goes_away_ends_no_training() {
    let place = Place::new();
    place.write("c.toml", "[data]\nsource = \"iris\"\n[training]\nmax_epochs = 30\n");
    let mut child =
        place.command(&["--config", "c.toml"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", text(&ended.stderr));
    assert_eq!(json(place.only_run().join("run.json"))["status"], "finished");
    let mut child = place.command(&["config", "schema"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let ended = child.wait_with_output().unwrap();
    assert!(ended.status.success() && ended.stderr.is_empty(), "{}", text(&ended.stderr));
}
