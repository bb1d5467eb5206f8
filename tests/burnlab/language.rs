//! Language models: texts as data, their metrics, and the whole tool on one.

use std::path::{Path, PathBuf};

use burn::backend::Flex;
use burnlab::backend::BackendName;
use burnlab::data::{DataConfig, Examples, Inputs, Preprocessor, Source, Target, Task, TaskKind, load, split};
use burnlab::experiment::{RunFolder, SavedModel};
use burnlab::training::evaluation::{Evaluation, logits};
use burnlab::training::{OutputDecoder, Truths};

use crate::place::{Place, json, text};

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
    let folder = crate::place::folder();
    let config = DataConfig { validation_fraction: 0.5, ..of_text(folder.path(), "abcdefghij!", 3) };
    let dataset = load(&config).unwrap();
    // abc|d, def|g, ghi|j; no window is left for `j!`.
    assert_eq!(dataset.num_rows(), 3);
    let splits = split(&dataset, &config, 7).unwrap();
    assert_eq!((&splits.train[..], &splits.validation[..], &splits.test[..]), (&[0][..], &[1][..], &[2][..]));

    let preprocessor = Preprocessor::fit(&dataset, &splits.train, &config).unwrap();
    assert_eq!(preprocessor.characters(), Some("abcd"));
    assert_eq!(preprocessor.task(), Task::LanguageModel { num_characters: 5 });
    assert_eq!(preprocessor.class_counts, [0, 1, 1, 1, 0]);
    let Inputs::Text(learned) = &preprocessor.inputs else { panic!("a text") };
    let pairs: Vec<(&str, u64)> = learned.pairs.iter().map(|(pair, &count)| (pair.as_str(), count)).collect();
    assert_eq!(pairs, [("ab", 1), ("bc", 1), ("cd", 1)]);

    let examples = preprocessor.transform(&dataset, &[0, 1]);
    assert_eq!((&*examples.input(0), &*examples.targets_of(0)), (&[0.0, 1.0, 2.0][..], &[1.0, 2.0, 3.0][..]));
    // `e` to `g` are others.
    assert_eq!((&*examples.input(1), &*examples.targets_of(1)), (&[3.0, 4.0, 4.0][..], &[4.0, 4.0, 4.0][..]));
}

#[test]
fn frequencies_reach_what_pen_and_paper_say() {
    let folder = crate::place::folder();
    let config = DataConfig { test_fraction: 0.5, validation_fraction: 0.0, ..of_text(folder.path(), "aababbcaa", 4) };
    let dataset = load(&config).unwrap();
    let preprocessor = Preprocessor::fit(&dataset, &[0], &config).unwrap();
    // Trained on a-a, a-b, b-a, a-b; with a, b and others K = 3. Tested on b-b, b-c, c-a, a-a.
    let (singly, paired) = preprocessor.ngram_losses(&preprocessor.transform(&dataset, &[1])).unwrap();
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
    let parts: Vec<u32> = [&splits.train[..], &splits.validation, &splits.test].concat();
    assert_eq!(parts, (0..dataset.num_rows() as u32).collect::<Vec<u32>>());
    assert_eq!([splits.train.len(), splits.validation.len(), splits.test.len()], [1380, 243, 696]);

    // By ten lines of Python that know nothing of burnlab.
    let preprocessor = Preprocessor::fit(&dataset, &splits.train, &config).unwrap();
    assert_eq!(preprocessor.task(), Task::LanguageModel { num_characters: 68 });
    let (singly, paired) = preprocessor.ngram_losses(&preprocessor.transform(&dataset, &splits.test)).unwrap();
    assert!((singly - 3.171799361001119).abs() < 1e-9, "{singly}");
    assert!((paired - 2.5085199968575833).abs() < 1e-9, "{paired}");
}

#[test]
fn perplexity_is_that_of_pen_and_paper() {
    let decoder = OutputDecoder::plain(Task::LanguageModel { num_characters: 3 });
    let logits: Vec<f32> = [0.5_f32, 0.25, 0.25, 0.1, 0.2, 0.7].iter().map(|p| p.ln() + 3.0).collect();
    // 1 in 2 and 1 in 5: the geometric mean is the square root of 10.
    let scores = decoder.scores(&logits, Truths { labels: &[0.0, 1.0], numbers: &[], weights: &[] }, false, None);
    let names: Vec<&str> = scores.iter().map(|score| score.0).collect();
    assert_eq!(names, ["perplexity", "bits_per_character", "accuracy"]);
    for (score, expected) in scores.iter().zip([10.0_f64.sqrt(), 10.0_f64.log2() / 2.0, 0.5]) {
        assert!((score.1 - expected).abs() < 1e-6, "{score:?}, not {expected}");
    }
}

/// The bytes are those of the encodings' tables: é is e9 in Windows-1252, e9 82 in Shift-JIS is one character.
#[test]
fn a_text_of_an_older_encoding_is_read_as_the_config_or_its_bytes_say() {
    let folder = crate::place::folder();
    let characters = |config: &DataConfig| match load(config).unwrap().target {
        burnlab::data::Target::Text(text) => text.characters.iter().collect::<String>(),
        _ => unreachable!(),
    };
    let config = of_text(folder.path(), b"caf\xe9 au lait, th\xe9 noir", 4);
    let named = |name: &str| DataConfig { encoding: Some(name.into()), ..config.clone() };
    assert_eq!(characters(&named("latin1")), "café au lait, thé noir");
    assert_eq!(characters(&named("iso-8859-5")), "cafщ au lait, thщ noir");
    assert_eq!(characters(&config), "café au lait, thé noir");
    let data = load(&config).unwrap();
    assert_eq!(data.notes, ["the file is not UTF-8: read as windows-1252 (data.encoding)"]);
    assert_eq!(data.readings.encoding.as_deref(), Some("windows-1252"));
    assert_eq!(load(&named("latin1")).unwrap().notes, [""; 0]);
    assert!(load(&named("utf-8")).unwrap_err().message.contains("is not UTF-8: name its encoding in data.encoding"));
    // With the mark of UTF-16, whose `b` is of another language than the first text.
    assert_eq!(characters(&of_text(folder.path(), b"\xff\xfea\0b\0a\0", 1)), "aba");

    // A run of it, and another file of the same encoding.
    let place = crate::place::Place::new();
    let verse = "caf\u{e9} ou th\u{e9}, l\u{e9}ger ou fort; ".repeat(20);
    let latin: Vec<u8> = verse.chars().map(|c| c as u8).collect();
    std::fs::write(place.path("t.txt"), latin).unwrap();
    place.write("t.toml", "[data]\npath = \"t.txt\"\ntask = \"language_model\"\ncontext = 8\nencoding = \"latin1\"\n[model]\nkind = \"transformer\"\nwidth = 8\nheads = 1\ndepth = 1\n[training]\nmax_epochs = 1\n");
    crate::place::works(&place, &["--config", "t.toml", "--quiet"]);
    let evaluated = crate::place::works(&place, &["evaluate", "t", "--data", "t.txt", "--strict"]);
    assert!(evaluated.contains("perplexity"), "{evaluated}");
}

#[test]
fn a_text_that_cannot_be_learned_from_is_one_clear_line() {
    let folder = crate::place::folder();
    let many: String = ('\u{4e00}'..).take(5000).collect();
    for (text, context, key, message) in [
        (&b""[..], 64, "data.path", "is empty: there is no next character to learn"),
        (b"x", 64, "data.path", "holds only one character: there is no next character to learn"),
        (b"\xef\xbb\xbfx", 64, "data.path", "holds only one character: there is no next character to learn"),
        (&b"\n".repeat(1000), 64, "data.path", "holds only '\\n', repeated: there is nothing to learn"),
        (
            &[0, 159, 146, 150, 255],
            1,
            "data.path",
            "is not UTF-8, and holds bytes of 0: is it a text? If so, name its encoding in data.encoding (\"utf-8\", \
             \"windows-1252\", \"utf-16le\", \"gbk\", \"shift_jis\", \"big5\", ...)",
        ),
        (many.as_bytes(), 64, "data.path", "has 5000 distinct characters, more than 4096: is it a text?"),
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
        ("data.image_shape", |c| c.image_shape = Some([8, 8].into())),
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

/// A small network that reads texts, over a text of 4000 characters that a pair model cannot know well.
const SMALL: &str = "[data]\npath = \"text.txt\"\ntask = \"language_model\"\ncontext = 16\n\
                     [model]\nkind = \"transformer\"\nwidth = 16\nheads = 2\ndepth = 1\n\
                     [training]\nmax_epochs = 10\nbatch_size = 8\nlearning_rate = 0.01\n";

fn small_text() -> String {
    "the cat sat on the mat. the dog sat on the log.\n".repeat(84)
}

/// A folder in which `small` was trained.
fn trained(overrides: &[&str]) -> (Place, PathBuf) {
    let place = Place::new();
    place.write("text.txt", &small_text());
    place.write("small.toml", SMALL);
    let set = overrides.iter().flat_map(|&set| ["--set", set]);
    let args: Vec<&str> = ["--config", "small.toml"].into_iter().chain(set).collect();
    let output = place.run(&args);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let folder = place.only_run();
    (place, folder)
}

/// The one line that `args` ends with.
#[track_caller]
fn error(place: &Place, args: &[&str]) -> String {
    let output = place.run(args);
    assert_eq!(output.status.code(), Some(1), "{args:?}");
    let error = text(&output.stderr);
    assert_eq!(error.lines().count(), 1, "{error}");
    error.trim_end().strip_prefix("error: ").unwrap().to_owned()
}

#[test]
fn a_language_model_is_recorded_evaluated_again_and_held_against_frequencies() {
    let (place, folder) = trained(&[]);
    let recorded: Evaluation = serde_json::from_value(json(folder.join("evaluation.json"))).unwrap();
    let frequencies = recorded.text.unwrap();
    let loss = recorded.metric("loss");
    assert!(loss < frequencies.bigram_loss && frequencies.bigram_loss < frequencies.unigram_loss, "{recorded:?}");
    assert_eq!((recorded.baseline.name.as_str(), recorded.baseline.value), ("loss", frequencies.unigram_loss));
    assert!((recorded.metric("perplexity").ln() - loss).abs() < 1e-4);
    assert!((recorded.metric("bits_per_character") * std::f64::consts::LN_2 - loss).abs() < 1e-4);
    assert_eq!(frequencies.num_characters, 16 * recorded.num_examples);

    // 4032 characters: 251 windows, of which the last 76 are the test part.
    assert_eq!(recorded.num_examples, 76);
    let test = std::fs::read_to_string(folder.join("test.txt")).unwrap();
    assert_eq!(test, &small_text()[16 * (251 - 76)..=16 * 251]);
    assert!(!folder.join("test.csv").exists() && !folder.join("predictions.csv").exists());
    let pictures = std::fs::read_dir(folder.join("plots")).unwrap();
    let mut pictures: Vec<_> = pictures.map(|entry| entry.unwrap().file_name()).collect();
    pictures.sort();
    assert_eq!(pictures, ["attention.svg", "curves.svg"]);

    // From the folder alone.
    std::fs::remove_file(place.path("text.txt")).unwrap();
    let again = place.run(&["evaluate", "small", "--json"]);
    assert!(again.status.success(), "{}", text(&again.stderr));
    let again: Evaluation = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(again, recorded);
    // On another text, whose characters need not be known.
    place.write("other.txt", &"the duck sat on the dock? ".repeat(20));
    let other = text(&place.run(&["evaluate", "small", "--data", "other.txt"]).stdout);
    assert!(other.starts_with("test   loss ") && other.contains("on 512 characters"), "{other}");
}

#[test]
fn the_same_seed_writes_the_same_text_and_temperature_0_the_likeliest_one() {
    let (place, folder) = trained(&[]);
    let write = |args: &[&str]| {
        let output = place.run(&[&["generate", "small"], args].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        text(&output.stdout)
    };
    let first = write(&["--prompt", "the dog", "--seed", "3"]);
    assert_eq!(first.chars().count(), 7 + 300 + 1);
    assert!(first.starts_with("the dog") && first.ends_with('\n'));
    assert_eq!(first, write(&["--prompt", "the dog", "--seed", "3"]));
    assert_ne!(first, write(&["--prompt", "the dog", "--seed", "4", "--temperature", "1.5"]));
    let likeliest = write(&["--prompt", "the", "--length", "60", "--temperature", "0"]);
    assert_eq!(likeliest, write(&["--prompt", "the", "--length", "60", "--top-k", "1", "--seed", "9"]));
    for backend in BackendName::compiled().into_iter().filter(|&backend| backend != BackendName::Wgpu) {
        let on_backend = ["--prompt", "the", "--length", "60", "--temperature", "0", "--backend", backend.as_str()];
        assert_eq!(likeliest, write(&on_backend));
    }

    // The same by hand: the largest of the last place's logits, of the last 16 characters.
    let saved = SavedModel::open(&RunFolder::at(&folder)).unwrap();
    let known: Vec<char> = saved.preprocessor.characters().unwrap().chars().collect();
    let net = saved.net::<Flex>(&Default::default()).unwrap();
    let mut expected: Vec<char> = "the".chars().collect();
    for _ in 0..60 {
        let seen = &expected[expected.len().saturating_sub(16)..];
        let inputs: Vec<f32> =
            seen.iter().map(|character| known.iter().position(|other| other == character).unwrap() as f32).collect();
        let width = inputs.len();
        let examples = Examples { inputs, targets: vec![0.0; width], rows: [0].into(), ..Examples::none(width) };
        let logits = logits(&net, &examples, &Default::default());
        let last = &logits[(width - 1) * (known.len() + 1)..][..known.len()];
        let largest = (0..last.len()).max_by(|&a, &b| last[a].total_cmp(&last[b])).unwrap();
        expected.push(known[largest]);
    }
    assert_eq!(likeliest, expected.into_iter().chain(['\n']).collect::<String>());
}

#[test]
fn what_a_language_model_cannot_do_is_one_line_with_the_next_step() {
    let (place, folder) = trained(&["training.max_epochs=1"]);
    let name = folder.file_name().unwrap().to_str().unwrap();
    let next = format!(": `burnlab generate {name}` continues a text with it");
    place.write("rows.csv", "a,b\n1,2\n");
    for args in [&["predict", "small", "rows.csv"][..], &["evaluate", "small", "-o", "out.csv"]] {
        let error = error(&place, args);
        assert!(error.starts_with(&format!("run `{name}` is a language model, and ")), "{error}");
        assert!(error.ends_with(&next), "{error}");
    }
    for kind in ["confusion", "importance", "roc", "residuals", "gallery", "boundary", "network"] {
        let error = error(&place, &["plot", "small", kind]);
        assert!(error.contains(&format!("has no {kind} picture: it needs ")), "{error}");
    }
    let unknown = error(&place, &["generate", "small", "--prompt", "the Cat"]);
    assert_eq!(unknown, "--prompt has 'C', which the run's text does not have: leave it out");
    for args in [&["generate", "small", "--temperature", "-1"][..], &["generate", "small", "--top-k", "0"]] {
        assert_eq!(place.run(args).status.code(), Some(2));
    }

    place.write("iris.toml", "[data]\nsource = \"iris\"\n[training]\nmax_epochs = 1\n");
    assert!(place.run(&["--config", "iris.toml", "-q"]).status.success());
    let table = error(&place, &["generate", "iris"]);
    assert!(table.contains("is not a language model: use `burnlab predict iris-"), "{table}");

    // What it can: weights and card, report, list, comparison with itself.
    for args in [
        &["export", "small", "--format", "safetensors"][..],
        &["report", "small"],
        &["runs", "list"],
        &["runs", "show", name],
        &["plot", "small"],
    ] {
        let output = place.run(args);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
    }
}

#[test]
fn a_language_model_goes_on_and_is_begun_with() {
    let (place, folder) = trained(&["training.max_epochs=2"]);
    let output = place.run(&["resume", "small", "--epochs", "4", "-q"]);
    assert!(output.status.success(), "{}", text(&output.stderr));

    // To the very weights of a run that never stopped.
    let weights = |folder: &Path| std::fs::read(folder.join("model.safetensors")).unwrap();
    let further = newest(&place, &folder);
    let (_place, whole) = trained(&["training.max_epochs=4"]);
    assert!(weights(&further) == weights(&whole), "the weights differ");

    let name = folder.file_name().unwrap().to_str().unwrap();
    let from = format!("model.init_from={name}");
    place.write("other.txt", &"a mat sat on the cat.\n".repeat(60));
    let begin = |file: &str| {
        place.run(&["--config", "small.toml", "--set", &from, "--set", &format!("data.path={file}"), "--name", "next"])
    };
    let output = begin("other.txt");
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains(&format!("begins with the weights of {name}\n")));
    place.write("new.txt", &"a mat sat on the Cat.\n".repeat(60));
    let refused = text(&begin("new.txt").stderr);
    let message = "the run's text has no 'C', which this one has: remove it from the text, or train from the start";
    assert!(refused.contains(message), "{refused}");
}

/// The run that is not `other`.
fn newest(place: &Place, other: &Path) -> PathBuf {
    let runs = std::fs::read_dir(place.path("artifacts/runs")).unwrap().map(|run| run.unwrap().path());
    runs.filter(|run| run != other).max().unwrap()
}

#[test]
fn language_models_are_judged_by_their_bits_per_character() {
    let place = Place::new();
    place.write("text.txt", &small_text());
    place.write("small.toml", SMALL);
    let shared = ["--set", "training.max_epochs=2", "--seeds", "4"];
    let output = place.run(&[&["--config", "small.toml"], &shared[..]].concat());
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("seed 42     test/bits_per_character "), "{}", text(&output.stdout));
    let slower = ["--config", "small.toml", "--set", "training.learning_rate=1e-5", "--name", "slower"];
    assert!(place.run(&[&slower[..], &shared].concat()).status.success());
    let output = place.run(&["runs", "compare", "slower", "small"]);
    let verdict = text(&output.stdout);
    assert!(verdict.contains("training.learning_rate = 0.01 reaches test/bits_per_character "), "{verdict}");
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// No file, and no split of one, ends in anything but windows or one line.
    #[test]
    fn any_bytes_are_a_text_or_an_error(
        bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..300),
        letters in "[a-d\u{e9}\u{1F600}\r\n]{0,300}",
        context in 1usize..20,
        test in 0.0..1.0,
        validation in 0.0..1.0,
    ) {
        let folder = crate::place::folder();
        for text in [&bytes[..], letters.as_bytes()] {
            let config = DataConfig {
                test_fraction: test,
                validation_fraction: validation,
                ..of_text(folder.path(), text, context)
            };
            let Ok(dataset) = load(&config) else { continue };
            let Ok(splits) = split(&dataset, &config, 0) else { continue };
            let preprocessor = Preprocessor::fit(&dataset, &splits.train, &config).unwrap();
            proptest::prop_assert_eq!(preprocessor.validate(), Ok(()));
            let all: Vec<u32> = [&splits.train[..], &splits.validation, &splits.test].concat();
            proptest::prop_assert!(all.iter().copied().eq(0..dataset.num_rows() as u32));
            let examples = preprocessor.transform(&dataset, &all);
            let task = preprocessor.task();
            let is_number = |&value: &f32| value >= 0.0 && value.fract() == 0.0 && (value as usize) < task.num_outputs();
            proptest::prop_assert!(examples.inputs.iter().all(is_number) && examples.targets.iter().all(is_number));
            proptest::prop_assert_eq!(examples.targets.len(), context * all.len());
        }
    }
}
