//! Columns of free texts (`data.text`), from the file to every verb that uses the model. The numbers of the hash and of the
//! weights, beside scikit-learn's: `src/data/bag.rs`.

use std::fmt::Write;

use serde_json::Value;

use crate::place::{Place, json, named, refused, text, works};

const GOOD: [&str; 4] = ["great", "lovely", "tasty", "friendly"];
const BAD: [&str; 4] = ["awful", "cold", "rude", "stale"];

/// A comment that no other row has, with words that tell the class among others that do not.
fn comment(i: usize) -> String {
    let words = if i.is_multiple_of(2) { GOOD } else { BAD };
    let (first, second) = (words[i / 2 % 4], words[i / 8 % 4]);
    format!("Visit no. {i}, on day {}: the staff was {first} and the soup {second}!", i * 7 % 31)
}

/// Comments, some of which are missing, a number that tells nothing, and the class.
fn table(rows: std::ops::Range<usize>) -> String {
    let mut file = "comment,size,class\n".to_owned();
    for i in rows {
        let comment = if i % 25 == 3 { String::new() } else { format!("\"{}\"", comment(i)) };
        writeln!(file, "{comment},{},{}", i * 13 % 7, if i % 2 == 0 { "good" } else { "bad" }).unwrap();
    }
    file
}

const CONFIG: &str = "[data]\npath = \"a.csv\"\ntarget = \"class\"\ntext = [\"comment\"]\ntext_buckets = 256\n\
                      test_fraction = 0.25\n[model]\nkind = \"mlp\"\nhidden = [8]\n[training]\nmax_epochs = 30\n\
                      learning_rate = 0.02\n";

fn accuracy(evaluation: &Value) -> f64 {
    named(&evaluation["metrics"], "accuracy")
}

fn predicted(table: &str) -> Vec<(String, f64)> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let header = reader.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (class, probability) = (place("predicted"), place("probability_good"));
    let row = |row: csv::StringRecord| (row[class].to_owned(), row[probability].parse().unwrap());
    reader.records().map(Result::unwrap).map(row).collect()
}

#[test]
fn what_a_comment_says_is_learned_and_used_by_every_verb() {
    let place = Place::new();
    place.write("a.csv", &table(0..160));
    place.write("a.toml", CONFIG);
    let checked = works(&place, &["config", "check", "a.toml"]);
    assert!(checked.contains("comment: 153 different texts (such as `Visit no. 0,"), "{checked}");
    assert!(checked.contains("7 missing") && checked.contains("257 network inputs"), "{checked}");
    works(&place, &["--config", "a.toml", "--quiet"]);
    let folder = place.only_run();
    assert!(accuracy(&json(folder.join("evaluation.json"))) > 0.9, "{}", json(folder.join("evaluation.json")));
    assert_eq!(json(folder.join("preprocessing.json"))["version"], 7);
    assert_eq!(json(folder.join("preprocessing.json"))["columns"][0]["kind"]["text"]["buckets"], 256);

    // The copies of the test rows give the same metrics.
    let again: Value = serde_json::from_str(&works(&place, &["evaluate", "a", "--json"])).unwrap();
    assert!((accuracy(&again) - accuracy(&json(folder.join("evaluation.json")))).abs() < 1e-12);

    // Texts that no row of training had; in other letter case; without words; missing.
    place.write(
        "new.csv",
        "size,comment\n1,A lovely place with tasty bread\n1,\"RUDE waiters; everything was stale.\"\n\
         1,a LOVELY place WITH tasty bread!!\n1,?!\n1,\n",
    );
    let output = place.run(&["predict", "a", "new.csv"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert_eq!(text(&output.stderr), "note: comment: 1 of 5 cells missing; 4.9 % in training\n");
    let new = predicted(&text(&output.stdout));
    assert_eq!((&new[0].0[..], &new[1].0[..]), ("good", "bad"), "{new:?}");
    assert!(new[0].1 > 0.8 && new[1].1 < 0.2 && new[0].1 == new[2].1 && new[3].1 == new[4].1, "{new:?}");
    // In blocks of 4096 rows, each with texts of its own.
    let many: String = (0..5000).map(|i| format!("1,{} {i}\n", if i % 2 == 0 { "lovely" } else { "rude" })).collect();
    place.write("many.csv", &format!("size,comment\n{many}"));
    let many = predicted(&works(&place, &["predict", "a", "many.csv"]));
    let num_right = many.iter().enumerate().filter(|(i, row)| row.0 == if i % 2 == 0 { "good" } else { "bad" }).count();
    assert!(many.len() == 5000 && num_right > 4900, "{num_right}");

    // The text is one column, and the one that tells.
    let explained = works(&place, &["explain", "a", "--data", "new.csv", "--row", "0", "-o", "-"]);
    let first = explained.lines().nth(1).unwrap();
    assert!(first.starts_with("0,probability_good,comment,A lovely place with tasty bread,0."), "{explained}");
    works(&place, &["explain", "a"]);
    works(&place, &["plot", "a", "importance"]);
    works(&place, &["explain-step", "a"]);
    works(&place, &["export", "a", "--format", "safetensors"]);
    works(&place, &["export", "a", "--format", "html"]); // its numbers: `page`
    refused(
        &place,
        &["export", "a", "--format", "onnx"],
        "column `comment` is a text, for whose words ONNX has no operators",
    );
    works(&place, &["--config", "a.toml", "--quiet", "--set", "seed=2"]);
    place.write("b.csv", &table(160..200));
    let ensemble = predicted(&works(&place, &["predict", "a", "b.csv", "--ensemble"]));
    let num_right =
        ensemble.iter().enumerate().filter(|(i, row)| row.0 == if i % 2 == 0 { "good" } else { "bad" }).count();
    assert!(num_right >= 36, "{num_right}");
    // Another file for the test, with texts of its own.
    works(&place, &["--config", "a.toml", "--quiet", "--name", "t", "--set", "data.test_path=b.csv"]);
    let tested: Value = serde_json::from_str(&works(&place, &["evaluate", "t", "--json"])).unwrap();
    let told: Value = serde_json::from_str(&works(&place, &["evaluate", "t", "--data", "b.csv", "--json"])).unwrap();
    assert!(accuracy(&tested) > 0.9 && accuracy(&tested) == accuracy(&told), "{tested}");
    // The tabular network, and fine-tuning.
    works(&place, &["--config", "a.toml", "--quiet", "--name", "k", "--set", "model={kind=\"tabular\"}"]);
    works(&place, &["--config", "a.toml", "--quiet", "--name", "f", "--set", "model.init_from=\"t\""]);
}

#[test]
fn keys_of_texts_are_checked_and_proposed() {
    let place = Place::new();
    place.write("a.csv", &table(0..160));
    let config = |keys: &str| format!("[data]\npath = \"a.csv\"\ntarget = \"class\"\n{keys}\n");
    let cases = [
        ("text_buckets = 64", "data.text_buckets: is of columns of texts, and data.text names none"),
        ("text = [\"comment\"]\ntext_buckets = 8", "16 to 65536"),
        ("text = [\"comment\"]\ndrop = [\"comment\"]", "column `comment` is in both data.drop and data.text"),
        ("text = [\"coment\"]", "no column `coment`; did you mean `comment`?"),
        ("text = [\"class\"]", "data.text names the target `class`"),
        ("text = [\"comment\"]\n[model]\nkind = \"rnn\"", "these data have texts: drop them"),
    ];
    for (keys, expected) in cases {
        place.write("a.toml", &config(keys));
        refused(&place, &["config", "check", "a.toml"], expected);
    }
    place.write("b.toml", "[data]\nsource = \"iris\"\ntext = [\"a\"]\n");
    refused(&place, &["config", "check", "b.toml"], "data.text");
    // Not named, it is left out as an identifier, and the note says what there is.
    let found = works(&place, &["init", "a.csv", "-o", "-"]);
    assert!(found.contains("or as texts, by their words, with data.text") && found.contains("# text = ["), "{found}");
    // Numbers may be read as texts, too.
    place.write("c.toml", &config("text = [\"size\", \"comment\"]\n[training]\nmax_epochs = 1"));
    works(&place, &["--config", "c.toml", "--quiet"]);
}
