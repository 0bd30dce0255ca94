//! Bands on the grid of the output: nearest, bilinear and average, over valid samples only.
//!
//! The reference is `gdalwarp -et 0 -ovr NONE -ot Float32 -r near|bilinear|average` on the same
//! `-te` and `-tr` (GDAL 3.6 and 3.10). Weights are whole numbers here, and sums of weighted
//! samples are exact, so that each value is rounded once, by its division. The same pixels are
//! valid, and values differ from GDAL's by at most one step of a float32, with one exception. In
//! the last column and row of an average, which may reach beyond the band (80 m: half a pixel), all
//! samples have the same weight. GDAL gives the last sample the weight of all that is missing, too.

mod axis;
mod band;
mod linear;
mod nearest;
mod taps;

pub(crate) use axis::Axis;
pub(crate) use band::ResampledBand;
pub(crate) use nearest::columns;
pub(crate) use taps::Method;
