//! The parser of filters.

use std::str::FromStr;

use super::error::FilterError;
use super::expression::{Expression, Filter, Key, Literal, Operator};
use crate::comparison::field::Field;

/// Deeper nesting than any person writes; a limit, since the parser is recursive.
const MAX_DEPTH: usize = 50;

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
        if let Some('"' | '\'') = self.peek()
            && let Literal::Scalar { text, .. } = self.scalar("a text")?
        {
            return Ok(Expression::Search(text.to_lowercase()));
        }
        let at = self.place();
        let mut name = self.word().ok_or_else(|| self.error("a field, a word to find, `not` or `(`"))?.to_owned();
        if self.is_at_end_of_term() {
            return Ok(Expression::Search(name.to_lowercase()));
        }
        if name == "last" && self.symbol("(") {
            let metric = self.word().ok_or_else(|| self.error("a metric such as `validation/loss`"))?;
            name = format!("last({metric})");
            self.expect(")", "`)`")?;
        }
        let Ok(field) = name.parse::<Field>();
        let operator = self.operator().ok_or_else(|| self.error("one of = != ~ < <= > >="))?;
        self.peek();
        let start = self.at;
        let literal = self.literal()?;
        let mut wrong = |expected| {
            self.at = start;
            Err(self.error(expected))
        };
        match field.is_time() {
            true if !literal.text().is_some_and(is_time) => {
                return wrong("a date or a time, such as 2026-11-24 or \"2026-11-24 18:30\"");
            }
            false if operator.is_order() && literal.number().is_none() => return wrong("a number"),
            _ => {}
        }
        Ok(Expression::Compare(Key { text: name, at, field }, operator, literal))
    }

    /// Whether nothing follows that would make the last word a field.
    fn is_at_end_of_term(&mut self) -> bool {
        let is_keyword = |word: &str| ["and", "or"].iter().any(|keyword| word.eq_ignore_ascii_case(keyword));
        matches!(self.peek(), None | Some(')')) || is_keyword(self.next_word())
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

    /// Number of characters read.
    fn place(&self) -> usize {
        self.text[..self.at].chars().count()
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
        FilterError { at: self.place(), message: format!("expected {expected}, found {found}") }
    }
}

/// Whether `text` is the beginning of a time: a year, `2026-11`, `2026-11-24`, `2026-11-24T18:30`, ...
fn is_time(text: &str) -> bool {
    const SHAPE: &str = "0000-00-00T00:00:00.000000Z";
    let fits = |(letter, shape): (char, char)| match shape {
        '0' => letter.is_ascii_digit(),
        'T' => letter == 'T' || letter == ' ',
        shape => letter == shape,
    };
    let is_whole = [4, 7, 10, 13, 16, 19].contains(&text.trim_end_matches('Z').len()) || text.len() > 20;
    text.len() <= SHAPE.len() && is_whole && text.trim_end_matches('Z').chars().zip(SHAPE.chars()).all(fits)
}
