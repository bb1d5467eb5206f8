//! `burnlab serve`: every form of a request gives what `burnlab predict` writes for the same rows.

use std::io::{Read, Write};
use std::process::Command;

use serde_json::{Value, json};

use crate::lab::config_file;
use crate::place::{Place, text, wait_for};
use crate::served::{Served, status};

const JSON: (&str, &str) = ("content-type", "application/json");
const CSV: (&str, &str) = ("content-type", "text/csv");

/// A run of iris, and one of a table with words and missing cells.
fn trained() -> Place {
    let place = Place::new();
    let iris = config_file("iris").display().to_string();
    place.write("words.csv", &format!("size,colour,y\n{}", "1,red,10\n2,blue,20\n3,,30\n,red,15\n".repeat(10)));
    place.write(
        "words.toml",
        "[data]\npath = \"words.csv\"\ntarget = \"y\"\ntask = \"regression\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 3\n",
    );
    for config in [&*iris, "words.toml"] {
        let output = place.run(&["--config", config, "--set", "training.max_epochs=3", "--quiet"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    place
}

fn start(place: &Place, args: &[&str]) -> Served {
    Served::start(place.command(&[&["serve", "--port", "0"], args].concat())).expect("it serves")
}

#[track_caller]
fn ask(served: &Served, path: &str, body: &Value) -> Value {
    let (status, answer) = served.send("POST", path, &[JSON], body.to_string().as_bytes()).unwrap();
    assert_eq!(status, 200, "{path} {body}: {answer}");
    serde_json::from_str(&answer).unwrap()
}

#[track_caller]
fn get(served: &Served, path: &str) -> Value {
    let (status, answer) = served.ask("GET", path, "").unwrap();
    assert_eq!(status, 200, "{path}: {answer}");
    serde_json::from_str(&answer).unwrap()
}

/// The header and the rows of what `burnlab predict` prints.
fn predicted(place: &Place, run: &str, rows: &str) -> (Vec<String>, Vec<Vec<String>>) {
    place.write("rows.csv", rows);
    let output = place.run(&["predict", run, "rows.csv"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    let mut lines = said.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    (lines.next().unwrap(), lines.collect())
}

const ROWS: &str = "sepal_length_(cm),sepal_width_(cm),petal_length_(cm),petal_width_(cm)\n5.1,3.5,1.4,0.2\n6.7,3,5.2,2.3\n5.9,,4.2,1.5\n";

#[test]
fn every_protocol_gives_what_predict_writes() {
    let place = trained();
    let served = start(&place, &["iris", "words"]);
    let (header, expected) = predicted(&place, "iris", ROWS);
    let classes: Vec<&str> = expected.iter().map(|row| &*row[1]).collect();
    let close = |found: &Value, expected: &str| {
        let (found, expected) = (found.as_f64().unwrap(), expected.parse::<f64>().unwrap());
        assert!((found - expected).abs() < 1e-5, "{found} {expected}");
    };

    // Our own: CSV, objects, lists, and CSV back.
    let (status, csv) = served.send("POST", "/predict", &[CSV, ("accept", "text/csv")], ROWS.as_bytes()).unwrap();
    assert_eq!((status, csv.lines().next().unwrap()), (200, &*header.join(",")));
    assert_eq!(csv.lines().count(), 4);
    let names = ["sepal_length_(cm)", "sepal_width_(cm)", "petal_length_(cm)", "petal_width_(cm)"];
    let lists = json!([[5.1, 3.5, 1.4, 0.2], [6.7, 3, 5.2, 2.3], [5.9, null, 4.2, 1.5]]);
    let records: Vec<Value> = lists
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            Value::Object(names.iter().map(|name| (*name).to_owned()).zip(row.as_array().unwrap().clone()).collect())
        })
        .collect();
    let (_, by_csv) = served.send("POST", "/predict/iris", &[CSV], ROWS.as_bytes()).unwrap();
    for answer in [
        serde_json::from_str(&by_csv).unwrap(),
        ask(&served, "/predict", &json!(records)),
        ask(&served, "/predict", &lists),
    ] {
        assert_eq!(answer["model"], "iris");
        for (row, expected) in answer["rows"].as_array().unwrap().iter().zip(&expected) {
            assert_eq!(row["predicted"], expected[1]);
            for (name, expected) in header[2..].iter().zip(&expected[2..]) {
                close(&row["probabilities"][name.strip_prefix("probability_").unwrap()], expected);
            }
        }
        assert!(
            answer["warnings"].to_string().contains("sepal_width_(cm)"),
            "a missing cell where training had none: {answer}"
        );
    }
    assert_eq!(ask(&served, "/predict", &records[0])["rows"].as_array().unwrap().len(), 1);

    // MLflow's.
    let columns = json!(
        names
            .iter()
            .zip(0..)
            .map(|(name, i)| {
                (*name, lists.as_array().unwrap().iter().map(|row| row[i].clone()).collect::<Vec<_>>())
            })
            .collect::<std::collections::BTreeMap<_, _>>()
    );
    for request in [
        json!({"dataframe_split": {"columns": names, "data": lists}}),
        json!({"dataframe_split": {"index": [7, 8, 9], "columns": names, "data": lists}}),
        json!({"dataframe_records": records}),
        json!({"instances": lists}),
        json!({"instances": records}),
        json!({"inputs": columns}),
        json!({"inputs": lists}),
    ] {
        assert_eq!(ask(&served, "/invocations", &request)["predictions"], json!(classes), "{request}");
    }
    let (status, answer) = served.send("POST", "/invocations", &[CSV], ROWS.as_bytes()).unwrap();
    assert!(
        status == 200 && serde_json::from_str::<Value>(&answer).unwrap()["predictions"] == json!(classes),
        "{answer}"
    );

    // The Open Inference Protocol's: one tensor, a tensor a column, and binary ones.
    let flat: Vec<Value> = lists.as_array().unwrap().iter().flat_map(|row| row.as_array().unwrap().clone()).collect();
    let whole =
        |data: Value| json!({"id": "7", "inputs": [{"name": "x", "shape": [3, 4], "datatype": "FP64", "data": data}]});
    let by_column: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "shape": [3], "datatype": "FP64", "data": columns[name]}))
        .collect();
    for request in [whole(json!(flat)), whole(lists.clone()), json!({"inputs": by_column})] {
        let answer = ask(&served, "/v2/models/iris/infer", &request);
        assert_eq!(
            answer["outputs"][0],
            json!({"name": "predicted", "datatype": "BYTES", "shape": [3], "data": classes})
        );
        assert_eq!(answer["outputs"][1]["shape"], json!([3, 3]));
        close(&answer["outputs"][1]["data"][5], &expected[1][4]);
        assert_eq!(answer.get("id"), request.get("id"));
    }
    let head = json!({"inputs": [
        {"name": "x", "shape": [3, 4], "datatype": "FP32", "parameters": {"binary_data_size": 48}}
    ], "outputs": [{"name": "predicted"}]})
    .to_string();
    let numbers = flat.iter().flat_map(|value| (value.as_f64().unwrap_or(f64::NAN) as f32).to_le_bytes());
    let body: Vec<u8> = head.bytes().chain(numbers).collect();
    let length = head.len().to_string();
    let headers = [("inference-header-content-length", &*length)];
    let (status, answer) = served.send("POST", "/v2/models/iris/infer", &headers, &body).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (status, &answer["outputs"]),
        (
            200,
            &json!([
                {"name": "predicted", "datatype": "BYTES", "shape": [3], "data": classes}
            ])
        )
    );

    // Numbers and words.
    let rows = "size,colour\n1,red\n2,blue\n,\n";
    let (_, expected) = predicted(&place, "words", rows);
    let answer = ask(
        &served,
        "/v2/models/words/infer",
        &json!({"inputs": [
            {"name": "colour", "shape": [3, 1], "datatype": "BYTES", "data": ["red", "blue", null]},
            {"name": "size", "shape": [3], "datatype": "INT64", "data": [1, 2, null]},
        ]}),
    );
    for (found, expected) in answer["outputs"][0]["data"].as_array().unwrap().iter().zip(expected) {
        close(found, &expected[1]);
    }
    let model = get(&served, "/v2/models/words");
    let inputs = json!([
        {"name": "size", "datatype": "FP64", "shape": [-1]}, {"name": "colour", "datatype": "BYTES", "shape": [-1]}
    ]);
    assert_eq!((&model["inputs"], &model["outputs"][0]["datatype"]), (&inputs, &json!("FP64")));
    let version = model["versions"][0].as_str().unwrap();
    assert!(version.starts_with("words-"));
    assert_eq!(get(&served, &format!("/v2/models/words/versions/{version}")), model);
    for path in ["/v2/health/live", "/v2/health/ready", "/v2/models/iris/ready", "/ping", "/health", "/version"] {
        assert_eq!(served.ask("GET", path, "").unwrap().0, 200, "{path}");
    }
    assert_eq!(get(&served, "/openapi.json")["x-models"], json!(["iris", "words"]));
    let (_, metrics) = served.ask("GET", "/metrics", "").unwrap();
    for line in ["burnlab_rows_total{model=\"words\"} 3", "column=\"sepal_width_(cm)\",kind=\"missing\"}"] {
        assert!(metrics.contains(line), "{metrics}");
    }
}

fn with_shape(shape: &str, data: &str) -> String {
    format!("{{\"inputs\":[{{\"name\":\"x\",\"shape\":{shape},\"datatype\":\"FP64\",\"data\":[{data}]}}]}}")
}

fn asked_twice() -> String {
    let outputs = ",\"outputs\":[{\"name\":\"predicted\"},{\"name\":\"predicted\"}]}";
    with_shape("[1,4]", "1,1,1,1").trim_end_matches('}').to_owned() + outputs
}

/// A small request whose rows are large: each has the name of its column.
fn wide_name() -> String {
    let (name, rows) = ("a".repeat(1_000_000), vec!["1"; 1000].join(","));
    format!("{{\"dataframe_split\":{{\"columns\":[\"{name}\"],\"data\":[{rows}]}}}}")
}

#[test]
fn what_is_wrong_with_a_request_is_told_in_a_line() {
    let place = trained();
    let served = start(&place, &["iris"]);
    let rows = |count: usize| ROWS.lines().next().unwrap().to_owned() + &"\n1,1,1,1".repeat(count);
    for (path, headers, body, expected, told) in [
        ("/predict", JSON, "{".to_owned(), 400, "not JSON"),
        ("/predict", JSON, "7".to_owned(), 400, "is a number"),
        ("/predict", JSON, "[]".to_owned(), 400, "no rows"),
        ("/predict", JSON, "[[1, 2]]".to_owned(), 400, "2 values for 4 columns"),
        ("/predict", JSON, "[{\"sepal_length_(cm)\": 1}]".to_owned(), 400, "sepal_width_(cm)"),
        ("/predict", JSON, "[".repeat(100_000), 400, "recursion"),
        ("/predict", CSV, ROWS.replace("5.1", "tall"), 400, "the request:2"),
        ("/predict", CSV, String::new(), 400, "the request"),
        ("/predict", CSV, "PK\u{3}\u{4}zip".to_owned(), 400, "the request"),
        ("/predict", CSV, "SQLite format 3\0".to_owned(), 400, "the request"),
        ("/predict", CSV, rows(100_001), 413, "more than 100000 rows"),
        ("/predict/none", CSV, ROWS.to_owned(), 404, "no model `none`; served: `iris`"),
        ("/invocations", JSON, "{}".to_owned(), 400, "dataframe_split"),
        ("/invocations", JSON, "{\"inputs\": 1}".to_owned(), 400, "`inputs` is a number"),
        ("/invocations", JSON, "{\"inputs\": [], \"instances\": []}".to_owned(), 400, "needs one of"),
        ("/invocations", JSON, "{\"inputs\": [[1,1,1,1]], \"params\": 5}".to_owned(), 400, "`params` is a number"),
        ("/invocations", JSON, "{\"inputs\": [[1,1,1,1]], \"parms\": {}}".to_owned(), 400, "there is no `parms`"),
        (
            "/invocations",
            JSON,
            "{\"inputs\": [[1,1,1,1]], \"params\": {\"probabilities\": 1}}".to_owned(),
            400,
            "`params.probabilities` is a number, not a Boolean",
        ),
        ("/v2/models/iris/infer", JSON, "{}".to_owned(), 400, "missing field `inputs`"),
        ("/v2/models/iris/infer", JSON, "{\"inputs\": []}".to_owned(), 400, "no rows"),
        ("/v2/models/iris/infer", JSON, asked_twice(), 400, "output `predicted` is asked for twice"),
        ("/v2/models/iris/infer", JSON, with_shape("[4611686018427387904,0]", ""), 400, "is no table of 4 columns"),
        ("/invocations", JSON, wide_name(), 413, "more than 128 MiB"),
        ("/predict", JSON, format!("[{}1]", "[],".repeat(4_000_001)), 413, "more than 4000000 values"),
        ("/v2/models/iris/versions/1/infer", JSON, "{\"inputs\": []}".to_owned(), 404, "is served from run"),
        ("/nothing", JSON, String::new(), 404, "openapi.json"),
        ("/metrics", JSON, String::new(), 405, "does not take POST"),
    ] {
        let (status, answer) = served.send("POST", path, &[headers], body.as_bytes()).unwrap();
        assert_eq!(status, expected, "{path}: {answer}");
        let error: Value = serde_json::from_str(&answer).unwrap();
        let error = error["error"].as_str().unwrap();
        assert!(error.contains(told) && error.lines().count() == 1, "{path}: {error}");
    }
    let (status, _) = served.send("POST", "/predict", &[CSV], &vec![b'1'; 17 << 20]).unwrap_or((413, String::new()));
    assert_eq!(status, 413);
    // It still answers.
    assert_eq!(served.send("POST", "/predict", &[CSV], ROWS.as_bytes()).unwrap().0, 200);

    for (args, told) in [
        (&["serve", "nothing"][..], "no run `nothing`"),
        (&["serve", "iris", "iris"], "named twice"),
        (&["serve", "iris", "--host", "0.0.0.0"], "--allow-remote"),
    ] {
        let output = place.run(args);
        assert!(output.status.code() == Some(1) && text(&output.stderr).contains(told), "{}", text(&output.stderr));
    }
}

/// Bodies that are no requests, to every path that takes one: each is refused in a line, and nothing ends.
#[test]
fn hostile_bodies_are_refused_on_every_path() {
    let place = with_story();
    let served = start(&place, &["iris", "story"]);
    let document = get(&served, "/openapi.json");
    let paths: Vec<&String> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .filter(|(_, is)| is["post"].is_object())
        .map(|(path, _)| path)
        .collect();
    assert!(paths.len() >= 9, "{paths:?}");
    let deep = |open: &str, close: &str, depth: usize| open.repeat(depth) + &close.repeat(depth);
    let rows = |cell: &str| format!("{{\"inputs\":[[{cell},1,1,1]],\"prompt\":{cell}}}");
    let bodies: Vec<Vec<u8>> = [
        String::new(),
        "null".to_owned(),
        "true".to_owned(),
        "\"\"".to_owned(),
        deep("[", "]", 30_000),
        deep("{\"inputs\":", "}", 5_000),
        "[".repeat(60_000),
        "{\"inputs\":".to_owned(),
        "[[1,2,3,4]] {}".to_owned(),
        rows("1e999"),
        rows("-"),
        rows("0x10"),
        rows("Infinity"),
        rows("\"\\ud800\""),
        rows(&deep("[", "]", 200)),
        rows("{\"__proto__\":1}"),
        "{\"__proto__\":{\"inputs\":[[1,1,1,1]]}}".to_owned(),
        "{\"length\":1e18}".to_owned(),
        "{\"length\":-1}".to_owned(),
        "{\"length\":18446744073709551616}".to_owned(),
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[-1,4],\"datatype\":\"FP32\",\"data\":[1,1,1,1]}]}".to_owned(),
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[1e9,1e9],\"datatype\":\"FP32\",\"data\":[]}]}".to_owned(),
        "{\"inputs\":[{\"name\":\"x\",\"shape\":[18446744073709551615],\"datatype\":\"BYTES\",\"data\":[\"\"]}]}"
            .to_owned(),
        "\0".repeat(1000),
        " ".repeat(100_000),
    ]
    .into_iter()
    .map(String::into_bytes)
    .chain([
        b"{\"inputs\":[[\"\xff\xfe\"]]}".to_vec(),
        b"\xef\xbb\xbf[[1,2,3,4]]".to_vec(),
        b"\x1f\x8b\x08zip".to_vec(),
    ])
    .collect();
    for path in paths {
        for body in &bodies {
            let begin = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
            let (status, answer) = served.send("POST", path, &[JSON], body).unwrap();
            assert!((400..500).contains(&status), "{path} {begin}: {status} {answer}");
            let error: Value = serde_json::from_str(&answer).unwrap();
            let error = error["error"].as_str().unwrap();
            assert!(error.lines().count() == 1 && error.len() < 2000, "{path} {begin}: {error}");
        }
    }
    // A body may say that it is of another kind, or compressed; it is read as what it is taken for, and no further.
    let row = r#""sepal_length_(cm)": 5.1, "sepal_width_(cm)": 3.5, "petal_length_(cm)": 1.4, "petal_width_(cm)": 0.2"#;
    let (one_object, lines) = (format!("{{\n  {row}\n}}\n"), format!("{{{row}}}\n{{{row}}}\n"));
    for kind in
        ["text/csv", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "", "a/b; charset=\""]
    {
        for body in ["", "\0\0", "a,b\n1,2\n", "\"unclosed\n", "[{\"a\": 1}]", "{\n\"a\": 1\n}"] {
            let (status, answer) = served.send("POST", "/predict", &[("content-type", kind)], body.as_bytes()).unwrap();
            assert!((400..500).contains(&status) && answer.contains("error"), "{kind} {body}: {status} {answer}");
        }
        // What `curl -d` sends without more: JSON is seen, unless the body is said to be a table.
        for (body, rows) in [("[[1,2,3,4]]", 1), (&*one_object, 1), (&*lines, 2)] {
            let (status, answer) = served.send("POST", "/predict", &[("content-type", kind)], body.as_bytes()).unwrap();
            let is_read = kind != "text/csv" || body == lines;
            assert_eq!(status, if is_read { 200 } else { 400 }, "{kind} {body}: {answer}");
            assert!(!is_read || answer.matches("\"predicted\"").count() == rows, "{kind} {body}: {answer}");
        }
    }
    let zipped = [JSON, ("content-encoding", "gzip")];
    assert_eq!(served.send("POST", "/predict", &zipped, b"\x1f\x8b\x08\0").unwrap().0, 400);
    assert_eq!(served.send("POST", "/predict", &[CSV], ROWS.as_bytes()).unwrap().0, 200);
}

/// A body in chunks is read as any other, and requests that follow each other on a connection are answered in order.
#[test]
fn chunks_and_pipelines_are_read_as_they_are_meant() {
    let place = trained();
    let served = start(&place, &["iris"]);
    let mut stream = std::net::TcpStream::connect(&served.address).unwrap();
    let host = &served.address;
    let csv = format!("host: {host}\r\ncontent-type: text/csv\r\naccept: text/csv\r\n");
    let chunks: String =
        ROWS.as_bytes().chunks(7).map(|part| format!("{:x}\r\n{}\r\n", part.len(), text(part))).collect();
    let whole = |body: &str| format!("POST /predict HTTP/1.1\r\n{csv}content-length: {}\r\n\r\n{body}", body.len());
    let all = [
        format!("POST /predict HTTP/1.1\r\n{csv}transfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"),
        whole(ROWS),
        whole("a\n1\n"),
        whole(ROWS),
        format!("GET /v2 HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"),
    ];
    stream.write_all(all.concat().as_bytes()).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    let answers: Vec<&str> = said.split("HTTP/1.1 ").skip(1).collect();
    let statuses: Vec<&str> = answers.iter().map(|answer| &answer[..3]).collect();
    assert_eq!(statuses, ["200", "200", "400", "200", "200"], "{said}");
    let body = |i: usize| answers[i].split_once("\r\n\r\n").unwrap().1;
    assert_eq!((body(0), body(0)), (body(1), body(3)));
    assert!(body(0).starts_with("row,predicted,") && body(4).contains("\"burnlab\""), "{said}");
}

/// After the last event the connection ends: a client that keeps it and says nothing would hold a place for ever.
#[test]
fn a_stream_ends_with_its_connection() {
    let place = with_story();
    let served = start(&place, &["story"]);
    let mut stream = std::net::TcpStream::connect(&served.address).unwrap();
    let body = "{\"length\":20}";
    let head = format!("POST /generate HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n\r\n", served.address, body.len());
    stream.write_all((head + body).as_bytes()).unwrap();
    stream.set_read_timeout(Some(crate::place::DEADLINE)).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).expect("the connection ends");
    assert!(said.contains("connection: close\r\n") && said.contains("event: end"), "{said}");
}

/// 64 clients at once, each with rows that are large in JSON: what waits for the network is small.
#[test]
#[cfg(target_os = "linux")]
fn many_clients_with_many_rows_need_little_memory() {
    let place = Place::new();
    let output = place.run(&["--config", "digits", "--set", "training.max_epochs=1", "--quiet"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let served = start(&place, &["digits"]);
    let row: Vec<u32> = (0..64).map(|i| i % 17).collect();
    let body = json!({ "inputs": vec![row; 100] }).to_string();
    let tensor = json!({"inputs": [{"name": "x", "shape": [100, 64], "datatype": "FP32", "data":
        (0..6400).map(|i| i % 17).collect::<Vec<u32>>()}]})
    .to_string();
    std::thread::scope(|scope| {
        for client in 0..64 {
            let (served, path, body) = match client % 2 {
                0 => (&served, "/invocations", &body),
                _ => (&served, "/v2/models/digits/infer", &tensor),
            };
            scope.spawn(move || {
                for _ in 0..10 {
                    let (status, answer) = served.send("POST", path, &[JSON], body.as_bytes()).unwrap();
                    assert_eq!(status, 200, "{answer}");
                }
            });
        }
    });
    let peak = served.peak().unwrap();
    println!("peak memory: {peak:.0} MiB");
    // Measured: 38 on 2 cores, busy or not.
    assert!(peak < 60.0, "{peak} MiB");
}

/// Pages of others, and names of others for this machine, on every path that the server says it has.
#[test]
fn strangers_are_refused_on_every_path() {
    let place = trained();
    let served = start(&place, &["iris"]);
    let document = get(&served, "/openapi.json");
    let listed = document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
        methods.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path.clone()))
    });
    let own =
        ["/", "/serve.js", "/serve.css", "/openapi.json", "/nothing"].map(|path| ("GET".to_owned(), path.to_owned()));
    let all: Vec<(String, String)> = listed.chain(own).collect();
    assert!(all.len() > 20, "{all:?}");
    for (method, path) in all {
        let own = served.answer(&method, &path, &[JSON], b"{}").unwrap();
        assert_ne!(status(&own), 403, "{method} {path}");
        for attack in [
            [("host", "evil.example")].as_slice(),
            &[("host", "127.0.0.1.nip.io")],
            &[("host", &served.address), ("host", "localhost")],
            &[("origin", "http://evil.example")],
            &[("origin", "null")],
            &[("origin", "http://localhost.evil.example")],
            &[("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")],
        ] {
            let answer = served.answer(&method, &path, &[&[JSON], attack].concat(), b"{}").unwrap();
            assert_eq!(status(&answer), 403, "{method} {path} {attack:?}");
            assert!(!answer.to_lowercase().contains("access-control-allow"), "{answer}");
        }
    }
}

#[test]
fn a_server_for_others_asks_for_the_token() {
    let place = trained();
    let mut command = place.command(&["serve", "iris", "--port", "0", "--allow-remote"]);
    command.env("BURNLAB_TOKEN", "0123456789abcdef");
    // The page is refused, too; only its address is of interest.
    let served = Served::start(command).unwrap();
    let bearer = ("authorization", "Bearer 0123456789abcdef");
    assert_eq!(served.send("POST", "/predict", &[CSV], ROWS.as_bytes()).unwrap().0, 403);
    assert_eq!(served.send("POST", "/predict", &[CSV, bearer], ROWS.as_bytes()).unwrap().0, 200);
    assert_eq!(served.ask("GET", "/v2/health/ready", "").unwrap().0, 403);
}

#[test]
fn newer_runs_take_the_place_of_older_ones_without_a_refused_request() {
    let place = trained();
    let iris = config_file("iris").display().to_string();
    let train = |seed: &str| {
        let output = place.run(&["--config", &iris, "--set", "training.max_epochs=2", "--set", seed, "--quiet"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
    };
    let following = start(&place, &["iris", "--follow"]);
    let asked = start(&place, &["iris"]);
    let version = |served: &Served| get(served, "/v2/models/iris")["versions"][0].as_str().unwrap().to_owned();
    let first = version(&following);
    assert_eq!(version(&asked), first);
    train("seed=5");
    wait_for("the new run is served", || {
        assert_eq!(following.send("POST", "/predict", &[CSV], ROWS.as_bytes()).unwrap().0, 200);
        (version(&following) != first).then_some(())
    });
    assert_eq!(version(&asked), first, "not asked to look yet");
    let id = asked.process.id().to_string();
    assert!(Command::new("kill").args(["-HUP", &id]).status().unwrap().success());
    wait_for("the new run is served", || {
        assert_eq!(asked.send("POST", "/predict", &[CSV], ROWS.as_bytes()).unwrap().0, 200);
        (version(&asked) != first).then_some(())
    });
}

/// Clients that ask for one table are not answered by a model of another, and the log says so once.
#[test]
fn a_newer_run_of_other_columns_is_not_taken() {
    let place = trained();
    let log = std::fs::File::create(place.path("log")).unwrap();
    let following =
        Served::start_telling(place.command(&["serve", "--port", "0", "iris", "--follow"]), log).expect("it serves");
    let wine = config_file("wine").display().to_string();
    let output = place.run(&["--config", &wine, "--name", "iris", "--set", "training.max_epochs=1", "--quiet"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let told = || std::fs::read_to_string(place.path("log")).unwrap();
    wait_for("the log says it", || told().contains("it is not taken instead").then_some(()));
    assert_eq!(following.send("POST", "/predict", &[CSV], ROWS.as_bytes()).unwrap().0, 200);
    // It is looked for again each second, until there is one that is taken.
    let first = get(&following, "/v2/models/iris")["versions"][0].clone();
    let iris = config_file("iris").display().to_string();
    let output = place.run(&["--config", &iris, "--set", "training.max_epochs=200", "--quiet"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    wait_for("a run of the same columns is served", || {
        (get(&following, "/v2/models/iris")["versions"][0] != first).then_some(())
    });
    let told = told();
    assert_eq!(told.matches("predict other classes (setosa, versicolor, virginica and ").count(), 1, "{told}");
    assert_eq!(following.send("POST", "/predict", &[CSV], ROWS.as_bytes()).unwrap().0, 200);
}

/// A language model beside one that predicts rows: what it writes comes in events, and is what `burnlab generate` writes.
#[test]
fn a_language_model_writes_character_by_character() {
    let place = with_story();
    let served = start(&place, &["story", "iris"]);
    for (path, asked, args) in [
        (
            "/generate",
            json!({"prompt": "Alice", "length": 30, "temperature": 0}),
            &["--prompt", "Alice", "--temperature", "0"][..],
        ),
        ("/generate/story", json!({"length": 30, "top_k": 5, "seed": 7}), &["--top-k", "5", "--seed", "7"]),
    ] {
        let (status, answer) = served.send("POST", path, &[JSON], asked.to_string().as_bytes()).unwrap();
        assert_eq!(status, 200, "{answer}");
        let answer = unchunked(&answer);
        let events: Vec<&str> = answer.trim_end().split("\n\n").collect();
        let (last, characters) = events.split_last().unwrap();
        assert!(last.starts_with("event: end\ndata: {\"model\":\"story\",\"run\":\"story-"), "{last}");
        let character = |event: &&str| -> String {
            let data: Value = serde_json::from_str(event.strip_prefix("data: ").unwrap()).unwrap();
            data["text"].as_str().unwrap().to_owned()
        };
        let written: String = characters.iter().map(character).collect();
        assert_eq!(characters.len(), 30);
        let output = place.run(&[&["generate", "story", "--length", "30"], args].concat());
        let prompt = asked["prompt"].as_str().unwrap_or_default();
        assert_eq!(format!("{prompt}{written}\n"), text(&output.stdout));
    }
    // The other model is the first of those that predict rows.
    assert_eq!(ask(&served, "/predict", &json!([[5.1, 3.5, 1.4, 0.2]]))["model"], "iris");
    for (path, asked, status, told) in [
        ("/generate", json!({"prompt": "Zoë"}), 400, "`prompt` has 'ë', which the run's text does not have"),
        ("/generate", json!({"length": 0}), 400, "`length` must be 1 to 10000, found 0"),
        ("/generate", json!({"temperature": -1}), 400, "`temperature` must be a number of 0 or more"),
        ("/generate", json!({"top_k": 0}), 400, "`top_k` must be at least 1"),
        ("/generate", json!({"heat": 1}), 400, "unknown field `heat`"),
        ("/generate/iris", json!({}), 404, "no language model `iris`; served: `story`"),
        ("/predict/story", json!([[1]]), 404, "no model `story`; served: `iris`"),
    ] {
        let (found, answer) = served.send("POST", path, &[JSON], asked.to_string().as_bytes()).unwrap();
        assert!(found == status && answer.contains(told), "{path} {asked}: {found} {answer}");
    }
    assert!(get(&served, "/openapi.json")["paths"]["/generate"]["post"].is_object());
}

/// The Open Inference Protocol has language models, too: a text goes in and what is written after it comes out.
#[test]
fn a_language_model_answers_the_open_inference_protocol() {
    let place = with_story();
    let served = start(&place, &["iris", "story"]);
    let model = get(&served, "/v2/models/story");
    let tensor = |name: &str| json!([{"name": name, "datatype": "BYTES", "shape": [1]}]);
    assert_eq!((&model["inputs"], &model["outputs"]), (&tensor("text_input"), &tensor("text_output")));
    let version = model["versions"][0].as_str().unwrap();
    for path in ["/v2/models/story/ready", &format!("/v2/models/story/versions/{version}/ready")] {
        assert_eq!(served.ask("GET", path, "").unwrap().0, 200);
    }
    let output =
        place.run(&["generate", "story", "--length", "30", "--prompt", "Alice", "--seed", "7", "--top-k", "5"]);
    let expected = text(&output.stdout).strip_prefix("Alice").unwrap().trim_end_matches('\n').to_owned();
    let parameters = json!({"length": 30, "seed": 7, "top_k": 5, "binary_data_output": true});
    let input = json!({"name": "text_input", "shape": [1], "datatype": "BYTES", "data": ["Alice"]});
    let written = json!([{"name": "text_output", "datatype": "BYTES", "shape": [1], "data": [expected]}]);
    for path in ["/v2/models/story/infer", &format!("/v2/models/story/versions/{version}/infer")] {
        let answer = ask(&served, path, &json!({"id": "a", "inputs": [input], "parameters": parameters}));
        assert_eq!((&answer["outputs"], &answer["id"]), (&written, &json!("a")));
    }
    // In binary, as Triton's clients send it.
    let head = json!({"inputs": [
        {"name": "text_input", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": 9}}
    ], "parameters": parameters});
    let head = head.to_string();
    let body = [head.as_bytes(), &5u32.to_le_bytes(), b"Alice"].concat();
    let length = head.len().to_string();
    let headers = [("inference-header-content-length", &*length)];
    let (status, answer) = served.send("POST", "/v2/models/story/infer", &headers, &body).unwrap();
    assert_eq!((status, &serde_json::from_str::<Value>(&answer).unwrap()["outputs"]), (200, &written));

    let with = |input: Value, parameters: Value| json!({"inputs": [input], "parameters": parameters});
    for (request, told) in [
        (json!({"inputs": []}), "has one input, `text_input`"),
        (
            with(json!({"name": "x", "shape": [1], "datatype": "BYTES", "data": ["A"]}), json!({})),
            "input `x` of type BYTES",
        ),
        (
            with(json!({"name": "text_input", "shape": [2], "datatype": "BYTES", "data": ["A", "B"]}), json!({})),
            "send [1]",
        ),
        (with(json!({"name": "text_input", "shape": [1], "datatype": "BYTES", "data": [null]}), json!({})), "send [1]"),
        (with(json!({"name": "text_input", "shape": [1], "datatype": "BYTES", "data": ["Zoë"]}), json!({})), "'ë'"),
        (with(input.clone(), json!({"lenght": 3})), "no parameter `lenght`; a language model has length,"),
        (with(input.clone(), json!({"length": "3"})), "the parameters are none of a language model"),
        (with(input.clone(), json!({"length": 0})), "`length` must be 1 to 10000"),
    ] {
        let (status, answer) =
            served.send("POST", "/v2/models/story/infer", &[JSON], request.to_string().as_bytes()).unwrap();
        assert!(status == 400 && answer.contains(told), "{request}: {status} {answer}");
    }
    let (status, answer) = served.send("POST", "/v2/models/none/infer", &[JSON], b"{\"inputs\": []}").unwrap();
    assert!(status == 404 && answer.contains("served: `iris`, `story`"), "{answer}");
}

/// The page has a box for rows, and for language models one for the beginning of a text, which is written on as one looks.
#[tokio::test(flavor = "multi_thread")]
async fn the_page_predicts_and_writes() {
    let folder = crate::place::folder();
    let Some(page) = crate::browser::open(folder.path(), "").await else { return };
    let place = with_story();
    let served = start(&place, &["iris", "story"]);
    page.client.goto(&served.url()).await.unwrap();
    page.wait("document.querySelector('#writing').hidden", json!(true)).await;
    page.wait("document.querySelector('#rows').value.split('\\n').length", json!(3)).await;
    page.js(&format!("document.querySelector('#rows').value = {}", json!(ROWS))).await;
    page.click("#predicting button").await;
    let (_, expected) = predicted(&place, "iris", ROWS);
    let classes: Vec<&str> = expected.iter().map(|row| &*row[1]).collect();
    let shown = "Array.from(document.querySelectorAll('#answers tbody tr'), (row) => row.cells[1].textContent)";
    page.wait(shown, json!(classes)).await;

    page.js("const model = document.querySelector('#model'); model.value = 'story'; model.dispatchEvent(new Event('change'))").await;
    page.wait("document.querySelector('#predicting').hidden", json!(true)).await;
    page.fill("#prompt", "Alice").await;
    page.fill("#length", "40").await;
    page.click("#writing button").await;
    page.wait("document.querySelector('#told').textContent", json!("")).await;
    let output = place.run(&["generate", "story", "--length", "40", "--prompt", "Alice"]);
    let expected = text(&output.stdout);
    page.wait("document.querySelector('.written').textContent", json!(expected.strip_suffix('\n').unwrap())).await;
    let command = page.js("return document.querySelector('#command').textContent").await;
    assert!(command.as_str().unwrap().contains("/generate/story"), "{command}");
    page.fill("#prompt", "Zoë").await;
    page.click("#writing button").await;
    page.wait("document.querySelector('#told').className", json!("error")).await;
    page.close().await;
}

/// As [`trained`], and a language model.
fn with_story() -> Place {
    let place = trained();
    let config =
        "[data]\nsource = \"alice\"\ncontext = 12\n[model]\nkind = \"rnn\"\nunits = 8\n[training]\nmax_epochs = 1\n";
    place.write("story.toml", config);
    assert!(place.run(&["--config", "story.toml", "--quiet"]).status.success());
    place
}

/// A body that came in chunks (RFC 9112, section 7.1).
fn unchunked(body: &str) -> String {
    let (mut whole, mut rest) = (String::new(), body);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        whole.push_str(&after[..size]);
        rest = after[size..].strip_prefix("\r\n").unwrap();
    }
    whole
}
