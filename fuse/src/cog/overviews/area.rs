//! One overview level from the one before, row by row, for sides of any length: means weighted by
//! area.
//!
//! An odd side of 2n − 1 samples becomes n: a pixel of the overview covers a little less than two
//! samples, which are parts of up to three. This follows GDAL's `AVERAGE` resampling
//! (`gcore/overview.cpp`, `GDALResampleChunk_AverageOrRMS_T`) operation by operation in double
//! precision, because a mean that lies exactly between two integers is rounded by whatever the last
//! bit of the sum happens to be.

use crate::cog::overviews::halve::halve_rows;
use crate::cog::overviews::mean::Mean;

/// Weights of the samples 2i − 1, 2i and 2i + 1 in pixel i.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Taps {
    left: f64,
    middle: f64,
    right: f64,
}

/// The weights along a side of `length` samples, for each pixel of the overview.
fn taps(length: usize) -> Vec<Taps> {
    let pixels = length.div_ceil(2);
    let ratio = float(length) / float(pixels);
    let weights = |pixel: usize| {
        // Bounds of the pixel in samples, and its first sample and the one after its last; GDAL
        // forgives rounding.
        let (start, end) = (float(pixel) * ratio, float(pixel.saturating_add(1)) * ratio);
        let (first, after) = (
            (start + 1e-8).floor(),
            (end - 1e-8).ceil().min(float(length)),
        );
        let weight = |position: f64| {
            if position < first || position >= after {
                0.0
            } else if position <= first {
                if after <= first + 1.0 {
                    1.0
                } else {
                    1.0 - (start - first)
                }
            } else if position + 1.0 >= after {
                1.0 - (after - end)
            } else {
                1.0
            }
        };
        let middle = 2.0 * float(pixel);
        Taps {
            left: weight(middle - 1.0),
            middle: weight(middle),
            right: weight(middle + 1.0),
        }
    };
    (0..pixels).map(weights).collect()
}

#[expect(clippy::cast_precision_loss, reason = "sides are far below 2^53")]
fn float(value: usize) -> f64 {
    value as f64
}

/// Halves an image whose rows come from top to bottom. A row holds the samples of all bands, band
/// after band.
pub(crate) struct AreaHalving<T> {
    width: usize,
    height: usize,
    nodata: T,
    /// Rows that have come.
    rows: usize,
    columns: Vec<Taps>,
    lines: Vec<Taps>,
    /// Of the row at hand, and of the pixels that are being made.
    line: Sums,
    pixels: Sums,
    /// The row before, where both sides are even.
    before: Vec<T>,
}

/// Weighted samples and their weights, for each pixel of a row of the overview, band after band.
struct Sums {
    totals: Vec<f64>,
    weights: Vec<f64>,
}

impl Sums {
    fn new(length: usize) -> Self {
        Self {
            totals: vec![0.0; length],
            weights: vec![0.0; length],
        }
    }

    fn add(&mut self, line: &Self, weight: f64) {
        let sums = self.totals.iter_mut().zip(&line.totals);
        sums.for_each(|(sum, &term)| *sum += term * weight);
        let sums = self.weights.iter_mut().zip(&line.weights);
        sums.for_each(|(sum, &term)| *sum += term * weight);
    }

    fn clear(&mut self) {
        self.totals.fill(0.0);
        self.weights.fill(0.0);
    }
}

impl<T: Mean> AreaHalving<T> {
    /// For an image of this size; neither side may be 0.
    pub(crate) fn new((width, height): (usize, usize), bands: usize, nodata: T) -> Self {
        let length = if width.is_multiple_of(2) && height.is_multiple_of(2) {
            0
        } else {
            width.div_ceil(2).saturating_mul(bands)
        };
        Self {
            width,
            height,
            nodata,
            rows: 0,
            columns: taps(width),
            lines: taps(height),
            line: Sums::new(length),
            pixels: Sums::new(length),
            before: Vec::new(),
        }
    }

    /// Takes the next row, and passes on the row of the overview that it completes, if it does.
    pub(crate) fn push(&mut self, row: &[T], out: &mut [T]) -> bool {
        let index = self.rows;
        self.rows = index.saturating_add(1);
        let is_last = self.rows == self.height;
        if self.line.totals.is_empty() {
            return self.push_even(row, index, out);
        }
        self.sum_line(row);
        let weight = |pixel: usize, tap: fn(&Taps) -> f64| self.lines.get(pixel).map_or(0.0, tap);
        let pixel = index / 2;
        if index.is_multiple_of(2) {
            let weight = weight(pixel, |taps| taps.middle);
            self.pixels.add(&self.line, weight);
            if is_last {
                self.finish(out);
            }
            is_last
        } else {
            let (right, left) = (
                weight(pixel, |taps| taps.right),
                weight(pixel.saturating_add(1), |taps| taps.left),
            );
            self.pixels.add(&self.line, right);
            self.finish(out);
            self.pixels.clear();
            self.pixels.add(&self.line, left);
            true
        }
    }

    fn push_even(&mut self, row: &[T], index: usize, out: &mut [T]) -> bool {
        if index.is_multiple_of(2) {
            self.before.clear();
            self.before.extend_from_slice(row);
            return false;
        }
        // An even width keeps the pairs of one band apart from those of the next.
        halve_rows(&self.before, row, self.nodata, out);
        true
    }

    /// Sums along the row. A sample that is nodata adds nothing, and its weight is missing.
    fn sum_line(&mut self, row: &[T]) {
        let pixels = self.columns.len();
        let sums = self
            .line
            .totals
            .chunks_exact_mut(pixels)
            .zip(self.line.weights.chunks_exact_mut(pixels));
        for (band, (totals, weights)) in row.chunks_exact(self.width).zip(sums) {
            let nodata = self.nodata;
            // Outside of the row there is nothing.
            let mut left = nodata;
            let (pairs, rest) = band.as_chunks::<2>();
            let last = rest.first().map(|&sample| [sample, nodata]);
            let samples = pairs.iter().copied().chain(last);
            for (((taps, [middle, right]), total), weight) in
                self.columns.iter().zip(samples).zip(totals).zip(weights)
            {
                let part = |sample: T, weight: f64| {
                    if sample.is_nodata(nodata) {
                        0.0
                    } else {
                        weight
                    }
                };
                let value = |sample: T| {
                    if sample.is_nodata(nodata) {
                        0.0
                    } else {
                        sample.to_f64()
                    }
                };
                *total = value(left) * taps.left
                    + value(middle) * taps.middle
                    + value(right) * taps.right;
                *weight =
                    part(left, taps.left) + part(middle, taps.middle) + part(right, taps.right);
                left = right;
            }
        }
    }

    /// Pixels without a valid sample are nodata.
    fn finish(&self, out: &mut [T]) {
        let beside = T::beside(self.nodata);
        let sums = self.pixels.totals.iter().zip(&self.pixels.weights);
        for (out, (&total, &weight)) in out.iter_mut().zip(sums) {
            *out = if weight > 0.0 {
                let mean = T::weighted_mean(total, weight);
                beside.filter(|_| mean == self.nodata).unwrap_or(mean)
            } else {
                self.nodata
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_odd_sides_drift_and_those_of_even_ones_do_not() {
        let third = |value: f64| (value * 3.0).round() / 3.0;
        let odd: Vec<_> = taps(5)
            .iter()
            .map(|taps| (third(taps.left), third(taps.middle), third(taps.right)))
            .collect();
        assert_eq!(
            odd,
            [
                (0.0, 1.0, 2.0 / 3.0),
                (1.0 / 3.0, 1.0, 1.0 / 3.0),
                (2.0 / 3.0, 1.0, 0.0)
            ]
        );
        let even = Taps {
            left: 0.0,
            middle: 1.0,
            right: 1.0,
        };
        assert_eq!(taps(10980), vec![even; 5490]);
    }

    #[test]
    fn a_hole_of_nodata_stays_nodata_where_nothing_else_is() {
        let mut halving = AreaHalving::new((5, 3), 1, 0_u16);
        let mut out = [0; 3];
        assert!(!halving.push(&[0, 0, 0, 0, 8], &mut out));
        assert!(halving.push(&[0, 0, 0, 0, 8], &mut out));
        assert_eq!(out, [0, 0, 8]);
        assert!(halving.push(&[0, 0, 0, 4, 8], &mut out));
        assert_eq!(out[0], 0);
    }
}
