//! A CSV file, and a separate test file after a line `%%`. The first two bytes choose the config.
#![no_main]

use burnlab::data::{DataConfig, Scale, TaskKind};
use burnlab_fuzz::whole_way::try_all;
use burnlab_fuzz::{Folder, gzip, parts};
use libfuzzer_sys::fuzz_target;

thread_local!(static FOLDER: Folder = Folder::default());

fuzz_target!(|bytes: &[u8]| {
    let &[first, second, ref text @ ..] = bytes else { return };
    let bit = |byte: u8, place: u32| byte >> place & 1 == 1;
    let (table, test) = parts(text);
    let table = if bit(second, 6) { gzip(table) } else { table.to_vec() };
    FOLDER.with(|folder| {
        let mut config = DataConfig { path: Some(folder.write("a.csv", table)), ..DataConfig::default() };
        config.test_path = (!test.is_empty()).then(|| folder.write("test.csv", test));
        config.header = !bit(first, 0);
        config.target = Some(if config.header { "y" } else { "column_1" }.into());
        config.allow_constant = bit(first, 1);
        config.scale = [Scale::None, Scale::Standard, Scale::MinMax, Scale::Robust][usize::from(first >> 2 & 3)];
        config.task =
            [None, None, Some(TaskKind::Classification), Some(TaskKind::Regression)][usize::from(first >> 4 & 3)];
        config.delimiter = bit(first, 6).then_some(';');
        config.stratify = !bit(first, 7);
        config.categorical = if bit(second, 0) { vec!["c".into()] } else { Vec::new() };
        config.numeric = if bit(second, 1) { vec!["x".into()] } else { Vec::new() };
        config.max_categories = if bit(second, 2) { 2 } else { 64 };
        // Not together: a test file is in the place of the folds.
        config.folds = (bit(second, 3) && test.is_empty()).then_some(3);
        config.train_per_class = bit(second, 4).then_some(1);
        config.missing = if bit(second, 5) { vec!["1".into(), "NA".into()] } else { config.missing };
        config.classes = if bit(second, 7) { vec!["0".into(), "1".into()] } else { Vec::new() };
        try_all(&config, &folder.path().join("rewritten.csv"));
    });
});
