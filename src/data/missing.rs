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

/// The `names` that others use for missing, though they are not in `chosen`, the config's list: whoever lists a word of their own
/// replaces the default. `with_dashes`: also of what means missing among numbers alone.
pub(super) fn doubtful<'n>(
    names: impl Iterator<Item = &'n String>,
    chosen: &[String],
    with_dashes: bool,
) -> impl Iterator<Item = &'n str> {
    // An empty list says that there are no such words.
    let words = if chosen.is_empty() { &[][..] } else { &WORDS[..] };
    let dashes = if with_dashes { &DASHES[..] } else { &[] };
    names.map(String::as_str).filter(|name| words.contains(name) || dashes.contains(name))
}
