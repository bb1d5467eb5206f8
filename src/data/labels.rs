//! Names of classes and categories: collected in one pass, then sorted and looked up.

use std::collections::HashMap;

/// Numbers distinct texts in order of appearance.
#[derive(Default)]
pub(super) struct Interner {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Interner {
    pub(super) fn intern(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = self.names.len() as u32; // callers stop at a million names
        self.numbers.insert(text.to_owned(), number);
        self.names.push(text.to_owned());
        number
    }

    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The sorted names, and the index among them for each number assigned before.
    pub(super) fn sorted(self) -> (Labels, Vec<u32>) {
        let labels = Labels::new(self.names.iter());
        let order = self.names.iter().map(|name| {
            let found = labels.find(name);
            found.expect("every gathered name is among the sorted ones")
        });
        let order = order.collect();
        (labels, order)
    }
}

/// Sorted distinct names: numerically when all are numbers (so `10` follows `9`, and `1.0` is `1`), else
/// alphabetically.
#[derive(Debug)]
pub(super) struct Labels {
    pub(super) names: Vec<String>,
    all_numbers: bool,
    index: HashMap<String, u32>,
}

impl Labels {
    pub(super) fn new<'a>(names: impl Iterator<Item = &'a String> + Clone) -> Self {
        let all_numbers = names.clone().all(|name| as_number(name).is_some());
        let mut names: Vec<String> = names.map(|name| canonical(name, all_numbers)).collect();
        if all_numbers {
            names.sort_by(|a, b| {
                let (a, b) = (as_number(a), as_number(b));
                a.partial_cmp(&b).unwrap_or(std::cmp::Ordering::Equal)
            });
        } else {
            names.sort();
        }
        names.dedup();
        let index = names.iter().cloned().zip(0..).collect();
        Self { names, all_numbers, index }
    }

    /// The names found in training, unchanged. If all are numbers, each has one spelling already; among other texts,
    /// `1.0` is itself a text.
    pub(super) fn known(names: &[String]) -> Self {
        let all_numbers = names.iter().all(|name| as_number(name).is_some() && canonical(name, true) == *name);
        let index = names.iter().cloned().zip(0..).collect();
        Self { names: names.to_vec(), all_numbers, index }
    }

    pub(super) fn find(&self, text: &str) -> Option<u32> {
        match self.index.get(text) {
            Some(&index) => Some(index),
            None => {
                let name = canonical(text, self.all_numbers);
                self.index.get(&name).copied()
            }
        }
    }
}

/// The first `max` names, for an error or a summary.
pub(super) fn list(names: &[String], max: usize) -> String {
    let shown = names[..names.len().min(max)].join(", ");
    match names.len().saturating_sub(max) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

fn as_number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// One spelling per number, for files that write `1` here and `1.0` there.
fn canonical(text: &str, all_numbers: bool) -> String {
    match as_number(text) {
        // `+ 0.0` turns -0 into 0.
        Some(number) if all_numbers => (number + 0.0).to_string(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_stay_as_they_are() {
        let known = |names: &[&str]| Labels::known(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>());
        let numbers = known(&["9", "10"]);
        assert_eq!((numbers.find("10.0"), numbers.find("9"), numbers.find("x")), (Some(1), Some(0), None));
        let texts = known(&["2.0", "1.0"]);
        assert_eq!((texts.find("1.0"), texts.find("2.0"), texts.find("1")), (Some(1), Some(0), None));
    }

    #[test]
    fn numbers_sort_as_numbers_and_texts_by_alphabet() {
        let sorted = |names: &[&str]| {
            let mut interner = Interner::default();
            let numbers: Vec<u32> = names.iter().map(|name| interner.intern(name)).collect();
            let (labels, order) = interner.sorted();
            let indices: Vec<u32> = numbers.iter().map(|&n| order[n as usize]).collect();
            (labels.names.join(" "), indices)
        };
        assert_eq!(sorted(&["10", "9", "1.0", "1", "-0"]), ("0 1 9 10".into(), vec![3, 2, 1, 1, 0]));
        assert_eq!(sorted(&["b", "10", "9", "b"]), ("10 9 b".into(), vec![2, 0, 1, 2]));
    }
}
