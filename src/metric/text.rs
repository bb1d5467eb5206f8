//! What the metrics of a language model are computed from.

/// Counts over the characters of a text that a model predicted, enough for its metrics however long the text is.
#[derive(Clone, Copy, Debug, Default)]
pub struct CharacterCounts {
    /// Characters predicted.
    pub count: usize,
    /// Those whose most probable prediction came next.
    pub num_correct: usize,
    /// Sum of -ln p of the characters that came next, in nats.
    pub log_loss: f64,
}

impl CharacterCounts {
    /// Mean cross-entropy per character, in nats.
    pub fn mean_log_loss(&self) -> f64 {
        self.log_loss / self.count as f64
    }
}
