//! The filter language: `test/accuracy > 0.95 and model.hidden = [16] and not (tag = old or status != finished)`.
//!
//! ```text
//! filter     = all { "or" all }            all = term { "and" term }
//! term       = "not" term | "(" filter ")" | comparison | word | text
//! comparison = field ( "=" | "!=" | "~" | "<" | "<=" | ">" | ">=" ) value
//! field      = word | "last(" word ")"     (see `Field`)
//! value      = number | word | "text" | 'text' | "[" [ value { "," value } ] "]"
//! ```
//!
//! A word or text by itself finds the runs whose name, id, experiment, tags or note contain it. A field may be the end of a
//! param or metric, such as `learning_rate`, if only one ends with it; one that no run has is a mistake
//! ([`Filter::resolved`]). `started` and `ended` are compared with dates and times in UTC (`started >= 2026-11-24`,
//! `ended < "2026-11-24 18:30"`): a date alone is its beginning, and `=` means that the time begins with it.
//!
//! `name` is compared with the experiment and with the name that the page gave a run: `name != x` means that neither is
//! `x`. `~` means "contains" and ignores case. `tag` is compared with each tag: `tag != x` means that none of them is `x`. If a
//! run lacks the field, every comparison is false, also `!=`.

mod error;
mod expression;
mod parse;
#[cfg(test)]
mod tests;

pub use error::FilterError;
pub use expression::Filter;
