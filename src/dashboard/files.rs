//! `GET /api/runs/{id}/files/{name}`: the files of a run, streamed in pieces.

use std::io::Read;

use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderValue, Response};
use fs_err::File;
use serde::Deserialize;
use tokio::sync::mpsc;

use super::request::run_id;
use super::{ApiError, AppState};
use crate::tracking::folder;
use crate::web::QueryParams;
use crate::web::Received;

/// How much of a file is read at once.
const PIECE: usize = 64 * 1024;

/// Bytes that a browser is to show: a longer text would keep it busy, and is downloaded.
const MOST_SHOWN: u64 = 64 << 20;

/// An SVG opened on its own is a document: this policy gives it no scripts and no origin.
pub const SANDBOX: &str = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:";

#[derive(Debug, Deserialize)]
pub struct FileQuery {
    inline: Option<u8>,
}

/// Offers the file for download; with `?inline=1` shows pictures and text in the browser, up to 64 MiB.
pub async fn file(
    State(state): State<AppState>,
    Path((id, name)): Path<(String, String)>,
    QueryParams(query): QueryParams<FileQuery>,
) -> Result<Response<Body>, ApiError> {
    let id = run_id(&id)?;
    let is_inline = query.inline == Some(1);
    let asked = name.clone();
    let (body, bytes) = state
        .read(move |store| {
            let run = store.run(&id)?.record.id;
            let missing = || ApiError::not_found(format!("run `{run}` has no file `{asked}`"));
            let file = store.open_file(&run, &asked)?.ok_or_else(missing)?;
            if asked == folder::ENVIRONMENT {
                let shown = store.environment_file(&run)?.ok_or_else(missing)?;
                let bytes = shown.len() as u64;
                return Ok((Body::from(shown), bytes));
            }
            let bytes = file.metadata().map_err(ApiError::internal)?.len();
            Ok((Body::from_stream(pieces(file, bytes)), bytes))
        })
        .await?;
    let kind = content_type(&name);
    let can_be_shown = kind != "application/octet-stream" && bytes <= MOST_SHOWN;
    let shown = if is_inline && can_be_shown { "inline" } else { "attachment" };
    let disposition = format!("{shown}; filename=\"{}\"", plain_name(&name));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CONTENT_LENGTH, bytes.into());
    headers.insert(CONTENT_DISPOSITION, disposition.parse().map_err(ApiError::internal)?);
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    Ok(response)
}

/// The content type: text and pictures, which cannot run code in the page; anything else is downloaded.
fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("json" | "toml" | "csv" | "log" | "txt" | "md") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// The last part of the name, restricted to characters that need no quoting in a header.
fn plain_name(name: &str) -> String {
    let last = name.rsplit('/').next().unwrap_or(name);
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' };
    last.chars().map(plain).collect()
}

/// Reads `bytes` bytes on a blocking thread, at most two pieces ahead of the client. A file that grows meanwhile (a
/// log) ends where it ended when it was opened.
fn pieces(file: File, bytes: u64) -> Received<std::io::Result<Bytes>> {
    let (sender, receiver) = mpsc::channel(2);
    tokio::task::spawn_blocking(move || {
        let mut rest = file.take(bytes);
        loop {
            let mut piece = Vec::with_capacity(PIECE);
            let result = rest.by_ref().take(PIECE as u64).read_to_end(&mut piece);
            let is_last = !matches!(result, Ok(1..));
            let piece = result.map(|_| piece.into());
            // The client disconnected, or everything is sent.
            if matches!(&piece, Ok(piece) if Bytes::is_empty(piece)) || sender.blocking_send(piece).is_err() || is_last
            {
                return;
            }
        }
    });
    Received(receiver)
}
