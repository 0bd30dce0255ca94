//! Parts of a level from all chunks of a row, put together.

use std::collections::BTreeMap;

use crate::cog::overviews::levels::Level;
use crate::cog::shape::CHUNK;
use crate::sample::Sample;

/// Samples of a part of a level on the whole width: row after row, the bands of a row one after the
/// other.
pub(crate) struct Strip<T> {
    pub(crate) rows: Vec<T>,
    missing: usize,
}

/// Strips that are being filled.
pub(crate) struct Strips<T> {
    level: Level,
    bands: usize,
    chunks_across: usize,
    open: BTreeMap<u32, Strip<T>>,
}

impl<T: Sample> Strips<T> {
    pub(crate) fn new(level: Level, bands: usize, chunks_across: usize) -> Self {
        Self {
            level,
            bands,
            chunks_across,
            open: BTreeMap::new(),
        }
    }

    /// Adds the bands of a chunk at this level, and returns the strip that it completes.
    pub(crate) fn add(&mut self, column: u32, row: u32, planes: &[&[T]]) -> Option<Strip<T>> {
        let Level {
            factor,
            width,
            height,
        } = self.level;
        let side = (CHUNK / factor) as usize;
        let x = side.saturating_mul(column as usize);
        let chunk_width = width.saturating_sub(x).min(side);
        let chunk_height = height
            .saturating_sub(side.saturating_mul(row as usize))
            .min(side);
        let row_length = width.saturating_mul(self.bands);
        let strip = self.open.entry(row).or_insert_with(|| Strip {
            rows: vec![T::default(); row_length.saturating_mul(chunk_height)],
            missing: self.chunks_across,
        });
        for (band, samples) in planes.iter().enumerate() {
            let start = band.saturating_mul(width).saturating_add(x);
            let rows = strip
                .rows
                .chunks_exact_mut(row_length)
                .zip(samples.chunks_exact(chunk_width.max(1)));
            for (target, samples) in rows {
                if let Some(target) = target.get_mut(start..start.saturating_add(chunk_width)) {
                    target.copy_from_slice(samples);
                }
            }
        }
        strip.missing = strip.missing.saturating_sub(1);
        if strip.missing == 0 {
            self.open.remove(&row)
        } else {
            None
        }
    }
}
