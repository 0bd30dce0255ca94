//! SQS: a queue whose batches lose nothing.

mod delete_batcher;
mod queue;

pub use delete_batcher::DeleteBatcher;
pub use queue::{Queue, QueueAttributes, QueueError, Received, Redrive};
