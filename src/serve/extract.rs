//! Parts of requests, refused as everything else is: with a line of JSON.

use std::io::Read;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_ENCODING;
use axum::http::request::Parts;
use flate2::read::MultiGzDecoder;
use serde::de::DeserializeOwned;

use crate::web::ApiError;

/// Bytes of a body that came by gzip.
const MAX_UNPACKED: u64 = 32 << 20;

/// A whole body.
pub(super) struct Whole(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let coding = request.headers().get(CONTENT_ENCODING).cloned();
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|error| ApiError::new(error.status(), error.body_text()))?;
        match coding.as_ref().map(|coding| coding.to_str().unwrap_or_default().trim().to_ascii_lowercase()).as_deref() {
            None | Some("" | "identity") => Ok(Self(body)),
            Some("gzip" | "x-gzip") => unpacked(&body).map(|body| Self(body.into())),
            Some(other) => {
                let message = format!("`Content-Encoding: {other}` is not read: send the body as it is, or by gzip");
                Err(ApiError::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, message))
            }
        }
    }
}

/// The bytes in a gzip file.
///
/// # Errors
/// 400 for what is none, 413 for more than [`MAX_UNPACKED`].
fn unpacked(body: &[u8]) -> Result<Vec<u8>, ApiError> {
    let mut bytes = Vec::new();
    let read = MultiGzDecoder::new(body).take(MAX_UNPACKED + 1).read_to_end(&mut bytes);
    read.map_err(|error| {
        ApiError::bad_request(format!("the body cannot be unpacked by gzip, as its `Content-Encoding` says: {error}"))
    })?;
    if bytes.len() as u64 > MAX_UNPACKED {
        let message = format!("the body is unpacked larger than {} MiB: send fewer rows at a time", MAX_UNPACKED >> 20);
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, message));
    }
    Ok(bytes)
}

/// The names in a path.
pub(super) struct Named<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Named<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let names = Path::from_request_parts(parts, state).await;
        names.map(|Path(names)| Self(names)).map_err(|error| ApiError::new(error.status(), error.body_text()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use axum::body::Body;
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    async fn body(coding: &str, bytes: Vec<u8>) -> Result<Vec<u8>, StatusCode> {
        let request = Request::builder().header(CONTENT_ENCODING, coding).body(Body::from(bytes)).unwrap();
        Whole::from_request(request, &()).await.map(|Whole(body)| body.to_vec()).map_err(|error| error.status)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[tokio::test]
    async fn bodies_are_unpacked_or_refused_as_their_coding_says() {
        assert_eq!(body("identity", b"{}".to_vec()).await, Ok(b"{}".to_vec()));
        assert_eq!(body("GZIP", gzip(b"{}")).await, Ok(b"{}".to_vec()));
        assert_eq!(body("gzip", b"{}".to_vec()).await, Err(StatusCode::BAD_REQUEST));
        assert_eq!(body("br", b"{}".to_vec()).await, Err(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        assert_eq!(body("gzip", gzip(&vec![b' '; 40 << 20])).await, Err(StatusCode::PAYLOAD_TOO_LARGE));
    }
}
