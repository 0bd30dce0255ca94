//! How a band lies on the grid of the output, and a part of it.

use std::ops::Range;

use crate::grid::tiles::Rect;

/// Pixels of the output along one side of one pixel of a band: 2/1 for a band of 20 m on a grid of
/// 10 m, 1/8 for a band of 10 m on one of 80 m. Exact and reduced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratio {
    numerator: u32,
    denominator: u32,
}

impl Ratio {
    /// One pixel of the output for each pixel of the band.
    pub const ONE: Self = Self {
        numerator: 1,
        denominator: 1,
    };

    /// The largest numerator and denominator. A pixel is then always smaller than a
    /// [`CHUNK`](crate::cog::CHUNK).
    pub const LARGEST: u32 = 1000;

    /// The reduced fraction; nothing if one of its numbers is 0 or more than
    /// [`LARGEST`](Self::LARGEST).
    pub fn new(numerator: u32, denominator: u32) -> Option<Self> {
        let (mut divisor, mut rest) = (numerator, denominator);
        while rest > 0 {
            (divisor, rest) = (rest, divisor % rest);
        }
        let numerator = numerator.checked_div(divisor)?;
        let denominator = denominator.checked_div(divisor)?;
        let allowed = 1..=Self::LARGEST;
        let ratio = Self {
            numerator,
            denominator,
        };
        (allowed.contains(&numerator) && allowed.contains(&denominator)).then_some(ratio)
    }

    /// Pixels of the output for [`denominator`](Self::denominator) pixels of the band.
    pub fn numerator(self) -> u32 {
        self.numerator
    }

    /// Pixels of the band for [`numerator`](Self::numerator) pixels of the output.
    pub fn denominator(self) -> u32 {
        self.denominator
    }

    /// The pixel of the band in which a pixel of the output begins.
    pub fn floor(self, output: u32) -> u32 {
        let at = u64::from(output) * u64::from(self.denominator) / u64::from(self.numerator);
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// The first pixel of the band that begins where a pixel of the output does, or behind it.
    pub fn ceil(self, output: u32) -> u32 {
        let at = u64::from(output) * u64::from(self.denominator);
        u32::try_from(at.div_ceil(self.numerator.into())).unwrap_or(u32::MAX)
    }

    /// The pixels of the band that have a part of these pixels of the output.
    pub fn footprint(self, output: Range<u32>) -> Range<u32> {
        self.floor(output.start)..self.ceil(output.end)
    }

    /// Pixels of the output that cover so many pixels of the band.
    pub fn cover(self, pixels: u32) -> u32 {
        let covered = u64::from(pixels) * u64::from(self.numerator);
        u32::try_from(covered.div_ceil(self.denominator.into())).unwrap_or(u32::MAX)
    }
}

/// How the pixels of a band lie on those of the output, across and down. Both have the same upper
/// left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ratios {
    /// From left to right.
    pub x: Ratio,
    /// From top to bottom.
    pub y: Ratio,
}

impl Ratios {
    /// A band on the grid of the output.
    pub const ONE: Self = Self {
        x: Ratio::ONE,
        y: Ratio::ONE,
    };
}

/// The grid of a band, beside that of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BandGrid {
    /// Columns and rows, in its own pixels.
    pub(crate) size: (u32, u32),
    pub(crate) ratios: Ratios,
}

impl BandGrid {
    /// The part of the band that is seen for a rectangle of the output: the pixels that have a part
    /// of it, and `reach` more on each side, as far as the band goes.
    pub(crate) fn window(self, output: Rect, reach: u32) -> Rect {
        let x = seen(self.ratios.x, output.columns(), reach, self.size.0);
        let y = seen(self.ratios.y, output.rows(), reach, self.size.1);
        Rect::of(x, y)
    }
}

/// [`BandGrid::window`] along one side of a band of `size` pixels. Never ends before it starts.
pub(crate) fn seen(ratio: Ratio, output: Range<u32>, reach: u32, size: u32) -> Range<u32> {
    let Range { start, end } = ratio.footprint(output);
    let end = end.saturating_add(reach).min(size);
    start.saturating_sub(reach).min(end)..end
}

/// A part of a band.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BandWindow {
    /// Where it lies in the band, in the band's own pixels: those that have a part of
    /// [`Window::rect`](crate::kernel::Window::rect), and the reach of the kernel around them, as
    /// far as the band goes.
    pub rect: Rect,
    /// Columns and rows of the whole band.
    pub size: (u32, u32),
    /// Row by row without gaps, 16 bits wide for both types of samples.
    pub samples: Vec<u16>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ratio(numerator: u32, denominator: u32) -> Ratio {
        Ratio::new(numerator, denominator).unwrap()
    }

    #[test]
    fn ratios_are_reduced_and_small() {
        assert_eq!(ratio(20, 10), ratio(2, 1));
        assert_eq!(ratio(3000, 1500), ratio(2, 1));
        for (numerator, denominator) in [(0, 1), (1, 0), (0, 0), (1001, 1), (8, 1001)] {
            assert_eq!(Ratio::new(numerator, denominator), None);
        }
    }

    #[test]
    fn a_window_has_every_pixel_that_has_a_part_of_the_rectangle() {
        let band = |ratio, size| BandGrid {
            size: (size, size),
            ratios: Ratios { x: ratio, y: ratio },
        };
        let rect = |x, y, width, height| Rect {
            x,
            y,
            width,
            height,
        };
        // 60 m on 10 m: 1024 / 6 = 170.67.
        let (coarse, chunk) = (band(ratio(6, 1), 1830), rect(0, 1024, 1024, 1024));
        assert_eq!(coarse.window(chunk, 0), rect(0, 170, 171, 172));
        assert_eq!(coarse.window(chunk, 2), rect(0, 168, 173, 176));
        // 10 m on 80 m: the last column reaches beyond the band.
        let fine = band(ratio(1, 8), 10980);
        assert_eq!(fine.window(rect(1372, 0, 1, 1), 0), rect(10976, 0, 4, 8));
        assert_eq!(fine.ratios.x.cover(10980), 1373);
    }
}
