//! Gradient clipping by global norm; Burn clips each tensor by its own.

use burn::module::{AutodiffModule, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

/// Scales all gradients by `bound / norm` where their common L2 norm exceeds `bound` (Pascanu et al. 2013).
pub(super) fn clip_by_global_norm<B: AutodiffBackend, M: AutodiffModule<B>>(
    module: &M,
    gradients: GradientsParams,
    bound: f64,
) -> GradientsParams {
    let mut norm = SquaredNorm { gradients: &gradients, sum: 0.0 };
    module.visit(&mut norm);
    let norm = norm.sum.sqrt();
    // A norm that is not finite is left to the loss check, which reports epoch and step.
    if !norm.is_finite() || norm <= bound {
        return gradients;
    }
    let mut scale = Scale { gradients, factor: bound / norm };
    module.visit(&mut scale);
    scale.gradients
}

struct SquaredNorm<'a> {
    gradients: &'a GradientsParams,
    sum: f64,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for SquaredNorm<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = self.gradients.get::<B::InnerBackend, D>(param.id) {
            let squared = gradient.powi_scalar(2).sum().into_data().iter::<f64>().next();
            self.sum += squared.unwrap_or(f64::NAN);
        }
    }
}

struct Scale {
    gradients: GradientsParams,
    factor: f64,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Scale {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if let Some(gradient) = self.gradients.remove::<B::InnerBackend, D>(param.id) {
            self.gradients.register::<B::InnerBackend, D>(param.id, gradient.mul_scalar(self.factor));
        }
    }
}
