//! The mask of one window, on the grid of its own band.

use super::dilation::dilate;
use super::test::MaskTable;
use crate::grid::Rect;
use crate::kernel::inputs::BandWindow;

/// Which pixels of a window of the mask's band mask. A thread uses its buffers again.
#[derive(Clone, Debug, Default)]
pub(crate) struct MaskWindow {
    /// In pixels of the mask's band. None before the first window.
    rect: Option<Rect>,
    /// Samples from one row to the next.
    stride: usize,
    /// 1 where pixels are masked, else 0.
    plane: Vec<u8>,
    row: Vec<u8>,
}

impl MaskWindow {
    /// Tests the samples of a window and dilates the outcome. Its pixels are right up to `dilate`
    /// pixels from those sides of the window that are not sides of the band.
    pub(crate) fn fill(&mut self, window: &BandWindow, table: &MaskTable, dilation: u32) {
        let Rect { width, height, .. } = window.rect;
        let (width, height) = (width as usize, height as usize);
        let radius = dilation as usize;
        self.rect = Some(window.rect);
        self.stride = width + 2 * radius;
        self.plane.clear();
        self.plane.resize(self.stride * (height + 2 * radius), 0);
        let rows = self.plane.chunks_exact_mut(self.stride.max(1)).skip(radius);
        for (row, samples) in rows.zip(window.samples.chunks_exact(width.max(1))) {
            let row = row.iter_mut().skip(radius);
            for (pixel, &sample) in row.zip(samples) {
                *pixel = table.of(sample);
            }
        }
        dilate(&mut self.plane, self.stride, radius, &mut self.row);
    }

    /// Where it lies, in pixels of the mask's band.
    pub(crate) fn rect(&self) -> Rect {
        self.rect.unwrap_or(Rect {
            x: 0,
            y: 0,
            width: 0,
            height: 0,
        })
    }

    /// A row, counted in the band: 1 where pixels are masked.
    pub(crate) fn row(&self, row: u32) -> &[u8] {
        let rect = self.rect();
        let start = row.saturating_sub(rect.y) as usize * self.stride;
        let end = start + rect.width as usize;
        self.plane.get(start..end).unwrap_or_default()
    }

    /// Bytes for a window of so many samples, about as wide as high.
    pub(crate) fn bytes(samples: u64, dilation: u32) -> u64 {
        let side = samples.isqrt().saturating_add(1);
        let border = u64::from(dilation).saturating_mul(2);
        let padded = side.saturating_add(border);
        padded.saturating_mul(padded)
    }
}
