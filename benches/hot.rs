//! The hot paths of training, one by one: `cargo bench --bench hot`.
//!
//! Medians of a training step and its parts on flex, for the tutorial's net (64-16-10, batch 200), a wide one
//! (784-512-256-10, batch 128) and the convolutional one of configs/mnist-cnn.toml.

use std::sync::Arc;

use burn::backend::{Autodiff, Flex};
use burn::data::dataloader::DataLoader;
use burn::optim::Optimizer;
use burn::train::TrainStep;
use burnlab::data::{Batch, Examples, Layout, Loader, Order, Task};
use burnlab::model::{Architecture, CnnConfig, MlpConfig, ModelConfig};
use burnlab::training::objective::Objective;
use burnlab::training::task::Trainee;
use burnlab::training::{ChosenOptimizer, OutputDecoder, TrainingConfig};
use burnlab_cpu::{Kernels, Matrix, product};
use divan::{Bencher, black_box};

type B = Autodiff<Flex>;

const CLASSES: usize = 10;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A net, and rows for it.
#[derive(Clone, Copy)]
struct Work {
    name: &'static str,
    num_inputs: usize,
    /// Of an mlp; `None` = a convolutional network.
    hidden: Option<&'static [usize]>,
    batch: usize,
}

impl std::fmt::Display for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

const WORKS: [Work; 2] = [
    Work { name: "64-16-10", num_inputs: 64, hidden: Some(&[16]), batch: 200 },
    Work { name: "784-512-256-10", num_inputs: 784, hidden: Some(&[512, 256]), batch: 128 },
];
const MNIST_CNN: Work = Work { name: "mnist-cnn", num_inputs: 28 * 28, hidden: None, batch: 128 };

impl Work {
    fn task(self) -> Task {
        Task::MultiClass { num_classes: CLASSES }
    }

    fn loader(self) -> Loader<B> {
        let num_rows = 20 * self.batch;
        let number = |i: usize| (i * 7919 % 1000) as f32 / 1000.0;
        let examples = Examples {
            inputs: (0..num_rows * self.num_inputs).map(number).collect(),
            targets: (0..num_rows).map(|row| (row % CLASSES) as f32).collect(),
            rows: (0..num_rows as u32).collect(),
            ..Examples::none(self.num_inputs)
        };
        Loader::new(Arc::new(examples), self.batch, Order::Shuffled { seed: 1 }, Default::default())
    }

    fn batch(self) -> Batch<B> {
        self.loader().iter().next().expect("rows")
    }

    fn trainee(self, kernels: Kernels) -> Trainee<B> {
        let cnn = || CnnConfig { channels: vec![16, 32], kernel: 5, ..CnnConfig::default() };
        let model: ModelConfig = match self.hidden {
            Some(hidden) => MlpConfig { hidden: hidden.into(), ..MlpConfig::default() }.into(),
            None => ModelConfig { architecture: Architecture::Cnn(cnn()), ..ModelConfig::default() },
        };
        let image_shape = self.hidden.is_none().then_some([28, 28]);
        let layout = Layout { image_shape, ..Layout::of_numbers(self.num_inputs) };
        let objective = Objective::new(&config(kernels), self.task(), &[]);
        let decoder = OutputDecoder::plain(self.task());
        Trainee {
            net: model
                .init(&layout, Task::MultiClass { num_classes: CLASSES }, 1, &Default::default())
                .with_kernels(kernels),
            objective: Arc::new(objective),
            decoder: Arc::new(decoder),
        }
    }
}

fn config(kernels: Kernels) -> TrainingConfig {
    TrainingConfig { kernels, ..TrainingConfig::default() }
}

fn main() {
    divan::main();
}

#[divan::bench(args = WORKS)]
fn gather_a_batch(bencher: Bencher, work: Work) {
    let loader = work.loader();
    let mut batches = loader.iter();
    bencher.bench_local(|| {
        batches.next().or_else(|| {
            batches = loader.iter();
            batches.next()
        })
    });
}

#[divan::bench(args = [WORKS[0], WORKS[1], MNIST_CNN])]
fn gradients_by_fused_kernels(bencher: Bencher, work: Work) {
    let trainee = work.trainee(Kernels::Fused);
    bencher.with_inputs(|| work.batch()).bench_local_values(|batch| trainee.step(batch));
}

#[divan::bench(args = [WORKS[0], WORKS[1], MNIST_CNN])]
fn gradients_by_plain_kernels(bencher: Bencher, work: Work) {
    let trainee = work.trainee(Kernels::Plain);
    bencher.with_inputs(|| work.batch()).bench_local_values(|batch| trainee.step(batch));
}

#[divan::bench(args = WORKS)]
fn adam_in_one_pass(bencher: Bencher, work: Work) {
    adam(bencher, work, Kernels::Fused);
}

#[divan::bench(args = WORKS)]
fn adam_by_burn(bencher: Bencher, work: Work) {
    adam(bencher, work, Kernels::Plain);
}

fn adam(bencher: Bencher, work: Work, kernels: Kernels) {
    let trainee = work.trainee(kernels);
    let mut optimizer = ChosenOptimizer::new(&config(kernels));
    bencher
        .with_inputs(|| (trainee.clone(), trainee.step(work.batch()).grads))
        .bench_local_values(|(trainee, gradients)| optimizer.step(1e-3, trainee, gradients));
}

#[divan::bench(args = WORKS)]
fn metrics_of_a_batch(bencher: Bencher, work: Work) {
    let trainee = work.trainee(Kernels::Fused);
    bencher.with_inputs(|| trainee.step(work.batch()).item).bench_local_values(|mut outputs| outputs.scores());
}

#[divan::bench(args = WORKS)]
fn first_product(bencher: Bencher, work: Work) {
    let (rows, inner, columns) = (work.batch, work.num_inputs, work.hidden.map_or(0, |hidden| hidden[0]));
    let (left, right) = (vec![0.5; rows * inner], vec![0.25; inner * columns]);
    bencher.bench_local(|| {
        product(Matrix::new(black_box(&left), rows, inner), Matrix::new(black_box(&right), inner, columns))
    });
}
