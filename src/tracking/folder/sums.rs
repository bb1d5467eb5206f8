//! `SHA256SUMS`: what the results of a run were when its training ended, in the format of sha256sum(1). What has been changed
//! since, by hand or by a failing disk, is not taken for what was trained.

use std::fmt::Write as _;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::atomic::write_renamed;
use super::held::Place;
use super::names::SUMS;
use super::open::{open, open_sound, open_table, read_text};
use crate::figures::hexadecimal;
use crate::tracking::TrackingError;

/// The files of a run that have as many lines as there are, so that only reading them shows whether they are burnlab's.
const TABLES: &str = ".csv";

/// Writes the sums of those of the files `names` that there are.
///
/// # Errors
/// A file that cannot be read, or a folder that cannot be written.
pub(crate) fn write_sums<'a>(folder: impl Into<Place<'a>>, names: &[&str]) -> Result<(), TrackingError> {
    let folder = folder.into();
    let mut lines = String::new();
    for name in names {
        if let Some(file) = open(folder, name)? {
            writeln!(lines, "{}  {name}", sum(file)?).expect("strings grow");
        }
    }
    write_renamed(folder, SUMS, lines.as_bytes())
}

/// That a file is as it was when the training ended; one without a sum, or that is gone, is not checked.
///
/// # Errors
/// [`TrackingError::Altered`]; a file that cannot be read, or is none that burnlab writes; sums that are none.
pub fn check_sum(folder: &Path, name: &str) -> Result<(), TrackingError> {
    check_sums(folder, &[name])
}

/// The same of several files.
///
/// # Errors
/// As [`check_sum`].
pub fn check_sums(folder: &Path, names: &[&str]) -> Result<(), TrackingError> {
    let Some(sums) = sums(folder)? else { return Ok(()) };
    for name in names {
        let Some(recorded) = recorded(&sums, name) else { continue };
        let found = match name.ends_with(TABLES) {
            true => open_table(folder, name)?.map(sum).transpose(),
            false => open_sound(folder, name)?.map(sum).transpose(),
        };
        let path = || folder.join(name);
        match found.map_err(|error| unread(&path(), error))? {
            Some(found) if found != recorded => return Err(TrackingError::Altered { path: path() }),
            _ => {}
        }
    }
    Ok(())
}

/// The same of a file whose `bytes` have been read.
///
/// # Errors
/// [`TrackingError::Altered`]; sums that are none.
pub fn check_sum_of(bytes: &[u8], folder: &Path, name: &str) -> Result<(), TrackingError> {
    let Some(sums) = sums(folder)? else { return Ok(()) };
    match recorded(&sums, name) {
        Some(recorded) if sum(bytes)? != recorded => Err(TrackingError::Altered { path: folder.join(name) }),
        _ => Ok(()),
    }
}

/// Whether a file is gone that the training has written.
///
/// # Errors
/// As [`check_sum`].
pub fn is_lost(folder: &Path, name: &str) -> Result<bool, TrackingError> {
    let is_listed = sums(folder)?.is_some_and(|sums| recorded(&sums, name).is_some());
    Ok(is_listed && open(folder, name)?.is_none())
}

/// The sum of a file among those with their names.
fn recorded<'a>(sums: &'a [(String, String)], name: &str) -> Option<&'a str> {
    sums.iter().find(|(_, other)| other == name).map(|(sum, _)| &sum[..])
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

/// What a table says of itself, such as that a line is too long, names no file.
fn unread(path: &Path, error: io::Error) -> TrackingError {
    match error.kind() {
        io::ErrorKind::FileTooLarge => TrackingError::damaged(path, error.to_string()),
        _ => error.into(),
    }
}

fn sum(mut file: impl Read) -> io::Result<String> {
    let (mut hash, mut block) = (Sha256::new(), vec![0; 1 << 16]);
    loop {
        match file.read(&mut block)? {
            0 => return Ok(hexadecimal(hash.finalize())),
            count => hash.update(&block[..count]),
        }
    }
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
        assert!(check_sums(path, &["b.csv", "a.csv"]).is_err() && !is_lost(path, "a.csv").unwrap());
        assert!(check_sum_of(b"abc", path, "a.csv").is_ok() && check_sum_of(b"abd", path, "a.csv").is_err());
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

    /// Terabytes that are on no disk are not read: a table ends at the first hole, any other file has a bound of its own.
    #[test]
    fn a_file_of_holes_is_found_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        let listed = ["predictions.csv", "evaluation.json", "test.csv"].map(|name| format!("{:064}  {name}\n", 0));
        fs::write(path.join("SHA256SUMS"), listed.concat()).unwrap();
        for name in ["predictions.csv", "evaluation.json", "test.csv"] {
            fs::write(path.join(name), "row,true\n").unwrap();
            // ext4 has no larger files than 16 TiB.
            fs::OpenOptions::new().write(true).open(path.join(name)).unwrap().set_len(8 << 40).unwrap();
            let error = check_sum(path, name).unwrap_err();
            assert!(matches!(error, TrackingError::Damaged { .. }) && error.to_string().contains(name), "{error}");
        }
    }
}
