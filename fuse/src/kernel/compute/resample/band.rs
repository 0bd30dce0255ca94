//! A band that gives rows of values on the grid of the output, for one window after the other.

use std::ops::Range;

use super::axis::Axis;
use super::linear::Linear;
use super::nearest;
use super::taps::{Method, taps, total};
use crate::grid::Rect;
use crate::kernel::inputs::BandWindow;

/// The largest sum of weighted samples of 16 bits that a float32 holds exactly.
const EXACT: u64 = 1 << 24;

/// How a band comes to the grid of the output, with what one thread needs for it.
#[derive(Clone, Debug)]
pub(crate) struct ResampledBand {
    x: (Axis, Method),
    y: (Axis, Method),
    way: Way,
    /// Weights of the rows of the band for a row of the output.
    weights: Vec<u32>,
    /// For a bilinear mean, the column in the window that has the centre, for each column of the
    /// output.
    centres: Vec<u32>,
}

#[derive(Clone, Debug)]
enum Way {
    /// The columns of the band are those of the output; the first one in the window.
    Same(usize),
    /// The column in the window for each column of the output.
    Nearest(Vec<u32>),
    Linear(Linear<f32>),
    /// Where weights are so large that a float32 would round sums.
    WideLinear(Linear<f64>),
}

impl ResampledBand {
    pub(crate) fn new(x: (Axis, Method), y: (Axis, Method)) -> Self {
        let is_nearest = x.1 == Method::Nearest && y.1 == Method::Nearest;
        let weights = total(x.0, x.1).saturating_mul(total(y.0, y.1));
        let way = if is_nearest && x.0.is_same() {
            Way::Same(0)
        } else if is_nearest {
            Way::Nearest(Vec::new())
        } else if weights.saturating_mul(u16::MAX.into()) <= EXACT {
            Way::Linear(Linear::default())
        } else {
            Way::WideLinear(Linear::default())
        };
        Self {
            x,
            y,
            way,
            weights: Vec::new(),
            centres: Vec::new(),
        }
    }

    /// Turns to another window: columns of the output, and the part of the band for them.
    pub(crate) fn begin(&mut self, columns: Range<u32>, window: Rect) {
        let part = (window.x, window.width);
        if self.is_bilinear() {
            nearest::columns(self.x.0, columns.clone(), window.x, &mut self.centres);
        }
        match &mut self.way {
            Way::Same(first) => *first = columns.start.saturating_sub(window.x) as usize,
            Way::Nearest(into) => nearest::columns(self.x.0, columns, window.x, into),
            Way::Linear(linear) => linear.begin(self.x, columns, part),
            Way::WideLinear(linear) => linear.begin(self.x, columns, part),
        }
    }

    /// The rows of the band that a row of the output is made of.
    pub(crate) fn rows_of(&mut self, row: u32) -> Range<u32> {
        let first = taps(self.y.0, self.y.1, row, &mut self.weights);
        let count = u32::try_from(self.weights.len()).unwrap_or(u32::MAX);
        first..first.saturating_add(count)
    }

    /// A pixel of a bilinear mean needs the sample at its centre, as it does for `gdalwarp`: nodata
    /// keeps its edge.
    fn is_bilinear(&self) -> bool {
        self.x.1 == Method::Bilinear || self.y.1 == Method::Bilinear
    }

    /// The values of a row of the output. Nodata is NaN, and so is what is behind the band.
    pub(crate) fn row(&mut self, row: u32, window: &BandWindow, out: &mut [f32]) {
        let rows = self.rows_of(row);
        let width = window.rect.width as usize;
        let samples = |row: u32| {
            let start = row.saturating_sub(window.rect.y) as usize * width;
            window.samples.get(start..start + width).unwrap_or_default()
        };
        let weighted = rows.clone().map(samples).zip(self.weights.iter().copied());
        let centres = self.y.0.nearest(row).filter(|_| self.is_bilinear());
        let centres = centres.map(samples);
        match &mut self.way {
            _ if rows.is_empty() => out.fill(f32::NAN),
            Way::Same(first) => {
                // The last columns of the output may reach beyond the band.
                let samples = samples(rows.start).get(*first..).unwrap_or_default();
                let (inside, behind) = out.split_at_mut(samples.len().min(out.len()));
                nearest::same_row(samples, inside);
                behind.fill(f32::NAN);
            }
            Way::Nearest(columns) => nearest::row(samples(rows.start), columns, out),
            Way::Linear(linear) => linear.row(weighted, centres, out),
            Way::WideLinear(linear) => linear.row(weighted, centres, out),
        }
        let is_checked = match &self.way {
            Way::Linear(linear) => linear.checks_centres(),
            Way::WideLinear(linear) => linear.checks_centres(),
            Way::Same(_) | Way::Nearest(_) => true,
        };
        if let (false, Some(centres)) = (is_checked, centres) {
            for (out, &column) in out.iter_mut().zip(&self.centres) {
                if centres
                    .get(column as usize)
                    .is_none_or(|&sample| sample == 0)
                {
                    *out = f32::NAN;
                }
            }
        }
    }
}
