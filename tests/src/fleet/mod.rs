//! The built binaries as processes: set up for a stack, started, watched and ended.

pub(crate) mod binaries;
pub mod probe;
pub mod process;
