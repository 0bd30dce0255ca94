//! How much may be in memory at a time, and how far jobs may be ahead.
//!
//! The limits are what the jobs need when they are done one after the other, which a dry run finds
//! out, and a little more for each thread.

use crate::grid::TileGrid;
use crate::pipeline::layout::{BandLayout, Layout};
use crate::pipeline::lifecycle::Lifecycle;
use crate::pipeline::order::Order;

/// Bytes of the parts of a chunk: eight bands on the grid of the output. If the output is coarser
/// than the bands, chunks are much larger, and threads are at the same ones.
const USUAL_CHUNK: u64 = 16 << 20;

/// How far jobs are ahead of chunks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Bytes of the parts that are in memory at a time: those that fill, and those that a window
    /// still needs.
    pub(crate) open: u64,
    /// From the first chunk that has not been handed on to the one that a job is due for, chunk by
    /// chunk. Compressed tiles wait for those before them.
    pub(crate) distance: usize,
}

impl Limits {
    /// Limits for so many threads.
    pub(crate) fn new(layout: &Layout, grids: &[&TileGrid], threads: usize) -> Self {
        let Self { open, distance } = Self::in_order(layout, grids);
        // A chunk that a thread is at, if chunks are of the usual size.
        let (chunk, threads_more) = (
            layout.chunk_bytes(),
            USUAL_CHUNK.saturating_mul(threads as u64),
        );
        let more = chunk.saturating_mul(threads as u64);
        let more = more.min(threads_more.max(chunk));
        let all = layout.bands().iter().map(BandLayout::bytes);
        let all = all.fold(0, u64::saturating_add);
        // And some that a thread may complete while another one waits for the output; no row more.
        let further = threads.saturating_mul(4).min(layout.columns());
        Self {
            open: open.saturating_add(more).min(all),
            distance: distance.saturating_add(further),
        }
    }

    /// What the jobs need when they are done one after the other.
    fn in_order(layout: &Layout, grids: &[&TileGrid]) -> Self {
        let mut chunks = Lifecycle::new(layout);
        let mut is_open = vec![vec![false; layout.count()]; layout.bands().len()];
        let (mut open, mut most) = (0_u64, Self::default());
        for job in Order::new(layout, grids) {
            let ahead = job.chunk.saturating_sub(chunks.oldest());
            most.distance = most.distance.max(ahead);
            // The job opens its parts.
            let bands = (layout.bands().get(job.band), is_open.get_mut(job.band));
            if let (Some(band), Some(is_open)) = bands {
                for part in band.parts(job.rect) {
                    let is_open = is_open.get_mut(part);
                    if is_open.is_some_and(|it| !std::mem::replace(it, true)) {
                        open = open.saturating_add(band.part_bytes(part));
                    }
                }
            }
            most.open = most.open.max(open);
            // It fills them, and whatever that completes is handed on.
            for ready in chunks.add(job.band, job.rect) {
                for part in chunks.hand_on(ready) {
                    open = open.saturating_sub(layout.part_bytes(part));
                }
            }
        }
        most
    }
}
