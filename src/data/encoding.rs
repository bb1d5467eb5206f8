//! The character encodings of files: UTF-8, and the older ones, which are recognised and converted.

use std::io::{self, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{BIG5, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// How much of a file is looked at to recognise its encoding.
pub(super) const NUM_BYTES_SEEN: u64 = 1 << 20;

/// Names of other programs for what the Encoding Standard calls differently.
const ALIASES: [(&str, &str); 6] = [
    ("latin-1", "windows-1252"),
    ("utf16", "utf-16le"),
    ("cp936", "gbk"),
    ("cp932", "shift_jis"),
    ("cp950", "big5"),
    ("ansi", "windows-1252"),
];

/// The encoding of a file, and how it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Known {
    pub(super) encoding: &'static Encoding,
    /// Whether the bytes suggest it, rather than the config or a byte order mark.
    pub(super) is_guess: bool,
}

impl Known {
    pub(super) fn is_utf_8(self) -> bool {
        self.encoding == UTF_8
    }

    /// As `data.encoding` takes it: `gbk`.
    pub(super) fn name(self) -> String {
        self.encoding.name().to_lowercase()
    }
}

/// The encoding that `data.encoding` names.
pub(super) fn named(name: &str) -> Option<&'static Encoding> {
    let name = name.trim().to_lowercase().replace('_', "-");
    let standard = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(&*name, |(_, standard)| standard);
    // The standard's own names have underscores.
    Encoding::for_label(standard.as_bytes()).or_else(|| Encoding::for_label(standard.replace('-', "_").as_bytes()))
}

/// The encoding of a file that begins with `start`: what its byte order mark says, else what is `given`, else UTF-8 if
/// it may be that, else `before` (that of the training file), else what it looks like.
pub(super) fn recognise(
    start: &[u8],
    is_whole: bool,
    given: Option<&'static Encoding>,
    before: Option<&'static Encoding>,
) -> Known {
    let sure = |encoding| Known { encoding, is_guess: false };
    if let Some((encoding, _)) = Encoding::for_bom(start) {
        return sure(encoding);
    }
    if let Some(encoding) = given {
        return sure(encoding);
    }
    if let Some(encoding) = without_mark(start) {
        return Known { encoding, is_guess: true };
    }
    let is_utf_8 = match std::str::from_utf8(start) {
        Ok(_) => true,
        // A character may be cut in two at the end of what is seen.
        Err(error) => error.error_len().is_none() && !is_whole,
    };
    // Of damaged UTF-8 whoever reads the damaged cell tells the line. Another encoding would garble all the other ones.
    if is_utf_8 || is_damaged_utf_8(start) {
        return sure(UTF_8);
    }
    let encoding = before.unwrap_or_else(|| {
        let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
        detector.feed(start, is_whole);
        detector.guess(None, Utf8Detection::Deny)
    });
    Known { encoding, is_guess: true }
}

/// Whether most of what is not ASCII is UTF-8, which is hardly chance: in texts of other encodings few bytes are (of the
/// encodings of Chinese every sixth pair of them, or so).
fn is_damaged_utf_8(bytes: &[u8]) -> bool {
    let (mut num_valid, mut num_invalid) = (0, 0);
    for chunk in bytes.utf8_chunks() {
        num_valid += chunk.valid().chars().filter(|char| !char.is_ascii()).count();
        num_invalid += usize::from(!chunk.invalid().is_empty());
    }
    num_valid >= 2 * num_invalid
}

/// UTF-16 without a byte order mark: in most languages, nearly every other byte of a table is 0.
fn without_mark(start: &[u8]) -> Option<&'static Encoding> {
    let start = &start[..start.len().min(4096) & !1];
    let zeros = |odd: usize| start.iter().skip(odd).step_by(2).filter(|&&byte| byte == 0).count();
    let (even, odd) = (zeros(0), zeros(1));
    let is_most = |count: usize| count * 4 > start.len(); // of half of the bytes
    match (is_most(even), is_most(odd)) {
        (false, true) if even == 0 => Some(UTF_16LE),
        (true, false) if odd == 0 => Some(UTF_16BE),
        _ => None,
    }
}

/// `reader` converted to UTF-8, without byte order mark. Bytes that are not of the encoding are an error.
pub(super) fn decoded(reader: Box<dyn Read>, encoding: &'static Encoding) -> Box<dyn Read> {
    if encoding == UTF_8 {
        return reader;
    }
    Box::new(Decoded {
        inner: reader,
        encoding,
        decoder: encoding.new_decoder_with_bom_removal(),
        raw: vec![0; BUFFER_BYTES],
        raw_start: 0,
        raw_end: 0,
        is_at_end: false,
        is_done: false,
        text: vec![0; 4 * BUFFER_BYTES],
        text_start: 0,
        text_end: 0,
    })
}

const BUFFER_BYTES: usize = 16 << 10;

struct Decoded {
    inner: Box<dyn Read>,
    encoding: &'static Encoding,
    decoder: encoding_rs::Decoder,
    raw: Vec<u8>,
    raw_start: usize,
    raw_end: usize,
    /// The inner reader has no more bytes.
    is_at_end: bool,
    /// And all have been converted.
    is_done: bool,
    text: Vec<u8>,
    text_start: usize,
    text_end: usize,
}

impl Read for Decoded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.text_start == self.text_end && !self.is_done {
            self.convert()?;
        }
        let count = buffer.len().min(self.text_end - self.text_start);
        buffer[..count].copy_from_slice(&self.text[self.text_start..][..count]);
        self.text_start += count;
        Ok(count)
    }
}

impl Decoded {
    fn convert(&mut self) -> io::Result<()> {
        if self.raw_start == self.raw_end && !self.is_at_end {
            self.raw_end = self.inner.read(&mut self.raw)?;
            self.raw_start = 0;
            self.is_at_end = self.raw_end == 0;
        }
        let raw = &self.raw[self.raw_start..self.raw_end];
        let (result, num_read, num_written) =
            self.decoder.decode_to_utf8_without_replacement(raw, &mut self.text, self.is_at_end);
        self.raw_start += num_read;
        (self.text_start, self.text_end) = (0, num_written);
        match result {
            DecoderResult::InputEmpty => self.is_done = self.is_at_end,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                let name = self.encoding.name().to_lowercase();
                let message = format!("some bytes are not {name}: name its encoding in data.encoding");
                return Err(io::Error::new(io::ErrorKind::InvalidData, message));
            }
        }
        Ok(())
    }
}

/// The names to suggest for `data.encoding`.
pub(super) fn examples() -> String {
    let named = ["utf-8", "windows-1252", "utf-16le", "gbk", "shift_jis"].map(|name| format!("{name:?}"));
    format!("{}, {:?}, ...", named.join(", "), BIG5.name().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(bytes: &[u8]) -> (String, String) {
        let known = recognise(bytes, true, None, None);
        let mut text = String::new();
        decoded(Box::new(io::Cursor::new(bytes.to_vec())), known.encoding).read_to_string(&mut text).unwrap();
        (known.name(), text)
    }

    #[test]
    fn encodings_are_recognised_and_converted() {
        let german = "stadt,größe\nMünchen,3\nKöln,2\nLübeck,1\n".repeat(4);
        let chinese = "城市,面积,价格\n北京,24.0,72.24\n上海,54.6,162.95\n广州,15.0,46.02\n".repeat(4);
        let japanese = "都市,面積\n東京,24.0\n大阪,54.6\nなごや,3\nヨコハマ,4\n".repeat(4);
        let taiwanese = "城市,面積,價格\n臺北,24.0,72\n高雄,54.6,162\n臺中,15,46\n".repeat(4);
        for (name, text) in [
            ("windows-1252", &german),
            ("gbk", &chinese),
            ("shift_jis", &japanese),
            ("big5", &taiwanese),
            ("utf-8", &chinese),
        ] {
            let (bytes, _, _) = named(name).unwrap().encode(text);
            assert_eq!(text_of(&bytes), (name.to_owned(), text.clone()));
        }
        for (name, mark, to_bytes) in [
            ("utf-16le", &[0xff, 0xfe][..], u16::to_le_bytes as fn(u16) -> [u8; 2]),
            ("utf-16be", &[0xfe, 0xff], u16::to_be_bytes),
            ("utf-16le", &[], u16::to_le_bytes),
            ("utf-16be", &[], u16::to_be_bytes),
        ] {
            let bytes: Vec<u8> = mark.iter().copied().chain(german.encode_utf16().flat_map(to_bytes)).collect();
            assert_eq!(text_of(&bytes), (name.to_owned(), german.clone()));
        }
    }

    #[test]
    fn a_few_wrong_bytes_make_no_other_encoding_of_utf_8() {
        let damaged = [b"stadt\nK\xf6ln\n".to_vec(), "Köln\nLübeck\n".repeat(3).into_bytes()].concat();
        assert_eq!(recognise(&damaged, true, None, None).name(), "utf-8");
        assert_eq!(recognise(&damaged, true, named("latin-1"), None).name(), "windows-1252", "what is given");
        // "Ñ±" of two characters happens to be one of UTF-8, among others that are none.
        let latin = b"stadt\nK\xf6ln\nM\xfcnchen\n\xd1\xb1\n".repeat(3);
        assert_eq!(recognise(&latin, true, None, None).name(), "windows-1252");
    }

    #[test]
    fn bytes_of_another_encoding_are_an_error() {
        let mut text = String::new();
        let bytes = io::Cursor::new(b"a\xff\xff".to_vec());
        let error = decoded(Box::new(bytes), named("GBK").unwrap()).read_to_string(&mut text).unwrap_err();
        assert_eq!(error.to_string(), "some bytes are not gbk: name its encoding in data.encoding");
        assert!(named("latin-1").is_some() && named("Shift-JIS").is_some() && named("klingon").is_none());
    }

    #[test]
    fn what_is_given_or_was_used_before_comes_first() {
        let bytes = b"caf\xe9";
        assert_eq!(recognise(bytes, true, named("iso-8859-2"), None).name(), "iso-8859-2");
        assert_eq!(recognise(bytes, true, None, named("iso-8859-2")).name(), "iso-8859-2");
        assert_eq!(recognise("café".as_bytes(), true, None, named("gbk")).name(), "utf-8");
        assert!(recognise(&"é".as_bytes()[..1], false, None, None).is_utf_8(), "cut in two");
    }
}
