//! How the smaller levels are made while the image comes in chunks.
//!
//! As long as both sides are even, a chunk has all it takes for its part of the next level: that is
//! done in the chunk, at most twice. The result is collected in strips as wide as the image.
//! Complete strips go, from top to bottom and row by row, through the remaining levels, each made
//! from the one before.

use crate::cog::overviews::halving::Halving;
use crate::cog::overviews::levels::{IN_CHUNKS, Level};
use crate::cog::overviews::mean::Mean;
use crate::cog::overviews::method::Overviews;
use crate::cog::overviews::strips::Strip;

/// A row of tiles of one level.
pub(crate) struct TileRow<'a, T> {
    /// Index of the level; the full resolution is 0.
    pub(crate) level: usize,
    /// In tiles, from the top.
    pub(crate) index: usize,
    /// From top to bottom, each laid out as a [`Strip`], and as high as the first but for the last.
    pub(crate) strips: &'a [&'a [T]],
}

/// The levels that are made row by row.
pub(crate) struct Cascade<T> {
    /// Samples of a row of strips.
    row_length: usize,
    /// The level of the strips, unless chunks have written it.
    gathered: Option<Gathered<T>>,
    /// From the largest to the smallest.
    stages: Vec<Stage<T>>,
}

/// Strips that wait until they make up a row of tiles. They are kept as they came: together they
/// are some megabytes.
struct Gathered<T> {
    level: usize,
    height: usize,
    tile_size: usize,
    strips: Vec<Strip<T>>,
    /// Rows that have come.
    rows: usize,
}

struct Stage<T> {
    level: usize,
    height: usize,
    row_length: usize,
    /// Makes this level's rows of those of the level before.
    halving: Halving<T>,
    /// The row at hand.
    row: Vec<T>,
    /// Rows of the row of tiles at hand.
    tiles: Vec<T>,
    tile_size: usize,
    rows: usize,
}

impl<T: Mean> Cascade<T> {
    /// For strips of the level `source`.
    pub(crate) fn new(
        levels: &[Level],
        source: usize,
        bands: usize,
        tile_size: usize,
        (method, nodata): (Overviews, T),
    ) -> Self {
        // A stage halves a level into the next one.
        let stage = |(index, (before, level)): (usize, (&Level, &Level))| Stage {
            level: index.saturating_add(1),
            height: level.height,
            row_length: level.width.saturating_mul(bands),
            halving: Halving::new((before.width, before.height), bands, method, nodata),
            row: Vec::new(),
            tiles: Vec::new(),
            tile_size,
            rows: 0,
        };
        let stages = levels
            .iter()
            .zip(levels.iter().skip(1))
            .enumerate()
            .skip(source)
            .map(stage)
            .collect();
        // The first overview has the size of a tile in a chunk, and is written there.
        let strips = levels.get(source).filter(|_| source >= IN_CHUNKS);
        let gathered = strips.map(|level| Gathered {
            level: source,
            height: level.height,
            tile_size,
            strips: Vec::new(),
            rows: 0,
        });
        let row_length = levels
            .get(source)
            .map_or(0, |level| level.width)
            .saturating_mul(bands);
        Self {
            row_length,
            gathered,
            stages,
        }
    }

    /// Whether there is nothing to make.
    pub(crate) fn is_empty(&self) -> bool {
        self.stages.is_empty() && self.gathered.is_none()
    }

    /// Takes the next strip; hands on each row of tiles that it completes.
    pub(crate) fn push<E>(
        &mut self,
        strip: Strip<T>,
        sink: &mut impl FnMut(TileRow<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        for mut source in strip.rows.chunks_exact(self.row_length.max(1)) {
            for stage in &mut self.stages {
                let Some(row) = stage.push(source, sink)? else {
                    break;
                };
                source = row;
            }
        }
        match &mut self.gathered {
            Some(gathered) => gathered.push(strip, self.row_length, sink),
            None => Ok(()),
        }
    }
}

impl<T: Mean> Gathered<T> {
    fn push<E>(
        &mut self,
        strip: Strip<T>,
        row_length: usize,
        sink: &mut impl FnMut(TileRow<'_, T>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.rows = self
            .rows
            .saturating_add(strip.rows.len() / row_length.max(1));
        self.strips.push(strip);
        // A row of tiles is one strip or several whole ones.
        if self.rows.is_multiple_of(self.tile_size) || self.rows == self.height {
            let index = self.rows.div_ceil(self.tile_size).saturating_sub(1);
            let strips: Vec<_> = self
                .strips
                .iter()
                .map(|strip| strip.rows.as_slice())
                .collect();
            sink(TileRow {
                level: self.level,
                index,
                strips: &strips,
            })?;
            self.strips.clear();
        }
        Ok(())
    }
}

impl<T: Mean> Stage<T> {
    /// Returns this level's row if there is one.
    fn push<E>(
        &mut self,
        source: &[T],
        sink: &mut impl FnMut(TileRow<'_, T>) -> Result<(), E>,
    ) -> Result<Option<&[T]>, E> {
        if !self.halving.push(source, &mut self.row) {
            return Ok(None);
        }
        self.tiles.extend_from_slice(&self.row);
        self.rows = self.rows.saturating_add(1);
        if self.rows.is_multiple_of(self.tile_size) || self.rows == self.height {
            debug_assert_eq!(self.row.len(), self.row_length);
            let index = self.rows.div_ceil(self.tile_size).saturating_sub(1);
            sink(TileRow {
                level: self.level,
                index,
                strips: &[&self.tiles],
            })?;
            self.tiles.clear();
        }
        Ok(Some(&self.row))
    }
}
