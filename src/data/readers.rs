//! Who may read the data: what is written of them is for nobody else.

use super::DataConfig;

/// The permissions, before the umask, of a folder that will hold rows of the data: `0o777` where everybody may read them.
pub fn folder_mode(config: &DataConfig) -> u32 {
    let paths = config.path.iter().chain(&config.more_paths);
    paths.map(|path| of_file(path)).fold(0o777, |all, one| all & one)
}

/// What bars others from a file may be its own permissions, or those of a folder above it.
#[cfg(unix)]
fn of_file(path: &std::path::Path) -> u32 {
    use std::os::unix::fs::MetadataExt;
    const READ: u32 = 0o044;
    const ENTER: u32 = 0o011;
    // One that is gone was read before, or will be missed soon.
    let Ok(path) = path.canonicalize() else { return 0o777 };
    let Ok(file) = path.metadata() else { return 0o777 };
    let mut may = file.mode() & READ;
    for folder in path.ancestors().skip(1) {
        may &= folder.metadata().map_or(0, |folder| folder.mode() & ENTER) << 2;
    }
    // A new folder is of the process's group, which is not that of the file then.
    if file.gid() != rustix::process::getegid().as_raw() && may & 0o004 == 0 {
        may = 0;
    }
    let all = |readers: u32| if may & readers == 0 { 0 } else { readers | readers >> 1 | readers >> 2 };
    0o700 | all(0o040) | all(0o004)
}

#[cfg(not(unix))]
fn of_file(_: &std::path::Path) -> u32 {
    0o777
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn nobody_may_enter_who_may_not_read_the_data() {
        // The temporary folder itself may be closed to others.
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let set = |path: &std::path::Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let path = folder.path().join("t.csv");
        fs::write(&path, "a,y\n").unwrap();
        let mut config: DataConfig = toml::from_str(&format!("path = {:?}\ntarget = \"y\"", path.display())).unwrap();
        let mode = |config: &DataConfig, of_folder, of_file| {
            set(folder.path(), of_folder);
            set(&path, of_file);
            folder_mode(config)
        };
        assert_eq!(mode(&config, 0o755, 0o644), 0o777);
        assert_eq!(mode(&config, 0o755, 0o640), 0o770);
        assert_eq!(mode(&config, 0o755, 0o600), 0o700);
        assert_eq!(mode(&config, 0o700, 0o644), 0o700);
        assert_eq!(mode(&config, 0o750, 0o644), 0o770);
        assert_eq!(mode(&config, 0o755, 0o600), 0o700);
        config.more_paths = vec![folder.path().join("other.csv")];
        fs::write(&config.more_paths[0], "a,y\n").unwrap();
        set(&config.more_paths[0], 0o644);
        assert_eq!(folder_mode(&config), 0o700, "the other one is still closed by its own permissions");
    }
}
