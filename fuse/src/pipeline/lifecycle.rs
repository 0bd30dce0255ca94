//! The life of the chunks: open, complete, handed on, no longer needed.

use crate::pipeline::layout::Layout;

/// Where each chunk stands. It holds no samples, so that a dry run can use it too.
pub(crate) struct Lifecycle {
    layout: Layout,
    /// Samples that are missing.
    missing: Vec<u64>,
    /// Chunks of the neighbourhood that are not complete.
    incomplete: Vec<u8>,
    /// Chunks of the neighbourhood that have not been handed on.
    pending: Vec<u8>,
    handed_on: Vec<bool>,
    /// All chunks before this one have been handed on.
    oldest: usize,
}

impl Lifecycle {
    pub(crate) fn new(layout: Layout) -> Self {
        let count = layout.count();
        // A neighbourhood has at most nine chunks.
        let neighbours = |index| u8::try_from(layout.neighbourhood(index).count()).unwrap_or(9);
        let neighbours: Vec<_> = (0..count).map(neighbours).collect();
        Self {
            layout,
            missing: (0..count).map(|index| layout.samples(index)).collect(),
            incomplete: neighbours.clone(),
            pending: neighbours,
            handed_on: vec![false; count],
            oldest: 0,
        }
    }

    /// The first chunk that has not been handed on.
    pub(crate) fn oldest(&self) -> usize {
        self.oldest
    }

    /// Adds samples to a chunk. Returns the chunks that can be handed on now: their windows are
    /// complete. Each is returned once.
    pub(crate) fn add(&mut self, index: usize, samples: u64) -> Vec<usize> {
        let Some(missing) = self.missing.get_mut(index).filter(|missing| **missing > 0) else {
            return Vec::new();
        };
        *missing = missing.saturating_sub(samples);
        if *missing > 0 {
            return Vec::new();
        }
        count_down(&mut self.incomplete, self.layout.neighbourhood(index))
    }

    /// A chunk has been handed on. Returns the chunks whose samples no window needs any more.
    pub(crate) fn hand_on(&mut self, index: usize) -> Vec<usize> {
        if let Some(done) = self.handed_on.get_mut(index) {
            *done = true;
        }
        while self.handed_on.get(self.oldest).copied().unwrap_or_default() {
            self.oldest += 1;
        }
        count_down(&mut self.pending, self.layout.neighbourhood(index))
    }
}

/// Takes one from each count; returns those that come to nothing.
fn count_down(counts: &mut [u8], indices: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut finished = Vec::new();
    for index in indices {
        if let Some(count) = counts.get_mut(index) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                finished.push(index);
            }
        }
    }
    finished
}
