//! Several runs of one config as one model: the mean of what each of them predicts, computed again here from their own
//! predictions.

use std::path::{Path, PathBuf};

use crate::onnx::{check, python};
use crate::place::{Place, forget_sums, json, text, works};

/// Two runs of a config of `data`, other seeds or folds, on the same test rows where `split_seed` is in `data`.
#[track_caller]
fn trained(place: &Place, data: &str, options: &[&str]) -> Vec<PathBuf> {
    place.write("c.toml", &format!("[data]\n{data}\n[model]\nhidden = [4]\n[training]\nmax_epochs = 3\n"));
    works(place, &[&["--config", "c.toml", "--quiet"], options].concat());
    let mut runs: Vec<PathBuf> =
        std::fs::read_dir(place.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path()).collect();
    runs.sort();
    runs
}

/// Its one line of an error.
#[track_caller]
fn fails(place: &Place, args: &[&str]) -> String {
    let output = place.run(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {}", text(&output.stdout));
    assert_eq!(text(&output.stdout), "", "{args:?}");
    text(&output.stderr)
}

fn table(csv: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    (header, reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect())
}

fn number(cell: &str) -> f64 {
    cell.parse().unwrap()
}

fn id(run: &Path) -> &str {
    run.file_name().unwrap().to_str().unwrap()
}

#[test]
fn probabilities_are_the_means_of_those_of_the_members() {
    let place = Place::new();
    // Without a split seed each member is scaled by other training rows.
    let runs = trained(&place, "source = \"iris\"", &["--seeds", "3"]);
    std::fs::copy(runs[0].join("test.csv"), place.path("new.csv")).unwrap();
    let alone: Vec<_> = runs.iter().map(|run| table(&works(&place, &["predict", id(run), "new.csv"]))).collect();
    let printed = works(&place, &["predict", "c", "new.csv", "--ensemble"]);
    let (header, rows) = table(&printed);
    assert_eq!(header[..5], alone[0].0[..]);
    assert_eq!(header[5], "agreement");
    assert_eq!(rows.len(), 45);
    let mut num_split = 0;
    for (i, row) in rows.iter().enumerate() {
        let mean = |column: usize| alone.iter().map(|(_, rows)| number(&rows[i][column])).sum::<f64>() / 3.0;
        let means = [mean(2), mean(3), mean(4)];
        for (class, expected) in means.iter().enumerate() {
            assert!((number(&row[2 + class]) - expected).abs() < 1e-14, "row {i}: {row:?}, expected {means:?}");
        }
        let best = (0..3).reduce(|best, class| if means[class] > means[best] { class } else { best }).unwrap();
        assert_eq!(row[1], ["setosa", "versicolor", "virginica"][best], "row {i}: {row:?}");
        let agreement = alone.iter().filter(|(_, rows)| rows[i][1] == row[1]).count() as f64 / 3.0;
        assert_eq!(number(&row[5]), agreement, "row {i}");
        num_split += usize::from(agreement < 1.0);
    }
    assert!(num_split > 0, "after three epochs the members should not agree in everything");

    // A run stands for its config, and standard input is read by all members.
    assert_eq!(works(&place, &["predict", id(&runs[1]), "new.csv", "--ensemble"]), printed);
    let mut piped = place.command(&["predict", "c", "-", "--ensemble"]);
    let output = piped.stdin(std::fs::File::open(place.path("new.csv")).unwrap()).output().unwrap();
    assert_eq!(text(&output.stdout), printed, "{}", text(&output.stderr));
    // A seed that was trained twice counts once.
    works(&place, &["--config", "c.toml", "--quiet"]);
    assert_eq!(works(&place, &["predict", "c", "new.csv", "--ensemble"]), printed);
}

#[test]
fn numbers_are_averaged_in_their_own_units() {
    let place = Place::new();
    let runs = trained(&place, "source = \"diabetes\"", &["--seeds", "2"]);
    std::fs::copy(runs[0].join("test.csv"), place.path("new.csv")).unwrap();
    let alone: Vec<_> = runs.iter().map(|run| table(&works(&place, &["predict", id(run), "new.csv"])).1).collect();
    let (header, rows) = table(&works(&place, &["predict", "c", "new.csv", "--ensemble", "--keep", "bmi"]));
    assert_eq!(header, ["row", "bmi", "predicted", "standard_deviation"]);
    for (i, row) in rows.iter().enumerate() {
        let (a, b) = (number(&alone[0][i][1]), number(&alone[1][i][1]));
        assert!((number(&row[2]) - (a + b) / 2.0).abs() < 1e-9, "row {i}: {row:?}");
        // Of two values: their distance over the root of two.
        assert!((number(&row[3]) - (a - b).abs() / 2f64.sqrt()).abs() < 1e-9, "row {i}: {row:?}");
    }
    let error = fails(&place, &["predict", "c", "new.csv", "--ensemble", "--keep", "nothing"]);
    assert!(error.contains("no column `nothing`"), "{error}");
}

#[test]
fn an_ensemble_is_judged_on_rows_that_no_member_was_trained_with() {
    let place = Place::new();
    let runs = trained(&place, "source = \"iris\"\nsplit_seed = 1", &["--seeds", "3"]);
    let shown = works(&place, &["evaluate", "c", "--ensemble"]);
    let printed = works(&place, &["evaluate", "c", "--ensemble", "--json", "-o", "out.csv"]);
    let found: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let (_, rows) = table(&std::fs::read_to_string(place.path("out.csv")).unwrap());
    assert_eq!(rows.len(), 45);
    let metric = |of: &serde_json::Value, name: &str| {
        let metrics = of["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["name"] == name).unwrap()["value"].as_f64().unwrap()
    };
    let accuracy = rows.iter().filter(|row| row[1] == row[2]).count() as f64 / 45.0;
    assert_eq!(metric(&found, "accuracy"), accuracy);
    let classes = ["setosa", "versicolor", "virginica"];
    let of_truth = |row: &Vec<String>| number(&row[3 + classes.iter().position(|class| *class == row[1]).unwrap()]);
    let log_loss = -rows.iter().map(|row| of_truth(row).ln()).sum::<f64>() / 45.0;
    assert!((metric(&found, "log_loss") - log_loss).abs() < 1e-6, "{log_loss}: {found}");
    // Jensen: the log loss of the mean is at most the mean of the log losses.
    let recorded: Vec<serde_json::Value> = runs.iter().map(|run| json(run.join("evaluation.json"))).collect();
    let of_members: Vec<f64> = recorded.iter().map(|of| metric(of, "log_loss")).collect();
    assert!(log_loss < of_members.iter().sum::<f64>() / 3.0, "{log_loss} {of_members:?}");
    let members = found["members"].as_array().unwrap();
    assert_eq!(members.len(), 3);
    for member in members {
        let run = runs.iter().position(|run| id(run) == member["run"]).unwrap();
        assert_eq!(metric(member, "accuracy"), metric(&recorded[run], "accuracy"));
    }
    assert!(shown.contains("mean of 3 seeds, each by itself\n       accuracy "), "{shown}");

    // The rows of training, as a file.
    works(&place, &["--config", "iris", "--quiet", "--set", "data.split_seed=1", "--name", "all"]);
    let all = place.run(&["evaluate", "c", "--ensemble", "--data", "out.csv"]);
    assert!(text(&all.stderr).contains("out.csv lacks columns"), "{}", text(&all.stderr));
}

#[test]
fn an_ensemble_never_flatters_itself() {
    let place = Place::new();
    let runs = trained(&place, "source = \"iris\"", &["--seeds", "2"]);
    let error = fails(&place, &["evaluate", "c", "--ensemble"]);
    assert!(error.contains("each seed has test rows of its own") && error.contains("data.split_seed=42"), "{error}");
    // Test rows of one seed, most of which the other was trained with.
    std::fs::copy(runs[0].join("test.csv"), place.path("known.csv")).unwrap();
    let output = place.run(&["evaluate", "c", "--ensemble", "--data", "known.csv"]);
    assert!(output.status.success());
    assert!(text(&output.stderr).contains("that a member was trained with"), "{}", text(&output.stderr));

    let place = Place::new();
    trained(&place, "source = \"iris\"\nfolds = 3", &["--jobs", "1"]);
    let error = fails(&place, &["evaluate", "c", "--ensemble"]);
    assert!(error.contains("each fold tests on rows that the other members were trained with"), "{error}");
    let command = error.split('`').nth(1).unwrap();
    assert_eq!(command, "burnlab runs list --group --filter 'name = \"c\"'");
    assert!(works(&place, &["runs", "list", "--group", "--filter", "name = \"c\""]).contains("3"));
}

#[test]
fn what_is_no_ensemble_says_so() {
    let place = Place::new();
    let runs = trained(&place, "source = \"iris\"", &[]);
    std::fs::copy(runs[0].join("test.csv"), place.path("new.csv")).unwrap();
    let predict = |run: &str| fails(&place, &["predict", run, "new.csv", "--ensemble"]);
    let one = predict("c");
    assert!(one.contains("has one run of this config") && one.contains("--set seed=43 --seeds 9"), "{one}");
    assert!(predict(runs[0].to_str().unwrap()).contains("not a folder"));
    assert!(predict("nothing").contains("no run"));

    works(&place, &["--config", "c.toml", "--quiet", "--seeds", "2", "--set", "model.hidden=[5]"]);
    let several = predict("c");
    assert!(several.contains("`c` has 2 configs: name a run of the one that you mean") && several.contains("(2 runs)"));
    let safetensors = fails(&place, &["export", "c", "--ensemble", "--format", "safetensors"]);
    assert!(safetensors.contains("ONNX"), "{safetensors}");

    place.write("text.txt", &"the cat sat on the mat. the dog sat on the log.\n".repeat(20));
    let config = "[data]\npath = \"text.txt\"\ntask = \"language_model\"\ncontext = 8\n[model]\nkind = \"transformer\"\n\
                  width = 4\nheads = 1\ndepth = 1\n[training]\nmax_epochs = 1\nbatch_size = 8\n";
    place.write("text.toml", config);
    works(&place, &["--config", "text.toml", "--quiet", "--seeds", "2"]);
    for args in [
        &["predict", "text", "new.csv", "--ensemble"][..],
        &["evaluate", "text", "--ensemble"],
        &["export", "text", "--ensemble"],
    ] {
        let error = fails(&place, args);
        assert!(error.contains("is a language model, and an ensemble predicts the rows of a table"), "{error}");
    }
}

#[test]
fn members_with_other_classes_are_refused() {
    let place = Place::new();
    let rows = |classes: [&str; 2]| -> String {
        (0..40).map(|i| format!("{},{}\n", i * 7 % 40, classes[usize::from(i % 4 > 1)])).collect()
    };
    // One experiment and config; what differs is the file, divided outside of burnlab.
    for (classes, seed) in [(["a", "b"], "1"), (["a", "c"], "2")] {
        place.write("train.csv", &format!("x,y\n{}", rows(classes)));
        place.write("test.csv", &format!("x,y\n{}", rows(classes)));
        let data = "path = \"train.csv\"\ntest_path = \"test.csv\"\ntarget = \"y\"";
        place.write("c.toml", &format!("[data]\n{data}\n[model]\nhidden = []\n[training]\nmax_epochs = 1\n"));
        works(&place, &["--config", "c.toml", "--quiet", "--set", &format!("seed={seed}")]);
    }
    let error = fails(&place, &["predict", "c", "test.csv", "--ensemble"]);
    assert!(error.contains("has 2 configs"), "{error}");
}

#[test]
fn onnx_runtime_predicts_the_mean_that_burnlab_predicts() {
    let Some(python) = python() else { return };
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let titanic = format!("path = \"{}\"\ntarget = \"Survived\"", root.join("configs/data/titanic.csv").display());
    for (name, data) in [
        ("several classes", "source = \"iris\"\nfolds = 3"),
        ("two classes", "source = \"breast_cancer\"\nfolds = 2"),
        ("categories", &format!("{titanic}\nfolds = 3")),
        ("a number", "source = \"diabetes\"\nfolds = 2"),
    ] {
        let place = Place::new();
        let runs = trained(&place, data, &["--jobs", "1"]);
        std::fs::copy(runs[0].join("test.csv"), place.path("new.csv")).unwrap();
        works(&place, &["predict", "c", "new.csv", "--ensemble", "-o", "expected.csv"]);
        assert_eq!(works(&place, &["export", "c", "--ensemble"]).lines().next(), Some("c-ensemble.onnx"));
        let files = ["c-ensemble.onnx", "new.csv", "expected.csv"].map(|file| place.path(file));
        check(&python, &[files]);
        let card = std::fs::read_to_string(place.path("c-ensemble.onnx.md")).unwrap();
        assert!(card.starts_with(&format!("# c, mean of {} folds\n", runs.len())), "{card}");
        for run in &runs {
            assert!(card.contains(&format!("| {} | 42 |", id(run))), "{name}: {card}");
        }
    }
}

/// Files of another run, or rows in another order, in the folder of a member: its answers are not for the same question.
#[test]
fn members_of_other_kinds_and_with_other_rows_are_no_ensemble() {
    let place = Place::new();
    let runs = trained(&place, "source = \"diabetes\"\nsplit_seed = 1", &["--seeds", "2"]);
    let other = |sets: &[&str]| {
        let other = Place::new();
        trained(&other, "source = \"diabetes\"\nsplit_seed = 1", sets);
        let folder = other.only_run();
        (other, folder)
    };
    let files = ["config.toml", "preprocessing.json", "model.safetensors", "run.json"];
    forget_sums(&runs[1]);
    let sound: Vec<Vec<u8>> = files.iter().map(|file| std::fs::read(runs[1].join(file)).unwrap()).collect();
    let test = runs[0].join("test.csv").display().to_string();
    let ways = "answer in other ways (task or quantiles): they have no average";
    let losses = "have other losses (training.loss): they have no average";
    for ((_place, of_other), expected) in [
        (other(&["--set", "training.loss=pinball", "--set", "training.quantiles=[0.1,0.5,0.9]"]), ways),
        (other(&["--set", "training.loss=poisson"]), losses),
        (other(&["--set", "training.loss=huber"]), losses),
    ] {
        for file in &files[..3] {
            std::fs::copy(of_other.join(file), runs[1].join(file)).unwrap();
        }
        // What the config is held against.
        let mut record = json(runs[1].join("run.json"));
        record["params"] = json(of_other.join("run.json"))["params"].clone();
        std::fs::write(runs[1].join("run.json"), record.to_string()).unwrap();
        let told = fails(&place, &["predict", "c", &test, "--ensemble"]);
        assert!(told.contains(expected), "{told}");
    }
    for (file, bytes) in files.iter().zip(&sound) {
        std::fs::write(runs[1].join(file), bytes).unwrap();
    }
    works(&place, &["evaluate", "c", "--ensemble"]);
    let rows = std::fs::read_to_string(runs[1].join("test.csv")).unwrap();
    let mut lines: Vec<&str> = rows.lines().collect();
    lines[1..].reverse();
    std::fs::write(runs[1].join("test.csv"), lines.join("\n")).unwrap();
    let told = fails(&place, &["evaluate", "c", "--ensemble"]);
    assert!(told.contains("the members have other truths for the same row numbers"), "{told}");
}
