//! Batches: rows gathered into tensors, in an order determined by a seed.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use burn::data::dataloader::{DataLoader, DataLoaderIterator, Progress};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::{Augment, Examples, Nearness, RowReader};

/// What one training or inference step receives.
#[derive(Clone, Debug)]
pub struct Batch<B: Backend> {
    /// `[batch, num_inputs]`
    pub inputs: Tensor<B, 2>,
    /// On the CPU, as in [`Examples::targets`](super::Examples): one or several per row; for a text the indices of the next characters,
    /// row-major, one per element of `inputs`.
    pub labels: Vec<f32>,
    /// Number targets in their own units; empty for classes, labels and texts.
    pub numbers: Vec<f64>,
    /// How much each row counts; empty where all count the same.
    pub weights: Vec<f32>,
    /// Seed of this step's dropout.
    pub noise_seed: u64,
}

/// The order in which rows are visited.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Order {
    /// In the order of the data.
    Sequential,
    /// A new permutation each epoch, from the seed and the epoch's number.
    Shuffled { seed: u64 },
}

/// Feeds [`Examples`] to Burn's Learner.
///
/// Each call of [`DataLoader::iter`] is one epoch: the epochs are counted here, so that a resumed run shuffles epoch n
/// as an uninterrupted one does.
#[derive(Clone)]
pub struct Loader<B: Backend> {
    examples: Arc<Examples>,
    batch_size: usize,
    order: Order,
    device: B::Device,
    augment: Option<Arc<Augment>>,
    epochs_begun: Arc<AtomicUsize>,
}

impl<B: Backend> Loader<B> {
    /// A loader of `examples` in batches of `batch_size` rows (the last may be smaller).
    pub fn new(examples: Arc<Examples>, batch_size: usize, order: Order, device: B::Device) -> Self {
        Self { examples, batch_size, order, device, augment: None, epochs_begun: Arc::default() }
    }

    /// The loader with each image changed by `augment`.
    pub fn augmented(self, augment: Option<Arc<Augment>>) -> Self {
        Self { augment, ..self }
    }

    /// The loader of a training run that resumes after `epochs` epochs.
    pub fn continued(self, epochs: usize) -> Self {
        Self { epochs_begun: Arc::new(AtomicUsize::new(epochs)), ..self }
    }
}

impl<B: Backend> DataLoader<B, Batch<B>> for Loader<B> {
    fn iter<'a>(&'a self) -> Box<dyn DataLoaderIterator<Batch<B>> + 'a> {
        let epoch = self.epochs_begun.fetch_add(1, Ordering::Relaxed) as u64;
        let mut order: Vec<u32> = (0..self.examples.len() as u32).collect();
        let mut epoch_seed = epoch;
        if let Order::Shuffled { seed } = self.order {
            epoch_seed = derive_seed(seed, epoch);
            self.examples.shuffle(&mut order, &mut ChaCha8Rng::seed_from_u64(epoch_seed));
        }
        let nearness = match self.order {
            Order::Shuffled { .. } => Nearness::InWindows,
            Order::Sequential if self.examples.rows.is_sorted() => Nearness::InOrder,
            Order::Sequential => Nearness::Random,
        };
        let reader = self.examples.reader(nearness);
        Box::new(Batches { loader: self, reader, order, next: 0, epoch_seed })
    }

    fn num_items(&self) -> usize {
        self.examples.len()
    }

    fn to_device(&self, device: &B::Device) -> Arc<dyn DataLoader<B, Batch<B>>> {
        Arc::new(Self { device: device.clone(), ..self.clone() })
    }

    fn slice(&self, start: usize, end: usize) -> Arc<dyn DataLoader<B, Batch<B>>> {
        let width = self.examples.num_inputs;
        let examples = Examples {
            num_inputs: width,
            inputs: self.examples.gather(start..end),
            targets: self.examples.gather_targets(start..end),
            numbers: (start..end).flat_map(|row| self.examples.numbers_of(row)).copied().collect(),
            weights: self.examples.weights.get(start..end).unwrap_or_default().to_vec(),
            rows: self.examples.rows[start..end].into(),
            encoder: None,
        };
        Arc::new(Self { examples: Arc::new(examples), epochs_begun: Arc::default(), ..self.clone() })
    }
}

/// One pass over the rows.
struct Batches<'a, B: Backend> {
    loader: &'a Loader<B>,
    reader: Option<RowReader<'a>>,
    /// Positions of the examples; of more than 2^32 the cells would not fit in memory.
    order: Vec<u32>,
    next: usize,
    epoch_seed: u64,
}

impl<B: Backend> Iterator for Batches<'_, B> {
    type Item = Batch<B>;

    fn next(&mut self) -> Option<Batch<B>> {
        let Loader { examples, batch_size, device, augment, .. } = self.loader;
        let rows = &self.order[self.next..self.order.len().min(self.next + batch_size)];
        if rows.is_empty() {
            return None;
        }
        let width = examples.num_inputs;
        let positions = || rows.iter().map(|&position| position as usize);
        let mut inputs = examples.gather_by(self.reader.as_mut(), positions());
        let noise_seed = derive_seed(self.epoch_seed, self.next as u64);
        if let Some(augment) = augment {
            // Apart from the stream of dropout.
            augment.apply(&mut inputs, derive_seed(noise_seed, u64::MAX - 1));
        }
        let labels = examples.gather_targets(positions());
        let batch = Batch {
            inputs: Tensor::from_data(TensorData::new(inputs, [rows.len(), width]), device),
            labels,
            numbers: positions().flat_map(|position| examples.numbers_of(position)).copied().collect(),
            weights: positions().filter_map(|position| examples.weights.get(position)).copied().collect(),
            noise_seed,
        };
        self.next += rows.len();
        Some(batch)
    }
}

impl<B: Backend> DataLoaderIterator<Batch<B>> for Batches<'_, B> {
    fn progress(&self) -> Progress {
        Progress { items_processed: self.next, items_total: self.order.len() }
    }
}

/// Derives an independent seed from `seed` and a counter (the finalizer of SplitMix64, Steele et
/// al. 2014), so that the streams for weights, shuffles and dropout do not overlap.
pub fn derive_seed(seed: u64, counter: u64) -> u64 {
    let mut bits = seed ^ counter.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
