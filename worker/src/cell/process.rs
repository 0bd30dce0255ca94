//! Processes a cell by its job.

use std::sync::Arc;

use tilefleet_common::domain::{Cell, Job};
use tilefleet_common::ledger::transition::Success;
use tokio_util::sync::CancellationToken;

use super::error::CellError;
use super::processor::CellProcessor;
use super::raster::Extent;
use crate::activity::{Activity, Phase};

impl CellProcessor {
    /// Does `job` for the part of `cell` that `extent` says and publishes what it makes, unless
    /// `lease_lost` is cancelled before.
    ///
    /// Of the times in the result, `fetch_ms` is from the start until the bands are open and their
    /// headers read, `fuse_ms` from the first tile to the last, and `publish_ms` from there until
    /// the raster is visible. The bands arrive and the raster leaves during `fuse_ms`. None of them
    /// includes the wait for a slot or for memory.
    ///
    /// `activity` is told of each phase and of progress.
    ///
    /// # Errors
    /// [`CellError`], which says what to do with the message.
    pub async fn process(
        &self,
        cell: &Cell,
        job: &Job,
        extent: Extent,
        activity: &Arc<Activity>,
        lease_lost: &CancellationToken,
    ) -> Result<Success, CellError> {
        match job {
            Job::Raster(recipe) => {
                self.process_raster(cell, recipe, &extent, activity, lease_lost)
                    .await
            }
            Job::Probe => {
                activity.enter(Phase::Publishing);
                let location = cell.output_location(job, &extent.scope);
                Box::pin(self.process_probe(cell, location, lease_lost)).await
            }
        }
    }
}
