//! Tensors whose numbers lie in this process's memory: read and changed there, without a copy.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData, TensorPrimitive};

/// A backend that computes on the CPU and shows where the numbers of its tensors lie.
///
/// What implements it gets burnlab's kernels ([`FusedBackend`](super::FusedBackend)), bare and under `Autodiff`.
pub trait CpuBackend: Backend {
    /// The numbers of a tensor, row-major; `None` where they do not lie so in memory, as those of a transposed view.
    fn numbers(tensor: &Self::FloatTensorPrimitive) -> Option<&[f32]>;

    /// As [`CpuBackend::numbers`], to be changed; a tensor that shares them with others gets a copy first. `None` also
    /// where the backend keeps its memory to itself.
    fn numbers_mut(tensor: &mut Self::FloatTensorPrimitive) -> Option<&mut [f32]>;
}

/// Calls `read` with the numbers of `tensor`, row-major. They are copied only where they do not lie so in memory.
pub(super) fn read<B: CpuBackend, const D: usize, R>(tensor: Tensor<B, D>, read: impl FnOnce(&[f32]) -> R) -> R {
    let primitive = tensor.into_primitive().tensor();
    match B::numbers(&primitive) {
        Some(numbers) => read(numbers),
        None => read_copy(Tensor::<B, D>::from_primitive(TensorPrimitive::Float(primitive)), read),
    }
}

/// Calls `read` with a copy of the numbers of `tensor`, row-major; waits for the device.
pub(super) fn read_copy<B: Backend, const D: usize, R>(tensor: Tensor<B, D>, read: impl FnOnce(&[f32]) -> R) -> R {
    read(tensor.into_data().convert::<f32>().as_slice().expect("converted to f32 before"))
}

/// Changes the numbers of `tensor`, row-major. They are copied only where another tensor shares them.
pub(super) fn in_place<B: CpuBackend, const D: usize, R>(
    tensor: Tensor<B, D>,
    change: impl FnOnce(&mut [f32]) -> R,
) -> (Tensor<B, D>, R) {
    let device = tensor.device();
    let mut primitive = tensor.into_primitive().tensor();
    if let Some(numbers) = B::numbers_mut(&mut primitive) {
        let result = change(numbers);
        return (Tensor::from_primitive(TensorPrimitive::Float(primitive)), result);
    }
    let tensor = Tensor::<B, D>::from_primitive(TensorPrimitive::Float(primitive));
    let mut data = tensor.into_data().convert::<f32>();
    let result = change(data.as_mut_slice().expect("converted to f32 above"));
    (Tensor::from_data(data, &device), result)
}

/// A tensor of `values`, row-major, which are not copied.
pub(super) fn tensor<B: Backend, const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &B::Device,
) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}
