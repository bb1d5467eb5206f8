//! What requests hold, taken out so that a mistake in it is an [`ApiError`] as any other.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::ApiError;
use crate::invalid::one_line;
use crate::keyed;

/// The JSON object of a request's body as a `T`; 400 with what is wrong with it, 413 for one that is too long.
#[derive(Debug)]
pub struct JsonBody<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|error| ApiError::new(error.status(), error.body_text()))?;
        keyed::from_json(&body).map(Self).map_err(|error| ApiError::bad_request(one_line(&error)))
    }
}

/// The query string as a `T`; 400 with what is wrong with it.
#[derive(Debug)]
pub struct QueryParams<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for QueryParams<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let query = Query::from_request_parts(parts, state).await;
        query.map(|Query(query)| Self(query)).map_err(|error| ApiError::bad_request(one_line(&error.body_text())))
    }
}
