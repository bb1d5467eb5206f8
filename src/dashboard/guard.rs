//! Access control: every request passes here first.
//!
//! Two kinds of attackers can reach a dashboard on this machine: other web pages in the user's browser, and other
//! machines. Against pages, each request is checked for its `Host` (a page can point its own domain at 127.0.0.1), its
//! `Origin` and its `Sec-Fetch-Site`, and changes need a token that only our page has. Against machines, the server
//! listens on the loopback interface only, or requires the user's token on every route.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::{ApiError, AppState};

/// Longer than any answer of a healthy store, short enough that a stuck one does not pile up requests.
pub const TIME_LIMIT: Duration = Duration::from_secs(30);

const TOKEN_HEADER: &str = "x-burnlab-token";
const COOKIE: &str = "burnlab_token";

/// The shortest token that is accepted: long enough not to be guessed.
const MIN_TOKEN: usize = 16;

/// `unsafe-inline` is for styles alone: plotly.js sets them on its elements. Its traces that draw with SVG need no
/// `unsafe-eval`, and the page uses no others.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// Who may use a dashboard.
#[derive(Debug, Clone)]
pub struct Access {
    token: String,
    is_remote: bool,
    is_generated: bool,
}

impl Access {
    /// Only browsers on this machine; a random token for changes is sent with the page.
    pub fn local() -> Self {
        Self { is_remote: false, ..Self::generated() }
    }

    /// Anybody who has a new random token, from any machine.
    pub fn generated() -> Self {
        // The standard library seeds these hashers from the system's entropy, with a keyed hash that does not reveal
        // its key: 128 bits that no other page can guess.
        let half = || RandomState::new().hash_one(std::process::id());
        Self { token: format!("{:016x}{:016x}", half(), half()), is_remote: true, is_generated: true }
    }

    /// Anybody who has `token`, from any machine.
    ///
    /// # Errors
    /// A token that is too short or would need quoting in a URL.
    pub fn remote(token: &str) -> Result<Self, String> {
        let is_plain = token.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if token.len() < MIN_TOKEN || !is_plain {
            return Err(format!("a token is at least {MIN_TOKEN} letters, digits, `-` or `_`"));
        }
        Ok(Self { token: token.to_owned(), is_remote: true, is_generated: false })
    }

    /// The token that changes require.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Whether the token was made here, so that nobody knows it yet.
    pub fn is_generated(&self) -> bool {
        self.is_generated
    }

    /// Whether every request needs the token.
    pub fn is_remote(&self) -> bool {
        self.is_remote
    }

    /// Compares in constant time, so that the time does not reveal how much of a guess is right.
    fn is_token(&self, text: &str) -> bool {
        let differences = self.token.bytes().zip(text.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
        self.token.len() == text.len() && differences == 0
    }

    fn check(&self, request: &Request) -> Result<(), ApiError> {
        let headers = request.headers();
        let host = self.check_host(request)?;
        self.check_origin(headers, &host)?;
        let is_navigation = request.method() == Method::GET
            && request.uri().path() == "/"
            && headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        // Another site may only link to the start page.
        if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") && !is_navigation {
            return Err(ApiError::forbidden("requests from other sites are refused"));
        }
        let token = single(headers, TOKEN_HEADER).is_some_and(|token| self.is_token(token));
        let is_safe = matches!(*request.method(), Method::GET | Method::HEAD);
        if !is_safe && !token {
            return Err(ApiError::forbidden(format!("changes need the header `{TOKEN_HEADER}`; reload the page")));
        }
        if self.is_remote && !token && !cookies(headers).any(|token| self.is_token(token)) {
            return Err(ApiError::forbidden(
                "open the dashboard with `?token=TOKEN` once, or send the token as header",
            ));
        }
        Ok(())
    }

    /// The host that the client asked for, if it can be this server's.
    ///
    /// # Errors
    /// 403 for any other.
    fn check_host(&self, request: &Request) -> Result<String, ApiError> {
        let refused = || ApiError::forbidden("this `Host` is refused; open the dashboard as http://localhost");
        let host = single(request.headers(), header::HOST.as_str()).and_then(host_of).ok_or_else(refused)?;
        // An absolute URL in the request line must name the same host.
        let is_other = request.uri().host().is_some_and(|other| other.to_ascii_lowercase() != host);
        // Other machines may know this one by any name; for them the token is the protection.
        if is_other || !(self.is_remote || is_loopback(&host)) {
            return Err(refused());
        }
        Ok(host)
    }

    fn check_origin(&self, headers: &HeaderMap, host: &str) -> Result<(), ApiError> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().ok();
        let origin = origin.and_then(|origin| origin.strip_prefix("http://").or(origin.strip_prefix("https://")));
        // Ports are not compared, since an SSH tunnel may change them.
        let is_ours = |origin: &str| origin == host || (!self.is_remote && is_loopback(origin));
        let is_single = headers.get_all(header::ORIGIN).iter().count() == 1;
        if is_single && origin.and_then(host_of).is_some_and(|origin| is_ours(&origin)) {
            Ok(())
        } else {
            Err(ApiError::forbidden("requests from other origins are refused"))
        }
    }
}

/// The middleware: checks each request, limits its time, and sets the security headers of the response.
pub async fn guard(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let mut response = match admit(state.access(), &request) {
        Ok(Some(redirect)) => redirect,
        Ok(None) => tokio::time::timeout(state.time_limit, next.run(request)).await.unwrap_or_else(|_| {
            let message = format!("no answer within {} s", state.time_limit.as_secs());
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message).into_response()
        }),
        Err(error) => error.into_response(),
    };
    let headers = response.headers_mut();
    let mut default = |name: HeaderName, value| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    // Files set a stricter policy of their own.
    default(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
    default(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    default(header::REFERRER_POLICY, "no-referrer");
    default(header::X_FRAME_OPTIONS, "DENY");
    default(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    default(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    default(header::CACHE_CONTROL, "no-store");
    response
}

/// `Ok(None)` to go on. `GET /?token=` turns the token into a cookie, so that it does not stay in the address.
fn admit(access: &Access, request: &Request) -> Result<Option<Response>, ApiError> {
    let token = request.uri().query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("token=")));
    let is_start = request.method() == Method::GET && request.uri().path() == "/";
    let Some(token) = token.filter(|_| access.is_remote && is_start) else {
        return access.check(request).map(|()| None);
    };
    access.check_host(request)?;
    if !access.is_token(token) {
        return Err(ApiError::forbidden("this is not the token that the dashboard was started with"));
    }
    let cookie = format!("{COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict");
    Ok(Some(
        (StatusCode::SEE_OTHER, [(header::LOCATION, "/".to_owned()), (header::SET_COOKIE, cookie)]).into_response(),
    ))
}

/// The value of a header, if it occurs exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The values of all cookies of this name: one set by another port or subdomain of this host may come first.
fn cookies(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// `localhost` of `LocalHost:6007`; IPv6 addresses keep their brackets. `None` for anything odd.
fn host_of(authority: &str) -> Option<String> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at(end);
    let is_port = port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    (is_port && !host.is_empty() && host.bytes().all(is_plain)).then(|| host.to_ascii_lowercase())
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_lose_their_ports() {
        for (authority, host) in [
            ("localhost", Some("localhost")),
            ("LOCALHOST:6007", Some("localhost")),
            ("[::1]:80", Some("[::1]")),
            ("127.0.0.1:65535", Some("127.0.0.1")),
            ("127.0.0.1:65536", None),
            ("127.0.0.1:", None),
            ("localhost:80@evil.example", None),
            ("localhost/evil", None),
            ("[::1", None),
            ("[::1]x", None),
            ("", None),
        ] {
            assert_eq!(host_of(authority).as_deref(), host, "{authority}");
        }
        for other in ["localhost.evil.example", "127.0.0.1.nip.io", "localhost.", "0.0.0.0", "127.0.0.2", "[::]"] {
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn tokens_are_long_and_plain() {
        assert!(Access::remote("short").is_err());
        assert!(Access::remote("0123456789abcdef;x").is_err());
        assert!(Access::remote("0123456789abcdef").is_ok_and(|access| access.is_token("0123456789abcdef")));
        let (a, b) = (Access::local(), Access::local());
        assert_eq!(a.token().len(), 32);
        assert_ne!(a.token(), b.token());
        assert!(!a.is_token("") && !a.is_token(&a.token()[1..]) && !a.is_token(b.token()));
    }
}
