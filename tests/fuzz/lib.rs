//! What the fuzz targets share: a folder in memory that is used again and again, and the way of a run's data.

pub mod whole_way;

use std::fs;
use std::io::Write;
use std::panic::{self, UnwindSafe};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder of one target's process, in memory where the system has such: thousands of files are written a second.
pub struct Folder(TempDir);

impl Default for Folder {
    fn default() -> Self {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        Self(tempfile::Builder::new().prefix("burnlab-fuzz-").tempdir_in(root).unwrap())
    }
}

impl Folder {
    /// Its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes the file `name`, in place of an older one.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// The bytes, gzipped.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What `decode` returns; `None` if it panics. libFuzzer's hook would end the process before it is caught.
pub fn quietly<T>(decode: impl FnOnce() -> T + UnwindSafe) -> Option<T> {
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    let decoded = panic::catch_unwind(decode);
    panic::set_hook(hook);
    decoded.ok()
}

/// The text before and after the first line `%%`: inputs of several parts are split so, which a fuzzer can learn.
pub fn parts(text: &[u8]) -> (&[u8], &[u8]) {
    const MARK: &[u8] = b"\n%%\n";
    match text.windows(MARK.len()).position(|window| window == MARK) {
        Some(at) => (&text[..at + 1], &text[at + MARK.len()..]),
        None => (text, b""),
    }
}
