//! Which of two or more runs is better, using all runs that repeat them under other seeds.
//!
//! | file | concept |
//! |---|---|
//! | `two` | [`judge`]: two runs |
//! | `several` | [`judge_all`]: every other config against the first |
//! | `decide` | the verdict on two configs by one metric |
//! | `leaders` | [`leaders()`]: which run a table may mark as the best |
//! | `sentences` | sentences in addition to the verdict |
//! | `mistakes` | which test rows only one of two models gets right |
//! | `more_seeds` | commands that train the seeds still needed |

mod decide;
mod leaders;
mod mistakes;
mod more_seeds;
mod sentences;
mod several;
mod two;

pub use leaders::leaders;
pub use mistakes::Mistakes;
pub use more_seeds::retrain;
pub use several::{Compared, Comparison, Comparisons, judge_all, judge_groups, letters};
pub use two::{Judgement, judge};
