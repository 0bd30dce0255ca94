//! One overview level from the one before, where a pixel is one of its sources: nearest and mode.
//!
//! GDAL gives each pixel of the overview a window of whole samples (`gcore/overview.cpp`,
//! `GDALResampleChunk_Near` and `GDALResampleChunk_Mode`). For the mode these are all samples that
//! the pixel covers a part of: where a side is odd, up to three, of which neighbours share some.

use std::ops::Range;

use crate::cog::overviews::mean::Mean;
use crate::cog::overviews::method::Overviews;

/// The windows along a side of `length` samples, one for each pixel of the overview.
fn windows(length: usize, method: Overviews) -> Vec<Range<usize>> {
    let pixels = length.div_ceil(2).max(1);
    // GDAL's positions in floating point, (int)(0.5 + i * ratio) and so on, with integers.
    let window = |pixel: usize| {
        let start = pixel.saturating_mul(length);
        if method == Overviews::Mode {
            start / pixels..start.saturating_add(length).div_ceil(pixels).min(length)
        } else {
            let nearest = start.saturating_mul(2).saturating_add(pixels) / (2 * pixels);
            nearest..nearest.saturating_add(1)
        }
    };
    (0..pixels).map(window).collect()
}

/// Makes one row of the overview of the rows of samples in its window. `rows` are of one band.
fn pick_row<T: Mean>(
    rows: &[&[T]],
    columns: &[Range<usize>],
    (method, nodata): (Overviews, T),
    out: &mut [T],
) {
    for (columns, out) in columns.iter().zip(out) {
        *out = if method == Overviews::Mode {
            let window = rows
                .iter()
                .flat_map(|row| row.get(columns.clone()).unwrap_or_default());
            mode(window.copied(), nodata)
        } else {
            let first = rows.first().and_then(|row| row.get(columns.start));
            first.copied().unwrap_or(nodata)
        };
    }
}

/// Makes one row of the overview of two rows of samples twice as long.
pub(crate) fn pick_even<T: Mean>(
    top: &[T],
    bottom: &[T],
    (method, nodata): (Overviews, T),
    out: &mut [T],
) {
    let pairs = top.as_chunks::<2>().0.iter().zip(bottom.as_chunks::<2>().0);
    for ((top, bottom), out) in pairs.zip(out) {
        *out = if method == Overviews::Mode {
            mode([top[0], top[1], bottom[0], bottom[1]], nodata)
        } else {
            top[0]
        };
    }
}

/// The most frequent of at most nine samples that are not nodata; of several, the one that reaches
/// its number first.
fn mode<T: Mean>(samples: impl IntoIterator<Item = T>, nodata: T) -> T {
    let mut counts = [(nodata, 0_u8); 9];
    let mut best = (nodata, 0_u8);
    for sample in samples {
        if sample.is_nodata(nodata) {
            continue;
        }
        let seen = counts
            .iter_mut()
            .find(|(value, count)| *count == 0 || *value == sample);
        if let Some(seen) = seen {
            *seen = (sample, seen.1.saturating_add(1));
            if seen.1 > best.1 {
                best = *seen;
            }
        }
    }
    best.0
}

/// Halves an image whose rows come from top to bottom. A row holds the samples of all bands, band
/// after band.
pub(crate) struct PickHalving<T> {
    width: usize,
    method: Overviews,
    nodata: T,
    columns: Vec<Range<usize>>,
    lines: Vec<Range<usize>>,
    /// Rows that have come, and rows that have been made.
    rows: usize,
    made: usize,
    /// The rows of the window at hand.
    window: Vec<Vec<T>>,
    /// Buffers of rows that are no longer needed.
    spare: Vec<Vec<T>>,
}

impl<T: Mean> PickHalving<T> {
    /// For an image of this size; neither side may be 0.
    pub(crate) fn new((width, height): (usize, usize), method: Overviews, nodata: T) -> Self {
        Self {
            width,
            method,
            nodata,
            columns: windows(width, method),
            lines: windows(height, method),
            rows: 0,
            made: 0,
            window: Vec::new(),
            spare: Vec::new(),
        }
    }

    /// Takes the next row, and passes on the row of the overview that it completes, if it does.
    pub(crate) fn push(&mut self, row: &[T], out: &mut [T]) -> bool {
        let mut kept = self.spare.pop().unwrap_or_default();
        kept.clear();
        kept.extend_from_slice(row);
        self.window.push(kept);
        self.rows = self.rows.saturating_add(1);
        self.forget();
        let end = self.lines.get(self.made).map_or(0, |line| line.end);
        if self.rows != end {
            return false;
        }
        let bands = out.chunks_exact_mut(self.columns.len().max(1));
        for (band, out) in bands.enumerate() {
            let start = band.saturating_mul(self.width);
            let row = |row: &'_ Vec<T>| start..start.saturating_add(self.width).min(row.len());
            let rows: Vec<_> = self
                .window
                .iter()
                .map(|samples| samples.get(row(samples)).unwrap_or_default())
                .collect();
            pick_row(&rows, &self.columns, (self.method, self.nodata), out);
        }
        self.made = self.made.saturating_add(1);
        self.forget();
        true
    }

    /// Drops the rows before the window at hand.
    fn forget(&mut self) {
        let start = self
            .lines
            .get(self.made)
            .map_or(self.rows, |line| line.start);
        let first = self.rows.saturating_sub(self.window.len());
        let unneeded = start.saturating_sub(first).min(self.window.len());
        self.spare.extend(self.window.drain(..unneeded));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_are_those_of_gdal() {
        let (mode, nearest) = (Overviews::Mode, Overviews::Nearest);
        assert_eq!(windows(6, mode), [0..2, 2..4, 4..6]);
        assert_eq!(windows(5, mode), [0..2, 1..4, 3..5]);
        assert_eq!(windows(6, nearest), [0..1, 2..3, 4..5]);
        for length in [2, 3, 5, 7, 343, 1373, 5491] {
            let pixels = length / 2 + length % 2;
            let ratio = f64::from(length) / f64::from(pixels);
            #[expect(clippy::cast_possible_truncation, reason = "GDAL truncates")]
            #[expect(clippy::cast_sign_loss, reason = "positions are not negative")]
            let integer = |position: f64| position as usize;
            let windows = |method| windows(usize::try_from(length).unwrap(), method);
            let bounds = (0..pixels).map(|pixel| {
                let (start, end) = (f64::from(pixel) * ratio, f64::from(pixel + 1) * ratio);
                integer(start + 1e-8)..integer((end - 1e-8).ceil())
            });
            assert_eq!(windows(mode), bounds.collect::<Vec<_>>());
            let starts = (0..pixels).map(|pixel| integer(0.5 + f64::from(pixel) * ratio));
            let starts = starts.map(|start| start..start + 1);
            assert_eq!(windows(nearest), starts.collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_mode_is_the_value_that_reaches_its_number_first() {
        assert_eq!(mode([3_u8, 5, 5, 3], 0), 5);
        assert_eq!(mode([3_u8, 5, 3, 5], 0), 3);
        assert_eq!(mode([7_u8, 5, 3, 1], 0), 7);
        assert_eq!(mode([0_u8, 0, 0, 1], 0), 1);
        assert_eq!(mode([0_u8; 4], 0), 0);
        assert!(mode([f32::NAN; 4], f32::NAN).is_nan());
    }
}
