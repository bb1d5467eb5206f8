//! Cells as people and their programs write them: each is read rightly and said, or refused with its place.
//!
//! Expected values are worked out by hand from the file. Where pandas' `read_csv` is named, version 3.1 reads the same with these
//! options.

use std::path::{Path, PathBuf};

use burnlab::data::{ColumnKind, DataConfig, Dataset, NewRows, Preprocessor, Reading, Target, TaskKind, load};
use burnlab::invalid::Invalid;

use crate::place::{Place, text};

/// A folder of its own for a test's files.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(crate::place::folder())
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A config for a CSV file of these bytes whose target is `y`.
    fn csv(&self, bytes: impl AsRef<[u8]>) -> DataConfig {
        DataConfig { path: Some(self.write("a.csv", bytes)), target: Some("y".into()), ..DataConfig::default() }
    }

    /// The error, with the folder left out.
    #[track_caller]
    fn refused(&self, config: &DataConfig) -> String {
        match load(config) {
            Ok(dataset) => panic!("loaded {:?} with notes {:?}", dataset.columns, dataset.notes),
            Err(error) => error.message.replace(self.0.path().to_str().unwrap(), "DIR"),
        }
    }
}

/// Rows `cell(i)` and the target i % 2, below `header`.
fn rows(header: &str, count: usize, cell: impl Fn(usize) -> String) -> String {
    let rows: String = (0..count).map(|i| format!("{}\n", cell(i))).collect();
    format!("{header}\n{rows}")
}

fn names(dataset: &Dataset) -> Vec<&str> {
    dataset.columns.iter().map(|column| &column.name[..]).collect()
}

fn column(dataset: &Dataset, name: &str) -> Vec<f32> {
    let position = dataset.columns.iter().position(|column| column.name == name).unwrap();
    (0..dataset.num_rows()).map(|row| dataset.row(row)[position]).collect()
}

fn categories<'a>(dataset: &'a Dataset, name: &str) -> Vec<&'a str> {
    match &dataset.columns.iter().find(|column| column.name == name).unwrap().kind {
        ColumnKind::Categorical { categories } => categories.iter().map(String::as_str).collect(),
        ColumnKind::Numeric | ColumnKind::Text { .. } => panic!("{name} has no categories"),
    }
}

fn classes(dataset: &Dataset) -> Vec<(&str, usize)> {
    let Target::Classes { names, labels } = &dataset.target else { panic!("not classes: {:?}", dataset.target) };
    let count = |class: usize| labels.iter().filter(|&&label| label as usize == class).count();
    names.iter().enumerate().map(|(class, name)| (&name[..], count(class))).collect()
}

fn numbers(dataset: &Dataset) -> &[f64] {
    let Target::Numbers(numbers) = &dataset.target else { panic!("not numbers: {:?}", dataset.target) };
    numbers
}

/// The inputs and targets of a later file, after the preprocessor was saved and read again.
fn later(dataset: &Dataset, config: &DataConfig, path: &Path) -> Result<(Vec<f32>, Vec<f32>), Invalid> {
    let all: Vec<u32> = (0..dataset.num_rows() as u32).collect();
    let fitted = Preprocessor::fit(dataset, &all, config).unwrap();
    let saved: Preprocessor = serde_json::from_str(&serde_json::to_string(&fitted).unwrap()).unwrap();
    let (mut inputs, mut targets) = (Vec::new(), Vec::new());
    NewRows::new(path, &saved, config, true, &[]).open()?.for_each_block(|block| {
        inputs.extend(block.examples.inputs);
        targets.extend(block.examples.targets);
        Ok::<_, Invalid>(())
    })?;
    Ok((inputs, targets))
}

/// A later file with the same rows is read as the training file was.
#[track_caller]
fn assert_followed(dataset: &Dataset, config: &DataConfig, path: &Path) {
    let all: Vec<u32> = (0..dataset.num_rows() as u32).collect();
    let fitted = Preprocessor::fit(dataset, &all, config).unwrap();
    let here = fitted.transform(dataset, &all);
    assert_eq!(later(dataset, config, path).unwrap(), (here.inputs, here.targets));
    // As does what burnlab itself writes of it.
    let mut text = Vec::new();
    dataset.write_rows(&all, &mut text).unwrap();
    let written = path.with_extension("written");
    std::fs::write(&written, text).unwrap();
    let of_written = fitted.for_written_rows();
    let mut inputs = Vec::new();
    let rows = NewRows::new(&written, &of_written, &DataConfig::of_written_rows(), true, &[]).open().map(|open| {
        open.for_each_block(|block| {
            inputs.extend(block.examples.inputs);
            Ok::<_, Invalid>(())
        })
        .unwrap();
    });
    rows.unwrap();
    assert_eq!(inputs, fitted.transform(dataset, &all).inputs);
}

// --- numbers

#[test]
fn decimal_commas_are_numbers() {
    // pandas: read_csv(sep=";", decimal=",").
    let files = Files::new();
    let config = files.csv("flaeche;region;y\n16,19;nord;33,74\n-18,28;süd;33,88\n1,87;nord;6,72\n");
    let dataset = load(&config).unwrap();
    assert_eq!(column(&dataset, "flaeche"), [16.19, -18.28, 1.87]);
    assert_eq!(numbers(&dataset), [33.74, 33.88, 6.72]);
    assert_eq!(
        dataset.notes,
        ["numbers in `flaeche`, `y`: decimal comma: `16,19` is 16.19"],
        "one line for both columns"
    );
    assert_followed(&dataset, &config, config.path.as_deref().unwrap());
}

#[test]
fn commas_and_dots_between_thousands_are_left_out() {
    // pandas: read_csv(thousands=",").
    let files = Files::new();
    let config = files.csv("sales,y\n\"5,750\",\"12,477.4\"\n\"570\",\"1,170.9\"\n\"2,367\",\"5,426.6\"\n");
    let dataset = load(&config).unwrap();
    assert_eq!(column(&dataset, "sales"), [5750.0, 570.0, 2367.0]);
    assert_eq!(numbers(&dataset), [12477.4, 1170.9, 5426.6]);
    assert!(dataset.notes[0].contains("`5,750` is 5750"), "{:?}", dataset.notes);
    assert_followed(&dataset, &config, config.path.as_deref().unwrap());
    // Without a cell that tells, the delimiter does, unless the config does.
    let semicolons = "sales;y\n5,750;1\n570;0\n2,367;1\n";
    assert_eq!(column(&load(&files.csv(semicolons)).unwrap(), "sales"), [5.75, 570.0, 2.367]);
    let config = DataConfig { decimal: Some('.'), ..files.csv(semicolons) };
    assert_eq!(column(&load(&config).unwrap(), "sales"), [5750.0, 570.0, 2367.0]);
    // `1.234.567` tells that the dots of `1.234` are no decimal points.
    let dots = files.csv("sales;y\n1.234.567;1\n994;0\n1.234;1\n");
    assert_eq!(column(&load(&dots).unwrap(), "sales"), [1_234_567.0, 994.0, 1234.0]);
}

#[test]
fn dots_that_look_as_if_between_thousands_are_asked_about() {
    let files = Files::new();
    let text = "sales;y\n1.234;1\n994;0\n2.345;1\n570;0\n";
    assert_eq!(
        files.refused(&files.csv(text)),
        "DIR/a.csv:2: column `sales` holds `1.234` beside `994`: is the dot between thousands, or a decimal point? Set \
         data.decimal = \",\" or \".\""
    );
    let read = |decimal| column(&load(&DataConfig { decimal: Some(decimal), ..files.csv(text) }).unwrap(), "sales");
    assert_eq!(read(','), [1234.0, 994.0, 2345.0, 570.0]);
    assert_eq!(read('.'), [1.234, 994.0, 2.345, 570.0]);
}

#[test]
fn currencies_and_percent_signs_are_left_out() {
    let files = Files::new();
    let config = files.csv("price,discount,y\n\"$1,638.57\",10%,a\n$80.55,15%,b\n\"$759.51\",0%,a\n");
    let dataset = load(&config).unwrap();
    assert_eq!(column(&dataset, "price"), [1638.57, 80.55, 759.51]);
    assert_eq!(column(&dataset, "discount"), [10.0, 15.0, 0.0]);
    assert_eq!(
        dataset.notes,
        [
            "numbers in `price`: a comma between thousands, `$` left out: `$1,638.57` is 1638.57",
            "numbers in `discount`: `%` left out: `10%` is 10",
        ]
    );
    assert_followed(&dataset, &config, config.path.as_deref().unwrap());
    let target = files.csv(rows("x,y", 40, |i| format!("{},\"${}\"", i * i, 1000 + 37 * i)));
    assert_eq!(numbers(&load(&target).unwrap())[..3], [1000.0, 1037.0, 1074.0]);
    // 45 % and 0.4 are not the same kind of number, nor are dollars and euros.
    let mixed =
        files.csv(rows("x,y", 40, |i| format!("{},{}", if i == 7 { "0.4".into() } else { format!("{i}.5%") }, i % 2)));
    assert_eq!(
        files.refused(&mixed),
        "DIR/a.csv:9: column `x` holds `0.4`, another way to write a number, and 39 of its 40 cells are numbers (`%` left \
         out): correct it, add it to data.missing if it means missing, or name the column in data.categorical"
    );
    let mixed = files.csv(rows("x,y", 40, |i| format!("{}{i}.25,{}", if i == 7 { "€" } else { "$" }, i % 2)));
    assert!(files.refused(&mixed).starts_with("DIR/a.csv:9: column `x` holds `€7.25`, another way to write a number"));
}

#[test]
fn other_minus_signs_digits_and_spaces_are_those_of_numbers() {
    let files = Files::new();
    let text = "a,b,y\n\u{2212}0.48,(1.23),0\n\u{ff11}\u{ff0e}\u{ff15},1\u{a0}234,1\n0.5,7,0\n";
    let config = files.csv(text);
    let dataset = load(&config).unwrap();
    assert_eq!(column(&dataset, "a"), [-0.48, 1.5, 0.5]);
    assert_eq!(column(&dataset, "b"), [-1.23, 1234.0, 7.0]);
    assert_followed(&dataset, &config, config.path.as_deref().unwrap());
    // A later file may have them where the training file had not.
    let plain = files.csv("a,b,y\n-0.48,-1,0\n1.5,2,1\n0.5,7,0\n");
    let dataset = load(&plain).unwrap();
    let new = files.write("new.csv", "a,b,y\n\u{2212}0.48,\u{2212}1,0\n");
    assert_eq!(
        later(&dataset, &plain, &new).unwrap().0,
        later(&dataset, &plain, plain.path.as_deref().unwrap()).unwrap().0[..2]
    );
    // But no decimal comma: it may be one between thousands.
    let new = files.write("new.csv", "a,b,y\n\"1,5\",1,0\n");
    let error = later(&dataset, &plain, &new).unwrap_err().message;
    assert!(error.contains("new.csv:2: column `a` holds `1,5`, and is numeric in the training file"), "{error}");
}

#[test]
fn units_are_left_out_where_all_cells_have_the_same() {
    let files = Files::new();
    let config = files.csv(rows("weight,size,y", 40, |i| format!("{} kg,{}.5cm,{}", 50 + i, i * i, i % 2)));
    let dataset = load(&config).unwrap();
    assert_eq!(column(&dataset, "weight")[..3], [50.0, 51.0, 52.0]);
    assert_eq!(column(&dataset, "size")[..3], [0.5, 1.5, 4.5]);
    assert_eq!(
        dataset.notes,
        ["numbers in `weight`: `kg` left out: `50 kg` is 50", "numbers in `size`: `cm` left out: `0.5cm` is 0.5"]
    );
    assert_followed(&dataset, &config, config.path.as_deref().unwrap());
    let error = later(&dataset, &config, &files.write("new.csv", "weight,size,y\n51000 g,1.5cm,0\n")).unwrap_err();
    assert!(
        error.message.contains(
            "new.csv:2: column `weight` holds `51000 g`, and has numbers with `kg` left out in the training file"
        ),
        "{error}"
    );
    let target = files.csv(rows("x,y", 40, |i| format!("{i}.5,{}.25 km/h", 100 + i)));
    assert_eq!(numbers(&load(&target).unwrap())[..2], [100.25, 101.25]);
    let mixed = files.csv(rows("x,y", 40, |i| {
        if i % 3 == 1 { format!("{} g,{}", 500 + i, i % 2) } else { format!("{i} kg,{}", i % 2) }
    }));
    assert_eq!(
        files.refused(&mixed),
        "DIR/a.csv:3: column `x` holds `501 g`, and most of its cells are in `kg`: write all in one unit, or name the column in \
         data.categorical"
    );
    // A few sizes that come again and again are names.
    let sizes = files.csv(rows("x,z,y", 60, |i| format!("{},{i}.5,{}", ["128GB", "256GB", "1TB"][i % 3], i % 2)));
    assert_eq!(categories(&load(&sizes).unwrap(), "x"), ["128GB", "1TB", "256GB"]);
    for cells in [["12a", "14a", "7a"], ["1st", "2nd", "3rd"], ["10th", "HS", "BSc"]] {
        let names = files.csv(rows("x,z,y", 60, |i| format!("{},{i}.5,{}", cells[i % 3], i % 2)));
        assert_eq!(categories(&load(&names).unwrap(), "x").len(), 3);
    }
}

#[test]
fn plain_numbers_that_may_be_something_else_are_asked_about() {
    let files = Files::new();
    let notes = |cell: fn(usize) -> String| {
        load(&files.csv(rows("x,z,y", 60, |i| format!("{},{i}.5,{}", cell(i), i % 2)))).unwrap().notes
    };
    assert_eq!(
        notes(|i| format!("{:05}", 900 + 37 * i * i % 9000)),
        ["numbers in `x`: some begin with 0, as codes do (data.categorical reads them as names): `00900` is 900"]
    );
    assert_eq!(
        notes(|i| format!("2024{:02}{:02}", i % 12 + 1, i % 28 + 1)),
        ["numbers in `x`: they look like dates (data.date reads them as dates): `20240101`"]
    );
    assert_eq!(
        notes(|i| if i % 9 == 4 { "-999".to_owned() } else { format!("{}.5", i * i % 30) }),
        [
            "numbers in `x`: -999 is far from the others; if it means missing, add \"-999\" to data.missing: in 7 of the first 60 \
             cells, and 0.5 to 25.5 otherwise"
        ]
    );
    let zips =
        load(&files.csv(rows("zip_code,y", 60, |i| format!("{},{}", 10_000 + 997 * i * i % 80_000, i % 2)))).unwrap();
    assert_eq!(
        zips.notes,
        ["numbers in `zip_code`: named like codes, and read as numbers (data.categorical reads them as names)"]
    );
    let notes_of_dates = |odd: &'static str| {
        let date = |i: usize| if i % 9 == 4 { odd.to_owned() } else { format!("2024-{:02}-10", i % 12 + 1) };
        load(&files.csv(rows("d,y", 60, |i| format!("{},{}", date(i), i % 2)))).unwrap().notes[1..].to_vec()
    };
    assert_eq!(
        notes_of_dates("9999-12-31"),
        ["`d` is 9999-12-31 in 7 of 60 cells, and 2024-01-10 to 2024-12-10 in the others: if it means missing, add \
             \"9999-12-31\" to data.missing"]
    );
    assert_eq!(notes_of_dates("1900-01-01").len(), 1);
    assert_eq!(notes_of_dates("2024-12-31"), [""; 0]);
    let cities = load(&files.csv(rows("city,y", 600, |i| format!("c{},{}", i % 150, i % 2)))).unwrap();
    // What becomes of rare categories is told once the training rows are known.
    assert_eq!(cities.notes, [""; 0]);
    for plain in [
        (|i| format!("{}", i * i % 100)) as fn(usize) -> String,
        |i| format!("{}", 10_000_000 + 97 * i * i % 90_000),
        |i| format!("0.{i:02}"),
        |i| format!("{}", if i % 9 == 4 { 99 } else { i * i % 90 }),
    ] {
        assert_eq!(notes(plain), [""; 0]);
    }
}

#[test]
fn quotes_after_a_blank_and_names_with_invisible_characters_are_read() {
    let files = Files::new();
    let plain =
        load(&files.csv(rows("a,b,y", 40, |i| format!("{i}.5,{}.25,{}", i * i, ["no", "yes"][i % 2])))).unwrap();
    let blank = rows("a, \"b\", y", 40, |i| format!("{i}.5, \"{}.25\", \"{}\"", i * i, ["no", "yes"][i % 2]));
    let marked = rows("a\u{200b},\u{feff}b,y", 40, |i| format!("{i}.5,{}.25,{}", i * i, ["no", "yes"][i % 2]));
    for text in [blank, marked] {
        let config = files.csv(text);
        let dataset = load(&config).unwrap();
        assert_eq!((dataset.fingerprint(), &dataset.notes[..]), (plain.fingerprint(), &[][..]));
        assert_followed(&dataset, &config, config.path.as_deref().unwrap());
    }
    // Quotes of the standard are part of what they quote.
    let inner = load(&files.csv(rows("c,x,y", 40, |i| format!("\"\"\"{}\"\"\",{i}.5,{}", i % 3, i % 2)))).unwrap();
    assert_eq!(categories(&inner, "c"), ["\"0\"", "\"1\"", "\"2\""]);
}

#[test]
fn the_formulas_by_which_excel_keeps_zeros_are_not_part_of_the_cell() {
    let files = Files::new();
    let plain = files.csv(rows("c,x,y", 40, |i| format!("{:03},{i}.5,{}", i % 7, i % 2)));
    let plain = load(&DataConfig { categorical: vec!["c".into()], ..plain }).unwrap();
    for quoted in ["=\"{}\"", "\"=\"\"{}\"\"\""] {
        let cell = |i: usize| quoted.replace("{}", &format!("{:03}", i % 7));
        let config = files.csv(rows("c,x,y", 40, |i| format!("{},{i}.5,{}", cell(i), i % 2)));
        let config = DataConfig { categorical: vec!["c".into()], ..config };
        let dataset = load(&config).unwrap();
        assert_eq!(categories(&dataset, "c")[1], "001");
        assert_eq!(dataset.fingerprint(), plain.fingerprint());
        assert_followed(&dataset, &config, config.path.as_deref().unwrap());
    }
}

// --- odd cells

#[test]
fn a_few_odd_cells_among_numbers_are_an_error_at_the_first() {
    let files = Files::new();
    for (odd, every) in [("low", 40), ("缺失", 9), ("#DIV/0!", 9)] {
        let text =
            rows("x,y", 300, |i| format!("{},{}", if i % every == 3 { odd.into() } else { format!("{i}.5") }, i % 2));
        let message = files.refused(&files.csv(&text));
        assert!(message.starts_with(&format!("DIR/a.csv:5: column `x` holds `{odd}`, no number, and 2")), "{message}");
        let config = DataConfig { missing: vec![odd.into()], ..files.csv(&text) };
        assert!(column(&load(&config).unwrap(), "x")[3].is_nan());
        let config = DataConfig { categorical: vec!["x".into()], ..files.csv(&text) };
        assert!(categories(&load(&config).unwrap(), "x").contains(&odd));
    }
    // A number as others write it is odd, too.
    let text =
        rows("x,y", 100, |i| format!("{},{}", if i == 50 { "\"50,5\"".into() } else { format!("{i}.5") }, i % 2));
    let message = files.refused(&files.csv(&text));
    assert!(message.starts_with("DIR/a.csv:52: column `x` holds `50,5`, another way to write a number"), "{message}");
}

#[test]
fn names_among_which_are_numbers_stay_names_and_it_is_said() {
    let files = Files::new();
    let text = rows("x,z,y", 60, |i| format!("{},{i}.5,{}", ["0", "1", "2", "3+"][i % 4], i % 2));
    let dataset = load(&files.csv(&text)).unwrap();
    assert_eq!(categories(&dataset, "x"), ["0", "1", "2", "3+"]);
    assert_eq!(
        dataset.notes,
        [
            "read `x` as text, since line 5 holds `3+`, though 45 of its 60 cells are numbers (if that means missing, add it \
             to data.missing)"
        ]
    );
}

#[test]
fn the_words_of_pandas_mean_missing_and_dashes_do_among_numbers() {
    // `NaT` and the dashes are none of pandas' words.
    let files = Files::new();
    for word in ["", "NA", "None", "n/a", "#N/A", "<NA>", "NaN", "null", "NULL", "NaT", "-", "--", "."] {
        let text = rows("x,y", 30, |i| format!("{},{}", if i == 3 { word.into() } else { format!("{i}.5") }, i % 2));
        let config = files.csv(&text);
        let dataset = load(&config).unwrap();
        let found = column(&dataset, "x");
        assert!(found[3].is_nan() && found[4] == 4.5, "{word}");
        assert_followed(&dataset, &config, config.path.as_deref().unwrap());
    }
    let dash = rows("x,y", 30, |i| format!("{},{}", if i % 3 == 0 { "-".into() } else { format!("{i}.5") }, i % 2));
    assert_eq!(load(&files.csv(&dash)).unwrap().notes, ["numbers in `x`: `-` means missing, 10 times"]);
    // Among names a dash is a name.
    let blood = rows("x,z,y", 30, |i| format!("{},{i}.5,{}", ["+", "-"][i % 2], i % 2));
    assert_eq!(categories(&load(&files.csv(&blood)).unwrap(), "x"), ["+", "-"]);
}

#[test]
fn a_class_na_that_is_taken_for_missing_is_named() {
    let files = Files::new();
    let text = rows("x,y", 30, |i| format!("{i}.5,{}", ["EU", "NA", "AS"][i % 3]));
    let config = files.csv(&text);
    let dataset = load(&config).unwrap();
    assert_eq!(classes(&dataset), [("AS", 10), ("EU", 10)]);
    let path = config.path.as_ref().unwrap().display();
    assert_eq!(
        dataset.notes,
        [format!(
            "left out 10 of 30 rows of {path}: `y` is missing there (`NA` counts as missing; data.missing = [] reads it)"
        )]
    );
    let config = DataConfig { missing: Vec::new(), ..config };
    assert_eq!(classes(&load(&config).unwrap()), [("AS", 10), ("EU", 10), ("NA", 10)]);
}

// --- lines and columns that are no data

#[test]
fn what_stands_above_the_header_is_skipped_and_said() {
    let files = Files::new();
    let plain = load(&files.csv("a,b,y\n-0.48,0.21,0\n0.30,0.91,1\n1.09,-0.84,1\n")).unwrap();
    for (text, note) in [
        (
            "sep=;\r\na;b;y\r\n-0.48;0.21;0\r\n0.30;0.91;1\r\n1.09;-0.84;1\r\n",
            "the first line, `sep=;`, names the delimiter",
        ),
        (
            "Export of 2024-05-01\na,b,y\n-0.48,0.21,0\n0.30,0.91,1\n1.09,-0.84,1\n",
            "skipped above the header: `Export of 2024-05-01` (data.skip_rows = 0 reads it)",
        ),
        (
            "# made by tool 1.2\n# units: cm\na,b,y\n-0.48,0.21,0\n0.30,0.91,1\n1.09,-0.84,1\n",
            "skipped 2 comment lines above the header, which begin with `#`",
        ),
    ] {
        let config = files.csv(text);
        let dataset = load(&config).unwrap();
        assert_eq!((dataset.fingerprint(), &dataset.notes[..]), (plain.fingerprint(), &[note.to_owned()][..]));
        assert_followed(&dataset, &config, config.path.as_deref().unwrap());
    }
    let config = files.csv("1990,1991\na,b,y\n-0.48,0.21,0\n% a remark\n0.30,0.91,1\n1.09,-0.84,1\n");
    let config = DataConfig { skip_rows: Some(1), comment: Some('%'), ..config };
    assert_eq!(load(&config).unwrap().fingerprint(), plain.fingerprint());
    // Lines are counted in the file, not below the title.
    let config = files.csv("A title\na,b,y\n1,2,0\n3,x,1\n");
    let config = DataConfig { numeric: vec!["b".into()], ..config };
    assert!(files.refused(&config).starts_with("DIR/a.csv:4: column `b` is in data.numeric and holds `x`"));
}

#[test]
fn columns_without_a_name_are_dropped_and_said() {
    let files = Files::new();
    let plain = load(&files.csv("a,b,y\n-0.48,0.21,0\n0.30,0.91,1\n1.09,-0.84,1\n")).unwrap();
    for (text, note) in [
        (
            ",a,b,y\n0,-0.48,0.21,0\n1,0.30,0.91,1\n2,1.09,-0.84,1\n",
            "dropped the first column, which has no name: an index, as pandas writes it; name it to use it",
        ),
        (
            "a,b,y,\n-0.48,0.21,0,\n0.30,0.91,1,\n1.09,-0.84,1,\n",
            "dropped column 4, which has neither a name nor a cell",
        ),
        ("a,b,y\n-0.48,0.21,0,\n0.30,0.91,1,\n1.09,-0.84,1,\n", ""),
    ] {
        let config = files.csv(text);
        for config in [config.clone(), DataConfig { drop: vec![String::new()], ..config }] {
            if note.is_empty() && !config.drop.is_empty() {
                continue;
            }
            let dataset = load(&config).unwrap();
            assert_eq!((names(&dataset), dataset.fingerprint()), (vec!["a", "b"], plain.fingerprint()), "{text}");
            assert_eq!(dataset.notes.concat(), note);
            assert_followed(&dataset, &config, config.path.as_deref().unwrap());
        }
    }
    let text = rows("a,y,", 300, |i| format!("{i}.5,{},{}", i % 2, if i == 250 { "x" } else { "" }));
    assert_eq!(
        files.refused(&files.csv(&text)),
        "DIR/a.csv:252: column 3 has no name and holds `x`: name it, or set data.drop = [\"\"]"
    );
}

#[test]
fn a_footer_or_an_open_quote_is_named_where_it_stands() {
    let files = Files::new();
    let footer = rows("a,b,y", 30, |i| format!("{i}.5,{}.25,{}", i * i, i % 2)) + "Total: 30 rows\n";
    assert!(
        files
            .refused(&files.csv(&footer))
            .starts_with("DIR/a.csv:32: 1 cell, and the first line has 3: is it a title or a footer?")
    );
    let footer = rows("a,b,y", 30, |i| format!("{i}.5,{}.25,{}", i * i, i % 2)) + "Total,30.5,1\n";
    assert!(files.refused(&files.csv(&footer)).starts_with("DIR/a.csv:32: column `a` holds `Total`, no number"));
    // The quote opens in line 12 and is closed by that of line 42.
    let quote = rows("t,x,y", 60, |i| match i {
        10 => format!("\"open,{i}.5,0"),
        40 => format!("close\",{i}.5,1"),
        _ => format!("word,{i}.5,{}", i % 2),
    });
    assert_eq!(
        files.refused(&files.csv(&quote)),
        "DIR/a.csv:12: column 1 begins with a quote (`\"open,10.5,0`) that is closed only 30 lines later, so that rows are \
         swallowed: close it, or remove it"
    );
    // Cells of several lines are cells.
    let letters = rows("t,x,y", 40, |i| format!("\"Dear all,\nline two\nyours, {}\",{i}.5,{}", i % 3, i % 2));
    assert_eq!(categories(&load(&files.csv(&letters)).unwrap(), "t").len(), 3);
}

#[test]
fn the_header_of_an_appended_file_is_no_row() {
    let files = Files::new();
    let once = rows("c,x,y", 30, |i| format!("{},{i}.5,{}", ["red", "blue"][i % 2], ["no", "yes"][i % 3 % 2]));
    for mark in ["", "\u{feff}"] {
        assert_eq!(
            files.refused(&files.csv(format!("{once}{mark}{once}"))),
            "DIR/a.csv:32: the header again: is another file appended here? Remove the line"
        );
    }
    // Without a header there, its mark is no part of a name.
    let appended = format!("{once}\u{feff}{}", once.split_once('\n').unwrap().1);
    let dataset = load(&files.csv(appended)).unwrap();
    assert_eq!((categories(&dataset, "c"), dataset.num_rows()), (vec!["blue", "red"], 60));
    // A line of units below the names.
    let units = once.replacen('\n', "\n-,cm,-\n", 1);
    let message = files.refused(&files.csv(units));
    assert!(message.starts_with("DIR/a.csv:2: column `x` holds `cm`, no number") && message.contains("to the header"));
}

#[test]
fn cells_aligned_by_spaces_are_read() {
    let files = Files::new();
    // pandas: read_csv(sep=r"\s+").
    let plain = load(&files.csv("a,b,y\n-1.22,0.38,no\n0.99,-0.51,yes\n10.5,1,no\n")).unwrap();
    for text in [
        "a      b     y\n -1.22   0.38 no\n  0.99  -0.51 yes\n 10.5    1    no\n",
        "a b y\n-1.22 0.38 no\n0.99 -0.51 yes\n10.5 1 no\n",
        "a\t  b y\r\n-1.22 \"0.38\"\tno\r\n0.99 -0.51 yes  \r\n10.5 1 no\r\n",
    ] {
        let config = files.csv(text);
        for config in [config.clone(), DataConfig { delimiter: Some(' '), ..config }] {
            let dataset = load(&config).unwrap();
            assert_eq!(dataset.fingerprint(), plain.fingerprint(), "{text}");
            assert!(dataset.notes.concat().contains("runs of spaces separate the cells") || config.delimiter.is_some());
            assert_followed(&dataset, &config, config.path.as_deref().unwrap());
        }
    }
    let other = files.refused(&files.csv("a~b~y\n1~2~0\n2~1~1\n"));
    assert!(other.ends_with("It has a~b~y alone: if another character separates the cells, set data.delimiter"));
}

#[test]
fn quotes_and_delimiters_are_those_with_which_the_rows_fit() {
    let files = Files::new();
    let cell = |i: usize| ["a, b", "c, d"][i % 2];
    let plain = load(&files.csv(rows("t,x,y", 30, |i| format!("\"{}\",{i}.5,{}", cell(i), i % 2)))).unwrap();
    let single = load(&files.csv(rows("t,x,y", 30, |i| format!("'{}',{i}.5,{}", cell(i), i % 2)))).unwrap();
    assert_eq!(single.fingerprint(), plain.fingerprint());
    let escaped = rows("t,x,y", 30, |i| format!("\"he said \\\"hi, {}\\\" ok\",{i}.5,{}", i % 3, i % 2));
    assert_eq!(categories(&load(&files.csv(&escaped)).unwrap(), "t")[0], "he said \"hi, 0\" ok");
    // pandas: read_csv(sep=";", decimal=",") has these three columns; by commas there would be four.
    let text = rows("Größe, cm;Gewicht, kg;Preis, EUR", 30, |i| format!("{i},5;{},25;{},75", i * i, 3 * i));
    let config = DataConfig { target: Some("Preis, EUR".into()), ..files.csv(&text) };
    let dataset = load(&config).unwrap();
    assert_eq!((names(&dataset), numbers(&dataset)[2]), (vec!["Größe, cm", "Gewicht, kg"], 6.75));
    let config = DataConfig { target: Some("EUR".into()), ..config };
    assert_eq!(
        files.refused(&config),
        "DIR/a.csv has no column `EUR`. It has `Größe, cm`, `Gewicht, kg`, `Preis, EUR`"
    );
}

#[test]
fn columns_in_another_letter_case_are_named() {
    let files = Files::new();
    let config = files.csv("Age,y\n1,0\n2,1\n3,1\n");
    let dataset = load(&config).unwrap();
    let error = later(&dataset, &config, &files.write("new.csv", "age,y\n1,0\n")).unwrap_err();
    assert!(
        error.message.ends_with(
            "new.csv lacks columns that the model was trained with: Age; it has `age` for `Age`: rename them"
        ),
        "{error}"
    );
}

// --- encodings

#[test]
fn encodings_are_recognised_and_followed() {
    let files = Files::new();
    let german = rows("stadt,größe,y", 40, |i| format!("{},{i}.5,{}", ["München", "Köln", "Bonn"][i % 3], i % 2));
    let expected = load(&files.csv(&german)).unwrap();
    let latin: Vec<u8> = german.chars().map(|char| u8::try_from(u32::from(char)).unwrap()).collect();
    let utf_16: Vec<u8> = "\u{feff}".encode_utf16().chain(german.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    for (bytes, note) in [
        (&latin[..], "the file is not UTF-8: read as windows-1252 (data.encoding)"),
        (&utf_16[..], ""),
        (&utf_16[2..], "the file is not UTF-8: read as utf-16le (data.encoding)"),
        (&[b"\xef\xbb\xbf", german.as_bytes()].concat()[..], ""),
    ] {
        let config = files.csv(bytes);
        let dataset = load(&config).unwrap();
        assert_eq!((dataset.fingerprint(), &dataset.notes.concat()[..]), (expected.fingerprint(), note));
        assert_followed(&dataset, &config, config.path.as_deref().unwrap());
    }
    // Too short to tell, but training told: ISO 8859-5 here, where 0xbc is a letter.
    let config = DataConfig { encoding: Some("iso-8859-5".into()), ..files.csv(b"c,x,y\n\xbc,1,0\n\xbd,2,1\nz,3,1\n") };
    assert_eq!(categories(&load(&config).unwrap(), "c"), ["z", "М", "Н"]);
    let config = DataConfig { encoding: Some("klingon".into()), ..config };
    assert!(files.refused(&config).starts_with("data.encoding is \"klingon\": it must be the name of an encoding"));
}

// --- dates

#[test]
fn dates_are_numbers_and_parts_of_the_calendar() {
    let files = Files::new();
    // Every third day from 2022-01-01, a Saturday.
    let date = |i: usize| jiff_date(3 * i as i32);
    let config = files.csv(rows("date,x,y", 300, |i| format!("{},{i}.5,{}.25", date(i), i * i)));
    let dataset = load(&config).unwrap();
    assert_eq!(
        names(&dataset),
        [
            "date [days]",
            "date [month sine]",
            "date [month cosine]",
            "date [weekday sine]",
            "date [weekday cosine]",
            "x"
        ]
    );
    assert_eq!(column(&dataset, "date [days]")[..3], [0.0, 3.0, 6.0]);
    // Saturday is day 5 of a week from Monday: the sine of 5/7 of a circle, by hand.
    assert!((column(&dataset, "date [weekday sine]")[0] - -0.974_927_9).abs() < 1e-6);
    assert_eq!(column(&dataset, "date [month cosine]")[0], 1.0);
    assert_eq!(
        dataset.notes,
        [
            "read `date` as dates, 2022-01-01 to 2024-06-16: used as days since the first, and month and weekday as sine and \
             cosine (data.drop leaves it out, data.categorical reads it as names)"
        ]
    );
    assert_followed(&dataset, &config, config.path.as_deref().unwrap());
    // Nothing tells whether a later file has the day or the month first.
    let error = later(&dataset, &config, &files.write("new.csv", "date,x,y\n03/04/2024,1,2.5\n")).unwrap_err();
    assert!(error.message.contains("new.csv:2: column `date` holds `03/04/2024`"), "{error}");
    let dotted = later(&dataset, &config, &files.write("new.csv", "date,x,y\n4.1.2022,1,2.5\n")).unwrap().0;
    let iso = later(&dataset, &config, &files.write("new.csv", "date,x,y\n2022-01-04,1,2.5\n")).unwrap().0;
    assert_eq!(dotted, iso);
    let dropped = DataConfig { drop: vec!["date".into()], ..config.clone() };
    assert_eq!(names(&load(&dropped).unwrap()), ["x"]);
    let error = later(&dataset, &config, &files.write("new.csv", "date,x,y\nsoon,1,2.5\n")).unwrap_err();
    assert!(
        error.message.contains(
            "new.csv:2: column `date` holds `soon`, and has dates that can be read in one way only, such as 2024-01-31, in \
             the training file"
        ),
        "{error}"
    );
}

fn jiff_date(days: i32) -> String {
    (jiff::civil::date(2022, 1, 1) + jiff::Span::new().days(days)).to_string()
}

#[test]
fn local_dates_are_read_where_they_can_only_mean_one_day() {
    let files = Files::new();
    let of = |cells: [&str; 4]| {
        let text = rows("d,y", 40, |i| format!("\"{}\",{}", cells[i % 4], i % 2));
        files.csv(&text)
    };
    let days = |config: &DataConfig| column(&load(config).unwrap(), "d [days]")[..4].to_vec();
    assert_eq!(days(&of(["13/01/2024", "01/02/2024", "03/02/2024", ""]))[..3], [0.0, 19.0, 21.0]);
    assert_eq!(days(&of(["01/13/2024", "02/01/2024", "02/03/2024", ""]))[..3], [0.0, 19.0, 21.0]);
    assert_eq!(days(&of(["01.02.2024", "03.02.2024", "04.02.2024", "-"]))[..3], [0.0, 2.0, 3.0]);
    assert_eq!(days(&of(["Jan 5, 2024", "Jan 6, 2024", "Feb 1, 2024", "Feb 1, 2024"])), [0.0, 1.0, 27.0, 27.0]);
    assert_eq!(days(&of(["2024-01-05 06:00", "2024-01-05T18:00", "2024-01-06", "2024-01-06"])), [0.0, 0.5, 0.75, 0.75]);
    let ambiguous = of(["01/02/2024", "03/02/2024", "04/02/2024", "05/02/2024"]);
    assert_eq!(
        files.refused(&ambiguous),
        "DIR/a.csv:2: column `d` holds `01/02/2024`, which may be the day or the month first, and no cell tells: set \
         data.day_first = true or false, or name the column in data.categorical or data.drop"
    );
    let day_first = DataConfig { day_first: Some(true), ..ambiguous.clone() };
    assert_eq!(days(&day_first), [0.0, 2.0, 3.0, 4.0]);
    let odd = of(["2024-01-05", "2024-01-06", "2024-01-07", "soon"]);
    assert!(
        files
            .refused(&odd)
            .starts_with("DIR/a.csv:5: column `d` holds `soon`, no date, and 30 of its 40 cells are dates")
    );
    let digits = DataConfig { date: vec!["d".into()], ..of(["20240105", "20240106", "20240107", "20240107"]) };
    assert_eq!(days(&digits), [0.0, 1.0, 2.0, 2.0]);
}

#[test]
fn times_of_day_are_places_on_a_circle() {
    let files = Files::new();
    let config = files.csv(rows("t,x,y", 48, |i| format!("{:02}:{}0,{i}.5,{}", i % 24, i % 2 * 3, i % 2)));
    let dataset = load(&config).unwrap();
    assert_eq!(names(&dataset), ["t [hour sine]", "t [hour cosine]", "x"]);
    // 06:00 is a quarter of the circle, 12:00 a half.
    let (sine, cosine) = (column(&dataset, "t [hour sine]"), column(&dataset, "t [hour cosine]"));
    assert!((sine[6] - 1.0).abs() < 1e-6 && cosine[6].abs() < 1e-6 && (cosine[12] + 1.0).abs() < 1e-6);
    assert_eq!(
        dataset.notes,
        [
            "read `t` as times of day, 00:00:00 to 23:30:00: used as sine and cosine of the hour (data.drop leaves it out, \
             data.categorical reads it as names)"
        ]
    );
    assert_followed(&dataset, &config, config.path.as_deref().unwrap());
    let clock =
        load(&files.csv(rows("t,x,y", 40, |i| format!("{}:15 {},{i}.5,{}", i % 12 + 1, ["am", "PM"][i % 2], i % 2))));
    assert_eq!(names(&clock.unwrap()).len(), 3);
    // A time is no date, and a score is no time.
    let dates = files.csv(rows("t,x,y", 40, |i| format!("2024-01-{:02} 08:00,{i}.5,{}", i % 28 + 1, i % 2)));
    let dataset = load(&dates).unwrap();
    let error = later(&dataset, &dates, &files.write("new.csv", "t,x,y\n08:30,1,0\n")).unwrap_err().message;
    assert!(error.contains("new.csv:2: column `t` holds `08:30`, and has dates that can be read"), "{error}");
    let mixed =
        files.csv(rows("t,x,y", 40, |i| format!("{}08:00,{i}.5,{}", if i == 7 { "" } else { "2024-01-02 " }, i % 2)));
    assert!(
        files.refused(&mixed).starts_with("DIR/a.csv:9: column `t` holds `08:00`, a time without a date, and most")
    );
    let scores = files.csv(rows("t,x,y", 60, |i| format!("{}:{},{i}.5,{}", i % 3, i % 2, i % 2)));
    assert_eq!(categories(&load(&scores).unwrap(), "t").len(), 6);
}

/// The lines that burnlab prints on standard error.
fn told(place: &Place, arguments: &[&str]) -> String {
    text(&place.run(arguments).stderr)
}

#[test]
fn dates_beyond_those_of_training_are_told_as_dates() {
    let place = Place::new();
    let day = |i: usize| jiff_date(7 * i as i32);
    place.write(
        "data.csv",
        &rows("sold,epoch,x,y", 104, |i| format!("{},{},{i}.5,{}.25", day(i), 1_700_000_000 + (i * 7) % 41, i * i)),
    );
    place.write("c.toml", "seed = 1\n[data]\npath = \"data.csv\"\ntarget = \"y\"\n[training]\nmax_epochs = 2\n");
    let output = place.run(&["--config", "c.toml", "-q"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let shown = text(&place.run(&["config", "check", "c.toml"]).stdout);
    assert!(shown.contains("note: each row has its time, `sold`, and the test rows are drawn from between"), "{shown}");
    // Two years of weeks from 2022-01-01: those of training begin and end in some week near the ends.
    place.write("new.csv", "sold,epoch,x\n2022-06-01,1700000005,1\n2024-03-01,1700000005,2\n2024-07-01,1800000000,3\n");
    let lines = told(&place, &["predict", "c", "new.csv"]);
    let dates = "note: sold: 2 of 3 dates outside those of training (2024-03-01 to 2024-07-01); training had 2022-0";
    assert!(lines.contains(dates) && lines.contains("what the network says beyond is a guess"), "{lines}");
    assert!(lines.contains("note: epoch: 1 of 3 numbers far outside (1800000000); training had 17000000"), "{lines}");
    assert!(!place.run(&["predict", "c", "new.csv", "--strict"]).status.success());
}

#[test]
fn paths_of_other_places_are_named() {
    let place = Place::new();
    place.write("data.csv", "a,b,y1,y2\n1,2,0,1\n2,1,1,0\n");
    let refused = |data: &str| {
        place.write("c.toml", &format!("[data]\n{data}\n"));
        told(&place, &["config", "check", "c.toml"]).lines().next().unwrap().to_owned()
    };
    for (path, why) in [
        ("https://example.org/a.csv", "addresses are not fetched; download it, as by `curl -LO`, and name the file"),
        ("~/a.csv", "only a shell replaces `~`; write the whole path: "),
        ("$DATA/a.csv", "only a shell replaces variables; write the whole path"),
    ] {
        let found = refused(&format!("path = \"{path}\"\ntarget = \"y1\""));
        assert!(found.contains(&format!("data.path: no file `{path}`: {why}")), "{found}");
    }
}

#[test]
fn a_column_to_keep_may_hold_commas() {
    let place = Place::new();
    place.write("data.csv", &rows("id,\"size, cm\",x,y", 40, |i| format!("n{i},{}.5,{i}.25,{}", i * i, i % 2)));
    place.write("c.toml", "[data]\npath = \"data.csv\"\ntarget = \"y\"\n[training]\nmax_epochs = 2\n");
    assert!(place.run(&["--config", "c.toml", "-q"]).status.success());
    let header = |arguments: &[&str]| {
        let output = place.run(&[&["predict", "c", "data.csv"], arguments].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout).lines().next().unwrap().to_owned()
    };
    assert!(header(&["--keep", "size, cm"]).starts_with("row,\"size, cm\",predicted"));
    assert!(header(&["--keep", "id,\"size, cm\""]).starts_with("row,id,\"size, cm\",predicted"));
    assert!(header(&["--keep", "id", "--keep", "size, cm"]).starts_with("row,id,\"size, cm\",predicted"));
    assert!(header(&["--keep", "id,x"]).starts_with("row,id,x,predicted"));
    // Where the runs are may be said before the verb, what is trained may not.
    std::fs::rename(place.path("artifacts"), place.path("elsewhere")).unwrap();
    assert!(place.run(&["--artifacts", "elsewhere", "predict", "c", "data.csv"]).status.success());
    assert!(place.run(&["predict", "c", "data.csv", "--artifacts", "elsewhere"]).status.success());
    let output = place.run(&["--seeds", "3", "predict", "c", "data.csv"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("the argument '--seeds <N>' cannot be used with 'predict'"));
}

#[test]
fn what_an_exported_model_cannot_read_is_in_its_card() {
    let place = Place::new();
    place.write(
        "data.csv",
        &rows("weight,at,member,y", 40, |i| {
            format!("{} kg,{:02}:30,{},{}", 50 + i * i % 30, i % 24, ["True", "False"][i % 3 % 2], i % 2)
        }),
    );
    place.write("c.toml", "[data]\npath = \"data.csv\"\ntarget = \"y\"\n[training]\nmax_epochs = 2\n");
    assert!(place.run(&["--config", "c.toml", "-q"]).status.success());
    let output = place.run(&["export", "c", "--format", "onnx", "-o", "m.onnx"]);
    let (shown, card) = (text(&output.stdout), std::fs::read_to_string(place.path("m.onnx.md")).unwrap());
    for note in [
        "`weight` is a plain number here (in the training file: `kg` left out)",
        "sine and cosine of `at`, a time of day, are of the angle 2 pi hour / 24, minutes and seconds counted in",
        "`member` is known only as training spelled it most, where burnlab takes other spellings, too",
    ] {
        assert!(
            shown.contains(&format!("note   {note}\n")) && card.contains(&format!("\n{note}.\n")),
            "{note}: {card}"
        );
    }
}

// --- names

#[test]
fn a_class_is_what_the_file_writes() {
    let files = Files::new();
    let of = |cells: &[&str]| files.csv(rows("x,y", 60, |i| format!("{i}.5,{}", cells[i % cells.len()])));
    for (cells, expected) in [
        (&["01", "1", "02", "2"][..], &["01", "1", "02", "2"][..]),
        (&["007", "012", "105"], &["007", "012", "105"]),
        (&["1E1", "10", "2E0", "20"], &["2E0", "10", "1E1", "20"]),
        (&["9007199254740992", "9007199254740993"], &["9007199254740992", "9007199254740993"]),
        (&["0.0", "1.0"], &["0.0", "1.0"]),
        (&["-1", "0", "+1"], &["-1", "0", "+1"]),
    ] {
        let config = of(cells);
        let dataset = load(&config).unwrap();
        assert_eq!(classes(&dataset).iter().map(|class| class.0).collect::<Vec<_>>(), expected);
        assert_followed(&dataset, &config, config.path.as_deref().unwrap());
        let named = DataConfig {
            categorical: vec!["c".into()],
            ..files.csv(rows("c,x,y", 60, |i| format!("{},{i}.5,{}", cells[i % cells.len()], i % 2)))
        };
        assert_eq!(categories(&load(&named).unwrap(), "c"), expected);
    }
}

#[test]
fn spellings_of_one_number_or_truth_value_are_merged_and_noted() {
    let files = Files::new();
    let of = |cells: &[&str]| files.csv(rows("x,y", 60, |i| format!("{i}.5,{}", cells[i % cells.len()])));
    let dataset = load(&of(&["1", "2", "1.0", "1"])).unwrap();
    assert_eq!(classes(&dataset), [("1", 45), ("2", 15)]);
    assert_eq!(dataset.notes, ["classes of `y`: `1` 30, `1.0` 15 are the same"]);
    let dataset = load(&of(&["Yes", "no", "yes", "Yes"])).unwrap();
    assert_eq!(classes(&dataset), [("Yes", 45), ("no", 15)]);
    assert_eq!(dataset.notes, ["classes of `y`: `Yes` 30, `yes` 15 are the same"]);
    let dataset = load(&of(&["red", "Red", "blue"])).unwrap();
    assert_eq!(classes(&dataset), [("Red", 20), ("blue", 20), ("red", 20)]);
    assert_eq!(dataset.notes, ["classes of `y`: `red` 20, `Red` 20 are different names"]);
    let dataset = load(&of(&["no", "yes.", "no.", "yes"])).unwrap();
    assert_eq!(dataset.notes, ["classes of `y`: `no` 15, `no.` 15; `yes.` 15, `yes` 15 are different names"]);
    // A later file in other letters has the same truth values.
    let config = files.csv(rows("member,y", 40, |i| format!("{},{}", ["True", "False"][i % 3 % 2], i % 2)));
    let dataset = load(&config).unwrap();
    let upper = rows("member,y", 40, |i| format!("{},{}", ["TRUE", "FALSE"][i % 3 % 2], i % 2));
    assert_followed(&dataset, &config, &files.write("upper.csv", upper));
}

#[test]
fn what_the_target_is_taken_for_is_said() {
    let files = Files::new();
    // 26 whole numbers.
    let config = files.csv(rows("x,y", 520, |i| format!("{i}.5,{}", i % 26)));
    let dataset = load(&config).unwrap();
    assert_eq!(numbers(&dataset).len(), 520);
    assert_eq!(
        dataset.notes,
        [
            "read the 26 whole numbers in `y` as a quantity to predict (data.task = \"classification\" if each is a class)"
        ]
    );
    let config = DataConfig { task: Some(TaskKind::Classification), ..config };
    assert_eq!(classes(&load(&config).unwrap()).len(), 26);
    // Texts that are nearly all distinct are no classes.
    let names = files.csv(rows("x,y", 40, |i| format!("{i}.5,name {i}")));
    assert_eq!(
        files.refused(&names),
        "target `y` has 40 different texts in 40 rows, such as `name 0`: too many for classes, and no numbers; choose another \
         target, or set data.task"
    );
    let odd =
        files.csv(rows("x,y", 40, |i| format!("{i}.5,{}", if i == 9 { "n.a.".into() } else { format!("{i}.25") })));
    assert!(files.refused(&odd).starts_with("DIR/a.csv:11: target `y` is `n.a.`, not a finite number"));
    let dashes =
        files.csv(rows("x,y", 60, |i| format!("{i}.5,{}", if i % 5 == 1 { "-".into() } else { format!("{i}.25") })));
    assert!(
        files.refused(&dashes).starts_with("DIR/a.csv:3: target `y` is `-`, not a finite number: correct it, add it")
    );
}

#[test]
fn models_saved_before_readings_still_find_their_names() {
    let files = Files::new();
    let config = DataConfig {
        categorical: vec!["c".into()],
        ..files.csv(rows("c,x,y", 40, |i| format!("{},{i}.5,{}", i % 2 + 1, i % 2)))
    };
    let dataset = load(&config).unwrap();
    let all: Vec<u32> = (0..40).collect();
    let fitted = Preprocessor::fit(&dataset, &all, &config).unwrap();
    assert!(matches!(fitted.readings.columns["c"], Reading::Names(_)));
    let mut saved = serde_json::to_value(&fitted).unwrap();
    saved["version"] = 2.into();
    saved.as_object_mut().unwrap().remove("readings");
    let old: Preprocessor = serde_json::from_value(saved).unwrap();
    assert_eq!(old, fitted);
}

// --- files that are no tables

#[test]
fn files_that_are_no_table_are_named() {
    let files = Files::new();
    for (bytes, what) in [
        (
            &b"PAR1\x15rest"[..],
            match cfg!(feature = "parquet") {
                true => "is a damaged Parquet file, or of a kind that is not read",
                false => "is a Parquet file",
            },
        ),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:abc\n", "is a Git LFS pointer, not the data"),
        (b"<!DOCTYPE html>\n<html>", "is a web page, not a table"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook (xls)"),
        (b"\x80\x04\x95rest", "is a file of Python (HDF5 or pickle)"),
        (b"[{\"a\": 1, \"y\": 0}, {\"a\": 2, \"y\": 1}]", "is a JSON list"),
        (b"BZh91AY&SY", "is compressed, and not by gzip"),
        (b"% a comment\n@RELATION iris\n@attribute a real\n", "is an ARFF file of Weka"),
        (b"0 1:-1.22 2:0.38\n1 1:0.99 2:-0.51\n", "is in the sparse format of LIBSVM"),
    ] {
        let message = files.refused(&files.csv(bytes));
        assert!(message.starts_with(&format!("DIR/a.csv {what}: ")), "{message}");
    }
}

// --- large numbers

#[test]
fn large_numbers_keep_their_differences() {
    let files = Files::new();
    let text = rows("epoch,x,y", 41, |i| format!("{},{}.5,{}", 1_700_000_000 + (i * 7) % 41, i * i, i % 2));
    let config = files.csv(&text);
    let dataset = load(&config).unwrap();
    let epoch = column(&dataset, "epoch");
    assert_eq!(epoch[..3], [0.0, 7.0, 14.0]);
    assert_eq!(dataset.describe()[1], "epoch: numeric, 1700000000 to 1700000040");
    assert_followed(&dataset, &config, config.path.as_deref().unwrap());
    let mut written = Vec::new();
    dataset.write_rows(&[1], &mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), "epoch,x,y\n1700000007,1.5,1\n");
    // numpy: mean and deviation of the whole numbers from 0 to 40.
    let all: Vec<u32> = (0..41).collect();
    let fitted = Preprocessor::fit(&dataset, &all, &config).unwrap();
    let first = fitted.transform(&dataset, &[0]).inputs[0];
    assert!((f64::from(first) - -20.0 / 140f64.sqrt()).abs() < 1e-6, "{first}");
    // Another file begins later: the same number is the same input.
    let later = load(
        &files.csv(rows("epoch,x,y", 30, |i| format!("{},{}.5,{}", 1_700_000_007 + 2 * (i * 7 % 30), i * i, i % 2))),
    )
    .unwrap();
    assert_eq!(fitted.transform(&later, &[0]).inputs[0], fitted.transform(&dataset, &[1]).inputs[0]);
    let counting = rows("id,x,y", 100, |i| format!("{},{}.5,{}", 20_000_001 + i, i * i, i % 2));
    assert_eq!(
        load(&files.csv(&counting)).unwrap().notes,
        ["dropped `id`: it counts the rows from 20000001 to 20000100 (keep it with data.numeric)"]
    );
}
