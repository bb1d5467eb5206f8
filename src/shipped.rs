//! The files of `configs/`, which are inside the program: the configs work in any folder, without a clone.
//!
//! A file of the user always wins; whoever looks for a file asks here only where there is none.

use std::path::{Component, Path};

/// Path, such as `configs/digits.toml`, and content, sorted by path without the extension. `build.rs` lists the folder.
static FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/shipped_files.rs"));

/// A config that is inside the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShippedConfig {
    /// Such as `digits`.
    pub name: &'static str,
    pub text: &'static str,
}

impl ShippedConfig {
    /// What it shows: the first sentence of its head.
    pub fn shows(&self) -> String {
        let lines = self.text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim);
        let head = lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ");
        let end = head.find(". ").map_or(head.len(), |dot| dot + 1);
        head[..end].to_owned()
    }
}

/// All configs, by name.
pub fn configs() -> impl Iterator<Item = ShippedConfig> {
    FILES.iter().filter_map(|(path, bytes)| {
        let name = path.strip_prefix("configs/")?.strip_suffix(".toml")?;
        Some(ShippedConfig { name, text: std::str::from_utf8(bytes).ok()? })
    })
}

/// The config that `path` names, as `digits`, `digits.toml` or `configs/digits.toml`.
pub fn config(path: &Path) -> Option<ShippedConfig> {
    let path = plain(path)?;
    let name = path.strip_prefix("configs/").unwrap_or(&path);
    let name = name.strip_suffix(".toml").unwrap_or(name);
    configs().find(|config| config.name == name)
}

/// The file at the relative path `path`, such as `configs/data/titanic.csv`.
pub fn file(path: &Path) -> Option<&'static [u8]> {
    let path = plain(path)?;
    FILES.iter().find(|(name, _)| *name == path).map(|(_, bytes)| *bytes)
}

/// Whether `path`, where there is no file, names one that is inside the program.
pub fn stands_in_for(path: &Path) -> bool {
    file(path).is_some() && !path.exists()
}

/// A relative path with `/` and without `.`; `None` for one that leads elsewhere.
fn plain(path: &Path) -> Option<String> {
    let parts = path.components().filter(|part| *part != Component::CurDir).map(|part| match part {
        Component::Normal(part) => part.to_str(),
        _ => None,
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_inside() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for entry in std::fs::read_dir(root.join("configs")).unwrap() {
            let path = entry.unwrap().path();
            let relative = path.strip_prefix(root).unwrap();
            if path.is_file() {
                assert_eq!(file(relative), Some(&std::fs::read(&path).unwrap()[..]), "{}", relative.display());
            }
            if path.extension().is_some_and(|extension| extension == "toml") {
                assert!(config(relative).is_some(), "{}", relative.display());
            }
        }
        assert!(file(Path::new("configs/data/titanic.csv")).unwrap().starts_with(b"PassengerId,Survived"));
    }

    #[test]
    fn a_config_is_found_by_its_name_and_its_path_alone() {
        for path in ["digits", "digits.toml", "configs/digits", "configs/digits.toml", "./configs/digits.toml"] {
            assert_eq!(config(Path::new(path)).unwrap().name, "digits", "{path}");
        }
        for path in ["digit", "", ".", "data/digits.toml", "/configs/digits.toml", "../configs/digits.toml", "Digits"] {
            assert_eq!(config(Path::new(path)), None, "{path}");
        }
        assert_eq!(file(Path::new("../configs/digits.toml")), None);
    }

    #[test]
    fn what_a_config_shows_is_one_sentence() {
        let show = |text| ShippedConfig { name: "a", text }.shows();
        assert_eq!(show("# One thing: a\n# b, c. And\n# more.\n#\n# Measured"), "One thing: a b, c.");
        assert_eq!(show("# One.\nname = \"a\"\n"), "One.");
        for config in configs() {
            let shows = config.shows();
            assert!(shows.ends_with('.') && shows.chars().count() <= 120, "{}: {shows}", config.name);
        }
    }
}
