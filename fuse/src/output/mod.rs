//! Where the output goes: a trait, and a local file.

mod body;
mod file;

pub use body::Output;
pub use file::FileOutput;
