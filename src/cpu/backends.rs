//! The extension for each of Burn's backends that is compiled in: how the tensors of a CPU's are reached; nothing for the GPU.

#[cfg(feature = "wgpu")]
use burn::backend::Autodiff;
#[cfg(feature = "flex")]
use burn::backend::flex::FlexTensor;
#[cfg(feature = "ndarray")]
use burn::backend::ndarray::NdArrayTensor;

#[cfg(any(feature = "flex", feature = "ndarray"))]
use super::CpuBackend;
#[cfg(feature = "wgpu")]
use super::{FusedBackend, TrainingBackend};

#[cfg(feature = "flex")]
impl CpuBackend for burn::backend::Flex {
    fn numbers(tensor: &FlexTensor) -> Option<&[f32]> {
        is_plain(tensor).then(|| &tensor.storage::<f32>()[..tensor.layout().num_elements()])
    }

    fn numbers_mut(tensor: &mut FlexTensor) -> Option<&mut [f32]> {
        let size = tensor.layout().num_elements();
        is_plain(tensor).then(|| &mut tensor.storage_mut::<f32>()[..size])
    }
}

/// Whether the tensor is f32 and contiguous in row-major order, from the beginning of its storage.
#[cfg(feature = "flex")]
fn is_plain(tensor: &FlexTensor) -> bool {
    tensor.is_contiguous() && tensor.layout().start_offset() == 0 && tensor.dtype() == burn::tensor::DType::F32
}

#[cfg(feature = "ndarray")]
impl CpuBackend for burn::backend::NdArray {
    fn numbers(tensor: &NdArrayTensor) -> Option<&[f32]> {
        match tensor {
            NdArrayTensor::F32(storage) => storage.view().to_slice(),
            _ => None, // other element types
        }
    }

    /// `None`: its storage type is private, so the numbers have to be moved out and back in.
    fn numbers_mut(_tensor: &mut NdArrayTensor) -> Option<&mut [f32]> {
        None
    }
}

#[cfg(feature = "wgpu")]
impl FusedBackend for burn::backend::Wgpu {}

#[cfg(feature = "wgpu")]
impl FusedBackend for Autodiff<burn::backend::Wgpu> {}

#[cfg(feature = "wgpu")]
impl TrainingBackend for Autodiff<burn::backend::Wgpu> {}
