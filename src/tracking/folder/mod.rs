//! The files of a run folder.
//!
//! | file | concept |
//! |---|---|
//! | `names` | what the files are called |
//! | `atomic` | writing a file so that readers see all of it or nothing |
//! | `record` | `run.json` |
//! | `metrics_file` | `metrics.csv` |
//! | `lock` | the lock that a training process holds |
//! | `list` | files of a run, and folders of runs |

mod atomic;
mod list;
mod lock;
mod metrics_file;
mod names;
mod record;

pub use list::FileEntry;
pub use metrics_file::read_points;

pub(crate) use atomic::{remove_temporary, write_atomic, write_renamed};
pub(crate) use list::{list_files, list_run_folders, named_folders};
pub(crate) use lock::{is_locked, last_activity, take_lock};
pub(crate) use metrics_file::MetricsFile;
pub(crate) use names::{CONFIG, ENVIRONMENT, LOG, RUN, check_file_name};
pub(crate) use record::{read_record, read_whole, write_json, write_record};
