//! Passwords in what is recorded or shown: addresses and command lines.

/// What stands in the place of a secret.
const MASK: &str = "***";

/// Options whose value is a secret.
const SECRET_OPTIONS: [&str; 1] = ["--token"];

/// A command line as it may be recorded: text that is not UTF-8 has replacement characters, secrets are masked.
pub fn command_line(arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Vec<String> {
    let mut is_secret = false;
    let shown = |argument: std::ffi::OsString| {
        let argument = argument.to_string_lossy();
        let masks = std::mem::replace(&mut is_secret, SECRET_OPTIONS.contains(&&*argument));
        let option = argument.split_once('=').filter(|(option, _)| SECRET_OPTIONS.contains(option));
        match option {
            _ if masks => MASK.to_owned(),
            Some((option, _)) => format!("{option}={MASK}"),
            None => masked(&argument),
        }
    };
    arguments.into_iter().map(shown).collect()
}

/// `text` with the password masked if it holds an address of a server: `scheme://user:password@host`, a parameter
/// `password=` of it, or libpq's `keyword=value` pairs. Rather masks too much than too little.
pub fn masked(text: &str) -> String {
    let Some(start) = text.find("://").map(|at| at + 3) else { return masked_pairs(text) };
    let (scheme, rest) = text.split_at(start);
    // A password may hold an `@` or `?` that ought to have been written as %40 or %3F.
    match rest.split_once('?') {
        Some((address, parameters)) if address.contains('@') || is_secret(parameters) || !parameters.contains('@') => {
            format!("{scheme}{}?{}", masked_credentials(address), masked_parameters(parameters))
        }
        _ => format!("{scheme}{}", masked_credentials(rest)),
    }
}

/// A sentence with each word of it [`masked`], and what a path makes of an address: `scheme:/user:password@host`.
pub fn masked_words(text: &str) -> String {
    // Of a value in quotes the words up to its end are left out.
    let mut is_quoted = false;
    let shown = |word: &str| {
        if is_quoted {
            is_quoted = !word.trim_end().contains('\'');
            return String::new();
        }
        if word.contains("://") {
            return masked(word);
        }
        if let Some(at) = word.find(":/") {
            return format!("{}{}", &word[..at + 2], masked_credentials(&word[at + 2..]));
        }
        let value = masked_pairs(word);
        if value != word {
            is_quoted = word.matches('\'').count() == 1;
            return value + if is_quoted { " " } else { &word[word.trim_end().len()..] };
        }
        word.to_owned()
    };
    text.split_inclusive(char::is_whitespace).map(shown).collect()
}

/// `user:password@host/database`
fn masked_credentials(address: &str) -> String {
    let Some((credentials, host)) = address.rsplit_once('@') else { return address.to_owned() };
    match credentials.split_once(':') {
        Some((user, _)) => format!("{user}:{MASK}@{host}"),
        None => address.to_owned(),
    }
}

/// `password=x&sslmode=require`
fn masked_parameters(parameters: &str) -> String {
    let shown = |parameter: &str| match parameter.split_once('=') {
        Some((keyword, _)) if is_secret(keyword) => format!("{keyword}={MASK}"),
        _ => parameter.to_owned(),
    };
    let parameters: Vec<String> = parameters.split('&').map(shown).collect();
    parameters.join("&")
}

/// `host=db.lan password='it is' user=me`: where the value ends depends on its quotes, so all that follows is masked.
fn masked_pairs(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let found = lower.match_indices("password").find_map(|(at, word)| {
        let value = at + word.len();
        let equals = value + lower[value..].len() - lower[value..].trim_start().len();
        lower[equals..].starts_with('=').then_some(equals + 1)
    });
    found.map_or_else(|| text.to_owned(), |value| format!("{}{MASK}", &text[..value]))
}

fn is_secret(keyword: &str) -> bool {
    decoded(keyword).to_ascii_lowercase().contains("password")
}

/// A part of an address with what stands for `%70`.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, others)) = rest.split_first() {
        let code = others.first_chunk::<2>().and_then(|digits| str::from_utf8(digits).ok());
        match code.filter(|_| first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &others[2..];
            }
            None => {
                bytes.push(first);
                rest = others;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_masked_and_nothing_else() {
        for (text, shown) in [
            ("postgres://me:s3cret@db.lan:5433/runs", "postgres://me:***@db.lan:5433/runs"),
            (
                "--store=postgres://me:s3cret@db.lan/runs?sslmode=require",
                "--store=postgres://me:***@db.lan/runs?sslmode=require",
            ),
            ("postgres://me:s3cret@x@db.lan/runs", "postgres://me:***@db.lan/runs"),
            ("postgres://me@db.lan/runs?password=s3c@ret", "postgres://me@db.lan/runs?password=***"),
            (
                "postgres://db.lan:5432/runs?user=me&password=s3c@ret",
                "postgres://db.lan:5432/runs?user=me&password=***",
            ),
            ("postgres://me:s3?cret@db.lan/runs", "postgres://me:***@db.lan/runs"),
            ("postgres://me:a/s3cret@db.lan/runs", "postgres://me:***@db.lan/runs"),
            ("postgres://db.lan/runs?pass%77ord=s3cret&port=5", "postgres://db.lan/runs?pass%77ord=***&port=5"),
            (
                "postgres://db.lan/runs?user=me&password=s3cret&port=5",
                "postgres://db.lan/runs?user=me&password=***&port=5",
            ),
            ("postgres://me@db.lan/runs?sslpassword=s3cret", "postgres://me@db.lan/runs?sslpassword=***"),
            ("host=db.lan password='s3cret s3cret' user=me", "host=db.lan password=***"),
            ("host=db.lan PassWord = s3cret", "host=db.lan PassWord =***"),
            ("postgres://me@db.lan/runs", "postgres://me@db.lan/runs"),
            ("data.path=password.csv", "data.path=password.csv"),
            ("https://example.org/a?b=c", "https://example.org/a?b=c"),
            ("configs/digits.toml", "configs/digits.toml"),
        ] {
            assert_eq!(masked(text), shown, "{text}");
        }
    }

    #[test]
    fn passwords_in_a_sentence_are_masked_and_the_rest_of_it_stays() {
        for (text, shown) in [
            (
                "no file `POSTGRES://joe:PW@db.lan/x`: write postgres://user@host/database",
                "no file `POSTGRES://joe:***@db.lan/x`: write postgres://user@host/database",
            ),
            (
                "there is no folder /home/me/mysql:/joe:PW@db.lan/x\n",
                "there is no folder /home/me/mysql:/joe:***@db.lan/x\n",
            ),
            ("C:/me/a@b.csv:2:1: data.path, and  two spaces", "C:/me/a@b.csv:2:1: data.path, and  two spaces"),
            ("no file host=db.lan password=PW: name it\n", "no file host=db.lan password=*** name it\n"),
            ("host=db.lan password='P W' user=me", "host=db.lan password=*** user=me"),
            ("set BURNLAB_PASSWORD=x", "set BURNLAB_PASSWORD=***"),
            ("the password is refused", "the password is refused"),
            ("at 10:30 me@example.org wrote a:b/c", "at 10:30 me@example.org wrote a:b/c"),
        ] {
            assert_eq!(masked_words(text), shown, "{text}");
        }
    }

    #[test]
    fn options_that_take_a_secret_are_masked() {
        let line = ["burnlab", "--token", "s3cret", "--port", "1", "--token=s3cret", "--store", "postgres://a:b@c/d"];
        let shown = command_line(line.map(Into::into));
        assert_eq!(
            shown,
            ["burnlab", "--token", "***", "--port", "1", "--token=***", "--store", "postgres://a:***@c/d"]
        );
    }

    #[cfg(unix)]
    #[test]
    fn arguments_that_are_no_utf_8_are_recorded_with_replacements() {
        use std::os::unix::ffi::OsStringExt;
        assert_eq!(command_line([std::ffi::OsString::from_vec(b"a\xff".to_vec())]), ["a\u{fffd}"]);
    }
}
