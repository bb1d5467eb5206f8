//! IDX files. The first byte says which of them are gzipped and whether there are test files, the second how many bytes
//! are labels; the images follow.
#![no_main]

use burnlab::data::DataConfig;
use burnlab_fuzz::whole_way::try_all;
use burnlab_fuzz::{Folder, gzip};
use libfuzzer_sys::fuzz_target;

thread_local!(static FOLDER: Folder = Folder::default());

fuzz_target!(|bytes: &[u8]| {
    let &[choice, num_labels, ref rest @ ..] = bytes else { return };
    let (labels, images) = rest.split_at(usize::from(num_labels).min(rest.len()));
    FOLDER.with(|folder| {
        let write = |name: &str, bytes: &[u8], is_gzipped: bool, is_cut: bool| {
            let mut bytes = if is_gzipped { gzip(bytes) } else { bytes.to_vec() };
            // As a download that broke off.
            bytes.truncate(bytes.len() - usize::from(is_cut).min(bytes.len()));
            Some(folder.write(name, bytes))
        };
        let bit = |place: u32| choice >> place & 1 == 1;
        let mut config = DataConfig {
            path: write("images", images, bit(0), bit(2)),
            labels: write("labels", labels, bit(1), bit(3)),
            ..DataConfig::default()
        };
        if bit(4) {
            config.test_path = write("test-images", images, false, false);
            config.test_labels = write("test-labels", labels, false, false);
        }
        config.image_shape = bit(5).then_some([2, 2].into());
        config.classes = if bit(6) { vec!["0".into(), "1".into()] } else { Vec::new() };
        try_all(&config, &folder.path().join("rewritten.csv"));
    });
});
