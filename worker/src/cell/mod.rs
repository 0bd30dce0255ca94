//! What is done for a cell: its bands are read and fused, and the raster is published.

mod band_source;
mod memory_budget;
mod probe;
mod processor;
mod publish;

pub use band_source::{ObjectSource, object_error};
pub use memory_budget::MemoryBudget;
pub use processor::{WorkError, Workshop, slots};
pub use publish::Publication;
