//! Grids: rectangles of pixels, the tiles of a band, the grid of an output, and how those of the
//! bands lie on it.

mod band;
mod output;
mod tiles;

pub(crate) use band::{BandGrid, seen};
pub use band::{BandWindow, Ratio, Ratios};
pub use output::OutputGrid;
pub(crate) use output::output_grid;
pub use tiles::Rect;
pub(crate) use tiles::TileGrid;
