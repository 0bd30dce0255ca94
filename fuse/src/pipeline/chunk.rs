//! What goes into the pipeline, and what comes out of it.

use std::sync::{Arc, PoisonError, RwLock};

use crate::error::FuseError;
use crate::grid::{BandWindow, Rect, TileGrid};
use crate::input::{TileReader, fit};

/// The tiles of a band, and what decodes them.
pub(crate) struct BandTiles<'a> {
    pub(crate) grid: &'a TileGrid,
    pub(crate) tiles: &'a dyn TileReader,
}

/// The samples of a part of a band, which several threads may fill or read.
pub(crate) type SharedPart = Arc<RwLock<Vec<u16>>>;

/// A chunk whose windows are complete.
pub(crate) struct Chunk {
    pub(crate) column: u32,
    pub(crate) row: u32,
    /// The pixels of the grid that the chunk stands for.
    pub(crate) rect: Rect,
    /// `rect` with the margin around it, as far as the grid reaches.
    pub(crate) window: Rect,
    /// What it sees of each band.
    pub(crate) bands: Vec<BandWindow>,
    /// Of each band the parts that its window is put together from, and where they lie. None where
    /// the chunk has taken its part as it is.
    pub(crate) parts: Vec<Vec<(Rect, SharedPart)>>,
}

impl Chunk {
    /// Puts the windows together that are not there already, in `buffers` of the thread.
    pub(crate) fn gather(&mut self, buffers: &mut Vec<Vec<u16>>) -> Result<(), FuseError> {
        buffers.resize_with(self.bands.len().max(buffers.len()), Vec::new);
        let bands = self.bands.iter_mut().zip(&self.parts).zip(buffers);
        for ((band, parts), buffer) in bands.filter(|((_, parts), _)| !parts.is_empty()) {
            std::mem::swap(&mut band.samples, buffer);
            fit(&mut band.samples, band.rect.area())?;
            for (rect, part) in parts {
                let common = band.rect.intersection(*rect);
                let part = part.read().unwrap_or_else(PoisonError::into_inner);
                copy((&part, *rect), (&mut band.samples, band.rect), common);
            }
        }
        Ok(())
    }

    /// Gives the buffers of the thread back. Returns the samples that are not of these.
    pub(crate) fn dissolve(self, buffers: &mut [Vec<u16>]) -> Vec<Vec<u16>> {
        let mut own = Vec::new();
        let bands = self.bands.into_iter().zip(&self.parts).zip(buffers);
        for ((band, parts), buffer) in bands {
            if parts.is_empty() {
                own.push(band.samples);
            } else {
                *buffer = band.samples;
            }
        }
        own
    }
}

/// What a thread does with a chunk that is complete. It may keep something between its chunks.
pub(crate) trait ChunkSink: Sync {
    /// What one thread keeps from chunk to chunk.
    type Scratch<'s>
    where
        Self: 's;
    fn scratch(&self) -> Self::Scratch<'_>;
    fn take<'s>(
        &'s self,
        chunk: &mut Chunk,
        scratch: &mut Self::Scratch<'s>,
    ) -> Result<(), FuseError>;
}

/// Copies the samples in `common` from one rectangle to another, both of which contain it.
pub(crate) fn copy(
    (from, from_rect): (&[u16], Rect),
    (to, to_rect): (&mut [u16], Rect),
    common: Rect,
) {
    if common.area() == 0 {
        return;
    }
    let width = common.width as usize;
    let rows = |rect: Rect| (rect.width.max(1) as usize, (common.y - rect.y) as usize);
    let columns = |rect: Rect| {
        let start = (common.x - rect.x) as usize;
        start..start + width
    };
    let (from_width, from_skip) = rows(from_rect);
    let (to_width, to_skip) = rows(to_rect);
    let (from_columns, to_columns) = (columns(from_rect), columns(to_rect));
    let from = from.chunks_exact(from_width).skip(from_skip);
    let to = to.chunks_exact_mut(to_width).skip(to_skip);
    for (from, to) in from.zip(to).take(common.height as usize) {
        if let (Some(from), Some(to)) = (
            from.get(from_columns.clone()),
            to.get_mut(to_columns.clone()),
        ) {
            to.copy_from_slice(from);
        }
    }
}
