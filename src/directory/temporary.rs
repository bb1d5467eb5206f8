//! Files that get their name when they are whole.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;

use super::Directory;

/// A new file, without a name where the system has such: then nothing is left of it, however the process ends. Else it is hidden,
/// removed when dropped, and nobody can have guessed its name: in a folder that others may write, they could have left a link
/// there.
#[derive(Debug)]
pub struct Temporary {
    folder: Directory,
    /// The beginning of its name.
    prefix: String,
    name: Option<OsString>,
    file: File,
}

impl Temporary {
    /// A file in `folder` that is to become `name`, of this mode as far as the process's mask allows.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn beside(folder: Directory, name: &OsStr, mode: u32) -> io::Result<Self> {
        // A name has at most 255 bytes.
        let name = name.to_string_lossy();
        let prefix = format!(".{}", &name[..name.floor_char_boundary(200)]);
        if let Some(file) = folder.unnamed(mode) {
            return Ok(Self { folder, prefix, name: None, file });
        }
        let (name, file) = under_new_name(&prefix, |name| folder.create(name, mode))?;
        Ok(Self { folder, prefix, name: Some(name), file })
    }

    /// To be read and written.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// With this mode, or that of any new file, which it was made with.
    ///
    /// # Errors
    /// What the system reports.
    pub fn set_mode(&self, mode: Option<u32>) -> io::Result<()> {
        #[cfg(unix)]
        if let Some(mode) = mode {
            self.file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        }
        #[cfg(not(unix))]
        let _ = mode;
        Ok(())
    }

    /// Gives it the name that is to stay.
    ///
    /// # Errors
    /// The error of `rename`, or of giving it a first name.
    pub fn keep(mut self, rename: impl FnOnce(&Directory, &OsStr) -> io::Result<()>) -> io::Result<()> {
        let Self { folder, prefix, name, file } = &mut self;
        if name.is_none() {
            *name = Some(under_new_name(prefix, |name| folder.link(file, name))?.0);
        }
        if let Some(name) = name {
            rename(folder, name)?;
        }
        *name = None;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            self.folder.remove(name).ok();
        }
    }
}

/// Makes something under a name that nobody can have guessed.
fn under_new_name<T>(prefix: &str, make: impl Fn(&OsStr) -> io::Result<T>) -> io::Result<(OsString, T)> {
    loop {
        let random = RandomState::new().build_hasher().finish();
        let name = OsString::from(format!("{prefix}.{random:016x}.tmp"));
        match make(&name) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return Ok((name, made?)),
        }
    }
}
