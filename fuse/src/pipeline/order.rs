//! The order in which the tiles of all bands are decoded.

use crate::grid::{Rect, TileGrid};
use crate::pipeline::layout::{BandLayout, Layout};

/// One tile of one band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TileJob {
    pub(crate) band: usize,
    pub(crate) tile: u32,
    pub(crate) rect: Rect,
    /// The first chunk that sees something of this tile, or of one that comes after it in the band.
    pub(crate) chunk: usize,
}

/// The tiles of all bands that any chunk sees: those first that the first chunks wait for, and the
/// bands in step where that is equal.
///
/// The tiles of a band are taken one after the other. So one is due as soon as any that comes after
/// it. When a tile is taken that is due for a chunk, all tiles that earlier chunks wait for have
/// been taken.
///
/// The order depends on nothing but the grids; threads take jobs from it and may finish them in
/// another order.
pub(crate) struct Order<'a> {
    bands: Vec<Cursor<'a>>,
}

struct Cursor<'a> {
    tiles: &'a [Rect],
    /// Of each tile the first chunk that it is due for; none if no chunk sees it.
    due: Vec<Option<u32>>,
    next: usize,
    pixels: u64,
    total: u64,
}

/// Parts of a band in which its progress is counted.
const STEPS: u64 = 1 << 24;

impl<'a> Cursor<'a> {
    fn new(grid: &'a TileGrid, layout: &BandLayout) -> Self {
        let first = |tile: &Rect| {
            let first = layout.seeing(*tile).next();
            first.map(|chunk| u32::try_from(chunk).unwrap_or(u32::MAX))
        };
        let mut due: Vec<_> = grid.tiles.iter().map(first).collect();
        let mut earliest = u32::MAX;
        for due in due.iter_mut().rev().flatten() {
            earliest = earliest.min(*due);
            *due = earliest;
        }
        let mut cursor = Self {
            tiles: &grid.tiles,
            due,
            next: 0,
            pixels: 0,
            total: layout.pixels(grid).max(1),
        };
        cursor.skip();
        cursor
    }

    /// Goes on to the next tile that some chunk sees.
    fn skip(&mut self) {
        let rest = self.due.get(self.next..).unwrap_or_default();
        let unseen = rest.iter().take_while(|due| due.is_none()).count();
        self.next += unseen;
    }

    /// The chunk that the next tile is due for, and how far the band is.
    fn position(&self) -> Option<(u32, u64)> {
        let due = self.due.get(self.next).copied().flatten()?;
        Some((due, self.pixels.saturating_mul(STEPS) / self.total))
    }
}

impl<'a> Order<'a> {
    pub(crate) fn new(layout: &Layout, grids: &[&'a TileGrid]) -> Self {
        let bands = grids.iter().zip(layout.bands());
        Self {
            bands: bands
                .map(|(grid, layout)| Cursor::new(grid, layout))
                .collect(),
        }
    }
}

impl Iterator for Order<'_> {
    type Item = TileJob;

    fn next(&mut self) -> Option<TileJob> {
        let positions = self.bands.iter().enumerate();
        let positions = positions.filter_map(|(index, band)| Some((band.position()?, index)));
        let ((due, _), index) = positions.min()?;
        let band = self.bands.get_mut(index)?;
        let rect = *band.tiles.get(band.next)?;
        let tile = u32::try_from(band.next).unwrap_or(u32::MAX);
        band.next += 1;
        band.pixels = band.pixels.saturating_add(rect.area());
        band.skip();
        Some(TileJob {
            band: index,
            tile,
            rect,
            chunk: due as usize,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{BandGrid, Ratio, Ratios};

    fn band(size: u32, ratio: u32) -> BandGrid {
        let ratio = Ratio::new(ratio, 1).unwrap();
        BandGrid {
            size: (size, size),
            ratios: Ratios { x: ratio, y: ratio },
        }
    }

    #[test]
    fn bands_stay_in_step_whatever_their_tiles_are() {
        let (large, small) = (
            TileGrid::regular(200, 200, 100, 100),
            TileGrid::regular(200, 200, 50, 50),
        );
        let image = (200, 200);
        let bands = [(band(200, 1), 0), (band(200, 1), 0)];
        let layout = Layout::new(image, Rect::whole(image), 0, bands);
        let jobs: Vec<_> = Order::new(&layout, &[&large, &small]).collect();
        assert_eq!(jobs.len(), 4 + 16);
        let mut pixels = [0_u64; 2];
        for job in jobs {
            pixels[job.band] += job.rect.area();
            assert!(pixels[0].abs_diff(pixels[1]) <= 100 * 100, "{pixels:?}");
        }
        assert_eq!(pixels, [200 * 200; 2]);
    }

    #[test]
    fn a_tile_is_taken_when_all_are_that_earlier_chunks_wait_for() {
        // Sentinel-2's tiles of 10, 20 and 60 m; the 20 m band is a mask with a reach.
        let image = (10980, 10980);
        let bands = [(band(10980, 1), 0), (band(5490, 2), 3), (band(1830, 6), 0)];
        let layout = Layout::new(image, Rect::whole(image), 0, bands);
        let grids = [(10980, 1024), (5490, 640), (1830, 192)];
        let grids = grids.map(|(size, tile)| TileGrid::regular(size, size, tile, tile));
        let jobs: Vec<_> = Order::new(&layout, &grids.each_ref()).collect();
        assert_eq!(jobs.len(), 11 * 11 + 9 * 9 + 10 * 10);
        assert!(jobs.is_sorted_by_key(|job| job.chunk));
        let needed = |job: &&TileJob| {
            let bands = layout.bands();
            bands[job.band].seeing(job.rect).any(|chunk| chunk == 0)
        };
        // The first chunk needs one tile of each band.
        assert_eq!(jobs.iter().filter(needed).count(), 3);
        assert_eq!(jobs[..3].iter().filter(needed).count(), 3);
    }

    #[test]
    fn tiles_that_no_chunk_sees_are_left_out() {
        let grid = TileGrid::regular(300, 300, 100, 100);
        let crop = Rect::of(150..160, 120..220);
        let layout = Layout::new((300, 300), crop, 0, [(band(300, 1), 0)]);
        let tiles: Vec<_> = Order::new(&layout, &[&grid]).map(|job| job.tile).collect();
        assert_eq!(tiles, [4, 7]);
    }
}
