//! Attention maps of a transformer on one test example.

use super::subject::{Shares, Subject};
use crate::data::ImageShape;
use crate::plots;

/// Maximum number of characters of a text shown.
const MOST_CHARACTERS: usize = 32;

/// For an image: how much attention each patch receives, from the class token or from all tokens on average. For
/// anything else: the attention matrix of each head.
pub(super) fn attention(subject: &Subject) -> Option<String> {
    if subject.test.is_empty() {
        return None;
    }
    let blocks = subject.network.attention(subject.test, subject.example)?;
    let num_tokens = blocks.first()?.num_tokens;
    let attention = match subject.preprocessor.image_shape() {
        Some(shape) => of_image(subject, shape, &blocks)?,
        None => of_sequence(subject, num_tokens, &blocks),
    };
    Some(plots::attention(&subject.titled("Attention"), &attention))
}

fn of_image(subject: &Subject, shape: ImageShape, blocks: &[Shares]) -> Option<plots::Attention> {
    let transformer = subject.model.transformer()?;
    let layout = subject.preprocessor.layout();
    let patches = transformer.patches(&layout);
    let num_patches = patches[0] * patches[1];
    let has_class_token = blocks.first()?.num_tokens > num_patches;
    let received = |shares: &[f32], num_tokens: usize| -> Vec<f64> {
        let (first, looking) = if has_class_token { (1, 1) } else { (0, num_tokens) };
        let of_patch = |patch: usize| {
            let looks = shares.chunks_exact(num_tokens).take(looking).map(|row| f64::from(row[first + patch]));
            looks.sum::<f64>() / looking as f64
        };
        (0..num_patches).map(of_patch).collect()
    };
    let by = if has_class_token { "the class token" } else { "all patches on average" };
    Some(plots::Attention {
        about: format!("Attention that each patch{} receives from {by}, for each head.", subject.example_told()),
        image: Some((
            shape.height,
            shape.width,
            shape.grey(&subject.preprocessor.raw_numbers(subject.test, subject.example)),
        )),
        shape: (patches[0], patches[1]),
        cell: (shape.height / patches[0], shape.width / patches[1]),
        tokens: Vec::new(),
        blocks: blocks
            .iter()
            .map(|block| block.heads().map(|shares| received(shares, block.num_tokens)).collect())
            .collect(),
    })
}

fn of_sequence(subject: &Subject, num_tokens: usize, blocks: &[Shares]) -> plots::Attention {
    let shown = num_tokens.min(MOST_CHARACTERS);
    let corner = |shares: &[f32]| -> Vec<f64> {
        let rows = shares.chunks_exact(num_tokens).take(shown);
        rows.flat_map(|row| row[..shown].iter().map(|&share| f64::from(share))).collect()
    };
    plots::Attention {
        about: format!(
            "Attention between the first {shown} tokens of test example {}, for each head: rows are queries, which look, \
             columns are keys, which are looked at.",
            subject.example + 1
        ),
        tokens: characters(subject, shown),
        image: None,
        shape: (shown, shown),
        cell: (1, 1),
        blocks: blocks.iter().map(|block| block.heads().map(corner).collect()).collect(),
    }
}

/// The first characters of a text, those that are not seen by a sign; none of other inputs.
fn characters(subject: &Subject, shown: usize) -> Vec<String> {
    let Some(known) = subject.preprocessor.characters() else { return Vec::new() };
    let known: Vec<char> = known.chars().collect();
    let name = |&number: &f32| match known.get(number as usize) {
        None => "?".to_owned(),
        Some(' ') => "\u{2423}".to_owned(),
        Some('\n') => "\u{23ce}".to_owned(),
        Some(character) => character.to_string(),
    };
    subject.test.input(subject.example)[..shown].iter().map(name).collect()
}
