//! Names of classes and categories: collected in one pass, then sorted and looked up.
//!
//! A name is what the file writes: `01` and `1` are two. Only spellings of one plain number (`1`, `1.0`) and of one truth
//! value (`True`, `TRUE`) are the same name, and then its most frequent spelling stands for all.

use std::borrow::Cow;
use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::distinct::Distinct;

/// Numbers distinct texts in order of appearance, and counts them.
#[derive(Default)]
pub(super) struct Interner {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
    counts: Vec<u64>,
    /// Of the first cell with this text.
    lines: Vec<u64>,
}

impl Interner {
    pub(super) fn intern(&mut self, text: &str, line: u64) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            self.counts[number as usize] += 1;
            return number;
        }
        let number = self.names.len() as u32; // callers stop at a million names
        self.numbers.insert(text.to_owned(), number);
        self.names.push(text.to_owned());
        self.counts.push(1);
        self.lines.push(line);
        number
    }

    /// One that has met these names, in their order, and counts further ones.
    pub(super) fn of_names(names: &[String]) -> Self {
        let mut interner = Self::default();
        names.iter().for_each(|name| _ = interner.intern(name, 0));
        interner
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// In order of appearance.
    pub(super) fn into_names(self) -> Vec<String> {
        self.names
    }

    /// In order of appearance.
    pub(super) fn distinct(&self) -> Vec<Distinct<'_>> {
        let texts = self.names.iter().zip(&self.counts).zip(&self.lines);
        texts.map(|((text, &count), &line)| Distinct { text, count, line }).collect()
    }

    /// The sorted names, and the index among them for each number assigned before.
    pub(super) fn sorted(&self) -> (Labels, Vec<u32>) {
        let labels = Labels::of(&self.distinct());
        let order = self.names.iter().map(|name| {
            let found = labels.find(name);
            found.expect("every gathered name is among the sorted ones")
        });
        let order = order.collect();
        (labels, order)
    }
}

/// Which spellings are the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spelling {
    /// Each is a name of its own.
    #[default]
    Exact,
    /// All are numbers, and `1`, `+1` and `1.0` are one.
    Number,
    /// They are truth values, in any letter case.
    Boolean,
}

impl Spelling {
    /// That of a column with these texts.
    fn of<'a>(mut names: impl Iterator<Item = &'a str> + Clone) -> Self {
        if names.clone().all(|name| as_number(name).is_some()) {
            return Self::Number;
        }
        const BOOLEANS: [[&str; 2]; 5] = [["true", "false"], ["yes", "no"], ["t", "f"], ["y", "n"], ["on", "off"]];
        let is_one_of = |words: &[&str; 2], name: &str| words.iter().any(|word| name.eq_ignore_ascii_case(word));
        let first = names.next();
        let words = BOOLEANS.iter().find(|words| first.is_some_and(|first| is_one_of(words, first)));
        match words {
            Some(words) if names.all(|name| is_one_of(words, name)) => Self::Boolean,
            _ => Self::Exact,
        }
    }

    /// That of names found by versions that wrote each number in one way, and distinguished letter case.
    pub(super) fn of_canonical(names: &[String]) -> Self {
        let is_canonical = |name: &String| as_number(name).is_some_and(|number| (number + 0.0).to_string() == *name);
        if names.iter().all(is_canonical) { Self::Number } else { Self::Exact }
    }

    /// The same for all spellings of a name.
    pub(super) fn key(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::Exact => Cow::Borrowed(text),
            Self::Number => plain_number(text),
            Self::Boolean => Cow::Owned(text.to_ascii_lowercase()),
        }
    }
}

/// Sorted distinct names: as numbers when all are numbers (so `10` follows `9`), else alphabetically.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    pub(super) names: Vec<String>,
    pub(super) spelling: Spelling,
    index: HashMap<String, u32>,
}

impl Labels {
    fn of(texts: &[Distinct]) -> Self {
        let spelling = Spelling::of(texts.iter().map(|text| text.text));
        // The number of cells with each spelling; of several that are as frequent, the first stays.
        let mut spellings: HashMap<Cow<str>, Distinct> = HashMap::with_capacity(texts.len());
        for text in texts {
            let most = spellings.entry(spelling.key(text.text)).or_insert(*text);
            if text.count > most.count {
                *most = *text;
            }
        }
        let mut names: Vec<String> = spellings.into_values().map(|text| text.text.to_owned()).collect();
        names.sort();
        if spelling == Spelling::Number {
            names.sort_by(|a, b| {
                let (a, b) = (as_number(a), as_number(b));
                a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal)
            });
        }
        Self::known(&names, spelling)
    }

    /// Names found before, in their order.
    pub(super) fn known(names: &[String], spelling: Spelling) -> Self {
        let keys = names.iter().map(|name| spelling.key(name).into_owned());
        Self { names: names.to_vec(), spelling, index: keys.zip(0..).collect() }
    }

    /// These names, and after them those that a later file has, too.
    pub(super) fn followed_by(&self, more: Vec<String>) -> Self {
        Self::known(&[&self.names[..], &more].concat(), self.spelling)
    }

    /// The same names in another order.
    pub(super) fn reordered(self, names: &[String]) -> Self {
        Self::known(names, self.spelling)
    }

    pub(super) fn find(&self, text: &str) -> Option<u32> {
        self.index.get(self.spelling.key(text).as_ref()).copied()
    }

    /// What a reader may take for the same name, or may wonder to see as one: a clause for a note.
    pub(super) fn note(&self, texts: &[Distinct]) -> Option<String> {
        // Nobody reads so many, and an identifier may have a million.
        const MAX_COMPARED: usize = 10_000;
        if texts.len() > MAX_COMPARED {
            return None;
        }
        let rough = |text: &str| text.trim_matches(|char: char| !char.is_alphanumeric()).to_lowercase();
        // `yes` and `1` in one column are hardly two things.
        let are_truths = texts.iter().all(|text| truth(text.text).is_some());
        let key = |text: &str| match self.spelling {
            Spelling::Exact if are_truths => truth(text).unwrap_or_default().to_string(),
            Spelling::Exact => rough(text),
            Spelling::Number | Spelling::Boolean => self.spelling.key(text).into_owned(),
        };
        let groups_by = |key: &dyn Fn(&str) -> String| {
            let mut alike: HashMap<String, Vec<&Distinct>> = HashMap::new();
            texts.iter().for_each(|text| alike.entry(key(text.text)).or_default().push(text));
            let mut groups: Vec<_> =
                alike.into_iter().filter(|(key, texts)| texts.len() > 1 && !key.is_empty()).collect();
            groups.sort_by_key(|(_, texts)| texts.iter().map(|text| text.line).min());
            groups
        };
        let groups = groups_by(&key);
        let shown = |texts: &[&Distinct]| {
            let shown: Vec<String> = texts.iter().map(|text| format!("`{}` {}", text.text, text.count)).collect();
            list(&shown, 4)
        };
        let told = |groups: &[(String, Vec<&Distinct>)], what: &str| {
            let all: Vec<String> = groups.iter().take(4).map(|(_, texts)| shown(texts)).collect();
            (!all.is_empty()).then(|| format!("{} are {what}", all.join("; ")))
        };
        match self.spelling {
            Spelling::Exact => told(&groups, "different names"),
            Spelling::Boolean => told(&groups, "the same"),
            Spelling::Number => {
                // `01` and `1` are one number, and two codes.
                let mut codes =
                    groups_by(&|text| as_number(text).map_or_else(String::new, |number| number.to_string()));
                codes.retain(|(_, texts)| texts.iter().any(|text| key(text.text) != key(texts[0].text)));
                let both = [told(&groups, "the same"), told(&codes, "different names")];
                let both: Vec<String> = both.into_iter().flatten().collect();
                (!both.is_empty()).then(|| both.join("; "))
            }
        }
    }
}

/// What a word for a truth value says.
fn truth(word: &str) -> Option<bool> {
    let is_one_of = |words: [&str; 6]| words.iter().any(|other| word.eq_ignore_ascii_case(other));
    match is_one_of(["true", "t", "yes", "y", "on", "1"]) {
        true => Some(true),
        false => is_one_of(["false", "f", "no", "n", "off", "0"]).then_some(false),
    }
}

/// The first `max` names, for an error or a summary.
pub(super) fn list(names: &[String], max: usize) -> String {
    let shown: Vec<Cow<str>> = names[..names.len().min(max)].iter().map(|name| bounded(name)).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(max) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

/// The same for names of columns and categories: those that hold what separates them are quoted.
pub(super) fn list_columns(names: &[String], max: usize) -> String {
    let is_unclear = |name: &str| name.contains([',', ';', '`']) || name.trim() != name || name.is_empty();
    let shown = names[..names.len().min(max)].iter();
    let shown = shown.map(|name| if is_unclear(name) { quote(name) } else { name.clone() });
    let more = names[names.len().min(max)..].iter().cloned();
    list(&shown.chain(more).collect::<Vec<_>>(), max)
}

/// A text in backticks, cut where it is long.
pub(super) fn quote(text: &str) -> String {
    format!("`{}`", bounded(text))
}

pub(super) fn bounded(text: &str) -> Cow<'_, str> {
    const MAX_CHARS: usize = 200;
    let text = match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}...", &text[..end])),
        None => Cow::Borrowed(text),
    };
    // In a line: what follows a break could pose as a line of burnlab's own.
    if text.contains(['\n', '\r']) { Cow::Owned(text.replace(['\n', '\r'], " ")) } else { text }
}

fn as_number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// `1` for `+1`, `1.0` and `1.`; `-1.5` for `-1.50`. Other texts, as numbers with leading zeros or an exponent, stay: they
/// name things. Compared digit by digit, so that 2^53 + 1 is not 2^53.
fn plain_number(text: &str) -> Cow<'_, str> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let has_no_padding = whole == "0" || !whole.is_empty() && !whole.starts_with('0');
    if !(is_digits(whole) && is_digits(fraction) && has_no_padding) {
        return Cow::Borrowed(text);
    }
    match (whole, fraction.trim_end_matches('0')) {
        ("0", "") => Cow::Borrowed("0"),
        (whole, "") if sign.is_empty() => Cow::Borrowed(whole),
        (whole, "") => Cow::Owned(format!("{sign}{whole}")),
        (whole, fraction) => Cow::Owned(format!("{sign}{whole}.{fraction}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interned(names: &[&str]) -> Interner {
        let mut interner = Interner::default();
        for name in names {
            interner.intern(name, 1);
        }
        interner
    }

    #[test]
    fn known_names_stay_as_they_are() {
        let known = |names: &[&str], spelling| {
            Labels::known(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>(), spelling)
        };
        let numbers = known(&["9", "10"], Spelling::Number);
        assert_eq!((numbers.find("10.0"), numbers.find("9"), numbers.find("x")), (Some(1), Some(0), None));
        let texts = known(&["2.0", "1.0"], Spelling::Exact);
        assert_eq!((texts.find("1.0"), texts.find("2.0"), texts.find("1")), (Some(1), Some(0), None));
        let truth = known(&["False", "True"], Spelling::Boolean);
        assert_eq!((truth.find("TRUE"), truth.find("false"), truth.find("yes")), (Some(1), Some(0), None));
    }

    #[test]
    fn numbers_sort_as_numbers_and_texts_by_alphabet() {
        let sorted = |names: &[&str]| {
            let interner = interned(names);
            let (labels, order) = interner.sorted();
            let indices: Vec<u32> = names.iter().map(|name| order[interner.numbers[*name] as usize]).collect();
            (labels.names.join(" "), indices)
        };
        assert_eq!(sorted(&["10", "9", "1.0", "1", "-0"]), ("-0 1.0 9 10".into(), vec![3, 2, 1, 1, 0]));
        assert_eq!(sorted(&["b", "10", "9", "b"]), ("10 9 b".into(), vec![2, 0, 1, 2]));
        assert_eq!(sorted(&["01", "1", "02", "1.0", "1"]), ("01 1 02".into(), vec![0, 1, 2, 1, 1]));
        assert_eq!(sorted(&["1E1", "10", "3e2", "300"]).0, "10 1E1 300 3e2");
        assert_eq!(sorted(&["9007199254740993", "9007199254740992"]).0, "9007199254740992 9007199254740993");
        assert_eq!(sorted(&["TRUE", "False", "true", "TRUE"]), ("False TRUE".into(), vec![1, 0, 1, 1]));
        assert_eq!(sorted(&["Red", "red"]).0, "Red red");
    }

    #[test]
    fn what_looks_alike_is_noted_with_counts() {
        let note = |names: &[&str]| {
            let interner = interned(names);
            interner.sorted().0.note(&interner.distinct())
        };
        assert_eq!(note(&["1", "1.0", "2", "1"]).unwrap(), "`1` 2, `1.0` 1 are the same");
        assert_eq!(note(&["Yes", "no", "yes"]).unwrap(), "`Yes` 1, `yes` 1 are the same");
        assert_eq!(note(&["no.", "yes", "no"]).unwrap(), "`no.` 1, `no` 1 are different names");
        assert_eq!(note(&["yes", "1", "no", "1"]).unwrap(), "`yes` 1, `1` 2 are different names");
        assert_eq!(note(&["a", "b", "+", "-"]), None);
        assert_eq!(note(&["01", "1", "2"]).unwrap(), "`01` 1, `1` 1 are different names");
        assert_eq!(note(&["1E1", "10"]).unwrap(), "`1E1` 1, `10` 1 are different names");
        assert_eq!(note(&["007", "012"]), None);
    }
}
