//! The `data` module from outside: sets, files, errors, splits, preprocessor.
//!
//! Expected numbers come from scikit-learn 1.9 and numpy, or are worked out by hand.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use burnlab::data::{
    ColumnKind, DataConfig, Dataset, Matrix, NewRows, PreparedKind, PreparedTarget, Preprocessor, Scale, Source,
    Splits, Target, Task, TaskKind, load, split,
};
use burnlab::invalid::Invalid;
use rand::{RngExt, SeedableRng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use crate::whole_way::try_all;

/// A folder of its own for a test's files, gone afterwards.
struct Folder(PathBuf, #[expect(dead_code, reason = "removes it in the end")] tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        let folder = crate::place::folder();
        Self(folder.path().to_owned(), folder)
    }

    fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn of(source: Source) -> DataConfig {
    DataConfig { source: Some(source), ..DataConfig::default() }
}

/// A config for a CSV file whose target is `y`.
fn csv(path: &Path) -> DataConfig {
    DataConfig { path: Some(path.to_owned()), target: Some("y".into()), ..DataConfig::default() }
}

fn names(dataset: &Dataset) -> Vec<&str> {
    dataset.columns.iter().map(|column| &column.name[..]).collect()
}

fn class_counts(dataset: &Dataset) -> Vec<(&str, usize)> {
    let Target::Classes { names, labels } = &dataset.target else {
        panic!("not classes: {:?}", dataset.target);
    };
    let count = |class: usize| labels.iter().filter(|&&label| label as usize == class).count();
    let counts = names.iter().enumerate();
    counts.map(|(class, name)| (&name[..], count(class))).collect()
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() <= tolerance, "{found} is not {expected}");
    }
}

// --- shipped sets

#[test]
fn every_source_of_the_catalog_is_what_its_row_says() {
    for &source in Source::ALL {
        let name = source.name();
        assert_eq!(serde_json::to_value(source).unwrap(), name, "the config file's word for {source:?}");
        let data = load(&of(source)).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!((&*data.name, data.image_shape), (name, source.image_shape().map(Into::into)));
        assert!(data.num_rows() > 0, "{name} has no rows");
        let task = match data.task() {
            Task::Binary | Task::MultiClass { .. } | Task::Ordered { .. } => TaskKind::Classification,
            Task::Regression | Task::Quantiles { .. } | Task::Numbers { .. } => TaskKind::Regression,
            Task::Labels { .. } => TaskKind::MultiLabel,
            Task::LanguageModel { .. } => TaskKind::LanguageModel,
        };
        assert_eq!(task, source.task(), "{name}");
        assert_eq!(data.columns.is_empty(), task == TaskKind::LanguageModel, "{name}: only a text has no columns");
    }
}

#[test]
fn shipped_sets_have_the_published_shapes_and_classes() {
    let digits = [178, 182, 177, 183, 181, 182, 181, 179, 174, 180];
    let digits = "0123456789".split("").filter(|name| !name.is_empty()).zip(digits);
    for (source, num_inputs, counts) in [
        (Source::Digits, 64, digits.collect::<Vec<_>>()),
        (Source::Iris, 4, vec![("setosa", 50), ("versicolor", 50), ("virginica", 50)]),
        (Source::Wine, 13, vec![("class_0", 59), ("class_1", 71), ("class_2", 48)]),
        (Source::BreastCancer, 30, vec![("malignant", 212), ("benign", 357)]),
    ] {
        let dataset = load(&of(source)).unwrap();
        assert_eq!(dataset.columns.len(), num_inputs);
        assert_eq!(class_counts(&dataset), counts);
        assert_eq!(dataset.cells.to_floats().len(), num_inputs * dataset.num_rows());
        assert_eq!(dataset.name, source.name());
        assert!(dataset.notes.is_empty(), "{:?}", dataset.notes);
    }
    assert_eq!(load(&of(Source::Digits)).unwrap().image_shape, Some([8, 8].into()));
    assert_eq!(load(&of(Source::BreastCancer)).unwrap().task(), Task::Binary);

    let diabetes = load(&of(Source::Diabetes)).unwrap();
    assert_eq!((diabetes.num_rows(), diabetes.columns.len()), (442, 10));
    assert_eq!(*diabetes.row(0), [59.0, 2.0, 32.1, 101.0, 157.0, 93.2, 38.0, 4.0, 4.8598, 87.0]);
    let all: Vec<u32> = (0..442).collect();
    let preprocessor = Preprocessor::fit(&diabetes, &all, &of(Source::Diabetes)).unwrap();
    let PreparedTarget::Number { mean, standard_deviation } = preprocessor.target else {
        panic!("diabetes is a regression");
    };
    assert_close(&[mean, standard_deviation], &[152.13348416289594, 77.00574586945044], 1e-9);
}

#[test]
fn malignant_is_the_class_of_the_first_row() {
    let dataset = load(&of(Source::BreastCancer)).unwrap();
    let Target::Classes { labels, .. } = &dataset.target else { panic!() };
    assert_eq!((dataset.row(0)[0], labels[0]), (17.99, 0));
}

#[test]
fn a_shipped_set_may_drop_columns() {
    let config = DataConfig { drop: vec!["petal_width_(cm)".into()], ..of(Source::Iris) };
    assert_eq!(load(&config).unwrap().columns.len(), 3);
}

// --- generated sets

fn generated() -> impl Iterator<Item = Source> {
    Source::ALL.iter().copied().filter(|source| source.is_generated())
}

/// The names of the sources of which `holds` is true, in the order of the catalog.
fn names_where(holds: impl Fn(Source) -> bool) -> Vec<&'static str> {
    generated().filter(|&source| holds(source)).map(Source::name).collect()
}

#[test]
fn generated_sets_depend_on_their_seed_only() {
    for source in generated() {
        let first = load(&of(source)).unwrap();
        assert_eq!((first.num_rows(), names(&first)), (400, vec!["x1", "x2"]));
        assert!(first.cells.to_floats().iter().all(|value| value.is_finite()));
        assert_eq!(first.fingerprint(), load(&of(source)).unwrap().fingerprint());
        let other = DataConfig { generator_seed: 1, ..of(source) };
        assert_ne!(first.fingerprint(), load(&other).unwrap().fingerprint());
        for num_examples in [1, 2, 3, 7] {
            let config = DataConfig { num_examples: Some(num_examples), ..of(source) };
            assert_eq!(load(&config).unwrap().num_rows(), num_examples);
        }
    }
}

#[test]
fn generated_points_lie_where_their_class_says() {
    let check = |source, noise: Option<f64>, holds: &dyn Fn(f64, f64, u32) -> bool| {
        let dataset = load(&DataConfig { noise, ..of(source) }).unwrap();
        let Target::Classes { labels, .. } = &dataset.target else { panic!() };
        for (i, &label) in labels.iter().enumerate() {
            let [x1, x2] = [0, 1].map(|k| f64::from(dataset.row(i)[k]));
            assert!(holds(x1, x2, label), "{source:?} {x1} {x2} {label}");
        }
        let ones = labels.iter().filter(|&&label| label == 1).count();
        assert!((120..=240).contains(&ones), "{source:?} {ones}");
    };
    check(Source::Xor, None, &|x1, x2, label| (x1 * x2 > 0.0) == (label == 1));
    check(Source::Band, None, &|x1, x2, label| {
        let sum = x1 + x2;
        match label {
            1 => (0.75..=1.25).contains(&sum),
            _ => sum <= 0.65 || sum >= 1.35,
        }
    });
    check(Source::Circles, Some(0.0), &|x1, x2, label| (x1.hypot(x2) - [1.0, 0.5][label as usize]).abs() < 1e-6);
    check(Source::Moons, Some(0.0), &|x1, x2, label| match label {
        0 => (x1.hypot(x2) - 1.0).abs() < 1e-6 && x2 >= -1e-6,
        _ => ((x1 - 1.0).hypot(x2 - 0.5) - 1.0).abs() < 1e-6 && x2 <= 0.5 + 1e-6,
    });
    check(Source::Spirals, Some(0.0), &|x1, x2, label| {
        // Undo the arm's turns: what is left is where the arm starts.
        let turned = x2.atan2(x1) - 3.0 * std::f64::consts::PI * x1.hypot(x2);
        let expected = [1.0, -1.0][label as usize];
        (turned.cos() - expected).abs() < 1e-4
    });
    check(Source::Blobs, None, &|x1, x2, _| x1.hypot(x2) < 9.0);
}

#[test]
fn sets_with_chosen_classes_have_as_many_as_wanted() {
    for source in generated().filter(|source| source.has_chosen_classes()) {
        let config = DataConfig { num_classes: Some(5), num_examples: Some(52), ..of(source) };
        let dataset = load(&config).unwrap();
        let counts = [("0", 11), ("1", 11), ("2", 10), ("3", 10), ("4", 10)];
        assert_eq!(class_counts(&dataset), counts);
    }
}

// --- CSV

const TITANIC: &str = "\
PassengerId,Survived,Pclass,Name,Sex,Age,SibSp,Parch,Ticket,Fare,Cabin,Embarked
1,0,3,\"Braund, Mr. Owen Harris\",male,22.0,1,0,A/5 21171,7.25,,S
2,1,1,\"Cumings, Mrs. John Bradley (Florence Briggs Thayer)\",female,38.0,1,0,PC 17599,71.2833,C85,C
3,1,3,\"Heikkinen, Miss. Laina\",female,26.0,0,0,STON/O2. 3101282,7.925,,S
6,0,3,\"Moran, Mr. James\",male,,0,0,330877,8.4583,,Q
62,1,1,\"Icard, Miss. Amelie\",female,38.0,0,2,113572,80.0,B28,
";

#[test]
fn titanic_has_numbers_categories_and_missing_cells() {
    let folder = Folder::new();
    let config = DataConfig { target: Some("Survived".into()), ..csv(&folder.file("titanic.csv", TITANIC)) };
    let dataset = load(&config).unwrap();
    assert_eq!(class_counts(&dataset), [("0", 2), ("1", 3)]);
    let sex = &dataset.columns[3];
    let categories = vec!["female".to_owned(), "male".to_owned()];
    assert_eq!((&sex.name[..], &sex.kind), ("Sex", &ColumnKind::Categorical { categories }));
    assert_eq!(dataset.columns[4].kind, ColumnKind::Numeric);
    let row = dataset.row(3);
    assert_eq!((row[0], row[3], row[7], row[8]), (6.0, 1.0, 1.0, 8.4583));
    assert!(row[4].is_nan() && row[9].is_nan());
    assert!(dataset.row(4)[10].is_nan());
}

#[test]
fn identifiers_are_dropped_with_a_note_unless_named() {
    let folder = Folder::new();
    let mut text = String::from("id,name,shade,x,y\n");
    for i in 0..30 {
        text += &format!("{},n{i},{},{}.5,{}\n", 100 + i, ["light", "dark"][i % 2], i * i, i % 2);
    }
    let path = folder.file("a.csv", &text);
    let dataset = load(&csv(&path)).unwrap();
    assert_eq!(names(&dataset), ["shade", "x"]);
    assert_eq!(*dataset.row(3), [0.0, 9.5]);
    assert_eq!(
        dataset.notes,
        [
            "dropped `id`: it counts the rows from 100 to 129 (keep it with data.numeric)",
            "dropped `name`: 30 distinct values (such as `n0`) in 30 rows look like an identifier (keep it with \
             data.categorical)",
        ]
    );
    let config = DataConfig { numeric: vec!["id".into()], categorical: vec!["name".into(), "x".into()], ..csv(&path) };
    assert_eq!(names(&load(&config).unwrap()), ["id", "name", "shade", "x"]);
}

#[test]
fn columns_that_tell_nothing_are_left_out_with_a_note_unless_named() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "x,none,unit,site,y\n1,,2,here,0\n2,,2,here,1\n4,,2,here,0\n");
    let dataset = load(&csv(&path)).unwrap();
    assert_eq!(names(&dataset), ["x"]);
    assert_eq!(
        dataset.notes,
        [
            "dropped `none`: no value in any row",
            "dropped `unit`, `site`: the same value in every row (keep with data.allow_constant = true)",
        ]
    );
    assert_eq!(names(&load(&DataConfig { allow_constant: true, ..csv(&path) }).unwrap()), ["x", "unit", "site"]);
    assert_eq!(names(&load(&DataConfig { numeric: vec!["unit".into()], ..csv(&path) }).unwrap()), ["x", "unit"]);
}

#[test]
fn few_rows_are_too_few_to_tell_an_identifier() {
    let folder = Folder::new();
    let dataset = load(&csv(&folder.file("a.csv", "id,name,y\n1,a,0\n2,b,1\n3,c,0\n"))).unwrap();
    assert_eq!(names(&dataset), ["id", "name"]);
}

#[test]
fn every_dialect_reads_as_the_same_table() {
    let folder = Folder::new();
    let expected = load(&csv(&folder.file("plain.csv", "a,b,y\n1,u,0\n2,v,1\n,w,0\n"))).unwrap();
    for (name, text) in [
        ("semicolon", &b"a;b;y\n1;u;0\n2;v;1\n;w;0\n"[..]),
        ("tab", b"a\tb\ty\n1\tu\t0\n2\tv\t1\n\tw\t0\n"),
        ("pipe", b"a|b|y\n1|u|0\n2|v|1\n|w|0\n"),
        ("bom and crlf", b"\xef\xbb\xbfa,b,y\r\n1,u,0\r\n2,v,1\r\n,w,0\r\n"),
        ("cr", b"a,b,y\r1,u,0\r2,v,1\r,w,0\r"),
        ("quotes and blanks", b"\"a\", b,\"y\"\n\n1 ,\"u\",0\n2,v, 1\n   \n\"\",w,0.0"),
        ("missing words", b"a,b,y\n1,u,0\n2,v,1\nNaN,w,0\n5,w,NA\n"),
        ("gzipped", &gzip(b"a,b,y\n1,u,0\n2,v,1\n,w,0\n")),
    ] {
        let dataset = load(&csv(&folder.file(name, text))).unwrap();
        assert_eq!(dataset.fingerprint(), expected.fingerprint(), "{name}");
    }
    let config =
        DataConfig { header: false, target: Some("column_2".into()), ..csv(&folder.file("no header", "1,0\n2,1\n")) };
    let dataset = load(&config).unwrap();
    assert_eq!((names(&dataset), dataset.num_rows()), (vec!["column_1"], 2));
}

#[test]
fn the_target_is_taken_for_classes_or_numbers() {
    let folder = Folder::new();
    let file = |target: &[&str]| {
        let rows = target.iter().enumerate();
        let rows: String = rows.map(|(i, cell)| format!("{}.5,{cell}\n", i * i)).collect();
        folder.file("a.csv", format!("x,y\n{rows}"))
    };
    let task = |target: &[&str]| load(&csv(&file(target))).unwrap().task();
    assert_eq!(task(&["0", "1"]), Task::Binary);
    assert_eq!(task(&["no", "yes", "no"]), Task::Binary);
    assert_eq!(task(&["0", "1", "2"].repeat(4)), Task::MultiClass { num_classes: 3 });
    assert_eq!(task(&["10", "20", "30"]), Task::Regression);
    assert_eq!(task(&["0.5", "1.5"]), Task::Regression);
    assert_eq!(task(&["1", "2", "3", "4", "5"].repeat(2)), Task::Regression);

    let path = file(&["9", "10", "2.0", "10.0"]);
    let forced = DataConfig { task: Some(TaskKind::Classification), ..csv(&path) };
    assert_eq!(class_counts(&load(&forced).unwrap()), [("2.0", 1), ("9", 1), ("10", 2)]);
    let forced = DataConfig { task: Some(TaskKind::Regression), ..csv(&file(&["0", "1"])) };
    assert_eq!(load(&forced).unwrap().target, Target::Numbers(vec![0.0, 1.0]));
}

#[test]
fn rows_without_a_target_are_left_out_with_a_note() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "x,c,y\n1,u,0\n2,v,\n3,w,1\n");
    let dataset = load(&csv(&path)).unwrap();
    assert_eq!(dataset.cells.to_floats(), [1.0, 0.0, 3.0, 1.0]);
    let expected = format!("left out 1 of 3 rows of {}: `y` is missing there", path.display());
    assert_eq!(dataset.notes, [expected]);
}

#[test]
fn a_test_file_follows_the_training_file() {
    let folder = Folder::new();
    let config = DataConfig {
        test_path: Some(folder.file("test.csv", "extra,y,c,x\n?,b,w,7\n?,a,u,\n")),
        ..csv(&folder.file("train.csv", "x,c,y\n1,u,a\n2,v,b\n3,u,a\n"))
    };
    let dataset = load(&config).unwrap();
    assert_eq!(dataset.num_training_rows, Some(3));
    assert_eq!(*dataset.row(3), [7.0, 2.0], "category 2 of 2 is the unknown one");
    assert!(dataset.row(4)[0].is_nan());
    assert_eq!(class_counts(&dataset), [("a", 3), ("b", 2)]);
    let splits = split(&dataset, &DataConfig { validation_fraction: 0.0, ..config.clone() }, 0).unwrap();
    assert_eq!((splits.train.len(), &splits.test[..]), (3, &[3, 4][..]));

    for (test, expected) in [
        ("x,y\n1,a\n", "DIR/test.csv lacks columns that the model was trained with: c; it has x, y"),
        (
            "x,c,y\n1,u,a\n1,u,z\n",
            "DIR/test.csv:3: class `z` of target `y` is not in the training file, which has a, b",
        ),
        (
            "x,c,y\n1,u,a\nhuge,u,a\n",
            "DIR/test.csv:3: column `x` holds `huge`, and is numeric in the training file: correct it, or leave it empty if it is missing",
        ),
    ] {
        folder.file("test.csv", test);
        let error = load(&config).unwrap_err();
        assert_error(&folder, error, "data.test_path", expected);
    }
}

#[track_caller]
fn assert_error(folder: &Folder, error: Invalid, key: &str, message: &str) {
    let found = error.message.replace(folder.0.to_str().unwrap(), "DIR");
    assert_eq!((error.key.as_deref(), &found[..]), (Some(key), message));
    assert!(!found.contains('\n'));
}

#[test]
fn a_bad_csv_file_is_one_clear_line() {
    let many_classes: String = (0..1001).map(|i| format!("{i}.25,c{i}\n")).collect();
    let many_classes = format!("x,y\n{many_classes}");
    let counting: String = (0..30).map(|i| format!("{i},{}\n", i % 2)).collect();
    let counting = format!("x,y\n{counting}");
    let latin1 = b"x,c,y\n1,caf\xe9,0\n2,b,1\n";
    type Change = fn(&mut DataConfig);
    let same: Change = |_| {};
    let cases: Vec<(&[u8], Change, &str, &str)> = vec![
        (b"", same, "data.path", "DIR/a.csv is empty"),
        (b"\n\n", same, "data.path", "DIR/a.csv is empty"),
        (b"x,y\n", same, "data.path", "DIR/a.csv has a header line and no rows"),
        (
            b"x,y\n1,0\n1\n",
            same,
            "data.path",
            "DIR/a.csv:3: 1 cell, and the first line has 2: is it a title or a footer? Remove it, correct the line, or set data.skip_rows or data.delimiter",
        ),
        (
            b"x,y\r\n1,0\r\n1,2,3\r\n",
            same,
            "data.path",
            "DIR/a.csv:3: 3 cells, and the first line has 2: correct the line, or its quotes or data.delimiter",
        ),
        (
            b"x,x,y\n1,2,0\n",
            same,
            "data.path",
            "DIR/a.csv:1: columns 1 and 2 are both named `x`: name every column, each name once",
        ),
        (
            b"1,1,0\n1,2,0\n",
            same,
            "data.path",
            "DIR/a.csv:1: columns 1 and 2 are both named `1`: if the file has no header line, set data.header = false",
        ),
        (
            b"x,,y\n1,2,0\n",
            same,
            "data.path",
            "DIR/a.csv:1: column 2 has no name: name every column, each name once, or set data.drop = [\"\"]",
        ),
        (b"x,y\n1,0\n1,\0\n", same, "data.path", "DIR/a.csv:3: a NUL byte: this is not a CSV file in UTF-8"),
        (
            b"\xff\xfex\0,\0y\0\n\0\x00\xd8x\0",
            same,
            "data.path",
            "DIR/a.csv cannot be read: some bytes are not utf-16le: name its encoding in data.encoding",
        ),
        (
            b"\0\0\x08\x03",
            same,
            "data.path",
            "DIR/a.csv looks like an IDX file: set data.labels to the file of its labels",
        ),
        (
            latin1,
            |c| c.encoding = Some("utf-8".into()),
            "data.path",
            "DIR/a.csv:2: column `c` holds `caf\u{fffd}`, which is not UTF-8: correct it, or, if the file has another encoding, name it in data.encoding (\"utf-8\", \"windows-1252\", \"utf-16le\", \"gbk\", \"shift_jis\", \"big5\", ...)",
        ),
        (b"\x1f\x8b\x08garbage", same, "data.path", "DIR/a.csv cannot be read: invalid gzip header"),
        (
            b"x,y\n1,0\n2,1\n",
            |c| c.target = None,
            "data.path",
            "data.target is missing: name the column to predict, one of x, y",
        ),
        (
            b"x,price\n1,0\n2,1\n",
            |c| c.target = Some("Prise".into()),
            "data.target",
            "DIR/a.csv has no column `Prise`; did you mean `price`? It has x, price",
        ),
        (
            b"x,y\n1,0\n2,1\n",
            |c| c.drop = vec!["income".into()],
            "data.drop",
            "DIR/a.csv has no column `income`. It has x, y",
        ),
        (
            b"x,y\n1,0\n2,1\n",
            |c| c.numeric = vec!["z".into()],
            "data.numeric",
            "DIR/a.csv has no column `z`; did you mean `x`? It has x, y",
        ),
        (
            b"x,y\n1,0\n2,1\n",
            |c| c.categorical = vec!["y".into()],
            "data.categorical",
            "data.categorical names the target `y`: remove it there (data.task says how to read the target)",
        ),
        (
            b"x,y\n1,0\n2,1\n",
            |c| c.drop = vec!["x".into()],
            "data.path",
            "DIR/a.csv has no input column besides the target and data.drop",
        ),
        (
            b"x,y\n1,0\n2,0\n",
            same,
            "data.target",
            "target `y` is `0` in all 2 rows: there is nothing to learn, choose another target",
        ),
        (
            b"x,y\n1,.5\n2,.5\n",
            same,
            "data.target",
            "target `y` is 0.5 in all 2 rows: there is nothing to learn, choose another target",
        ),
        (b"x,y\n1,\n2,NA\n", same, "data.path", "DIR/a.csv has no row with a target: `y` is always missing"),
        (
            b"x,y\n1,2\n2,cheap\n",
            |c| c.task = Some(TaskKind::Regression),
            "data.target",
            "DIR/a.csv:3: target `y` is `cheap`, not a finite number: correct it, add it to data.missing, or set data.task = \"classification\"",
        ),
        (
            b"x,y\n1,2.5\n2,1e400\n",
            same,
            "data.target",
            "DIR/a.csv:3: target `y` is `1e400`, not a finite number: correct it, add it to data.missing, or set data.task = \"classification\"",
        ),
        (
            many_classes.as_bytes(),
            same,
            "data.target",
            "target `y` has more than 1000 classes: set data.task = \"regression\" if it is a number, or choose another target",
        ),
        (
            b"a,b,y\n1,,0\n1,,1\n",
            same,
            "data.path",
            "DIR/a.csv has no input column left: dropped `b`: no value in any row; dropped `a`: the same value in every row (keep with data.allow_constant = true)",
        ),
        (
            b"x,y\n1,0\ninf,1\n",
            same,
            "data.path",
            "DIR/a.csv:3: column `x` holds `inf`, not a finite number: correct it, or add it to data.missing",
        ),
        (
            b"x,y\n1,0\n1e400,1\n",
            |c| c.numeric = vec!["x".into()],
            "data.path",
            "DIR/a.csv:3: column `x` holds `1e400`, not a finite number: correct it, or add it to data.missing",
        ),
        (
            b"x,y\n1,0\nnan,1\n",
            |c| (c.missing, c.numeric) = (vec![], vec!["x".into()]),
            "data.path",
            "DIR/a.csv:3: column `x` holds `nan`, not a finite number: correct it, or add it to data.missing",
        ),
        (
            b"x,y\n1,0\nlow,1\n",
            |c| c.numeric = vec!["x".into()],
            "data.numeric",
            "DIR/a.csv:3: column `x` is in data.numeric and holds `low`: correct it, or add it to data.missing",
        ),
        (
            counting.as_bytes(),
            same,
            "data.path",
            "DIR/a.csv has no input column left: dropped `x`: it counts the rows from 0 to 29 (keep it with data.numeric)",
        ),
        (
            b"a,b,y\n1,2,0\n2,1,1\n",
            |c| c.image_shape = Some([2, 2].into()),
            "data.image_shape",
            "a.csv: an image of 2 x 2 has 4 pixels, and the data has 2 inputs",
        ),
        (
            b"a,b,y\n1,u,0\n2,v,1\n",
            |c| c.image_shape = Some([1, 2].into()),
            "data.image_shape",
            "an image has numeric columns only, and these hold text: b",
        ),
    ];
    let folder = Folder::new();
    for (bytes, change, key, message) in cases {
        let mut config = csv(&folder.file("a.csv", bytes));
        change(&mut config);
        match load(&config) {
            Err(error) => assert_error(&folder, error, key, message),
            Ok(dataset) => panic!("loaded {dataset:?} instead of: {message}"),
        }
    }
}

#[test]
fn a_file_that_is_not_there_is_named_in_full() {
    let config = csv(Path::new("not/here.csv"));
    let folder = std::env::current_dir().unwrap();
    let error = load(&config).unwrap_err();
    assert_eq!(error.message, format!("no file `not/here.csv`: there is no folder {}", folder.join("not").display()));
    let folder = Folder::new();
    let error = load(&csv(&folder.0)).unwrap_err();
    assert_error(
        &folder,
        error,
        "data.path",
        "DIR is a folder without PNG, JPEG or WebP images: data.path names a file, or a folder of images",
    );
}

#[test]
fn an_endless_row_is_refused() {
    let folder = Folder::new();
    let message = "a row of more than 16 MiB: is a quote left open, or is it not a CSV file?";
    let endless = "x".repeat(17 << 20);
    let unclosed = format!("x,y\n1,0\n1,\"{}", "0\n1,".repeat(5 << 20));
    for (text, line) in [(endless, 1), (unclosed, 3)] {
        // Gzipped: what counts is the size in memory, not that on disk.
        let error = load(&csv(&folder.file("a.csv", gzip(text.as_bytes())))).unwrap_err();
        assert_error(&folder, error, "data.path", &format!("DIR/a.csv:{line}: {message}"));
    }
}

#[test]
fn conflicting_and_out_of_range_keys_are_refused() {
    type Change = fn(&mut DataConfig);
    let no_source = "no data: set data.source to a shipped or generated set, or data.path to a file";
    let generated = format!("is for generated sets only ({}): remove it", names_where(|_| true).join(", "));
    let mut chosen = names_where(Source::has_chosen_classes);
    chosen.sort_unstable();
    let chosen = format!("data.num_classes is for {} only: remove it", chosen.join(" and "));
    let cases: Vec<(Change, &str, String)> = vec![
        (|c| c.source = None, "data", no_source.into()),
        (|c| c.path = Some("x".into()), "data.path", "data.source and data.path are both set: keep one".into()),
        (|c| c.noise = Some(0.1), "data.noise", format!("data.noise {generated}")),
        (|c| c.generator_seed = 3, "data.generator_seed", format!("data.generator_seed {generated}")),
        (|c| c.target = Some("x".into()), "data.target", "data.target is for files, and data.source is `iris`: remove it".into()),
        (|c| c.labels = Some("x".into()), "data.labels", "data.labels is for files, and data.source is `iris`: remove it".into()),
        (|c| (c.source, c.numeric) = (Some(Source::Moons), vec!["x1".into()]), "data.numeric", "data.numeric is for files, and data.source is `moons`: remove it".into()),
        (|c| (c.source, c.task) = (Some(Source::Moons), Some(TaskKind::Regression)), "data.task", "data.task = \"regression\" does not fit a generated set: its target is a class".into()),
        (|c| (c.source, c.num_classes) = (Some(Source::Moons), Some(3)), "data.num_classes", chosen),
        (|c| (c.source, c.num_classes) = (Some(Source::Blobs), Some(1)), "data.num_classes", "data.num_classes is 1: it must be from 2 to 1000".into()),
        (|c| (c.source, c.num_examples) = (Some(Source::Moons), Some(0)), "data.num_examples", "data.num_examples is 0: it must be from 1 to 10000000".into()),
        (|c| (c.source, c.noise) = (Some(Source::Moons), Some(-1.0)), "data.noise", "data.noise is -1: it must be from 0 to 1000000".into()),
        (|c| c.test_fraction = 1.0, "data.test_fraction", "data.test_fraction is 1: it must be at least 0 and below 1".into()),
        (|c| c.validation_fraction = f64::NAN, "data.validation_fraction", "data.validation_fraction is NaN: it must be at least 0 and below 1".into()),
        (|c| c.max_categories = 0, "data.max_categories", "data.max_categories is 0: it must be at least 1".into()),
        (|c| c.drop = vec!["z".into()], "data.drop", "iris has no column `z`. It has sepal_length_(cm), sepal_width_(cm), petal_length_(cm), petal_width_(cm), target".into()),
        (|c| (c.drop, c.numeric) = (vec!["z".into()], vec!["z".into()]), "data.drop", "column `z` is in both data.drop and data.numeric: keep one".into()),
        (|c| (c.source, c.path, c.delimiter) = (None, Some("x".into()), Some('é')), "data.delimiter", "data.delimiter is 'é': it must be one ASCII character other than a quote or line end".into()),
        (|c| (c.source, c.path, c.labels, c.target) = (None, Some("x".into()), Some("l".into()), Some("y".into())), "data.target", "data.target is for CSV files, and data.labels says that data.path is an IDX file: remove one of the two".into()),
        (|c| (c.source, c.path, c.test_labels) = (None, Some("x".into()), Some("l".into())), "data.test_labels", "data.test_labels needs data.test_path, the images that it labels".into()),
        (|c| (c.source, c.path, c.labels, c.test_path) = (None, Some("x".into()), Some("l".into()), Some("t".into())), "data.test_path", "data.test_path needs data.test_labels, the IDX labels of its images".into()),
    ];
    for (change, key, message) in cases {
        let mut config = of(Source::Iris);
        change(&mut config);
        let error = load(&config).unwrap_err();
        assert_eq!((error.key.as_deref(), error.message), (Some(key), message));
    }
}

#[test]
fn the_section_is_strict_and_its_defaults_come_back() {
    let config: DataConfig = serde_json::from_str("{}").unwrap();
    assert_eq!(config, DataConfig::default());
    let text = serde_json::to_string(&config).unwrap();
    assert!(!text.contains("null,") && !text.contains("num_examples"), "{text}");
    assert_eq!(serde_json::from_str::<DataConfig>(&text).unwrap(), config);
    let words = r#"{"source": "breast_cancer", "scale": "min_max", "task": "regression"}"#;
    let config: DataConfig = serde_json::from_str(words).unwrap();
    assert_eq!((config.source, config.scale), (Some(Source::BreastCancer), Scale::MinMax));
    let error = serde_json::from_str::<DataConfig>(r#"{"sauce": "iris"}"#).unwrap_err();
    assert!(error.to_string().starts_with("unknown field `sauce`"), "{error}");
    let schema = serde_json::to_string(&schemars::schema_for!(DataConfig)).unwrap();
    assert!(schema.contains("default 0.15"));
}

#[test]
fn a_class_without_any_row_is_refused_by_the_split() {
    let config = DataConfig { num_examples: Some(1), ..of(Source::Moons) };
    let error = split(&load(&config).unwrap(), &DataConfig { validation_fraction: 0.0, ..config }, 0).unwrap_err();
    assert_eq!(
        error.message,
        "class `1` has no row in the training part: get more such rows, or leave the class out (data.classes names those to \
         keep)"
    );
}

// --- IDX

fn idx(magic: u32, sizes: &[u32], cells: &[u8]) -> Vec<u8> {
    let header = [magic].into_iter().chain(sizes.iter().copied());
    header.flat_map(u32::to_be_bytes).chain(cells.iter().copied()).collect()
}

fn idx_config(folder: &Folder, images: &[u8], labels: &[u8]) -> DataConfig {
    DataConfig {
        path: Some(folder.file("images", images)),
        labels: Some(folder.file("labels", labels)),
        ..DataConfig::default()
    }
}

#[test]
fn idx_files_load_plain_and_gzipped() {
    let folder = Folder::new();
    let images = idx(0x803, &[3, 1, 2], &[0, 51, 102, 153, 204, 255]);
    let labels = idx(0x801, &[3], &[7, 3, 7]);
    let plain = load(&idx_config(&folder, &images, &labels)).unwrap();
    assert_eq!(plain.cells.to_floats(), [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    assert_eq!(plain.image_shape, Some([1, 2].into()));
    assert_eq!(names(&plain), ["pixel_0_0", "pixel_0_1"]);
    assert_eq!(class_counts(&plain), [("3", 1), ("7", 2)]);
    let gzipped = load(&idx_config(&folder, &gzip(&images), &gzip(&labels))).unwrap();
    assert_eq!(gzipped, plain);

    let floats: Vec<u8> = [1.5f32, -2.0].into_iter().flat_map(f32::to_be_bytes).collect();
    let rows = idx(0xd02, &[2, 1], &floats);
    let dataset = load(&idx_config(&folder, &rows, &idx(0x801, &[2], &[0, 1]))).unwrap();
    assert_eq!((dataset.cells.to_floats(), dataset.image_shape), (vec![1.5, -2.0], None));

    let mut config = idx_config(&folder, &images, &labels);
    config.test_path = Some(folder.file("t", idx(0x803, &[1, 1, 2], &[255, 0])));
    config.test_labels = Some(folder.file("tl", idx(0x801, &[1], &[3])));
    let dataset = load(&config).unwrap();
    assert_eq!((dataset.num_training_rows, &*dataset.row(3)), (Some(3), &[1.0, 0.0][..]));
    folder.file("tl", idx(0x801, &[1], &[4]));
    let message = "DIR/tl: item 0 has label 4, which is not in the training file; it has 3, 7";
    assert_error(&folder, load(&config).unwrap_err(), "data.test_labels", message);
}

#[test]
fn a_bad_idx_file_is_one_clear_line() {
    let folder = Folder::new();
    let images = idx(0x803, &[2, 1, 1], &[1, 2]);
    let labels = idx(0x801, &[2], &[0, 1]);
    let huge = idx(0x803, &[u32::MAX, 1, 1], &[1]);
    for (images, labels, key, message) in [
        (
            &images[..],
            &idx(0x801, &[3], &[0, 1, 2])[..],
            "data.labels",
            "DIR/labels has 3 labels, and DIR/images has 2 items",
        ),
        (
            &images,
            &images,
            "data.labels",
            "DIR/labels does not hold labels: an IDX file of labels starts with 0x00000801",
        ),
        (
            &images,
            &idx(0x801, &[2], &[5, 5]),
            "data.labels",
            "DIR/labels holds label 5 only: there is nothing to learn",
        ),
        (b"", &labels, "data.path", "DIR/images is too short to be an IDX file, or damaged"),
        (&images[..9], &labels, "data.path", "DIR/images is too short to be an IDX file, or damaged"),
        (
            b"PNG is not IDX",
            &labels,
            "data.path",
            "DIR/images is not an IDX file of bytes or floats: it starts with 0x504e4720 (0x00000803 for images, 0x00000801 for labels)",
        ),
        (
            &images[..17],
            &labels,
            "data.path",
            "DIR/images is too short for the 2 x 1 x 1 cells that its header promises",
        ),
        (
            &huge,
            &labels,
            "data.path",
            "DIR/images is too short for the 4294967295 x 1 x 1 cells that its header promises",
        ),
        (
            &gzip(&huge),
            &labels,
            "data.path",
            "DIR/images is too short for the 4294967295 x 1 x 1 cells that its header promises",
        ),
        (
            &idx(0x803, &[u32::MAX; 3], &[1]),
            &labels,
            "data.path",
            "DIR/images claims 4294967295 x 4294967295 x 4294967295 cells in its header: it is damaged",
        ),
        (&idx(0x803, &[0, 28, 28], &[]), &labels, "data.path", "DIR/images holds no data: its header says 0 x 28 x 28"),
        (
            &idx(0x803, &[2, 1, 1], &[1, 2, 3]),
            &labels,
            "data.path",
            "DIR/images is longer than its header says: it is damaged",
        ),
        (&gzip(&images[..17]), &labels, "data.path", "DIR/images ends 2 bytes before its header says"),
        (
            &idx(0x804, &[2, 1, 1, 1], &[1, 2]),
            &labels,
            "data.path",
            "DIR/images has 4 dimensions: images have 3 (or 2, a row of inputs each)",
        ),
        (
            &idx(0xd02, &[1, 1], &f32::NAN.to_be_bytes()),
            &labels,
            "data.path",
            "DIR/images holds NaN: every cell must be a finite number",
        ),
    ] {
        let error = load(&idx_config(&folder, images, labels)).unwrap_err();
        assert_error(&folder, error, key, message);
    }
}

// --- split

#[test]
fn splits_have_the_counts_of_scikit_learn() {
    for (source, [train, validation, test], of_test) in [
        (Source::Iris, [89, 16, 45], vec![15, 15, 15]),
        (Source::Wine, [105, 19, 54], vec![18, 21, 15]),
        (Source::BreastCancer, [338, 60, 171], vec![64, 107]),
        (Source::Digits, [1068, 189, 540], vec![54, 55, 53, 55, 54, 55, 54, 54, 52, 54]),
    ] {
        let (dataset, splits) = split_of(&of(source), 42);
        let sizes = [&splits.train, &splits.validation, &splits.test].map(|rows| rows.len());
        assert_eq!(sizes, [train, validation, test], "{source:?}");
        let Target::Classes { labels, names } = &dataset.target else { panic!() };
        let mut counts = vec![0i32; names.len()];
        splits.test.iter().for_each(|&row| counts[labels[row as usize] as usize] += 1);
        // scikit-learn breaks ties of remainders by chance, so a class may differ by one.
        let differs = counts.iter().zip(&of_test).any(|(a, b)| (a - b).abs() > 1);
        assert!(!differs, "{source:?} {counts:?}");
    }
}

fn split_of(config: &DataConfig, seed: u64) -> (Dataset, Splits) {
    let dataset = load(config).unwrap();
    let splits = split(&dataset, config, seed).unwrap();
    (dataset, splits)
}

#[test]
fn a_split_is_a_partition_that_depends_on_its_seed_only() {
    for stratify in [true, false] {
        for source in [Source::Wine, Source::Diabetes] {
            let config = DataConfig { stratify, ..of(source) };
            let (dataset, splits) = split_of(&config, 1);
            let mut rows = [&splits.train[..], &splits.validation, &splits.test].concat();
            assert!(!rows.is_sorted());
            rows.sort_unstable();
            assert_eq!(rows, (0..dataset.num_rows() as u32).collect::<Vec<_>>());
            assert_eq!(split_of(&config, 1).1, splits);
            assert_ne!(split_of(&config, 2).1, splits);
            let fixed = DataConfig { split_seed: Some(1), ..config.clone() };
            assert_eq!(split_of(&fixed, 2).1, splits);
            let other = DataConfig { validation_fraction: 0.4, ..config };
            assert_eq!(split_of(&other, 1).1.test, splits.test, "the test part stays");
        }
    }
}

#[test]
fn rare_classes_stay_in_training() {
    let folder = Folder::new();
    let rows: String = (0..20).map(|i| format!("{},{}\n", i * i, ["a", "b"][i % 2])).collect();
    let config = csv(&folder.file("a.csv", format!("x,y\n{rows}1,rare\n2,pair\n3,pair\n")));
    for seed in 0..20 {
        let (dataset, splits) = split_of(&config, seed);
        let Target::Classes { labels, .. } = &dataset.target else { panic!() };
        for class in 0..4 {
            assert!(splits.train.iter().any(|&row| labels[row as usize] == class));
        }
        assert_eq!(splits.test.len(), 7);
    }
}

#[test]
fn fractions_that_leave_nothing_are_refused() {
    let folder = Folder::new();
    let config = csv(&folder.file("a.csv", "x,y\n1,a\n2,b\n"));
    let error = split(&load(&config).unwrap(), &config, 0).unwrap_err();
    let message = "data.validation_fraction leaves no validation row of 2: raise it, or get more data";
    assert_error(&folder, error, "data.validation_fraction", message);
    let config = csv(&folder.file("a.csv", "x,y\n1,1.5\n2,2.5\n"));
    let config = DataConfig { validation_fraction: 0.9, ..config };
    let error = split(&load(&config).unwrap(), &config, 0).unwrap_err();
    let message = "data.validation_fraction leaves no training row of 1: lower it, or get more data";
    assert_error(&folder, error, "data.validation_fraction", message);
    let config = DataConfig { test_fraction: 0.9, ..config };
    let error = split(&load(&config).unwrap(), &config, 0).unwrap_err();
    let message = "data.test_fraction leaves no training row of 2: lower it, or get more data";
    assert_error(&folder, error, "data.test_fraction", message);
    let config = csv(&folder.file("a.csv", "x,y\n1,a\n2,b\n3,b\n4,b\n"));
    let config = DataConfig { stratify: false, validation_fraction: 0.0, ..config };
    let dataset = load(&config).unwrap();
    let errors = (0..20).filter_map(|seed| split(&dataset, &config, seed).err());
    let error = errors.into_iter().next().unwrap();
    let message =
        "class `a` has 1 row, and it is not in the training part: set data.stratify = true, or get more such rows";
    assert_error(&folder, error, "data.stratify", message);
}

// --- preprocessor

fn numeric(preprocessor: &Preprocessor, column: usize) -> [f64; 3] {
    match preprocessor.columns()[column].kind {
        PreparedKind::Numeric { median, center, spread, .. } => [median, center, spread],
        _ => panic!("column {column} is not numeric"),
    }
}

#[test]
fn scaling_agrees_with_scikit_learn() {
    for (source, scale, column, [center, spread]) in [
        (Source::Iris, Scale::Standard, 0, [5.843333333333335, 0.8253012917851409]),
        (Source::BreastCancer, Scale::Standard, 3, [654.8891036906857, 351.6047540632298]),
        (Source::Digits, Scale::Standard, 0, [0.0, 1.0]),
        (Source::Digits, Scale::Standard, 2, [5.204785754034502, 4.7535031654762925]),
        (Source::Iris, Scale::Robust, 2, [4.35, 3.5]),
        (Source::Wine, Scale::Robust, 2, [2.36, 0.3475]),
        (Source::Digits, Scale::Robust, 2, [4.0, 8.0]),
        (Source::Iris, Scale::MinMax, 0, [4.3, 3.6]),
        (Source::Iris, Scale::None, 0, [0.0, 1.0]),
    ] {
        let config = DataConfig { scale, ..of(source) };
        let dataset = load(&config).unwrap();
        let all: Vec<u32> = (0..dataset.num_rows() as u32).collect();
        let preprocessor = Preprocessor::fit(&dataset, &all, &config).unwrap();
        let found = numeric(&preprocessor, column);
        assert_close(&found[1..], &[center, spread], 1e-5);
    }
    let dataset = load(&of(Source::Iris)).unwrap();
    let all: Vec<u32> = (0..150).collect();
    let preprocessor = Preprocessor::fit(&dataset, &all, &of(Source::Iris)).unwrap();
    let examples = preprocessor.transform(&dataset, &all);
    let first: Vec<f64> = examples.inputs[..4].iter().map(|&input| f64::from(input)).collect();
    let expected = [-0.9006811702978099, 1.0190043519716065, -1.3402265266227635, -1.3154442950077407];
    assert_close(&first, &expected, 1e-6);
    assert_eq!((examples.len(), examples.num_inputs), (150, 4));
    assert_eq!(examples.targets[149], 2.0);
}

#[test]
fn inputs_that_are_the_cells_themselves_are_not_copied() {
    let folder = Folder::new();
    let text = "a,b,y\n1,10,0\n2,20,1\n3,30,0\n4,40,1\n";
    let plain = DataConfig { scale: Scale::None, ..csv(&folder.file("a.csv", text)) };
    let share = |config: &DataConfig| {
        let dataset = Arc::new(load(config).unwrap());
        let preprocessor = Preprocessor::fit(&dataset, &[0, 1, 2, 3], config).unwrap();
        let (shared, copied) = (preprocessor.share(&dataset, [2, 0]), preprocessor.transform(&dataset, &[2, 0]));
        assert_eq!(shared.gather(0..2), copied.inputs);
        assert_eq!(
            (shared.input(1), shared.targets(), &shared.rows),
            (copied.input(1), copied.targets(), &copied.rows)
        );
        shared.encoder.is_some()
    };
    assert!(share(&plain));
    // Scaled, with a gap, with a category.
    assert!(!share(&DataConfig { scale: Scale::Standard, ..plain.clone() }));
    let of = |text| DataConfig { scale: Scale::None, ..csv(&folder.file("b.csv", text)) };
    assert!(!share(&of("a,b,y\n1,10,0\n2,20,1\n,30,0\n4,40,1\n")));
    assert!(!share(&of("a,b,y\nu,10,0\nv,20,1\nu,30,0\nv,40,1\n")));
}

#[test]
fn the_median_stands_for_missing_cells() {
    let folder = Folder::new();
    let text = "x,y\n1,0\n2,1\n4,0\n8,1\n16,0\n32,1\n5,0\n,1\n";
    let config = csv(&folder.file("a.csv", text));
    let dataset = load(&config).unwrap();
    let all: Vec<u32> = (0..8).collect();
    let preprocessor = Preprocessor::fit(&dataset, &all, &config).unwrap();
    let expected = [5.0, 9.714285714285714, 10.208040048542768];
    assert_close(&numeric(&preprocessor, 0), &expected, 1e-12);
    let inputs = preprocessor.transform(&dataset, &[6, 7]).inputs;
    assert_eq!(inputs[0], inputs[1]);
    // numpy: quartiles 3 and 12.
    let robust = DataConfig { scale: Scale::Robust, ..config };
    let preprocessor = Preprocessor::fit(&dataset, &all, &robust).unwrap();
    assert_eq!(numeric(&preprocessor, 0), [5.0, 5.0, 9.0]);
    // Both quartiles 0: half the range.
    let text = "x,y\n0,0\n0,1\n0,0\n0,1\n0,0\n0,1\n8,0\n-2,1\n";
    let robust = DataConfig { path: Some(folder.file("zeros.csv", text)), ..robust };
    let preprocessor = Preprocessor::fit(&load(&robust).unwrap(), &all, &robust).unwrap();
    assert_eq!(numeric(&preprocessor, 0), [0.0, 0.0, 5.0]);
}

#[test]
fn categories_become_an_input_each() {
    let folder = Folder::new();
    let text = "c,x,y\nu,1,0\nv,2,1\nu,3,0\nw,4,1\n,5,0\nv,6,1\n";
    let config = csv(&folder.file("a.csv", text));
    let dataset = load(&config).unwrap();
    let fit = |rows: &[u32], config: &DataConfig| {
        let preprocessor = Preprocessor::fit(&dataset, rows, config).unwrap();
        let names = preprocessor.input_names();
        assert_eq!(names.len(), preprocessor.num_inputs());
        let examples = preprocessor.transform(&dataset, &[0, 1, 2, 3, 4, 5]);
        let rows = examples.inputs.chunks(preprocessor.num_inputs());
        let ones = rows.map(|row| row[..names.len() - 1].iter().position(|&input| input == 1.0));
        (names[..names.len() - 1].join(" "), ones.collect::<Vec<_>>())
    };
    let [u, v] = [Some(0), Some(1)];
    assert_eq!(fit(&[0, 1, 2, 3, 4, 5], &config), ("c=u c=v c=w c=unknown".into(), vec![u, v, u, Some(2), Some(3), v]));
    // Nothing unknown in training: the unseen and the missing are all zeros.
    assert_eq!(fit(&[0, 1, 2, 5], &config), ("c=u c=v".into(), vec![u, v, u, None, None, v]));
    let two = DataConfig { max_categories: 2, ..config };
    assert_eq!(fit(&[0, 1, 2, 3, 5], &two), ("c=u c=v c=unknown".into(), vec![u, v, u, Some(2), Some(2), v]));
}

#[test]
fn only_training_rows_are_learned_from() {
    let folder = Folder::new();
    let text = "c,x,y\nu,1,1.5\nv,2,2\nu,3,4\nw,4,8\n,5,16\nv,6,32\n";
    let config = csv(&folder.file("a.csv", text));
    let mut dataset = load(&config).unwrap();
    let before = Preprocessor::fit(&dataset, &[0, 1, 2], &config).unwrap();
    let mut values = dataset.cells.to_floats();
    values[6..].fill(f32::NAN);
    dataset.cells = Matrix::of_floats(2, values);
    let Target::Numbers(numbers) = &mut dataset.target else { panic!() };
    numbers[3..].fill(1e9);
    assert_eq!(Preprocessor::fit(&dataset, &[0, 1, 2], &config).unwrap(), before);
}

#[test]
fn number_targets_are_standardized_and_come_back() {
    let folder = Folder::new();
    let config = csv(&folder.file("a.csv", "x,y\n1,10.5\n2,20.5\n3,30.5\n4,10.5\n"));
    let dataset = load(&config).unwrap();
    let preprocessor = Preprocessor::fit(&dataset, &[0, 1, 2], &config).unwrap();
    let examples = preprocessor.transform(&dataset, &[0, 1, 2]);
    let deviation = (200.0f64 / 3.0).sqrt();
    let targets: Vec<f64> = examples.targets.iter().map(|&target| f64::from(target)).collect();
    assert_close(&targets, &[-10.0 / deviation, 0.0, 10.0 / deviation], 1e-6);
    let unit = preprocessor.units()[0];
    assert_close(&[unit.scale], &[deviation], 1e-9);
    assert_close(&[unit.number(examples.targets[2])], &[30.5], 1e-5);
    assert_eq!((preprocessor.task(), preprocessor.class_names().len()), (Task::Regression, 0));
    let error = Preprocessor::fit(&dataset, &[0, 3], &config).unwrap_err();
    assert_error(&folder, error, "data.target", "constant target: `y` is 10.5 in all 2 training rows");
}

#[test]
fn a_preparation_survives_json() {
    let folder = Folder::new();
    let titanic = DataConfig { target: Some("Survived".into()), ..csv(&folder.file("t.csv", TITANIC)) };
    for config in [titanic, of(Source::Diabetes), of(Source::Digits)] {
        let dataset = load(&config).unwrap();
        let all: Vec<u32> = (0..dataset.num_rows() as u32).collect();
        let preprocessor = Preprocessor::fit(&dataset, &all, &config).unwrap();
        let json = serde_json::to_string_pretty(&preprocessor).unwrap();
        let read: Preprocessor = serde_json::from_str(&json).unwrap();
        assert_eq!(read, preprocessor);
        let newer = json.replace("\"version\": 3", "\"version\": 9");
        let error = serde_json::from_str::<Preprocessor>(&newer).unwrap_err();
        assert!(error.to_string().starts_with("unsupported version (got 9, supports 8)"), "{error}");
        // With bins it is one that older programs refuse, since they would scale the numbers instead.
        let config = DataConfig { bins: 3, ..config };
        if config.source != Some(Source::Digits) {
            let preprocessor = Preprocessor::fit(&dataset, &all, &config).unwrap();
            let json = serde_json::to_string_pretty(&preprocessor).unwrap();
            assert!(json.contains("\"version\": 4") && json.contains("\"edges\""), "{json}");
            assert_eq!(serde_json::from_str::<Preprocessor>(&json).unwrap(), preprocessor);
        }
    }
}

#[test]
fn transform_matches_another_file_by_name() {
    let folder = Folder::new();
    let config = csv(&folder.file("a.csv", "c,x,y\nu,1,no\nv,2,yes\nw,3,no\n"));
    let dataset = load(&config).unwrap();
    let preprocessor = Preprocessor::fit(&dataset, &[0, 1, 2], &config).unwrap();
    let here = preprocessor.transform(&dataset, &[0, 1]);
    let other = load(&csv(&folder.file("b.csv", "x,y,c\n1,no,u\n2,yes,v\n1,maybe,z\n"))).unwrap();
    let there = preprocessor.transform(&other, &[0, 1]);
    assert_eq!((&here.inputs, &here.targets), (&there.inputs, &there.targets));
    assert!(preprocessor.transform(&other, &[2]).targets[0].is_nan());
}

/// As the network takes the rows of a later file.
fn read_again(preprocessor: &Preprocessor, path: &Path, config: &DataConfig) -> (Vec<f32>, Vec<f32>) {
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    let read = NewRows::new(path, preprocessor, config, true, &[]).open().unwrap().for_each_block(|block| {
        inputs.extend(block.examples.inputs);
        targets.extend(block.examples.targets);
        Ok::<_, Invalid>(())
    });
    read.unwrap();
    (inputs, targets)
}

#[test]
fn numbers_kept_of_a_column_of_texts_stay_texts() {
    let folder = Folder::new();
    let rows = "1.0,1.0\n2.0,2.0\n1.0,2.0\n2.0,1.0\nx,1.0\n1.0,old\n2.0,old\n";
    let config = DataConfig {
        classes: vec!["1.0".into(), "2.0".into()],
        max_categories: 2,
        ..csv(&folder.file("a.csv", format!("c,y\n{rows}")))
    };
    let dataset = load(&config).unwrap();
    let preprocessor = Preprocessor::fit(&dataset, &[0, 1, 2, 3, 4], &config).unwrap();
    assert_eq!(preprocessor.input_names(), ["c=1.0", "c=2.0", "c=unknown"]);
    let here = preprocessor.transform(&dataset, &[0, 1, 2, 3, 4]);
    let kept = folder.file("b.csv", "c,y\n1.0,1.0\n2.0,2.0\n1.0,2.0\n2.0,1.0\nx,1.0\n");
    assert_eq!(read_again(&preprocessor, &kept, &config), (here.inputs, here.targets));
}

#[test]
fn description_and_fingerprint_follow_the_data() {
    let folder = Folder::new();
    let path = folder.file("a.csv", "c,x,y\nu,1,no\nv,,yes\nu,3,no\n");
    let dataset = load(&csv(&path)).unwrap();
    assert_eq!(
        dataset.describe(),
        [
            "a.csv: 3 rows, 2 inputs",
            "c: 2 categories (u, v)",
            "x: numeric, 1 to 3, 1 missing",
            "target `y`: 2 classes (no 2, yes 1)",
        ]
    );
    let mut other = dataset.clone();
    other.name = "b.csv".into();
    assert_eq!(other.fingerprint(), dataset.fingerprint());
    let mut values = other.cells.to_floats();
    values[1] = 2.0;
    other.cells = Matrix::of_floats(2, values);
    assert_ne!(other.fingerprint(), dataset.fingerprint());
    assert_eq!(dataset.fingerprint().len(), 64);
}

// --- garbage

#[test]
fn garbage_never_panics() {
    let folder = Folder::new();
    let mut random = ChaCha8Rng::seed_from_u64(7);
    let pieces: [&[u8]; 20] = [
        b"x",
        b"y",
        b",",
        b",",
        b",",
        b";",
        b"\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"\"",
        b"1",
        b"0",
        b"-1e39",
        b"nan",
        b"a",
        b"\xff",
        b"\0",
        b" ",
        b"\xef\xbb\xbf",
    ];
    for round in 0..3000 {
        let mut csv_bytes = if round % 2 == 0 { b"x,c,y\n".to_vec() } else { Vec::new() };
        for _ in 0..random.random_range(0..40) {
            csv_bytes.extend_from_slice(pieces.choose(&mut random).unwrap());
        }
        let mut config = csv(&folder.file("a.csv", &csv_bytes));
        if round % 3 == 0 {
            config.test_path = config.path.clone();
        }
        config.allow_constant = round % 5 == 0;
        try_all(&config, &folder.0.join("rewritten.csv"));

        let sizes: [u32; 3] = std::array::from_fn(|_| random.random_range(0..3));
        let mut images = idx(0x800 + random.random_range(0..5), &sizes, &[]);
        images.extend((0..random.random_range(0..9)).map(|_| random.random::<u8>()));
        let mut labels = idx(0x801, &sizes[..1], &[]);
        labels.extend((0..random.random_range(0..3)).map(|_| random.random::<u8>()));
        for bytes in [&mut images, &mut labels] {
            if random.random_bool(0.3) && !bytes.is_empty() {
                let i = random.random_range(0..bytes.len());
                bytes[i] = random.random();
            }
            if random.random_bool(0.2) {
                *bytes = gzip(bytes);
                bytes.truncate(random.random_range(0..=bytes.len()));
            }
        }
        try_all(&idx_config(&folder, &images, &labels), &folder.0.join("rewritten.csv"));
    }
}
