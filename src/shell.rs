//! Formats shell commands shown to the user, ready to be pasted into a POSIX shell.

use std::path::Path;

/// How this program is started: `cargo run --` where cargo started it, else `burnlab`.
pub fn program() -> &'static str {
    if std::env::var_os("CARGO").is_some() { "cargo run --" } else { "burnlab" }
}

/// A command of this program with these arguments, quoted where necessary.
pub fn command(arguments: &[&str]) -> String {
    let words = arguments.iter().map(|word| quoted(word));
    std::iter::once(program().to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// As [`command`], for the runs in the folder `artifacts`.
pub fn command_in(artifacts: &Path, arguments: &[&str]) -> String {
    command(arguments) + &elsewhere(artifacts)
}

/// A word, quoted where the shell would split or expand it.
pub fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./=:,+@%".contains(&byte);
    match !word.is_empty() && word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

/// A path, quoted where the shell would split or expand it.
pub fn quoted_path(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// The option that names the artifacts folder; empty for the default folder.
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

    #[test]
    fn a_command_begins_with_what_starts_this_program() {
        let start = program();
        assert!(["burnlab", "cargo run --"].contains(&start));
        let arguments = ["resume", "digits-1", "--set", "model.hidden=[16]"];
        let expected = format!("{start} resume digits-1 --set 'model.hidden=[16]' --artifacts 'my runs'");
        assert_eq!(command_in(Path::new("my runs"), &arguments), expected);
    }
}
