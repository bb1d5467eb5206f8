//! Says of a file that does not exist where it was looked for, and what is there instead.

use std::path::Path;

/// Most names that are suggested.
const MAX_SUGGESTED: usize = 3;
/// A folder may hold millions of files.
const MAX_READ: usize = 10_000;

/// Such as ``no file `titanic.cvs` in /home/me/data, which has `titanic.csv` ``.
pub fn no_file(path: &Path) -> String {
    let why = of_another_place(&path.to_string_lossy()).unwrap_or_else(|| looked_in(path));
    format!("no file `{}`{why}", path.display())
}

/// What in a path only a browser, a shell or Windows understands, and what to write instead.
fn of_another_place(path: &str) -> Option<String> {
    if let Some((scheme, _)) = path.split_once("://")
        && scheme.chars().all(char::is_alphanumeric)
    {
        return Some(": addresses are not fetched; download it, as by `curl -LO`, and name the file".to_owned());
    }
    if let Some(rest) = path.strip_prefix("~/") {
        let home = std::env::var("HOME").ok().filter(|home| !home.is_empty());
        let whole = home.map_or_else(String::new, |home| format!(": {}/{rest}", home.trim_end_matches('/')));
        return Some(format!(": only a shell replaces `~`; write the whole path{whole}"));
    }
    if path.contains('$') || path.split('%').count() > 2 {
        return Some(": only a shell replaces variables; write the whole path".to_owned());
    }
    let is_of_windows = !cfg!(windows) && path.contains('\\');
    is_of_windows.then(|| ": write `/` between folders, and a path of this system".to_owned())
}

/// Where the missing file `path` was looked for: the absolute folder, and the files there with a similar name.
pub fn looked_in(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let (Some(folder), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return String::new();
    };
    if !folder.is_dir() {
        return format!(": there is no folder {}", folder.display());
    }
    let similar = similar(folder, &name.to_string_lossy());
    let has = if similar.is_empty() { String::new() } else { format!(", which has `{}`", similar.join("`, `")) };
    format!(" in {}{has}", folder.display())
}

/// The files of `folder` whose names are similar to `name`, the most similar first.
fn similar(folder: &Path, name: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().take(MAX_READ).flatten();
    let files = entries.filter(|entry| entry.path().is_file());
    let mut near: Vec<(usize, String)> = files
        .filter_map(|entry| {
            let other = entry.file_name().to_string_lossy().into_owned();
            Some((distance(name, &other)?, other))
        })
        .collect();
    near.sort();
    near.truncate(MAX_SUGGESTED);
    near.into_iter().map(|(_, name)| name).collect()
}

/// How far two names are from each other; `None` if they are not similar. Names that differ only in what follows the
/// first dot are similar.
fn distance(name: &str, other: &str) -> Option<usize> {
    const MAX_LENGTH: usize = 200; // the time grows with the product of the lengths
    if name.len().max(other.len()) > MAX_LENGTH {
        return None;
    }
    let (name, other) = (name.to_lowercase(), other.to_lowercase());
    let stem = |name: &str| name.split('.').next().unwrap_or_default().to_owned();
    let whole = strsim::damerau_levenshtein(&name, &other);
    let stems = strsim::damerau_levenshtein(&stem(&name), &stem(&other));
    let allowed = (stem(&name).chars().count() / 3).max(1);
    (stems <= allowed && !(stem(&other).is_empty())).then_some(stems * MAX_LENGTH + whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_and_what_is_there_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["titanic.csv", "Titanic.csv.gz", "wine.csv", "a.csv", ".csv", "b.csv"] {
            std::fs::write(at(name), "").unwrap();
        }
        std::fs::create_dir(at("titanic")).unwrap();
        let shown = folder.path().display();
        let message = |name: &str| no_file(&at(name)).replace(&format!("{shown}"), "DIR");
        let expected = "no file `DIR/titanic.cvs` in DIR, which has `titanic.csv`, `Titanic.csv.gz`";
        assert_eq!(message("titanic.cvs"), expected);
        assert_eq!(message("titanic"), "no file `DIR/titanic` in DIR, which has `titanic.csv`, `Titanic.csv.gz`");
        assert_eq!(message("vine.csv"), "no file `DIR/vine.csv` in DIR, which has `wine.csv`");
        assert_eq!(message("digits.toml"), "no file `DIR/digits.toml` in DIR");
        assert_eq!(message("data/x.csv"), "no file `DIR/data/x.csv`: there is no folder DIR/data");
    }

    #[test]
    fn a_path_for_a_browser_a_shell_or_another_system_is_named() {
        let message = |path: &str| no_file(Path::new(path));
        for (path, why) in [
            ("https://example.org/a.csv", "addresses are not fetched"),
            ("s3://bucket/a.csv", "addresses are not fetched"),
            ("~/a.csv", "only a shell replaces `~`; write the whole path: /"),
            ("$DATA/a.csv", "only a shell replaces variables"),
            ("%USERPROFILE%/a.csv", "only a shell replaces variables"),
        ] {
            assert!(message(path).starts_with(&format!("no file `{path}`: {why}")), "{}", message(path));
        }
        assert!(message("50% a.csv").starts_with("no file `50% a.csv` in "));
        #[cfg(unix)]
        assert!(message("C:\\me\\a.csv").ends_with("write `/` between folders, and a path of this system"));
    }

    #[test]
    fn a_relative_path_is_shown_as_it_was_given() {
        let here = std::env::current_dir().unwrap();
        let expected = format!("no file `nowhere.txt` in {}", here.display());
        assert_eq!(no_file(Path::new("nowhere.txt")), expected);
    }
}
