//! What a third look at strangers' files and at other users of the machine has found: the clients of a server, images and tables
//! of odd shapes, queries and pages without end, names in a command line, and limits on a process.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::place::{DEADLINE, Place, json, output_of, png, signal, text, wait_for, works};
use crate::served::Served;

const TABLE: &str = "[data]\npath = \"t.csv\"\ntarget = \"y\"\n[model]\nhidden = [4]\n[training]\nmax_epochs = 2\n";

/// A place with a run `t` of a small table.
fn trained(more: &[&str]) -> Place {
    let place = Place::new();
    // What nobody else may read makes a run that nobody else may read.
    #[cfg(unix)]
    fs::set_permissions(place.path(""), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    place.write("t.csv", &format!("x,z,y\n{}", "1,2,a\n2,1,b\n3,5,a\n4,3,b\n".repeat(10)));
    place.write("t.toml", TABLE);
    works(&place, &[&["--config", "t.toml", "-q"][..], more].concat());
    place
}

fn is_root() -> bool {
    text(&Command::new("id").arg("-u").output().unwrap().stdout).trim() == "0"
}

/// The line on standard error of what fails.
#[track_caller]
fn refused(output: &Output) -> String {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{} {error}", output.status);
    assert!(!error.contains("panicked") && error.lines().count() <= 3, "{error}");
    error
}

/// Runs burnlab in a shell after `limit`, such as `ulimit -n 8`.
fn limited(place: &Place, limit: &str, args: &[&str]) -> Output {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{limit}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_burnlab")]).args(args);
    command.current_dir(place.path("")).env_remove("CARGO").env_remove("RUST_BACKTRACE").output().unwrap()
}

/// Two classes of six images each.
fn images(place: &Place) {
    for i in 0..6 {
        png(&place.path(&format!("images/a/{i}.png")), [4, 4], 10 + i);
        png(&place.path(&format!("images/b/{i}.png")), [4, 4], 200 + i);
    }
}

/// Characters that have a terminal, an editor or a browser show the rest of a line in another order, in the columns, classes and
/// notes of a run: files and JSON say that they are there, and are not changed by them.
#[test]
fn no_file_that_is_written_shows_a_line_in_another_order() {
    let place = Place::new();
    place.write(
        "t.csv",
        &format!("x\u{202e},z,\"y\u{2066}\"\n{}", "1,2,a\u{202d}\n2,1,b\n3,5,a\u{202d}\n4,3,b\n".repeat(10)),
    );
    works(&place, &["init", "t.csv", "-o", "t.toml"]);
    let config = fs::read_to_string(place.path("t.toml")).unwrap();
    assert!(config.contains("\"y\\u2066\"") && config.contains("x\u{fffd}"), "{config}");
    // What it says is what is meant.
    works(&place, &["--config", "t.toml", "-q", "--set", "training.max_epochs=2"]);
    works(&place, &["runs", "note", "t", "a\u{202e}b"]);
    works(&place, &["export", "t", "--format", "html", "-o", "t.html"]);
    works(&place, &["export", "t", "--format", "safetensors", "-o", "t.safetensors"]);
    works(&place, &["report", "t", "-o", "report.html"]);
    let json = works(&place, &["runs", "show", "t", "--json"]);
    assert!(json.contains("a\\u202eb"), "{json}");
    let record: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert!(record.to_string().contains("a\u{202e}b"), "{record}");
    let files = ["t.html", "t.safetensors.md", "report.html"].map(|file| fs::read_to_string(place.path(file)).unwrap());
    for text in files.iter().chain([&config, &json]) {
        let foreign = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let found = text.lines().find(|line| line.contains(foreign));
        assert!(found.is_none(), "{found:?}");
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Clients of servers

/// The rows of a table may name image files, on the machine of whoever trains. Those of a request would have the server look at
/// any file of its user: whether it is there, and what the model says of it.
#[test]
fn a_request_has_no_file_of_the_server_looked_at() {
    let place = Place::new();
    images(&place);
    let rows: String =
        (0..6).flat_map(|i| [format!("images/a/{i}.png,a\n"), format!("images/b/{i}.png,b\n")]).collect();
    place.write("list.csv", &format!("file,y\n{rows}"));
    place.write(
        "list.toml",
        "[data]\npath = \"list.csv\"\nimages = \"file\"\ntarget = \"y\"\nimage_shape = [4, 4]\n[model]\nkind = \"mlp\"\n\
         hidden = [4]\n[training]\nmax_epochs = 1\n",
    );
    works(&place, &["--config", "list.toml", "-q"]);
    assert_eq!(works(&place, &["predict", "list", "list.csv"]).lines().count(), 13);
    let served = Served::start(place.command(&["serve", "list", "--port", "0"])).unwrap();
    let mut answers = Vec::new();
    for file in ["images/a/0.png", "images/none.png", "/etc/passwd", "../../etc/passwd"] {
        let csv = format!("file\n{file}\n");
        let json = format!("[{{\"file\": \"{file}\"}}]");
        for (kind, body) in [("text/csv", csv), ("application/json", json)] {
            answers.push(served.send("POST", "/predict", &[("content-type", kind)], body.as_bytes()).unwrap());
        }
    }
    let image = fs::read(place.path("images/a/0.png")).unwrap();
    answers.push(served.send("POST", "/predict", &[("content-type", "text/csv")], &image).unwrap());
    for (status, answer) in answers {
        assert_eq!(status, 400, "{answer}");
        assert!(answer.contains("no file is read for it: send the numbers of the pixels"), "{answer}");
    }
}

/// A model that somebody sent may be as large as the disk; explaining it would fill memory while the reader waits.
#[test]
fn the_page_explains_no_model_that_fills_memory() {
    let place = trained(&[]);
    let run = place.only_run();
    let id = run.file_name().unwrap().to_str().unwrap().to_owned();
    let served = Served::start(place.command(&["dashboard", "--port", "0"])).unwrap();
    let rows = fs::read_to_string(run.join("predictions.csv")).unwrap();
    let row = rows.lines().nth(1).unwrap().split(',').next().unwrap();
    let path = format!("/api/runs/{id}/contributions?row={row}");
    let (status, picture) = served.ask("GET", &path, "").unwrap();
    assert!(status == 200 && picture.starts_with("<svg"), "{picture}");
    // Sparse: it takes no disk.
    fs::File::options().write(true).open(run.join("model.safetensors")).unwrap().set_len(3 << 30).unwrap();
    let (status, answer) = served.ask("GET", &path, "").unwrap();
    assert_eq!(status, 400, "{answer}");
    assert!(answer.contains(&format!("burnlab explain {id} --row {row}")), "{answer}");
}

/// What somebody sent may be small and many times as large in memory, and asked for by many at once: each request of the page that
/// computes with a model has its turn, and what is too much for it is told.
#[test]
#[cfg(target_os = "linux")]
fn the_page_computes_with_no_run_that_fills_memory() {
    let place = trained(&[]);
    let run = place.only_run();
    let id = run.file_name().unwrap().to_str().unwrap().to_owned();
    crate::place::forget_sums(&run);
    let (prepared, rows) = (run.join("preprocessing.json"), run.join("test.csv"));
    let (sound, sound_rows) = (fs::read_to_string(&prepared).unwrap(), fs::read_to_string(&rows).unwrap());
    let names = |num: usize| {
        let mut whole: serde_json::Value = serde_json::from_str(&sound).unwrap();
        whole["columns"][0]["kind"] =
            serde_json::json!({ "categorical": { "categories": ["female"], "has_unknown": true } });
        whole.to_string().replace("\"female\"", &("\"\",".repeat(num) + "\"female\""))
    };
    // 101 MB of empty names would be 2.7 GB of them.
    fs::write(&prepared, names(1 << 25)).unwrap();
    let evaluate = ["evaluate", id.as_str()];
    let error = refused(&limited(&place, "ulimit -v 1500000", &evaluate));
    assert!(error.contains("preprocessing.json is damaged: ") && error.contains("at most 33554432"), "{error}");
    fs::write(&prepared, names(9_000_000)).unwrap();
    let error = refused(&limited(&place, "ulimit -v 600000", &evaluate));
    assert!(error.contains("preprocessing.json does not fit in memory: its 90000"), "{error}");

    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -v 2000000; exec \"$0\" dashboard --port 0", env!("CARGO_BIN_EXE_burnlab")]);
    command.current_dir(place.path("")).env_remove("CARGO");
    let served = Served::start(command).unwrap();
    let row = fs::read_to_string(run.join("predictions.csv")).unwrap();
    let row = row.lines().nth(1).unwrap().split(',').next().unwrap();
    let explain = format!("/api/runs/{id}/contributions?row={row}");
    let report = format!("/api/report?runs={id}");
    let all_refuse = |expected: &[&str]| {
        let ask = |path: &str| {
            let (status, answer) = served.ask("GET", path, "").unwrap();
            assert_eq!(status, 400, "{path}: {answer}");
            assert!(expected.iter().all(|part| answer.contains(part)), "{path}: {answer}");
        };
        let ask = &ask;
        std::thread::scope(|scope| {
            for path in [&explain, &report].repeat(3) {
                scope.spawn(move || ask(path));
            }
        });
    };
    all_refuse(&["preprocessing.json of run", "too many to read while you wait"]);
    // As many rows of two columns as training keeps of one.
    fs::write(&prepared, &sound).unwrap();
    let line = sound_rows.lines().nth(1).unwrap().to_owned() + "\n";
    fs::write(&rows, sound_rows.lines().next().unwrap().to_owned() + "\n" + &line.repeat(1_000_001)).unwrap();
    let expected = "test.csv has more than 1000000 rows, more than burnlab keeps of these columns";
    let error = refused(&limited(&place, "ulimit -v 1000000", &evaluate));
    assert!(error.contains(expected), "{error}");
    let (status, answer) = served.ask("GET", &explain, "").unwrap();
    assert!(status == 400 && answer.contains(expected), "{status} {answer}");
    // The other pictures are drawn without them, and what is sound is shown as before.
    assert_eq!(served.ask("GET", &report, "").unwrap().0, 200);
    fs::write(&rows, &sound_rows).unwrap();
    assert_eq!(served.ask("GET", &explain, "").unwrap().0, 200);

    // Columns that no table has: 27 bytes in the file, 300 in memory.
    let mut whole: serde_json::Value = serde_json::from_str(&sound).unwrap();
    let columns = (0..2_000_000).map(|i| (format!("{i}"), serde_json::json!({ "names": "exact" })));
    whole["readings"]["columns"] = columns.collect::<serde_json::Map<_, _>>().into();
    fs::write(&prepared, whole.to_string()).unwrap();
    all_refuse(&["preprocessing.json of run", "too many to read while you wait"]);
    fs::write(&prepared, &sound).unwrap();
    let config = fs::read_to_string(run.join("config.toml")).unwrap();
    fs::write(run.join("config.toml"), format!("{config}\n#{}\n", " ".repeat(300_000))).unwrap();
    all_refuse(&["config.toml of run", "takes 29", "KiB, too many to read while you wait"]);
    fs::write(run.join("config.toml"), &config).unwrap();
    assert_eq!(served.ask("GET", &explain, "").unwrap().0, 200);
}

/// A few bytes say of each column that it has tens of thousands of inputs, and a file of zeros takes no disk: rows that a training would
/// not have had the memory for.
#[test]
#[cfg(target_os = "linux")]
fn a_run_of_millions_of_inputs_is_no_more_than_its_user_has_memory_and_time_for() {
    const NUM_COLUMNS: usize = 100;
    let place = Place::new();
    let header: Vec<String> = (0..NUM_COLUMNS).map(|i| format!("t{i}")).collect();
    let row = |i: usize| format!("{}{}\n", "word,".repeat(NUM_COLUMNS), i % 2);
    let rows: String = (0..130).map(row).collect();
    place.write("t.csv", &format!("{},y\n{rows}", header.join(",")));
    place.write(
        "t.toml",
        &format!(
            "[data]\npath = \"t.csv\"\ntarget = \"y\"\ntext = {header:?}\ntext_buckets = 16\n[model]\nhidden = [1]\n\
             [training]\nmax_epochs = 1\n"
        ),
    );
    works(&place, &["--config", "t.toml", "-q"]);
    let run = place.only_run();
    crate::place::forget_sums(&run);
    let prepared = fs::read_to_string(run.join("preprocessing.json")).unwrap();
    let wide = prepared.replace("\"buckets\": 16", "\"buckets\": 65536");
    assert_ne!(wide, prepared);
    fs::write(run.join("preprocessing.json"), wide).unwrap();
    // The weights: the shape of the first ones is the only one that the width of the inputs is in.
    let file = fs::read(run.join("model.safetensors")).unwrap();
    let length = u64::from_le_bytes(file[..8].try_into().unwrap()) as usize;
    let mut weights: serde_json::Value = serde_json::from_slice(&file[8..8 + length]).unwrap();
    let mut end = 0;
    for (name, weight) in weights.as_object_mut().unwrap().iter_mut().filter(|(name, _)| *name != "__metadata__") {
        if name == "layers.0.weight" {
            weight["shape"][0] = (65536 * NUM_COLUMNS).into();
        }
        let count: u64 = weight["shape"].as_array().unwrap().iter().map(|size| size.as_u64().unwrap()).product();
        weight["data_offsets"] = serde_json::json!([end, end + 4 * count]);
        end += 4 * count;
    }
    let header = weights.to_string();
    let header = format!("{header}{}", " ".repeat(header.len().wrapping_neg() % 8));
    let mut file = fs::File::create(run.join("model.safetensors")).unwrap();
    file.write_all(&(header.len() as u64).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    file.set_len(8 + header.len() as u64 + end).unwrap();
    let short = fs::read_to_string(run.join("test.csv")).unwrap().lines().take(4).collect::<Vec<_>>().join("\n");
    fs::write(run.join("test.csv"), short + "\n").unwrap();

    // Training rows of 26 MB each.
    let error = refused(&limited(&place, "ulimit -v 2000000", &["explain", "t", "--row", "0"]));
    assert!(error.contains("77 rows of 6553600 inputs do not fit in memory: they need 1.9 GB more"), "{error}");
    let drawn = limited(&place, "ulimit -v 2000000", &["plot", "t", "network"]);
    assert!(drawn.status.success(), "{}", text(&drawn.stderr));
    let served = Served::start(place.command(&["dashboard", "--port", "0"])).unwrap();
    let id = run.file_name().unwrap().to_str().unwrap();
    // Of as many rows as are left, the numbers are not those in the predictions.
    let (status, answer) = served.ask("GET", &format!("/api/runs/{id}/contributions?row=0"), "").unwrap();
    assert!(status == 400 && answer.contains("6553600 inputs, too many to explain while you wait"), "{answer}");
}

/// A table of predictions that no training writes; 1.3 million rows more than what a verdict draws from.
#[test]
#[cfg(target_os = "linux")]
fn a_verdict_reads_no_more_predictions_than_it_draws_from() {
    let place = Place::new();
    for (name, epochs) in [("a", "2"), ("b", "3")] {
        let epochs = format!("training.max_epochs={epochs}");
        let set = ["--set", "data.split_seed=1", "--set", epochs.as_str()];
        works(&place, &[&["--config", "iris", "-q", "--name", name, "--seeds", "2"], &set[..]].concat());
    }
    let lines: String = (0..3_300_000).map(|row| format!("{row},a,a,1\n")).collect();
    let sent = place.write("sent.csv", &format!("row,true,predicted,probability_a\n{lines}"));
    for run in fs::read_dir(place.path("artifacts/runs")).unwrap() {
        let file = run.unwrap().path().join("predictions.csv");
        fs::remove_file(&file).unwrap();
        fs::hard_link(&sent, file).unwrap();
    }
    let output = limited(&place, "ulimit -v 800000", &["runs", "compare", "a", "b"]);
    assert!(output.status.success(), "{} {}", output.status, text(&output.stderr));
}

/// Whoever reads the log may be asleep; its pipe is full after 64 KiB, and the lines that wait for it after 1 MiB.
#[test]
#[cfg(unix)]
fn a_log_that_nobody_reads_stops_no_server() {
    let place = trained(&[]);
    let (reader, writer) = std::io::pipe().unwrap();
    let command = place.command(&["serve", "t", "--port", "0", "--access-log"]);
    let mut served = Served::start_telling(command, writer).unwrap();
    let long = format!("/{}", "x".repeat(6000));
    for i in 0..250 {
        let answer = served.answer("GET", &long, &[], b"").unwrap_or_else(|| panic!("no answer to request {i}"));
        assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    }
    let (_, metrics) = served.ask("GET", "/metrics", "").unwrap();
    let dropped = metrics.lines().find_map(|line| line.strip_prefix("burnlab_log_lines_dropped_total ")).unwrap();
    assert!(dropped.parse::<u32>().unwrap() > 10, "{dropped}");
    signal("TERM", served.process.id());
    let status = wait_for("the server's end", || served.process.try_wait().unwrap());
    assert!(status.success(), "{status}");
    drop(served);
    let told: Vec<String> = std::io::BufRead::lines(std::io::BufReader::new(reader)).map_while(Result::ok).collect();
    assert!(told.iter().filter(|line| line.contains("\"status\":404")).count() > 5, "{told:?}");
}

/// It reads that store without locks, whose files it may not make, and would see nothing that comes later.
#[test]
#[cfg(target_os = "linux")]
fn a_dashboard_on_the_store_of_another_user_shows_what_comes() {
    if !is_root() {
        return;
    }
    let place = trained(&[]);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups", env!("CARGO_BIN_EXE_burnlab")]);
    command.args(["dashboard", "--port", "0"]).current_dir(place.path("")).env_remove("CARGO").env("HOME", "/");
    let served = Served::start(command).unwrap();
    for total in 1..=3 {
        wait_for("all runs", || {
            let (status, runs) = served.ask("GET", "/api/runs", "").unwrap();
            (status == 200 && runs.contains(&format!("\"total\":{total},"))).then_some(())
        });
        works(&place, &["--config", "t.toml", "-q"]);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Data from somebody

/// Scaled row by row, an image takes no more than its pixels, whatever its sides are.
#[test]
#[cfg(target_os = "linux")]
fn an_image_of_one_pixel_by_many_takes_little_memory() {
    let place = Place::new();
    images(&place);
    png(&place.path("images/a/tall.png"), [1, 1 << 18], 77);
    png(&place.path("images/b/wide.png"), [1 << 18, 1], 77);
    place.write("i.toml", "[data]\npath = \"images\"\nimage_shape = [2, 512]\n[model]\nkind = \"mlp\"\nhidden = [4]\n");
    // At its new width and old height the tall one would have 512 MiB.
    let output = limited(&place, "ulimit -v 600000", &["config", "check", "i.toml"]);
    assert!(output.status.success(), "{} {}", output.status, text(&output.stderr));
    png(&place.path("images/a/taller.png"), [1, (1 << 20) + 1], 77);
    let error = refused(&limited(&place, "ulimit -v 600000", &["config", "check", "i.toml"]));
    assert!(error.contains("taller.png claims 1 x 1048577 pixels, and no image may have more than 1048576"), "{error}");
}

/// Which of the files would be read would be left to the file system.
/// A progressive JPEG file of so many grey pixels: of each block only that it is as the one before, in one bit.
fn progressive_jpeg(side: u16) -> Vec<u8> {
    let [high, low] = side.to_be_bytes();
    let mut bytes = b"\xff\xd8\xff\xdb\x00\x43\x00".to_vec();
    bytes.extend([1; 64]);
    // Three colours, none of them in fewer samples.
    bytes.extend([0xff, 0xc2, 0, 17, 8, high, low, high, low, 3, 1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]);
    // The one code `0` means a difference of 0.
    bytes.extend([0xff, 0xc4, 0, 20, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    bytes.extend([0xff, 0xda, 0, 12, 3, 1, 0, 2, 0, 3, 0, 0, 0, 0]);
    let num_blocks = usize::from(side).div_ceil(8).pow(2);
    bytes.extend(vec![0; (3 * num_blocks).div_ceil(8)]);
    bytes.extend([0xff, 0xd9]);
    bytes
}

/// Some decoders take many times what the file has without asking whether it is there; without it the process would end by a signal.
#[test]
#[cfg(target_os = "linux")]
fn an_image_that_memory_has_no_room_for_is_told_before_it_is_decoded() {
    const SIDE: u16 = 8000;
    let place = Place::new();
    images(&place);
    place
        .write("i.toml", "[data]\npath = \"images\"\nimage_shape = [4, 4, 3]\n[model]\nkind = \"mlp\"\nhidden = [4]\n");
    let mut webp = Vec::new();
    let pixels = vec![99; usize::from(SIDE).pow(2)];
    image_webp::WebPEncoder::new(&mut webp)
        .encode(&pixels, SIDE.into(), SIDE.into(), image_webp::ColorType::L8)
        .unwrap();
    drop(pixels);
    // Pixels of 3 bytes, and 6 of each besides.
    for (name, bytes) in [("large.webp", webp), ("large.jpg", progressive_jpeg(SIDE))] {
        let file = place.path("images/a").join(name);
        fs::write(&file, bytes).unwrap();
        let error = refused(&limited(&place, "ulimit -v 500000", &["config", "check", "i.toml"]));
        let megabytes = (9 * usize::from(SIDE).pow(2) + (4 << 20)) >> 20;
        assert!(error.contains(&format!("{name} needs {megabytes} MB of memory: make it smaller")), "{error}");
        let output = limited(&place, "ulimit -v 1500000", &["config", "check", "i.toml"]);
        assert!(output.status.success(), "{} {}", output.status, text(&output.stderr));
        fs::remove_file(file).unwrap();
    }
}

#[test]
fn a_pattern_of_too_many_files_is_refused() {
    let place = Place::new();
    fs::create_dir(place.path("p")).unwrap();
    for i in 0..=10_000 {
        fs::write(place.path(&format!("p/{i}.csv")), "x,y\n1,a\n").unwrap();
    }
    place.write("p.toml", &TABLE.replace("t.csv", "p/*.csv"));
    let error = refused(&place.run(&["config", "check", "p.toml"]));
    assert!(error.contains("p/*.csv is more than 10000 files, too many to be read as one: join them"), "{error}");
}

/// The rest of the file would be a part of one cell, which a column of texts or of categories takes.
#[test]
fn a_quote_that_is_never_closed_swallows_no_rows() {
    let place = Place::new();
    place.write("t.toml", &TABLE.replace("target = \"y\"", "target = \"y\"\ntext = [\"t\"]"));
    let rows = "fine,a\nbad,b\n".repeat(30);
    place.write("t.csv", &format!("t,y\n{rows}"));
    works(&place, &["--config", "t.toml", "-q"]);
    // Row by row, and in blocks on all cores.
    for times in [30, 60_000] {
        let rows = "fine,a\nbad,b\n".repeat(times);
        for (end, line) in [("fine,\"a", 2), ("fine,a\n\"", 3)] {
            place.write("t.csv", &format!("t,y\n{rows}{end}"));
            let error = refused(&place.run(&["config", "check", "t.toml"]));
            let expected = format!("t.csv:{}: a quote that opens in this row is never closed", 2 * times + line);
            assert!(error.contains(&expected), "{end:?}: {error}");
        }
    }
    // A table of one column, whose rows nothing else tells apart; nothing is said of what came before.
    place.write("one.csv", "t\nfine\n\"bad\nfine\nfine\n");
    let output = place.run(&["predict", "t", "one.csv"]);
    assert!(refused(&output).contains("one.csv:3: a quote that opens in this row is never closed"));
    assert_eq!(text(&output.stdout), "");
    // The end of the file closes no line, and a quote may be the last of it.
    place.write("one.csv", "\u{feff}\"t\"\nfine\n\"b\"\"a\nd\"");
    assert_eq!(works(&place, &["predict", "t", "one.csv"]).lines().count(), 3);
}

// ---------------------------------------------------------------------------------------------------------------------
// Names

#[test]
fn a_folder_s_name_says_nothing_in_the_name_of_burnlab() {
    let place = trained(&[]);
    let name = "x\nnext   remove all: rm -rf .\n\u{1b}[31m";
    fs::rename(place.only_run(), place.path(name)).unwrap();
    let folder = format!("./{name}");
    for args in
        [&["explain", &folder][..], &["explain-step", &folder], &["plot", &folder, "curves"], &["export", &folder]]
    {
        let said = works(&place, args);
        assert!(!said.lines().any(|line| line.starts_with("next")) && !said.contains('\u{1b}'), "{args:?}: {said}");
    }
    let written = fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let onnx: Vec<String> = written.filter(|name| name.ends_with(".onnx")).collect();
    assert_eq!(onnx.len(), 1);
    assert!(!onnx[0].contains(char::is_control), "{onnx:?}");
}

/// `burnlab predict RUN *`, in a folder that somebody sent.
#[test]
fn a_name_in_the_command_line_changes_no_terminal() {
    let place = Place::new();
    let name = "\u{1b}]0;title\u{7}\u{202e}abc";
    for args in [&["predict", "a", "b.csv", name][..], &["runs", "list", &format!("--{name}")], &[name]] {
        let output = place.run(args);
        assert_eq!(output.status.code(), Some(2));
        let error = text(&output.stderr);
        assert!(error.starts_with("error: ") && error.contains("abc"), "{error}");
        assert!(!error.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{error:?}");
    }
    assert!(text(&place.run(&["predict", "--help"]).stdout).contains("Usage"));
}

#[test]
fn a_clock_that_was_set_back_is_told() {
    let place = trained(&[]);
    let file = place.only_run().join("run.json");
    let record = fs::read_to_string(&file).unwrap();
    let (before, rest) = record.split_once("\"started\": \"").unwrap();
    fs::write(&file, format!("{before}\"started\": \"2999{}", &rest[4..])).unwrap();
    works(&place, &["runs", "reindex"]);
    assert!(works(&place, &["runs", "show", "t"]).contains("Z (the clock was set back)\n"));
}

// ---------------------------------------------------------------------------------------------------------------------
// Stores from somebody

/// A trial that nobody can take is given up; else the sweep would have trials left for ever.
#[test]
fn a_trial_whose_row_is_damaged_ends_the_sweep() {
    let place = Place::new();
    place.write("t.csv", &format!("x,z,y\n{}", "1,2,a\n2,1,b\n3,5,a\n4,3,b\n".repeat(10)));
    let sweep = "[sweep]\nmethod = \"random\"\ntrials = 3\nmetric = \"validation/loss\"\n\
                 [sweep.space]\n\"training.learning_rate\" = { min = 0.001, max = 0.1 }\n";
    place.write("t.toml", &format!("{TABLE}{sweep}"));
    works(&place, &["--config", "t.toml", "-q", "--jobs", "1"]);
    for (set, reason) in [
        ("claim = 9223372036854775807", "its row in the store is damaged"),
        ("claim = 4294967295", "its row in the store is damaged"),
        ("attempts = 9223372036854775807", "its row in the store is damaged"),
        ("params = 'none'", "its row in the store is damaged"),
        ("attempts = 7", "workers were lost"),
    ] {
        let database = rusqlite::Connection::open(place.path("artifacts/burnlab.db")).unwrap();
        let sound = "claim = 1, attempts = 1, params = '{}', runs = '[]', rungs = '{}'";
        database.execute(&format!("UPDATE trial SET {sound} WHERE number = 2"), []).unwrap();
        database.execute(&format!("UPDATE trial SET state = 'waiting', {set} WHERE number = 2"), []).unwrap();
        drop(database);
        let output = place.run(&["sweep", "resume", "t", "--jobs", "1"]);
        let (said, errors) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success() && !errors.contains("left"), "{set}: {said}{errors}");
        assert!(said.contains("1 failed"), "{set}: {said}");
        let database = rusqlite::Connection::open(place.path("artifacts/burnlab.db")).unwrap();
        let found: String =
            database.query_row("SELECT reason FROM trial WHERE number = 2", [], |row| row.get(0)).unwrap();
        assert!(found.contains(reason), "{set}: {found}");
        works(&place, &["sweep", "show", "t"]);
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Limits on a process, and on a disk

#[test]
#[cfg(unix)]
fn limits_on_files_are_told_with_the_way_out() {
    let place = trained(&[]);
    // How many are open at the start is the system's.
    let told: Vec<String> = (6..=9)
        .map(|most| limited(&place, &format!("ulimit -n {most}"), &["plot", "t", "curves"]))
        .filter(|output| !output.status.success())
        .map(|output| refused(&output))
        .collect();
    assert!(!told.is_empty());
    for error in told {
        assert!(error.contains("(ulimit -n)") && !error.contains("disk"), "{error}");
    }
    // The index of the store's log has 32 KiB.
    assert!(limited(&place, "ulimit -f 4", &["runs", "list"]).status.success());
    let error = refused(&limited(&place, "ulimit -f 4", &["runs", "tag", "t", "+good"]));
    assert!(error.contains("artifacts/burnlab.db") && error.contains("(ulimit -f)"), "{error}");
}

/// Rayon would panic in the first parallel loop.
#[test]
#[cfg(target_os = "linux")]
fn a_user_of_few_processes_is_told_so_by_whoever_computes() {
    const ALONE: &str = "61735";
    if !is_root() {
        return;
    }
    let place = trained(&[]);
    place.write("a.txt", &"the quick brown fox jumps over the lazy dog. ".repeat(80));
    place.write(
        "a.toml",
        "[data]\npath = \"a.txt\"\ntask = \"language_model\"\ncontext = 8\n[model]\nkind = \"transformer\"\nwidth = 8\n\
         heads = 2\ndepth = 1\n[training]\nmax_epochs = 1\n",
    );
    works(&place, &["--config", "a.toml", "-q"]);
    works(&place, &["--config", "digits-cnn", "-q", "--set", "training.max_epochs=1", "--set", "model.channels=[2]"]);
    place.write("large.csv", &format!("x,z\n{}", "1,2\n".repeat(200_000)));
    let mut num_refused = 0;
    for args in [&["generate", "a"][..], &["evaluate", "digits-cnn"], &["predict", "t", "large.csv"]] {
        for most in 1..=3 {
            let mut command = Command::new("timeout");
            command.args(["60", "prlimit", &format!("--nproc={most}"), "setpriv", &format!("--reuid={ALONE}")]);
            command.args([&format!("--regid={ALONE}"), "--clear-groups", env!("CARGO_BIN_EXE_burnlab")]);
            let output = command.args(args).current_dir(place.path("")).env_remove("CARGO").output().unwrap();
            if !output.status.success() {
                assert!(refused(&output).contains("(ulimit -u)"), "{args:?}");
                num_refused += 1;
            }
        }
    }
    assert!(num_refused > 0);
}

/// The store's log needs an index, for which there is no room: it is read without, and the trash is emptied without the store.
#[test]
#[cfg(target_os = "linux")]
fn on_a_full_disk_runs_are_read_and_the_trash_is_emptied() {
    let place = Place::new();
    let disk = place.path("disk");
    fs::create_dir(&disk).unwrap();
    let mount = |args: &[&str]| Command::new("mount").args(args).arg(&disk).stderr(Stdio::null()).status();
    // Root alone may, and not in every container.
    if !mount(&["-t", "tmpfs", "-o", "size=3m", "tmpfs"]).is_ok_and(|status| status.success()) {
        return;
    }
    let run = |args: &[&str]| place.command(args).current_dir(&disk).output().unwrap();
    let train = || run(&["--config", "iris", "-q", "--set", "training.max_epochs=1", "--set", "model.hidden=[16]"]);
    let results = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let before = [train(), train(), run(&["runs", "delete", "latest"])];
        let fill = fs::write(disk.join("fill"), vec![1; 4 << 20]);
        let full = [run(&["doctor"]), train(), run(&["runs", "delete", "latest"])];
        let reads = [run(&["runs", "list"]), run(&["evaluate", "iris"]), run(&["runs", "gc", "--older-than", "0"])];
        (before, fill, full, reads, run(&["runs", "delete", "latest"]))
    }));
    Command::new("umount").arg(&disk).status().unwrap();
    let (before, fill, full, reads, deleted) = results.unwrap();
    for output in before.iter().chain(&reads).chain([&deleted]) {
        assert!(output.status.success(), "{}", text(&output.stderr));
    }
    assert!(fill.is_err());
    let doctor = text(&full[0].stdout);
    for (output, said) in full.iter().zip([&doctor, &text(&full[1].stderr), &text(&full[2].stderr)]) {
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("the disk is full; make room there (`burnlab runs gc --older-than 0` empties"), "{said}");
    }
    assert_eq!(text(&reads[0].stdout).matches("iris-").count(), 1);
}

/// What comes from a pipe is kept for the members of an ensemble to read: private rows are not to stay in the temporary folder.
#[test]
#[cfg(target_os = "linux")]
fn what_is_kept_of_a_pipe_is_gone_however_the_process_ends() {
    let place = trained(&["--seeds", "2"]);
    fs::create_dir(place.path("tmp")).unwrap();
    let left = || fs::read_dir(place.path("tmp")).unwrap().count();
    for end in ["TERM", "KILL"] {
        let mut command = place.command(&["predict", "--ensemble", "t", "-"]);
        command.env("TMPDIR", place.path("tmp")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"x,z\n1,2\n").unwrap();
        input.flush().unwrap();
        let open = format!("/proc/{}/fd", child.id());
        wait_for("the rows to be kept", || {
            let files = fs::read_dir(&open).ok()?.flatten().filter_map(|entry| {
                let is_kept = fs::read_link(entry.path()).ok()?.starts_with(place.path("tmp"));
                (is_kept && fs::metadata(entry.path()).ok()?.len() == 8).then_some(())
            });
            files.into_iter().next()
        });
        signal(end, child.id());
        output_of(child, end);
        assert_eq!(left(), 0, "{end}");
    }
    let mut command = place.command(&["predict", "--ensemble", "t", "-"]);
    command.env("TMPDIR", place.path("tmp")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"x,z\n1,2\n3,4\n").unwrap();
    let output = output_of(child, "the end");
    assert!(output.status.success() && text(&output.stdout).lines().count() == 3, "{DEADLINE:?}");
    assert_eq!(left(), 0);
}

// ---------------------------------------------------------------------------------------------------------------------
// What a record of a run names

/// The config of run `t`, with other keys of `[data]`, which its record names, too.
fn rewrite(place: &Place, data: &str) {
    let folder = fs::read_dir(place.path("artifacts/runs")).unwrap().next().unwrap().unwrap().path();
    let mut record = json(folder.join("run.json"));
    for (key, value) in toml::from_str::<toml::Table>(data).unwrap() {
        record["params"][format!("data.{key}")] = serde_json::to_value(value).unwrap();
    }
    fs::write(folder.join("run.json"), record.to_string()).unwrap();
    let config = fs::read_to_string(folder.join("config.toml")).unwrap();
    let kept: Vec<&str> = config.lines().filter(|line| !line.starts_with("path = ")).collect();
    fs::write(folder.join("config.toml"), kept.join("\n").replace("[data]", &format!("[data]\n{data}"))).unwrap();
}

/// A run that somebody sent would have its user's password sent to a server of theirs, and their queries run on the user's own.
#[test]
fn the_record_of_a_run_leads_to_no_server() {
    let place = trained(&[]);
    let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let address = format!("postgres://me@{}/db", server.local_addr().unwrap());
    rewrite(&place, &format!("path = \"{address}\"\nquery = \"select 1\""));
    for args in [
        &["explain", "latest", "--row", "1"][..],
        &["explain", "latest"],
        &["explain-step", "latest"],
        &["evaluate", "latest"],
        &["predict", "latest", "t.csv"],
        &["plot", "latest"],
        &["resume", "latest"],
        &["resume", "latest", "--epochs", "4"],
    ] {
        let output = place.command(args).env("PGPASSWORD", "hunter2").output().unwrap();
        assert!(!text(&output.stderr).contains("panicked"), "{args:?}: {}", text(&output.stderr));
        assert!(server.accept().is_err(), "{args:?} asked the server");
    }
    // The params tell that the config is not the run's; where these are changed, too, only the user's word leads there.
    let store = rusqlite::Connection::open(place.path("artifacts/burnlab.db")).unwrap();
    let record: String = store.query_row("SELECT record FROM run", [], |row| row.get(0)).unwrap();
    let mut record: serde_json::Value = serde_json::from_str(&record).unwrap();
    record["params"]["data.path"] = address.as_str().into();
    record["params"]["data.query"] = "select 1".into();
    store.execute("UPDATE run SET record = ?1", [record.to_string()]).unwrap();
    drop(store);
    let error = refused(&place.run(&["resume", "latest", "--epochs", "4"]));
    assert!(error.contains("the rows are on the server") && error.contains("--connect"), "{error}");
    assert!(server.accept().is_err());
    let output =
        place.command(&["resume", "latest", "--epochs", "4", "--connect"]).env("PGCONNECT_TIMEOUT", "1").output();
    assert_eq!(output.unwrap().status.code(), Some(1));
    #[cfg(feature = "postgres")]
    assert!(server.accept().is_ok(), "the server was asked");
}

/// A run that somebody sent would have a table of its user's written anywhere.
#[test]
fn the_record_of_a_run_has_no_cache_written() {
    let place = trained(&[]);
    let elsewhere = place.path("elsewhere.cache");
    rewrite(&place, &format!("path = {:?}\ncache = {elsewhere:?}", place.path("t.csv")));
    for args in [&["explain", "latest", "--row", "1"][..], &["explain", "latest"], &["resume", "latest"]] {
        place.run(args);
        assert!(!elsewhere.exists(), "{args:?}");
    }
    // A cache of the user's own stays what it is.
    place.write(
        "own.toml",
        &TABLE.replace("target", &format!("cache = {elsewhere:?}\ntarget")).replace("t.csv", "own.csv"),
    );
    place.write("own.csv", &format!("x,z,y\n{}", "5,2,a\n7,1,b\n".repeat(20)));
    works(&place, &["config", "check", "own.toml"]);
    let before = fs::read(&elsewhere).unwrap();
    place.run(&["explain", "latest"]);
    assert!(before == fs::read(&elsewhere).unwrap());
}

/// The cells of a table may spell a key or a script: no config puts them where a program looks for one, and none that is only
/// looked at has a file made far from the table and from here.
#[test]
fn a_config_that_is_looked_at_writes_no_cache_elsewhere() {
    let place = trained(&[]);
    for folder in ["home/.ssh", "home/work", "sent"] {
        fs::create_dir_all(place.path(folder)).unwrap();
    }
    fs::rename(place.path("t.csv"), place.path("sent/t.csv")).unwrap();
    let config = |cache: &str, more: &str| {
        let table = TABLE.replace("t.csv", "../../sent/t.csv").replace("target", &format!("cache = {cache}\ntarget"));
        place.write("home/work/c.toml", &format!("{table}{more}"));
    };
    let run = |args: &[&str]| {
        let output = place.command(args).current_dir(place.path("home/work")).output().unwrap();
        (output.status.code(), text(&output.stdout) + &text(&output.stderr))
    };
    let (check, render) = (["config", "check", "c.toml"], ["config", "render", "c.toml"]);
    let files = |folder: &str| -> Vec<String> {
        let names = fs::read_dir(place.path(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    };
    for (name, instead) in [
        ("../.ssh/authorized_keys", "../.ssh/authorized_keys.cache"),
        (".profile.cache", "profile.cache"),
        ("..", "table.cache"),
        ("c.toml", "c.toml.cache"),
        (".cache", "cache.cache"),
    ] {
        config(&format!("{name:?}"), "");
        run(&render);
        for args in [&check[..], &["--config", "c.toml", "-q"]] {
            let (code, told) = run(args);
            assert_eq!(code, Some(1), "{name}: {told}");
            let expected = "the name of a cache ends in .cache and begins with no dot: write \"";
            assert!(told.contains(expected) && told.contains(&format!("{instead}\", or true")), "{name}: {told}");
        }
    }
    // A link leads as far as the folder that it names.
    #[cfg(unix)]
    std::os::unix::fs::symlink(place.path("home/.ssh"), place.path("home/work/link")).unwrap();
    fs::create_dir(place.path("home/work/.config")).unwrap();
    for name in
        ["../x.cache", "../.ssh/x.cache", ".config/x.cache", if cfg!(unix) { "link/x.cache" } else { "../y.cache" }]
    {
        config(&format!("{name:?}"), "");
        for _ in 0..2 {
            let (code, told) = run(&check);
            assert_eq!(code, Some(0), "{name}: {told}");
            assert!(told.contains("was not made here: training makes it"), "{name}: {told}");
            let (code, told) = run(&render);
            assert!(code == Some(0) && told.contains(".cache\""), "{name}: {told}");
        }
    }
    config("true", "[sweep]\nmethod = \"grid\"\n[sweep.space]\n\"data.cache\" = { values = [\"../x.cache\"] }\n");
    let (code, told) = run(&check);
    assert!(code == Some(1) && told.contains("no choice for trials: set it in [data]"), "{told}");
    assert_eq!(files("home"), [".ssh", "work"]);
    assert!(files("home/.ssh").is_empty() && files("home/work/.config").is_empty());
    // Where the table is, and where the user is; what training has made is read.
    config("\"../../sent/t.cache\"", "");
    assert!(run(&check).1.contains("built the cache"));
    config("\"t.cache\"", "");
    assert!(run(&check).1.contains("built the cache"));
    config("\"../t.cache\"", "");
    assert_eq!(run(&["--config", "c.toml", "-q"]).0, Some(0));
    assert!(run(&check).1.contains("read from the cache"));
    assert_eq!((files("home").len(), files("sent").len()), (3, 3));
}

/// Whoever may write in the folder of a table would keep its readers waiting.
#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_cache_is_refused() {
    let place = trained(&[]);
    assert!(Command::new("mkfifo").arg(place.path("t.csv.cache")).status().unwrap().success());
    place.write("c.toml", &TABLE.replace("target", "cache = true\ntarget"));
    let error = refused(&place.run(&["config", "check", "c.toml"]));
    assert!(error.contains("is there and no cache"), "{error}");
}

#[test]
fn a_numpy_header_of_more_bytes_than_there_are_is_cut_off() {
    let place = Place::new();
    let header = format!("{:<117}\n", "{'descr': '<f8', 'fortran_order': True, 'shape': (2305843009213693952, 8), }");
    fs::write(place.path("a.npy"), [b"\x93NUMPY\x01\x00\x76\x00", header.as_bytes()].concat()).unwrap();
    place.write("c.toml", "[data]\npath = \"a.npy\"\ntarget = \"a_1\"\n");
    let error = refused(&place.run(&["config", "check", "c.toml"]));
    assert!(error.contains("is cut off: its header says 2305843009213693952 rows"), "{error}");
}

#[test]
fn columns_with_more_missing_cells_than_rows_are_damaged() {
    let place = trained(&[]);
    let file = place.only_run().join("preprocessing.json");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replacen("\"num_missing\": 0", "\"num_missing\": 4294967296", 1)).unwrap();
    let error = refused(&place.run(&["predict", "t", "t.csv"]));
    assert!(error.contains("more missing or rare cells than rows"), "{error}");
}

#[test]
fn a_config_of_millions_of_values_is_refused_before_it_is_read() {
    let place = Place::new();
    place.write("c.toml", &format!("[data]\nsource = \"iris\"\n[model]\nhidden = [{}]\n", "1,".repeat(500_000)));
    let output = limited(&place, "ulimit -v 1000000", &["config", "check", "c.toml"]);
    let error = refused(&output);
    assert!(error.contains("c.toml: it has more than 400000 values"), "{error}");
}

#[test]
fn a_pipe_that_a_pattern_matches_is_refused() {
    let place = trained(&[]);
    fs::create_dir(place.path("parts")).unwrap();
    place.write("parts/part-1.csv", "x,z\n1,2\n");
    assert!(Command::new("mkfifo").arg(place.path("parts/part-2.csv")).status().unwrap().success());
    let error = refused(&place.run(&["predict", "t", "parts/part-*.csv"]));
    assert!(error.contains("part-2.csv is a pipe, which can be read only once"), "{error}");
}
