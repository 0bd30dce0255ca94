//! How many chunks may be open at a time.
//!
//! The limits are what the jobs need when they are done one after the other, which a dry run finds
//! out, and a little more for each thread.

use crate::grid::TileGrid;
use crate::pipeline::layout::{Layout, touched};
use crate::pipeline::lifecycle::Lifecycle;
use crate::pipeline::order::Order;

/// How far jobs are ahead of chunks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Limits {
    /// Chunks that are in memory at a time: those that fill, and those that a window still needs.
    pub(crate) open: usize,
    /// From the first chunk that has not been handed on to the first one of a job, chunk by chunk.
    /// Compressed tiles wait for those before them.
    pub(crate) distance: usize,
}

impl Limits {
    /// Limits for so many threads.
    pub(crate) fn new(layout: Layout, grids: &[&TileGrid], threads: usize) -> Self {
        let Self { open, distance } = Self::in_order(layout, grids);
        // One that a thread is at, and some that it may complete while another thread waits for the
        // output; no row more.
        let further = threads.saturating_mul(4).min(layout.columns() as usize);
        Self {
            open: open.saturating_add(threads).min(layout.count()),
            distance: distance.saturating_add(further),
        }
    }

    /// What the jobs need when they are done one after the other.
    fn in_order(layout: Layout, grids: &[&TileGrid]) -> Self {
        let mut chunks = Lifecycle::new(layout);
        let mut is_open = vec![false; layout.count()];
        let (mut open, mut most) = (0_usize, Self::default());
        for job in Order::new(grids) {
            let places = || touched(job.rect).map(|place| (layout.index(place), place));
            let first = places().next().map_or(0, |(index, _)| index);
            most.distance = most.distance.max(first.saturating_sub(chunks.oldest()));
            // The job opens its chunks.
            for (index, _) in places() {
                if let Some(is_open) = is_open.get_mut(index) {
                    open += usize::from(!std::mem::replace(is_open, true));
                }
            }
            most.open = most.open.max(open);
            // It fills them, and whatever that completes is handed on.
            for (index, place) in places() {
                let common = job.rect.intersection(layout.rect(place));
                for ready in chunks.add(index, common.area()) {
                    open = open.saturating_sub(chunks.hand_on(ready).len());
                }
            }
        }
        most
    }
}
