//! Access control: every request passes here first.
//!
//! Two kinds of attackers can reach a dashboard on this machine: other web pages in the user's browser, and other
//! machines. Against pages, each request is checked for its `Host` (a page can point its own domain at 127.0.0.1), its
//! `Origin` and its `Sec-Fetch-Site`, and changes need a token that only our page has. Against machines, the server
//! listens on the loopback interface only, or requires the user's token: as `Authorization: Bearer`, or once in the
//! address of the page, which begins a session.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::connection::Turn;
use super::session::{
    SessionName, Sessions, Visit, Visitor, change_token, cookie_name, random_hex, session_name, set_cookie,
};
use super::{ApiError, Guarded};

/// Longer than any answer of a healthy store, short enough that a stuck one does not pile up requests.
pub const TIME_LIMIT: Duration = Duration::from_secs(30);

/// What changes need, which only our page knows.
const CHANGE_HEADER: &str = "x-burnlab-token";

/// The shortest token that is accepted: long enough not to be guessed.
const MIN_TOKEN: usize = 16;

/// Nothing inline, neither scripts nor styles: the page sets the styles of its elements one by one. `blob:` is for charts
/// that are saved as PNG.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Who may use a dashboard.
#[derive(Debug, Clone)]
pub struct Access {
    token: String,
    is_remote: bool,
    is_generated: bool,
    sessions: Arc<Sessions>,
}

/// What a client asked for: the host without its port, and the port.
struct Asked {
    host: String,
    port: u16,
}

impl Access {
    /// Only browsers on this machine; a random token for changes is sent with the page.
    pub fn local() -> Self {
        Self { is_remote: false, ..Self::generated() }
    }

    /// Anybody who has a new random token, from any machine.
    pub fn generated() -> Self {
        // As the standard library's own hash maps, it cannot do without the system's random numbers.
        let token = random_hex::<16>().expect("the system gives random numbers");
        Self { token, is_remote: true, is_generated: true, sessions: Arc::default() }
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
        Ok(Self { token: token.to_owned(), is_remote: true, is_generated: false, sessions: Arc::default() })
    }

    /// The sessions of those who have shown the token.
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Whether a session has not ended; it then counts as used.
    pub fn is_open(&self, visit: &Visit) -> bool {
        self.sessions.admits(&visit.id, visit.peer, Instant::now())
    }

    /// The token: that of remote clients, or else what the page sends with changes.
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

    /// Who asks.
    ///
    /// # Errors
    /// 403 for whoever must not.
    fn check(&self, request: &Request, pages: &[&str], has_changes: bool) -> Result<Visitor, ApiError> {
        let headers = request.headers();
        let asked = self.check_host(request)?;
        self.check_origin(headers, &asked.host)?;
        let is_navigation = request.method() == Method::GET
            && pages.contains(&request.uri().path())
            && headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        // Another site may only link to a page.
        if headers.get("sec-fetch-site").is_some_and(|site| site == "cross-site") && !is_navigation {
            return Err(ApiError::forbidden("requests from other sites are refused"));
        }
        let visitor = self.visitor(request, asked.port).ok_or_else(|| {
            ApiError::forbidden(
                "open the page with `?token=TOKEN` first and stay at the address that it leads to, or send \
                 `Authorization: Bearer TOKEN`",
            )
        })?;
        let is_safe = !has_changes || matches!(*request.method(), Method::GET | Method::HEAD);
        // No page can send the token itself; what a cookie alone could do, another page could have the browser do.
        let may_change = visitor.change_token.is_empty()
            || single(headers, CHANGE_HEADER).is_some_and(|token| is_same(token, &visitor.change_token));
        match is_safe || may_change {
            true => Ok(visitor),
            false => Err(ApiError::forbidden(format!("changes need the header `{CHANGE_HEADER}`; reload the page"))),
        }
    }

    /// Who has shown the token, now or when a session began; anybody, if only browsers on this machine get here.
    fn visitor(&self, request: &Request, port: u16) -> Option<Visitor> {
        if !self.is_remote {
            return Some(Visitor { change_token: self.token.clone(), session: None });
        }
        if bearer(request.headers()).is_some_and(|token| is_same(token, &self.token)) {
            return Some(Visitor { change_token: String::new(), session: None });
        }
        let (name, peer, now) = (request.extensions().get::<SessionName>()?, peer(request), Instant::now());
        let cookie = cookie_name(port);
        let is_its = |id: &&str| session_name(id) == *name && self.sessions.admits(id, peer, now);
        let id = cookies(request.headers(), &cookie).find(is_its)?.to_owned();
        Some(Visitor { change_token: change_token(&id), session: Some(Visit { id, cookie, peer }) })
    }

    /// The host that the client asked for, if it can be this server's.
    ///
    /// # Errors
    /// 403 for any other.
    fn check_host(&self, request: &Request) -> Result<Asked, ApiError> {
        let refused = || {
            ApiError::forbidden(
                "this `Host` is refused: open the page at the address that the program printed, such as http://127.0.0.1:PORT",
            )
        };
        let authority = single(request.headers(), header::HOST.as_str()).ok_or_else(refused)?;
        let (host, port) = parts_of(authority).ok_or_else(refused)?;
        // An absolute URL in the request line must name the same host.
        let is_other = request.uri().host().is_some_and(|other| other.to_ascii_lowercase() != host);
        // Other machines may know this one by any name; for them the token is the protection.
        if is_other || !(self.is_remote || is_loopback(&host)) {
            return Err(refused());
        }
        Ok(Asked { host, port: port.unwrap_or(80) })
    }

    fn check_origin(&self, headers: &HeaderMap, host: &str) -> Result<(), ApiError> {
        let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
        let origin = origin.to_str().ok();
        let origin = origin.and_then(|origin| origin.strip_prefix("http://").or(origin.strip_prefix("https://")));
        // Ports are not compared, since an SSH tunnel may change them.
        let is_ours = |origin: &str| origin == host || (!self.is_remote && is_loopback(origin));
        let is_single = headers.get_all(header::ORIGIN).iter().count() == 1;
        if is_single && origin.and_then(parts_of).is_some_and(|(origin, _)| is_ours(&origin)) {
            Ok(())
        } else {
            Err(ApiError::forbidden("requests from other origins are refused"))
        }
    }
}

/// The middleware: checks each request, limits its time, and sets the security headers of the response.
pub async fn guard(State(state): State<Guarded>, mut request: Request, next: Next) -> Response {
    let mut response = match admit(&state, &request) {
        Ok(Admission::Redirect(redirect)) => redirect,
        Ok(Admission::Visitor(visitor)) => {
            if let Some(ConnectInfo(turn)) = request.extensions().get::<ConnectInfo<Turn>>() {
                turn.let_in();
            }
            request.extensions_mut().insert(visitor);
            tokio::time::timeout(state.time_limit, next.run(request)).await.unwrap_or_else(|_| {
                let message = format!("no answer within {} s", state.time_limit.as_secs());
                ApiError::new(StatusCode::SERVICE_UNAVAILABLE, message).into_response()
            })
        }
        Err(error) => {
            let mut refused = error.into_response();
            // What a client without the token has sent after this request is not read: many who go on asking would keep out those
            // who have it.
            refused.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            refused
        }
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

enum Admission {
    Visitor(Visitor),
    Redirect(Response),
}

/// `GET /?token=` begins a session, and leads to the page without the token in its address; so does any other page.
fn admit(Guarded { access, pages, has_changes, .. }: &Guarded, request: &Request) -> Result<Admission, ApiError> {
    let token = request.uri().query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("token=")));
    let page = pages.iter().find(|page| request.method() == Method::GET && request.uri().path() == **page);
    let (Some(token), Some(page)) = (token.filter(|_| access.is_remote), page) else {
        return access.check(request, pages, *has_changes).map(Admission::Visitor);
    };
    let asked = access.check_host(request)?;
    if !is_same(token, &access.token) {
        return Err(ApiError::forbidden("this is not the token that this server was started with"));
    }
    let id = access.sessions.begin(peer(request), Instant::now())?;
    let cookie = set_cookie(&cookie_name(asked.port), &id);
    let page = session_name(&id).path() + page.trim_start_matches('/');
    Ok(Admission::Redirect(
        (StatusCode::SEE_OTHER, [(header::LOCATION, page), (header::SET_COOKIE, cookie)]).into_response(),
    ))
}

/// The address of the client; `None` without a connection, as in tests.
fn peer(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<ConnectInfo<Turn>>().map(|ConnectInfo(turn)| turn.peer())
}

/// Compares in constant time, so that the time does not reveal how much of a guess is right.
fn is_same(guess: &str, token: &str) -> bool {
    let differences = token.bytes().zip(guess.bytes()).fold(0, |sum, (a, b)| sum | (a ^ b));
    token.len() == guess.len() && differences == 0
}

/// The token of `Authorization: Bearer`.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = single(headers, header::AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// The value of a header, if it occurs exactly once.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// The values of all cookies of this name: one set by another port or subdomain of this host may come first.
fn cookies<'a>(headers: &'a HeaderMap, name: &str) -> impl Iterator<Item = &'a str> {
    let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(';')).filter_map(move |pair| pair.trim().strip_prefix(name)?.strip_prefix('='))
}

/// `localhost` and 6007 of `LocalHost:6007`; IPv6 addresses keep their brackets. `None` for anything odd.
fn parts_of(authority: &str) -> Option<(String, Option<u16>)> {
    let end = if authority.starts_with('[') {
        authority.find(']')? + 1
    } else {
        authority.find(':').unwrap_or(authority.len())
    };
    let (host, port) = authority.split_at(end);
    let port = match port.strip_prefix(':') {
        Some(port) => Some(port.parse::<u16>().ok()?),
        None => port.is_empty().then_some(None)?,
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    (!host.is_empty() && host.bytes().all(is_plain)).then(|| (host.to_ascii_lowercase(), port))
}

fn is_loopback(host: &str) -> bool {
    matches!(host, "localhost" | "127.0.0.1" | "[::1]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_lose_their_ports() {
        for (authority, parts) in [
            ("localhost", Some(("localhost", None))),
            ("LOCALHOST:6007", Some(("localhost", Some(6007)))),
            ("[::1]:80", Some(("[::1]", Some(80)))),
            ("127.0.0.1:65535", Some(("127.0.0.1", Some(65535)))),
            ("127.0.0.1:65536", None),
            ("127.0.0.1:", None),
            ("localhost:80@evil.example", None),
            ("localhost/evil", None),
            ("[::1", None),
            ("[::1]x", None),
            ("", None),
        ] {
            let parts = parts.map(|(host, port)| (host.to_owned(), port));
            assert_eq!(parts_of(authority), parts, "{authority}");
        }
        for other in ["localhost.evil.example", "127.0.0.1.nip.io", "localhost.", "0.0.0.0", "127.0.0.2", "[::]"] {
            assert!(!is_loopback(other), "{other}");
        }
    }

    #[test]
    fn tokens_are_long_and_plain() {
        assert!(Access::remote("short").is_err());
        assert!(Access::remote("0123456789abcdef;x").is_err());
        assert!(Access::remote("0123456789abcdef").is_ok_and(|access| access.token() == "0123456789abcdef"));
        let (a, b) = (Access::local(), Access::local());
        assert_eq!(a.token().len(), 32);
        assert_ne!(a.token(), b.token());
        let guesses = ["", &a.token()[1..], b.token()];
        assert!(is_same(a.token(), a.token()) && guesses.iter().all(|guess| !is_same(guess, a.token())));
    }
}
