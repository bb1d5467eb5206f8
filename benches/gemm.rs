//! The most that this machine's cores give in f32 matrix products: `cargo bench --bench gemm`.
//!
//! burn-flex's product, as training uses it: 1024 x 1024 x 1024 on all cores is the peak that other figures are compared
//! with; the shapes of 784-512-256-10 with a batch of 128 follow.

use std::time::Instant;

use burn::backend::Flex;
use burn::tensor::{Distribution, Tensor};

fn main() {
    println!(
        "f32 matrix products on {} cores, best of 7:",
        std::thread::available_parallelism().map_or(1, usize::from)
    );
    for (what, rows, inner, columns) in [
        ("peak", 1024_usize, 1024_usize, 1024_usize),
        ("forward, layer 1", 128, 784, 512),
        ("forward, layer 2", 128, 512, 256),
        ("weights, layer 1", 784, 128, 512),
        ("inputs, layer 2", 128, 256, 512),
        ("digits, layer 1", 200, 64, 16),
    ] {
        let device = Default::default();
        let random = |shape| Tensor::<Flex, 2>::random(shape, Distribution::Default, &device);
        let (left, right) = (random([rows, inner]), random([inner, columns]));
        let operations = (2 * rows * inner * columns) as f64;
        let repetitions = (2e9 / operations).ceil() as usize;
        let seconds = |_| {
            let start = Instant::now();
            for _ in 0..repetitions {
                std::hint::black_box(left.clone().matmul(right.clone()));
            }
            start.elapsed().as_secs_f64() / repetitions as f64
        };
        let best = (0..7).map(seconds).fold(f64::INFINITY, f64::min);
        println!(
            "  {what:18} {rows}x{inner}x{columns}: {:7.1} GFLOP/s, {:9.1} us",
            operations / best / 1e9,
            best * 1e6
        );
    }
}
