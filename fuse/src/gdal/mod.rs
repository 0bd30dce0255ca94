//! What every use of GDAL here needs: its messages, its options, its memory file system.

mod memory_files;
mod open;
mod session;

pub(crate) use memory_files::MemoryFolder;
pub(crate) use open::{open, opened};
pub(crate) use session::{BLOCK_CACHE_MIB, Session};
