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
use crate::figures::hexadecimal;
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

/// That a file is as it was when the training ended; one without a sum, or that is gone, is not checked.
///
/// # Errors
/// [`TrackingError::Altered`]; a file that cannot be read; sums that are none.
pub fn check_sum(folder: &Path, name: &str) -> Result<(), TrackingError> {
    let Some(sums) = sums(folder)? else { return Ok(()) };
    match sums.iter().find(|(_, other)| other == name) {
        Some((recorded, _)) => check(folder, name, recorded),
        None => Ok(()),
    }
}

/// The same of all files that have a sum.
///
/// # Errors
/// As [`check_sum`].
pub fn check_sums(folder: &Path) -> Result<(), TrackingError> {
    sums(folder)?.iter().flatten().try_for_each(|(recorded, name)| check(folder, name, recorded))
}

/// Whether a file is gone that the training has written.
///
/// # Errors
/// As [`check_sum`].
pub fn is_lost(folder: &Path, name: &str) -> Result<bool, TrackingError> {
    let is_listed = sums(folder)?.iter().flatten().any(|(_, other)| other == name);
    Ok(is_listed && open(folder, name)?.is_none())
}

/// Sums and names, as sha256sum(1) reads them.
fn sums(folder: &Path) -> Result<Option<Vec<(String, String)>>, TrackingError> {
    let Some(text) = read_text(folder, SUMS)? else { return Ok(None) };
    let read = |line: &str| {
        let (sum, name) = line.split_at_checked(64)?;
        let name = name.strip_prefix("  ").or_else(|| name.strip_prefix(" *"))?;
        let is_sum = sum.bytes().all(|byte| byte.is_ascii_hexdigit()) && !name.is_empty();
        is_sum.then(|| (sum.to_ascii_lowercase(), name.trim_start_matches("./").to_owned()))
    };
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let read = lines.map(|(number, line)| {
        read(line.trim_start_matches('\u{feff}')).ok_or_else(|| TrackingError::Damaged {
            path: folder.join(SUMS),
            line: Some(number + 1),
            problem: "it is not a sum of sha256sum with the name of a file".to_owned(),
        })
    });
    read.collect::<Result<_, _>>().map(Some)
}

fn check(folder: &Path, name: &str, recorded: &str) -> Result<(), TrackingError> {
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
    Ok(Some(hexadecimal(hash.finalize())))
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
        assert!(check_sums(path).is_err() && !is_lost(path, "a.csv").unwrap());
        // Whoever misses it says so.
        fs::remove_file(path.join("a.csv")).unwrap();
        assert!(check_sum(path, "a.csv").is_ok() && is_lost(path, "a.csv").unwrap());
        // The other forms that sha256sum(1) takes, and what it does not.
        fs::write(path.join("a.csv"), "abd").unwrap();
        let sum = &sums[..64];
        for listed in [format!("{sum} *a.csv\r\n"), format!("\u{feff}{}  ./a.csv", sum.to_uppercase())] {
            fs::write(path.join("SHA256SUMS"), listed).unwrap();
            assert!(matches!(check_sum(path, "a.csv").unwrap_err(), TrackingError::Altered { .. }));
            fs::write(path.join("a.csv"), "abc").unwrap();
            assert!(check_sum(path, "a.csv").is_ok());
            fs::write(path.join("a.csv"), "abd").unwrap();
        }
        for listed in ["zz".to_owned(), format!("{sum}\ta.csv"), format!("{sum}  "), sum[..20].to_owned()] {
            fs::write(path.join("SHA256SUMS"), listed).unwrap();
            assert!(matches!(check_sum(path, "a.csv").unwrap_err(), TrackingError::Damaged { line: Some(1), .. }));
        }
    }
}
