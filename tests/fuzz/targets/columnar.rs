//! A Parquet or Arrow file, as its first bytes say. The first byte chooses what the config names of it.
#![no_main]

use burnlab::data::DataConfig;
use burnlab_fuzz::whole_way::try_all;
use burnlab_fuzz::{Folder, gzip, quietly};
use libfuzzer_sys::fuzz_target;
use parquet::file::metadata::ParquetMetaDataReader;

/// A few bytes may say that so many cells are missing, and reading them takes its time.
const MOST_ROWS: i64 = 100_000;

thread_local!(static FOLDER: Folder = Folder::default());

fuzz_target!(|bytes: &[u8]| {
    let &[choice, ref table @ ..] = bytes else { return };
    let bit = |place: u32| choice >> place & 1 == 1;
    FOLDER.with(|folder| {
        let path = folder.write("a", if bit(0) { gzip(table) } else { table.to_vec() });
        let file = std::fs::File::open(&path).unwrap();
        // The decoder panics on some damaged files; burnlab catches it, as this must.
        let claimed = quietly(|| ParquetMetaDataReader::new().parse_and_finish(&file)).and_then(Result::ok);
        let claimed = claimed.map(|metadata| {
            metadata.row_groups().iter().map(|group| group.num_rows().max(0)).fold(0, i64::saturating_add)
        });
        if claimed.is_some_and(|rows| rows > MOST_ROWS) {
            return;
        }
        let mut config = DataConfig { path: Some(path), target: Some("y".into()), ..DataConfig::default() };
        config.drop = if bit(1) { ["list", "struct", "bytes"].map(str::to_owned).to_vec() } else { Vec::new() };
        config.order = bit(2).then(|| "zone".into());
        config.group = bit(3).then(|| "dictionary".into());
        try_all(&config, &folder.path().join("rewritten.csv"));
    });
});
