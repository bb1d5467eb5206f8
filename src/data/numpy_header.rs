//! Reads the header of a NumPy array: the types of its cells, its shape and its order.
//!
//! The format is that of `numpy.lib.format`: magic bytes, a version, a length, and a Python dictionary as text.

use std::io::{self, Read};

/// The first bytes of an array.
pub(super) const MAGIC: &[u8] = b"\x93NUMPY";
/// A table of a hundred thousand columns has less.
const MAX_HEADER: u64 = 16 << 20;
/// Nested deeper than any type of NumPy.
const MAX_DEPTH: usize = 8;

/// What a header says.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    pub(super) fields: Vec<Field>,
    /// Bytes of an item.
    pub(super) item: usize,
    pub(super) is_fortran: bool,
    pub(super) shape: Vec<usize>,
    /// Bytes of the header.
    pub(super) len: u64,
}

/// A part of an item; an array of plain numbers has one, without a name.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    pub(super) is_big_endian: bool,
    pub(super) offset: usize,
}

/// The type of a cell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Bool,
    /// Whole numbers of so many bytes.
    Signed(usize),
    Unsigned(usize),
    /// Of 4 or 8 bytes.
    Float(usize),
    /// So many characters of 4 bytes.
    Unicode(usize),
    /// So many bytes.
    Bytes(usize),
}

impl Kind {
    pub(super) fn size(self) -> usize {
        match self {
            Self::Bool => 1,
            Self::Signed(size) | Self::Unsigned(size) | Self::Float(size) | Self::Bytes(size) => size,
            Self::Unicode(count) => 4 * count,
        }
    }
}

/// A Python literal.
#[derive(Debug, PartialEq)]
enum Literal {
    Text(String),
    Number(usize),
    Bool(bool),
    None,
    List(Vec<Literal>),
    Dict(Vec<(Literal, Literal)>),
}

/// Reads a header up to the first cell.
///
/// # Errors
/// Bytes that are no header; types that are no cells of a table, with what to do about them.
pub(super) fn read(reader: &mut dyn Read) -> io::Result<Header> {
    let invalid = |message: &str| io::Error::new(io::ErrorKind::InvalidData, message.to_owned());
    let mut start = [0; 8];
    reader.read_exact(&mut start)?;
    if !start.starts_with(MAGIC) {
        return Err(invalid("it is no NumPy array"));
    }
    let width = if start[6] == 1 { 2 } else { 4 };
    let mut len = [0; 4];
    reader.read_exact(&mut len[..width])?;
    let text_len = u64::from(u32::from_le_bytes(len));
    if text_len > MAX_HEADER {
        return Err(invalid("its header is larger than 16 MiB"));
    }
    let mut text = Vec::new();
    reader.take(text_len).read_to_end(&mut text)?;
    if (text.len() as u64) < text_len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let text = String::from_utf8(text).map_err(|_| invalid("its header is no text"))?;
    let mut parser = Parser { rest: text.trim() };
    let Some(Literal::Dict(pairs)) = parser.literal(0) else { return Err(invalid("its header is no dictionary")) };
    let get = |name: &str| {
        let found = pairs.iter().find(|(key, _)| matches!(key, Literal::Text(key) if key == name));
        found.map(|(_, value)| value).ok_or_else(|| invalid(&format!("its header has no {name}")))
    };
    let shape = match get("shape")? {
        Literal::List(sizes) => sizes.iter().map(|size| match size {
            Literal::Number(size) => Some(*size),
            _ => None,
        }),
        _ => return Err(invalid("its shape is none")),
    };
    let shape = shape.collect::<Option<Vec<usize>>>().ok_or_else(|| invalid("its shape is none"))?;
    let (fields, item) = fields(get("descr")?).map_err(|message| invalid(&message))?;
    let is_fortran = *get("fortran_order")? == Literal::Bool(true);
    Ok(Header { fields, item, is_fortran, shape, len: 8 + width as u64 + text_len })
}

/// The parts of an item, and its bytes.
fn fields(descr: &Literal) -> Result<(Vec<Field>, usize), String> {
    if let Literal::Text(descr) = descr {
        let (kind, is_big_endian) = kind(descr)?;
        return Ok((vec![Field { name: String::new(), kind, is_big_endian, offset: 0 }], kind.size()));
    }
    let Literal::List(parts) = descr else { return Err("its type is none".to_owned()) };
    let (mut fields, mut offset) = (Vec::new(), 0usize);
    for part in parts {
        let Literal::List(part) = part else { return Err("its type is none".to_owned()) };
        let (name, descr) = match &part[..] {
            [Literal::Text(name), Literal::Text(descr)] => (name.clone(), descr),
            // A title besides the name.
            [Literal::List(names), Literal::Text(descr)] => match &names[..] {
                [_, Literal::Text(name)] => (name.clone(), descr),
                _ => return Err("its type is none".to_owned()),
            },
            _ => return Err("it has records in records: write each number as a field of its own".to_owned()),
        };
        // Filling between fields, as of aligned records.
        if let (true, Some(size)) = (name.is_empty(), descr.get(2..).filter(|_| descr.starts_with("|V"))) {
            let size: usize = size.parse().map_err(|_| "its type is none".to_owned())?;
            offset = offset.checked_add(size).ok_or("its type is too large")?;
            continue;
        }
        let (kind, is_big_endian) = kind(descr)?;
        fields.push(Field { name, kind, is_big_endian, offset });
        offset = offset.checked_add(kind.size()).ok_or("its type is too large")?;
    }
    Ok((fields, offset))
}

fn kind(descr: &str) -> Result<(Kind, bool), String> {
    let no_cell = |what: &str, way_out: &str| Err(format!("it holds {what} (`{descr}`): {way_out}"));
    let is_big_endian = descr.starts_with('>');
    let code = descr.trim_start_matches(['<', '>', '|', '=']);
    let mut chars = code.chars();
    let letter = chars.next().unwrap_or(' ');
    let size: Option<usize> = chars.as_str().parse().ok();
    // No cell is longer than a row of CSV may be.
    let kind = match (letter, size) {
        ('b', Some(1)) | ('?', _) => Kind::Bool,
        ('i', Some(size @ (1 | 2 | 4 | 8))) => Kind::Signed(size),
        ('u', Some(size @ (1 | 2 | 4 | 8))) => Kind::Unsigned(size),
        ('f', Some(size @ (4 | 8))) => Kind::Float(size),
        ('U', Some(count)) if count <= 4 << 20 => Kind::Unicode(count),
        ('S' | 'a', Some(size)) if size <= 16 << 20 => Kind::Bytes(size),
        ('f', _) => return no_cell("numbers of a rare size", "convert them, as by array.astype('float64')"),
        ('O', _) => {
            return no_cell(
                "Python objects, which only Python reads",
                "convert them, as by array.astype(str), or array.astype(float) for numbers",
            );
        }
        ('M' | 'm', _) => return no_cell("dates of NumPy", "write them as texts, as by array.astype(str)"),
        ('c', _) => return no_cell("complex numbers", "write the parts as two columns"),
        _ => return no_cell("what is no cell of a table", "convert it, as by array.astype(str)"),
    };
    Ok((kind, is_big_endian))
}

/// Reads Python literals.
struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    fn skip(&mut self, token: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn literal(&mut self, depth: usize) -> Option<Literal> {
        if depth > MAX_DEPTH {
            return None;
        }
        for (word, value) in [("True", Literal::Bool(true)), ("False", Literal::Bool(false)), ("None", Literal::None)] {
            if self.skip(word) {
                return Some(value);
            }
        }
        if self.skip("{") {
            let mut pairs = Vec::new();
            while !self.skip("}") {
                let key = self.literal(depth + 1)?;
                self.skip(":").then_some(())?;
                pairs.push((key, self.literal(depth + 1)?));
                self.skip(",");
            }
            return Some(Literal::Dict(pairs));
        }
        for (open, close) in [("(", ")"), ("[", "]")] {
            if self.skip(open) {
                let mut items = Vec::new();
                while !self.skip(close) {
                    items.push(self.literal(depth + 1)?);
                    self.skip(",");
                }
                return Some(Literal::List(items));
            }
        }
        match self.rest.chars().next()? {
            quote @ ('\'' | '"') => self.text(quote).map(Literal::Text),
            digit if digit.is_ascii_digit() => {
                let end = self.rest.find(|char: char| !char.is_ascii_digit()).unwrap_or(self.rest.len());
                let number = self.rest[..end].parse().ok()?;
                self.rest = &self.rest[end..];
                self.skip("L"); // Python 2
                Some(Literal::Number(number))
            }
            _ => None,
        }
    }

    fn text(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut chars = self.rest[1..].char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '\\' => text.push(chars.next()?.1),
                char if char == quote => {
                    self.rest = &self.rest[1 + at + 1..];
                    return Some(text);
                }
                char => text.push(char),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> io::Result<Header> {
        let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        read(&mut &bytes[..])
    }

    #[test]
    fn headers_are_read_as_numpy_writes_them() {
        let found = header("{'descr': '>f4', 'fortran_order': True, 'shape': (3, 2), }     \n").unwrap();
        assert_eq!((found.item, found.is_fortran, &found.shape[..], found.len), (4, true, &[3, 2][..], 74));
        assert_eq!((found.fields[0].kind, found.fields[0].is_big_endian), (Kind::Float(4), true));
        let found = header(
            "{'descr': [('x', '<f8'), ('it\\'s', '<U3'), ('', '|V4'), ('n', '|u1')], 'fortran_order': False, 'shape': (5,)}",
        );
        let found = found.unwrap();
        let fields: Vec<_> = found.fields.iter().map(|field| (field.name.as_str(), field.kind, field.offset)).collect();
        let expected = [("x", Kind::Float(8), 0), ("it's", Kind::Unicode(3), 8), ("n", Kind::Unsigned(1), 24)];
        assert_eq!((fields, found.item), (expected.to_vec(), 25));
    }

    #[test]
    fn what_is_no_cell_says_what_to_do() {
        for (text, expected) in [
            ("{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", "Python objects"),
            ("{'descr': '<M8[D]', 'fortran_order': False, 'shape': (3,)}", "array.astype(str)"),
            ("{'descr': '<f2', 'fortran_order': False, 'shape': (3,)}", "array.astype('float64')"),
            ("{'descr': '<c16', 'fortran_order': False, 'shape': (3,)}", "complex numbers"),
            ("{'descr': [('a', '<f8', (2,))], 'fortran_order': False, 'shape': (3,)}", "records in records"),
            ("{'descr': '<f8', 'fortran_order': False, 'shape': 3}", "its shape is none"),
            ("{'descr': '<f8'}", "has no shape"),
            ("[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]", "no dictionary"),
            ("", "no dictionary"),
        ] {
            let error = header(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
