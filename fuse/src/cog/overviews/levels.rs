//! The levels of an image, and which of them a chunk can make alone.

use crate::cog::shape::Shape;

/// Factors of the overviews: the walk-through's, all five, which users of its outputs know.
const FACTORS: [u32; 5] = [2, 4, 8, 16, 32];

/// Levels that are made in chunks, at most: a quarter of a chunk is smaller than a tile.
pub(crate) const IN_CHUNKS: usize = 2;

/// One resolution of the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Level {
    pub(crate) factor: u32,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

impl Level {
    pub(crate) fn tiles(&self, size: usize) -> (usize, usize) {
        (self.width.div_ceil(size), self.height.div_ceil(size))
    }
}

/// The full resolution and its overviews, with at least one whole pixel each.
///
/// GDAL's COG driver would stop where one tile holds everything. The levels beyond cost a
/// thousandth of the file, and every output has the same levels, whatever its size.
pub(crate) fn levels(shape: &Shape) -> Vec<Level> {
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
pub(crate) fn in_chunks(levels: &[Level]) -> usize {
    let is_even = |level: &&Level| level.width.is_multiple_of(2) && level.height.is_multiple_of(2);
    let overviews = levels.len().saturating_sub(1);
    levels
        .iter()
        .take(overviews.min(IN_CHUNKS))
        .take_while(is_even)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Nodata;

    fn levels(width: u32, height: u32) -> Vec<Level> {
        super::levels(&Shape {
            width,
            height,
            bands: 1,
            nodata: Nodata::U16(0),
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
