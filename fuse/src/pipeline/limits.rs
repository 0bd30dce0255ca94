//! How much may be in memory at a time, and how far jobs may be ahead.
//!
//! The limits are what the jobs need when they are done one after the other, which a dry run finds
//! out, and a little more for each thread.

use crate::grid::TileGrid;
use crate::pipeline::layout::Layout;
use crate::pipeline::lifecycle::Lifecycle;
use crate::pipeline::order::Order;

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
        // A chunk that a thread is at, and some that it may complete while another thread waits for
        // the output; no row more.
        let more = layout.chunk_bytes().saturating_mul(threads as u64);
        let all = layout.chunk_bytes().saturating_mul(layout.count() as u64);
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
        let bytes: Vec<_> = layout
            .bands()
            .iter()
            .map(|band| band.part_bytes())
            .collect();
        for job in Order::new(layout, grids) {
            let ahead = job.chunk.saturating_sub(chunks.oldest());
            most.distance = most.distance.max(ahead);
            // The job opens its parts.
            let parts = layout
                .bands()
                .get(job.band)
                .map(|band| band.parts(job.rect));
            let (is_open, bytes_of_part) = (is_open.get_mut(job.band), bytes.get(job.band));
            if let (Some(parts), Some(is_open), Some(bytes)) = (parts, is_open, bytes_of_part) {
                for part in parts {
                    let is_open = is_open.get_mut(part);
                    if is_open.is_some_and(|it| !std::mem::replace(it, true)) {
                        open = open.saturating_add(*bytes);
                    }
                }
            }
            most.open = most.open.max(open);
            // It fills them, and whatever that completes is handed on.
            for ready in chunks.add(job.band, job.rect) {
                for part in chunks.hand_on(ready) {
                    let bytes = bytes.get(part.band).copied().unwrap_or_default();
                    open = open.saturating_sub(bytes);
                }
            }
        }
        most
    }
}
