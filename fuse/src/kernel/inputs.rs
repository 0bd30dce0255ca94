//! What a kernel learns about its inputs: their names, types and grids.

use crate::grid::{BandGrid, Rect};
pub use crate::grid::{BandWindow, Ratio, Ratios};
use crate::sample::{Nodata, SampleType};

/// A band that goes into a kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputBand {
    /// Its name in the request.
    pub name: String,
    /// `U8` or `U16`. 0 is nodata.
    pub sample_type: SampleType,
    /// Columns and rows, in its own pixels.
    pub size: (u32, u32),
    /// How its pixels lie on those of the output.
    pub ratios: Ratios,
}

impl InputBand {
    /// The part of the band, in its own pixels, that a kernel sees for a rectangle of the output:
    /// the pixels that have a part of it, and `reach` more on each side, as far as the band goes.
    pub fn window(&self, output: Rect, reach: u32) -> Rect {
        self.grid().window(output, reach)
    }

    pub(crate) fn grid(&self) -> BandGrid {
        BandGrid {
            size: self.size,
            ratios: self.ratios,
        }
    }
}

/// The bands that go into a kernel, and the grid that its outputs lie on.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// In the order of the request.
    pub bands: &'a [InputBand],
    /// Columns and rows of the grid of the output. A cropped output is a part of it.
    pub image: (u32, u32),
}

/// The bands that come out of a kernel. They become one raster.
#[derive(Clone, Debug, PartialEq)]
pub struct Outputs {
    /// Names of the bands, in the order of the planes. They appear in the raster.
    pub names: Vec<String>,
    /// Type of the samples of all bands, and their nodata value.
    pub nodata: Nodata,
}

/// How large the pixels of the output are.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolution {
    /// As those of the finest band among these inputs; among all, if none is named.
    Finest {
        /// Indices of inputs.
        of: Vec<usize>,
    },
    /// So many units of the coordinate reference system, which are metres for UTM.
    Metres(f64),
}

/// The inputs of a chunk, with the margin around it.
#[derive(Debug)]
pub struct Window<'a> {
    /// The pixels of the grid of the output that the outputs stand for.
    pub chunk: Rect,
    /// `chunk` with the margin around it, in pixels of the grid. It ends where the grid does, so a
    /// side without a margin is an edge of the image. The last column and row may reach beyond the
    /// bands.
    pub rect: Rect,
    /// Columns and rows of the grid.
    pub image: (u32, u32),
    /// What the bands have there, in the order of the inputs.
    pub bands: &'a mut [BandWindow],
}

/// The largest windows of a pass, from which a kernel says how much memory it needs.
#[derive(Clone, Copy, Debug)]
pub struct WindowSize<'a> {
    /// Pixels of [`Window::rect`].
    pub pixels: u64,
    /// Samples of the window of each band.
    pub bands: &'a [u64],
}
