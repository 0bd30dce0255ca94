//! The rasters of a cell.
//!
//! The recipe is resolved for the sensor of the cell, and the radiometry of its bands is looked up
//! (`scales`). Each raster has a plan for the fuse core (`plan`) and takes one pass over its bands
//! (`pass`), of which an area may leave a part (`extent`). All rasters become visible at the end
//! (`process_raster`).

mod extent;
mod pass;
mod plan;
mod process_raster;
mod scales;

pub use extent::Extent;
pub(crate) use plan::{RasterPlan, needs_reflectance};
pub(crate) use scales::{Scales, bands_of_reflectance};
