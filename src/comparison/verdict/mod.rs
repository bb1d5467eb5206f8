//! Which of two configs is better, from their results over several seeds or folds. Pure functions.
//!
//! The claim follows from a two-sided 95 % t interval of the difference. Over seeds alone it speaks of these rows; where
//! the seeds also divide the rows, or the predictions of fixed test rows are known, it is widened to speak of new data or
//! new test rows (`correction`), and the narrower one stands beside it. What makes it robust:
//! - Differences between two configs with the same distribution of results are symmetric around 0, however skewed that
//!   distribution is: always if paired, and with equally many seeds if not. Skewness is what biases a t interval most.
//! - Welch's interval needs no equal variances. Where one config has at least twice the seeds of the other, it would
//!   claim too often (13 % with 2 seeds against 10), so the fewest possible degrees of freedom are used.
//! - A spread or difference below the rounding error of the results counts as zero: `0.97 - 0.95` equals `0.96 - 0.94`.
//! - Two seeds that agree exactly are no evidence of zero spread; three are.
//! - The bootstrap interval is only shown; with few seeds it is too narrow to base a claim on.
//!
//! Limits: if two configs have equal means but standard deviations that differ by a factor of 2 or more, a difference is
//! claimed in up to 14 % of comparisons for strongly skewed results (-1.7), as by any t interval, and in up to 8 % for
//! normal results of 2 seeds against 3. Seeds that match only in part are not paired, which makes Welch's interval too
//! wide where the results of one seed are correlated.

//!
//! | file | concept |
//! |---|---|
//! | `pairwise`, `result` | [`verdict`]: one config against another, and its [`Verdict`] |
//! | `baseline`, `holm` | [`against_baseline`]: several configs against one, corrected for their number |
//! | `interval`, `quantile`, `power`, `bootstrap` | intervals, p-values, seeds needed |
//! | `unit`, `correction` | what an interval is about: these rows, new test rows, new data |
//! | `best_of` | how much the best of many configs owes to chance |
//! | `mcnemar` | two single models on the same test rows |
//! | `sentence`, `digits` | a verdict in one sentence |

mod baseline;
mod best_of;
mod bootstrap;
mod correction;
mod digits;
#[cfg(test)]
mod false_alarms;
mod holm;
mod interval;
mod mcnemar;
#[cfg(test)]
mod new_data;
mod pairwise;
mod power;
mod quantile;
mod result;
mod seeds;
mod sentence;
#[cfg(test)]
mod tests;
mod unit;

pub use baseline::{Adjusted, against_baseline};
pub use best_of::{BestOf, best_of, pooled_deviation};
pub use correction::widened;
pub use holm::holm;
pub use mcnemar::mcnemar;
pub use pairwise::{decided, mean_interval, verdict};
pub use quantile::quantile as t_quantile;
pub use result::{Claim, Verdict};
pub use seeds::{Group, averaged};
pub use sentence::{Names, adjusted_sentence, luck, sentence};
pub use unit::{Scope, Unit};
