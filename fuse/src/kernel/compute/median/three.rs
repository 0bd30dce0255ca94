//! Squares of 3.

use super::lanes::{max, min};

/// Columns of three pixels: the least, middle and greatest value of each, and the sum, which is NaN
/// if one of them is.
#[derive(Clone, Debug, Default)]
pub(super) struct Three {
    low: Vec<f32>,
    middle: Vec<f32>,
    high: Vec<f32>,
    sum: Vec<f32>,
}

impl Three {
    /// The median of each square, the first one of which begins where the rows do. It is the median
    /// of the greatest of the least values of the columns, the middle of their middle ones, and the
    /// least of their greatest ones. NaN for a square with a missing pixel.
    pub(super) fn row(&mut self, [a, b, c]: [&[f32]; 3], out: &mut [f32]) {
        // Sort each column.
        for column in [
            &mut self.low,
            &mut self.middle,
            &mut self.high,
            &mut self.sum,
        ] {
            column.resize(a.len(), f32::NAN);
        }
        let sorted = self.low.iter_mut().zip(&mut self.middle);
        let sorted = sorted.zip(&mut self.high).zip(&mut self.sum);
        for ((((low, middle), high), sum), ((&a, &b), &c)) in sorted.zip(a.iter().zip(b).zip(c)) {
            *sum = a + b + c;
            let (a, b) = (min(a, b), max(a, b));
            let (b, c) = (min(b, c), max(b, c));
            (*low, *middle, *high) = (min(a, b), max(a, b), c);
        }
        // Combine three columns for each square.
        let low = self.low.array_windows::<3>();
        let columns = low
            .zip(self.middle.array_windows::<3>())
            .zip(self.high.array_windows::<3>())
            .zip(self.sum.array_windows::<3>());
        for (out, (((low, middle), high), sum)) in out.iter_mut().zip(columns) {
            let low = max(max(low[0], low[1]), low[2]);
            let high = min(min(high[0], high[1]), high[2]);
            let middle = median(middle[0], middle[1], middle[2]);
            let median = median(low, middle, high);
            let sum = sum[0] + sum[1] + sum[2];
            *out = if sum.is_nan() { f32::NAN } else { median };
        }
    }
}

#[inline]
fn median(a: f32, b: f32, c: f32) -> f32 {
    max(min(a, b), min(max(a, b), c))
}
