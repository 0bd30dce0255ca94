//! Processes a cell by its recipe.

use std::sync::Arc;
use std::time::Duration;

use tilefleet_common::aws::ObjectStore;
use tilefleet_common::domain::{Cell, Job};
use tilefleet_common::ledger::transition::Success;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::error::CellError;
use super::memory_budget::MemoryBudget;
use crate::machine::Shutdown;

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
    /// When to stop.
    pub shutdown: Shutdown,
}

impl CellProcessor {
    /// Does `job` for `cell` and publishes what it makes, unless `lease_lost` is cancelled before.
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
        cell: &Cell,
        job: &Job,
        lease_lost: &CancellationToken,
    ) -> Result<Success, CellError> {
        let location = cell.output_location(job);
        match job {
            Job::Raster(recipe) => {
                self.process_raster(cell, recipe, location, lease_lost)
                    .await
            }
            Job::Probe => Box::pin(self.process_probe(cell, location, lease_lost)).await,
        }
    }
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
