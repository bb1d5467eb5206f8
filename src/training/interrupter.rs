//! Ends a training from outside.

/// Asks a training to end at its next step; it keeps its best weights. Clones share the request.
///
/// Burn's own, so that what starts a training need not know Burn.
#[derive(Clone)]
pub struct Interrupter(burn::train::Interrupter);

impl Interrupter {
    /// One that lets the training go on.
    pub fn new() -> Self {
        Self(burn::train::Interrupter::new())
    }

    /// Asks for the end, for this reason.
    pub fn stop(&self, reason: &str) {
        self.0.stop(Some(reason));
    }

    /// Whether the training is to end.
    pub fn should_stop(&self) -> bool {
        self.0.should_stop()
    }

    /// As Burn's Learner takes it.
    pub(super) fn of_learner(&self) -> burn::train::Interrupter {
        self.0.clone()
    }
}

impl Default for Interrupter {
    fn default() -> Self {
        Self::new()
    }
}
