//! One pass over bands of a cell: they are read, fused and uploaded, all three at the same time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::TryStreamExt as _;
use futures::stream::FuturesOrdered;
use tilefleet_common::aws::{ClosedUpload, HeaderLastUpload, ReadOptions};
use tilefleet_common::domain::{Cell, S3Url};
use tilefleet_common::fault::{self, Point};
use tilefleet_common::ledger::NoRaster;
use tilefleet_common::ledger::transition::{BucketUse, Failure};
use tokio_util::sync::CancellationToken;

use super::extent::{Extent, Part};
use super::plan::RasterPlan;
use crate::activity::{Activity, Phase};
use crate::cell::band_source::{self, ObjectSource, WINDOW_BYTES};
use crate::cell::error::{CellError, or_cancelled};
use crate::cell::processor::CellProcessor;
use crate::cell::publish::{BodyWriter, Publication, PublishError};
use crate::machine::RunningCell;
use tilefleet_fuse::{self as fuse, Cancel, Cog, Compression, FuseError, Prepared};

/// The largest band that is read, in bytes. Full-size 10 m bands have 115 to 132 MB.
const MAX_BAND_BYTES: u64 = 512 << 20;

/// How long an outage of S3 is waited out with a raster that is being published. After that the cell
/// goes back.
const PATIENCE: Duration = Duration::from_mins(15);

/// What to make in one pass.
#[derive(Debug)]
pub(super) struct Pass<'a> {
    pub(super) cell: &'a Cell,
    /// The bands, in the order of the kernel's inputs.
    pub(super) bands: Vec<&'a str>,
    /// What is made of them.
    pub(super) plan: RasterPlan,
    /// Which part of the cell is made.
    pub(super) extent: &'a Extent,
    /// Metadata items of the raster.
    pub(super) metadata: Vec<(String, String)>,
    /// Where the raster will be.
    pub(super) output: S3Url,
    /// Bytes of rasters of the cell that wait in memory to be published.
    pub(super) held: u64,
}

/// What a pass does beside its own work.
#[derive(Debug, Clone, Copy)]
pub(super) struct Course<'a> {
    /// Is told of each phase and of progress.
    pub(super) activity: &'a Arc<Activity>,
    pub(super) lease_lost: &'a CancellationToken,
    /// Cancelled when the work on the cell ends, however it does.
    pub(super) cancel: &'a CancellationToken,
}

/// What came of a pass.
#[derive(Debug)]
pub(super) enum Made {
    /// A raster that is stored and not visible yet.
    Raster(Box<ClosedUpload>),
    /// Nothing, for this reason.
    Nothing(NoRaster),
}

/// How long the passes of a cell took. The times in which they waited for a slot or for memory are not
/// in it.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Times {
    /// Until the bands were open and their headers read.
    pub(super) fetch: Duration,
    /// From the first tile to the last.
    pub(super) fuse: Duration,
    /// Until the rest of the raster was stored.
    pub(super) close: Duration,
}

impl CellProcessor {
    /// Makes a raster and uploads it. It is not visible before it is published.
    ///
    /// # Errors
    /// [`CellError`]; then nothing of the upload is left.
    pub(super) async fn make(
        &self,
        pass: Pass<'_>,
        course: Course<'_>,
        running: &mut Option<RunningCell>,
        times: &mut Times,
    ) -> Result<Made, CellError> {
        let Course {
            activity,
            lease_lost,
            cancel,
        } = course;
        let stop = &self.shutdown.stop;
        let (cell, output, extent) = (pass.cell, pass.output.clone(), pass.extent);
        let held = pass.held;

        // 1. Open the bands and read their headers. This needs no slot: the first bytes arrive
        //    while the cell before is still fused. Boxed, as the publication below: every caller up
        //    to the pool would carry these futures along.
        let clock = Instant::now();
        activity.enter(Phase::Fetching);
        let fetching = Box::pin(self.fetch(pass, cancel));
        let fetched = or_cancelled(stop, lease_lost, fetching).await??;
        fault::point_of(Point::Fetch, &cell.id);
        times.fetch += clock.elapsed();
        let Some((sources, prepared, part)) = fetched else {
            return Ok(Made::Nothing(NoRaster::OutsideArea));
        };

        // 2. Wait for a slot, and then for memory, which is held until the head, a quarter of the
        //    raster, is uploaded.
        activity.enter(Phase::Waiting);
        let slot = or_cancelled(stop, lease_lost, Arc::clone(&self.slots).acquire_owned()).await?;
        let needed = memory_needed(&prepared, sources.len()).saturating_add(held);
        let memory = or_cancelled(stop, lease_lost, self.memory.acquire(needed)).await?;
        let _memory = memory.map_err(|error| CellError::of_memory(&error))?;

        // 3. Fuse the bands while the rest of them arrives and the body of the raster leaves. Then
        //    the slot is free for the next cell.
        let clock = Instant::now();
        activity.enter(Phase::Fusing);
        let abort = &running
            .get_or_insert_with(|| self.shutdown.start_cell())
            .abort;
        let upload =
            HeaderLastUpload::begin(&self.objects, &output, cell.region.as_deref(), "image/tiff")
                .with_patience(fault::shortened(PATIENCE));
        let (publication, body) = Publication::start(upload, cancel);
        let fusing = or_cancelled(abort, lease_lost, fuse(prepared, body, activity, cancel));
        let (cog, upload_wait) = match fusing.await {
            Ok(Ok(fused)) => fused,
            Ok(Err(NotFused::UploadEnded)) => {
                return Err(self.not_published(&publication.error().await));
            }
            Ok(Err(NotFused::Failed(error))) => {
                publication.abort().await;
                let checked = unless_damaged(&sources, error);
                return Err(or_cancelled(abort, lease_lost, checked).await?);
            }
            Err(error) => {
                publication.abort().await;
                return Err(error);
            }
        };
        fault::point_of(Point::Fuse, &cell.id);
        drop(slot);
        let fuse_time = clock.elapsed();
        times.fuse += fuse_time;
        self.log_summary(&sources, &cog, upload_wait, fuse_time);
        if extent.is_too_few(&cog, &part) {
            publication.abort().await;
            // A band that was damaged on its way may only look empty.
            let verifying = or_cancelled(abort, lease_lost, band_source::verify(&sources));
            return match verifying.await? {
                Ok(()) => Ok(Made::Nothing(NoRaster::TooFewValid)),
                Err(damage) => Err(CellError::of_band(&damage, "")),
            };
        }

        // 4. Compare the bands with their digests, and store the rest of the raster.
        let clock = Instant::now();
        activity.enter(Phase::Publishing);
        let closing = Box::pin(self.verify_and_close(&sources, publication, cog));
        let upload = or_cancelled(abort, lease_lost, closing).await??;
        times.close += clock.elapsed();
        Ok(Made::Raster(Box::new(upload)))
    }

    /// Opens the bands side by side and reads their headers. `None` when the area does not touch the
    /// cell.
    async fn fetch(
        &self,
        pass: Pass<'_>,
        cancel: &CancellationToken,
    ) -> Result<Option<Fetched>, CellError> {
        let sources = self.open(pass.cell, &pass.bands, cancel).await?;
        match self.prepare(pass, &sources, cancel).await {
            Ok(Some((prepared, part))) => Ok(Some((sources, prepared, part))),
            Ok(None) => Ok(None),
            Err(error) => Err(unless_damaged(&sources, error).await),
        }
    }

    /// Opens bands of a cell side by side.
    pub(super) async fn open(
        &self,
        cell: &Cell,
        bands: &[&str],
        cancel: &CancellationToken,
    ) -> Result<Vec<Arc<ObjectSource>>, CellError> {
        let options = ReadOptions {
            request_payer: cell.request_payer,
            limit: MAX_BAND_BYTES,
            window: WINDOW_BYTES,
        };
        let mut opening = FuturesOrdered::new();
        for band in bands {
            let object = band_object(cell, band)?;
            opening.push_back(async move {
                let opened = ObjectSource::open(&self.objects, object, options, cancel).await;
                opened.map_err(|error| CellError::of_band(&error, object.bucket()))
            });
        }
        let sources = opening.try_collect().await?;
        for band in cell.assets.values() {
            self.known.set_used(BucketUse::Read, band.bucket());
        }
        Ok(sources)
    }

    /// Reads the headers, and starts to read ahead in the files that are read from end to end.
    async fn prepare(
        &self,
        pass: Pass<'_>,
        sources: &[Arc<ObjectSource>],
        cancel: &CancellationToken,
    ) -> Result<Option<(Prepared, Part)>, CellError> {
        let mut bands = vec![];
        for (band, source) in pass.bands.iter().zip(sources) {
            let object = band_object(pass.cell, band)?;
            bands.push(source.band(band, object.to_string()));
        }
        let plan = pass.plan;
        let extent = pass.extent.clone();
        let request = fuse::Request {
            bands,
            kernel: extent
                .kernel_of(&plan)
                .map_err(|error| CellError::of_fusion(&error.into()))?,
            crop: None,
            overviews: plan.overviews,
            compression: Compression::default(),
            metadata: pass.metadata,
            scales: plan.scales.clone(),
            threads: self.threads,
        };
        let cancel = Cancel::from(cancel.clone());
        let prepared = blocking(move || extent.cut(fuse::prepare(request, &cancel)?, &plan));
        let prepared = prepared.await?;
        if let Ok(Some(_)) = prepared {
            for source in sources {
                if is_jpeg2000(source.reader().head()) {
                    source.reader().read_ahead();
                }
            }
        }
        prepared.map_err(|error| CellError::of_fusion(&error))
    }

    /// Compares the bands with their digests, and stores the head of the raster only then.
    async fn verify_and_close(
        &self,
        sources: &[Arc<ObjectSource>],
        publication: Publication,
        cog: Cog,
    ) -> Result<ClosedUpload, CellError> {
        if let Err(error) = band_source::verify(sources).await {
            publication.abort().await;
            return Err(CellError::of_band(&error, ""));
        }
        let closed = publication.close(cog.head).await;
        closed.map_err(|error| self.not_published(&error))
    }

    pub(super) fn not_published(&self, error: &PublishError) -> CellError {
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

/// The bands of a cell, opened, and the part of it that is made.
type Fetched = (Vec<Arc<ObjectSource>>, Prepared, Part);

/// Where a band of the cell is.
fn band_object<'a>(cell: &'a Cell, band: &str) -> Result<&'a S3Url, CellError> {
    cell.assets.get(band).ok_or_else(|| {
        let found: Vec<&str> = cell.assets.keys().map(String::as_str).collect();
        CellError::Permanent(Failure {
            code: "missing_band".into(),
            message: format!(
                "cell {} has no {band}, which the recipe reads; it has {}; submit it with one",
                cell.id,
                found.join(", ")
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
