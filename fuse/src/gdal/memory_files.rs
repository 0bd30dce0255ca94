//! Files that live in GDAL's memory file system and vanish with their owner.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use gdal::vsi;

/// `/vsimem` is one name space for the whole process; this number keeps fusions apart.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// A directory below `/vsimem` of its own. Dropping it removes all files in it.
pub(crate) struct MemoryFolder {
    directory: PathBuf,
}

impl MemoryFolder {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        Self {
            directory: PathBuf::from(format!("/vsimem/tilefleet-fuse-{number}")),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

/// The files below a directory of `/vsimem`; none if GDAL does not know it.
pub(crate) fn files(directory: &Path) -> Vec<PathBuf> {
    vsi::read_dir(directory, true).unwrap_or_default()
}

impl Drop for MemoryFolder {
    fn drop(&mut self) {
        // GDAL may have put files beside those that were made here; they go too.
        for file in files(&self.directory) {
            if let Err(error) = vsi::unlink_mem_file(self.directory.join(file)) {
                tracing::warn!(%error, "memory file could not be removed");
            }
        }
    }
}
