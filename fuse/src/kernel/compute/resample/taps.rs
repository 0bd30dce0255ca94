//! Which pixels of a band a pixel of the output is made of, along one side, and their weights.

use super::axis::Axis;

/// How a band comes to the grid of the output, along one side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    /// The pixel that has the centre.
    Nearest,
    /// The two pixels whose centres are on both sides of the centre, by distance.
    Bilinear,
    /// All pixels that the output pixel lies on, by what they have in common.
    Average,
}

impl Method {
    /// Pixels of the band that it may need beyond those which the output pixel lies on.
    pub(crate) fn reach(self) -> u32 {
        match self {
            Self::Bilinear => 1,
            Self::Nearest | Self::Average => 0,
        }
    }
}

/// The sum of the weights of a pixel that is far from the end of the band.
pub(super) fn total(axis: Axis, method: Method) -> u64 {
    match method {
        Method::Nearest => 1,
        Method::Bilinear => 2 * axis.numerator,
        Method::Average => axis.denominator,
    }
}

/// The pixels in the band that make a pixel of the output: their first one; their weights, one
/// after the other, are put into `weights`. No weights if the output pixel's centre, or for an
/// average all of it, is behind the end of the band.
pub(super) fn taps(axis: Axis, method: Method, target: u32, weights: &mut Vec<u32>) -> u32 {
    weights.clear();
    let target = u64::from(target);
    let size = u64::from(axis.size);
    // Positions are counted in fractions of a pixel of the band.
    let (start, unit, range) = match method {
        Method::Nearest => {
            let unit = 2 * axis.numerator;
            let centre = (2 * target + 1) * axis.denominator;
            let pixel = centre / unit;
            (pixel, unit, pixel * unit..(pixel + 1) * unit)
        }
        Method::Bilinear => return bilinear(axis, target, weights),
        Method::Average => {
            let range = target * axis.denominator..(target + 1) * axis.denominator;
            (range.start / axis.numerator, axis.numerator, range)
        }
    };
    let mut pixel = start;
    while pixel < size && pixel * unit < range.end {
        let common = ((pixel + 1) * unit).min(range.end) - (pixel * unit).max(range.start);
        let weight = if method == Method::Nearest { 1 } else { common };
        weights.push(u32::try_from(weight).unwrap_or(u32::MAX));
        pixel += 1;
    }
    u32::try_from(start).unwrap_or(u32::MAX)
}

fn bilinear(axis: Axis, target: u64, weights: &mut Vec<u32>) -> u32 {
    let unit = 2 * axis.numerator;
    let (size, centre) = (u64::from(axis.size), (2 * target + 1) * axis.denominator);
    if centre >= size * unit {
        return axis.size;
    }
    // From the centre of the pixel on the left to that of the output; shifted by one pixel, which
    // keeps the first pixels of the output above 0.
    let position = centre + unit - axis.numerator;
    let (left, share) = (position / unit, position % unit);
    let mut first = None;
    for (pixel, weight) in [(left, unit - share), (left + 1, share)] {
        // `pixel` is one more than the index.
        if weight > 0 && (1..=size).contains(&pixel) {
            first = first.or(u32::try_from(pixel - 1).ok());
            weights.push(u32::try_from(weight).unwrap_or(u32::MAX));
        }
    }
    first.unwrap_or(axis.size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::inputs::Ratio;

    fn taps_of(ratio: (u32, u32), size: u32, method: Method, target: u32) -> (u32, Vec<u32>) {
        let axis = Axis::new(Ratio::new(ratio.0, ratio.1).unwrap(), size);
        let mut weights = vec![9];
        let first = taps(axis, method, target, &mut weights);
        (first, weights)
    }

    #[test]
    fn bilinear_weights_follow_the_distance_of_the_centres() {
        let bilinear = |ratio, size, target| taps_of(ratio, size, Method::Bilinear, target);
        assert_eq!(bilinear((2, 1), 9, 0), (0, vec![3]));
        assert_eq!(bilinear((2, 1), 9, 1), (0, vec![3, 1]));
        assert_eq!(bilinear((2, 1), 9, 2), (0, vec![1, 3]));
        assert_eq!(bilinear((2, 1), 2, 3), (1, vec![3]));
        assert_eq!(bilinear((6, 1), 9, 3), (0, vec![11, 1]));
        assert_eq!(bilinear((3, 1), 9, 4), (1, vec![6]));
        assert_eq!(bilinear((3, 2), 2, 2), (1, vec![5]));
        assert_eq!(bilinear((3, 2), 2, 3), (2, vec![]));
    }

    #[test]
    fn average_weights_are_what_the_pixels_have_in_common() {
        let average = |ratio, size, target| taps_of(ratio, size, Method::Average, target);
        assert_eq!(average((1, 2), 9, 1), (2, vec![1, 1]));
        assert_eq!(average((2, 3), 9, 0), (0, vec![2, 1]));
        assert_eq!(average((2, 3), 9, 1), (1, vec![1, 2]));
        assert_eq!(average((1, 8), 20, 2), (16, vec![1; 4]));
        assert_eq!(average((1, 8), 16, 2), (16, vec![]));
    }

    #[test]
    fn a_nearest_pixel_has_all_the_weight() {
        let nearest = |ratio, size, target| taps_of(ratio, size, Method::Nearest, target);
        assert_eq!(nearest((2, 1), 9, 3), (1, vec![1]));
        assert_eq!(nearest((1, 2), 9, 1), (3, vec![1]));
        assert_eq!(nearest((1, 2), 3, 1), (3, vec![]));
    }
}
