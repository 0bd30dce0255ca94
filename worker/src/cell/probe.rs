//! The probe: a small object in place of a raster, with the same slot, upload and deadlines. What
//! such a cell costs is the overhead of the fleet.

use std::time::Instant;

use tilefleet_common::aws::{Existing, Stored, Upload};
use tilefleet_common::domain::CellMessage;
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::transition::Success;
use tokio_util::sync::CancellationToken;

use super::error::{CellError, or_cancelled};
use super::processor::{CellProcessor, milliseconds};
use super::publish::PublishError;

impl CellProcessor {
    /// Publishes the id of the cell as JSON; see [`CellProcessor::process`]. The same cell gives the
    /// same bytes.
    pub(super) async fn process_probe(
        &self,
        message: &CellMessage,
        lease_lost: &CancellationToken,
    ) -> Result<Success, CellError> {
        // 1. Wait for a slot.
        let stop = &self.shutdown.stop;
        let slot = or_cancelled(stop, lease_lost, self.slots.acquire()).await?;

        // 2. Upload the object.
        let clock = Instant::now();
        let running = self.shutdown.start_cell();
        let cell = &message.cell;
        let output = cell.output_object(message.recipe);
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
        let stored = stored.map_err(|error| CellError::from(&PublishError::Upload(error)))?;
        let (etag, bytes) = match stored {
            Stored::New { etag, bytes } => (etag, bytes),
            Stored::Kept => (String::new(), 0),
        };

        // 3. Free the slot, as a raster does.
        fault::point_of(Point::Upload, &cell.id);
        drop(slot);
        running.complete();
        Ok(Success {
            output,
            etag,
            bytes,
            fetch_ms: 0,
            fuse_ms: 0,
            publish_ms: milliseconds(clock.elapsed()),
        })
    }
}
