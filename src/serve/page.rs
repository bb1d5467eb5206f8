//! A small page to try the models with.

use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{Html, IntoResponse};

/// `GET /`
pub async fn index() -> Html<&'static str> {
    Html(include_str!("assets/index.html"))
}

/// `GET /serve.js`
pub async fn script() -> impl IntoResponse {
    let headers = [(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, "no-cache")];
    (headers, include_str!("assets/serve.js"))
}

/// `GET /serve.css`
pub async fn style() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/css; charset=utf-8"), (CACHE_CONTROL, "no-cache")], include_str!("assets/serve.css"))
}
