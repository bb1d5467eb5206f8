//! Words for a missing cell.

/// The default of `data.missing`: the words that pandas takes for missing, `?` and `NaT`. Beside them, the empty cell.
pub(super) const WORDS: [&str; 20] = [
    "NA", "N/A", "NaN", "nan", "null", "NULL", "?", "None", "n/a", "#N/A", "#N/A N/A", "#NA", "<NA>", "NaT", "-NaN",
    "-nan", "1.#IND", "1.#QNAN", "-1.#IND", "-1.#QNAN",
];

/// How many of them were the default of versions that wrote them into a run's config.
const NUM_BEFORE: usize = 7;

/// What stands for a missing number where all other cells of a column are numbers, or dates; in other columns each is a
/// text.
pub(super) const DASHES: [&str; 8] = ["-", "--", "---", "\u{2013}", "\u{2014}", ".", "..", "\u{2026}"];

/// Whether these are the words that nobody chose.
pub(super) fn are_default(words: &[String]) -> bool {
    words.iter().eq(WORDS.iter()) || words.iter().eq(WORDS[..NUM_BEFORE].iter())
}
