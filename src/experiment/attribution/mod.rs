//! What a trained model's predictions rest on: the contribution of each column to the prediction of a row, and how the
//! predictions depend on each column.
//!
//! | file | concept |
//! |---|---|
//! | `shapley` | [`Shapley`]: contributions of players, of whatever they are |
//! | `outcome` | [`Outcome`]: the numbers of a prediction that can be explained |
//! | `rows` | the row that is explained, and the background rows, with their cells as the user wrote them |
//! | `network` | rows that are put together from the columns of two others, through the network |
//! | `contributions` | [`contributions()`]: of the columns of one row |
//! | `members` | the models that are explained: one, or those of an ensemble |
//! | `dependence` | [`dependence()`]: partial dependence, over the repetitions of a config |
//! | `occlusion` | [`occlusion()`]: which parts of an image a prediction rests on |
//! | `written` | they as CSV and as pictures |

mod contributions;
mod dependence;
mod members;
mod network;
mod occlusion;
mod outcome;
mod request;
mod rows;
mod shapley;
mod written;

pub use contributions::{Contribution, Contributions, Explained, contributions};
pub use dependence::{ColumnDependence, Dependence, DependencePoint, dependence};
pub use occlusion::{OcclusionMap, PixelMap, occlusion};
pub use outcome::Outcome;
pub use request::Request;
pub use shapley::{Estimate, Method, Plan, Shapley};

use super::saved_model::SavedModel;
use crate::shell::command;

/// Background rows by default.
pub const BACKGROUND: u16 = 100;
/// Evaluations of the network by default, about.
pub const EVALUATIONS: usize = 30_000;

/// Fails for a model whose inputs are no columns that a person would name.
fn refuse_others(saved: &SavedModel) -> anyhow::Result<()> {
    saved.refuse_text("has no columns to explain")?;
    anyhow::ensure!(
        saved.preprocessor.image_shape().is_none(),
        "run `{}` reads images, whose pixels are no columns to explain: `{}` shows which parts of one image count",
        saved.name(),
        command(&["explain", &saved.name(), "--row", "N"])
    );
    Ok(())
}
