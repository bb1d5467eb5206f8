//! A text as a vector of a fixed length: the hashing trick (Weinberger et al. 2009, "Feature hashing for large scale multitask
//! learning"). Nothing is learned from the texts, so that any later text is read like those of training.
//!
//! A text becomes terms: its words in lower case, the pairs of words that follow each other, and of each word, with a space
//! before and after it, the pieces of 3 and of 4 characters, which tell of misspelt and inflected words. A term that occurs n
//! times counts `1 + ln n` (sublinear term frequency; Manning, Raghavan and Schütze 2008, "Introduction to information
//! retrieval", section 6.4.1). It is added to the bucket that its hash names, with the hash's sign, so that terms that
//! share a bucket cancel out on average. The vector has the length 1 (L2), as that of a category.
//!
//! The hash is MurmurHash3 (Appleby, x86, 32 bits, seed 0) of the term in UTF-8, read as a signed number: its size names the
//! bucket, as in scikit-learn's `FeatureHasher`, with whose numbers tests compare. Terms of characters begin with a byte 0,
//! since they are others than the words with the same letters.

use std::collections::BTreeMap;

/// Buckets by default.
pub(super) const BUCKETS: usize = 1024;
/// Words that follow each other.
const MOST_WORDS: usize = 2;
/// Characters of the pieces of a word.
const PIECES: [usize; 2] = [3, 4];

/// Buckets and their numbers.
pub(super) type Bag = Box<[(u32, f32)]>;

/// The buckets of a text that are not 0, ascending, each with its number; none where the text has no word.
pub(super) fn bag(text: &str, num_buckets: usize) -> Bag {
    // In the order of the terms, so that sums are the same everywhere.
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for term in terms(text) {
        *counts.entry(term).or_default() += 1;
    }
    let mut buckets: BTreeMap<usize, f64> = BTreeMap::new();
    for (term, count) in counts {
        let (bucket, sign) = hashed(&term, num_buckets);
        *buckets.entry(bucket).or_default() += f64::from(sign) * (1.0 + f64::from(count).ln());
    }
    let length = buckets.values().map(|number| number * number).sum::<f64>().sqrt();
    let scaled = |(bucket, number): (usize, f64)| (number != 0.0).then(|| (bucket as u32, (number / length) as f32));
    buckets.into_iter().filter_map(scaled).collect()
}

/// The bucket of a term, or of a rare category, and the sign with which it is added there, 1 or -1.
pub(super) fn hashed(term: &str, num_buckets: usize) -> (usize, f32) {
    let hash = murmur3(term.as_bytes()) as i32;
    (hash.unsigned_abs() as usize % num_buckets, if hash >= 0 { 1.0 } else { -1.0 })
}

fn terms(text: &str) -> Vec<String> {
    let words = words(text);
    let mut terms = Vec::new();
    for count in 1..=MOST_WORDS {
        terms.extend(words.windows(count).map(|words| words.join(" ")));
    }
    for word in &words {
        let padded: Vec<char> = [' '].into_iter().chain(word.chars()).chain([' ']).collect();
        for size in PIECES {
            terms.extend(padded.windows(size).map(|piece| ['\0'].iter().chain(piece).collect::<String>()));
        }
    }
    terms
}

/// Runs of letters and digits in lower case. Of scripts that write no spaces, each character is a word.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for character in text.chars() {
        if is_word_of_its_own(character) {
            words.extend([character.to_string(), String::new()]);
        } else if character.is_alphanumeric() {
            words.last_mut().expect("never empty").extend(character.to_lowercase());
        } else {
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Chinese characters, and Japanese syllables.
fn is_word_of_its_own(character: char) -> bool {
    matches!(character, '\u{3041}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3fffd}')
}

/// MurmurHash3_x86_32 with seed 0.
fn murmur3(bytes: &[u8]) -> u32 {
    const C1: u32 = 0xcc9e_2d51;
    const C2: u32 = 0x1b87_3593;
    let mixed = |block: u32| block.wrapping_mul(C1).rotate_left(15).wrapping_mul(C2);
    let (blocks, rest) = bytes.as_chunks::<4>();
    let mut hash: u32 = 0;
    for block in blocks {
        hash = (hash ^ mixed(u32::from_le_bytes(*block))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !rest.is_empty() {
        let mut last = [0; 4];
        last[..rest.len()].copy_from_slice(rest);
        hash ^= mixed(u32::from_le_bytes(last));
    }
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `sklearn.utils.murmurhash3_32(term, seed=0)`, scikit-learn 1.9.1.
    #[test]
    fn the_hash_is_that_of_scikit_learn() {
        let known = [
            ("", 0),
            ("a", 1_009_084_850),
            ("ab", -1_681_926_305),
            ("abc", -1_277_324_294),
            ("abcd", 1_139_631_978),
            ("hello world", 1_586_663_183),
            ("größe", -472_672_705),
        ];
        for (term, hash) in known {
            assert_eq!(murmur3(term.as_bytes()) as i32, hash, "{term}");
        }
    }

    /// `normalize(FeatureHasher(n_features=16, input_type="pair").transform(...))` of scikit-learn 1.9.1, of the pairs
    /// (term, 1 + log n) of terms that a regular expression finds.
    #[test]
    fn texts_are_bags_as_scikit_learn_hashes_them() {
        let known = [
            (
                "The cat sat on the mat, the CAT!",
                32,
                "0 -0.523693127 0.202150031 0.369952818 -0.082756966 0 0.119393065 0.034347244 -0.119393065 0 \
                 -0.082756966 -0.369952818 0.238786129 0.250559753 -0.369952818 -0.333316719",
            ),
            (
                "Größe: 3,5 — sehr gut",
                32,
                "0.416025147 -0.277350098 -0.138675049 0.138675049 0.416025147 0 0.277350098 0 -0.138675049 0 \
                 0.416025147 -0.277350098 -0.277350098 0.138675049 0.138675049 -0.277350098",
            ),
            (
                "很好 very good",
                23,
                "0.48507125 0.48507125 0.242535625 -0.242535625 0.242535625 0.242535625 0 0 0.242535625 0 \
                 -0.242535625 -0.242535625 0 0 -0.242535625 -0.242535625",
            ),
            ("a", 2, "0 0.707106781 0.707106781 0 0 0 0 0 0 0 0 0 0 0 0 0"),
        ];
        for (text, num_terms, expected) in known {
            let mut found = terms(text);
            found.sort();
            found.dedup();
            assert_eq!(found.len(), num_terms, "{text}: {found:?}");
            let mut vector = [0.0; 16];
            bag(text, 16).iter().for_each(|&(bucket, number)| vector[bucket as usize] = f64::from(number));
            let expected = expected.split_whitespace().map(|number| number.parse::<f64>().unwrap());
            for (found, expected) in vector.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-7, "{text}: {vector:?}");
            }
        }
        for empty in ["", " \n\t", "!?… —"] {
            assert!(bag(empty, 16).is_empty());
        }
    }

    /// `FeatureHasher(n_features=16, input_type="string").transform([[name]])` of scikit-learn 1.9.1.
    #[test]
    fn categories_are_hashed_as_by_scikit_learn() {
        let known =
            [("12345", (3, 1.0)), ("00712", (13, -1.0)), ("München", (3, 1.0)), ("a", (2, 1.0)), ("-3.5", (11, 1.0))];
        for (name, expected) in known {
            assert_eq!(hashed(name, 16), expected, "{name}");
        }
    }

    #[test]
    fn words_are_those_of_any_script() {
        assert_eq!(words("It's 3.5 Ärzte_x"), ["it", "s", "3", "5", "ärzte", "x"]);
        assert_eq!(words("很好 abc カナ"), ["很", "好", "abc", "カ", "ナ"]);
        assert!(terms("很好").contains(&"很 好".to_owned()));
        // Letter case, spaces and punctuation do not matter.
        assert_eq!(bag("Very good!", 64), bag("very   GOOD", 64));
        assert_ne!(bag("very good", 64), bag("good very", 64));
    }
}
