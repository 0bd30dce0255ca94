//! Reading objects: by ranges while they arrive, whole, or line by line.

mod lines;
pub(super) mod range;
mod read_ahead;
pub(super) mod reader;

pub use lines::ObjectLines;
pub use reader::{ObjectReader, ReadOptions};
