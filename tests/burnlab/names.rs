//! Experiments whose names are alike, and models that are not what their folder says: no verb takes one for another.

use std::fs;
use std::path::Path;

use crate::lab::config_file;
use crate::place::{Place, forget_sums, refused, text, works};

/// Trains iris for some epochs under a name.
fn train(place: &Place, name: &str, epochs: usize) {
    let iris = config_file("iris").display().to_string();
    let epochs = format!("training.max_epochs={epochs}");
    works(place, &["--config", &iris, "--quiet", "--name", name, "--set", &epochs]);
}

/// The accuracy that `evaluate` tells.
fn accuracy(place: &Place, run: &str) -> String {
    let told = works(place, &["evaluate", run]);
    told.lines().find(|line| line.contains("accuracy")).unwrap().to_owned()
}

/// Before, an experiment was the newest run of any name with the same letters and digits.
#[test]
fn an_experiment_is_named_by_its_name() {
    let place = Place::new();
    train(&place, "iris", 100);
    let good = accuracy(&place, "iris");
    train(&place, "Iris", 1);
    assert_eq!(accuracy(&place, "iris"), good);
    assert_ne!(accuracy(&place, "Iris"), good);

    let alike = "error: `IRIS` may be any of the experiments `Iris`, `iris`: write its name as it is there\n";
    for args in [&["evaluate", "IRIS"][..], &["runs", "rename", "IRIS", "theirs"], &["runs", "compare", "IRIS", "iris"]]
    {
        refused(&place, args, alike);
    }
    // The name of one alone is enough, whatever its capitals.
    works(&place, &["runs", "rename", "Iris", "Lilies!"]);
    assert_eq!(accuracy(&place, "IRIS"), good);
    assert_ne!(accuracy(&place, "lilies"), good);

    // Letters that no id has name no experiment but their own.
    train(&place, "日本", 1);
    accuracy(&place, "日本");
    refused(&place, &["evaluate", "中国"], "no run `中国`");
    refused(&place, &["runs", "rename", "中国", "z"], "no experiment `中国`");
    // Nor do the first sixty characters.
    let long = "a-rather-long-name-of-an-experiment-on-the-flowers-of-iris-and-their-sizes";
    train(&place, &format!("{long}-one"), 1);
    refused(&place, &["evaluate", &format!("{long}-two")], "no run `");
}

/// Options after the tags are tags, and are refused as such whichever store they name.
#[test]
fn options_come_before_the_tags() {
    let place = Place::new();
    for option in ["--artifacts", "--store=x"] {
        refused(&place, &["runs", "tag", "latest", "+best", option], &format!("`{option}` would be a tag here"));
    }
}

/// Weights that are numbers, each, and a network of which no answer is.
#[test]
fn a_network_that_gives_no_number_is_damaged() {
    let place = Place::new();
    train(&place, "iris", 2);
    let run = place.only_run();
    let model = run.join("model.safetensors");
    let sound = fs::read(&model).unwrap();
    let start = 8 + u64::from_le_bytes(sound[..8].try_into().unwrap()) as usize;
    let huge = 3e38_f32.to_le_bytes().repeat((sound.len() - start) / 4);
    forget_sums(&run);
    fs::write(&model, [&sound[..start], &huge].concat()).unwrap();
    let rows = "sepal_length_(cm),sepal_width_(cm),petal_length_(cm),petal_width_(cm)\n5.1,3.5,1.4,0.2\n";
    place.write("rows.csv", rows);
    for args in [
        &["predict", "iris", "rows.csv"][..],
        &["evaluate", "iris"],
        &["explain", "iris"],
        &["serve", "iris", "--port", "0"],
        &["explain-step", "iris"],
        &["export", "iris", "-o", "x.onnx"],
        &["export", "iris", "--format", "html", "-o", "x.html"],
        &["export", "iris", "--format", "safetensors", "-o", "x.safetensors"],
    ] {
        refused(&place, args, "model.safetensors: the network gives no number even for an average row: restore");
    }
    fs::write(&model, sound).unwrap();
    // A sound network, and a row beyond all measure.
    place.write("far.csv", &format!("{rows}3e38,3e38,3e38,3e38\n"));
    let far = place.run(&["predict", "iris", "far.csv"]);
    let (printed, errors) = (text(&far.stdout), text(&far.stderr));
    assert!(!printed.contains("NaN") && !printed.contains("inf"), "{printed}");
    assert!(far.status.success() || errors.contains("row 1 has no prediction: run `iris-"), "{errors}");
}

#[test]
fn a_network_that_is_not_the_trained_one_is_refused() {
    let place = Place::new();
    train(&place, "iris", 2);
    let config = place.only_run().join("config.toml");
    let written = fs::read_to_string(&config).unwrap();
    assert!(written.contains("activation = \"tanh\""));
    fs::write(&config, written.replace("activation = \"tanh\"", "activation = \"sigmoid\"")).unwrap();
    for args in
        [&["evaluate", "iris"][..], &["export", "iris", "--format", "onnx"], &["resume", "iris", "--epochs", "9"]]
    {
        refused(&place, args, "config.toml: `model.activation` has been changed since the run began: change it back");
    }
    fs::write(&config, written).unwrap();
    accuracy(&place, "iris");
}

/// A run that has finished is not resumed for its model.
#[test]
fn a_model_that_is_gone_is_to_be_restored() {
    let place = Place::new();
    train(&place, "iris", 1);
    let id = place.only_run();
    fs::remove_file(id.join("model.safetensors")).unwrap();
    let id = id.file_name().unwrap().to_str().unwrap().to_owned();
    let missing = Path::new("artifacts/runs").join(&id).join("model.safetensors").display().to_string();
    let expected = format!("run `{id}` is finished, and {missing} is missing: restore the file that training wrote");
    refused(&place, &["evaluate", "iris"], &expected);
}

/// Of several files, the one that is missing is named at its own key.
#[test]
fn a_further_file_is_told_at_its_own_place() {
    let place = Place::new();
    place.write("a.csv", "x,y\n1,2\n");
    place.write("c.toml", "[data]\npath = \"a.csv\"\nmore_paths = [\"b.csv\"]\ntarget = \"y\"\n");
    refused(&place, &["config", "check", "c.toml"], "c.toml:3:1: data.more_paths: no file `b.csv`");
}
