//! Files of a page, compiled in.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

use super::ApiError;

/// Names and contents.
pub type Assets = &'static [(&'static str, &'static str)];

/// The content of the file `name`.
///
/// # Errors
/// 404 for a file that is not in the table.
pub fn text(assets: Assets, name: &str) -> Result<&'static str, ApiError> {
    let found = assets.iter().find(|(known, _)| *known == name).map(|(_, content)| *content);
    found.ok_or_else(|| ApiError::not_found(format!("no file `{name}`")))
}

/// The answer to a request for the file `name`.
///
/// # Errors
/// As [`text`].
pub fn file(assets: Assets, name: &str) -> Result<Response, ApiError> {
    let content = text(assets, name)?;
    // A newer burnlab on the same port must not be served the files of the older page from the cache.
    Ok(([(CONTENT_TYPE, content_type(name)), (CACHE_CONTROL, "no-cache")], content).into_response())
}

/// `text` as the value of an attribute.
pub fn in_attribute(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => "text/html; charset=utf-8",
    }
}
