//! In which order the tiles of all bands are decoded.

use super::grid::{Grid, Rect};

/// One tile of one band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unit {
    pub(super) band: usize,
    pub(super) tile: u32,
    pub(super) rect: Rect,
}

/// All tiles of all bands: row by row, with the bands in step, so that the parts of one place come
/// soon after each other.
///
/// The order depends on nothing but the grids; threads take units from it and may finish them in
/// another order.
pub(super) struct Order<'a> {
    bands: Vec<Cursor<'a>>,
}

struct Cursor<'a> {
    tiles: &'a [Rect],
    next: usize,
    pixels: u64,
}

impl<'a> Order<'a> {
    pub(super) fn new(grids: &[&'a Grid]) -> Self {
        let cursor = |grid: &&'a Grid| Cursor {
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
    type Item = Unit;

    fn next(&mut self) -> Option<Unit> {
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
        Some(Unit {
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
            Grid::regular(200, 200, 100, 100),
            Grid::regular(200, 200, 50, 50),
        );
        let units: Vec<_> = Order::new(&[&large, &small]).collect();
        assert_eq!(units.len(), 4 + 16);
        let mut pixels = [0_u64; 2];
        for unit in units {
            pixels[unit.band] += unit.rect.area();
            assert!(pixels[0].abs_diff(pixels[1]) <= 100 * 100, "{pixels:?}");
        }
        assert_eq!(pixels, [200 * 200; 2]);
    }
}
