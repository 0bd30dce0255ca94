//! Rows whose values are weighted means of the valid samples around them.
//!
//! The weights are products of one for the row and one for the column. So rows of the band are
//! added up first, and columns of the sums afterwards.

use std::fmt::Debug;
use std::ops::{AddAssign, Mul, Range};

use super::axis::Axis;
use super::taps::{Method, taps};

/// A number that holds sums of weighted samples exactly.
pub(super) trait Sum:
    Copy + Debug + Default + PartialEq + AddAssign + Mul<Output = Self> + From<u16>
{
    /// A weight.
    fn weight(weight: u32) -> Self;

    /// Their quotient, or NaN for a division by zero.
    fn mean(self, weights: Self) -> f32;
}

impl Sum for f32 {
    #[expect(
        clippy::cast_precision_loss,
        reason = "weights are small where this type is chosen"
    )]
    fn weight(weight: u32) -> Self {
        weight as Self
    }

    #[inline]
    fn mean(self, weights: Self) -> f32 {
        // 0 / 0 is NaN.
        self / weights
    }
}

impl Sum for f64 {
    fn weight(weight: u32) -> Self {
        weight.into()
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the value is rounded here")]
    fn mean(self, weights: Self) -> f32 {
        (self / weights) as f32
    }
}

/// The weighted means of a band, for the columns of one window.
#[derive(Clone, Debug, Default)]
pub(super) struct Linear<S> {
    /// The first pixel of the window for each column of the output.
    firsts: Vec<u32>,
    /// So many weights for each column, those that are not needed being 0.
    weights: Vec<S>,
    /// Weights of a column.
    taps: usize,
    /// Sums over the rows of the band: of weighted samples, and of weights of valid ones. As many
    /// more as there are taps, which stay 0.
    sums: Vec<S>,
    sums_of_weights: Vec<S>,
    /// Sums for the pixels of the output.
    out: Vec<S>,
    out_weights: Vec<S>,
}

impl<S: Sum> Linear<S> {
    /// Finds the weights for these columns of the output. The window of the band has `width`
    /// pixels from `start`.
    pub(super) fn begin(
        &mut self,
        (axis, method): (Axis, Method),
        columns: Range<u32>,
        (start, width): (u32, u32),
    ) {
        let mut of_column = Vec::new();
        let counts = columns.clone().map(|column| {
            taps(axis, method, column, &mut of_column);
            of_column.len()
        });
        self.taps = counts.max().unwrap_or_default().max(1);
        self.firsts.clear();
        self.weights.clear();
        for column in columns {
            let first = taps(axis, method, column, &mut of_column);
            of_column.resize(self.taps, 0);
            self.firsts.push(first.saturating_sub(start).min(width));
            self.weights
                .extend(of_column.iter().map(|&weight| S::weight(weight)));
        }
        let padded = width as usize + self.taps;
        for sums in [&mut self.sums, &mut self.sums_of_weights] {
            sums.clear();
            sums.resize(padded, S::default());
        }
        for sums in [&mut self.out, &mut self.out_weights] {
            sums.resize(self.firsts.len(), S::default());
        }
    }

    /// The means of these rows of the window, each with its weight. NaN without a valid sample.
    pub(super) fn row<'r>(
        &mut self,
        rows: impl Iterator<Item = (&'r [u16], u32)>,
        out: &mut [f32],
    ) {
        self.sums.fill(S::default());
        self.sums_of_weights.fill(S::default());
        for (row, weight) in rows {
            let weight = S::weight(weight);
            let sums = self.sums.iter_mut().zip(&mut self.sums_of_weights);
            for ((sum, weights), &sample) in sums.zip(row) {
                *sum += S::from(sample) * weight;
                *weights += if sample == 0 { S::default() } else { weight };
            }
        }
        if self.taps == 2 {
            self.add_pairs();
        } else {
            self.add_columns();
        }
        let means = self.out.iter().zip(&self.out_weights);
        for (out, (sum, weights)) in out.iter_mut().zip(means) {
            *out = sum.mean(*weights);
        }
    }

    fn add_pairs(&mut self) {
        let out = self.out.iter_mut().zip(&mut self.out_weights);
        let columns = self.firsts.iter().zip(self.weights.as_chunks::<2>().0);
        for ((out, out_weights), (&first, &[left, right])) in out.zip(columns) {
            let pair = first as usize..first as usize + 2;
            if let (&[a, b], &[c, d]) = (&self.sums[pair.clone()], &self.sums_of_weights[pair]) {
                *out = a * left;
                *out += b * right;
                *out_weights = c * left;
                *out_weights += d * right;
            }
        }
    }

    fn add_columns(&mut self) {
        let out = self.out.iter_mut().zip(&mut self.out_weights);
        let columns = self.firsts.iter().zip(self.weights.chunks_exact(self.taps));
        for ((out, out_weights), (&first, weights)) in out.zip(columns) {
            let first = first as usize;
            let sums = self.sums[first..]
                .iter()
                .zip(&self.sums_of_weights[first..]);
            (*out, *out_weights) = (S::default(), S::default());
            for (&weight, (&sum, &sum_of_weights)) in weights.iter().zip(sums) {
                *out += sum * weight;
                *out_weights += sum_of_weights * weight;
            }
        }
    }
}
