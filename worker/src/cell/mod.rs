//! What is done for a cell: its bands are read and fused, and the raster is published.

mod artefacts;
mod band_source;
mod error;
mod kernel;
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
pub use radiometry::{
    Documents, LookUpError, known_radiometry_of_cell, look_up, radiometry_of_cell,
};
