//! The names that some run has: finds what a name in a filter, a sort key or a column refers to, or the nearest one.

use std::collections::BTreeSet;
use std::fmt;

use super::field::{Field, RECORD_FIELDS, Recorded};

/// The params and metrics of some runs. Without any run every name is accepted, since there is nothing to know it from.
#[derive(Debug, Clone)]
pub struct Vocabulary {
    is_empty: bool,
    params: BTreeSet<String>,
    metrics: BTreeSet<String>,
}

/// A name that no run has, or several things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownName {
    name: String,
    /// What it may mean.
    candidates: Vec<String>,
    is_ambiguous: bool,
}

impl Vocabulary {
    pub fn new<'a, R: Recorded + 'a>(runs: impl Iterator<Item = &'a R>) -> Self {
        let mut found = Self { is_empty: true, params: BTreeSet::new(), metrics: BTreeSet::new() };
        let add = |names: &mut BTreeSet<String>, name: &str| {
            if !names.contains(name) {
                names.insert(name.to_owned());
            }
        };
        for run in runs {
            found.is_empty = false;
            run.params().for_each(|key| add(&mut found.params, key));
            run.metrics().for_each(|key| add(&mut found.metrics, key));
        }
        found
    }

    /// The names of these runs and of those.
    #[must_use]
    pub fn with(mut self, other: &Self) -> Self {
        self.is_empty &= other.is_empty;
        for (names, others) in [(&mut self.params, &other.params), (&mut self.metrics, &other.metrics)] {
            for name in others {
                if !names.contains(name) {
                    names.insert(name.clone());
                }
            }
        }
        self
    }

    /// What `name` refers to: a field of the record, a param, a metric (best or `last(...)`), or the one param or metric
    /// whose name ends with it, such as `learning_rate`.
    ///
    /// # Errors
    /// A name that no run has, or that is the end of several.
    pub fn resolve(&self, name: &str) -> Result<Field, UnknownName> {
        let Ok(field) = name.parse::<Field>();
        let has = |field: &Field| match field {
            Field::Record(_) => true,
            Field::Best(key) | Field::Last(key) => self.metrics.contains(key.as_str()),
            Field::Param(key) => self.params.contains(key),
        };
        if self.is_empty || has(&field) {
            return Ok(field);
        }
        let (before, bare) =
            name.strip_prefix("last(").map_or(("", name), |bare| ("last(", bare.trim_end_matches(')')));
        let mut ends: Vec<&String> = self.keys().filter(|key| end(key) == bare).collect();
        if before.is_empty() && ends.len() != 1 {
            // A longer end: `early_stopping.patience`.
            let longer = |key: &&String| key.strip_suffix(bare).is_some_and(|rest| rest.ends_with(['.', '/']));
            ends = self.keys().filter(longer).collect();
        }
        match ends[..] {
            [only] if before.is_empty() => Ok(only.parse().unwrap_or(Field::Param(only.clone()))),
            [only] => Ok(format!("last({only})").parse().unwrap_or(Field::Param(only.clone()))),
            _ => {
                let is_ambiguous = !ends.is_empty();
                let candidates = if is_ambiguous { ends.into_iter().cloned().collect() } else { self.nearest(bare) };
                Err(UnknownName { name: name.to_owned(), candidates, is_ambiguous })
            }
        }
    }

    fn keys(&self) -> impl Iterator<Item = &String> {
        self.params.iter().chain(&self.metrics)
    }

    /// At most three names that may be meant, the likeliest first.
    fn nearest(&self, name: &str) -> Vec<String> {
        let lower = name.to_lowercase();
        let fields = RECORD_FIELDS.iter().map(|field| (*field).to_owned());
        let score = |key: &String| {
            let initials: String = end(key).split('_').filter_map(|word| word.chars().next()).collect();
            let letters = |text: &str| text.chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
            let alike = strsim::jaro_winkler(&letters(&lower), &letters(key));
            let by_end = strsim::jaro_winkler(&lower, end(key));
            // `lr` for learning_rate
            if initials == lower && lower.len() > 1 { 1.0 } else { alike.max(by_end) }
        };
        let mut ranked: Vec<(f64, String)> = fields.chain(self.keys().cloned()).map(|key| (score(&key), key)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
        let best = ranked.first().map_or(0.0, |best| best.0);
        ranked
            .into_iter()
            .take_while(|(score, _)| *score >= (best - 0.02).max(0.7))
            .take(3)
            .map(|(_, key)| key)
            .collect()
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted: Vec<String> = self.candidates.iter().map(|name| format!("`{name}`")).collect();
        let listed = match &quoted[..] {
            [] => return write!(f, "no run has `{}`; `runs show RUN` lists what there is", self.name),
            [only] => only.clone(),
            [others @ .., last] => format!("{} or {last}", others.join(", ")),
        };
        match self.is_ambiguous {
            true => write!(f, "`{}` may be {listed}: name one of them", self.name),
            false => write!(f, "no run has `{}`; did you mean {listed}?", self.name),
        }
    }
}

impl std::error::Error for UnknownName {}

/// The last part of a key: `accuracy` of `test/accuracy`, `learning_rate` of `training.learning_rate`.
fn end(key: &str) -> &str {
    key.rsplit(['.', '/']).next().unwrap_or(key)
}
