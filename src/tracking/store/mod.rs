//! The index over all run folders: `burnlab.db`, or the tables on a PostgreSQL server.
//!
//! | file | concept |
//! |---|---|
//! | `open` | [`Store`], its folders and transactions |
//! | `read` | runs, curves, files, and what changed since a revision |
//! | `liveness` | whether a running run is alive, stalled or crashed |
//! | `edit` | tags, notes, names, and the changes that a training run makes |
//! | `rename` | the runs of an experiment, and another name for it |
//! | `trash` | delete, restore, and remove for good |
//! | `recover` | what killed processes left unfinished; rebuilding the index from the folders |
//! | `index` | the rows of a run, written from its folder |
//! | `find`, `rows`, `summary` | ids by prefix, rows to values, the summary of a metric |

mod edit;
mod find;
mod index;
mod liveness;
mod open;
mod read;
mod recover;
mod rename;
mod rows;
mod summary;
mod trash;

pub use open::Store;
pub use read::Changes;
pub use recover::Reindexed;
pub use summary::{MetricSummary, Run};
pub use trash::Collected;

pub(super) use find::{find_id, of_experiment};
pub(super) use rows::{run_id, to_json};
