//! The page's files, compiled in. What it shares with the dashboard (plots, colours), it takes from `/assets`.

use axum::extract::{Extension, State};
use axum::response::Html;

use super::LearnState;
use crate::shell;
use crate::web::ApiError;
use crate::web::assets::{assets, in_attribute};
use crate::web::session::Visitor;

assets![
    "learn";
    "learn.html",
    "learn.css",
    "strings.zh.json",
    "strings.en.json",
    "activations.js",
    "attention.js",
    "backprop.js",
    "bars.js",
    "convolution.js",
    "deeper.js",
    "digit.js",
    "digit_gallery.js",
    "dots.js",
    "finetune.js",
    "gpt.js",
    "hidden.js",
    "kit.js",
    "learn.js",
    "losses.js",
    "luck.js",
    "network.js",
    "neuron.js",
    "overfitting.js",
    "pad.js",
    "pixels.js",
    "plane.js",
    "points.js",
    "rate.js",
    "recurrence.js",
    "seeds.js",
    "stopping.js",
    "trained_digits.js",
    "training.js",
    "trouble.js",
    "unroll.js",
    "wiring.js",
    "words.js",
];

/// `GET /learn`
pub async fn index(
    State(state): State<LearnState>,
    Extension(visitor): Extension<Visitor>,
) -> Result<Html<String>, ApiError> {
    let fields = [
        ("program", in_attribute(shell::program())),
        ("elsewhere", in_attribute(&shell::elsewhere(&state.location().root))),
    ];
    ASSETS.page("learn.html", visitor, &fields).map(Html)
}
