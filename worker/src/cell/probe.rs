//! The recipe that makes nothing: a small object in place of a raster, by the same slot, upload and
//! deadlines. What such a cell costs is what the fleet costs.

use std::time::Instant;

use tilefleet_common::aws::{Existing, Stored, Upload};
use tilefleet_common::domain::{Cell, S3Url};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::transition::Success;
use tokio_util::sync::CancellationToken;

use super::processor::{WorkError, Workshop, milliseconds, not_published};
use super::publish::PublishError;

impl Workshop {
    /// Publishes the name of `cell` at `output`, unless `lost` is cancelled before. The same cell
    /// gives the same bytes.
    ///
    /// # Errors
    /// [`WorkError`], which says what to do with the message.
    pub(crate) async fn probe(
        &self,
        cell: &Cell,
        output: S3Url,
        lost: &CancellationToken,
    ) -> Result<Success, WorkError> {
        let slot = self
            .unless(&self.shutdown.stop, lost, self.slots.acquire())
            .await?;
        let clock = Instant::now();
        let effort = self.shutdown.begin();
        let body = format!("{{\"cell\":\"{}\"}}\n", cell.id);
        let published = async {
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
        let stored = self.unless(&effort.hurry, lost, published).await?;
        let stored = stored.map_err(|error| not_published(&PublishError::Upload(error)))?;
        let (etag, bytes) = match stored {
            Stored::New { etag, bytes } => (etag, bytes),
            Stored::Kept => (String::new(), 0),
        };
        fault::point_of(Point::Upload, &cell.id);
        drop(slot);
        effort.done();
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
