//! The lessons of `burnlab learn`: their measured numbers are computed again, and all languages say the same.
//!
//! A measured number is `[0.961](measure:CONFIG:PART/METRIC)`, of one run of the shipped config, or
//! `[0.961](measure:CONFIG:PART/METRIC:10)`, the mean of ten seeds as `--seeds 10` trains them. Their commands are run by
//! `guide`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::thread;

use burnlab::config::LoadedConfig;
use burnlab::training::evaluation::Evaluation;

use crate::lab::{Lab, config_file};

/// As in the page's switch.
const LANGUAGES: [&str; 2] = ["zh", "en"];

struct Lesson {
    language: &'static str,
    /// Such as `01-neuron.md`.
    file: String,
    text: String,
}

fn lessons() -> Vec<Lesson> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/guide/learn");
    let of_language = |language: &'static str| {
        let files = std::fs::read_dir(folder.join(language)).unwrap().map(|entry| entry.unwrap().path());
        files.map(move |path| Lesson {
            language,
            file: path.file_name().unwrap().to_str().unwrap().to_owned(),
            text: std::fs::read_to_string(&path).unwrap(),
        })
    };
    let mut lessons: Vec<Lesson> = LANGUAGES.into_iter().flat_map(of_language).collect();
    lessons.sort_by(|a, b| (a.language, &a.file).cmp(&(b.language, &b.file)));
    lessons
}

impl Lesson {
    fn named(&self) -> String {
        format!("{}/{}", self.language, self.file)
    }

    /// Measured numbers as they are printed, with their keys.
    fn measures(&self) -> Vec<(String, String)> {
        let found = self.text.split("](measure:").collect::<Vec<_>>();
        let pair = |[before, after]: &[&str; 2]| {
            let printed = before.rsplit('[').next().unwrap();
            let key = after.split(')').next().unwrap();
            (printed.to_owned(), key.to_owned())
        };
        found.array_windows().map(pair).collect()
    }

    fn widgets(&self) -> Vec<&str> {
        self.text.lines().filter(|line| line.trim().starts_with("{{")).collect()
    }

    /// The text of the blocks, which is not prose.
    fn blocks(&self) -> Vec<&str> {
        self.text.split("```").skip(1).step_by(2).collect()
    }

    /// Numbers with decimals that stand in the prose, and are not measured.
    fn loose_numbers(&self) -> Vec<String> {
        let prose: String = self.text.split("```").step_by(2).collect::<Vec<_>>().join(" ");
        let prose: String = prose.split('`').step_by(2).collect::<Vec<_>>().join(" ");
        let mut rest = String::new();
        for (i, part) in prose.split("](measure:").enumerate() {
            let part = if i == 0 { part } else { part.split_once(')').unwrap().1 };
            // The printed number of the next measure is at the end of this part.
            rest += part
                .rsplit_once('[')
                .filter(|(_, last)| last.parse::<f64>().is_ok())
                .map_or(part, |(before, _)| before);
        }
        let is_number = |word: &&str| {
            word.split_once('.').is_some_and(|(whole, decimals)| {
                let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                is_digits(whole) && is_digits(decimals)
            })
        };
        let words = rest.split(|c: char| !(c.is_ascii_digit() || c == '.')).map(|word| word.trim_matches('.'));
        words.filter(is_number).map(str::to_owned).collect()
    }
}

#[test]
fn every_number_with_decimals_is_measured() {
    let mut loose = Vec::new();
    for lesson in lessons() {
        loose.extend(lesson.loose_numbers().iter().map(|number| format!("{}: {number}", lesson.named())));
    }
    assert!(loose.is_empty(), "write them as [NUMBER](measure:KEY), or in backquotes:\n{}", loose.join("\n"));
    // The test can find one.
    let lesson = |text: &str| Lesson { language: "en", file: String::new(), text: text.to_owned() };
    let text = "It is 0.5. Not `0.25`, nor [0.75](measure:a:test/b), version 1.2.3, or\n```console\n0.1\n```\n";
    assert_eq!(lesson(text).loose_numbers(), ["0.5"]);
    assert_eq!(lesson(text).measures(), [("0.75".to_owned(), "a:test/b".to_owned())]);
}

#[test]
fn all_languages_have_the_same_lessons() {
    let lessons = lessons();
    let of = |language: &str| lessons.iter().filter(|lesson| lesson.language == language).collect::<Vec<_>>();
    let (first, second) = (of(LANGUAGES[0]), of(LANGUAGES[1]));
    let files = |lessons: &[&Lesson]| lessons.iter().map(|lesson| lesson.file.clone()).collect::<Vec<_>>();
    assert!(!first.is_empty());
    assert_eq!(files(&first), files(&second));
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a.widgets(), b.widgets(), "{}", a.file);
        assert_eq!(a.blocks(), b.blocks(), "{}", a.file);
        let sorted = |lesson: &Lesson| lesson.measures().into_iter().collect::<BTreeSet<_>>();
        assert_eq!(sorted(a), sorted(b), "{}", a.file);
    }
}

/// The evaluations of a config's runs, with its own seed or `num_seeds` from it on.
fn evaluations(config: &str, num_seeds: u64) -> Vec<Evaluation> {
    let lab = Lab::new();
    let loaded = LoadedConfig::load(&config_file(config), &[]).unwrap();
    // The run that it starts from, by the config that trains it.
    if let Some(before) = &loaded.config.model.init_from {
        lab.train(before, &[]);
    }
    let seeds = loaded.config.seed..loaded.config.seed + num_seeds;
    seeds.map(|seed| lab.train(config, &[&format!("seed={seed}")]).evaluation.unwrap()).collect()
}

#[test]
fn measured_numbers_are_measured_again() {
    let lessons = lessons();
    let all: BTreeSet<(String, String)> = lessons.iter().flat_map(Lesson::measures).collect();
    let parsed = |key: &str| -> (String, String, u64) {
        let parts: Vec<&str> = key.split(':').collect();
        let [config, metric, ref seeds @ ..] = parts[..] else { panic!("measure:{key} is no CONFIG:test/METRIC") };
        let metric = metric.strip_prefix("test/").unwrap_or_else(|| panic!("measure:{key} is not of the test part"));
        (config.to_owned(), metric.to_owned(), seeds.first().map_or(1, |seeds| seeds.parse().unwrap()))
    };
    let runs: BTreeSet<(String, u64)> =
        all.iter().map(|(_, key)| parsed(key)).map(|(c, _, seeds)| (c, seeds)).collect();
    let found: BTreeMap<(String, u64), Vec<Evaluation>> = thread::scope(|scope| {
        let start = |(config, seeds): &(String, u64)| {
            let (config, seeds) = (config.clone(), *seeds);
            scope.spawn(move || ((config.clone(), seeds), evaluations(&config, seeds)))
        };
        let all: Vec<_> = runs.iter().map(start).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let mut wrong = Vec::new();
    for (printed, key) in &all {
        let (config, metric, seeds) = parsed(key);
        let values = &found[&(config, seeds)];
        let mean = values.iter().map(|evaluation| evaluation.metric(&metric)).sum::<f64>() / values.len() as f64;
        let decimals = printed.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        if format!("{mean:.decimals$}") != *printed {
            wrong.push(format!("[{printed}](measure:{key}) is {mean:.decimals$}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
