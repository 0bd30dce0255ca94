//! The levels of an image, and how the smaller ones are made while it comes in chunks.
//!
//! As long as both sides are even, a chunk has all it takes for its part of the next level: that is
//! done in the chunk, at most twice. The result is collected in strips as wide as the image.
//! Complete strips go, from top to bottom and row by row, through the remaining levels, each made
//! from the one before.

use std::collections::BTreeMap;

use super::area::Halving;
use super::{CHUNK, Shape};

/// Factors of the overviews: the walk-through's, all five, which users of its outputs know.
const FACTORS: [u32; 5] = [2, 4, 8, 16, 32];

/// Levels that are made in chunks, at most: a quarter of a chunk is no tile anyway.
const IN_CHUNKS: usize = 2;

/// One resolution of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) factor: u32,
    pub(super) width: usize,
    pub(super) height: usize,
}

impl Level {
    pub(super) fn tiles(&self, size: usize) -> (usize, usize) {
        (self.width.div_ceil(size), self.height.div_ceil(size))
    }
}

/// The full resolution and its overviews, with at least one whole pixel each.
///
/// GDAL's COG driver would stop where one tile holds everything. The levels beyond cost a
/// thousandth of the file, and every output has the same levels, whatever its size.
pub(super) fn levels(shape: &Shape) -> Vec<Level> {
    let shorter = shape.width.min(shape.height);
    let factors =
        std::iter::once(1).chain(FACTORS.into_iter().take_while(|&factor| factor <= shorter));
    let side = |side: u32, factor| side.div_ceil(factor) as usize;
    let level = |factor| Level {
        factor,
        width: side(shape.width, factor),
        height: side(shape.height, factor),
    };
    factors.map(level).collect()
}

/// How many of the overviews are made in chunks.
pub(super) fn in_chunks(levels: &[Level]) -> usize {
    let is_even = |level: &&Level| level.width.is_multiple_of(2) && level.height.is_multiple_of(2);
    let overviews = levels.len().saturating_sub(1);
    levels
        .iter()
        .take(overviews.min(IN_CHUNKS))
        .take_while(is_even)
        .count()
}

/// Samples of a part of a level on the whole width: row after row, the bands of a row one after the
/// other.
pub(super) struct Strip {
    pub(super) rows: Vec<u16>,
    missing: usize,
}

/// Strips that are being filled.
pub(super) struct Strips {
    level: Level,
    bands: usize,
    chunks_across: usize,
    open: BTreeMap<u32, Strip>,
}

impl Strips {
    pub(super) fn new(level: Level, bands: usize, chunks_across: usize) -> Self {
        Self {
            level,
            bands,
            chunks_across,
            open: BTreeMap::new(),
        }
    }

    /// Adds the bands of a chunk at this level, and returns the strip that it completes.
    pub(super) fn add(&mut self, column: u32, row: u32, planes: &[&[u16]]) -> Option<Strip> {
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
            rows: vec![0; row_length.saturating_mul(chunk_height)],
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

/// A row of tiles of one level.
pub(super) struct TileRow<'a> {
    /// Index of the level; the full resolution is 0.
    pub(super) level: usize,
    /// In tiles, from the top.
    pub(super) index: usize,
    /// From top to bottom, each laid out as a [`Strip`], and as high as the first but for the last.
    pub(super) strips: &'a [&'a [u16]],
}

/// The levels that are made row by row.
pub(super) struct Cascade {
    /// Samples of a row of strips.
    row_length: usize,
    /// The level of the strips, unless chunks have written it.
    gathered: Option<Gathered>,
    /// From the largest to the smallest.
    stages: Vec<Stage>,
}

/// Strips that wait until they make up a row of tiles. They are kept as they came: together they
/// are some megabytes.
struct Gathered {
    level: usize,
    height: usize,
    tile_size: usize,
    strips: Vec<Strip>,
    /// Rows that have come.
    rows: usize,
}

struct Stage {
    level: usize,
    height: usize,
    row_length: usize,
    /// Makes this level's rows of those of the level before.
    halving: Halving,
    /// The row at hand.
    row: Vec<u16>,
    /// Rows of the row of tiles at hand.
    tiles: Vec<u16>,
    tile_size: usize,
    rows: usize,
}

impl Cascade {
    /// For strips of the level `source`.
    pub(super) fn new(levels: &[Level], source: usize, bands: usize, tile_size: usize) -> Self {
        let stage = |(index, (before, level)): (usize, (&Level, &Level))| Stage {
            level: index.saturating_add(1),
            height: level.height,
            row_length: level.width.saturating_mul(bands),
            halving: Halving::new(before.width, before.height, bands),
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
    pub(super) fn is_empty(&self) -> bool {
        self.stages.is_empty() && self.gathered.is_none()
    }

    /// Takes the next strip; hands on each row of tiles that it completes.
    pub(super) fn push<E>(
        &mut self,
        strip: Strip,
        sink: &mut impl FnMut(TileRow<'_>) -> Result<(), E>,
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

impl Gathered {
    fn push<E>(
        &mut self,
        strip: Strip,
        row_length: usize,
        sink: &mut impl FnMut(TileRow<'_>) -> Result<(), E>,
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

impl Stage {
    /// Returns this level's row if there is one.
    fn push<E>(
        &mut self,
        source: &[u16],
        sink: &mut impl FnMut(TileRow<'_>) -> Result<(), E>,
    ) -> Result<Option<&[u16]>, E> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuse::SampleType;

    fn levels(width: u32, height: u32) -> Vec<Level> {
        super::levels(&Shape {
            width,
            height,
            bands: 1,
            sample_type: SampleType::U16,
        })
    }

    #[test]
    fn every_image_of_32_pixels_or_more_has_all_overviews() {
        let factors = |width, height| -> Vec<u32> {
            levels(width, height)
                .iter()
                .skip(1)
                .map(|level| level.factor)
                .collect()
        };
        assert_eq!(factors(10980, 10980), [2, 4, 8, 16, 32]);
        assert_eq!(factors(32, 99), [2, 4, 8, 16, 32]);
        assert_eq!(factors(99, 31), [2, 4, 8, 16]);
        assert_eq!(factors(1, 1000), [0; 0]);
    }

    #[test]
    fn odd_sides_end_what_a_chunk_can_do_alone() {
        assert_eq!(in_chunks(&levels(10980, 10980)), 2);
        assert_eq!(in_chunks(&levels(5490, 5490)), 1);
        assert_eq!(in_chunks(&levels(1098, 343)), 0);
        assert_eq!(in_chunks(&levels(2, 2)), 1);
        assert_eq!(in_chunks(&levels(1, 8)), 0);
    }
}
