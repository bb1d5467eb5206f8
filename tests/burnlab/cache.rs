//! `data.cache`: a table that was read once, in a file of its own, and one that is larger than memory.

use std::fs;
use std::io::Write;

use crate::extremes::within;
use crate::place::{Place, json, text, works};

const TRAIN: [&str; 4] = ["--config", "a.toml", "--quiet", "--artifacts"];

/// Numbers, names, dates and gaps.
fn table(num_rows: usize) -> String {
    let row = |i: usize| {
        let (name, day) = (["red", "green", ""][i % 3], 1 + i % 28);
        format!("{}.25,{name},2024-01-{day:02},{},{}\n", i * 7919 % 1007, i % 9, i * i % 101)
    };
    "x,name,day,count,y\n".to_owned() + &(0..num_rows).map(row).collect::<String>()
}

fn config(place: &Place, data: &str) {
    let text = format!(
        "name = \"a\"\n[data]\npath = \"a.csv\"\ntarget = \"y\"\n{data}\n[model]\nhidden = [4]\n[training]\nmax_epochs = 2\n"
    );
    place.write("a.toml", &text);
}

/// The files of the only run in an artifacts folder.
fn run(place: &Place, artifacts: &str) -> [Vec<u8>; 3] {
    let args: Vec<&str> = TRAIN.into_iter().chain([artifacts]).collect();
    works(place, &args);
    let run = fs::read_dir(place.path(artifacts).join("runs")).unwrap().next().unwrap().unwrap().path();
    ["model.safetensors", "preprocessing.json", "predictions.csv"].map(|name| fs::read(run.join(name)).unwrap())
}

#[test]
fn a_table_that_is_shuffled_whole_gives_the_same_model_with_a_cache() {
    let place = Place::new();
    place.write("a.csv", &table(600));
    config(&place, "");
    let plain = run(&place, "plain");
    config(&place, "cache = true");
    let told = |expected: &str| {
        let told = works(&place, &["config", "check", "a.toml"]);
        assert!(told.contains(expected), "{told}");
    };
    told("note: built the cache a.csv.cache, which later runs read instead of the table");
    told("note: read from the cache a.csv.cache");
    assert!(run(&place, "cached") == plain);
    // The table is not read again: what is there now has the size, the time and the ends that it had.
    let (path, written) = (place.path("a.csv"), fs::read(place.path("a.csv")).unwrap());
    let time = path.metadata().unwrap().modified().unwrap();
    place.write("a.csv", &table(601));
    told("note: the cache a.csv.cache was built before the table changed: built it again");
    told("a.csv: 601 rows");
    fs::write(&path, written).unwrap();
    fs::File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
    told("was built before the table changed");
    assert!(run(&place, "again") == plain);

    // A model is evaluated on the same rows, from anywhere: the run has recorded where the cache is.
    config(&place, "cache = \"here.cache\"");
    assert!(run(&place, "named") == plain);
    assert!(place.path("here.cache").is_file());
    let only = fs::read_dir(place.path("named/runs")).unwrap().next().unwrap().unwrap().path();
    let recorded = json(only.join("run.json"));
    assert_eq!(recorded["params"]["data.cache"], place.path("here.cache").to_str().unwrap());
    let environment = json(only.join("environment.json"));
    let notes = environment["dataset"]["notes"].as_array().unwrap();
    assert!(notes.iter().any(|note| note.as_str().unwrap().contains("the cache")), "{notes:?}");
}

#[test]
fn what_is_no_place_for_a_cache_or_no_table_for_one_is_refused_in_a_line() {
    let place = Place::new();
    place.write("a.csv", &table(50));
    place.write("notes.cache", "do not lose this, whatever happens");
    fs::create_dir(place.path("folder")).unwrap();
    fs::create_dir(place.path("folder.cache")).unwrap();
    place.write("b.cache", &table(50));
    for (data, expected) in [
        ("cache = \"notes.cache\"", "notes.cache is there and no cache: name another file, or remove it"),
        ("cache = \"folder.cache\"", "folder.cache is there and no cache: name another file"),
        ("cache = \"a.csv\"", "ends in .cache and begins with no dot: write \"a.csv.cache\""),
        (
            "path = \"b.cache\"\ncache = \"b.cache\"",
            "data.cache is b.cache, which is one of the tables: name another file",
        ),
        ("cache = \"nowhere/a.cache\"", "the cache nowhere/a.cache cannot be written: "),
        ("cache = 7", "data.cache is true, for a file beside data.path, or the path of a file"),
        ("cache = true\nimages = \"name\"\nimage_shape = [2, 2]", "data.images names images: remove one of the two"),
    ] {
        config(&place, data);
        if data.starts_with("path") {
            place.write("a.toml", &format!("[data]\ntarget = \"y\"\n{data}\n"));
        }
        let output = place.run(&["config", "check", "a.toml"]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{data}: {error}");
        assert!(error.contains("data.cache") && error.contains(expected), "{data}: {error}");
    }
    assert_eq!(fs::read_to_string(place.path("notes.cache")).unwrap(), "do not lose this, whatever happens");
    for (section, expected) in [
        ("source = \"iris\"\ncache = true", "data.cache is for files, and data.source is `iris`: remove it"),
        (
            "path = \"a.csv\"\ntask = \"language_model\"\ncache = true",
            "data.cache is for tables, and the data are a text",
        ),
        (
            "path = \"folder\"\ncache = true\nimage_shape = [2, 2]",
            "data.cache is for tables in files, and folder is a folder",
        ),
        (
            "path = \"*.csv\"\ntarget = \"y\"\ncache = true",
            "data.cache = true is for one file, and data.path is a pattern",
        ),
        ("path = \"none.csv\"\ntarget = \"y\"\ncache = true", "none.csv"),
    ] {
        place.write("a.toml", &format!("[data]\n{section}\n"));
        let output = place.run(&["config", "check", "a.toml"]);
        let error = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{section}: {error}");
        assert!(error.contains(expected), "{section}: {error}");
    }
    // `false` is none, and several files are one table.
    config(&place, "cache = false");
    works(&place, &["config", "check", "a.toml"]);
    place.write("part-2.csv", &table(20));
    place.write("a.toml", "[data]\npath = \"*.csv\"\ntarget = \"y\"\ncache = \"all.cache\"\n");
    for _ in 0..2 {
        let told = works(&place, &["config", "check", "a.toml"]);
        assert!(told.contains("70 rows") && told.contains("the cache all.cache"), "{told}");
    }
    let left: Vec<_> = fs::read_dir(place.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_str().unwrap().starts_with('.')), "{left:?}");
}

/// 312 MB of numbers that no byte holds, in a process that may have 307 MB of address space, of which the program itself
/// takes a part.
#[test]
fn a_table_larger_than_memory_trains_from_its_cache() {
    const MEMORY: u32 = 300_000;
    const WIDTH: usize = 400;
    const NUM_ROWS: usize = 195_000;
    let place = Place::new();
    let mut file = std::io::BufWriter::new(fs::File::create(place.path("a.npy")).unwrap());
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({NUM_ROWS}, {WIDTH}), }}");
    let header = format!("{header:<117}\n");
    file.write_all(b"\x93NUMPY\x01\x00").unwrap();
    file.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
    file.write_all(header.as_bytes()).unwrap();
    for row in 0..NUM_ROWS {
        let cells = (0..WIDTH).map(|column| ((row * 31 + column * 7919) % 1_000_003) as f32 / 1e6);
        let bytes: Vec<u8> = cells.flat_map(f32::to_le_bytes).collect();
        file.write_all(&bytes).unwrap();
    }
    drop(file);
    let config = |data: &str| {
        let text = format!(
            "name = \"a\"\n[data]\npath = \"a.npy\"\ntarget = \"column_{WIDTH}\"\n{data}\n[model]\nhidden = [2]\n[training]\n\
             max_epochs = 1\nbatch_size = 1024\nlearning_rate = 0.01\n"
        );
        place.write("a.toml", &text);
    };
    config("");
    let output = within(&place, &["--config", "a.toml", "--quiet"], MEMORY);
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(
        error.contains("a.npy does not fit in memory: ") && error.contains("data.cache = true, which leaves"),
        "{error}"
    );

    config("cache = true");
    // Built, and then read: the same model, since the order of an epoch depends on the seed alone.
    let models = ["first", "second"].map(|artifacts| {
        let args: Vec<&str> = TRAIN.into_iter().chain([artifacts]).collect();
        let output = within(&place, &args, MEMORY);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let run = fs::read_dir(place.path(artifacts).join("runs")).unwrap().next().unwrap().unwrap().path();
        ["model.safetensors", "evaluation.json"].map(|name| fs::read(run.join(name)).unwrap())
    });
    assert!(models[0] == models[1]);
    assert!(place.path("a.npy.cache").metadata().unwrap().len() > u64::from(MEMORY) << 10);
}
