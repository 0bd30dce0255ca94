//! What is done for a cell: its bands are read and fused, and the raster is published.

mod artefacts;
mod band_source;
mod error;
mod memory_budget;
mod probe;
mod process;
mod processor;
mod publish;
mod radiometry;
mod raster;

pub use band_source::{ObjectSource, WINDOW_BYTES, object_error, verify};
pub use error::CellError;
pub use memory_budget::MemoryBudget;
pub use processor::{CellProcessor, default_slots};
pub use publish::Publication;
pub use radiometry::{Documents, LookUpError, look_up};
pub use raster::Extent;
pub(crate) use raster::{RasterPlan, Scales, bands_of_reflectance, needs_reflectance};
