//! `GET /api/views`, `POST /api/views`, `DELETE /api/views/{name}`: addresses of the page that somebody gave a name.
//!
//! They are in `views.json` beside the runs, so that everybody who opens the store finds them.

use std::io;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};

use super::{ApiError, AppState};
use crate::permissions::create_for_this_user_alone;
use crate::tracking::{Store, TrackingError, folder};
use crate::web::JsonBody;

const FILE: &str = "views.json";

/// The most views; and the longest name, in characters, and address, in bytes.
const MAX_VIEWS: usize = 100;
const MAX_NAME: usize = 80;
const MAX_ADDRESS: usize = 8192;
/// Of the file: more than as many views take.
const MOST_BYTES: u64 = 2 << 20;

/// A named view.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct View {
    name: String,
    /// What stands behind the page's own address: `#/...`.
    address: String,
}

impl View {
    /// # Errors
    /// 400 for what is no name, or no address of this page.
    fn checked(self) -> Result<Self, ApiError> {
        let name = self.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(ApiError::bad_request(format!("a view's name has 1 to {MAX_NAME} characters, on one line")));
        }
        if !self.address.starts_with("#/")
            || self.address.len() > MAX_ADDRESS
            || self.address.chars().any(char::is_control)
        {
            let message = format!("a view's address begins with `#/` and has at most {MAX_ADDRESS} bytes");
            return Err(ApiError::bad_request(message));
        }
        Ok(Self { name, address: self.address })
    }
}

/// `GET /api/views`: all of them, by name.
pub async fn views(State(state): State<AppState>) -> Result<Json<Vec<View>>, ApiError> {
    match state.read(|store| Ok(read(store)?)).await {
        // Without a store there are none.
        Err(error) if error.status == StatusCode::NOT_FOUND => Ok(Json(Vec::new())),
        views => views.map(Json),
    }
}

/// `POST /api/views` with `{name, address}`: adds a view, or replaces that of this name; answers all.
pub async fn save(State(state): State<AppState>, JsonBody(asked): JsonBody<View>) -> Result<Json<Vec<View>>, ApiError> {
    let view = asked.checked()?;
    change(&state, move |views| {
        views.retain(|other| other.name != view.name);
        views.push(view);
        views.sort_by(|a, b| a.name.cmp(&b.name));
        views.len() <= MAX_VIEWS
    })
    .await?
    .ok_or_else(|| ApiError::bad_request(format!("a store keeps {MAX_VIEWS} views; remove one first")))
}

/// `DELETE /api/views/{name}`: answers those that are left.
pub async fn remove(State(state): State<AppState>, Path(name): Path<String>) -> Result<Json<Vec<View>>, ApiError> {
    let missing = || ApiError::not_found("no view of this name");
    change(&state, move |views| {
        let before = views.len();
        views.retain(|view| view.name != name);
        views.len() < before
    })
    .await?
    .ok_or_else(missing)
}

/// Changes the views with `work`, and keeps them if it says so.
async fn change(
    state: &AppState,
    work: impl FnOnce(&mut Vec<View>) -> bool + Send + 'static,
) -> Result<Option<Json<Vec<View>>>, ApiError> {
    // One at a time, so that none is lost.
    let _turn = state.shared.naming.lock().await;
    state
        .write(move |store| {
            let mut views = read(store)?;
            if !work(&mut views) {
                return Ok(None);
            }
            let text = serde_json::to_vec_pretty(&views).map_err(io::Error::other)?;
            if store.is_closed() {
                // The filters of views name columns and their values.
                create_for_this_user_alone();
            }
            folder::write_atomic(store.root(), FILE, &text)?;
            Ok(Some(Json(views)))
        })
        .await
}

fn read(store: &Store) -> Result<Vec<View>, TrackingError> {
    let Some(bytes) = folder::read_within(store.root(), FILE, MOST_BYTES)? else { return Ok(Vec::new()) };
    let path = store.root().join(FILE);
    let damaged = |error: serde_json::Error| TrackingError::Damaged { path, line: None, problem: error.to_string() };
    let views: Vec<View> = serde_json::from_slice(&bytes).map_err(damaged)?;
    // Somebody may have sent the folder: an address of theirs leads elsewhere.
    Ok(views.into_iter().filter_map(|view| view.checked().ok()).take(MAX_VIEWS).collect())
}
