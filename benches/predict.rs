//! `burnlab predict` on a million rows: seconds, rows a second, peak memory; and on one row.
//!
//! ```sh
//! cargo bench --bench predict
//! ```

use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const COLUMNS: usize = 10;
const CONFIG: &str = "
name = \"big\"
[data]
path = \"train.csv\"
target = \"y\"
[model]
hidden = [32]
[training]
max_epochs = 3
";

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    std::fs::write(folder.join("c.toml"), CONFIG).expect("written");
    write_rows(&folder.join("train.csv"), 2000);
    run(folder, &["--config", "c.toml", "--quiet"]);
    println!("rows     seconds  rows a second  peak MB");
    for num_rows in [1, 100_000, 1_000_000] {
        write_rows(&folder.join("rows.csv"), num_rows);
        let (seconds, peak) = run(folder, &["predict", "big", "rows.csv", "-o", "out.csv"]);
        println!("{num_rows:<8} {seconds:>7.2} {:>14.0} {peak:>8.0}", num_rows as f64 / seconds);
    }
}

/// Numbers, one category and two classes that follow from the first two columns.
fn write_rows(path: &Path, num_rows: usize) {
    let mut file = BufWriter::new(std::fs::File::create(path).expect("created"));
    let names: Vec<String> = (1..COLUMNS).map(|column| format!("x{column}")).collect();
    writeln!(file, "{},colour,y", names.join(",")).expect("written");
    let mut state = 1u64;
    for row in 0..num_rows {
        let mut sum = 0.0;
        for column in 1..COLUMNS {
            // Knuth's MMIX generator is random enough for a timing.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let value = (state >> 40) as f64 / (1u64 << 24) as f64;
            sum += if column < 3 { value } else { 0.0 };
            write!(file, "{value:.4},").expect("written");
        }
        writeln!(file, "{},{}", ["red", "green", "blue"][row % 3], if sum > 1.0 { "yes" } else { "no" })
            .expect("written");
    }
}

/// Seconds, and MB at the peak (0 where the system does not tell).
fn run(folder: &Path, args: &[&str]) -> (f64, f64) {
    let started = Instant::now();
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_burnlab")).current_dir(folder).args(args).spawn().expect("started");
    let mut peak = 0.0;
    loop {
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        peak = kilobytes.map_or(peak, |kilobytes| kilobytes / 1000.0);
        match child.try_wait().expect("waited for") {
            Some(status) => {
                assert!(status.success(), "burnlab {args:?} failed");
                return (started.elapsed().as_secs_f64(), peak);
            }
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}
