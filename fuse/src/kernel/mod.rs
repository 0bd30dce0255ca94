//! What happens between the chunks and the writer: a kernel turns input planes into output planes.

mod error;
#[expect(
    clippy::module_inception,
    reason = "the trait is what the folder is named after"
)]
mod kernel;
mod sink;
mod stack;

pub use error::KernelError;
pub use kernel::{ChunkKernel, Inputs, Kernel, Outputs, Window};
pub(crate) use sink::KernelSink;
pub use stack::Stack;
