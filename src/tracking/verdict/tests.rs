use super::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn rate(na: usize, nb: usize, paired: bool, grid: f64, k: f64, n: usize) -> f64 {
    let mut r = ChaCha8Rng::seed_from_u64(7);
    let mut draw = |n: usize, from: u64| -> Vec<(u64, f64)> {
        (0..n)
            .map(|i| {
                let u: f64 = r.random();
                let x = u.powf(1.0 / k);
                (from + i as u64, if grid > 0.0 { (x * grid).round() / grid } else { x })
            })
            .collect()
    };
    let mut hits = 0;
    for _ in 0..n {
        let a = draw(na, 0);
        let b = draw(nb, if paired { 0 } else { 1000 });
        let (a, b) = (Seeds::new(&Group { name: "", results: &a }), Seeds::new(&Group { name: "", results: &b }));
        if matches!(without_bootstrap(&a, &b, Direction::Higher).claim, Claim::Better | Claim::Worse) {
            hits += 1
        }
    }
    hits as f64 / n as f64
}
#[test]
fn explore() {
    for k in [4.0, 19.0] {
        for grid in [0.0, 20.0, 36.0, 100.0, 360.0] {
            for (na, nb, p) in [
                (2, 2, true),
                (3, 3, true),
                (4, 4, true),
                (5, 5, true),
                (10, 10, true),
                (2, 2, false),
                (3, 3, false),
                (5, 5, false),
                (10, 10, false),
                (2, 3, false),
                (2, 5, false),
                (2, 10, false),
                (3, 10, false),
                (5, 10, false),
                (10, 30, false),
            ] {
                print!("{na}/{nb}{} {:.3}  ", if p { "p" } else { "u" }, rate(na, nb, p, grid, k, 10000));
            }
            println!("| k {k} grid {grid}");
        }
    }
}
