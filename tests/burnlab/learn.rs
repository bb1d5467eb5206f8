//! The lessons of `burnlab learn`: their measured numbers are computed again, and all languages say the same.
//!
//! A measured number is `[0.961](measure:CONFIG:WHAT)` ([`measures`]), or the result of a sum such as `3 × 3 = 9`. Every other
//! number of the texts is listed in [`FREE`], with the reason why it is no claim. Their commands are run by `guide`.

use std::collections::BTreeSet;
use std::path::Path;
use std::thread;

use crate::lab::config_file;

#[path = "learn/measures.rs"]
mod measures;

use measures::{Bench, Changed, Measure};

/// Numbers that nothing computes: the file of a lesson or of the widgets' words, the numbers, and what they are.
const FREE: &[(&str, &[&str], &str)] = &[
    ("", &["0", "1"], "the ends of a probability, the names of two classes, a weight of zero, one of something"),
    (
        "04-backprop.md",
        &["2", "3", "10"],
        "the shape 2-2-1 of the widget's net (`learn_page`), and steps that people try",
    ),
    ("05-digits.md", &["8"], "the side of an image, whose square is measured; also a digit to draw"),
    ("05-digits.md", &["2", "3"], "a choice of the widget, and a digit to draw"),
    ("07-early-stopping.md", &["5", "200", "95"], "choices of the widget, measured beside; the level of an interval"),
    ("08-convolution.md", &["2"], "the side of a pooled square"),
    ("09-recurrence.md", &["7"], "a digit"),
    ("11-gpt.md", &["2"], "the end of the slider"),
    ("12-fine-tuning.md", &["4", "5", "9"], "digits: the classes of the two configs"),
    (
        "strings",
        &["8", "64", "9", "10", "3", "16"],
        "pixels, digits and the net of the gallery, as in the lesson; the weights of a filter",
    ),
    ("strings", &["2", "95", "100"], "the name L2, the level of an interval, and the whole in per cent"),
];

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

    /// The shipped configs that its commands train.
    fn configs(&self) -> BTreeSet<&str> {
        let names = self.text.split("--config ").skip(1).filter_map(|rest| rest.split_whitespace().next());
        names.map(|name| name.trim_end_matches('`')).collect()
    }

    /// The text of the blocks, which is not prose.
    fn blocks(&self) -> Vec<&str> {
        self.text.split("```").skip(1).step_by(2).collect()
    }

    /// The prose: no blocks, code, widgets or headings of tables; measured numbers as `⟦0.961⟧`.
    fn prose(&self) -> String {
        let prose: String = self.text.split("```").step_by(2).collect::<Vec<_>>().join(" ");
        let lines = prose.lines().filter(|line| !line.trim().starts_with("{{")).collect::<Vec<_>>().join("\n");
        let prose: String = lines.split('`').step_by(2).collect::<Vec<_>>().join(" ");
        let mut parts = prose.split("](measure:");
        let mut text = parts.next().unwrap().to_owned();
        for part in parts {
            let start = text.rfind('[').unwrap();
            let number = text.split_off(start).split_off(1);
            text += &format!("⟦{number}⟧{}", part.split_once(')').unwrap().1);
        }
        text
    }

    /// Numbers of the prose that are neither measured nor part of a sum.
    fn loose_numbers(&self) -> Vec<String> {
        let (rest, _) = without_sums(&self.prose());
        let (mut plain, mut is_measured) = (String::new(), false);
        for character in rest.chars() {
            match character {
                '⟦' => is_measured = true,
                '⟧' => is_measured = false,
                _ if is_measured => {}
                other => plain.push(other),
            }
        }
        numbers(&plain)
    }
}

fn numbers(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !(c.is_ascii_digit() || c == '.')).map(|word| word.trim_matches('.'));
    words.filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The text without its sums, and those: `2 × 2 + 1 = 5`, with both sides.
fn without_sums(text: &str) -> (String, Vec<(String, f64, f64)>) {
    // After a Chinese mark there is no space.
    let spaced = ['，', '。', '：', '；', '（']
        .iter()
        .fold(text.to_owned(), |text, mark| text.replace(*mark, &format!("{mark} ")));
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let number = |word: &str| word.trim_matches(['⟦', '⟧', '.', ',', ';', '。', '，', '；']).parse::<f64>().ok();
    let is_part = |word: &str| number(word).is_some() || ["×", "+"].contains(&word);
    let (mut is_used, mut sums) = (vec![false; words.len()], Vec::new());
    for (at, _) in words.iter().enumerate().filter(|(_, word)| **word == "=") {
        let begin = (0..at).rev().take_while(|&i| is_part(words[i])).last().unwrap_or(at);
        // Where a sum ends in words, its result is what they begin with.
        let right: String = words[at + 1].chars().take_while(|c| c.is_ascii_digit() || "⟦⟧.".contains(*c)).collect();
        let left = words[begin..at].join(" ");
        let product = |term: &str| term.split(" × ").map(|factor| number(factor).unwrap()).product::<f64>();
        sums.push((left.clone(), left.split(" + ").map(product).sum(), number(&right).unwrap()));
        is_used[begin..=at + 1].fill(true);
    }
    let rest = words.iter().zip(is_used).filter(|(_, is_used)| !is_used).map(|(word, _)| *word);
    (rest.collect::<Vec<_>>().join(" "), sums)
}

fn is_free(file: &str, number: &str) -> bool {
    FREE.iter().any(|(of, numbers, _)| (of.is_empty() || file.contains(of)) && numbers.contains(&number))
}

#[test]
fn every_number_is_measured_or_no_claim() {
    let mut loose = Vec::new();
    for lesson in lessons() {
        let wrong = lesson.loose_numbers().into_iter().filter(|number| !is_free(&lesson.file, number));
        loose.extend(wrong.map(|number| format!("{}: {number}", lesson.named())));
        for (sum, left, right) in without_sums(&lesson.prose()).1 {
            assert_eq!(left, right, "{}: {sum}", lesson.named());
        }
    }
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/learn/assets");
    for language in LANGUAGES {
        let name = format!("strings.{language}.json");
        let text = std::fs::read_to_string(assets.join(&name)).unwrap();
        let texts: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
        for (key, text) in texts.values().flat_map(|part| part.as_object().unwrap()) {
            let found = numbers(text.as_str().unwrap()).into_iter().filter(|number| !is_free(&name, number));
            loose.extend(found.map(|number| format!("{name}, {key}: {number}")));
        }
    }
    assert!(loose.is_empty(), "write them as [NUMBER](measure:KEY), or say in `FREE` why not:\n{}", loose.join("\n"));
    // The test can find one.
    let lesson = |text: &str| Lesson { language: "en", file: String::new(), text: text.to_owned() };
    let text = "It is 0.5. Not `0.25`, nor [0.75](measure:a,b=[3]:test/b), but 12, or\n```console\n0.1\n```\n2 × 3 + 1 = [7](measure:a:b).";
    assert_eq!(lesson(text).loose_numbers(), ["0.5", "12"]);
    let found = [("0.75", "a,b=[3]:test/b"), ("7", "a:b")].map(|(a, b)| (a.to_owned(), b.to_owned()));
    assert_eq!(lesson(text).measures(), found);
    assert_eq!(without_sums(&lesson(text).prose()).1, [("2 × 3 + 1".to_owned(), 7.0, 7.0)]);
}

/// A line of a config in a text, such as `hidden = [16]`, is one of a config that the lesson trains.
#[test]
fn lines_of_configs_are_those_of_the_lessons_configs() {
    for lesson in lessons() {
        let texts: Vec<String> =
            lesson.configs().iter().map(|name| std::fs::read_to_string(config_file(name)).unwrap()).collect();
        let prose: String = lesson.text.split("```").step_by(2).collect();
        let quoted =
            prose.split('`').skip(1).step_by(2).filter(|code| code.contains(" = ") && !code.contains(['₀', '(']));
        for line in quoted {
            let is_there = texts.iter().any(|text| text.lines().any(|other| other.split(" #").next() == Some(line)));
            assert!(is_there, "{}: `{line}` is in none of {:?}", lesson.named(), lesson.configs());
        }
    }
}

/// Chinese sentences have full-width punctuation, a space between Han characters and figures, none between Han characters, and no
/// italics: its typefaces have none.
#[test]
fn chinese_is_set_as_chinese() {
    let is_han = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
    let is_half = |c: char| ",;:!?()\"'".contains(c);
    let wrong = |text: &str| -> Option<String> {
        let characters: Vec<char> = text.chars().collect();
        let at = characters.windows(2).position(|pair| {
            let [a, b] = [pair[0], pair[1]];
            (is_han(a) && (is_half(b) || b == '.' || b.is_ascii_digit()))
                || (is_han(b) && (is_half(a) || a.is_ascii_digit()))
                || a == '*'
        });
        let at = at.or_else(|| {
            characters.windows(3).position(|three| is_han(three[0]) && three[1] == ' ' && is_han(three[2]))
        })?;
        Some(characters[at.saturating_sub(10)..characters.len().min(at + 10)].iter().collect())
    };
    let mut all: Vec<(String, String)> = Vec::new();
    for lesson in lessons().iter().filter(|lesson| lesson.language == "zh") {
        let prose: String = lesson.text.split("```").step_by(2).collect();
        // Code and the targets of links are no Chinese.
        let prose: String = prose.split('`').step_by(2).collect::<Vec<_>>().join("a");
        let (mut text, mut rest) = (String::new(), prose.as_str());
        while let Some((before, after)) = rest.split_once("](") {
            text += &before.replacen('[', "", 1).replace('!', "");
            rest = after.split_once(')').unwrap().1;
        }
        all.extend((text + rest).lines().map(|line| (lesson.file.clone(), line.to_owned())));
    }
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/learn/assets/strings.zh.json");
    let parts: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(assets).unwrap()).unwrap();
    for (key, text) in parts.as_object().unwrap().values().flat_map(|part| part.as_object().unwrap()) {
        all.push((key.clone(), text.as_str().unwrap().to_owned()));
    }
    let found: Vec<String> =
        all.iter().filter_map(|(place, text)| Some(format!("{place}: {}", wrong(text)?))).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    for text in ["一个,", "第1课", "一个 网络", "*重要*", "测试: 一"] {
        assert!(wrong(text).is_some(), "{text}");
    }
    assert_eq!(wrong("第 1 课，ReLU（负数变成 0）"), None);
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

#[test]
fn measured_numbers_are_measured_again() {
    let all: BTreeSet<(String, String)> = lessons().iter().flat_map(Lesson::measures).collect();
    let bench = Bench::new();
    let measures: Vec<(&str, &str, Measure)> =
        all.iter().map(|(printed, key)| (&**printed, &**key, Measure::parse(key))).collect();
    // Those of a config one after the other, so that nothing is trained twice.
    let firsts: BTreeSet<&Changed> = measures.iter().map(|(.., measure)| &measure.configs[0]).collect();
    let check = |config: &Changed| -> Vec<String> {
        let of_config = measures.iter().filter(|(.., measure)| measure.configs == [config.clone()]);
        of_config.filter_map(|one| told_wrong(one, &bench)).collect()
    };
    let mut wrong: Vec<String> = thread::scope(|scope| {
        let all: Vec<_> = firsts.iter().map(|config| scope.spawn(|| check(config))).collect();
        all.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    let compared = measures.iter().filter(|(.., measure)| measure.configs.len() > 1);
    wrong.extend(compared.filter_map(|one| told_wrong(one, &bench)));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is to be written instead of a number that is not so.
fn told_wrong((printed, key, measure): &(&str, &str, Measure), bench: &Bench) -> Option<String> {
    let decimals = printed.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let value = measure.value(bench);
    let found = format!("{value:.decimals$}");
    // Matrix products add in another order on another CPU: the mean accuracy of ten seeds that is 0.895 with AVX-512 was 0.8943
    // without (measured). A count is exact.
    let unit = 10f64.powi(-(decimals as i32));
    let is_near = decimals > 0 && printed.parse().is_ok_and(|printed: f64| (value - printed).abs() <= unit);
    (found != *printed && !is_near).then(|| format!("[{printed}](measure:{key}) is {found}"))
}
