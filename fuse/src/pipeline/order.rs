//! The order in which the tiles of all bands are decoded.

use crate::grid::{Rect, TileGrid};

/// One tile of one band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TileJob {
    pub(crate) band: usize,
    pub(crate) tile: u32,
    pub(crate) rect: Rect,
}

/// All tiles of all bands: row by row, with the bands in step, so that the parts of one place come
/// soon after each other.
///
/// The order depends on nothing but the grids; threads take jobs from it and may finish them in
/// another order.
pub(crate) struct Order<'a> {
    bands: Vec<Cursor<'a>>,
}

struct Cursor<'a> {
    tiles: &'a [Rect],
    next: usize,
    pixels: u64,
}

impl<'a> Order<'a> {
    pub(crate) fn new(grids: &[&'a TileGrid]) -> Self {
        let cursor = |grid: &&'a TileGrid| Cursor {
            tiles: &grid.tiles,
            next: 0,
            pixels: 0,
        };
        Self {
            bands: grids.iter().map(cursor).collect(),
        }
    }
}

impl Iterator for Order<'_> {
    type Item = TileJob;

    fn next(&mut self) -> Option<TileJob> {
        let unfinished = self
            .bands
            .iter_mut()
            .enumerate()
            .filter(|(_, band)| band.next < band.tiles.len());
        let (index, band) = unfinished.min_by_key(|(_, band)| band.pixels)?;
        let rect = *band.tiles.get(band.next)?;
        let tile = u32::try_from(band.next).unwrap_or(u32::MAX);
        band.next += 1;
        band.pixels = band.pixels.saturating_add(rect.area());
        Some(TileJob {
            band: index,
            tile,
            rect,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bands_stay_in_step_whatever_their_tiles_are() {
        let (large, small) = (
            TileGrid::regular(200, 200, 100, 100),
            TileGrid::regular(200, 200, 50, 50),
        );
        let jobs: Vec<_> = Order::new(&[&large, &small]).collect();
        assert_eq!(jobs.len(), 4 + 16);
        let mut pixels = [0_u64; 2];
        for job in jobs {
            pixels[job.band] += job.rect.area();
            assert!(pixels[0].abs_diff(pixels[1]) <= 100 * 100, "{pixels:?}");
        }
        assert_eq!(pixels, [200 * 200; 2]);
    }
}
