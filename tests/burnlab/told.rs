//! Data that are not what they seem, and what is told of them before anybody relies on a number.

use crate::place::{Place, text};

/// A config for `data.csv`, whose column `y` is the target, with more lines.
fn config(more: &str) -> String {
    format!("seed = 1\n[data]\npath = \"data.csv\"\ntarget = \"y\"\n{more}")
}

/// Two hundred rows of two numbers and the class `x` or `y`, and then `more`.
fn two_classes(more: &str) -> String {
    let row = |i: u32| {
        format!(
            "{},{},{}\n",
            f64::from(i * 37 % 100) / 50.0,
            f64::from(i * 61 % 100) / 50.0,
            ["x", "y"][i as usize % 2]
        )
    };
    format!("a,b,y\n{}{more}", (0..200).map(row).collect::<String>())
}

/// The first line of what a command says that failed with exit code 1.
#[track_caller]
fn refusal(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert_eq!(output.status.code(), Some(1), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stderr).lines().next().unwrap_or_default().to_owned()
}

#[test]
fn a_metric_without_a_value_is_refused_before_the_first_epoch() {
    let place = Place::new();
    place.write("data.csv", &two_classes("0.5,0.5,rare\n"));
    let stopping = "[training]\nmax_epochs = 30\n[training.early_stopping]\nmonitor = \"validation/roc_auc\"\n";
    place.write("stop.toml", &config(stopping));
    let expected =
        "training.early_stopping.monitor: validation/roc_auc has no value: class `rare` has no validation row";
    let found = refusal(&place, &["--config", "stop.toml"]);
    assert!(found.starts_with("error: stop.toml:8:1: ") && found.contains(expected), "{found}");
    assert!(refusal(&place, &["config", "check", "stop.toml"]).contains(expected));

    let sweep = "[training]\nmax_epochs = 2\n[sweep]\nmethod = \"grid\"\nmetric = \"validation/average_precision\"\n\
                 [sweep.space]\n\"model.hidden\" = { values = [[2], [4]] }\n";
    place.write("sweep.toml", &config(sweep));
    let found = refusal(&place, &["--config", "sweep.toml"]);
    let expected = "sweep.metric: validation/average_precision has no value: class `rare` has no validation row";
    assert!(found.contains(expected), "{found}");
    assert!(!place.path("artifacts").exists(), "nothing was recorded");

    // Metrics that need no more than rows are as good as ever, and the others are told.
    place.write("plain.toml", &config("[training]\nmax_epochs = 2\n"));
    let output = place.run(&["--config", "plain.toml"]);
    let shown = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for expected in [
        "note: class `rare` has no validation row, so validation/roc_auc and validation/average_precision have no value",
        "note: class `rare` has no test row, so test/roc_auc and test/average_precision have no value",
        "roc_auc undefined, average_precision undefined",
    ] {
        assert!(shown.contains(expected), "{expected:?} in {shown}");
    }
}

#[test]
fn a_repetition_whose_split_lacks_a_class_is_named_before_the_first_run() {
    let place = Place::new();
    // Three rows of a class in five folds: two folds test on none, and validation gets none of the two that are left.
    place.write("data.csv", &two_classes("0.5,0.5,rare\n0.6,0.4,rare\n0.4,0.6,rare\n"));
    let more = "folds = 5\n[training]\nmax_epochs = 2\n[training.early_stopping]\nmonitor = \"validation/roc_auc\"\n";
    place.write("c.toml", &config(more));
    let found = refusal(&place, &["--config", "c.toml"]);
    assert!(found.contains("class `rare` has no validation row"), "{found}");
    assert!(!place.path("artifacts").exists());
    // Without stratification chance decides, and some seed of thirty leaves the class out.
    place.write("data.csv", &two_classes(&"0.5,0.5,rare\n".repeat(8)));
    let more =
        "stratify = false\n[training]\nmax_epochs = 2\n[training.early_stopping]\nmonitor = \"validation/roc_auc\"\n";
    place.write("c.toml", &config(more));
    let found = refusal(&place, &["--config", "c.toml", "--seeds", "60"]);
    assert!(found.contains("training.early_stopping.monitor: "), "{found}");
    assert!(found.contains("class `rare` has no validation row"), "{found}");
    assert!(!place.path("artifacts").exists());
}

#[test]
fn a_rare_class_that_is_missed_is_named() {
    let place = Place::new();
    let row = |i: u32| format!("{},{},{}\n", i * 37 % 100, i * 61 % 100, u32::from(i.is_multiple_of(50)));
    place.write("data.csv", &format!("a,b,y\n{}", (0..400).map(row).collect::<String>()));
    place.write("c.toml", &config("[model]\nhidden = [4]\n[training]\nmax_epochs = 20\nlearning_rate = 0.02\n"));
    let shown = text(&place.run(&["--config", "c.toml"]).stdout);
    // 8 of 400 rows, two of them in the test part; without a pattern all rows are predicted as the frequent class.
    let expected = "of class `1` (1.7 % of all) are missed, which accuracy hardly shows";
    assert!(shown.contains("note: 2 of the 2 rows") && shown.contains(expected), "{shown}");
    assert!(shown.contains("average_precision 0."), "{shown}");
    let result = shown.split("\ntest   ").nth(1).unwrap().split("\nended  ").next().unwrap();
    assert!(!result.contains("\n\n"), "one block: {result}");
    // The remedy is a command, and is not offered again once it is taken.
    let set = "--set 'training.class_weights=\"balanced\"'";
    let advice = "next   class `1` is mostly missed: give each class the same weight: burnlab --config c.toml ";
    assert!(shown.contains(&format!("{advice}{set}\n")), "{shown}");
    let weighted = place.run(&["--config", "c.toml", "--set", "training.class_weights=\"balanced\""]);
    let shown = text(&weighted.stdout);
    assert!(!shown.contains("give each class the same weight"), "{shown}");
    assert!(!shown.contains("accuracy") || !shown.contains("than the baseline's"), "{shown}");
}

// ---- drift

/// Three hundred rows of a name, a number from 0 to 1.49, and a class that follows from them.
fn members(truth: [&str; 2], scale: f64) -> String {
    let row = |i: usize| {
        let (member, x) = (i * 7 % 10 < 5, (i * 37 % 150) as f64 / 100.0);
        format!("{},{},{}\n", truth[usize::from(member)], x * scale, ["no", "yes"][usize::from(member ^ (x > 0.75))])
    };
    format!("member,x,y\n{}", (0..300).map(row).collect::<String>())
}

/// A place with a model of `members(["basic", "gold"], 1.0)`.
fn trained() -> Place {
    let place = Place::new();
    place.write("data.csv", &members(["basic", "gold"], 1.0));
    place.write("c.toml", &config("[model]\nhidden = [8]\n[training]\nmax_epochs = 3\n"));
    let output = place.run(&["--config", "c.toml", "-q"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    place
}

fn notes(output: &std::process::Output) -> Vec<String> {
    text(&output.stderr).lines().filter_map(|line| Some(line.strip_prefix("note: ")?.to_owned())).collect()
}

/// It becomes several numbers, which are missing together.
#[test]
fn a_missing_date_is_told_once_by_the_name_of_its_column() {
    let place = Place::new();
    let row =
        |i: usize| format!("20{:02}-{:02}-{:02},{}\n", 20 + i / 336, i / 28 % 12 + 1, i % 28 + 1, ["no", "yes"][i % 2]);
    place.write("data.csv", &format!("day,y\n{}", (0..700).map(row).collect::<String>()));
    place.write("c.toml", &config("[model]\nhidden = [8]\n[training]\nmax_epochs = 3\n"));
    assert!(place.run(&["--config", "c.toml", "-q"]).status.success());
    place.write("gaps.csv", "day\n2020-03-01\n\"\"\n2020-04-07\n");
    let told = notes(&place.run(&["predict", "c", "gaps.csv"]));
    assert_eq!(told, ["day: 1 of 3 cells missing; training had none"]);
}

#[test]
fn rows_unlike_those_of_training_are_told_with_counts() {
    let place = trained();
    let predict = |name: &str, csv: &str| {
        place.write(name, csv);
        let output = place.run(&["predict", "c", name]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout).lines().count(), csv.lines().count());
        notes(&output)
    };
    assert_eq!(predict("same.csv", &members(["basic", "gold"], 1.0)), [""; 0]);
    assert_eq!(
        predict("upper.csv", &members(["BASIC", "GOLD"], 1.0)),
        ["member: 300 of 300 cells unknown (GOLD, BASIC); training had basic, gold: only the letter case differs"]
    );
    // Up to half of the range beyond it is nothing to tell: 0 to 1.49 in most splits, so up to 2.2.
    assert_eq!(predict("wider.csv", "member,x\ngold,2.0\nbasic,-0.5\n"), [""; 0]);
    let found = predict("percent.csv", &members(["basic", "gold"], 100.0));
    let expected = ["numbers far outside (", "to 149); training had 0"];
    assert!(found.len() == 1 && found[0].starts_with("x: "), "{found:?}");
    assert!(expected.iter().all(|part| found[0].contains(part)), "{found:?}");
    // The most frequent difference comes first.
    assert_eq!(
        predict("gaps.csv", "member,x\ngold,\n,\nmaybe,0.5\n"),
        [
            "x: 2 of 3 cells missing; training had none",
            "member: 1 of 3 cells unknown (maybe); training had basic, gold",
            "member: 1 of 3 cells missing; training had none",
        ]
    );

    let strict = place.run(&["predict", "c", "gaps.csv", "--strict", "-o", "out.csv"]);
    assert_eq!(strict.status.code(), Some(1));
    assert_eq!(notes(&strict).len(), 3);
    assert!(text(&strict.stderr).contains("error: the rows differ from those of training"));
    assert!(!place.path("out.csv").exists(), "nothing half true is left");
    assert!(place.run(&["predict", "c", "same.csv", "--strict", "-o", "out.csv"]).status.success());
    // Nor printed: neither for rows unlike those of training nor for a cell that cannot be read.
    place.write("bad.csv", "member,x\ngold,1\ngold,much\n");
    for arguments in [&["predict", "c", "gaps.csv", "--strict"][..], &["predict", "c", "bad.csv"]] {
        let output = place.run(arguments);
        assert_eq!((output.status.code(), text(&output.stdout)), (Some(1), String::new()), "{arguments:?}");
    }
    let same = text(&place.run(&["predict", "c", "same.csv", "--strict"]).stdout);
    assert_eq!(same.lines().count(), 301, "the predictions are printed once");
}

#[test]
fn evaluation_says_which_rows_it_leaves_out() {
    let place = trained();
    place.write("labelled.csv", "member,x,y\ngold,0.1,yes\nbasic,0.2,no\ngold,0.3,\nbasic,0.4,rare\ngold,0.5,rare\n");
    let output = place.run(&["evaluate", "c", "--data", "labelled.csv", "--json"]);
    let evaluation: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(evaluation["num_examples"], 2);
    assert_eq!(
        notes(&output),
        [
            "2 of 5 rows left out: training had no class like their `y` (rare 2); it had no, yes",
            "1 of 5 rows left out: they have no `y`",
        ]
    );
    assert_eq!(place.run(&["evaluate", "c", "--data", "labelled.csv", "--strict"]).status.code(), Some(1));
    // Names written otherwise cost accuracy, and that is told.
    place.write("upper.csv", &members(["BASIC", "GOLD"], 1.0));
    let output = place.run(&["evaluate", "c", "--data", "upper.csv"]);
    assert!(output.status.success());
    assert!(notes(&output)[0].starts_with("member: 300 of 300 cells unknown (GOLD, BASIC)"));
    place.write("none.csv", "member,x,y\ngold,0.1,rare\n");
    let found = refusal(&place, &["evaluate", "c", "--data", "none.csv"]);
    assert!(
        found.contains("none.csv has no row with a value of `y` that training had: 1 of 1 rows left out"),
        "{found}"
    );
}

#[test]
fn category_cells_that_training_had_rarely_are_told_only_where_they_are_many() {
    let place = Place::new();
    let row = |i: usize| {
        format!("{},{},{}\n", if i.is_multiple_of(20) { "z" } else { ["a", "b"][i % 2] }, i % 13, ["no", "yes"][i % 2])
    };
    place.write("data.csv", &format!("c,x,y\n{}", (0..300).map(row).collect::<String>()));
    place.write("c.toml", &config("max_categories = 2\n[training]\nmax_epochs = 1\n"));
    assert!(place.run(&["--config", "c.toml", "-q"]).status.success());
    let few: String = (0..40).map(|i| if i % 20 == 0 { "z,1\n" } else { "a,2\n" }).collect();
    place.write("few.csv", &format!("c,x\n{few}"));
    assert_eq!(notes(&place.run(&["predict", "c", "few.csv"])), [""; 0]);
    place.write("many.csv", &format!("c,x\n{}{few}", "q,1\n".repeat(40)));
    assert_eq!(
        notes(&place.run(&["predict", "c", "many.csv"])),
        ["c: 42 of 80 cells unknown (q, z); training had a, b"]
    );
}

#[test]
fn the_model_card_and_the_exported_model_name_the_spellings() {
    let place = trained();
    assert!(place.run(&["export", "c", "--format", "onnx", "-o", "m.onnx"]).status.success());
    let card = std::fs::read_to_string(place.path("m.onnx.md")).unwrap();
    assert!(card.contains("| member | one of 2 categories, spelled `basic`, `gold` |"), "{card}");
    assert!(card.contains("session = onnxruntime.InferenceSession(\"m.onnx\")"), "{card}");
    let model = std::fs::read(place.path("m.onnx")).unwrap();
    let expected = br#"{"member":["basic","gold"]}"#;
    assert!(model.windows(expected.len()).any(|bytes| bytes == expected));
    let found = refusal(&place, &["export", "c", "--format", "onnx", "-o", "-"]);
    assert!(found.contains("name a file for the model"), "{found}");
}

// ---- pipes

fn through(place: &Place, arguments: &[&str], input: &[u8]) -> std::process::Output {
    use std::io::Write;
    use std::process::Stdio;
    let mut command = place.command(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses its input closes the pipe.
    child.stdin.take().unwrap().write_all(input).ok();
    child.wait_with_output().unwrap()
}

#[test]
fn predictions_go_through_pipes() {
    let place = trained();
    let rows = members(["basic", "gold"], 1.0);
    let file = place.write("new.csv", &rows);
    let expected = place.run(&["predict", "c", "new.csv"]).stdout;
    assert_eq!(text(&expected).lines().count(), 301);
    let piped = through(&place, &["predict", "c", "-"], rows.as_bytes());
    assert!(piped.stdout == expected, "{}", text(&piped.stderr));
    // Options before and after the run; standard output by name.
    for arguments in [
        &["predict", "-o", "-", "--artifacts", "artifacts", "c", "-"][..],
        &["predict", "--artifacts", "artifacts", "c", "-o", "-", "-"],
        &["predict", "c", "-", "--artifacts", "artifacts", "-o", "-"],
    ] {
        assert!(through(&place, arguments, rows.as_bytes()).stdout == expected, "{arguments:?}");
    }
    assert!(!place.path("-").exists());

    // A gzipped pipe, and a gzipped result.
    let gzip = |bytes: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        std::io::Write::write_all(&mut gzip, bytes).unwrap();
        gzip.finish().unwrap()
    };
    assert!(through(&place, &["predict", "c", "-"], &gzip(rows.as_bytes())).stdout == expected);
    assert!(place.run(&["predict", "c", "new.csv", "-o", "out.csv.gz"]).status.success());
    let mut unzipped = Vec::new();
    let zipped = std::fs::File::open(place.path("out.csv.gz")).unwrap();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(zipped), &mut unzipped).unwrap();
    assert!(unzipped == expected);

    // Evaluation: the predictions on standard output, the metrics apart from them.
    let evaluated = through(&place, &["evaluate", "c", "--data", "-", "-o", "-"], rows.as_bytes());
    assert!(text(&evaluated.stdout).starts_with("row,true,predicted,"), "{}", text(&evaluated.stderr));
    assert!(text(&evaluated.stderr).contains("accuracy"));
    let found = text(&through(&place, &["predict", "c", "-"], b"member\ngold\n").stderr);
    assert!(found.starts_with("error: standard input lacks columns"), "{found}");
    assert!(file.exists());
}

#[cfg(unix)]
#[test]
fn a_named_pipe_is_read_like_a_file_and_refused_as_training_data() {
    let place = trained();
    let rows = members(["basic", "gold"], 1.0);
    place.write("new.csv", &rows);
    let expected = place.run(&["predict", "c", "new.csv"]).stdout;
    let made = std::process::Command::new("mkfifo").arg(place.path("pipe")).status().unwrap();
    assert!(made.success());
    let (pipe, bytes) = (place.path("pipe"), rows.clone());
    // Opening a pipe waits for the other side.
    let writer = std::thread::spawn(move || std::fs::write(pipe, bytes).unwrap());
    let output = place.run(&["predict", "c", "pipe"]);
    writer.join().unwrap();
    assert!(output.stdout == expected, "{}", text(&output.stderr));
    let found = refusal(&place, &["--config", "c.toml", "--set", "data.path=\"pipe\""]);
    assert!(found.contains("is a pipe, which can be read only once: data.path must name a file"), "{found}");
}

#[test]
fn kept_columns_that_collide_with_the_output_are_refused() {
    let place = trained();
    place.write("new.csv", "row,predicted,probability_yes,id,member,x\n5,a,b,c,gold,0.5\n");
    for (keep, expected) in [
        ("row", "--keep row: the output has a column `row` of its own"),
        ("id,predicted", "--keep predicted: the output has a column `predicted` of its own"),
        ("probability_yes", "has a column `probability_yes` of its own"),
        ("id,x,id", "--keep names `id` twice"),
    ] {
        let found = refusal(&place, &["predict", "c", "new.csv", "--keep", keep]);
        assert!(found.contains(expected), "{found}");
    }
    let kept = place.run(&["predict", "--keep", "id,x", "c", "new.csv"]);
    assert!(text(&kept.stdout).starts_with("row,id,x,predicted,probability_no,probability_yes\n0,c,0.5,"));
}

// ---- suspicions

/// The notes of `config check` on `data.csv`.
fn checked(csv: &str) -> Vec<String> {
    let place = Place::new();
    place.write("data.csv", csv);
    place.write("c.toml", &config(""));
    let output = place.run(&["config", "check", "c.toml"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = text(&output.stdout);
    shown.lines().filter_map(|line| Some(line.trim().strip_prefix("note: ")?.to_owned())).collect()
}

/// Numbers that look random, the same in every test.
fn chance(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / f64::from(1u32 << 31)
    }
}

/// A table of `count` rows of what `row` makes of a source of chance.
fn table(header: &str, count: usize, mut row: impl FnMut(usize, &mut dyn FnMut() -> f64) -> String) -> String {
    let mut random = chance(7);
    let rows: String = (0..count).map(|i| row(i, &mut random) + "\n").collect();
    format!("{header}\n{rows}")
}

#[track_caller]
fn assert_told(csv: &str, parts: &[&str]) {
    let notes = checked(csv);
    assert!(notes.iter().any(|note| parts.iter().all(|part| note.contains(part))), "{parts:?} in {notes:#?}");
}

#[test]
fn data_without_anything_suspicious_say_nothing() {
    let notes = checked(&table("a,b,y", 300, |_, random| {
        let (a, b) = (random(), random());
        format!("{a},{b},{}", if a + b + 0.5 * random() > 1.25 { "yes" } else { "no" })
    }));
    assert_eq!(notes, [""; 0]);
    // Few values repeat by chance, and that says nothing.
    let notes = checked(&table("a,b,y", 300, |_, random| {
        let (a, b) = ((3.0 * random()).floor(), (4.0 * random()).floor());
        format!("{a},{b},{}", if random() > 0.2 * a { "yes" } else { "no" })
    }));
    assert_eq!(notes, [""; 0]);
}

#[test]
fn a_row_of_totals_is_told() {
    let (mut sum_a, mut sum_y) = (0, 0);
    let rows = table("place,a,y", 80, |i, random| {
        let (a, y) = ((100.0 * random()) as u32, (1000.0 * random()) as u32);
        (sum_a, sum_y) = (sum_a + a, sum_y + y);
        format!("{},{a},{y}", ["north", "south"][i % 2])
    });
    assert!(!checked(&rows).iter().any(|note| note.contains("last row")));
    assert_told(&format!("{rows}Total,{sum_a},{sum_y}\n"), &["the last row holds the sums", "(`a`, `y`)", "remove it"]);
    let is_told = checked(&format!("{rows}north,{},{}\n", sum_a / 80, sum_y / 80));
    assert!(!is_told.iter().any(|note| note.contains("last row")), "{is_told:?}");
}

#[test]
fn a_column_that_is_the_number_to_predict_is_told_of_a_hundred_rows() {
    let csv = table("a,b,y", 100, |_, random| {
        let y = random();
        format!("{},{},{y}", 1.1 * y + 3.0, random())
    });
    assert_told(&csv, &["`a` alone tells 100.0 % of the variance of the target", "data.drop"]);
    let noisy = checked(&table("a,b,y", 100, |_, random| {
        let y = random();
        format!("{},{},{y}", y + 0.1 * random(), random())
    }));
    assert!(!noisy.iter().any(|note| note.contains("alone")), "{noisy:?}");
}

#[test]
fn what_the_target_may_mean_is_asked_as_of_an_input() {
    let refused = |csv: &str, more: &str| {
        let place = Place::new();
        place.write("data.csv", csv);
        place.write("c.toml", &config(more));
        refusal(&place, &["config", "check", "c.toml"])
    };
    // Dots between thousands, in the target and in the weights.
    let grouped =
        |i: usize| if i < 28 { (i * 37).to_string() } else { format!("{}.{:03}", i * 37 / 1000, i * 37 % 1000) };
    let csv = table("a,y", 60, |i, random| format!("{},{}", random(), grouped(i)));
    assert!(refused(&csv, "").contains("column `y` holds `1.036` beside `111`: is the dot between thousands"));
    let csv = table("a,w,y", 60, |i, random| format!("{},{},{}", random(), grouped(i + 1), random()));
    assert!(refused(&csv, "weight = \"w\"\n").contains("column `w` holds `1.036` beside `111`"));
    // Units, percent signs and decimal commas that others lack: each text would be a class.
    let csv = table("a,y", 120, |i, random| {
        let y = i + 1;
        format!("{},{}", random(), if i % 3 == 0 { format!("{y} kg") } else { format!("{} g", 100 * y) })
    });
    assert!(refused(&csv, "").contains("target `y` holds `1 kg` beside `200 g`: write all numbers in one unit"));
    let csv = table("a,y", 120, |i, random| {
        format!("{},{}", random(), [format!("{}%", i % 40), format!("0.{}", i % 40 + 10)][i % 2])
    });
    assert!(
        refused(&csv, "").contains("data.csv:4: target `y` holds `2%` beside `0.11`: write all numbers in one way"),
        "{}",
        refused(&csv, "")
    );
    let csv = table("a;y", 120, |i, random| {
        format!("{};{}", random(), ["7925.9", "7925,9"][i % 2].to_owned() + &i.to_string())
    });
    assert!(refused(&csv, "").contains("write all numbers in one way"), "{}", refused(&csv, ""));

    let csv = table("a,y", 120, |i, random| format!("{},{}", random(), if i % 4 == 0 { -999.0 } else { random() }));
    assert_told(&csv, &["-999 is far from the others", "`y`"]);
    let csv = table("a,y", 120, |i, random| format!("{},{}", random(), ["yes", "no", "-"][i % 3]));
    assert_told(&csv, &["`-` is a class of `y` (if it means missing, add it to data.missing)"]);
    // A list of one's own replaces the default words.
    let csv =
        table("a,c,y", 120, |i, random| format!("{},{},{}", random(), ["u", "NA"][i % 2], ["yes", "no", "NA"][i % 3]));
    let place = Place::new();
    place.write("data.csv", &csv);
    place.write("c.toml", &config("missing = [\"n.a.\"]\n"));
    let shown = text(&place.run(&["config", "check", "c.toml"]).stdout);
    for expected in ["`NA` is a category of `c` (if it means missing", "`NA` is a class of `y` (if it means missing"] {
        assert!(shown.contains(expected), "{expected}: {shown}");
    }
    place.write("c.toml", &config("missing = []\n"));
    assert!(!text(&place.run(&["config", "check", "c.toml"]).stdout).contains("if it means missing"));
}

#[test]
fn rows_that_are_all_outside_of_training_are_told_though_none_is_far() {
    let place = Place::new();
    place.write("data.csv", &table("a,y", 200, |_, random| format!("{},{}", 1000.0 + 8000.0 * random(), random())));
    place.write("c.toml", &config("[training]\nmax_epochs = 1\n"));
    assert!(place.run(&["--config", "c.toml", "--quiet"]).status.success());
    place.write("thousands.csv", &table("a", 300, |_, random| format!("{}", 1.0 + 8.0 * random())));
    let output = place.run(&["predict", "c", "thousands.csv", "--strict", "-o", "out.csv"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("a: 300 of 300 numbers outside (1."), "{}", text(&output.stderr));
    // New rows of the same kind are beyond the range now and then.
    place.write("same.csv", &table("a", 300, |_, random| format!("{}", 990.0 + 8100.0 * random())));
    assert_eq!(notes(&place.run(&["predict", "c", "same.csv"])), [""; 0]);
}

#[test]
fn a_date_in_every_row_is_no_identifier() {
    // 300 days one after the other, and shuffled.
    for step in [1, 7] {
        let csv = table("Datum,a,y", 300, |i, random| {
            let day = i * step % 300;
            let (month, day) = (1 + day / 25, 1 + day % 25);
            format!("2024-{month:02}-{day:02},{},{}", random(), if random() > 0.5 { "x" } else { "z" })
        });
        let notes = checked(&csv);
        assert!(notes.iter().any(|note| note.contains("each row has its time, `Datum`")), "{notes:#?}");
        assert!(
            !notes.iter().any(|note| note.contains("different whole number") || note.contains("add it to data.drop")),
            "{notes:#?}"
        );
    }
}

#[test]
fn one_epoch_is_one_epoch() {
    let place = Place::new();
    place.write(
        "c.toml",
        "[data]\nsource = \"iris\"\n[model]\nhidden = [2]\n[training]\nmax_epochs = 1\nrefit = true\n",
    );
    let shown = text(&place.run(&["--config", "c.toml"]).stdout);
    assert!(shown.contains("all 1 epoch done") && shown.contains("trained again for 1 epoch on all"), "{shown}");
    let error = text(&place.run(&["resume", "latest", "--epochs", "1"]).stderr);
    assert!(error.contains("has 1 epoch already"), "{error}");
    let patient = "training.early_stopping={patience=1, min_delta=100}";
    let shown = text(&place.run(&["--config", "c.toml", "--set", "training.max_epochs=9", "--set", patient]).stdout);
    assert!(shown.contains("no improvement in validation/loss for 1 epoch;"), "{shown}");
}

#[test]
fn numbers_that_are_taken_for_classes_are_told_to_be_too_many() {
    let place = Place::new();
    let csv = table("a,y", 300, |i, random| format!("{},{}", random(), i + 1000));
    place.write("data.csv", &csv);
    place.write("c.toml", &config("task = \"classification\"\n"));
    let output = place.run(&["config", "check", "c.toml"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("data.target: `y` has 300 classes in 300 rows"), "{error}");
    assert!(error.contains("set data.task = \"regression\" to predict the number"), "{error}");
    let names = csv.replace(",1", ",n1");
    place.write("data.csv", &names);
    let error = text(&place.run(&["config", "check", "c.toml"]).stderr);
    assert!(error.contains("data.classes") && !error.contains("regression"), "{error}");
}

#[test]
fn rows_that_are_in_training_and_test_are_told() {
    let mut kept: Vec<String> = Vec::new();
    let csv = table("a,b,y", 600, |i, random| {
        if i % 3 > 0 && !kept.is_empty() {
            return kept[(random() * kept.len() as f64) as usize].clone();
        }
        kept.push(format!("{},{},{}", random(), random(), if random() > 0.5 { "x" } else { "z" }));
        kept[kept.len() - 1].clone()
    });
    assert_told(&csv, &["of 180 test rows have the same inputs as a training row", "remove them from the file"]);
}

#[test]
fn columns_that_give_the_answer_away_are_told() {
    // The class follows from the identifier, as where one office numbers its cases after the other's.
    let mut id = 10_000.0;
    let csv = table("customer_id,a,y", 400, |i, random| {
        id += 1.0 + (9.0 * random()).floor();
        format!("{id},{},{}", random(), i / 200)
    });
    let expected =
        "`customer_id` is a different whole number in every row and rises with the file, and alone tells the class";
    assert_told(&csv, &[expected, "add it to data.drop"]);
    // Written after the fact.
    let csv = table("a,refund,y", 400, |_, random| {
        let returned = random() > 0.7;
        let refund = if returned { 5.0 + 90.0 * random() } else { 0.0 };
        format!("{},{refund},{}", random(), if returned { "returned" } else { "kept" })
    });
    assert_told(&csv, &["`refund` alone tells the class of 100.0 % of the rows"]);
    let csv = table("a,euros,y", 400, |_, random| {
        let y = 100.0 * random();
        format!("{},{},{y}", random(), y * 1.08)
    });
    assert_told(&csv, &["`euros` alone tells", "% of the variance of the target"]);
}

#[test]
fn rows_that_belong_together_are_told() {
    let mut offset = 0.0;
    let csv = table("patient,a,y", 600, |i, random| {
        if i % 6 == 0 {
            offset = random();
        }
        format!("P{:03},{},{}", i / 6, offset + 0.01 * random(), u8::from(offset > 0.5))
    });
    assert_told(
        &csv,
        &[
            "`patient` has 100 values in blocks of about 6 rows",
            "of 180 test rows have theirs in common with training rows",
            "keep all rows of one in one part, data.group = \"patient\"",
        ],
    );
    let mut level = 0.0;
    let csv = table("a,y", 400, |_, random| {
        level += random() - 0.5;
        format!("{},{level}", random())
    });
    assert_told(&csv, &["targets of neighbouring rows are alike (correlation 0.9", "data.test_path"]);
    let csv = table("year,a,y", 400, |i, random| {
        format!("{},{},{}", 1990 + i / 20, random(), if random() > 0.5 { "x" } else { "z" })
    });
    assert_told(&csv, &["the rows are in the order of `year`", "test on the last ones, data.order = \"year\""]);
}
