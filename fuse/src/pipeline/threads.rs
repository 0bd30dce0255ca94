//! The threads that decode tiles and hand on complete chunks.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use crate::cancel::Cancel;
use crate::error::FuseError;
use crate::input::DecodeScratch;
use crate::pipeline::chunk::{BandTiles, ChunkSink};
use crate::pipeline::chunks::Chunks;
use crate::pipeline::layout::Layout;
use crate::pipeline::order::TileJob;
use crate::request::Progress;

/// Decodes all tiles that any chunk sees on `threads` threads, and hands each chunk on, once, on
/// the thread that completed the last of its windows.
///
/// # Errors
/// The first one of any thread. A panic is one too.
pub(crate) fn run<S: ChunkSink>(
    bands: &[BandTiles<'_>],
    layout: &Layout,
    threads: usize,
    sink: &S,
    progress: &(dyn Fn(Progress) + Sync),
    cancel: &Cancel,
) -> Result<(), FuseError> {
    let grids: Vec<_> = bands.iter().map(|band| band.grid).collect();
    let chunks = Chunks::new(layout, &grids, threads);
    let totals = layout.bands().iter().zip(&grids);
    let total = totals.map(|(band, grid)| band.pixels(grid)).sum();
    // The first error stops all threads.
    let (failed, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let stop = || failed.load(Ordering::Relaxed) || cancel.is_cancelled();
    let fail = |error| {
        chunks.fail(error);
        failed.store(true, Ordering::Relaxed);
    };
    // A thread decodes job after job, and gives the chunks that it completes to the sink.
    let work = || {
        let (mut decoding, mut scratch) = (DecodeScratch::new(), sink.scratch());
        let mut windows = Vec::new();
        while let Some(job) = chunks.take() {
            cancel.check()?;
            decode(bands, job, &mut decoding, &stop)?;
            let ready = chunks.put(job, &mut decoding.samples)?;
            if !ready.is_empty() {
                decoding.release();
            }
            for mut chunk in ready {
                chunk.gather(&mut windows)?;
                sink.take(&mut chunk, &mut scratch)?;
                chunks.handed_on(chunk, &mut windows);
            }
            chunks.done();
            let pixels = job.rect.area();
            let done = done
                .fetch_add(pixels, Ordering::Relaxed)
                .saturating_add(pixels);
            progress(Progress { done, total });
        }
        Ok(())
    };
    // A panic must not leave the other threads waiting.
    let guarded = || match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => {}
        Ok(Err(error)) => fail(error),
        Err(panic) => fail(FuseError::Panic {
            detail: words(&*panic),
        }),
    };
    thread::scope(|scope| {
        for number in 0..threads {
            let thread = thread::Builder::new().name(format!("fuse-{number}"));
            if let Err(error) = thread.spawn_scoped(scope, guarded) {
                fail(FuseError::Thread { error });
            }
        }
    });
    chunks.into_result()
}

fn decode(
    bands: &[BandTiles<'_>],
    job: TileJob,
    scratch: &mut DecodeScratch,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<(), FuseError> {
    match bands.get(job.band) {
        Some(band) => band.tiles.read(job.tile, job.rect, scratch, stop),
        None => Ok(()),
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".into())
}
