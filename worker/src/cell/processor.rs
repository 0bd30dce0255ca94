//! Processes a cell by its recipe.

use std::sync::Arc;
use std::time::Duration;

use tilefleet_common::aws::ObjectStore;
use tilefleet_common::domain::{CellMessage, Recipe};
use tilefleet_common::ledger::transition::Success;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::error::CellError;
use super::memory_budget::MemoryBudget;
use crate::machine::Shutdown;

/// Cores that share the tiles of one cell. With more of them the end of a cell begins to count, when
/// fewer tiles are left than cores; a full-size cell has 363 tiles.
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
    /// When to stop.
    pub shutdown: Shutdown,
}

impl CellProcessor {
    /// Makes the output of `message` and publishes it, unless `lease_lost` is cancelled before.
    ///
    /// Of the times in the result, `fetch_ms` is from the start until the bands are open and their
    /// headers read, `fuse_ms` from the first tile to the last, and `publish_ms` from there until
    /// the raster is visible. The bands arrive and the raster leaves during `fuse_ms`. None of them
    /// includes the wait for a slot or for memory.
    ///
    /// # Errors
    /// [`CellError`], which says what to do with the message.
    pub async fn process(
        &self,
        message: &CellMessage,
        lease_lost: &CancellationToken,
    ) -> Result<Success, CellError> {
        match message.recipe {
            Recipe::Rgb => self.process_raster(message, lease_lost).await,
            Recipe::Probe => Box::pin(self.process_probe(message, lease_lost)).await,
        }
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
