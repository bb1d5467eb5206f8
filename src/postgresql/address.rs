//! The address of a PostgreSQL server, parsed so that its password is never shown.

use std::env;
use std::fmt;

use super::client::Settings;
use super::ssl_mode::Encryption;

/// Server, database and credentials; `Display` and `Debug` leave the credentials out.
#[derive(Clone)]
pub(crate) struct Address {
    pub(super) settings: Settings,
    /// The PostgreSQL schema of the tables; `None` for the user's default.
    pub(crate) schema: Option<String>,
    #[cfg_attr(not(feature = "postgres"), allow(dead_code, reason = "the client encrypts, where there is one"))]
    pub(super) encryption: Encryption,
}

impl Address {
    /// Reads a `postgres://` URL or libpq's `keyword=value` pairs. The option `search_path=NAME` names the schema.
    ///
    /// # Errors
    /// What is wrong, which does not repeat the text, since it may hold a password.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        // The driver knows the scheme in small letters alone.
        let text = match text.split_once("://") {
            Some((scheme, rest)) if super::is_scheme(scheme) => format!("postgres://{rest}"),
            _ => text.to_owned(),
        };
        let (text, schema) = take_option(&text, "search_path");
        let (text, authorities) = take_option(&text, "sslrootcert");
        let (text, mode) = take_option(&text, "sslmode");
        let encryption = Encryption::new(mode.as_deref(), authorities)?;
        let mut settings = Settings::parse(&text).map_err(|problem| {
            // The parser may quote a piece of an unquoted password in `keyword=value` pairs, never of a URL.
            let is_url = text.starts_with("postgres");
            if is_url { problem } else { "it has an unknown keyword or value".to_owned() }
        })?;
        match settings.host() {
            Some(host) if !host.starts_with('/') && host.contains('@') => {
                return Err("write an `@` in the user's name or password as %40".to_owned());
            }
            Some(_) => {}
            None => return Err("it names no host".to_owned()),
        }
        if settings.user().is_none() {
            settings.set_user(&env::var("USER").unwrap_or_else(|_| "postgres".to_owned()));
        }
        if let Some(schema) = &schema {
            let is_name = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_');
            if schema.is_empty() || !schema.bytes().all(is_name) {
                return Err("its search_path is not one name of a-z, 0-9, `_`".to_owned());
            }
        }
        Ok(Self { settings, schema, encryption })
    }
}

/// `host:port/database`.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let database = self.settings.database().or(self.settings.user());
        let (host, database) = (self.settings.host().unwrap_or_default(), database.unwrap_or_default());
        write!(f, "{host}:{}/{database}", self.settings.port())
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({self})")
    }
}

/// `text` without the option, which the driver does not know, and its value, without quotes.
fn take_option(text: &str, name: &str) -> (String, Option<String>) {
    let keyword = format!("{name}=");
    let begins = |start: &usize| *start == 0 || text[..*start].ends_with(['?', '&', ' ']);
    let Some(start) = text.rfind(&keyword).filter(begins) else { return (text.to_owned(), None) };
    let value = &text[start + keyword.len()..];
    let end = value.find(['&', ' ']).unwrap_or(value.len());
    let rest = value[end..].trim_start_matches(['&', ' ']);
    let text = format!("{}{rest}", &text[..start]);
    (text.trim_end_matches(['?', '&', ' ']).to_owned(), Some(value[..end].trim_matches('\'').to_owned()))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// The same with and without the client, which have a reader each.
    #[test]
    fn addresses_are_read_as_libpq_reads_them() {
        for (text, name) in [
            ("postgres://me@db.lan/runs", "db.lan:5432/runs"),
            ("postgresql://me:s3cret@db.lan:5433/runs", "db.lan:5433/runs"),
            ("postgres://me:a%40b:c@db.lan:/runs", "db.lan:5432/runs"),
            ("postgres://me@db.lan", "db.lan:5432/me"),
            ("PostgreSQL://me@db.lan/runs", "db.lan:5432/runs"),
            ("postgres://m%C3%A9@db.lan/", "db.lan:5432/mé"),
            ("postgres://me@[::1]:5433/runs", "::1:5433/runs"),
            ("postgres://me@[::1]/runs", "::1:5432/runs"),
            ("postgres://me@one:1,two:2/runs", "one:1/runs"),
            ("postgres://me@%2Fvar%2Frun/runs", "/var/run:5432/runs"),
            ("postgres://me@/runs?host=/var/run&port=5433", "/var/run:5433/runs"),
            ("postgres://me@db.lan/runs?port=5433", "db.lan:5432/runs"),
            ("postgres://me@db.lan/runs?dbname=other&user=you&application_name=", "db.lan:5432/other"),
            ("postgres://me@db.lan/runs%20x?connect_timeout=-1&keepalives=0", "db.lan:5432/runs x"),
            ("postgres://:s3cret@db.lan/", "db.lan:5432/"),
            ("host=db.lan user=me", "db.lan:5432/me"),
            (" host = db.lan  port=5433 user=me dbname='my runs' ", "db.lan:5433/my runs"),
            (r"host=db.lan user=me dbname=a\ b password='it\'s'", "db.lan:5432/a b"),
            ("host=one,two port=,2 user=me hostaddr=127.0.0.1,::1", "one:5432/me"),
            ("host=/var/run user=me sslmode=prefer target_session_attrs=any", "/var/run:5432/me"),
            ("host=a host=b user=me user=you port=1 port=2", "a:1/you"),
            ("host=é user=me", "é:5432/me"),
            ("host=db.lan user=''", "db.lan:5432/"),
            ("host=db.lan user=me =s3cret", "db.lan:5432/me"),
        ] {
            match Address::parse(text) {
                Ok(address) => assert_eq!(address.to_string(), name, "{text}"),
                Err(error) => panic!("{text}: {error}"),
            }
        }
        let invalid = "it has an unknown keyword or value";
        for (text, expected) in [
            ("postgres://me@db.lan:port/runs", "invalid value for option `port`"),
            ("postgres://me@db.lan:65536/runs", "invalid value for option `port`"),
            ("postgres://me@[::1/runs", "invalid value for option `host`"),
            ("postgres://me@[::1]5/runs", "invalid value for option `host`"),
            ("postgres://me@db.lan/runs?no_such=1", "unknown option `no_such`"),
            ("postgres://me@db.lan/runs?port", "unterminated parameter"),
            ("postgres://me@db.lan/runs?hostaddr=db.lan", "invalid value for option `hostaddr`"),
            ("postgres://me@db.lan/runs?connect_timeout=soon", "invalid value for option `connect_timeout`"),
            ("postgres://me@db.lan/runs?keepalives=-1", "invalid value for option `keepalives`"),
            ("postgres://me@db.lan/runs?channel_binding=yes", "invalid value for option `channel_binding`"),
            ("postgres://me@db.lan/runs?sslmode=always", "invalid value for option `sslmode`"),
            ("postgres://m%FF@db.lan/runs", "invalid utf-8 sequence of 1 bytes from index 1"),
            ("postgres://me@x@db.lan/runs", "write an `@` in the user's name or password as %40"),
            ("postgres:///runs", "it names no host"),
            ("host=db.lan password=a s3cret", invalid),
            ("host=db.lan password='s3cret", invalid),
            ("host=db.lan password='s3cret'x", invalid),
            ("host=db.lan password=", invalid),
            ("host=db.lan port=s3cret", invalid),
            ("s3cret", invalid),
            ("", "it names no host"),
        ] {
            match Address::parse(text) {
                Err(problem) => assert_eq!(problem, expected, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
        let verified = |file: Option<&str>| Encryption::Verified { authorities: file.map(PathBuf::from) };
        for (text, encryption) in [
            ("postgres://me@db.lan/", Encryption::Off),
            ("postgres://me@db.lan/?sslmode=disable", Encryption::Off),
            ("postgres://me@db.lan/?sslmode=require", Encryption::Unverified),
            ("host=db.lan sslmode='require'", Encryption::Unverified),
            ("sslmode=require host=db.lan", Encryption::Unverified),
            ("postgres://me@db.lan/?sslmode=verify-full&port=5433", verified(None)),
            ("postgres://me@db.lan/?sslrootcert=system&sslmode=verify-full", verified(None)),
            ("postgres://me@db.lan/?sslmode=verify-full&sslrootcert=/etc/a.pem", verified(Some("/etc/a.pem"))),
        ] {
            assert_eq!(Address::parse(text).unwrap().encryption, encryption, "{text}");
        }
        assert!(Address::parse("postgres://me@db.lan/?sslmode=verify-ca").is_err());
    }
}
