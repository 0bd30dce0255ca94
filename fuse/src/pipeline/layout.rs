//! How an image and its bands are cut into chunks.
//!
//! A chunk is a square of the output. What it stands for of a band is rounded outward to whole
//! pixels of that band, grown by what the kernel wants to see: its *window*. A band is stored in
//! *parts*, one for each chunk, which do not overlap. Where a window is more than its part, it is
//! put together from several parts.

use std::ops::Range;

use crate::grid::{BandGrid, Rect, TileGrid};
use crate::pipeline::axis::{Axis, Cuts};

/// The chunks of an output.
pub(crate) struct Layout {
    columns: Cuts,
    rows: Cuts,
    image: (u32, u32),
    bands: Vec<BandLayout>,
}

/// The parts and windows of a band.
pub(crate) struct BandLayout {
    x: Axis,
    y: Axis,
    size: (u32, u32),
    /// Chunks beside each other.
    columns: usize,
    /// Samples of the largest part.
    largest_part: u64,
    /// Samples of the largest window.
    pub(crate) largest_window: u64,
    /// Whether a window of some chunk has to be put together.
    pub(crate) is_gathered: bool,
}

/// A part of a band.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) band: usize,
    /// Number of the chunk that it belongs to.
    pub(crate) chunk: usize,
}

impl Layout {
    /// Of a part `crop` of a grid of the size `image`, for a kernel that sees `margin` pixels of it
    /// around a chunk, and so many more pixels of each band.
    pub(crate) fn new(
        image: (u32, u32),
        crop: Rect,
        margin: u32,
        bands: impl IntoIterator<Item = (BandGrid, u32)>,
    ) -> Self {
        let columns = Cuts::new(image.0, crop.columns(), margin);
        let rows = Cuts::new(image.1, crop.rows(), margin);
        let band = |(BandGrid { size, ratios }, reach)| {
            let x = Axis::new(&columns, ratios.x, reach, size.0);
            let y = Axis::new(&rows, ratios.y, reach, size.1);
            let area = |x: u32, y: u32| u64::from(x) * u64::from(y);
            let is_part =
                |axis: &Axis, count| (0..count).all(|it| axis.part(it) == axis.window(it));
            BandLayout {
                columns: columns.len(),
                largest_part: area(x.largest_part(), y.largest_part()),
                largest_window: area(x.largest_window(), y.largest_window()),
                is_gathered: !is_part(&x, columns.len()) || !is_part(&y, rows.len()),
                size,
                x,
                y,
            }
        };
        Self {
            bands: bands.into_iter().map(band).collect(),
            image,
            columns,
            rows,
        }
    }

    /// Columns and rows of the grid.
    pub(crate) fn image(&self) -> (u32, u32) {
        self.image
    }

    /// Chunks beside each other.
    pub(crate) fn columns(&self) -> usize {
        self.columns.len()
    }

    /// Chunks.
    pub(crate) fn count(&self) -> usize {
        self.columns.len() * self.rows.len()
    }

    pub(crate) fn bands(&self) -> &[BandLayout] {
        &self.bands
    }

    /// Column and row of a chunk, counted in chunks.
    pub(crate) fn place(&self, chunk: usize) -> (u32, u32) {
        let columns = self.columns.len().max(1);
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        (number(chunk % columns), number(chunk / columns))
    }

    /// The pixels of the grid that a chunk stands for.
    pub(crate) fn chunk(&self, chunk: usize) -> Rect {
        self.rect(chunk, |cuts| &cuts.chunks)
    }

    /// The pixels of the grid that the kernel sees of a chunk: those that it stands for, and the
    /// margin as far as the grid reaches.
    pub(crate) fn window(&self, chunk: usize) -> Rect {
        self.rect(chunk, |cuts| &cuts.windows)
    }

    fn rect(&self, chunk: usize, ranges: impl Fn(&Cuts) -> &Vec<Range<u32>>) -> Rect {
        let (column, row) = self.place(chunk);
        let range = |cuts, at: u32| ranges(cuts).get(at as usize).cloned().unwrap_or(0..0);
        Rect::of(range(&self.columns, column), range(&self.rows, row))
    }

    /// The part of the grid that all chunks are.
    pub(crate) fn crop(&self) -> Rect {
        Rect::of(self.columns.whole(), self.rows.whole())
    }

    /// Bytes of the samples of a part.
    pub(crate) fn part_bytes(&self, part: Part) -> u64 {
        let band = self.bands.get(part.band);
        band.map_or(0, |band| band.part_bytes(part.chunk))
    }

    /// Bytes of the largest parts of all bands: a chunk is never more.
    pub(crate) fn chunk_bytes(&self) -> u64 {
        let bytes = self.bands.iter().map(|band| band.largest_part);
        bytes.fold(0, u64::saturating_add).saturating_mul(2)
    }

    /// Pixels of the largest window of the grid.
    pub(crate) fn window_pixels(&self) -> u64 {
        let largest = |cuts: &Cuts| cuts.windows.iter().map(|it| it.end - it.start).max();
        let (width, height) = (largest(&self.columns), largest(&self.rows));
        u64::from(width.unwrap_or(0)) * u64::from(height.unwrap_or(0))
    }

    /// Bytes of the windows that a thread puts together.
    pub(crate) fn window_bytes(&self) -> u64 {
        let gathered = self.bands.iter().filter(|band| band.is_gathered);
        let bytes = gathered.map(|band| band.largest_window.saturating_mul(2));
        bytes.fold(0, u64::saturating_add)
    }
}

impl BandLayout {
    /// Columns and rows of the band.
    pub(crate) fn size(&self) -> (u32, u32) {
        self.size
    }

    /// Bytes of the samples of a part.
    pub(crate) fn part_bytes(&self, chunk: usize) -> u64 {
        self.part(chunk).area().saturating_mul(2)
    }

    /// Bytes of the samples of all parts.
    pub(crate) fn bytes(&self) -> u64 {
        let seen = Rect::of(self.x.whole(), self.y.whole());
        seen.area().saturating_mul(2)
    }

    fn place(&self, chunk: usize) -> (usize, usize) {
        let columns = self.columns.max(1);
        (chunk % columns, chunk / columns)
    }

    /// What is stored for a chunk.
    pub(crate) fn part(&self, chunk: usize) -> Rect {
        let (column, row) = self.place(chunk);
        Rect::of(self.x.part(column), self.y.part(row))
    }

    /// What a chunk sees.
    pub(crate) fn window(&self, chunk: usize) -> Rect {
        let (column, row) = self.place(chunk);
        Rect::of(self.x.window(column), self.y.window(row))
    }

    /// Numbers of the parts that have something of `rect`, row by row.
    pub(crate) fn parts(&self, rect: Rect) -> impl Iterator<Item = usize> + use<> {
        let (x, y) = (self.x.parts(&rect.columns()), self.y.parts(&rect.rows()));
        numbers(x, y, self.columns)
    }

    /// The chunks that see something of `rect`, row by row.
    pub(crate) fn seeing(&self, rect: Rect) -> impl Iterator<Item = usize> + use<> {
        let (x, y) = (self.x.seeing(&rect.columns()), self.y.seeing(&rect.rows()));
        numbers(x, y, self.columns)
    }

    /// Whether all pixels of the band are needed.
    pub(crate) fn is_whole(&self) -> bool {
        Rect::of(self.x.whole(), self.y.whole()) == Rect::whole(self.size)
    }

    /// Pixels of all tiles that some chunk sees.
    pub(crate) fn pixels(&self, grid: &TileGrid) -> u64 {
        let seen = |tile: &&Rect| self.seeing(**tile).next().is_some();
        grid.tiles.iter().filter(seen).map(|tile| tile.area()).sum()
    }
}

/// Row by row, the numbers of what is in these columns and rows.
fn numbers(x: Range<usize>, y: Range<usize>, columns: usize) -> impl Iterator<Item = usize> {
    y.flat_map(move |row| x.clone().map(move |column| row * columns + column))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grid::{Ratio, Ratios};

    #[test]
    fn a_chunk_sees_its_whole_part_and_a_part_is_seen_by_its_chunk() {
        let ratio = |numerator, denominator| Ratio::new(numerator, denominator).unwrap();
        let image = (4099, 3073);
        for (numerator, denominator) in [(1, 1), (2, 1), (6, 1), (3, 2), (1, 2), (1, 8), (7, 3)] {
            let ratio = ratio(numerator, denominator);
            let band = BandGrid {
                size: (ratio.ceil(image.0), ratio.ceil(image.1)),
                ratios: Ratios { x: ratio, y: ratio },
            };
            for (margin, reach) in [(0, 0), (1, 0), (0, 1), (7, 2), (1024, 1024)] {
                let layout = Layout::new(image, Rect::whole(image), margin, [(band, reach)]);
                let [band] = layout.bands() else {
                    panic!("one band")
                };
                let parts = (0..layout.count()).map(|chunk| band.part(chunk).area());
                assert_eq!(parts.sum::<u64>(), Rect::whole(band.size()).area());
                for chunk in 0..layout.count() {
                    let (part, window) = (band.part(chunk), band.window(chunk));
                    assert_eq!(window.intersection(part), part);
                    assert!(band.seeing(part).any(|it| it == chunk));
                    assert!(band.parts(window).all(|it| band.part(it).area() > 0));
                }
            }
        }
    }
}
