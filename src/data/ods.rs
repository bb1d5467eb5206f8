//! Reads the spreadsheets of LibreOffice and others (`.ods`), with the feature `excel`.
//!
//! OpenDocument 1.3, part 3, section 9 (tables) and 19.385 (values): `content.xml` has the cells row after row, equal ones
//! once with a count. It is read as it comes: an empty sheet may claim a million rows, and a small archive become a large text.

use std::cell::Cell;
use std::io::Read;
use std::path::Path;
use std::rc::Rc;

use quick_xml::Reader;
use quick_xml::escape::{resolve_xml_entity, unescape};
use quick_xml::events::{BytesStart, Event};

use super::origin::Origin;
use super::sheet::{Book, Bounded, Cells, Merged, Oddities, SheetCell, unreadable};
use super::table::MAX_RECORD_BYTES;
use super::zip::{self, Member, Shared};
use crate::invalid::Invalid;

/// The file in the archive that has the cells.
const CONTENT: &str = "content.xml";
/// Elements in elements.
const MAX_DEPTH: usize = 256;
/// Rows of a sheet in any program that writes it.
const MAX_ROWS: u32 = 1 << 20;

struct Document<'o> {
    origin: &'o Origin,
    file: Shared,
    content: Member,
    names: Vec<String>,
}

/// The spreadsheet in a file.
///
/// # Errors
/// A file that cannot be read, or is no spreadsheet.
pub(super) fn open<'o>(origin: &'o Origin, path: &Path) -> Result<Box<dyn Book + 'o>, Invalid> {
    let file = Shared::open(path).map_err(|error| origin.unreadable(&error))?;
    let members = zip::members(&file).map_err(|error| origin.unreadable(&error))?;
    let content = members.into_iter().find(|member| member.name == CONTENT);
    let content = content.ok_or_else(|| unreadable(origin, "it has no content.xml"))?;
    let mut document = Document { origin, file, content, names: Vec::new() };
    let (mut xml, mut names) = (document.xml()?, Vec::new());
    while let Some(part) = xml.next()? {
        if let Part::Begin(element) = part
            && element.name == TABLE
            && element.depth == TABLE_DEPTH
        {
            names.push(element.attribute("table:name").unwrap_or_default());
        }
    }
    document.names = names;
    Ok(Box::new(document))
}

const TABLE: &str = "table:table";
/// In `office:document-content`, `office:body` and `office:spreadsheet`: deeper ones are drawings and parts of cells.
const TABLE_DEPTH: usize = 4;

impl<'o> Document<'o> {
    fn xml(&self) -> Result<Xml<'o>, Invalid> {
        let reader = self.content.read(&self.file).map_err(|error| self.origin.unreadable(&error))?;
        let (bounded, left) = Bounded::new(reader);
        let mut reader = Reader::from_reader(bounded);
        reader.config_mut().expand_empty_elements = true;
        Ok(Xml { origin: self.origin, reader, left, buffer: Vec::new(), depth: 0 })
    }
}

impl Book for Document<'_> {
    fn sheet_names(&self) -> Vec<String> {
        self.names.clone()
    }

    fn cells(&mut self, name: &str) -> Result<Box<dyn Cells + '_>, Invalid> {
        Ok(Box::new(self.sheet(name)?))
    }

    fn oddities(&mut self, name: &str) -> Result<Oddities, Invalid> {
        let mut cells = self.sheet(name)?;
        while cells.read_row()? {}
        Ok(cells.oddities)
    }
}

impl<'o> Document<'o> {
    /// The cells of a sheet, from its first row on.
    fn sheet(&self, name: &str) -> Result<SheetCells<'o>, Invalid> {
        let mut xml = self.xml()?;
        while let Some(part) = xml.next()? {
            if let Part::Begin(element) = part
                && element.name == TABLE
                && element.depth == TABLE_DEPTH
                && element.attribute("table:name").unwrap_or_default() == name
            {
                return Ok(SheetCells { xml, row: Row::default(), next_row: 0, oddities: Oddities::default() });
            }
        }
        Err(unreadable(self.origin, "it changed while it was read"))
    }
}

/// The cells of a sheet.
struct SheetCells<'b> {
    xml: Xml<'b>,
    row: Row,
    /// Index of the row after the present one and its copies.
    next_row: u32,
    /// Of the rows that have been read.
    oddities: Oddities,
}

/// A row, and where its next cell is.
#[derive(Default)]
struct Row {
    /// The column, and the number of equal cells from there on.
    cells: Vec<(u32, u32, Content)>,
    index: u32,
    /// Of the cells, and of the copies of the present one.
    cell: usize,
    copy: u32,
    /// Rows that are equal, the present one included.
    left: u32,
}

impl Cells for SheetCells<'_> {
    fn next(&mut self) -> Result<Option<SheetCell>, Invalid> {
        loop {
            let row = &mut self.row;
            if let Some((column, count, Content { text, is_number })) = row.cells.get(row.cell) {
                let (text, is_number) = (text.clone(), *is_number);
                let found = SheetCell { row: row.index, column: column + row.copy, text, is_number };
                row.copy += 1;
                if row.copy == *count {
                    (row.cell, row.copy) = (row.cell + 1, 0);
                }
                return Ok(Some(found));
            }
            if row.left > 1 && !row.cells.is_empty() {
                (row.left, row.index, row.cell) = (row.left - 1, row.index + 1, 0);
                continue;
            }
            if !self.read_row()? {
                return Ok(None);
            }
        }
    }
}

impl SheetCells<'_> {
    /// Reads the next row; tells whether there is one.
    fn read_row(&mut self) -> Result<bool, Invalid> {
        loop {
            match self.xml.next()? {
                None => return Err(self.xml.damaged("it is cut off")),
                Some(Part::End(depth)) if depth == TABLE_DEPTH => return Ok(false),
                Some(Part::Begin(element)) if element.name == "table:table-row" => {
                    let index = self.next_row;
                    let left = element.count("table:number-rows-repeated");
                    self.next_row = index.saturating_add(left);
                    let cells = self.xml.row(element.depth, index, left, &mut self.oddities)?;
                    if self.next_row > MAX_ROWS && !cells.is_empty() {
                        return Err(self.xml.damaged("it has more rows than a sheet has"));
                    }
                    self.row = Row { cells, index, cell: 0, copy: 0, left };
                    return Ok(true);
                }
                // What is drawn on the sheet.
                Some(Part::Begin(element)) if element.name == "table:shapes" => self.xml.skip(element.depth)?,
                Some(_) => {}
            }
        }
    }
}

/// The document as a sequence of elements and texts.
struct Xml<'o> {
    origin: &'o Origin,
    reader: Reader<Bounded<Box<dyn Read>>>,
    left: Rc<Cell<usize>>,
    buffer: Vec<u8>,
    depth: usize,
}

/// Its depth is 1 for the outermost element.
struct Element {
    name: String,
    depth: usize,
    attributes: Vec<(String, String)>,
}

enum Part {
    Begin(Element),
    /// Of an element of this depth.
    End(usize),
    Text(String),
}

impl Element {
    fn attribute(&self, name: &str) -> Option<String> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// A number of copies.
    fn count(&self, name: &str) -> u32 {
        self.attribute(name).and_then(|count| count.parse().ok()).unwrap_or(1).max(1)
    }
}

impl Xml<'_> {
    fn damaged(&self, why: &str) -> Invalid {
        unreadable(self.origin, why)
    }

    /// What comes next; `None` at the end.
    fn next(&mut self) -> Result<Option<Part>, Invalid> {
        let origin = self.origin;
        let damaged = |error: &dyn std::fmt::Display| unreadable(origin, &error.to_string());
        loop {
            self.buffer.clear();
            self.left.set(MAX_RECORD_BYTES);
            match self.reader.read_event_into(&mut self.buffer).map_err(|error| damaged(&error))? {
                Event::Start(start) => {
                    self.depth += 1;
                    if self.depth > MAX_DEPTH {
                        return Err(damaged(&"its elements are too deep"));
                    }
                    let (name, depth) = (start.name().0.to_owned(), self.depth);
                    return Ok(Some(Part::Begin(Element {
                        name,
                        depth,
                        attributes: attributes(&start).map_err(|error| damaged(&error))?,
                    })));
                }
                Event::End(_) => {
                    self.depth = self.depth.saturating_sub(1);
                    return Ok(Some(Part::End(self.depth + 1)));
                }
                Event::Text(text) => return Ok(Some(Part::Text(text.xml10_content().into_owned()))),
                Event::CData(text) => return Ok(Some(Part::Text(text.into_inner().into_owned()))),
                Event::GeneralRef(entity) => {
                    let char = entity.resolve_char_ref().map_err(|error| damaged(&error))?;
                    let known =
                        char.map(String::from).or_else(|| resolve_xml_entity(entity.as_ref()).map(str::to_owned));
                    return known.map(Part::Text).map(Some).ok_or_else(|| damaged(&"an entity that is not known"));
                }
                Event::Eof if self.depth > 0 => return Err(damaged(&"it is cut off")),
                Event::Eof => return Ok(None),
                Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
    }

    /// Goes on to the end of the element at `depth`, which has begun.
    fn skip(&mut self, depth: usize) -> Result<(), Invalid> {
        loop {
            match self.next()? {
                Some(Part::End(end)) if end == depth => return Ok(()),
                None => return Err(self.damaged("it is cut off")),
                Some(_) => {}
            }
        }
    }

    /// The cells of the row that has begun at `depth`, without empty ones. It is row `index`, and there are `copies` of it.
    fn row(
        &mut self,
        depth: usize,
        index: u32,
        copies: u32,
        oddities: &mut Oddities,
    ) -> Result<Vec<(u32, u32, Content)>, Invalid> {
        let (mut cells, mut column) = (Vec::new(), 0u32);
        loop {
            match self.next()? {
                None => return Err(self.damaged("it is cut off")),
                Some(Part::End(end)) if end == depth => return Ok(cells),
                Some(Part::Begin(cell))
                    if cell.name == "table:table-cell" || cell.name == "table:covered-table-cell" =>
                {
                    let count = cell.count("table:number-columns-repeated");
                    let written = self.paragraphs(cell.depth)?;
                    let content = content(&cell, written);
                    let [rows, columns] = ["table:number-rows-spanned", "table:number-columns-spanned"];
                    let (rows, columns) = (cell.count(rows), cell.count(columns));
                    if rows > 1 || columns > 1 {
                        let [last, right] =
                            [(index, rows), (column, columns)].map(|(first, n)| first.saturating_add(n - 1));
                        oddities.merged.push(Merged { rows: [index, last], columns: [column, right] });
                    }
                    let has_result = cell.attribute("office:value-type").is_some() || !content.text.is_empty();
                    if cell.attribute("table:formula").is_some() && !has_result {
                        let num_cells = u64::from(copies) * u64::from(count);
                        *oddities.uncomputed.entry(column).or_default() += num_cells;
                    }
                    if !content.text.trim().is_empty() {
                        cells.push((column, count, content));
                    }
                    column = column.saturating_add(count);
                }
                Some(_) => {}
            }
        }
    }

    /// What is written in the cell that has begun at `depth`, without comments and drawings.
    fn paragraphs(&mut self, depth: usize) -> Result<String, Invalid> {
        let mut written = String::new();
        let mut is_first = true;
        loop {
            match self.next()? {
                None => return Err(self.damaged("it is cut off")),
                Some(Part::End(end)) if end == depth => return Ok(written),
                // Ends of lines and indentation in the file are spaces.
                Some(Part::Text(text)) => written.push_str(&text.replace(['\r', '\n', '\t'], " ")),
                Some(Part::Begin(element)) => match &element.name[..] {
                    "text:p" if std::mem::take(&mut is_first) => written.clear(),
                    "text:p" | "text:line-break" => written.push('\n'),
                    "text:tab" => written.push('\t'),
                    "text:s" => written.push_str(&" ".repeat(element.count("text:c").min(1 << 10) as usize)),
                    "text:span" | "text:a" => {}
                    _ => self.skip(element.depth)?,
                },
                Some(Part::End(_)) => {}
            }
            if written.len() > MAX_RECORD_BYTES {
                return Err(self.damaged("a cell of more than 16 MiB"));
            }
        }
    }
}

fn attributes(start: &BytesStart<'_>) -> Result<Vec<(String, String)>, quick_xml::Error> {
    let mut found = Vec::new();
    for attribute in start.attributes().with_checks(false) {
        let attribute = attribute?;
        found.push((attribute.key.0.to_owned(), unescape(&attribute.value)?.into_owned()));
    }
    Ok(found)
}

/// What a cell holds, as it would be written in a CSV file.
struct Content {
    text: String,
    is_number: bool,
}

/// `written` is what the cell shows.
fn content(cell: &Element, written: String) -> Content {
    let value = |name: &str| cell.attribute(name).unwrap_or_default();
    let kind = value("office:value-type");
    let text = match &kind[..] {
        "float" | "percentage" | "currency" => {
            let value = value("office:value");
            value.parse::<f64>().map_or(value, |number| number.to_string())
        }
        "boolean" => if value("office:boolean-value") == "true" { "True" } else { "False" }.to_owned(),
        "date" => {
            let moment = value("office:date-value").replace('T', " ");
            moment.strip_suffix(" 00:00:00").map(str::to_owned).unwrap_or(moment)
        }
        "time" => {
            let value = value("office:time-value");
            time(&value).unwrap_or(value)
        }
        // Of the error of a formula only what is shown says what it is.
        _ => cell.attribute("office:string-value").filter(|text| !text.is_empty()).unwrap_or(written),
    };
    Content { text, is_number: ["float", "percentage", "currency"].contains(&&kind[..]) }
}

/// A duration of XML Schema, such as `PT10H30M00S`: as a time of day, or from a day on as a number of days.
fn time(duration: &str) -> Option<String> {
    let (hours, rest) = duration.strip_prefix("PT")?.split_once('H')?;
    let (minutes, rest) = rest.split_once('M')?;
    let seconds = rest.strip_suffix('S')?.replace(',', ".");
    let [hours, minutes]: [u32; 2] = [hours.parse().ok()?, minutes.parse().ok()?];
    let number: f64 = seconds.parse().ok().filter(|seconds| (0.0..60.0).contains(seconds))?;
    if hours >= 24 {
        let days = (f64::from(hours) * 3600.0 + f64::from(minutes) * 60.0 + number) / 86_400.0;
        return Some(days.to_string());
    }
    let (whole, fraction) = seconds.split_once('.').unwrap_or((&seconds, ""));
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!("{hours:02}:{minutes:02}:{whole:0>2}{point}{fraction}"))
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_are_written_as_clocks_show_them() {
        for (duration, expected) in [
            ("PT10H05M00S", "10:05:00"),
            ("PT00H00M07.2500000S", "00:00:07.25"),
            ("PT36H00M00S", "1.5"),
            ("PT1H2M3S", "01:02:03"),
        ] {
            assert_eq!(time(duration).as_deref(), Some(expected), "{duration}");
        }
        assert_eq!(time("P1D"), None);
    }
}
