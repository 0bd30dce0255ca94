//! The probe: a small object in place of a raster, with the same slot, upload and deadlines. What
//! such a cell costs is the overhead of the fleet.

use std::time::Instant;

use tilefleet_common::aws::{Existing, Upload};
use tilefleet_common::domain::{Cell, Role};
use tilefleet_common::ledger::transition::{BucketUse, Success};
use tokio_util::sync::CancellationToken;

use super::artefacts::Published;
use super::error::{CellError, or_cancelled};
use super::processor::{CellProcessor, milliseconds};
use super::publish::PublishError;

impl CellProcessor {
    /// Publishes the id of the cell as JSON; see [`CellProcessor::process`]. The same cell gives
    /// the same bytes.
    pub(super) async fn process_probe(
        &self,
        cell: &Cell,
        location: String,
        lease_lost: &CancellationToken,
    ) -> Result<Success, CellError> {
        // 1. Wait for a slot.
        let stop = &self.shutdown.stop;
        let slot = or_cancelled(stop, lease_lost, self.slots.acquire()).await?;

        // 2. Upload the object.
        let clock = Instant::now();
        let running = self.shutdown.start_cell();
        let output = cell.output.join(&location);
        let body = format!("{{\"cell\":\"{}\"}}\n", cell.id);
        let publishing = async {
            let region = cell.region.as_deref();
            let mut upload = Upload::begin(
                &self.objects,
                &output,
                region,
                "application/json",
                Existing::Replace,
            );
            upload.write(body.as_bytes()).await?;
            upload.finish().await
        };
        let stored = or_cancelled(&running.abort, lease_lost, publishing).await?;
        let own_bucket = self.own_bucket.as_deref();
        let stored = stored
            .map_err(|error| CellError::of_publication(&PublishError::Upload(error), own_bucket))?;
        let mut published = Published::new(cell);
        published.add(Role::Probe, location, stored);
        self.known.set_used(BucketUse::Write, cell.output.bucket());

        // 3. Free the slot, as a raster does.
        drop(slot);
        running.complete();
        Ok(Success {
            output: cell.output.clone(),
            artefacts: published.into_artefacts(),
            without_raster: None,
            fetch_ms: 0,
            fuse_ms: 0,
            publish_ms: milliseconds(clock.elapsed()),
        })
    }
}
