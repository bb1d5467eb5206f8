//! Reads whole files up to a size limit: a damaged or foreign file, or an endless device, must not exhaust memory.

use std::io::{self, Read};
use std::path::Path;

use fs_err::File;

/// The bytes of `path`, at most `most` of them.
///
/// # Errors
/// A file that cannot be read, or is larger; the error names it.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    read_opened(File::open(path)?, path, most)
}

/// The same of the open file at `path`.
///
/// # Errors
/// As [`read`].
pub fn read_opened(file: File, path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let size = file.metadata()?.len();
    let mut bytes = Vec::new();
    // A pipe or a device has no size on disk, so one byte more than allowed is read.
    if size <= most {
        file.take(most + 1).read_to_end(&mut bytes)?;
    }
    if size.max(bytes.len() as u64) > most {
        let message = format!(
            "`{}` is larger than {} MiB, too large for burnlab: restore the original",
            path.display(),
            most >> 20
        );
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_the_size_allowed_is_read_and_a_larger_one_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        std::fs::write(&path, [7; 100]).unwrap();
        assert_eq!(read(&path, 100).unwrap(), [7; 100]);
        assert_eq!(read(&path, 99).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(&folder.path().join("b"), 99).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn a_device_without_an_end_is_refused() {
        let error = read(Path::new("/dev/zero"), 1 << 20).unwrap_err();
        assert_eq!(error.to_string(), "`/dev/zero` is larger than 1 MiB, too large for burnlab: restore the original");
    }
}
