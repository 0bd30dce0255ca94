//! The raster of a cell: its bands are read, fused and published, all three at the same time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use futures::stream::FuturesOrdered;
use tilefleet_common::aws::{HeaderLastUpload, ReadOptions, Stored};
use tilefleet_common::domain::{Cell, Recipe, Role, S3Url};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::NoRaster;
use tilefleet_common::ledger::transition::{BucketUse, Failure, Success};
use tokio_util::sync::CancellationToken;

use super::artefacts::Published;
use super::band_source::{self, ObjectSource, WINDOW_BYTES};
use super::error::{CellError, or_cancelled};
use super::extent::{Extent, Part, without_raster};
use super::kernel;
use super::processor::{CellProcessor, milliseconds};
use super::publish::{BodyWriter, Publication, PublishError};
use crate::activity::{Activity, Phase};
use tilefleet_fuse::{self as fuse, Cancel, Cog, Compression, FuseError, Prepared};

/// The largest band that is read, in bytes. Full-size 10 m bands have 115 to 132 MB.
const MAX_BAND_BYTES: u64 = 512 << 20;

/// How long an outage of S3 is waited out with a raster that is being published. After that the cell
/// goes back.
const PATIENCE: Duration = Duration::from_mins(15);

impl CellProcessor {
    /// Fuses the bands of `recipe` and publishes the raster at `location`; see
    /// [`CellProcessor::process`].
    pub(super) async fn process_raster(
        &self,
        cell: &Cell,
        recipe: &Recipe,
        extent: &Extent,
        location: String,
        activity: &Arc<Activity>,
        lease_lost: &CancellationToken,
    ) -> Result<Success, CellError> {
        // However this future ends, dropped ones included, its threads and its upload stop.
        let cancel = CancellationToken::new();
        let _cancel_on_drop = cancel.clone().drop_guard();
        let stop = &self.shutdown.stop;

        // 1. Open the bands and read their headers. This needs no slot: the first bytes arrive
        //    while the cell before is still fused. Boxed, as the publication below: every caller up
        //    to the pool would carry these futures along.
        let clock = Instant::now();
        activity.enter(Phase::Fetching);
        let fetching = Box::pin(self.fetch(cell, recipe, extent, &cancel));
        let fetched = or_cancelled(stop, lease_lost, fetching).await??;
        fault::point_of(Point::Fetch, &cell.id);
        let fetch_ms = milliseconds(clock.elapsed());
        let Some((sources, prepared, part)) = fetched else {
            return Ok(without_raster(cell, NoRaster::OutsideArea, fetch_ms, 0));
        };

        // 2. Wait for a slot, and then for memory, which is held until the head, a quarter of the
        //    raster, is uploaded.
        activity.enter(Phase::Waiting);
        let slot = or_cancelled(stop, lease_lost, Arc::clone(&self.slots).acquire_owned()).await?;
        let needed = memory_needed(&prepared, sources.len());
        let memory = or_cancelled(stop, lease_lost, self.memory.acquire(needed)).await?;
        let _memory = memory.map_err(|error| CellError::of_memory(&error))?;

        // 3. Fuse the bands while the rest of them arrives and the body of the raster leaves. Then
        //    the slot is free for the next cell.
        let clock = Instant::now();
        activity.enter(Phase::Fusing);
        let running = self.shutdown.start_cell();
        let output = cell.output.join(&location);
        let upload =
            HeaderLastUpload::begin(&self.objects, &output, cell.region.as_deref(), "image/tiff")
                .with_patience(fault::shortened(PATIENCE));
        let (publication, body) = Publication::start(upload, &cancel);
        let fusing = or_cancelled(
            &running.abort,
            lease_lost,
            fuse(prepared, body, activity, &cancel),
        );
        let (cog, upload_wait) = match fusing.await {
            Ok(Ok(fused)) => fused,
            Ok(Err(NotFused::UploadEnded)) => {
                return Err(self.not_published(&publication.error().await));
            }
            Ok(Err(NotFused::Failed(error))) => {
                publication.abort().await;
                let checked = unless_damaged(&sources, error);
                return Err(or_cancelled(&running.abort, lease_lost, checked).await?);
            }
            Err(error) => {
                publication.abort().await;
                return Err(error);
            }
        };
        fault::point_of(Point::Fuse, &cell.id);
        drop(slot);
        let fuse_time = clock.elapsed();
        self.log_summary(&sources, &cog, upload_wait, fuse_time);
        if extent.is_too_few(&cog, &part) {
            publication.abort().await;
            running.complete();
            let fuse_ms = milliseconds(fuse_time);
            return Ok(without_raster(
                cell,
                NoRaster::TooFewValid,
                fetch_ms,
                fuse_ms,
            ));
        }

        // 4. Compare the bands with their digests, and only then make the raster visible.
        let clock = Instant::now();
        activity.enter(Phase::Publishing);
        let publishing = Box::pin(self.verify_and_publish(&sources, publication, cog));
        let stored = or_cancelled(&running.abort, lease_lost, publishing).await??;
        let mut published = Published::new(cell);
        published.add(Role::Raster, location, stored);
        self.known.set_used(BucketUse::Write, cell.output.bucket());
        running.complete();
        let (fuse_ms, publish_ms) = (milliseconds(fuse_time), milliseconds(clock.elapsed()));
        Ok(Success {
            output: cell.output.clone(),
            artefacts: published.into_artefacts(),
            without_raster: None,
            fetch_ms,
            fuse_ms,
            publish_ms,
        })
    }

    /// Opens the recipe's inputs side by side and reads their headers. `None` when the area does not
    /// touch the cell.
    async fn fetch(
        &self,
        cell: &Cell,
        recipe: &Recipe,
        extent: &Extent,
        cancel: &CancellationToken,
    ) -> Result<Option<Fetched>, CellError> {
        let options = ReadOptions {
            request_payer: cell.request_payer,
            limit: MAX_BAND_BYTES,
            window: WINDOW_BYTES,
        };
        let mut opening = FuturesOrdered::new();
        for band in recipe.inputs() {
            let object = band_object(cell, recipe, band)?;
            opening.push_back(async move {
                let opened = ObjectSource::open(&self.objects, object, options, cancel).await;
                opened.map_err(|error| CellError::of_band(&error, object.bucket()))
            });
        }
        let sources: Vec<_> = opening.try_collect().await?;
        for band in cell.assets.values() {
            self.known.set_used(BucketUse::Read, band.bucket());
        }
        let part = match part_of(cell, recipe, extent, &sources, cancel).await {
            Ok(Part::Outside) => return Ok(None),
            Ok(part) => part,
            Err(error) => return Err(unless_damaged(&sources, error).await),
        };
        // Nothing cuts a raster yet, and a whole one would not be what its key says.
        if let Part::Inside(_) = part {
            let detail = "this version of the worker cannot cut a raster to an area";
            return Err(CellError::permanent("kernel", &detail));
        }
        match self.prepare(cell, recipe, &sources, cancel).await {
            Ok(prepared) => Ok(Some((sources, prepared, part))),
            Err(error) => Err(unless_damaged(&sources, error).await),
        }
    }

    /// Reads the headers, and starts to read ahead in the files that are read from end to end.
    async fn prepare(
        &self,
        cell: &Cell,
        recipe: &Recipe,
        sources: &[Arc<ObjectSource>],
        cancel: &CancellationToken,
    ) -> Result<Prepared, CellError> {
        let mut bands = vec![];
        for (band, source) in recipe.inputs().iter().zip(sources) {
            let object = band_object(cell, recipe, band)?;
            bands.push(source.band(band, object.to_string()));
        }
        let request = fuse::Request {
            bands,
            compression: Compression::default(),
            kernel: kernel::of_recipe(recipe),
            overviews: fuse::Overviews::Average,
            metadata: vec![
                ("TILE".to_owned(), cell.id.tile.to_string()),
                ("DATE".to_owned(), cell.id.date.to_string()),
                ("ACQUISITION".to_owned(), cell.id.number.to_string()),
            ],
            threads: self.threads,
        };
        let cancel = Cancel::from(cancel.clone());
        let prepared = blocking(move || fuse::prepare(request, &cancel)).await?;
        for source in sources {
            if is_jpeg2000(source.reader().head()) {
                source.reader().read_ahead();
            }
        }
        prepared.map_err(|error| CellError::of_fusion(&error))
    }

    /// Compares the bands with their digests, and makes the raster visible only then.
    async fn verify_and_publish(
        &self,
        sources: &[Arc<ObjectSource>],
        publication: Publication,
        cog: Cog,
    ) -> Result<Stored, CellError> {
        if let Err(error) = band_source::verify(sources).await {
            publication.abort().await;
            return Err(CellError::of_band(&error, ""));
        }
        let stored = publication.finish(cog.head).await;
        stored.map_err(|error| self.not_published(&error))
    }

    fn not_published(&self, error: &PublishError) -> CellError {
        CellError::of_publication(error, self.own_bucket.as_deref())
    }

    fn log_summary(
        &self,
        sources: &[Arc<ObjectSource>],
        cog: &Cog,
        upload_wait: Duration,
        fuse_time: Duration,
    ) {
        let input_wait: Duration = sources.iter().map(|source| source.wait_time()).sum();
        let threads = u32::try_from(self.threads).unwrap_or(1);
        let working = fuse_time
            .saturating_mul(threads)
            .saturating_sub(input_wait)
            .saturating_sub(upload_wait);
        let bands = u32::try_from(sources.len()).unwrap_or(u32::MAX);
        let pixels = f64::from(cog.width) * f64::from(cog.height) * f64::from(bands);
        let head: usize = cog.head.iter().map(bytes::Bytes::len).sum();
        tracing::info!(
            bytes_in = sources
                .iter()
                .map(|source| source.reader().received())
                .sum::<u64>(),
            bytes_out = cog.body_bytes + head as u64,
            input_wait_s = input_wait.as_secs_f64(),
            working_s = working.as_secs_f64(),
            output_wait_s = upload_wait.as_secs_f64(),
            mpixel_s = pixels / 1e6 / fuse_time.as_secs_f64(),
            "fused"
        );
    }
}

/// The bands of a cell, opened, and the part of it that the area has.
type Fetched = (Vec<Arc<ObjectSource>>, Prepared, Part);

/// What of the cell the area has, on the grid of the first input.
async fn part_of(
    cell: &Cell,
    recipe: &Recipe,
    extent: &Extent,
    sources: &[Arc<ObjectSource>],
    cancel: &CancellationToken,
) -> Result<Part, CellError> {
    let (Some(name), Some(source)) = (recipe.inputs().first(), sources.first()) else {
        return Ok(Part::Whole);
    };
    let band = source.band(name, band_object(cell, recipe, name)?.to_string());
    let (extent, cancel) = (extent.clone(), Cancel::from(cancel.clone()));
    let part = blocking(move || extent.part(&band, &cancel)).await?;
    part.map_err(|error| CellError::of_fusion(&error))
}

/// Where a band of the cell is.
fn band_object<'a>(cell: &'a Cell, recipe: &Recipe, band: &str) -> Result<&'a S3Url, CellError> {
    cell.assets.get(band).ok_or_else(|| {
        CellError::Permanent(Failure {
            code: "missing_band".into(),
            message: format!(
                "cell {} has no {band}, which recipe {} reads; submit it with one",
                cell.id,
                recipe.name()
            ),
        })
    })
}

/// Bytes that a cell takes while it is fused: for the fuse core, the windows of its bands, and the
/// upload.
fn memory_needed(prepared: &Prepared, bands: usize) -> u64 {
    let windows = WINDOW_BYTES.saturating_mul(bands as u64);
    prepared
        .memory_needed()
        .saturating_add(windows)
        .saturating_add(Publication::MEMORY)
}

/// Whether a file begins as JPEG 2000: with the signature box of a JP2 file (ISO/IEC 15444-1,
/// I.5.1), or SOC and SIZ of a bare codestream (A.4.1, A.5.1). Such a file is decoded from end to
/// end; of a TIFF only some tiles are read.
fn is_jpeg2000(head: &[u8]) -> bool {
    head.starts_with(b"\0\0\0\x0cjP  \r\n\x87\n") || head.starts_with(b"\xff\x4f\xff\x51")
}

/// Why a fusion ended early.
enum NotFused {
    /// The upload ended before, and knows why.
    UploadEnded,
    Failed(CellError),
}

/// Fuses on threads of its own, and closes the body. Returns how long the threads waited for the
/// upload.
async fn fuse(
    prepared: Prepared,
    body: BodyWriter,
    activity: &Arc<Activity>,
    cancel: &CancellationToken,
) -> Result<(Cog, Duration), NotFused> {
    let (activity, cancel) = (Arc::clone(activity), Cancel::from(cancel.clone()));
    let fused = blocking(move || {
        let cog = prepared.run(&body, &|_| activity.progress(), &cancel)?;
        Ok((cog, body.wait_time()))
    });
    match fused.await.map_err(NotFused::Failed)? {
        Ok(fused) => Ok(fused),
        Err(FuseError::Write { .. }) => Err(NotFused::UploadEnded),
        Err(error) => Err(NotFused::Failed(CellError::of_fusion(&error))),
    }
}

/// Why the bands could not be fused: `error`, unless one of them is not what S3 stores. Then the file
/// may be sound, and another attempt can succeed.
async fn unless_damaged(sources: &[Arc<ObjectSource>], error: CellError) -> CellError {
    if !matches!(error, CellError::Permanent(_)) {
        return error;
    }
    match band_source::verify(sources).await {
        Err(damage) => CellError::of_band(&damage, ""),
        Ok(()) => error,
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FuseError> + Send + 'static,
) -> Result<Result<T, FuseError>, CellError> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|panicked| CellError::retryable("panic", &panicked))
}
