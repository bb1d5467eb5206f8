//! Comparing runs: which runs may be compared, which config is better, and the language that selects runs.
//!
//! Functions over recorded runs, built on [`tracking`](crate::tracking).
//!
//! | file | concept |
//! |---|---|
//! | `params` | which params are the config's, which those of a repetition or of a place |
//! | `difference` | what differs between configurations |
//! | `tested` | which results may be compared: those on the same test rows |
//! | `test_rows` | what a difference owes to the choice of test rows |
//! | `repetition` | which runs repeat one config under other seeds and folds |
//! | `headline` | the metric that runs are compared by |
//! | `spread`, `series` | statistics over repetitions and over one curve |
//! | `pairs` | the predictions of two runs, row by row |
//! | `verdict` | the statistics of a comparison, and its sentence |
//! | `judge` | the comparison of two or more runs of a store |
//! | `leaderboard` | the configs of an experiment, best first, each against the best |
//! | `untrained` | what a run would score without looking at its inputs |
//! | `ranking` | the trials of a sweep, best first |
//! | `field`, `filter` | what can be named of a run, and the filter language of the page and of `runs list` |
//! | `order` | the order of runs by a field |
//! | `vocabulary` | the names that the runs have: finds the nearest one |

mod difference;
pub mod field;
pub mod filter;
mod headline;
pub mod judge;
mod leaderboard;
mod order;
pub mod pairs;
mod params;
mod ranking;
mod repetition;
pub mod series;
mod spread;
mod test_rows;
mod tested;
mod untrained;
pub mod verdict;
mod vocabulary;

pub use difference::{Difference, differences};
pub use headline::{headline, headlines, task_metric};
pub use leaderboard::{Leaderboard, Row, Summary, leaderboard, summary};
pub use order::order;
pub use params::{changes_the_test, tells_configs_apart};
pub use ranking::ranked;
pub use repetition::{counts, folds, groups, num_repetitions, per_repetition, repetition_key, results};
pub use spread::{Spread, band, mean_interval, spread};
pub use tested::{are_other_rows, comparable_sets, other_rows, repeated_data, same_rows};
pub use vocabulary::{UnknownName, Vocabulary};
