//! A message of the queue, from its receive to its end.

mod handler;
mod isolation;
mod lease;
mod poison;

pub use handler::{Holder, Source};
pub use isolation::Isolation;
pub use poison::Poison;
