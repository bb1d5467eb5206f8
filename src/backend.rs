//! Cargo features -> Burn backends. The only file that names a backend or its feature.
//!
//! Everything below `commands` is generic over `B: Backend`; a [`Job`] is how generic code is
//! handed to the backend that the user picked at run time.

use std::any::Any;

use burn::backend::Autodiff;
use burn::tensor::backend::{AutodiffBackend, Backend};
use clap::ValueEnum;

#[cfg(not(any(feature = "ndarray", feature = "flex", feature = "wgpu")))]
compile_error!("burnlab needs a backend: build with one of the features `ndarray`, `flex`, `wgpu`");

/// A Burn backend, compiled in or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum BackendName {
    /// burn-ndarray, CPU
    Ndarray,
    /// burn-flex, CPU
    Flex,
    /// burn-wgpu, GPU through Vulkan, Metal or DirectX 12
    Wgpu,
}

impl BackendName {
    /// The name in configs, on the command line and in records.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ndarray => "ndarray",
            Self::Flex => "flex",
            Self::Wgpu => "wgpu",
        }
    }

    /// The backends in this binary, the default first: the GPU where it was asked for at build
    /// time, then flex, which trains the tutorial's net faster than ndarray (README, "Measured").
    pub fn compiled() -> Vec<Self> {
        [
            (cfg!(feature = "wgpu"), Self::Wgpu),
            (cfg!(feature = "flex"), Self::Flex),
            (cfg!(feature = "ndarray"), Self::Ndarray),
        ]
        .into_iter()
        .filter_map(|(compiled, name)| compiled.then_some(name))
        .collect()
    }

    /// The backend that was asked for, or the default.
    pub fn chosen(asked: Option<Self>) -> Self {
        asked.unwrap_or_else(|| Self::compiled()[0])
    }
}

/// Whether the backend computes on the CPU, in memory that the host reads and writes without a copy.
pub fn is_on_host<B: Backend>(device: &B::Device) -> bool {
    matches!(B::name(device).as_str(), "ndarray" | "flex")
}

/// The numbers of a tensor, row-major, where they lie in this process's memory without gaps.
pub fn numbers<B: Backend>(tensor: &B::FloatTensorPrimitive) -> Option<&[f32]> {
    let tensor: &dyn Any = tensor;
    #[cfg(feature = "flex")]
    if let Some(tensor) = tensor.downcast_ref::<burn::backend::flex::FlexTensor>() {
        return is_plain(tensor).then(|| &tensor.storage::<f32>()[..tensor.layout().num_elements()]);
    }
    #[cfg(feature = "ndarray")]
    if let Some(burn::backend::ndarray::NdArrayTensor::F32(storage)) = tensor.downcast_ref() {
        return storage.view().to_slice();
    }
    let _ = tensor; // where neither is compiled in
    None
}

/// Whether the tensor is f32, row-major from the beginning of its memory.
#[cfg(feature = "flex")]
fn is_plain(tensor: &burn::backend::flex::FlexTensor) -> bool {
    tensor.is_contiguous() && tensor.layout().start_offset() == 0 && tensor.dtype() == burn::tensor::DType::F32
}

/// As [`numbers`], to be changed; a tensor that shares them with others gets a copy first. Not for ndarray, whose type of
/// storage is private: there the numbers are moved out and in again.
pub fn numbers_mut<B: Backend>(tensor: &mut B::FloatTensorPrimitive) -> Option<&mut [f32]> {
    let tensor: &mut dyn Any = tensor;
    #[cfg(feature = "flex")]
    if let Some(tensor) = tensor.downcast_mut::<burn::backend::flex::FlexTensor>() {
        let size = tensor.layout().num_elements();
        return is_plain(tensor).then(|| &mut tensor.storage_mut::<f32>()[..size]);
    }
    let _ = tensor; // where it is not compiled in
    None
}

/// Work that runs on any backend.
pub trait Job {
    type Output;

    fn run<B: AutodiffBackend>(self, device: B::Device) -> Self::Output;
}

/// Runs `job` on the backend `name`.
///
/// # Errors
/// A line that tells how to build with `name` when it is not compiled in.
pub fn run_on<J: Job>(name: BackendName, job: J) -> Result<J::Output, String> {
    match name {
        #[cfg(feature = "ndarray")]
        BackendName::Ndarray => Ok(job.run::<Autodiff<burn::backend::NdArray<f32>>>(Default::default())),
        #[cfg(feature = "flex")]
        BackendName::Flex => Ok(job.run::<Autodiff<burn::backend::Flex>>(Default::default())),
        #[cfg(feature = "wgpu")]
        BackendName::Wgpu => Ok(job.run::<Autodiff<burn::backend::Wgpu>>(Default::default())),
        #[allow(unreachable_patterns)] // reachable when a feature is off
        missing => Err(format!(
            "backend `{0}` is not in this build (it has: {1}); build it in with `cargo run --features {0} -- ...`",
            missing.as_str(),
            BackendName::compiled().iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", "),
        )),
    }
}
