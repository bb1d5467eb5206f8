//! Zero-copy access to the elements of tensors in this process's memory.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData, TensorPrimitive};

/// A CPU backend that gives access to the storage of its tensors.
///
/// Implementing it enables burnlab's kernels ([`FusedBackend`](super::FusedBackend)), with and without `Autodiff`.
pub trait CpuBackend: Backend {
    /// The elements of a tensor, row-major; `None` if it is not contiguous, such as a transposed view.
    fn numbers(tensor: &Self::FloatTensorPrimitive) -> Option<&[f32]>;

    /// Mutable [`CpuBackend::numbers`]; a tensor that shares its storage is copied first. Also `None` if the backend
    /// does not give mutable access.
    fn numbers_mut(tensor: &mut Self::FloatTensorPrimitive) -> Option<&mut [f32]>;
}

/// Calls `read` with the elements of `tensor`, row-major. They are copied only if not contiguous.
pub(super) fn read<B: CpuBackend, const D: usize, R>(tensor: Tensor<B, D>, read: impl FnOnce(&[f32]) -> R) -> R {
    let primitive = tensor.into_primitive().tensor();
    match B::numbers(&primitive) {
        Some(numbers) => read(numbers),
        None => read_copy(Tensor::<B, D>::from_primitive(TensorPrimitive::Float(primitive)), read),
    }
}

/// Calls `read` with a copy of the elements of `tensor`, row-major; waits for the device.
pub(super) fn read_copy<B: Backend, const D: usize, R>(tensor: Tensor<B, D>, read: impl FnOnce(&[f32]) -> R) -> R {
    read(tensor.into_data().convert::<f32>().as_slice().expect("converted to f32 before"))
}

/// Changes the elements of `tensor`, row-major. They are copied only if another tensor shares them.
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

/// A tensor that takes ownership of `values`, row-major, without copying.
pub(super) fn tensor<B: Backend, const D: usize>(
    values: Vec<f32>,
    shape: [usize; D],
    device: &B::Device,
) -> Tensor<B, D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}
