//! Functions that are compiled for the present CPU's own vector instructions.

/// Compiles a function for several instruction sets, and calls the one for the present CPU: AVX-512, AVX2, or what every CPU of
/// the target has.
///
/// Its closures are compiled for the same instructions, wherever they are called. A closure that such a function only receives has
/// to be inlined there, which the compiler refuses for long ones that are called in two places, and for those that call something
/// that returns two numbers: most loops had vectors of 128 bits, and a training of `alice` took a fifth longer (measured).
macro_rules! vectorized {
    ($($(#[$attribute:meta])* $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $output:ty)? $body:block)+) => {$(
        $(#[$attribute])*
        $visibility fn $name($($argument: $type),*) $(-> $output)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl")]
                fn avx512($($argument: $type),*) $(-> $output)? $body

                #[target_feature(enable = "avx2")]
                fn avx2($($argument: $type),*) $(-> $output)? $body

                match pulp::Arch::new() {
                    // SAFETY: pulp has found all of these instructions.
                    #[allow(unsafe_code)]
                    pulp::Arch::V4(_) => return unsafe { avx512($($argument),*) },
                    // SAFETY: as above.
                    #[allow(unsafe_code)]
                    pulp::Arch::V3(_) => return unsafe { avx2($($argument),*) },
                    _ => {}
                }
            }
            $body
        }
    )+};
}
pub(crate) use vectorized;
