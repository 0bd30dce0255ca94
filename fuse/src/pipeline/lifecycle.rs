//! The life of the chunks: their windows fill, they are handed on, and parts are no longer needed.

use crate::grid::Rect;
use crate::pipeline::layout::{Layout, Part};

/// Where each chunk stands. It holds no samples, so that a dry run can use it too.
pub(crate) struct Lifecycle<'l> {
    layout: &'l Layout,
    /// Of each chunk the samples that its windows lack.
    missing: Vec<u64>,
    /// Of each part of each band the chunks that see it and have not been handed on.
    pending: Vec<Vec<u32>>,
    handed_on: Vec<bool>,
    /// All chunks before this one have been handed on.
    oldest: usize,
}

impl<'l> Lifecycle<'l> {
    pub(crate) fn new(layout: &'l Layout) -> Self {
        let count = layout.count();
        let samples = |chunk| {
            let windows = layout.bands().iter().map(|band| band.window(chunk).area());
            windows.fold(0, u64::saturating_add)
        };
        let pending = layout.bands().iter().map(|band| {
            let seeing = |part| band.seeing(band.part(part)).count();
            let seeing = (0..count).map(|part| u32::try_from(seeing(part)).unwrap_or(u32::MAX));
            seeing.collect()
        });
        Self {
            layout,
            missing: (0..count).map(samples).collect(),
            pending: pending.collect(),
            handed_on: vec![false; count],
            oldest: 0,
        }
    }

    /// The first chunk that has not been handed on.
    pub(crate) fn oldest(&self) -> usize {
        self.oldest
    }

    /// The samples of `rect` of a band have come, for the first time. Returns the chunks that can
    /// be handed on now, in their order: their windows are complete. Each is returned once.
    pub(crate) fn add(&mut self, band: usize, rect: Rect) -> Vec<usize> {
        let mut ready = Vec::new();
        let Some(band) = self.layout.bands().get(band) else {
            return ready;
        };
        for chunk in band.seeing(rect) {
            let samples = band.window(chunk).intersection(rect).area();
            if let Some(missing) = self.missing.get_mut(chunk).filter(|it| **it > 0) {
                *missing = missing.saturating_sub(samples);
                if *missing == 0 {
                    ready.push(chunk);
                }
            }
        }
        ready
    }

    /// A chunk has been handed on. Returns the parts that no window needs any more.
    pub(crate) fn hand_on(&mut self, chunk: usize) -> Vec<Part> {
        if let Some(done) = self.handed_on.get_mut(chunk) {
            *done = true;
        }
        while self.handed_on.get(self.oldest).copied().unwrap_or_default() {
            self.oldest += 1;
        }
        let mut freed = Vec::new();
        let bands = self
            .layout
            .bands()
            .iter()
            .zip(&mut self.pending)
            .enumerate();
        for (index, (band, pending)) in bands {
            for part in band.parts(band.window(chunk)) {
                if let Some(pending) = pending.get_mut(part) {
                    *pending = pending.saturating_sub(1);
                    if *pending == 0 {
                        freed.push(Part {
                            band: index,
                            chunk: part,
                        });
                    }
                }
            }
        }
        freed
    }
}
