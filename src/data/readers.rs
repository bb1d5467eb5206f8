//! Who may read the data: what is written of them is for nobody else.

use std::path::Path;

use super::DataConfig;
use super::origin::matching;
use crate::permissions::is_public;
use crate::shipped;

/// Whether everybody on this machine may read the data. A file that cannot be looked at is not for everybody.
pub fn are_public(config: &DataConfig) -> bool {
    let files = [&config.path, &config.labels, &config.test_path, &config.test_labels];
    let named = files.into_iter().flatten().chain(&config.more_paths);
    let is_built_in = |path: &Path| shipped::file(path).is_some() && !path.exists();
    named.filter(|path| !is_built_in(path)).flat_map(|path| matching(path)).all(|path| is_public(&path))
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_one_of_the_files_or_a_folder_above_closes_is_closed() {
        // The temporary folder itself may be closed to others.
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        let set = |path: &Path, mode| fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            fs::write(&path, "a,y\n").unwrap();
            set(&path, 0o644);
            path
        };
        set(folder.path(), 0o755);
        let (first, second) = (file("part-1.csv"), file("part-2.csv"));
        let config = |keys: &str| toml::from_str::<DataConfig>(&format!("{keys}\ntarget = \"y\"")).unwrap();
        let key = |name: &str, path: &Path| format!("{name} = {:?}\n", path.display().to_string());
        let path = key("path", &first);
        let all = [
            path.clone(),
            path.clone() + &key("test_path", &second),
            path.clone() + &format!("more_paths = [{:?}]", second.display().to_string()),
            key("path", &folder.path().join("part-*.csv")),
            path.clone() + &key("labels", &second),
            path.clone() + &key("labels", &first) + &key("test_labels", &second),
        ];
        for keys in &all {
            let config = config(keys);
            assert!(are_public(&config), "{keys}");
            for (closed, mode) in [(&second, 0o640), (&second, 0o600)] {
                set(closed, mode);
                assert_eq!(are_public(&config), *keys == path, "{keys} {mode:o}");
                set(closed, 0o644);
            }
            for mode in [0o700, 0o750, 0o754] {
                set(folder.path(), mode);
                assert!(!are_public(&config), "{keys} {mode:o}");
            }
            set(folder.path(), 0o755);
        }
        fs::remove_file(&first).unwrap();
        assert!(!are_public(&config(&path)), "what is gone may have been closed");
        assert!(are_public(&config("source = \"iris\"")));
    }
}
