//! The choice of machine instructions for the passes.
//!
//! The code is the same for every kernel. On x86-64 a second compilation may use what processors
//! have had since 2013: shifts by a variable amount and counts of zeros in one instruction each,
//! and wider vectors.

#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "functions for processor features that were looked for at run time"
    )
)]

use super::bit_planes as planes;
use super::codeblock::Lattice;
use super::coding_passes::{self as passes, Pass, pass_at};
use super::mq::MqDecoder;

/// One compilation of the passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kernel {
    /// Whether the processor was found to have all of BMI1, BMI2, LZCNT, POPCNT and AVX2.
    #[cfg(target_arch = "x86_64")]
    haswell: bool,
}

impl Kernel {
    /// The fastest kernel of this processor.
    pub(super) fn detect() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            haswell: is_x86_feature_detected!("bmi1")
                && is_x86_feature_detected!("bmi2")
                && is_x86_feature_detected!("lzcnt")
                && is_x86_feature_detected!("popcnt")
                && is_x86_feature_detected!("avx2"),
        }
    }

    /// The kernel for every processor of the target.
    #[cfg(any(test, feature = "bench"))]
    pub(super) fn portable() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            haswell: false,
        }
    }

    /// Decodes pass `number` of a block; the first is 0.
    pub(super) fn pass(self, lattice: &mut Lattice, mq: &mut MqDecoder<'_>, number: u32) {
        let (plane, kind) = pass_at(lattice.bit_planes, number);
        #[cfg(target_arch = "x86_64")]
        if self.haswell {
            // SAFETY: `haswell` is set only where `detect` found the features that the functions
            // are compiled for.
            unsafe {
                match kind {
                    Pass::Significance => haswell::significance(lattice, mq, plane),
                    Pass::Refinement => haswell::refinement(lattice, mq, plane),
                    Pass::Cleanup => haswell::cleanup(lattice, mq, plane),
                }
            }
            return;
        }
        match kind {
            Pass::Significance => portable::significance(lattice, mq, plane),
            Pass::Refinement => portable::refinement(lattice, mq, plane),
            Pass::Cleanup => portable::cleanup(lattice, mq, plane),
        }
    }

    /// Writes the coefficients.
    pub(super) fn write(self, lattice: &Lattice, out: &mut [i32], stride: usize) {
        #[cfg(target_arch = "x86_64")]
        if self.haswell {
            // SAFETY: as in `pass`.
            return unsafe { haswell::write(lattice, out, stride) };
        }
        portable::write(lattice, out, stride);
    }
}

/// Decodes pass `number`, traced. Rarely needed, so there is but one compilation.
pub(super) fn traced_pass(lattice: &mut Lattice, mq: &mut MqDecoder<'_, true>, number: u32) {
    let (plane, kind) = pass_at(lattice.bit_planes, number);
    match kind {
        Pass::Significance => passes::significance(lattice, mq, plane),
        Pass::Refinement => passes::refinement(lattice, mq, plane),
        Pass::Cleanup => passes::cleanup(lattice, mq, plane),
    }
}

/// Compiles the passes, each as a function of its own so that its registers are its own.
macro_rules! compile {
    ($(#[$attribute:meta])* mod $name:ident) => {
        mod $name {
            use super::{Lattice, MqDecoder, passes, planes};

            $(#[$attribute])*
            #[inline(never)]
            pub(super) fn significance(lattice: &mut Lattice, mq: &mut MqDecoder<'_>, plane: u32) {
                passes::significance(lattice, mq, plane);
            }

            $(#[$attribute])*
            #[inline(never)]
            pub(super) fn refinement(lattice: &mut Lattice, mq: &mut MqDecoder<'_>, plane: u32) {
                passes::refinement(lattice, mq, plane);
            }

            $(#[$attribute])*
            #[inline(never)]
            pub(super) fn cleanup(lattice: &mut Lattice, mq: &mut MqDecoder<'_>, plane: u32) {
                passes::cleanup(lattice, mq, plane);
            }

            $(#[$attribute])*
            #[inline(never)]
            pub(super) fn write(lattice: &Lattice, out: &mut [i32], stride: usize) {
                planes::write(lattice, out, stride);
            }
        }
    };
}

compile!(mod portable);

#[cfg(target_arch = "x86_64")]
compile!(#[target_feature(enable = "bmi1,bmi2,lzcnt,popcnt,avx2")] mod haswell);
