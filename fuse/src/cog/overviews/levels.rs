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

/// The longest side that needs no overviews: a reader who wants to see all of the image reads one
/// tile (rio-cogeo's validator, "greater than 512").
const WITHOUT: u32 = 512;

/// The full resolution and its overviews, with at least one whole pixel each. A line of pixels has
/// none to halve across, and is halved along if it is long.
///
/// GDAL's COG driver would stop where one tile holds everything. The levels beyond cost a
/// thousandth of the file, and every output has the same levels, whatever its size.
pub(crate) fn levels(shape: &Shape) -> Vec<Level> {
    let (shorter, longer) = (shape.width.min(shape.height), shape.width.max(shape.height));
    let is_long_line = shorter == 1 && longer > WITHOUT;
    let most = if is_long_line { longer } else { shorter };
    let factors =
        std::iter::once(1).chain(FACTORS.into_iter().take_while(|&factor| factor <= most));
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
        assert_eq!(factors(1, 512), [0; 0]);
    }

    #[test]
    fn a_long_line_of_pixels_has_all_overviews() {
        for (width, height) in [(1, 513), (1000, 1)] {
            let sides: Vec<_> = levels(width, height)
                .iter()
                .map(|level| (level.width, level.height))
                .collect();
            assert_eq!(sides.len(), 6);
            assert!(sides.iter().all(|&(width, height)| width.min(height) == 1));
        }
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
