//! Rows whose values are samples of the band as they are.

use std::ops::Range;

use super::axis::Axis;

/// The pixel of the window of a band for each column of the target, if there is one. The window
/// begins at `start`.
pub(crate) fn columns(axis: Axis, target: Range<u32>, start: u32, into: &mut Vec<u32>) {
    into.clear();
    into.extend(target.map(|column| {
        let pixel = axis.nearest(column);
        pixel.map_or(u32::MAX, |pixel| pixel.wrapping_sub(start))
    }));
}

/// A sample as a value: NaN for nodata, which is 0.
#[inline]
pub(super) fn value(sample: u16) -> f32 {
    if sample == 0 {
        f32::NAN
    } else {
        f32::from(sample)
    }
}

/// The values of samples, each of which is a pixel of the output.
pub(super) fn same_row(samples: &[u16], out: &mut [f32]) {
    for (out, &sample) in out.iter_mut().zip(samples) {
        *out = value(sample);
    }
}

/// The values of the samples in these columns; NaN where there is none.
pub(super) fn row(samples: &[u16], columns: &[u32], out: &mut [f32]) {
    for (out, &column) in out.iter_mut().zip(columns) {
        let sample = samples.get(column as usize).copied();
        *out = value(sample.unwrap_or_default());
    }
}
