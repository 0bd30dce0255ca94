//! Slowly varying fields, computed at every fourth pixel and interpolated in between.
//!
//! Most properties of a landscape change over kilometres. Computing them at every pixel would take
//! most of the time.
#![expect(clippy::cast_precision_loss, reason = "indices stay below 2^24")]

use crate::landscape::noise::lerp;

/// Pixels between knots.
const STEP: usize = 4;

/// `N` fields over a square raster, read row by row from the top.
pub(crate) struct Coarse<F, const N: usize> {
    field: F,
    columns: usize,
    upper_index: usize,
    upper: Vec<[f32; N]>,
    lower: Vec<[f32; N]>,
}

impl<F: Fn(f64, f64) -> [f32; N], const N: usize> Coarse<F, N> {
    /// `field` gives the values at (column, row) in pixels; `columns` is the length of a row.
    pub(crate) fn new(field: F, columns: usize) -> Self {
        let mut coarse = Self {
            field,
            columns,
            upper_index: 0,
            upper: Vec::new(),
            lower: Vec::new(),
        };
        coarse.upper = coarse.knots(0);
        coarse.lower = coarse.knots(1);
        coarse
    }

    /// The fields at every pixel of a row, which must not lie above one read before.
    pub(crate) fn row(&mut self, row: usize) -> Vec<[f32; N]> {
        while self.upper_index < row / STEP {
            self.upper_index += 1;
            let below = self.knots(self.upper_index + 1);
            self.upper = std::mem::replace(&mut self.lower, below);
        }
        let down = (row % STEP) as f32 / STEP as f32;
        let knots: Vec<[f32; N]> = self
            .upper
            .iter()
            .zip(&self.lower)
            .map(|(upper, lower)| blend(upper, lower, down))
            .collect();
        (0..self.columns)
            .map(|column| {
                let along = (column % STEP) as f32 / STEP as f32;
                blend(&knots[column / STEP], &knots[column / STEP + 1], along)
            })
            .collect()
    }

    fn knots(&self, index: usize) -> Vec<[f32; N]> {
        let row = (index * STEP) as f64;
        (0..=self.columns / STEP + 1)
            .map(|knot| (self.field)((knot * STEP) as f64, row))
            .collect()
    }
}

fn blend<const N: usize>(from: &[f32; N], to: &[f32; N], share: f32) -> [f32; N] {
    std::array::from_fn(|index| lerp(from[index], to[index], share))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::cast_possible_truncation, reason = "small whole numbers")]
    fn a_plane_is_reproduced_at_every_pixel() {
        let mut coarse = Coarse::new(|x, y| [x as f32, (x + 2.0 * y) as f32], 9);
        for row in 0..10 {
            let expected: Vec<_> = (0..9).map(|x| [x as f32, (x + 2 * row) as f32]).collect();
            assert_eq!(coarse.row(row), expected);
        }
    }
}
