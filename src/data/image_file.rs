//! Reads a PNG, JPEG or WebP file as the numbers of an image of a given shape.

use std::fs;
use std::io::{Cursor, Read};
use std::path::Path;

use image_webp::WebPDecoder;
use png::{ColorType, Decoder, Limits, Transformations};
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::ImageShape;
use super::guarded::guarded;
use super::image_scale::scaled;
use crate::permissions::open_noted;

/// The bytes of a file, and the pixels that its header may claim: a photograph of 108 million pixels is the largest that
/// telephones write. A small file may claim more, and would take all memory.
const MAX_FILE_BYTES: u64 = 128 << 20;
/// Of a file of which only the size is asked: in nearly all, it stands there.
const NUM_BYTES_OF_HEADER: u64 = 256 << 10;
const MAX_PIXELS: usize = 120_000_000;
/// Pixels along a side: for each of them some numbers are in memory while the image is scaled.
const MAX_SIDE: usize = 1 << 20;

/// Pixels as they are in the file.
struct Pixels {
    width: usize,
    height: usize,
    /// 1 or 3.
    channels: usize,
    /// Row by row; the channels of a pixel side by side.
    bytes: Vec<u8>,
}

/// Appends the image in the file at `path`, scaled to `shape`: 0 (black) to 1.
///
/// # Errors
/// Why the file cannot be read, in words that follow its name.
pub(super) fn read(path: &Path, shape: ImageShape, cells: &mut Vec<f32>) -> Result<(), String> {
    let (pixels, orientation) = open(path)?;
    let pixels = upright(pixels.in_channels(shape.channels)?, orientation)?;
    scaled(&pixels.bytes, [pixels.height, pixels.width], shape, cells);
    Ok(())
}

/// The shape of the image in the file at `path`, with colours if it has any, from what stands before its pixels.
///
/// # Errors
/// As [`read`], except for pixels that are damaged.
pub(super) fn shape(path: &Path) -> Result<ImageShape, String> {
    let bytes = bytes_of(path, NUM_BYTES_OF_HEADER)?;
    let header = match header(&bytes) {
        // Profiles and other pictures may stand before it.
        Err(_) if bytes.len() as u64 > NUM_BYTES_OF_HEADER => header(&bytes_of(path, MAX_FILE_BYTES)?)?,
        header => header?,
    };
    let (height, width) = match header.orientation {
        5..=8 => (header.width, header.height),
        _ => (header.height, header.width),
    };
    Ok(ImageShape { height, width, channels: header.channels })
}

/// What an image file says before its pixels.
struct Header {
    width: usize,
    height: usize,
    channels: usize,
    /// See [`orientation`].
    orientation: u16,
}

fn header(bytes: &[u8]) -> Result<Header, String> {
    let gives_up = || Err("is damaged: its decoder gives up".into());
    match bytes {
        [] => Err("is empty".into()),
        start if start.starts_with(PNG) => {
            let (reader, width, height) = png_reader(bytes)?;
            let channels = match reader.output_color_type().0 {
                ColorType::Grayscale | ColorType::GrayscaleAlpha => 1,
                ColorType::Rgb | ColorType::Rgba | ColorType::Indexed => 3,
            };
            Ok(Header { width, height, channels, orientation: 1 })
        }
        start if start.starts_with(JPEG) => {
            guarded(|| jpeg_header(bytes).map(|(_, header)| header)).unwrap_or_else(gives_up)
        }
        start if is_webp(start) => guarded(|| webp_header(bytes).map(|(_, header)| header)).unwrap_or_else(gives_up),
        start => Err(unread(start)),
    }
}

/// Whether the bytes begin like an image file, of a format that is read or not.
pub(super) fn is_image(start: &[u8]) -> bool {
    start.starts_with(PNG) || start.starts_with(JPEG) || is_webp(start) || other_format(start).is_some()
}

type PngReader<'b> = png::Reader<Cursor<&'b [u8]>>;
type WebPReader<'b> = WebPDecoder<Cursor<&'b [u8]>>;
type JpegReader<'b> = JpegDecoder<Cursor<&'b [u8]>>;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";

fn is_webp(start: &[u8]) -> bool {
    start.starts_with(b"RIFF") && start.get(8..12) == Some(b"WEBP")
}

/// The name of another format of images.
fn other_format(start: &[u8]) -> Option<&'static str> {
    match start {
        [b'G', b'I', b'F', b'8', ..] => Some("GIF"),
        [b'I', b'I', 42, 0, ..] | [b'M', b'M', 0, 42, ..] => Some("TIFF"),
        _ => None,
    }
}

/// The pixels of a file, and how they are to be turned (1 to 8; 1 is not at all).
fn open(path: &Path) -> Result<(Pixels, u16), String> {
    let bytes = bytes_of(path, MAX_FILE_BYTES)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("has more than {} MB: make the image smaller", MAX_FILE_BYTES >> 20));
    }
    match &bytes[..] {
        [] => Err("is empty".into()),
        start if start.starts_with(PNG) => Ok((png(&bytes)?, 1)),
        // The decoder of JPEG may panic on a damaged file, says its documentation.
        start if start.starts_with(JPEG) => {
            guarded(|| jpeg(&bytes)).unwrap_or_else(|| Err("is damaged: its decoder gives up".into()))
        }
        // So does that of WebP, whose sums may overflow there.
        start if is_webp(start) => {
            guarded(|| webp(&bytes)).unwrap_or_else(|| Err("is damaged: its decoder gives up".into()))
        }
        start => Err(unread(start)),
    }
}

/// The first bytes of a file, one more than `most` where there are more.
fn bytes_of(path: &Path, most: u64) -> Result<Vec<u8>, String> {
    let metadata = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?;
    // A pipe or a device may have no end.
    if !metadata.is_file() {
        return Err("is not a regular file".into());
    }
    let mut bytes = Vec::new();
    let file = open_noted(path).map_err(|error| format!("cannot be read: {error}"))?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| format!("cannot be read: {error}"))?;
    Ok(bytes)
}

/// Why a file that begins so is not read.
fn unread(start: &[u8]) -> String {
    match other_format(start) {
        Some(format) => format!("is a {format} image, and only PNG, JPEG and WebP are read: convert it"),
        None => "is neither PNG, JPEG nor WebP: convert it, or remove it".into(),
    }
}

fn check_size(width: usize, height: usize) -> Result<(), String> {
    match width.checked_mul(height) {
        Some(1..=MAX_PIXELS) if width.max(height) <= MAX_SIDE => Ok(()),
        Some(1..=MAX_PIXELS) => Err(format!(
            "claims {width} x {height} pixels, and no image may have more than {MAX_SIDE} along a side: make it smaller"
        )),
        Some(0) => Err("has no pixels: it is damaged".into()),
        _ => Err(format!(
            "claims {width} x {height} pixels, and no image may have more than {} million: make it smaller",
            MAX_PIXELS / 1_000_000
        )),
    }
}

fn damaged_png(error: png::DecodingError) -> String {
    format!("is a damaged PNG file: {error}")
}

/// A reader of the pixels, and the width and the height.
fn png_reader(bytes: &[u8]) -> Result<(PngReader<'_>, usize, usize), String> {
    // Of one row, the palette and the like; the rows go to a buffer that is asked for below.
    let mut decoder = Decoder::new_with_limits(Cursor::new(bytes), Limits { bytes: 64 << 20 });
    decoder.set_transformations(Transformations::normalize_to_color8());
    let reader = decoder.read_info().map_err(damaged_png)?;
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    check_size(width, height)?;
    Ok((reader, width, height))
}

fn png(bytes: &[u8]) -> Result<Pixels, String> {
    let (mut reader, width, height) = png_reader(bytes)?;
    let mut bytes = room(reader.output_buffer_size().ok_or("is a damaged PNG file: its size")?, 0)?;
    let info = reader.next_frame(&mut bytes).map_err(damaged_png)?;
    bytes.truncate(info.buffer_size());
    let (channels, bytes) = match info.color_type {
        ColorType::Grayscale => (1, bytes),
        ColorType::GrayscaleAlpha => (1, over_white(bytes, 1)),
        ColorType::Rgba => (3, over_white(bytes, 3)),
        ColorType::Rgb | ColorType::Indexed => (3, bytes),
    };
    Ok(Pixels { width, height, channels, bytes })
}

/// So many zeros, where the system gives `beside` bytes more: a decoder takes them without asking whether they are there, which would
/// end the process.
fn room(size: usize, beside: usize) -> Result<Vec<u8>, String> {
    let whole = size.saturating_add(beside);
    let short = || format!("needs {} MB of memory: make it smaller", whole >> 20);
    let (mut bytes, mut probe) = (Vec::new(), Vec::<u8>::new());
    bytes.try_reserve_exact(size).map_err(|_| short())?;
    probe.try_reserve_exact(beside).map_err(|_| short())?;
    // Room that nobody uses might not be asked for at all.
    drop(std::hint::black_box(probe));
    bytes.resize(size, 0);
    Ok(bytes)
}

/// What a decoder takes whatever the image's size is: tables, some rows.
const BYTES_OF_A_DECODER: usize = 4 << 20;

fn damaged_webp(error: image_webp::DecodingError) -> String {
    format!("is a damaged WebP file: {error}")
}

fn webp_header(bytes: &[u8]) -> Result<(WebPReader<'_>, Header), String> {
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(damaged_webp)?;
    let (width, height) = decoder.dimensions();
    let (width, height) = (width as usize, height as usize);
    check_size(width, height)?;
    let exif = decoder.exif_metadata().ok().flatten().unwrap_or_default();
    let orientation = orientation(exif.strip_prefix(b"Exif\0\0").unwrap_or(&exif));
    Ok((decoder, Header { width, height, channels: 3, orientation }))
}

/// Of an animation the first picture.
fn webp(bytes: &[u8]) -> Result<(Pixels, u16), String> {
    let (mut decoder, Header { width, height, orientation, .. }) = webp_header(bytes)?;
    // What `image-webp` 0.2 takes of each pixel beside them: colours in four bytes with their transforms, the planes of a lossy
    // image, its opacity as an image of its own, and of an animation a picture and the paper that it is put on.
    let bytes_a_pixel = match (decoder.is_animated(), decoder.is_lossy(), decoder.has_alpha()) {
        (true, ..) => 13,
        (_, true, true) => 7,
        (_, true, false) => 2,
        (_, false, true) => 2,
        (_, false, false) => 6,
    };
    let beside = width * height * bytes_a_pixel + BYTES_OF_A_DECODER;
    let mut pixels = room(decoder.output_buffer_size().ok_or("is a damaged WebP file: its size")?, beside)?;
    decoder.read_image(&mut pixels).map_err(damaged_webp)?;
    let bytes = if decoder.has_alpha() { over_white(pixels, 3) } else { pixels };
    Ok((Pixels { width, height, channels: 3, bytes }, orientation))
}

/// Where an image is transparent, paper is seen.
fn over_white(mut bytes: Vec<u8>, channels: usize) -> Vec<u8> {
    // In place: an image may take most of the memory.
    let num_pixels = bytes.len() / (channels + 1);
    for pixel in 0..num_pixels {
        let opacity = u32::from(bytes[pixel * (channels + 1) + channels]);
        for channel in 0..channels {
            let level = u32::from(bytes[pixel * (channels + 1) + channel]);
            bytes[pixel * channels + channel] = ((level * opacity + 255 * (255 - opacity) + 127) / 255) as u8;
        }
    }
    bytes.truncate(num_pixels * channels);
    bytes
}

fn damaged_jpeg(error: impl std::fmt::Display) -> String {
    format!("is a damaged JPEG file: {error}")
}

fn jpeg(bytes: &[u8]) -> Result<(Pixels, u16), String> {
    // The decoder fills up what is missing. The marks of the last picture's data and of its end:
    let last = |mark: [u8; 2]| bytes.windows(2).rposition(|pair| pair == mark);
    if last([0xff, 0xd9]) <= last([0xff, 0xda]) {
        return Err("is a damaged JPEG file: it is cut off".into());
    }
    let (mut decoder, Header { width, height, channels, orientation }) = jpeg_header(bytes)?;
    // The pixels in two bytes for each colour, if they come in several passes, which `zune-jpeg` 0.5 keeps until the last one; in whole
    // blocks, of 32 by 32 at most.
    let num_passes = bytes.windows(2).filter(|pair| *pair == [0xff, 0xda]).count();
    let (is_progressive, colours) =
        decoder.info().map_or((true, 4), |info| (info.sof.is_progressive(), info.components));
    let in_blocks = width.next_multiple_of(32) * height.next_multiple_of(32) * 2 * usize::from(colours);
    let beside = if is_progressive || num_passes > 1 { in_blocks } else { 0 } + BYTES_OF_A_DECODER;
    let mut bytes = room(decoder.output_buffer_size().ok_or("is a damaged JPEG file: its size")?, beside)?;
    decoder.decode_into(&mut bytes).map_err(damaged_jpeg)?;
    Ok((Pixels { width, height, channels, bytes }, orientation))
}

fn jpeg_header(bytes: &[u8]) -> Result<(JpegReader<'_>, Header), String> {
    let options = DecoderOptions::default()
        .set_max_width(MAX_SIDE_OF_JPEG)
        .set_max_height(MAX_SIDE_OF_JPEG)
        .set_use_unsafe(false);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    decoder.decode_headers().map_err(damaged_jpeg)?;
    let info = decoder.info().ok_or("is a damaged JPEG file: it has no header")?;
    let (width, height) = (usize::from(info.width), usize::from(info.height));
    check_size(width, height)?;
    let channels = if decoder.input_colorspace() == Some(ColorSpace::Luma) { 1 } else { 3 };
    let colours = if channels == 1 { ColorSpace::Luma } else { ColorSpace::RGB };
    decoder.set_options(options.jpeg_set_out_colorspace(colours));
    let orientation = decoder.exif().map_or(1, |exif| orientation(exif));
    Ok((decoder, Header { width, height, channels, orientation }))
}

/// JPEG counts the pixels of a side in 16 bits.
const MAX_SIDE_OF_JPEG: usize = 1 << 16;

/// The orientation in the EXIF data of a photograph, a TIFF structure (EXIF 2.3, section 4.6.4, tag 0x0112); 1 without.
fn orientation(exif: &[u8]) -> u16 {
    let find = || {
        let is_little = exif.starts_with(b"II");
        let u16_at = |at: usize| {
            let bytes: [u8; 2] = exif.get(at..at + 2)?.try_into().ok()?;
            Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
        };
        let u32_at = |at: usize| {
            let (a, b) = (u32::from(u16_at(at)?), u32::from(u16_at(at + 2)?));
            Some(if is_little { b << 16 | a } else { a << 16 | b })
        };
        let directory = u32_at(4)? as usize;
        let count = usize::from(u16_at(directory)?);
        let entries = (0..count).map(|entry| directory + 2 + 12 * entry);
        entries
            .map_while(|at| Some((u16_at(at)?, at)))
            .find(|(tag, _)| *tag == 0x0112)
            .and_then(|(_, at)| u16_at(at + 8))
    };
    find().filter(|orientation| (1..=8).contains(orientation)).unwrap_or(1)
}

/// The pixels as they are meant to be seen.
fn upright(pixels: Pixels, orientation: u16) -> Result<Pixels, String> {
    if orientation == 1 {
        return Ok(pixels);
    }
    let Pixels { width, height, channels, bytes } = &pixels;
    let (is_turned, (new_width, new_height)) = match orientation {
        5..=8 => (true, (*height, *width)),
        _ => (false, (*width, *height)),
    };
    let mut turned = room(bytes.len(), 0)?;
    turned.clear();
    for row in 0..new_height {
        for column in 0..new_width {
            let (row, column) = if is_turned { (column, row) } else { (row, column) };
            // From here on in the rows and columns of the file.
            let (row, column) = match orientation {
                2 => (row, width - 1 - column),
                3 => (height - 1 - row, width - 1 - column),
                4 => (height - 1 - row, column),
                6 => (height - 1 - row, column),
                7 => (height - 1 - row, width - 1 - column),
                8 => (row, width - 1 - column),
                _ => (row, column),
            };
            let first = (row * width + column) * channels;
            turned.extend_from_slice(&bytes[first..first + channels]);
        }
    }
    Ok(Pixels { width: new_width, height: new_height, channels: *channels, bytes: turned })
}

impl Pixels {
    /// In one channel or three.
    fn in_channels(mut self, wanted: usize) -> Result<Self, String> {
        match (self.channels, wanted) {
            (1, 3) => {
                let mut bytes = room(3 * self.bytes.len(), 0)?;
                bytes.chunks_exact_mut(3).zip(&self.bytes).for_each(|(colour, &level)| colour.fill(level));
                self.bytes = bytes;
            }
            (3, 1) => {
                // In place, as `over_white`.
                let num_pixels = self.bytes.len() / 3;
                for pixel in 0..num_pixels {
                    self.bytes[pixel] = luma(&self.bytes[3 * pixel..][..3]);
                }
                self.bytes.truncate(num_pixels);
            }
            _ => {}
        }
        Ok(Self { channels: wanted, ..self })
    }
}

/// The grey of a colour (ITU-R BT.601, in the whole numbers of Pillow's `convert("L")`).
fn luma(colour: &[u8]) -> u8 {
    let [red, green, blue] = [colour[0], colour[1], colour[2]].map(u32::from);
    ((red * 19_595 + green * 38_470 + blue * 7471 + 0x8000) >> 16) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A picture of 3 columns and 2 rows; as each orientation would be stored, after EXIF's figure of the letter F.
    #[test]
    fn pictures_are_turned_as_their_camera_was() {
        let stored =
            |width, rows: &[u8]| Pixels { width, height: rows.len() / width, channels: 1, bytes: rows.to_vec() };
        for (orientation, width, rows) in [
            (1, 3, [1, 2, 3, 4, 5, 6]),
            (2, 3, [3, 2, 1, 6, 5, 4]),
            (3, 3, [6, 5, 4, 3, 2, 1]),
            (4, 3, [4, 5, 6, 1, 2, 3]),
            (5, 2, [1, 4, 2, 5, 3, 6]),
            (6, 2, [3, 6, 2, 5, 1, 4]),
            (7, 2, [6, 3, 5, 2, 4, 1]),
            (8, 2, [4, 1, 5, 2, 6, 3]),
        ] {
            let seen = upright(stored(width, &rows), orientation).unwrap();
            assert_eq!((seen.width, seen.height, &seen.bytes[..]), (3, 2, &[1, 2, 3, 4, 5, 6][..]), "{orientation}");
        }
    }

    #[test]
    fn the_orientation_is_found_in_both_byte_orders() {
        let little = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0";
        let big = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0";
        assert_eq!((orientation(little), orientation(big)), (6, 6));
        for end in 0..little.len() - 4 {
            assert_eq!(orientation(&little[..end]), 1, "cut at {end}");
        }
        assert_eq!(orientation(b"II*\0\xff\xff\xff\xff"), 1);
    }

    #[test]
    fn colours_become_grey_as_in_pillow() {
        // Image.new("RGB", (1, 1), colour).convert("L").getpixel((0, 0))
        for (colour, grey) in [([255, 0, 0], 76), ([0, 255, 0], 150), ([0, 0, 255], 29), ([10, 200, 30], 124)] {
            assert_eq!(luma(&colour), grey);
        }
    }

    #[test]
    fn transparent_pixels_are_white() {
        assert_eq!(over_white(vec![10, 255, 10, 0, 10, 128], 1), [10, 255, 132]);
    }
}
