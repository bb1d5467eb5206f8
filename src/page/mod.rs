//! A trained model as one HTML file, which works without a network, and without burnlab: the weights inside, the forward pass in
//! plain JavaScript, a form, a canvas or a prompt to try it with, and the model card.
//!
//! The scripts in `assets/` compute the layers of [`network`](crate::network) in 64-bit floats, one row at a time.

mod markdown;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::network::Network;
use crate::shown::{escaped_json, without_escapes};
use crate::template::filled;

const PAGE: &str = include_str!("assets/page.html");
const STYLE: &str = include_str!("assets/page.css");
/// In the order in which they are read.
const SCRIPTS: [&str; 7] = [
    include_str!("assets/layers.js"),
    include_str!("assets/texts.js"),
    include_str!("assets/model.js"),
    include_str!("assets/form.js"),
    include_str!("assets/drawing.js"),
    include_str!("assets/writing.js"),
    include_str!("assets/page.js"),
];

/// What the scripts read.
#[derive(Serialize)]
pub struct Model<'a> {
    /// What is predicted.
    pub target: &'a str,
    pub network: Network<'a>,
    /// How the cells of a column are read, by its name: as `preprocessing.json` has it.
    pub readings: Value,
    /// The least and the greatest number of a column in training, by its name.
    pub ranges: BTreeMap<&'a str, [f32; 2]>,
    /// Where the inputs are the pixels of an image.
    pub image: Option<Image>,
}

/// How pixels lie, and what they are.
#[derive(Serialize)]
pub struct Image {
    /// Height, width, channels.
    pub shape: [usize; 3],
    /// Whether training read image files, from 0 to 1; else the numbers of a table.
    pub are_files: bool,
}

/// The file; `card` is Markdown.
///
/// # Errors
/// Only if the model cannot be written as JSON, which does not happen.
///
/// # Panics
/// If the sizes of the network do not match.
pub fn html(model: &Model, title: &str, lead: &str, card: &str) -> serde_json::Result<String> {
    model.network.check();
    // The page has the title already.
    let card = card.strip_prefix("# ").and_then(|rest| rest.split_once('\n')).map_or(card, |(_, rest)| rest);
    // Inside a script an HTML parser looks for `</script` and `<!--`, and in JSON `<` is in texts alone.
    let json = escaped_json(&serde_json::to_string(model)?).replace('<', "\\u003c");
    let parts = [
        ("title", &*escaped(title)),
        ("lead", &escaped(lead)),
        ("style", STYLE),
        ("card", &markdown::html(&without_escapes(card))),
        ("model", &json),
        ("script", &SCRIPTS.concat()),
    ];
    Ok(filled(PAGE, &parts))
}

/// Text that HTML shows as it is.
fn escaped(text: &str) -> String {
    without_escapes(text).replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
