//! Pictures of a run.
//!
//! | file | concept |
//! |---|---|
//! | `table` | [`PICTURES`]: a row per picture, with its name, its requirements and its drawing function |
//! | `subject` | [`Subject`]: the data of a run that pictures are drawn from |
//! | `results` | pictures of the curves and of the predictions of the test part |
//! | `inputs` | pictures of networks with two numeric inputs, over their plane |
//! | `layers`, `maps`, `attention`, `importance` | pictures of weights, of feature maps, of attention, of feature importance |
//! | `overfitting` | losses against network size, over runs of an experiment |
//! | `recorded` | the pictures written by training |
//! | `saved` | the pictures of a saved model |

mod attention;
mod importance;
mod inputs;
mod layers;
mod maps;
mod overfitting;
pub(super) mod recorded;
mod results;
mod saved;
mod subject;
mod table;

pub use saved::{Drawn, draw_all, draw_named};
pub use subject::{DeviceNetwork, FeatureMaps, Network, Shares, Subject};
pub use table::{Draw, PICTURES, Picture};
