//! How the pixels of a band lie on those of another grid, along one side. Both begin at the same
//! corner.

use crate::kernel::inputs::Ratio;

/// One side of a band, seen from the pixels of a target grid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Axis {
    /// Pixels of the target for `denominator` pixels of the band.
    pub(super) numerator: u64,
    /// Pixels of the band for `numerator` pixels of the target.
    pub(super) denominator: u64,
    /// Pixels of the band.
    pub(super) size: u32,
}

impl Axis {
    /// A side of `size` pixels, seen from the output.
    pub(crate) fn new(ratio: Ratio, size: u32) -> Self {
        Self {
            numerator: ratio.numerator().into(),
            denominator: ratio.denominator().into(),
            size,
        }
    }

    /// The same side, seen from the pixels of a band that itself is seen so from the output.
    pub(crate) fn seen_from(self, band: Ratio) -> Self {
        Self {
            numerator: self.numerator * u64::from(band.denominator()),
            denominator: self.denominator * u64::from(band.numerator()),
            size: self.size,
        }
    }

    /// The pixel that has the centre of a pixel of the target; the right or lower one if the centre
    /// lies between two. Nothing if it is behind the end of the band.
    pub(crate) fn nearest(self, target: u32) -> Option<u32> {
        let centre = (2 * u64::from(target) + 1) * self.denominator;
        let pixel = u32::try_from(centre / (2 * self.numerator)).ok()?;
        (pixel < self.size).then_some(pixel)
    }

    /// The pixels of the target that a pixel of the band is as wide as, if that is a whole number.
    pub(crate) fn repeats(self) -> Option<u64> {
        let is_whole = self.numerator.is_multiple_of(self.denominator);
        is_whole.then(|| self.numerator / self.denominator)
    }

    /// Whether each pixel is one of the target.
    pub(crate) fn is_same(self) -> bool {
        self.numerator == self.denominator
    }

    /// Whether pixels of the band are larger than those of the target.
    pub(crate) fn is_coarser(self) -> bool {
        self.numerator > self.denominator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest(numerator: u32, denominator: u32, size: u32) -> Vec<Option<u32>> {
        let axis = Axis::new(Ratio::new(numerator, denominator).unwrap(), size);
        (0..6).map(|target| axis.nearest(target)).collect()
    }

    #[test]
    fn the_nearest_pixel_has_the_centre_or_is_right_of_it() {
        let some = |pixels: [u32; 6]| pixels.map(Some).to_vec();
        assert_eq!(nearest(1, 1, 9), some([0, 1, 2, 3, 4, 5]));
        assert_eq!(nearest(2, 1, 9), some([0, 0, 1, 1, 2, 2]));
        assert_eq!(nearest(1, 2, 99), some([1, 3, 5, 7, 9, 11]));
        assert_eq!(nearest(2, 3, 99), some([0, 2, 3, 5, 6, 8]));
        assert_eq!(nearest(1, 2, 5)[1..4], [Some(3), None, None]);
    }

    #[test]
    fn a_band_is_seen_from_another_band() {
        let ratio = |numerator, denominator| Ratio::new(numerator, denominator).unwrap();
        // 20 m seen from 60 m, both on an output of 10 m.
        let axis = Axis::new(ratio(2, 1), 100).seen_from(ratio(6, 1));
        assert_eq!(axis.nearest(2), Some(7));
        let same = Axis::new(ratio(2, 1), 100).seen_from(ratio(2, 1));
        assert!(same.is_same());
        assert_eq!(same.repeats(), Some(1));
        let from_ten = Axis::new(ratio(2, 1), 100).seen_from(ratio(1, 1));
        assert_eq!(from_ten.repeats(), Some(2));
        assert_eq!(axis.repeats(), None);
    }
}
