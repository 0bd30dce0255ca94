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
    /// So much of `row` is before the window.
    skipped: usize,
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
            skipped: 0,
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
            let keep = self.row.iter().skip(self.skipped);
            for (sample, keep) in samples.unwrap_or_default().iter_mut().zip(keep) {
                *sample &= keep;
            }
        }
    }

    fn expand(&mut self, mask: &[u8]) {
        match self.x.repeats() {
            Some(1) => self.repeat::<1>(mask),
            Some(2) => self.repeat::<2>(mask),
            Some(3) => self.repeat::<3>(mask),
            Some(6) => self.repeat::<6>(mask),
            _ => {
                self.skipped = 0;
                self.row.clear();
                let masked = self.columns.iter().map(|&column| mask.get(column as usize));
                self.row
                    .extend(masked.map(|masked| keep(masked.copied().unwrap_or_default())));
            }
        }
    }

    /// Each pixel of the mask is as wide as `N` of the band.
    fn repeat<const N: usize>(&mut self, mask: &[u8]) {
        let first = self.columns.first().map_or(0, |&column| column as usize);
        self.skipped = self.window.x as usize % N;
        self.row.clear();
        let mask = mask.get(first..).unwrap_or_default();
        self.row
            .resize((mask.len() * N).max(self.skipped + self.columns.len()), 0);
        for (row, &masked) in self.row.as_chunks_mut::<N>().0.iter_mut().zip(mask) {
            *row = [keep(masked); N];
        }
        // A band that is larger than the mask's has the mask of its last pixels.
        let last = mask.last().copied().unwrap_or_default();
        self.row[mask.len() * N..].fill(keep(last));
    }
}

/// What keeps a sample, or makes it nodata.
#[inline]
fn keep(masked: u8) -> u16 {
    u16::from(masked).wrapping_sub(1)
}
