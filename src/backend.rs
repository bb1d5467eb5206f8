//! Cargo features -> Burn backends. The only file that names a backend or its feature.
//!
//! Everything below `commands` is generic over the backend; a [`Job`] hands generic code to the backend that the user
//! picked at run time.

use burn::backend::Autodiff;
#[cfg(feature = "flex")]
use burn::backend::flex::FlexTensor;
#[cfg(feature = "ndarray")]
use burn::backend::ndarray::NdArrayTensor;
use clap::ValueEnum;

#[cfg(any(feature = "flex", feature = "ndarray"))]
use crate::cpu::CpuBackend;
#[cfg(feature = "wgpu")]
use crate::cpu::FusedBackend;
pub use crate::cpu::TrainingBackend;
use crate::threads;

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

    /// The backends in this binary, the default first: the GPU where it was enabled at build time, then flex, which
    /// trains the tutorial's network faster than ndarray ([`crate::guide::measured`]).
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

    /// The requested backend, or the default.
    pub fn chosen(asked: Option<Self>) -> Self {
        asked.unwrap_or_else(|| Self::compiled()[0])
    }
}

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

/// Work that runs on any backend.
pub trait Job {
    type Output;

    fn run<B: TrainingBackend>(self, device: B::Device) -> Self::Output;
}

/// Runs `job` on the backend `name`.
///
/// # Errors
/// If `name` is not compiled in: a line that says how to build with it; no threads for this user.
pub fn run_on<J: Job>(name: BackendName, job: J) -> Result<J::Output, String> {
    threads::start_common_pool().map_err(|error| error.to_string())?;
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
