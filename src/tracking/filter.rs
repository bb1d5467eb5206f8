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
//! `~` is "contains", in any case of letters. `tag` is compared with each tag: `tag != x` says that none is `x`. Where a
//! run lacks the field, a comparison is false, `!=` included.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use super::field::{Field, FieldValue};
use super::{Run, Shown};

/// Deeper nesting than any person writes; a limit, since the parser calls itself.
const MAX_DEPTH: usize = 50;

/// A parsed filter.
#[derive(Debug, Clone, PartialEq)]
pub struct Filter(Expression);

#[derive(Debug, Clone, PartialEq)]
enum Expression {
    Any(Vec<Expression>),
    All(Vec<Expression>),
    Not(Box<Expression>),
    Compare(Field, Operator, Literal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Contains,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Debug, Clone, PartialEq)]
enum Literal {
    /// A word or a quoted text; a number also keeps how it was written, to find it in texts.
    Scalar {
        text: String,
        number: Option<f64>,
    },
    List(Vec<Literal>),
}

/// What is wrong with a filter, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FilterError {
    /// How many characters of the filter stand before the mistake. The message says it as a column, counted from 1.
    pub at: usize,
    expected: &'static str,
    found: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at column {}: expected {}, found {}", self.at + 1, self.expected, self.found)
    }
}

// ---------------------------------------------------------------------------------------------------------------------
// Matching

impl Filter {
    /// Whether `run`, which is shown as `shown`, passes.
    pub fn matches(&self, run: &Run, shown: Shown) -> bool {
        self.0.holds(run, shown)
    }
}

impl Expression {
    fn holds(&self, run: &Run, shown: Shown) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(run, shown)),
            Self::All(parts) => parts.iter().all(|part| part.holds(run, shown)),
            Self::Not(part) => !part.holds(run, shown),
            Self::Compare(field, operator, literal) => {
                field.of(run, shown).is_some_and(|value| operator.holds(&value, literal))
            }
        }
    }
}

impl Operator {
    fn holds(self, value: &FieldValue<'_>, literal: &Literal) -> bool {
        match self {
            Self::Equal => literal.equals(value),
            Self::NotEqual => !literal.equals(value),
            Self::Contains => literal.is_in(value),
            // NaN is in no order.
            Self::Less => literal.order(value, |value, limit| value < limit),
            Self::LessOrEqual => literal.order(value, |value, limit| value <= limit),
            Self::Greater => literal.order(value, |value, limit| value > limit),
            Self::GreaterOrEqual => literal.order(value, |value, limit| value >= limit),
        }
    }

    fn is_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual | Self::Contains)
    }
}

impl Literal {
    fn equals(&self, value: &FieldValue<'_>) -> bool {
        match value {
            FieldValue::Number(number) => self.number().is_some_and(|other| same(*number, other)),
            FieldValue::Json(value) => self.equals_json(value),
            FieldValue::Tags(tags) => tags.iter().any(|tag| self.text() == Some(tag.as_str())),
        }
    }

    fn equals_json(&self, value: &Value) -> bool {
        match (value, self) {
            // Beyond 2^53 only the digits tell integers apart.
            (Value::Number(number), Self::Scalar { text, number: Some(other) }) => {
                number.to_string() == *text || (number.as_f64() == Some(*other) && other.abs() < 2f64.powi(53))
            }
            (Value::String(value), Self::Scalar { text, .. }) => value == text,
            (Value::Bool(value), Self::Scalar { text, .. }) => value.to_string() == *text,
            (Value::Array(values), Self::List(others)) => {
                values.len() == others.len() && values.iter().zip(others).all(|(value, other)| other.equals_json(value))
            }
            _ => false,
        }
    }

    fn is_in(&self, value: &FieldValue<'_>) -> bool {
        let Some(part) = self.text().map(str::to_lowercase) else { return false };
        match value {
            FieldValue::Number(number) => number.to_string().to_lowercase().contains(&part),
            FieldValue::Tags(tags) => tags.iter().any(|tag| tag.to_lowercase().contains(&part)),
            FieldValue::Json(value) => match value.as_ref() {
                Value::String(text) => text.to_lowercase().contains(&part),
                // A list contains its elements, not their digits.
                Value::Array(values) => values.iter().any(|value| self.equals_json(value)),
                value => value.to_string().to_lowercase().contains(&part),
            },
        }
    }

    fn order(&self, value: &FieldValue<'_>, holds: impl Fn(f64, f64) -> bool) -> bool {
        let value = match value {
            FieldValue::Number(number) => Some(*number),
            FieldValue::Json(value) => value.as_f64(),
            FieldValue::Tags(_) => None,
        };
        value.zip(self.number()).is_some_and(|(value, limit)| holds(value, limit))
    }

    fn number(&self) -> Option<f64> {
        match self {
            Self::Scalar { number, .. } => *number,
            Self::List(_) => None,
        }
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar { text, .. } => Some(text),
            Self::List(_) => None,
        }
    }
}

/// Equal, where NaN equals NaN: `last(validation/loss) = nan` finds the runs that broke.
fn same(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan())
}

// ---------------------------------------------------------------------------------------------------------------------
// Parsing

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        if parser.peek().is_none() {
            // No filter lets all pass.
            return Ok(Self(Expression::All(Vec::new())));
        }
        let expression = parser.any()?;
        match parser.peek() {
            None => Ok(Self(expression)),
            Some(_) => Err(parser.error("`and`, `or` or the end")),
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Parser<'a> {
    fn any(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.all()?];
        while self.keyword("or") {
            parts.push(self.all()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Any(parts) })
    }

    fn all(&mut self) -> Result<Expression, FilterError> {
        let mut parts = vec![self.term()?];
        while self.keyword("and") {
            parts.push(self.term()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::All(parts) })
    }

    fn term(&mut self) -> Result<Expression, FilterError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.error("less nesting"));
        }
        let term = if self.keyword("not") {
            Expression::Not(Box::new(self.term()?))
        } else if self.symbol("(") {
            let inner = self.any()?;
            self.expect(")", "`and`, `or` or `)`")?;
            inner
        } else {
            self.comparison()?
        };
        self.depth -= 1;
        Ok(term)
    }

    fn comparison(&mut self) -> Result<Expression, FilterError> {
        let mut name = self.word().ok_or_else(|| self.error("a field, `not` or `(`"))?.to_owned();
        if name == "last" && self.symbol("(") {
            let metric = self.word().ok_or_else(|| self.error("a metric such as `validation/loss`"))?;
            name = format!("last({metric})");
            self.expect(")", "`)`")?;
        }
        let Ok(field) = name.parse();
        let operator = self.operator().ok_or_else(|| self.error("one of = != ~ < <= > >="))?;
        self.peek();
        let start = self.at;
        let literal = self.literal()?;
        if operator.is_order() && literal.number().is_none() {
            self.at = start;
            return Err(self.error("a number"));
        }
        Ok(Expression::Compare(field, operator, literal))
    }

    fn operator(&mut self) -> Option<Operator> {
        // Longer ones first.
        let operators = [
            ("!=", Operator::NotEqual),
            ("<=", Operator::LessOrEqual),
            (">=", Operator::GreaterOrEqual),
            ("==", Operator::Equal),
            ("=", Operator::Equal),
            ("~", Operator::Contains),
            ("<", Operator::Less),
            (">", Operator::Greater),
        ];
        operators.into_iter().find(|(symbol, _)| self.symbol(symbol)).map(|(_, operator)| operator)
    }

    fn literal(&mut self) -> Result<Literal, FilterError> {
        if self.symbol("[") {
            let mut values = Vec::new();
            while !self.symbol("]") {
                if !values.is_empty() {
                    self.expect(",", "`,` or `]`")?;
                }
                // Lists of lists are no param of ours.
                values.push(self.scalar("a value or `]`")?);
            }
            return Ok(Literal::List(values));
        }
        self.scalar("a number, a word, a quoted text or a list")
    }

    fn scalar(&mut self, expected: &'static str) -> Result<Literal, FilterError> {
        if let Some(quote @ ('"' | '\'')) = self.peek() {
            let rest = &self.text[self.at + 1..];
            let Some(end) = rest.find(quote) else {
                self.at = self.text.len();
                return Err(self.error("the closing quote"));
            };
            self.at += end + 2;
            return Ok(Literal::Scalar { text: rest[..end].to_owned(), number: None });
        }
        let text = self.word().ok_or_else(|| self.error(expected))?;
        Ok(Literal::Scalar { text: text.to_owned(), number: text.parse().ok() })
    }

    /// The next character after white space.
    fn peek(&mut self) -> Option<char> {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.text[self.at..].chars().next()
    }

    fn symbol(&mut self, symbol: &str) -> bool {
        self.peek();
        let is_next = self.text[self.at..].starts_with(symbol);
        if is_next {
            self.at += symbol.len();
        }
        is_next
    }

    fn expect(&mut self, symbol: &str, expected: &'static str) -> Result<(), FilterError> {
        if self.symbol(symbol) { Ok(()) } else { Err(self.error(expected)) }
    }

    fn keyword(&mut self, keyword: &str) -> bool {
        let is_next = self.next_word().eq_ignore_ascii_case(keyword);
        if is_next {
            self.at += keyword.len();
        }
        is_next
    }

    fn word(&mut self) -> Option<&'a str> {
        let word = self.next_word();
        let is_keyword = ["and", "or", "not"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword));
        if word.is_empty() || is_keyword {
            return None;
        }
        self.at += word.len();
        Some(word)
    }

    fn next_word(&mut self) -> &'a str {
        self.peek();
        let rest = &self.text[self.at..];
        let ends = |c: char| c.is_whitespace() || "()[],=!<>~\"'".contains(c);
        &rest[..rest.find(ends).unwrap_or(rest.len())]
    }

    fn error(&mut self, expected: &'static str) -> FilterError {
        let found = match self.peek() {
            None => "the end".to_owned(),
            Some(first) => {
                let word = self.next_word();
                let found = if word.is_empty() { first.to_string() } else { word.chars().take(40).collect() };
                format!("`{found}`")
            }
        };
        FilterError { at: self.text[..self.at].chars().count(), expected, found }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::tracking::{MetricSummary, RunRecord};

    fn run() -> Run {
        let record: RunRecord = serde_json::from_value(json!({
            "id": "digits-20261124-235039-a3f1", "experiment": "digits", "name": "First try", "tags": ["baseline", "x y"],
            "note": null, "status": "running", "started": "2026-11-24T23:50:39Z", "seed": 9_007_199_254_740_993_u64,
            "params": {
                "model.hidden": [16, 8], "model.kind": "mlp", "training.learning_rate": 0.001, "training.shuffle": true,
                "data.layers": [], "training.max_epochs": 200, "data.version": "16", "name": "digits",
            },
        }))
        .unwrap();
        let metric = |best, last| MetricSummary {
            points: 3,
            last,
            last_epoch: 3,
            last_step: 30,
            last_time: 1.0,
            best,
            best_epoch: Some(2),
        };
        let metrics = BTreeMap::from([
            ("validation/loss".parse().unwrap(), metric(Some(0.25), f64::NAN)),
            ("test/accuracy".parse().unwrap(), metric(Some(0.96), 0.96)),
            ("test/rmse".parse().unwrap(), metric(None, f64::INFINITY)),
            ("train/learning_rate".parse().unwrap(), metric(None, 0.001)),
        ]);
        Run { record, metrics, revision: 1 }
    }

    #[test]
    fn filters_say_what_they_mean() {
        let run = run();
        for (filter, passes) in [
            ("", true),
            ("test/accuracy > 0.95", true),
            ("test/accuracy>0.95 and validation/loss<=0.25", true),
            ("test/accuracy > 0.97", false),
            ("validation/loss = 0.25", true),
            ("last(validation/loss) < 1", false),
            ("last(validation/loss) = nan", true),
            ("last(test/rmse) = inf", true),
            ("test/rmse != 1", false),
            ("train/learning_rate = 0.001", true), // the last value, since none is the best
            ("test/f1 > 0 or test/accuracy > 0", true),
            ("test/f1 != 0", false),
            ("not test/f1 > 0", true),
            ("model.hidden = [16,8]", true),
            ("model.hidden = [ 16 , 8.0 ]", true),
            ("model.hidden = [16]", false),
            ("model.hidden != [16]", true),
            ("model.hidden ~ 16", true),
            ("model.hidden ~ 1", false),
            ("data.layers = []", true),
            ("model.kind = mlp", true),
            ("model.kind = \"mlp\"", true),
            ("model.kind ~ LP", true),
            ("model.kind = cnn", false),
            ("model.kind > 1", false),
            ("data.version = 16", true),
            ("data.version = \"16\"", true),
            ("training.learning_rate = 1e-3", true),
            ("training.learning_rate < 0.01", true),
            ("training.max_epochs = 200.0", true),
            ("training.max_epochs = \"200\"", false),
            ("training.shuffle = true", true),
            ("training.shuffle != true", false),
            ("tag = baseline", true),
            ("tag = 'x y'", true),
            ("tags ~ BASE", true),
            ("tag != baseline", false),
            ("tag != other", true),
            ("status = stalled", true),
            ("status = running", false),
            ("seed = 9007199254740993", true),
            ("seed = 9007199254740992", false),
            ("archived = false", true),
            ("note ~ x", false),
            ("name = \"First try\"", true),
            ("id ~ a3f1 AND Not (experiment = \"x\" OR status != stalled)", true),
            ("experiment = x and tag = baseline or model.kind = mlp", true),
            ("experiment = x and (tag = baseline or model.kind = mlp)", false),
            ("not not tag = baseline", true),
            ("notes = 1", false),
            ("android = 1 or tag == baseline", true),
        ] {
            let parsed: Filter = filter.parse().unwrap_or_else(|error| panic!("{filter}: {error}"));
            assert_eq!(parsed.matches(&run, Shown::Stalled), passes, "{filter}");
        }
    }

    #[test]
    fn mistakes_are_shown_where_they_are() {
        for (filter, at, message) in [
            ("a >", 3, "at column 4: expected a number, a word, a quoted text or a list, found the end"),
            ("a > x", 4, "at column 5: expected a number, found `x`"),
            ("a > [1]", 4, "at column 5: expected a number, found `[`"),
            ("a ! 1", 2, "at column 3: expected one of = != ~ < <= > >=, found `!`"),
            ("a", 1, "at column 2: expected one of = != ~ < <= > >=, found the end"),
            ("= 1", 0, "at column 1: expected a field, `not` or `(`, found `=`"),
            ("a = 1 b = 2", 6, "at column 7: expected `and`, `or` or the end, found `b`"),
            ("a = 1 and", 9, "at column 10: expected a field, `not` or `(`, found the end"),
            ("(a = 1", 6, "at column 7: expected `and`, `or` or `)`, found the end"),
            ("a = 1)", 5, "at column 6: expected `and`, `or` or the end, found `)`"),
            ("a = \"x", 6, "at column 7: expected the closing quote, found the end"),
            ("a = [1 2]", 7, "at column 8: expected `,` or `]`, found `2`"),
            ("a = [1,]", 7, "at column 8: expected a value or `]`, found `]`"),
            ("last(x", 6, "at column 7: expected `)`, found the end"),
            ("last() = 1", 5, "at column 6: expected a metric such as `validation/loss`, found `)`"),
            ("a = é é", 6, "at column 7: expected `and`, `or` or the end, found `é`"),
        ] {
            let error = filter.parse::<Filter>().unwrap_err();
            assert_eq!((error.at, error.to_string().as_str()), (at, message), "{filter}");
        }
        let deep = "(".repeat(100_000);
        assert!(deep.parse::<Filter>().unwrap_err().to_string().contains("less nesting"));
        assert!("not ".repeat(100_000).parse::<Filter>().is_err());
    }
}
