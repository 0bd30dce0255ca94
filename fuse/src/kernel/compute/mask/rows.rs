//! Rows of a mask on the grids of other bands.

use std::ops::Range;

use super::window::MaskWindow;
use crate::grid::Rect;
use crate::kernel::compute::resample::{Axis, columns};
use crate::kernel::inputs::BandWindow;

/// The mask, seen from the pixels of bands of one grid: each has the mask of the nearest pixel.
#[derive(Clone, Debug)]
pub(crate) struct MaskRows {
    x: Axis,
    y: Axis,
    /// The window of the band.
    window: Rect,
    /// The pixel in a row of the mask for each pixel of the band.
    columns: Vec<u32>,
    /// What keeps samples: 0 where they are masked, all ones elsewhere.
    row: Vec<u16>,
    /// The row of the mask that `row` was made of.
    of: Option<u32>,
}

impl MaskRows {
    /// With the sides of the mask's band, seen from the other band.
    pub(crate) fn new(x: Axis, y: Axis) -> Self {
        Self {
            x,
            y,
            window: Rect {
                x: 0,
                y: 0,
                width: 0,
                height: 0,
            },
            columns: Vec::new(),
            row: Vec::new(),
            of: None,
        }
    }

    /// Turns to another window of the band.
    pub(crate) fn begin(&mut self, window: Rect, mask: &MaskWindow) {
        self.window = window;
        self.of = None;
        columns(self.x, window.columns(), mask.rect().x, &mut self.columns);
        // A band that is larger than the mask's has the mask of its last pixels.
        let last = mask.rect().width.saturating_sub(1);
        for column in &mut self.columns {
            *column = (*column).min(last);
        }
    }

    /// Makes the masked samples of these rows nodata. The window must be the one of `begin`, or
    /// one of another band at the same place.
    pub(crate) fn apply(&mut self, mask: &MaskWindow, rows: Range<u32>, window: &mut BandWindow) {
        let width = self.window.width as usize;
        let rect = mask.rect();
        for y in rows {
            let last = rect.rows().end.saturating_sub(1);
            let of = self
                .y
                .nearest(y)
                .unwrap_or(last)
                .clamp(rect.y, last.max(rect.y));
            if self.of != Some(of) {
                self.expand(mask.row(of));
                self.of = Some(of);
            }
            let start = y.saturating_sub(self.window.y) as usize * width;
            let samples = window.samples.get_mut(start..start + width);
            for (sample, keep) in samples.unwrap_or_default().iter_mut().zip(&self.row) {
                *sample &= keep;
            }
        }
    }

    fn expand(&mut self, mask: &[u8]) {
        self.row.resize(self.columns.len(), 0);
        let first = self.columns.first().map_or(0, |&column| column as usize);
        let same = mask.get(first..first + self.row.len());
        if let (true, Some(mask)) = (self.x.is_same(), same) {
            for (keep, &masked) in self.row.iter_mut().zip(mask) {
                *keep = u16::from(masked).wrapping_sub(1);
            }
            return;
        }
        for (keep, &column) in self.row.iter_mut().zip(&self.columns) {
            let masked = mask.get(column as usize).copied().unwrap_or_default();
            *keep = u16::from(masked).wrapping_sub(1);
        }
    }
}
