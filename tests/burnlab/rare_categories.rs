//! Columns of very many categories, whose rare ones go to inputs by their hashes (`data.hash_buckets`). The hash beside
//! scikit-learn's: `src/data/bag.rs`.

use std::fmt::Write;

use serde_json::Value;

use crate::place::{Place, json, named, refused, text, works};

/// Rows of training, each second one of which has one of 500 codes; the others have a code of their own: 50,000 in all.
const ROWS: usize = 99_000;

fn code(k: usize) -> usize {
    10_000 + k * 7 % 89_989
}

/// A number that depends on the code, and on another input.
fn row(i: usize, k: usize) -> String {
    let effect = ((k * 2_654_435_761 % (1 << 32)) as f64 / (1u64 << 32) as f64 - 0.5) * 2.0;
    let noise = ((i * 40_503 % 65_536) as f64 / 65_536.0 - 0.5) * 0.4;
    let x = (i % 10) as f64 / 10.0;
    format!("{},{x},{:.4}\n", code(k), effect + x + noise)
}

fn frequent(i: usize) -> usize {
    i / 2 * 7919 % 500
}

fn train() -> String {
    let rows = (0..ROWS).map(|i| row(i, if i % 2 == 0 { frequent(i) } else { 500 + i / 2 }));
    format!("zip,x,y\n{}", rows.collect::<String>())
}

/// Half of its rows have codes that no row of training has.
fn test() -> String {
    let rows = (0..5000).map(|j| row(ROWS + j, if j % 2 == 0 { frequent(j) } else { 50_000 + j }));
    format!("zip,x,y\n{}", rows.collect::<String>())
}

const CONFIG: &str = "[data]\npath = \"a.csv\"\ntest_path = \"t.csv\"\ntarget = \"y\"\ncategorical = [\"zip\"]\n\
                      validation_fraction = 0\n[model]\nkind = \"mlp\"\nhidden = []\n[training]\nmax_epochs = 4\n\
                      batch_size = 250\nlearning_rate = 0.02\nschedule = { kind = \"cosine\" }\n";

fn r2(evaluation: &Value) -> f64 {
    named(&evaluation["metrics"], "r2")
}

#[test]
fn fifty_thousand_codes_are_used_as_by_scikit_learn_s_hashes_of_them() {
    let place = Place::new();
    place.write("a.csv", &train());
    place.write("t.csv", &test());
    place.write("a.toml", CONFIG);
    let checked = works(&place, &["config", "check", "a.toml"]);
    let told = "`zip`: of 52500 categories the 64 most frequent of the training rows have an input each, and the others, in 93.6 % \
                of these rows, share 1024 by their hashes (data.hash_buckets)";
    assert!(checked.contains(told) && checked.contains("; 1089 network inputs"), "{checked}");
    // Ridge(alpha=1) on a one-hot column for each of these 64, and FeatureHasher(input_type="string") of the others;
    // scikit-learn 1.9.1
    for (buckets, expected) in [("1024", 0.3849), ("0", 0.2192)] {
        let set = format!("data.hash_buckets={buckets}");
        let name = format!("h{buckets}");
        let told = works(&place, &["--config", "a.toml", "--set", &set, "--name", &name]);
        let evaluation: Value = serde_json::from_str(&works(&place, &["evaluate", &name, "--json"])).unwrap();
        let found = r2(&evaluation);
        assert!((found - expected).abs() < 0.02, "{buckets} buckets: {found} instead of {expected}\n{told}");
        // From the file, in blocks, with codes that no other block has.
        let again = works(&place, &["evaluate", &name, "--json", "--data", "t.csv"]);
        assert!((r2(&serde_json::from_str(&again).unwrap()) - found).abs() < 1e-6, "{again}");
        if buckets == "0" {
            let told_of_rare =
                "`zip` has 50000 categories: the 64 most frequent ones of the training rows are told apart";
            assert!(told.contains(told_of_rare), "{told}");
        }
    }
}

/// Words for names, of which each but the first occurs in few rows.
fn words(rows: std::ops::Range<usize>) -> String {
    let mut file = "shop,size,class\n".to_owned();
    for i in rows {
        let shop = i * 31 % 97;
        let name = if i % 40 == 7 { String::new() } else { format!("shop {shop}") };
        writeln!(file, "{name},{},{}", i % 7, if shop * 13 % 5 < 2 { "good" } else { "bad" }).unwrap();
    }
    file
}

const SHOPS: &str = "[data]\npath = \"s.csv\"\ntarget = \"class\"\nmax_categories = 8\nhash_buckets = 128\n[model]\nkind = \"mlp\"\n\
                     hidden = [16]\n[training]\nmax_epochs = 30\nlearning_rate = 0.02\n";

#[test]
fn every_verb_knows_hashed_categories() {
    let place = Place::new();
    place.write("s.csv", &words(0..600));
    place.write("s.toml", SHOPS);
    let told = works(&place, &["--config", "s.toml"]);
    assert!(told.contains("`shop`: of 97 categories the 8 most frequent"), "{told}");
    let folder = place.only_run();
    let kind = &json(folder.join("preprocessing.json"))["columns"][0]["kind"]["categorical"];
    assert_eq!((kind["categories"].as_array().unwrap().len(), &kind["buckets"]), (8, &Value::from(128)));
    assert_eq!(json(folder.join("preprocessing.json"))["version"], 8);
    let evaluation: Value = serde_json::from_str(&works(&place, &["evaluate", "s", "--json"])).unwrap();
    let accuracy = |evaluation: &Value| named(&evaluation["metrics"], "accuracy");
    assert!(accuracy(&evaluation) > 0.85, "{told}");
    // Names that no row of training has, and none.
    place.write("new.csv", "shop,size\nshop 3,1\nshop new,1\nanother,1\n,1\n");
    let output = place.run(&["predict", "s", "new.csv"]);
    assert!(output.status.success() && !text(&output.stderr).contains("unknown"), "{}", text(&output.stderr));
    let answers: Vec<String> = text(&output.stdout).lines().skip(1).map(str::to_owned).collect();
    assert_eq!(answers.len(), 4);
    let explained = works(&place, &["explain", "s", "--data", "new.csv", "--row", "1", "-o", "-"]);
    assert!(explained.contains("shop,shop new,"), "{explained}");
    works(&place, &["explain", "s"]);
    works(&place, &["plot", "s", "importance"]);
    works(&place, &["explain-step", "s"]);
    works(&place, &["export", "s", "--format", "safetensors"]);
    works(&place, &["export", "s", "--format", "html", "-o", "s.html"]); // its numbers: `page`
    let refusal = "column `shop` has rare categories that are told apart by hashes, for which ONNX has no operators: train it \
                   with data.hash_buckets = 0";
    refused(&place, &["export", "s", "--format", "onnx"], refusal);
    works(&place, &["--config", "s.toml", "--quiet", "--set", "seed=2"]);
    works(&place, &["evaluate", "s", "--ensemble", "--data", "s.csv"]);
    works(&place, &["--config", "s.toml", "--quiet", "--name", "f", "--set", "model.init_from=\"s\""]);
    works(&place, &["--config", "s.toml", "--quiet", "--name", "k", "--set", "model={kind=\"tabular\"}"]);
    let ways = works(&place, &["config", "check", "s.toml", "--set", "data.hash_buckets=0"]);
    assert!(ways.contains("note: `shop` has 97 categories: the 8 most frequent ones"), "{ways}");
    // Of few rows, none by default.
    place.write("few.csv", &words(0..220));
    let few = ["--set", "data.path=few.csv"];
    let config = SHOPS.replace("hash_buckets = 128\n", "");
    place.write("d.toml", &config);
    let told = works(&place, &[&["config", "check", "d.toml"][..], &few].concat());
    assert!(told.contains("note: `shop` has 97 categories"), "{told}");
    refused(&place, &["config", "check", "s.toml", "--set", "data.hash_buckets=8"], "16 to 65536, or 0");
    refused(&place, &["config", "check", "s.toml", "--set", "model={kind=\"rnn\"}"], "these data have categories");
}
