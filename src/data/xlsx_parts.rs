//! Looks through the parts of an Excel workbook before its reader does, with the feature `excel`. The reader has each element, each
//! cell and all shared texts in memory, and a small archive may make any of them as large as it likes.

use std::path::Path;

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::memory::check_free;
use super::origin::Origin;
use super::sheet::{Bounded, unreadable};
use super::table::MAX_RECORD_BYTES;
use super::zip::{self, Member, Shared};
use crate::invalid::Invalid;

/// Bytes of a part that is read as a whole. A larger one is not packed better than texts that differ ever are.
const MAX_WHOLE: u64 = 16 << 20;
/// How many times smaller it is packed at most.
const MAX_PACKING: u64 = 200;
/// What its texts take in memory, as a multiple of the part: of one character, 8 bytes and 24 for where they are.
const COPIES: u64 = 3;

/// Checks the parts of the workbook in a file.
///
/// # Errors
/// An element or a cell of more than 16 MiB; parts that are packed as no workbook is, or do not fit in memory. Whatever else is
/// damaged is left to the reader.
pub(super) fn check(origin: &Origin, path: &Path) -> Result<(), Invalid> {
    let file = Shared::open(path).map_err(|error| origin.unreadable(&error))?;
    let members = zip::all_members(&file).map_err(|error| origin.unreadable(&error))?;
    let mut whole = 0;
    for member in &members {
        // Not what the reader can read, either.
        let Ok(content) = member.read(&file) else { continue };
        whole +=
            Part::new(member).check(content).map_err(|why| unreadable(origin, &format!("`{}` {why}", member.name)))?;
        check_free(usize::try_from(whole.saturating_mul(COPIES)).unwrap_or(usize::MAX))
            .map_err(|why| origin.error(&format!("does not fit in memory: its texts {why}")))?;
    }
    Ok(())
}

struct Part {
    /// Whether it is a sheet, which is read cell by cell.
    is_sheet: bool,
    /// Whether it says that it is XML. Pictures are not read, unless the workbook says that one is a sheet.
    is_xml: bool,
    packed: u64,
}

impl Part {
    fn new(member: &Member) -> Self {
        let name = member.name.to_ascii_lowercase().replace('\\', "/");
        let is_xml = name.ends_with(".xml") || name.ends_with(".rels");
        let is_sheet = name.contains("worksheets/") && !name.ends_with("sharedstrings.xml") && !name.ends_with(".rels");
        Self { is_sheet, is_xml, packed: member.compressed }
    }

    /// Reads `content` as the reader of workbooks would; the bytes that this has in memory at once.
    fn check(&self, content: Box<dyn std::io::Read>) -> Result<u64, String> {
        let (bounded, left) = Bounded::new(content);
        let mut reader = Reader::from_reader(bounded);
        let config = reader.config_mut();
        config.check_end_names = false;
        config.check_comments = false;
        let (mut buffer, mut cell, mut num_strings) = (Vec::new(), 0, None);
        // The start of the cell, and whether its value is being read.
        let (mut start_of_cell, mut is_value) = (String::new(), false);
        loop {
            buffer.clear();
            left.set(MAX_RECORD_BYTES);
            let event = reader.read_event_into(&mut buffer);
            let num_bytes = reader.buffer_position();
            let is_packed = num_bytes > self.packed.saturating_mul(MAX_PACKING);
            if self.is_sheet && is_value {
                // The reader takes anything but one text for no value at all, and what follows a text for nothing.
                let is_refused = match &event {
                    Ok(Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::Start(_) | Event::Empty(_)) => true,
                    Ok(Event::GeneralRef(_)) => {
                        !matches!(attribute(&start_of_cell, "t").as_deref(), Some("str" | "d" | "inlineStr" | "is"))
                    }
                    _ => false,
                };
                if is_refused {
                    let cell =
                        attribute(&start_of_cell, "r").map_or("a cell".to_owned(), |name| format!("cell {name}"));
                    return Err(format!(
                        "has a value in {cell} that is not plain text, but CDATA, an entity or with a comment"
                    ));
                }
            }
            match event {
                // What begins a cell or a shared text; all texts up to the next one may be parts of it.
                Ok(Event::Start(start)) => match start.local_name().as_ref() {
                    "c" | "si" => {
                        cell = 0;
                        start_of_cell.clear();
                        start_of_cell.push_str(start.as_ref());
                    }
                    "v" => is_value = true,
                    "sst" => {
                        num_strings =
                            attribute(start.as_ref(), "uniqueCount").and_then(|count| count.parse::<u64>().ok());
                    }
                    _ => {}
                },
                Ok(Event::End(end)) if end.local_name().as_ref() == "v" => is_value = false,
                Ok(Event::Text(text)) => cell += text.len(),
                Ok(Event::CData(text)) => cell += text.len(),
                Ok(Event::GeneralRef(entity)) => cell += entity.len(),
                Ok(Event::Eof) => break,
                Ok(_) => {}
                // What is no XML is not read, and is not packed much: a picture, a film.
                Err(_) if left.get() == 0 && (self.is_xml || is_packed) => return Err(too_large()),
                Err(_) => break,
            }
            if cell > MAX_RECORD_BYTES {
                return Err(too_large());
            }
            if !self.is_sheet && num_bytes > MAX_WHOLE && is_packed {
                return Err(format!("becomes more than {MAX_PACKING} times as large as it is in the archive"));
            }
        }
        let num_bytes = reader.buffer_position();
        // The reader makes room for as many as it says that there are; `<si/>` is the shortest.
        if num_strings.is_some_and(|count| count > num_bytes / 5) {
            return Err("has fewer texts than it says".to_owned());
        }
        Ok(if self.is_sheet { 0 } else { num_bytes })
    }
}

/// An attribute of a start tag, of which `start` is what stands between its brackets.
fn attribute(start: &str, name: &str) -> Option<String> {
    let end_of_name = start.find(char::is_whitespace).unwrap_or(start.len());
    let start = BytesStart::from_content(start, end_of_name);
    let mut attributes = start.attributes();
    let mut all = attributes.with_checks(false).flatten();
    Some(all.find(|attribute| attribute.key.0 == name)?.value.trim().to_owned())
}

fn too_large() -> String {
    "has a cell or an element of more than 16 MiB".to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn check(name: &str, text: String, packed: u64) -> Result<u64, String> {
        let name = name.to_owned();
        let part = Part { is_sheet: name.contains("sheet1"), is_xml: name.ends_with(".xml"), packed };
        part.check(Box::new(Cursor::new(text.into_bytes())))
    }

    #[test]
    fn what_would_fill_memory_is_seen_before() {
        let million = "a".repeat(1 << 20);
        let sheet = |inner: &str| format!("<worksheet><sheetData><row>{inner}</row></sheetData></worksheet>");
        for large in [
            sheet(&format!("<c><v>{}</v></c>", million.repeat(17))),
            // In pieces.
            sheet(&format!("<c><is>{}</is></c>", format!("<r><t>{million}</t></r>").repeat(17))),
            sheet(&format!("<c><is><t>{}</t></is></c>", format!("<![CDATA[{million}]]>").repeat(17))),
            sheet(&format!("<c x=\"{}\"></c>", "<a".repeat(9 << 20))),
            sheet(&format!("<!--{}-->", "<a>".repeat(6 << 20))),
            sheet(&format!("<c t=\"str\"><v>{}</v></c>", "&amp;".repeat(6 << 20))),
        ] {
            let packed = large.len() as u64;
            assert_eq!(check("sheet1.xml", large, packed), Err(too_large()));
        }
        // Many cells, none of them large; with all shared texts in memory.
        let many = sheet(&format!("<c><v>{million}</v></c>").repeat(17));
        assert_eq!(check("sheet1.xml", many, 1000), Ok(0));
        let strings = |count: usize| format!("<sst>{}</sst>", "<si><t>a</t></si>".repeat(count));
        assert_eq!(check("sharedStrings.xml", strings(1000), 10), Ok(17_011));
        assert!(check("sharedStrings.xml", strings(1 << 20), 80_000).unwrap_err().contains("200 times"));
        assert!(check("sharedStrings.xml", strings(1 << 20), 100_000).is_ok());
        let claimed = "<sst uniqueCount=\"99999999999\"><si/></sst>".to_owned();
        assert!(check("sharedStrings.xml", claimed, 40).unwrap_err().contains("fewer texts"));
        // Which the reader would take for no value, or for a part of it.
        for value in ["<![CDATA[3]]>", "1<!-- x -->2", "<?x?>3", "&#51;", "<b>3</b>"] {
            let odd = sheet(&format!("<c r=\"A1\"><v>1</v></c><c r=\"B7\" t=\"n\"><v>{value}</v></c>"));
            assert!(check("sheet1.xml", odd, 1000).unwrap_err().contains("value in cell B7"), "{value}");
        }
        let plain =
            sheet("<c r=\"A1\" t=\"str\"><v>a&amp;b</v></c><!-- x --><c><is><t><![CDATA[a]]></t></is></c><c><v/></c>");
        assert_eq!(check("sheet1.xml", plain, 1000), Ok(0));
        // A film is not read.
        assert!(check("film.mp4", million.repeat(17), 17 << 20).is_ok());
        assert!(check("film.mp4", million.repeat(17), 17 << 10).is_err());
    }
}
