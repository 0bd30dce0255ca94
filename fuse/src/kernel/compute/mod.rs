//! The kernel that computes: it masks bands, brings them to one grid, turns them into reflectance,
//! evaluates expressions, filters, clips, and encodes.
//!
//! All of it happens row by row while a chunk is in the cache, in IEEE float32 without fused
//! multiply-add, with NaN for nodata. `chunk` has the order of the operations.

mod area;
mod chunk;
mod computation;
#[expect(
    clippy::module_inception,
    reason = "the kernel is what the folder is named after"
)]
mod compute;
mod encode;
mod input_rows;
mod mask;
mod median;
mod output_rows;
mod plan;
mod program;
mod resample;
#[cfg(test)]
mod tests;

pub use area::Area;
pub use computation::{Computation, ComputedOutput, Downsample, Mask, Measure, Source, Upsample};
pub use compute::Compute;
pub use mask::MaskTest;
pub use program::{Op, Program};
