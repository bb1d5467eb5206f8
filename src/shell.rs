//! Commands that the user is told, ready to be pasted into a POSIX shell.

use std::path::Path;

/// A word as the shell takes it whole.
pub fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./=:,+@%".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A path as the shell takes it whole.
pub fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// The option that names the artifacts folder, unless it is the one that commands look at by themselves.
pub fn elsewhere(artifacts: &Path) -> String {
    match artifacts == Path::new("artifacts") {
        true => String::new(),
        false => format!(" --artifacts {}", quoted_path(artifacts)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_the_shell_would_take_them_apart() {
        assert_eq!(quoted("configs/digits.toml"), "configs/digits.toml");
        assert_eq!(quoted("model.hidden=[16]"), "'model.hidden=[16]'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(elsewhere(Path::new("artifacts")), "");
        assert_eq!(elsewhere(Path::new("my runs")), " --artifacts 'my runs'");
    }
}
