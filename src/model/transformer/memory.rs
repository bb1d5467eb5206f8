//! Reading a text character by character: what was computed of the characters before is kept.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use burnlab_cpu::{FusedBackend, attention_of_last, concatenate};

use super::{Transformer, characters};
use crate::model::dense::dense;

/// What a transformer keeps of the characters that it has read (its key-value cache). A character's queries, keys and values
/// depend on those before it, but on none after it; so another character costs one row of each layer, and attention to those
/// kept. The positions of a window that slides all change, and with them everything kept: it is read again.
#[derive(Clone, Debug)]
pub struct TextMemory<B: Backend> {
    read: Vec<usize>,
    /// Queries, keys and values in each block, `[1, characters read, 3 x width]`.
    blocks: Vec<Option<Tensor<B, 3>>>,
}

impl<B: Backend> Default for TextMemory<B> {
    fn default() -> Self {
        Self { read: Vec::new(), blocks: Vec::new() }
    }
}

impl<B: Backend> TextMemory<B> {
    /// Number of characters that need not be read again if they begin the text.
    pub fn len(&self) -> usize {
        self.read.len()
    }

    pub fn is_empty(&self) -> bool {
        self.read.is_empty()
    }
}

impl<B: FusedBackend> Transformer<B> {
    /// Logits `[1, num_outputs]` of the character that follows `text`, from 1 to as many characters as there are positions.
    pub(in crate::model) fn next_character(&self, text: &[usize], memory: &mut TextMemory<B>) -> Tensor<B, 2> {
        let goes_on = !memory.is_empty() && memory.len() < text.len() && text.starts_with(&memory.read);
        if !goes_on {
            *memory = TextMemory { read: Vec::new(), blocks: vec![None; self.blocks.len()] };
            return self.read(text, memory);
        }
        let new = text[memory.len()..].iter();
        new.map(|&character| self.read(&[character], memory)).last().expect("at least one new character")
    }

    /// Reads `new` characters, one of them if the memory has any; logits `[1, num_outputs]` after the last.
    fn read(&self, new: &[usize], memory: &mut TextMemory<B>) -> Tensor<B, 2> {
        let (start, count) = (memory.len(), new.len());
        let embedding = self.embedding.as_ref().expect("a text has an embedding").val();
        let device = embedding.device();
        let numbers: Vec<f32> = new.iter().map(|&number| number as f32).collect();
        let numbers = Tensor::from_data(TensorData::new(numbers, [1, count]), &device);
        let [_, width] = self.positions.dims();
        let tokens = characters(numbers, embedding, self.kernels).reshape([count, width]);
        let mut tokens = tokens + self.positions.val().narrow(0, start, count);
        for (index, (block, kept)) in self.blocks.iter().zip(&mut memory.blocks).enumerate() {
            let parts = block.attention_inputs(tokens.clone(), self.kernels).reshape([1, count, 3 * width]);
            let parts = match kept.take() {
                Some(before) => concatenate(vec![before, parts], 1),
                None => parts,
            };
            *kept = Some(parts.clone());
            let heads = block.attention.heads();
            // Of the last block only the last character is read.
            let seen = if start > 0 || index + 1 == self.blocks.len() {
                let [rows, _] = tokens.dims();
                tokens = tokens.narrow(0, rows - 1, 1);
                attention_of_last(parts, heads)
            } else {
                self.kernels.multi_head_attention(parts, heads).reshape([count, width])
            };
            tokens = block.after_attention(tokens, seen, self, None);
        }
        memory.read.extend_from_slice(new);
        let [rows, _] = tokens.dims();
        let last = self.norm.forward(tokens.narrow(0, rows - 1, 1), None, self.kernels);
        dense(&self.output, last, None, self.kernels)
    }
}
