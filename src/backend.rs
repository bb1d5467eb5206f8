//! Cargo features -> Burn backends. The only file that names a backend or its feature, but for `cpu/backends.rs`, which extends them.
//!
//! Everything below `commands` is generic over the backend; a [`Job`] hands generic code to the backend that the user
//! picked at run time.

use burn::backend::Autodiff;
pub use burnlab_cpu::TrainingBackend;
use clap::ValueEnum;

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
