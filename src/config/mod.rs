//! The TOML file: load, override, check, resolve.
//!
//! The resolved config (every default written out) is what a run records: it reproduces the run even if later versions
//! change defaults.
//!
//! | file | concept |
//! |---|---|
//! | `schema` | [`Config`]: the file's keys |
//! | `source` | [`ConfigOrigin`]: the file, or the built-in config, that the text comes from |
//! | `load` | [`LoadedConfig`]: a config with its file, to name lines in errors and to vary for a sweep |
//! | `overrides` | `--set` |
//! | `check` | [`ConfigError`]: what is wrong, with line and caret |
//! | `repetition` | [`Repetition`]: one of the seeds and folds that a config asks for |
//! | `resolve` | [`Config::resolved_for`]: every default written out |

mod check;
mod load;
mod overrides;
mod repetition;
mod resolve;
mod schema;
mod source;
mod taken;

pub use check::ConfigError;
pub use load::{LoadedConfig, data_paths};
pub use repetition::Repetition;
pub use schema::Config;
pub use source::ConfigOrigin;
