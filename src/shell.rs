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

/// `command`, which one of these functions wrote, with `sets` as further `--set`. A set is left out where a later one is
/// of the same key, or of one above it.
pub fn with_sets(command: &str, sets: &[impl AsRef<str>]) -> String {
    let key = |set: &str| set.trim_start_matches('\'').split('=').next().unwrap_or_default().trim().to_owned();
    let mut later: Vec<String> = sets.iter().map(|set| key(set.as_ref())).collect();
    let words = words(command);
    let mut kept: Vec<&str> = Vec::new();
    let mut at = words.len();
    while at > 0 {
        at -= 1;
        if at > 0 && words[at - 1] == "--set" {
            let key = key(words[at]);
            let is_below = |rest: &str| rest.is_empty() || rest.starts_with('.');
            let is_replaced = later.iter().any(|later| key.strip_prefix(later.as_str()).is_some_and(is_below));
            later.push(key);
            at -= 1;
            if !is_replaced {
                kept.extend([words[at + 1], words[at]]);
            }
        } else {
            kept.push(words[at]);
        }
    }
    kept.reverse();
    let sets = sets.iter().map(|set| format!(" --set {}", quoted(set.as_ref())));
    sets.fold(kept.join(" "), |command, set| command + &set)
}

/// The words of a command, as they are written there.
fn words(command: &str) -> Vec<&str> {
    let (mut words, mut begin, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, character) in command.char_indices() {
        match character {
            ' ' if !is_quoted && !is_escaped => {
                words.push(&command[begin..at]);
                begin = at + 1;
            }
            '\'' if !is_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        is_escaped = character == '\\' && !is_quoted && !is_escaped;
    }
    words.push(&command[begin..]);
    words
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
    fn a_later_set_replaces_what_it_overrides() {
        let old = [
            "--config",
            "my it's.toml",
            "--set",
            "model.hidden=[8, 8]",
            "--set",
            "training.max_epochs=1",
            "--tag",
            "a",
        ];
        let old = command(&old);
        let start = format!("{} --config 'my it'\\''s.toml'", program());
        let epochs = with_sets(&old, &["training.max_epochs=2"]);
        assert_eq!(epochs, format!("{start} --set 'model.hidden=[8, 8]' --tag a --set training.max_epochs=2"));
        let kind = with_sets(&epochs, &["model={kind=\"cnn\"}"]);
        assert_eq!(kind, format!("{start} --tag a --set training.max_epochs=2 --set 'model={{kind=\"cnn\"}}'"));
        // Another key with the same beginning stays.
        assert_eq!(with_sets(&epochs, &["training.max=3"]), format!("{epochs} --set training.max=3"));
        let twice = command(&["--set", "seed=1", "--tag", "a", "--set", "seed=2"]);
        assert_eq!(with_sets(&twice, &[] as &[&str]), format!("{} --tag a --set seed=2", program()));
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
