//! What the cells of a worker share.

use std::sync::Arc;
use std::time::Duration;

use tilefleet_common::aws::ObjectStore;
use tokio::sync::Semaphore;

use super::memory_budget::MemoryBudget;
use crate::machine::Shutdown;
use crate::trouble::KnownBuckets;

/// Cores that share the tiles of one cell. With more of them the end of a cell begins to count,
/// when fewer tiles are left than cores; a full-size cell has 363 tiles.
const CORES_PER_CELL: usize = 8;

/// How many cells a machine of so many cores fuses at a time: one per eight cores. A second cell
/// beside the first would finish neither of them sooner, and take its memory twice.
pub fn default_slots(cores: usize) -> usize {
    cores.div_ceil(CORES_PER_CELL).max(1)
}

/// Processes cells, with what all cells of a worker share.
#[derive(Debug, Clone)]
pub struct CellProcessor {
    /// S3.
    pub objects: ObjectStore,
    /// One permit per cell that is fused.
    pub slots: Arc<Semaphore>,
    /// Threads per cell that is fused.
    pub threads: usize,
    /// Memory for fusing.
    pub memory: MemoryBudget,
    /// The fleet's own output bucket, if it is known.
    pub own_bucket: Option<String>,
    /// The buckets that the worker has used.
    pub known: Arc<KnownBuckets>,
    /// When to stop.
    pub shutdown: Shutdown,
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
