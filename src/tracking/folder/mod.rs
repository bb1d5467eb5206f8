//! The files of a run folder.
//!
//! | file | concept |
//! |---|---|
//! | `names` | what the files are called |
//! | `open` | the one way to open a file: no links, nothing but files, bounded |
//! | `own` | what beside the run folders must be no link |
//! | `held` | a folder that is held open while its run trains |
//! | `lines` | reading lines of bounded length |
//! | `atomic` | writing a file so that readers see all of it or nothing |
//! | `moving` | moving and removing whole run folders |
//! | `sums` | `SHA256SUMS`: whether a file is as training left it |
//! | `record` | `run.json` |
//! | `metrics_file` | `metrics.csv` |
//! | `lock` | the lock that a training process holds |
//! | `list` | files of a run, and folders of runs |

mod atomic;
mod held;
mod lines;
mod list;
mod lock;
mod metrics_file;
mod moving;
mod names;
mod open;
mod own;
mod private;
mod record;
mod sums;
mod temporary;

pub use atomic::{write_atomic, write_pieces, write_renamed};
pub use held::Place;
pub use lines::Lines;
pub use list::FileEntry;
pub use metrics_file::{read_points, read_points_thinned};
pub use open::{has, open, open_sound, open_table, open_table_within, read, read_text, read_within, try_has};
pub use private::{close, is_link_of_others};
pub use sums::{check_sum, check_sum_of, check_sums, is_lost};
pub use temporary::{Kept, free_space, private_folder};

pub(crate) use atomic::{append, remove, remove_temporary};
pub(crate) use held::Held;
pub(crate) use list::{list_files, list_run_folders, named_folders};
pub(crate) use lock::{is_locked, last_activity, take_lock};
pub(crate) use metrics_file::{MetricsFile, for_each_part};
pub(crate) use moving::{discard, discarded, move_folder, remove_discarded};
pub(crate) use names::{CONFIG, ENVIRONMENT, LOCK, LOG, METRICS, RUN, STOP, SUMS, check_file_name};
pub(crate) use open::{hold, hold_new, in_words};
pub(crate) use own::{is_there, own_file, own_folder};
pub(crate) use record::{read_record, write_json, write_record};
pub(crate) use sums::write_sums;
