//! Language models: texts as data, their metrics, and the whole tool on one.

use std::path::{Path, PathBuf};

use burnlab::data::{DataConfig, Preparation, Source, Target, Task, TaskKind, load, split};
use burnlab::training::Scorer;

/// A text of its own, as the `[data]` section names it.
fn of_text(folder: &Path, text: impl AsRef<[u8]>, context: usize) -> DataConfig {
    let path: PathBuf = folder.join("text.txt");
    std::fs::write(&path, text).unwrap();
    DataConfig {
        path: Some(path),
        task: Some(TaskKind::LanguageModel),
        context: Some(context),
        ..DataConfig::default()
    }
}

#[test]
fn windows_show_each_character_once_and_their_targets_are_the_next_ones() {
    let folder = tempfile::tempdir().unwrap();
    let config = DataConfig { validation_fraction: 0.5, ..of_text(folder.path(), "abcdefghij!", 3) };
    let dataset = load(&config).unwrap();
    // abc|d, def|g, ghi|j; no window is left for `j!`.
    assert_eq!(dataset.num_rows(), 3);
    let splits = split(&dataset, &config, 7).unwrap();
    assert_eq!((&splits.train[..], &splits.validation[..], &splits.test[..]), (&[0][..], &[1][..], &[2][..]));

    let preparation = Preparation::fit(&dataset, &splits.train, &config).unwrap();
    assert_eq!(preparation.characters(), Some("abcd"));
    assert_eq!(preparation.task(), Task::LanguageModel { num_characters: 5 });
    assert_eq!(preparation.class_counts, [0, 1, 1, 1, 0]);
    let pairs: Vec<(&str, u64)> =
        preparation.text.as_ref().unwrap().pairs.iter().map(|(pair, &count)| (pair.as_str(), count)).collect();
    assert_eq!(pairs, [("ab", 1), ("bc", 1), ("cd", 1)]);

    let examples = preparation.transform(&dataset, &[0, 1]);
    assert_eq!((examples.input(0), examples.targets_of(0)), (&[0.0, 1.0, 2.0][..], &[1.0, 2.0, 3.0][..]));
    // `e` to `g` are others.
    assert_eq!((examples.input(1), examples.targets_of(1)), (&[3.0, 4.0, 4.0][..], &[4.0, 4.0, 4.0][..]));
}

#[test]
fn frequencies_reach_what_pen_and_paper_say() {
    let folder = tempfile::tempdir().unwrap();
    let config = DataConfig { test_fraction: 0.5, validation_fraction: 0.0, ..of_text(folder.path(), "aababbcaa", 4) };
    let dataset = load(&config).unwrap();
    let preparation = Preparation::fit(&dataset, &[0], &config).unwrap();
    // Trained on a-a, a-b, b-a, a-b; with a, b and others K = 3. Tested on b-b, b-c, c-a, a-a.
    let (singly, paired) = preparation.by_frequency(&preparation.transform(&dataset, &[1])).unwrap();
    // b, a, a: (2 + 1) / (4 + 3); c: 1 / (4 + 3).
    let expected = (3.0 * (7.0_f64 / 3.0).ln() + 7.0_f64.ln()) / 4.0;
    assert!((singly - expected).abs() < 1e-12, "{singly}, not {expected}");
    // b after b: 1 / (1 + 3); c after b the same; a after others: 1 / 3; a after a: (1 + 1) / (3 + 3).
    let expected = (2.0 * 4.0_f64.ln() + 2.0 * 3.0_f64.ln()) / 4.0;
    assert!((paired - expected).abs() < 1e-12, "{paired}, not {expected}");
}

#[test]
fn alice_is_the_text_that_was_checked_in_and_its_parts_do_not_overlap() {
    let config = DataConfig { source: Some(Source::Alice), ..DataConfig::default() };
    let dataset = load(&config).unwrap();
    assert_eq!(dataset.describe(), ["alice: 148425 characters, 70 distinct, in 2319 windows of 64"]);
    let Target::Text(text) = &dataset.target else { panic!("a text") };
    let whole: String = text.characters.iter().collect();
    assert!(whole.trim_start().starts_with("ALICE'S ADVENTURES IN WONDERLAND"));
    assert!(whole.ends_with("THE END\n") && !whole.contains(['\r', '\u{1a}']) && !whole.contains("Gutenberg"));

    let splits = split(&dataset, &config, 1).unwrap();
    assert_eq!(splits, split(&dataset, &config, 2).unwrap(), "a text has one split");
    let parts: Vec<usize> = [&splits.train[..], &splits.validation, &splits.test].concat();
    assert_eq!(parts, (0..dataset.num_rows()).collect::<Vec<usize>>());
    assert_eq!([splits.train.len(), splits.validation.len(), splits.test.len()], [1380, 243, 696]);

    // By ten lines of Python that know nothing of burnlab.
    let preparation = Preparation::fit(&dataset, &splits.train, &config).unwrap();
    assert_eq!(preparation.task(), Task::LanguageModel { num_characters: 68 });
    let (singly, paired) = preparation.by_frequency(&preparation.transform(&dataset, &splits.test)).unwrap();
    assert!((singly - 3.171799361001119).abs() < 1e-9, "{singly}");
    assert!((paired - 2.5085199968575833).abs() < 1e-9, "{paired}");
}

#[test]
fn perplexity_is_that_of_pen_and_paper() {
    let scorer = Scorer { task: Task::LanguageModel { num_characters: 3 }, target_mean: 0.0, target_scale: 1.0 };
    let logits: Vec<f32> = [0.5_f32, 0.25, 0.25, 0.1, 0.2, 0.7].iter().map(|p| p.ln() + 3.0).collect();
    // 1 in 2 and 1 in 5: the geometric mean is the square root of 10.
    let scores = scorer.scores(&logits, &[0.0, 1.0], false, None);
    let names: Vec<&str> = scores.iter().map(|score| score.0).collect();
    assert_eq!(names, ["perplexity", "bits_per_character", "accuracy"]);
    for (score, expected) in scores.iter().zip([10.0_f64.sqrt(), 10.0_f64.log2() / 2.0, 0.5]) {
        assert!((score.1 - expected).abs() < 1e-6, "{score:?}, not {expected}");
    }
}

#[test]
fn a_text_that_cannot_be_learned_from_is_one_clear_line() {
    let folder = tempfile::tempdir().unwrap();
    let many: String = ('\u{4e00}'..).take(5000).collect();
    for (text, context, key, message) in [
        (&b""[..], 64, "data.path", "is empty: there is no next character to learn"),
        (b"x", 64, "data.path", "holds one character alone: there is no next character to learn"),
        (b"\xef\xbb\xbfx", 64, "data.path", "holds one character alone: there is no next character to learn"),
        (&b"\n".repeat(1000), 64, "data.path", "holds '\\n' alone, over and over: there is nothing to learn"),
        (b"caf\xe9 noir", 64, "data.path", "is no UTF-8 text: byte 3 is 0xe9; convert it to UTF-8"),
        (b"\xff\xfea\0b\0", 64, "data.path", "is UTF-16: convert it to UTF-8"),
        (&[0, 159, 146, 150, 255], 1, "data.path", "is no UTF-8 text: byte 1 is 0x9f; convert it to UTF-8"),
        (
            many.as_bytes(),
            64,
            "data.path",
            "has 5000 distinct characters, and 4096 is the most that is learned: is it a text?",
        ),
        (
            b"abcde",
            64,
            "data.context",
            "has 5 characters, too few for one window of 64 and the character after it: lower data.context to at most 4, \
             or get more text",
        ),
    ] {
        let config = of_text(folder.path(), text, context);
        let error = load(&config).unwrap_err();
        assert_eq!(error.key.as_deref(), Some(key));
        let path = config.path.unwrap().display().to_string();
        assert_eq!(error.message, format!("{path} {message}"));
    }
    let config = of_text(folder.path(), "ab", 1);
    let file = std::fs::File::options().write(true).open(config.path.as_ref().unwrap()).unwrap();
    file.set_len(100 << 20).unwrap();
    let error = load(&config).unwrap_err();
    assert!(error.message.ends_with("is larger than 64 MiB: cut it into smaller files"), "{error}");

    for context in [0, 4097, usize::MAX] {
        let error = load(&of_text(folder.path(), "abcabc", context)).unwrap_err();
        assert_eq!(error.message, format!("data.context is {context}: it must be from 1 to 4096"));
    }
    // One window is for the test, and none is left.
    let config = of_text(folder.path(), "abc", 2);
    let error = split(&load(&config).unwrap(), &config, 0).unwrap_err();
    assert_eq!(
        error.message,
        "data.test_fraction leaves no training window of 1: lower it, lower data.context, or get more text"
    );
}

#[test]
fn keys_that_a_text_would_ignore_are_refused() {
    type Change = fn(&mut DataConfig);
    let changes: [(&str, Change); 12] = [
        ("data.target", |c| c.target = Some("x".into())),
        ("data.delimiter", |c| c.delimiter = Some(';')),
        ("data.drop", |c| c.drop = vec!["x".into()]),
        ("data.labels", |c| c.labels = Some("x".into())),
        ("data.test_path", |c| c.test_path = Some("x".into())),
        ("data.classes", |c| c.classes = vec!["x".into()]),
        ("data.train_per_class", |c| c.train_per_class = Some(5)),
        ("data.image_shape", |c| c.image_shape = Some([8, 8])),
        ("data.folds", |c| c.folds = Some(5)),
        ("data.stratify", |c| c.stratify = false),
        ("data.split_seed", |c| c.split_seed = Some(1)),
        ("data.scale", |c| c.scale = burnlab::data::Scale::MinMax),
    ];
    for (key, change) in changes {
        let mut config = DataConfig { source: Some(Source::Alice), ..DataConfig::default() };
        change(&mut config);
        let error = load(&config).unwrap_err();
        assert_eq!(error.message, format!("{key} is for tables, and the data are a text: remove it"));
    }
    for (config, message) in [
        (
            DataConfig { source: Some(Source::Alice), task: Some(TaskKind::Regression), ..DataConfig::default() },
            "data.task does not fit a text: its target is the next character, data.task = \"language_model\"",
        ),
        (
            DataConfig { source: Some(Source::Iris), task: Some(TaskKind::LanguageModel), ..DataConfig::default() },
            "data.task = \"language_model\" is for texts: data.path, or data.source = \"alice\"",
        ),
        (
            DataConfig { source: Some(Source::Iris), context: Some(8), ..DataConfig::default() },
            "data.context is for texts (data.task = \"language_model\"): remove it",
        ),
    ] {
        assert_eq!(load(&config).unwrap_err().message, message);
    }
}
