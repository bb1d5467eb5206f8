//! What an address says, read without the driver, with the same errors: a mistake in it shows before the client is
//! built in for it.

use std::net::IpAddr;

/// Server, database and user. The password and what only a connection needs are checked, not kept.
#[derive(Clone, Default)]
pub(crate) struct Settings {
    host: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    database: Option<String>,
}

impl Settings {
    /// Reads a `postgres://` URL or libpq's `keyword=value` pairs.
    ///
    /// # Errors
    /// What is wrong. For pairs, that may quote a piece of an unquoted password.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut settings = Self::default();
        match text.strip_prefix("postgres://").or_else(|| text.strip_prefix("postgresql://")) {
            Some(url) => settings.read_url(url)?,
            None => settings.read_pairs(text)?,
        }
        Ok(settings)
    }

    /// The first host: a name, an IP address, or the absolute path of a socket's folder.
    pub(crate) fn host(&self) -> Option<String> {
        self.host.clone()
    }

    /// The port of the first host.
    pub(crate) fn port(&self) -> u16 {
        self.port.unwrap_or(5432)
    }

    pub(crate) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(crate) fn set_user(&mut self, user: &str) {
        self.user = Some(user.to_owned());
    }

    pub(crate) fn database(&self) -> Option<&str> {
        self.database.as_deref()
    }

    /// `user:password@host:port,host:port/database?keyword=value&keyword=value`, all of it optional.
    fn read_url(&mut self, url: &str) -> Result<(), String> {
        let (credentials, rest) = url.split_once('@').map_or((None, url), |(before, after)| (Some(before), after));
        if let Some(credentials) = credentials {
            self.user = Some(decoded(credentials.split(':').next().unwrap_or_default())?);
        }
        let (hosts, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        for host in hosts.split(',').filter(|_| !hosts.is_empty()) {
            let (host, port) = host_and_port(host).ok_or_else(|| invalid("host"))?;
            self.add_host(&decoded(host)?);
            self.set("port", &decoded(port)?)?;
        }
        let (path, mut parameters) = rest.split_once('?').unwrap_or((rest, ""));
        if let Some(database) = path.strip_prefix('/').filter(|database| !database.is_empty()) {
            self.database = Some(decoded(database)?);
        }
        while !parameters.is_empty() {
            let (keyword, rest) = parameters.split_once('=').ok_or("unterminated parameter")?;
            let (value, rest) = rest.split_once('&').unwrap_or((rest, ""));
            match (decoded(keyword)?.as_str(), decoded(value)?) {
                ("host", host) => self.add_host(&host),
                (keyword, value) => self.set(keyword, &value)?,
            }
            parameters = rest;
        }
        Ok(())
    }

    /// `keyword=value` pairs with white space between them; values may be quoted by `'`.
    fn read_pairs(&mut self, text: &str) -> Result<(), String> {
        let mut rest = text.trim_start();
        loop {
            let end = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
            let (keyword, after) = rest.split_at(end);
            if keyword.is_empty() {
                return Ok(());
            }
            let after = after.trim_start().strip_prefix('=').ok_or("a keyword without a value")?;
            let (value, after) = take_value(after.trim_start())?;
            self.set(keyword, &value)?;
            rest = after.trim_start();
        }
    }

    fn add_host(&mut self, host: &str) {
        self.host.get_or_insert_with(|| host.to_owned());
    }

    fn set(&mut self, keyword: &str, value: &str) -> Result<(), String> {
        let is_one_of = |values: &[&str]| values.contains(&value);
        let is_valid = match keyword {
            "user" => {
                self.user = Some(value.to_owned());
                true
            }
            "dbname" => {
                self.database = Some(value.to_owned());
                true
            }
            "host" => {
                value.split(',').for_each(|host| self.add_host(host));
                true
            }
            "port" => {
                let port = |port: &str| if port.is_empty() { Some(5432) } else { port.parse().ok() };
                let ports: Option<Vec<u16>> = value.split(',').map(port).collect();
                self.port = self.port.or(ports.as_ref().map(|ports| ports[0]));
                ports.is_some()
            }
            "password" | "options" | "application_name" => true,
            "hostaddr" => value.split(',').all(|address| address.parse::<IpAddr>().is_ok()),
            "connect_timeout" | "tcp_user_timeout" | "keepalives_idle" | "keepalives_interval" => {
                value.parse::<i64>().is_ok()
            }
            "keepalives" => value.parse::<u64>().is_ok(),
            "keepalives_retries" => value.parse::<u32>().is_ok(),
            "sslnegotiation" => is_one_of(&["postgres", "direct"]),
            "target_session_attrs" => is_one_of(&["any", "read-write", "read-only"]),
            "channel_binding" => is_one_of(&["disable", "prefer", "require"]),
            "load_balance_hosts" => is_one_of(&["disable", "random"]),
            _ => return Err(format!("unknown option `{keyword}`")),
        };
        if is_valid { Ok(()) } else { Err(invalid(keyword)) }
    }
}

fn invalid(keyword: &str) -> String {
    format!("invalid value for option `{keyword}`")
}

/// `host`, `host:port`, `[IPv6]` or `[IPv6]:port`.
fn host_and_port(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('[') {
        Some(text) => match text.split_once(']')? {
            (host, "") => Some((host, "")),
            (host, port) => Some((host, port.strip_prefix(':')?)),
        },
        None => Some(text.split_once(':').unwrap_or((text, ""))),
    }
}

/// The value at the beginning of `text`, and what follows it. A backslash takes the next character as it is.
fn take_value(text: &str) -> Result<(String, &str), String> {
    let is_quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut rest = text[usize::from(is_quoted)..].chars();
    loop {
        let before = rest.as_str();
        match rest.next() {
            Some('\'') if is_quoted => return Ok((value, rest.as_str())),
            None if is_quoted => return Err("a quoted value does not end".to_owned()),
            Some(c) if !is_quoted && c.is_whitespace() => return Ok((value, before)),
            None if value.is_empty() => return Err("a keyword without a value".to_owned()),
            None => return Ok((value, before)),
            Some('\\') => value.extend(rest.next()),
            Some(c) => value.push(c),
        }
    }
}

/// `text` with its `%41` decoded.
fn decoded(text: &str) -> Result<String, String> {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, after @ ..] = rest {
        let digit = |at: usize| after.get(at).and_then(|&byte| char::from(byte).to_digit(16));
        match (first, digit(0), digit(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high * 16 + low) as u8);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).map_err(|error| error.to_string())
}
