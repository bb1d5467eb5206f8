//! A folder with files, in which the burnlab binary is run.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde_json::Value;

/// How long anything may take on a busy machine before a test gives it up. What works takes a fraction of it.
pub const DEADLINE: Duration = Duration::from_secs(120);

/// An empty folder, removed in the end. In memory where there is enough of it: what is written is synced again and again,
/// which on a disk takes up to fifteen times as long as the rest of a test (measured).
pub fn folder() -> tempfile::TempDir {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    let root = ROOT.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        if free_bytes(memory).is_some_and(|bytes| bytes > 4 << 30) { memory.to_owned() } else { std::env::temp_dir() }
    });
    tempfile::tempdir_in(root).unwrap()
}

/// `None` where there is no such folder, or no `df` to ask.
fn free_bytes(folder: &Path) -> Option<u64> {
    let output = Command::new("df").args(["-Pk", "--"]).arg(folder).output().ok()?;
    let row = text(&output.stdout).lines().nth(1)?.to_owned();
    Some(row.split_whitespace().nth(3)?.parse::<u64>().ok()? << 10)
}

/// A folder with files, in which burnlab is run.
pub struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self { folder: folder() }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_burnlab"));
        command.current_dir(self.folder.path()).args(args).env_remove("CARGO");
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// The one run in `artifacts/`.
    pub fn only_run(&self) -> PathBuf {
        let runs: Vec<_> =
            std::fs::read_dir(self.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path()).collect();
        assert_eq!(runs.len(), 1);
        runs.into_iter().next().unwrap()
    }
}

/// Has a test change results of a run as if training had written them so.
pub fn forget_sums(run: &Path) {
    std::fs::remove_file(run.join("SHA256SUMS")).unwrap();
}

pub fn json(path: impl AsRef<Path>) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Runs burnlab, which must succeed, and returns what it prints.
#[track_caller]
pub fn works(place: &Place, args: &[&str]) -> String {
    let output = place.run(args);
    assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs burnlab, which must end with exit code 1 and say `expected`.
#[track_caller]
pub fn refused(place: &Place, args: &[&str], expected: &str) {
    let output = place.run(args);
    let said = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{args:?}: {said}");
    assert!(said.contains(expected), "{args:?}: {said}");
}

/// The value of the entry of a list of metrics, as evaluations have it, with this name.
#[track_caller]
pub fn named(metrics: &Value, name: &str) -> f64 {
    metrics.as_array().unwrap().iter().find(|metric| metric["name"] == name).unwrap()["value"].as_f64().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Copies the files in `from` and its subfolders.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}

/// What SQLite says of the store in `artifacts`.
pub fn integrity(artifacts: &Path) -> String {
    let database = rusqlite::Connection::open(artifacts.join("burnlab.db")).unwrap();
    database.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap()
}

/// The last epoch that was printed: from then on the user may count on it.
pub fn told_epoch(output: &Output) -> u64 {
    let out = text(&output.stdout);
    let epochs = out.lines().filter_map(|line| line.trim_start().strip_prefix("epoch ")?.split('/').next());
    epochs.filter_map(|epoch| epoch.trim().parse().ok()).max().unwrap_or(0)
}

/// Random choices of a test, new ones each time; `BURNLAB_TEST_SEED` repeats those of a failed one, which prints its seed.
pub fn random() -> ChaCha8Rng {
    let given = std::env::var("BURNLAB_TEST_SEED").ok();
    let seed = given.map_or_else(rand::random, |seed| seed.parse().expect("BURNLAB_TEST_SEED is a whole number"));
    // libtest shows it when the test fails.
    println!("repeat it with BURNLAB_TEST_SEED={seed}");
    ChaCha8Rng::seed_from_u64(seed)
}

/// Asks again and again until the answer is there.
#[track_caller]
pub fn wait_for<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begin.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// What a process says until it ends, which it must.
#[cfg(unix)]
#[track_caller]
pub fn output_of(child: std::process::Child, what: &str) -> Output {
    let process = child.id();
    let (ended, waiting) = std::sync::mpsc::channel::<()>();
    let watch = std::thread::spawn(move || {
        let is_late = waiting.recv_timeout(DEADLINE).is_err();
        if is_late {
            signal("KILL", process);
        }
        is_late
    });
    let output = child.wait_with_output().unwrap();
    ended.send(()).ok();
    assert!(!watch.join().unwrap(), "waited {DEADLINE:?} in vain for the end: {what}");
    output
}

/// Sends a signal, such as `TERM`.
#[cfg(unix)]
#[track_caller]
pub fn signal(name: &str, process: u32) {
    assert!(Command::new("kill").args(["-s", name, &process.to_string()]).status().unwrap().success());
}

/// A grey PNG file of one level. The file is small, whatever its sides are.
pub fn png(path: &Path, [width, height]: [u32; 2], level: u8) {
    let chunk = |name: &[u8], data: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(data);
        [&(data.len() as u32).to_be_bytes()[..], name, data, &crc.sum().to_be_bytes()].concat()
    };
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let mut pixels = ZlibEncoder::new(Vec::new(), Compression::fast());
    let row = [&[0][..], &vec![level; width as usize][..]].concat();
    (0..height).for_each(|_| pixels.write_all(&row).unwrap());
    let parts = [chunk(b"IHDR", &header), chunk(b"IDAT", &pixels.finish().unwrap()), chunk(b"IEND", b"")];
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, [b"\x89PNG\r\n\x1a\n".to_vec(), parts.concat()].concat()).unwrap();
}
