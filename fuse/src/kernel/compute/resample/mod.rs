//! Bands on the grid of the output: nearest, bilinear and average, over valid samples only.
//!
//! The reference is `gdalwarp -et 0 -ovr NONE`. Weights are whole numbers here, and sums of
//! weighted samples are exact, so that each value is rounded once, by its division.

mod axis;
mod band;
mod linear;
mod nearest;
mod taps;

pub(crate) use axis::Axis;
pub(crate) use band::ResampledBand;
pub(crate) use nearest::columns;
pub(crate) use taps::Method;
