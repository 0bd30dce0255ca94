//! Squares of 5.

use super::lanes::{LANES, Lanes, load, ordered, sort, starts};

/// Columns of five pixels: their values in ascending order, and the sum, which is NaN if one of
/// them is.
#[derive(Clone, Debug, Default)]
pub(super) struct Five {
    sorted: [Vec<f32>; 5],
    sum: Vec<f32>,
}

impl Five {
    /// The median of each square, the first one of which begins where the rows do. NaN for a square
    /// with a missing pixel, and for all if they are too few for a vector.
    pub(super) fn row(&mut self, rows: [&[f32]; 5], out: &mut [f32]) {
        for column in self.sorted.iter_mut().chain([&mut self.sum]) {
            column.resize(rows[0].len(), f32::NAN);
        }
        for at in starts(rows[0].len()) {
            self.sort(rows, at);
        }
        out.fill(f32::NAN);
        for at in starts(out.len()) {
            let mut medians = self.medians(at);
            let sums: [Lanes; 5] = std::array::from_fn(|column| load(&self.sum, at + column));
            for (lane, median) in medians.iter_mut().enumerate() {
                let sum: f32 = sums.iter().map(|sum| sum[lane]).sum();
                *median = if sum.is_nan() { f32::NAN } else { *median };
            }
            out[at..at + medians.len()].copy_from_slice(&medians);
        }
    }

    /// Sorts the columns of one vector.
    fn sort(&mut self, rows: [&[f32]; 5], at: usize) {
        let mut v = rows.map(|row| load(row, at));
        let sums = self.sum[at..].iter_mut().enumerate().take(v[0].len());
        for (lane, sum) in sums {
            *sum = v[0][lane] + v[1][lane] + v[2][lane] + v[3][lane] + v[4][lane];
        }
        sort!(v: (0 1)(3 4)(2 4)(2 3)(1 4)(0 3)(0 2)(1 3)(1 2));
        for (sorted, lanes) in self.sorted.iter_mut().zip(v) {
            sorted[at..at + lanes.len()].copy_from_slice(&lanes);
        }
    }

    /// The medians of the squares of one vector.
    ///
    /// The columns of a square are sorted, and its rows are sorted now; its columns stay sorted. So
    /// the value in row i and column j has (i + 1) (j + 1) - 1 values at or below it, and
    /// (5 - i) (5 - j) - 1 at or above. Six values are too small for a median then, and six too
    /// great. It is that of the other 13.
    fn medians(&self, at: usize) -> Lanes {
        let row = |row: usize| -> [Lanes; 5] {
            std::array::from_fn(|column| load(&self.sorted[row], at + column))
        };
        // Of the first and the last row two values are needed, of the others three.
        let mut picked = [[0.0; LANES]; 13];
        let mut v = row(0);
        sort!(v: (0 1)(2 3)(1 3)(3 4)(0 2)(1 2)(2 3));
        picked[..2].copy_from_slice(&v[3..]);
        let mut v = row(1);
        sort!(v: (0 1)(3 4)(2 4)(2 3)(1 4)(0 3)(0 2)(1 3)(1 2));
        picked[2..5].copy_from_slice(&v[2..]);
        let mut v = row(2);
        sort!(v: (0 1)(3 4)(2 4)(2 3)(1 4)(0 3)(0 2)(1 3)(1 2));
        picked[5..8].copy_from_slice(&v[1..4]);
        let mut v = row(3);
        sort!(v: (0 1)(3 4)(2 4)(2 3)(1 4)(0 3)(0 2)(1 3)(1 2));
        picked[8..11].copy_from_slice(&v[..3]);
        let mut v = row(4);
        sort!(v: (3 4)(1 2)(1 3)(0 1)(2 4)(2 3)(1 2));
        picked[11..].copy_from_slice(&v[..2]);
        median_of_13(picked)
    }
}

/// Of eight of 13 values neither the least nor the greatest can be the median. Both are dropped and
/// the next value comes in, until one is left.
#[inline]
fn median_of_13(mut v: [Lanes; 13]) -> Lanes {
    sort!(v: (0 1)(0 2)(0 3)(0 4)(0 5)(0 6)(0 7)(1 7)(2 7)(3 7)(4 7)(5 7)(6 7));
    v[0] = v[8];
    sort!(v: (0 1)(0 2)(0 3)(0 4)(0 5)(0 6)(1 6)(2 6)(3 6)(4 6)(5 6));
    v[0] = v[9];
    sort!(v: (0 1)(0 2)(0 3)(0 4)(0 5)(1 5)(2 5)(3 5)(4 5));
    v[0] = v[10];
    sort!(v: (0 1)(0 2)(0 3)(0 4)(1 4)(2 4)(3 4));
    v[0] = v[11];
    sort!(v: (0 1)(0 2)(0 3)(1 3)(2 3));
    v[0] = v[12];
    sort!(v: (0 1)(0 2)(1 2));
    v[1]
}
