//! The parser of filters.

use std::fmt;
use std::str::FromStr;

use super::expression::{Expression, Filter, Literal, Operator};

/// Deeper nesting than any person writes; a limit, since the parser is recursive.
const MAX_DEPTH: usize = 50;

/// What is wrong with a filter, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FilterError {
    /// Number of characters before the mistake; the message shows it as a 1-based column.
    pub at: usize,
    expected: &'static str,
    found: String,
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at column {}: expected {}, found {}", self.at + 1, self.expected, self.found)
    }
}

impl FromStr for Filter {
    type Err = FilterError;

    fn from_str(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser { text, at: 0, depth: 0 };
        if parser.peek().is_none() {
            // An empty filter matches all runs.
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
                // No param is a list of lists.
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
