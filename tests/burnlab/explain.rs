//! `burnlab explain`: every number against what `burnlab predict` says of rows that are put together here. The formulas on
//! games of players: `src/experiment/attribution/shapley.rs`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

use crate::place::{Place, text, works};

/// A table: its header, and its rows by name.
struct Table(Vec<BTreeMap<String, String>>);

impl Table {
    fn read(bytes: &[u8]) -> Self {
        let mut reader = csv::Reader::from_reader(bytes);
        Self(reader.deserialize().map(Result::unwrap).collect())
    }

    fn numbers(&self, column: &str) -> Vec<f64> {
        self.0.iter().map(|row| row[column].parse().unwrap()).collect()
    }

    /// The numbers in `column` of the rows that have this cell.
    fn of(&self, (name, cell): (&str, &str), column: &str) -> Vec<f64> {
        self.0.iter().filter(|row| row[name] == cell).map(|row| row[column].parse().unwrap()).collect()
    }
}

#[track_caller]
fn refused(place: &Place, args: &[&str], expected: &str) {
    let output = place.run(&[&["explain"], args].concat());
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
    assert!(said.contains(expected) && said.trim_end().lines().count() == 1, "{args:?}: {said}");
}

#[track_caller]
fn explained(place: &Place, args: &[&str]) -> Table {
    Table::read(works(place, &[&["explain"], args, &["-o", "-"]].concat()).as_bytes())
}

fn predicted(place: &Place, run: &str, rows: &[Vec<String>], header: &str) -> Table {
    let mut file = format!("{header}\n");
    rows.iter().for_each(|row| writeln!(file, "{}", row.join(",")).unwrap());
    place.write("rows.csv", &file);
    Table::read(works(place, &["predict", run, "rows.csv"]).as_bytes())
}

fn cells(row: &str) -> Vec<String> {
    row.split(',').map(str::to_owned).collect()
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

#[track_caller]
fn near(a: f64, b: f64, tolerance: f64) {
    assert!((a - b).abs() <= tolerance, "{a} {b}");
}

/// Each number of an explanation is its mean and all of its contributions.
#[track_caller]
fn check_sums(table: &Table, tolerance: f64) -> Vec<String> {
    let mut names: Vec<String> = table.0.iter().map(|row| row["of"].clone()).collect();
    names.dedup();
    for name in &names {
        let of = |column: &str| table.of(("of", name), column);
        let sum: f64 = of("contribution").iter().sum();
        near(of("prediction")[0] - of("mean")[0], sum, tolerance);
        assert!(of("prediction").iter().all(|value| *value == of("prediction")[0]));
    }
    names
}

const HEADER: &str = "size,kind,day,note,y";

/// A number with gaps, a category, a date and a number; the first rows are the training part.
fn row(i: usize) -> String {
    let size = if i % 9 == 4 { String::new() } else { format!("{}", (i * 37 % 23) as f64 / 2.0) };
    let kind = ["red", "green", "blue"][i * 5 % 3];
    let (month, day) = (i * 7 % 12 + 1, i * 11 % 28 + 1);
    let note = (i * 13 % 17) as f64 - 8.0;
    let is_large = (i * 37 % 23) as f64 / 2.0 + note + if kind == "red" { 4.0 } else { -2.0 } > 4.0;
    format!("{size},{kind},2024-{month:02}-{day:02},{note},{}", if is_large { "large" } else { "small" })
}

const NUM_TRAIN: usize = 24;

/// Trains on 24 rows of `row` and tests on 6; config keys follow.
fn train(place: &Place, name: &str, sets: &[&str]) {
    let part = |i: usize| if i < NUM_TRAIN { "train" } else { "test" };
    let rows: String = (0..30).map(|i| format!("{},{}\n", row(i), part(i))).collect();
    place.write("a.csv", &format!("{HEADER},part\n{rows}"));
    place.write(
        "a.toml",
        "[data]\npath = \"a.csv\"\ntarget = \"y\"\nsplit_column = \"part\"\nvalidation_fraction = 0\n\
         [model]\nkind = \"mlp\"\nhidden = [6]\n[training]\nmax_epochs = 30\nlearning_rate = 0.05\nbatch_size = 8\n",
    );
    let sets = sets.iter().flat_map(|&set| ["--set", set]);
    let args: Vec<&str> = ["--config", "a.toml", "--quiet", "--name", name].into_iter().chain(sets).collect();
    works(place, &args);
}

/// All orders of the columns.
fn orders(columns: &[usize]) -> Vec<Vec<usize>> {
    if columns.is_empty() {
        return vec![Vec::new()];
    }
    let first = |&first: &usize| {
        let rest: Vec<usize> = columns.iter().copied().filter(|&other| other != first).collect();
        orders(&rest).into_iter().map(move |order| [vec![first], order].concat()).collect::<Vec<_>>()
    };
    columns.iter().flat_map(first).collect()
}

/// The definition, by what `predict` says of each training row with the cells of some columns replaced: the mean over the 24
/// orders of 4 columns of what each adds. Cells with a value and without, categories, dates, which are several inputs.
#[test]
fn contributions_are_the_mean_over_all_orders_of_the_columns() {
    let place = Place::new();
    train(&place, "a", &[]);
    let row_26 = cells(&row(26));
    let mut hybrids = Vec::new();
    for of_background in 0..NUM_TRAIN {
        let background = cells(&row(of_background));
        for mask in 0..16 {
            let cell = |i: usize| if mask >> i & 1 == 1 { row_26[i].clone() } else { background[i].clone() };
            hybrids.push((0..4).map(cell).collect::<Vec<String>>());
        }
    }
    let header = HEADER.rsplit_once(',').unwrap().0;
    let answers = predicted(&place, "a", &hybrids, header);
    for (class, args) in [("large", &["--of", "large"][..]), ("small", &["--of", "probability_small"])] {
        let probabilities = answers.numbers(&format!("probability_{class}"));
        let worth = |mask: usize| mean(&(0..NUM_TRAIN).map(|b| probabilities[b * 16 + mask]).collect::<Vec<f64>>());
        let mut expected = [0.0; 4];
        for order in orders(&[0, 1, 2, 3]) {
            let mut mask = 0;
            for column in order {
                expected[column] += (worth(mask | 1 << column) - worth(mask)) / 24.0;
                mask |= 1 << column;
            }
        }
        let found = explained(&place, &[&["a", "--row", "26"][..], args].concat());
        assert_eq!(check_sums(&found, 1e-12), [format!("probability_{class}")]);
        near(found.numbers("mean")[0], worth(0), 1e-7);
        near(found.numbers("prediction")[0], worth(15), 1e-7);
        for (i, column) in ["size", "kind", "day", "note"].into_iter().enumerate() {
            near(found.of(("column", column), "contribution")[0], expected[i], 1e-6);
            assert_eq!(found.of(("column", column), "standard_error"), [0.0]);
            let shown = &found.0.iter().find(|row| row["column"] == column).unwrap()["cell"];
            assert_eq!(*shown, row_26[i], "the cell as it was written");
        }
        let sizes: Vec<f64> = found.numbers("contribution").iter().map(|value| value.abs()).collect();
        assert!(sizes.is_sorted_by(|a, b| a >= b), "the largest first: {sizes:?}");
    }
    // The same row from a file without a target, which need not be in any part.
    place.write("new.csv", &format!("{header}\n{}\n{}\n", hybrids[0].join(","), row_26[..4].join(",")));
    let own = works(&place, &["explain", "a", "--row", "26", "-o", "-"]);
    let new = works(&place, &["explain", "a", "--data", "new.csv", "--row", "1", "-o", "-"]);
    let without_row = |table: &str| table.lines().map(|l| l.split_once(',').unwrap().1.to_owned()).collect::<Vec<_>>();
    assert_eq!(without_row(&own), without_row(&new));
    // Random orders come near it, and their sum stays exact.
    let exact = explained(&place, &["a", "--row", "26"]);
    let sampled = explained(&place, &["a", "--row", "26", "--evaluations", "200"]);
    check_sums(&sampled, 1e-9);
    for row in &exact.0 {
        let of = |column: &str| sampled.of(("column", &row["column"]), column)[0];
        let off = (of("contribution") - row["contribution"].parse::<f64>().unwrap()).abs();
        assert!(of("standard_error") > 0.0 && off < 4.0 * of("standard_error"), "{row:?} {off}");
    }
    let twice = || works(&place, &["explain", "a", "--row", "26", "--evaluations", "200", "--seed", "5", "-o", "-"]);
    assert_eq!(twice(), twice());
    let shown = works(&place, &["explain", "a", "--row", "25"]);
    assert!(
        shown.contains("exact: all 16 sets of 4 columns, 384 evaluations") && shown.contains("test row 25"),
        "{shown}"
    );
    assert!(shown.contains("24 of 24 training rows, seed 0"), "{shown}");
    let missing = works(&place, &["explain", "a", "--row", "4"]);
    assert!(missing.contains("training row 4") && missing.contains("(missing)"), "{missing}");
}

/// Of a linear network the contribution is w (x - mean of the training rows), w being the step of the output for a step of 1.
#[test]
fn of_a_linear_network_they_are_weight_times_distance_from_the_mean() {
    let place = Place::new();
    let cell = |i: usize, column: usize| (i * (7 + 4 * column) % 19) as f64 / 2.0 - column as f64;
    let numbers = |i: usize| (0..3).map(|column| cell(i, column)).collect::<Vec<f64>>();
    let line = |i: usize| {
        let x = numbers(i);
        let y = 2.0 * x[0] - 3.0 * x[1] + 0.5 * x[2] + 100.0;
        format!("{},{},{},{y},{}\n", x[0], x[1], x[2], if i < 40 { "train" } else { "test" })
    };
    place.write("b.csv", &format!("p,q,r,y,part\n{}", (0..50).map(line).collect::<String>()));
    place.write(
        "b.toml",
        "[data]\npath = \"b.csv\"\ntarget = \"y\"\nsplit_column = \"part\"\nvalidation_fraction = 0\n\
         [model]\nkind = \"mlp\"\nhidden = []\n[training]\nmax_epochs = 20\nlearning_rate = 0.1\n",
    );
    works(&place, &["--config", "b.toml", "--quiet"]);
    let mut rows = vec![vec!["0".to_owned(); 3]; 4];
    (0..3).for_each(|column| rows[column + 1][column] = "1".to_owned());
    let outputs = predicted(&place, "b", &rows, "p,q,r").numbers("predicted");
    for args in [&["--row", "45"][..], &["--row", "45", "--evaluations", "1"]] {
        let found = explained(&place, &[&["b"], args].concat());
        assert_eq!(check_sums(&found, 1e-9), ["predicted"]);
        for (column, name) in ["p", "q", "r"].into_iter().enumerate() {
            // With the least evaluations there are ten background rows, whose mean is another.
            let weight = outputs[column + 1] - outputs[0];
            let of_all = mean(&(0..40).map(|i| cell(i, column)).collect::<Vec<f64>>());
            let contribution = found.of(("column", name), "contribution")[0];
            if args.len() == 2 {
                near(contribution, weight * (cell(45, column) - of_all), 2e-4);
            }
        }
    }
    let shown = works(&place, &["explain", "b", "--row", "45", "--evaluations", "1"]);
    assert!(shown.contains("10 of 40 training rows") && shown.contains("sampled: 2 orders"), "{shown}");
}

/// Means of what `predict` says of the training rows, all with the same cell; over three seeds with mean and deviation.
#[test]
fn partial_dependence_is_the_mean_prediction_with_a_cell_replaced() {
    let place = Place::new();
    train(&place, "a", &["seed=1"]);
    let alone = explained(&place, &["a"]);
    assert!(!alone.0[0].contains_key("mean_of_runs"));
    assert!(alone.0.iter().all(|row| row["of"] == "probability_small"), "of two classes the second");
    let header = HEADER.rsplit_once(',').unwrap().0;
    for (i, column) in ["size", "kind", "day", "note"].into_iter().enumerate() {
        let points: Vec<_> = alone.0.iter().filter(|row| row["column"] == column).collect();
        let most = if i == 1 { 3 } else { 20 };
        assert!((2..=most).contains(&points.len()), "{column}: {}", points.len());
        let mut rows = Vec::new();
        for point in &points {
            for of_background in 0..NUM_TRAIN {
                let mut cells = cells(&row(of_background))[..4].to_vec();
                cells[i] = point["cell"].clone();
                rows.push(cells);
            }
        }
        let answers = predicted(&place, "a", &rows, header).numbers("probability_small");
        for (point, of_rows) in points.iter().zip(answers.chunks(NUM_TRAIN)) {
            near(point["partial_dependence"].parse().unwrap(), mean(of_rows), 1e-6);
        }
    }
    let strengths: Vec<f64> = alone
        .0
        .chunk_by(|a, b| a["column"] == b["column"])
        .map(|points| {
            let values: Vec<f64> = points.iter().map(|point| point["partial_dependence"].parse().unwrap()).collect();
            let squares: f64 = values.iter().map(|value| (value - mean(&values)).powi(2)).sum();
            squares / (values.len() - 1) as f64
        })
        .collect();
    assert!(strengths.len() == 4 && strengths.is_sorted_by(|a, b| a >= b), "the strongest first: {strengths:?}");

    train(&place, "a", &["seed=2"]);
    train(&place, "a", &["seed=3"]);
    train(&place, "a", &["seed=3", "model.hidden=[2]"]);
    let ids = works(&place, &["runs", "list", "--json"]);
    let ids: serde_json::Value = serde_json::from_str(&ids).unwrap();
    let ids: Vec<&str> = ids.as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    // The newest is of another config.
    assert!(!explained(&place, &[ids[0]]).0[0].contains_key("mean_of_runs"));
    let runs: Vec<Table> = ids[1..].iter().map(|id| explained(&place, &[id])).collect();
    for row in &runs[0].0 {
        let is_same =
            |other: &&BTreeMap<String, String>| other["column"] == row["column"] && other["cell"] == row["cell"];
        let value = |table: &Table| table.0.iter().find(is_same).unwrap()["partial_dependence"].parse().unwrap();
        let values: Vec<f64> = runs.iter().map(value).collect();
        let squares: f64 = values.iter().map(|value| (value - mean(&values)).powi(2)).sum();
        near(row["mean_of_runs"].parse().unwrap(), mean(&values), 1e-6);
        near(row["standard_deviation_of_runs"].parse().unwrap(), (squares / 2.0).sqrt(), 1e-6);
    }
    let shown = works(&place, &["explain", ids[1]]);
    assert!(shown.contains("evaluations of the network of 3 runs") && shown.contains(" ± "), "{shown}");
    let picture = std::fs::read_to_string(place.path(shown.lines().last().unwrap())).unwrap();
    assert_eq!((picture.matches("class=\"panel\"").count(), picture.matches("\"band ").count()), (4, 3 + 3));
}

/// What is explained of each task, by the names that `predict` gives.
#[test]
fn every_task_has_its_numbers() {
    let place = Place::new();
    let line = |i: usize| {
        let (a, b) = ((i * 7 % 13) as f64, (i * 5 % 11) as f64);
        let grade = ["poor", "fair", "good"][((a + b) / 8.0) as usize % 3];
        format!("{a},{b},{},{},{},{},{grade}\n", a - b, a * 2.0, u8::from(a > 6.0), u8::from(b > 5.0))
    };
    place.write("c.csv", &format!("a,b,y,z,s,t,grade\n{}", (0..60).map(line).collect::<String>()));
    let tasks: [(&str, &str, &[&str]); 6] = [
        ("y", "drop = [\"z\", \"s\", \"t\", \"grade\"]\ntarget = \"y\"", &["predicted"]),
        ("two", "drop = [\"s\", \"t\", \"grade\"]\ntarget = [\"y\", \"z\"]", &["predicted_y", "predicted_z"]),
        (
            "labels",
            "drop = [\"y\", \"z\", \"grade\"]\ntarget = [\"s\", \"t\"]\ntask = \"multi_label\"",
            &["probability_s", "probability_t"],
        ),
        ("classes", "drop = [\"y\", \"z\", \"s\", \"t\"]\ntarget = \"grade\"", &["probability_"]),
        (
            "ordered",
            "drop = [\"y\", \"z\", \"s\", \"t\"]\ntarget = \"grade\"\nordered = [\"poor\", \"fair\", \"good\"]",
            &["probability_"],
        ),
        ("quantiles", "drop = [\"z\", \"s\", \"t\", \"grade\"]\ntarget = \"y\"", &["quantile_0.5"]),
    ];
    for (name, keys, expected) in tasks {
        let loss = if name == "quantiles" { "loss = \"pinball\"\nquantiles = [0.1, 0.5, 0.9]\n" } else { "" };
        let config = format!(
            "[data]\npath = \"c.csv\"\n{keys}\nvalidation_fraction = 0\n[model]\nkind = \"mlp\"\nhidden = [4]\n\
             [training]\nmax_epochs = 5\nlearning_rate = 0.05\n{loss}"
        );
        place.write(&format!("{name}.toml"), &config);
        works(&place, &["--config", &format!("{name}.toml"), "--quiet"]);
        let found = explained(&place, &[name, "--data", "c.csv", "--row", "3"]);
        let names = check_sums(&found, 1e-9);
        let answer = Table::read(works(&place, &["predict", name, "c.csv"]).as_bytes());
        for (i, outcome) in names.iter().enumerate() {
            assert!(outcome.starts_with(expected[i]) && names.len() == expected.len(), "{name}: {names:?}");
            near(answer.numbers(outcome)[3], found.of(("of", outcome), "prediction")[0], 1e-6);
        }
        if name == "classes" {
            assert_eq!(names, [format!("probability_{}", answer.0[3]["predicted"])], "of the class that is predicted");
            // p = 1 / (1 + e^-z)
            let class = &answer.0[3]["predicted"];
            let odds = explained(&place, &[name, "--data", "c.csv", "--row", "3", "--of", class, "--log-odds"]);
            assert_eq!(check_sums(&odds, 1e-9), [format!("log_odds_{class}")]);
            let p = answer.numbers(&names[0])[3];
            near(odds.numbers("prediction")[0], (p / (1.0 - p)).ln(), 1e-5);
        }
        // All of what the model predicts is drawn, but for several numbers, each of which has a unit.
        let dependence = explained(&place, &[name]);
        let mut of: Vec<&str> = dependence.0.iter().map(|row| &row["of"][..]).collect();
        of.dedup();
        let curves = match name {
            "labels" => 2,
            "classes" | "ordered" | "quantiles" => 3,
            _ => 1,
        };
        assert_eq!(of.len(), curves, "{name}: {of:?}");
        assert!(works(&place, &["explain", name]).contains("plots/dependence.svg"));
    }
    refused(&place, &["classes", "--row", "0", "--of", "god"], "did you mean `good`? It has `fair`, `good`, `poor`");
    let far = "--of maybe: the run predicts no such thing. It has `fair`, `good`, `poor`";
    refused(&place, &["classes", "--row", "0", "--of", "maybe"], far);
    refused(&place, &["y", "--row", "0", "--log-odds"], "--log-odds are of probabilities");
    refused(&place, &["y", "--row", "60"], "the rows are 0 to 59");
    refused(&place, &["y", "--data", "c.csv", "--row", "60"], "c.csv has the rows 0 to 59");
    refused(&place, &["y", "-o", "a.png"], "a.png ends in neither .csv nor .svg");
    refused(&place, &["y", "--evaluations", "5"], "--evaluations is of the explanation of a row");
    refused(&place, &["y", "--data", "none.csv"], "none.csv");
    refused(&place, &["none"], "none");

    // Without the data there are the test rows of the folder, and it is said.
    works(&place, &["explain", "y", "-o", "before.csv"]);
    std::fs::remove_file(place.path("c.csv")).unwrap();
    let shown = works(&place, &["explain", "y"]);
    assert!(shown.contains("test rows") && shown.contains("the training rows cannot be had"), "{shown}");
    let row = Table::read(&std::fs::read(find(&place, "y", "predictions.csv")).unwrap()).0[2]["row"].clone();
    let found = explained(&place, &["y", "--row", &row]);
    check_sums(&found, 1e-9);
    let i: usize = row.parse().unwrap();
    assert_eq!(found.0.iter().find(|row| row["column"] == "a").unwrap()["cell"], (i * 7 % 13).to_string());
}

/// A file of the newest run of an experiment.
fn find(place: &Place, experiment: &str, file: &str) -> PathBuf {
    let runs = std::fs::read_dir(place.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path());
    let is_of = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(&format!("{experiment}-20"));
    runs.filter(is_of).max().unwrap().join(file)
}

#[test]
fn pixels_and_characters_are_no_columns() {
    let place = Place::new();
    let train = |config: &str, sets: &[&str]| {
        let sets = sets.iter().flat_map(|&set| ["--set", set]);
        works(&place, &["--config", config, "--quiet"].into_iter().chain(sets).collect::<Vec<_>>());
    };
    train("digits-tutorial", &["training.max_epochs=1", "model.hidden=[2]"]);
    let told = "reads images, whose pixels are no columns to explain: `burnlab explain digits-tutorial-";
    refused(&place, &["digits-tutorial"], told);
    train("iris", &["training.max_epochs=1"]);
    refused(&place, &["iris", "--row", "1", "--patch", "2"], "reads no images, of which --patch hides a part");
    refused(
        &place,
        &["digits-tutorial", "--row", "1", "--patch", "9"],
        "the images are 8 x 8, so that it can be 8 at most",
    );
    train(
        "alice",
        &[
            "training.max_epochs=1",
            "model.width=8",
            "model.heads=2",
            "model.depth=1",
            "data.context=8",
            "training.batch_size=1024",
        ],
    );
    refused(&place, &["alice"], "is a language model");
}

/// Each pixel by hand: the mean, over the squares that cover it, of what `predict` says of the image less what it says of the image with
/// the mean pixels of the training rows under the square.
#[test]
fn a_map_is_what_predict_says_of_images_with_a_part_hidden() {
    const SIDE: usize = 4;
    const PATCH: usize = 2;
    let place = Place::new();
    let pixel = |i: usize, p: usize| (i * (p + 3) * 7 % 11) + if i.is_multiple_of(2) && p % SIDE < 2 { 9 } else { 0 };
    let names: Vec<String> = (0..SIDE * SIDE).map(|p| format!("p{p}")).collect();
    let header = names.join(",");
    let image = |i: usize| -> Vec<f64> { (0..SIDE * SIDE).map(|p| pixel(i, p) as f64).collect() };
    let shown = |image: &[f64]| image.iter().map(f64::to_string).collect::<Vec<_>>();
    let line = |i: usize| {
        let part = if i < NUM_TRAIN { "train" } else { "test" };
        format!("{},{},{part}\n", shown(&image(i)).join(","), if i.is_multiple_of(2) { "left" } else { "even" })
    };
    place.write("a.csv", &format!("{header},y,part\n{}", (0..30).map(line).collect::<String>()));
    place.write(
        "a.toml",
        "[data]\npath = \"a.csv\"\ntarget = \"y\"\nsplit_column = \"part\"\nvalidation_fraction = 0\nimage_shape = [4, 4]\n\
         [model]\nkind = \"mlp\"\nhidden = [6]\n[training]\nmax_epochs = 30\nlearning_rate = 0.05\nbatch_size = 8\n",
    );
    works(&place, &["--config", "a.toml", "--quiet", "--name", "a"]);
    let mean_pixel: Vec<f64> =
        (0..SIDE * SIDE).map(|p| mean(&(0..NUM_TRAIN).map(|i| image(i)[p]).collect::<Vec<_>>())).collect();
    let whole = image(26);
    let starts: Vec<isize> = (1 - PATCH as isize..SIDE as isize).collect();
    let covers = |start: isize, place: usize| (start..start + PATCH as isize).contains(&(place as isize));
    let squares: Vec<(isize, isize)> =
        starts.iter().flat_map(|&row| starts.iter().map(move |&column| (row, column))).collect();
    let is_hidden = |&(row, column): &(isize, isize), p: usize| covers(row, p / SIDE) && covers(column, p % SIDE);
    let mut rows = vec![shown(&whole)];
    for square in &squares {
        let hidden: Vec<f64> =
            (0..SIDE * SIDE).map(|p| if is_hidden(square, p) { mean_pixel[p] } else { whole[p] }).collect();
        rows.push(shown(&hidden));
    }
    let answers = predicted(&place, "a", &rows, &header).numbers("probability_left");
    let args = ["a", "--row", "26", "--of", "left", "--patch", "2"];
    let found = explained(&place, &args);
    for p in 0..SIDE * SIDE {
        let over: Vec<f64> = squares
            .iter()
            .zip(&answers[1..])
            .filter(|(square, _)| is_hidden(square, p))
            .map(|(_, hidden)| answers[0] - hidden)
            .collect();
        assert_eq!(over.len(), PATCH * PATCH);
        let falls = found.numbers("fall");
        near(falls[p], mean(&over), 1e-6);
        assert_eq!(
            [&found.0[p]["pixel_row"], &found.0[p]["pixel_column"]],
            [&(p / SIDE).to_string(), &(p % SIDE).to_string()]
        );
    }
    near(found.numbers("prediction")[0], answers[0], 1e-7);
    let told = works(&place, &["explain", "a", "--row", "26"]);
    assert!(told.contains("occlusion: a square of 2 x 2 pixels is hidden, 26 evaluations of the network"), "{told}");
    let picture = std::fs::read_to_string(place.only_run().join("plots/occlusion.svg")).unwrap();
    assert!(
        picture.contains("test row 26: predicted") && picture.contains("with the mean of 24 of 24 training rows"),
        "{picture}"
    );
    // An image in a file.
    place.write("rows.csv", &format!("{header}\n{}\n", shown(&whole).join(",")));
    let of_file = explained(&place, &["a", "--data", "rows.csv", "--of", "left", "--patch", "2"]);
    assert_eq!(of_file.numbers("fall"), found.numbers("fall"));
}

/// The mean of the members' contributions, which is that of the mean of their predictions.
#[test]
fn an_ensemble_is_explained_by_the_means_of_its_members() {
    let place = Place::new();
    train(&place, "a", &["data.split_seed=7", "seed=1"]);
    train(&place, "a", &["data.split_seed=7", "seed=2"]);
    let runs = std::fs::read_dir(place.path("artifacts/runs")).unwrap();
    let mut runs: Vec<String> = runs.map(|run| run.unwrap().file_name().into_string().unwrap()).collect();
    runs.sort();
    let members: Vec<Table> =
        runs.iter().map(|run| explained(&place, &[run, "--row", "26", "--of", "large"])).collect();
    let ensemble = explained(&place, &["a", "--row", "26", "--of", "large", "--ensemble"]);
    check_sums(&ensemble, 1e-12);
    for column in ["size", "kind", "day", "note"] {
        let of = |table: &Table| table.of(("column", column), "contribution")[0];
        near(of(&ensemble), mean(&members.iter().map(of).collect::<Vec<_>>()), 1e-9);
    }
    // What `predict --ensemble` says of the row.
    place.write("rows.csv", &format!("{}\n{}\n", HEADER, row(26)));
    let answer = Table::read(works(&place, &["predict", "a", "rows.csv", "--ensemble"]).as_bytes());
    near(ensemble.numbers("prediction")[0], answer.numbers("probability_large")[0], 1e-9);
    let of_file = explained(&place, &["a", "--data", "rows.csv", "--of", "large", "--ensemble"]);
    near(of_file.numbers("prediction")[0], answer.numbers("probability_large")[0], 1e-9);
    let told = works(&place, &["explain", "a", "--row", "26", "--ensemble"]);
    assert!(
        told.contains("of 2 networks, whose mean is explained") && told.contains("ensemble-contributions.svg"),
        "{told}"
    );

    // Partial dependence, too, and its bands are the spread of the members.
    let ensemble = explained(&place, &["a", "--of", "large", "--ensemble"]);
    let members: Vec<Table> = runs.iter().map(|run| explained(&place, &[run, "--of", "large"])).collect();
    for row in &ensemble.0 {
        let is_it =
            |other: &&BTreeMap<String, String>| other["column"] == row["column"] && other["cell"] == row["cell"];
        let of = |table: &Table| table.0.iter().find(is_it).unwrap()["partial_dependence"].parse().unwrap();
        near(row["partial_dependence"].parse().unwrap(), mean(&members.iter().map(of).collect::<Vec<f64>>()), 1e-9);
        assert_eq!(row["partial_dependence"], row["mean_of_runs"]);
    }
    refused(&place, &["a", "--row", "26", "--ensemble", "--log-odds"], "--log-odds are of one model");
    refused(&place, &[&runs[0], "--row", "99", "--ensemble"], "--row 99: no part of the run has this row");
    train(&place, "b", &[]);
    refused(&place, &["b", "--ensemble"], "has one run of this config");
}
