//! Reading objects: by ranges while they arrive, into memory, or line by line.

mod digest;
mod fetcher;
mod lines;
mod range;
mod read_ahead;
mod reader;
mod whole;

pub use lines::ObjectLines;
pub use reader::{ObjectReader, ReadOptions};
pub use whole::Object;
