//! `SHA256SUMS`: what the results of a run were when its training ended, in the format of sha256sum(1). What has been changed
//! since, by hand or by a failing disk, is not taken for what was trained.

use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::atomic::write_renamed;
use super::held::Place;
use super::names::SUMS;
use super::open::{open, read_text};
use crate::tracking::TrackingError;

/// Writes the sums of those of the files `names` that there are.
///
/// # Errors
/// A file that cannot be read, or a folder that cannot be written.
pub(crate) fn write_sums<'a>(folder: impl Into<Place<'a>>, names: &[&str]) -> Result<(), TrackingError> {
    let folder = folder.into();
    let mut lines = String::new();
    for name in names {
        if let Some(sum) = sum(folder, name)? {
            writeln!(lines, "{sum}  {name}").expect("strings grow");
        }
    }
    write_renamed(folder, SUMS, lines.as_bytes())
}

/// That a file is as it was when the training ended; one without a sum is not checked.
///
/// # Errors
/// [`TrackingError::Altered`]; a file that cannot be read.
pub fn check_sum(folder: &Path, name: &str) -> Result<(), TrackingError> {
    let Some(sums) = read_text(folder, SUMS)? else { return Ok(()) };
    let recorded = sums.lines().find_map(|line| line.split_once("  ").filter(|(_, other)| *other == name));
    let Some((recorded, _)) = recorded else { return Ok(()) };
    match sum(folder.into(), name)? {
        Some(found) if found != recorded => Err(TrackingError::Altered { path: folder.join(name) }),
        _ => Ok(()),
    }
}

fn sum(folder: Place, name: &str) -> Result<Option<String>, TrackingError> {
    let Some(mut file) = open(folder, name)? else { return Ok(None) };
    let (mut hash, mut block) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut block)? {
            0 => break,
            count => hash.update(&block[..count]),
        }
    }
    Ok(Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_was_changed_since_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::write(path.join("a.csv"), "abc").unwrap();
        fs::write(path.join("b.csv"), "").unwrap();
        assert!(check_sum(path, "a.csv").is_ok(), "no sums");
        write_sums(path, &["a.csv", "none.csv"]).unwrap();
        // FIPS 180-4, the example of one block.
        let sums = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a.csv\n";
        assert_eq!(fs::read_to_string(path.join("SHA256SUMS")).unwrap(), sums);
        assert!(check_sum(path, "a.csv").is_ok() && check_sum(path, "b.csv").is_ok());
        fs::write(path.join("a.csv"), "abd").unwrap();
        let error = check_sum(path, "a.csv").unwrap_err();
        assert!(matches!(error, TrackingError::Altered { .. }), "{error}");
        // Whoever misses it says so.
        fs::remove_file(path.join("a.csv")).unwrap();
        assert!(check_sum(path, "a.csv").is_ok());
    }
}
