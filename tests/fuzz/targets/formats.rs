//! A table in a format other than CSV: JSON Lines, a NumPy array, a ZIP archive or a database, as its first bytes say, and a
//! second file after a line `%%`. The first byte chooses what is around them.
#![no_main]

use std::path::PathBuf;

use burnlab::data::DataConfig;
use burnlab_fuzz::whole_way::try_all;
use burnlab_fuzz::{Folder, gzip, parts};
use flate2::Crc;
use libfuzzer_sys::fuzz_target;

thread_local!(static FOLDER: Folder = Folder::default());

fuzz_target!(|bytes: &[u8]| {
    let &[first, ref rest @ ..] = bytes else { return };
    let bit = |place: u32| first >> place & 1 == 1;
    let (table, second) = parts(rest);
    FOLDER.with(|folder| {
        let target = if bit(2) { "column_2" } else { "y" };
        let mut config = DataConfig { target: Some(target.into()), ..DataConfig::default() };
        let whole = match (bit(0), bit(1)) {
            // Arrays side by side: the last byte of a name is that of a column.
            (true, _) => archive(&[("x.npy", table), ("y.npy", second)]),
            (false, true) => archive(&[("a.csv", table)]),
            (false, false) => table.to_vec(),
        };
        let whole = if bit(3) { gzip(&whole) } else { whole };
        config.path = Some(folder.write("a", whole));
        if !bit(0) && !second.is_empty() {
            let other = folder.write("b", second);
            if bit(4) { config.test_path = Some(other) } else { config.more_paths = Vec::<PathBuf>::from([other]) }
        }
        config.group = bit(5).then(|| "g".into());
        config.order = bit(6).then(|| "t".into());
        config.split_column = bit(7).then(|| "p".into());
        try_all(&config, &folder.path().join("rewritten.csv"));
    });
});

/// A ZIP archive of stored files whose checksums are right, which a fuzzer would not find.
fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut archive, mut directory) = (Vec::new(), Vec::new());
    for (name, bytes) in files {
        let mut crc = Crc::new();
        crc.update(bytes);
        let mut about = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for size in [crc.sum(), bytes.len() as u32, bytes.len() as u32] {
            about.extend(size.to_le_bytes());
        }
        about.extend((name.len() as u16).to_le_bytes());
        about.extend([0, 0]);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&about);
        directory.extend([0; 10]);
        directory.extend((archive.len() as u32).to_le_bytes());
        directory.extend(name.bytes());
        archive.extend(b"PK\x03\x04");
        archive.extend(&about);
        archive.extend(name.bytes());
        archive.extend(*bytes);
    }
    let start = archive.len() as u32;
    archive.extend(&directory);
    archive.extend(b"PK\x05\x06\0\0\0\0");
    (0..2).for_each(|_| archive.extend((files.len() as u16).to_le_bytes()));
    archive.extend((directory.len() as u32).to_le_bytes());
    archive.extend(start.to_le_bytes());
    archive.extend([0, 0]);
    archive
}
