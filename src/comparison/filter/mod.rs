//! The filter language: `test/accuracy > 0.95 and model.hidden = [16] and not (tag = old or status != finished)`.
//!
//! ```text
//! filter     = all { "or" all }            all = term { "and" term }
//! term       = "not" term | "(" filter ")" | comparison
//! comparison = field ( "=" | "!=" | "~" | "<" | "<=" | ">" | ">=" ) value
//! field      = word | "last(" word ")"     (see `Field`)
//! value      = number | word | "text" | 'text' | "[" [ value { "," value } ] "]"
//! ```
//!
//! `~` means "contains" and ignores case. `tag` is compared with each tag: `tag != x` means that none of them is `x`. If a
//! run lacks the field, every comparison is false, also `!=`.

mod expression;
mod parse;
#[cfg(test)]
mod tests;

pub use expression::Filter;
pub use parse::FilterError;
