//! Inputs of extreme sizes and depths: correct work, or one clear line, in bounded time and memory.
//!
//! Each is given to the binary with 2 GB of address space, so that memory which grows with what an input promises is a
//! failure to allocate. Files of gigabytes are sparse or compressed: they take no disk.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use burnlab::data::{DataConfig, Scale};
use burnlab::experiment::run_folder::{MODEL, PREPROCESSING};

use crate::place::{Place, text};
use crate::whole_way::try_all;

/// Runs burnlab in `place` with 2 GB of address space.
fn limited(place: &Place, args: &[&str]) -> Output {
    within(place, args, 2_000_000)
}

/// The same with this many kibibytes.
pub fn within(place: &Place, args: &[&str], kibibytes: u32) -> Output {
    let plain = place.command(args);
    let mut command = Command::new("sh");
    command.current_dir(plain.get_current_dir().unwrap()).env_remove("CARGO").env_remove("RUST_BACKTRACE");
    let script = format!(r#"ulimit -v {kibibytes}; exec "$0" "$@""#);
    command.args(["-c", &script]).arg(plain.get_program()).args(args);
    command.output().unwrap()
}

/// The error, which must begin so; a short one, whatever the input was.
#[track_caller]
fn refused(place: &Place, args: &[&str], begin: &str) -> String {
    let output = limited(place, args);
    let error = text(&output.stderr).replace(place.path("").to_str().unwrap(), "");
    assert_eq!(output.status.code(), Some(1), "{} {}", output.status, error.chars().take(500).collect::<String>());
    assert!(error.len() < 12_000 && error.lines().count() <= 3, "{} bytes", error.len());
    assert!(error.starts_with(&format!("error: {begin}")), "{}", error.chars().take(500).collect::<String>());
    error
}

#[track_caller]
fn works(place: &Place, args: &[&str]) -> String {
    let output = limited(place, args);
    assert!(output.status.success(), "{} {}", output.status, text(&output.stderr));
    text(&output.stdout)
}

/// The processor time that it takes, in seconds; other processes do not lengthen it.
#[track_caller]
fn processor_seconds(place: &Place, args: &[&str], expected: i32) -> f64 {
    let plain = place.command(args);
    let mut command = Command::new("sh");
    command.current_dir(plain.get_current_dir().unwrap()).env_remove("CARGO").env_remove("RUST_BACKTRACE");
    // `times` tells the shell's own time, and below it that of what it ran: "0m1.230000s 0m0.040000s".
    let script = r#"ulimit -v 2000000; "$0" "$@" >&2; code=$?; times; exit $code"#;
    let output = command.args(["-c", script]).arg(plain.get_program()).args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(expected), "{}", text(&output.stderr));
    let seconds = |time: &str| {
        let (minutes, seconds) = time.trim_end_matches('s').split_once('m').unwrap();
        60.0 * minutes.parse::<f64>().unwrap() + seconds.parse::<f64>().unwrap()
    };
    text(&output.stdout).lines().nth(1).unwrap().split(' ').map(seconds).sum()
}

/// What `measure` measures grows with its argument, and not with the square of it: ten times as much, not a hundred times.
#[track_caller]
fn assert_grows_in_proportion(size: usize, measure: impl Fn(usize) -> f64) {
    // The clock ticks every 10 ms.
    let (small, large) = (measure(size / 10).max(0.05), measure(size));
    assert!(large < 40.0 * small, "{small} s of processor time, and {large} s for ten times as much");
}

/// A file of `size` bytes that begins with `start`; the rest are zeros that no disk holds.
fn sparse(path: PathBuf, start: &[u8], size: u64) {
    let mut file = File::create(path).unwrap();
    file.write_all(start).unwrap();
    file.set_len(size).unwrap();
}

/// `times` times `block`, gzipped: a file of several members.
fn bomb(path: PathBuf, start: &[u8], block: &[u8], times: usize) {
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    std::fs::write(path, [gzip(start), gzip(block).repeat(times)].concat()).unwrap();
}

/// A config for a file of data, with `more` in its `[data]` section.
fn data_config(place: &Place, file: &str, more: &str) {
    place.write("a.toml", &format!("[data]\npath = \"{file}\"\n{more}\n[training]\nbatch_size = 2\nmax_epochs = 1\n"));
}

const CHECK: [&str; 3] = ["config", "check", "a.toml"];

// --- data

#[test]
fn a_line_of_two_gigabytes_is_refused() {
    let place = Place::new();
    data_config(&place, "a.csv", "target = \"y\"");
    sparse(place.path("a.csv"), b"x,y\n1,0\n", 2 << 30);
    refused(&place, &CHECK, "a.toml:2:1: data.path: a.csv:3: a NUL byte");
    for (byte, error) in [(b'x', "a row of more than 16 MiB"), (0, "a NUL byte")] {
        let block = vec![byte; 16 << 20];
        bomb(place.path("a.csv"), b"x,y\n1,0\n", &block, 128);
        assert!(place.path("a.csv").metadata().unwrap().len() < 4 << 20);
        refused(&place, &CHECK, &format!("a.toml:2:1: data.path: a.csv:3: {error}"));
    }
}

/// Half a megabyte on the disk, and more rows than the process may have memory for: foreseen, not found out by an abort.
#[test]
fn a_table_larger_than_memory_says_what_it_needs_and_what_is_free() {
    const MEMORY: u32 = 400_000;
    let place = Place::new();
    data_config(&place, "a.csv", "target = \"y\"");
    let rows = b"1,2,0\n3,4,1\n".repeat(10_000);
    bomb(place.path("a.csv"), b"a,b,y\n", &rows, 10);
    let small = within(&place, &CHECK, MEMORY);
    assert!(small.status.success(), "{}", text(&small.stderr));

    bomb(place.path("a.csv"), b"a,b,y\n", &rows, 1500);
    assert!(place.path("a.csv").metadata().unwrap().len() < 1 << 20);
    for args in [&CHECK[..], &["--config", "a.toml"]] {
        let large = within(&place, args, MEMORY);
        let error = text(&large.stderr);
        assert_eq!(large.status.code(), Some(1), "{} {error}", large.status);
        // "a.csv does not fit in memory: N rows of it need X MB more, and Y MB are free; ..."
        let told = error.split_once("does not fit in memory: ").unwrap_or_else(|| panic!("{error}")).1;
        let megabytes = |before: &str| -> u32 {
            told.split_once(before).and_then(|(_, rest)| rest.split_once(" MB")).unwrap().0.parse().unwrap()
        };
        let (needed, free) = (megabytes("need "), megabytes("and "));
        assert!(needed > free && free < MEMORY >> 10, "{error}");
        assert!(error.contains("a.csv") && error.contains("use fewer rows or columns") && error.lines().count() <= 3);
    }

    // A model that is there already meets as many rows: it needs them all at once to evaluate, and few to predict.
    place.write("small.csv", &format!("a,b,y\n{}", "1,2,0\n3,4,1\n".repeat(50)));
    let sets = ["--set", "data.path=small.csv", "--set", "training.max_epochs=1", "--quiet"];
    assert!(place.run(&[&["--config", "a.toml"][..], &sets].concat()).status.success());
    let large = within(&place, &["evaluate", "latest", "--data", "a.csv"], MEMORY);
    let error = text(&large.stderr);
    assert_eq!(large.status.code(), Some(1), "{} {error}", large.status);
    assert!(error.contains("a.csv does not fit in memory: ") && error.lines().count() == 1, "{error}");
    assert!(error.contains(" more, and ") && error.contains("fewer rows"), "{error}");
}

#[test]
fn an_idx_file_of_four_billion_images_is_refused() {
    let place = Place::new();
    data_config(&place, "images", "labels = \"labels\"");
    let header =
        [&[0, 0, 8, 3][..], &4_000_000_000u32.to_be_bytes(), &1u32.to_be_bytes(), &1u32.to_be_bytes()].concat();
    // What the header promises is there, in zeros.
    sparse(place.path("images"), &header, 16 + 4_000_000_000);
    refused(&place, &CHECK, "a.toml:2:1: data.path: images holds 4000000000 cells, more than fit in memory");
    // A row of the data is an input each; names of a billion inputs alone would fill the memory.
    let header = [&[0, 0, 8, 3][..], &1u32.to_be_bytes(), &20_000u32.to_be_bytes(), &20_000u32.to_be_bytes()].concat();
    bomb(place.path("images"), &header, &vec![0; 20 << 20], 20);
    refused(&place, &CHECK, "a.toml:2:1: data.path: images holds items of 400000000 cells");
}

/// A table of `num_columns` numeric columns and a target in a few rows.
fn wide(num_columns: usize, line_end: &str) -> String {
    let names: Vec<String> = (0..num_columns).map(|column| format!("column_{column}")).collect();
    let row = |row: usize| {
        let cells: Vec<String> = (0..num_columns).map(|column| ((column * 7 + row * row) % 13).to_string()).collect();
        format!("{},{}{line_end}", cells.join(","), row % 2)
    };
    format!("{},y{line_end}{}", names.join(","), (0..12).map(row).collect::<String>())
}

#[test]
fn a_hundred_thousand_columns_are_trained_on() {
    assert_grows_in_proportion(100_000, |num_columns| {
        let place = Place::new();
        place.write("a.csv", &wide(num_columns, "\n"));
        data_config(&place, "a.csv", "target = \"y\"");
        [&["--config", "a.toml", "--quiet"][..], &["predict", "a", "a.csv", "-o", "out.csv"], &["evaluate", "a"]]
            .iter()
            .map(|args| processor_seconds(&place, args, 0))
            .sum()
    });
}

#[test]
fn a_header_longer_than_the_buffer_keeps_the_numbers_of_lines() {
    for line_end in ["\n", "\r\n", "\r"] {
        let place = Place::new();
        place.write("a.csv", &format!("{}1,2{line_end}", wide(20_000, line_end)));
        data_config(&place, "a.csv", "target = \"y\"");
        refused(&place, &CHECK, "a.toml:2:1: data.path: a.csv:14: 2 cells, and the first line has 20001");
    }
}

#[test]
fn columns_to_drop_are_found_among_a_hundred_thousand() {
    assert_grows_in_proportion(100_000, |num_columns| {
        let place = Place::new();
        let names: Vec<String> = (1..num_columns).map(|column| format!("\"column_{column}\"")).collect();
        let drop = format!("target = \"y\"\ndrop = [{}]\nnumeric = [\"column_0\"]", names.join(", "));
        place.write("a.csv", &wide(num_columns, "\n"));
        data_config(&place, "a.csv", &drop);
        assert!(works(&place, &CHECK).contains("12 rows, 1 input"));
        processor_seconds(&place, &CHECK, 0)
    });
}

#[test]
fn a_hundred_thousand_categories_are_taken_or_refused_in_bounded_memory() {
    let place = Place::new();
    let row = |row: usize| format!("n{},{},{}\n", row % 100_000, row * row % 1000, row % 2);
    place.write("a.csv", &format!("c,x,y\n{}", (0..300_000).map(row).collect::<String>()));
    data_config(&place, "a.csv", "target = \"y\"");
    // 64 categories, 1024 buckets of the others, and a number in 16 bins.
    assert!(works(&place, &CHECK).contains("1104 network inputs"));
    data_config(&place, "a.csv", "target = \"y\"\nmax_categories = 100000");
    refused(&place, &CHECK, "a.toml:4:1: data.max_categories: 300000 rows of 93338 inputs");
    data_config(&place, "a.csv", "target = \"c\"");
    refused(&place, &CHECK, "a.toml:3:1: data.target: target `c` has more than 1000 classes");
    // As many categories as rows, all kept: quick to look up. The 10,000 rows are few enough.
    place.write("a.csv", &format!("c,x,y\n{}", (0..10_000).map(row).collect::<String>()));
    data_config(
        &place,
        "a.csv",
        "target = \"y\"\nmax_categories = 100000\ncategorical = [\"c\"]\ntest_fraction = 0.98",
    );
    assert!(works(&place, &CHECK).contains("171 network inputs"));
}

#[test]
fn the_largest_numbers_stay_finite() {
    let place = Place::new();
    let cells = ["3.4028234e38", "-3.4028234e38", "0", "1e-45", "-1e-45", "3.4028234e38", "1", ""];
    let rows: String =
        (0..64).map(|row| format!("{},{},{}\n", cells[row % 8], cells[row * row % 7], row % 2)).collect();
    let path = place.write("a.csv", &format!("a,b,y\n{rows}"));
    for scale in [Scale::None, Scale::Standard, Scale::MinMax, Scale::Robust] {
        let config = DataConfig { path: Some(path.clone()), target: Some("y".into()), scale, ..DataConfig::default() };
        try_all(&config, &place.path("rewritten.csv"));
    }
    data_config(&place, "a.csv", "target = \"y\"\nscale = \"min_max\"");
    works(&place, &["--config", "a.toml", "--quiet"]);
    works(&place, &["evaluate", "a"]);
    for cell in ["1e308", "-1e308", "inf", "-inf", "NaN", "nan", "1e-400"] {
        place.write("a.csv", &format!("a,b,y\n{rows}{cell},1,1\n"));
        match cell {
            // Missing words, and a number that is 0.
            "NaN" | "nan" | "1e-400" => drop(works(&place, &CHECK)),
            _ => {
                let why =
                    if cell.contains("inf") { "not a finite number" } else { "beyond what 32 bits hold (3.4e38)" };
                let error = format!("a.toml:2:1: data.path: a.csv:66: column `a` holds `{cell}`, {why}");
                drop(refused(&place, &CHECK, &error));
            }
        }
    }
}

#[test]
fn a_cell_of_megabytes_is_not_shown_whole() {
    let place = Place::new();
    let cell = "z\u{1b}[31m".repeat(1 << 20);
    data_config(&place, "a.csv", "target = \"y\"\ntask = \"regression\"");
    place.write("a.csv", &format!("x,y\n1,2.5\n2,{cell}\n"));
    let error = refused(&place, &CHECK, "a.toml:3:1: data.target: a.csv:3: target `y` is `z");
    assert!(error.len() < 400 && !error.contains('\u{1b}'), "{error}");
    data_config(&place, "a.csv", "target = \"y\"");
    place.write("a.csv", &format!("{cell},{cell},y\n1,2,0\n"));
    refused(&place, &CHECK, "a.toml:2:1: data.path: a.csv:1: columns 1 and 2 are both named `z");
}

// --- configs

#[test]
fn configs_of_any_size_and_depth_are_one_clear_line() {
    let place = Place::new();
    let head = "[data]\nsource = \"iris\"\n";
    let too_large = "a.toml: cannot read the config: file too large";
    let long = "x".repeat(50 << 20);
    let inline = format!("{}1{}", "{a = ".repeat(10_000), "}".repeat(10_000));
    for (config, error) in [
        (format!("{head}# {long}\n"), too_large),
        (format!("{head}drop = [{}]\n", "\"aaaaaaa\", ".repeat(5 << 20)), too_large),
        (format!("{head}foo = \"{}\"\n", &long[..6 << 20]), "a.toml:3:1: unknown key `foo`"),
        (format!("{head}{} = 1\n", &long[..6 << 20]), "a.toml:3:1: unknown key `xxxxx"),
        (format!("{head}drop = [{}\n", "\"aaaaaaa\", ".repeat(350 << 10)), "a.toml:3:3942408: unclosed array"),
        (
            format!("{head}drop = {}{}\n", "[".repeat(10_000), "]".repeat(10_000)),
            "a.toml:3:88: it is nested too deeply",
        ),
        (format!("{head}drop = {inline}\n"), "a.toml:3:"),
        (format!("a{} = 1\n{head}", ".a".repeat(10_000)), "a.toml: it is nested too deeply"),
        (format!("[a{}]\nb = 1\n{head}", ".a".repeat(10_000)), "a.toml: it is nested too deeply"),
        (format!("seed = 18446744073709551615\n{head}"), "a.toml:1:8: the number is too large for TOML"),
    ] {
        place.write("a.toml", &config);
        refused(&place, &CHECK, error);
    }
    #[cfg(unix)]
    refused(&place, &["config", "check", "/dev/zero"], "/dev/zero: cannot read the config: file too large");
}

#[test]
fn keys_of_any_depth_are_refused() {
    let place = Place::new();
    let deep = "training.".repeat(10_000);
    let head = "[data]\nsource = \"iris\"\n";
    place.write("a.toml", head);
    let set = format!("{deep}seed=1");
    refused(&place, &["--config", "a.toml", "--set", &set], "--set training.training.");
    place.write(
        "a.toml",
        &format!(
            "{head}[sweep]\nmethod = \"random\"\ntrials = 2\n[sweep.space]\n\"{deep}seed\" = {{ values = [1, 2] }}\n"
        ),
    );
    refused(&place, &["--config", "a.toml"], "a.toml:7:1: sweep.space.training.training.");
}

#[test]
fn a_long_list_of_choices_is_checked_quickly() {
    assert_grows_in_proportion(200_000, |num_values| {
        let place = Place::new();
        let values: Vec<String> = (0..num_values).map(|value| value.to_string()).collect();
        let sweep = "[data]\nsource = \"iris\"\n[sweep]\nmethod = \"random\"\ntrials = 2\n[sweep.space]\n";
        let values = values.join(", ");
        place.write("a.toml", &format!("{sweep}\"training.max_epochs\" = {{ values = [{values}, 7] }}\n"));
        refused(&place, &["--config", "a.toml"], "a.toml:7:1: sweep.space.training.max_epochs: values holds 7 twice");
        processor_seconds(&place, &["--config", "a.toml"], 1)
    });
}

// --- run folders

/// A run folder, at its path; each of its files can be spoilt, and is then as it was.
fn trained(place: &Place) -> PathBuf {
    place.write("a.toml", "[data]\nsource = \"iris\"\n[training]\nmax_epochs = 1\n");
    works(place, &["--config", "a.toml", "--quiet"]);
    place.only_run()
}

fn with_spoilt(folder: &Path, name: &str, spoil: impl FnOnce(PathBuf), then: impl FnOnce()) {
    let whole = std::fs::read(folder.join(name)).unwrap();
    spoil(folder.join(name));
    then();
    std::fs::write(folder.join(name), whole).unwrap();
}

#[test]
fn what_a_run_folder_promises_is_not_believed() {
    let place = Place::new();
    let folder = trained(&place);
    let run = folder.to_str().unwrap();
    let shown = run.strip_prefix(place.path("").to_str().unwrap()).unwrap();
    let evaluate = ["evaluate", run];

    let promise = |header: &str, length: u64| [&length.to_le_bytes()[..], header.as_bytes()].concat();
    let weights = |end: u64| {
        let header =
            format!(r#"{{"layers.0.weight":{{"dtype":"F32","shape":[4,{}],"data_offsets":[0,{end}]}}}}"#, end / 16);
        promise(&header, header.len() as u64)
    };
    for (bytes, size) in [
        (promise("", 1 << 60), 1000),
        (promise("", u64::MAX), 1000),
        (promise("", 90_000_000), 1000),
        (weights(1 << 60), 1000),
        (weights(1 << 62), 1000),
    ] {
        let spoil = |path| sparse(path, &bytes, size);
        let error = format!(
            "{shown}/model.safetensors is damaged: restore the file that training wrote: not a safetensors file"
        );
        with_spoilt(&folder, MODEL, spoil, || drop(refused(&place, &evaluate, &error)));
    }
    // Files as large as they promise, far beyond the network.
    let error = format!("`{shown}/model.safetensors`: it is larger than 16 MiB");
    let honest = |path| sparse(path, &weights(20 << 30), 8 + weights(20 << 30).len() as u64 + (20 << 30));
    with_spoilt(&folder, MODEL, honest, || drop(refused(&place, &evaluate, &error)));
    let error = format!("`{shown}/preprocessing.json`: it is larger than 256 MiB");
    with_spoilt(
        &folder,
        PREPROCESSING,
        |path| sparse(path, b"{", 4 << 30),
        || drop(refused(&place, &evaluate, &error)),
    );

    let whole = std::fs::read_to_string(folder.join(PREPROCESSING)).unwrap();
    let damaged = format!("{shown}/preprocessing.json is damaged");
    let columns = |names: usize| {
        let column =
            |name: usize| format!(r#"{{"name":"{name}","kind":{{"numeric":{{"median":0,"center":0,"spread":1}}}}}}"#);
        let columns: Vec<String> = (0..names).map(column).collect();
        let mut changed: serde_json::Value = serde_json::from_str(&whole).unwrap();
        changed["columns"] = serde_json::from_str(&format!("[{}]", columns.join(","))).unwrap();
        changed.to_string()
    };
    let unlike = format!("{shown}/model.safetensors does not fit the run's config and data");
    for (text, error) in [
        ("[".repeat(100_000), &damaged),
        (r#"{"columns":"#.repeat(100_000), &damaged),
        (whole.replace("\"version\"", &format!("\"{}\"", "x".repeat(1 << 20))), &damaged),
        (whole.replace("\"image_shape\": null", "\"image_shape\": [1000000000, 1]"), &damaged),
        (whole.replace("\"image_shape\": null", "\"image_shape\": [4294967296, 4294967296]"), &damaged),
        (columns(500_000), &unlike),
    ] {
        let spoil = |path| std::fs::write(path, text).unwrap();
        with_spoilt(&folder, PREPROCESSING, spoil, || drop(refused(&place, &evaluate, error)));
    }

    // Without any damage, as the last thing.
    works(&place, &evaluate);
}

/// A network of `shapes` whose weights are all 0.01, as a file.
fn weights_of(shapes: &[(&str, &[usize])]) -> Vec<u8> {
    let (mut header, mut end) = (serde_json::Map::new(), 0);
    for (name, shape) in shapes {
        let begin = end;
        end += 4 * shape.iter().product::<usize>();
        let entry = serde_json::json!({"dtype": "F32", "shape": shape, "data_offsets": [begin, end]});
        header.insert((*name).to_owned(), entry);
    }
    let header = serde_json::Value::from(header).to_string();
    let numbers = 0.01_f32.to_le_bytes().repeat(end / 4);
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &numbers].concat()
}

/// Models that somebody sent, whole and in themselves right, of which a step would take many times the memory that they do.
#[test]
fn a_small_model_takes_no_memory_without_bound() {
    let place = Place::new();
    let folder = trained(&place);
    let run = folder.to_str().unwrap();
    let config = std::fs::read_to_string(folder.join("config.toml")).unwrap();
    let narrow =
        |line: &str| if line.starts_with("hidden = ") { "hidden = [1]\n".to_owned() } else { format!("{line}\n") };
    std::fs::write(folder.join("config.toml"), config.lines().map(narrow).collect::<String>()).unwrap();
    // It would say that the network was another one.
    std::fs::remove_file(folder.join("run.json")).unwrap();
    crate::place::forget_sums(&folder);
    let whole: serde_json::Value = crate::place::json(folder.join(PREPROCESSING));
    let num_columns = whole["columns"].as_array().unwrap().len();
    let write = |prepared: &serde_json::Value, shapes: &[(&str, &[usize])]| {
        std::fs::write(folder.join(PREPROCESSING), prepared.to_string()).unwrap();
        std::fs::write(folder.join(MODEL), weights_of(shapes)).unwrap();
    };

    // A confusion matrix of 100,000 classes has 10 thousand million cells.
    let mut classes = whole.clone();
    let names: Vec<String> = (0..100_000).map(|class| format!("class_{class}")).collect();
    classes["class_counts"] = vec![1; names.len()].into();
    classes["target"] = serde_json::json!({ "classes": names });
    let head = [1, names.len()];
    write(
        &classes,
        &[
            ("layers.0.weight", &[num_columns, 1]),
            ("layers.0.bias", &[1]),
            ("layers.1.weight", &head),
            ("layers.1.bias", &head[1..]),
        ],
    );
    for args in [&["evaluate", run][..], &["plot", run, "confusion"], &["predict", run, "t.csv"], &["export", run]] {
        let error = refused(&place, args, "");
        assert!(error.contains("100000 outputs, more than 1000"), "{error}");
    }

    // 600 rows of a million inputs are 2.4 GB.
    let mut categories = whole.clone();
    let names: Vec<String> = (0..999_999).map(|category| format!("{category:x}")).collect();
    let kind = serde_json::json!({ "categorical": { "categories": names, "has_unknown": true } });
    categories["columns"] = serde_json::json!([{ "name": "k", "kind": kind }]);
    categories["readings"] = serde_json::json!({});
    let num_classes = whole["class_counts"].as_array().unwrap().len();
    let num_outputs = if num_classes == 2 { 1 } else { num_classes };
    write(
        &categories,
        &[
            ("layers.0.weight", &[1_000_000, 1]),
            ("layers.0.bias", &[1]),
            ("layers.1.weight", &[1, num_outputs]),
            ("layers.1.bias", &[num_outputs]),
        ],
    );
    let rows: String = (0..600).map(|row| format!("{row:x}\n")).collect();
    place.write("new.csv", &format!("k\n{rows}"));
    works(&place, &["predict", run, "new.csv", "-o", "predicted.csv"]);
    assert_eq!(std::fs::read_to_string(place.path("predicted.csv")).unwrap().lines().count(), 601);
}

#[test]
fn attention_that_does_not_fit_in_memory_is_foreseen() {
    let place = Place::new();
    let header: Vec<String> = (0..3000).map(|column| format!("c{column}")).collect();
    let cells = |row: usize| (0..3000).map(|column| format!("{},", (row * 7 + column * 3) % 11)).collect::<String>();
    let rows: String = (0..40).map(|row| format!("{}{}\n", cells(row), ["a", "b"][row % 2])).collect();
    place.write("t.csv", &format!("{},y\n{rows}", header.join(",")));
    let model = "kind = \"transformer\"\npatch = [1, 1]\nwidth = 128\ndepth = 1\n";
    let training = "[training]\nmax_epochs = 1\nkernels = \"plain\"\n";
    let config =
        |heads: usize| format!("[data]\npath = \"t.csv\"\ntarget = \"y\"\n[model]\n{model}heads = {heads}\n{training}");
    place.write("many.toml", &config(128));
    let error = refused(&place, &["config", "check", "many.toml"], "many.toml:");
    assert!(error.contains("3000 tokens that each look at each other with 128 heads"), "{error}");
    // A step of 28 rows needs 28 x 9 million scores of 4 bytes, and their gradients.
    place.write("batch.toml", &config(4));
    let error = refused(&place, &["--config", "batch.toml", "--quiet"], "");
    assert!(error.contains("examples at a time need") && error.contains("lower training.batch_size"), "{error}");
}

#[test]
fn a_config_that_does_not_fit_the_model_is_refused() {
    let place = Place::new();
    let folder = trained(&place);
    let run = folder.to_str().unwrap();
    for (old, new, error) in [
        ("[training]", "[training]\nclass_weights = [1.0]", "class_weights needs 3 numbers of 0 or more"),
        ("loss = \"cross_entropy\"", "loss = \"mse\"", "a class target needs loss"),
        ("[data]", "[data]\ndelimiter = \"é\"", "data.delimiter is for files"),
        ("source = \"iris\"", "path = \"/x\"\ntarget = \"y\"\ndelimiter = \"é\"", "data.delimiter is 'é'"),
    ] {
        let whole = std::fs::read_to_string(folder.join("config.toml")).unwrap();
        assert!(whole.contains(old), "{whole}");
        let spoil = |path| std::fs::write(path, whole.replacen(old, new, 1)).unwrap();
        with_spoilt(&folder, "config.toml", spoil, || {
            let error = refused(&place, &["evaluate", run], "").find(error).is_some();
            assert!(error, "{new}");
        });
    }
}

/// The most memory that it ever had, in MiB; `None` where the system does not tell.
pub fn peak(mut command: Command) -> Option<f64> {
    let mut process = command.stdout(std::process::Stdio::null()).spawn().unwrap();
    let mut most = None;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let now = line.map(|line| line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0);
        most = now.or(most);
        if let Some(status) = process.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return most;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

/// What a run of 100,000 epochs has recorded is never in memory at once: not for going on, not for pictures, not for hints.
#[test]
fn a_long_run_goes_on_in_the_memory_of_a_short_one() {
    let place = Place::new();
    let folder = trained(&place);
    let id = folder.file_name().unwrap().to_str().unwrap();
    let Some(short) = peak(place.command(&["resume", id, "--epochs", "3"])) else { return };
    crate::place::forget_sums(&folder);
    let mut metrics = File::options().append(true).open(folder.join("metrics.csv")).unwrap();
    let keys = ["train/a", "train/b", "train/c", "validation/a", "validation/b"];
    // Of an epoch that the checkpoint has.
    let lines = |step: u32| keys.map(|key| format!("1,{step},0.5,{key},0.25\n")).concat();
    metrics.write_all((1..=100_000).map(lines).collect::<String>().as_bytes()).unwrap();
    let long = peak(place.command(&["resume", id, "--epochs", "3"])).unwrap();
    println!("{short:.0} MiB for a short run, {long:.0} MiB for half a million points");
    assert!(long < short + 30.0, "{short:.0} MiB, then {long:.0} MiB");
}

#[test]
fn reindex_leaves_out_what_is_too_large_and_says_so() {
    let place = Place::new();
    let folder = trained(&place);
    let reindex = ["runs", "reindex"];
    let list = ["runs", "list", "--json"];
    let before = works(&place, &list);
    let long_line = |path: PathBuf| {
        let mut file = File::options().write(true).open(path).unwrap();
        let end = file.seek(SeekFrom::End(0)).unwrap();
        file.set_len(end + (2 << 30)).unwrap();
    };
    let huge = |path: PathBuf| sparse(path, b"{", 4 << 30);
    let deep = |path: PathBuf| std::fs::write(path, format!("{{\"params\":{{\"a\":{}", "[".repeat(100_000))).unwrap();
    type Spoil<'a> = &'a dyn Fn(PathBuf);
    let spoils: [(&str, Spoil, &str); 5] = [
        ("metrics.csv", &long_line, "the line is longer than 4096 bytes"),
        ("run.json", &huge, "is larger than 16 MiB"),
        ("environment.json", &huge, "is larger than 4 MiB"),
        ("run.json", &deep, "recursion limit exceeded"),
        ("environment.json", &deep, "recursion limit exceeded"),
    ];
    for (name, spoil, error) in spoils {
        with_spoilt(&folder, name, spoil, || {
            let output = limited(&place, &reindex);
            let told = text(&output.stdout) + &text(&output.stderr);
            assert!(output.status.code().is_some_and(|code| code <= 1), "{name}: {} {told}", output.status);
            assert!(told.contains(error) && told.len() < 5000, "{name}: {told}");
        });
        // The row of a folder that cannot be read stays as it was.
        assert_eq!(works(&place, &list), before, "{name}");
    }
    works(&place, &reindex);
}
