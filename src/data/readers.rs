//! Who may read the data: what is written of them is for nobody else.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::origin::{Origin, matching};
use super::{DataConfig, formats, images};
use crate::invalid::Invalid;
use crate::permissions::{is_public, is_readable, was_opened_closed};
use crate::{shipped, sqlite_file};

/// Whether everybody on this machine may read the data. A file that cannot be looked at is not for everybody.
pub fn are_public(config: &DataConfig) -> bool {
    let files = [&config.path, &config.labels, &config.test_path, &config.test_labels];
    let named = files.into_iter().flatten().chain(&config.more_paths);
    let is_built_in = |path: &Path| shipped::file(path).is_some() && !path.exists();
    let named: Vec<PathBuf> = named.filter(|path| !is_built_in(path)).flat_map(|path| matching(path)).collect();
    named.iter().all(|path| is_open(path))
        && named.iter().all(|path| are_images_public(path, config))
        && !is_cache_closed(config)
}

/// Whether everybody may read what is at the path, what SQLite would keep beside it, and what was opened under it.
fn is_open(path: &Path) -> bool {
    let has_closed_log = || {
        let mut beside = sqlite_file::beside(path).filter(|(end, _)| *end != "-shm");
        path.is_file() && beside.any(|(_, log)| log.is_file() && !is_public(&log))
    };
    is_public(path) && !was_opened_closed(path) && !has_closed_log()
}

/// Whether the rows come from a cache that was made of a table that was closed.
fn is_cache_closed(config: &DataConfig) -> bool {
    config.cache_path().is_some_and(|cache| cache.exists() && !is_public(&cache))
}

/// Whether there are such data still, and not everybody may read them.
pub fn are_closed(config: &DataConfig) -> bool {
    config.path.as_ref().is_some_and(|path| matching(path).iter().any(|path| path.exists())) && !are_public(config)
}

/// Whether everybody may read the images that a folder has or a table names; a table that cannot be read has none.
fn are_images_public(path: &Path, config: &DataConfig) -> bool {
    let images = match (path.is_dir(), &config.images) {
        (true, _) => images::files_of(path),
        (false, Some(column)) => images_of_table(path, column, config),
        (false, None) => return true,
    };
    let mut folders: HashMap<PathBuf, bool> = HashMap::new();
    images.unwrap_or_default().iter().all(|image| {
        // What a link leads to may be anywhere.
        if image.is_symlink() {
            return is_public(image) && !was_opened_closed(image);
        }
        let folder = image.parent().unwrap_or(Path::new("")).to_owned();
        let is_open = *folders.entry(folder).or_insert_with_key(|folder| is_public(folder));
        is_open && is_readable(image) && !was_opened_closed(image)
    })
}

/// The images that a column of a table names.
fn images_of_table(path: &Path, column: &str, config: &DataConfig) -> Result<Vec<PathBuf>, Invalid> {
    let origin = Origin::file(path, "data.path");
    let table = formats::open(&origin, &DataConfig { images: None, ..config.clone() }, None)?;
    let Some(place) = table.names().iter().position(|name| name == column) else { return Ok(Vec::new()) };
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut images = Vec::new();
    table.visit(&[place], &mut |_, _, texts| {
        images.push(folder.join(String::from_utf8_lossy(&texts.bytes(place)).trim()));
        ControlFlow::Continue(())
    })?;
    Ok(images)
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
            // By 0604 the file's group may not, whoever is in it.
            for (closed, mode) in [(&second, 0o640), (&second, 0o600), (&second, 0o604)] {
                set(closed, mode);
                assert_eq!(are_public(&config), *keys == path, "{keys} {mode:o}");
                set(closed, 0o644);
            }
            for mode in [0o700, 0o750, 0o754, 0o705] {
                set(folder.path(), mode);
                assert!(!are_public(&config), "{keys} {mode:o}");
            }
            set(folder.path(), 0o755);
        }
        // Images in a folder, and those that a table names.
        let class = folder.path().join("images/cat");
        fs::create_dir_all(&class).unwrap();
        fs::write(class.join("1.png"), [1]).unwrap();
        let list = file("list.csv");
        fs::write(&list, "file,y\nimages/cat/1.png,0\n").unwrap();
        let of_folder = key("path", &folder.path().join("images"));
        let of_table = key("path", &list) + "images = \"file\"\nimage_shape = [1, 1]";
        for (mode, image, expected) in [(0o755, 0o644, true), (0o700, 0o644, false), (0o755, 0o600, false)] {
            set(&class, mode);
            set(class.parent().unwrap(), 0o755);
            set(&class.join("1.png"), image);
            for keys in [&of_folder, &of_table] {
                assert_eq!(are_public(&config(keys)), expected, "{keys} {mode:o} {image:o}");
            }
        }
        // What SQLite keeps beside a database has its rows, too.
        let database = file("rows.db");
        fs::write(folder.path().join("rows.db-wal"), [1]).unwrap();
        for (mode, expected) in [(0o644, true), (0o600, false)] {
            set(&folder.path().join("rows.db-wal"), mode);
            assert_eq!(are_public(&config(&key("path", &database))), expected, "{mode:o}");
        }
        // A link that leads elsewhere while the file is read.
        let closed = file("closed.csv");
        set(&closed, 0o600);
        for (target, expected) in [(&first, true), (&closed, false)] {
            let link = folder.path().join(if expected { "link-1.csv" } else { "link-2.csv" });
            std::os::unix::fs::symlink(target, &link).unwrap();
            Origin::file(&link, "data.path").open().unwrap();
            fs::remove_file(&link).unwrap();
            std::os::unix::fs::symlink(&first, &link).unwrap();
            assert_eq!(are_public(&config(&key("path", &link))), expected);
        }
        fs::remove_file(&first).unwrap();
        assert!(!are_public(&config(&path)), "what is gone may have been closed");
        assert!(are_public(&config("source = \"iris\"")));
    }
}
