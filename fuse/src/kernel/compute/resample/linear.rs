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
    /// For each column of the output, its first pixel in `sums`.
    firsts: Vec<u32>,
    /// So many weights for each column, those that are not needed being 0.
    weights: Vec<S>,
    /// Weights of a column.
    taps: usize,
    /// Sums over the rows of the band: of weighted samples, and of weights of valid ones. There is
    /// one before the window and as many behind it as there are taps, which stay 0.
    sums: Vec<S>,
    sums_of_weights: Vec<S>,
    /// For a bilinear mean with `phases` columns of the output for each pixel of the window, the
    /// columns of the window's pixels that are before the first column of the output.
    skipped: usize,
    phases: Option<usize>,
    /// Means of one phase, and of all.
    phase: Vec<f32>,
    wide: Vec<f32>,
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
        let padded = 1 + width as usize + self.taps;
        for sums in [&mut self.sums, &mut self.sums_of_weights] {
            sums.clear();
            sums.resize(padded, S::default());
        }
        let phases = axis.repeats().filter(|_| method == Method::Bilinear);
        self.phases = phases.and_then(|phases| usize::try_from(phases).ok());
        if let Some(phases) = self.phases {
            self.skipped = (columns.start as usize).saturating_sub(start as usize * phases);
            self.wide.clear();
            self.wide.resize(phases * width as usize, f32::NAN);
            return;
        }
        self.firsts.clear();
        self.weights.clear();
        for column in columns {
            let first = taps(axis, method, column, &mut of_column);
            of_column.resize(self.taps, 0);
            self.firsts.push(first.saturating_sub(start).min(width) + 1);
            self.weights
                .extend(of_column.iter().map(|&weight| S::weight(weight)));
        }
    }

    /// Whether [`row`](Self::row) makes those pixels NaN whose sample among the centres is nodata.
    pub(super) fn checks_centres(&self) -> bool {
        self.phases.is_some()
    }

    /// The means of these rows of the window, each with its weight. NaN without a valid sample.
    /// For a bilinear mean, `centres` are the samples of the row nearest to the centre.
    pub(super) fn row<'r>(
        &mut self,
        rows: impl Iterator<Item = (&'r [u16], u32)>,
        centres: Option<&[u16]>,
        out: &mut [f32],
    ) {
        self.sums.fill(S::default());
        self.sums_of_weights.fill(S::default());
        for (row, weight) in rows {
            let weight = S::weight(weight);
            let sums = self.sums.iter_mut().zip(&mut self.sums_of_weights).skip(1);
            for ((sum, weights), &sample) in sums.zip(row) {
                *sum += S::from(sample) * weight;
                *weights += if sample == 0 { S::default() } else { weight };
            }
        }
        match (self.phases, centres) {
            (Some(phases), Some(centres)) => self.interpolate(phases, centres, out),
            _ => self.add_columns(out),
        }
    }

    /// Means of two neighbours for columns that are so many for each pixel.
    fn interpolate(&mut self, phases: usize, centres: &[u16], out: &mut [f32]) {
        for phase in 0..phases {
            // Of 2 `phases` parts, the nearer pixel has at least half.
            let offset = 2 * phase + 1;
            let is_left = offset < phases;
            let part = u32::try_from(offset.abs_diff(phases)).unwrap_or(u32::MAX);
            let whole = u32::try_from(2 * phases).unwrap_or(u32::MAX);
            let (near, far) = (S::weight(whole - part), S::weight(part));
            let other = if is_left { 0 } else { 2 };
            let sums = self.sums[1..].iter().zip(&self.sums[other..]);
            let weights = self.sums_of_weights[1..].iter();
            let weights = weights.zip(&self.sums_of_weights[other..]);
            self.phase.resize(centres.len(), f32::NAN);
            let means = self.phase.iter_mut().zip(centres);
            for ((mean, &centre), ((&a, &b), (&c, &d))) in means.zip(sums.zip(weights)) {
                let mut sum = a * near;
                sum += b * far;
                let mut sum_of_weights = c * near;
                sum_of_weights += d * far;
                let value = sum.mean(sum_of_weights);
                *mean = if centre == 0 { f32::NAN } else { value };
            }
            let columns = self.wide.iter_mut().skip(phase).step_by(phases);
            for (column, &mean) in columns.zip(&self.phase) {
                *column = mean;
            }
        }
        // The last columns of the output may reach beyond the band.
        let wide = self.wide.get(self.skipped..).unwrap_or_default();
        let (inside, behind) = out.split_at_mut(wide.len().min(out.len()));
        inside.copy_from_slice(&wide[..inside.len()]);
        behind.fill(f32::NAN);
    }

    fn add_columns(&mut self, out: &mut [f32]) {
        let columns = self.firsts.iter().zip(self.weights.chunks_exact(self.taps));
        for (out, (&first, weights)) in out.iter_mut().zip(columns) {
            let first = first as usize;
            let sums = self.sums[first..]
                .iter()
                .zip(&self.sums_of_weights[first..]);
            let (mut sum, mut sum_of_weights) = (S::default(), S::default());
            for (&weight, (&pixel, &pixel_weight)) in weights.iter().zip(sums) {
                sum += pixel * weight;
                sum_of_weights += pixel_weight * weight;
            }
            *out = sum.mean(sum_of_weights);
        }
    }
}
