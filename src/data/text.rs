//! A text: read safely, cut into windows, its characters turned into numbers.
//!
//! A window shows `context` characters, and its targets are the character after each of them. Windows do not overlap, and
//! each begins with the last target of the one before, so that every character but the first is predicted once.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::csv::Origin;
use super::{DataConfig, Dataset, Examples, Preparation, PreparedTarget, Target};
use crate::invalid::Invalid;

/// A character takes 4 bytes of memory, and 8 more as input and target.
const MAX_TEXT: u64 = 64 << 20;
/// A network has an output for each; no alphabet has as many, Chinese newspapers have as many in common use.
pub(super) const MAX_CHARACTERS: usize = 4096;
/// Attention takes memory by its square.
pub(super) const MAX_CONTEXT: usize = 4096;

/// A text as loaded.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// Unicode scalar values, in order.
    pub characters: Vec<char>,
    /// Characters that a window shows; at least 1.
    pub context: usize,
}

/// What was learned about a text, beside its characters.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct PreparedText {
    /// Characters that an example shows; at least 1.
    pub context: usize,
    /// How often each pair of characters stands in the training part, the second one as a target.
    pub pairs: BTreeMap<String, u64>,
}

/// The shipped text, or the user's file.
///
/// # Errors
/// A file that cannot be read, is no UTF-8, or holds nothing to learn from.
pub(super) fn load(config: &DataConfig) -> Result<Dataset, Invalid> {
    match (config.source, &config.path) {
        (Some(source), _) => {
            let origin = Origin::shipped(source.name(), include_bytes!("builtin/alice.txt.gz"));
            read(source.name(), &origin, config.context())
        }
        (None, Some(path)) => of_file(path, "data.path", config.context()),
        (None, None) => Err(super::check::no_source()),
    }
}

/// The text in the file `path`; `key` is to blame for it.
///
/// # Errors
/// As `load`.
pub fn of_file(path: &Path, key: &'static str, context: usize) -> Result<Dataset, Invalid> {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    read(&name, &Origin::file(path, key), context)
}

fn read(name: &str, origin: &Origin, context: usize) -> Result<Dataset, Invalid> {
    let mut bytes = Vec::new();
    let reader = origin.open()?.reader;
    reader.take(MAX_TEXT + 1).read_to_end(&mut bytes).map_err(|error| origin.unreadable(&error))?;
    if bytes.len() as u64 > MAX_TEXT {
        return Err(origin.error(&format!("is larger than {} MiB: cut it into smaller files", MAX_TEXT >> 20)));
    }
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Err(origin.error("is UTF-16: convert it to UTF-8"));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let offset = error.utf8_error().valid_up_to();
        let byte = error.as_bytes()[offset];
        origin.error(&format!("is no UTF-8 text: byte {offset} is 0x{byte:02x}; convert it to UTF-8"))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut notes = Vec::new();
    let mut characters: Vec<char> = text.chars().collect();
    if text.contains("\r\n") {
        characters = text.replace("\r\n", "\n").chars().collect();
        notes.push("took the line ends of Windows (\\r\\n) for plain ones (\\n)".to_owned());
    }
    let num_distinct = distinct(&characters).len();
    if let [] | [_] = characters[..] {
        let found = if characters.is_empty() { "is empty" } else { "holds one character alone" };
        return Err(origin.error(&format!("{found}: there is no next character to learn")));
    }
    if num_distinct == 1 {
        let only = characters[0];
        return Err(origin.error(&format!("holds {only:?} alone, over and over: there is nothing to learn")));
    }
    if num_distinct > MAX_CHARACTERS {
        let message =
            format!("has {num_distinct} distinct characters, and {MAX_CHARACTERS} is the most that is learned");
        return Err(origin.error(&format!("{message}: is it a text?")));
    }
    let text = Text { characters, context };
    Invalid::unless(text.num_windows() > 0, "data.context", || {
        let n = text.characters.len();
        format!(
            "{} has {n} characters, too few for one window of {context} and the character after it: lower data.context \
             to at most {}, or get more text",
            origin.display,
            n - 1
        )
    })?;
    Ok(Dataset {
        name: name.to_owned(),
        columns: Vec::new(),
        values: Vec::new(),
        target: Target::Text(text),
        target_name: "next character".to_owned(),
        image_shape: None,
        num_training_rows: None,
        notes,
    })
}

/// Each character once, sorted.
pub(super) fn distinct(characters: &[char]) -> BTreeSet<char> {
    // One by one: collecting would sort a copy of the whole text.
    let mut found = BTreeSet::new();
    characters.iter().for_each(|&character| _ = found.insert(character));
    found
}

impl Text {
    /// Windows with a target for each of their characters; what is left at the end of the text is not used.
    pub fn num_windows(&self) -> usize {
        self.characters.len().saturating_sub(1) / self.context
    }

    /// The characters of window `row` and the one after them: `context + 1`.
    ///
    /// # Panics
    /// If `row >= num_windows()`.
    pub fn window(&self, row: usize) -> &[char] {
        &self.characters[row * self.context..][..=self.context]
    }

    /// What windows that follow one another show and have as targets.
    pub fn span(&self, rows: &[usize]) -> &[char] {
        match (rows.first(), rows.last()) {
            (Some(&first), Some(&last)) => &self.characters[first * self.context..=(last + 1) * self.context],
            _ => &[],
        }
    }
}

/// The number of each character: its place among the known ones, and after them one number for all others.
struct Numbers(Vec<char>);

impl Numbers {
    fn new(known: &str) -> Self {
        Self(known.chars().collect())
    }

    fn of(&self, character: char) -> usize {
        self.0.binary_search(&character).unwrap_or(self.0.len())
    }
}

/// What is learned of the training windows `rows`: the characters, how often each is a target, and the pairs.
pub(super) fn fit(text: &Text, rows: &[usize]) -> (PreparedTarget, Vec<u64>, PreparedText) {
    let known: String = distinct(text.span(rows)).into_iter().collect();
    let (counts, prepared) = count(text, rows, &known);
    (PreparedTarget::Characters(known), counts, prepared)
}

/// As [`fit`], of the characters `known` to a run already.
///
/// # Errors
/// A training character that is not among them.
pub(super) fn refit(text: &Text, rows: &[usize], known: &str) -> Result<(Vec<u64>, PreparedText), Invalid> {
    let numbers = Numbers::new(known);
    if let Some(new) = distinct(text.span(rows)).into_iter().find(|&character| numbers.of(character) == numbers.0.len())
    {
        let message = format!(
            "the run's text has no {new:?}, which this one has: remove it from the text, or train from the start"
        );
        return Err(Invalid::at("model.init_from", message));
    }
    Ok(count(text, rows, known))
}

fn count(text: &Text, rows: &[usize], known: &str) -> (Vec<u64>, PreparedText) {
    let numbers = Numbers::new(known);
    let mut counts = vec![0; numbers.0.len() + 1];
    let mut pairs: BTreeMap<[char; 2], u64> = BTreeMap::new();
    for &row in rows {
        for pair in text.window(row).array_windows() {
            counts[numbers.of(pair[1])] += 1;
            *pairs.entry(*pair).or_default() += 1;
        }
    }
    let pairs = pairs.into_iter().map(|(pair, count)| (pair.iter().collect(), count)).collect();
    (counts, PreparedText { context: text.context, pairs })
}

/// Whether the values make sense, as they do unless the file was changed by hand.
pub(super) fn holds(known: &str, counts: &[u64], text: &PreparedText) -> bool {
    let characters: Vec<char> = known.chars().collect();
    let is_sorted = characters.array_windows().all(|[a, b]| a < b);
    let is_known =
        |pair: &String| pair.chars().count() == 2 && pair.chars().all(|one| characters.binary_search(&one).is_ok());
    is_sorted
        && (1..=MAX_CHARACTERS).contains(&characters.len())
        && counts.len() == characters.len() + 1
        && (1..=MAX_CONTEXT).contains(&text.context)
        && text.pairs.keys().all(is_known)
}

impl Preparation {
    /// Windows of `text` as numbers of characters: inputs `[rows, context]`, and as many targets.
    pub(super) fn windows(&self, text: &Text, rows: &[usize]) -> Examples {
        let numbers = Numbers::new(self.characters().unwrap_or_default());
        let (mut inputs, mut targets) = (Vec::new(), Vec::new());
        for &row in rows {
            let window: Vec<f32> = text.window(row).iter().map(|&character| numbers.of(character) as f32).collect();
            inputs.extend_from_slice(&window[..text.context]);
            targets.extend_from_slice(&window[1..]);
        }
        Examples { num_inputs: text.context, inputs, shared: None, targets, rows: rows.to_vec() }
    }

    /// What a model reaches on `examples` of a text, in nats a character, that knows the training part's single characters
    /// alone, and one that knows its pairs: the mean of -ln p with add-one smoothing (Laplace; Jurafsky and Martin, Speech
    /// and Language Processing, chapter 3), over the K characters that the network knows:
    /// `p(c) = (n(c) + 1) / (N + K)`, and after b `p(c) = (n(bc) + 1) / (n(b) + K)`.
    ///
    /// `None` where the inputs are no text.
    pub fn by_frequency(&self, examples: &Examples) -> Option<(f64, f64)> {
        let (known, text) = (self.characters()?, self.text.as_ref()?);
        let numbers = Numbers::new(known);
        let num_characters = self.class_counts.len();
        let mut after = BTreeMap::new();
        let mut begins = vec![0.0; num_characters];
        for (pair, &count) in &text.pairs {
            let mut pair = pair.chars().map(|character| numbers.of(character));
            let (Some(first), Some(second)) = (pair.next(), pair.next()) else { continue };
            begins[first] += count as f64;
            after.insert((first, second), count as f64);
        }
        let total: f64 = self.class_counts.iter().map(|&count| count as f64).sum();
        let cost = |count: f64, of: f64| -((count + 1.0) / (of + num_characters as f64)).ln();
        let (mut singly, mut paired) = (0.0, 0.0);
        for position in 0..examples.len() {
            for (&before, &target) in examples.input(position).iter().zip(examples.targets_of(position)) {
                let pair = (before as usize, target as usize);
                singly += cost(self.class_counts[pair.1] as f64, total);
                paired += cost(after.get(&pair).copied().unwrap_or(0.0), begins[pair.0]);
            }
        }
        let count = examples.targets.len() as f64;
        Some((singly / count, paired / count))
    }

    /// The characters that a language model knows, by their numbers from 0; the number after the last stands for all
    /// others. `None` where the inputs are no text.
    pub fn characters(&self) -> Option<&str> {
        match &self.target {
            PreparedTarget::Characters(known) => Some(known),
            _ => None,
        }
    }
}
