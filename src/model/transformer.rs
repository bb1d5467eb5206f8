//! The transformer (Vaswani et al. 2017), with pre-layer normalisation (Xiong et al. 2020).
//!
//! An image is cut into patches, each of which is a token (Dosovitskiy et al. 2021); each column of a table is a token,
//! and so is each character of a text, where attention is causal.

use burn::module::{Module, Param};
use burn::nn::Linear;
use burn::tensor::Tensor;
use burn::tensor::backend::Backend;
use burnlab_cpu::{FusedBackend, Heads, Kernels, attention_weights, concatenate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dense::{dense, dense_steps};
use super::norm::LayerNorm;
use super::parameters::{InitializedParams, ParameterSpecs, Start};
use super::sequence::characters;
use super::{Activation, DropoutRng, Initializer, Kind, NamedWeights, in_range, kind_reads_numbers};
use crate::data::{Layout, Task};
use crate::figures::counted;
use crate::invalid::Invalid;
use crate::network::Layer;

mod layers;
mod memory;

pub use memory::TextMemory;

/// Scores of attention in a row of the data: 4 GiB where all of them are stored.
const MAX_SCORES: usize = 1 << 30;

/// Standard deviation of initial embeddings, as in GPT-2 and ViT; also of positions in a text.
const EMBEDDING_DEVIATION: f64 = 0.02;
/// That of the positions of patches: as large as the patch embeddings, so that a network trained on few examples uses
/// them from the start. With 0.02 digits-transformer reached 0.955 instead of 0.972 (measured).
const POSITION_DEVIATION: f64 = 0.3;

/// `[model] kind = "transformer"`: for images, sequences of numbers, and texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TransformerConfig {
    /// Embedding size of a token, a multiple of `heads`; 1 to 16384.
    pub width: usize,
    /// Attention heads per block, which split the width; 1 to 256.
    pub heads: usize,
    /// Number of blocks, each of attention and a feed-forward network; 1 to 64.
    pub depth: usize,
    /// Hidden units of a block's feed-forward network; by default 4 x width, up to 65536.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed_forward: Option<usize>,
    /// Height and width of a patch in pixels; by default a row of an image, or one column of a table. Not for texts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patch: Option<[usize; 2]>,
    /// What the output layer reads. For a text it reads every character.
    pub pooling: Pooling,
    /// Activation of the feed-forward network.
    pub activation: Activation,
    /// Probability that a value is dropped after each part of a block in a training step; 0 <= p < 1, 0 = off.
    pub dropout: f64,
}

/// How tokens are pooled into one vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pooling {
    /// The mean of all tokens
    Mean,
    /// An additional learned token that collects information from the others (Devlin et al. 2019)
    ClassToken,
}

impl Default for TransformerConfig {
    fn default() -> Self {
        Self {
            width: 64,
            heads: 4,
            depth: 2,
            feed_forward: None,
            patch: None,
            pooling: Pooling::Mean,
            activation: Activation::Gelu,
            dropout: 0.1,
        }
    }
}

impl Kind for TransformerConfig {
    fn validate(&self) -> Result<(), Invalid> {
        in_range("width", "values of a token", &[self.width], 1..=16_384)?;
        in_range("heads", "heads", &[self.heads], 1..=256)?;
        in_range("depth", "blocks", &[self.depth], 1..=64)?;
        in_range("feed_forward", "units", &[self.units()], 1..=65_536)?;
        in_range("patch", "pixels a side", &self.patch.unwrap_or([1, 1]), 1..=1 << 24)?;
        Invalid::unless(self.width.is_multiple_of(self.heads), "model.width", || {
            format!("{} heads cannot share a width of {}: choose a multiple", self.heads, self.width)
        })?;
        DropoutRng::check(self.dropout)
    }

    fn check(&self, layout: &Layout, _task: Task) -> Result<(), Invalid> {
        if layout.num_characters.is_some() {
            Invalid::unless(self.patch.is_none(), "model.patch", || {
                "each character of a text is a token: remove patch".into()
            })?;
            return self.check_heads(self.num_tokens(layout));
        }
        kind_reads_numbers("transformer", layout)?;
        let ([height, width], [rows, columns]) = (grid(layout), self.patch_of(layout));
        Invalid::unless(height.is_multiple_of(rows) && width.is_multiple_of(columns), "model.patch", || {
            format!("inputs of {height} x {width} cannot be cut into patches of {rows} x {columns}: choose divisors")
        })?;
        let num_tokens = self.num_tokens(layout);
        Invalid::unless(num_tokens <= 8192, "model.patch", || {
            format!("{num_tokens} tokens that each look at each other do not fit in memory: choose larger patches")
        })?;
        self.check_heads(num_tokens)
    }

    fn parameter_specs(&self, layout: &Layout, num_outputs: usize) -> ParameterSpecs {
        let mut specs = ParameterSpecs::default();
        let (width, initializer) = (self.width, Initializer::Glorot);
        let near_zero = Start::Normal(EMBEDDING_DEVIATION);
        match layout.num_characters {
            Some(count) => specs.weight("embedding", &[count, width], near_zero),
            None => {
                let [rows, columns] = self.patch_of(layout);
                specs.linear("patches", [rows * columns, width], initializer, self.activation);
            }
        }
        if self.has_class_token(layout) {
            specs.weight("class_token", &[1, width], near_zero);
        }
        let deviation = if layout.num_characters.is_some() { EMBEDDING_DEVIATION } else { POSITION_DEVIATION };
        specs.weight("positions", &[self.num_tokens(layout), width], Start::Normal(deviation));
        for block in 0..self.depth {
            specs.layer_norm(&format!("blocks.{block}.attention_norm"), width);
            specs.linear(&format!("blocks.{block}.attention.inputs"), [width, 3 * width], initializer, self.activation);
            specs.linear(&format!("blocks.{block}.attention.output"), [width, width], initializer, self.activation);
            specs.layer_norm(&format!("blocks.{block}.feed_forward_norm"), width);
            specs.linear(
                &format!("blocks.{block}.feed_forward.0"),
                [width, self.units()],
                initializer,
                self.activation,
            );
            specs.linear(
                &format!("blocks.{block}.feed_forward.1"),
                [self.units(), width],
                initializer,
                self.activation,
            );
        }
        specs.layer_norm("norm", width);
        specs.linear("output", [width, num_outputs], initializer, self.activation);
        specs
    }

    fn head(&self) -> String {
        "output.".into()
    }

    fn layers<'a>(&self, layout: &Layout, _task: Task, weights: &'a NamedWeights) -> Vec<Layer<'a>> {
        self.plain_layers(layout, weights)
    }

    fn describe(&self, layout: &Layout, num_outputs: usize) -> String {
        let Self { width, heads, depth, .. } = self;
        let num_tokens = self.num_tokens(layout);
        let token = match layout.num_characters {
            Some(_) => "characters".into(),
            None => format!("tokens of {}", self.patch_of(layout).iter().product::<usize>()),
        };
        let blocks = if *depth == 1 { "block" } else { "blocks" };
        let (heads, outputs) = (counted(heads, "head"), counted(num_outputs, "output"));
        format!("transformer, {depth} {blocks} of {heads}, width {width}, over {num_tokens} {token}, {outputs}")
    }

    fn larger(&self) -> (&'static str, String) {
        ("try a wider net", format!("model.width={}", self.width * 2))
    }

    fn resolved(self) -> Self {
        Self { feed_forward: Some(self.units()), ..self }
    }
}

/// Rows and columns of the inputs; a table has one row.
fn grid(layout: &Layout) -> [usize; 2] {
    layout.image_shape.unwrap_or([1, layout.num_inputs()])
}

impl TransformerConfig {
    fn units(&self) -> usize {
        self.feed_forward.unwrap_or(4 * self.width)
    }

    /// Checks the memory of attention, by which all tokens look at each other once for each head.
    fn check_heads(&self, num_tokens: usize) -> Result<(), Invalid> {
        let num_scores = (num_tokens * num_tokens).saturating_mul(self.heads);
        Invalid::unless(num_scores <= MAX_SCORES, "model.heads", || {
            format!(
                "{num_tokens} tokens that each look at each other with {} heads do not fit in memory: use fewer",
                self.heads
            )
        })
    }

    fn patch_of(&self, layout: &Layout) -> [usize; 2] {
        self.patch.unwrap_or([1, layout.image_shape.map_or(1, |[_, width]| width)])
    }

    /// Number of patches per example: rows and columns.
    pub fn patches(&self, layout: &Layout) -> [usize; 2] {
        let ([height, width], [rows, columns]) = (grid(layout), self.patch_of(layout));
        [height / rows, width / columns]
    }

    fn has_class_token(&self, layout: &Layout) -> bool {
        self.pooling == Pooling::ClassToken && layout.num_characters.is_none()
    }

    /// Number of tokens per example, including the class token.
    fn num_tokens(&self, layout: &Layout) -> usize {
        match layout.num_characters {
            Some(_) => layout.num_inputs(),
            None => self.patches(layout).iter().product::<usize>() + usize::from(self.has_class_token(layout)),
        }
    }

    pub(super) fn build<B: Backend>(&self, layout: &Layout, params: &mut InitializedParams<B>) -> Transformer<B> {
        let block = |index: usize, params: &mut InitializedParams<B>| Block {
            attention_norm: LayerNorm::build(params, &format!("blocks.{index}.attention_norm")),
            attention: Attention {
                inputs: params.linear(&format!("blocks.{index}.attention.inputs")),
                output: params.linear(&format!("blocks.{index}.attention.output")),
                heads: self.heads,
                is_causal: layout.num_characters.is_some(),
            },
            feed_forward_norm: LayerNorm::build(params, &format!("blocks.{index}.feed_forward_norm")),
            feed_forward: [0, 1].map(|layer| params.linear(&format!("blocks.{index}.feed_forward.{layer}"))).into(),
        };
        Transformer {
            embedding: layout.num_characters.map(|_| params.take("embedding")),
            patches: layout.num_characters.is_none().then(|| params.linear("patches")),
            class_token: self.has_class_token(layout).then(|| params.take("class_token")),
            positions: params.take("positions"),
            blocks: (0..self.depth).map(|index| block(index, params)).collect(),
            norm: LayerNorm::build(params, "norm"),
            output: params.linear("output"),
            grid: grid(layout),
            patch: self.patch_of(layout),
            activation: self.activation,
            dropout: self.dropout,
            kernels: Kernels::default(),
        }
    }
}

/// Tokens, blocks, and a linear output.
#[derive(Module, Debug)]
pub struct Transformer<B: Backend> {
    /// For a text: `[characters, width]`.
    embedding: Option<Param<Tensor<B, 2>>>,
    /// For anything else: maps the pixels of a patch to a token.
    patches: Option<Linear<B>>,
    /// `[1, width]`
    class_token: Option<Param<Tensor<B, 2>>>,
    /// `[tokens, width]`
    positions: Param<Tensor<B, 2>>,
    blocks: Vec<Block<B>>,
    norm: LayerNorm<B>,
    output: Linear<B>,
    grid: [usize; 2],
    patch: [usize; 2],
    #[module(skip)]
    activation: Activation,
    dropout: f64,
    #[module(skip)]
    kernels: Kernels,
}

/// Attention, then a feed-forward network on each token, both with a residual connection.
#[derive(Module, Debug)]
struct Block<B: Backend> {
    attention_norm: LayerNorm<B>,
    attention: Attention<B>,
    feed_forward_norm: LayerNorm<B>,
    feed_forward: Vec<Linear<B>>,
}

/// Multi-head self-attention.
#[derive(Module, Debug)]
struct Attention<B: Backend> {
    /// Projects to queries, keys and values: `[width, 3 x width]`.
    inputs: Linear<B>,
    output: Linear<B>,
    heads: usize,
    /// Whether a token attends only to itself and those before it.
    is_causal: bool,
}

impl<B: Backend> Transformer<B> {
    pub(super) fn with_kernels(self, kernels: Kernels) -> Self {
        Self { kernels, ..self }
    }
}

impl<B: FusedBackend> Transformer<B> {
    pub(super) fn forward(&self, inputs: Tensor<B, 2>, mut rng: Option<&mut DropoutRng>) -> Tensor<B, 2> {
        let [batch, _] = inputs.dims();
        let mut tokens = self.tokens(inputs);
        for block in &self.blocks {
            tokens = block.forward(tokens, batch, self, rng.as_deref_mut());
        }
        let tokens = self.norm.forward(tokens, None, self.kernels);
        let [rows, width] = tokens.dims();
        let of_example = |tokens: Tensor<B, 2>| tokens.reshape([batch, rows / batch, width]);
        let read = match (&self.embedding, &self.class_token) {
            (Some(_), _) => tokens,
            (None, Some(_)) => of_example(tokens).narrow(1, 0, 1).reshape([batch, width]),
            (None, None) => of_example(tokens).mean_dim(1).reshape([batch, width]),
        };
        // [batch, num_outputs], of a text [batch x characters, num_outputs]
        dense(&self.output, read, None, self.kernels)
    }

    /// Attention weights of each block: `[batch, heads, tokens, tokens]`, whose rows sum to 1. The class token, if any,
    /// is the first.
    pub(super) fn attention(&self, inputs: Tensor<B, 2>) -> Vec<Tensor<B, 4>> {
        let [batch, _] = inputs.dims();
        let mut tokens = self.tokens(inputs);
        let mut weights = Vec::with_capacity(self.blocks.len());
        for block in &self.blocks {
            let [rows, width] = tokens.dims();
            let parts = block.attention_inputs(tokens.clone(), self.kernels);
            weights.push(attention_weights(parts.reshape([batch, rows / batch, 3 * width]), block.attention.heads()));
            tokens = block.forward(tokens, batch, self, None);
        }
        weights
    }

    /// `[batch, num_inputs]` to `[batch x tokens, width]`.
    fn tokens(&self, inputs: Tensor<B, 2>) -> Tensor<B, 2> {
        let [batch, _] = inputs.dims();
        let mut tokens = match &self.embedding {
            Some(embedding) => characters(inputs, embedding.val(), self.kernels),
            None => {
                let patches = self.patches.as_ref().expect("what is no text has patches");
                let ([height, width], [rows, columns]) = (self.grid, self.patch);
                let (down, across) = (height / rows, width / columns);
                let pixels = inputs.reshape([batch, down, rows, across, columns]).swap_dims(2, 3);
                let pixels = pixels.reshape([batch, down * across, rows * columns]);
                dense_steps(patches, pixels, None, self.kernels)
            }
        };
        let [_, _, width] = tokens.dims();
        if let Some(class_token) = &self.class_token {
            let class_token = class_token.val().reshape([1, 1, width]).expand([batch, 1, width]);
            tokens = concatenate(vec![class_token, tokens], 1);
        }
        let count = tokens.dims()[1]; // while a text is generated, there may be fewer than positions
        let positions = self.positions.val();
        let positions = if count < positions.dims()[0] { positions.narrow(0, 0, count) } else { positions };
        let tokens = tokens.reshape([batch, count * width]);
        let tokens = self.kernels.add_to_examples(tokens, positions.reshape([count * width]));
        tokens.reshape([batch * count, width])
    }
}

impl<B: FusedBackend> Block<B> {
    /// Tokens `[batch x tokens, width]` to as many.
    fn forward(
        &self,
        tokens: Tensor<B, 2>,
        batch: usize,
        whole: &Transformer<B>,
        rng: Option<&mut DropoutRng>,
    ) -> Tensor<B, 2> {
        let [rows, width] = tokens.dims();
        let parts = self.attention_inputs(tokens.clone(), whole.kernels);
        let parts = parts.reshape([batch, rows / batch, 3 * width]);
        let seen = whole.kernels.multi_head_attention(parts, self.attention.heads()).reshape([rows, width]);
        self.after_attention(tokens, seen, whole, rng)
    }

    /// Queries, keys and values of `tokens` `[rows, width]`, side by side: `[rows, 3 x width]`.
    fn attention_inputs(&self, tokens: Tensor<B, 2>, kernels: Kernels) -> Tensor<B, 2> {
        let normal = self.attention_norm.forward(tokens, None, kernels);
        dense(&self.attention.inputs, normal, None, kernels)
    }

    /// What follows attention, which has `seen` values for each of `tokens`; all `[rows, width]`.
    fn after_attention(
        &self,
        tokens: Tensor<B, 2>,
        seen: Tensor<B, 2>,
        whole: &Transformer<B>,
        mut rng: Option<&mut DropoutRng>,
    ) -> Tensor<B, 2> {
        let kernels = whole.kernels;
        let mut drop = |values| DropoutRng::drop(&mut rng, whole.dropout, values);
        let tokens = tokens + drop(dense(&self.attention.output, seen, None, kernels));
        let normal = self.feed_forward_norm.forward(tokens.clone(), None, kernels);
        let hidden = dense(&self.feed_forward[0], normal, Some(whole.activation), kernels);
        tokens + drop(dense(&self.feed_forward[1], hidden, None, kernels))
    }
}

impl<B: Backend> Attention<B> {
    fn heads(&self) -> Heads {
        Heads { count: self.heads, is_causal: self.is_causal }
    }
}

impl<B: Backend> Transformer<B> {
    /// See [`Net::largest_tensor`](super::Net::largest_tensor). Attention compares all tokens with each other.
    pub(super) fn largest_tensor(&self, _: usize) -> usize {
        let [num_tokens, _] = self.positions.dims();
        let scores = self.blocks.iter().map(|block| block.attention.heads * num_tokens).max().unwrap_or(0);
        self.largest_linear().max(num_tokens * scores)
    }

    /// See [`Net::largest_stored`](super::Net::largest_stored). Only the plain kernels store the scores of attention.
    pub(super) fn largest_stored(&self, num_inputs: usize) -> usize {
        if self.kernels == Kernels::Fused { self.largest_linear() } else { self.largest_tensor(num_inputs) }
    }

    fn largest_linear(&self) -> usize {
        let layers = self.blocks.iter().flat_map(|block| block.feed_forward.iter().chain([&block.attention.inputs]));
        let widest = layers.chain([&self.output]).map(|layer| layer.weight.dims()[1]).max().unwrap_or(0);
        let [num_tokens, _] = self.positions.dims();
        num_tokens * widest
    }
}
