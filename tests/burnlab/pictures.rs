//! Pictures and reports of real runs: which ones there are, and that they show the run's own numbers.

use std::path::Path;

use burnlab::experiment::pictures::{Draw, PICTURES, draw_named};
use burnlab::experiment::{RunFolder, SavedModel};
use burnlab::tracking::Store;

use crate::lab::{Lab, series};
use crate::place::{Place, json, text};

/// The texts of a picture, and the number of its elements with a class.
struct Svg(String);

impl Svg {
    fn read(folder: &Path, name: &str) -> Self {
        Self(std::fs::read_to_string(folder.join("plots").join(name).with_extension("svg")).unwrap())
    }

    fn count(&self, class: &str) -> usize {
        let document = roxmltree::Document::parse(&self.0).unwrap();
        let has = |node: &roxmltree::Node| {
            node.attribute("class").is_some_and(|classes| classes.split(' ').any(|other| other == class))
        };
        document.descendants().filter(has).count()
    }

    fn texts(&self) -> Vec<String> {
        let document = roxmltree::Document::parse(&self.0).unwrap();
        let texts = document.descendants().filter(|node| node.has_tag_name("text"));
        let of = |node: roxmltree::Node| -> String {
            node.descendants().filter(|part| part.is_text()).filter_map(|part| part.text()).collect()
        };
        texts.map(of).collect()
    }

    #[track_caller]
    fn says(&self, part: &str) {
        assert!(self.texts().iter().any(|text| text.contains(part)), "`{part}` is not in {:?}", self.texts());
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder.join("plots")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_run_of_images_shows_label_and_prediction_wrong_ones_first() {
    let lab = Lab::new();
    let run = lab.train("digits", &[]);
    assert_eq!(names(&run.folder), ["confusion", "curves", "forward_pass", "gallery", "network", "unit_weights"]);

    let mut csv = csv::Reader::from_path(run.folder.join("predictions.csv")).unwrap();
    let rows: Vec<csv::StringRecord> = csv.records().map(Result::unwrap).collect();
    let wrong: Vec<&csv::StringRecord> = rows.iter().filter(|row| row[1] != row[2]).collect();
    let gallery = Svg::read(&run.folder, "gallery");
    assert_eq!(gallery.count("sample"), 40);
    assert_eq!(gallery.count("wrong"), wrong.len(), "all wrong ones come before any right one");
    gallery.says(&format!("{} of 540 test images wrong", wrong.len()));
    let captions: Vec<String> = gallery.texts().into_iter().filter(|text| text.contains(" / Prediction ")).collect();
    let mut shown = captions[..wrong.len()].to_vec();
    let mut expected: Vec<String> =
        wrong.iter().map(|row| format!("Label {} / Prediction {}", &row[1], &row[2])).collect();
    shown.sort();
    expected.sort();
    assert_eq!(shown, expected);

    let confusion = Svg::read(&run.folder, "confusion");
    let correct = rows.len() - wrong.len();
    confusion.says(&format!("540 rows, {correct} on the diagonal"));
    let curves = Svg::read(&run.folder, "curves");
    curves.says(&format!("best {}", run.best.unwrap().0));
    curves.says(&format!("stopped {}", run.num_epochs));
    assert_eq!(series(&run, "train/loss").len(), run.num_epochs);
    assert_eq!(Svg::read(&run.folder, "unit_weights").count("unit"), 16);

    // The first test row, as its prediction is recorded.
    let pass = Svg::read(&run.folder, "forward_pass");
    pass.says(&format!("Label {}", &rows[0][1]));
    pass.says(&format!("Prediction {}", &rows[0][2]));
    assert_eq!((pass.count("unit"), pass.count("output"), pass.count("chosen")), (16, 10, 1));
    let most = (3..13).map(|column| rows[0][column].parse::<f64>().unwrap()).fold(0.0, f64::max);
    pass.says(&format!("{:.1} %", 100.0 * most));
}

#[test]
fn two_inputs_show_the_boundary_and_each_hidden_units_line() {
    let lab = Lab::new();
    let run = lab.train("band-2-units", &[]);
    let shown = names(&run.folder);
    for name in ["boundary", "calibration", "confusion", "curves", "hidden_units", "importance", "network", "roc"] {
        assert!(shown.iter().any(|other| other == name), "{name} is not in {shown:?}");
    }
    let boundary = Svg::read(&run.folder, "boundary");
    let saved = SavedModel::open(&RunFolder::at(&run.folder)).unwrap();
    let num_train: u64 = saved.preprocessor.class_counts.iter().sum();
    let num_test = run.evaluation.as_ref().unwrap().num_examples;
    assert_eq!(boundary.count("dot"), num_train as usize + num_test);
    let units = Svg::read(&run.folder, "hidden_units");
    units.says("unit 1");
    units.says("unit 2");
    units.says("output");

    // The slider's file: a picture by epoch, the first of the random weights, each of size x size cells.
    let history = json(run.folder.join("boundary.json"));
    let epochs: Vec<u64> = history["epochs"].as_array().unwrap().iter().map(|epoch| epoch.as_u64().unwrap()).collect();
    assert!(epochs.starts_with(&[0, 1, 2]) && epochs.is_sorted());
    assert_eq!(*epochs.last().unwrap(), run.num_epochs as u64);
    assert!(run.kept_epoch.is_none_or(|kept| epochs.contains(&(kept as u64))));
    let cells = history["size"].as_u64().unwrap().pow(2) as usize;
    for key in ["classes", "confidence"] {
        let pictures = history[key].as_array().unwrap();
        assert_eq!(pictures.len(), epochs.len());
        assert!(pictures.iter().all(|picture| picture.as_str().unwrap().len() == cells));
    }
    assert_eq!(history["points"].as_array().unwrap().len(), num_train as usize + num_test);
}

#[test]
fn every_picture_of_the_table_is_drawn_of_some_run_and_refused_by_name_of_another() {
    let lab = Lab::new();
    let plane = lab.artifacts().join("plane.csv");
    let rows = (0..100).map(|row| format!("{},{},{}\n", row % 10, row / 10, row % 10 * 2 - row / 10));
    std::fs::write(&plane, "x,y,z\n".to_owned() + &rows.collect::<String>()).unwrap();
    let of_plane = format!("data={{path=\"{}\",target=\"z\"}}", plane.display());
    let runs = [
        lab.train("digits", &["training.max_epochs=1"]),
        lab.train("digits-transformer", &["training.max_epochs=1"]),
        lab.train("digits-cnn", &["training.max_epochs=1", "model.channels=[4]"]),
        lab.train("band-2-units", &["training.max_epochs=1"]),
        lab.train("xor-mlp", &["training.max_epochs=1", "training.loss=\"mse\"", &of_plane]),
        lab.train("iris", &["training.max_epochs=1", "data.validation_fraction=0.2", "model.hidden=[4]"]),
        lab.train("iris", &["training.max_epochs=1", "data.validation_fraction=0.2", "model.hidden=[8]"]),
    ];
    let drawn = |stem: &str| runs.iter().filter(|run| names(&run.folder).iter().any(|name| name == stem)).count();
    let saved = SavedModel::open(&RunFolder::at(&runs[4].folder)).unwrap();
    for picture in PICTURES {
        match picture.draw {
            Draw::Run(_) => {
                let count = drawn(&picture.stem());
                assert!(count > 0, "no run has {}", picture.name);
                // What the run of numbers on a plane lacks.
                if !names(&runs[4].folder).contains(&picture.stem()) {
                    let error = draw_named(&saved, &[picture], None, lab.backend).unwrap_err().to_string();
                    assert!(error.contains(picture.name) && error.ends_with(picture.needs), "{error}");
                }
            }
            Draw::Experiment(draw) => {
                let store = Store::open(lab.artifacts()).unwrap();
                let iris: Vec<_> = runs[5..].iter().map(|run| store.run(&run.id).unwrap()).collect();
                assert!(draw(&iris[0], &iris).is_ok(), "{}", picture.name);
                assert!(draw(&iris[0], &iris[..1]).is_err(), "{}", picture.name);
            }
        }
    }
}

#[test]
fn regression_shows_predictions_and_residuals() {
    let lab = Lab::new();
    let run = lab.train("diabetes", &["training.max_epochs=20"]);
    assert_eq!(names(&run.folder), ["curves", "importance", "network", "predicted_vs_true", "residuals"]);
    let num_test = run.evaluation.as_ref().unwrap().num_examples;
    assert_eq!(Svg::read(&run.folder, "predicted_vs_true").count("dot"), num_test);
    assert_eq!(Svg::read(&run.folder, "importance").count("bar"), 10);
}

#[test]
fn plot_draws_from_the_folder_what_training_drew_and_says_what_a_picture_needs() {
    let place = Place::new();
    let config = "[data]\nsource = \"iris\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 4\n";
    place.write("c.toml", config);
    assert!(place.run(&["--config", "c.toml", "--quiet"]).status.success());
    let run = place.only_run();
    let drawn = names(&run);
    let before: Vec<Vec<u8>> =
        drawn.iter().map(|name| std::fs::read(run.join("plots").join(name).with_extension("svg")).unwrap()).collect();
    std::fs::remove_dir_all(run.join("plots")).unwrap();
    let output = place.run(&["plot", "c"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(names(&run), drawn);
    for (name, before) in drawn.iter().zip(before) {
        assert!(std::fs::read(run.join("plots").join(name).with_extension("svg")).unwrap() == before, "{name}");
    }
    assert!(place.run(&["plot", "latest", "confusion", "-o", "c.svg"]).status.success());
    roxmltree::Document::parse(&std::fs::read_to_string(place.path("c.svg")).unwrap()).unwrap();
    let output = place.run(&["plot", "latest", "boundary"]);
    assert_eq!(output.status.code(), Some(1));
    let message = text(&output.stderr);
    assert!(message.contains("has no boundary picture: it needs exactly two numeric inputs, and classes"), "{message}");
    // By the name that was typed.
    let message = text(&place.run(&["plot", "latest", "hidden-units"]).stderr).to_owned();
    assert!(message.contains("has no hidden-units picture: it needs "), "{message}");

    // Over hidden sizes: one run is not enough, two are.
    assert!(text(&place.run(&["plot", "latest", "overfitting"]).stderr).contains("different model.hidden"));
    assert!(place.run(&["--config", "c.toml", "--quiet", "--set", "model.hidden=[8]"]).status.success());
    let output = place.run(&["plot", "latest", "overfitting", "-o", "o.svg"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let overfitting = Svg(std::fs::read_to_string(place.path("o.svg")).unwrap());
    assert_eq!(overfitting.count("dot"), 4, "two runs, training and validation");

    // Runs that differ in more than the width are not drawn without a word.
    let other = ["--config", "c.toml", "--quiet", "--set", "model.hidden=[4]", "--set", "training.learning_rate=0.1"];
    assert!(place.run(&other).status.success());
    let output = place.run(&["plot", "latest", "overfitting"]);
    assert_eq!(output.status.code(), Some(1));
    let error = text(&output.stderr);
    assert!(error.ends_with("; not drawn: 2 runs with other values of training.learning_rate\n"), "{error}");
    assert!(place.run(&[&other[..], &["--set", "model.hidden=[2]"]].concat()).status.success());
    assert!(place.run(&["plot", "latest", "overfitting", "-o", "o.svg"]).status.success());
    let overfitting = Svg(std::fs::read_to_string(place.path("o.svg")).unwrap());
    assert_eq!(overfitting.count("dot"), 4, "the two runs of its learning rate");
    assert!(overfitting.0.contains("Not drawn: 2 runs with other values of training.learning_rate."));
}

#[test]
fn a_report_is_one_file_with_config_metrics_pictures_and_comparison() {
    let place = Place::new();
    place.write("c.toml", "[data]\nsource = \"iris\"\n[training]\nmax_epochs = 3\n");
    for set in ["seed=1", "seed=2"] {
        assert!(place.run(&["--config", "c.toml", "--quiet", "--set", set]).status.success());
    }
    let ids: Vec<String> = std::fs::read_dir(place.path("artifacts/runs"))
        .unwrap()
        .map(|run| run.unwrap().file_name().into_string().unwrap())
        .collect();
    let output = place.run(&["report", &ids[0], &ids[1], "-o", "r.html"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let html = std::fs::read_to_string(place.path("r.html")).unwrap();
    for part in [ids[0].as_str(), &ids[1], "<td>seed</td>", "test/accuracy", "max_epochs = 3", "data:image/svg+xml,"] {
        assert!(html.contains(part), "{part}");
    }
    assert_eq!(html.matches("<figure>").count(), 2 * 4);
    for outside in ["http://", "https://", "src=\"/", "<script", "<link"] {
        let own = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!own.contains(outside), "{outside}: the file must be complete in itself");
    }
}
