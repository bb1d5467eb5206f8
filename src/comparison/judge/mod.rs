//! Which of two or more runs is better, using all runs that repeat them under other seeds.
//!
//! | file | concept |
//! |---|---|
//! | `two` | [`judge`]: two runs |
//! | `several` | [`judge_all`]: every other config against the first |
//! | `sentences` | sentences in addition to the verdict |
//! | `mistakes` | which test rows only one of two models gets right |
//! | `more_seeds` | commands that train the seeds still needed |

mod mistakes;
mod more_seeds;
mod sentences;
mod several;
mod two;

pub use mistakes::Mistakes;
pub use more_seeds::retrain;
pub use several::{Compared, Comparison, Comparisons, judge_all, letters};
pub use two::{Judgement, judge};
