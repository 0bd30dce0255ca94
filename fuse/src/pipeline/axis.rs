//! How the columns or the rows of the output and of a band are cut into chunks.

use std::iter::once;
use std::ops::Range;

use crate::cog::CHUNK;
use crate::grid::{Ratio, seen};

/// The columns, or the rows, of the chunks of the output.
pub(crate) struct Cuts {
    pub(crate) chunks: Vec<Range<u32>>,
    /// The chunks with their margin, as far as the grid reaches.
    pub(crate) windows: Vec<Range<u32>>,
}

impl Cuts {
    /// Chunks of `crop`, which is a part of a grid of `size` pixels.
    pub(crate) fn new(size: u32, crop: Range<u32>, margin: u32) -> Self {
        let end = crop.end;
        let chunk = |start: u32| start..start.saturating_add(CHUNK).min(end);
        let chunks: Vec<_> = crop.step_by(CHUNK as usize).map(chunk).collect();
        let window = |chunk: &Range<u32>| {
            chunk.start.saturating_sub(margin)..chunk.end.saturating_add(margin).min(size)
        };
        Self {
            windows: chunks.iter().map(window).collect(),
            chunks,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.chunks.len()
    }

    /// The columns or rows that all chunks are.
    pub(crate) fn whole(&self) -> Range<u32> {
        let start = self.chunks.first().map_or(0, |chunk| chunk.start);
        start..self.chunks.last().map_or(start, |chunk| chunk.end)
    }
}

/// One side of a band, in its own pixels: what each chunk sees of it, and the parts in which it is
/// stored. The parts cover what any chunk sees, without overlapping; a chunk sees the whole part of
/// the same number.
pub(crate) struct Axis {
    /// Neither their beginnings nor their ends ever decrease.
    windows: Vec<Range<u32>>,
    /// A part is between one of these and the next.
    bounds: Vec<u32>,
}

impl Axis {
    /// Of a band of `size` pixels, of which a kernel sees `reach` around its chunks.
    pub(crate) fn new(cuts: &Cuts, ratio: Ratio, reach: u32, size: u32) -> Self {
        let window = |window: &Range<u32>| seen(ratio, window.clone(), reach, size);
        let windows: Vec<_> = cuts.windows.iter().map(window).collect();
        let first = windows.first().map_or(0, |window| window.start);
        let last = windows.last().map_or(0, |window| window.end).max(first);
        // No ratio is larger than a chunk: every part has pixels.
        let inner = cuts.chunks.iter().skip(1);
        let inner = inner.map(|chunk| ratio.floor(chunk.start).clamp(first, last));
        Self {
            bounds: once(first).chain(inner).chain(once(last)).collect(),
            windows,
        }
    }

    /// What a chunk sees.
    pub(crate) fn window(&self, chunk: usize) -> Range<u32> {
        self.windows.get(chunk).cloned().unwrap_or(0..0)
    }

    pub(crate) fn part(&self, chunk: usize) -> Range<u32> {
        match self.bounds.get(chunk..) {
            Some([start, end, ..]) => *start..*end,
            _ => 0..0,
        }
    }

    /// What any chunk sees.
    pub(crate) fn whole(&self) -> Range<u32> {
        let start = self.bounds.first().copied().unwrap_or_default();
        start..self.bounds.last().copied().unwrap_or(start)
    }

    /// The parts that have something of these pixels.
    pub(crate) fn parts(&self, pixels: &Range<u32>) -> Range<usize> {
        let ends = self.bounds.get(1..).unwrap_or_default();
        let first = ends.partition_point(|end| *end <= pixels.start);
        let starts = self.bounds.get(..ends.len()).unwrap_or_default();
        first
            ..starts
                .partition_point(|start| *start < pixels.end)
                .max(first)
    }

    /// The chunks that see something of these pixels.
    pub(crate) fn seeing(&self, pixels: &Range<u32>) -> Range<usize> {
        let first = self
            .windows
            .partition_point(|window| window.end <= pixels.start);
        let end = self
            .windows
            .partition_point(|window| window.start < pixels.end);
        first..end.max(first)
    }

    /// Pixels of the largest part.
    pub(crate) fn largest_part(&self) -> u32 {
        let parts = self.bounds.iter().zip(self.bounds.iter().skip(1));
        parts.map(|(start, end)| end - start).max().unwrap_or(0)
    }

    /// Pixels of the largest window.
    pub(crate) fn largest_window(&self) -> u32 {
        let windows = self.windows.iter();
        windows.map(|it| it.end - it.start).max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axis(size: u32, margin: u32, ratio: (u32, u32), reach: u32, band: u32) -> Axis {
        let ratio = Ratio::new(ratio.0, ratio.1).unwrap();
        Axis::new(&Cuts::new(size, 0..size, margin), ratio, reach, band)
    }

    #[test]
    fn windows_end_where_the_image_does() {
        let cuts = Cuts::new(2500, 0..2500, 100);
        assert_eq!(cuts.chunks, [0..1024, 1024..2048, 2048..2500]);
        assert_eq!(cuts.windows, [0..1124, 924..2148, 1948..2500]);
        let cropped = Cuts::new(2500, 1000..2450, 100);
        assert_eq!(cropped.chunks, [1000..2024, 2024..2450]);
        assert_eq!(cropped.windows, [900..2124, 1924..2500]);
        assert_eq!(cropped.whole(), 1000..2450);
    }

    #[test]
    fn on_one_grid_a_window_is_a_part() {
        let axis = axis(2500, 0, (1, 1), 0, 2500);
        for chunk in 0..3 {
            assert_eq!(axis.part(chunk), axis.window(chunk));
            assert_eq!(axis.seeing(&axis.part(chunk)), chunk..chunk + 1);
        }
    }

    #[test]
    fn parts_of_a_coarse_band_cover_it_and_windows_overlap() {
        // 60 m on 10 m: 1024 / 6 = 170.67.
        let axis = axis(2500, 0, (6, 1), 0, 417);
        assert_eq!(
            [0, 1, 2].map(|it| axis.part(it)),
            [0..170, 170..341, 341..417]
        );
        assert_eq!(
            [0, 1, 2].map(|it| axis.window(it)),
            [0..171, 170..342, 341..417]
        );
        assert_eq!(axis.parts(&(0..171)), 0..2);
        assert_eq!(axis.parts(&(171..341)), 1..2);
        assert_eq!(axis.seeing(&(170..171)), 0..2);
        assert_eq!(axis.seeing(&(171..300)), 1..2);
        assert_eq!((axis.largest_part(), axis.largest_window()), (171, 172));
    }

    #[test]
    fn every_part_has_pixels_at_the_largest_ratio() {
        let axis = axis(10_000, 0, (1000, 1), 0, 10);
        assert!((0..10).all(|it| axis.part(it).len() == 1 || it == 9));
        assert_eq!(axis.whole(), 0..10);
        assert_eq!(axis.part(10), 0..0);
    }
}
