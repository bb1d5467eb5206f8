//! Tables in other formats than CSV: the same rows are the same data, and what is wrong with a file is said in a line.

use std::io::Write;
use std::path::{Path, PathBuf};

use burnlab::data::{DataConfig, Dataset, load};
use burnlab::experiment::weights_file::decode;
use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

use crate::place::{Place, json, text};
use crate::whole_way::try_all;

/// A row: two numbers, the second of which may be missing, a name, and the class.
type Row = (f64, Option<i64>, &'static str, &'static str);

fn rows() -> Vec<Row> {
    let row = |i: usize| {
        let x = (i * 37 % 101) as f64 / 7.0;
        let n = (!i.is_multiple_of(9)).then_some((i * 61 % 53) as i64 - 20);
        (x, n, ["ash", "beech", "élm, old"][i % 3], ["no", "yes"][usize::from(x > 7.0)])
    };
    (0..90).map(row).collect()
}

fn csv(rows: &[Row]) -> String {
    let cell = |n: Option<i64>| n.map_or_else(String::new, |n| n.to_string());
    let line = |(x, n, tree, y): &Row| format!("{x},{},\"{tree}\",{y}\n", cell(*n));
    format!("x,n,tree,y\n{}", rows.iter().map(line).collect::<String>())
}

fn json_lines(rows: &[Row]) -> String {
    // The first row tells the order; the others may have another one, and lack what is missing.
    let line = |(i, (x, n, tree, y)): (usize, &Row)| match n {
        Some(n) if i % 2 == 0 => format!("{{\"x\": {x}, \"n\": {n}, \"tree\": {tree:?}, \"y\": {y:?}}}\n"),
        Some(n) => format!("{{\"y\":{y:?},\"tree\":{tree:?},\"n\":{n},\"x\":{x}}}\n"),
        None if i == 0 => format!("{{\"x\": {x}, \"n\": null, \"tree\": {tree:?}, \"y\": {y:?}}}\n"),
        None => format!("  {{\"x\": {x}, \"tree\": {tree:?}, \"y\": {y:?}}}\r\n"),
    };
    rows.iter().enumerate().map(line).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// A ZIP archive as APPNOTE.TXT has it.
pub fn zip(files: &[(&str, &[u8])], is_deflated: bool) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut crc = flate2::Crc::new();
        crc.update(bytes);
        let content = match is_deflated {
            true => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
            false => bytes.to_vec(),
        };
        let mut about = vec![20, 0, 0, 0, if is_deflated { 8 } else { 0 }, 0, 0, 0, 0, 0];
        for size in [crc.sum(), content.len() as u32, bytes.len() as u32] {
            about.extend(size.to_le_bytes());
        }
        about.extend((name.len() as u16).to_le_bytes());
        about.extend([0, 0]);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&about);
        directory.extend([0; 10]);
        directory.extend((archive.len() as u32).to_le_bytes());
        directory.extend(name.bytes());
        archive.extend(b"PK\x03\x04");
        archive.extend(&about);
        archive.extend(name.bytes());
        archive.extend(content);
    }
    let start = archive.len() as u32;
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    (0..2).for_each(|_| archive.extend((files.len() as u16).to_le_bytes()));
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0, 0]);
    archive
}

/// An array as `numpy.lib.format` has it.
pub fn npy(descr: &str, shape: &str, is_fortran: bool, cells: &[u8]) -> Vec<u8> {
    let order = if is_fortran { "True" } else { "False" };
    let mut header = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}");
    header += &" ".repeat(63 - (10 + header.len()) % 64);
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.bytes());
    bytes.extend(cells);
    bytes
}

/// Texts of `width` characters of 4 bytes.
fn unicode(text: &str, width: usize) -> Vec<u8> {
    let codes = text.chars().map(u32::from).chain(std::iter::repeat(0)).take(width);
    codes.flat_map(u32::to_le_bytes).collect()
}

fn number(n: Option<i64>) -> f64 {
    n.map_or(f64::NAN, |n| n as f64)
}

fn npz(rows: &[Row], is_deflated: bool) -> Vec<u8> {
    let shape = format!("({},)", rows.len());
    let x: Vec<u8> = rows.iter().flat_map(|row| row.0.to_le_bytes()).collect();
    let n: Vec<u8> = rows.iter().flat_map(|row| number(row.1).to_be_bytes()).collect();
    let tree: Vec<u8> = rows.iter().flat_map(|row| unicode(row.2, 9)).collect();
    let y: Vec<u8> = rows.iter().flat_map(|row| format!("{:\0<3}", row.3).into_bytes()).collect();
    let arrays = [
        ("x.npy", npy("'<f8'", &shape, false, &x)),
        ("n.npy", npy("'>f8'", &shape, true, &n)),
        ("tree.npy", npy("'<U9'", &shape, false, &tree)),
        ("y.npy", npy("'|S3'", &shape, false, &y)),
    ];
    zip(&arrays.each_ref().map(|(name, bytes)| (*name, &bytes[..])), is_deflated)
}

/// One array of records.
fn records(rows: &[Row]) -> Vec<u8> {
    let record = |(x, n, tree, y): &Row| {
        [&x.to_le_bytes()[..], &[0; 4], &number(*n).to_le_bytes(), &unicode(tree, 9), &unicode(y, 3)].concat()
    };
    let cells: Vec<u8> = rows.iter().flat_map(record).collect();
    let descr = "[('x', '<f8'), ('', '|V4'), ('n', '<f8'), ('tree', '<U9'), ('y', '<U3')]";
    npy(descr, &format!("({},)", rows.len()), false, &cells)
}

fn sqlite(path: &Path, rows: &[Row]) {
    let database = rusqlite::Connection::open(path).unwrap();
    database.execute_batch("CREATE TABLE trees (x REAL, n INTEGER, tree TEXT, y TEXT); BEGIN").unwrap();
    for (x, n, tree, y) in rows {
        database.execute("INSERT INTO trees VALUES (?1, ?2, ?3, ?4)", (x, n, tree, y)).unwrap();
    }
    database.execute_batch("COMMIT").unwrap();
}

/// Parquet and Arrow files of the same table, as tests/tables/make.py tells.
const PARQUET: &[&str] = &["trees.parquet", "zstd.parquet", "gzip.parquet", "lz4.parquet", "checksums.parquet"];
const ARROW: &[&str] = &["trees.feather", "trees.arrow", "stream.arrow"];

fn table_of_others(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tables").join(name)
}

/// A schema on the server of the tests with the table alone: its address, and what drops it in the end.
#[cfg(feature = "postgres")]
fn on_server(rows: &[Row]) -> Option<(String, Schema)> {
    let schema = Schema::new()?;
    let mut sql =
        "CREATE TABLE trees (x double precision, n smallint, tree text, y text); INSERT INTO trees VALUES".to_owned();
    for (i, (x, n, tree, y)) in rows.iter().enumerate() {
        let n = n.map_or_else(|| "NULL".to_owned(), |n| n.to_string());
        sql += &format!("{}({x}, {n}, '{tree}', '{y}')", if i == 0 { " " } else { ", " });
    }
    schema.run(&sql);
    Some((schema.address.clone(), schema))
}

/// A schema of its own for a test, dropped with it.
#[cfg(feature = "postgres")]
pub struct Schema {
    pub address: String,
    name: String,
    server: String,
}

#[cfg(feature = "postgres")]
impl Schema {
    /// `None` where there is no server to test with.
    pub fn new() -> Option<Self> {
        let server = std::env::var("BURNLAB_POSTGRES").ok()?;
        let time = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        let name = format!("data_{}_{time}", std::process::id());
        let separator = if server.contains('?') { '&' } else { '?' };
        let schema = Self { address: format!("{server}{separator}search_path={name}"), name, server };
        postgres::Client::connect(&schema.server, postgres::NoTls)
            .unwrap()
            .batch_execute(&format!("CREATE SCHEMA {}", schema.name))
            .unwrap();
        Some(schema)
    }

    pub fn run(&self, sql: &str) {
        let mut client = postgres::Client::connect(&self.server, postgres::NoTls).unwrap();
        client.batch_execute(&format!("SET search_path = {}; {sql}", self.name)).unwrap();
    }
}

#[cfg(feature = "postgres")]
impl Drop for Schema {
    fn drop(&mut self) {
        if let Ok(mut client) = postgres::Client::connect(&self.server, postgres::NoTls) {
            client.batch_execute(&format!("DROP SCHEMA IF EXISTS {} CASCADE", self.name)).ok();
        }
    }
}

#[track_caller]
fn run(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Title 13: one table, one fingerprint, and weights that are equal bit by bit; and each is read by every verb.
#[test]
fn one_table_is_the_same_data_in_every_format() {
    let place = Place::new();
    let rows = rows();
    let write = |name: &str, bytes: &[u8]| std::fs::write(place.path(name), bytes).unwrap();
    write("t.csv", csv(&rows).as_bytes());
    write("t.csv.gz", &gzip(csv(&rows).as_bytes()));
    write("t.zip", &zip(&[("__MACOSX/t.csv", b"x"), ("folder/", b""), ("folder/t.csv", csv(&rows).as_bytes())], true));
    write("t.jsonl", json_lines(&rows).as_bytes());
    write("t.jsonl.gz", &gzip(json_lines(&rows).as_bytes()));
    write("t.npz", &npz(&rows, false));
    write("small.npz", &npz(&rows, true));
    write("t.npy", &records(&rows));
    sqlite(&place.path("t.db"), &rows);
    write("part-1.csv", csv(&rows[..20]).as_bytes());
    write("part-2.csv", csv(&rows[20..60]).as_bytes());
    write("part-3.csv", csv(&rows[60..]).as_bytes());
    write("rest.jsonl", json_lines(&rows[20..]).as_bytes());
    let config = |data: &str| {
        format!(
            "seed = 1\n[data]\n{data}\ntarget = \"y\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 3\nbatch_size = 16\n"
        )
    };
    let one = |path: &str| format!("path = {path:?}");
    let mut sources = vec![
        one("t.csv"),
        one("t.csv.gz"),
        one("t.zip"),
        one("t.jsonl"),
        one("t.jsonl.gz"),
        one("t.npz"),
        one("small.npz"),
        one("t.npy"),
        one("t.db"),
        "path = \"t.db\"\nquery = \"SELECT tree, y, x, n FROM trees ORDER BY rowid\"\ndrop = []".to_owned(),
        one("part-?.csv"),
        "path = \"part-1.csv\"\nmore_paths = [\"part-2.csv\", \"part-3.csv\"]".to_owned(),
        "path = \"part-1.csv\"\nmore_paths = [\"rest.jsonl\"]".to_owned(),
    ];
    // What other programs wrote of the same table.
    let mut of_others: Vec<String> = Vec::new();
    if cfg!(feature = "parquet") {
        of_others.extend(PARQUET.iter().chain(ARROW).map(|name| (*name).to_owned()));
    }
    if cfg!(feature = "excel") {
        of_others.push("trees.ods".to_owned());
    }
    of_others.iter().for_each(|name| _ = std::fs::copy(table_of_others(name), place.path(name)).unwrap());
    #[cfg(feature = "postgres")]
    let server = on_server(&rows);
    #[cfg(feature = "postgres")]
    of_others.extend(server.as_ref().map(|(address, _)| address.clone()));
    sources.extend(of_others.iter().map(|name| one(name)));
    let mut found = Vec::new();
    for (i, source) in sources.iter().enumerate() {
        let name = format!("c{i}");
        place.write(&format!("{name}.toml"), &config(source));
        run(&place, &["--config", &format!("{name}.toml"), "-q", "--artifacts", &name]);
        let runs = std::fs::read_dir(place.path(&name).join("runs")).unwrap();
        let folder = runs.map(|run| run.unwrap().path()).next().unwrap();
        let weights = decode(&std::fs::read(folder.join("model.safetensors")).unwrap()).unwrap();
        let fingerprint = json(folder.join("environment.json"))["dataset"]["fingerprint"].as_str().unwrap().to_owned();
        found.push((source, fingerprint, weights));
    }
    // Columns in another order are other data; but their rows are the same.
    let reordered = found.remove(9);
    assert_ne!(reordered.1, found[0].1);
    for (source, fingerprint, weights) in &found {
        assert_eq!((fingerprint, weights), (&found[0].1, &found[0].2), "{source}");
    }
    // And a model reads new rows of all of them.
    let predict = |file: &str| run(&place, &["predict", "--artifacts", "c0", "c0", file]);
    let expected = predict("t.csv");
    assert_eq!(expected.lines().count(), 91);
    let files = ["t.csv.gz", "t.zip", "t.jsonl", "t.jsonl.gz", "t.npz", "small.npz", "t.npy", "t.db", "part-*.csv"];
    for file in files.into_iter().chain(of_others.iter().map(String::as_str)) {
        assert_eq!(predict(file), expected, "{file}");
        let evaluated = run(&place, &["evaluate", "--artifacts", "c0", "c0", "--data", file]);
        assert!(evaluated.contains("on 90 rows"), "{file}: {evaluated}");
    }
    // One of a database needs its query for a later database only.
    assert_eq!(run(&place, &["predict", "--artifacts", "c9", "c9", "t.csv"]).lines().count(), 91);
    let init = run(&place, &["init", "t.jsonl", "-o", "-"]);
    assert!(init.contains("target = \"y\"") && init.contains("tree: 3 categories"), "{init}");
}

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

    fn config(&self, name: &str) -> DataConfig {
        DataConfig { path: Some(self.0.path().join(name)), target: Some("y".into()), ..DataConfig::default() }
    }

    fn read(&self, name: &str, bytes: impl AsRef<[u8]>) -> Result<Dataset, String> {
        self.write(name, bytes);
        self.load(&self.config(name))
    }

    fn load(&self, config: &DataConfig) -> Result<Dataset, String> {
        let shown = self.0.path().display().to_string();
        load(config).map_err(|invalid| invalid.message.replace(&format!("{shown}/"), ""))
    }

    #[track_caller]
    fn refuses(&self, name: &str, bytes: impl AsRef<[u8]>, expected: &str) {
        match self.read(name, bytes) {
            Ok(dataset) => panic!("{expected:?} was expected, and it was read: {:?}", dataset.describe()),
            Err(message) => assert!(message.starts_with(expected), "{message}\nexpected {expected}"),
        }
    }
}

#[test]
fn a_bad_json_line_is_one_clear_line() {
    let files = Files::new();
    let good = "{\"a\": 1, \"y\": 0}\n{\"a\": 2, \"y\": 1}\n";
    let with = |line: &str| format!("{good}{line}\n{good}");
    for (line, expected) in [
        ("{\"a\": 1, \"y\": [0]}", "a.jsonl:3: the key `y` holds a list, and a cell is a number, a text or null"),
        ("{\"a\": {\"b\": 1}, \"y\": 0}", "a.jsonl:3: the key `a` holds an object"),
        ("{\"a\": 1, \"y\": 0, \"a\": 2}", "a.jsonl:3: the key `a` stands here twice: keep one"),
        (
            "{\"a\": NaN, \"y\": 0}",
            "a.jsonl:3: not a JSON object: expected value (column 7): NaN and Infinity are no JSON: write null",
        ),
        ("{\"a\": 1, \"y\": ", "a.jsonl:3: not a JSON object: EOF while parsing a value"),
        ("{\"a\": 1, \"y\": 0} x", "a.jsonl:3: not a JSON object: trailing characters (column 18): correct the line"),
        ("[1, 0]", "a.jsonl:3: not a JSON object: invalid type: sequence, expected an object"),
        ("7", "a.jsonl:3: not a JSON object: invalid type: integer `7`, expected an object"),
        ("{\"a\": 1e400, \"y\": 0}", "a.jsonl:3: column `a` holds `1e400`, not a finite number"),
        ("{\"a\": 1e39, \"y\": 0}", "a.jsonl:3: column `a` holds `1e39`, beyond what 32 bits hold"),
        ("{\"a\": 1, \" a\": 2, \"y\": 0}", "a.jsonl:3: two keys are `a` but for blanks: rename one"),
        ("{\"a\": 01, \"y\": 0}", "a.jsonl:3: not a JSON object: invalid number"),
        (
            "{",
            "a.jsonl:3: not a JSON object: EOF while parsing an object (column 1): write each row on a line of its own",
        ),
    ] {
        files.refuses("a.jsonl", with(line), expected);
    }
    files.refuses(
        "a.jsonl",
        [good.as_bytes(), b"{\"a\": \"\xff\", \"y\": 0}\n"].concat(),
        "a.jsonl:3: not a JSON object: ",
    );
    files.refuses("a.jsonl", "{}\n{}\n", "a.jsonl has no row with a key");
    files.refuses("a.jsonl", "", "a.jsonl is empty");
    files.refuses("a.jsonl", "{\"a\": 1, \"b\": 2}\n", "a.jsonl has no column `y`; did you mean `a`? It has a, b");
    files.refuses("a.jsonl.gz", &gzip(good.as_bytes())[..20], "a.jsonl.gz cannot be read: ");
    files.refuses(
        "a.jsonl",
        format!("{{\"a\": \"{}\", \"y\": 1}}\n", "x".repeat(17 << 20)),
        "a.jsonl:1: a row of more than 16 MiB",
    );
    for (key, config) in [
        ("data.delimiter", DataConfig { delimiter: Some(';'), ..files.config("a.jsonl") }),
        ("data.header", DataConfig { header: false, ..files.config("a.jsonl") }),
        ("data.encoding", DataConfig { encoding: Some("gbk".into()), ..files.config("a.jsonl") }),
        ("data.query", DataConfig { query: Some("SELECT 1".into()), ..files.config("a.jsonl") }),
    ] {
        files.write("a.jsonl", good);
        assert_eq!(
            files.load(&config).unwrap_err(),
            format!("{key} has no meaning for a.jsonl, which is JSON Lines: remove it")
        );
    }
    // A mark at the beginning, blank lines, blanks in keys, escapes and words for missing cells are none of these.
    let odd = "\u{feff}{\" a \": 1, \"y\": \"n\\u006f\", \"t\": true}\r\n\n{\" a \": \"NA\", \"y\": \"yes\", \"t\": false}\n{\"y\": \"no\", \" a \": -3e2}";
    let data = files.read("a.jsonl", odd).unwrap();
    assert_eq!(
        data.describe()[1..4],
        [
            "a: numeric, -300 to 1, 1 missing",
            "t: 2 categories (false, true), 1 missing",
            "target `y`: 2 classes (no 2, yes 1)"
        ]
    );
    // What is nested may be left out.
    files.write("a.jsonl", with("{\"a\": 1, \"y\": 0, \"b\": [1]}"));
    let dropped = DataConfig { drop: vec!["b".into()], ..files.config("a.jsonl") };
    assert_eq!(files.load(&dropped).unwrap().num_rows(), 5);
}

#[test]
fn a_bad_array_is_one_clear_line() {
    let files = Files::new();
    let f8 = |cells: &[f64]| cells.iter().flat_map(|cell| cell.to_le_bytes()).collect::<Vec<u8>>();
    let x = npy("'<f8'", "(4,)", false, &f8(&[1.0, 2.0, 3.0, 4.0]));
    let y = npy("'<f8'", "(4,)", false, &f8(&[0.0, 1.0, 0.0, 1.0]));
    let pair = |x: &[u8], y: &[u8]| zip(&[("x.npy", x), ("y.npy", y)], false);
    assert_eq!(files.read("a.npz", pair(&x, &y)).unwrap().cells.to_floats(), [1.0, 2.0, 3.0, 4.0]);
    for (array, expected) in [
        (
            npy("'|O'", "(4,)", false, b"...."),
            "a.npz cannot be read: `x`: it holds Python objects, which only Python reads (`|O`): convert them",
        ),
        (npy("'<M8[D]'", "(4,)", false, &[0; 32]), "a.npz cannot be read: `x`: it holds dates of NumPy"),
        (npy("'<f8'", "(3,)", false, &[0; 24]), "a.npz cannot be read: `y` has 4 rows, and the array before it 3"),
        (npy("'<f8'", "(4,)", false, &[0; 31]), "a.npz:4: the file is cut off here: its header says 4 rows"),
        (npy("'<f8'", "(4,)", false, &[0; 40]), "a.npz holds more than the 4 rows that its header says"),
        (npy("'<f8'", "(4, 9999999999999)", false, &[]), "a.npz cannot be read: `x` has rows of more than 16 MiB"),
        (
            npy("'<f8'", "(99999999999999999999999,)", false, &[]),
            "a.npz cannot be read: `x`: its header is no dictionary",
        ),
        (npy("'<f8'", "(4, 0)", false, &[]), "a.npz cannot be read: `x` has no columns"),
        (npy("'<U0'", "(4,)", false, &[]), "a.npz cannot be read: `x` has no columns"),
        (npy("[('a', '<f8'), ('a', '<f8')]", "(4,)", false, &[0; 64]), "a.npz has two columns `a`"),
        (b"\x93NUMPY\x01\x00\xff\xff{".to_vec(), "a.npz cannot be read: `x`: it is cut off"),
        (b"rest".to_vec(), "a.npz cannot be read: `x`: it is cut off"),
        (
            npy("'<f8'", "(4,)", false, &f8(&[1.0, f64::INFINITY, 3.0, 4.0])),
            "a.npz:2: column `x` holds `inf`, not a finite number",
        ),
    ] {
        files.refuses("a.npz", pair(&array, &y), expected);
    }
    // What the archive itself may have.
    let good = pair(&x, &y);
    let mut flipped = good.clone();
    flipped[good.windows(8).position(|bytes| bytes == 2f64.to_le_bytes()).unwrap()] ^= 1;
    files.refuses(
        "a.npz",
        &flipped,
        "a.npz cannot be read: the ZIP archive is damaged: `x.npy` is not what was archived",
    );
    for end in [good.len() - 3, good.len() - 30, good.len() / 2, 40, 5] {
        files.refuses("a.npz", &good[..end], "a.npz cannot be read: the ZIP archive is damaged: ");
    }
    files.refuses(
        "a.zip",
        zip(&[("a.csv", b"x,y\n1,0\n"), ("b.csv", b"x,y\n1,0\n")], true),
        "a.zip is a ZIP archive of a.csv, b.csv: unzip it",
    );
    files.refuses("a.zip", zip(&[("[Content_Types].xml", b"<"), ("content.xml", b"<")], true), "a.zip is a document");
    let expected = match cfg!(feature = "excel") {
        true => "a.xlsx is no workbook that can be read: ",
        false => "a.xlsx is an Excel workbook: save the sheet as CSV (UTF-8), or build burnlab with --features excel",
    };
    files.refuses("a.xlsx", zip(&[("[Content_Types].xml", b"<"), ("xl/workbook.xml", b"<")], true), expected);
    let mut password = zip(&[("a.csv", b"x,y\n1,0\n")], true);
    let entry = password.windows(4).rposition(|bytes| bytes == b"PK\x01\x02").unwrap();
    password[entry + 8] |= 1;
    files.refuses("a.zip", &password, "a.zip cannot be read: `a.csv` has a password: unzip it");

    // One array: its columns have numbers, in either order of its cells, and three dimensions are rows of numbers.
    let cells = [1.0, 0.0, 2.0, 1.0, 3.0, 0.0, 4.0, 1.0];
    let columns = [1.0, 2.0, 3.0, 4.0, 0.0, 1.0, 0.0, 1.0];
    for (name, bytes) in [
        ("c.npy", npy("'<f8'", "(4, 2)", false, &f8(&cells))),
        ("f.npy", npy("'<f8'", "(4, 2)", true, &f8(&columns))),
        ("c3.npy", npy("'<f8'", "(4, 1, 2)", false, &f8(&cells))),
        ("i.npy", npy("'|i1'", "(4, 2)", false, &cells.map(|cell| cell as i8 as u8))),
        ("f.npz", zip(&[("column.npy", &npy("'<f8'", "(4, 2)", true, &f8(&columns)))], false)),
    ] {
        files.write(name, bytes);
        let data = files.load(&DataConfig { target: Some("column_2".into()), ..files.config(name) }).unwrap();
        assert_eq!(
            (data.cells.to_floats(), &data.columns[0].name[..]),
            (vec![1.0, 2.0, 3.0, 4.0], "column_1"),
            "{name}"
        );
    }
    files.refuses("f.npy.gz", gzip(&npy("'<f8'", "(4, 2)", true, &f8(&columns))), "f.npy.gz cannot be read: `column` is compressed, or of three dimensions, in Fortran's order: save numpy.ascontiguousarray(array)");
}

/// Whatever texts and names of columns other formats have, also those that no CSV file could be told by.
#[test]
fn all_texts_and_names_come_back_from_the_test_rows() {
    let folder = Files::new();
    let texts = ["u\0v", "\0", "a\r\nb", "\u{feff}\u{feff}", "\"", "'\t,;", "\u{1a}", "w"];
    let names =
        ["x\0", "PAR1", "ARROW1\0\0", "SQLite format 3\0", "{\"a\"", "[{", "<html", "@relation a", "| a", "1 2:3"];
    for name in names {
        let row = |i: usize| {
            format!("{}\n", serde_json::json!({name: i * 37 % 101, "c": texts[i % 8], "y": texts[i / 8 % 2]}))
        };
        folder.write("a.jsonl", (0..48).map(row).collect::<String>());
        for drop in [None, Some("c")] {
            let config = DataConfig { drop: drop.into_iter().map(str::to_owned).collect(), ..folder.config("a.jsonl") };
            assert_eq!(folder.load(&config).unwrap().num_rows(), 48);
            try_all(&config, &folder.0.path().join("rewritten.csv"));
        }
    }
    // And a table may have a column with the name that marks a format.
    for name in ["PAR1", "ARROW1", "FEA1", "PARE", "BZh"] {
        let rows: String = (0..20).map(|i| format!("{},{}\n", i * 7 % 11, i % 2)).collect();
        assert_eq!(folder.read("a.csv", format!("{name},y\n{rows}")).unwrap().columns[0].name, name);
    }
}

#[test]
fn a_query_gives_the_table_and_changes_nothing() {
    let files = Files::new();
    let path = files.0.path().join("a.db");
    sqlite(&path, &rows());
    let database = rusqlite::Connection::open(&path).unwrap();
    database
        .execute_batch("CREATE TABLE other (b BLOB, y TEXT); INSERT INTO other VALUES (x'00ff', 'no'), (x'01', 'yes')")
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    let query = |text: &str| files.load(&DataConfig { query: Some(text.into()), ..files.config("a.db") });
    assert_eq!(
        files.load(&files.config("a.db")).unwrap_err(),
        "a.db is a database of several tables, trees, other: say which rows are meant, as by data.query = 'SELECT * FROM \"trees\"'"
    );
    let data = query("SELECT x * 2 AS x, y FROM trees WHERE n IS NOT NULL ORDER BY rowid").unwrap();
    assert_eq!((data.num_rows(), data.cells.cell(0, 0), data.columns.len()), (80, (2.0 * rows()[1].0) as f32, 1));
    for (text, expected) in [
        ("SELECT * FROM nowhere", "a.db: no such table: nowhere"),
        ("SELEC 1", "a.db: near \"SELEC\": syntax error"),
        ("DELETE FROM trees", "data.query must give rows and change nothing: write a SELECT"),
        ("INSERT INTO trees VALUES (1, 2, 'a', 'b') RETURNING x, y", "data.query must give rows and change nothing"),
        ("ATTACH 'b.db' AS b", "data.query must give rows and change nothing"),
        ("", "a.db: SQL is empty or comment only"),
        ("SELECT x, x, y FROM trees", "data.query gives two columns `x`: name one of them anew with AS"),
        ("SELECT x AS a FROM trees", "a.db has no column `y`"),
        ("SELECT * FROM other", "a.db:1: column `b` holds bytes: leave it out of data.query, or add it to data.drop"),
        ("SELECT abs(-9223372036854775808) AS x, y FROM trees", "a.db: integer overflow"),
        ("SELECT zeroblob(99999999) AS x, y FROM trees", "a.db: string or blob too big"),
        ("SELECT x, y FROM trees WHERE 0", "a.db has a header line and no rows"),
        ("SELECT 9e999 AS x, y FROM trees", "a.db:1: column `x` holds `inf`, not a finite number"),
    ] {
        let message = query(text).err().unwrap_or_else(|| panic!("{text}: was read"));
        assert!(message.starts_with(expected), "{text}: {message}");
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert!(!files.0.path().join("b.db").exists());
    files.refuses("cut.db", &before[..5000], "cut.db cannot be read: ");
    files.refuses("text.db", "SQLite format 3\0rest", "text.db cannot be read: ");
    files.refuses("a.db.gz", gzip(&before), "a.db.gz is an SQLite database, which is read from a file of its own only");
    // The key is for databases.
    files.write("a.csv", "x,y\n1,0\n2,1\n");
    let config = DataConfig { query: Some("SELECT 1".into()), ..files.config("a.csv") };
    assert_eq!(files.load(&config).unwrap_err(), "data.query has no meaning for a.csv, which is text: remove it");
}

#[test]
fn several_files_are_one_table_with_the_columns_of_the_first() {
    let files = Files::new();
    let config = files.config("part-*.csv");
    assert!(files.load(&config).unwrap_err().starts_with("no file `part-*.csv`"));
    files.write("part-2.csv", "y,x\nno,3\nyes,4\n");
    files.write("part-10.csv", "x,y\n1,no\n2,yes\n");
    files.write(".part-0.csv", "hidden");
    let data = files.load(&config).unwrap();
    // Sorted by name, as a shell does.
    assert_eq!(data.cells.to_floats(), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(
        data.notes[0].replace(&format!("{}/", files.0.path().display()), ""),
        "2 files, part-10.csv to part-2.csv"
    );
    // An error names its file and the line there.
    files.write("part-2.csv", "y,x\nno,3\nyes,old\nno,5\nyes,6\nno,7\nyes,8\nno,9\nyes,10\n");
    files.write(
        "part-10.csv",
        "x,y\n1,no\n2,yes\n11,no\n12,yes\n13,no\n14,yes\n15,no\n16,yes\n17,no\n18,yes\n19,no\n20,yes\n21,no\n22,yes\n",
    );
    assert!(
        files.load(&config).unwrap_err().starts_with("part-2.csv:3: column `x` holds `old`, no number"),
        "{:?}",
        files.load(&config)
    );
    files.write("part-2.csv", "y,z\nno,3\n");
    assert_eq!(
        files.load(&config).unwrap_err(),
        "part-2.csv lacks x, and also has z, compared with part-10.csv: files that are read as one have the same columns"
    );
    files.write("part-2.csv", "");
    assert_eq!(files.load(&config).unwrap_err(), "part-2.csv is empty");
    // A name with a star is that file where there is one.
    files.write("part-*.csv", "x,y\n7,no\n8,yes\n");
    assert_eq!(files.load(&config).unwrap().cells.to_floats(), [7.0, 8.0]);
    // A list says where it belongs.
    let place = Place::new();
    place.write("c.toml", "[data]\npath = [\"a.csv\", \"b.csv\"]\ntarget = \"y\"\n");
    let output = place.run(&["config", "check", "c.toml"]);
    let expected = "data.path is one file, or a pattern such as \"part-*.csv\": set data.path = \"a.csv\", and data.more_paths = [\"b.csv\"]";
    assert!(text(&output.stderr).contains(expected), "{}", text(&output.stderr));
    place.write("c.toml", "[data]\nsource = \"iris\"\nmore_paths = [\"b.csv\"]\n");
    assert!(text(&place.run(&["config", "check", "c.toml"]).stderr).contains("data.more_paths is for files"));
}

/// A workbook as Excel writes it, of sheets with rows of cells in XML.
#[cfg(feature = "excel")]
pub fn workbook(sheets: &[(&str, String)]) -> Vec<u8> {
    let numbered = |of: &dyn Fn(usize, &str) -> String| -> String {
        sheets.iter().enumerate().map(|(i, (name, _))| of(i + 1, name)).collect()
    };
    let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    let office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    let package = "http://schemas.openxmlformats.org/package/2006";
    let mut files = vec![
        ("[Content_Types].xml".to_owned(), format!("<Types xmlns=\"{package}/content-types\"/>")),
        (
            "_rels/.rels".to_owned(),
            format!(
                "<Relationships xmlns=\"{package}/relationships\"><Relationship Id=\"rId1\" Type=\"{office}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
            ),
        ),
        (
            "xl/workbook.xml".to_owned(),
            format!(
                "<workbook xmlns=\"{main}\" xmlns:r=\"{office}\"><sheets>{}</sheets></workbook>",
                numbered(&|i, name| format!("<sheet name=\"{name}\" sheetId=\"{i}\" r:id=\"rId{i}\"/>"))
            ),
        ),
        (
            "xl/_rels/workbook.xml.rels".to_owned(),
            format!(
                "<Relationships xmlns=\"{package}/relationships\">{}<Relationship Id=\"rId99\" Type=\"{office}/styles\" Target=\"styles.xml\"/></Relationships>",
                numbered(&|i, _| format!(
                    "<Relationship Id=\"rId{i}\" Type=\"{office}/worksheet\" Target=\"worksheets/sheet{i}.xml\"/>"
                ))
            ),
        ),
        // Style 1 is a date.
        (
            "xl/styles.xml".to_owned(),
            format!(
                "<styleSheet xmlns=\"{main}\"><cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/></cellXfs></styleSheet>"
            ),
        ),
    ];
    for (i, (_, rows)) in sheets.iter().enumerate() {
        let sheet = format!("<worksheet xmlns=\"{main}\"><sheetData>{rows}</sheetData></worksheet>");
        files.push((format!("xl/worksheets/sheet{}.xml", i + 1), sheet));
    }
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (name.as_str(), text.as_bytes())).collect();
    zip(&files, true)
}

/// A cell at a place such as `B7`: a number, or a text.
#[cfg(feature = "excel")]
pub fn cell(place: &str, content: &str) -> String {
    match content.parse::<f64>() {
        Ok(_) => format!("<c r=\"{place}\"><v>{content}</v></c>"),
        Err(_) => format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{content}</t></is></c>"),
    }
}

#[cfg(feature = "excel")]
#[test]
fn a_sheet_is_the_table_that_csv_is() {
    let files = Files::new();
    let all = rows();
    let header = "<row r=\"3\">".to_owned()
        + &["x", "n", "tree", "y"]
            .iter()
            .zip("ABCD".chars())
            .map(|(name, column)| cell(&format!("{column}3"), name))
            .collect::<String>()
        + "</row>";
    let row = |(i, (x, n, tree, y)): (usize, &Row)| {
        let r = i + 4;
        let n = n.map_or_else(String::new, |n| cell(&format!("B{r}"), &n.to_string()));
        format!(
            "<row r=\"{r}\">{}{n}{}{}</row>",
            cell(&format!("A{r}"), &x.to_string()),
            cell(&format!("C{r}"), tree),
            cell(&format!("D{r}"), y)
        )
    };
    let table = header.clone() + &all.iter().enumerate().map(row).collect::<String>();
    let plain = files.read("t.csv", csv(&all)).unwrap();
    let found = files.read("t.xlsx", workbook(&[("Trees", table.clone())])).unwrap();
    assert_eq!(found.fingerprint(), plain.fingerprint());
    // The sheet may be another one, and it is said which was read.
    files.write(
        "two.xlsx",
        workbook(&[
            (
                "Notes",
                "<row r=\"1\">".to_owned()
                    + &cell("A1", "x")
                    + &cell("B1", "y")
                    + "</row><row r=\"2\">"
                    + &cell("A2", "1")
                    + &cell("B2", "a")
                    + "</row><row r=\"3\">"
                    + &cell("A3", "2")
                    + &cell("B3", "b")
                    + "</row>",
            ),
            ("Trees", table),
        ]),
    );
    let first = files.load(&files.config("two.xlsx")).unwrap();
    assert!(
        first.notes.contains(&"read the sheet `Notes`; there are Notes, Trees (data.sheet)".to_owned()),
        "{:?}",
        first.notes
    );
    let sheet = |name: &str| files.load(&DataConfig { sheet: Some(name.into()), ..files.config("two.xlsx") });
    assert_eq!(sheet("Trees").unwrap().fingerprint(), plain.fingerprint());
    assert_eq!(sheet("Tree").unwrap_err(), "two.xlsx has no sheet `Tree`. It has Notes, Trees");
    // Dates are dates, and errors of formulas are no numbers.
    let dated: String = (0..30)
        .map(|i| {
            format!(
                "<row r=\"{}\"><c r=\"A{0}\" s=\"1\"><v>{}</v></c>{}</row>",
                i + 2,
                45_292 + i,
                cell(&format!("B{}", i + 2), ["a", "b"][i % 2])
            )
        })
        .collect();
    let head = "<row r=\"1\">".to_owned() + &cell("A1", "day") + &cell("B1", "y") + "</row>";
    let dates = files.read("d.xlsx", workbook(&[("D", head.clone() + &dated)])).unwrap();
    assert!(
        dates.notes.iter().any(|note| note.starts_with("read `day` as dates, 2024-01-01 to 2024-01-30")),
        "{:?}",
        dates.notes
    );
    for (rows, expected) in [
        (String::new(), "b.xlsx has no cell in the sheet `D`"),
        (head.clone(), "b.xlsx has a header line and no rows"),
        (
            head.clone() + "<row r=\"2\">" + &cell("A2", "1") + &cell("XFD2", "7") + "</row>",
            "b.xlsx:2: 16384 cells, and the row of names, line 1, has 2: name the columns",
        ),
        (
            "<row r=\"1\">".to_owned() + &cell("A1", "y") + &cell("B1", "y") + "</row>",
            "b.xlsx:1: columns 1 and 2 are both named `y`",
        ),
        (head.clone() + "<row r=\"2\"", "b.xlsx is no workbook that can be read: "),
        (
            head + "<row r=\"1048576\">" + &cell("A1048576", "1") + &cell("B1048576", "a") + "</row>",
            "b.xlsx has one row with a target",
        ),
    ] {
        files.refuses("b.xlsx", workbook(&[("D", rows)]), expected);
    }
}

#[cfg(feature = "excel")]
#[test]
fn merged_cells_and_formulas_without_a_result_are_told() {
    let files = Files::new();
    // Each town stands beside four rows; nobody has computed `total`.
    let row = |i: usize| {
        let r = i + 2;
        let town = if i.is_multiple_of(4) {
            cell(&format!("A{r}"), ["Ulm", "Bonn", "Mainz"][i / 4 % 3])
        } else {
            String::new()
        };
        let total = format!("<c r=\"C{r}\"><f>B{r}*2</f></c>");
        let bought = cell(&format!("D{r}"), ["no", "yes"][i % 2]);
        format!("<row r=\"{r}\">{town}{}{total}{bought}</row>", cell(&format!("B{r}"), &(i * 37 % 61).to_string()))
    };
    let head =
        ["town", "x", "total", "y"].iter().zip("ABCD".chars()).map(|(name, column)| cell(&format!("{column}1"), name));
    let head = format!("<row r=\"1\">{}</row>", head.collect::<String>());
    let merged: String = (0..15).map(|i| format!("<mergeCell ref=\"A{}:A{}\"/>", 4 * i + 2, 4 * i + 5)).collect();
    // They stand after the cells.
    let rows = head
        + &(0..60).map(row).collect::<String>()
        + "</sheetData><mergeCells>"
        + &merged
        + "</mergeCells><sheetData>";
    let found = files.read("t.xlsx", workbook(&[("T", rows)])).unwrap();
    for expected in [
        "merged cells in `town`: 45 cells that belong to them are empty, and count as missing (unmerge the cells, and fill the \
         value into all of them)",
        "60 formulas in `total` have no result in the file, and count as missing: open it in Excel or LibreOffice, and save it",
    ] {
        assert!(found.notes.iter().any(|note| note == expected), "{:?}", found.notes);
    }
    let target = DataConfig { target: Some("total".into()), ..files.config("t.xlsx") };
    let error = files.load(&target).unwrap_err();
    assert!(error.contains("`total` is always missing; 60 formulas in `total` have no result in the file"), "{error}");
}

#[cfg(feature = "parquet")]
const NOT_READ: &[(&str, &str)] = &[("list", "lists"), ("struct", "structures"), ("bytes", "bytes")];

/// A column of every type is what it is in the CSV file that pandas writes of the table.
#[cfg(feature = "parquet")]
#[test]
fn every_type_of_parquet_and_arrow_is_the_text_that_csv_has() {
    let files = Files::new();
    let load = |name: &str, drop: &[&str]| {
        let drop = drop.iter().map(|name| (*name).to_owned()).collect();
        // Numbers that are dates or names in a table of 60 rows.
        let categorical = ["text", "large_text", "view", "dictionary", "bool"].map(str::to_owned).to_vec();
        let config = DataConfig { path: Some(table_of_others(name)), drop, categorical, ..files.config(name) };
        files.load(&config).map_err(|message| message.replace(&table_of_others("").display().to_string(), ""))
    };
    let expected = load("types.csv", &[]).unwrap();
    for name in ["types.parquet", "types.arrow"] {
        let mut dropped: Vec<&str> = NOT_READ.iter().map(|(name, _)| *name).collect();
        dropped.extend((name == "types.arrow").then_some("duration"));
        let found = load(name, &dropped).unwrap();
        let columns = |data: &Dataset| data.columns.iter().map(|column| column.name.clone()).collect::<Vec<_>>();
        assert_eq!(columns(&found), columns(&expected), "{name}");
        let (width, names) = (expected.columns.len(), columns(&expected));
        for (i, (found, expected)) in found.cells.to_floats().iter().zip(&expected.cells.to_floats()).enumerate() {
            let column = &names[i % width];
            assert!(found == expected || found.is_nan() && expected.is_nan(), "{name}: row {}, {column}", i / width);
        }
        assert_eq!(
            found.fingerprint(),
            expected.fingerprint(),
            "{name}: {:?}\n{:?}",
            found.describe(),
            expected.describe()
        );
        for (column, what) in NOT_READ {
            let others: Vec<&str> = dropped.iter().copied().filter(|name| name != column).collect();
            let message = load(name, &others).unwrap_err();
            assert!(
                message.ends_with(&format!("has a column `{column}` of {what}: leave it out with data.drop")),
                "{message}"
            );
        }
    }
}

/// Files of some kilobytes whose cells would take gigabytes, in less memory than they would.
#[cfg(feature = "parquet")]
#[test]
fn cells_of_parquet_and_arrow_that_fill_memory_are_one_clear_line() {
    for (name, expected) in [
        ("large-page.parquet", "column `c` has a page of 80 MiB for 36 cells: a cell has at most 16 MiB"),
        ("large-dictionary.parquet", "column `c` has a page of 80 MiB for 2 cells: a cell has at most 16 MiB"),
        ("large-cell.parquet", "column `c` has a cell of more than 16 MiB"),
        ("large-batch.arrow", "80 MiB for 108 cells: a cell has at most 16 MiB"),
        ("large-cell.arrow", "column `c` has a cell of more than 16 MiB"),
    ] {
        refused_in_little_memory(&table_of_others(name), expected);
    }
}

/// As an OpenDocument spreadsheet, a workbook has no cell of more than 16 MiB, in whatever way it is written.
#[cfg(feature = "excel")]
#[test]
fn cells_of_a_workbook_that_fill_memory_are_one_clear_line() {
    let place = Place::new();
    let head = "<row r=\"1\">".to_owned() + &cell("A1", "x") + &cell("B1", "b") + "</row>";
    let rows: String = (2..30)
        .map(|r| {
            format!(
                "<row r=\"{r}\">{}{}</row>",
                cell(&format!("A{r}"), &(r * 37 % 31).to_string()),
                cell(&format!("B{r}"), ["a", "b"][r % 2])
            )
        })
        .collect();
    let (large, million) = ("has a cell or an element of more than 16 MiB", "a".repeat(1 << 20));
    for (last, expected) in [
        (cell("B30", &million.repeat(150)), large),
        (
            format!("<c r=\"B30\" t=\"inlineStr\"><is>{}</is></c>", format!("<r><t>{million}</t></r>").repeat(150)),
            large,
        ),
        (format!("<c r=\"B30\" x=\"{}\"/>", million.repeat(150)), large),
    ] {
        let file = place.path("b.xlsx");
        std::fs::write(&file, workbook(&[("D", format!("{head}{rows}<row r=\"30\">{last}</row>"))])).unwrap();
        refused_in_little_memory(&file, expected);
    }
    let file = place.path("b.xlsx");
    std::fs::write(&file, workbook(&[("D", format!("{head}{rows}"))])).unwrap();
    assert!(place.run(&["init", "b.xlsx", "-o", "-"]).status.success());
}

/// That burnlab refuses a file with `expected`, in one line and never more than 250 MiB.
#[cfg(any(feature = "excel", feature = "parquet"))]
#[track_caller]
fn refused_in_little_memory(file: &Path, expected: &str) {
    let place = Place::new();
    let mut child = place.command(&["init", file.to_str().unwrap(), "--target", "b", "-o", "-"]);
    let child = child.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let peak = std::thread::spawn(move || {
        let mut peak = 0;
        // Until it has ended.
        while let Some(found) = std::fs::read_to_string(&status).ok().and_then(|text| {
            let line =
                text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().trim_end_matches(" kB").to_owned();
            line.parse::<u64>().ok()
        }) {
            peak = found;
        }
        peak >> 10
    });
    let output = child.wait_with_output().unwrap();
    let (error, peak) = (text(&output.stderr), peak.join().unwrap());
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(expected) && error.lines().count() == 1, "{error}");
    assert!(peak < 250, "{file:?} took {peak} MiB");
}

/// Bytes that are flipped, cut off or repeated: an answer or a line, and never a panic or all memory.
#[cfg(feature = "parquet")]
#[test]
fn damaged_files_of_parquet_and_arrow_are_one_clear_line() {
    let files = Files::new();
    let mut seed = 1u64;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    let names = PARQUET.iter().chain(ARROW).chain(&["types.parquet", "types.arrow"]);
    let (mut num_read, mut num_refused) = (0, 0);
    for name in names {
        let whole = std::fs::read(table_of_others(name)).unwrap();
        for round in 0..150 {
            let mut bytes = whole.clone();
            match round % 5 {
                0 => bytes.truncate(next(whole.len())),
                1 => _ = bytes.drain(next(whole.len() / 2)..whole.len() / 2 + next(whole.len() / 2)),
                // At the end of a Parquet file and the beginning of an Arrow file is what describes the rest.
                2 => (0..3).for_each(|_| bytes[whole.len() - 1 - next(whole.len().min(900))] = next(256) as u8),
                3 => (0..3).for_each(|_| bytes[next(whole.len().min(900))] = next(256) as u8),
                _ => (0..1 + next(4)).for_each(|_| bytes[next(whole.len())] ^= 1 << next(8)),
            }
            files.write("damaged", bytes);
            match files.load(&files.config("damaged")) {
                Ok(_) => num_read += 1,
                Err(message) => {
                    assert!(!message.contains('\n') && !message.is_empty(), "{message}");
                    num_refused += 1;
                }
            }
        }
    }
    // A flipped bit of a number goes unnoticed where no checksum is.
    assert!(num_refused > 500 && num_read > 50, "{num_refused} {num_read}");
    for (name, bytes, expected) in [
        ("a.parquet", &b"PAR1"[..], "a.parquet is a damaged Parquet file, or of a kind that is not read: "),
        ("a.parquet", b"PARE", "a.parquet is an encrypted Parquet file: write it without encryption"),
        ("a.arrow", b"ARROW1\0\0", "a.arrow is a damaged Arrow file, or of a kind that is not read: it is cut off"),
        (
            "a.arrow",
            b"\xff\xff\xff\xff\x10\0\0\0",
            "a.arrow is a damaged Arrow file, or of a kind that is not read: it is cut off",
        ),
        ("a.feather", b"FEA1", "a.feather is a Feather file of the first version: convert it to CSV"),
    ] {
        files.refuses(name, bytes, expected);
    }
    let parquet = std::fs::read(table_of_others("trees.parquet")).unwrap();
    files.refuses("a.parquet.gz", gzip(&parquet), "a.parquet.gz is a Parquet file inside something else");
    files.write("a.parquet", &parquet);
    let config = DataConfig { delimiter: Some(';'), ..files.config("a.parquet") };
    let expected = "data.delimiter has no meaning for a.parquet, which is a Parquet file: remove it";
    assert_eq!(files.load(&config).unwrap_err(), expected);
    // Arrow's own are read from their beginning to their end, and so from anything.
    let arrow = std::fs::read(table_of_others("trees.arrow")).unwrap();
    assert_eq!(files.read("a.arrow.gz", gzip(&arrow)).unwrap().num_rows(), 90);
}

/// Where a Parquet file has checksums of its pages, no number in it changes in silence.
#[cfg(feature = "parquet")]
#[test]
fn a_page_that_is_not_what_its_checksum_says_is_refused() {
    let place = Place::new();
    let mut bytes = std::fs::read(table_of_others("checksums.parquet")).unwrap();
    let file = place.path("a.parquet");
    std::fs::write(&file, &bytes).unwrap();
    assert!(place.run(&["init", "a.parquet", "--target", "y", "-o", "-"]).status.success());
    // The second number of `x`, in whose place another is.
    let number = (37.0_f64 / 7.0).to_le_bytes();
    let at = bytes.windows(8).position(|window| window == number).unwrap();
    bytes[at + 5] ^= 1;
    std::fs::write(&file, &bytes).unwrap();
    let output = place.run(&["init", "a.parquet", "--target", "y", "-o", "-"]);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("a.parquet is damaged") || error.contains("is a damaged Parquet file"), "{error}");
    assert!(error.contains("CRC") && error.lines().count() == 1, "{error}");
}

/// The reader of workbooks takes such a value for none, or for a part of it.
#[cfg(feature = "excel")]
#[test]
fn a_value_of_a_workbook_that_is_no_plain_text_is_refused() {
    let place = Place::new();
    let row = |r: usize, value: &str| {
        format!("<row r=\"{r}\"><c r=\"A{r}\"><v>{value}</v></c>{}</row>", cell(&format!("B{r}"), ["a", "b"][r % 2]))
    };
    let head = "<row r=\"1\">".to_owned() + &cell("A1", "x") + &cell("B1", "b") + "</row>";
    let rows: String = (2..30).map(|r| row(r, &(r * 37 % 31).to_string())).collect();
    for (value, is_read) in [("7", true), ("<![CDATA[3]]>", false), ("1<!-- x -->2", false), ("&#51;", false)] {
        let sheet = format!("{head}{rows}{}", row(30, value));
        std::fs::write(place.path("b.xlsx"), workbook(&[("D", sheet)])).unwrap();
        let output = place.run(&["init", "b.xlsx", "-o", "-"]);
        let error = text(&output.stderr);
        assert_eq!(output.status.success(), is_read, "{value}: {error}");
        let expected = "has a value in cell A30 that is not plain text";
        assert!(is_read || error.contains(expected) && error.lines().count() == 1, "{value}: {error}");
    }
}

#[cfg(not(feature = "parquet"))]
#[test]
fn a_build_without_the_readers_says_how_to_get_them() {
    let files = Files::new();
    files.refuses(
        "a.parquet",
        "PAR1",
        "a.parquet is a Parquet file: build burnlab with --features parquet, which reads it",
    );
    files.refuses(
        "a.arrow",
        "ARROW1\0\0",
        "a.arrow is an Arrow file: build burnlab with --features parquet, which reads it",
    );
}

#[cfg(feature = "postgres")]
#[test]
fn a_query_of_a_server_gives_the_table_and_changes_nothing() {
    let files = Files::new();
    let address = |address: &str| DataConfig { path: Some(address.into()), ..files.config("") };
    let refused = |config: &DataConfig| files.load(config).err().unwrap_or_else(|| panic!("{config:?} was read"));
    for (url, expected) in [
        (
            "postgres://me:s3cret@h/d",
            "data.path is the address of a PostgreSQL server, and it holds a password, which would be recorded: leave it out, and set PGPASSWORD",
        ),
        (
            "postgres://me@h/d?password=s3cret",
            "data.path is the address of a PostgreSQL server, and it holds a password",
        ),
        (
            "postgres://me@h:port/d",
            "data.path is the address of a PostgreSQL server, and it is not valid: invalid value for option `port`",
        ),
    ] {
        let message = refused(&address(url));
        assert!(message.starts_with(expected) && !message.contains("s3cret"), "{message}");
    }
    let Some(schema) = Schema::new() else { return };
    let message = refused(&address(&schema.address));
    assert!(message.ends_with("is a database without a table: a view is read by data.query"), "{message}");
    schema.run(
        "CREATE TABLE t (i int, f real, d double precision, m numeric(8, 2), b boolean, t text, s timestamp, z timestamptz, \
         day date, y text, a int[], j jsonb, raw bytea, o interval); \
         INSERT INTO t SELECT i, i / 3::real, CASE WHEN i = 4 THEN 'NaN' ELSE i / 7.0 END, i / 8.0, i % 3 = 0, \
         CASE WHEN i % 5 = 0 THEN NULL ELSE 'w' || i % 4 END, timestamp '2024-01-01 12:00' + i * interval '31 hours', \
         timestamptz '2024-01-01 12:00+02' + i * interval '31 hours', date '2024-01-01' + i * i, \
         CASE WHEN i % 2 = 0 THEN 'yes' ELSE 'no' END, ARRAY[i], '{}', 'x', interval '1 day' FROM generate_series(1, 30) i",
    );
    let config = DataConfig { drop: ["a", "j", "raw", "o"].map(str::to_owned).to_vec(), ..address(&schema.address) };
    let data = files.load(&config).unwrap();
    // The same, as it would be exported.
    let mut table = "i,f,d,m,b,t,s,z,day,y\n".to_owned();
    for i in 1..=30i64 {
        let time =
            |seconds: i64| jiff::Timestamp::from_second(1_704_067_200 + seconds + i * 31 * 3600).unwrap().to_string();
        let day = jiff::Timestamp::from_second(1_704_067_200 + i * i * 86_400).unwrap().to_string();
        let d = if i == 4 { String::new() } else { (i as f64 / 7.0).to_string() };
        let t = if i % 5 == 0 { String::new() } else { format!("w{}", i % 4) };
        let y = if i % 2 == 0 { "yes" } else { "no" };
        table += &format!(
            "{i},{},{d},{:.2},{},{t},{},{},{},{y}\n",
            i as f32 / 3.0,
            (i as f64 / 8.0 * 100.0).round() / 100.0,
            if i % 3 == 0 { "True" } else { "False" },
            time(12 * 3600),
            time(10 * 3600),
            &day[..10]
        );
    }
    let expected = files.read("t.csv", table).unwrap();
    assert_eq!(data.fingerprint(), expected.fingerprint(), "{:#?}\n{:#?}", data.describe(), expected.describe());

    let query = |text: &str| DataConfig { query: Some(text.into()), ..address(&schema.address) };
    for (text, expected) in [
        ("SELECT * FROM nowhere", "relation \"nowhere\" does not exist"),
        ("SELEC 1", "syntax error at or near \"SELEC\""),
        ("DELETE FROM t", "data.query must give rows and change nothing: write a SELECT"),
        ("INSERT INTO t (i, y) VALUES (1, 'a') RETURNING i, y", "data.query must give rows and change nothing"),
        (
            "WITH gone AS (DELETE FROM t RETURNING i, y) SELECT * FROM gone",
            "data.query must give rows and change nothing",
        ),
        ("SELECT i, y FROM t; DROP TABLE t", "cannot insert multiple commands into a prepared statement"),
        ("", "data.query must give rows and change nothing"),
        ("SELECT i, i, y FROM t", "data.query gives two columns `i`: name one of them anew with AS"),
        ("SELECT i FROM t", "has no column `y`"),
        ("SELECT a, y FROM t", "column `a` holds lists: leave it out of data.query, or add it to data.drop"),
        ("SELECT raw, y FROM t", "column `raw` holds bytes"),
        ("SELECT i / (i - 7) AS x, y FROM t", "division by zero"),
        ("SELECT i, y FROM t WHERE false", "has a header line and no rows"),
        // As the server's own limit does.
        ("SELECT i, pg_cancel_backend(pg_backend_pid())::text || y AS y FROM t", "it gave no row for 60 s"),
    ] {
        let message = refused(&query(text));
        assert!(message.contains(expected), "{text}: {message}");
    }
    assert_eq!(files.load(&query("SELECT f, y FROM t WHERE i > 3 ORDER BY i;")).unwrap().num_rows(), 27);
    let settings = "current_setting('statement_timeout') || current_setting('transaction_read_only')";
    let data = files.load(&query(&format!("SELECT f, {settings} || y AS y FROM t"))).unwrap();
    assert!(data.describe().concat().contains("1minonno 15, 1minonyes 15"), "{:?}", data.describe());
    schema.run("CREATE TABLE u (a int)");
    let message = refused(&address(&schema.address));
    assert!(
        message.ends_with(
            "is a database of several tables, t, u: say which rows are meant, as by data.query = 'SELECT * FROM \"t\"'"
        ),
        "{message}"
    );
    // The address is recorded as it is, and the run can be judged again.
    let place = Place::new();
    let keys =
        format!("[data]\npath = {:?}\nquery = \"SELECT i, f, y FROM t ORDER BY i\"\ntarget = \"y\"\n", schema.address);
    place.write("c.toml", &format!("{keys}[model]\nhidden = []\n[training]\nmax_epochs = 2\n"));
    run(&place, &["--config", "c.toml", "-q"]);
    let evaluated = run(&place, &["evaluate", "c", "--data", &schema.address]);
    assert!(evaluated.contains("on 30 rows"), "{evaluated}");
    let repeated = run(&place, &["evaluate", "c"]);
    assert!(repeated.contains("test"), "{repeated}");
}

/// A spreadsheet as LibreOffice writes it, of one sheet with these rows in XML.
#[cfg(feature = "excel")]
pub fn spreadsheet(rows: &str) -> Vec<u8> {
    let content = format!(
        "<?xml version=\"1.0\"?>\n<office:document-content><office:body><office:spreadsheet>\n<table:table \
         table:name=\"A &amp; B\"><table:table-column/>{rows}</table:table><table:table table:name=\"C\"/>\
         </office:spreadsheet></office:body></office:document-content>"
    );
    let kind = b"application/vnd.oasis.opendocument.spreadsheet";
    zip(&[("mimetype", kind), ("content.xml", content.as_bytes())], true)
}

#[cfg(feature = "excel")]
pub fn ods_row(cells: &[(&str, &str)]) -> String {
    let cell = |(attributes, text): &(&str, &str)| {
        format!("<table:table-cell {attributes}><text:p>{text}</text:p></table:table-cell>")
    };
    format!("<table:table-row>{}</table:table-row>", cells.iter().map(cell).collect::<String>())
}

/// OpenDocument 1.3, part 3: 9.1 (rows and cells that repeat), 19.385 (values).
#[cfg(feature = "excel")]
#[test]
fn a_spreadsheet_is_the_table_that_csv_is() {
    let files = Files::new();
    let text = "office:value-type=\"string\"";
    let header = ods_row(&["day", "at", "cost", "ok", "note", "y"].map(|name| (text, name)));
    let (mut table, mut csv) = (header.clone(), "day,at,cost,ok,note,y\n".to_owned());
    for i in 0..30 {
        let day = format!("2024-01-{:02}", i + 1);
        let (date, at) = (
            format!("office:value-type=\"date\" office:date-value=\"{day}\""),
            format!("office:value-type=\"time\" office:time-value=\"PT{:02}H30M00S\"", i.min(23)),
        );
        let ok = format!("office:value-type=\"boolean\" office:boolean-value=\"{}\"", i % 3 == 0);
        let cost = format!("office:value-type=\"currency\" office:value=\"{}.50\"", i * 7 % 11);
        let note = "<text:span>a</text:span><text:s text:c=\"2\"/>&lt;&#98;<office:annotation><text:p>no</text:p></office:annotation>";
        table += &ods_row(&[
            (&date, "shown"),
            (&at, "shown"),
            (&cost, "shown €"),
            (&ok, "shown"),
            (text, note),
            (text, ["u", "v"][i % 2]),
        ]);
        csv += &format!(
            "{day},{:02}:30:00,{}.5,{},a  <b,{}\n",
            i.min(23),
            i * 7 % 11,
            if i % 3 == 0 { "True" } else { "False" },
            ["u", "v"][i % 2]
        );
    }
    // What other programs leave at the end: a million rows, and cells to the last column.
    let empty = "<table:table-row table:number-rows-repeated=\"1048000\"><table:table-cell table:number-columns-repeated=\"16384\"/></table:table-row>";
    let found = files.read("a.ods", spreadsheet(&(table + empty))).unwrap();
    assert_eq!(found.fingerprint(), files.read("a.csv", csv).unwrap().fingerprint(), "{:#?}", found.describe());
    assert!(
        found.notes.iter().any(|note| note.contains("read the sheet `A & B`; there are A & B, C")),
        "{:?}",
        found.notes
    );
    // Equal rows and cells are written once.
    let number = |count: &str, number: u8| {
        format!("<table:table-cell {count} office:value-type=\"float\" office:value=\"{number}\"/>")
    };
    let twice = "table:number-columns-repeated=\"2\"";
    let rows = ods_row(&["a", "b", "y"].map(|name| (text, name)))
        + &format!(
            "<table:table-row table:number-rows-repeated=\"3\">{}{}</table:table-row>",
            number(twice, 4),
            number("", 0)
        )
        + &format!("<table:table-row><table:table-cell/>{}</table:table-row>", number(twice, 1));
    files.write("b.ods", spreadsheet(&rows));
    let config = DataConfig { allow_constant: true, ..files.config("b.ods") };
    let data = files.load(&config).unwrap();
    let cells = data.cells.to_floats();
    assert_eq!((&cells[..6], data.num_rows(), cells[6].is_nan()), (&[4.0; 6][..], 4, true));
    for (rows, expected) in [
        (String::new(), "c.ods has no cell in the sheet `A & B`"),
        (header.clone(), "c.ods has a header line and no rows"),
        (header.clone() + "<table:table-row><table:table-cell", "c.ods is no workbook that can be read: "),
        (
            header.clone() + "<table:table-row>&nonsense;</table:table-row>",
            "c.ods is no workbook that can be read: an entity",
        ),
        (header.clone() + &"<a>".repeat(300), "c.ods is no workbook that can be read: its elements are too deep"),
        (
            header.clone()
                + &format!(
                    "<table:table-row table:number-rows-repeated=\"4000000000\">{}</table:table-row>",
                    number("", 1)
                ),
            "c.ods is no workbook that can be read: it has more rows than a sheet has",
        ),
        (
            header.clone()
                + &format!(
                    "<table:table-row>{}</table:table-row>",
                    number("table:number-columns-repeated=\"4000000000\"", 1)
                ),
            "c.ods:2: more cells than a sheet has columns",
        ),
        (header + &ods_row(&[(text, &"x".repeat(17 << 20))]), "c.ods is no workbook that can be read: "),
    ] {
        files.refuses("c.ods", spreadsheet(&rows), expected);
    }
    let whole = spreadsheet(&rows);
    for end in [whole.len() / 2, whole.len() - 30] {
        files.refuses("c.ods", &whole[..end], "c.ods cannot be read: the ZIP archive is damaged");
    }
}

#[cfg(not(feature = "excel"))]
#[test]
fn a_spreadsheet_needs_a_build_that_reads_it() {
    let files = Files::new();
    let kind = b"application/vnd.oasis.opendocument.spreadsheet";
    let expected =
        "a.ods is an OpenDocument spreadsheet: save the sheet as CSV (UTF-8), or build burnlab with --features excel";
    files.refuses("a.ods", zip(&[("mimetype", kind), ("content.xml", b"<")], false), expected);
}
