//! burnlab as a library: the examples, and what the command line says of the same runs.

use std::collections::BTreeMap;
use std::path::Path;

use burnlab::{CnnConfig, Config, DataConfig, Model, Source, Training};

use crate::place::{Place, text};

#[path = "../../examples/predict.rs"]
mod predict;
#[path = "../../examples/runs.rs"]
mod runs;
#[path = "../../examples/train.rs"]
mod train;

#[track_caller]
fn said(example: impl Fn(&Path, &mut dyn std::io::Write) -> anyhow::Result<()>, artifacts: &Path) -> String {
    let mut out = Vec::new();
    example(artifacts, &mut out).unwrap();
    text(&out)
}

#[test]
fn the_examples_train_predict_and_list() {
    let place = Place::new();
    let artifacts = place.path("artifacts");
    let trained = said(train::run, &artifacts);
    let lines: Vec<&str> = trained.lines().collect();
    assert_eq!(lines.len(), 5, "{trained}");
    assert!(lines[3].starts_with("epoch 40: validation loss 0."), "{trained}");
    let (id, accuracy) = lines[4].split_once(": test accuracy ").unwrap();
    assert!(accuracy.parse::<f64>().unwrap() > 0.85, "{trained}");

    // The command line says the same of the run.
    place.write(
        "new.csv",
        "sepal_length_(cm),sepal_width_(cm),petal_length_(cm),petal_width_(cm)\n5.1,3.5,1.4,0.2\n6.7,3,5.2,\n",
    );
    let output = place.run(&["predict", id, "new.csv"]);
    let rows: Vec<Vec<String>> =
        text(&output.stdout).lines().skip(1).map(|row| row.split(',').map(str::to_owned).collect()).collect();
    let share = |row: &[String]| row[2..].iter().map(|cell| cell.parse::<f64>().unwrap()).fold(0.0, f64::max);
    let expected: String = rows.iter().map(|row| format!("{}, {:.0} %\n", row[1], 100.0 * share(row))).collect();
    assert_eq!(rows.len(), 2, "{}", text(&output.stderr));
    assert_eq!(said(predict::run, &artifacts), expected);

    let listed = said(runs::run, &artifacts);
    assert!(listed.starts_with(&format!("iris Finished, seed 42: {accuracy}\n  validation/loss from ")), "{listed}");
    assert!(listed.ends_with(" in 40 epochs\n"), "{listed}");
    assert!(text(&place.run(&["runs", "list", "--filter", "tag = \"example\""]).stdout).contains(id));
}

#[test]
fn a_config_from_code_is_checked_as_a_file_is() {
    let place = Place::new();
    let iris = || DataConfig { source: Some(Source::Iris), ..DataConfig::default() };
    let refused = |config: Config| {
        let error = Training::new(config).store(&*place.path("artifacts")).run().unwrap_err();
        assert!(!place.path("artifacts/runs").exists(), "nothing is recorded");
        format!("{error:#}")
    };
    let mut config = Config::new("c", iris());
    config.training.learning_rate = -1.0;
    assert!(refused(config).contains("training.learning_rate"));
    let mut config = Config::new("c", iris());
    config.model = CnnConfig::default().into();
    assert!(refused(config).contains("`cnn` needs images"));
    let config = Config { seeds: 3, ..Config::new("c", iris()) };
    assert!(refused(config).contains("several runs"));
    assert!(refused(Config::new("", iris())).contains("no name"));
    let error = Config::from_toml("[data]\nsource = \"iris\"\nx = 1\n").unwrap_err().to_string();
    assert!(error.contains("unknown key `x`"), "{error}");
}

/// A text may leave the network open, as a file may; a model is found by its folder as well, and says what it reads.
#[test]
fn a_model_of_a_text_config_is_loaded_by_its_folder() {
    let place = Place::new();
    place.write("x.csv", &format!("size,colour,y\n{}", "1,red,10\n2,blue,20\n3,,30\n,red,15\n".repeat(20)));
    let text = format!(
        "[data]\npath = {:?}\ntarget = \"y\"\ntask = \"regression\"\n[training]\nmax_epochs = 3\n",
        place.path("x.csv")
    );
    let run = Training::new(Config::from_toml(&text).unwrap()).store(&*place.path("artifacts")).run().unwrap();
    let model = Model::load(Path::new("elsewhere"), run.folder.to_str().unwrap()).unwrap();
    assert_eq!(model.run(), run.id.to_string());
    assert_eq!((model.columns(), model.classes().len()), (vec!["size", "colour"], 0));
    let row = |size: Option<f64>, colour: Option<&str>| {
        BTreeMap::from([("size", serde_json::json!(size)), ("colour", serde_json::json!(colour))])
    };
    let rows = [row(Some(2.0), Some("blue")), row(None, None), row(Some(1.0), Some("violet"))];
    let found: Vec<f64> = model.predict(rows).unwrap().iter().map(|row| row.number().unwrap()).collect();
    place.write("new.csv", "size,colour\n2,blue\n,\n1,violet\n");
    let said = crate::place::text(&place.run(&["predict", "latest", "new.csv"]).stdout);
    let expected: Vec<f64> = said.lines().skip(1).map(|row| row.split(',').nth(1).unwrap().parse().unwrap()).collect();
    assert_eq!(found, expected);

    assert_eq!(model.predict::<BTreeMap<&str, f64>>([]).unwrap(), []);
    for (row, told) in
        [(serde_json::json!([1]), "row 0 is [1]"), (serde_json::json!({"size": "wide", "colour": "red"}), "`wide`")]
    {
        let error = format!("{:#}", model.predict([row]).unwrap_err());
        assert!(error.contains(told), "{error}");
    }
}
