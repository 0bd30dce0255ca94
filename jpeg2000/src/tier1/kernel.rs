//! The choice of machine instructions for the coding passes.
//!
//! All kernels have the same source. On x86-64 there is a second compilation for processors since
//! 2013 (Haswell). It has shifts by a variable amount and counts of zeros in one instruction each,
//! and wider vectors.

#![cfg_attr(
    target_arch = "x86_64",
    expect(
        unsafe_code,
        reason = "calls of functions for processor features that were detected at run time"
    )
)]

use super::bit_planes;
use super::codeblock_state::CodeBlockState;
use super::coding_passes;
use super::mq::MqDecoder;
use super::pass_order::{Pass, pass_at};

/// One compilation of the coding passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kernel {
    /// Whether the processor has all of BMI1, BMI2, LZCNT, POPCNT and AVX2.
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

    /// Decodes pass `number` of a block, from 0.
    pub(super) fn pass(self, block: &mut CodeBlockState, mq: &mut MqDecoder<'_>, number: u32) {
        let (plane, kind) = pass_at(block.bit_planes, number);
        #[cfg(target_arch = "x86_64")]
        if self.haswell {
            // SAFETY: `haswell` is set only if `detect` found the features that these functions are
            // compiled for.
            unsafe {
                match kind {
                    Pass::Significance => haswell::significance(block, mq, plane),
                    Pass::Refinement => haswell::refinement(block, mq, plane),
                    Pass::Cleanup => haswell::cleanup(block, mq, plane),
                }
            }
            return;
        }
        match kind {
            Pass::Significance => portable::significance(block, mq, plane),
            Pass::Refinement => portable::refinement(block, mq, plane),
            Pass::Cleanup => portable::cleanup(block, mq, plane),
        }
    }

    /// Writes the coefficients of a block.
    pub(super) fn write(self, block: &CodeBlockState, out: &mut [i32], stride: usize) {
        #[cfg(target_arch = "x86_64")]
        if self.haswell {
            // SAFETY: as in `pass`.
            return unsafe { haswell::write(block, out, stride) };
        }
        portable::write(block, out, stride);
    }
}

/// Decodes pass `number` with tracing. It is rarely needed, so there is only one compilation.
pub(super) fn traced_pass(block: &mut CodeBlockState, mq: &mut MqDecoder<'_, true>, number: u32) {
    let (plane, kind) = pass_at(block.bit_planes, number);
    match kind {
        Pass::Significance => coding_passes::significance(block, mq, plane),
        Pass::Refinement => coding_passes::refinement(block, mq, plane),
        Pass::Cleanup => coding_passes::cleanup(block, mq, plane),
    }
}

/// Compiles each pass as a function of its own, so that it has all registers for itself.
macro_rules! compile {
    ($(#[$attribute:meta])* mod $name:ident) => {
        mod $name {
            use super::{CodeBlockState, MqDecoder, bit_planes, coding_passes};

            $(#[$attribute])*
            #[inline(never)]
            pub(super) fn significance(block: &mut CodeBlockState, mq: &mut MqDecoder<'_>, plane: u32) {
                coding_passes::significance(block, mq, plane);
            }

            $(#[$attribute])*
            #[inline(never)]
            pub(super) fn refinement(block: &mut CodeBlockState, mq: &mut MqDecoder<'_>, plane: u32) {
                coding_passes::refinement(block, mq, plane);
            }

            $(#[$attribute])*
            #[inline(never)]
            pub(super) fn cleanup(block: &mut CodeBlockState, mq: &mut MqDecoder<'_>, plane: u32) {
                coding_passes::cleanup(block, mq, plane);
            }

            $(#[$attribute])*
            #[inline(never)]
            pub(super) fn write(block: &CodeBlockState, out: &mut [i32], stride: usize) {
                bit_planes::write_coefficients(block, out, stride);
            }
        }
    };
}

compile!(mod portable);

#[cfg(target_arch = "x86_64")]
compile!(#[target_feature(enable = "bmi1,bmi2,lzcnt,popcnt,avx2")] mod haswell);
