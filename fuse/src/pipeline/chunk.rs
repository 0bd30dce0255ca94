//! What goes into the pipeline, and what comes out of it.

use std::sync::{Arc, PoisonError, RwLock};

use crate::error::FuseError;
use crate::grid::{Rect, TileGrid};
use crate::input::{TileReader, fit};

/// The tiles of a band, and what decodes them.
pub(crate) struct BandTiles<'a> {
    pub(crate) grid: &'a TileGrid,
    pub(crate) tiles: &'a dyn TileReader,
}

/// The planes of a chunk, which several threads may fill or read.
pub(crate) type SharedPlanes = Arc<RwLock<Vec<Vec<u16>>>>;

/// A chunk that is complete, with its margin.
pub(crate) struct Chunk {
    pub(crate) column: u32,
    pub(crate) row: u32,
    /// The part of the image that the chunk stands for.
    pub(crate) rect: Rect,
    /// `rect` with the margin around it, as far as the image reaches.
    pub(crate) window: Rect,
    /// The samples of `window` of each band, row by row without gaps.
    pub(crate) planes: Vec<Vec<u16>>,
    /// With a margin: the chunks that have a part of `window`, and where they lie.
    pub(crate) parts: Vec<(Rect, SharedPlanes)>,
}

impl Chunk {
    /// Copies the parts of the window into `planes`. Without a margin the planes are there already.
    pub(crate) fn gather(&mut self, bands: usize) -> Result<(), FuseError> {
        if self.parts.is_empty() {
            return Ok(());
        }
        self.planes.resize_with(bands, Vec::new);
        for plane in &mut self.planes {
            fit(plane, self.window.area())?;
        }
        for (rect, part) in &self.parts {
            let common = self.window.intersection(*rect);
            let part = part.read().unwrap_or_else(PoisonError::into_inner);
            for (from, to) in part.iter().zip(&mut self.planes) {
                copy((from, *rect), (to, self.window), common);
            }
        }
        self.parts.clear();
        Ok(())
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
