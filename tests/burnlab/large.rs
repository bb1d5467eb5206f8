//! Large tables: read in blocks by several threads, and in memory once.

use std::fmt::Write;
use std::fs;

use crate::extremes::peak;
use crate::place::{Place, text};

const CONFIG: &str = "name = \"a\"\n[data]\npath = \"a.csv\"\ntarget = \"y\"\n[model]\nhidden = [4]\n[training]\n\
                      max_epochs = 1\nbatch_size = 512\n";

/// Rows of numbers, names and notes; some of these have quotes, commas and line feeds, from the middle on.
fn mixed(num_rows: usize) -> String {
    let mut text = String::from("x,name,note,y\n");
    for i in 0..num_rows {
        let note = match (i % 7, 2 * i > num_rows) {
            (0, true) => "\"two\nlines\"",
            (1, true) => "\"a \"\"quote\"\", and more\"",
            _ => "plain",
        };
        writeln!(text, "{}.25,{},{note},{}", i * 7919 % 10_007, ["red", "green", ""][i % 3], i * i % 101).unwrap();
    }
    text
}

#[test]
fn a_large_file_is_the_same_data_whatever_the_number_of_threads() {
    let place = Place::new();
    place.write("a.toml", CONFIG);
    let whole = mixed(60_000);
    assert!(whole.len() > 1 << 20);
    let with_threads = |threads: &str, args: &[&str]| {
        let mut command = place.command(args);
        command.env("RAYON_NUM_THREADS", threads).output().unwrap()
    };
    let compared = |args: &[&str], code: i32| {
        let outputs = ["1", "3"].map(|threads| with_threads(threads, args));
        let [one, three] = &outputs;
        assert_eq!(one.status.code(), Some(code), "{}", text(&one.stderr));
        assert_eq!((text(&one.stdout), text(&one.stderr)), (text(&three.stdout), text(&three.stderr)));
        text(&one.stdout) + &text(&one.stderr)
    };
    place.write("a.csv", &whole);
    let told = compared(&["config", "check", "a.toml"], 0);
    assert!(
        told.contains("a.csv: 60000 rows, 3 inputs")
            && told.contains("`note`: 3 categories (`a \"quote\", and more`, plain, two lines)"),
        "{told}"
    );
    let models = ["1", "3"].map(|threads| {
        let output = with_threads(threads, &["--config", "a.toml", "--artifacts", threads, "--quiet"]);
        assert!(output.status.success(), "{}", text(&output.stderr));
        let run = fs::read_dir(place.path(threads).join("runs")).unwrap().next().unwrap().unwrap().path();
        ["model.safetensors", "preprocessing.json", "predictions.csv"].map(|name| fs::read(run.join(name)).unwrap())
    });
    assert!(models[0] == models[1]);

    // Errors name the line of the file, line feeds in cells counted.
    let line = whole.lines().count() + 1;
    place.write("a.csv", &format!("{whole}1,red,plain\n"));
    let told = compared(&["config", "check", "a.toml"], 1);
    assert!(told.contains(&format!("a.csv:{line}: 3 cells, and the first line has 4")), "{told}");
    place.write("a.csv", &format!("{whole}1,red,plain,7\n{}", &whole[..14]));
    let told = compared(&["config", "check", "a.toml"], 1);
    assert!(told.contains(&format!("a.csv:{}: the header again", line + 1)), "{told}");
}

/// The cells are in memory once, in 4 bytes each: not beside the network's inputs, nor twice while they are read. What is left
/// beside so few of them are blocks and batches, and what the allocator has not given back yet.
#[test]
fn a_training_takes_little_more_memory_than_its_numbers() {
    const WIDTH: usize = 100;
    let place = Place::new();
    let table = |num_rows: usize| {
        let mut text: String = (0..WIDTH).map(|column| format!("x{column},")).collect::<String>() + "y\n";
        for row in 0..num_rows {
            (0..WIDTH).for_each(|column| write!(text, "{}.{},", row * 31 % 10, (row + column * 7) % 10).unwrap());
            writeln!(text, "{}.5", row % 1009).unwrap();
        }
        text
    };
    place.write("a.toml", CONFIG);
    let most = |num_rows: usize| {
        place.write("a.csv", &table(num_rows));
        peak(place.command(&["--config", "a.toml", "--quiet"]))
    };
    let num_rows = 100_000;
    let (Some(little), Some(much)) = (most(1000), most(num_rows)) else { return };
    let numbers = (num_rows * (WIDTH + 1) * size_of::<f32>()) as f64 / 1024.0 / 1024.0;
    println!("{little:.0} MiB for little, {much:.0} MiB for {numbers:.0} MiB of numbers");
    assert!(much - little < 2.5 * numbers, "{:.0} MiB for {numbers:.0} MiB of numbers", much - little);
}
