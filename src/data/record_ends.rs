//! Finds where the records of a CSV file end, so that parts of it can be parsed independently of each other.

use memchr::{memchr, memrchr};

use super::dialect::{Dialect, Quoting};

/// What the bytes so far are the beginning of. The transitions are those of the crate `csv-core`, which parses the
/// records then.
#[derive(Clone, Copy, Debug, PartialEq)]
enum State {
    RecordStart,
    /// After the CR of a CR LF.
    RecordEnd,
    FieldStart,
    Field,
    Quoted,
    /// After a quote in a quoted field: its end, or half of a doubled one.
    Quote,
    Escaped,
    Comment,
}

/// Follows the bytes of a file to find the ends of its records.
pub(super) struct RecordEnds {
    delimiter: u8,
    quote: u8,
    escape: Option<u8>,
    comment: Option<u8>,
    state: State,
}

impl RecordEnds {
    /// At the start of a record.
    pub(super) fn new(dialect: &Dialect, comment: Option<u8>) -> Self {
        let escape = (dialect.quoting == Quoting::Backslash).then_some(b'\\');
        Self { delimiter: dialect.delimiter, quote: dialect.quote(), escape, comment, state: State::RecordStart }
    }

    /// Whether the bytes so far end in a quoted cell.
    pub(super) fn is_in_quotes(&self) -> bool {
        matches!(self.state, State::Quoted | State::Escaped)
    }

    /// Follows `bytes`, which come after those before. Returns the place in them after the last line feed that ends a
    /// record. One that ends a blank line or a comment does not count: the line of the record after these is that of
    /// the first of them.
    pub(super) fn last_in(&mut self, bytes: &[u8]) -> Option<usize> {
        let is_special = |byte: u8| memchr(byte, bytes).is_some();
        let is_plain = !matches!(self.state, State::Quoted | State::Quote | State::Escaped | State::Comment)
            && !is_special(self.quote)
            && !self.comment.is_some_and(is_special)
            && !is_special(b'\r');
        match is_plain {
            true => self.last_in_plain(bytes),
            false => self.last_in_any(bytes),
        }
    }

    /// In bytes without quotes, comments and CR, by looking from their end.
    fn last_in_plain(&mut self, bytes: &[u8]) -> Option<usize> {
        let before = self.state;
        self.state = match bytes.last() {
            None => return None,
            Some(b'\n') => State::RecordStart,
            Some(&last) if last == self.delimiter => State::FieldStart,
            Some(_) => State::Field,
        };
        let ends_record = |place: usize| match place.checked_sub(1) {
            Some(last) => bytes[last] != b'\n',
            None => before != State::RecordStart,
        };
        let mut end = bytes.len();
        while let Some(place) = memrchr(b'\n', &bytes[..end]) {
            if ends_record(place) {
                return Some(place + 1);
            }
            end = place;
        }
        None
    }

    fn last_in_any(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut last = None;
        for (place, &byte) in bytes.iter().enumerate() {
            let is_end =
                |state: State| !matches!(state, State::RecordStart | State::Quoted | State::Escaped | State::Comment);
            if byte == b'\n' && is_end(self.state) {
                last = Some(place + 1);
            }
            self.state = self.after(byte);
        }
        last
    }

    fn after(&self, byte: u8) -> State {
        let is_quote = byte == self.quote;
        let unquoted = || match byte {
            b'\n' => State::RecordStart,
            b'\r' => State::RecordEnd,
            _ if byte == self.delimiter => State::FieldStart,
            _ => State::Field,
        };
        match self.state {
            State::Quoted if is_quote => State::Quote,
            State::Quoted if self.escape == Some(byte) => State::Escaped,
            State::Quoted | State::Escaped => State::Quoted,
            State::Quote if is_quote && self.escape.is_none() => State::Quoted,
            State::Comment if byte == b'\n' => State::RecordStart,
            State::Comment => State::Comment,
            State::RecordStart | State::RecordEnd if matches!(byte, b'\n' | b'\r') => State::RecordStart,
            State::RecordStart | State::RecordEnd if self.comment == Some(byte) => State::Comment,
            State::RecordStart | State::RecordEnd | State::FieldStart if is_quote => State::Quoted,
            State::RecordStart | State::RecordEnd | State::FieldStart | State::Field | State::Quote => unquoted(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::DataConfig;
    use crate::data::dialect::infer_dialect;

    fn dialect(quoting: Quoting) -> Dialect {
        Dialect { quoting, ..infer_dialect(b"a,b\n1,2\n", true, &DataConfig::default()) }
    }

    fn end(quoting: Quoting, text: &str) -> Option<usize> {
        RecordEnds::new(&dialect(quoting), Some(b'#')).last_in(text.as_bytes())
    }

    #[test]
    fn line_feeds_in_quotes_blank_lines_and_comments_end_no_record() {
        for (text, expected) in [
            ("", None),
            ("a,b", None),
            ("a,b\n", Some(4)),
            ("a,b\nc", Some(4)),
            ("a,b\n\n\n", Some(4)),
            ("\n\n", None),
            ("a,b\r\nc", Some(5)),
            ("a,b\r\n\r\n", Some(5)),
            ("a,\"b\nc", None),
            ("a,\"b\n\"\"\n\"\nc", Some(10)),
            ("a,b\"\nc", Some(5)),
            ("a\n#b \"\nc", Some(2)),
            ("a\n#b\n", Some(2)),
            ("a#\nb", Some(3)),
        ] {
            assert_eq!(end(Quoting::Double, text), expected, "{text:?}");
        }
        for (text, expected) in
            [("a,\"b\n", true), ("a,\"b\"", false), ("a,\"b\"\"", true), ("a,b\"", false), ("#\"", false)]
        {
            let mut ends = RecordEnds::new(&dialect(Quoting::Double), Some(b'#'));
            ends.last_in(text.as_bytes());
            assert_eq!(ends.is_in_quotes(), expected, "{text:?}");
        }
        // The LF of a CR LF, after what came before.
        let mut ends = RecordEnds::new(&dialect(Quoting::Double), None);
        assert_eq!((ends.last_in(b"a\r"), ends.last_in(b"\nb"), ends.last_in(b"\n")), (None, Some(1), Some(1)));
        assert_eq!(end(Quoting::Backslash, "\"a\\\"\n\"\nb"), Some(7));
        assert_eq!(end(Quoting::Single, "'a\n''\n'\n\"\nb"), Some(10));
    }
}
