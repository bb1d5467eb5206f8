//! Several labels in the cells of one column (`data.target_separator`), from the file to every verb that uses the model.

use serde_json::Value;

use crate::place::{Place, json, named, refused, text, works};

/// Two inputs, and a column of labels in any order, with blanks, some twice, some empty.
fn table() -> String {
    let row = |i: usize| {
        let part = |a: usize, b: usize| ((i * a % b) as f64 / b as f64 * 1e4).round() / 1e4 - 0.5;
        let (x, z, noise) = (part(37, 61), part(17, 53), (i * 29 % 7) as f64 / 7.0 - 0.43);
        let holds = [("red", x + noise > 0.1), ("large", z - x + noise > 0.3), ("Old", x - z + noise > 0.2)];
        let mut labels: Vec<&str> = holds.iter().filter(|(_, holds)| *holds).map(|(label, _)| *label).collect();
        if i.is_multiple_of(2) {
            labels.reverse();
        }
        let mut cell = labels.join(if i.is_multiple_of(3) { " | " } else { "|" });
        if i.is_multiple_of(10) && !labels.is_empty() {
            cell = format!("{cell}|{}|", labels[0]);
        }
        format!("{x:.4},{z:.4},{cell}\n")
    };
    format!("x,z,tags\n{}", (0..60).map(row).collect::<String>())
}

/// The same with a column of 0 and 1 for each label.
fn columns() -> String {
    let row = |line: &str| {
        let (inputs, cell) = line.rsplit_once(',').unwrap();
        let holds = |label: &str| u8::from(cell.split('|').any(|other| other.trim() == label));
        format!("{inputs},{},{},{}\n", holds("Old"), holds("large"), holds("red"))
    };
    format!("x,z,Old,large,red\n{}", table().lines().skip(1).map(row).collect::<String>())
}

const CONFIG: &str = "[data]\npath = \"a.csv\"\ntest_path = \"a2.csv\"\ntarget = \"tags\"\ntarget_separator = \"|\"\n\
                      validation_fraction = 0\n[model]\nkind = \"mlp\"\nhidden = []\n[training]\nbatch_size = 60\n\
                      max_epochs = 6000\nlearning_rate = 0.05\n";

fn place() -> Place {
    let place = Place::new();
    place.write("a.csv", &table());
    place.write("a2.csv", &table());
    place.write("a.toml", CONFIG);
    place
}

fn rows_of(table: &str) -> Vec<Vec<String>> {
    let reader = csv::ReaderBuilder::new().has_headers(false).from_reader(table.as_bytes());
    reader.into_records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn labels_in_a_cell_are_those_of_scikit_learn_s_binarizer_and_learned_as_columns_of_them() {
    let place = place();
    let told = works(&place, &["--config", "a.toml"]);
    assert!(told.contains("targets: 3 labels, of which any may hold (Old 36, large 24, red 38)"), "{told}");
    assert!(told.contains("note: `tags` is empty in 27 of 60 rows: no label holds there"), "{told}");
    let folder = place.only_run();
    let evaluation = json(folder.join("evaluation.json"));
    // LogisticRegression(C=np.inf) of each column of MultiLabelBinarizer().fit_transform(cells), scikit-learn 1.9.1
    for (name, expected) in [
        ("f1", 0.562_587_432),
        ("micro_f1", 0.568_421_053),
        ("subset_accuracy", 0.45),
        ("hamming_loss", 0.227_777_778),
        ("average_precision", 0.766_007_611),
        ("roc_auc", 0.903_176_457),
        ("log_loss", 0.332_234_358),
    ] {
        let found = named(&evaluation["metrics"], name);
        assert!((found - expected).abs() < 1e-3, "{name}: {found} instead of {expected}");
    }
    let predictions = std::fs::read_to_string(folder.join("predictions.csv")).unwrap();
    let rows = rows_of(&predictions);
    let labels = ["Old", "large", "red"];
    let columns = |what: &str| labels.map(|label| format!("{what}_{label}"));
    let header = [vec!["row".to_owned()], columns("true").into(), columns("predicted").into()].concat();
    assert_eq!(rows[0][..7], header);
    // MultiLabelBinarizer: the first six rows, and the sums of the columns
    let truths: Vec<String> = rows[1..].iter().map(|row| row[1..4].concat()).collect();
    assert_eq!(truths[..6], ["000", "000", "000", "001", "100", "010"]);
    let sum = |label: usize| truths.iter().filter(|row| row.as_bytes()[label] == b'1').count();
    assert_eq!([0, 1, 2].map(sum), [18, 12, 19]);

    // The same network of three columns of 0 and 1.
    place.write("b.csv", &self::columns());
    place.write("b2.csv", &self::columns());
    let config = CONFIG.replace("\"tags\"\ntarget_separator = \"|\"", "[\"Old\", \"large\", \"red\"]");
    place.write("b.toml", &config.replace("a.csv", "b.csv").replace("a2.csv", "b2.csv"));
    works(&place, &["--config", "b.toml", "--quiet"]);
    let other = rows_of(&works(&place, &["predict", "b", "b.csv"]));
    let own = rows_of(&works(&place, &["predict", "a", "a.csv"]));
    assert_eq!(own, other);

    // The copies of the test rows, and the file itself, give the same metrics.
    for more in [&[][..], &["--data", "a2.csv"]] {
        let args = [&["evaluate", "a", "--json"][..], more].concat();
        let again: Value = serde_json::from_str(&works(&place, &args)).unwrap();
        assert!(
            (named(&again["metrics"], "log_loss") - named(&evaluation["metrics"], "log_loss")).abs() < 1e-9,
            "{more:?}"
        );
    }
    let test = std::fs::read_to_string(folder.join("test.csv")).unwrap();
    assert_eq!(test.lines().next().unwrap(), "x,z,tags");
    assert!(test.contains(",large|red\n") && !test.contains("red|large"), "{test}");
    let preprocessing = json(folder.join("preprocessing.json"));
    assert_eq!(preprocessing["version"], 8);

    // Further verbs, and rows without the target.
    place.write("new.csv", "z,x\n0.1,0.4\n-0.2,0.3\n");
    assert_eq!(rows_of(&works(&place, &["predict", "a", "new.csv"])).len(), 3);
    works(&place, &["explain", "a", "--data", "new.csv", "--row", "1"]);
    works(&place, &["export", "a", "--format", "onnx", "-o", "a.onnx"]);
    let model = std::fs::read(place.path("a.onnx")).unwrap();
    assert!(String::from_utf8_lossy(&model).contains(r#"["Old","large","red"]"#));
    works(&place, &["export", "a", "--format", "html", "-o", "a.html"]);
    assert!(std::fs::read_to_string(place.path("a.html")).unwrap().contains("large"));
}

#[test]
fn labels_that_training_did_not_have_are_told_and_the_row_is_kept() {
    let place = place();
    let few = ["--set", "training.max_epochs=2"];
    let mut lines: Vec<String> = table().lines().map(str::to_owned).collect();
    lines[4] = "0.1,0.2,red|new".into();
    lines[5] = "0.1,0.2,new|newer".into();
    lines[6] = "0.1,0.2,NA".into();
    place.write("a2.csv", &(lines.join("\n") + "\n"));
    let told = works(&place, &[&["--config", "a.toml"][..], &few].concat());
    let new =
        "`tags`: 2 of 59 rows have labels that training had not (new 2, newer 1), which are left out of the comparison";
    assert!(told.contains(&format!("note: a2.csv: {new}")), "{told}");
    assert!(told.contains("left out 1 of 60 rows of a2.csv: `tags` is missing there (`NA` counts"), "{told}");
    let output = place.run(&["evaluate", "a", "--data", "a2.csv"]);
    assert!(output.status.success() && text(&output.stderr).contains(new), "{}", text(&output.stderr));
    assert_eq!(place.run(&["evaluate", "a", "--data", "a2.csv", "--strict"]).status.code(), Some(1));
    let predictions = std::fs::read_to_string(place.only_run().join("predictions.csv")).unwrap();
    let rows = rows_of(&predictions);
    assert_eq!(
        (rows.len(), &rows[4][..4], rows[5][1..4].concat()),
        (60, &["3", "0", "0", "1"].map(String::from)[..], "000".into())
    );

    // A label that only rows outside the training part have counts as missed.
    let own = table();
    let mut lines = own.lines().enumerate().map(|(i, line)| match i {
        0 => format!("{line},part"),
        58.. => format!("{line}|rare,test"),
        i => format!("{line},{}", ["train", "test", "train", "validation"][i % 4]),
    });
    let lines = lines.by_ref().collect::<Vec<_>>().join("\n");
    place.write("a.csv", &(lines + "\n"));
    let config = CONFIG
        .replace("test_path = \"a2.csv\"\n", "split_column = \"part\"\n")
        .replace("validation_fraction = 0\n", "");
    place.write("c.toml", &config.replace("6000", "30").replace("batch_size = 60\n", ""));
    let told = works(&place, &["--config", "c.toml"]);
    let run = works(&place, &["evaluate", "c", "--json"]);
    let evaluation: Value = serde_json::from_str(&run).unwrap();
    assert_eq!(evaluation["targets"].as_array().unwrap().len(), 4, "{told}");
    assert!(told.contains("rare"), "{told}");
}

#[test]
fn keys_of_labels_in_a_cell_are_checked_and_proposed() {
    let place = place();
    let cases = [
        ("data.target_separator=\"\"", "data.target_separator is \"\": it must be 1 to 8 characters"),
        ("data.target_separator=\";\"", "target `tags` has no cell with \";\" in it"),
        ("data.target=\"x\"", "target `x` has no cell with \"|\" in it"),
        ("data.target=[\"x\", \"tags\"]", "data.target_separator is for one column whose cells hold several labels"),
        ("data.task=\"classification\"", "data.task does not fit data.target_separator"),
        ("training.loss=\"mse\"", "training.loss"),
        ("data.classes=[\"red\"]", "which have no classes"),
    ];
    for (set, expected) in cases {
        refused(&place, &["config", "check", "a.toml", "--set", set], expected);
    }
    place.write("s.toml", "[data]\nsource = \"iris\"\ntarget_separator = \"|\"\n");
    refused(&place, &["config", "check", "s.toml"], "data.target_separator is for files");
    // Too many to tell apart.
    let many: String = (0..1200).map(|i| format!("{},a{i}|b{}\n", i % 17, i % 3)).collect();
    place.write("many.csv", &format!("x,tags\n{many}"));
    let set = ["--set", "data.path=many.csv", "--set", "data.test_path=many2.csv"];
    refused(&place, &[&["config", "check", "a.toml"][..], &set].concat(), "target `tags` has 1203 labels");
    // Not named, the labels are classes, and the note says what there is.
    place.write("d.toml", "[data]\npath = \"a.csv\"\ntarget = \"tags\"\n");
    let mut lines: Vec<String> = table().lines().map(str::to_owned).collect();
    lines.iter_mut().skip(1).for_each(|line| line.push_str("|any"));
    place.write("a.csv", &(lines.join("\n") + "\n"));
    let told = works(&place, &["config", "check", "d.toml"]);
    assert!(told.contains("(data.target_separator = \"|\" if a cell holds several labels)"), "{told}");
    place.write("e.toml", "[data]\npath = \"a.csv\"\ntarget = \"tags\"\ntask = \"multi_label\"\n");
    refused(&place, &["config", "check", "e.toml"], "set data.target_separator = \"|\"");
}
