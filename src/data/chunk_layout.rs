//! How the rows of a chunk are packed: each column in the smallest type that keeps its numbers exactly.

use std::ops::Range;

/// The type of the cells of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum CellType {
    Float = 0,
    /// Whole numbers up to 255: flags, pixels, codes of categories.
    Byte = 1,
    /// Whole numbers up to 254, and 255 where the cell is missing.
    ByteOrMissing = 2,
    /// Divided by 255: pixels from 0 to 1.
    Pixel = 3,
    /// Whole numbers up to 65535.
    Short = 4,
    /// Whole numbers up to 65534, and 65535 where the cell is missing.
    ShortOrMissing = 5,
}

/// Neighbouring columns of one type.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    cell_type: CellType,
    /// The first column.
    first: u32,
    /// Where it is in a record.
    offset: u32,
}

/// Where the cells of a row are in a record of `stride` bytes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ChunkLayout {
    /// At least one.
    runs: Vec<Run>,
    width: usize,
    stride: usize,
}

/// What a column holds.
#[derive(Clone, Copy)]
struct Seen {
    are_whole: bool,
    are_pixels: bool,
    has_missing: bool,
    /// Of whole numbers.
    most: u32,
}

impl Seen {
    #[inline]
    fn note(&mut self, cell: f32) {
        if !self.are_whole && !self.are_pixels {
            return;
        }
        let bits = cell.to_bits();
        if bits == f32::NAN.to_bits() {
            self.has_missing = true;
            return;
        }
        // Of other numbers the nearest one that u32 has. By its bits -0 is none.
        let whole = cell as u32;
        self.are_whole &= (whole as f32).to_bits() == bits;
        self.most = self.most.max(whole);
        self.are_pixels &= (f32::from(pixel(cell)) / 255.0).to_bits() == bits;
    }

    fn cell_type(&self) -> CellType {
        let most = self.most.saturating_add(u32::from(self.has_missing));
        match (self.are_whole, self.has_missing) {
            (true, false) if most <= 0xff => CellType::Byte,
            (true, true) if most <= 0xff => CellType::ByteOrMissing,
            (true, false) if most <= 0xffff => CellType::Short,
            (true, true) if most <= 0xffff => CellType::ShortOrMissing,
            (_, false) if self.are_pixels => CellType::Pixel,
            _ => CellType::Float,
        }
    }
}

#[inline]
fn pixel(cell: f32) -> u8 {
    (cell * 255.0).round() as u8
}

impl CellType {
    const ALL: [Self; 6] =
        [Self::Float, Self::Byte, Self::ByteOrMissing, Self::Pixel, Self::Short, Self::ShortOrMissing];

    fn num_bytes(self) -> usize {
        match self {
            Self::Float => 4,
            Self::Byte | Self::ByteOrMissing | Self::Pixel => 1,
            Self::Short | Self::ShortOrMissing => 2,
        }
    }
}

impl ChunkLayout {
    /// That of the rows in `values`, `width` cells each, at least one.
    pub(super) fn of(values: &[f32], width: usize) -> Self {
        let mut seen = vec![Seen { are_whole: true, are_pixels: true, has_missing: false, most: 0 }; width];
        for cells in values.chunks_exact(width) {
            seen.iter_mut().zip(cells).for_each(|(seen, &cell)| seen.note(cell));
        }
        Self::of_types(seen.iter().map(Seen::cell_type))
    }

    fn of_types(types: impl Iterator<Item = CellType>) -> Self {
        let (mut runs, mut width, mut stride) = (Vec::<Run>::new(), 0, 0);
        for cell_type in types {
            if runs.last().is_none_or(|run| run.cell_type != cell_type) {
                runs.push(Run { cell_type, first: width as u32, offset: stride as u32 });
            }
            width += 1;
            stride += cell_type.num_bytes();
        }
        runs.shrink_to_fit();
        Self { runs, width, stride }
    }

    /// Whether packing changes nothing.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.runs[..], [Run { cell_type: CellType::Float, .. }])
    }

    /// Bytes of a record.
    pub(super) fn stride(&self) -> usize {
        self.stride
    }

    /// That of a row.
    #[inline]
    pub(super) fn record<'a>(&self, bytes: &'a [u8], row: usize) -> &'a [u8] {
        &bytes[row * self.stride..][..self.stride]
    }

    /// The records of rows.
    pub(super) fn pack(&self, values: &[f32]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(values.len() / self.width * self.stride);
        for cells in values.chunks_exact(self.width) {
            for (place, run) in self.runs.iter().enumerate() {
                let cells = &cells[run.first as usize..self.end(place)];
                let is_missing = |cell: &f32| cell.is_nan();
                match run.cell_type {
                    CellType::Float => cells.iter().for_each(|cell| bytes.extend_from_slice(&cell.to_le_bytes())),
                    CellType::Byte => bytes.extend(cells.iter().map(|&cell| cell as u8)),
                    CellType::ByteOrMissing => {
                        bytes.extend(cells.iter().map(|cell| if is_missing(cell) { u8::MAX } else { *cell as u8 }));
                    }
                    CellType::Pixel => bytes.extend(cells.iter().map(|&cell| pixel(cell))),
                    CellType::Short => {
                        cells.iter().for_each(|&cell| bytes.extend_from_slice(&(cell as u16).to_le_bytes()));
                    }
                    CellType::ShortOrMissing => cells.iter().for_each(|cell| {
                        let code = if is_missing(cell) { u16::MAX } else { *cell as u16 };
                        bytes.extend_from_slice(&code.to_le_bytes());
                    }),
                }
            }
        }
        bytes
    }

    /// The column after those of a run.
    fn end(&self, run: usize) -> usize {
        self.runs.get(run + 1).map_or(self.width, |next| next.first as usize)
    }

    /// Appends the cells of some columns of a record.
    #[inline]
    pub(super) fn unpack(&self, record: &[u8], columns: Range<usize>, cells: &mut Vec<f32>) {
        let mut column = columns.start;
        let mut place = match self.runs.len() {
            1 => 0,
            _ => self.runs.partition_point(|run| run.first as usize <= column).saturating_sub(1),
        };
        while column < columns.end {
            let run = &self.runs[place];
            let end = self.end(place).min(columns.end);
            let size = run.cell_type.num_bytes();
            let bytes = &record[run.offset as usize + (column - run.first as usize) * size..][..(end - column) * size];
            let shorts = || bytes.as_chunks::<2>().0.iter().map(|&two| u16::from_le_bytes(two));
            match run.cell_type {
                CellType::Float => cells.extend(bytes.as_chunks::<4>().0.iter().map(|&four| f32::from_le_bytes(four))),
                CellType::Byte => cells.extend(bytes.iter().map(|&byte| f32::from(byte))),
                CellType::ByteOrMissing => {
                    let number = |&byte: &u8| if byte == u8::MAX { f32::NAN } else { f32::from(byte) };
                    cells.extend(bytes.iter().map(number));
                }
                CellType::Pixel => cells.extend(bytes.iter().map(|&byte| f32::from(byte) / 255.0)),
                CellType::Short => cells.extend(shorts().map(f32::from)),
                CellType::ShortOrMissing => {
                    cells.extend(shorts().map(|code| if code == u16::MAX { f32::NAN } else { f32::from(code) }));
                }
            }
            (column, place) = (end, place + 1);
        }
    }

    // ---- in a file

    /// Its columns: how many of which type, one run after the other, in 5 bytes each.
    pub(super) fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend((self.runs.len() as u32).to_le_bytes());
        for (place, run) in self.runs.iter().enumerate() {
            bytes.push(run.cell_type as u8);
            bytes.extend(((self.end(place) - run.first as usize) as u32).to_le_bytes());
        }
    }

    /// What [`ChunkLayout::write`] wrote of `width` columns, taken from the beginning of `bytes`; `None` if it is damaged.
    pub(super) fn read(bytes: &mut &[u8], width: usize) -> Option<Self> {
        let num_runs = u32::from_le_bytes(*bytes.split_off(..4)?.first_chunk()?) as usize;
        let mut types: Vec<(CellType, usize)> = Vec::new();
        let mut num_columns = 0usize;
        for _ in 0..num_runs {
            let cell_type = *CellType::ALL.get(usize::from(*bytes.split_off_first()?))?;
            let count = u32::from_le_bytes(*bytes.split_off(..4)?.first_chunk()?) as usize;
            num_columns = num_columns.checked_add(count).filter(|&columns| columns <= width)?;
            types.push((cell_type, count));
        }
        let types = types.into_iter().flat_map(|(cell_type, count)| std::iter::repeat_n(cell_type, count));
        (num_columns == width && width > 0).then(|| Self::of_types(types))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_column_has_the_smallest_type_and_its_numbers_bit_for_bit() {
        const NAN: f32 = f32::NAN;
        // By hand: the smallest type of each column of three cells.
        let columns: [([f32; 3], usize); 14] = [
            ([0.0, 1.0, 0.0], 1),
            ([0.0, 255.0, 3.0], 1),
            ([0.0, 254.0, NAN], 1),
            ([0.0, 255.0, NAN], 2),
            ([0.0, 65_535.0, 1.0], 2),
            ([NAN, 65_534.0, 1.0], 2),
            ([NAN, 65_535.0, 1.0], 4),
            ([65_536.0, 1.0, 2.0], 4),
            ([0.0, -0.0, 1.0], 4),
            ([-1.0, 0.0, 1.0], 4),
            ([0.5, 0.0, 1.0], 4),
            ([1.0 / 255.0, 254.0 / 255.0, 1.0], 1),
            ([1.0 / 255.0, NAN, 1.0], 4),
            ([NAN, NAN, NAN], 1),
        ];
        let width = columns.len();
        let values: Vec<f32> = (0..3).flat_map(|row| columns.iter().map(move |(cells, _)| cells[row])).collect();
        let layout = ChunkLayout::of(&values, width);
        assert_eq!(layout.stride(), columns.iter().map(|(_, size)| size).sum::<usize>());
        let packed = layout.pack(&values);
        assert_eq!(packed.len(), 3 * layout.stride());
        let bits = |cells: &[f32]| cells.iter().map(|cell| cell.to_bits()).collect::<Vec<_>>();
        for row in 0..3 {
            for (start, end) in [(0, width), (0, 1), (3, 9), (width - 1, width), (5, 5)] {
                let mut cells = Vec::new();
                layout.unpack(layout.record(&packed, row), start..end, &mut cells);
                assert_eq!(bits(&cells), bits(&values[row * width..][start..end]), "row {row}, {start} to {end}");
            }
        }
        let mut written = Vec::new();
        layout.write(&mut written);
        assert_eq!(ChunkLayout::read(&mut &written[..], width), Some(layout));
        for damaged in [&written[..written.len() - 1], &[255; 40], &[]] {
            assert_eq!(ChunkLayout::read(&mut &*damaged, width), None);
        }
        assert_eq!(ChunkLayout::read(&mut &written[..], width - 1), None);
    }
}
