//! What is done for a cell: fetch its bands, fuse them, publish the raster.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::stream::FuturesOrdered;
use tilefleet_common::aws::{AwsErrorKind, Existing, ObjectStore, Stored, Upload};
use tilefleet_common::domain::{Cell, CellMessage, Recipe};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::transition::{Failure, Success};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::fuse::{self, Band, Cancel, Compression, FuseError};
use crate::memory::MemoryBudget;
use crate::shutdown::Shutdown;

/// Bytes of a band, at most. Full-size 10 m bands have 115 to 132 MB.
const BAND_BYTES: u64 = 512 << 20;

/// Why there is no raster.
#[derive(Debug)]
pub enum WorkError {
    /// There never will be one from this input.
    Permanent(Failure),
    /// It may work later.
    Passing(Failure),
    /// This worker has to stop; the cell is as good as before.
    Interrupted,
    /// The message may be another worker's; nothing may be published any more.
    LeaseLost,
}

/// What the cells of a worker share.
#[derive(Debug, Clone)]
pub struct Workshop {
    /// S3.
    pub objects: ObjectStore,
    /// Cells fused at a time.
    pub slots: Arc<Semaphore>,
    /// Memory for fusing.
    pub memory: MemoryBudget,
    /// When to stop.
    pub shutdown: Shutdown,
}

impl Workshop {
    /// Makes the raster of `message` and publishes it, unless `lost` is cancelled before.
    ///
    /// # Errors
    /// [`WorkError`], which says what to do with the message.
    pub async fn make(&self, message: &CellMessage, lost: &CancellationToken) -> Result<Success, WorkError> {
        let clock = Instant::now();
        let bands =
            self.unless(&self.shutdown.stop, lost, self.fetch(&message.cell, message.recipe)).await??;
        fault::point_of(Point::Fetch, &message.cell.id);
        let fetch_ms = milliseconds(clock.elapsed());

        let slot = self.unless(&self.shutdown.stop, lost, Arc::clone(&self.slots).acquire_owned()).await?;
        let bands = Arc::new(bands);
        let needed = self.memory_needed(&bands).await?;
        let memory = self.unless(&self.shutdown.stop, lost, self.memory.acquire(needed)).await?;
        let memory = memory.map_err(|error| permanent("memory", &error))?;
        let clock = Instant::now();
        let effort = self.shutdown.begin();
        let raster = self.fuse(message, bands, lost, &effort.hurry).await?;
        fault::point_of(Point::Fuse, &message.cell.id);
        let fuse_ms = milliseconds(clock.elapsed());
        drop((slot, memory));

        let clock = Instant::now();
        let output = message.cell.output_object(message.recipe);
        let region = message.cell.region.as_deref();
        let upload = Upload::begin(&self.objects, &output, region, "image/tiff", Existing::Replace);
        // Boxed: an upload's future is tens of kilobytes, which every caller up to the pool would carry along.
        let upload = Box::pin(upload.whole(raster));
        let stored = self.unless(&effort.hurry, lost, upload).await?;
        let (etag, bytes) = match stored {
            Ok(Stored::New { etag, bytes }) => (etag, bytes),
            Ok(Stored::Kept) => (String::new(), 0),
            Err(error) if error.may_pass() || error.kind() == AwsErrorKind::Credentials => {
                return Err(WorkError::Passing(failure("publish", &error)));
            }
            Err(error) => return Err(permanent("publish", &error)),
        };
        fault::point_of(Point::Upload, &message.cell.id);
        effort.done();
        Ok(Success { output, etag, bytes, fetch_ms, fuse_ms, publish_ms: milliseconds(clock.elapsed()) })
    }

    /// Waits for `work`, but no longer than until the worker must stop or the lease is lost.
    async fn unless<T>(
        &self,
        stop: &CancellationToken,
        lost: &CancellationToken,
        work: impl Future<Output = T>,
    ) -> Result<T, WorkError> {
        tokio::select! {
            biased;
            () = lost.cancelled() => Err(WorkError::LeaseLost),
            () = stop.cancelled() => Err(WorkError::Interrupted),
            done = work => Ok(done),
        }
    }

    async fn fetch(&self, cell: &Cell, recipe: Recipe) -> Result<Vec<Band>, WorkError> {
        let mut downloads = FuturesOrdered::new();
        for &name in recipe.bands() {
            let source = cell.assets.get(name).ok_or_else(|| {
                let message = format!(
                    "cell {} has no {name}, which recipe {recipe} reads; submit it with one",
                    cell.id
                );
                WorkError::Permanent(Failure { code: "missing_band".into(), message })
            })?;
            downloads.push_back(async move {
                let object =
                    self.objects.get(source, cell.request_payer, BAND_BYTES).await.map_err(|error| {
                        let failure = failure(error.code(), &error);
                        if error.may_pass() {
                            WorkError::Passing(failure)
                        } else {
                            WorkError::Permanent(failure)
                        }
                    })?;
                Ok(Band { name: name.to_owned(), source: source.to_string(), bytes: object.bytes })
            });
        }
        downloads.try_collect().await
    }

    async fn memory_needed(&self, bands: &Arc<Vec<Band>>) -> Result<u64, WorkError> {
        let bands = Arc::clone(bands);
        blocking(move || {
            let headers = bands.iter().map(fuse::inspect).collect::<Result<Vec<_>, _>>()?;
            let held: u64 = bands.iter().map(|band| band.bytes.len() as u64).sum();
            Ok(held.saturating_add(fuse::memory_needed(&headers)))
        })
        .await
    }

    /// Fuses on a thread of its own, which is told to stop when the lease is lost or time is up.
    async fn fuse(
        &self,
        message: &CellMessage,
        bands: Arc<Vec<Band>>,
        lost: &CancellationToken,
        hurry: &CancellationToken,
    ) -> Result<Bytes, WorkError> {
        let id = message.cell.id;
        let metadata = vec![
            ("TILE".to_owned(), id.tile.to_string()),
            ("DATE".to_owned(), id.date.to_string()),
            ("ACQUISITION".to_owned(), id.number.to_string()),
        ];
        let token = CancellationToken::new();
        let cancel = Cancel::from(token.clone());
        let fusing = blocking(move || {
            let request =
                fuse::Request { bands: &bands, compression: Compression::default(), metadata: &metadata };
            fuse::fuse(&request, &cancel).map(|cog| cog.bytes)
        });
        // Whichever way this future ends, dropped ones included, the thread is told.
        let _stop_the_thread = token.clone().drop_guard();
        self.unless(hurry, lost, fusing).await?
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FuseError> + Send + 'static,
) -> Result<T, WorkError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) if error.is_permanent() => Err(permanent(error.code(), &error)),
        Ok(Err(error)) => Err(WorkError::Passing(failure(error.code(), &error))),
        Err(panicked) => Err(WorkError::Passing(failure("panic", &panicked))),
    }
}

fn failure(code: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure { code: code.to_owned(), message: error.to_string() }
}

fn permanent(code: &str, error: &dyn std::fmt::Display) -> WorkError {
    WorkError::Permanent(failure(code, error))
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
