//! Pictures of a run.
//!
//! | file | concept |
//! |---|---|
//! | `table` | [`PICTURES`]: a row per picture, with its name, what it needs and what draws it |
//! | `subject` | [`Subject`]: everything about a run that pictures are drawn from |
//! | `results` | pictures of the curves and of the predictions of the test part |
//! | `inputs` | networks of two numeric inputs, over the plane of these inputs |
//! | `layers`, `attention`, `importance` | pictures of weights, of where a transformer looks, of what the columns are worth |
//! | `overfitting` | losses over the size of the network, of all runs of an experiment |
//! | `recorded` | those that a training leaves behind |
//! | `saved` | those of a saved model |

mod attention;
mod importance;
mod inputs;
mod layers;
mod overfitting;
pub(super) mod recorded;
mod results;
mod saved;
mod subject;
mod table;

pub use inputs::is_planar;
pub use saved::{draw_all, draw_named};
pub use subject::Subject;
pub use table::{Draw, PICTURES, Picture};
