//! What happens between the chunks and the writer: a kernel turns input planes into output planes.

mod compute;
mod error;
mod inputs;
#[expect(
    clippy::module_inception,
    reason = "the trait is what the folder is named after"
)]
mod kernel;
mod sink;
mod stack;

pub use compute::{
    Area, Computation, Compute, ComputedOutput, Downsample, Mask, MaskTest, Measure, Op, Program,
    Source, Upsample,
};
pub use error::KernelError;
pub use inputs::{
    BandWindow, InputBand, Inputs, Outputs, Ratio, Ratios, Resolution, Window, WindowSize,
};
pub use kernel::{ChunkKernel, Kernel};
pub(crate) use sink::KernelSink;
pub use stack::Stack;
