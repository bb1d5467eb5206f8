//! Quantiles of Student's t distribution.

use statrs::distribution::{ContinuousCDF, StudentsT};

/// The 97.5 % quantile of Student's t with `freedom` degrees of freedom.
pub fn quantile(freedom: f64) -> f64 {
    StudentsT::new(0.0, 1.0, freedom).map_or(f64::NAN, |distribution| distribution.inverse_cdf(0.975))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_scipy() {
        let scipy = [
            (1.0, 12.706204736174694),
            (1.0003, 12.697203147003144),
            (1.5, 6.016663104427929),
            (2.0, 4.302652729749462),
            (3.7, 2.8675207071911895),
            (9.0, 2.262157162798205),
            (17.3, 2.1070320037534676),
            (100.0, 1.9839715185235518),
            (1998.0, 1.9611520148367054),
            (10_000.0, 1.960201239890626),
        ];
        for (freedom, expected) in scipy {
            assert!((quantile(freedom) / expected - 1.0).abs() < 1e-9, "{freedom}: {}", quantile(freedom));
        }
    }
}
