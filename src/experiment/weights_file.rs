//! Weights in a safetensors file.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

use crate::model::{NamedWeights, Weight};

/// Maximum size of a weights file without the weights; `export` stores the preprocessing there.
const MAX_HEADER: u64 = 16 << 20;

/// Weights in the safetensors format.
///
/// # Errors
/// Only if the library rejects the weights, which does not happen for those of a network.
pub fn encode(weights: &NamedWeights) -> anyhow::Result<Vec<u8>> {
    encode_with(weights, HashMap::new())
}

/// As [`encode`], with metadata.
///
/// # Errors
/// As [`encode`].
pub(super) fn encode_with(weights: &NamedWeights, mut metadata: HashMap<String, String>) -> anyhow::Result<Vec<u8>> {
    let bytes: BTreeMap<&String, Vec<u8>> = weights
        .iter()
        .map(|(name, weight)| (name, weight.values.iter().flat_map(|value| value.to_le_bytes()).collect()))
        .collect();
    let views = weights
        .iter()
        .map(|(name, weight)| Ok((name, TensorView::new(Dtype::F32, weight.shape.clone(), &bytes[name])?)))
        .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?;
    metadata.insert("format".to_owned(), "burnlab".to_owned());
    Ok(safetensors::serialize(views, Some(metadata))?)
}

/// The weights in a safetensors file.
///
/// # Errors
/// Not a safetensors file, or one with numbers other than f32.
pub fn decode(bytes: &[u8]) -> anyhow::Result<NamedWeights> {
    let file = SafeTensors::deserialize(bytes).context("not a safetensors file")?;
    let mut weights = NamedWeights::new();
    for (name, view) in file.tensors() {
        anyhow::ensure!(view.dtype() == Dtype::F32, "weight `{name}` is {:?}; burnlab saves F32", view.dtype());
        let values: Vec<f32> =
            view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        anyhow::ensure!(values.iter().all(|value| value.is_finite()), "weight `{name}` holds NaN or infinity");
        weights.insert(name, Weight { shape: view.shape().to_vec(), values });
    }
    Ok(weights)
}

/// The most bytes of a file with `copies` of the weights of a network with these shapes.
pub fn most(shapes: &BTreeMap<String, Vec<usize>>, copies: u64) -> u64 {
    let bytes = |shape: &Vec<usize>| shape.iter().fold(4, |product: u64, &size| product.saturating_mul(size as u64));
    shapes.values().map(bytes).fold(0, u64::saturating_add).saturating_mul(copies).saturating_add(MAX_HEADER)
}
