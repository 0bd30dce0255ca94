//! What every use of GDAL here needs: its messages, its options, its memory file system.

mod memory_files;
mod session;

pub(crate) use memory_files::MemoryFolder;
pub(crate) use session::{BLOCK_CACHE_MIB, Session};
