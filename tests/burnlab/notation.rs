//! A number by its type is itself, however the training file writes numbers; a text is read as that file writes them.

use serde_json::{Value, json};

use crate::formats;
use crate::place::{Place, refused, text, works};
use crate::served::Served;

/// A run `t` of a CSV file with decimal commas, dots between thousands, percents and a unit of measurement.
fn trained() -> Place {
    let place = Place::new();
    let row = |i: usize| {
        let kg = match i % 3 {
            0 => format!("1.{}{:02},5", i % 9, i),
            1 => format!("{},75", i),
            _ => format!("{},125", i % 7),
        };
        format!("{kg};{}%;{} kg;{},{}\n", i * 7 % 60, 50 + i % 41, i % 5, 25 + i)
    };
    place.write("t.csv", &format!("kg;rate;mass;y\n{}", (1..70).map(row).collect::<String>()));
    place.write(
        "t.toml",
        "name = \"t\"\n[data]\npath = \"t.csv\"\ntarget = \"y\"\n[model]\nhidden = [8]\n[training]\nmax_epochs = 20\n",
    );
    works(&place, &["--config", "t.toml", "--quiet"]);
    place
}

/// The same row in every notation.
const TEXTS: &str = "kg;rate;mass;y\n2,125;26%;78 kg;4,25\n";
const NUMBERS: &str = "{\"kg\":2.125,\"rate\":26,\"mass\":78,\"y\":4.25}\n";

/// The same row in each format whose cells have types, by the file's name.
fn typed(place: &Place) -> Vec<&'static str> {
    place.write("numbers.jsonl", NUMBERS);
    let path = place.path("numbers.db");
    let database = rusqlite::Connection::open(path).unwrap();
    database
        .execute_batch(
            "CREATE TABLE t (kg REAL, rate INTEGER, mass INTEGER, y REAL); INSERT INTO t VALUES (2.125, 26, 78, 4.25)",
        )
        .unwrap();
    let array = |number: f64| formats::npy("'<f8'", "(1,)", false, &number.to_le_bytes());
    let arrays =
        [("kg.npy", array(2.125)), ("rate.npy", array(26.0)), ("mass.npy", array(78.0)), ("y.npy", array(4.25))];
    let arrays = arrays.each_ref().map(|(name, bytes)| (*name, &bytes[..]));
    std::fs::write(place.path("numbers.npz"), formats::zip(&arrays, false)).unwrap();
    #[allow(unused_mut)]
    let mut files = vec!["numbers.jsonl", "numbers.db", "numbers.npz"];
    #[cfg(feature = "parquet")]
    {
        arrow(place);
        files.push("numbers.arrow");
    }
    files
}

/// Two of the columns are decimal numbers of a database, with two digits after the point.
#[cfg(feature = "parquet")]
fn arrow(place: &Place) {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, Decimal128Array, Float64Array, Int32Array, RecordBatch};

    let decimal = |number| {
        let array = Decimal128Array::from(vec![number]).with_precision_and_scale(10, 3).unwrap();
        Arc::new(array) as ArrayRef
    };
    let batch = RecordBatch::try_from_iter([
        ("kg", decimal(2125)),
        ("rate", Arc::new(Int32Array::from(vec![26])) as ArrayRef),
        ("mass", Arc::new(Float64Array::from(vec![78.0])) as ArrayRef),
        ("y", decimal(4250)),
    ])
    .unwrap();
    let file = std::fs::File::create(place.path("numbers.arrow")).unwrap();
    let mut writer = arrow_ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
}

/// The prediction of the only row.
fn prediction(said: &str) -> f64 {
    let row = said.lines().nth(1).unwrap_or_else(|| panic!("no row in {said}"));
    row.split(',').next_back().unwrap().parse().unwrap()
}

#[test]
fn a_number_by_its_type_is_itself_in_every_format() {
    let place = trained();
    place.write("texts.csv", TEXTS);
    let expected = prediction(&works(&place, &["predict", "t", "texts.csv", "--strict"]));
    place.write("thousands.csv", &TEXTS.replace("2,125", "2125"));
    let thousands = prediction(&works(&place, &["predict", "t", "thousands.csv"]));
    assert!((thousands - expected).abs() > 1e-3, "the test tells them apart: {thousands} {expected}");
    let evaluated = |file: &str| works(&place, &["evaluate", "t", "--data", file, "--json"]);
    let loss = |said: &str| serde_json::from_str::<Value>(said).unwrap()["metrics"].clone();
    let expected_metrics = loss(&evaluated("texts.csv"));
    for file in typed(&place) {
        let found = prediction(&works(&place, &["predict", "t", file, "--strict"]));
        assert_eq!(found, expected, "{file}");
        assert_eq!(loss(&evaluated(file)), expected_metrics, "{file}");
    }
    // A text in the same formats is read as the texts of training.
    place.write("texts.jsonl", "{\"kg\":\"2,125\",\"rate\":\"26%\",\"mass\":\"78 kg\"}\n");
    assert_eq!(prediction(&works(&place, &["predict", "t", "texts.jsonl", "--strict"])), expected);
    for (cell, why) in [
        (
            "\"kg\":\"2.5\",\"rate\":26",
            "column `kg` holds `2.5`, and has numbers with decimal comma, a dot between thousands in the training file",
        ),
        (
            "\"kg\":2.5,\"rate\":\"26\"",
            "column `rate` holds `26`, and has numbers with `%` left out in the training file",
        ),
        ("\"kg\":1e300,\"rate\":26", "column `kg` holds `1e300`, beyond what 32 bits hold (3.4e38)"),
    ] {
        place.write("odd.jsonl", &format!("{{{cell},\"mass\":78}}\n"));
        refused(&place, &["predict", "t", "odd.jsonl"], why);
    }
    // Of the target, too, whether it is evaluated or tested on.
    place.write("dots.csv", &TEXTS.replace("4,25", "4.25"));
    let why =
        "target `y` is `4.25`, and has numbers with decimal comma in the training file: correct it, or leave it empty";
    refused(&place, &["evaluate", "t", "--data", "dots.csv"], why);
    let config = std::fs::read_to_string(place.path("t.toml")).unwrap();
    let tested = |file: &str| config.replace("[model]", &format!("test_path = \"{file}\"\n[model]"));
    place.write("dots.toml", &tested("dots.csv"));
    refused(&place, &["config", "check", "dots.toml"], why);
    place.write("typed.toml", &tested("numbers.jsonl"));
    works(&place, &["config", "check", "typed.toml"]);
}

#[test]
fn a_number_of_a_request_is_itself_and_the_document_allows_both() {
    let place = trained();
    place.write("texts.csv", TEXTS);
    let expected = prediction(&works(&place, &["predict", "t", "texts.csv"]));
    let served = Served::start(place.command(&["serve", "--port", "0", "t"])).expect("it serves");
    let ask = |path: &str, body: Value| -> Value {
        let json = ("content-type", "application/json");
        let (status, answer) = served.send("POST", path, &[json], body.to_string().as_bytes()).unwrap();
        assert_eq!(status, 200, "{path} {body}: {answer}");
        serde_json::from_str(&answer).unwrap()
    };
    let tensor = |name: &str, number: f64| json!({"name": name, "shape": [1], "datatype": "FP64", "data": [number]});
    let tensors = json!({"inputs": [tensor("kg", 2.125), tensor("rate", 26.0), tensor("mass", 78.0)]});
    let record = json!({"kg": 2.125, "rate": 26, "mass": 78});
    let mixed = json!({"kg": "2,125", "rate": 26, "mass": "78 kg"});
    for (path, body, pointer) in [
        ("/predict", record.clone(), "/rows/0/predicted"),
        ("/predict", mixed, "/rows/0/predicted"),
        ("/predict", json!([[2.125, 26, 78]]), "/rows/0/predicted"),
        ("/invocations", json!({"dataframe_records": [record]}), "/predictions/0"),
        ("/v2/models/t/infer", tensors, "/outputs/0/data/0"),
    ] {
        let answer = ask(path, body);
        let found = answer.pointer(pointer).unwrap_or_else(|| panic!("{path}: {answer}")).as_f64().unwrap();
        assert!((found - expected).abs() < 1e-5, "{path}: {found} {expected}");
    }
    let document: Value = serde_json::from_str(&served.ask("GET", "/openapi.json", "").unwrap().1).unwrap();
    let row =
        &document["paths"]["/predict"]["post"]["requestBody"]["content"]["application/json"]["schema"]["anyOf"][0];
    for (column, pattern) in [("kg", "-?[0-9]{1,9}"), ("rate", "-?[0-9]{1,9}%"), ("mass", "-?[0-9]{1,9} kg")] {
        let [number, text] = &row["properties"][column]["anyOf"].as_array().unwrap()[..] else { panic!("{row}") };
        assert_eq!(number["type"], json!(["number", "null"]), "{column}");
        assert_eq!(text["pattern"], format!("^[ \\t]*({pattern})?[ \\t]*$"), "{column}");
    }
}

/// A workbook holds 26 % as 0.26: which of the two a number is, only its text says.
#[cfg(feature = "excel")]
#[test]
fn a_number_of_a_workbook_is_itself_but_for_percents() {
    let place = trained();
    place.write("texts.csv", TEXTS);
    let expected = prediction(&works(&place, &["predict", "t", "texts.csv"]));
    let header: String =
        ["kg", "rate", "mass"].iter().zip(["A1", "B1", "C1"]).map(|(name, at)| formats::cell(at, name)).collect();
    let excel = |rate: &str| {
        let cells = [("A2", "2.125"), ("B2", rate), ("C2", "78")];
        let cells: String = cells.iter().map(|(at, content)| formats::cell(at, content)).collect();
        let rows = format!("<row r=\"1\">{header}</row><row r=\"2\">{cells}</row>");
        std::fs::write(place.path("numbers.xlsx"), formats::workbook(&[("S", rows)])).unwrap();
    };
    excel("26%");
    assert_eq!(prediction(&works(&place, &["predict", "t", "numbers.xlsx"])), expected);
    for rate in ["0.26", "26"] {
        excel(rate);
        let why = format!(
            "column `rate` holds `{rate}`, and in the training file 26% is the number 26, where a workbook may hold 0.26"
        );
        refused(&place, &["predict", "t", "numbers.xlsx"], &why);
    }
    let text = "office:value-type=\"string\"";
    let header = formats::ods_row(&["kg", "rate", "mass"].map(|name| (text, name)));
    let number = |number: &str| format!("office:value-type=\"float\" office:value=\"{number}\"");
    let row = formats::ods_row(&[(&number("2.125"), "2,125"), (text, "26%"), (&number("78"), "78")]);
    std::fs::write(place.path("numbers.ods"), formats::spreadsheet(&(header + &row))).unwrap();
    assert_eq!(prediction(&works(&place, &["predict", "t", "numbers.ods"])), expected);
}

#[cfg(feature = "postgres")]
#[test]
fn a_number_of_a_server_is_itself() {
    let Some(schema) = formats::Schema::new() else { return };
    schema.run(
        "CREATE TABLE t (kg numeric, rate integer, mass double precision, y real); INSERT INTO t VALUES (2.125, 26, 78, 4.25)",
    );
    let place = trained();
    place.write("texts.csv", TEXTS);
    let expected = prediction(&works(&place, &["predict", "t", "texts.csv"]));
    assert_eq!(prediction(&works(&place, &["predict", "t", &schema.address])), expected);
}

/// Numbers beside texts of another notation are refused where they would be read as such.
#[test]
fn numbers_beside_texts_that_are_numbers_are_not_misread() {
    let place = Place::new();
    let row = |i: usize| match i % 4 {
        0 => format!("{{\"kg\":{i}.125,\"y\":{}}}\n", i % 2),
        _ => format!("{{\"kg\":\"1.{:03},5\",\"y\":{}}}\n", i, i % 2),
    };
    place.write("mixed.jsonl", &(1..60).map(row).collect::<String>());
    place.write("c.toml", "[data]\npath = \"mixed.jsonl\"\ntarget = \"y\"\n");
    let why = "mixed.jsonl:4: column `kg` holds the number 4.125 beside texts that are numbers with decimal comma, a dot between \
               thousands: write all cells as numbers, or all as text";
    refused(&place, &["config", "check", "c.toml"], why);
    // Three digits after each dot would ask of a CSV file what the dot is.
    place.write("c.toml", "[data]\npath = \"grouped.jsonl\"\ntarget = \"y\"\n");
    let grouped =
        |i: usize| if i.is_multiple_of(2) { format!("{}.125", i % 7 + 1) } else { (i * 13 % 800 + 100).to_string() };
    let rows: Vec<String> = (1..60).map(grouped).collect();
    let lines = rows.iter().enumerate().map(|(i, kg)| format!("{{\"kg\":{kg},\"y\":{}}}\n", i * i % 3 % 2));
    place.write("grouped.jsonl", &lines.collect::<String>());
    works(&place, &["config", "check", "c.toml"]);
    let lines = rows.iter().enumerate().map(|(i, kg)| format!("{kg},{}\n", i * i % 3 % 2));
    place.write("grouped.jsonl", &format!("kg,y\n{}", lines.collect::<String>()));
    refused(&place, &["config", "check", "c.toml"], "is the dot between thousands, or a decimal point?");
    // `data.decimal` is about texts alone, in this format, too.
    let rows = |cell: fn(usize) -> String| -> String {
        (1..60).map(|i| format!("{{\"kg\":{},\"y\":{}}}\n", cell(i), i % 2)).collect()
    };
    place.write("c.toml", "[data]\npath = \"rows.jsonl\"\ntarget = \"y\"\ndecimal = \",\"\n");
    let mean = |rows: &str| {
        place.write("rows.jsonl", rows);
        let said = text(&place.run(&["config", "check", "c.toml"]).stdout);
        said.contains("decimal comma") || said.contains("between thousands")
    };
    assert!(!mean(&rows(|i| format!("{i}.125"))));
    assert!(mean(&rows(|i| format!("\"{i}.125\""))));
}

/// Where a column is not found, the message is about the format at hand.
#[test]
fn a_column_that_is_not_found_has_a_way_out_of_its_format() {
    let place = Place::new();
    place.write("c.toml", "[data]\npath = \"rows.json\"\ntarget = \"y\"\n");
    let json_lines = "write each as an object on a line of its own (JSON Lines)";
    place.write("rows.json", "{\"data\":[{\"x\":1,\"y\":2}]}\n");
    refused(
        &place,
        &["config", "check", "c.toml"],
        &format!("It has data alone: if the rows are inside of it, {json_lines}"),
    );
    #[cfg(feature = "excel")]
    {
        let row = |r: usize, cells: &[&str]| {
            let cells: String =
                cells.iter().zip("ABC".chars()).map(|(cell, at)| formats::cell(&format!("{at}{r}"), cell)).collect();
            format!("<row r=\"{r}\">{cells}</row>")
        };
        let table: String = (4..40)
            .map(|i| row(i, &[&(i * i % 17).to_string(), &(i % 5 * 3).to_string(), ["a", "b"][i % 2]]))
            .collect();
        let sheets = [
            ("Cover", row(1, &["Read me"])),
            ("Data", row(1, &["Report", "of May"]) + &row(3, &["x", "z", "y"]) + &table),
        ];
        std::fs::write(place.path("b.xlsx"), formats::workbook(&sheets)).unwrap();
        place.write("c.toml", "[data]\npath = \"b.xlsx\"\ntarget = \"y\"\n");
        let cover = "It has Read me alone: these are the cells of line 1 of the sheet `Cover`; if the names stand further down, set \
                     data.skip_rows to the lines above them, or name another sheet in data.sheet: Data";
        refused(&place, &["config", "check", "c.toml"], cover);
        let title =
            "It has Report, of May: these are the cells of line 1 of the sheet `Data`; if the names stand further down";
        refused(&place, &["config", "check", "c.toml", "--set", "data.sheet=Data"], title);
        works(&place, &["config", "check", "c.toml", "--set", "data.sheet=Data", "--set", "data.skip_rows=2"]);
        let rows = "b.xlsx:3: 3 cells, and the row of names, line 1, has 2: name the columns, remove what stands beside the table, or \
                    set data.skip_rows = 2 if the names stand here";
        let first = ["config", "check", "c.toml", "--set", "data.sheet=Data", "--set", "data.target=Report"];
        refused(&place, &first, rows);
    }
}
