//! What must hold for any input of a kind, tried on random ones; a failure is shrunk to the smallest that fails.
//!
//! `tests/fuzz/` asks for no more than that nothing breaks; here the answer is known.

use std::collections::BTreeMap;
use std::path::PathBuf;

use burnlab::comparison::filter::Filter;
use burnlab::config::{Config, LoadedConfig};
use burnlab::data::{
    Column, ColumnKind, DataConfig, Dataset, Division, Matrix, PreparedKind, Preprocessor, Scale, Source, Target,
    TaskKind, load, split,
};
use burnlab::experiment::weights_file::{decode, encode};
use burnlab::model::{Activation, MlpConfig, NamedWeights, Weight};
use burnlab::tracking::{MetricKey, NewRun, Point, Run, RunId, RunWriter, Shown, Store, read_points, slug};
use burnlab::training::Knob;
use burnlab::training::config::{EarlyStoppingConfig, OptimizerKind, TrainingConfig};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::whole_way::try_all;

/// Without a file of earlier failures beside the sources: what failed once becomes a test of its own.
fn cases(number: u32) -> ProptestConfig {
    ProptestConfig { cases: number, failure_persistence: None, ..ProptestConfig::default() }
}

// --- CSV

/// How a table is written.
#[derive(Clone, Debug)]
struct Dialect {
    delimiter: char,
    line_end: &'static str,
    has_byte_order_mark: bool,
    quotes_all: bool,
    ends_line: bool,
}

fn dialect() -> impl Strategy<Value = Dialect> {
    let delimiter = select(vec![',', ';', '\t', '|']);
    let line_end = select(vec!["\n", "\r\n", "\r"]);
    (delimiter, line_end, any::<[bool; 3]>()).prop_map(|(delimiter, line_end, [bom, quotes, ends])| Dialect {
        delimiter,
        line_end,
        has_byte_order_mark: bom,
        quotes_all: quotes,
        ends_line: ends,
    })
}

impl Dialect {
    /// As RFC 4180 says: quotes around what holds a quote, a delimiter or a line end, and quotes doubled inside.
    fn write(&self, rows: &[Vec<String>]) -> Vec<u8> {
        let cell = |cell: &String| match self.quotes_all || cell.contains(['"', '\n', '\r', self.delimiter]) {
            true => format!("\"{}\"", cell.replace('"', "\"\"")),
            false => cell.clone(),
        };
        let lines: Vec<String> =
            rows.iter().map(|row| row.iter().map(cell).collect::<Vec<_>>().join(&self.delimiter.to_string())).collect();
        let mut text = if self.has_byte_order_mark { String::from("\u{feff}") } else { String::new() };
        text += &lines.join(self.line_end);
        text += if self.ends_line { self.line_end } else { "" };
        text.into_bytes()
    }
}

/// What is no part of a cell at its ends: blanks, and characters without width.
fn is_invisible(char: char) -> bool {
    char.is_whitespace() || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}')
}

/// Text that a cell may hold: what needs quotes, what looks like something else, any script; no NUL, no blank ends.
fn word() -> impl Strategy<Value = String> {
    let odd = select(vec![
        "a,b", "a;b", "\"", "\"\"", "a\"b", "a\nb", "a\r\nb", "a\tb", "|", "1", "1.0", "-", "0x1", "é", "日本",
    ]);
    prop_oneof![odd.prop_map(str::to_owned), "[a-z]{1,3}", "[^\\x00]{1,6}"]
        .prop_map(|text| text.trim_matches(is_invisible).to_owned())
        .prop_filter("missing", |text| !text.is_empty() && !DataConfig::default().missing.contains(text))
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_table_reads_as_it_was_written(
        dialect in dialect(),
        rows in prop::collection::vec((proptest::option::of(word()), proptest::option::of(-1e6f32..1e6), 0..2u8), 4..20),
    ) {
        let folder = crate::place::folder();
        let mut table = vec![vec!["c".to_owned(), "x".to_owned(), "y".to_owned()]];
        table.extend(rows.iter().map(|(word, number, class)| {
            let number = number.map(|number| number.to_string()).unwrap_or_default();
            vec![word.clone().unwrap_or_default(), number, class.to_string()]
        }));
        let path = folder.path().join("a.csv");
        std::fs::write(&path, dialect.write(&table)).unwrap();
        let config = DataConfig {
            path: Some(path),
            target: Some("y".into()),
            delimiter: Some(dialect.delimiter),
            categorical: vec!["c".into()],
            numeric: vec!["x".into()],
            allow_constant: true,
            ..DataConfig::default()
        };
        let words: Vec<&String> = rows.iter().filter_map(|row| row.0.as_ref()).collect();
        let has_both_classes = rows.iter().any(|row| row.2 == 0) && rows.iter().any(|row| row.2 == 1);
        let is_usable = has_both_classes && !words.is_empty() && rows.iter().any(|row| row.1.is_some());
        prop_assume!(is_usable);
        let dataset = load(&config).unwrap();
        prop_assert_eq!(dataset.num_rows(), rows.len());
        let ColumnKind::Categorical { categories } = &dataset.columns[0].kind else { panic!("c is categorical") };
        // Where all are numbers, one spelling stands for all of a number.
        let is_number = |word: &&String| word.parse::<f64>().is_ok_and(f64::is_finite);
        let all_numbers = words.iter().all(is_number);
        for (row, (word, number, class)) in rows.iter().enumerate() {
            let cells = dataset.row(row);
            match word {
                None => prop_assert!(cells[0].is_nan()),
                Some(word) if all_numbers => {
                    prop_assert_eq!(categories[cells[0] as usize].parse::<f64>(), word.parse::<f64>());
                }
                Some(word) => prop_assert_eq!(&categories[cells[0] as usize], word),
            }
            prop_assert_eq!(number.is_none(), cells[1].is_nan());
            prop_assert!(number.is_none_or(|number| number == cells[1]));
            let Target::Classes { names, labels } = &dataset.target else { panic!("y is a class") };
            prop_assert_eq!(&names[labels[row] as usize], &class.to_string());
        }
        // And the test rows, which the run folder keeps, read as they were written there.
        try_all(&config, &folder.path().join("rewritten.csv"));
    }
}

// --- split and preprocessor

/// A set of one numeric column and one categorical one, with gaps.
fn dataset() -> impl Strategy<Value = Dataset> {
    let row = (prop_oneof![8 => -1e3f32..1e3, 1 => Just(f32::NAN)], prop_oneof![8 => 0..4u8, 1 => Just(9)], 0..5u32);
    (prop::collection::vec(row, 1..80), 2..6u32).prop_map(|(rows, num_classes)| Dataset {
        name: "random".into(),
        columns: vec![
            Column { name: "x".into(), kind: ColumnKind::Numeric },
            Column {
                name: "c".into(),
                kind: ColumnKind::Categorical { categories: ["p", "q", "r", "s"].map(str::to_owned).to_vec() },
            },
        ],
        cells: Matrix::of_floats(
            2,
            rows.iter().flat_map(|&(x, c, _)| [x, if c == 9 { f32::NAN } else { f32::from(c) }]).collect(),
        ),
        target: Target::Classes {
            names: (0..num_classes).map(|class| class.to_string()).collect(),
            labels: rows.iter().map(|row| row.2 % num_classes).collect(),
        },
        target_name: "y".into(),
        image_shape: None,
        num_training_rows: None,
        source_rows: Vec::new(),
        division: Default::default(),
        weights: None,
        notes: Vec::new(),
        readings: Default::default(),
    })
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn a_split_is_a_partition(
        dataset in dataset(),
        [test_fraction, validation_fraction] in [0.0..1.0, 0.0..1.0],
        num_training_rows in proptest::option::weighted(0.2, 0..80usize),
        folds in proptest::option::weighted(0.3, 2..12usize),
        stratify: bool,
        seed: u64,
    ) {
        let n = dataset.num_rows();
        let num_training_rows = num_training_rows.map(|rows| rows.min(n));
        let folds = folds.filter(|_| num_training_rows.is_none());
        let dataset = Dataset { num_training_rows, ..dataset };
        let mut seen = vec![0; n];
        for fold in 1..=folds.unwrap_or(1) {
            let fold = folds.map(|_| fold);
            let config = DataConfig { test_fraction, validation_fraction, folds, fold, stratify, ..DataConfig::default() };
            let Ok(parts) = split(&dataset, &config, seed) else { return Ok(()) };
            let mut all = [&parts.train[..], &parts.validation, &parts.test].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..n as u32).collect::<Vec<_>>());
            let Target::Classes { names, labels } = &dataset.target else { panic!("classes") };
            let in_training = |class| parts.train.iter().any(|&row| labels[row as usize] == class);
            prop_assert!((0..names.len() as u32).all(in_training));
            match (num_training_rows, folds) {
                (Some(first), _) => prop_assert_eq!(&parts.test[..], &(first as u32..n as u32).collect::<Vec<_>>()[..]),
                (None, Some(folds)) => prop_assert!((n / folds..=n.div_ceil(folds)).contains(&parts.test.len())),
                // Each class keeps a row, which may leave the test part short.
                (None, None) => prop_assert!(parts.test.len() as f64 <= (test_fraction * n as f64).ceil()),
            }
            if num_training_rows.is_none() && folds.is_none() && !stratify {
                let wanted = (test_fraction * n as f64 - 1e-9).ceil().max(0.0) as usize;
                prop_assert_eq!(parts.test.len(), wanted);
            }
            parts.test.iter().for_each(|&row| seen[row as usize] += 1);
        }
        if folds.is_some() {
            prop_assert!(seen.iter().all(|&times| times == 1), "each row is tested once: {:?}", seen);
        }
    }

    /// As with scikit-learn's `StratifiedGroupKFold`, whatever the sizes of the entities and their classes.
    #[test]
    fn no_entity_is_in_two_parts(
        dataset in dataset(),
        owners in prop::collection::vec((0..12u32).prop_map(|owner| owner * owner / 8), 80),
        [test_fraction, validation_fraction] in [0.0..1.0, 0.0..1.0],
        folds in proptest::option::of(2..8usize),
        stratify: bool,
        seed: u64,
    ) {
        let n = dataset.num_rows();
        let owners = owners[..n].to_vec();
        let Target::Classes { labels, .. } = &dataset.target else { panic!("classes") };
        // Numbers: of classes, one that a single owner has may be missing from training, which is refused.
        let target = Target::Numbers(labels.iter().map(|&label| f64::from(label)).collect());
        let division = Division::Groups(owners.clone());
        let dataset = Dataset { target, division, ..dataset.clone() };
        let group = Some("owner".to_owned());
        let stratify_bins = stratify.then_some(3);
        let mut seen = vec![0; n];
        for fold in 1..=folds.unwrap_or(1) {
            let fold = folds.map(|_| fold);
            let group = group.clone();
            let config =
                DataConfig { test_fraction, validation_fraction, folds, fold, stratify_bins, group, ..DataConfig::default() };
            let Ok(parts) = split(&dataset, &config, seed) else { return Ok(()) };
            prop_assert_eq!(&split(&dataset, &config, seed).unwrap(), &parts);
            let mut all = [&parts.train[..], &parts.validation, &parts.test].concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..n as u32).collect::<Vec<_>>());
            let of = |rows: &[u32]| rows.iter().map(|&row| owners[row as usize]).collect::<std::collections::BTreeSet<_>>();
            let parts_of = [of(&parts.train), of(&parts.validation), of(&parts.test)];
            for (a, b) in [(0, 1), (0, 2), (1, 2)] {
                prop_assert!(parts_of[a].is_disjoint(&parts_of[b]), "{:?}", parts_of);
            }
            prop_assert!(folds.is_none() || !parts.test.is_empty());
            parts.test.iter().for_each(|&row| seen[row as usize] += 1);
        }
        prop_assert!(folds.is_none() || seen.iter().all(|&times| times == 1), "each row is tested once: {:?}", seen);
    }

    #[test]
    fn time_runs_from_training_to_test(
        dataset in dataset(),
        times in prop::collection::vec(0..30u32, 80),
        [test_fraction, validation_fraction] in [0.0..1.0, 0.0..1.0],
        gap in proptest::option::of(0.0..6.0),
        seed: u64,
    ) {
        let n = dataset.num_rows();
        let times: Vec<f64> = times[..n].iter().map(|&time| f64::from(time)).collect();
        let division = Division::Order { times: times.clone(), are_dates: false };
        let dataset = Dataset { target: Target::Numbers(times.clone()), division, ..dataset };
        let order = Some("t".to_owned());
        let config = DataConfig { test_fraction, validation_fraction, order, gap, ..DataConfig::default() };
        let Ok(parts) = split(&dataset, &config, seed) else { return Ok(()) };
        let least = |rows: &[u32]| rows.iter().map(|&row| times[row as usize]).fold(f64::INFINITY, f64::min);
        let most = |rows: &[u32]| rows.iter().map(|&row| times[row as usize]).fold(f64::NEG_INFINITY, f64::max);
        let gap = gap.unwrap_or(0.0);
        for (early, late) in [(&parts.train, &parts.validation), (&parts.validation, &parts.test), (&parts.train, &parts.test)] {
            prop_assert!(early.is_empty() || late.is_empty() || least(late) - most(early) >= gap);
            prop_assert!(early.is_empty() || late.is_empty() || least(late) > most(early), "no moment is in two parts");
        }
        if gap == 0.0 {
            prop_assert_eq!(parts.train.len() + parts.validation.len() + parts.test.len(), n);
        }
    }

    #[test]
    fn a_preparation_comes_back_from_json_and_its_scaling_can_be_undone(
        dataset in dataset(),
        scale in select(vec![Scale::None, Scale::Standard, Scale::MinMax, Scale::Robust]),
        max_categories in 1..6usize,
        num_train in 1..80usize,
    ) {
        let config = DataConfig { scale, max_categories, ..DataConfig::default() };
        let n = dataset.num_rows();
        let train: Vec<u32> = (0..num_train.min(n) as u32).collect();
        let preprocessor = Preprocessor::fit(&dataset, &train, &config).unwrap();
        preprocessor.validate().unwrap();
        let text = serde_json::to_string(&preprocessor).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Preprocessor>(&text).unwrap(), &preprocessor);

        let rows: Vec<u32> = (0..n as u32).collect();
        let examples = preprocessor.transform(&dataset, &rows);
        let PreparedKind::Numeric { median, .. } = preprocessor.columns()[0].kind else { panic!("x is numeric") };
        let PreparedKind::Categorical { categories, has_unknown, .. } = &preprocessor.columns()[1].kind else {
            panic!("c is categorical")
        };
        prop_assert!(categories.len() <= max_categories);
        for row in 0..n {
            let [x, c] = [0, 1].map(|column| dataset.row(row)[column]);
            let x = if x.is_nan() { median as f32 } else { x };
            let found = preprocessor.raw_numbers(&examples, row)[0];
            prop_assert!((found - x).abs() <= 1e-3 + 1e-5 * x.abs(), "{} came back as {}", x, found);
            // One input at most is 1, and it is the category's.
            let inputs = &examples.input(row)[1..];
            let name = (!c.is_nan()).then(|| ["p", "q", "r", "s"][c as usize]);
            let place = name.and_then(|name| categories.iter().position(|other| other == name));
            let place = place.or(has_unknown.then_some(categories.len()));
            let expected: Vec<f32> = (0..inputs.len()).map(|i| if Some(i) == place { 1.0 } else { 0.0 }).collect();
            prop_assert_eq!(inputs, &expected[..]);
        }
    }
}

// --- config

fn training() -> impl Strategy<Value = TrainingConfig> {
    let positive = prop_oneof![1e-12..1e12f64, Just(f64::MIN_POSITIVE), Just(f64::MAX), Just(0.1 + 0.2)];
    let stopping = ("[a-z/_]{0,12}", 1..1000usize, 0.0..1e9f64, 0..100usize);
    (
        (1..10_000_000usize, 1..=usize::MAX >> 1, positive.clone(), select(OptimizerKind::ALL)),
        (positive, 0.0..1e3f64, 0.0..1.0f64, any::<[bool; 2]>()),
        proptest::option::of(0.0..1.0f64),
        proptest::option::of(stopping),
    )
        .prop_map(
            |((max_epochs, batch_size, learning_rate, optimizer), (epsilon, l2, share, flags), beta, stop)| {
                TrainingConfig {
                    max_epochs,
                    batch_size: Some(batch_size),
                    learning_rate,
                    optimizer,
                    epsilon,
                    l2,
                    label_smoothing: share,
                    shuffle: flags[0],
                    restore_best: flags[1],
                    momentum: beta.filter(|_| optimizer.default_of(Knob::Momentum).is_some()),
                    beta_2: beta.filter(|_| optimizer.default_of(Knob::Beta2).is_some()),
                    early_stopping: stop.map(|(monitor, patience, min_delta, warm_up_epochs)| EarlyStoppingConfig {
                        monitor,
                        patience,
                        min_delta,
                        warm_up_epochs,
                    }),
                    ..TrainingConfig::default()
                }
            },
        )
}

fn data() -> impl Strategy<Value = DataConfig> {
    let texts = || prop::collection::vec(any::<String>(), 0..3);
    let path = proptest::option::of("/[^\\x00]{0,12}").prop_map(|path| path.map(PathBuf::from));
    (
        (proptest::option::of(select(vec![Source::Iris, Source::Moons])), path, proptest::option::of(any::<char>())),
        (texts(), texts(), proptest::option::of(any::<String>()), proptest::option::of(any::<[u32; 2]>())),
        (any::<[bool; 2]>(), 0.0..1.0f64, seed(), proptest::option::of(seed())),
        proptest::option::of(select(vec![TaskKind::Classification, TaskKind::Regression])),
    )
        .prop_map(
            |((source, path, delimiter), (drop, missing, target, shape), (flags, fraction, seed, split), task)| {
                DataConfig {
                    source,
                    path,
                    delimiter,
                    drop,
                    missing,
                    target: target.as_deref().map(Into::into),
                    task,
                    image_shape: shape.map(|shape| shape.map(|size| size as usize).into()),
                    header: flags[0],
                    stratify: flags[1],
                    test_fraction: fraction,
                    generator_seed: seed,
                    split_seed: split,
                    group: flags[0].then(|| format!("{seed}")),
                    gap: flags[1].then_some(fraction * 1e3),
                    stratify_bins: split.map(|seed| (seed % 100) as usize),
                    ..DataConfig::default()
                }
            },
        )
}

/// TOML has no larger integers.
fn seed() -> impl Strategy<Value = u64> {
    prop_oneof![0..=i64::MAX as u64, Just(i64::MAX as u64)]
}

fn config() -> impl Strategy<Value = Config> {
    let model =
        (prop::collection::vec(1..65_536usize, 0..5), select(vec![Activation::Relu, Activation::Tanh]), 0.0..1.0);
    (("[^\\x00]{1,12}", seed(), 1..=u16::MAX), data(), model, training()).prop_map(
        |((name, seed, seeds), data, (hidden, activation, dropout), training)| Config {
            name,
            seed,
            seeds,
            data,
            model: MlpConfig { hidden, activation, dropout, ..MlpConfig::default() }.into(),
            training,
            given: None,
            sweep: None,
        },
    )
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_config_comes_back_from_its_toml(config in config()) {
        let text = config.to_toml();
        let loaded = LoadedConfig::parse(&text, "a.toml", "a", &[]).unwrap();
        prop_assert_eq!(&Config { given: None, ..loaded.config.clone() }, &config);
        let whole = config.clone().resolved_whole();
        let again = LoadedConfig::parse(&loaded.written(&whole), "a.toml", "a", &[]).unwrap();
        prop_assert_eq!(again.config.resolved_whole(), whole);
        // Each value by its key, over another config: what a sweep does.
        let params = config.params().into_iter().filter(|(_, value)| !value.is_null());
        let params: BTreeMap<String, Value> = params.filter(|(key, _)| key != "name" && key != "seeds").collect();
        let other = LoadedConfig::parse("name = \"other\"\n[data]\nmissing = [\"x\"]\n", "b.toml", "b", &[]).unwrap();
        let varied = other.varied(&params).unwrap();
        prop_assert_eq!(Config { name: config.name.clone(), seeds: config.seeds, given: None, ..varied }, config.clone(), "{:?}", params);
    }
}

// --- filters

/// A filter as a person thinks it, and its meaning without burnlab's parser.
#[derive(Clone, Debug)]
enum Meant {
    Compare { field: &'static str, operator: &'static str, value: String },
    Not(Box<Meant>),
    Both(Box<Meant>, Box<Meant>),
    Either(Box<Meant>, Box<Meant>),
}

type Made = fn() -> Value;

const PARAMS: [(&str, Made); 7] = [
    ("model.hidden", || json!([16, 8])),
    ("model.kind", || json!("mlp")),
    ("training.learning_rate", || json!(0.001)),
    ("training.shuffle", || json!(true)),
    ("training.max_epochs", || json!(200)),
    ("data.version", || json!("16")),
    ("data.name", || json!("A b")),
];

fn a_run() -> Run {
    let params: BTreeMap<&str, Value> = PARAMS.into_iter().map(|(key, value)| (key, value())).collect();
    let record = json!({
        "id": "digits-20261124-235039-a3f1", "experiment": "digits", "status": "finished",
        "started": "2026-11-24T23:50:39Z", "seed": 7, "tags": ["old", "x y"], "params": params,
    });
    Run { record: serde_json::from_value(record).unwrap(), metrics: BTreeMap::new(), revision: 1 }
}

/// The meaning of a comparison with the one value, written as JSON (which is how values look in a filter, too).
fn compare(found: &Value, operator: &str, value: &str) -> bool {
    let (number, quoted) = (value.parse::<f64>().ok(), value.starts_with('"'));
    let bare = value.trim_matches('"');
    let equals = |found: &Value| match found {
        Value::Number(found) => number.is_some_and(|number| !quoted && found.as_f64() == Some(number)),
        Value::String(found) => found == bare,
        Value::Bool(found) => found.to_string() == bare,
        _ => false,
    };
    let is_equal = match found {
        Value::Array(_) => value.starts_with('[') && serde_json::from_str::<Value>(value).unwrap() == *found,
        found => !value.starts_with('[') && equals(found),
    };
    match operator {
        "=" | "==" => is_equal,
        "!=" => !is_equal,
        "~" if value.starts_with('[') => false,
        "~" => match found {
            Value::Array(found) => found.iter().any(equals),
            Value::String(found) => found.to_lowercase().contains(&bare.to_lowercase()),
            found => found.to_string().to_lowercase().contains(&bare.to_lowercase()),
        },
        _ => found.as_f64().zip(number).is_some_and(|(found, number)| match operator {
            "<" => found < number,
            "<=" => found <= number,
            ">" => found > number,
            _ => found >= number,
        }),
    }
}

impl Meant {
    fn holds(&self) -> bool {
        match self {
            Self::Compare { field: "tag", operator, value } => {
                let any = |operator| ["old", "x y"].iter().any(|tag| compare(&json!(tag), operator, value));
                match *operator {
                    "!=" => !any("="),
                    "=" | "==" | "~" => any(operator),
                    _ => false,
                }
            }
            // What the run lacks compares as false, `!=` included.
            Self::Compare { field, operator, value } => {
                let found = PARAMS.iter().find(|(key, _)| key == field);
                found.is_some_and(|(_, found)| compare(&found(), operator, value))
            }
            Self::Not(inner) => !inner.holds(),
            Self::Both(a, b) => a.holds() && b.holds(),
            Self::Either(a, b) => a.holds() || b.holds(),
        }
    }

    /// `spaces` and the letters' case vary with `style`; parentheses only where they are needed, or everywhere.
    fn text(&self, style: u8) -> String {
        let wrap = |inner: &Self, needed: bool| match needed || style & 1 == 1 {
            true => format!("({})", inner.text(style)),
            false => inner.text(style),
        };
        let [not, and, or] = if style & 2 == 2 { ["NOT", "And", "oR"] } else { ["not", "and", "or"] };
        let is_chain = |inner: &Self| matches!(inner, Self::Both(..) | Self::Either(..));
        match self {
            Self::Compare { field, operator, value } => {
                let space = if style & 4 == 4 { "" } else { "  " };
                format!("{field}{space}{operator}{space}{value}")
            }
            Self::Not(inner) => format!("{not} {}", wrap(inner, is_chain(inner))),
            Self::Both(a, b) => {
                let part = |inner: &Self| wrap(inner, matches!(inner, Self::Either(..)));
                format!("{} {and} {}", part(a), part(b))
            }
            Self::Either(a, b) => format!("{} {or} {}", wrap(a, false), wrap(b, false)),
        }
    }
}

fn meant() -> impl Strategy<Value = Meant> {
    let fields = PARAMS.iter().map(|(key, _)| *key).chain(["tag", "not.there"]).collect::<Vec<_>>();
    let any_value =
        || select(vec!["[16, 8]", "[16]", "[]", "mlp", "\"mlp\"", "LP", "true", "old", "\"x y\"", "\"a B\"", "16"]);
    let number = || select(vec!["0.001", "1e-3", "200", "200.0", "16", "-1", "inf", "0.5"]);
    let unordered = (select(vec!["=", "==", "!=", "~"]), prop_oneof![any_value(), number()]);
    let ordered = (select(vec!["<", "<=", ">", ">="]), number());
    let leaf = (select(fields), prop_oneof![unordered, ordered])
        .prop_map(|(field, (operator, value))| Meant::Compare { field, operator, value: value.into() });
    leaf.prop_recursive(5, 24, 2, |inner| {
        let pair = (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new));
        prop_oneof![
            inner.prop_map(|inner| Meant::Not(Box::new(inner))),
            pair.clone().prop_map(|(a, b)| Meant::Both(a, b)),
            pair.prop_map(|(a, b)| Meant::Either(a, b)),
        ]
    })
}

proptest! {
    #![proptest_config(cases(3000))]

    #[test]
    fn a_filter_passes_what_is_meant(meant in meant(), style: u8) {
        let text = meant.text(style);
        let filter: Filter = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        prop_assert_eq!(filter.matches(&a_run(), Shown::Finished), meant.holds(), "{}", text);
    }

    #[test]
    fn ids_are_what_their_form_says(
        slugged in "[a-z0-9_-]{0,62}",
        digits in ("[0-9]{8}", "[0-9]{6}", "[0-9a-f]{4}"),
        (place, odd) in proptest::option::of((any::<prop::sample::Index>(), any::<char>())).prop_map(Option::unzip),
    ) {
        let mut text = format!("{slugged}-{}-{}-{}", digits.0, digits.1, digits.2);
        let is_good = (1..=60).contains(&slugged.len()) && !slugged.starts_with('-');
        prop_assert_eq!(text.parse::<RunId>().is_ok(), is_good, "{}", text);
        if let (Some(place), Some(odd)) = (place, odd) {
            let mut letters: Vec<char> = text.chars().collect();
            let place = place.index(letters.len());
            letters[place] = odd;
            text = letters.into_iter().collect();
        }
        if let Ok(id) = text.parse::<RunId>() {
            prop_assert_eq!(id.to_string(), text.clone());
            prop_assert_eq!(serde_json::from_str::<RunId>(&serde_json::to_string(&id).unwrap()).unwrap(), id);
            prop_assert!(text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte)));
        }
    }

    #[test]
    fn any_name_of_an_experiment_makes_an_id(name: String) {
        let id: RunId = format!("{}-20261124-235039-a3f1", slug(&name)).parse().unwrap();
        prop_assert_eq!(slug(id.experiment()), id.experiment());
    }
}

// --- weights and points

fn finite() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits).prop_filter("finite", |value| value.is_finite())
}

fn weights() -> impl Strategy<Value = NamedWeights> {
    let weight = prop::collection::vec(0..6usize, 0..4).prop_flat_map(|shape| {
        let count = shape.iter().product::<usize>();
        prop::collection::vec(finite(), count).prop_map(move |values| Weight { shape: shape.clone(), values })
    });
    prop::collection::btree_map("[^\\x00]{1,12}".prop_filter("taken", |name| name != "__metadata__"), weight, 0..6)
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn weights_of_any_shape_come_back(weights in weights()) {
        let bytes = encode(&weights).unwrap();
        let found = decode(&bytes).unwrap();
        prop_assert_eq!(&found, &weights);
        let bits = |weights: &NamedWeights| -> Vec<u32> {
            weights.values().flat_map(|weight| &weight.values).map(|value| value.to_bits()).collect()
        };
        prop_assert_eq!(bits(&found), bits(&weights), "-0 stays -0");
        // One byte less is no file of weights.
        prop_assert!(decode(&bytes[..bytes.len() - 1]).is_err());
    }

    #[test]
    fn points_come_back_from_the_folder_and_the_store(
        values in prop::collection::vec((prop::num::f64::ANY, 0.0..1e9f64, 0..=i64::MAX as u64), 1..30),
        specials: bool,
    ) {
        thread_local!(static LAB: std::cell::RefCell<(tempfile::TempDir, RunWriter)> = {
            let folder = crate::place::folder();
            let config_toml = "[data]\nsource = \"iris\"\n".to_owned();
            let (params, environment) = Default::default();
            let new = NewRun {
                experiment: "points".into(), name: None, tags: Vec::new(), note: None, config_toml, params, environment,
                seed: 0, parent: None, sweep: None, data: None, is_private: false,
            };
            let writer = RunWriter::start(folder.path(), new).unwrap();
            std::cell::RefCell::new((folder, writer))
        });
        let mut values = values;
        if specials {
            values.extend([f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 5e-324, f64::MAX].map(|value| (value, 0.5, 1)));
        }
        LAB.with_borrow_mut(|(folder, writer)| {
            // One run for all cases, so what it has already is told from what is new.
            let before = read_points(writer.folder()).unwrap();
            let epoch = before.iter().map(|point| point.epoch).max().unwrap_or(0) + 1;
            let key: MetricKey = "validation/any.x@5-y".parse().unwrap();
            let points: Vec<Point> = values
                .iter()
                .zip(0..)
                .map(|(&(value, time, step), offset)| Point { key: key.clone(), epoch: epoch + offset, step, time, value })
                .collect();
            writer.log(&points).unwrap();
            let after = read_points(writer.folder()).unwrap();
            prop_assert_eq!(after.len(), before.len() + points.len());
            let store = Store::open_read_only(folder.path()).unwrap();
            let series = store.series(writer.id(), &key).unwrap();
            for ((point, found), sample) in points.iter().zip(&after[before.len()..]).zip(&series[before.len()..]) {
                let same = |a: f64, b: f64| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                prop_assert!(same(found.value, point.value) && found.time == point.time, "{:?} for {:?}", found, point);
                prop_assert_eq!((found.epoch, found.step, &found.key), (point.epoch, point.step, &point.key));
                // The store keeps all but the sign of zero.
                prop_assert!(same(sample.value + 0.0, point.value + 0.0) && sample.time == point.time, "{:?}", sample);
                prop_assert_eq!((sample.epoch, sample.step), (point.epoch, point.step));
            }
            Ok(())
        })?;
    }
}
