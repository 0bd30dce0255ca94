//! The threads that decode tiles and hand on complete chunks.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use super::chunks::{Chunk, Chunks, Layout};
use super::error::FuseError;
use super::grid::Grid;
use super::input::{Desk, TileReader};
use super::order::Unit;
use super::{Cancel, Progress};

/// A band as it is decoded.
pub(super) struct Track<'a> {
    pub(super) grid: &'a Grid,
    pub(super) tiles: &'a dyn TileReader,
}

/// What a thread does with a chunk that is complete; it may keep something between its chunks.
pub(super) trait ChunkSink: Sync {
    type Scratch;
    fn scratch(&self) -> Self::Scratch;
    fn take(&self, chunk: &mut Chunk, scratch: &mut Self::Scratch) -> Result<(), FuseError>;
}

/// Decodes all tiles of all bands on `threads` threads, and hands the chunks on as they are
/// completed, on the thread that completed them, each once.
///
/// # Errors
/// The first one of any thread. A panic is one too.
pub(super) fn run<S: ChunkSink>(
    tracks: &[Track<'_>],
    layout: Layout,
    threads: usize,
    sink: &S,
    progress: &(dyn Fn(Progress) + Sync),
    cancel: &Cancel,
) -> Result<(), FuseError> {
    let grids: Vec<_> = tracks.iter().map(|track| track.grid).collect();
    let chunks = Chunks::new(layout, &grids, threads);
    let total = grids.iter().map(|grid| grid.pixels()).sum();
    let (failed, done) = (AtomicBool::new(false), AtomicU64::new(0));
    let stop = || failed.load(Ordering::Relaxed) || cancel.is_cancelled();
    let fail = |error| {
        chunks.fail(error);
        failed.store(true, Ordering::Relaxed);
    };
    let work = || {
        let (mut desk, mut scratch) = (Desk::new(), sink.scratch());
        while let Some(unit) = chunks.take(&mut desk.samples) {
            cancel.check()?;
            one(tracks, unit, &mut desk, &stop)?;
            let complete = chunks.put(unit, &mut desk.samples)?;
            if !complete.is_empty() {
                desk.clear_away();
            }
            for mut chunk in complete {
                sink.take(&mut chunk, &mut scratch)?;
                chunks.handed_on(chunk);
            }
            chunks.done();
            let pixels = unit.rect.area();
            let done = done
                .fetch_add(pixels, Ordering::Relaxed)
                .saturating_add(pixels);
            progress(Progress { done, total });
        }
        Ok(())
    };
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

fn one(
    tracks: &[Track<'_>],
    unit: Unit,
    desk: &mut Desk,
    stop: &(dyn Fn() -> bool + Sync),
) -> Result<(), FuseError> {
    match tracks.get(unit.band) {
        Some(track) => track.tiles.read(unit.tile, unit.rect, desk, stop),
        None => Ok(()),
    }
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a word".into())
}
