//! The page's files, compiled in. What it shares with the dashboard (plots, colours), it takes from `/assets`.

use axum::extract::{Extension, Path, State};
use axum::response::{Html, Response};

use super::LearnState;
use crate::shell;
use crate::web::ApiError;
use crate::web::assets::{Assets, file, in_attribute, text};
use crate::web::session::Visitor;

/// Pairs each file's name with its content.
macro_rules! assets {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("assets/", $name)))),*]
    };
}

/// What `/learn/<name>` serves. A file that is not named here is not reachable.
const ASSETS: Assets = assets![
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
    let scripts = ASSETS.iter().map(|(name, _)| name).filter(|name| name.ends_with(".js"));
    let modules = scripts.map(|name| format!("<link rel=\"modulepreload\" href=\"learn/{name}\">")).collect();
    let fields = [
        ("{{modules}}", modules),
        ("{{token}}", visitor.change_token),
        ("{{logout}}", if visitor.session.is_some() { "" } else { "hidden" }.to_owned()),
        ("{{program}}", in_attribute(shell::program())),
        ("{{elsewhere}}", in_attribute(&shell::elsewhere(&state.location().root))),
    ];
    let page = text(ASSETS, "learn.html")?.to_owned();
    Ok(Html(fields.iter().fold(page, |page, (name, value)| page.replace(name, value))))
}

/// `GET /learn/{name}`
pub async fn asset(Path(name): Path<String>) -> Result<Response, ApiError> {
    file(ASSETS, &name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_listed() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/learn/assets");
        for entry in fs_err::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(ASSETS.iter().any(|(known, _)| *known == name), "`{name}` is missing in `ASSETS`");
        }
    }
}
