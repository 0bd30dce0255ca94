//! What is done for a cell: its bands are read, fused and published, all three at the same time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use futures::stream::FuturesOrdered;
use tilefleet_common::aws::{
    AwsErrorKind, HeaderLastUpload, ObjectError, ObjectReader, ObjectStore, ReadOptions, Stored,
};
use tilefleet_common::domain::{Cell, CellMessage, Recipe};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::transition::{Failure, Success};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::fuse::{self, Band, Cancel, Cog, Compression, FuseError, Prepared};
use crate::input::{self, ObjectSource};
use crate::memory::MemoryBudget;
use crate::publication::{Body, Publication, PublishError};
use crate::shutdown::Shutdown;

/// Bytes of a band, at most. Full-size 10 m bands have 115 to 132 MB.
const BAND_BYTES: u64 = 512 << 20;
/// Bytes of a band that are in memory or on their way at a time. Three requests side by side bring
/// well over the 25 MB a second that two cores decode of all bands together.
const WINDOW: u64 = 24 << 20;
/// Cores that share the tiles of one cell. With more of them the ends of a cell, when there are
/// fewer tiles left than cores, would begin to count; it takes 363 tiles to make a full-size one.
const CORES_PER_CELL: usize = 8;

/// Why there is no raster.
#[derive(Debug)]
pub enum WorkError {
    /// There never will be one from this input.
    Permanent(Failure),
    /// It may work later.
    Retryable(Failure),
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
    /// Threads for each of them.
    pub threads: usize,
    /// Memory for fusing.
    pub memory: MemoryBudget,
    /// When to stop.
    pub shutdown: Shutdown,
}

/// How many cells to fuse at a time on a machine of so many cores: one for every eight. A second
/// one beside the first would make neither of them sooner, and take its memory twice.
pub fn slots(cores: usize) -> usize {
    cores.div_ceil(CORES_PER_CELL).max(1)
}

impl Workshop {
    /// Makes the raster of `message` and publishes it, unless `lost` is cancelled before.
    ///
    /// Of the times that it answers, `fetch_ms` is from the beginning until the bands are open and
    /// their headers read, `fuse_ms` from the first tile to the last, and `publish_ms` from there
    /// until the raster is visible. The bands arrive and the raster leaves during `fuse_ms`.
    /// Waiting for a slot or for memory is in none of them.
    ///
    /// # Errors
    /// [`WorkError`], which says what to do with the message.
    pub async fn make(
        &self,
        message: &CellMessage,
        lost: &CancellationToken,
    ) -> Result<Success, WorkError> {
        match message.recipe {
            Recipe::Rgb => self.fuse(message, lost).await,
            Recipe::Probe => Box::pin(self.probe(message, lost)).await,
        }
    }

    async fn fuse(
        &self,
        message: &CellMessage,
        lost: &CancellationToken,
    ) -> Result<Success, WorkError> {
        // Whichever way this future ends, dropped ones included, the threads and the upload are
        // told.
        let cancel = CancellationToken::new();
        let _stop_the_threads = cancel.clone().drop_guard();
        let stop = &self.shutdown.stop;

        let clock = Instant::now();
        // Boxed, as the publication below: every caller up to the pool would carry these futures
        // along.
        let opened = Box::pin(self.open(&message.cell, message.recipe, &cancel));
        let sources = self.unless(stop, lost, opened).await??;
        let prepared = self
            .unless(stop, lost, self.prepare(message, &sources, &cancel))
            .await??;
        fault::point_of(Point::Fetch, &message.cell.id);
        let fetch_ms = milliseconds(clock.elapsed());

        let slot = self
            .unless(stop, lost, Arc::clone(&self.slots).acquire_owned())
            .await?;
        let windows = WINDOW.saturating_mul(sources.len() as u64);
        let needed = prepared
            .memory_needed()
            .saturating_add(windows)
            .saturating_add(Publication::MEMORY);
        let memory = self.unless(stop, lost, self.memory.acquire(needed)).await?;
        // Held until the head, which is a quarter of the raster, is away.
        let _memory = memory.map_err(|error| permanent("memory", &error))?;

        let clock = Instant::now();
        let output = message.cell.output_object(message.recipe);
        let region = message.cell.region.as_deref();
        let effort = self.shutdown.begin();
        let upload = HeaderLastUpload::begin(&self.objects, &output, region, "image/tiff");
        let (publication, body) = Publication::begin(upload, &cancel);
        let fused = self
            .unless(&effort.hurry, lost, run(prepared, body, &cancel))
            .await;
        let (cog, waited) = match fused {
            Ok(Ok(fused)) => fused,
            Ok(Err(Fused::Upload)) => return Err(not_published(&publication.cause().await)),
            Ok(Err(Fused::Input(error))) | Err(error) => {
                publication.give_up().await;
                return Err(error);
            }
        };
        fault::point_of(Point::Fuse, &message.cell.id);
        drop(slot);
        let fusing = clock.elapsed();
        self.tell(&sources, &cog, waited, fusing);

        let clock = Instant::now();
        let published = async {
            if let Err(error) = verify(&sources).await {
                publication.give_up().await;
                return Err(error);
            }
            publication
                .finish(cog.head)
                .await
                .map_err(|error| not_published(&error))
        };
        let (etag, bytes) = match self
            .unless(&effort.hurry, lost, Box::pin(published))
            .await??
        {
            Stored::New { etag, bytes } => (etag, bytes),
            Stored::Kept => (String::new(), 0),
        };
        fault::point_of(Point::Upload, &message.cell.id);
        effort.done();
        let (fuse_ms, publish_ms) = (milliseconds(fusing), milliseconds(clock.elapsed()));
        Ok(Success {
            output,
            etag,
            bytes,
            fetch_ms,
            fuse_ms,
            publish_ms,
        })
    }

    /// Waits for `work`, but no longer than until the worker must stop or the lease is lost.
    pub(crate) async fn unless<T>(
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

    /// Opens all bands side by side, each with its first range.
    async fn open(
        &self,
        cell: &Cell,
        recipe: Recipe,
        cancel: &CancellationToken,
    ) -> Result<Vec<Arc<ObjectSource>>, WorkError> {
        let options = ReadOptions {
            request_payer: cell.request_payer,
            limit: BAND_BYTES,
            window: WINDOW,
        };
        let mut opening = FuturesOrdered::new();
        for &name in recipe.bands() {
            let object = cell.assets.get(name).ok_or_else(|| {
                let message = format!(
                    "cell {} has no {name}, which recipe {recipe} reads; submit it with one",
                    cell.id
                );
                WorkError::Permanent(Failure {
                    code: "missing_band".into(),
                    message,
                })
            })?;
            opening.push_back(async move {
                let reader = ObjectReader::open(&self.objects, object, options).await;
                let reader = reader.map_err(|error| not_read(&error))?;
                Ok(Arc::new(ObjectSource::new(
                    reader,
                    Handle::current(),
                    cancel.clone(),
                )))
            });
        }
        opening.try_collect().await
    }

    /// Reads the headers, and begins to read ahead what will be read from end to end.
    async fn prepare(
        &self,
        message: &CellMessage,
        sources: &[Arc<ObjectSource>],
        cancel: &CancellationToken,
    ) -> Result<Prepared, WorkError> {
        let cell = &message.cell;
        let bands = message
            .recipe
            .bands()
            .iter()
            .zip(sources)
            .filter_map(|(&name, source)| {
                let object = cell.assets.get(name)?;
                let bytes: Arc<dyn fuse::Source> = Arc::<ObjectSource>::clone(source);
                Some(Band {
                    name: name.to_owned(),
                    source: object.to_string(),
                    bytes,
                })
            });
        let request = fuse::Request {
            bands: bands.collect(),
            kernel: Arc::new(fuse::Stack),
            overviews: fuse::Overviews::Average,
            compression: Compression::default(),
            metadata: vec![
                ("TILE".to_owned(), cell.id.tile.to_string()),
                ("DATE".to_owned(), cell.id.date.to_string()),
                ("ACQUISITION".to_owned(), cell.id.number.to_string()),
            ],
            threads: self.threads,
        };
        let cancel = Cancel::from(cancel.clone());
        let prepared = blocking(move || fuse::prepare(request, &cancel)).await?;
        for source in sources
            .iter()
            .filter(|source| is_jpeg2000(source.reader().head()))
        {
            source.reader().read_ahead();
        }
        prepared.map_err(|error| not_fused(&error))
    }

    fn tell(&self, sources: &[Arc<ObjectSource>], cog: &Cog, output: Duration, fusing: Duration) {
        let input: Duration = sources.iter().map(|source| source.waited()).sum();
        let threads = u32::try_from(self.threads).unwrap_or(1);
        let working = fusing
            .saturating_mul(threads)
            .saturating_sub(input)
            .saturating_sub(output);
        let bands = u32::try_from(sources.len()).unwrap_or(u32::MAX);
        let pixels = f64::from(cog.width) * f64::from(cog.height) * f64::from(bands);
        let head: usize = cog.head.iter().map(bytes::Bytes::len).sum();
        tracing::info!(
            bytes_in = sources
                .iter()
                .map(|source| source.reader().received())
                .sum::<u64>(),
            bytes_out = cog.body_bytes + head as u64,
            input_wait_s = input.as_secs_f64(),
            working_s = working.as_secs_f64(),
            output_wait_s = output.as_secs_f64(),
            mpixel_s = pixels / 1e6 / fusing.as_secs_f64(),
            "fused"
        );
    }
}

/// Signature box of a JP2 file (ISO/IEC 15444-1, I.5.1), or SOC and SIZ of a bare codestream
/// (A.4.1, A.5.1). Such a file is decoded from end to end; of a TIFF only some tiles are wanted.
fn is_jpeg2000(head: &[u8]) -> bool {
    head.starts_with(b"\0\0\0\x0cjP  \r\n\x87\n") || head.starts_with(b"\xff\x4f\xff\x51")
}

/// Why a fusion ended early.
enum Fused {
    /// The upload knows.
    Upload,
    Input(WorkError),
}

/// Fuses on threads of its own, and answers how long they waited for the upload. The body is at its
/// end then.
async fn run(
    prepared: Prepared,
    body: Body,
    cancel: &CancellationToken,
) -> Result<(Cog, Duration), Fused> {
    let cancel = Cancel::from(cancel.clone());
    let ran = blocking(move || {
        let cog = prepared.run(&body, &|_| {}, &cancel)?;
        Ok((cog, body.waited()))
    });
    match ran.await.map_err(Fused::Input)? {
        Ok(fused) => Ok(fused),
        Err(FuseError::Write { .. }) => Err(Fused::Upload),
        Err(error) => Err(Fused::Input(not_fused(&error))),
    }
}

/// Holds every band against its digest, where there is one.
async fn verify(sources: &[Arc<ObjectSource>]) -> Result<(), WorkError> {
    let verified =
        futures::future::try_join_all(sources.iter().map(|source| source.reader().verify()));
    verified.await.map(|_| ()).map_err(|error| not_read(&error))
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FuseError> + Send + 'static,
) -> Result<Result<T, FuseError>, WorkError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|panicked| WorkError::Retryable(failure("panic", &panicked)))
}

fn not_read(error: &ObjectError) -> WorkError {
    let failure = failure(error.code(), error);
    if error.is_retryable() {
        WorkError::Retryable(failure)
    } else {
        WorkError::Permanent(failure)
    }
}

fn not_fused(error: &FuseError) -> WorkError {
    if let FuseError::Read { error, .. } = error
        && let Some(cause) = input::object_error(error)
    {
        return not_read(cause);
    }
    let failure = failure(error.code(), error);
    if error.is_permanent() {
        WorkError::Permanent(failure)
    } else {
        WorkError::Retryable(failure)
    }
}

pub(crate) fn not_published(error: &PublishError) -> WorkError {
    match error {
        PublishError::Upload(cause)
            if !cause.is_retryable() && cause.kind() != AwsErrorKind::Credentials =>
        {
            permanent("publish", error)
        }
        _ => WorkError::Retryable(failure("publish", error)),
    }
}

fn failure(code: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure {
        code: code.to_owned(),
        message: error.to_string(),
    }
}

fn permanent(code: &str, error: &dyn std::fmt::Display) -> WorkError {
    WorkError::Permanent(failure(code, error))
}

pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
