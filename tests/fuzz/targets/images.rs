//! An image among others: PNG, JPEG or WebP, as its first bytes say. The first byte chooses the shape that it is brought to.
#![no_main]

use std::fs;

use burnlab::data::{DataConfig, ImageShape};
use burnlab_fuzz::Folder;
use burnlab_fuzz::whole_way::try_all;
use flate2::Crc;
use libfuzzer_sys::fuzz_target;

thread_local!(static FOLDER: Folder = with_others());

/// A folder of two classes, each with an image of one pixel.
fn with_others() -> Folder {
    let folder = Folder::default();
    for (class, level) in [("a", 0), ("b", 255)] {
        fs::create_dir_all(folder.path().join("set").join(class)).unwrap();
        folder.write(&format!("set/{class}/0.png"), pixel(level));
    }
    folder
}

fuzz_target!(|bytes: &[u8]| {
    let &[choice, ref image @ ..] = bytes else { return };
    let mut image = image.to_vec();
    make_small(&mut image);
    if choice & 1 == 1 {
        mend(&mut image);
    }
    FOLDER.with(|folder| {
        folder.write("set/b/1.jpg", &image);
        let [height, width] = [1 + usize::from(choice >> 1 & 7), 1 + usize::from(choice >> 4 & 3)];
        let channels = if choice >> 6 & 1 == 1 { 3 } else { 1 };
        let image_shape = Some(ImageShape { height, width, channels });
        let config = DataConfig { path: Some(folder.path().join("set")), image_shape, ..DataConfig::default() };
        try_all(&config, &folder.path().join("rewritten.csv"));
    });
});

/// Few pixels, so that an image takes no longer than its bytes let expect: what may claim more is tested elsewhere.
fn make_small(image: &mut [u8]) {
    const HIGH: u8 = 0x03;
    let is_webp = image.starts_with(b"RIFF");
    match image {
        [0x89, b'P', ..] => {
            for side in [16, 20] {
                if let Some([a, b, c, _]) = image.get_mut(side..side + 4) {
                    (*a, *b, *c) = (0, 0, *c & HIGH);
                }
            }
        }
        [0xff, ..] => {
            for at in 0..image.len().saturating_sub(9) {
                if image[at] == 0xff && (0xc0..=0xcf).contains(&image[at + 1]) {
                    image[at + 5] &= HIGH;
                    image[at + 7] &= HIGH;
                }
            }
        }
        _ if is_webp => {
            for at in 0..image.len().saturating_sub(18) {
                match &image[at..at + 4] {
                    b"VP8 " => (image[at + 15], image[at + 17]) = (image[at + 15] & HIGH, image[at + 17] & HIGH),
                    b"VP8L" => (image[at + 10], image[at + 11], image[at + 12]) = (image[at + 10] & HIGH, image[at + 11] & HIGH, image[at + 12] & HIGH),
                    b"VP8X" => (12..18).filter(|place| place % 3 > 0).for_each(|place| image[at + place] = 0),
                    _ => {}
                }
            }
        }
        _ => {}
    }
}

/// Makes the checksums of a PNG file right, which a fuzzer would not find.
fn mend(image: &mut [u8]) {
    let mut at = 8;
    while image.starts_with(b"\x89PNG") && at + 12 <= image.len() {
        let length = image[at..at + 4].iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
        let end = at + 8 + length;
        if end + 4 > image.len() {
            return;
        }
        let mut crc = Crc::new();
        crc.update(&image[at + 4..end]);
        image[end..end + 4].copy_from_slice(&crc.sum().to_be_bytes());
        at = end + 4;
    }
}

/// A PNG file of one grey pixel (ISO/IEC 15948, section 11): its data are one stored block.
fn pixel(level: u8) -> Vec<u8> {
    let mut image = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0____".to_vec();
    image.extend(13u32.to_be_bytes());
    image.extend(b"IDAT\x78\x01\x01\x02\0\xfd\xff\0");
    image.push(level);
    // Adler-32 of the bytes 0 and `level`: their sum and 1, and the sum of the sums.
    image.extend((u32::from(level) + 2).to_be_bytes()[2..].iter().chain(&(u32::from(level) + 1).to_be_bytes()[2..]));
    image.extend(b"____\0\0\0\0IEND____");
    mend(&mut image);
    image
}
