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
    let blocks = subject.network.attention(subject.test)?;
    let num_tokens = blocks.first()?.num_tokens;
    let attention = match subject.preprocessor.image_shape() {
        Some(shape) => of_image(subject, shape, &blocks)?,
        None => of_sequence(num_tokens, &blocks),
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
    let answer = subject.predictions.first().map(|row| {
        let name = |class: f64| subject.preprocessor.class_names().get(class as usize).cloned().unwrap_or_default();
        format!(" of row {} (label {}, prediction {})", row.row, name(row.truth()), name(row.answer.first()))
    });
    Some(plots::Attention {
        about: format!("Attention that each patch{} receives from {by}, for each head.", answer.unwrap_or_default()),
        image: Some((shape.height, shape.width, shape.grey(&subject.preprocessor.raw_numbers(subject.test, 0)))),
        shape: (patches[0], patches[1]),
        cell: (shape.height / patches[0], shape.width / patches[1]),
        blocks: blocks
            .iter()
            .map(|block| block.heads().map(|shares| received(shares, block.num_tokens)).collect())
            .collect(),
    })
}

fn of_sequence(num_tokens: usize, blocks: &[Shares]) -> plots::Attention {
    let shown = num_tokens.min(MOST_CHARACTERS);
    let corner = |shares: &[f32]| -> Vec<f64> {
        let rows = shares.chunks_exact(num_tokens).take(shown);
        rows.flat_map(|row| row[..shown].iter().map(|&share| f64::from(share))).collect()
    };
    plots::Attention {
        about: format!(
            "Attention between the first {shown} tokens of the first test example, for each head: rows are queries, \
             columns are keys."
        ),
        image: None,
        shape: (shown, shown),
        cell: (1, 1),
        blocks: blocks.iter().map(|block| block.heads().map(corner).collect()).collect(),
    }
}
