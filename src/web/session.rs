//! Sessions: what a browser has in place of the token, once it has shown the token.
//!
//! A browser sends the cookies of a host to each of its ports, whoever listens there. So a cookie holds no token, but a
//! number that is good for this server alone, for a limited time, and from the address that it was given to. And it is
//! sent to no other service in the first place, not even one of the same machine, which has that address: the page of a
//! session is below `/s/NAME/`, a path that nobody else knows, and the cookie is for this path. The cookie's name has the
//! port in it, so that two dashboards on one host do not log each other's users out.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::http::header::SET_COOKIE;
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use rand::TryRng;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};

use super::ApiError;
use crate::figures::hexadecimal;

/// A session that nothing was asked in for this long has ended; a page that is open asks all the time.
const IDLE: Duration = Duration::from_secs(24 * 3600);
/// From its beginning, a session lasts this long at most.
const LONGEST: Duration = Duration::from_secs(7 * 24 * 3600);
/// Sessions at once; the one that was used least recently makes room.
const MOST: usize = 256;

/// The sessions of a dashboard: in memory alone, so that they end with it.
#[derive(Debug, Default)]
pub struct Sessions(Mutex<Vec<Session>>);

/// Of the id there is a digest only, so that the server's memory gives none away.
#[derive(Debug)]
struct Session {
    digest: [u8; 32],
    peer: Option<IpAddr>,
    begun: Instant,
    used: Instant,
}

impl Session {
    fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.used) > IDLE || now.saturating_duration_since(self.begun) > LONGEST
    }
}

impl Sessions {
    fn all(&self) -> MutexGuard<'_, Vec<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a session for a client at `peer`, and returns its id of 256 random bits, in hexadecimal.
    ///
    /// # Errors
    /// A system that gives no random numbers.
    pub fn begin(&self, peer: Option<IpAddr>, now: Instant) -> Result<String, ApiError> {
        let id = random_hex::<32>().map_err(ApiError::internal)?;
        let mut all = self.all();
        all.retain(|session| !session.is_over(now));
        if all.len() >= MOST
            && let Some(oldest) = (0..all.len()).min_by_key(|&i| all[i].used)
        {
            all.swap_remove(oldest);
        }
        all.push(Session { digest: digest("session", &id), peer, begun: now, used: now });
        Ok(id)
    }

    /// Whether `id` is that of a session of this client that is not over; it then counts as used.
    pub fn admits(&self, id: &str, peer: Option<IpAddr>, now: Instant) -> bool {
        let digest = digest("session", id);
        let mut all = self.all();
        // Which digests begin alike tells nothing about an id, so that the comparison need not take constant time.
        let found = all.iter_mut().find(|session| session.digest == digest && session.peer == peer);
        let Some(session) = found.filter(|session| !session.is_over(now)) else { return false };
        session.used = now;
        true
    }

    /// Ends a session.
    fn end(&self, id: &str) {
        let digest = digest("session", id);
        self.all().retain(|session| session.digest != digest);
    }
}

/// Who asks, for the routes behind the guard.
#[derive(Debug, Clone)]
pub struct Visitor {
    /// What the page must send with changes; empty for who has shown the token itself.
    pub change_token: String,
    /// The session, if it is by one that they come.
    pub session: Option<Visit>,
}

/// A session as its browser knows it.
#[derive(Debug, Clone)]
pub struct Visit {
    pub id: String,
    pub cookie: String,
    pub peer: Option<IpAddr>,
}

/// What the page of a session must send with changes: only the page's own origin can read it, which has one port.
pub fn change_token(id: &str) -> String {
    hexadecimal(digest("changes", id))
}

/// The name of the cookie for a browser that asked for this port.
pub fn cookie_name(port: u16) -> String {
    format!("burnlab_session_{port}")
}

/// The value of `Set-Cookie` that begins a session.
pub fn set_cookie(name: &str, id: &str) -> String {
    let path = session_name(id).path();
    format!("{name}={id}; Path={path}; Max-Age={}; HttpOnly; SameSite=Strict", LONGEST.as_secs())
}

/// What stands for a session in the addresses of its page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionName(String);

impl SessionName {
    /// The path of the session's page.
    pub fn path(&self) -> String {
        format!("/s/{}/", self.0)
    }
}

/// The name of the session with this id, from which the id cannot be found.
pub fn session_name(id: &str) -> SessionName {
    SessionName(hexadecimal(&digest("name", id)[..16]))
}

/// The path of a request as it may be shown to who has no session: with `***` in the place of a session's name.
pub fn without_name(path: &str) -> Cow<'_, str> {
    match path.strip_prefix("/s/").map(|rest| rest.split_once('/')) {
        Some(Some((_, rest))) => Cow::Owned(format!("/s/***/{rest}")),
        Some(None) => Cow::Borrowed("/s/***"),
        None => Cow::Borrowed(path),
    }
}

/// The middleware that takes `/s/NAME` off the path of a request, before it is routed.
pub async fn enter(mut request: Request, next: Next) -> Response {
    let inner = request.uri().path_and_query().and_then(|whole| {
        let (name, _) = whole.as_str().strip_prefix("/s/")?.split_once('/')?;
        let inner = whole.as_str()["/s/".len() + name.len()..].parse::<Uri>().ok()?;
        Some((SessionName(name.to_owned()), inner))
    });
    if let Some((name, inner)) = inner {
        // An absolute URL in the request line keeps its host, which the guard checks.
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = inner.into_parts().path_and_query;
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
            request.extensions_mut().insert(name);
        }
    }
    next.run(request).await
}

/// Logs out: ends the session by which a request came.
///
/// # Errors
/// 404 for a request without one.
pub fn end(sessions: &Sessions, visitor: Visitor) -> Result<Response, ApiError> {
    let visit = visitor.session.ok_or_else(|| ApiError::not_found("there is no session to end"))?;
    sessions.end(&visit.id);
    let path = session_name(&visit.id).path();
    let cookie = format!("{}=; Path={path}; Max-Age=0; HttpOnly; SameSite=Strict", visit.cookie);
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie)]).into_response())
}

/// As many random bytes of the system, in hexadecimal.
pub fn random_hex<const BYTES: usize>() -> Result<String, rand::rngs::SysError> {
    let mut bytes = [0; BYTES];
    SysRng.try_fill_bytes(&mut bytes)?;
    Ok(hexadecimal(bytes))
}

/// Of one id there are several digests, none of which tells another.
fn digest(purpose: &str, id: &str) -> [u8; 32] {
    Sha256::new().chain_update(purpose).chain_update([0]).chain_update(id).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)));
    const THERE: Option<IpAddr> = Some(IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 2)));

    #[test]
    fn a_path_is_shown_without_the_name_of_a_session() {
        for (path, shown) in [
            ("/s/3efed37273/api/runs", "/s/***/api/runs"),
            ("/s/3efed37273", "/s/***"),
            ("/sweeps/s/x", "/sweeps/s/x"),
            ("/", "/"),
        ] {
            assert_eq!(without_name(path), shown);
        }
    }

    #[test]
    fn a_session_is_of_one_client_and_ends() {
        let sessions = Sessions::default();
        let start = Instant::now();
        let id = sessions.begin(HERE, start).unwrap();
        assert_eq!(id.len(), 64);
        assert!(sessions.admits(&id, HERE, start));
        assert!(!sessions.admits(&id, THERE, start) && !sessions.admits(&id, None, start));
        assert!(!sessions.admits("", HERE, start) && !sessions.admits(&id[1..], HERE, start));
        assert!(!sessions.admits(&change_token(&id), HERE, start));
        // In use, it lasts as long as any; unused, for a day.
        let hours = |hours: u64| start + Duration::from_secs(hours * 3600);
        let idle = sessions.begin(HERE, start).unwrap();
        for hour in (12..=7 * 24).step_by(12) {
            assert!(sessions.admits(&id, HERE, hours(hour)), "{hour} h");
        }
        assert!(!sessions.admits(&id, HERE, hours(7 * 24 + 1)));
        assert!(!sessions.admits(&idle, HERE, hours(25)));
        let other = sessions.begin(HERE, hours(300)).unwrap();
        assert_eq!(sessions.all().len(), 1, "the others are over");
        sessions.end(&other);
        assert!(!sessions.admits(&other, HERE, hours(300)));
    }

    #[test]
    fn there_are_only_so_many_sessions_and_those_in_use_stay() {
        let sessions = Sessions::default();
        let start = Instant::now();
        let second = |second: usize| start + Duration::from_secs(second as u64);
        let mine = sessions.begin(HERE, start).unwrap();
        for i in 1..2 * MOST {
            sessions.begin(THERE, second(i)).unwrap();
            assert!(sessions.admits(&mine, HERE, second(i)));
        }
        assert_eq!(sessions.all().len(), MOST);
    }

    #[test]
    fn memory_holds_no_id() {
        let sessions = Sessions::default();
        let id = sessions.begin(None, Instant::now()).unwrap();
        let held = hexadecimal(sessions.all()[0].digest);
        assert!(held != id && held != change_token(&id));
        assert!(!sessions.admits(&held, None, Instant::now()));
    }
}
