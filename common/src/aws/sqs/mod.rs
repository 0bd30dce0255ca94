//! SQS: a queue that sends and deletes in batches, and repeats what a batch returns.

mod attributes;
mod delete_batcher;
mod error;
mod queue;
mod send;

pub use attributes::{QueueAttributes, Redrive};
pub use delete_batcher::DeleteBatcher;
pub use error::QueueError;
pub use queue::{Queue, Received};
